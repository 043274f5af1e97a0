import { COUPON_KINDS, type CouponKind, largestAmountMinor } from '../domain/coupons';
import { limits } from '../platform/limits';
import type { Form, Mistakes } from '../ui/form';
import type { StaffPage } from '../ui/page';

export interface CouponForm {
  /** Makes it happen once, however often the form is sent. */
  key: string;
  typed: { kind: string; value: string; reason: string };
  mistakes: Mistakes;
  /** What is wrong with the whole. */
  problem?: string;
}

export function typedCoupon(form: Form): CouponForm['typed'] {
  return { kind: form.text('kind'), value: form.trimmed('value'), reason: form.trimmed('reason') };
}

/** What was typed, or what to mend of it, in the reader's words. */
export function checkCoupon(
  { t, locale }: StaffPage,
  typed: CouponForm['typed'],
  currency: string | null,
): { wanted: { kind: CouponKind; valueMinor: number; reason: string } } | { mistakes: Mistakes } {
  const mistakes: Mistakes = {};
  const kind = COUPON_KINDS.find((known) => known === typed.kind) ?? null;
  if (kind === null) mistakes.kind = t('coupon.mistakes.kind');
  const valueMinor = kind === 'percent' ? percentIn(typed.value) : amountIn(typed.value, currency);
  if (valueMinor === null) {
    const max = kind === 'percent' ? limits.couponPercentMax : largestAmountMinor(currency) / 100;
    mistakes.value = t(kind === 'percent' ? 'coupon.mistakes.percent' : 'coupon.mistakes.amount', {
      max: max.toLocaleString(locale),
    });
  }
  const { reason } = typed;
  if (reason === '') mistakes.reason = t('coupon.mistakes.reason_missing');
  else if (reason.length > limits.reasonChars) {
    mistakes.reason = t('coupon.mistakes.reason_too_long', { max: limits.reasonChars });
  } else if (/\p{Cc}|\p{Surrogate}/u.test(reason)) mistakes.reason = t('packages.mistakes.unreadable');
  if (kind === null || valueMinor === null || Object.keys(mistakes).length > 0) return { mistakes };
  return { wanted: { kind, valueMinor, reason } };
}

/** "12", "7.5", "7,50" */
function amountIn(typed: string, currency: string | null): number | null {
  const [, whole, cents = ''] = /^(\d{1,9})(?:[.,](\d{1,2}))?$/.exec(typed) ?? [];
  if (whole === undefined) return null;
  const minor = Number(whole) * 100 + Number(cents.padEnd(2, '0'));
  return minor >= 1 && minor <= largestAmountMinor(currency) ? minor : null;
}

function percentIn(typed: string): number | null {
  const percent = /^\d{1,3}$/.test(typed.replace(/\s*%$/, '')) ? Number(typed.replace(/\s*%$/, '')) : 0;
  return percent >= 1 && percent <= limits.couponPercentMax ? percent * 100 : null;
}
