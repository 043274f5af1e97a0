import type { Delivery } from '../domain/inbox';
import type { Db } from '../platform/db';

type Row = Record<string, unknown>;

const SHOWN = [
  'deliveries.id',
  'stores.slug as store',
  'deliveries.store_id',
  'deliveries.topic',
  'deliveries.received_at',
  'deliveries.status',
  'deliveries.attempts',
  'deliveries.next_attempt_at',
  'deliveries.woo_id',
  'deliveries.reason',
  'deliveries.finished_at',
];

/** Newest first, without the bodies. */
export async function readDeliveries(
  db: Db,
  filter: {
    /** null: all. */
    storeIds: readonly string[] | null;
    status?: string;
    wooId?: number;
    before: string | null;
    limit: number;
  },
) {
  const query = db('deliveries')
    .join('stores', 'stores.id', 'deliveries.store_id')
    .orderBy('deliveries.id', 'desc')
    .limit(filter.limit)
    .select(SHOWN);
  if (filter.storeIds) query.whereIn('deliveries.store_id', [...filter.storeIds]);
  if (filter.status !== undefined) query.where('deliveries.status', filter.status);
  if (filter.wooId !== undefined) query.where('deliveries.woo_id', filter.wooId);
  if (filter.before) query.where('deliveries.id', '<', filter.before);
  return ((await query) as Row[]).map(viewOf);
}

export async function readDelivery(db: Db, id: string) {
  const row = (await db('deliveries')
    .join('stores', 'stores.id', 'deliveries.store_id')
    .where('deliveries.id', id)
    .first([...SHOWN, 'deliveries.headers', 'deliveries.body'])) as Row | undefined;
  if (!row) return null;
  return {
    storeId: row.store_id as string,
    delivery: viewOf(row),
    headers: JSON.parse(row.headers as string) as Record<string, string>,
    body: row.body as Buffer,
  };
}

function viewOf(row: Row) {
  return {
    id: row.id as string,
    store: row.store as string,
    topic: row.topic as string,
    received_at: row.received_at as string,
    status: row.status as Delivery['status'],
    attempts: Number(row.attempts),
    next_attempt_at: row.status === 'pending' ? (row.next_attempt_at as string) : null,
    woo_id: row.woo_id === null ? null : Number(row.woo_id),
    reason: row.reason as string | null,
    finished_at: row.finished_at as string | null,
  };
}
