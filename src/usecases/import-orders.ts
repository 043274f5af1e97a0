import { setTimeout as pause } from 'node:timers/promises';
import { recordAudit } from '../domain/audit';
import {
  cancelImport,
  claimImport,
  createImport,
  endImport,
  failImport,
  type Import,
  importFrom,
  leaseEnd,
  letGoOfImport,
  noteProgress,
  resumeImport,
  saveImport,
} from '../domain/imports';
import { type Match, type Package, versionsByIds } from '../domain/packages';
import { findStore, type Store } from '../domain/stores';
import { WooProblem } from '../gateways/woocommerce';
import type { ListedOrder, WooShop } from '../gateways/woocommerce/gateway';
import type { Actor } from '../platform/actor';
import { iso } from '../platform/clock';
import type { Trx } from '../platform/db';
import { isOutage } from '../platform/dialect';
import { keepingLease } from '../platform/lease';
import { limits } from '../platform/limits';
import { assert, Refusal } from '../platform/refusal';
import { applyOrderNews } from './apply-order-snapshot';
import { type Context, momentOf } from './context';
import { shopOf } from './shop-of';
import { inBackground } from './walks';

/** What an import would look at. */
export interface ImportPreview {
  since: string;
  /** Paid orders of that time, as the shop counts them. */
  orders: number;
  /** product: all of them hold it. variations: some may hold another variation of it. all: the shop does not know the product any more, so every paid order is looked at. */
  of: 'product' | 'variations' | 'all';
}

/**
 * How many paid orders of the last days hold a package's product. Changes nothing.
 * Errors:  store-without-keys, package-not-active; WooProblem where the shop cannot be asked
 */
export async function previewImport(ctx: Context, pkg: Package, days: number): Promise<ImportPreview> {
  const { store, shop } = await openStore(ctx, pkg.storeId);
  if (!pkg.active) {
    throw new Refusal(
      'package-not-active',
      'A package that is off sale takes no orders. Put it on sale first.',
    );
  }
  const { productId, of } = await productOf(shop, pkg.match);
  const since = importFrom(ctx.clock.now(), days);
  const orders = await shop.countOrders({ since, productId, statuses: store.paidStatuses });
  return { since, orders, of };
}

/** Starts an import that was previewed, and keeps who did. Errors as createImport(). */
export async function startImportIn(
  trx: Trx,
  ctx: Context,
  actor: Actor,
  pkg: Package,
  input: { since: string; orders: number; greets: boolean },
): Promise<Import> {
  const moment = momentOf(ctx, actor);
  const made = await createImport(trx, moment, {
    storeId: pkg.storeId,
    packageId: pkg.id,
    packageVersionId: pkg.versionId,
    since: input.since,
    greets: input.greets,
    total: input.orders,
  });
  await audit(trx, ctx, actor, 'import.started', made, { since: made.since, greets: made.greets });
  return made;
}

/** False: it is not running any more. */
export async function cancelImportIn(trx: Trx, ctx: Context, actor: Actor, made: Import): Promise<boolean> {
  const done = await cancelImport(trx, momentOf(ctx, actor), made.id);
  if (done) await audit(trx, ctx, actor, 'import.cancelled', made, {});
  return done;
}

/** False: it is running, or done. */
export async function resumeImportIn(trx: Trx, ctx: Context, actor: Actor, made: Import): Promise<boolean> {
  const done = await resumeImport(trx, made.id);
  if (done) await audit(trx, ctx, actor, 'import.resumed', made, {});
  return done;
}

function audit(
  trx: Trx,
  ctx: Context,
  actor: Actor,
  action: string,
  made: Import,
  facts: Record<string, unknown>,
): Promise<void> {
  return recordAudit(trx, momentOf(ctx, actor), {
    action,
    subject: { kind: 'package', id: made.packageId },
    facts: { import_id: made.id, ...facts },
  });
}

/**
 * Go on with the imports that nobody works at, in the background.
 * Shape:   → 0: what is under way is not waited for
 * Writes:  imports; for orders see applyOrderNews
 * Repeat:  one that was cut off goes on at the last order it noted; orders that come again change nothing
 */
export async function runImports(ctx: Context): Promise<number> {
  while (!ctx.walks.stopping) {
    const owner = ctx.ids.next();
    const made = await claimImport(ctx.db, { owner, now: ctx.clock.now() });
    if (!made) break;
    void inBackground(ctx.walks, runImport(ctx, owner, made));
  }
  return 0;
}

async function runImport(ctx: Context, owner: string, made: Import): Promise<void> {
  const at = () => iso(ctx.clock.now());
  const renew = () => saveImport(ctx.db, { id: made.id, owner }, { lease_until: leaseEnd(ctx.clock.now()) });
  try {
    const isComplete = await keepingLease(ctx.log, renew, () => takeOrders(ctx, owner, made));
    if (isComplete) await endImport(ctx.db, owner, made, at());
    else await letGoOfImport(ctx.db, owner, made.id);
  } catch (error) {
    const isKnown = error instanceof WooProblem || error instanceof Refusal;
    if (!isKnown) ctx.log.error({ err: error, import_id: made.id }, 'an import was interrupted');
    const problem =
      error instanceof Refusal ? error.detail : error instanceof WooProblem ? error.message : '';
    // Anything else is a defect or an outage of the database: the lease runs out, and it goes on.
    if (isKnown) {
      const passes = error instanceof WooProblem && error.passes;
      await failImport(ctx.db, owner, made, { at: at(), problem, passes });
    }
  }
}

/** False: cancelled, or cut off. */
async function takeOrders(ctx: Context, owner: string, made: Import): Promise<boolean> {
  const { store, shop } = await openStore(ctx, made.storeId);
  const version = (await versionsByIds(ctx.db, [made.packageVersionId])).get(made.packageVersionId);
  assert(version, `package version ${made.packageVersionId} exists`);
  const { productId } = await productOf(shop, { kind: version.matchKind, value: version.matchValue });
  const cursor = made.readUntil;
  const orders = shop.walkCreated({
    since: cursor === null ? made.since : `${cursor}.000Z`,
    productId,
    statuses: store.paidStatuses,
  });
  let sinceNote = 0;
  for await (const order of orders) {
    if (ctx.walks.stopping) return false;
    if (!(await takeOrder(ctx, store, made, order))) made.failed += 1;
    // Orders of the second at which it stopped were counted then.
    if (cursor === null || order.dateCreatedGmt > cursor) made.seen += 1;
    made.readUntil = order.dateCreatedGmt;
    sinceNote += 1;
    if (sinceNote < limits.importBatch) continue;
    sinceNote = 0;
    if (!(await noteProgress(ctx.db, owner, made))) return false;
  }
  return noteProgress(ctx.db, owner, made);
}

/** False: this one did not work; it holds up no other. Throws when the shop or the database is away. */
async function takeOrder(ctx: Context, store: Store, made: Import, order: ListedOrder): Promise<boolean> {
  const { json, readAt } = order;
  const { id: importId, packageId, packageVersionId, greets } = made;
  const importing = { importId, packageId, packageVersionId, greets };
  try {
    for (let tries = 1; tries <= limits.syncBusyTries; tries++) {
      const outcome = await applyOrderNews(ctx, store, order.wooId, {
        kind: 'listed',
        json,
        readAt,
        importing,
      });
      if (outcome === 'applied') return true;
      await pause(limits.syncBusyPauseMs);
    }
    return false;
  } catch (error) {
    if (isOutage(error) || error instanceof WooProblem) throw error;
    ctx.log.error({ err: error, import_id: made.id, woo_id: order.wooId }, 'an order was not imported');
    return false;
  }
}

async function openStore(ctx: Context, storeId: string): Promise<{ store: Store; shop: WooShop }> {
  const store = await findStore(ctx.db, storeId);
  const shop = store && ctx.gateways.woocommerce.open(await shopOf(ctx, store));
  if (!store || !shop) {
    throw new Refusal(
      'store-without-keys',
      `The store ${store?.slug ?? ''} has no REST keys, so it cannot be read.`,
      { store: store?.slug ?? null },
    );
  }
  return { store, shop };
}

/** Which product the shop is asked for; its list knows products, and no variations. */
async function productOf(
  shop: WooShop,
  match: Match,
): Promise<{ productId?: number; of: ImportPreview['of'] }> {
  if (match.kind === 'product_id') return { productId: Number(match.value), of: 'product' };
  if (match.kind === 'variation_id') {
    const found = await shop.readProduct(Number(match.value));
    return found ? { productId: found.productId, of: 'variations' } : { of: 'all' };
  }
  const found = (await shop.searchProducts(match.value)).find(({ sku }) => sku === match.value);
  if (!found) return { of: 'all' };
  return { productId: found.productId, of: found.type === 'simple' ? 'product' : 'variations' };
}
