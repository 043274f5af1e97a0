import { addSeconds } from './clock';
import { limits, probeWaitSeconds } from './limits';

/** What a report changed, for the log. */
export type CircuitNews = 'opened' | 'closed' | 'open for long' | null;

/**
 * Whether a provider is to be called at all: after several calls in a row without a proper answer it is left in peace,
 * and then asked again by one call at a time until one is answered. Knows only what this process saw.
 */
export interface Circuit {
  /** How many of `wanted` calls may begin now, while `underWay` have not ended. */
  room(now: Date, calls: { wanted: number; underWay: number }): number;
  /** The provider answered, whatever it said. */
  answered(): CircuitNews;
  /** It did not, or told us to stay away (for `retryAfterSeconds`, where it said so). */
  failed(now: Date, chance: number, retryAfterSeconds?: number): CircuitNews;
  /** Until when the provider is left in peace; null: it is not. */
  silentUntil(): Date | null;
}

export function makeCircuit(): Circuit {
  let failures = 0;
  let open: { since: Date; until: Date; failedProbes: number; alarmed: boolean } | null = null;

  return {
    room(now, { wanted, underWay }) {
      if (!open) return wanted;
      // Calls that began before it opened are the probe as well: their answer tells as much.
      return isOver(open.until, now) && underWay === 0 ? Math.min(1, wanted) : 0;
    },

    answered() {
      failures = 0;
      if (!open) return null;
      open = null;
      return 'closed';
    },

    failed(now, chance, retryAfterSeconds) {
      failures += 1;
      const asked = Math.min(retryAfterSeconds ?? 0, limits.retryAfterCapSeconds);
      if (!open) {
        if (failures < limits.circuitOpensAfter && asked === 0) return null;
        const until = addSeconds(now, Math.max(asked, probeWaitSeconds(0, chance)));
        open = { since: now, until, failedProbes: 0, alarmed: false };
        return 'opened';
      }
      if (asked > 0) open.until = later(open.until, addSeconds(now, asked));
      // Of those that began before it opened: nothing new.
      if (!isOver(open.until, now)) return null;
      open.failedProbes += 1;
      open.until = addSeconds(now, probeWaitSeconds(open.failedProbes, chance));
      const openSeconds = (now.getTime() - open.since.getTime()) / 1000;
      if (open.alarmed || openSeconds < limits.circuitAlarmMinutes * 60) return null;
      open.alarmed = true;
      return 'open for long';
    },

    silentUntil: () => open?.until ?? null,
  };
}

/** Also when it is farther away than it can be: somebody has set the clock back. */
function isOver(until: Date, now: Date): boolean {
  return now >= until || until > addSeconds(now, limits.retryAfterCapSeconds);
}

function later(one: Date, other: Date): Date {
  return one > other ? one : other;
}
