import { createHash } from 'node:crypto';
import type { WooSettings } from './client';
import { type Shop, type WooCommerceGateway, type WooShop, webhooksOnly } from './gateway';
import { WooProblem } from './problem';
import { makeWooGateway } from './shop';

/**
 * All connected shops: those with keys are asked, the others speak by webhook only.
 * Shape:   { clock, limits, ca? } → WooCommerceGateway
 */
export function makeWooCommerce(settings: Pick<WooSettings, 'clock' | 'limits' | 'ca'>): WooCommerceGateway {
  // One per shop, so that the limit of requests at once holds for the shop and not for each caller.
  const open = new Map<string, { shop: WooShop; keys: string }>();

  function openShop({ slug, url, consumerKey, consumerSecret }: Shop): WooShop | null {
    if (url === null || consumerKey === null || consumerSecret === null) return null;
    const keys = createHash('sha256').update([url, consumerKey, consumerSecret].join('\n')).digest('hex');
    const known = open.get(slug);
    if (known?.keys === keys) return known.shop;
    const shop = makeWooGateway({ ...settings, url, consumerKey, consumerSecret });
    open.set(slug, { shop, keys });
    return shop;
  }

  return {
    open: openShop,
    async readOrder(shop, wooId) {
      const opened = openShop(shop);
      return opened ? unlessLasting(opened.readOrder(wooId)) : webhooksOnly.readOrder(shop, wooId);
    },
    async readRefunds(shop, wooId) {
      const opened = openShop(shop);
      if (!opened) return webhooksOnly.readRefunds(shop, wooId);
      const json = await unlessLasting(opened.readRefunds(wooId));
      return typeof json === 'string' ? { kind: 'refunds', json } : json;
    },
  };
}

/** Keys that were revoked come back by a person only: until then orders go on as they came by webhook. */
async function unlessLasting<T>(answer: Promise<T>): Promise<T | { kind: 'unavailable' }> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof WooProblem && !error.passes) return { kind: 'unavailable' };
    throw error;
  }
}
