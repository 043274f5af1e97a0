import { limits } from '../../platform/limits';

/** Pure decisions about SMS as Twilio brings and reports them. */

/** Twilio's default words, a message that is nothing else. Source: help.twilio.com, "Opt-out keywords (SMS STOP filtering)" */
const STOP = ['STOP', 'STOPALL', 'UNSUBSCRIBE', 'CANCEL', 'END', 'QUIT', 'OPTOUT', 'REVOKE'];
const START = ['START', 'UNSTOP', 'YES'];
const HELP = ['HELP', 'INFO'];

type Keyword = 'stop' | 'start' | 'help';

/**
 * Does the sender want no more SMS, or some again? Twilio answers these words itself.
 * Shape: (text, OptOutType: Twilio's own verdict where a messaging service has words of its own) → Keyword or null
 */
export function keywordOf(text: string, optOutType = ''): Keyword | null {
  const verdict = optOutType.trim().toLowerCase();
  if (verdict === 'stop' || verdict === 'start' || verdict === 'help') return verdict;
  const word = text.trim().toUpperCase();
  if (STOP.includes(word)) return 'stop';
  if (START.includes(word)) return 'start';
  return HELP.includes(word) ? 'help' : null;
}

/** Is it an order to the machine, and nothing that somebody has to read? A lone "yes" may well answer our question. */
export function isOnlyKeyword(text: string, keyword: Keyword | null): boolean {
  return keyword === 'stop' || (keyword === 'start' && text.trim().toUpperCase() !== 'YES');
}

/** Can it be answered? Names ("Telekom") and short codes cannot; neither is a channel address ("whatsapp:+386…") SMS. */
export function isPhoneNumber(sender: string): boolean {
  return /^\+[1-9]\d{6,14}$/.test(sender);
}

/** What is read of the form that Twilio posts for a message that came in. */
interface InboundForm {
  from: string;
  to: string;
  text: string;
  optOutType: string;
  mediaUrls: string[];
}

/** PostgreSQL keeps no NUL, and no sender is longer. */
function oneWord(text: string | null): string {
  return (text ?? '').replaceAll('\0', '').trim().slice(0, 100);
}

/** Shape: the signed bytes → InboundForm */
export function readInboundForm(body: Buffer): InboundForm {
  const form = new URLSearchParams(body.toString('utf8'));
  const count = Math.min(limits.smsMediaMax, Number.parseInt(form.get('NumMedia') ?? '0', 10) || 0);
  return {
    from: oneWord(form.get('From')),
    to: oneWord(form.get('To')),
    text: form.get('Body') ?? '',
    optOutType: form.get('OptOutType') ?? '',
    mediaUrls: Array.from({ length: count }, (_, n) => form.get(`MediaUrl${n}`) ?? '').filter(
      (url) => url !== '',
    ),
  };
}

/** The same form of a message that was fetched. */
export function formOf(sms: { from: string; to: string; text: string; mediaUrls: string[] }): Buffer {
  const form = new URLSearchParams({ From: sms.from, To: sms.to, Body: sms.text });
  form.set('NumMedia', String(sms.mediaUrls.length));
  for (const [n, url] of sms.mediaUrls.entries()) form.set(`MediaUrl${n}`, url);
  return Buffer.from(form.toString());
}

/**
 * What a status of the provider says about a message that goes out; null: nothing that matters here.
 * A provider that has it in any state has taken it over, which is what Zeton calls sent.
 * Source: https://www.twilio.com/docs/messaging/api/message-resource#message-status-values
 */
export function outcomeOf(status: string): 'sent' | 'delivered' | 'failed' | null {
  switch (status) {
    case 'accepted':
    case 'scheduled':
    case 'queued':
    case 'sending':
    case 'sent':
    case 'partially_delivered':
      return 'sent';
    case 'delivered':
    case 'read':
      return 'delivered';
    case 'undelivered':
    case 'failed':
    case 'canceled':
      return 'failed';
    default:
      return null;
  }
}

/** Twilio's code for "the recipient answered STOP". */
export const OPTED_OUT_CODE = 21610;

/** Seconds until the provider is asked for the nth time (from 0) what became of a message; null: not any more. */
export function askAfterSeconds(asks: number): number | null {
  return [300, 3_600, 86_400][asks] ?? null;
}
