import { findSeen, type KnownProduct } from '../domain/products';
import { findStore, findStoreBySlug } from '../domain/stores';
import { limits } from '../platform/limits';
import { type StaffPage, seesStore } from '../ui/page';
import { type PageRoutes, Reply, seeOther, withHeaders } from '../ui/routes';
import type { Context } from '../usecases/context';
import { searchProducts } from '../usecases/product-news';
import { shopOf } from '../usecases/shop-of';
import { productView } from './package.view';
import { type Typed, typedFromForm } from './package-form';
import { PICK, type Picker, RESULTS, resultsView } from './product-picker.view';
import { ensureStoreIsSeen } from './store-state';
import { readShops, type ShopName } from './stores.query';

/** Parts of the package's page: what the shop has, and what was chosen of it. */
export function productPicker({ get, post }: PageRoutes, ctx: Context): void {
  get(RESULTS, 'admin', async (page) => {
    if (!page.isFragment) return seeOther(`/admin/packages/new?${page.query.toString()}`);
    const shops = await readShops(ctx.db, page.staff.storeIds);
    const picker = await pickerOf(ctx, page, shops, page.query.getAll('store').at(-1) ?? '');
    return picker ? resultsView(page, picker) : '';
  });

  post(PICK, 'admin', async (page, form) => {
    const typed = typedFromForm(form);
    const shops = await readShops(ctx.db, page.staff.storeIds);
    const storeId = form.text('pick_store');
    const picked = seesStore(page.staff, storeId) ? await pickedOf(ctx, storeId, form.text('pick')) : null;
    const part = productView(page, {
      known: null,
      // Of a package that exists its page shows the shop itself.
      isNew: !form.has('version'),
      typed: picked ? { ...withPicked(typed, picked), store: storeId } : typed,
      shops,
      mistakes: {},
      ...(picked ? { picked: picked.name } : {}),
    });
    // What the customer gets is worded anew.
    return withHeaders(part, { 'HX-Trigger-After-Settle': 'z-picked' });
  });
}

/** What stands in the box: the results of the words in the address. Null: there is no shop. */
export async function pickerOf(
  ctx: Context,
  page: StaffPage,
  shops: ShopName[],
  storeId: string,
): Promise<Picker | null> {
  const shop = shops.find(({ id }) => id === storeId) ?? shops[0];
  if (!shop) return null;
  const store = await findStore(ctx.db, shop.id);
  const words = (page.query.get('product_q') ?? '').trim().slice(0, limits.nameChars);
  const isAsked = page.query.has('product_q') && shop.hasKeys;
  return {
    shop,
    currency: store?.currency ?? null,
    words,
    search: isAsked ? await searchProducts(ctx, shop.id, words) : null,
  };
}

/** "11.0": the product and its variation, as the picker showed them. */
export async function pickedOf(ctx: Context, storeId: string, pick: string): Promise<KnownProduct | null> {
  const [, productId, variationId] = /^(\d{1,15})\.(\d{1,15})$/.exec(pick) ?? [];
  if (productId === undefined) return null;
  return findSeen(ctx.db, storeId, Number(productId), Number(variationId));
}

/** Ids stay as they are when somebody changes a sku. */
export function withPicked(typed: Typed, { productId, variationId, name }: KnownProduct): Typed {
  return {
    ...typed,
    matchKind: variationId === null ? 'product_id' : 'variation_id',
    matchValue: String(variationId ?? productId),
    name: typed.name.trim() === '' ? name.slice(0, limits.nameChars) : typed.name,
  };
}

/** A picture of a product, fetched by us: pages load nothing from a shop. Only of products that the shop itself named. */
export function pictureRoute({ get }: PageRoutes, ctx: Context): void {
  get('/admin/stores/:slug/pictures/:product/:variation', 'admin', async (page, params) => {
    const { slug = '', product = '', variation = '' } = params;
    const store = ensureStoreIsSeen(page.staff, await findStoreBySlug(ctx.db, slug));
    const known = await pickedOf(ctx, store.id, `${product}.${variation}`);
    const shop = known?.imageUrl ? ctx.gateways.woocommerce.open(await shopOf(ctx, store)) : null;
    const picture = known?.imageUrl && shop ? await shop.readPicture(known.imageUrl) : null;
    if (!picture) return new Reply({ status: 204 });
    return new Reply({ status: 200, picture: { ...picture, seconds: limits.pictureShownSeconds } });
  });
}
