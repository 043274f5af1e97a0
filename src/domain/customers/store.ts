import type { Db, Trx } from '../../platform/db';
import type { Details, DetailsAsOf, Identity } from './rules';

export interface Customer {
  id: string;
  storeId: string;
  wooCustomerId: number | null;
  email: string | null;
  emailNormalised: string | null;
  name: string;
  phone: string | null;
  phoneE164: string | null;
  country: string | null;
  locale: string;
  detailsAsOf: DetailsAsOf;
  /** Since when the customer wants no notices of credits. */
  noticesStoppedAt: string | null;
  createdAt: string;
  updatedAt: string;
}

type Row = Record<string, unknown>;

function fromRow(row: Row): Customer {
  return {
    id: row.id as string,
    storeId: row.store_id as string,
    wooCustomerId: row.woo_customer_id === null ? null : Number(row.woo_customer_id),
    email: row.email as string | null,
    emailNormalised: row.email_normalised as string | null,
    name: row.name as string,
    phone: row.phone as string | null,
    phoneE164: row.phone_e164 as string | null,
    country: row.country as string | null,
    locale: row.locale as string,
    detailsAsOf: JSON.parse(row.details_as_of as string) as DetailsAsOf,
    noticesStoppedAt: row.notices_stopped_at as string | null,
    createdAt: row.created_at as string,
    updatedAt: row.updated_at as string,
  };
}

async function one(query: PromiseLike<unknown>): Promise<Customer | null> {
  const row = (await query) as Row | undefined;
  return row ? fromRow(row) : null;
}

export function findCustomer(db: Db, id: string): Promise<Customer | null> {
  return one(db('customers').where({ id }).first());
}

export function findByWooId(db: Db, storeId: string, wooCustomerId: number): Promise<Customer | null> {
  return one(db('customers').where({ store_id: storeId, woo_customer_id: wooCustomerId }).first());
}

/** Of several with one address: the guest first, then the oldest. */
export function findByEmail(db: Db, storeId: string, emailNormalised: string): Promise<Customer | null> {
  return one(
    db('customers')
      .where({ store_id: storeId, email_normalised: emailNormalised })
      .orderByRaw('CASE WHEN woo_customer_id IS NULL THEN 0 ELSE 1 END, id')
      .first(),
  );
}

/** All with this address, the oldest first; of one store, or (null) of every one. */
export async function findAllByEmail(
  db: Db,
  input: { emailNormalised: string; storeId: string | null },
): Promise<Customer[]> {
  const { emailNormalised, storeId } = input;
  const query = db('customers').where({ email_normalised: emailNormalised }).orderBy('id');
  // By the index, which begins with the store.
  if (storeId === null) query.whereIn('store_id', db('stores').select('id'));
  else query.where({ store_id: storeId });
  return ((await query) as Row[]).map(fromRow);
}

export function findByOnlyOrder(db: Db, storeId: string, wooOrderId: number): Promise<Customer | null> {
  return one(db('customers').where({ store_id: storeId, only_order_woo_id: wooOrderId }).first());
}

/** All with this number, of every store: several people may share one. */
export async function findByPhone(db: Db, phoneE164: string): Promise<Customer[]> {
  return ((await db('customers').where({ phone_e164: phoneE164 }).orderBy('id')) as Row[]).map(fromRow);
}

/** Whom nothing identifies but a number. */
export function findByOnlyPhone(db: Db, storeId: string, phoneE164: string): Promise<Customer | null> {
  return one(
    db('customers')
      .where({ store_id: storeId, phone_e164: phoneE164 })
      .whereNull('woo_customer_id')
      .whereNull('email_normalised')
      .whereNull('only_order_woo_id')
      .orderBy('id')
      .first(),
  );
}

function columns(details: Details, asOf: DetailsAsOf): Row {
  return {
    name: details.name,
    email: details.email || null,
    phone: details.phone || null,
    phone_e164: details.phoneE164 || null,
    country: details.country || null,
    locale: details.locale,
    details_as_of: JSON.stringify(asOf),
  };
}

/** False when another one made this customer first. */
export async function insertCustomer(
  trx: Trx,
  input: {
    id: string;
    storeId: string;
    identity: Identity;
    onlyOrderWooId: number | null;
    details: Details;
    asOf: DetailsAsOf;
    at: string;
  },
): Promise<boolean> {
  const rows: unknown[] = await trx('customers')
    .insert({
      id: input.id,
      store_id: input.storeId,
      woo_customer_id: input.identity.wooCustomerId,
      email_normalised: input.identity.emailNormalised,
      only_order_woo_id: input.onlyOrderWooId,
      ...columns(input.details, input.asOf),
      created_at: input.at,
      updated_at: input.at,
    })
    .onConflict()
    .ignore()
    .returning('id');
  return rows.length === 1;
}

/** False when the customer has got another shop account by now. */
export async function attachWooId(trx: Trx, id: string, wooCustomerId: number, at: string): Promise<boolean> {
  const changed = await trx('customers')
    .where({ id })
    .whereNull('woo_customer_id')
    .update({ woo_customer_id: wooCustomerId, updated_at: at });
  return changed === 1;
}

/** False when the details changed since they were read. */
export async function saveDetails(
  trx: Trx,
  customer: Customer,
  next: { details: Details; asOf: DetailsAsOf; at: string },
): Promise<boolean> {
  const changed = await trx('customers')
    .where({ id: customer.id, details_as_of: JSON.stringify(customer.detailsAsOf) })
    .update({
      ...columns(next.details, next.asOf),
      updated_at: next.at,
    });
  return changed === 1;
}

/** Null: notices are wanted. False when that was so already, or there is no such customer. */
export async function setNoticesStopped(trx: Trx, id: string, since: string | null): Promise<boolean> {
  const query = trx('customers').where({ id });
  if (since === null) query.whereNotNull('notices_stopped_at');
  else query.whereNull('notices_stopped_at');
  return (await query.update({ notices_stopped_at: since })) === 1;
}
