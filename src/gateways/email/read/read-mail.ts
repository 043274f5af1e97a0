import type { HeaderValue } from 'mailparser';
import { limits as defaults } from '../../../platform/limits';
import { attachmentsOf } from './attachments';
import { idsIn, readBounce } from './bounce';
import { classify } from './classify';
import { htmlToLines } from './html-text';
import type { InboundMail, Mailbox } from './inbound-mail';
import {
  addressesOf,
  type Body,
  headerFields,
  isAddress,
  type MimeMail,
  oneLine,
  readMime,
} from './mime-tree';
import { foldQuotes, type Line, plainToLines, tidy } from './quotes';
import { type LiftedImage, sanitiseMailHtml } from './safe-html';

export interface ReadingOptions {
  /** Domains whose mail is ours: of Message-IDs, senders and lists. */
  ownDomains?: string[];
  /** As the SMTP session said it ('' is the null sender): headers that claim one are not believed then. */
  envelope?: { from: string; to: string[] };
  limits?: Partial<Limits>;
}

/**
 * Reads a mail as it came, however broken.
 * Shape:   raw RFC 5322 → InboundMail
 * Errors:  none: what cannot be read has the class `unreadable`, with what could be read
 * Units:   at most mailBytes; of a longer one only the head is read
 * Source:  DESIGN §4; RFC 5322, 2045–2047, 3464, 3834
 */
export async function readMail(raw: Buffer, options: ReadingOptions = {}): Promise<InboundMail> {
  const limits: Limits = { ...defaults, ...options.limits };
  try {
    return await read(raw, limits, options, null);
  } catch (error) {
    // A fault of ours: its head at least says whose mail it is, and it does not block those behind it.
    const fault = `reading it failed (${error instanceof Error ? error.message.slice(0, 100) : 'unknown'})`;
    return await read(raw.subarray(0, headEnd(raw)), limits, options, fault);
  }
}

async function read(
  raw: Buffer,
  limits: Limits,
  { ownDomains = [], envelope }: ReadingOptions,
  fault: string | null,
): Promise<InboundMail> {
  const cut: string[] = [];
  const mime = await readMime(withinLimits(raw, limits, cut), limits);
  const fields = headerFields(mime.headerLines);
  const subject = oneLine(asText(mime.headers.get('subject'))).slice(0, limits.subjectChars);
  const from = addressesOf(mime.headers.get('from'));
  const to = addressesOf(mime.headers.get('to'));
  const body = readBodies(fault === null ? mime.bodies : [], limits, cut);
  const folded = foldQuotes(body.lines, subject);
  const text = tidy(body.lines.map((line) => line.text).join('\n'));
  const fromAddress = from[0]?.address ?? null;
  const returnPath = envelope ? envelope.from : returnPathOf(fields.all('return-path'));
  const messageId = idsIn(fields.first('message-id'))[0] ?? null;
  const inReplyTo = idsIn(fields.first('in-reply-to'));
  const references = idsIn(fields.all('references').join(' '));
  const returned = readBounce({
    fields,
    returnPath,
    fromAddress,
    toAddresses: to.flatMap(({ address }) => address ?? []),
    subject,
    text,
    attachments: mime.attachments,
  });
  const kind = classify({
    fields,
    contentType: fields.first('content-type') ?? '',
    returnPath,
    messageId,
    fromAddress,
    subject,
    isReply: inReplyTo.length > 0 || references.length > 0,
    bounce: returned && {
      actions: returned.bounce.recipients.map(({ action }) => action),
      reason: returned.reason,
    },
    ownDomains,
  });
  const failure = fault ?? failureOf(mime, raw, limits);
  return {
    messageId,
    inReplyTo,
    references,
    from: from[0] ?? { address: null, name: '' },
    otherFrom: [...from.slice(1), ...furtherSenders(fields.all('from').slice(1))],
    sender: addressesOf(mime.headers.get('sender'))[0] ?? null,
    replyTo: addressesOf(mime.headers.get('reply-to')),
    to,
    cc: addressesOf(mime.headers.get('cc')),
    deliveredTo: [...new Set([...(envelope?.to ?? []), ...deliveredTo(mime.headers, fields)])],
    returnPath,
    subject,
    date: dateOf(fields.first('date')),
    text,
    ...folded,
    charset: body.charset,
    html: body.html,
    remoteImages: body.remoteImages,
    attachments: attachmentsOf(mime.attachments, body.images, body.shownIds),
    // A bounce or an absence notice that breaks off is still one.
    class: failure && kind.class === 'person' ? 'unreadable' : kind.class,
    reasons: failure ? [failure, ...kind.reasons] : kind.reasons,
    mayAutoAnswer: kind.mayAutoAnswer && failure === null,
    zetonMessage: fields.first('x-zeton-message'),
    bounce: returned?.bounce ?? null,
    dkim: null,
    limitsHit: [...cut, ...mime.limitsHit],
  };
}

type Limits = { [Limit in keyof typeof defaults]: number };

function failureOf(mime: MimeMail, raw: Buffer, limits: Limits): string | null {
  if (raw.length > limits.mailBytes) return 'the mail is too large';
  if (mime.broken) return `the mail could not be read to its end (${mime.broken})`;
  return mime.headerLines.some(({ key }) => /^[\w-]+$/.test(key)) ? null : 'there are no headers';
}

/** What the parser gets to see: nothing behind the head of a mail that is too large, and of a huge head what matters. */
function withinLimits(raw: Buffer, limits: Limits, cut: string[]): Buffer {
  const end = headEnd(raw);
  if (raw.length > limits.mailBytes) {
    cut.push(`the mail has ${raw.length} bytes, more than ${limits.mailBytes}`);
    return wantedHead(raw.subarray(0, Math.min(end, limits.mailBytes)), limits);
  }
  // The parser gives up a mail with a longer head, and nothing of it would be known.
  if (end <= limits.mailHeaderBytes) return raw;
  cut.push(`the headers have ${end} bytes, more than ${limits.mailHeaderBytes}`);
  return Buffer.concat([wantedHead(raw.subarray(0, end), limits), raw.subarray(end)]);
}

function headEnd(raw: Buffer): number {
  const ends = ['\r\n\r\n', '\n\n'].map((mark) => {
    const at = raw.indexOf(mark);
    return at < 0 ? raw.length : at + mark.length;
  });
  return Math.min(...ends);
}

const WANTED =
  /^(?:from|sender|reply-to|to|cc|subject|date|message-id|in-reply-to|references|mime-version|content-[a-z-]+|return-path|delivered-to|x-original-to|auto-submitted|precedence|x-auto[a-z-]+|list-[a-z-]+|x-failed-recipients|x-zeton-message)\s*:/i;

/** The fields that are read, each and all of them bounded. */
function wantedHead(head: Buffer, limits: Limits): Buffer {
  const kept: string[] = [];
  let room = limits.mailHeaderBytes / 2;
  for (const field of head
    .subarray(0, 8 * limits.mailHeaderBytes)
    .toString('latin1')
    .split(/\r?\n(?![ \t])/)) {
    if (!WANTED.test(field) || field.length > room / 4) continue;
    kept.push(field);
    room -= field.length + 2;
  }
  return Buffer.from(`${kept.join('\r\n')}\r\n\r\n`, 'latin1');
}

interface ReadBody {
  lines: Line[];
  html: string | null;
  remoteImages: number;
  shownIds: Set<string>;
  images: LiftedImage[];
  charset: InboundMail['charset'];
}

function readBodies(bodies: Body[], limits: Limits, cut: string[]): ReadBody {
  const read: ReadBody = {
    lines: [],
    html: null,
    remoteImages: 0,
    shownIds: new Set(),
    images: [],
    charset: null,
  };
  const pieces: string[] = [];
  let htmlRoom = limits.mailHtmlChars;
  for (const { plain, html } of bodies) {
    let lines: Line[] = [];
    if (html) {
      read.images.push(...html.images);
      if (html.text.length > htmlRoom) cut.push(`the HTML was cut after ${limits.mailHtmlChars} characters`);
      const shown = bounded(html.text.slice(0, htmlRoom), limits.mailHtmlTags, cut);
      htmlRoom -= shown.length;
      const safe = sanitiseMailHtml(shown);
      pieces.push(safe.html);
      read.remoteImages += safe.remoteImages;
      for (const id of safe.shownIds) read.shownIds.add(id);
      lines = htmlToLines(shown);
    }
    // HTML of pictures only, or none: the plain form says more.
    if (plain && !lines.some(({ text }) => text.trim() !== '')) lines = plainToLines(plain.text);
    if (!html && plain) pieces.push(`<p>${htmlOfPlain(plain.text.slice(0, htmlRoom))}</p>`);
    read.charset ??= (html ?? plain)?.charset ?? null;
    if (read.lines.length > 0) read.lines.push({ text: '', kind: 'new' });
    read.lines = read.lines.concat(lines);
  }
  read.lines = withinChars(read.lines, limits.mailTextChars, cut);
  if (bodies.some(({ html }) => html !== null)) read.html = pieces.join('\n');
  return read;
}

/** Unclosed tags in heaps make the time of reading grow with their square. */
function bounded(html: string, tags: number, cut: string[]): string {
  let at = -1;
  for (let count = 0; count < tags; count++) {
    at = html.indexOf('<', at + 1);
    if (at < 0) return html;
  }
  const next = html.indexOf('<', at + 1);
  if (next < 0) return html;
  cut.push(`the HTML was cut after ${tags} tags`);
  return html.slice(0, next);
}

/** Control characters mean nothing in a text, and PostgreSQL refuses one of them. */
const CONTROL = /(?![\t\n])[\p{Cc}\ufeff]/gu;

function withinChars(lines: Line[], most: number, cut: string[]): Line[] {
  let room = most;
  const kept: Line[] = [];
  for (const { text, kind } of lines) {
    const clean = text.replaceAll('\r', '').replace(CONTROL, '');
    if (clean.length + 1 > room) {
      cut.push(`the text was cut after ${most} characters`);
      if (room > 1) kept.push({ text: clean.slice(0, room).replace(/[\ud800-\udbff]$/, ''), kind });
      break;
    }
    room -= clean.length + 1;
    kept.push({ text: clean, kind });
  }
  return kept;
}

function htmlOfPlain(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/\n/g, '<br />');
}

function asText(value: HeaderValue | undefined): string {
  return typeof value === 'string' ? value : '';
}

/** The topmost is of the last server; '<>' is the null sender. */
function returnPathOf(values: string[]): string | null {
  const [value] = values;
  if (value === undefined) return null;
  // sendmail writes the null sender so.
  const bare = value
    .replace(/^.*<|>.*$/g, '')
    .replace(/^MAILER-DAEMON(?:@.*)?$/i, '')
    .trim();
  return bare === '' || isAddress(bare) ? bare : null;
}

function furtherSenders(values: string[]): Mailbox[] {
  return values.slice(0, 10).map((value) => {
    const bare = /<([^<>]*)>/.exec(value)?.[1] ?? value;
    return {
      address: isAddress(bare.trim()) ? bare.trim() : null,
      name: oneLine(value.replace(/<[^<>]*>/, '')),
    };
  });
}

const DELIVERY_FIELDS = [
  'x-original-to',
  'delivered-to',
  'envelope-to',
  'x-envelope-to',
  'x-delivered-to',
  'apparently-to',
];

function deliveredTo(headers: Map<string, HeaderValue>, fields: { all(name: string): string[] }): string[] {
  const found = addressesOf(headers.get('delivered-to')).flatMap(({ address }) => address ?? []);
  for (const name of DELIVERY_FIELDS) {
    for (const value of fields.all(name)) {
      found.push(...value.split(/[\s,;<>]+/).filter(isAddress));
    }
  }
  // "Received: … for <alice@example.com>;" is written where only one recipient was given.
  for (const value of fields.all('received').slice(0, 10)) {
    const address = /\bfor\s+<([^<>\s]{3,320})>/i.exec(value)?.[1];
    if (address && isAddress(address)) found.push(address);
  }
  return [...new Set(found)].slice(0, 20);
}

function dateOf(value: string | null): string | null {
  const date = new Date((value ?? '').replace(/\([^)]{0,100}\)/g, ' '));
  const year = Number.isNaN(date.getTime()) ? 0 : date.getUTCFullYear();
  return year >= 1970 && year < 10_000 ? date.toISOString() : null;
}
