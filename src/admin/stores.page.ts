import { findStoreBySlug, type Store } from '../domain/stores';
import { WooProblem } from '../gateways/woocommerce';
import { withTransaction } from '../platform/db';
import { Refusal } from '../platform/refusal';
import type { StaffPage } from '../ui/page';
import { type PageRoutes, refused, seeOther } from '../ui/routes';
import { approvalUrl } from '../usecases/approve-keys';
import { checkConnectionOf } from '../usecases/check-store';
import { changeStoreIn, connectStoreIn } from '../usecases/connect-store';
import type { Context } from '../usecases/context';
import { ensureWebhooks } from '../usecases/make-webhooks';
import { retryShopWritesIn } from '../usecases/retry-shop-writes';
import { connectView } from './connect.view';
import { storeView } from './store.view';
import {
  addressFrom,
  changesFromTyped,
  mistakesIn,
  slugFor,
  typedFromStore,
  typedStoreFromForm,
} from './store-form';
import { ensureStoreIsSeen, readStoreState, readStoreStates, type StoreState } from './store-state';
import { newStoreView, storesView } from './stores.view';

const LIST = '/admin/stores';

/** `keysPath`: where shops hand over their keys. */
export function storesPage({ get, post }: PageRoutes, ctx: Context, keysPath: string): void {
  get(LIST, 'admin', async (page) => storesView(page, await readStoreStates(ctx, page.staff.storeIds)));

  get(`${LIST}/new`, 'admin', (page) => {
    mayAdd(page);
    return newStoreView(page, { url: '', mistakes: {} });
  });

  post(`${LIST}/new`, 'admin', async (page, form) => {
    mayAdd(page);
    const url = addressFrom(form.text('url'));
    if (!URL.canParse(url)) {
      const mistakes = { url: page.t('stores.mistakes.address') };
      return refused(newStoreView(page, { url: form.text('url'), mistakes }));
    }
    try {
      const slug = await withTransaction(ctx.db, async (trx) => {
        const stores = await readStoreStates({ ...ctx, db: trx }, null);
        const same = stores.find(({ store }) => store.url === url.replace(/\/+$/, ''));
        if (same) return same.store.slug;
        // The store that is always there is the first shop, as long as nobody has connected it.
        const blank = stores.find(({ store, secretSet }) => store.url === null && !secretSet);
        if (blank) {
          await changeStoreIn(trx, ctx, page.actor, blank.store.id, { url, name: new URL(url).hostname });
          return blank.store.slug;
        }
        const taken = new Set(stores.map(({ store }) => store.slug));
        const made = await connectStoreIn(trx, ctx, page.actor, { slug: slugFor(url, taken), url });
        return made.slug;
      });
      return seeOther(`${LIST}/${slug}/connect`);
    } catch (error) {
      return refused(newStoreView(page, { url: form.text('url'), mistakes: mistakesIn(page, error) }));
    }
  });

  get(`${LIST}/:slug`, 'admin', async (page, { slug = '' }) => {
    const state = await stateAt(page, slug);
    return storeView(page, { state, typed: typedFromStore(state.store), mistakes: {} });
  });

  post(`${LIST}/:slug`, 'admin', async (page, form, { slug = '' }) => {
    const state = await stateAt(page, slug);
    const typed = typedStoreFromForm(form);
    try {
      await withTransaction(ctx.db, (trx) =>
        changeStoreIn(trx, ctx, page.actor, state.store.id, changesFromTyped(typed)),
      );
    } catch (error) {
      return refused(storeView(page, { state, typed, mistakes: mistakesIn(page, error) }));
    }
    return seeOther(`${LIST}/${slug}`, { flash: { tone: 'good', text: page.t('stores.saved') } });
  });

  get(`${LIST}/:slug/connect`, 'admin', async (page, { slug = '' }) => {
    const { store } = await stateAt(page, slug);
    return connectPage(page, store, {});
  });

  post(`${LIST}/:slug/keys`, 'admin', async (page, form, { slug = '' }) => {
    const { store } = await stateAt(page, slug);
    const { t } = page;
    const [url, consumerKey, consumerSecret] = [
      addressFrom(form.text('url')),
      form.trimmed('consumer_key'),
      form.trimmed('consumer_secret'),
    ];
    const mistakes = {
      ...(URL.canParse(url) ? {} : { url: t('stores.mistakes.address') }),
      ...(/^ck_\w{8,}$/.test(consumerKey) ? {} : { consumer_key: t('stores.mistakes.key') }),
      ...(/^cs_\w{8,}$/.test(consumerSecret) ? {} : { consumer_secret: t('stores.mistakes.secret') }),
    };
    if (Object.keys(mistakes).length > 0) return refused(await connectPage(page, store, mistakes));
    try {
      await withTransaction(ctx.db, (trx) =>
        changeStoreIn(trx, ctx, page.actor, store.id, { url, consumerKey, consumerSecret }),
      );
    } catch (error) {
      return refused(await connectPage(page, store, mistakesIn(page, error)));
    }
    return seeOther(`${LIST}/${slug}`);
  });

  // Where the shop sends its admin back to, with what was clicked there. The keys came, or not, on another way.
  get(`${LIST}/:slug/connected`, 'admin', async (page, { slug = '' }) => {
    const state = await stateAt(page, slug);
    if (page.query.get('success') !== '1') {
      return seeOther(`${LIST}/${slug}/connect`, {
        flash: { tone: 'low', text: page.t('stores.connect.declined') },
      });
    }
    if (!state.keysSet) {
      return seeOther(`${LIST}/${slug}/connect`, {
        flash: { tone: 'bad', text: page.t('stores.connect.no_keys_came') },
      });
    }
    return seeOther(`${LIST}/${slug}`, { flash: { tone: 'good', text: page.t('stores.connect.keys_came') } });
  });

  post(`${LIST}/:slug/check`, 'admin', async (page, _form, { slug = '' }) => {
    const { store } = await stateAt(page, slug);
    const report = await checkConnectionOf(ctx, store, page.actor);
    if (report?.ok) {
      // What waited for the right keys.
      await withTransaction(ctx.db, (trx) => retryShopWritesIn(trx, ctx, page.actor, { storeId: store.id }));
      try {
        await ensureWebhooks(ctx, store, page.actor);
      } catch (error) {
        // What it was is kept, and stands on the page.
        if (!(error instanceof WooProblem)) throw error;
      }
    }
    return seeOther(`${LIST}/${slug}`);
  });

  async function connectPage(page: StaffPage, store: Store, mistakes: Record<string, string>) {
    const { url } = store;
    const isHttps = ctx.publicUrl.startsWith('https:');
    const approval =
      url !== null && isHttps ? await approvalUrl(ctx, page.actor, { ...store, url }, keysPath) : null;
    return connectView(page, { store, approval, publicUrl: ctx.publicUrl, mistakes });
  }

  async function stateAt(page: StaffPage, slug: string): Promise<StoreState> {
    const store = await findStoreBySlug(ctx.db, slug);
    return readStoreState(ctx, ensureStoreIsSeen(page.staff, store));
  }
}

function mayAdd(page: StaffPage): void {
  if (page.staff.storeIds !== null) {
    throw new Refusal('forbidden', 'You look after some stores only, and cannot connect others.');
  }
}
