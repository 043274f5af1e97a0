import type { Db, Trx } from '../../platform/db';
import { isLeaseOver } from '../../platform/lease';
import { limits } from '../../platform/limits';
import type { OrderPayload, Refund } from './payload';
import type { ReviewFlag, Snapshot } from './rules';

export interface Order {
  id: string;
  storeId: string;
  wooId: number;
  number: string;
  status: string;
  paid: boolean;
  everPaid: boolean;
  customerId: string | null;
  ticketId: string | null;
  /** Newest delivery of order.deleted without REST to ask, and of order.restored. */
  trashedBy: string | null;
  /** When that deletion was received. */
  trashedAt: string | null;
  restoredBy: string | null;
  gone: boolean;
  /** As last read by REST; null: never read. */
  refunds: Refund[] | null;
  reviewFlags: ReviewFlag[];
}

export interface OrderLine {
  id: string;
  wooLineId: number;
  name: string;
  quantity: number;
  refundedQuantity: number;
  oldestSnapshotId: string;
  catalogVersion: number;
  packageVersionId: string | null;
  /** Variation, else product; null: the shop no longer said. */
  wooProductId: number | null;
  /** The import that gave it its package; null: it had one by itself, or has none. */
  importId: string | null;
  /** Imported, and opens no ticket by itself. */
  quiet: boolean;
}

type Row = Record<string, unknown>;

function orderFromRow(row: Row): Order {
  return {
    id: row.id as string,
    storeId: row.store_id as string,
    wooId: Number(row.woo_id),
    number: row.number as string,
    status: row.status as string,
    paid: row.paid === 1,
    everPaid: row.ever_paid === 1,
    customerId: row.customer_id as string | null,
    ticketId: row.ticket_id as string | null,
    trashedBy: row.trashed_by as string | null,
    trashedAt: row.trashed_at as string | null,
    restoredBy: row.restored_by as string | null,
    gone: row.gone === 1,
    refunds: row.refunds === null ? null : (JSON.parse(row.refunds as string) as Refund[]),
    reviewFlags: JSON.parse(row.review_flags as string) as ReviewFlag[],
  };
}

/**
 * Takes the lease of an order, known or not: one worker per order at a time.
 * Null while another worker has it.
 */
const NO_LEASE = { lease_owner: null, lease_until: null };

export async function leaseOrder(
  db: Db,
  input: { id: string; storeId: string; wooId: number; owner: string; now: string; until: string },
): Promise<Order | null> {
  const [row] = (await db('orders')
    .insert({
      id: input.id,
      store_id: input.storeId,
      woo_id: input.wooId,
      number: String(input.wooId),
      status: '',
      paid: 0,
      ever_paid: 0,
      gone: 0,
      review_flags: '[]',
      lease_owner: input.owner,
      lease_until: input.until,
      created_at: input.now,
      updated_at: input.now,
    })
    .onConflict(['store_id', 'woo_id'])
    .merge({ lease_owner: input.owner, lease_until: input.until })
    .where(isLeaseOver('orders.lease_until', { now: input.now, seconds: limits.renewedLeaseSeconds }))
    .returning('*')) as Row[];
  return row ? orderFromRow(row) : null;
}

/**
 * Keeps the order's row for this transaction, and ends the lease with it: nobody else gets at the order before the
 * commit, and a rollback leaves the lease. Null when the lease was lost (it ran out and another worker took over).
 */
export async function lockOrderEndingLease(trx: Trx, id: string, owner: string): Promise<Order | null> {
  const [row] = (await trx('orders')
    .where({ id, lease_owner: owner })
    .update(NO_LEASE)
    .returning('*')) as Row[];
  return row ? orderFromRow(row) : null;
}

/** For as long as the store is asked. */
export async function renewLease(db: Db, input: { id: string; owner: string; until: string }): Promise<void> {
  await db('orders').where({ id: input.id, lease_owner: input.owner }).update({ lease_until: input.until });
}

/** Of an order that could not be applied. */
export async function endLease(db: Db, id: string, owner: string): Promise<void> {
  await db('orders').where({ id, lease_owner: owner }).update(NO_LEASE);
}

export async function saveOrder(
  trx: Trx,
  order: Order,
  payload: OrderPayload | null,
  at: string,
): Promise<void> {
  await trx('orders')
    .where({ id: order.id })
    .update({
      number: order.number,
      status: order.status,
      paid: order.paid ? 1 : 0,
      ever_paid: order.everPaid ? 1 : 0,
      customer_id: order.customerId,
      ticket_id: order.ticketId,
      ...(payload && {
        currency: payload.currency,
        total: payload.total,
        date_created_gmt: payload.dateCreatedGmt,
        date_modified_gmt: payload.dateModifiedGmt,
      }),
      trashed_by: order.trashedBy,
      trashed_at: order.trashedAt,
      restored_by: order.restoredBy,
      gone: order.gone ? 1 : 0,
      refunds: order.refunds === null ? null : JSON.stringify(order.refunds),
      review_flags: JSON.stringify(order.reviewFlags),
      updated_at: at,
    });
}

export interface NewSnapshot {
  id: string;
  orderId: string;
  source: 'webhook' | 'rest';
  deliveryId: string | null;
  /** When the store was asked and answered so; null: it came by webhook. */
  confirmedAt: string | null;
  contentSha256: string;
  factsSha256: string;
  payload: OrderPayload;
  emailNormalised: string | null;
  json: string;
  at: string;
}

/**
 * Keeps a state of the order. Of the same state again only is noted that the store confirmed it, or that an earlier
 * delivery had brought it already.
 */
export async function keepSnapshot(trx: Trx, snapshot: NewSnapshot): Promise<void> {
  const { confirmedAt } = snapshot;
  const insert = trx('order_snapshots')
    .insert({
      id: snapshot.id,
      order_id: snapshot.orderId,
      content_sha256: snapshot.contentSha256,
      facts_sha256: snapshot.factsSha256,
      source: snapshot.source,
      delivery_id: snapshot.deliveryId,
      status: snapshot.payload.status,
      date_modified_gmt: snapshot.payload.dateModifiedGmt,
      date_created_gmt: snapshot.payload.dateCreatedGmt,
      date_paid_gmt: snapshot.payload.datePaidGmt,
      refund_count: snapshot.payload.refundCount,
      woo_customer_id: snapshot.payload.wooCustomerId,
      email_normalised: snapshot.emailNormalised,
      body: snapshot.json,
      received_at: snapshot.at,
      confirmed_at: confirmedAt,
    })
    .onConflict(['order_id', 'content_sha256']);
  await (confirmedAt === null
    ? insert
        .merge({ delivery_id: snapshot.deliveryId })
        .where('order_snapshots.delivery_id', '>', snapshot.deliveryId ?? '')
    : insert
        .merge({ confirmed_at: confirmedAt })
        .where(
          (q) =>
            void q
              .whereNull('order_snapshots.confirmed_at')
              .orWhere('order_snapshots.confirmed_at', '<', confirmedAt),
        ));
}

export async function snapshotsOf(db: Db, orderId: string): Promise<Snapshot[]> {
  const rows = (await db('order_snapshots')
    .where({ order_id: orderId })
    .select(
      'id',
      'content_sha256',
      'facts_sha256',
      'status',
      'date_modified_gmt',
      'date_created_gmt',
      'date_paid_gmt',
      'refund_count',
      'woo_customer_id',
      'email_normalised',
      'confirmed_at',
      'received_at',
      'delivery_id',
    )) as Row[];
  return rows.map((row) => ({
    id: row.id as string,
    contentSha256: row.content_sha256 as string,
    factsSha256: row.facts_sha256 as string,
    status: row.status as string,
    dateModifiedGmt: row.date_modified_gmt as string,
    dateCreatedGmt: row.date_created_gmt as string | null,
    datePaidGmt: row.date_paid_gmt as string | null,
    refundCount: Number(row.refund_count),
    wooCustomerId: row.woo_customer_id === null ? null : Number(row.woo_customer_id),
    emailNormalised: row.email_normalised as string | null,
    confirmedAt: row.confirmed_at as string | null,
    receivedAt: row.received_at as string,
    deliveryId: row.delivery_id as string | null,
  }));
}

export async function snapshotBody(db: Db, id: string): Promise<string> {
  const row = (await db('order_snapshots').where({ id }).first('body')) as { body: string };
  return row.body;
}

export async function linesOf(db: Db, orderId: string): Promise<OrderLine[]> {
  const rows = (await db('order_lines').where({ order_id: orderId }).orderBy('woo_line_id')) as Row[];
  return rows.map((row) => ({
    id: row.id as string,
    wooLineId: Number(row.woo_line_id),
    name: row.name as string,
    quantity: Number(row.quantity),
    refundedQuantity: Number(row.refunded_quantity),
    oldestSnapshotId: row.oldest_snapshot_id as string,
    catalogVersion: Number(row.catalog_version),
    packageVersionId: row.package_version_id as string | null,
    wooProductId: row.woo_product_id === null ? null : Number(row.woo_product_id),
    importId: row.import_id as string | null,
    quiet: row.quiet === 1,
  }));
}

export async function saveLine(trx: Trx, orderId: string, line: OrderLine, isNew: boolean): Promise<void> {
  const columns = {
    name: line.name,
    quantity: line.quantity,
    refunded_quantity: line.refundedQuantity,
    oldest_snapshot_id: line.oldestSnapshotId,
    package_version_id: line.packageVersionId,
    woo_product_id: line.wooProductId,
    import_id: line.importId,
    quiet: line.quiet ? 1 : 0,
  };
  if (isNew) {
    await trx('order_lines').insert({
      id: line.id,
      order_id: orderId,
      woo_line_id: line.wooLineId,
      catalog_version: line.catalogVersion,
      ...columns,
    });
  } else {
    await trx('order_lines').where({ id: line.id }).update(columns);
  }
}

export async function countOrdersOfTicket(db: Db, ticketId: string): Promise<number> {
  return Number((await db('orders').where({ ticket_id: ticketId }).count({ n: '*' }).first())?.n);
}
