import {
  claimDeliveries,
  type Delivery,
  finishDelivery,
  leaseUntil,
  postponeDelivery,
  renewLeases,
} from '../domain/inbox';
import { readOrderBody } from '../domain/orders';
import { findStore, type Store } from '../domain/stores';
import { addSeconds, iso } from '../platform/clock';
import { isOutage, isOverdue } from '../platform/dialect';
import { keepingLease } from '../platform/lease';
import { backoffSeconds, limits } from '../platform/limits';
import { applyOrderNews } from './apply-order-snapshot';
import type { Context } from './context';
import { hearOfCustomer } from './hear-of-customer';
import { hearOfProduct } from './product-news';

type Outcome =
  | { kind: 'done'; wooId?: number }
  | { kind: 'ignored'; reason: string; wooId?: number }
  /** Trying again cannot help: the body stays what it is. */
  | { kind: 'failed'; reason: string }
  /** Another worker has the order. */
  | { kind: 'busy' };

/** Every attempt that ends otherwise says how it ended. */
const ENDED_ITS_PROCESS = 'Zeton stopped in the middle of it each time that it was tried.';

/**
 * Work off what came in, oldest first.
 * Shape:   { limit } → number of deliveries handled
 * Errors:  none: a delivery that cannot be processed is tried again with back-off, then parked as failed with its reason
 * Writes:  deliveries; for orders see applyOrderNews
 * Source:  DESIGN §2.10
 */
export async function processDeliveries(ctx: Context, input: { limit: number }): Promise<number> {
  const owner = ctx.ids.next();
  const now = () => iso(ctx.clock.now());
  const claimed = await claimDeliveries(ctx.db, { owner, now: now(), limit: input.limit });
  if (claimed.length === 0) return 0;
  const left = new Set(claimed.map((delivery) => delivery.id));
  let ours = leaseUntil(now());
  const renew = async () => {
    const at = now();
    await renewLeases(ctx.db, { owner, ids: [...left], now: at });
    ours = leaseUntil(at);
  };
  await keepingLease(ctx.log, renew, async () => {
    for (const delivery of claimed) {
      // This process stood still: what another worker may have by now is not begun.
      if (now() >= ours) await giveBack(ctx, owner, delivery, now());
      else await process(ctx, owner, delivery);
      left.delete(delivery.id);
    }
  });
  return claimed.length;
}

/** The claim was no attempt. */
async function giveBack(
  ctx: Context,
  owner: string,
  { id, attempts }: Delivery,
  nextAttemptAt: string,
): Promise<void> {
  await postponeDelivery(ctx.db, { id, owner, nextAttemptAt, attempts: attempts - 1 });
}

async function process(ctx: Context, owner: string, delivery: Delivery): Promise<void> {
  const { id } = delivery;
  try {
    const outcome = await carryOut(ctx, delivery);
    const now = iso(ctx.clock.now());
    if (outcome.kind === 'busy') {
      await giveBack(ctx, owner, delivery, iso(addSeconds(ctx.clock.now(), 1)));
      return;
    }
    const reason = 'reason' in outcome ? outcome.reason : undefined;
    const wooId = 'wooId' in outcome ? outcome.wooId : undefined;
    await finishDelivery(ctx.db, { id, owner, status: outcome.kind, reason, wooId, now });
    if (outcome.kind === 'failed')
      ctx.log.error({ delivery_id: id, topic: delivery.topic }, 'delivery parked as failed');
  } catch (error) {
    await afterError(ctx, owner, delivery, error);
  }
}

async function afterError(ctx: Context, owner: string, delivery: Delivery, error: unknown): Promise<void> {
  const { id, attempts } = delivery;
  if (isOutage(error) && !isOverdue(error)) {
    // Not the delivery's fault, however long it lasts: the loop waits, and comes back to it.
    const soon = iso(addSeconds(ctx.clock.now(), limits.backoffFirstSeconds));
    await giveBack(ctx, owner, delivery, soon).catch(() => undefined);
    throw error;
  }
  const now = iso(ctx.clock.now());
  const reason = error instanceof Error ? error.message.slice(0, limits.reasonChars) : 'unknown error';
  if (attempts >= limits.inboxAttempts) {
    ctx.log.error({ err: error, delivery_id: id, attempts }, 'delivery parked as failed');
    await finishDelivery(ctx.db, { id, owner, status: 'failed', reason, now });
    return;
  }
  ctx.log.warn({ err: error, delivery_id: id, attempts }, 'delivery will be tried again');
  const nextAttemptAt = iso(addSeconds(ctx.clock.now(), backoffSeconds(attempts, ctx.chance())));
  await postponeDelivery(ctx.db, { id, owner, nextAttemptAt, reason });
}

async function carryOut(ctx: Context, delivery: Delivery): Promise<Outcome> {
  if (delivery.attempts > limits.inboxAttempts) {
    return { kind: 'failed', reason: ENDED_ITS_PROCESS };
  }
  const store = await findStore(ctx.db, delivery.storeId);
  if (!store) return { kind: 'failed', reason: 'The store of this delivery no longer exists.' };
  const [resource = ''] = delivery.topic.split('.');
  const told = TOLD[delivery.topic];
  if (resource !== 'order' && !told) {
    return {
      kind: 'ignored',
      reason: `Zeton does nothing on ${delivery.topic || 'a delivery without topic'}.`,
    };
  }
  const json = decodeUtf8(delivery.body);
  if (json === null) return { kind: 'failed', reason: 'The body is not UTF-8 text.' };
  if (told) return told(ctx, store, delivery, json);
  const body = readOrderBody(json, delivery.topic);
  switch (body.kind) {
    case 'unreadable':
      return { kind: 'failed', reason: body.reason };
    case 'error':
      // The body names no order: the next reconciliation finds it, until then it stays as it was.
      return { kind: 'ignored', reason: `WooCommerce sent an error instead of the order: ${body.code}.` };
    case 'deleted':
      return applied(
        body.wooId,
        await applyOrderNews(ctx, store, body.wooId, {
          kind: 'deleted',
          deliveryId: delivery.id,
          receivedAt: delivery.receivedAt,
        }),
      );
    case 'order': {
      const { wooId } = body.order;
      const restored = delivery.topic === 'order.restored';
      const deliveryId = delivery.id;
      return applied(
        wooId,
        await applyOrderNews(ctx, store, wooId, {
          kind: 'snapshot',
          json,
          source: 'webhook',
          deliveryId,
          restored,
        }),
      );
    }
  }
}

type Told = (ctx: Context, store: Store, delivery: Delivery, json: string) => Promise<Outcome>;

/** What is heard of besides orders. An error that WooCommerce signed instead of it names nothing. */
const TOLD: Record<string, Told> = {
  'product.updated': productNews,
  'product.deleted': productNews,
  'customer.updated': async (ctx, store, _delivery, json) => {
    const heard = await hearOfCustomer(ctx, store, json);
    if (heard === 'noted') return { kind: 'done' };
    const reason =
      heard === 'unknown'
        ? 'Nobody with this account has bought here yet.'
        : 'The body is no account of the shop.';
    return { kind: 'ignored', reason };
  },
};

async function productNews(ctx: Context, store: Store, delivery: Delivery, json: string): Promise<Outcome> {
  const { topic, receivedAt } = delivery;
  const heard = await hearOfProduct(ctx, store, { topic, json, receivedAt });
  if (heard === 'noted') return { kind: 'done' };
  const reason =
    heard === 'irrelevant' ? 'No package is bought with this product.' : 'The body is no product.';
  return { kind: 'ignored', reason };
}

function applied(wooId: number, result: 'applied' | 'busy'): Outcome {
  return result === 'busy' ? { kind: 'busy' } : { kind: 'done', wooId };
}

function decodeUtf8(bytes: Buffer): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}
