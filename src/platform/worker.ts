import { isOutage, outageInWords } from './dialect';
import { limits } from './limits';
import type { Log } from './log';

/** A loop that works off what is due, in this process; any number of processes may run the same one. */
export interface Worker {
  readonly name: string;
  start(): void;
  /** Look again at once instead of after the pause. */
  wake(): void;
  /** Ends the loop; what is running is finished first. */
  stop(): Promise<void>;
  /** False when the loop hangs: running or overdue for longer than `limits.workerStallMs`. */
  alive(): boolean;
}

export interface WorkerOptions {
  name: string;
  /** One round; says how much it did. More than none: there may be more, so it is run again at once. */
  run(): Promise<number>;
  /** Pause after a round that found nothing. Infinity: only wake() starts the next one. */
  pollMs: number;
  log: Log;
}

/**
 * An exception is logged and waited off, and never ends the loop. A wake() during that wait is kept for afterwards:
 * busy webhooks must not turn a broken job into a hot loop.
 */
export function makeWorker({ name, run, pollMs, log }: WorkerOptions): Worker {
  let stopping = false;
  let woken = false;
  let failures = 0;
  let retryCapMs: number = limits.workerRetryCapMs;
  let cutPause: (() => void) | null = null;
  let loop: Promise<void> | null = null;
  /** When something must have happened at the latest. */
  let dueAt = Number.POSITIVE_INFINITY;

  async function work(): Promise<void> {
    while (!stopping) {
      woken = false;
      dueAt = Date.now();
      let handled = 0;
      try {
        handled = await run();
        failures = 0;
      } catch (error) {
        failures += 1;
        const outage = isOutage(error);
        retryCapMs = outage ? limits.workerOutageRetryCapMs : limits.workerRetryCapMs;
        // That the database is away concerns a person once; the failures in between are the same one.
        const line = outage ? `job failed: ${outageInWords(error)}` : 'job failed';
        log[outage && failures > 1 ? 'warn' : 'error']({ err: error, job: name, failures }, line);
      }
      if (failures > 0)
        await pause(Math.min(limits.workerRetryFirstMs * 2 ** (failures - 1), retryCapMs), false);
      else if (handled > 0)
        await new Promise(setImmediate); // let requests in between
      else await pause(pollMs, true);
    }
    dueAt = Number.POSITIVE_INFINITY;
  }

  async function pause(ms: number, wakeable: boolean): Promise<void> {
    if (stopping || (wakeable && woken)) return;
    dueAt = Date.now() + ms;
    await new Promise<void>((resolve) => {
      const timer = Number.isFinite(ms) ? setTimeout(resolve, ms) : undefined;
      cutPause = () => {
        if (!wakeable && !stopping) return;
        clearTimeout(timer);
        resolve();
      };
    });
    cutPause = null;
  }

  return {
    name,
    start() {
      loop ??= work();
    },
    wake() {
      woken = true;
      cutPause?.();
    },
    async stop() {
      stopping = true;
      cutPause?.();
      await loop;
    },
    alive: () => loop !== null && !stopping && Date.now() - dueAt < limits.workerStallMs,
  };
}
