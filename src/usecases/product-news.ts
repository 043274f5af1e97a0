import { listPackages, type Match } from '../domain/packages';
import {
  type KnownProduct,
  knownNear,
  noteMatch,
  notesOfStore,
  productsTold,
  productTold,
  readProductBody,
  type SeenProduct,
  trashTold,
} from '../domain/products';
import { findStore, type Store } from '../domain/stores';
import { WooProblem } from '../gateways/woocommerce';
import type { ListedProduct, WooShop } from '../gateways/woocommerce/gateway';
import { iso } from '../platform/clock';
import { withTransaction } from '../platform/db';
import { limits } from '../platform/limits';
import type { Context } from './context';
import { shopOf } from './shop-of';

/**
 * A shop said that a product was changed or put into the trash. With keys the shop is asked how it is now: a body may be
 * late, and that of a deletion says nothing else.
 * Shape:   store, topic, body, when it came → 'noted', 'irrelevant' (no package is bought with it), 'unreadable'
 * Errors:  WooProblem that passes: try again later
 * Writes:  shop_products, package_products. Nothing that was bought changes
 */
export async function hearOfProduct(
  ctx: Context,
  store: Store,
  told: { topic: string; json: string; receivedAt: string },
): Promise<'noted' | 'irrelevant' | 'unreadable'> {
  const body = readProductBody(told.json);
  if (!body) return 'unreadable';
  const known = await knownNear(ctx.db, store.id, body.id);
  const packages = await packagesOf(ctx, store);
  if (known.length === 0 && !packages.some(({ match }) => isAbout(match, body.id, body.product))) {
    return 'irrelevant';
  }
  const shop = ctx.gateways.woocommerce.open(await shopOf(ctx, store));
  const seen = shop ? await askAbout(ctx, shop, body.id, body.product, known) : null;
  if (seen) {
    await keep(ctx, store, seen);
    return 'noted';
  }
  const at = told.receivedAt;
  await withTransaction(ctx.db, async (trx) => {
    const { product, modifiedGmt } = body;
    if (told.topic === 'product.deleted') await trashTold(trx, { storeId: store.id, id: body.id, at });
    else if (product && modifiedGmt) await productTold(trx, { storeId: store.id, product, modifiedGmt, at });
    for (const pkg of packages) await note(trx, pkg, at);
  });
  return 'noted';
}

function isAbout(match: Match, id: number, product: SeenProduct | null): boolean {
  if (match.kind === 'sku') return product !== null && product.sku === match.value;
  return match.value === String(id) || (product !== null && match.value === String(product.productId));
}

async function packagesOf(ctx: Context, store: Store) {
  const all = await listPackages(ctx.db, { storeIds: [store.id], limit: limits.pageSizeMax });
  return all.filter(({ active }) => active);
}

type Seen = { at: string; products: SeenProduct[] };

/** The product, and each of its variations that is known. Null: keys that do not work do not say. */
async function askAbout(
  ctx: Context,
  shop: WooShop,
  id: number,
  product: SeenProduct | null,
  known: KnownProduct[],
): Promise<Seen | null> {
  const at = iso(ctx.clock.now());
  const wanted = new Map(known.map((each) => [`${each.productId}.${each.variationId ?? 0}`, each]));
  const own: Pick<SeenProduct, 'productId' | 'variationId'> = product ?? { productId: id, variationId: null };
  const isKnownVariation = known.some(({ variationId }) => variationId === id);
  const asked = [...wanted.values()];
  if (!isKnownVariation && !wanted.has(`${own.productId}.${own.variationId ?? 0}`)) {
    asked.push({ ...BLANK, ...product, ...own, storeId: '', seenAt: '' });
  }
  try {
    const products: SeenProduct[] = [];
    for (const each of asked.slice(0, limits.productsAskedAtOnce)) products.push(await stateOf(shop, each));
    return { at, products };
  } catch (error) {
    if (error instanceof WooProblem && !error.passes) return null;
    throw error;
  }
}

const BLANK: SeenProduct = {
  productId: 0,
  variationId: null,
  name: '',
  sku: '',
  price: '',
  imageUrl: null,
  status: 'publish',
  type: 'other',
};

async function stateOf(shop: WooShop, known: SeenProduct): Promise<SeenProduct> {
  const { productId, variationId } = known;
  return (await shop.readProduct(productId, variationId)) ?? { ...known, status: 'deleted' };
}

/** Keeps what the shop showed, and which of it buys a package. */
async function keep(ctx: Context, store: Store, { at, products }: Seen): Promise<void> {
  const packages = await packagesOf(ctx, store);
  await withTransaction(ctx.db, async (trx) => {
    await productsTold(trx, { storeId: store.id, products, at });
    for (const pkg of packages) await note(trx, pkg, at);
  });
}

function note(
  trx: Parameters<typeof noteMatch>[0],
  pkg: { id: string; storeId: string; match: Match },
  at: string,
) {
  return noteMatch(trx, { packageId: pkg.id, storeId: pkg.storeId, match: pkg.match, at, keepsName: true });
}

/**
 * Ask the shop how the products are that buy packages on sale: what was deleted for good tells nobody. Daily, with the sweep.
 * Errors: WooProblem. Writes: shop_products, package_products
 */
export async function refreshProducts(ctx: Context, store: Store): Promise<void> {
  const shop = ctx.gateways.woocommerce.open(await shopOf(ctx, store));
  if (!shop) return;
  const noted = new Map((await notesOfStore(ctx.db, store.id)).map((each) => [each.packageId, each]));
  for (const { id, match } of await packagesOf(ctx, store)) {
    if (ctx.walks.stopping) return;
    const at = iso(ctx.clock.now());
    const before = noted.get(id);
    const isNoted = before?.matchKind === match.kind && before.matchValue === match.value;
    const product = isNoted
      ? await stateOf(shop, await knownOr(ctx, store, before))
      : await productOfMatch(shop, match);
    if (product) await keep(ctx, store, { at, products: [product] });
  }
}

async function knownOr(
  ctx: Context,
  store: Store,
  noted: { productId: number; variationId: number; name: string },
): Promise<SeenProduct> {
  const { productId, name } = noted;
  const variationId = noted.variationId === 0 ? null : noted.variationId;
  const known = (await knownNear(ctx.db, store.id, productId)).find(
    (each) => each.variationId === variationId,
  );
  return known ?? { ...BLANK, productId, variationId, name };
}

async function productOfMatch(shop: WooShop, match: Match): Promise<ListedProduct | null> {
  if (match.kind !== 'sku') return shop.readProduct(Number(match.value));
  return (await shop.searchProducts(match.value)).find(({ sku }) => sku === match.value) ?? null;
}

export type ProductSearch =
  | { kind: 'found'; products: ListedProduct[] }
  | { kind: 'no-keys' }
  /** The shop cannot be asked: why, in plain words. */
  | { kind: 'problem'; words: string };

/**
 * Look through a shop's products and variations, by name or sku. What is found is remembered.
 * Writes: shop_products, package_products
 */
export async function searchProducts(ctx: Context, storeId: string, words: string): Promise<ProductSearch> {
  const store = await findStore(ctx.db, storeId);
  const shop = store && ctx.gateways.woocommerce.open(await shopOf(ctx, store));
  if (!store || !shop) return { kind: 'no-keys' };
  const at = iso(ctx.clock.now());
  try {
    const products = await shop.searchProducts(words.slice(0, limits.nameChars));
    await keep(ctx, store, { at, products });
    return { kind: 'found', products };
  } catch (error) {
    if (error instanceof WooProblem) return { kind: 'problem', words: error.message };
    throw error;
  }
}
