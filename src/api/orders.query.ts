import { type Meter, shortfallOf } from '../domain/credits';
import { versionsByIds } from '../domain/packages';
import type { Db } from '../platform/db';

type Row = Record<string, unknown>;
type Meters = Partial<Record<Meter, LineMeter>>;

interface LineMeter {
  wanted: number;
  net: number;
  shortfall: number;
}

export interface OrderFilter {
  /** null: all. */
  storeIds: readonly string[] | null;
  number?: string;
  wooId?: number;
  customerId?: string;
  ticketId?: string;
  before: string | null;
  limit: number;
}

/** Newest first. */
export async function readOrders(db: Db, filter: OrderFilter) {
  const query = orders(db).orderBy('orders.id', 'desc').limit(filter.limit);
  if (filter.storeIds) query.whereIn('orders.store_id', [...filter.storeIds]);
  if (filter.number !== undefined) query.where('orders.number', filter.number);
  if (filter.wooId !== undefined) query.where('orders.woo_id', filter.wooId);
  if (filter.customerId !== undefined) query.where('orders.customer_id', filter.customerId);
  if (filter.ticketId !== undefined) query.where('orders.ticket_id', filter.ticketId);
  if (filter.before) query.where('orders.id', '<', filter.before);
  return withLines(db, (await query) as Row[]);
}

export async function readOrder(db: Db, id: string) {
  const rows = (await orders(db).where('orders.id', id)) as Row[];
  const [order] = await withLines(db, rows);
  return order ? { storeId: rows[0]?.store_id as string, order } : null;
}

function orders(db: Db) {
  // An order whose news is being applied for the first time has no state yet.
  return db('orders')
    .join('stores', 'stores.id', 'orders.store_id')
    .whereNot('orders.status', '')
    .select(
      'orders.id',
      'orders.store_id',
      'stores.slug as store',
      'orders.woo_id',
      'orders.number',
      'orders.status',
      'orders.paid',
      'orders.ever_paid',
      'orders.customer_id',
      'orders.ticket_id',
      'orders.review_flags',
      'orders.currency',
      'orders.total',
      'orders.created_at',
      'orders.updated_at',
    );
}

async function withLines(db: Db, rows: Row[]) {
  if (rows.length === 0) return [];
  const orderIds = rows.map((row) => row.id as string);
  const lines = (await db('order_lines')
    .whereIn('order_id', orderIds)
    .orderBy(['order_id', 'woo_line_id'])
    .select('id', 'order_id', 'name', 'quantity', 'refunded_quantity', 'package_version_id')) as Row[];
  const versionIds = new Set(lines.flatMap((line) => (line.package_version_id as string | null) ?? []));
  const versions = await versionsByIds(db, [...versionIds]);
  const bought = await metersByLine(db, orderIds);
  return rows.map((row) => ({
    id: row.id as string,
    store: row.store as string,
    woo_id: Number(row.woo_id),
    number: row.number as string,
    status: row.status as string,
    paid: row.paid === 1,
    ever_paid: row.ever_paid === 1,
    customer_id: row.customer_id as string | null,
    ticket_id: row.ticket_id as string | null,
    lines: lines
      .filter((line) => line.order_id === row.id)
      .map((line) => {
        const version = versions.get(line.package_version_id as string);
        const promised = (version?.grants ?? []).map(({ meter }) => [meter, NONE] as const);
        return {
          id: line.id as string,
          name: line.name as string,
          quantity: Number(line.quantity),
          refunded_quantity: Number(line.refunded_quantity),
          package: version ? { id: version.packageId, name: version.name } : null,
          meters: { ...(Object.fromEntries(promised) as Meters), ...bought.get(line.id as string) },
        };
      }),
    review_flags: JSON.parse(row.review_flags as string) as string[],
    currency: row.currency as string | null,
    total: row.total as string | null,
    created_at: row.created_at as string,
    updated_at: row.updated_at as string,
  }));
}

const NONE: LineMeter = { wanted: 0, net: 0, shortfall: 0 };

/** Per line and meter. Usually one grant; two when the order went to another customer, the older with nothing wanted. */
async function metersByLine(db: Db, orderIds: string[]): Promise<Map<string, Meters>> {
  const grants = (await db('credit_grants')
    .whereIn('order_line_id', db('order_lines').whereIn('order_id', orderIds).select('id'))
    .select('order_line_id', 'meter', 'wanted', 'granted', 'order_revoked', 'used', 'held')) as Row[];
  const found = new Map<string, Meters>();
  for (const grant of grants) {
    const line = grant.order_line_id as string;
    const meter = grant.meter as keyof Meters;
    const meters = found.get(line) ?? {};
    const sum = meters[meter] ?? NONE;
    const wanted = Number(grant.wanted);
    const net = Number(grant.granted) - Number(grant.order_revoked);
    const shortfall = shortfallOf({ wanted, used: Number(grant.used), held: Number(grant.held) });
    meters[meter] = {
      wanted: sum.wanted + wanted,
      net: sum.net + net,
      shortfall: sum.shortfall + shortfall,
    };
    found.set(line, meters);
  }
  return found;
}
