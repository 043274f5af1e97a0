import { z } from 'zod';
import { WooClient, type WooSettings } from './client';
import { checkConnection } from './connection';
import type { ShopWebhook, WooShop } from './gateway';
import { Pictures } from './pictures';
import { WooProblem } from './problem';
import { findProduct, findProducts } from './products';
import { walk } from './walk';

/**
 * One shop, asked by REST v3: Basic over https, OAuth 1.0a over http.
 * Shape:   { url, consumerKey, consumerSecret, clock, limits } → WooShop
 * Errors:  WooProblem, without the request: that holds the keys
 * Source:  the measured facts of REST in the recordings' README
 */
export function makeWooGateway(settings: WooSettings): WooShop {
  const { limits } = settings;
  const client = new WooClient(settings);
  const pictures = new Pictures(settings);

  /** All pages of a short list; told apart by id, since rows may move between pages. */
  async function all(path: string, query: Record<string, string> = {}): Promise<{ id: number }[]> {
    const found = new Map<number, { id: number }>();
    for (let page = 1; ; page++) {
      const { data } = await client.get(path, { ...query, per_page: limits.wooPageSize, page });
      const items = parse(z.array(z.looseObject({ id: z.number() })), data);
      const before = found.size;
      for (const item of items) found.set(item.id, item);
      // A shop that ignores `page` would answer the same for ever.
      if (items.length < limits.wooPageSize || found.size === before) return [...found.values()];
    }
  }

  return {
    async readOrder(wooId) {
      try {
        const { json, data } = await client.get(`orders/${wooId}`);
        if (parse(z.looseObject({ id: z.number() }), data).id !== wooId) throw brokenAnswer();
        return { kind: 'order', json };
      } catch (error) {
        // Only WooCommerce's own word: a missing page elsewhere is no deleted order.
        if (isNotFound(error, 'woocommerce_rest_shop_order_invalid_id')) return { kind: 'missing' };
        throw error;
      }
    },

    async readRefunds(wooId) {
      return JSON.stringify(await all(`orders/${wooId}/refunds`));
    },

    async *walkOrders({ since }) {
      const options = {
        by: 'modified',
        since,
        pageSize: limits.wooPageSize,
        passes: limits.wooSecondPasses,
      } as const;
      yield* walk(client, { ...options, query: { status: 'any' } });
      // "any" leaves these out. After it, so that what is trashed meanwhile is found here.
      yield* walk(client, { ...options, query: { status: 'trash' } });
    },

    walkCreated({ since, ...filter }) {
      const options = {
        by: 'created',
        since,
        pageSize: limits.wooPageSize,
        passes: limits.wooSecondPasses,
      } as const;
      return walk(client, { ...options, query: filterQuery(filter) });
    },

    async countOrders({ since, ...filter }) {
      const { headers } = await client.get(
        'orders',
        {
          ...filterQuery(filter),
          after: new Date(Date.parse(since) - 1000).toISOString().slice(0, 19),
          dates_are_gmt: true,
          per_page: 1,
          _fields: 'id',
        },
        true,
      );
      const total = Number(headers['x-wp-total']);
      if (!Number.isSafeInteger(total)) throw brokenAnswer();
      return total;
    },

    searchProducts: (words) => findProducts(client, words.trim()),
    readProduct: (productId, variationId = null) => findProduct(client, productId, variationId),

    async listWebhooks() {
      return (await all('webhooks', { status: 'all' })).map(readWebhook);
    },

    async createWebhook({ name, topic, deliveryUrl, secret }) {
      const body = { name, topic, delivery_url: deliveryUrl, secret, status: 'active' };
      return readWebhook((await client.create('webhooks', body)).data);
    },

    async updateWebhook(id, { status, deliveryUrl, secret }) {
      return readWebhook(
        (await client.set(`webhooks/${id}`, { status, delivery_url: deliveryUrl, secret })).data,
      );
    },

    async deleteWebhook(id) {
      await client.remove(`webhooks/${id}`, { force: true }).catch((error: unknown) => {
        if (!isNotFound(error, 'woocommerce_rest_shop_webhook_invalid_id')) throw error;
      });
    },

    async addOrderNote(wooId, { text, toCustomer }) {
      const { data } = await client.create(`orders/${wooId}/notes`, {
        note: text,
        customer_note: toCustomer,
      });
      return { id: parse(withId, data).id };
    },

    async listOrderNotes(wooId) {
      const { data } = await client.get(`orders/${wooId}/notes`);
      return parse(z.array(note), data).map((each) => ({
        id: each.id,
        text: each.note,
        toCustomer: each.customer_note,
      }));
    },

    async writeOrderMeta(wooId, meta) {
      const meta_data = Object.entries(meta).map(([key, value]) => ({ key, value }));
      await client.set(`orders/${wooId}`, { meta_data });
    },

    async createCoupon(coupon) {
      const { data } = await client.create('coupons', {
        code: coupon.code,
        discount_type: coupon.kind,
        amount: coupon.amount,
        usage_limit: coupon.usageLimit,
        email_restrictions: coupon.email === undefined ? undefined : [coupon.email],
        date_expires: coupon.expires,
        description: coupon.description,
      });
      return parse(madeCoupon, data);
    },

    async findCoupon(code) {
      const { data } = await client.get('coupons', { code: code.toLowerCase() });
      return parse(z.array(foundCoupon), data)[0] ?? null;
    },

    readPicture: (address) => pictures.read(address),

    checkConnection: () => checkConnection(client, settings),
  };
}

const withId = z.looseObject({ id: z.number() });
const note = z.looseObject({ id: z.number(), note: z.string(), customer_note: z.boolean() });
const madeCoupon = z.object({ id: z.number(), code: z.string() });
const foundCoupon = madeCoupon.extend({ description: z.string().catch('') });
const webhook = z.looseObject({
  id: z.number(),
  name: z.string(),
  status: z.enum(['active', 'paused', 'disabled']),
  topic: z.string(),
  delivery_url: z.string(),
});

function readWebhook(data: unknown): ShopWebhook {
  const { id, name, status, topic, delivery_url } = parse(webhook, data);
  return { id, name, status, topic, deliveryUrl: delivery_url };
}

function parse<T>(shape: z.ZodType<T>, data: unknown): T {
  const parsed = shape.safeParse(data);
  if (!parsed.success) throw brokenAnswer();
  return parsed.data;
}

function filterQuery({
  productId,
  statuses,
}: {
  productId?: number;
  statuses?: string[];
}): Record<string, string> {
  return {
    ...(productId === undefined ? {} : { product: String(productId) }),
    status: statuses?.join(',') ?? 'any',
  };
}

function isNotFound(error: unknown, code: string): boolean {
  return error instanceof WooProblem && error.code === 'not-found' && error.facts.code === code;
}

const brokenAnswer = () =>
  new WooProblem('broken-answer', 'The shop answered with something else than was asked for.');
