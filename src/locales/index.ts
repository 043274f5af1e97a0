import { createInstance, type TOptions } from 'i18next';
import de from './de.json';
import el from './el.json';
import en from './en.json';
import hr from './hr.json';
import sl from './sl.json';

type Plural = 'zero' | 'one' | 'two' | 'few' | 'many' | 'other';
type WithoutPlural<Key extends string> = Key extends `${infer Word}_${Plural}` ? Word : Key;
type KeysOf<Texts, Path extends string = ''> = {
  [Key in keyof Texts & string]: Texts[Key] extends string
    ? `${Path}${WithoutPlural<Key>}`
    : KeysOf<Texts[Key], `${Path}${Key}.`>;
}[keyof Texts & string];

/** 'sign_in.title': the page, then the text. A text with plurals is asked for without its `_one`, `_other`. */
export type TextKey = KeysOf<typeof en>;

/**
 * A text in the reader's language. `count` chooses the plural. Values are put in as they are: markup escapes
 * the whole (`safe`).
 */
export type Texts = (key: TextKey, values?: Record<string, string | number>) => string;

/** What customers read, by mail, SMS or without a sign-in: every language has these, and only English the rest. */
export const CUSTOMER_SECTIONS = [
  'greeting',
  'notices',
  'mail',
  'notices_page',
  'unpaid',
  'first_word',
  'order_note',
  'coupon_reply',
] as const;
type OfCustomers = Pick<typeof en, (typeof CUSTOMER_SECTIONS)[number]>;

/** As `Texts`, but knows only what every language has: nothing reaches a customer in English by oversight. */
export type CustomerTexts = (key: KeysOf<OfCustomers>, values?: Record<string, string | number>) => string;

/** The same texts in a language with these plural forms (those of Intl.PluralRules). */
type With<Form extends Plural, English = OfCustomers> = {
  [Key in keyof English & string as English[Key] extends string
    ? Key extends `${infer Word}_${Plural}`
      ? `${Word}_${Form}`
      : Key
    : Key]: English[Key] extends string ? string : With<Form, English[Key]>;
};

const LANGUAGES = {
  en: { translation: en },
  sl: { translation: sl satisfies With<'one' | 'two' | 'few' | 'other'> },
  hr: { translation: hr satisfies With<'one' | 'few' | 'other'> },
  el: { translation: el satisfies With<'one' | 'other'> },
  de: { translation: de satisfies With<'one' | 'other'> },
};
export type Language = keyof typeof LANGUAGES;
export const LANGUAGE_CODES = Object.keys(LANGUAGES) as Language[];

/** The reader's language where Zeton speaks it, else English. Shape: 'sl', 'sl_SI', 'en-GB' → Language */
export function languageFor(locale: string): Language {
  const [language = ''] = locale.toLowerCase().split(/[-_]/);
  return Object.hasOwn(LANGUAGES, language) ? (language as Language) : 'en';
}

/** For dates and numbers inside a text of `textsIn(languageFor(locale))`: in its language, whatever the reader's region. */
export function intlLocaleFor(locale: string): string {
  const language = languageFor(locale);
  return language === 'en' ? 'en-GB' : language;
}

/** Shape: the locale of a customer → their texts */
export function customerTexts(locale: string): CustomerTexts {
  return textsIn(languageFor(locale));
}

const made = new Map<Language, Texts>();

export function textsIn(language: Language): Texts {
  let texts = made.get(language);
  if (!texts) {
    const i18n = createInstance();
    void i18n.init({
      lng: language,
      fallbackLng: 'en',
      initAsync: false,
      resources: LANGUAGES,
      interpolation: { escapeValue: false },
      returnNull: false,
    });
    texts = (key, values) => i18n.t(key, values as TOptions) as string;
    made.set(language, texts);
  }
  return texts;
}
