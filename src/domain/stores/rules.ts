import { limits } from '../../platform/limits';
import { Refusal } from '../../platform/refusal';

/** The store that the environment describes; it always exists. */
export const DEFAULT_STORE = 'default';
const DEFAULT_PAID_STATUSES = ['processing', 'completed'];

/** What a buyer is told when a ticket opens: by Zeton itself, by a note that WooCommerce mails, or by neither. */
export const CUSTOMER_NOTES = ['zeton', 'shop', 'off'] as const;
export type CustomerNote = (typeof CUSTOMER_NOTES)[number];

/** A null clears what may be empty. Secrets go in and never come out. */
export interface StoreChanges {
  name?: string;
  url?: string | null;
  consumerKey?: string | null;
  consumerSecret?: string | null;
  webhookSecret?: string | null;
  paidStatuses?: string[];
  locale?: string;
  country?: string;
  timeZone?: string;
  notices?: boolean;
  customerNote?: CustomerNote;
  privateRefundNotes?: boolean;
  writeTicketMeta?: boolean;
  mailAddress?: string | null;
}

export interface NewStore extends StoreChanges {
  slug: string;
}

/** What is stored of a store, apart from its secrets. */
export interface StoreDetails {
  name: string;
  url: string | null;
  paidStatuses: string[];
  locale: string;
  country: string;
  timeZone: string;
  /** Its customers are told by themselves when credits expire soon or run low. */
  notices: boolean;
  customerNote: CustomerNote;
  /** A private note on an order whose refund found credits that were used. */
  privateRefundNotes: boolean;
  /** The ticket's id is written into the order. */
  writeTicketMeta: boolean;
  /** What its customers write to; small letters. Null: no address of its own. */
  mailAddress: string | null;
}

const SLUG = /^[a-z0-9-]{1,40}$/;

export function isSlug(text: string): boolean {
  return SLUG.test(text);
}

interface Home {
  country: string;
  locale: string;
  timeZone: string;
}

const NAMELESS = 'Default store';

/** Where nothing else is known: no other ending of an address says where a shop is. */
const SOMEWHERE: Home = { country: 'US', locale: 'en', timeZone: 'UTC' };

/** Only countries with one time zone (or one that nearly everybody lives in): credits end at midnight there. */
const HOMES: Record<string, [country: string, locale: string, timeZone: string]> = {
  si: ['SI', 'sl', 'Europe/Ljubljana'],
  hr: ['HR', 'hr', 'Europe/Zagreb'],
  gr: ['GR', 'el', 'Europe/Athens'],
  cy: ['CY', 'el', 'Asia/Nicosia'],
  ba: ['BA', 'hr', 'Europe/Sarajevo'],
  at: ['AT', 'de', 'Europe/Vienna'],
  be: ['BE', 'en', 'Europe/Brussels'],
  bg: ['BG', 'en', 'Europe/Sofia'],
  ch: ['CH', 'en', 'Europe/Zurich'],
  cz: ['CZ', 'en', 'Europe/Prague'],
  de: ['DE', 'de', 'Europe/Berlin'],
  dk: ['DK', 'en', 'Europe/Copenhagen'],
  ee: ['EE', 'en', 'Europe/Tallinn'],
  es: ['ES', 'en', 'Europe/Madrid'],
  fi: ['FI', 'en', 'Europe/Helsinki'],
  fr: ['FR', 'en', 'Europe/Paris'],
  hu: ['HU', 'en', 'Europe/Budapest'],
  ie: ['IE', 'en', 'Europe/Dublin'],
  it: ['IT', 'en', 'Europe/Rome'],
  lt: ['LT', 'en', 'Europe/Vilnius'],
  lu: ['LU', 'en', 'Europe/Luxembourg'],
  lv: ['LV', 'en', 'Europe/Riga'],
  mk: ['MK', 'en', 'Europe/Skopje'],
  mt: ['MT', 'en', 'Europe/Malta'],
  nl: ['NL', 'en', 'Europe/Amsterdam'],
  no: ['NO', 'en', 'Europe/Oslo'],
  pl: ['PL', 'en', 'Europe/Warsaw'],
  pt: ['PT', 'en', 'Europe/Lisbon'],
  ro: ['RO', 'en', 'Europe/Bucharest'],
  rs: ['RS', 'en', 'Europe/Belgrade'],
  se: ['SE', 'en', 'Europe/Stockholm'],
  sk: ['SK', 'en', 'Europe/Bratislava'],
  uk: ['GB', 'en', 'Europe/London'],
};

/** A first guess from the ending of the shop's address, to be corrected by its admin. */
function homeOf(url: string | null): Home {
  const ending = url === null ? undefined : hostOf(url).split('.').pop();
  const known = ending === undefined ? undefined : HOMES[ending];
  return known ? { country: known[0], locale: known[1], timeZone: known[2] } : SOMEWHERE;
}

/** What the shop tells of itself, for as much as was only guessed so far. */
export function learnedFromShop(
  store: Pick<StoreDetails, 'name' | 'url' | 'country' | 'locale' | 'timeZone'>,
  told: { name: string | null; timeZone: string | null },
): Partial<Pick<StoreDetails, 'name' | 'country' | 'locale' | 'timeZone'>> {
  const guess = homeOf(store.url);
  const isGuess = (key: keyof Home) => store[key] === guess[key] || store[key] === SOMEWHERE[key];
  const { timeZone } = told;
  const name = told.name?.trim().slice(0, limits.nameChars);
  const isNameless = store.name === NAMELESS || (store.url !== null && store.name === hostOf(store.url));
  const [country, locale] = Object.values(HOMES).find((home) => home[2] === timeZone) ?? [];
  return {
    ...(name && isNameless ? { name } : {}),
    ...(timeZone && isTimeZone(timeZone) && isGuess('timeZone') ? { timeZone } : {}),
    ...(country && isGuess('country') ? { country } : {}),
    ...(locale && isGuess('locale') ? { locale } : {}),
  };
}

function hostOf(url: string): string {
  return new URL(url).hostname.replace(/^www\./, '');
}

/** What a new store is, from what was said about it; the rest is guessed. */
export function detailsOfNew(input: StoreChanges, url: string | null): StoreDetails {
  const home = homeOf(url);
  return {
    name: input.name ?? (url ? hostOf(url) : NAMELESS),
    url,
    paidStatuses: input.paidStatuses ?? DEFAULT_PAID_STATUSES,
    locale: input.locale ?? home.locale,
    country: input.country ?? home.country,
    timeZone: input.timeZone ?? home.timeZone,
    notices: input.notices ?? true,
    customerNote: input.customerNote ?? 'zeton',
    privateRefundNotes: input.privateRefundNotes ?? true,
    writeTicketMeta: input.writeTicketMeta ?? true,
    mailAddress: input.mailAddress ?? null,
  };
}

/**
 * The input in the form in which it is kept.
 * Errors: invalid-request {errors: [{path, message}]}, all of them at once
 */
export function checkStore<T extends StoreChanges & { slug?: string }>(input: T): T {
  const errors: { path: string; message: string }[] = [];
  const checked: T = { ...input };
  const check = (path: string, right: boolean, message: string) => {
    if (!right) errors.push({ path, message });
  };

  if (input.slug !== undefined) check('slug', isSlug(input.slug), 'must be 1 to 40 of a-z, 0-9 and "-"');
  if (input.name !== undefined) {
    checked.name = input.name.trim();
    check(
      'name',
      checked.name !== '' && checked.name.length <= limits.nameChars,
      `must have 1 to ${limits.nameChars} characters`,
    );
  }
  if (typeof input.url === 'string') {
    const url = webUrl(input.url);
    check('url', url !== null, 'must be a web address without user name, "?" and "#"');
    checked.url = url;
  }
  if (input.paidStatuses !== undefined) {
    const statuses = [...new Set(input.paidStatuses.map(statusName))];
    checked.paidStatuses = statuses;
    check(
      'paid_statuses',
      statuses.length >= 1 &&
        statuses.length <= 20 &&
        statuses.every((status) => /^[a-z0-9_-]{1,60}$/.test(status)),
      'must be a list of order statuses, like processing',
    );
    // Void ones decide before paid ones, so they would never count (DESIGN §3 "Applying snapshots").
    const never = statuses.filter((status) => NEVER_PAID.has(status));
    check(
      'paid_statuses',
      never.length === 0,
      `must not hold ${never.join(', ')}: such an order is not paid`,
    );
  }
  if (input.locale !== undefined) {
    const language = languageOf(input.locale);
    check('locale', language !== null, 'must be a language, like sl');
    if (language) checked.locale = language;
  }
  if (input.country !== undefined) {
    checked.country = input.country.toUpperCase();
    check('country', /^[A-Z]{2}$/.test(checked.country), 'must be a country of two letters, like SI');
  }
  if (input.timeZone !== undefined)
    check('time_zone', isTimeZone(input.timeZone), 'must be a time zone, like Europe/Ljubljana');
  if (input.customerNote !== undefined)
    check(
      'customer_note',
      CUSTOMER_NOTES.includes(input.customerNote),
      `must be one of ${CUSTOMER_NOTES.join(', ')}`,
    );
  if (typeof input.mailAddress === 'string') {
    checked.mailAddress = input.mailAddress.trim().toLowerCase();
    // Without a "+": what stands behind one is a token.
    check(
      'mail_address',
      checked.mailAddress.length <= 254 &&
        /^[^\s@<>,;:"()+]{1,64}@[^\s@<>,;:"()+]+\.[^\s@<>,;:"()+]+$/.test(checked.mailAddress),
      'must be an e-mail address without "+", like help@shop.example.com',
    );
  }
  for (const [key, path] of [
    ['consumerKey', 'consumer_key'],
    ['consumerSecret', 'consumer_secret'],
    ['webhookSecret', 'webhook_secret'],
  ] as const) {
    const secret = input[key];
    if (typeof secret === 'string')
      check(path, secret !== '' && secret.length <= 500, 'must have 1 to 500 characters');
  }

  if (errors.length > 0) throw new Refusal('invalid-request', 'The store is not valid.', { errors });
  return checked;
}

const NEVER_PAID = new Set(['cancelled', 'refunded', 'failed', 'trash']);

/** WooCommerce keeps statuses as wc-processing and sends them as processing. */
function statusName(status: string): string {
  return status.trim().toLowerCase().replace(/^wc-/, '');
}

function webUrl(text: string): string | null {
  const url = URL.canParse(text.trim()) ? new URL(text.trim()) : null;
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password || /[?#]/.test(text))
    return null;
  return url.href.replace(/\/+$/, '');
}

/** sl of sl, sl-SI or (as WordPress writes it) sl_SI. */
function languageOf(tag: string): string | null {
  try {
    return new Intl.Locale(tag.replaceAll('_', '-')).language;
  } catch {
    return null;
  }
}

function isTimeZone(name: string): boolean {
  try {
    // Offsets (+01:00) are taken by Intl, but know no summer time.
    return /^[A-Za-z]/.test(name) && new Intl.DateTimeFormat('en', { timeZone: name }) !== undefined;
  } catch {
    return false;
  }
}
