import { METERS, type Meter } from '../domain/credits';
import { limits } from '../platform/limits';
import { Refusal } from '../platform/refusal';
import type { Form, Mistakes } from '../ui/form';
import { mayAct, type StaffPage } from '../ui/page';
import { amount, nameOf } from './words';

export interface Adjustment {
  kind: 'goodwill' | 'correction';
  meter: Meter;
  /** Whole credits, ±, never 0. */
  quantity: number;
  reason: string;
}

export interface AdjustForm {
  /** Makes it happen once, however often the form is sent. */
  key: string;
  /** As typed. */
  typed: { kind: string; meter: string; quantity: string; reason: string };
  mistakes: Mistakes;
  /** What is wrong with the whole. */
  problem?: string;
  /** Ready to be done: asked once more, in words. `now`: what is left of that meter. */
  asked?: Adjustment & { now: number };
}

export function typedIn(form: Form): AdjustForm['typed'] {
  return {
    kind: form.text('kind'),
    meter: form.text('meter'),
    quantity: form.trimmed('quantity'),
    reason: form.trimmed('reason'),
  };
}

/** What was typed as an adjustment, or what to mend of it, in the reader's words. */
export function checkAdjustment(
  page: StaffPage,
  typed: AdjustForm['typed'],
): { adjustment: Adjustment } | { mistakes: Mistakes } {
  const { t } = page;
  const mistakes: Mistakes = {};
  const kind = typed.kind === 'goodwill' || typed.kind === 'correction' ? typed.kind : null;
  if (kind === null) mistakes.kind = t('adjust.kind_missing');
  const meter = METERS.find((known) => known === typed.meter);
  if (meter === undefined) mistakes.meter = t('adjust.meter_missing');
  const quantity = numberIn(typed.quantity);
  const wrong = quantityMistake(page, quantity, kind);
  if (wrong !== null) mistakes.quantity = wrong;
  const reason = reasonMistake(page, typed.reason);
  if (reason !== null) mistakes.reason = reason;
  if (kind === null || meter === undefined || quantity === null || Object.keys(mistakes).length > 0) {
    return { mistakes };
  }
  return { adjustment: { kind, meter, quantity, reason: typed.reason } };
}

/** As one writes a number: "+2", "−2" with a real minus, "1 000". */
function numberIn(typed: string): number | null {
  const plain = typed.replace(/[\s']/g, '').replace(/^[−–]/, '-');
  return /^[+-]?\d{1,12}$/.test(plain) ? Number(plain) : null;
}

function quantityMistake(page: StaffPage, quantity: number | null, kind: Adjustment['kind'] | null) {
  const { t, locale } = page;
  const max = limits.creditQuantityMax;
  if (quantity === null) return t('adjust.quantity_missing');
  if (quantity === 0) return t('adjust.quantity_none');
  if (kind === 'goodwill' && quantity < 0) {
    return t(mayAct(page.staff.role, 'admin') ? 'adjust.quantity_goodwill' : 'adjust.quantity_positive');
  }
  return Math.abs(quantity) > max
    ? t('adjust.quantity_too_large', { max: max.toLocaleString(locale) })
    : null;
}

function reasonMistake({ t }: StaffPage, reason: string): string | null {
  if (reason === '') return t('adjust.reason_missing');
  if (reason.length > limits.reasonChars) return t('adjust.reason_too_long', { max: limits.reasonChars });
  return reason.includes('\0') || /\p{Surrogate}/u.test(reason) ? t('adjust.reason_unreadable') : null;
}

export function doneWords(
  page: StaffPage,
  customer: { name: string; email: string | null },
  { meter, quantity }: Adjustment,
  left: number,
): string {
  return page.t(quantity > 0 ? 'adjust.gave' : 'adjust.took', {
    what: amount(page, meter, Math.abs(quantity)),
    name: nameOf(page, customer),
    left: amount(page, meter, left),
  });
}

/** More was taken meanwhile than the form could know. */
export function tooFew(page: StaffPage, error: unknown, form: AdjustForm): AdjustForm | null {
  if (!(error instanceof Refusal) || error.code !== 'insufficient-credits') return null;
  const count = Number(error.facts.available);
  return { ...form, mistakes: { quantity: page.t('adjust.too_few', { count }) } };
}

/** One went back to a form that was sent, and changed it: that may be meant to come on top, so it gets a key of its own. */
export function conflictOf(
  page: StaffPage,
  error: unknown,
  form: AdjustForm,
  freshKey: string,
): AdjustForm | null {
  if (!(error instanceof Refusal) || error.code !== 'idempotency-conflict') return null;
  return { ...form, key: freshKey, problem: page.t('adjust.conflict') };
}
