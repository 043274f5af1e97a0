import type { Refund } from './payload';

/** Pure decisions about an order, from the set of its known snapshots. */

/** One known state of an order, without its body. */
export interface Snapshot {
  id: string;
  contentSha256: string;
  factsSha256: string;
  status: string;
  dateModifiedGmt: string;
  dateCreatedGmt: string | null;
  datePaidGmt: string | null;
  refundCount: number;
  wooCustomerId: number | null;
  emailNormalised: string | null;
  /** When the store itself last answered with exactly this state; null: came by webhook only. */
  confirmedAt: string | null;
  receivedAt: string;
  /** Earliest delivery that brought it; null: read by REST. Delivery ids sort by receipt. */
  deliveryId: string | null;
}

const VOID = ['cancelled', 'refunded', 'failed', 'trash'];

type Verdict = 'paid' | 'void' | 'silent';

/** What one snapshot alone says. An unknown status without a payment date says nothing. */
function verdictOf(snapshot: Pick<Snapshot, 'status' | 'datePaidGmt'>, paidStatuses: string[]): Verdict {
  if (VOID.includes(snapshot.status)) return 'void';
  return paidStatuses.includes(snapshot.status) || snapshot.datePaidGmt !== null ? 'paid' : 'silent';
}

/** Within one second: unpaid and failed < paid < cancelled, refunded, trash. */
function rankOf(snapshot: Snapshot, paidStatuses: string[]): number {
  const verdict = verdictOf(snapshot, paidStatuses);
  if (verdict === 'paid') return 1;
  return verdict === 'void' && snapshot.status !== 'failed' ? 2 : 0;
}

/** Negative when `a` is newer. */
export function compareNewestFirst(a: Snapshot, b: Snapshot, paidStatuses: string[]): number {
  return (
    compareFacts(a, b, paidStatuses) ||
    compareText(b.confirmedAt ?? '', a.confirmedAt ?? '') ||
    compareText(b.contentSha256, a.contentSha256)
  );
}

/** A snapshot as far as one line of it is concerned. */
export interface LineSighting {
  snapshot: Snapshot;
  /** The shop still knew the line's product. */
  hasProduct: boolean;
}

/**
 * Negative when `a` is older; what a line bought is read from the oldest. Without confirmations, which come and go: the
 * same set has the same oldest. A product that is renamed or deleted shows in the lines of old orders, which get no new
 * date by it: so of states of one second those that still have the product are older, then what was known earlier: a
 * reading may be of months later, and a webhook that WordPress was late with tells how the order is when it is sent, too.
 * Between two webhooks, which may be delivered again in any order, their content decides. Fewer refunds say little: a
 * deleted one gives no new date either.
 */
export function compareOldestFirst(a: LineSighting, b: LineSighting, paidStatuses: string[]): number {
  return (
    -compareDates(a.snapshot, b.snapshot, paidStatuses) ||
    Number(b.hasProduct) - Number(a.hasProduct) ||
    compareReadings(a.snapshot, b.snapshot) ||
    a.snapshot.refundCount - b.snapshot.refundCount ||
    compareText(a.snapshot.contentSha256, b.snapshot.contentSha256)
  );
}

function compareReadings(a: Snapshot, b: Snapshot): number {
  const wasRead = (snapshot: Snapshot) => snapshot.deliveryId === null;
  if (!wasRead(a) && !wasRead(b)) return 0;
  return compareText(a.receivedAt, b.receivedAt) || Number(wasRead(a)) - Number(wasRead(b));
}

/** What WooCommerce's one-second dates, the status and the refunds decide; 0: only the store itself can tell. */
function compareFacts(a: Snapshot, b: Snapshot, paidStatuses: string[]): number {
  return compareDates(a, b, paidStatuses) || b.refundCount - a.refundCount;
}

function compareDates(a: Snapshot, b: Snapshot, paidStatuses: string[]): number {
  return (
    compareText(b.dateModifiedGmt, a.dateModifiedGmt) || rankOf(b, paidStatuses) - rankOf(a, paidStatuses)
  );
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Do the newest snapshots contradict each other in a way that only the store can settle, and has not since? */
export function isNewestAmbiguous(newestFirst: Snapshot[], paidStatuses: string[]): boolean {
  const first = newestFirst[0];
  return newestFirst.some(
    (rival) =>
      first !== undefined &&
      compareFacts(first, rival, paidStatuses) === 0 &&
      first.factsSha256 !== rival.factsSha256 &&
      (first.confirmedAt === null || rival.receivedAt > first.confirmedAt),
  );
}

/**
 * Is the order in the trash, for all that webhooks say? A deletion carries no date: it counts until order.restored, or
 * a snapshot newer than those that had come before it, or than its receipt if none had. Decided by receipt, not by when
 * a delivery was worked off.
 */
export function isTrashed(
  snapshots: Snapshot[],
  deletion: { trashedBy: string | null; trashedAt: string | null; restoredBy: string | null },
): boolean {
  const { trashedBy, restoredBy } = deletion;
  if (trashedBy === null || (restoredBy !== null && restoredBy > trashedBy)) return false;
  const dates = (chosen: Snapshot[]) =>
    chosen
      .map((snapshot) => snapshot.dateModifiedGmt)
      .sort()
      .at(-1) ?? '';
  const before = snapshots.filter(({ deliveryId }) => deliveryId === null || deliveryId < trashedBy);
  const newestThen = before.length > 0 ? dates(before) : (deletion.trashedAt ?? '').slice(0, 19);
  return dates(snapshots) <= newestThen;
}

/** The date from which validity counts: the latest payment date, else creation date, that any paid snapshot tells. */
export function paidSince(snapshots: Snapshot[], paidStatuses: string[]): string | null {
  const paid = snapshots.filter((snapshot) => verdictOf(snapshot, paidStatuses) === 'paid');
  const latest = (dates: (string | null)[]) =>
    dates
      .filter((date) => date !== null)
      .sort()
      .at(-1) ?? null;
  return latest(snapshots.map((s) => s.datePaidGmt)) ?? latest(paid.map((s) => s.dateCreatedGmt));
}

export interface OrderState {
  paid: boolean;
  everPaid: boolean;
}

/**
 * Is the order paid? The newest snapshot that says anything decides; `isVoid`: it is deleted or in the trash.
 * Source: DESIGN §3 "Paid?"
 */
export function stateOf(newestFirst: Snapshot[], paidStatuses: string[], isVoid: boolean): OrderState {
  const everPaid = newestFirst.some((snapshot) => verdictOf(snapshot, paidStatuses) === 'paid');
  if (isVoid) return { paid: false, everPaid };
  for (const snapshot of newestFirst) {
    const verdict = verdictOf(snapshot, paidStatuses);
    if (verdict !== 'silent') return { paid: verdict === 'paid', everPaid };
  }
  return { paid: false, everPaid };
}

/** Refunded quantity of one line, clamped to what was bought: the store accepts a refund of 99 on a line of 3. */
export function refundedQuantity(refunds: Refund[], wooLineId: number, quantity: number): number {
  const sum = refunds.reduce((total, refund) => total + (refund.quantities[String(wooLineId)] ?? 0), 0);
  return Math.min(sum, quantity);
}

/** Whole units of a line that are paid for: plugins sell halves, packages are whole. */
export function wantedUnits(line: { quantity: number; refundedQuantity: number }): number {
  return Math.max(0, Math.floor(line.quantity - line.refundedQuantity));
}

export function hasMoneyOnlyRefund(refunds: Refund[]): boolean {
  return refunds.some((refund) => Object.keys(refund.quantities).length === 0);
}

/** Why a person should look at an order. */
export type ReviewFlag =
  | 'money-only-refund'
  | 'refund-exceeds-line'
  | 'refunds-not-readable'
  | 'same-second-conflict'
  | 'customer-changed'
  | 'quantity-too-large';
