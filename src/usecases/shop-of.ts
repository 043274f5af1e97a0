import { type Store, storeSecrets } from '../domain/stores';
import type { Shop } from '../gateways/woocommerce/gateway';
import type { Context } from './context';

/** A store as the WooCommerce gateway needs it, its keys opened: not to be logged or kept. */
export async function shopOf(ctx: Pick<Context, 'db' | 'vault'>, store: Store): Promise<Shop> {
  const { consumerKey, consumerSecret } = await storeSecrets(ctx.db, ctx.vault, store.id);
  return { slug: store.slug, url: store.url, consumerKey, consumerSecret };
}
