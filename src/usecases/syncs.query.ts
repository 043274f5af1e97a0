import type { KnownOrder, SyncKind } from '../domain/syncs';
import { addSeconds, iso } from '../platform/clock';
import type { Db } from '../platform/db';
import { isLeaseOver } from '../platform/lease';
import { limits } from '../platform/limits';

type Row = Record<string, unknown>;

/** Shops with keys that nobody reads now, and whose turn it is. Longest unread first. */
export async function storesToRead(
  db: Db,
  input: { kind: SyncKind; now: Date; pauseSeconds: number },
): Promise<string[]> {
  const now = iso(input.now);
  const ahead = iso(addSeconds(input.now, limits.clocksApartSeconds));
  const rows = (await db('stores as s')
    .leftJoin('store_syncs as y', (on) => void on.on('y.store_id', 's.id').andOnVal('y.kind', input.kind))
    .whereNotNull('s.url')
    .whereNotNull('s.consumer_key_sealed')
    .whereNotNull('s.consumer_secret_sealed')
    .where(
      (q) =>
        void q
          .whereNull('y.started_at')
          .orWhere('y.started_at', '<=', iso(addSeconds(input.now, -input.pauseSeconds)))
          .orWhere('y.started_at', '>', ahead),
    )
    .where((q) => void q.whereNull('y.next_attempt_at').orWhere('y.next_attempt_at', '<=', now))
    .where(isLeaseOver('y.lease_until', { now, seconds: limits.renewedLeaseSeconds }))
    .orderBy([{ column: 'y.started_at', nulls: 'first' }, 's.id'])
    .select('s.id')) as Row[];
  return rows.map((row) => row.id as string);
}

/** What is known of these orders, by the shop's ids; of the others nothing. */
export async function knownOrders(
  db: Db,
  storeId: string,
  wooIds: readonly number[],
): Promise<Map<number, KnownOrder>> {
  const orders = (await db('orders')
    .where({ store_id: storeId })
    .whereIn('woo_id', [...wooIds])
    .select('id', 'woo_id', 'status', 'date_modified_gmt', 'gone', 'review_flags')) as Row[];
  const states = (await db('order_snapshots')
    .whereIn(
      'order_id',
      orders.map((row) => row.id as string),
    )
    .select('order_id', 'content_sha256', 'facts_sha256', 'date_modified_gmt')) as Row[];
  const known = new Map<string, KnownOrder>();
  const byWooId = new Map<number, KnownOrder>();
  for (const row of orders) {
    const order: KnownOrder = {
      status: row.status as string,
      dateModifiedGmt: row.date_modified_gmt as string | null,
      gone: row.gone === 1,
      reviewFlags: JSON.parse(row.review_flags as string) as string[],
      states: [],
    };
    known.set(row.id as string, order);
    byWooId.set(Number(row.woo_id), order);
  }
  for (const row of states) {
    known.get(row.order_id as string)?.states.push({
      contentSha256: row.content_sha256 as string,
      factsSha256: row.facts_sha256 as string,
      dateModifiedGmt: row.date_modified_gmt as string,
    });
  }
  return byWooId;
}

/** When the shop's webhooks last told of an order; null: never. */
export async function lastOrderDeliveryAt(db: Db, storeId: string): Promise<string | null> {
  const row = (await db('deliveries')
    .where({ store_id: storeId })
    .whereLike('topic', 'order.%')
    .orderBy('id', 'desc')
    .first('received_at')) as Row | undefined;
  return (row?.received_at as string | undefined) ?? null;
}

/**
 * Orders that a sweep looks for: created since then, or older with refunds and changed since then. Without those that
 * are in the trash or gone: these have no credits to lose.
 */
export async function ordersToSweep(
  db: Db,
  input: { storeId: string; since: string; after: number; limit: number },
): Promise<number[]> {
  const since = input.since.slice(0, 19);
  const rows = (await db('orders')
    .where({ store_id: input.storeId, gone: 0 })
    .where('woo_id', '>', input.after)
    .whereNotIn('status', ['trash', ''])
    .where(
      (q) =>
        void q
          .where('date_created_gmt', '>=', since)
          .orWhere(
            (old) =>
              void old
                .where('date_modified_gmt', '>=', since)
                .whereNotNull('refunds')
                .whereNot('refunds', '[]'),
          ),
    )
    .orderBy('woo_id')
    .limit(input.limit)
    .select('woo_id')) as Row[];
  return rows.map((row) => Number(row.woo_id));
}
