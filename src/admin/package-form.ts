import { DEFAULT_PRICE_LIST, METERS, type Meter } from '../domain/credits';
import type { Package, PackageInput } from '../domain/packages';
import { limits } from '../platform/limits';
import type { Form, Mistakes } from '../ui/form';
import type { Page } from '../ui/page';

export const MATCH_KINDS = ['sku', 'product_id', 'variation_id'] as const;
type MatchKind = (typeof MATCH_KINDS)[number];
/** What pooled credits can pay. */
export const PAYABLE = METERS.filter((meter) => meter !== 'any');
type Payable = Exclude<Meter, 'any'>;

/** The form as it was typed: all of it text, so that a refused one comes back as it was. */
export interface Typed {
  store: string;
  name: string;
  matchKind: MatchKind;
  matchValue: string;
  grants: Record<Meter, string>;
  smsUnit: 'message' | 'segment';
  videoUnit: 'session' | 'block';
  videoBlockMinutes: string;
  prices: Record<Payable, string>;
  validityDays: string;
  scope: 'customer' | 'ticket';
  opensTicket: boolean;
  lowBalanceAt: string;
  /** Only orders from now on (or from when that was said); the others by an import. */
  fromNow: boolean;
  active: boolean;
}

function each<Key extends string>(keys: readonly Key[], textOf: (key: Key) => string): Record<Key, string> {
  return Object.fromEntries(keys.map((key) => [key, textOf(key)])) as Record<Key, string>;
}

function numberText(value: number | null | undefined): string {
  return value === null || value === undefined ? '' : String(value);
}

function priceOf(list: PackageInput['priceList'], meter: Payable): number | undefined {
  return list[meter];
}

/** What a form for a new package starts with. */
export function blankTyped(store: string, fromNow: boolean): Typed {
  return {
    store,
    name: '',
    matchKind: 'sku',
    matchValue: '',
    grants: each(METERS, () => ''),
    smsUnit: 'message',
    videoUnit: 'session',
    videoBlockMinutes: '15',
    prices: each(PAYABLE, (meter) => numberText(priceOf(DEFAULT_PRICE_LIST, meter))),
    validityDays: '',
    scope: 'customer',
    opensTicket: true,
    lowBalanceAt: '',
    fromNow,
    active: true,
  };
}

export function typedFromPackage(pkg: Package): Typed {
  return {
    store: pkg.storeId,
    name: pkg.name,
    matchKind: pkg.match.kind,
    matchValue: pkg.match.value,
    grants: each(METERS, (meter) => numberText(pkg.grants.find((grant) => grant.meter === meter)?.quantity)),
    smsUnit: pkg.smsUnit,
    videoUnit: pkg.videoBlockMinutes === null ? 'session' : 'block',
    videoBlockMinutes: numberText(pkg.videoBlockMinutes ?? 15),
    prices: each(PAYABLE, (meter) => numberText(pkg.priceList[meter])),
    validityDays: numberText(pkg.validityDays),
    scope: pkg.scope,
    opensTicket: pkg.opensTicket,
    lowBalanceAt: numberText(pkg.lowBalanceAt),
    fromNow: pkg.ordersFrom !== null,
    active: pkg.active,
  };
}

export function typedFromForm(form: Form): Typed {
  return {
    store: form.text('store'),
    name: form.text('name'),
    matchKind: MATCH_KINDS.find((kind) => kind === form.text('match_kind')) ?? 'sku',
    matchValue: form.text('match_value'),
    grants: each(METERS, (meter) => form.text(`grant_${meter}`)),
    smsUnit: form.text('sms_unit') === 'segment' ? 'segment' : 'message',
    videoUnit: form.text('video_unit') === 'block' ? 'block' : 'session',
    videoBlockMinutes: form.text('video_block_minutes'),
    prices: each(PAYABLE, (meter) => form.text(`price_${meter}`)),
    validityDays: form.text('validity_days'),
    scope: form.text('scope') === 'ticket' ? 'ticket' : 'customer',
    opensTicket: form.has('opens_ticket'),
    lowBalanceAt: form.text('low_balance_at'),
    fromNow: form.has('from_now'),
    active: form.has('active'),
  };
}

/**
 * What the form means. Where something is wrong there is a mistake, and `input` leaves it out: good enough to show what
 * the customer would get, and saved only when nothing is wrong.
 */
export function understand(
  { t, now }: Pick<Page, 't' | 'now'>,
  typed: Typed,
  before: Package | null,
): { input: PackageInput; mistakes: Mistakes } {
  const mistakes: Mistakes = {};
  /** A whole number, or null for nothing; what is neither is a mistake, and null. */
  const whole = (field: string, text: string, min: number, max: number): number | null => {
    const trimmed = text.trim();
    if (trimmed === '') return null;
    const value = /^\d{1,15}$/.test(trimmed) ? Number(trimmed) : Number.NaN;
    if (value >= min && value <= max) return value;
    mistakes[field] = t('packages.mistakes.whole', { min, max });
    return null;
  };

  const name = typed.name.trim();
  if (name === '') mistakes.name = t('packages.mistakes.name_missing');
  else if (name.length > limits.nameChars)
    mistakes.name = t('packages.mistakes.too_long', { count: limits.nameChars });
  else if (CONTROL.test(name)) mistakes.name = t('packages.mistakes.unreadable');

  const match = { kind: typed.matchKind, value: typed.matchValue.trim() };
  const matchMistake = mistakeOfMatch(t, match);
  if (matchMistake !== null) mistakes.match_value = matchMistake;
  else if (match.kind !== 'sku') match.value = String(Number(match.value));

  const grants = METERS.flatMap((meter) => {
    const quantity = whole(`grant_${meter}`, typed.grants[meter], 0, limits.creditQuantityMax);
    return quantity ? [{ meter, quantity }] : [];
  });
  const givesNothing = METERS.every((meter) => /^0*$/.test(typed.grants[meter].trim()));
  if (givesNothing) mistakes.grant_sms = t('packages.mistakes.nothing');

  const gives = (...meters: Meter[]) => meters.some((meter) => !/^0*$/.test(typed.grants[meter].trim()));
  let videoBlockMinutes: number | null = null;
  if (typed.videoUnit === 'block') {
    if (gives('video', 'any')) {
      if (typed.videoBlockMinutes.trim() === '') {
        mistakes.video_block_minutes = t('packages.mistakes.minutes_missing');
      }
      videoBlockMinutes = whole(
        'video_block_minutes',
        typed.videoBlockMinutes,
        1,
        limits.videoBlockMinutesMax,
      );
    } else {
      videoBlockMinutes = before?.videoBlockMinutes ?? null;
    }
  }

  let priceList: PackageInput['priceList'] = before?.priceList ?? DEFAULT_PRICE_LIST;
  if (gives('any')) {
    priceList = {};
    for (const meter of PAYABLE) {
      const price = whole(`price_${meter}`, typed.prices[meter], 1, limits.creditQuantityMax);
      if (price !== null) priceList[meter] = price;
    }
    if (PAYABLE.every((meter) => typed.prices[meter].trim() === '')) {
      mistakes.price_sms = t('packages.mistakes.no_price');
    }
  }

  const validityDays = whole('validity_days', typed.validityDays, 1, limits.validityDaysMax);
  const { scope, opensTicket } = typed;
  if (scope === 'ticket' && !opensTicket) mistakes.scope = t('packages.mistakes.scope');
  const lowBalanceAt = whole('low_balance_at', typed.lowBalanceAt, 0, limits.creditQuantityMax);

  const input: PackageInput = {
    name,
    match,
    grants,
    priceList,
    smsUnit: typed.smsUnit,
    videoBlockMinutes,
    validityDays,
    scope,
    opensTicket,
    lowBalanceAt,
    ordersFrom: typed.fromNow ? (before?.ordersFrom ?? now.toISOString()) : null,
    active: typed.active,
  };
  return { input, mistakes };
}

/** They stand in no name, and PostgreSQL keeps no NUL. */
const CONTROL = /\p{Cc}/u;

function mistakeOfMatch(t: Page['t'], { kind, value }: PackageInput['match']): string | null {
  if (value === '') return t(`packages.mistakes.${kind}_missing`);
  if (kind === 'sku') {
    if (value.length > limits.nameChars) return t('packages.mistakes.too_long', { count: limits.nameChars });
    return CONTROL.test(value) ? t('packages.mistakes.unreadable') : null;
  }
  const isId = /^\d{1,16}$/.test(value) && Number(value) >= 1 && Number.isSafeInteger(Number(value));
  return isId ? null : t('packages.mistakes.not_an_id');
}

/** Saved again without a change: nothing to do, and no new version of the package. */
export function isSameAs(pkg: Package, input: PackageInput): boolean {
  const facts = (from: PackageInput) =>
    JSON.stringify([
      [from.name, from.match.kind, from.match.value, from.smsUnit, from.videoBlockMinutes],
      METERS.map((meter) => from.grants.find((grant) => grant.meter === meter)?.quantity ?? 0),
      PAYABLE.map((meter) => from.priceList[meter] ?? 0),
      [from.validityDays, from.scope, from.opensTicket, from.lowBalanceAt, from.ordersFrom, from.active],
    ]);
  return facts(pkg) === facts(input);
}
