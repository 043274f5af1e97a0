import { decode } from 'entities';
import { findLink, keysMark, saveCheck } from '../domain/connections';
import { learnFromShop, type Store } from '../domain/stores';
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
 * Writes:  store_links, stores (its currency; the first time its name and time zone too, where they were only guessed)
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
  const { currency, name, timeZone } = found.shop;
  await withTransaction(ctx.db, async (trx) => {
    await learnFromShop(trx, momentOf(ctx, actor), store.id, {
      currency: currency !== null && /^[A-Z]{3}$/.test(currency) ? currency : null,
      name: name === null ? null : decode(name),
      timeZone,
      isFirst: !hasTold(await findLink(trx, store.id)),
    });
    await saveCheck(trx, store.id, {
      report: JSON.stringify(report),
      at: iso(ctx.clock.now()),
      mark: keysMark(ctx.vault, shop),
    });
  });
  return report;
}

/** The shop said before what it is. */
function hasTold({ checkReport }: { checkReport: string | null }): boolean {
  return checkReport !== null && (JSON.parse(checkReport) as KeptReport).shop.timeZone !== null;
}
