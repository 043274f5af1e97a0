import type { Meter } from '../domain/credits';
import { listPackages, type Match, type Package } from '../domain/packages';
import type { Db } from '../platform/db';
import { limits } from '../platform/limits';

export interface SendingTicket {
  id: string;
  number: number;
  customer: { id: string; locale: string; wantsNoNotices: boolean };
  storeId: string;
  /** In whose name is sent. */
  store: { slug: string; name: string };
}

/** The tickets that messages are sent on, by id. */
export async function sendingTickets(db: Db, ticketIds: string[]): Promise<Map<string, SendingTicket>> {
  const rows = (await db('tickets')
    .join('stores', 'stores.id', 'tickets.store_id')
    .join('customers', 'customers.id', 'tickets.customer_id')
    .whereIn('tickets.id', ticketIds)
    .select(
      'tickets.id',
      'tickets.number',
      'tickets.store_id',
      'tickets.customer_id',
      'customers.locale',
      'customers.notices_stopped_at',
      'stores.slug',
      'stores.name',
    )) as Record<string, unknown>[];
  return new Map(
    rows.map((row) => [
      row.id as string,
      {
        id: row.id as string,
        number: Number(row.number),
        customer: {
          id: row.customer_id as string,
          locale: row.locale as string,
          wantsNoNotices: row.notices_stopped_at !== null,
        },
        storeId: row.store_id as string,
        store: { slug: row.slug as string, name: row.name as string },
      },
    ]),
  );
}

/** The mails of a ticket before this one that its customer has, or wrote; the oldest first. */
export async function mailsBefore(
  db: Db,
  message: { id: string; ticketId: string },
): Promise<{ id: string; direction: 'in' | 'out'; providerId: string | null }[]> {
  const rows = (await db('messages')
    .where({ ticket_id: message.ticketId, channel: 'email' })
    .where('id', '<', message.id)
    .whereIn('status', ['received', 'sent', 'delivered'])
    // Not of somebody else who wrote into it: the customer does not have those.
    .whereNotExists((q) =>
      q
        .select('*')
        .from('message_mails')
        .whereRaw('message_mails.message_id = messages.id')
        .where('message_mails.sender', 'different'),
    )
    .orderBy('id', 'desc')
    .limit(limits.mailReferences)
    .select('id', 'direction', 'provider_id')) as Record<string, unknown>[];
  return rows.reverse().map((row) => ({
    id: row.id as string,
    direction: row.direction as 'in' | 'out',
    providerId: row.provider_id as string | null,
  }));
}

/** Null: none of the people who work here. */
export async function signatureOf(db: Db, staffId: string): Promise<string | null> {
  const row = (await db('staff').where({ id: staffId }).first('signature')) as
    | { signature: string }
    | undefined;
  return row?.signature ?? null;
}

export async function storeIdBySlug(db: Db, slug: string): Promise<string | null> {
  const row = (await db('stores').where({ slug }).first('id')) as { id: string } | undefined;
  return row?.id ?? null;
}

/** Has any order of this customer been paid, and is paid still? */
export async function hasPaidOrder(db: Db, customerId: string): Promise<boolean> {
  const row: unknown = await db('orders').where({ customer_id: customerId, paid: 1 }).first('id');
  return row !== undefined;
}

/**
 * Where the customer can buy more of a meter: the shop's own page, with the package in the cart. Nothing personal is in it.
 * Null when the shop's address is not known, or no package pays this meter whose product is known.
 */
export async function topUpUrl(db: Db, storeId: string, meter: Meter): Promise<string | null> {
  const base = await shopAddress(db, storeId);
  if (base === null) return null;
  const packages = (await listPackages(db, { storeIds: [storeId], limit: limits.pageSizeMax })).filter(
    (candidate) => candidate.active,
  );
  const selling = packages.filter((candidate) => candidate.grants.some((grant) => grant.meter === meter));
  const pooled = packages.filter(
    (p) => meter !== 'any' && p.grants.some((g) => g.meter === 'any') && p.priceList[meter],
  );
  for (const candidate of [...selling, ...pooled]) {
    const link = await linkToBuy(db, candidate);
    if (link !== null) return `${base}/?${link}`;
  }
  return null;
}

/** Null: nobody can buy it, or its product is not known. */
async function linkToBuy(db: Db, { id, match }: Package): Promise<string | null> {
  const known = await productOfPackage(db, id, match);
  if (known) {
    if (known.status !== 'publish') return null;
    // One of its variations has to be chosen, which is done on its page.
    return known.type === 'variable' ? `p=${known.productId}` : `add-to-cart=${known.cartId}`;
  }
  const product = match.kind === 'sku' ? await productSoldAs(db, id) : match.value;
  return product === null ? null : `add-to-cart=${encodeURIComponent(product)}`;
}

/** As the shop showed it last. A variation goes into the cart by its own id. */
async function productOfPackage(db: Db, packageId: string, match: Match) {
  const row = (await db('package_products as n')
    .join('shop_products as p', (on) =>
      on
        .on('p.store_id', 'n.store_id')
        .andOn('p.product_id', 'n.product_id')
        .andOn('p.variation_id', 'n.variation_id'),
    )
    .where({ 'n.package_id': packageId, 'n.match_kind': match.kind, 'n.match_value': match.value })
    .first('p.product_id', 'p.variation_id', 'p.status', 'p.type')) as Record<string, unknown> | undefined;
  if (!row) return null;
  const productId = Number(row.product_id);
  return { productId, cartId: Number(row.variation_id) || productId, status: row.status, type: row.type };
}

/** A cart wants the product's id, a sku does not tell it; the orders that bought the package do. */
async function productSoldAs(db: Db, packageId: string): Promise<string | null> {
  const row = (await db('order_lines')
    .whereIn('package_version_id', db('package_versions').where({ package_id: packageId }).select('id'))
    .whereNotNull('woo_product_id')
    .orderBy('id', 'desc')
    .first('woo_product_id')) as { woo_product_id: number } | undefined;
  return row ? String(row.woo_product_id) : null;
}

/** As configured, else as the shop's own signed orders name it in the link to themselves. */
async function shopAddress(db: Db, storeId: string): Promise<string | null> {
  const store = (await db('stores').where({ id: storeId }).first('url')) as
    | { url: string | null }
    | undefined;
  if (store?.url) return store.url.replace(/\/+$/, '');
  const order = (await db('orders').where({ store_id: storeId }).orderBy('id', 'desc').first('id')) as
    | { id: string }
    | undefined;
  const snapshot = (await db('order_snapshots')
    .where({ order_id: order?.id ?? '' })
    .first('body')) as { body: string } | undefined;
  if (!snapshot) return null;
  const { _links } = JSON.parse(snapshot.body) as {
    _links?: { self?: { href?: unknown }[] };
  };
  const href = _links?.self?.[0]?.href;
  return typeof href === 'string' ? (/^(https?:\/\/[^\s?#]+?)\/wp-json\//.exec(href)?.[1] ?? null) : null;
}
