import { SegmentedMessage } from 'sms-segments-calculator';
import { limits } from '../../platform/limits';
import { Refusal } from '../../platform/refusal';

/** Pure decisions about messages: how long an SMS is, and which way the status of a message may go. */

export type MessageStatus = 'received' | 'queued' | 'sending' | 'sent' | 'delivered' | 'failed' | 'uncertain';

/** Channels that leave the house, and so cost credits and go through the outbox. */
export const SENDING_CHANNELS = ['email', 'sms'] as const;
export type SendingChannel = (typeof SENDING_CHANNELS)[number];

const ROOM = {
  'GSM-7': { alone: 160, joined: 153, bitsPerUnit: 7 },
  'UCS-2': { alone: 70, joined: 67, bitsPerUnit: 16 },
};

export interface Segments {
  encoding: 'GSM-7' | 'UCS-2';
  segments: number;
  /** Septets (GSM-7; € [ ] { } \ ^ ~ | take two) or UTF-16 code units (UCS-2; an emoji takes two or more). */
  units: number;
  /** Units that still fit into the last segment. */
  unitsLeft: number;
}

/**
 * How many SMS segments a text takes: GSM-7 160 alone and 153 each when joined, UCS-2 70 and 67.
 * A character that needs two units is never cut in half, so the last unit of a segment can stay empty.
 * Shape:   text → Segments
 * Errors:  message-too-long {segments_max} beyond what a provider joins
 * Source:  DESIGN §3 "Spending"; 3GPP TS 23.038 and 23.040
 */
export function segmentsOf(text: string): Segments {
  // No character takes less than one unit. Longer texts are not measured: that takes time that grows with its square.
  if (text.length > limits.smsSegmentsMax * ROOM['GSM-7'].joined) throw tooLong();
  const measured = new SegmentedMessage(text);
  const encoding = measured.encodingName;
  const room = ROOM[encoding];
  const units = measured.encodedChars.reduce((sum, char) => sum + char.codeUnits.length, 0);
  // The calculator keeps what is drawn as one sign in one segment, even where it cannot fit there (hundreds of accents
  // on one letter). No provider sends fewer segments than the units need.
  const needed = units <= room.alone ? 1 : Math.ceil(units / room.joined);
  const segments = Math.max(measured.segmentsCount, needed);
  if (segments > limits.smsSegmentsMax) throw tooLong(segments);
  const free = measured.segments.at(-1)?.freeSizeInBits() ?? 0;
  return { encoding, segments, units, unitsLeft: Math.max(0, Math.floor(free / room.bitsPerUnit)) };
}

function tooLong(segments?: number): Refusal {
  return new Refusal(
    'message-too-long',
    `An SMS has at most ${limits.smsSegmentsMax} segments. Shorten the text, or send an e-mail.`,
    { segments_max: limits.smsSegmentsMax, ...(segments === undefined ? {} : { segments }) },
  );
}

/** Letters that have no plain one inside them. */
const PLAIN_LETTERS: Record<string, string> = {
  đ: 'd',
  Đ: 'D',
  ł: 'l',
  Ł: 'L',
  ı: 'i',
  œ: 'oe',
  Œ: 'OE',
  '\u00b0': ' ',
};

/** Typographic signs, as word processors and telephones put them by themselves, and what is typed for them. */
const PLAIN_SIGNS: Record<string, string> = {
  '\u2018': "'",
  '\u2019': "'",
  '\u201a': "'",
  '\u201b': "'",
  '\u2039': "'",
  '\u203a': "'",
  '\u2032': "'",
  '\u00b4': "'",
  '`': "'",
  '\u201c': '"',
  '\u201d': '"',
  '\u201e': '"',
  '\u201f': '"',
  '\u00ab': '"',
  '\u00bb': '"',
  '\u2033': '"',
  '\u2010': '-',
  '\u2011': '-',
  '\u2012': '-',
  '\u2013': '-',
  '\u2014': '-',
  '\u2015': '-',
  '\u2212': '-',
  '\u2022': '-',
  '\u2026': '...',
  '\u00d7': 'x',
  '\t': ' ',
  '\u00a0': ' ',
  '\u2002': ' ',
  '\u2003': ' ',
  '\u2007': ' ',
  '\u2008': ' ',
  '\u2009': ' ',
  '\u200a': ' ',
  '\u202f': ' ',
  '\u3000': ' ',
  // Invisible: where a word may break, and what some programs put at the beginning of a text.
  '\u00ad': '',
  '\u200b': '',
  '\u2060': '',
  '\ufeff': '',
};

/**
 * The same text with quotes, dashes, dots and spaces as they stand on a keyboard; every letter stays.
 * Source:  Twilio's "Smart Encoding" does the same unasked, https://www.twilio.com/docs/glossary/what-is-smart-encoding
 */
export function plainSigns(text: string): string {
  return text.normalize('NFC').replace(/[^\n\r !-_a-~]/gu, (char) => PLAIN_SIGNS[char] ?? char);
}

/**
 * The same words in letters that an SMS packs closer: č becomes c, “ becomes ". Letters that GSM-7 has (é, ö, Ω) stay,
 * and so does what cannot be written plainer (emoji, Greek and Cyrillic small letters).
 * Source:  DESIGN §3 "Spending"
 */
export function plainLetters(text: string): string {
  return plainSigns(text).replace(/[^\n\r -~]/gu, (char) => {
    if (new SegmentedMessage(char).encodingName === 'GSM-7') return char;
    const same = PLAIN_LETTERS[char];
    if (same !== undefined) return same;
    const [base = ''] = char.normalize('NFD');
    return /[A-Za-z]/.test(base) ? base : char;
  });
}

/** Three dots for one can make it too long. */
function partsOf(text: string): number {
  try {
    return segmentsOf(text).segments;
  } catch (error) {
    if (error instanceof Refusal) return Number.POSITIVE_INFINITY;
    throw error;
  }
}

/** How a text could take fewer parts. */
export interface Plainer {
  /** With plain quotes, dashes and spaces; null: no fewer. */
  signs: number | null;
  /** With plain letters too; null: no fewer than that. */
  letters: number | null;
}

/** Shape: SMS → parts that each way of writing it plainer would take */
export function plainerParts(text: string): Plainer {
  const now = segmentsOf(text);
  if (now.encoding === 'GSM-7') return { signs: null, letters: null };
  const signs = partsOf(plainSigns(text));
  const letters = partsOf(plainLetters(text));
  return {
    signs: signs < now.segments ? signs : null,
    letters: letters < Math.min(now.segments, signs) ? letters : null,
  };
}

/**
 * The body as it is kept and sent.
 * SMS: composed letters and plain spaces and line ends, which look the same. A letter with a separate accent, or a
 * no-break space pasted from a web page, would switch the whole text to UCS-2 and more than double its price.
 */
export function checkedBody(body: string, channel: 'sms' | 'email' | 'note' | 'web'): string {
  if (body.trim() === '') throw invalidBody('must not be empty');
  if (body.length > limits.messageBodyChars) {
    throw invalidBody(`must have at most ${limits.messageBodyChars} characters`);
  }
  checkText(body, 'body');
  if (channel !== 'sms') return body;
  return body
    .normalize('NFC')
    .replace(/\r\n?/g, '\n')
    .replace(/[\u00a0\u2007\u202f]/g, ' ');
}

export function checkedSubject(subject: string): string {
  checkText(subject, 'subject');
  // One line: a line end in a mail's subject would be a new header.
  const tidy = subject.replace(/\s+/g, ' ').trim();
  if (tidy === '') throw invalid('subject', 'must not be empty');
  if (tidy.length > limits.subjectChars) {
    throw invalid('subject', `must have at most ${limits.subjectChars} characters`);
  }
  return tidy;
}

/** What came in is never refused: what cannot be kept is left out, the rest stays. */
export function storable(text: string): string {
  return text.replaceAll('\0', '').replace(/\p{Surrogate}/gu, '\ufffd');
}

/** Half of a surrogate pair is no text, and PostgreSQL keeps no NUL. */
function checkText(text: string, path: string): void {
  if (text.includes('\0') || /\p{Surrogate}/u.test(text))
    throw invalid(path, 'has characters that are no text');
}

function invalidBody(message: string): Refusal {
  return invalid('body', message);
}

function invalid(path: string, message: string): Refusal {
  return new Refusal('invalid-request', `${path} ${message}.`, { errors: [{ path, message }] });
}

/** Why a notice that was queued did not go: they stopped notices, or mail there comes back, after it was written. */
export const NOTICE_DROPPED = 'not sent: this customer gets no notices any more';

export type Outcome = 'sent' | 'delivered' | 'failed';

/** What the credits of a message have to do when its status changes. */
export type CreditStep = 'capture' | 'release' | 'reverse' | 'none';

const UNSETTLED: MessageStatus[] = ['queued', 'sending', 'uncertain'];

/**
 * The one way a message may go: unsettled → sent → delivered, or failed. `delivered` and `failed` are final, so a
 * callback that comes twice, late or out of order changes nothing and never charges again.
 * Shape:   (status, outcome) → what to do, or null: nothing changes
 * Source:  DESIGN §3 "Failure gives back"
 */
export function settling(
  status: MessageStatus,
  outcome: Outcome,
): { status: MessageStatus; credits: CreditStep } | null {
  if (UNSETTLED.includes(status)) {
    return { status: outcome, credits: outcome === 'failed' ? 'release' : 'capture' };
  }
  if (status === 'sent' && outcome === 'delivered') return { status: 'delivered', credits: 'none' };
  if (status === 'sent' && outcome === 'failed') return { status: 'failed', credits: 'reverse' };
  return null;
}
