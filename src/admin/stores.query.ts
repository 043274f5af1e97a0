import type { Db } from '../platform/db';
import { onlyOf, type StoreIds } from '../platform/in-stores';

export interface ShopName {
  id: string;
  slug: string;
  name: string;
  /** Without one, whatever the shop sends is refused. */
  hasSecret: boolean;
  /** It can be read by REST. */
  hasKeys: boolean;
}

/** All of them: nobody runs so many shops that they would not fit on one page. */
export async function readShops(db: Db, storeIds: StoreIds): Promise<ShopName[]> {
  const rows = (await onlyOf(db('stores'), 'id', storeIds)
    .orderBy('id')
    .select('id', 'slug', 'name', 'webhook_secret_sealed', 'consumer_secret_sealed')) as {
    id: string;
    slug: string;
    name: string;
    webhook_secret_sealed: string | null;
    consumer_secret_sealed: string | null;
  }[];
  return rows.map((row) => ({
    id: row.id,
    slug: row.slug,
    name: row.name,
    hasSecret: row.webhook_secret_sealed !== null,
    hasKeys: row.consumer_secret_sealed !== null,
  }));
}

export async function readLastReceived(db: Db, storeId: string): Promise<string | null> {
  const newest = (await db('deliveries')
    .where({ store_id: storeId })
    .orderBy('id', 'desc')
    .first('received_at')) as { received_at: string } | undefined;
  return newest?.received_at ?? null;
}
