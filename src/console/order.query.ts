import type { Refund, ReviewFlag } from '../domain/orders';
import { versionsByIds } from '../domain/packages';
import type { Db } from '../platform/db';
import { isId } from '../platform/ids';
import { onlyOf, type StoreIds } from '../platform/in-stores';
import { CUSTOMER_NAME } from './customer-name.query';
import { instantOfShop, type OrderMeter, orderedAt, readLineMeters } from './orders.query';

type Row = Record<string, unknown>;

export interface OrderLineStory {
  id: string;
  wooLineId: number;
  name: string;
  quantity: number;
  refunded: number;
  /** As it was named when it was bought; null: buys nothing here. */
  package: { id: string; name: string } | null;
  meters: OrderMeter[];
}

export interface SnapshotStory {
  id: string;
  status: string;
  /** When the shop changed it; null: it did not say. */
  changedAt: string | null;
  receivedAt: string;
  source: 'webhook' | 'rest';
  paidAt: string | null;
  refunds: number;
  deliveryId: string | null;
}

export interface OrderStory {
  id: string;
  wooId: number;
  number: string;
  status: string;
  paid: boolean;
  everPaid: boolean;
  orderedAt: string;
  total: string | null;
  currency: string | null;
  store: { name: string; url: string | null };
  customer: { id: string; name: string; email: string | null } | null;
  ticket: { id: string; number: number; subject: string } | null;
  flags: ReviewFlag[];
  lines: OrderLineStory[];
  /** null: never read. */
  refunds: Refund[] | null;
  /** The newest state first. */
  snapshots: SnapshotStory[];
  /** Deleted or trashed without a word on what it is now. */
  gone: 'deleted' | 'trashed' | null;
}

const SNAPSHOTS_SHOWN = 50;

/** Null when there is none, or the id is none. */
export async function readOrder(db: Db, id: string, storeIds: StoreIds): Promise<OrderStory | null> {
  if (!isId(id)) return null;
  const row = (await onlyOf(db('orders'), 'orders.store_id', storeIds)
    .join('stores', 'stores.id', 'orders.store_id')
    .leftJoin('customers', 'customers.id', 'orders.customer_id')
    .leftJoin('tickets', 'tickets.id', 'orders.ticket_id')
    .where('orders.id', id)
    // Its first news is still being applied.
    .whereNot('orders.status', '')
    .first(
      'orders.*',
      'stores.name as store_name',
      'stores.url as store_url',
      db.raw(CUSTOMER_NAME),
      'customers.email as customer_email',
      'tickets.number as ticket_number',
      'tickets.subject as ticket_subject',
    )) as Row | undefined;
  if (!row) return null;
  const [lines, snapshots] = await Promise.all([readLines(db, id), readSnapshots(db, id)]);
  // No state of it says so: it was deleted, and could not be asked for.
  const isBinned = row.status === 'trash' && snapshots[0]?.status !== 'trash';
  return {
    id,
    wooId: Number(row.woo_id),
    number: row.number as string,
    status: row.status as string,
    paid: row.paid === 1,
    everPaid: row.ever_paid === 1,
    orderedAt: orderedAt(row),
    total: row.total as string | null,
    currency: row.currency as string | null,
    store: { name: row.store_name as string, url: row.store_url as string | null },
    customer:
      row.customer_id === null
        ? null
        : {
            id: row.customer_id as string,
            name: row.customer_name as string,
            email: row.customer_email as string | null,
          },
    ticket:
      row.ticket_id === null
        ? null
        : {
            id: row.ticket_id as string,
            number: Number(row.ticket_number),
            subject: row.ticket_subject as string,
          },
    flags: JSON.parse(row.review_flags as string) as ReviewFlag[],
    lines,
    refunds: row.refunds === null ? null : (JSON.parse(row.refunds as string) as Refund[]),
    snapshots,
    gone: row.gone === 1 ? 'deleted' : isBinned ? 'trashed' : null,
  };
}

async function readLines(db: Db, orderId: string): Promise<OrderLineStory[]> {
  const rows = (await db('order_lines').where({ order_id: orderId }).orderBy('woo_line_id')) as Row[];
  const versions = await versionsByIds(
    db,
    rows.flatMap((row) => (row.package_version_id as string | null) ?? []),
  );
  const meters = await readLineMeters(
    db,
    rows.map((row) => row.id as string),
  );
  return rows.map((row) => {
    const version = versions.get(row.package_version_id as string);
    const had = meters.get(row.id as string) ?? [];
    // What the package promises stands there too while nothing was given: the order is not paid yet.
    const promised = (version?.grants ?? [])
      .filter(({ meter }) => !had.some((one) => one.meter === meter))
      .map(({ meter }) => ({ meter, wanted: 0, net: 0, shortfall: 0 }));
    return {
      id: row.id as string,
      wooLineId: Number(row.woo_line_id),
      name: row.name as string,
      quantity: Number(row.quantity),
      refunded: Number(row.refunded_quantity),
      package: version ? { id: version.packageId, name: version.name } : null,
      meters: [...had, ...promised],
    };
  });
}

async function readSnapshots(db: Db, orderId: string): Promise<SnapshotStory[]> {
  const rows = (await db('order_snapshots')
    .where({ order_id: orderId })
    .orderBy([
      { column: 'date_modified_gmt', order: 'desc' },
      { column: 'id', order: 'desc' },
    ])
    .limit(SNAPSHOTS_SHOWN)
    .select(
      'id',
      'status',
      'date_modified_gmt',
      'date_paid_gmt',
      'refund_count',
      'source',
      'delivery_id',
      'received_at',
    )) as Row[];
  return rows.map((row) => ({
    id: row.id as string,
    status: row.status as string,
    changedAt: row.date_modified_gmt === '' ? null : instantOfShop(row.date_modified_gmt as string),
    receivedAt: row.received_at as string,
    source: row.source as SnapshotStory['source'],
    paidAt: row.date_paid_gmt === null ? null : instantOfShop(row.date_paid_gmt as string),
    refunds: Number(row.refund_count),
    deliveryId: row.delivery_id as string | null,
  }));
}
