import type { Db, Trx } from '../../platform/db';
import type { Moment } from '../../platform/moment';
import { assert, Refusal } from '../../platform/refusal';
import { type Book, type Cause, openBook } from './book';
import {
  compareDrawOrder,
  type Draw,
  type Grant,
  isInScope,
  isLive,
  METERS,
  type Meter,
  netOfOrder,
  planHold,
  type Unit,
  type Work,
  type WorkMeter,
} from './rules';
import {
  availableGrants,
  drawableGrants,
  findHold,
  findHoldByKey,
  grantsByIds,
  grantsOfOrder,
  type Hold,
  type HoldCauseKind,
  insertHold,
  lockBalance,
  newestGrantOfMeter,
  saveCapturedDraws,
  settleHold,
} from './store';

export interface HoldRequest {
  customerId: string;
  ticketId: string;
  ticketFamilyId: string;
  work: Work;
  /** Natural key of the work, e.g. `message:<id>`: asked again, the same hold is answered. */
  key: string;
  cause: { kind: HoldCauseKind; id: string };
}

/**
 * Set credits aside before paid work; capture or release them later.
 * Shape:   HoldRequest → Hold
 * Units:   whole units of the work's meter, ≥ 1
 * Errors:  insufficient-credits {meter, missing, available}
 * Writes:  credit_balances, credit_entries (append), credit_grants, credit_holds, credit_hold_draws
 * Repeat:  same key → the same Hold
 * Source:  DESIGN §3 "Spending"
 */
export async function hold(trx: Trx, moment: Moment, request: HoldRequest): Promise<Hold> {
  const book = await openBook(trx, moment, request.customerId);
  const known = await findHoldByKey(trx, request.key);
  if (known) return known;
  const grants = await payingGrants(trx, moment.at, request);
  const plan = planHold(grants, request.work);
  if (plan.missing > 0) {
    throw new Refusal('insufficient-credits', 'There are not enough credits left for this.', {
      meter: request.work.meter,
      missing: plan.missing,
      available: plan.available,
    });
  }
  const made: Hold = {
    id: moment.ids.next(),
    customerId: request.customerId,
    ticketId: request.ticketId,
    meter: request.work.meter,
    unit: plan.unit,
    blockMinutes: plan.blockMinutes,
    quantity: plan.quantity,
    price: plan.price,
    status: 'held',
    capturedQuantity: 0,
    cause: request.cause,
    reason: null,
    draws: plan.draws.map((draw) => ({ ...draw, captured: 0 })),
  };
  for (const draw of made.draws) {
    book.post(grantOf(draw, grants), 'hold', draw.credits, { ...request.cause, holdId: made.id });
  }
  await insertHold(trx, made, { key: request.key, createdAt: moment.at });
  await book.close();
  return made;
}

export interface Quote {
  payable: boolean;
  meter: WorkMeter;
  unit: Unit;
  quantity: number;
  /** Credits per unit. */
  price: number;
  /** Credits in all. */
  credits: number;
  draws: Draw[];
  missing: number;
  available: number;
}

/** What hold() would draw now; nothing is set aside. */
export async function quoteHold(
  db: Db,
  at: string,
  request: { customerId: string; ticketFamilyId: string; work: Work },
): Promise<Quote> {
  const plan = planHold(await payingGrants(db, at, request), request.work);
  return {
    payable: plan.missing === 0,
    meter: request.work.meter,
    unit: plan.unit,
    quantity: plan.quantity,
    price: plan.price,
    credits: plan.quantity * plan.price,
    draws: plan.draws,
    missing: plan.missing,
    available: plan.available,
  };
}

async function payingGrants(
  db: Db,
  at: string,
  request: { customerId: string; ticketFamilyId: string; work: Work },
): Promise<Grant[]> {
  const grants = await drawableGrants(db, request.customerId, request.work.meter, at);
  return grants.filter((grant) => isInScope(grant, request.ticketFamilyId));
}

/**
 * Spend held credits, all or in part; what is not spent goes back.
 * Shape:   { holdId, quantity? } → Hold
 * Units:   quantity in units of the hold, 0 … hold.quantity; default all
 * Writes:  credit_balances, credit_entries (append), credit_grants, credit_holds
 * Repeat:  a hold that is settled already stays as it is: a late "delivered" never charges again
 * Source:  DESIGN §2.5, §3 "Spending"
 */
export function capture(
  trx: Trx,
  moment: Moment,
  input: { holdId: string; quantity?: number; reason?: string },
): Promise<Hold> {
  return settle(trx, moment, input.holdId, 'held', (open) => {
    const quantity = input.quantity ?? open.quantity;
    assert(
      Number.isInteger(quantity) && quantity >= 0 && quantity <= open.quantity,
      `capture of ${quantity} of ${open.quantity}`,
    );
    return { status: quantity === 0 ? 'released' : 'captured', quantity, reason: input.reason ?? null };
  });
}

/**
 * Give held credits back: the work failed or was not done.
 * Shape:   { holdId, reason } → Hold
 * Writes:  as capture; given-back credits first cover a shortfall, then fall under expiry
 * Repeat:  a hold that is settled already stays as it is
 * Source:  DESIGN §3 "Failure gives back"
 */
export function release(trx: Trx, moment: Moment, input: { holdId: string; reason: string }): Promise<Hold> {
  return settle(trx, moment, input.holdId, 'held', () => ({
    status: 'released',
    quantity: 0,
    reason: input.reason,
  }));
}

/**
 * Give captured credits back by compensating entries: the work turned out to have failed.
 * Shape, writes, repeat: as release; only a captured hold is touched
 */
export function reverse(trx: Trx, moment: Moment, input: { holdId: string; reason: string }): Promise<Hold> {
  return settle(trx, moment, input.holdId, 'captured', (open) => ({
    status: 'reversed',
    quantity: open.capturedQuantity,
    reason: input.reason,
  }));
}

interface Settlement {
  status: Hold['status'];
  /** Units that count as captured in the settled hold. */
  quantity: number;
  reason: string | null;
}

async function settle(
  trx: Trx,
  moment: Moment,
  holdId: string,
  from: 'held' | 'captured',
  decide: (open: Hold) => Settlement,
): Promise<Hold> {
  const found = await findHold(trx, holdId);
  assert(found, `hold ${holdId} exists`);
  if (found.status !== from) return found;
  const book = await openBook(trx, moment, found.customerId);
  const to = decide(found);
  const change = {
    from,
    to: to.status,
    capturedQuantity: to.quantity,
    reason: to.reason,
    at: moment.at,
  };
  if (!(await settleHold(trx, holdId, change))) {
    return (await findHold(trx, holdId)) as Hold;
  }
  const grants = await grantsByIds(
    trx,
    found.draws.map((draw) => draw.grantId),
  );
  const cause: Cause = { ...found.cause, holdId, reason: to.reason };
  if (to.status === 'reversed') {
    for (const draw of found.draws) book.post(grantOf(draw, grants), 'reverse', draw.captured, cause);
  } else {
    let toCapture = to.quantity * found.price;
    for (const draw of found.draws) {
      const grant = grantOf(draw, grants);
      draw.captured = Math.min(toCapture, draw.credits);
      toCapture -= draw.captured;
      book.post(grant, 'capture', draw.captured, cause);
      book.post(grant, 'release', draw.credits - draw.captured, cause);
    }
    await saveCapturedDraws(trx, found);
  }
  for (const grant of grants) book.settle(grant, cause);
  await book.close();
  return { ...found, status: to.status, capturedQuantity: to.quantity, reason: to.reason };
}

function grantOf(draw: Draw, grants: Grant[]): Grant {
  const grant = grants.find((candidate) => candidate.id === draw.grantId);
  assert(grant, 'a draw names a grant of its customer');
  return grant;
}

/** What one (order line, meter) buys now, with the terms it was bought under. */
export interface OrderClaim {
  /** Natural key: woo:default:51:line:2:sms */
  grantKey: string;
  orderLineId: string;
  packageVersionId: string;
  meter: Meter;
  /** Credits that the order pays for now; 0 when unpaid, void, refunded or gone. */
  wanted: number;
  smsUnit: Grant['smsUnit'];
  videoBlockMinutes: number | null;
  priceList: Grant['priceList'];
  scope: Grant['scope'];
  ticketFamilyId: string | null;
  /** Never moves earlier on a known grant. */
  expiresAt: string | null;
}

/**
 * Bring the grants of one order to what it buys now: reinstate, then grant; or revoke what is available.
 * What cannot be revoked because it is used or held stays visible as shortfall (rules.ts).
 * Shape:   { orderId, customerId, claims } ; every known grant of the order that no claim names counts as wanted 0
 * Writes:  credit_balances, credit_entries (append), credit_grants
 * Repeat:  the same claims change nothing
 * Source:  DESIGN §3 "Applying snapshots"
 */
export async function bringToOrder(
  trx: Trx,
  moment: Moment,
  input: { orderId: string; customerId: string; claims: OrderClaim[]; reason: string },
): Promise<void> {
  const isNothing = (claim: OrderClaim, known: Grant[]) =>
    claim.wanted === 0 && !known.some((grant) => isFor(grant, claim, input.customerId));
  const before = await grantsOfOrder(trx, input.orderId);
  const customers = [...new Set([input.customerId, ...before.map((grant) => grant.customerId)])].sort();
  // A grant that is used up to the last credit can still owe nothing: skip the ledger when nothing can change.
  if (before.length === 0 && input.claims.every((claim) => claim.wanted === 0)) return;
  const books = new Map<string, Book>();
  for (const customerId of customers) books.set(customerId, await openBook(trx, moment, customerId));
  const known = await grantsOfOrder(trx, input.orderId); // again, now that the balances are locked
  const cause: Cause = { kind: 'order', id: input.orderId, reason: input.reason };
  const claimed = new Set<Grant>();
  for (const claim of input.claims) {
    if (isNothing(claim, known)) continue;
    const book = books.get(input.customerId) as Book;
    let grant = known.find((candidate) => isFor(candidate, claim, input.customerId));
    if (!grant) {
      grant = emptyGrant(moment, input, claim, known);
      book.add(grant);
    }
    claimed.add(grant);
    bringToClaim(book, grant, claim, moment, cause);
  }
  for (const grant of known) {
    if (claimed.has(grant) || grant.wanted === 0) continue;
    const book = books.get(grant.customerId) as Book;
    book.changedTerms(grant);
    grant.wanted = 0;
    book.settle(grant, cause);
  }
  for (const book of books.values()) await book.close();
}

function isFor(grant: Grant, claim: OrderClaim, customerId: string): boolean {
  return (
    grant.orderLineId === claim.orderLineId && grant.meter === claim.meter && grant.customerId === customerId
  );
}

function bringToClaim(book: Book, grant: Grant, claim: OrderClaim, moment: Moment, cause: Cause): void {
  // An expiry is only ever moved later; but when an older snapshot shows that another package was bought, its terms count.
  const isOther = grant.granted === 0 || grant.packageVersionId !== claim.packageVersionId;
  const expiresAt = isOther ? claim.expiresAt : laterOf(grant.expiresAt, claim.expiresAt);
  const terms = { ...claim, expiresAt };
  const changed =
    grant.wanted !== claim.wanted ||
    grant.expiresAt !== expiresAt ||
    grant.packageVersionId !== claim.packageVersionId ||
    grant.ticketFamilyId !== claim.ticketFamilyId;
  if (changed) {
    book.changedTerms(grant);
    const { packageVersionId, smsUnit, videoBlockMinutes, priceList, scope, ticketFamilyId, wanted } = terms;
    const next = { packageVersionId, smsUnit, videoBlockMinutes, priceList, scope, ticketFamilyId, wanted };
    Object.assign(grant, next, { expiresAt });
  }
  if (isLive(grant, moment.at)) {
    book.post(grant, 'unexpire', grant.expired, { ...cause, kind: 'expiry', reason: 'valid longer' });
  }
  const more = claim.wanted - netOfOrder(grant);
  if (more > 0) {
    const reinstated = Math.min(more, grant.orderRevoked);
    book.post(grant, 'reinstate', reinstated, cause);
    book.post(grant, 'grant', more - reinstated, cause);
  }
  book.settle(grant, cause);
}

/** Null means never. */
function laterOf(known: string | null, claimed: string | null): string | null {
  if (known === null || claimed === null) return null;
  return known > claimed ? known : claimed;
}

function emptyGrant(
  moment: Moment,
  input: { orderId: string; customerId: string },
  claim: OrderClaim,
  known: Grant[],
): Grant {
  const taken = known.some((grant) => grant.grantKey === claim.grantKey);
  return {
    id: moment.ids.next(),
    // The order went to another customer: the grant there keeps the plain key and its history.
    grantKey: taken ? `${claim.grantKey}:customer:${input.customerId}` : claim.grantKey,
    customerId: input.customerId,
    cause: 'order',
    orderId: input.orderId,
    orderLineId: claim.orderLineId,
    packageVersionId: claim.packageVersionId,
    meter: claim.meter,
    smsUnit: claim.smsUnit,
    videoBlockMinutes: claim.videoBlockMinutes,
    priceList: claim.priceList,
    scope: claim.scope,
    ticketFamilyId: claim.ticketFamilyId,
    expiresAt: claim.expiresAt,
    wanted: claim.wanted,
    granted: 0,
    available: 0,
    held: 0,
    used: 0,
    expired: 0,
    revoked: 0,
    orderRevoked: 0,
    createdAt: moment.at,
  };
}

export interface Adjustment {
  customerId: string;
  meter: Meter;
  /** Positive gives, negative takes away. Whole credits, never 0. */
  quantity: number;
  kind: 'goodwill' | 'correction';
  reason: string;
}

/**
 * Give credits as goodwill, or correct the balance up or down, with a reason.
 * Shape:   Adjustment → { adjustmentId }
 * Errors:  insufficient-credits {meter, missing, available} when more is taken than is available;
 *          invalid-request for a goodwill that takes
 * Writes:  credit_balances, credit_entries (append), credit_grants
 * Repeat:  not repeatable by itself: the caller guards it with an idempotency key
 * Source:  DESIGN §2.3, §6 adjustments
 */
export async function adjust(trx: Trx, moment: Moment, input: Adjustment): Promise<{ adjustmentId: string }> {
  const adjustmentId = moment.ids.next();
  const cause: Cause = { kind: 'adjustment', id: adjustmentId, reason: input.reason };
  if (input.kind === 'goodwill' && input.quantity < 0) {
    throw new Refusal('invalid-request', 'Goodwill gives credits; take credits away by a correction.', {
      errors: [{ path: 'quantity', message: 'must be positive for goodwill' }],
    });
  }
  const book = await openBook(trx, moment, input.customerId);
  if (input.quantity > 0) {
    // Counted as the customer's other credits of this meter are, so that they can pay one piece together.
    const like = await newestGrantOfMeter(trx, input.customerId, input.meter);
    const grant: Grant = {
      id: moment.ids.next(),
      grantKey: `adjustment:${adjustmentId}`,
      customerId: input.customerId,
      meter: input.meter,
      cause: input.kind,
      orderId: null,
      orderLineId: null,
      packageVersionId: null,
      smsUnit: like?.smsUnit ?? 'message',
      videoBlockMinutes: like?.videoBlockMinutes ?? null,
      priceList: input.meter === 'any' ? (like?.priceList ?? DEFAULT_PRICE_LIST) : null,
      scope: 'customer',
      ticketFamilyId: null,
      expiresAt: null,
      wanted: null,
      granted: 0,
      available: 0,
      held: 0,
      used: 0,
      expired: 0,
      revoked: 0,
      orderRevoked: 0,
      createdAt: moment.at,
    };
    book.add(grant);
    book.post(grant, 'grant', input.quantity, cause);
  } else {
    const all = await availableGrants(trx, input.customerId);
    const grants = all
      .filter((grant) => grant.meter === input.meter && isLive(grant, moment.at))
      .sort(compareDrawOrder);
    const available = grants.reduce((sum, grant) => sum + grant.available, 0);
    let left = -input.quantity;
    if (available < left) {
      throw new Refusal('insufficient-credits', 'A correction cannot take away more than is available.', {
        meter: input.meter,
        missing: left - available,
        available,
      });
    }
    for (const grant of grants) {
      const taken = Math.min(left, grant.available);
      book.post(grant, 'correct', taken, cause);
      left -= taken;
    }
  }
  await book.close();
  return { adjustmentId };
}

/**
 * The grants of an order, and nobody else writes the ledgers of those who have them, or of `customerIds`, until the
 * transaction ends. All in one order: two orders that change hands crosswise would otherwise wait for each other.
 */
export async function lockedGrantsOfOrder(
  trx: Trx,
  input: { orderId: string; customerIds: string[] },
): Promise<Grant[]> {
  const before = await grantsOfOrder(trx, input.orderId);
  const customers = new Set([...input.customerIds, ...before.map((grant) => grant.customerId)]);
  for (const customerId of [...customers].sort()) await lockBalance(trx, customerId);
  return grantsOfOrder(trx, input.orderId);
}

/** What one credit of `any` pays where a package says nothing else (DESIGN §3 "Packages"). */
export const DEFAULT_PRICE_LIST = { sms: 1, email: 1, video: 5 };

/**
 * Expire what is past its date for one customer. Held credits are never touched.
 * Shape:   customerId → credits expired
 * Writes:  credit_balances, credit_entries (append), credit_grants
 * Repeat:  nothing is left to expire
 */
export async function expireDueOf(trx: Trx, moment: Moment, customerId: string): Promise<number> {
  const book = await openBook(trx, moment, customerId);
  let expired = 0;
  for (const grant of await availableGrants(trx, customerId)) {
    if (isLive(grant, moment.at)) continue;
    expired += grant.available;
    book.post(grant, 'expire', grant.available, { kind: 'expiry', id: null });
  }
  await book.close();
  return expired;
}

/** Credits that can be spent now on a ticket of this family, by meter; `any` is not converted. */
export async function usableOn(
  db: Db,
  at: string,
  input: { customerId: string; ticketFamilyId: string },
): Promise<Record<Meter, number>> {
  const usable = Object.fromEntries(METERS.map((meter) => [meter, 0])) as Record<Meter, number>;
  for (const grant of await availableGrants(db, input.customerId)) {
    if (isLive(grant, at) && isInScope(grant, input.ticketFamilyId)) usable[grant.meter] += grant.available;
  }
  return usable;
}

/** Did this customer ever get credits of exactly this meter? */
export async function everHadMeter(db: Db, customerId: string, meter: Meter): Promise<boolean> {
  return (await newestGrantOfMeter(db, customerId, meter)) !== null;
}
