import { setTimeout as pause } from 'node:timers/promises';
import { contentSha256, factsSha256, readOrderBody } from '../domain/orders';
import type { Store } from '../domain/stores';
import {
  beginWalk,
  completeWalk,
  deleteParked,
  failWalk,
  findsOf,
  hasNewerDate,
  insertFind,
  isNews,
  isSettled,
  type KnownOrder,
  leaseUntil,
  noteWebhooks,
  park,
  parkedOrders,
  readUntilAfter,
  renewSync,
  type SyncFind,
  type SyncKind,
  type SyncRun,
  saveRun,
  stopWalk,
  type Walk,
} from '../domain/syncs';
import { WooProblem } from '../gateways/woocommerce';
import type { ListedOrder, WooShop } from '../gateways/woocommerce/gateway';
import type { Actor } from '../platform/actor';
import { iso, secondsBetween } from '../platform/clock';
import { withTransaction } from '../platform/db';
import { isOutage } from '../platform/dialect';
import { keepingLease } from '../platform/lease';
import { limits } from '../platform/limits';
import { Refusal } from '../platform/refusal';
import { applyOrderNews, type OrderNews } from './apply-order-snapshot';
import { type Context, momentOf } from './context';
import { shopOf } from './shop-of';
import { knownOrders, lastOrderDeliveryAt, ordersToSweep } from './syncs.query';

/** What a walk over a shop's orders came to. */
export interface SyncReport extends SyncRun {
  /** The first of them; `found` is the number of all. */
  finds: SyncFind[];
}

/** Sees to the webhooks of a shop, and names the topics of those that it had to make anew. */
export type SeeToWebhooks = (ctx: Context, store: Store) => Promise<string[]>;

/**
 * Read a shop's orders by REST, and bring them to what the shop says: those changed since the last walk, trashed ones
 * too, or (a sweep) the refunds and the existence of all of the last 90 days.
 * Shape:   store, { kind, since? } → SyncReport; null while another process reads the shop
 * Errors:  store-without-keys. A shop that cannot be read is no error: the report says why, and the cursor stays
 * Writes:  store_syncs, sync_runs, sync_finds, parked_orders; for orders see applyOrderNews
 * Repeat:  harmless; a walk that is cut off is begun again where it began, and passes over what is known
 * Source:  DESIGN §3 "Reconciliation"
 */
export async function reconcileStore(
  ctx: Context,
  actor: Actor,
  store: Store,
  ask: {
    kind: SyncKind;
    since?: string | null;
    seeToWebhooks?: SeeToWebhooks | null;
    /** Told when the walk is this caller's. */
    begun?: () => void;
  },
): Promise<SyncReport | null> {
  const shop = ctx.gateways.woocommerce.open(await shopOf(ctx, store));
  if (!shop) {
    throw new Refusal(
      'store-without-keys',
      `The store ${store.slug} has no REST keys, so it cannot be read.`,
      {
        store: store.slug,
      },
    );
  }
  const walk = await withTransaction(ctx.db, (trx) =>
    beginWalk(trx, momentOf(ctx, actor), { storeId: store.id, kind: ask.kind, since: ask.since }),
  );
  if (!walk) return null;
  ask.begun?.();
  const reading = new Reading(ctx, store, shop, walk);
  await keepingLease(
    ctx.log,
    () => reading.renew(),
    () => reading.run(ask.seeToWebhooks ?? null),
  );
  return { ...walk.run, finds: await findsOf(ctx.db, walk.run.id, limits.syncFindsShown) };
}

/** One walk under way. */
class Reading {
  private isLost = false;
  private readUntil: string;
  private unannounced = 0;
  /** Webhooks were watched all the time since the last walk: silence says something. */
  private readonly isContinuous: boolean;
  /** Orders in a row of which the shop could not tell. */
  private shopFailures = 0;
  private readonly parked = new Map<number, number>();

  constructor(
    private readonly ctx: Context,
    private readonly store: Store,
    private readonly shop: WooShop,
    private readonly walk: Walk,
  ) {
    const { readUntil, finishedAt } = walk.before;
    this.readUntil = readUntil;
    this.isContinuous =
      finishedAt !== null && secondsBetween(finishedAt, walk.run.startedAt) <= limits.syncContinuousSeconds;
  }

  async renew(): Promise<void> {
    const { storeId, kind } = this.walk.run;
    const until = leaseUntil(this.ctx.clock.now());
    this.isLost ||= !(await renewSync(this.ctx.db, { storeId, kind, owner: this.walk.owner }, until));
  }

  /** Writes down how it ended; throws only when that is not possible. */
  async run(seeToWebhooks: SeeToWebhooks | null): Promise<void> {
    const { ctx, walk } = this;
    const { kind } = walk.run;
    try {
      for (const { wooId, attempts } of await parkedOrders(ctx.db, {
        storeId: this.store.id,
        limit: limits.pageSizeMax,
      })) {
        this.parked.set(wooId, attempts);
      }
      if (kind === 'orders' && seeToWebhooks) await this.lookAfterWebhooks(seeToWebhooks);
      const isComplete = kind === 'orders' ? await this.readChanges() : await this.sweep();
      if (!isComplete) return await this.end('stopped');
      await this.retryParked();
      await this.end('done');
    } catch (error) {
      if (!(error instanceof WooProblem)) {
        await this.end('stopped').catch(() => undefined);
        throw error;
      }
      await this.end('failed', error.message);
    }
  }

  private async end(how: 'done' | 'stopped' | 'failed', problem = ''): Promise<void> {
    const { ctx, walk, store } = this;
    const at = iso(ctx.clock.now());
    const lastDeliveryAt = how === 'done' ? await lastOrderDeliveryAt(ctx.db, store.id) : null;
    const isOurs = await withTransaction(ctx.db, async (trx) => {
      if (how === 'stopped') await stopWalk(trx, walk, at);
      if (how === 'failed') await failWalk(trx, walk, { at, problem });
      if (how !== 'done') return true;
      const { readUntil, unannounced } = this;
      return completeWalk(trx, walk, { at, readUntil, unannounced, lastDeliveryAt });
    });
    Object.assign(walk.run, {
      state: isOurs ? how : 'stopped',
      problem: problem === '' ? null : problem,
      finishedAt: at,
    });
    const facts = { store: store.slug, kind: walk.run.kind, seen: walk.run.seen, found: walk.run.found };
    if (how === 'failed') ctx.log.warn({ ...facts, problem }, 'a shop could not be read');
    else ctx.log[walk.run.found > 0 ? 'info' : 'debug'](facts, `shop read: ${walk.run.state}`);
  }

  private async lookAfterWebhooks(seeTo: SeeToWebhooks): Promise<void> {
    const { ctx, store } = this;
    const topics = await seeTo(ctx, store).catch((error: unknown) => {
      // Kept with the webhooks; orders are read all the same.
      if (error instanceof WooProblem) return [];
      throw error;
    });
    if (topics.length > 0) await noteWebhooks(ctx.db, store.id, topics, iso(ctx.clock.now()));
  }

  /** False: cut off. */
  private readChanges(): Promise<boolean> {
    return this.inBatches(this.shop.walkOrders({ since: this.walk.run.since }), () => true);
  }

  private async inBatches(
    orders: AsyncGenerator<ListedOrder>,
    isWanted: (known: KnownOrder | undefined) => boolean,
  ): Promise<boolean> {
    let batch: ListedOrder[] = [];
    const bring = async () => {
      const listed = batch;
      batch = [];
      return this.bringAll(listed, isWanted);
    };
    try {
      for await (const order of orders) {
        batch.push(order);
        if (batch.length >= limits.syncBatch && !(await bring())) return false;
      }
    } catch (error) {
      // What was told before the shop fell silent counts.
      if (error instanceof WooProblem) await bring();
      throw error;
    }
    return bring();
  }

  private async bringAll(
    listed: ListedOrder[],
    isWanted: (known: KnownOrder | undefined) => boolean,
  ): Promise<boolean> {
    const { ctx, store, walk } = this;
    const known = await knownOrders(
      ctx.db,
      store.id,
      listed.map(({ wooId }) => wooId),
    );
    for (const order of listed) {
      if (this.isLost || ctx.walks.stopping) return false;
      const before = known.get(order.wooId);
      if (isWanted(before)) await this.bring(order, before);
      this.readUntil = readUntilAfter(this.readUntil, order.dateModifiedGmt, walk.run.startedAt);
      walk.run.seen += 1;
    }
    await saveRun(ctx.db, walk.run);
    return true;
  }

  /** What it is parked for is tried again anyway, so an order that came twice is parked once. */
  private async bring(order: ListedOrder, known: KnownOrder | undefined): Promise<void> {
    const { json, wooId, readAt } = order;
    const body = readOrderBody(json);
    if (body.kind !== 'order') {
      const why = body.kind === 'unreadable' ? body.reason : 'The shop listed something that is no order.';
      return this.parkOrder(wooId, why);
    }
    const told = {
      status: body.order.status,
      dateModifiedGmt: body.order.dateModifiedGmt,
      contentSha256: contentSha256(json),
      factsSha256: factsSha256(body.order),
    };
    if (!this.parked.has(wooId) && isSettled(known, told)) return;
    const isApplied = await this.apply(wooId, { kind: 'listed', json, readAt });
    if (!isApplied || !isNews(known, told)) return;
    const isNew = known === undefined || known.states.length === 0;
    await this.noteFind({
      wooId,
      number: body.order.number,
      what: isNew ? 'new' : 'changed',
      status: body.order.status,
    });
    const isUsual = told.dateModifiedGmt >= this.walk.before.readUntil;
    if (this.isContinuous && isUsual && hasNewerDate(known, told.dateModifiedGmt)) this.unannounced += 1;
  }

  private async noteFind(find: SyncFind): Promise<void> {
    const { ctx, walk } = this;
    if (await insertFind(ctx.db, walk.run.id, find, iso(ctx.clock.now()))) walk.run.found += 1;
  }

  /** False: it did not work, and the order is parked. Throws when the shop is away. */
  private async apply(wooId: number, news: OrderNews): Promise<boolean> {
    try {
      await this.applyWhenFree(wooId, news);
    } catch (error) {
      if (isOutage(error)) throw error;
      const reason = error instanceof Error ? error.message : 'unknown error';
      await this.parkOrder(wooId, reason);
      if (!(error instanceof WooProblem)) {
        this.ctx.log.error({ err: error, store: this.store.slug, woo_id: wooId }, 'an order was parked');
        return false;
      }
      this.shopFailures += 1;
      if (!error.passes || this.shopFailures >= limits.syncShopFailures) throw error;
      return false;
    }
    this.shopFailures = 0;
    if (this.parked.delete(wooId)) await deleteParked(this.ctx.db, this.store.id, wooId);
    return true;
  }

  private async applyWhenFree(wooId: number, news: OrderNews): Promise<void> {
    for (let tries = 1; ; tries++) {
      if ((await applyOrderNews(this.ctx, this.store, wooId, news)) === 'applied') return;
      if (tries >= limits.syncBusyTries) throw new Error('Another worker had the order all the time.');
      await pause(limits.syncBusyPauseMs);
    }
  }

  private async parkOrder(wooId: number, reason: string): Promise<void> {
    const { ctx, store, walk } = this;
    const attempts = this.parked.get(wooId) ?? 0;
    const at = iso(ctx.clock.now());
    await park(ctx.db, { storeId: store.id, wooId, reason, at, attempts, chance: ctx.chance() });
    this.parked.set(wooId, attempts + 1);
    walk.run.parked += 1;
  }

  /** Orders that could not be applied before are read anew: the cursor has passed them. */
  private async retryParked(): Promise<void> {
    const { ctx, store } = this;
    const due = await parkedOrders(ctx.db, {
      storeId: store.id,
      due: iso(ctx.clock.now()),
      limit: limits.syncParkedPerWalk,
    });
    for (const { wooId } of due) {
      if (this.isLost || ctx.walks.stopping) return;
      if (!(await this.apply(wooId, { kind: 'asked' }))) continue;
      const known = (await knownOrders(ctx.db, store.id, [wooId])).get(wooId);
      await this.noteFind({
        wooId,
        number: String(wooId),
        what: known?.gone ? 'gone' : 'changed',
        status: known?.status ?? '',
      });
    }
  }

  /**
   * A deleted refund, and an order deleted for good, fire nothing and touch no date: all orders of the time are listed
   * again, and those that the list leaves out are asked for. Orders that Zeton does not know belong to walk and import.
   */
  private async sweep(): Promise<boolean> {
    const { ctx, store, walk } = this;
    const { since } = walk.run;
    const listed = new Set<number>();
    const orders = this.shop.walkCreated({ since });
    const noting = async function* () {
      for await (const order of orders) {
        listed.add(order.wooId);
        yield order;
      }
    };
    const isKnown = (known: KnownOrder | undefined) => known !== undefined && known.states.length > 0;
    if (!(await this.inBatches(noting(), isKnown))) return false;
    let lookups = 0;
    for (let after = 0; ; ) {
      const page = await ordersToSweep(ctx.db, {
        storeId: store.id,
        since,
        after,
        limit: limits.pageSizeMax,
      });
      for (const wooId of page) {
        if (this.isLost || ctx.walks.stopping) return false;
        if (listed.has(wooId)) continue;
        if (lookups++ >= limits.sweepLookups) return true;
        await this.lookFor(wooId);
      }
      const last = page.at(-1);
      if (last === undefined || page.length < limits.pageSizeMax) return true;
      after = last;
    }
  }

  private async lookFor(wooId: number): Promise<void> {
    const { ctx, store, walk } = this;
    const stateOf = async () => (await knownOrders(ctx.db, store.id, [wooId])).get(wooId);
    const before = await stateOf();
    walk.run.seen += 1;
    if (!(await this.apply(wooId, { kind: 'asked' }))) return;
    const after = await stateOf();
    const isChanged =
      after?.gone || after?.status !== before?.status || after?.states.length !== before?.states.length;
    if (!isChanged) return;
    const what = after?.gone ? 'gone' : 'changed';
    await this.noteFind({ wooId, number: String(wooId), what, status: after?.status ?? '' });
  }
}
