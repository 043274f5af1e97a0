import type { Db, Trx } from '../../platform/db';
import type { SeenProduct } from './rules';

export interface KnownProduct extends SeenProduct {
  storeId: string;
  seenAt: string;
}

/** Which product a package was matched with, and what that was called. */
export interface NotedMatch {
  packageId: string;
  matchKind: string;
  matchValue: string;
  productId: number;
  /** 0: the product itself. */
  variationId: number;
  name: string;
}

type Row = Record<string, unknown>;

function productFromRow(row: Row): KnownProduct {
  const variationId = Number(row.variation_id);
  return {
    storeId: row.store_id as string,
    productId: Number(row.product_id),
    variationId: variationId === 0 ? null : variationId,
    name: row.name as string,
    sku: row.sku as string,
    price: row.price as string,
    imageUrl: row.picture_url as string | null,
    type: row.type as SeenProduct['type'],
    status: row.status as string,
    seenAt: row.seen_at as string,
  };
}

function noteFromRow(row: Row): NotedMatch {
  return {
    packageId: row.package_id as string,
    matchKind: row.match_kind as string,
    matchValue: row.match_value as string,
    productId: Number(row.product_id),
    variationId: Number(row.variation_id),
    name: row.name as string,
  };
}

const KEY = ['store_id', 'product_id', 'variation_id'];

function columns(storeId: string, product: SeenProduct, at: string, modifiedGmt: string | null): Row {
  return {
    store_id: storeId,
    product_id: product.productId,
    variation_id: product.variationId ?? 0,
    name: product.name,
    sku: product.sku,
    price: product.price,
    picture_url: product.imageUrl,
    type: product.type,
    status: product.status,
    modified_gmt: modifiedGmt,
    seen_at: at,
  };
}

export async function upsertSeen(
  trx: Trx,
  { storeId, product, at }: { storeId: string; product: SeenProduct; at: string },
): Promise<void> {
  await trx('shop_products')
    .insert(columns(storeId, product, at, null))
    .onConflict(KEY)
    .merge()
    .where('shop_products.seen_at', '<=', at);
}

/** In the second of a deletion that has no date the deletion counts. */
export async function upsertTold(
  trx: Trx,
  told: { storeId: string; product: SeenProduct; modifiedGmt: string; at: string },
): Promise<void> {
  const { storeId, product, modifiedGmt, at } = told;
  await trx('shop_products')
    .insert(columns(storeId, product, at, modifiedGmt))
    .onConflict(KEY)
    .merge()
    .where(
      (q) =>
        void q
          .where('shop_products.modified_gmt', '<', modifiedGmt)
          .orWhere((same) =>
            same.where('shop_products.modified_gmt', modifiedGmt).whereNot('shop_products.status', 'trash'),
          )
          .orWhere((asked) =>
            asked.whereNull('shop_products.modified_gmt').where('shop_products.seen_at', '<=', at),
          ),
    );
}

export async function markTrashed(
  trx: Trx,
  { storeId, id, at }: { storeId: string; id: number; at: string },
): Promise<void> {
  await trx('shop_products')
    .where({ store_id: storeId })
    .where((q) => void q.where({ product_id: id }).orWhere({ variation_id: id }))
    .where('seen_at', '<=', at)
    .update({ status: 'trash', seen_at: at });
}

export async function findSeen(
  db: Db,
  storeId: string,
  productId: number,
  variationId: number,
): Promise<KnownProduct | null> {
  const key = { store_id: storeId, product_id: productId, variation_id: variationId };
  const row = (await db('shop_products').where(key).first()) as Row | undefined;
  return row ? productFromRow(row) : null;
}

/** What is known of a product and its variations, by the id of either. */
export async function knownNear(db: Db, storeId: string, id: number): Promise<KnownProduct[]> {
  const rows = (await db('shop_products')
    .where({ store_id: storeId })
    .where((q) => void q.where({ product_id: id }).orWhere({ variation_id: id }))
    .orderBy(['product_id', 'variation_id'])) as Row[];
  return rows.map(productFromRow);
}

/** The one that an order line with this key would name; of several with one sku the one that is on sale. */
export async function seenByKey(
  db: Db,
  storeId: string,
  match: { kind: string; value: string },
): Promise<KnownProduct | null> {
  const of =
    match.kind === 'sku'
      ? { sku: match.value }
      : match.kind === 'variation_id'
        ? { variation_id: Number(match.value) }
        : { product_id: Number(match.value), variation_id: 0 };
  const rows = (await db('shop_products')
    .where({ store_id: storeId, ...of })
    .orderBy(['product_id', 'variation_id'])) as Row[];
  const found = rows.map(productFromRow);
  return found.find(({ status }) => status === 'publish') ?? found[0] ?? null;
}

export async function findNote(db: Db, packageId: string): Promise<NotedMatch | null> {
  const row = (await db('package_products').where({ package_id: packageId }).first()) as Row | undefined;
  return row ? noteFromRow(row) : null;
}

export async function saveNote(db: Db, note: NotedMatch & { storeId: string; at: string }): Promise<void> {
  await db('package_products')
    .insert({
      package_id: note.packageId,
      store_id: note.storeId,
      match_kind: note.matchKind,
      match_value: note.matchValue,
      product_id: note.productId,
      variation_id: note.variationId,
      name: note.name,
      noted_at: note.at,
    })
    .onConflict('package_id')
    .merge();
}

export async function deleteNote(db: Db, packageId: string): Promise<void> {
  await db('package_products').where({ package_id: packageId }).delete();
}

export async function notesOfStore(db: Db, storeId: string): Promise<NotedMatch[]> {
  return ((await db('package_products').where({ store_id: storeId }).orderBy('package_id')) as Row[]).map(
    noteFromRow,
  );
}

/** With what each product is now; null: that is not known. */
export async function notesOfPackages(
  db: Db,
  packageIds: string[],
): Promise<{ noted: NotedMatch; now: KnownProduct | null }[]> {
  const rows = (await db('package_products').whereIn('package_id', packageIds)) as Row[];
  const found: { noted: NotedMatch; now: KnownProduct | null }[] = [];
  for (const row of rows) {
    const noted = noteFromRow(row);
    const now = await findSeen(db, row.store_id as string, noted.productId, noted.variationId);
    found.push({ noted, now });
  }
  return found;
}
