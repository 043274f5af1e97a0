import { Transform } from 'node:stream';
import {
  type AddressObject,
  type AttachmentStream,
  type HeaderValue,
  MailParser,
  type MessageText,
} from 'mailparser';
import { decodeRaw, decodeText } from './charset';
import { type LiftedImage, liftDataImages } from './safe-html';

export interface MimeLimits {
  mailHeaderBytes: number;
  mailParts: number;
  mailAttachments: number;
  mailTextChars: number;
  mailHtmlChars: number;
  mailReadMs: number;
}

export interface HeaderLine {
  key: string;
  line: string;
}

/** What was found in a mail until its end, or until it could not be read any further. */
export interface MimeMail {
  headers: Map<string, HeaderValue>;
  headerLines: readonly HeaderLine[];
  bodies: Body[];
  attachments: RawAttachment[];
  /** Why reading ended early. */
  broken: string | null;
  limitsHit: string[];
}

/** One piece of the text, in each form that it was given in. */
export interface Body {
  plain: DecodedText | null;
  html: DecodedText | null;
}

export interface DecodedText {
  /** At most one character longer than a text may be, so that the cut is noticed. */
  text: string;
  charset: { name: string; guessed: boolean };
  /** Taken out of it. */
  images: LiftedImage[];
}

export interface RawAttachment {
  filename: string | null;
  declaredType: string;
  contentId: string | null;
  content: Buffer;
}

/**
 * Takes a mail apart.
 * Shape:   raw RFC 5322 → MimeMail; never throws
 */
export async function readMime(raw: Buffer, limits: MimeLimits): Promise<MimeMail> {
  const mail = await readParts(raw, limits);
  // The parser gives up before it has handed out what it read: the beginning, where people write, is read by itself.
  if (mail.limitsHit.length === 0 || mail.bodies.length > 0 || raw.length <= BEGINNING_BYTES) return mail;
  const beginning = await readParts(raw.subarray(0, BEGINNING_BYTES), limits);
  return { ...beginning, broken: mail.broken, limitsHit: mail.limitsHit };
}

/** Has fewer parts than a mail may have, however small they are. */
const BEGINNING_BYTES = 8 * 1024;

async function readParts(raw: Buffer, limits: MimeLimits): Promise<MimeMail> {
  const parser = new TreeParser(limits);
  const attachments: RawAttachment[] = [];
  const limitsHit: string[] = [];
  let broken: string | null = null;

  await new Promise<void>((done) => {
    // Nothing of a mail may keep the worker for ever: a stream that neither ends nor fails would.
    const timer = setTimeout(() => end('reading took too long'), limits.mailReadMs);
    const end = (why: string | null) => {
      clearTimeout(timer);
      broken ??= why;
      done();
    };
    // Stays attached: an error after the end would otherwise end the process.
    parser.on('error', (error: Error & { code?: string }) => {
      if (error.code === 'EMAXLEN') limitsHit.push('more parts or longer headers than a mail has');
      end(error.message);
    });
    parser.on('data', (part: AttachmentStream | MessageText) => {
      if (part.type === 'attachment') collect(part);
    });
    parser.on('end', () => end(null));

    function collect(part: AttachmentStream) {
      const pieces: Buffer[] = [];
      part.content.on('data', (piece: Buffer) => pieces.push(piece));
      part.content.on('end', () => {
        if (attachments.length < limits.mailAttachments) {
          attachments.push({
            filename: part.filename ? decodeRaw(part.filename) : null,
            declaredType: (part.contentType || 'application/octet-stream').toLowerCase(),
            contentId: part.cid ?? null,
            content: Buffer.concat(pieces),
          });
        } else if (!limitsHit.includes(MANY_FILES)) {
          limitsHit.push(MANY_FILES);
        }
        part.release();
      });
    }

    feed(parser, raw);
  });

  const tree = parser.tree || null;
  return {
    headers: parser.headers || new Map<string, HeaderValue>(),
    headerLines: parser.headerLines || [],
    bodies: tree ? bodiesOf(tree, parser.outcomes) : [],
    attachments,
    broken,
    limitsHit,
  };
}

const MANY_FILES = 'more attachments than are kept';

/** In pieces: given whole, the parser would hold several copies of it. */
function feed(parser: MailParser, raw: Buffer): void {
  const PIECE = 64 * 1024;
  let at = 0;
  const next = () => {
    while (at < raw.length) {
      const piece = raw.subarray(at, at + PIECE);
      at += PIECE;
      if (!parser.write(piece)) {
        parser.once('drain', next);
        return;
      }
    }
    parser.end();
  };
  next();
}

/** The text of a mail in its order; of alternatives the forms of one piece. */
function bodiesOf(node: TreeNode, outcomes: Map<number, Outcome>): Body[] {
  if (!node.contentType || !/^multipart\//i.test(node.contentType)) {
    const body = bodyOf(node, outcomes);
    return body ? [body] : [];
  }
  const parts = node.children.map((child) => bodiesOf(child, outcomes));
  if (node.contentType !== 'multipart/alternative') return parts.flat();
  // The last form is the richest; one form can be several pieces (text, picture, text).
  const plain = parts.findLast((bodies) => bodies.some((body) => body.plain && !body.html));
  const html = parts.findLast((bodies) => bodies.some((body) => body.html));
  if (!html || !plain || html === plain) return html ?? plain ?? [];
  const [first, ...rest] = html;
  const text = plain.map((body) => body.plain?.text ?? '').join('\n');
  const charset = plain[0]?.plain?.charset ?? UTF_8;
  // Together they say the same: the plain form stands by the first piece, and is used only where no HTML can be.
  return [{ html: first!.html, plain: { text, charset, images: [] } }, ...rest];
}

function bodyOf(node: TreeNode, outcomes: Map<number, Outcome>): Body | null {
  if (node.isAttachment || node.textContent === undefined || node.reading === undefined) return null;
  const { charset = UTF_8, images = [] } = outcomes.get(node.reading) ?? {};
  const decoded = { text: node.textContent, charset, images };
  return node.contentType === 'text/html' ? { plain: null, html: decoded } : { plain: decoded, html: null };
}

type Outcome = Pick<DecodedText, 'charset' | 'images'>;
const UTF_8 = { name: 'utf-8', guessed: false };

/** What mailparser knows of a part. */
interface TreeNode {
  contentType: string | false;
  children: TreeNode[];
  isAttachment?: boolean;
  textContent?: string;
  charset?: string;
  headers: Map<string, HeaderValue>;
  /** Ours: which decoding it is. */
  reading?: number;
}

/** What mailparser has inside, and we lean on; each is held by a test of charsets or of broken mails. */
interface Inside {
  createNode(node: unknown): TreeNode;
  processHeaders(lines: HeaderLine[]): Map<string, HeaderValue>;
}
const inside = MailParser.prototype as unknown as Inside;

/** Headers of which a second one is a mistake or an attack; the first is what other programs show. */
const ONCE = new Set([
  'from',
  'sender',
  'reply-to',
  'subject',
  'date',
  'message-id',
  'in-reply-to',
  'content-type',
]);

/**
 * mailparser, that decodes text by its bytes, and not only by its label, and leaves the parts standing as a tree.
 */
class TreeParser extends MailParser {
  declare headers: Map<string, HeaderValue> | false;
  declare headerLines: readonly HeaderLine[] | false;
  declare tree: TreeNode | false;
  readonly outcomes = new Map<number, Outcome>();
  private labels: { label: string | null; isHtml: boolean }[] | undefined;

  private lifted = 0;

  constructor(private readonly limits: MimeLimits) {
    const options = {
      skipHtmlToText: true,
      skipTextToHtml: true,
      skipTextLinks: true,
      skipImageLinks: true,
      keepDeliveryStatus: true,
      checksumAlgo: 'sha1',
      // A mail in a mail is an attachment: its text is not what this sender wrote.
      ignoreEmbedded: true,
      maxHeadSize: limits.mailHeaderBytes,
      maxChildNodes: limits.mailParts,
    };
    super(options);
  }

  /** Asked for each part's text, by the name that createNode gave it. */
  getDecoder() {
    return {
      decodeStream: (reading: string) => {
        const key = Number(reading.split(' ')[1]);
        const { label, isHtml } = this.labels?.[key] ?? { label: null, isHtml: false };
        // HTML can have pictures inside, of any size.
        const most = isHtml ? Number.POSITIVE_INFINITY : 4 * this.limits.mailTextChars;
        const pieces: Buffer[] = [];
        let size = 0;
        return new Transform({
          transform: (piece: Buffer | string, encoding, done) => {
            if (size <= most) pieces.push(typeof piece === 'string' ? Buffer.from(piece, encoding) : piece);
            size += piece.length;
            done();
          },
          flush: (done) => {
            const all = Buffer.concat(pieces);
            const bytes = size > most ? wholeCharacters(all) : all;
            const decoded = decodeText(bytes, label ?? (isHtml ? metaCharset(bytes) : null));
            const charset = { name: decoded.name, guessed: decoded.guessed };
            const { html: text, images } = isHtml
              ? liftDataImages(decoded.text, this.limits.mailAttachments - this.lifted)
              : { html: decoded.text.replaceAll('\r\n', '\n'), images: [] };
            this.lifted += images.length;
            this.outcomes.set(key, { charset, images });
            // What mailparser does with it takes its time, so no more than is used.
            done(null, text.slice(0, (isHtml ? this.limits.mailHtmlChars : this.limits.mailTextChars) + 1));
          },
        });
      },
    };
  }

  createNode(node: unknown): TreeNode {
    const made = inside.createNode.call(this, node);
    if (made.contentType === 'text/plain' || made.contentType === 'text/html') {
      this.labels ??= [];
      made.reading = this.labels.length;
      this.labels.push({ label: made.charset ?? null, isHtml: made.contentType === 'text/html' });
      // Not a name of an encoding, so that mailparser decodes none by itself.
      made.charset = `reading ${made.reading}`;
    }
    return made;
  }

  processHeaders(lines: HeaderLine[]): Map<string, HeaderValue> {
    const seen = new Set<string>();
    const kept: HeaderLine[] = [];
    for (const { key, line } of lines ?? []) {
      if (ONCE.has(key) && seen.has(key)) continue;
      seen.add(key);
      kept.push({ key, line: Buffer.from(decodeRaw(line)).toString('latin1') });
    }
    try {
      return inside.processHeaders.call(this, kept);
    } catch {
      return new Map(); // thrown from within a stream it would end the process
    }
  }
}

/** Cut where no character is: half of one would make all of it look wrong. */
function wholeCharacters(bytes: Buffer): Buffer {
  let end = bytes.length;
  while (end > 0 && bytes.length - end < 1_000 && bytes[end - 1]! > 0x7f) end--;
  return bytes.subarray(0, end);
}

/** Old HTML without a label in its header has one inside. */
function metaCharset(bytes: Buffer): string | null {
  const head = bytes.subarray(0, 2048).toString('latin1');
  return /<meta[^>]{0,200}charset\s{0,5}=\s{0,5}["']?([\w:.-]{2,40})/i.exec(head)?.[1] ?? null;
}

/** Header fields by name, unfolded and decoded as far as they are plain text. */
export interface HeaderFields {
  first(name: string): string | null;
  all(name: string): string[];
  has(name: string): boolean;
}

export function headerFields(lines: readonly HeaderLine[]): HeaderFields {
  const fields = new Map<string, string[]>();
  for (const { key, line } of lines) {
    const value = decodeRaw(line.slice(line.indexOf(':') + 1))
      .replace(/\s+/g, ' ')
      .trim();
    const known = fields.get(key);
    if (known) known.push(value);
    else fields.set(key, [value]);
  }
  return {
    first: (name) => fields.get(name)?.[0] ?? null,
    all: (name) => fields.get(name) ?? [],
    has: (name) => fields.has(name),
  };
}

export function addressesOf(value: HeaderValue | undefined): { address: string | null; name: string }[] {
  const found: { address: string | null; name: string }[] = [];
  for (const object of [value].flat() as (AddressObject | undefined)[]) {
    const flat = (object?.value ?? []).flatMap((entry) => entry.group ?? [entry]);
    for (const { address, name } of flat) {
      const clean = (address ?? '').trim();
      if (!clean && !name) continue;
      found.push({ address: isAddress(clean) ? clean : null, name: oneLine(name ?? '') });
    }
  }
  return found;
}

export function isAddress(text: string): boolean {
  return text.length <= 320 && /^[^\s\p{Cc}<>,;:"()[\]\\@]+@[^\s\p{Cc}<>,;:"()[\]\\@]+$/u.test(text);
}

export function oneLine(text: string): string {
  return text.replace(/[\s\p{Cc}\u2028\u2029]+/gu, ' ').trim();
}
