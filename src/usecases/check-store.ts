import { keysMark, saveCheck } from '../domain/connections';
import { type Store, setCurrency } from '../domain/stores';
import type { ConnectionCheck, ConnectionReport } from '../gateways/woocommerce/gateway';
import { type Actor, systemActor } from '../platform/actor';
import { iso } from '../platform/clock';
import { withTransaction } from '../platform/db';
import { type Context, momentOf } from './context';
import { shopOf } from './shop-of';

/** A report as it is kept: problems as code and words. */
export interface KeptReport {
  ok: boolean;
  checks: (Pick<ConnectionCheck, 'name' | 'state' | 'value'> & {
    problem: { code: string; words: string; facts: Record<string, string | number> } | null;
  })[];
  shop: ConnectionReport['shop'];
}

/**
 * Run the check-list of a connection, and keep what it said. Changes nothing in the shop.
 * Shape:   store → report; null: there are no keys
 * Writes:  store_links, stores (the currency)
 */
export async function checkConnectionOf(
  ctx: Context,
  store: Store,
  actor: Actor = systemActor,
): Promise<KeptReport | null> {
  const shop = await shopOf(ctx, store);
  const found = await ctx.gateways.woocommerce.open(shop)?.checkConnection();
  if (!found) return null;
  const report: KeptReport = {
    ...found,
    checks: found.checks.map(({ problem, ...check }) => ({
      ...check,
      problem: problem && { code: problem.code, words: problem.message, facts: problem.facts },
    })),
  };
  const { currency } = found.shop;
  await withTransaction(ctx.db, async (trx) => {
    if (currency !== null && /^[A-Z]{3}$/.test(currency)) {
      await setCurrency(trx, momentOf(ctx, actor), store.id, currency);
    }
    await saveCheck(trx, store.id, {
      report: JSON.stringify(report),
      at: iso(ctx.clock.now()),
      mark: keysMark(ctx.vault, shop),
    });
  });
  return report;
}
