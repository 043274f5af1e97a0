import { randomInt } from 'node:crypto';
import { limits } from '../../platform/limits';

export const COUPON_KINDS = ['amount', 'percent'] as const;
export type CouponKind = (typeof COUPON_KINDS)[number];

/** None that are taken for another when they are read out on the telephone. */
const LETTERS = 'abcdefghjkmnpqrstuvwxyz23456789';

/** 50 bits: nobody guesses one, and two are never the same. Lower case, as WooCommerce keeps them. */
export function newCode(): string {
  const letters = Array.from({ length: 10 }, () => LETTERS[randomInt(LETTERS.length)]).join('');
  return `${letters.slice(0, 5)}-${letters.slice(5)}`;
}

/** In hundredths. Where money has no cents (JPY), a hundred times as much is about the same. */
export function largestAmountMinor(currency: string | null): number {
  const { couponAmountMax } = limits;
  return (hasCents(currency) ? couponAmountMax : couponAmountMax * 100) * 100;
}

function hasCents(currency: string | null): boolean {
  if (currency === null) return true;
  try {
    const money = new Intl.NumberFormat('en', { style: 'currency', currency });
    return (money.resolvedOptions().maximumFractionDigits ?? 2) > 0;
  } catch {
    return true;
  }
}
