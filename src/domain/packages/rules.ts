import { limits } from '../../platform/limits';

export type Meter = 'sms' | 'email' | 'video' | 'request' | 'any';
export type PriceList = Partial<Record<Exclude<Meter, 'any'>, number>>;
export type MatchKind = 'variation_id' | 'product_id' | 'sku';

export interface Match {
  kind: MatchKind;
  value: string;
}

/** What a package promises; frozen for every order line that bought it. */
export interface Terms {
  name: string;
  /** Credits per unit sold. */
  grants: { meter: Meter; quantity: number }[];
  /** For `any`: credits per unit of each meter it can pay. */
  priceList: PriceList;
  smsUnit: 'message' | 'segment';
  /** null: a whole session is one unit. */
  videoBlockMinutes: number | null;
  /** null: never expires. */
  validityDays: number | null;
  scope: 'customer' | 'ticket';
  opensTicket: boolean;
  lowBalanceAt: number | null;
}

export interface PackageInput extends Terms {
  match: Match;
  active: boolean;
  /** Lines of orders created before (ISO) match only through an import; none: whatever their date. */
  ordersFrom?: string | null;
}

/** The mistakes in what a package would promise, by field; empty when it can be sold. */
export function mistakesIn(input: PackageInput): { path: string; message: string }[] {
  const mistakes: { path: string; message: string }[] = [];
  const wrong = (path: string, message: string) => mistakes.push({ path, message });
  const whole = (value: number, min: number, max: number) =>
    Number.isInteger(value) && value >= min && value <= max;
  if (input.name.trim() === '') wrong('name', 'must not be empty');
  if (input.match.value.trim() === '') wrong('match', 'must not be empty');
  if (input.grants.length === 0) wrong('grants', 'a package must give at least one credit');
  const meters = input.grants.map((grant) => grant.meter);
  if (new Set(meters).size < meters.length) wrong('grants', 'each meter may stand only once');
  for (const [i, grant] of input.grants.entries()) {
    if (!whole(grant.quantity, 1, limits.creditQuantityMax)) {
      wrong(`grants.${i}.quantity`, `must be a whole number from 1 to ${limits.creditQuantityMax}`);
    }
  }
  for (const [meter, price] of Object.entries(input.priceList)) {
    if (!whole(price, 1, limits.creditQuantityMax)) {
      wrong(`price_list.${meter}`, 'must be a whole number of credits, 1 or more');
    }
  }
  if (meters.includes('any') && Object.keys(input.priceList).length === 0) {
    wrong('price_list', 'must price at least one meter, else the pooled credits can pay for nothing');
  }
  if (input.videoBlockMinutes !== null && !whole(input.videoBlockMinutes, 1, limits.videoBlockMinutesMax)) {
    wrong('video_unit', `a block has 1 to ${limits.videoBlockMinutesMax} minutes`);
  }
  if (input.validityDays !== null && !whole(input.validityDays, 1, limits.validityDaysMax)) {
    wrong('validity_days', `must be from 1 to ${limits.validityDaysMax} days, or null for no end`);
  }
  if (input.lowBalanceAt !== null && !whole(input.lowBalanceAt, 0, limits.creditQuantityMax)) {
    wrong('low_balance_at', 'must be a whole number, 0 or more');
  }
  if (input.scope === 'ticket' && !input.opensTicket) {
    wrong('scope', 'credits can be bound to a ticket only when the package opens one');
  }
  return mistakes;
}

/** A line takes the most specific match. */
const SPECIFICITY: Record<MatchKind, number> = { variation_id: 0, product_id: 1, sku: 2 };

export function mostSpecific<T extends { matchKind: MatchKind }>(candidates: T[]): T | null {
  return [...candidates].sort((a, b) => SPECIFICITY[a.matchKind] - SPECIFICITY[b.matchKind])[0] ?? null;
}

/** What of an order line can be matched. 0 and the empty text stand for "none" in WooCommerce. */
export function matchesOfLine(line: { variationId: number; productId: number; sku: string | null }): Match[] {
  const matches: Match[] = [];
  if (line.variationId > 0) matches.push({ kind: 'variation_id', value: String(line.variationId) });
  if (line.productId > 0) matches.push({ kind: 'product_id', value: String(line.productId) });
  if (line.sku) matches.push({ kind: 'sku', value: line.sku });
  return matches;
}

/** Is the order too old for the package? One without a date is not. */
export function isBefore(ordersFrom: string | null, orderCreatedGmt: string | null): boolean {
  return ordersFrom !== null && orderCreatedGmt !== null && `${orderCreatedGmt}.000Z` < ordersFrom;
}
