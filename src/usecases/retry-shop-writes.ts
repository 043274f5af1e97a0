import { recordAudit } from '../domain/audit';
import { retryWrites } from '../domain/shop-writes';
import type { Actor } from '../platform/actor';
import type { Trx } from '../platform/db';
import { type Context, momentOf } from './context';

/**
 * Try again at once what a shop refused or did not answer, or one of it; what may stand there already is looked up first.
 * Shape:   { storeId, id? } → how many
 * Writes:  shop_writes, audit_log
 */
export async function retryShopWritesIn(
  trx: Trx,
  ctx: Context,
  actor: Actor,
  which: { storeId: string; id?: string },
): Promise<number> {
  const moment = momentOf(ctx, actor);
  const count = await retryWrites(trx, moment, which);
  if (count === 0) return 0;
  await recordAudit(trx, moment, {
    action: 'store.writes-retried',
    subject: { kind: 'store', id: which.storeId },
    facts: { count },
  });
  trx.executionPromise.then(
    () => ctx.wake('shop.writes'),
    () => undefined,
  );
  return count;
}
