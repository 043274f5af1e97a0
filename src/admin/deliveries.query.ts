import type { Delivery } from '../domain/inbox';
import type { Db } from '../platform/db';
import { onlyOf, type StoreIds } from '../platform/in-stores';
import { limits } from '../platform/limits';

export const STATUSES = ['pending', 'failed', 'done', 'ignored'] as const satisfies Delivery['status'][];
export type DeliveryStatus = (typeof STATUSES)[number];

export interface DeliveryRow {
  id: string;
  topic: string;
  shop: string;
  receivedAt: string;
  status: DeliveryStatus;
  /** Those that were begun, the present one not counted. */
  tries: number;
  nextAttemptAt: string;
  finishedAt: string | null;
  reason: string | null;
  /** Known once it was read, and kept when the order is ours. */
  order: { id: string; number: string } | null;
}

type Row = Record<string, unknown>;

const SHOWN = [
  'deliveries.id',
  'deliveries.topic',
  'deliveries.received_at',
  'deliveries.status',
  'deliveries.attempts',
  'deliveries.lease_owner',
  'deliveries.next_attempt_at',
  'deliveries.finished_at',
  'deliveries.reason',
  'stores.name as shop',
  'orders.id as order_id',
  'orders.number as order_number',
];

function deliveries(db: Db) {
  return db('deliveries')
    .join('stores', 'stores.id', 'deliveries.store_id')
    .leftJoin('orders', (join) =>
      join.on('orders.store_id', 'deliveries.store_id').andOn('orders.woo_id', 'deliveries.woo_id'),
    );
}

function rowFrom(row: Row): DeliveryRow {
  const status = row.status as DeliveryStatus;
  const begun = Number(row.attempts);
  return {
    id: row.id as string,
    topic: row.topic as string,
    shop: row.shop as string,
    receivedAt: row.received_at as string,
    status,
    // A claim counts as it begins, and what is claimed is not yet over.
    tries: status === 'pending' && row.lease_owner !== null ? begun - 1 : begun,
    nextAttemptAt: row.next_attempt_at as string,
    finishedAt: row.finished_at as string | null,
    reason: row.reason as string | null,
    order: row.order_id ? { id: row.order_id as string, number: row.order_number as string } : null,
  };
}

/** Newest first, without the bodies. */
export async function readDeliveries(
  db: Db,
  { status, before, storeIds }: { status: DeliveryStatus | null; before: string | null; storeIds: StoreIds },
): Promise<{ rows: DeliveryRow[]; next: string | null }> {
  const size = limits.pageSizeDefault;
  const query = onlyOf(deliveries(db), 'deliveries.store_id', storeIds)
    .orderBy('deliveries.id', 'desc')
    .limit(size + 1)
    .select(SHOWN);
  if (status !== null) query.where('deliveries.status', status);
  if (before !== null) query.where('deliveries.id', '<', before);
  const found = ((await query) as Row[]).map(rowFrom);
  const rows = found.slice(0, size);
  return { rows, next: found.length > size ? (rows.at(-1)?.id ?? null) : null };
}

/** Only of what waits or is parked: few, and found by the index. */
export async function countDeliveries(
  db: Db,
  storeIds: StoreIds,
): Promise<{ pending: number; failed: number }> {
  const rows = (await onlyOf(db('deliveries'), 'store_id', storeIds)
    .whereIn('status', ['pending', 'failed'])
    .groupBy('status')
    .select('status')
    .count({ n: '*' })) as Row[];
  const of = (status: string) => Number(rows.find((row) => row.status === status)?.n ?? 0);
  return { pending: of('pending'), failed: of('failed') };
}

export interface DeliveryDetail extends DeliveryRow {
  headers: Record<string, string>;
  body: Buffer;
}

export async function readDelivery(db: Db, id: string, storeIds: StoreIds): Promise<DeliveryDetail | null> {
  const row = (await onlyOf(deliveries(db), 'deliveries.store_id', storeIds)
    .where('deliveries.id', id)
    .first([...SHOWN, 'deliveries.headers', 'deliveries.body'])) as Row | undefined;
  if (!row) return null;
  return {
    ...rowFrom(row),
    headers: JSON.parse(row.headers as string) as Record<string, string>,
    body: row.body as Buffer,
  };
}
