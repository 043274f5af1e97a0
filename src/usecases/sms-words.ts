import { type TextKey, type Texts, textsIn } from '../locales';
import en from '../locales/en.json';

/** Why an SMS was not delivered, in plain words; the provider's number stays, to be looked up. Shape: code → text */
export function smsFailureInWords(code: number | null, t: Texts = textsIn('en')): string {
  if (code === null) return t('sms_errors.unknown');
  const key = `twilio_${code}`;
  const words = t(Object.hasOwn(en.sms_errors, key) ? (`sms_errors.${key}` as TextKey) : 'sms_errors.other');
  return t('sms_errors.code', { words, code });
}
