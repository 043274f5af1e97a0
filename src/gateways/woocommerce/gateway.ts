import type { WooProblem } from './problem';

/** A connected shop as the gateway needs it. */
export interface Shop {
  slug: string;
  url: string | null;
  consumerKey: string | null;
  consumerSecret: string | null;
}

/**
 * The shops' REST interfaces.
 * `unavailable`: no keys, or keys that the shop does not take, so only webhooks speak; where the shop is just not
 * reachable a WooProblem is thrown and the work is tried again.
 */
export interface WooCommerceGateway {
  /** The shop itself, for what only it can tell or do; null: without keys. */
  open(shop: Shop): WooShop | null;
  /** The order as the store has it now, as JSON text; `missing`: permanently deleted (404). */
  readOrder(
    shop: Shop,
    wooId: number,
  ): Promise<{ kind: 'order'; json: string } | { kind: 'missing' } | { kind: 'unavailable' }>;
  /** All refunds of the order as the store has them now, as JSON text of an array. */
  readRefunds(
    shop: Shop,
    wooId: number,
  ): Promise<{ kind: 'refunds'; json: string } | { kind: 'unavailable' }>;
}

/** The shop speaks by webhook only. */
export const webhooksOnly: WooCommerceGateway = {
  open: () => null,
  readOrder: () => Promise.resolve({ kind: 'unavailable' }),
  readRefunds: () => Promise.resolve({ kind: 'unavailable' }),
};

/** One order as a list shows it. */
export interface ListedOrder {
  wooId: number;
  status: string;
  /** Bare GMT, to the second. */
  dateModifiedGmt: string;
  dateCreatedGmt: string;
  /** As readOrder() would tell it. */
  json: string;
  /** When the shop was asked: it has not said anything that happened later. */
  readAt: string;
}

export interface ListedProduct {
  productId: number;
  /** Of a variation. */
  variationId: number | null;
  /** "Premium podpora" or "Premium podpora - SMS 10" */
  name: string;
  sku: string;
  /** As the shop writes it; '' where it has none. */
  price: string;
  imageUrl: string | null;
  status: string;
  type: 'simple' | 'variable' | 'variation' | 'other';
}

export interface Picture {
  type: string;
  bytes: Buffer;
}

export interface ShopWebhook {
  id: number;
  name: string;
  status: 'active' | 'paused' | 'disabled';
  topic: string;
  deliveryUrl: string;
}

export interface NewCoupon {
  code: string;
  kind: 'fixed_cart' | 'percent';
  /** "10.00", or a percentage. */
  amount: string;
  usageLimit?: number;
  /** Only this buyer. */
  email?: string;
  /** Store local, YYYY-MM-DDTHH:MM:SS. */
  expires?: string;
  description?: string;
}

/** One line of the check-list of a connection. */
export interface ConnectionCheck {
  name: 'reachable' | 'keys' | 'write' | 'version' | 'hpos' | 'currency' | 'clock';
  /** unknown: an earlier check failed, or the key may not see it. */
  state: 'ok' | 'warning' | 'failed' | 'unknown';
  /** What was found: a version, a currency, seconds. */
  value: string | null;
  problem: WooProblem | null;
}

export interface ConnectionReport {
  /** Nothing failed; warnings may remain. */
  ok: boolean;
  checks: ConnectionCheck[];
  shop: {
    name: string | null;
    home: string | null;
    timeZone: string | null;
    currency: string | null;
    version: string | null;
  };
}

/**
 * One shop with keys. Everything throws WooProblem where the shop cannot be asked or says no; reads are tried again by
 * themselves, writes only where that is safe (`maybeDone` tells when a write may have been done all the same).
 */
export interface WooShop {
  readOrder(wooId: number): Promise<{ kind: 'order'; json: string } | { kind: 'missing' }>;
  /** JSON text of an array, all pages. */
  readRefunds(wooId: number): Promise<string>;
  /**
   * Orders changed at `since` (ISO, to the second) or later, oldest change first, then the trashed ones. Ends with what had
   * changed when it began; an order that changes meanwhile may come twice. One page in memory.
   */
  walkOrders(question: { since: string }): AsyncGenerator<ListedOrder>;
  /** Orders by creation, from `since` on; go on after a break with the last `dateCreatedGmt`. Trashed ones are left out. */
  walkCreated(question: {
    since: string;
    productId?: number;
    statuses?: string[];
  }): AsyncGenerator<ListedOrder>;
  countOrders(question: { since: string; productId?: number; statuses?: string[] }): Promise<number>;
  /** By words of the name or by sku; variations stand after their product. */
  searchProducts(words: string): Promise<ListedProduct[]>;
  /** Null: deleted for good. */
  readProduct(productId: number, variationId?: number | null): Promise<ListedProduct | null>;
  listWebhooks(): Promise<ShopWebhook[]>;
  createWebhook(webhook: {
    name: string;
    topic: string;
    deliveryUrl: string;
    secret: string;
  }): Promise<ShopWebhook>;
  /** Activating again keeps the failure count: to start clean, delete and create. */
  updateWebhook(
    id: number,
    changes: { status?: 'active' | 'paused'; deliveryUrl?: string; secret?: string },
  ): Promise<ShopWebhook>;
  /** One that is gone already is as good. */
  deleteWebhook(id: number): Promise<void>;
  /** `toCustomer`: WooCommerce mails it. Never tried twice unless the shop certainly has it not. */
  addOrderNote(wooId: number, note: { text: string; toCustomer: boolean }): Promise<{ id: number }>;
  listOrderNotes(wooId: number): Promise<{ id: number; text: string; toCustomer: boolean }[]>;
  /** Comes back as order.updated. */
  writeOrderMeta(wooId: number, meta: Record<string, string>): Promise<void>;
  /** Errors: coupon-exists */
  createCoupon(coupon: NewCoupon): Promise<{ id: number; code: string }>;
  findCoupon(code: string): Promise<{ id: number; code: string; description: string } | null>;
  /** A small picture of the shop, from its own address only; null: there is none that can be shown. Never throws. */
  readPicture(url: string): Promise<Picture | null>;
  /** Never throws: what is wrong is what it reports. */
  checkConnection(): Promise<ConnectionReport>;
}
