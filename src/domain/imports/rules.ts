import { addSeconds, iso } from '../../platform/clock';
import { limits } from '../../platform/limits';

/** From which day an import looks at orders. */
export function importFrom(now: Date, days: number): string {
  return iso(addSeconds(now, -days * 86_400));
}

/** The shop does not answer: the pause before an import goes on by itself. */
export function pauseAfterFailure(failures: number): number {
  return Math.min(limits.syncBackoffFirstSeconds * 2 ** (failures - 1), limits.syncBackoffCapSeconds);
}
