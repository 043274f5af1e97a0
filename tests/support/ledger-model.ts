/**
 * The oracle of the ledger's model test: what DESIGN §3 "Packages", "Applying snapshots" and "Spending" say, in plain
 * loops over a few arrays. It was written from that page and must not be made from, or share code with, src/.
 */

export type WorkMeter = 'sms' | 'email' | 'video' | 'request';
export type Meter = WorkMeter | 'any';
export type Work =
  | { meter: 'sms'; segments: number }
  | { meter: 'email' | 'request' }
  /** Minutes: one more block of that length. */
  | { meter: 'video'; minutes?: number };

interface Terms {
  smsUnit: 'message' | 'segment';
  /** Video in blocks of these minutes; null: by the session. */
  minutes: number | null;
  scope: 'customer' | 'ticket';
  prices: Partial<Record<WorkMeter, number>>;
}

export interface Pack extends Terms {
  gives: Partial<Record<Meter, number>>;
  days: number | null;
  opensTicket: boolean;
}

const usual = {
  smsUnit: 'message' as const,
  minutes: null,
  scope: 'customer' as const,
  prices: { sms: 1, email: 1, video: 5 },
  days: null,
  opensTicket: true,
};
const bound = { ...usual, scope: 'ticket' as const };

/** What the shop sells, by sku. */
export const PACKS: Record<string, Pack> = {
  MESSAGES: { ...usual, gives: { sms: 3, email: 1 } },
  SEGMENTS: { ...usual, gives: { sms: 4 }, smsUnit: 'segment', opensTicket: false },
  BOUND: { ...bound, gives: { sms: 2, email: 2 }, days: 5 },
  POOL: { ...usual, gives: { any: 6 }, prices: { sms: 1, email: 2, video: 5 }, days: 20 },
  BOUND_POOL: {
    ...bound,
    gives: { any: 5 },
    smsUnit: 'segment',
    minutes: 15,
    prices: { sms: 2, email: 1, video: 1, request: 3 },
  },
  SESSIONS: { ...usual, gives: { video: 2, request: 1 }, days: 3 },
  BLOCKS: { ...usual, gives: { sms: 1, video: 3 }, minutes: 10, days: 10 },
};

/** Credits of one meter from one cause, for one customer. */
interface Lot extends Terms {
  key: string;
  customer: number;
  meter: Meter;
  /** Null: an adjustment. */
  order: number | null;
  expiresAt: string | null;
  /** What the order pays for now; null: an adjustment. */
  wanted: number | null;
  available: number;
  held: number;
  used: number;
  expired: number;
  /** Taken back by the order; by a correction. */
  revoked: number;
  corrected: number;
  madeAt: string;
  /** Of lots made in the same instant the ledger says which is older: nothing else can. */
  age: number;
}

/** The one that an order opened, or one of a customer without an order. */
export type Ticket = { order: number } | { customer: number };

interface Draw {
  lot: Lot;
  credits: number;
  captured: number;
}

interface Hold {
  status: 'held' | 'captured' | 'released' | 'reversed';
  quantity: number;
  price: number;
  captured: number;
  draws: Draw[];
}

export interface Line {
  id: number;
  sku: string;
  quantity: number;
}

export interface Snapshot {
  status: string;
  /** GMT without zone, as the shop writes them. */
  modified: string;
  paid: string | null;
  customer: number;
  refunds: number;
  lines: Line[];
}

export interface Refund {
  id: number;
  /** Null: money only. */
  line: number | null;
  quantity: number;
}

interface Order {
  snapshots: Snapshot[];
  /** As the shop has them, and as they were last read. */
  refundsInShop: Refund[];
  refundsRead: Refund[];
  /** Newest date that was known when it was deleted without a word on its state; null: not deleted, or restored. */
  trashedAfter: string | null;
  paid: boolean;
  customer: number | null;
  hasTicket: boolean;
}

export const CREATED = '2026-11-20T10:00:00';
const VOID = ['cancelled', 'refunded', 'failed', 'trash'];
const PAID = ['processing', 'completed'];

const isVoid = (s: Snapshot) => VOID.includes(s.status);
const isPaid = (s: Snapshot) => !isVoid(s) && (PAID.includes(s.status) || s.paid !== null);
const sum = (numbers: number[]) => numbers.reduce((a, b) => a + b, 0);

/** Newest first: by date; in one second unpaid and failed < paid < other void ones; then by refunds. */
function compare(a: Snapshot, b: Snapshot): number {
  const weight = (s: Snapshot) => (isPaid(s) ? 1 : isVoid(s) && s.status !== 'failed' ? 2 : 0);
  if (a.modified !== b.modified) return a.modified > b.modified ? -1 : 1;
  return weight(b) - weight(a) || b.refunds - a.refunds;
}

/** 23:00 GMT is midnight in the shop's winter: end of the day on which the validity ends. */
function endOfValidity(since: string, days: number): string {
  const localHours = 1;
  const local = new Date(Date.parse(`${since}Z`) + localHours * 3_600_000 + days * 86_400_000);
  return `${local.toISOString().slice(0, 10)}T23:00:00.000Z`;
}

export class LedgerModel {
  now = '';
  readonly lots: Lot[] = [];
  readonly holds: Hold[] = [];
  readonly orders = new Map<number, Order>();
  private adjustments = 0;

  constructor(readonly customers: number) {}

  order(id: number): Order {
    const known = this.orders.get(id);
    if (known) return known;
    const made: Order = {
      snapshots: [],
      refundsInShop: [],
      refundsRead: [],
      trashedAfter: null,
      paid: false,
      customer: null,
      hasTicket: false,
    };
    this.orders.set(id, made);
    return made;
  }

  newest(id: number): Snapshot | undefined {
    return [...(this.orders.get(id)?.snapshots ?? [])].sort(compare)[0];
  }

  /** Another state of the same second, between which only the shop could decide. */
  contradicts(id: number, came: Snapshot): boolean {
    const rivals = this.order(id).snapshots.filter((known) => compare(known, came) === 0);
    return rivals.some((rival) => JSON.stringify(rival) !== JSON.stringify(came));
  }

  snapshotComes(id: number, came: Snapshot, restored: boolean): void {
    const order = this.order(id);
    if (!order.snapshots.some((known) => JSON.stringify(known) === JSON.stringify(came))) {
      order.snapshots.push(came);
    }
    if (restored) order.trashedAfter = null;
    this.readRefunds(order);
    this.bringToOrder(id, order);
  }

  deletionComes(id: number): void {
    const order = this.order(id);
    order.trashedAfter = this.newest(id)?.modified ?? this.now.slice(0, 19);
    this.readRefunds(order);
    this.bringToOrder(id, order);
  }

  /** The shop is asked as soon as anything ever spoke of refunds. */
  private readRefunds(order: Order): void {
    if (order.refundsRead.length > 0 || order.snapshots.some((s) => s.refunds > 0)) {
      order.refundsRead = [...order.refundsInShop];
    }
  }

  private bringToOrder(id: number, order: Order): void {
    const sorted = [...order.snapshots].sort(compare);
    const newest = sorted[0];
    if (!newest) return;
    const trashed = order.trashedAfter !== null && newest.modified <= order.trashedAfter;
    const decides = sorted.find((s) => isVoid(s) || isPaid(s));
    order.paid = !trashed && decides !== undefined && isPaid(decides);
    const everPaid = sorted.some(isPaid);

    if (order.customer === null || this.isUntouched(id, order.customer)) order.customer = newest.customer;
    const customer = order.customer;

    // The oldest snapshot that knows a line decides what was bought.
    const packs = new Map<number, Pack | undefined>();
    for (const snapshot of sorted) {
      for (const line of snapshot.lines) packs.set(line.id, PACKS[line.sku]);
    }
    if (everPaid && [...packs.values()].some((pack) => pack?.opensTicket)) order.hasTicket = true;
    const since =
      sorted
        .flatMap((s) => s.paid ?? [])
        .sort()
        .at(-1) ?? CREATED;

    const claimed = new Set<Lot>();
    for (const [line, pack] of [...packs].sort(([a], [b]) => a - b)) {
      const quantity = newest.lines.find((item) => item.id === line)?.quantity ?? 0;
      const refunds = order.refundsRead.filter((refund) => refund.line === line);
      const refunded = Math.min(quantity, sum(refunds.map((refund) => refund.quantity)));
      if (!pack) continue;
      for (const [meter, each] of Object.entries(pack.gives) as [Meter, number][]) {
        const wanted = order.paid ? each * Math.floor(quantity - refunded) : 0;
        const key = `order ${id} line ${line} ${meter} of ${customer}`;
        let lot = this.lots.find((known) => known.key === key);
        if (!lot && wanted === 0) continue;
        lot ??= this.add({ key, customer, meter, order: id }, pack);
        claimed.add(lot);
        const { smsUnit, minutes, scope } = pack;
        const prices = meter === 'any' ? pack.prices : {};
        const expiresAt = pack.days === null ? null : endOfValidity(since, pack.days);
        Object.assign(lot, { smsUnit, minutes, scope, prices, expiresAt, wanted });
        if (this.isLive(lot)) {
          lot.available += lot.expired;
          lot.expired = 0;
        }
        const more = Math.max(0, wanted - netOf(lot));
        lot.revoked -= Math.min(more, lot.revoked);
        lot.available += more;
        this.rest(lot);
      }
    }
    for (const lot of this.lots) {
      if (lot.order !== id || claimed.has(lot)) continue;
      lot.wanted = 0;
      this.rest(lot);
    }
  }

  /** Nothing of what the order gave this customer is held, used or corrected. */
  private isUntouched(order: number, customer: number): boolean {
    const own = this.lots.filter((lot) => lot.order === order && lot.customer === customer);
    return own.every((lot) => lot.held + lot.used + lot.corrected === 0);
  }

  private add(about: Pick<Lot, 'key' | 'customer' | 'meter' | 'order'>, terms: Terms): Lot {
    const none = { available: 0, held: 0, used: 0, expired: 0, revoked: 0, corrected: 0 };
    const { smsUnit, minutes, scope, prices } = terms;
    const lot: Lot = {
      ...about,
      ...{ smsUnit, minutes, scope, prices: about.meter === 'any' ? prices : {} },
      ...{ expiresAt: null, wanted: null, ...none, madeAt: this.now, age: 0 },
    };
    this.lots.push(lot);
    return lot;
  }

  private isLive(lot: Lot): boolean {
    return lot.expiresAt === null || this.now < lot.expiresAt;
  }

  /** What is back first covers what the order no longer pays for, and then falls under expiry. */
  private rest(lot: Lot): void {
    const taken = Math.min(lot.available, excessOf(lot));
    lot.available -= taken;
    lot.revoked += taken;
    if (!this.isLive(lot)) this.expireLot(lot);
  }

  private expireLot(lot: Lot): void {
    lot.expired += lot.available;
    lot.available = 0;
  }

  expire(): void {
    for (const lot of this.lots) if (!this.isLive(lot)) this.expireLot(lot);
  }

  ownerOf(ticket: Ticket): number {
    return 'customer' in ticket ? ticket.customer : (this.order(ticket.order).customer as number);
  }

  /** What would pay, or how many credits are missing at least. */
  plan(ticket: Ticket, work: Work): Hold | { missing: number } {
    const customer = this.ownerOf(ticket);
    const inScope = (lot: Lot) =>
      lot.scope === 'customer' || ('order' in ticket && lot.order === ticket.order);
    const offers = this.lots
      .filter((lot) => lot.customer === customer && lot.available > 0 && this.isLive(lot) && inScope(lot))
      .flatMap((lot) => offerOf(lot, work) ?? []);
    const cost = ({ quantity, price }: Offer) => quantity * price;
    const same = (offer: Offer) => offers.filter(({ group }) => group === offer.group);
    const inside = (offer: Offer) => sum(same(offer).map(({ lot }) => lot.available));
    // Where all else is equal, what costs fewer credits goes before what is older.
    offers.sort((a, b) => inDrawOrder(a.lot, b.lot) || cost(a) - cost(b) || byAge(a.lot, b.lot));
    const payer = offers.find((offer) => inside(offer) >= cost(offer));
    if (!payer) {
      const lacks = offers.map((offer) => cost(offer) - inside(offer));
      return { missing: lacks.length === 0 ? 1 : Math.min(...lacks) };
    }
    const { quantity, price } = payer;
    const hold: Hold = { status: 'held', quantity, price, captured: 0, draws: [] };
    let left = cost(payer);
    for (const { lot } of same(payer)) {
      const credits = Math.min(left, lot.available);
      if (credits > 0) hold.draws.push({ lot, credits, captured: 0 });
      left -= credits;
    }
    return hold;
  }

  hold(ticket: Ticket, work: Work): Hold | { missing: number } {
    const hold = this.plan(ticket, work);
    if ('missing' in hold) return hold;
    for (const { lot, credits } of hold.draws) {
      lot.available -= credits;
      lot.held += credits;
    }
    this.holds.push(hold);
    return hold;
  }

  /** 0 units: given back whole. A settled hold stays as it is. */
  capture(hold: Hold, quantity: number): void {
    if (hold.status !== 'held') return;
    hold.status = quantity === 0 ? 'released' : 'captured';
    hold.captured = quantity;
    let left = quantity * hold.price;
    for (const draw of hold.draws) {
      draw.captured = Math.min(left, draw.credits);
      left -= draw.captured;
      draw.lot.held -= draw.credits;
      draw.lot.used += draw.captured;
      draw.lot.available += draw.credits - draw.captured;
    }
    for (const draw of hold.draws) this.rest(draw.lot);
  }

  reverse(hold: Hold): void {
    if (hold.status !== 'captured') return;
    hold.status = 'reversed';
    for (const { lot, captured } of hold.draws) {
      lot.used -= captured;
      lot.available += captured;
    }
    for (const draw of hold.draws) this.rest(draw.lot);
  }

  /** Null, or how many are missing for a correction that takes. Goodwill counts as the newest credits of its meter do. */
  adjust(customer: number, meter: Meter, quantity: number): { missing: number } | null {
    const own = this.lots.filter((lot) => lot.customer === customer && lot.meter === meter);
    if (quantity > 0) {
      const newest = own.sort(byAge).at(-1) ?? { smsUnit: 'message', minutes: null, prices: usual.prices };
      const key = `adjustment ${this.adjustments++}`;
      const terms: Terms = { ...newest, scope: 'customer' };
      this.add({ key, customer, meter, order: null }, terms).available = quantity;
      return null;
    }
    const live = own.filter((lot) => this.isLive(lot)).sort((a, b) => inDrawOrder(a, b) || byAge(a, b));
    let left = -quantity;
    const missing = left - sum(live.map((lot) => lot.available));
    if (missing > 0) return { missing };
    for (const lot of live) {
      const taken = Math.min(left, lot.available);
      lot.available -= taken;
      lot.corrected += taken;
      left -= taken;
    }
    return null;
  }
}

/** What the order caused and has not taken back. */
function netOf(lot: Lot): number {
  return lot.available + lot.held + lot.used + lot.expired + lot.corrected;
}

function excessOf(lot: Lot): number {
  return lot.wanted === null ? 0 : Math.max(0, netOf(lot) - lot.wanted);
}

/** Used or held of what the order no longer pays for. */
export function shortfallOf(lot: Lot): number {
  return lot.wanted === null ? 0 : Math.max(0, lot.used + lot.held - lot.wanted);
}

interface Offer {
  lot: Lot;
  /** Only lots of the same unit and price pay one piece together. */
  group: string;
  quantity: number;
  price: number;
}

function offerOf(lot: Lot, work: Work): Offer | null {
  if (lot.meter !== work.meter && lot.meter !== 'any') return null;
  const price = lot.meter === 'any' ? lot.prices[work.meter] : 1;
  if (price === undefined) return null;
  if (work.meter === 'video') {
    if (work.minutes !== undefined && work.minutes !== lot.minutes) return null;
    return { lot, group: `${lot.minutes} minutes for ${price}`, quantity: 1, price };
  }
  if (work.meter === 'sms') {
    const quantity = lot.smsUnit === 'segment' ? work.segments : 1;
    return { lot, group: `${lot.smsUnit} for ${price}`, quantity, price };
  }
  return { lot, group: `for ${price}`, quantity: 1, price };
}

/** Ticket before customer, the meter itself before any, earliest expiry and never last. */
function inDrawOrder(a: Lot, b: Lot): number {
  const rank = (lot: Lot) =>
    `${lot.scope === 'ticket' ? 0 : 1} ${lot.meter === 'any' ? 1 : 0} ${lot.expiresAt ?? 'never'}`;
  return rank(a) < rank(b) ? -1 : rank(a) > rank(b) ? 1 : 0;
}

function byAge(a: Lot, b: Lot): number {
  return a.madeAt < b.madeAt ? -1 : a.madeAt > b.madeAt ? 1 : a.age - b.age;
}
