import type { Knex } from 'knex';
import { makeLog } from '../../src/platform/log';
import { makeSchedule, takeSlot } from '../../src/platform/schedule';
import { TestClock } from '../support/clock';
import { describeEachEngine } from '../support/databases';

describeEachEngine('a schedule', (engine) => {
  let db: Knex;
  let runs: string[];
  beforeEach(async () => {
    ({ db } = await engine.freshDatabase({ poolMax: 8 }));
    runs = [];
  });

  const clock = new TestClock('2026-11-22T12:17:00.000Z');
  beforeEach(() => clock.set('2026-11-22T12:17:00.000Z'));
  /** As one process has it. */
  const process = (name: string, cron = '17 * * * *', handled: (number | Error)[] = []) =>
    makeSchedule({
      job: 'j',
      cron,
      db,
      clock,
      log: makeLog('silent'),
      run() {
        runs.push(name);
        const next = handled.shift() ?? 0;
        return next instanceof Error ? Promise.reject(next) : Promise.resolve(next);
      },
    });

  it('runs a slot in one process, however many ask at once', async () => {
    for (let slot = 0; slot < 5; slot++) {
      runs = [];
      await Promise.all([...'abcdefgh'].map((name) => process(name).run()));
      expect(runs).toHaveLength(1);
      clock.advance({ hours: 1 });
    }
  });

  it('means the same slot when one timer fires a little too early', async () => {
    clock.set('2026-11-22T12:16:59.990Z');
    await process('early').run();
    clock.set('2026-11-22T12:17:00.010Z');
    await process('late').run();
    expect(runs).toEqual(['early']);
    expect(await db('job_slots').first('slot')).toEqual({ slot: '2026-11-22T12:17:00.000Z' });
  });

  it('runs at its start what was due while nobody was there, and not what was run', async () => {
    clock.set('2026-11-22T15:40:00.000Z');
    await process('one').run();
    await process('two').run();
    expect(runs).toEqual(['one']);
    expect(await db('job_slots').first('slot')).toEqual({ slot: '2026-11-22T15:17:00.000Z' });
    await process('weekly', '5 4 * * 1').run();
    expect(runs).toEqual(['one']); // older than the slot that was run: same job
  });

  it('keeps its slot until all is worked off, over a failure too, and has then no more', async () => {
    const one = process('one', undefined, [20, new Error('x'), 5, 0]);
    expect(await one.run()).toBe(20);
    await expect(one.run()).rejects.toThrow('x');
    expect(await process('two').run()).toBe(0);
    expect(await one.run()).toBe(5);
    expect(await one.run()).toBe(0);
    expect(await one.run()).toBe(0);
    expect(runs).toEqual(['one', 'one', 'one', 'one']);
  });

  it('leaves the work of a process that died in its slot to the next slot', async () => {
    await process('dies', undefined, [20]).run();
    clock.advance({ hours: 1 });
    await process('next').run();
    expect(runs).toEqual(['dies', 'next']);
  });

  it('does not stand still for an hour when the clock is set back by one', async () => {
    await process('one').run();
    clock.advance({ hours: -1 });
    await Promise.all([process('two').run(), process('two').run()]);
    expect(runs).toEqual(['one', 'two']);
    // Seconds between two machines are no reason to run a slot again.
    const now = '2026-11-22T11:16:50.000Z';
    expect(await takeSlot(db, { job: 'j', slot: '2026-11-22T10:17:00.000Z', now })).toBe(false);
  });
});
