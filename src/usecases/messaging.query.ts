import type { Work } from '../domain/credits';
import { listPackages } from '../domain/packages';
import type { Db } from '../platform/db';
import { limits } from '../platform/limits';

export interface StoreOfTicket {
  slug: string;
  name: string;
}

/** In whose name messages on these tickets are sent, by ticket id. */
export async function storesOfTickets(db: Db, ticketIds: string[]): Promise<Map<string, StoreOfTicket>> {
  const rows = (await db('tickets')
    .join('stores', 'stores.id', 'tickets.store_id')
    .whereIn('tickets.id', ticketIds)
    .select('tickets.id as ticket_id', 'stores.slug', 'stores.name')) as (StoreOfTicket & {
    ticket_id: string;
  })[];
  return new Map(rows.map(({ ticket_id, slug, name }) => [ticket_id, { slug, name }]));
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
 * Null when the shop's address is not known, or no package that is sold by product or variation pays this meter.
 */
export async function topUpUrl(db: Db, storeId: string, meter: Work['meter']): Promise<string | null> {
  const store = (await db('stores').where({ id: storeId }).first('url')) as
    | { url: string | null }
    | undefined;
  if (!store?.url) return null;
  const packages = (await listPackages(db, { storeIds: [storeId], limit: limits.pageSizeMax })).filter(
    (candidate) => candidate.active && candidate.match.kind !== 'sku',
  );
  const selling = (wanted: string) =>
    packages.find((candidate) => candidate.grants.some((grant) => grant.meter === wanted));
  const pooled = () => packages.find((p) => p.grants.some((g) => g.meter === 'any') && p.priceList[meter]);
  const found = selling(meter) ?? pooled();
  if (!found) return null;
  return `${store.url.replace(/\/+$/, '')}/?add-to-cart=${encodeURIComponent(found.match.value)}`;
}
