const MINUTE_MS = 60_000;

/** So many a minute, of this process: in no 60 seconds more. */
export interface Pace {
  /** How many may go now. */
  room(now: Date): number;
  went(now: Date, count: number): void;
}

export function makePace(perMinute: number): Pace {
  let gone: { at: number; count: number }[] = [];
  return {
    room(now) {
      // What lies ahead is from before the clock was set back, and must not hold anything up until then.
      gone = gone.filter(({ at }) => at > now.getTime() - MINUTE_MS && at <= now.getTime());
      return perMinute - gone.reduce((sum, { count }) => sum + count, 0);
    },
    went(now, count) {
      gone.push({ at: now.getTime(), count });
    },
  };
}
