/** Pure decisions of the credit ledger: what a piece of work costs, which grants pay it, what an order may take back. */

export const METERS = ['sms', 'email', 'video', 'request', 'any'] as const;
export type Meter = (typeof METERS)[number];
export type WorkMeter = Exclude<Meter, 'any'>;

export const AMOUNTS = ['granted', 'available', 'held', 'used', 'expired', 'revoked'] as const;
export type Amounts = Record<(typeof AMOUNTS)[number], number>;

export type Unit = 'message' | 'segment' | 'session' | 'block' | 'request';

/** One piece of work to pay. `blockMinutes` undefined: the grants decide how video is counted; a number: one more block of these minutes. */
export type Work =
  | { meter: 'sms'; segments: number }
  | { meter: 'email' }
  | { meter: 'request' }
  | { meter: 'video'; blockMinutes?: number | null };

export interface Grant extends Amounts {
  id: string;
  grantKey: string;
  customerId: string;
  meter: Meter;
  cause: 'order' | 'goodwill' | 'correction';
  orderId: string | null;
  orderLineId: string | null;
  packageVersionId: string | null;
  smsUnit: 'message' | 'segment';
  videoBlockMinutes: number | null;
  priceList: Partial<Record<WorkMeter, number>> | null;
  scope: 'customer' | 'ticket';
  ticketFamilyId: string | null;
  expiresAt: string | null;
  /** The part of `revoked` that the order took back and may reinstate. */
  orderRevoked: number;
  /** What the order wants of this grant now; null for goodwill and corrections. */
  wanted: number | null;
  createdAt: string;
}

export interface Draw {
  grantId: string;
  meter: Meter;
  credits: number;
}

export interface Plan {
  unit: Unit;
  blockMinutes: number | null;
  /** Units of work. */
  quantity: number;
  /** Credits per unit. */
  price: number;
  draws: Draw[];
  /** Credits that the paying grants lack; 0 when payable. */
  missing: number;
  /** Credits that the paying grants have. */
  available: number;
}

export type EntryType =
  | 'grant'
  | 'reinstate'
  | 'hold'
  | 'capture'
  | 'release'
  | 'reverse'
  | 'expire'
  | 'unexpire'
  | 'revoke'
  | 'correct';

/** Where an entry takes from and where it puts to. `grant` comes from nowhere and also raises `granted`. */
export const MOVES: Record<
  EntryType,
  { from: Exclude<keyof Amounts, 'granted'> | null; to: Exclude<keyof Amounts, 'granted'> }
> = {
  grant: { from: null, to: 'available' },
  reinstate: { from: 'revoked', to: 'available' },
  hold: { from: 'available', to: 'held' },
  capture: { from: 'held', to: 'used' },
  release: { from: 'held', to: 'available' },
  reverse: { from: 'used', to: 'available' },
  expire: { from: 'available', to: 'expired' },
  unexpire: { from: 'expired', to: 'available' },
  revoke: { from: 'available', to: 'revoked' },
  correct: { from: 'available', to: 'revoked' },
};

/** What an entry does to the credits that can be spent. */
export function changeOf(type: EntryType, quantity: number): number {
  const { from, to } = MOVES[type];
  if (to === 'available') return quantity;
  return from === 'available' ? -quantity : 0;
}

/** Live at `at`: spending looks at the clock, never at whether the expiry job ran. */
export function isLive(grant: Pick<Grant, 'expiresAt'>, at: string): boolean {
  return grant.expiresAt === null || grant.expiresAt > at;
}

/** May this grant pay for work on a ticket of this family? */
export function isInScope(grant: Grant, ticketFamilyId: string | null): boolean {
  return grant.scope === 'customer' || (ticketFamilyId !== null && grant.ticketFamilyId === ticketFamilyId);
}

/** Negative when `a` is drawn before `b`: ticket before customer, the meter itself before any, earliest expiry, oldest. */
export function compareDrawOrder(a: Grant, b: Grant): number {
  return compareRank(a, b) || compareText(a.createdAt, b.createdAt) || compareText(a.id, b.id);
}

function compareRank(a: Grant, b: Grant): number {
  return (
    Number(a.scope === 'customer') - Number(b.scope === 'customer') ||
    Number(a.meter === 'any') - Number(b.meter === 'any') ||
    compareText(a.expiresAt ?? '9999', b.expiresAt ?? '9999')
  );
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

interface Group {
  unit: Unit;
  blockMinutes: number | null;
  quantity: number;
  price: number;
  grants: Grant[];
}

/**
 * Chooses what pays one piece of work.
 * A piece is paid whole, in one unit, by one group of grants of equal unit and price; within the group several grants
 * may share it. Groups are tried in the draw order of their first grant; where two groups stand equal up to age, the
 * one that costs the customer fewer credits goes first (a 3-segment SMS takes 1 message credit rather than 3 segment credits).
 * `grants` are those with something available, live and in scope.
 */
export function planHold(grants: Grant[], work: Work): Plan {
  const groups = new Map<string, Group>();
  for (const grant of [...grants].sort(compareDrawOrder)) {
    const terms = termsFor(grant, work);
    if (!terms) continue;
    const key = `${terms.unit}:${terms.blockMinutes}:${terms.price}`;
    const group = groups.get(key);
    if (group) group.grants.push(grant);
    else groups.set(key, { ...terms, grants: [grant] });
  }
  const ordered = [...groups.values()].sort((a, b) => compareGroups(a, b));
  const payer = ordered.find((group) => inside(group) >= cost(group));
  if (payer) {
    let left = cost(payer);
    const draws: Draw[] = [];
    for (const grant of payer.grants) {
      const credits = Math.min(left, grant.available);
      if (credits > 0) draws.push({ grantId: grant.id, meter: grant.meter, credits });
      left -= credits;
    }
    const { unit, blockMinutes, quantity, price } = payer;
    return { unit, blockMinutes, quantity, price, draws, missing: 0, available: inside(payer) };
  }
  const nearest = ordered.sort((a, b) => cost(a) - inside(a) - (cost(b) - inside(b)))[0];
  if (!nearest) {
    return { ...defaultTerms(work), price: 1, draws: [], missing: defaultTerms(work).quantity, available: 0 };
  }
  const { unit, blockMinutes, quantity, price } = nearest;
  const missing = cost(nearest) - inside(nearest);
  return { unit, blockMinutes, quantity, price, draws: [], missing, available: inside(nearest) };
}

function compareGroups(a: Group, b: Group): number {
  const [first, other] = [a.grants[0] as Grant, b.grants[0] as Grant];
  return compareRank(first, other) || cost(a) - cost(b) || compareDrawOrder(first, other);
}

function cost(group: Group): number {
  return group.quantity * group.price;
}

function inside(group: Group): number {
  return group.grants.reduce((sum, grant) => sum + grant.available, 0);
}

/** The unit, amount and price in which this grant would pay; null when it cannot pay this work at all. */
function termsFor(grant: Grant, work: Work): Omit<Group, 'grants'> | null {
  if (grant.meter !== work.meter && grant.meter !== 'any') return null;
  const price = grant.meter === 'any' ? grant.priceList?.[work.meter] : 1;
  if (price === undefined) return null;
  switch (work.meter) {
    case 'sms':
      return {
        unit: grant.smsUnit,
        blockMinutes: null,
        quantity: grant.smsUnit === 'segment' ? work.segments : 1,
        price,
      };
    case 'email':
      return { unit: 'message', blockMinutes: null, quantity: 1, price };
    case 'request':
      return { unit: 'request', blockMinutes: null, quantity: 1, price };
    case 'video': {
      const minutes = grant.videoBlockMinutes;
      if (work.blockMinutes !== undefined && work.blockMinutes !== minutes) return null;
      return { unit: minutes === null ? 'session' : 'block', blockMinutes: minutes, quantity: 1, price };
    }
  }
}

function defaultTerms(work: Work): { unit: Unit; blockMinutes: number | null; quantity: number } {
  switch (work.meter) {
    case 'sms':
    case 'email':
      return { unit: 'message', blockMinutes: null, quantity: 1 };
    case 'request':
      return { unit: 'request', blockMinutes: null, quantity: 1 };
    case 'video': {
      const minutes = work.blockMinutes ?? null;
      return { unit: minutes === null ? 'session' : 'block', blockMinutes: minutes, quantity: 1 };
    }
  }
}

/** What the order caused and has not taken back. Corrections, spending and expiry do not count. */
export function netOfOrder(grant: Pick<Grant, 'granted' | 'orderRevoked'>): number {
  return grant.granted - grant.orderRevoked;
}

/** What the order has caused beyond what it wants now. */
export function excessOf(grant: Pick<Grant, 'granted' | 'orderRevoked' | 'wanted'>): number {
  return grant.wanted === null ? 0 : Math.max(0, netOfOrder(grant) - grant.wanted);
}

/**
 * Credits already used or on hold that the order no longer pays for. What has expired, or was corrected away, cannot be
 * taken back either, but nobody used it: a refund means the same whether it came before the expiry or after it.
 */
export function shortfallOf({ wanted, used, held }: Pick<Grant, 'wanted' | 'used' | 'held'>): number {
  return wanted === null ? 0 : Math.max(0, used + held - wanted);
}

/** What of a grant decides whether its customer runs low. `lowBalanceAt`: as its package says; null: it says nothing. */
export type StockGrant = Pick<
  Grant,
  | 'meter'
  | 'cause'
  | 'granted'
  | 'available'
  | 'held'
  | 'used'
  | 'orderRevoked'
  | 'wanted'
  | 'expiresAt'
  | 'priceList'
> & { lowBalanceAt: number | null };

/** What a customer once had of one meter, as far as it is neither expired nor taken back. */
export interface Stock {
  bought: number;
  /** Credits that the cheapest piece costs: 1, but for pooled credits that pay only dearer work. */
  piece: number;
  /** So many or fewer are few; null: none left is the only thing to tell. */
  mark: number | null;
}

/** enough · low: few are left · none: not even one piece can be paid */
export type Level = 'enough' | 'low' | 'none';

/**
 * Low is the last piece or the last fifth of the unexpired net grants, or where the packages say so (the highest mark of
 * those that still have something). Never of a single piece, and never while a whole purchase lies untouched: who has just
 * bought is not told to buy.
 * Source:  DESIGN §3 "Expiry"
 */
export function stockOf(grants: readonly StockGrant[], meter: Meter, at: string): Stock {
  const live = grants.filter((grant) => grant.meter === meter && isLive(grant, at));
  const bought = live.reduce((sum, grant) => sum + netOf(grant), 0);
  const prices = live.flatMap((grant) => Object.values(grant.priceList ?? {}));
  const piece = meter === 'any' && prices.length > 0 ? Math.min(...prices) : 1;
  const isUntouched = live.some(
    (grant) => grant.cause === 'order' && grant.used + grant.held === 0 && grant.available >= piece,
  );
  if (bought <= piece || isUntouched) return { bought, piece, mark: null };
  const marks = live.flatMap((grant) =>
    grant.lowBalanceAt !== null && grant.available + grant.held > 0 ? [grant.lowBalanceAt] : [],
  );
  return {
    bought,
    piece,
    mark: marks.length > 0 ? Math.max(...marks) : Math.max(piece, Math.floor(bought / 5)),
  };
}

/** Given, and neither taken back nor about to be. */
function netOf(grant: StockGrant): number {
  return grant.available + grant.held + grant.used - shortfallOf(grant);
}

export function levelOf(left: number, { piece, mark }: Stock): Level {
  if (left < piece) return 'none';
  return mark !== null && left <= mark ? 'low' : 'enough';
}

/** Pieces of work that pooled credits can pay besides what the meter itself has. */
export function pooledPieces(grants: readonly StockGrant[], meter: Meter, at: string): number {
  if (meter === 'any') return 0;
  return grants.reduce((sum, grant) => {
    const price = grant.meter === 'any' ? grant.priceList?.[meter] : undefined;
    return price && isLive(grant, at) ? sum + Math.floor((grant.available + grant.held) / price) : sum;
  }, 0);
}
