import { addSeconds, iso } from '../../platform/clock';
import type { Trx } from '../../platform/db';
import { lockName } from '../../platform/dialect';
import { limits } from '../../platform/limits';
import type { Moment } from '../../platform/moment';
import { Refusal } from '../../platform/refusal';
import { type CouponKind, largestAmountMinor, newCode } from './rules';
import { type Coupon, countGivenSince, insertCoupon, updateCoupon } from './store';

/**
 * Promise a customer a coupon of the shop; the shop is asked to make it afterwards.
 * Shape:   { storeId, ticketId, customerId, kind, valueMinor, currency, reason } → Coupon with its code
 * Units:   valueMinor: hundredths of the currency, or of a percent
 * Errors:  invalid-request {errors: value | reason}, coupon-limit {max}
 * Writes:  coupons
 */
export async function giveCoupon(
  trx: Trx,
  moment: Moment,
  input: {
    storeId: string;
    ticketId: string;
    customerId: string;
    kind: CouponKind;
    valueMinor: number;
    currency: string | null;
    reason: string;
  },
): Promise<Coupon> {
  const reason = input.reason.trim();
  const most = input.kind === 'percent' ? limits.couponPercentMax * 100 : largestAmountMinor(input.currency);
  if (!Number.isSafeInteger(input.valueMinor) || input.valueMinor < 1 || input.valueMinor > most) {
    throw invalid('value', `must be more than nothing and at most ${most / 100}`);
  }
  if (reason === '' || reason.length > limits.reasonChars || /\0/.test(reason)) {
    throw invalid('reason', `must have 1 to ${limits.reasonChars} characters`);
  }
  const { actor, at } = moment;
  // Two of one person at once are counted one after the other.
  await lockName(trx, `coupons:${actor.id}`);
  const monthBegan = `${at.slice(0, 7)}-01T00:00:00.000Z`;
  if ((await countGivenSince(trx, actor.id, monthBegan)) >= limits.couponsPerMonth) {
    throw new Refusal('coupon-limit', `You have given ${limits.couponsPerMonth} coupons this month.`, {
      max: limits.couponsPerMonth,
    });
  }
  const coupon: Coupon = {
    ...input,
    reason,
    id: moment.ids.next(),
    code: newCode(),
    expiresOn: iso(addSeconds(new Date(at), limits.couponDays * 86_400)).slice(0, 10),
    givenBy: actor.id,
    givenByName: actor.name,
    createdAt: at,
    madeAt: null,
  };
  await insertCoupon(trx, coupon);
  return coupon;
}

/** The shop has one of that code already. */
export async function changeCouponCode(trx: Trx, id: string): Promise<void> {
  await updateCoupon(trx, id, { code: newCode() });
}

/** The shop has it now. False: that was known. */
export function couponMade(trx: Trx, moment: Moment, id: string): Promise<boolean> {
  return updateCoupon(trx, id, { made_at: moment.at });
}

function invalid(path: string, message: string): Refusal {
  return new Refusal('invalid-request', `${path} ${message}.`, { errors: [{ path, message }] });
}
