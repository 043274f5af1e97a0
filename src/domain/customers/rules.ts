import type { CountryCode } from 'libphonenumber-js/max';
import { parsePhoneNumberFromString } from 'libphonenumber-js/max';

/** Who a WooCommerce order says the buyer is. */
export interface Identity {
  /** The shop's customer id; null for a guest. */
  wooCustomerId: number | null;
  emailNormalised: string | null;
}

/** As in src/locales. */
const LOCALES = ['en', 'sl', 'hr', 'el', 'de'] as const;

/**
 * The address as an identity: lower case, no surrounding space. Null when it identifies nobody: empty, no address at
 * all, or a placeholder under the reserved top-level domain .invalid.
 */
export function normaliseEmail(email: string): string | null {
  const address = email.trim().toLowerCase();
  if (address.length > 254 || !/^[^\s@<>]+@[^\s@<>]+\.[^\s@<>]+$/.test(address)) return null;
  return address.endsWith('.invalid') ? null : address;
}

/** E.164, read with the billing country, else the shop's; null when it is no number that could exist. */
export function phoneToE164(phone: string, country: string, storeCountry: string): string | null {
  const text = phone.trim().slice(0, 40);
  if (text === '') return null;
  for (const region of [country, storeCountry]) {
    const parsed = parsePhoneNumberFromString(text, (region || undefined) as CountryCode | undefined);
    if (parsed?.isPossible()) return parsed.number;
  }
  return null;
}

const LOCALE_OF_COUNTRY: Record<string, string> = {
  SI: 'sl',
  HR: 'hr',
  GR: 'el',
  CY: 'el',
  DE: 'de',
  AT: 'de',
};
/** Where translation plugins (WPML, Polylang, TranslatePress, Weglot) leave an order's language. */
const LOCALE_META = [
  'wpml_language',
  '_wpml_language',
  'lang',
  '_lang',
  'trp_language',
  'weglot_language',
  'locale',
];

/** Order meta, else billing country, else the shop's language. Only languages that Zeton speaks. */
export function localeOf(
  meta: { key: string; value: unknown }[],
  country: string,
  storeLocale: string,
): string {
  for (const key of LOCALE_META) {
    const value = meta.find((item) => item.key === key)?.value;
    const language = typeof value === 'string' ? value.slice(0, 2).toLowerCase() : '';
    if ((LOCALES as readonly string[]).includes(language)) return language;
  }
  return LOCALE_OF_COUNTRY[country] ?? storeLocale;
}

/** Of a number in E.164; '' where it belongs to no one country. */
export function countryOfPhone(phoneE164: string): string {
  return parsePhoneNumberFromString(phoneE164)?.country ?? '';
}

/** What is known of a customer besides the identity. Empty: the shop does not say. */
export interface Details {
  name: string;
  email: string;
  phone: string;
  phoneE164: string;
  country: string;
  locale: string;
}

export type DetailsAsOf = Partial<Record<keyof Details, string>>;

/**
 * Each detail is taken from the newest state of the shop that has it, whatever the order of arrival.
 * Returns null when nothing changes.
 */
export function mergeDetails(
  known: { details: Details; asOf: DetailsAsOf },
  told: { details: Details; asOf: string },
): { details: Details; asOf: DetailsAsOf } | null {
  const details = { ...known.details };
  const asOf = { ...known.asOf };
  let changed = false;
  for (const field of Object.keys(details) as (keyof Details)[]) {
    if (told.details[field] === '' || told.asOf <= (asOf[field] ?? '')) continue;
    details[field] = told.details[field];
    asOf[field] = told.asOf;
    changed = true;
  }
  return changed ? { details, asOf } : null;
}
