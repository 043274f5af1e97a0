import type { Knex } from 'knex';
import { addSeconds, iso } from './clock';
import { limits } from './limits';
import type { Log } from './log';

/**
 * For a WHERE: nobody holds the lease, it is over, or it ends later than any lease that is taken now: then the clock was
 * ahead when it was taken, and has been set back. Waiting for that end could mean an hour.
 */
export function isLeaseOver(column: string, { now, seconds }: { now: string; seconds: number }) {
  const tooFar = tooFarAhead({ now, seconds });
  return (q: Knex.QueryBuilder) =>
    void q.whereNull(column).orWhere(column, '<=', now).orWhere(column, '>', tooFar);
}

/**
 * For a WHERE: the moment in `column` has come, or lies further ahead than anything is ever put off (a clock that was
 * set back). Written so that an index on the column gives the order, and is read no further than the limit.
 */
export function isDue(column: string, { now, seconds }: { now: string; seconds: number }) {
  const tooFar = tooFarAhead({ now, seconds });
  return (q: Knex.QueryBuilder) => void q.whereRaw('NOT (?? > ? AND ?? <= ?)', [column, now, column, tooFar]);
}

/** A moment that nothing is ever put off to, when `seconds` is the longest wait: the clock was set back since. */
export function tooFarAhead({ now, seconds }: { now: string; seconds: number }): string {
  return iso(addSeconds(new Date(now), seconds + limits.clocksApartSeconds));
}

/** Renews a lease as long as `work` lasts, so that it can be short: what a dead process held is free again soon. */
export async function keepingLease<T>(
  log: Log,
  renew: () => Promise<unknown>,
  work: () => Promise<T>,
): Promise<T> {
  let renewing = false;
  const timer = setInterval(() => {
    if (renewing) return;
    renewing = true;
    renew()
      // Then it runs out, and another worker does the same: every write asks whose the lease is.
      .catch((error: unknown) => log.warn({ err: error }, 'a lease was not renewed'))
      .finally(() => {
        renewing = false;
      });
  }, limits.leaseRenewMs);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}
