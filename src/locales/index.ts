import { createInstance, type TOptions } from 'i18next';
import en from './en.json';

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

const LANGUAGES = { en: { translation: en } };
export type Language = keyof typeof LANGUAGES;

/** The reader's language where Zeton speaks it, else English. Shape: 'sl', 'en-GB' → Language */
export function languageFor(locale: string): Language {
  const [language = ''] = locale.toLowerCase().split(/[-_]/);
  return Object.hasOwn(LANGUAGES, language) ? (language as Language) : 'en';
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
