import { DateTime } from 'luxon';
import type { State } from './evidence';
import type { PackageTerms } from './shop-side';

/*
 * What has to come out, worked out from DESIGN §3 and from nothing of src: from the store's last state, the spends that
 * Zeton accepted and, where DESIGN lets history decide, the set of states that Zeton knows ("what an order bought is a
 * function of the set of its known snapshots", §2.2).
 */

/** How the order stands in the shop; null: it is not there any more. */
export interface Truth {
  status: string;
  modified: string;
  paid: string | null;
  refundIds: number[];
  lines: { id: number; quantity: number }[];
  /** Refunded quantity by line, all refunds together; may be more than was bought. */
  refunded: Map<number, number>;
}

export interface ExpectedLine {
  quantity: number;
  refunded: number;
  /** `<package> <version>`, or null. More than one only where nobody can know, see boughtOf(). */
  bought: (string | null)[];
  /** Units that are paid for now; and the most that any known state showed. */
  units: number;
  unitsEver: number;
}

export interface ExpectedOrder {
  /** More than one: an order that goes from the trash for good tells nobody, and changes nothing. */
  statuses: string[];
  /** Not in the shop any more: what its lines were nobody can say, and no credit depends on it. */
  isGone: boolean;
  paid: boolean;
  everPaid: boolean;
  /** From when validity counts. */
  since: string | null;
  /** Who bought: `id 5`, `email a@b.c`, or the order itself. */
  buyer: { customerId: number; email: string | null };
  lines: Map<number, ExpectedLine>;
}

type Verdict = 'paid' | 'void' | 'silent';

export class Oracle {
  /** Worked out already: a calendar takes its time. */
  private readonly ends = new Map<string, string>();

  constructor(
    private readonly paidStatuses: string[],
    private readonly timeZone: string,
    private readonly packages: PackageTerms[],
  ) {}

  /** Null, and why, when Zeton does not even know what the shop last said. */
  expect(truth: Truth | null, known: State[]): ExpectedOrder | string {
    const states = this.newestFirst(known);
    const newest = truth === null ? states[0] : this.newestOf(truth, states);
    if (typeof newest === 'string') return newest;
    if (!newest) return 'Zeton knows no state of it';
    const rest = states.filter((state) => state !== newest);
    const isGone = truth === null;
    // §3 "Paid?": deleted is void; else the newest that says anything decides, and an unknown status says nothing.
    const told = [newest, ...rest]
      .map((state) => this.verdict(state))
      .find((verdict) => verdict !== 'silent');
    const paid = !isGone && told === 'paid';
    const lines = new Map<number, ExpectedLine>();
    for (const id of new Set(states.flatMap((state) => state.lines.map((line) => line.id)))) {
      const quantityIn = (state: State) => state.lines.find((line) => line.id === id)?.quantity ?? 0;
      const quantity = quantityIn(newest);
      // "Clamp it to what was bought, the store accepts nonsense."
      const refunded = Math.min(truth?.refunded.get(id) ?? 0, quantity);
      lines.set(id, {
        quantity,
        refunded,
        bought: this.boughtOf(id, states),
        units: paid ? Math.max(0, Math.floor(quantity - refunded)) : 0,
        unitsEver: Math.max(...states.map((state) => Math.floor(quantityIn(state)))),
      });
    }
    return {
      statuses: isGone ? ['deleted', ...(newest.status === 'trash' ? ['trash'] : [])] : [newest.status],
      isGone,
      paid,
      everPaid: states.some((state) => this.verdict(state) === 'paid'),
      since: this.sinceOf(states),
      buyer: buyerOf([newest, ...rest]),
      lines,
    };
  }

  private verdict({ status, paid }: Pick<State, 'status' | 'paid'>): Verdict {
    if (['cancelled', 'refunded', 'failed', 'trash'].includes(status)) return 'void';
    return this.paidStatuses.includes(status) || paid !== null ? 'paid' : 'silent';
  }

  /** §3 "Newer": by date; in the same second unpaid and failed < paid < cancelled, refunded, trash; more refunds wins. */
  private compare(a: State, b: State): number {
    if (a.modified !== b.modified) return a.modified < b.modified ? -1 : 1;
    return this.rank(a) - this.rank(b) || a.refundIds.length - b.refundIds.length;
  }

  private rank(state: State): number {
    if (['cancelled', 'refunded', 'trash'].includes(state.status)) return 2;
    return this.verdict(state) === 'paid' ? 1 : 0;
  }

  private newestFirst(known: State[]): State[] {
    return [...known].sort((a, b) => this.compare(b, a));
  }

  /**
   * Zeton must know the shop's last state, and take it for the newest. Not where one second saw several: then §3 says
   * which counts, whatever order they came in; and of those that it holds equal "read again by REST" gives the last one.
   */
  private newestOf(truth: Truth, states: State[]): State | string {
    const last = states.filter((state) => isSame(state, truth));
    const [first] = states;
    if (last.length === 0 || !first)
      return `its last state (${truth.status}, ${truth.modified}) is not known`;
    if (first.modified > truth.modified) return `a state of ${first.modified} is known, which never was`;
    return last.find((state) => this.compare(state, first) === 0) ?? first;
  }

  /** §3 "Expiry": date_paid_gmt, else date_created_gmt; "only ever later", so the latest that any known state told. */
  private sinceOf(states: State[]): string | null {
    const latest = (dates: (string | null)[]) =>
      dates
        .filter((date) => date !== null)
        .sort()
        .at(-1) ?? null;
    const created = states.filter((state) => this.verdict(state) === 'paid').map((state) => state.created);
    return latest(states.map((state) => state.paid)) ?? latest(created);
  }

  /** "End of day in the store's time zone of (…) + validity_days." */
  expiresAt(since: string | null, bought: string): string | null {
    const days = this.termsOf(bought).validityDays;
    if (since === null || days === null) return null;
    const known = this.ends.get(`${since} ${days}`);
    if (known) return known;
    const day = DateTime.fromISO(since, { zone: 'utc' }).setZone(this.timeZone).startOf('day');
    return day
      .plus({ days: days + 1 })
      .toUTC()
      .toISO({ suppressMilliseconds: false });
  }

  termsOf(bought: string): PackageTerms {
    const terms = this.packages.find(({ id, at }) => bought.startsWith(id) && bought.endsWith(at));
    if (!terms) throw new Error(`no package ${bought} was ever told`);
    return terms;
  }

  /**
   * §3 "Packages": matched on the line's oldest known state, by the catalogue as it was when Zeton first saw the line
   * ("editing touches future orders only"; what was lost on the way it cannot have seen). A product that is changed or
   * deleted changes old orders without a new date: of states of the same date one that still has the product is older
   * ("after permanent delete product_id is 0"), else the one that was seen first. Seen at the same moment: nobody knows.
   */
  private boughtOf(id: number, states: State[]): (string | null)[] {
    const seen = states
      .flatMap((state) => state.lines.filter((line) => line.id === id).map((line) => ({ line, state })))
      .sort((a, b) => this.compare(a.state, b.state));
    const first = seen.map(({ state }) => state.receivedAt).sort()[0] as string;
    let oldest = seen.filter(({ state }) => this.compare(state, (seen[0] as (typeof seen)[0]).state) === 0);
    const withProduct = oldest.filter(({ line }) => line.productId > 0);
    if (withProduct.length > 0) oldest = withProduct;
    const earliest = oldest.map(({ state }) => state.receivedAt).sort()[0];
    oldest = oldest.filter(({ state }) => state.receivedAt === earliest);
    return [...new Set(oldest.map(({ line, state }) => this.match(line, state.created, first)))];
  }

  private match(line: State['lines'][number], created: string, at: string): string | null {
    const catalogue = new Map(
      this.packages.filter((terms) => terms.at <= at).map((terms) => [terms.id, terms]),
    );
    const offered = [...catalogue.values()].filter(
      ({ active, ordersFrom }) => active && (ordersFrom === null || `${created}.000Z` >= ordersFrom),
    );
    const found =
      offered.find(
        ({ match }) => match.variation_id !== undefined && match.variation_id === line.variationId,
      ) ??
      offered.find(({ match }) => match.product_id !== undefined && match.product_id === line.productId) ??
      offered.find(({ match }) => match.sku !== undefined && match.sku === line.sku);
    return found ? `${found.id} ${found.at}` : null;
  }
}

function isSame(state: State, truth: Truth): boolean {
  return (
    state.status === truth.status &&
    state.modified === truth.modified &&
    state.paid === truth.paid &&
    state.refundIds.join() === truth.refundIds.join() &&
    state.lines.map(({ id, quantity }) => `${id}:${quantity}`).join() ===
      truth.lines.map(({ id, quantity }) => `${id}:${quantity}`).join()
  );
}

/** §3 "Customer": from the newest that identifies somebody; a placeholder address identifies nobody. */
function buyerOf(newestFirst: State[]): ExpectedOrder['buyer'] {
  for (const { customerId, email } of newestFirst) {
    const address = email.trim().toLowerCase();
    const isReal = address.includes('@') && !address.endsWith('.invalid');
    if (customerId > 0 || isReal) return { customerId, email: isReal ? address : null };
  }
  return { customerId: 0, email: null };
}

/**
 * What one grant must have come to. Live: "more wanted: grant; less: revoke what is available", so what stays is what is
 * wanted, or what is used of it if that is more. What has expired was not there any more to be revoked: what stays lies
 * between the two and the most that the order ever wanted.
 */
export function expectedGrant(input: {
  wanted: number;
  wantedEver: number;
  used: number;
  isLive: boolean;
  expired: number;
}) {
  const { wanted, used, isLive, expired } = input;
  const least = Math.max(wanted, used);
  return {
    net: isLive ? least : used + expired,
    netLeast: least,
    netMost: isLive ? least : Math.max(least, input.wantedEver),
    available: isLive ? least - used : 0,
    expired: isLive ? 0 : expired,
    // §1 "shortfall: credits already used when a refund or cancellation takes their grant back".
    shortfall: Math.max(0, used - wanted),
  };
}

/** Does the sandbox deliver it? Its failing numbers and addresses are documented with it. */
export function isDelivered(channel: 'sms' | 'email', to: string): boolean {
  return channel === 'sms' ? !/(0000|9999)$/.test(to) : !to.toLowerCase().startsWith('bounce');
}

/** §3 `video`: one session or ceil(seconds ÷ 60 N) blocks; under 60 s in all nothing. */
export function unitsOf(connectedMs: number, blockMinutes: number | null): number {
  const seconds = Math.floor(connectedMs / 1000);
  if (seconds < 60) return 0;
  return blockMinutes === null ? 1 : Math.ceil(seconds / (60 * blockMinutes));
}
