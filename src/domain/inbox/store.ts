import { addSeconds, iso } from '../../platform/clock';
import type { Db } from '../../platform/db';
import { skipLocked } from '../../platform/dialect';
import { limits } from '../../platform/limits';
import type { Delivery, DeliveryStatus } from './rules';

export type { Delivery };

interface Row {
  id: string;
  store_id: string;
  topic: string;
  headers: string;
  body: Buffer;
  received_at: string;
  status: DeliveryStatus;
  attempts: number;
  next_attempt_at: string;
  lease_owner: string | null;
  lease_until: string | null;
  woo_id: number | null;
  reason: string | null;
  finished_at: string | null;
}

const NO_LEASE = { lease_owner: null, lease_until: null };

function deliveryFromRow(row: Row): Delivery {
  return {
    id: row.id,
    storeId: row.store_id,
    topic: row.topic,
    headers: JSON.parse(row.headers) as Record<string, string>,
    body: row.body,
    receivedAt: row.received_at,
    status: row.status,
    attempts: Number(row.attempts),
    wooId: row.woo_id === null ? null : Number(row.woo_id),
    reason: row.reason,
  };
}

export async function insertDeliveries(db: Db, deliveries: Delivery[]): Promise<void> {
  await db<Row>('deliveries').insert(
    deliveries.map((delivery) => ({
      id: delivery.id,
      store_id: delivery.storeId,
      topic: delivery.topic,
      headers: JSON.stringify(delivery.headers),
      body: delivery.body,
      received_at: delivery.receivedAt,
      status: delivery.status,
      attempts: delivery.attempts,
      next_attempt_at: delivery.receivedAt,
      ...NO_LEASE,
      woo_id: delivery.wooId,
      reason: delivery.reason,
      finished_at: null,
    })),
  );
}

export async function findDelivery(db: Db, id: string): Promise<Delivery | null> {
  const row = await db<Row>('deliveries').where({ id }).first();
  return row ? deliveryFromRow(row) : null;
}

/**
 * Take due deliveries for one worker, oldest first; nobody else gets them while the lease lasts.
 * Shape:   { owner: unique to the caller, now: ISO, limit } → Delivery[]
 * Writes:  deliveries.lease_*
 * Repeat:  the next due ones; those of a worker that died come again when their lease is over
 */
export async function claimDeliveries(
  db: Db,
  { owner, now, limit }: { owner: string; now: string; limit: number },
): Promise<Delivery[]> {
  const free = db<Row>('deliveries')
    .select('id')
    // Not as a value: SQLite takes the index of what is pending only where it reads so.
    .whereRaw(`status = 'pending'`)
    .where('next_attempt_at', '<=', now)
    .where((lease) => lease.whereNull('lease_until').orWhere('lease_until', '<=', now))
    .orderBy(['next_attempt_at', 'id'])
    .limit(limit);
  // Materialised: PostgreSQL may run a plain sub-select again for each row, and then takes more than the limit.
  const rows = (await db
    .withMaterialized('due', skipLocked(free))
    .from('deliveries')
    .whereIn('id', db.select('id').from('due'))
    .where('status', 'pending')
    .update({ lease_owner: owner, lease_until: iso(addSeconds(new Date(now), limits.leaseSeconds)) })
    .returning('*')) as Row[];
  return rows.sort((a, b) => (a.id < b.id ? -1 : 1)).map(deliveryFromRow);
}

/** Writes only while `owner` holds the lease; false: another worker has taken over. */
export async function saveClaimed(
  db: Db,
  { id, owner }: { id: string; owner: string },
  changes: Partial<
    Pick<Row, 'status' | 'reason' | 'woo_id' | 'finished_at' | 'next_attempt_at' | 'attempts'>
  >,
): Promise<boolean> {
  const count = await db<Row>('deliveries')
    .where({ id, lease_owner: owner, status: 'pending' })
    .update({ ...changes, ...NO_LEASE });
  return count === 1;
}

export async function reopen(db: Db, id: string, now: string): Promise<Delivery | null> {
  const rows = (await db<Row>('deliveries')
    .where({ id })
    .whereIn('status', ['failed', 'ignored'])
    .update({ status: 'pending', attempts: 0, next_attempt_at: now, finished_at: null, ...NO_LEASE })
    .returning('*')) as Row[];
  return rows[0] ? deliveryFromRow(rows[0]) : null;
}
