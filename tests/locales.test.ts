import { localeOf } from '../src/domain/customers';
import { segmentsOf } from '../src/domain/messages';
import {
  CUSTOMER_SECTIONS,
  type CustomerTexts,
  customerTexts,
  intlLocaleFor,
  LANGUAGE_CODES,
  type Language,
  languageFor,
} from '../src/locales';
import de from '../src/locales/de.json';
import el from '../src/locales/el.json';
import en from '../src/locales/en.json';
import hr from '../src/locales/hr.json';
import sl from '../src/locales/sl.json';
import { dayInWords } from '../src/platform/time-zone';
import { couponValue } from '../src/usecases/write-to-shops';

type Tree = { [key: string]: string | Tree };
const TEXTS: Record<Language, Tree> = { en, sl, hr, el, de };
const OTHERS = LANGUAGE_CODES.filter((code) => code !== 'en');
const PLURAL = /_(zero|one|two|few|many|other)$/;

/** Shape: { a: { b: 'text' } } → [['a.b', 'text']] */
function leaves(tree: Tree, path = ''): [key: string, text: string][] {
  return Object.entries(tree).flatMap(([key, value]): [string, string][] =>
    typeof value === 'string' ? [[path + key, value]] : leaves(value, `${path}${key}.`),
  );
}

const ENGLISH = new Map(leaves(en).filter(([key]) => CUSTOMER_SECTIONS.some((s) => key.startsWith(`${s}.`))));

function englishOf(key: string): string {
  const text = ENGLISH.get(key) ?? ENGLISH.get(key.replace(PLURAL, '_other'));
  if (text === undefined) throw new Error(`English has no ${key}`);
  return text;
}

const holes = (text: string) => [...text.matchAll(/\{\{[^}]*\}\}/g)].map(([hole]) => hole).sort();

/** As they come from a shop. */
const LIST = (t: CustomerTexts) =>
  [t('greeting.bought.sms', { count: 5 }), t('greeting.bought.email', { count: 10 })].join(', ');
const VALUES = {
  store: 'Trgovina Rak',
  number: '1193',
  url: 'https://trgovina-rak.example/?p=4711',
  name: 'Ana Novak',
};

/** Every text of customers as they would read it. */
function filled(language: Language): [key: string, text: string][] {
  const t = customerTexts(language);
  const what = t('greeting.bought.email', { count: 5 });
  const date = dayInWords('2026-12-01', intlLocaleFor(language));
  const more = { what, date, until: date, list: what, state: what, link: '', subject: 'Tiskalnik' };
  const keys = new Set([...ENGLISH.keys()].map((key) => key.replace(PLURAL, '')));
  return [...keys].map((key) => [
    key,
    t(key as Parameters<CustomerTexts>[0], { ...VALUES, ...more, code: 'ZETON', value: '15 %', count: 5 }),
  ]);
}

describe('The languages of customers', () => {
  test.each(OTHERS)(
    '%s has all texts of customers, with the plural forms of its own, and no more',
    (code) => {
      const { pluralCategories } = new Intl.PluralRules(code).resolvedOptions();
      const expected = [...ENGLISH.keys()].flatMap((key) => {
        if (!PLURAL.test(key)) return [key];
        if (!key.endsWith('_other')) return [];
        return pluralCategories.map((form) => key.replace(PLURAL, `_${form}`));
      });
      expect(
        leaves(TEXTS[code])
          .map(([key]) => key)
          .sort(),
      ).toEqual(expected.sort());
    },
  );

  test.each(OTHERS)('%s puts in what the English text puts in', (code) => {
    const different = leaves(TEXTS[code]).filter(
      ([key, text]) => holes(text).join() !== holes(englishOf(key)).join(),
    );
    expect(different).toEqual([]);
  });

  test.each(OTHERS)('%s leaves nothing in English but words that are the same there', (code) => {
    const same = leaves(TEXTS[code]).filter(([key, text]) => text === englishOf(key));
    const words = same.map(([, text]) => text.replace('{{count, number}} ', ''));
    const borrowed: Partial<Record<Language, string[]>> = { el: ['SMS', 'e-mail'], de: ['SMS', 'E-Mail'] };
    expect(words.filter((word) => !['SMS', ...(borrowed[code] ?? [])].includes(word))).toEqual([]);
  });

  test.each(LANGUAGE_CODES)('%s makes whole sentences of what is put in', (code) => {
    for (const [key, text] of filled(code)) {
      expect([key, text]).toEqual([key, expect.not.stringMatching(/\{\{|\}\}|\.\.|[ \t]{2}|:\s*:|^\s/)]);
      // A Latin o in a Greek word looks right, and is read out and searched for wrongly.
      expect([key, text]).toEqual([
        key,
        expect.not.stringMatching(/\p{Script=Greek}\p{Script=Latin}|\p{Script=Latin}\p{Script=Greek}/u),
      ]);
    }
  });

  test('count as their speakers do', () => {
    const said = (code: Language, meter: 'sms' | 'email' | 'video', counts: number[]) =>
      counts.map((count) => customerTexts(code)(`greeting.bought.${meter}`, { count }));
    expect(said('sl', 'sms', [0, 1, 2, 3, 4, 5, 101, 102])).toEqual([
      '0 SMS-ov',
      '1 SMS',
      '2 SMS-a',
      '3 SMS-i',
      '4 SMS-i',
      '5 SMS-ov',
      '101 SMS',
      '102 SMS-a',
    ]);
    expect(said('hr', 'sms', [1, 2, 5, 11, 21, 22])).toEqual([
      '1 SMS',
      '2 SMS-a',
      '5 SMS-ova',
      '11 SMS-ova',
      '21 SMS',
      '22 SMS-a',
    ]);
    expect(said('el', 'video', [1, 2])).toEqual([
      '1 μονάδα βοήθειας με βίντεο',
      '2 μονάδες βοήθειας με βίντεο',
    ]);
    expect(said('de', 'email', [1, 1200])).toEqual(['1 E-Mail', '1.200 E-Mails']);
    expect(said('en', 'email', [1, 1200])).toEqual(['1 e-mail', '1,200 e-mails']);
  });

  test('have amounts of money in their numbers', () => {
    const coupon = { kind: 'amount', valueMinor: 123_450, currency: 'EUR' } as const;
    const values = LANGUAGE_CODES.map((code) => couponValue(coupon, intlLocaleFor(code)));
    expect(values).toEqual(['1,234.50 EUR', '1234,50 EUR', '1.234,50 EUR', '1.234,50 EUR', '1.234,50 EUR']);
    expect(couponValue({ ...coupon, valueMinor: 1000 }, 'sl')).toBe('10 EUR');
  });

  test('have dates that stand in a sentence', () => {
    const days = LANGUAGE_CODES.map((code) => dayInWords('2026-12-01', intlLocaleFor(code)));
    expect(days).toEqual([
      '1 December 2026',
      '1. 12. 2026',
      '1. prosinca 2026.',
      '1 Δεκεμβρίου 2026',
      '1. Dezember 2026',
    ]);
  });

  // č, š, ž, ć, đ and Greek small letters are not in GSM-7, so such an SMS has 70 characters, or 67 a part.
  test.each([
    ['en', 'GSM-7', 2],
    ['de', 'GSM-7', 2],
    ['sl', 'UCS-2', 2],
    ['hr', 'UCS-2', 2],
    ['el', 'UCS-2', 2],
  ] as const)('%s writes SMS in %s, in %i parts at most', (code, encoding, parts) => {
    const t = customerTexts(code);
    const date = dayInWords('2026-12-30', intlLocaleFor(code));
    const what = t('greeting.bought.sms', { count: 3 });
    const written = [
      t('greeting.sms', { ...VALUES, list: LIST(t) }),
      t('notices.expiry.sms', { ...VALUES, list: t('notices.expiry.line', { what, date }) }),
      t('notices.balance.sms', { ...VALUES, state: what, link: VALUES.url }),
      t('unpaid.sms', VALUES),
      t('unpaid.sms_no_link', VALUES),
    ];
    for (const text of written) {
      const measured = segmentsOf(text);
      expect([text, measured.encoding]).toEqual([text, encoding]);
      expect([text, measured.segments <= parts]).toEqual([text, true]);
    }
  });

  test.each([
    ['sl', 'sl'],
    ['sl_SI', 'sl'],
    ['hr-HR', 'hr'],
    ['EL', 'el'],
    ['de-AT', 'de'],
    ['en-US', 'en'],
    ['gr', 'en'],
    ['bs', 'en'],
    ['sr-Latn', 'en'],
    ['constructor', 'en'],
    ['', 'en'],
  ])('are chosen by the locale: %s is read in %s', (locale, language) => {
    expect(languageFor(locale)).toBe(language);
  });

  test('are those that an order may name', () => {
    for (const value of [...LANGUAGE_CODES, 'fr']) {
      const named = localeOf([{ key: 'wpml_language', value }], '', 'of the shop');
      expect(named).toBe(value === 'fr' ? 'of the shop' : value);
    }
    expect(['SI', 'HR', 'GR', 'CY', 'DE', 'AT', 'FR'].map((country) => localeOf([], country, 'en'))).toEqual([
      'sl',
      'hr',
      'el',
      'el',
      'de',
      'de',
      'en',
    ]);
  });
});
