import type { Knex } from 'knex';
import { METERS, type Meter } from '../domain/credits';
import type { ReviewFlag } from '../domain/orders';
import type { Db } from '../platform/db';
import { onlyOf, type StoreIds } from '../platform/in-stores';
import { CUSTOMER_NAME } from './customer-name.query';
import { shortfallIn } from './customers.query';
import { countUpTo, type Slice, sliceOf, whereEachWord } from './list.query';

type Row = Record<string, unknown>;

/** What an order buys of one meter now, what it gave and has not taken back, and what of that it cannot take back. */
export interface OrderMeter {
  meter: Meter;
  wanted: number;
  net: number;
  shortfall: number;
}

export interface OrderRow {
  id: string;
  number: string;
  /** When the customer ordered; when it came here, while the shop has not said. */
  orderedAt: string;
  customer: { id: string; name: string } | null;
  status: string;
  paid: boolean;
  everPaid: boolean;
  lines: number;
  /** Of these, the ones that buy a package. */
  matched: number;
  meters: OrderMeter[];
  ticket: { id: string; number: number } | null;
  flags: ReviewFlag[];
}

export interface OrderFilter {
  typed?: string;
  status?: string;
  /** Only those that somebody should look at. */
  review?: boolean;
  customerId?: string;
  /** Left out where the customer was asked for already. */
  storeIds?: StoreIds;
  before?: string | null;
  limit: number;
}

/** Newest first. */
export async function readOrderList(
  db: Db,
  filter: OrderFilter,
): Promise<Slice<OrderRow> & { total: number | undefined }> {
  // An order whose news is being applied for the first time has no state yet.
  const all = onlyOf(db('orders'), 'orders.store_id', filter.storeIds ?? null).whereNot('orders.status', '');
  if (filter.typed) {
    all.leftJoin('customers', 'customers.id', 'orders.customer_id');
    const typed = filter.typed.replace(/^#/, '');
    whereEachWord(all, ['orders.number', 'customers.name', 'customers.email'], typed);
  }
  if (filter.status) all.where('orders.status', filter.status);
  if (filter.review) all.whereRaw(`orders.review_flags <> '[]'`);
  if (filter.customerId !== undefined) all.where('orders.customer_id', filter.customerId);
  const page = selected(db, all.clone())
    .orderBy('orders.id', 'desc')
    .limit(filter.limit + 1);
  if (!filter.typed) page.leftJoin('customers', 'customers.id', 'orders.customer_id');
  if (filter.before) page.where('orders.id', '<', filter.before);
  const slice = sliceOf((await page) as Row[], filter.limit, (row) => row.id as string);
  return { rows: await withLines(db, slice.rows), next: slice.next, total: await countUpTo(db, all) };
}

function selected(db: Db, query: Knex.QueryBuilder) {
  return query
    .leftJoin('tickets', 'tickets.id', 'orders.ticket_id')
    .select(
      'orders.id',
      'orders.number',
      'orders.status',
      'orders.paid',
      'orders.ever_paid',
      'orders.review_flags',
      'orders.date_created_gmt',
      'orders.created_at',
      'customers.id as customer_id',
      db.raw(CUSTOMER_NAME),
      'tickets.id as ticket_id',
      'tickets.number as ticket_number',
    );
}

async function withLines(db: Db, rows: Row[]): Promise<OrderRow[]> {
  if (rows.length === 0) return [];
  const ids = rows.map((row) => row.id as string);
  const lines = (await db('order_lines')
    .whereIn('order_id', ids)
    .select('id', 'order_id', 'package_version_id')) as Row[];
  const meters = await readLineMeters(
    db,
    lines.map((line) => line.id as string),
  );
  return rows.map((row) => {
    const own = lines.filter((line) => line.order_id === row.id);
    return {
      id: row.id as string,
      number: row.number as string,
      orderedAt: orderedAt(row),
      customer:
        row.customer_id === null
          ? null
          : { id: row.customer_id as string, name: row.customer_name as string },
      status: row.status as string,
      paid: row.paid === 1,
      everPaid: row.ever_paid === 1,
      lines: own.length,
      matched: own.filter((line) => line.package_version_id !== null).length,
      meters: summed(own.flatMap((line) => meters.get(line.id as string) ?? [])),
      ticket:
        row.ticket_id === null ? null : { id: row.ticket_id as string, number: Number(row.ticket_number) },
      flags: JSON.parse(row.review_flags as string) as ReviewFlag[],
    };
  });
}

/** The shop writes GMT without saying so. */
export function instantOfShop(gmt: string): string {
  return `${gmt}Z`;
}

export function orderedAt(row: Row): string {
  return row.date_created_gmt ? instantOfShop(row.date_created_gmt as string) : (row.created_at as string);
}

/** By line. Two grants of one meter stand there after an order went to another customer, the older one with nothing wanted. */
export async function readLineMeters(db: Db, lineIds: string[]): Promise<Map<string, OrderMeter[]>> {
  const grants = (await db('credit_grants')
    .whereIn('order_line_id', lineIds)
    .select('order_line_id', 'meter', 'wanted', 'granted', 'order_revoked', 'used', 'held')) as Row[];
  const found = new Map<string, OrderMeter[]>();
  for (const grant of grants) {
    const line = grant.order_line_id as string;
    const meter = {
      meter: grant.meter as Meter,
      wanted: Number(grant.wanted),
      net: Number(grant.granted) - Number(grant.order_revoked),
      shortfall: shortfallIn(grant),
    };
    found.set(line, summed([...(found.get(line) ?? []), meter]));
  }
  return found;
}

function summed(meters: OrderMeter[]): OrderMeter[] {
  return METERS.flatMap((meter) => {
    const same = meters.filter((one) => one.meter === meter);
    const sum = (amount: 'wanted' | 'net' | 'shortfall') => same.reduce((n, one) => n + one[amount], 0);
    return same.length === 0
      ? []
      : [{ meter, wanted: sum('wanted'), net: sum('net'), shortfall: sum('shortfall') }];
  });
}

/** The statuses that shops here count as paid: some have their own. */
export async function readPaidStatuses(db: Db, storeIds: StoreIds): Promise<string[]> {
  const rows = (await onlyOf(db('stores'), 'id', storeIds).select('paid_statuses')) as Row[];
  return [...new Set(rows.flatMap((row) => JSON.parse(row.paid_statuses as string) as string[]))];
}
