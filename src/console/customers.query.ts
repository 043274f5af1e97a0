import type { Knex } from 'knex';
import { METERS, type Meter, shortfallOf } from '../domain/credits';
import type { Db } from '../platform/db';
import { onlyOf, type StoreIds } from '../platform/in-stores';
import { type MeterState, readMeters } from './counts.query';
import { countUpTo, type Slice, sliceOf, whereEachWord } from './list.query';

type Row = Record<string, unknown>;

export interface Shortfall {
  meter: Meter;
  quantity: number;
}

export interface CustomerRow {
  id: string;
  name: string;
  email: string | null;
  phone: string | null;
  store: string;
  since: string;
  orders: number;
  meters: MeterState[];
  shortfall: Shortfall[];
}

export type CustomerList = Slice<CustomerRow> & { total: number | undefined; manyStores: boolean };

/** Newest first. */
export async function readCustomerList(
  db: Db,
  now: string,
  filter: { typed: string; storeIds: StoreIds; before: string | null; limit: number },
): Promise<CustomerList> {
  const all = onlyOf(db('customers'), 'customers.store_id', filter.storeIds);
  if (filter.typed !== '') all.where(matches(filter.typed));
  const page = all
    .clone()
    .join('stores', 'stores.id', 'customers.store_id')
    .orderBy('customers.id', 'desc')
    .limit(filter.limit + 1)
    .select('customers.*', 'stores.name as store_name');
  if (filter.before !== null) page.where('customers.id', '<', filter.before);
  const slice = sliceOf((await page) as Row[], filter.limit, (row) => row.id as string);
  const ids = slice.rows.map((row) => row.id as string);
  const [meters, shortfalls, orders, total, stores] = await Promise.all([
    readMeters(db, now, ids),
    readShortfalls(db, ids),
    ordersByCustomer(db, ids),
    countUpTo(db, all),
    onlyOf(db('stores'), 'id', filter.storeIds).count({ n: '*' }).first() as Promise<
      { n: number } | undefined
    >,
  ]);
  const rows = slice.rows.map((row) => {
    const id = row.id as string;
    return {
      id,
      name: row.name as string,
      email: row.email as string | null,
      phone: (row.phone_e164 ?? row.phone) as string | null,
      store: row.store_name as string,
      since: row.created_at as string,
      orders: orders.get(id) ?? 0,
      meters: meters.get(id) ?? [],
      shortfall: shortfalls.get(id) ?? [],
    };
  });
  return { rows, next: slice.next, total, manyStores: Number(stores?.n) > 1 };
}

const DIGITS_MIN = 3;

function matches(typed: string) {
  const digits = typed.replace(/[\s().\-/]/g, '').replace(/^(\+|00|0)/, '');
  const isNumber = new RegExp(`^\\d{${DIGITS_MIN},}$`).test(digits);
  return (query: Knex.QueryBuilder) => {
    query.where((words: Knex.QueryBuilder) =>
      whereEachWord(words, ['customers.name', 'customers.email', 'customers.phone'], typed),
    );
    // "041 555 100", as dialled at home, stands inside +386 41 555 100.
    if (isNumber) query.orWhere('customers.phone_e164', 'like', `%${digits}%`);
  };
}

async function ordersByCustomer(db: Db, ids: string[]): Promise<Map<string, number>> {
  const rows = (await db('orders')
    .whereIn('customer_id', ids)
    .groupBy('customer_id')
    .select('customer_id')
    .count({ n: '*' })) as Row[];
  return new Map(rows.map((row) => [row.customer_id as string, Number(row.n)]));
}

/** What was used or is on hold of what orders have taken back; only the meters that lack something. */
async function readShortfalls(db: Db, ids: string[]): Promise<Map<string, Shortfall[]>> {
  const grants = (await db('credit_grants')
    .whereIn('customer_id', ids)
    .whereRaw('used + held > wanted')
    .select('customer_id', 'meter', 'wanted', 'used', 'held')) as Row[];
  const found = new Map<string, Shortfall[]>();
  for (const id of new Set(grants.map((grant) => grant.customer_id as string))) {
    const own = grants.filter((grant) => grant.customer_id === id);
    const sums = METERS.map((meter) => ({
      meter,
      quantity: own
        .filter((grant) => grant.meter === meter)
        .reduce((sum, grant) => sum + shortfallIn(grant), 0),
    }));
    found.set(
      id,
      sums.filter(({ quantity }) => quantity > 0),
    );
  }
  return found;
}

/** Of a row of credit_grants. */
export function shortfallIn({ wanted, used, held }: Row): number {
  return shortfallOf({
    wanted: wanted === null ? null : Number(wanted),
    used: Number(used),
    held: Number(held),
  });
}
