import type { Knex } from 'knex';
import { METERS, type Meter, shortfallOf as shortfallOfGrant } from '../domain/credits';
import { normaliseEmail, phoneToE164 } from '../domain/customers';
import type { Db } from '../platform/db';
import { whereSomeContains } from './search.query';

type Row = Record<string, unknown>;

export interface CustomerFilter {
  /** null: all. */
  storeIds: readonly string[] | null;
  email?: string;
  phone?: string;
  q?: string;
  before: string | null;
  limit: number;
}

/** Newest first. */
export async function readCustomers(db: Db, filter: CustomerFilter) {
  const query = customers(db).orderBy('customers.id', 'desc').limit(filter.limit);
  if (filter.storeIds) query.whereIn('customers.store_id', [...filter.storeIds]);
  if (filter.email !== undefined) {
    const address = normaliseEmail(filter.email);
    // A placeholder address identifies nobody and has no normalised form, but can be looked for.
    if (address) query.where('customers.email_normalised', address);
    else query.where('customers.email', filter.email);
  }
  if (filter.phone !== undefined) query.where(await phoneMatches(db, filter.phone, filter.storeIds));
  if (filter.q !== undefined) {
    const columns = ['customers.name', 'customers.email', 'customers.phone', 'customers.phone_e164'];
    whereSomeContains(query, columns, filter.q);
  }
  if (filter.before) query.where('customers.id', '<', filter.before);
  return viewsOf(db, (await query) as Row[]);
}

export async function readCustomer(db: Db, id: string) {
  const rows = (await customers(db).where('customers.id', id)) as Row[];
  const [customer] = await viewsOf(db, rows);
  return customer ? { storeId: rows[0]?.store_id as string, customer } : null;
}

function customers(db: Db) {
  return db('customers')
    .join('stores', 'stores.id', 'customers.store_id')
    .select('customers.*', 'stores.slug as store');
}

/** A national number is read with the country of each store that is looked in. */
async function phoneMatches(db: Db, phone: string, storeIds: readonly string[] | null) {
  const stores = db('stores').distinct('country');
  if (storeIds) stores.whereIn('id', [...storeIds]);
  const countries = ((await stores) as Row[]).map((row) => row.country as string);
  const numbers = new Set(['', ...countries].flatMap((country) => phoneToE164(phone, country, '') ?? []));
  return (query: Knex.QueryBuilder) => {
    query.whereIn('customers.phone_e164', [...numbers]).orWhere('customers.phone', phone);
  };
}

async function viewsOf(db: Db, rows: Row[]) {
  const shortfalls = await shortfallsOf(
    db,
    rows.map((row) => row.id as string),
  );
  return rows.map((row) => ({
    id: row.id as string,
    store: row.store as string,
    woo_customer_id: row.woo_customer_id === null ? null : Number(row.woo_customer_id),
    name: row.name as string,
    email: row.email as string | null,
    phone: row.phone as string | null,
    phone_e164: row.phone_e164 as string | null,
    country: row.country as string | null,
    locale: row.locale as string,
    shortfall: shortfalls.get(row.id as string) ?? noShortfall(),
    created_at: row.created_at as string,
    updated_at: row.updated_at as string,
  }));
}

type Shortfall = Record<Meter, number>;

function noShortfall(): Shortfall {
  return Object.fromEntries(METERS.map((meter) => [meter, 0])) as Shortfall;
}

/** What was used or is held of what orders have taken back, by meter. */
export async function shortfallOf(db: Db, customerId: string): Promise<Shortfall> {
  return (await shortfallsOf(db, [customerId])).get(customerId) ?? noShortfall();
}

async function shortfallsOf(db: Db, customerIds: string[]): Promise<Map<string, Shortfall>> {
  const found = new Map(customerIds.map((id) => [id, noShortfall()]));
  if (customerIds.length === 0) return found;
  const grants = (await db('credit_grants')
    .whereIn('customer_id', customerIds)
    .whereNotNull('wanted')
    .whereRaw('used + held > wanted')
    .select('customer_id', 'meter', 'wanted', 'used', 'held')) as Row[];
  for (const grant of grants) {
    const shortfall = found.get(grant.customer_id as string);
    if (!shortfall) continue;
    const [wanted, used, held] = [Number(grant.wanted), Number(grant.used), Number(grant.held)];
    shortfall[grant.meter as keyof Shortfall] += shortfallOfGrant({ wanted, used, held });
  }
  return found;
}
