import type { ListedProduct } from '../gateways/woocommerce/gateway';
import { Icon } from '../ui/icons';
import type { StaffPage } from '../ui/page';
import { Banner } from '../ui/parts';
import type { ProductSearch } from '../usecases/product-news';
import type { ShopName } from './stores.query';

export interface Picker {
  shop: ShopName;
  /** Of the shop; null: not known. */
  currency: string | null;
  words: string;
  /** null: nothing was searched yet. */
  search: ProductSearch | null;
}

/** Where one chooses from; the page itself without a script, else only its part with the product. */
export const PICK = '/admin/packages/pick';
export const RESULTS = '/admin/packages/products';

/** A form of its own above the other one: with a script what was typed there stays, without one it is a page anew. */
export function PickerBox({
  page,
  picker,
  isOpen,
}: {
  page: StaffPage;
  picker: Picker;
  isOpen: boolean;
}): JSX.Element {
  const { t } = page;
  return (
    <details class="card z-section z-picker" open={isOpen}>
      <summary class="z-section-head">
        <span>
          <h2 safe>{t(isOpen ? 'picker.title' : 'picker.again')}</h2>
          <span class="z-dim" safe>
            {t('picker.lead')}
          </span>
        </span>
        <Icon name="down" />
      </summary>
      <div class="z-section-body">
        {picker.shop.hasKeys ? (
          <form method="get" action={page.path} id="product-search">
            <input type="hidden" name="store" value={picker.shop.id} />
            <label class="form-label" for="product_q" safe>
              {t('picker.label')}
            </label>
            <div class="z-picker-bar">
              <input
                type="search"
                class="form-control"
                id="product_q"
                name="product_q"
                value={picker.words}
                autocomplete="off"
                hx-get={RESULTS}
                hx-trigger="input changed delay:300ms, search"
                hx-include="#product-search, #package-form [name=store]"
                hx-target="#z-products"
                hx-sync="this:replace"
              />
              <button type="submit" class="btn" safe>
                {t('picker.search')}
              </button>
            </div>
          </form>
        ) : null}
        <div id="z-products" aria-live="polite">
          {resultsView(page, picker)}
        </div>
      </div>
    </details>
  );
}

export function resultsView(page: StaffPage, { shop, currency, words, search }: Picker): JSX.Element {
  const { t } = page;
  if (!shop.hasKeys || search?.kind === 'no-keys') return <Banner tone="quiet" text={t('picker.no_keys')} />;
  if (search === null) return '';
  if (search.kind === 'problem') {
    return <Banner tone="low" text={t('picker.problem', { problem: search.words })} />;
  }
  const { products } = search;
  if (products.length === 0) {
    return (
      <p class="z-dim" safe>
        {t('picker.none', { words })}
      </p>
    );
  }
  return (
    <>
      <p class="visually-hidden" role="status" safe>
        {t('picker.found', { count: products.length })}
      </p>
      <ul class="z-products">
        {products.map((product) => (
          <li class={product.type === 'variation' ? 'z-product-variation' : undefined}>
            <Choose page={page} shop={shop} words={words} product={product} currency={currency} />
          </li>
        ))}
      </ul>
    </>
  );
}

function Choose({
  page,
  shop,
  words,
  product,
  currency,
}: {
  page: StaffPage;
  shop: ShopName;
  words: string;
  product: ListedProduct;
  currency: string | null;
}): JSX.Element {
  const { t } = page;
  const pick = `${product.productId}.${product.variationId ?? 0}`;
  const query = new URLSearchParams({ store: shop.id, product_q: words, pick });
  const back = page.isFragment ? '/admin/packages/new' : page.path;
  const facts = [
    product.sku === '' ? t('picker.no_sku') : t('picker.sku', { sku: product.sku }),
    priceWords(page, product, currency),
    product.type === 'variable' ? t('picker.all_variations') : '',
    product.status === 'publish' ? '' : statusWords(page, product.status),
  ].filter(Boolean);
  return (
    <a
      class="z-product"
      href={`${back}?${query.toString()}`}
      hx-post={PICK}
      hx-vals={JSON.stringify({ pick, pick_store: shop.id })}
      hx-include="#package-form"
      hx-target="#z-product"
      hx-swap="outerHTML"
    >
      <span class="z-picture">
        {product.imageUrl === null ? null : (
          <img
            src={`/admin/stores/${shop.slug}/pictures/${product.productId}/${product.variationId ?? 0}`}
            alt=""
            width="44"
            height="44"
            loading="lazy"
          />
        )}
      </span>
      <span>
        <bdi class="z-product-name" safe>
          {product.name}
        </bdi>
        <small safe>{facts.join(' · ')}</small>
      </span>
    </a>
  );
}

/** "€29.00" */
function priceWords(page: StaffPage, { price, type }: ListedProduct, currency: string | null): string {
  const number = Number(price);
  if (price === '' || !Number.isFinite(number)) return '';
  const text = money(page, number, currency);
  return type === 'variable' ? page.t('picker.from', { price: text }) : text;
}

function money(page: StaffPage, number: number, currency: string | null): string {
  if (currency === null) return number.toLocaleString(page.locale);
  return new Intl.NumberFormat(page.locale, { style: 'currency', currency }).format(number);
}

function statusWords({ t }: StaffPage, status: string): string {
  return status === 'trash' || status === 'draft' ? t(`picker.status.${status}`) : t('picker.status.other');
}
