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

/** What has no plain letter inside it, and what reads the same. */
const PLAIN: Record<string, string> = {
  đ: 'd',
  Đ: 'D',
  ł: 'l',
  Ł: 'L',
  ı: 'i',
  œ: 'oe',
  Œ: 'OE',
  '\u2018': "'",
  '\u2019': "'",
  '\u201a': "'",
  '\u2032': "'",
  '\u201c': '"',
  '\u201d': '"',
  '\u201e': '"',
  '\u00ab': '"',
  '\u00bb': '"',
  '\u2033': '"',
  '\u2010': '-',
  '\u2011': '-',
  '\u2013': '-',
  '\u2014': '-',
  '\u2212': '-',
  '\u2022': '-',
  '\u2026': '...',
  '\u00d7': 'x',
  '\u00b0': ' ',
};

/**
 * The same words in letters that an SMS packs closer: č becomes c, “ becomes ". Letters that GSM-7 has (é, ö, Ω) stay,
 * and so does what cannot be written plainer (emoji, Greek and Cyrillic small letters).
 * Source:  DESIGN §3 "Spending"
 */
export function plainLetters(text: string): string {
  return text.normalize('NFC').replace(/[^\n\r -~]/gu, (char) => {
    if (new SegmentedMessage(char).encodingName === 'GSM-7') return char;
    const same = PLAIN[char];
    if (same !== undefined) return same;
    const [base = ''] = char.normalize('NFD');
    return /[A-Za-z]/.test(base) ? base : char;
  });
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
