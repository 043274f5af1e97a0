/** A connected shop as the gateway needs it. */
export interface Shop {
  slug: string;
  url: string | null;
  consumerKey: string | null;
  consumerSecret: string | null;
}

/**
 * The shop's REST interface, as far as applying orders needs it.
 * `unavailable`: no keys, so only webhooks speak; a network or shop error is thrown and the work is tried again.
 */
export interface WooCommerceGateway {
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
  readOrder: () => Promise.resolve({ kind: 'unavailable' }),
  readRefunds: () => Promise.resolve({ kind: 'unavailable' }),
};
