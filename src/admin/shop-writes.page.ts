import { findStoreBySlug, type Store } from '../domain/stores';
import { withTransaction } from '../platform/db';
import { isId } from '../platform/ids';
import type { StaffPage } from '../ui/page';
import { type PageRoutes, seeOther } from '../ui/routes';
import type { Context } from '../usecases/context';
import { retryShopWritesIn } from '../usecases/retry-shop-writes';
import { readShopWrites } from './shop-writes.query';
import { shopWritesView } from './shop-writes.view';
import { ensureStoreIsSeen } from './store-state';

const PATH = '/admin/stores/:slug/writes';

/** What Zeton writes into a shop, and what keeps it from doing so. */
export function shopWritesPage({ get, post }: PageRoutes, ctx: Context): void {
  const storeAt = async (page: StaffPage, slug: string): Promise<Store> =>
    ensureStoreIsSeen(page.staff, await findStoreBySlug(ctx.db, slug));

  get(PATH, 'admin', async (page, { slug = '' }) => {
    const store = await storeAt(page, slug);
    return shopWritesView(page, store, await readShopWrites(ctx.db, store.id));
  });

  post(`${PATH}/retry`, 'admin', async (page, form, { slug = '' }) => {
    const store = await storeAt(page, slug);
    const id = form.text('id');
    const which = isId(id) ? { storeId: store.id, id } : { storeId: store.id };
    const count = await withTransaction(ctx.db, (trx) => retryShopWritesIn(trx, ctx, page.actor, which));
    return seeOther(`/admin/stores/${slug}/writes`, {
      flash: { tone: 'good', text: page.t('shop_writes.retried', { count }) },
    });
  });
}
