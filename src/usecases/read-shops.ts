import { findLink } from '../domain/connections';
import { findStore } from '../domain/stores';
import type { SyncKind } from '../domain/syncs';
import { WooProblem } from '../gateways/woocommerce';
import { systemActor } from '../platform/actor';
import { limits } from '../platform/limits';
import type { Context } from './context';
import { ensureWebhooks } from './make-webhooks';
import { refreshProducts } from './product-news';
import { reconcileStore, type SeeToWebhooks } from './reconcile-store';
import { storesToRead } from './syncs.query';
import { inBackground } from './walks';

/** As everybody reads a shop: its webhooks are seen to first, so that what happens meanwhile is told. */
export const seeToWebhooks: SeeToWebhooks = async (ctx, store) => {
  const { webhooksAt } = await findLink(ctx.db, store.id);
  const work = await ensureWebhooks(ctx, store);
  // The first time all are new, which is no news.
  return work.kind === 'done' && webhooksAt !== null ? work.made.map(({ topic }) => topic) : [];
};

const PAUSE_SECONDS = { orders: limits.syncAgainSeconds, sweep: limits.sweepEveryHours * 3600 };

/**
 * Read all shops whose turn it is, a few at once, in the background: a shop of 50,000 changed orders takes minutes.
 * Shape:   kind → 0: what is under way is not waited for
 */
export async function readShops(ctx: Context, kind: SyncKind): Promise<number> {
  const due = await storesToRead(ctx.db, { kind, now: ctx.clock.now(), pauseSeconds: PAUSE_SECONDS[kind] });
  const lane = async () => {
    for (let id = due.shift(); id !== undefined && !ctx.walks.stopping; id = due.shift()) {
      await readShop(ctx, id, kind);
    }
  };
  const lanes = Math.min(due.length, limits.shopsAtOnce);
  for (let i = 0; i < lanes; i++) void inBackground(ctx.walks, lane());
  return 0;
}

/** One shop's trouble is not the other shops'. */
async function readShop(ctx: Context, storeId: string, kind: SyncKind): Promise<void> {
  try {
    const store = await findStore(ctx.db, storeId);
    if (!store) return;
    await reconcileStore(ctx, systemActor, store, { kind, seeToWebhooks });
    if (kind === 'sweep') await refreshProducts(ctx, store);
  } catch (error) {
    // The walk has kept the same; the products are looked at the next day.
    if (error instanceof WooProblem) return;
    ctx.log.error({ err: error, store_id: storeId, kind }, 'a shop could not be read');
  }
}
