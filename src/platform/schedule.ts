import { createTask } from 'node-cron';
import { addSeconds, type Clock, iso } from './clock';
import type { Db } from './db';
import { limits } from './limits';
import type { Log } from './log';
import { assert } from './refusal';

/** A job that is due at certain times: any number of processes have the same one, and each time it runs in one of them. */
export interface Schedule {
  /** One round, if the newest slot is this process's to work off; says how much it did. */
  run(): Promise<number>;
  /** Calls `wake` at each slot. */
  start(wake: () => void): void;
  stop(): Promise<void>;
}

/** A timer may fire a little before its time; all processes look this far ahead, so they mean the same slot. */
const EARLY_SECONDS = 1;
/** Longer than the longest pause between two slots: once a week. */
const LOOK_BACK_SECONDS = 8 * 24 * 3600;

/**
 * At its start a process takes the slot before, if nobody ran: what was due while all were down is not put off further.
 * A slot whose process died is not run again: the work is by due dates, so that the next slot does it all.
 */
export function makeSchedule(options: {
  job: string;
  /** In UTC. */
  cron: string;
  db: Db;
  clock: Clock;
  log: Log;
  run: () => Promise<number>;
  /** Every process also works once when it starts, whoever had the last slot. */
  atStart?: boolean;
}): Schedule {
  const { job, cron, db, clock, log } = options;
  let onSlot = () => {};
  const task = createTask(cron, () => onSlot(), { name: job, timezone: 'UTC', suppressMissedWarning: true });
  const stepSeconds = cron.trim().split(/\s+/).length > 5 ? 1 : 60;
  /** Taken and not yet worked off: there was more than one round does, or it failed and is tried again. */
  let mine = options.atStart ?? false;

  return {
    async run() {
      if (!mine) {
        const now = clock.now();
        const slot = iso(slotAt(addSeconds(now, EARLY_SECONDS)));
        if (!(await takeSlot(db, { job, slot, now: iso(now) }))) return 0;
        log.debug({ job, slot }, 'slot taken');
        mine = true;
      }
      const handled = await options.run();
      mine = handled > 0;
      return handled;
    },
    start(wake) {
      onSlot = wake;
      void task.start();
    },
    async stop() {
      await task.destroy();
    },
  };

  function slotAt(date: Date): Date {
    const step = stepSeconds * 1000;
    const newest = Math.floor(date.getTime() / step) * step;
    for (let at = newest; at > newest - LOOK_BACK_SECONDS * 1000; at -= step) {
      if (task.match(new Date(at))) return new Date(at);
    }
    assert(false, `${cron} comes at least once a week`);
  }
}

/**
 * True for one caller, of all processes: the slot is newer than the last one that was taken. Or that one lies in the
 * future: the clock was set back, and without this the job would stand still until it catches up.
 */
export async function takeSlot(
  db: Db,
  { job, slot, now }: { job: string; slot: string; now: string },
): Promise<boolean> {
  const tooFar = iso(addSeconds(new Date(now), limits.clocksApartSeconds));
  const taken = (await db('job_slots')
    .insert({ job, slot, taken_at: now })
    .onConflict('job')
    .merge({ slot, taken_at: now })
    .where((q) => void q.where('job_slots.slot', '<', slot).orWhere('job_slots.slot', '>', tooFar))
    .returning('job')) as unknown[];
  return taken.length === 1;
}
