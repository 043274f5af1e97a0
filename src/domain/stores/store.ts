import type { Db, Trx } from '../../platform/db';
import type { CustomerNote, StoreDetails } from './rules';

export interface Store extends StoreDetails {
  id: string;
  slug: string;
  /** EUR; as the shop said it when it was checked last. */
  currency: string | null;
  fromEnvironment: boolean;
  createdAt: string;
  updatedAt: string;
}

interface Row {
  id: string;
  slug: string;
  name: string;
  url: string | null;
  consumer_key_sealed: string | null;
  consumer_secret_sealed: string | null;
  webhook_secret_sealed: string | null;
  paid_statuses: string;
  locale: string;
  country: string;
  time_zone: string;
  notices: number;
  customer_note: CustomerNote;
  private_refund_notes: number;
  write_ticket_meta: number;
  mail_address: string | null;
  currency: string | null;
  old_webhook_secret_sealed: string | null;
  old_webhook_secret_until: string | null;
  from_environment: number;
  created_at: string;
  updated_at: string;
}

export interface Sealed {
  consumerKey: string | null;
  consumerSecret: string | null;
  webhookSecret: string | null;
}

/** The webhook secret before this one, and until when it is good. */
export interface OldSecret {
  sealed: string;
  until: string;
}

function storeFromRow(row: Row): Store {
  return {
    id: row.id,
    slug: row.slug,
    name: row.name,
    url: row.url,
    paidStatuses: JSON.parse(row.paid_statuses) as string[],
    locale: row.locale,
    country: row.country,
    timeZone: row.time_zone,
    notices: row.notices === 1,
    customerNote: row.customer_note,
    privateRefundNotes: row.private_refund_notes === 1,
    writeTicketMeta: row.write_ticket_meta === 1,
    mailAddress: row.mail_address,
    currency: row.currency,
    fromEnvironment: row.from_environment === 1,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

function sealedFromRow(row: Row): Sealed {
  return {
    consumerKey: row.consumer_key_sealed,
    consumerSecret: row.consumer_secret_sealed,
    webhookSecret: row.webhook_secret_sealed,
  };
}

type SecretColumn =
  | 'consumer_key_sealed'
  | 'consumer_secret_sealed'
  | 'webhook_secret_sealed'
  | 'old_webhook_secret_sealed'
  | 'old_webhook_secret_until';

function oldSecretFromRow(row: Row): OldSecret | null {
  const { old_webhook_secret_sealed: sealed, old_webhook_secret_until: until } = row;
  return sealed !== null && until !== null ? { sealed, until } : null;
}

function columns(store: Store): Omit<Row, SecretColumn> {
  return {
    id: store.id,
    slug: store.slug,
    name: store.name,
    url: store.url,
    paid_statuses: JSON.stringify(store.paidStatuses),
    locale: store.locale,
    country: store.country,
    time_zone: store.timeZone,
    notices: store.notices ? 1 : 0,
    customer_note: store.customerNote,
    private_refund_notes: store.privateRefundNotes ? 1 : 0,
    write_ticket_meta: store.writeTicketMeta ? 1 : 0,
    mail_address: store.mailAddress,
    currency: store.currency,
    from_environment: store.fromEnvironment ? 1 : 0,
    created_at: store.createdAt,
    updated_at: store.updatedAt,
  };
}

/** Only the given ones: what is left out stays as it is. */
function sealedColumns(sealed: Partial<Sealed>): Partial<Row> {
  return {
    ...(sealed.consumerKey === undefined ? {} : { consumer_key_sealed: sealed.consumerKey }),
    ...(sealed.consumerSecret === undefined ? {} : { consumer_secret_sealed: sealed.consumerSecret }),
    ...(sealed.webhookSecret === undefined ? {} : { webhook_secret_sealed: sealed.webhookSecret }),
  };
}

export async function findStore(db: Db, id: string): Promise<Store | null> {
  const row = await db<Row>('stores').where({ id }).first();
  return row ? storeFromRow(row) : null;
}

export async function findStoreBySlug(db: Db, slug: string): Promise<Store | null> {
  const row = await db<Row>('stores').where({ slug }).first();
  return row ? storeFromRow(row) : null;
}

/** By age: the first one is the one that is always there. */
export async function listStores(db: Db): Promise<Store[]> {
  const rows: Row[] = await db<Row>('stores').orderBy('id');
  return rows.map(storeFromRow);
}

export async function findStoresBySlugs(db: Db, slugs: string[]): Promise<Store[]> {
  const rows: Row[] = await db<Row>('stores').whereIn('slug', slugs).orderBy('slug');
  return rows.map(storeFromRow);
}

/** Those whose customers write to one of these addresses (small letters). */
export async function findStoresByMailAddress(db: Db, addresses: string[]): Promise<Store[]> {
  const rows: Row[] = await db<Row>('stores').whereIn('mail_address', addresses);
  return rows.map(storeFromRow);
}

export async function findSealed(
  db: Db,
  by: { id: string } | { slug: string },
): Promise<{ storeId: string; sealed: Sealed; old: OldSecret | null } | null> {
  const row = await db<Row>('stores').where(by).first();
  return row ? { storeId: row.id, sealed: sealedFromRow(row), old: oldSecretFromRow(row) } : null;
}

export async function allSealed(db: Db): Promise<Sealed[]> {
  const rows: Row[] = await db<Row>('stores');
  return rows.map(sealedFromRow);
}

/** Inserts the store, or finds the slug taken: false. */
export async function insertStore(trx: Trx, store: Store, sealed: Partial<Sealed>): Promise<boolean> {
  const inserted: unknown[] = await trx('stores')
    .insert({ ...columns(store), ...sealedColumns(sealed) })
    .onConflict('slug')
    .ignore()
    .returning('id');
  return inserted.length > 0;
}

/** `old`: the webhook secret that was; undefined leaves what is kept. */
export async function saveStore(
  trx: Trx,
  store: Store,
  sealed: Partial<Sealed>,
  old?: OldSecret | null,
): Promise<void> {
  const { id, slug: _, created_at: __, ...changes } = columns(store);
  await trx('stores')
    .where({ id })
    .update({
      ...changes,
      ...sealedColumns(sealed),
      ...(old === undefined
        ? {}
        : {
            old_webhook_secret_sealed: old?.sealed ?? null,
            old_webhook_secret_until: old?.until ?? null,
          }),
    });
}

/** The store, with its row held until the transaction ends: two changes at once do not undo each other. */
export async function lockStore(trx: Trx, id: string): Promise<{ store: Store; sealed: Sealed } | null> {
  // A write, because SQLite knows no FOR UPDATE.
  const rows = (await trx('stores').where({ id }).update({ id }).returning('*')) as Row[];
  const row = rows[0];
  return row ? { store: storeFromRow(row), sealed: sealedFromRow(row) } : null;
}
