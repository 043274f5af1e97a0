import { addSeconds, iso } from '../../platform/clock';
import type { Db } from '../../platform/db';
import { skipLocked } from '../../platform/dialect';
import { tooFarAhead } from '../../platform/lease';
import { backoffSeconds, limits } from '../../platform/limits';
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

const LEASE_SECONDS = limits.renewedLeaseSeconds;
/** Nothing is put off for longer: the wait after the last attempt but one. */
const LONGEST_WAIT_SECONDS = backoffSeconds(limits.inboxAttempts - 1, 1);

/**
 * Take due deliveries for one worker; nobody else gets them while the lease lasts. Each claim counts as an attempt: one
 * that ends its process leaves no other trace. What such a process had claimed comes one at a time, and after the rest,
 * so that the delivery which ended it does not take others with it again and again.
 * Shape:   { owner: unique to the caller, now: ISO, limit } → at most limit + 3, least tried first, then oldest
 * Writes:  deliveries.lease_*, attempts
 * Repeat:  the next due ones; those of a worker that died come again when their lease is over
 */
export async function claimDeliveries(
  db: Db,
  { owner, now, limit }: { owner: string; now: string; limit: number },
): Promise<Delivery[]> {
  const wait = (column: 'next_attempt_at' | 'lease_until', operator: '<=' | '>', than: string) =>
    db<Row>('deliveries')
      .select('id')
      .whereRaw("status = 'pending'")
      .where(column, operator, than)
      .orderBy(column);
  const unclaimed = (operator: '<=' | '>', than: string) =>
    wait('next_attempt_at', operator, than).whereNull('lease_until').orderBy('id');
  // Each by itself, so that an index is read for what is due only. The last of both kinds: the clock was set back.
  const due = {
    fresh: unclaimed('<=', now).limit(limit),
    strayed: unclaimed('>', tooFarAhead({ now, seconds: LONGEST_WAIT_SECONDS })).limit(1),
    abandoned: wait('lease_until', '<=', now).limit(1),
    held_ahead: wait('lease_until', '>', tooFarAhead({ now, seconds: LEASE_SECONDS })).limit(1),
  };
  // Materialised: PostgreSQL may run a plain sub-select again for each row, and then takes more than the limit.
  let claim = db.queryBuilder();
  for (const [name, rows] of Object.entries(due)) claim = claim.withMaterialized(name, skipLocked(rows));
  const rows = (await claim
    .from('deliveries')
    .whereIn('id', (q) => {
      for (const name of Object.keys(due)) q.unionAll(db.select('id').from(name));
    })
    .where('status', 'pending')
    .update({ lease_owner: owner, lease_until: leaseUntil(now), attempts: db.raw('attempts + 1') })
    .returning('*')) as Row[];
  return rows.map(deliveryFromRow).sort((a, b) => a.attempts - b.attempts || (a.id < b.id ? -1 : 1));
}

/** Until when a lease lasts that is taken or renewed now. */
export function leaseUntil(now: string): string {
  return iso(addSeconds(new Date(now), LEASE_SECONDS));
}

/** For as long as the work goes on. What another worker has by now stays the other's. */
export async function renewLeases(
  db: Db,
  { owner, ids, now }: { owner: string; ids: string[]; now: string },
): Promise<void> {
  await db<Row>('deliveries')
    .whereIn('id', ids)
    .where({ lease_owner: owner, status: 'pending' })
    .update({ lease_until: leaseUntil(now) });
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
