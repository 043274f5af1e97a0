import { makeLog } from '../../src/platform/log';
import { makeWorker, type Worker } from '../../src/platform/worker';

/** A round of work that the test ends: with a count, or with an error. */
function rounds() {
  const waiting: { resolve: (handled: number) => void; reject: (error: Error) => void }[] = [];
  let started = 0;
  let onStart: (() => void) | null = null;
  return {
    run: () =>
      new Promise<number>((resolve, reject) => {
        started += 1;
        waiting.push({ resolve, reject });
        onStart?.();
      }),
    started: () => started,
    next: () => waiting.shift()!,
    /** Resolves when round `n` has begun. */
    begun: (n: number) =>
      new Promise<void>((resolve) => {
        const check = () => started >= n && resolve();
        onStart = check;
        check();
      }),
  };
}

describe('a worker', () => {
  const lines: string[] = [];
  const log = makeLog('trace', { write: (line) => void lines.push(line) });
  let worker: Worker;

  beforeEach(() => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] });
    lines.length = 0;
  });
  afterEach(() => jest.useRealTimers());

  /** Lets promises run, so that a round which should begin has begun. */
  const settle = async () => {
    for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
  };

  it('goes on at once while there is work, and pauses when there is none', async () => {
    const work = rounds();
    worker = makeWorker({ name: 'w', run: work.run, pollMs: 1000, log });
    worker.start();
    work.next().resolve(5);
    await work.begun(2);
    work.next().resolve(0);
    await settle();
    expect(work.started()).toBe(2);
    jest.advanceTimersByTime(999);
    await settle();
    expect(work.started()).toBe(2);
    jest.advanceTimersByTime(1);
    await work.begun(3);
    work.next().resolve(0);
    await worker.stop();
  });

  it('is woken out of its pause', async () => {
    const work = rounds();
    worker = makeWorker({ name: 'w', run: work.run, pollMs: Number.POSITIVE_INFINITY, log });
    worker.start();
    work.next().resolve(0);
    await settle();
    worker.wake();
    await work.begun(2);
    work.next().resolve(0);
    await worker.stop();
  });

  it('forgets no wake-up that comes while it works', async () => {
    const work = rounds();
    worker = makeWorker({ name: 'w', run: work.run, pollMs: Number.POSITIVE_INFINITY, log });
    worker.start();
    worker.wake();
    work.next().resolve(0);
    await work.begun(2);
    work.next().resolve(0);
    await settle();
    expect(work.started()).toBe(2);
    await worker.stop();
  });

  it('outlives an exception, waits longer each time, and cannot be hurried', async () => {
    const work = rounds();
    worker = makeWorker({ name: 'w', run: work.run, pollMs: 10, log });
    worker.start();
    for (const [n, pause] of [1000, 2000, 4000].entries()) {
      work.next().reject(new Error(`failure ${n + 1}`));
      await settle();
      worker.wake();
      jest.advanceTimersByTime(pause - 1);
      await settle();
      expect(work.started()).toBe(n + 1);
      jest.advanceTimersByTime(1);
      await work.begun(n + 2);
    }
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { level: 50, job: 'w', failures: 1, err: { message: 'failure 1' } },
      { failures: 2 },
      { failures: 3 },
    ]);
    // One success, and it starts again from the first pause.
    work.next().resolve(0);
    await settle();
    jest.advanceTimersByTime(10);
    await work.begun(5);
    work.next().reject(new Error('again'));
    await settle();
    jest.advanceTimersByTime(1000);
    await work.begun(6);
    work.next().resolve(0);
    await worker.stop();
  });

  it('asks again within seconds while the database is away, and says so to a person once', async () => {
    const work = rounds();
    worker = makeWorker({ name: 'w', run: work.run, pollMs: 10, log });
    worker.start();
    for (const [n, pause] of [1000, 2000, 4000, 4000, 4000].entries()) {
      work.next().reject(Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }));
      await settle();
      jest.advanceTimersByTime(pause - 1);
      await settle();
      expect(work.started()).toBe(n + 1);
      jest.advanceTimersByTime(1);
      await work.begun(n + 2);
    }
    work.next().resolve(0);
    await worker.stop();
    expect(lines.map((line) => JSON.parse(line)).map(({ level, msg }) => [level, msg])).toEqual(
      [50, 40, 40, 40, 40].map((level) => [level, 'job failed: the database is not available']),
    );
  });

  it('finishes what it is at before it stops, and starts nothing more', async () => {
    const work = rounds();
    worker = makeWorker({ name: 'w', run: work.run, pollMs: 10, log });
    worker.start();
    let stopped = false;
    const stop = worker.stop().then(() => {
      stopped = true;
    });
    await settle();
    expect(stopped).toBe(false);
    work.next().resolve(7);
    await stop;
    expect(work.started()).toBe(1);
  });

  it.each([
    ['paused', Promise.resolve(0)],
    ['waiting after a failure', Promise.reject(new Error('x'))],
  ])('stops at once while %s', async (_, result) => {
    result.catch(() => undefined);
    worker = makeWorker({ name: 'w', run: () => result, pollMs: 60_000, log });
    worker.start();
    await settle();
    await worker.stop();
    expect(worker.alive()).toBe(false);
  });

  it('stops without having started', async () => {
    await makeWorker({ name: 'w', run: () => Promise.resolve(0), pollMs: 1, log }).stop();
  });

  it('is alive while it works and pauses, and not before, after, or when a round hangs', async () => {
    const work = rounds();
    worker = makeWorker({ name: 'w', run: work.run, pollMs: Number.POSITIVE_INFINITY, log });
    expect(worker.alive()).toBe(false);
    worker.start();
    expect(worker.alive()).toBe(true);
    jest.advanceTimersByTime(4 * 60_000);
    expect(worker.alive()).toBe(true);
    jest.advanceTimersByTime(2 * 60_000);
    expect(worker.alive()).toBe(false);
    work.next().resolve(0);
    await settle();
    jest.advanceTimersByTime(24 * 3600_000);
    expect(worker.alive()).toBe(true);
    await worker.stop();
    expect(worker.alive()).toBe(false);
  });
});
