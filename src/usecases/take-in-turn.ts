import {
  type ArrivalWay,
  beginArrival,
  claimArrivals,
  releaseArrivals,
  saveArrival,
} from '../domain/arrivals';
import { addSeconds, iso } from '../platform/clock';
import { withTransaction } from '../platform/db';
import { isOutage, isOverdue } from '../platform/dialect';
import { backoffSeconds, limits } from '../platform/limits';
import type { Context } from './context';

/** Every attempt that ends otherwise says how it ended. */
const ENDED_ITS_PROCESS = 'Zeton stopped in the middle of it each time that it was tried.';

/**
 * Take in what came by one way: one after the other, of each sender in the order of their writing.
 * Shape:   takeIn: writes one, and what became of it, while `owner` holds its lease → how many were handled
 * Errors:  those of a database that is away: nothing is lost, what was claimed is given back, and what was begun is no
 *          attempt, however long it lasts. What cannot be taken in for another reason is tried again with back-off, then
 *          parked as failed with its reason
 * Writes:  inbound_mails or inbound_sms; what takeIn writes
 */
export async function takeInTurn(
  ctx: Context,
  { way, limit }: { way: ArrivalWay; limit: number },
  takeIn: (one: { id: string; owner: string }) => Promise<void>,
): Promise<number> {
  const owner = ctx.ids.next();
  const now = ctx.clock.now();
  const leaseUntil = iso(addSeconds(now, limits.leaseSeconds));
  const claimed = await withTransaction(ctx.db, (trx) =>
    claimArrivals(trx, way, { owner, now: iso(now), leaseUntil, limit }),
  );
  try {
    for (const id of claimed) {
      // Counted before it is begun, and only then: what ends its process takes nothing else along.
      const attempts = await beginArrival(ctx.db, way, { id, owner });
      if (attempts === null) continue;
      try {
        if (attempts > limits.inboxAttempts) throw new Error(ENDED_ITS_PROCESS);
        await takeIn({ id, owner });
      } catch (error) {
        await afterError(ctx, { way, owner, id, attempts }, error);
      }
    }
  } catch (error) {
    // Else the rest would wait until its lease is over.
    await releaseArrivals(ctx.db, way, owner).catch(() => undefined);
    throw error;
  }
  return claimed.length;
}

async function afterError(
  ctx: Context,
  { way, owner, id, attempts }: { way: ArrivalWay; owner: string; id: string; attempts: number },
  error: unknown,
): Promise<void> {
  const now = ctx.clock.now();
  const again = (seconds: number) => ({ nextAttemptAt: iso(addSeconds(now, seconds)) });
  if (isOutage(error) && !isOverdue(error)) {
    // Not the fault of what came: the loop waits, and comes back to it.
    const changes = { ...again(limits.backoffFirstSeconds), attempts: attempts - 1 };
    await saveArrival(ctx.db, way, { id, owner }, changes).catch(() => undefined);
    throw error;
  }
  const about = { err: error, way, id, attempts };
  const reason = error instanceof Error ? error.message : 'error';
  if (attempts >= limits.inboxAttempts) {
    ctx.log.error(about, 'what came in could not be put into a ticket');
    const end = { status: 'failed', reason, finishedAt: iso(now) } as const;
    await saveArrival(ctx.db, way, { id, owner }, end);
    return;
  }
  ctx.log.warn(about, 'what came in will be tried again');
  const wait = again(backoffSeconds(attempts, ctx.chance()));
  await saveArrival(ctx.db, way, { id, owner }, { ...wait, reason: 'will be tried again' });
}
