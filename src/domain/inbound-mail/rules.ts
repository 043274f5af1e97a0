import { limits } from '../../platform/limits';
import { sha256Hex } from '../../platform/secrets';

/** By which way a mail came. */
export type Way = 'imap' | 'http' | 'smtp';

/** What has to be known of a mail before anybody has time to read it. */
export interface MailHead {
  /** In small letters; '' where it does not say. */
  sender: string;
  /** Whom it names as recipients, and where servers noted that they delivered it; small letters, each once. */
  recipients: string[];
  /** With its brackets; null: none, or none that could be anybody's. */
  messageId: string | null;
}

/** The raw head of a mail, without the empty line behind it. */
function mailHead(raw: Buffer): Buffer {
  const end = headEnd(raw);
  return raw.subarray(0, end.head);
}

export function readMailHead(raw: Buffer): MailHead {
  const fields = fieldsOf(mailHead(raw));
  const all = (name: string) => fields.filter((field) => field.name === name).map(({ value }) => value);
  const delivered = [...all('x-original-to'), ...all('delivered-to'), ...all('envelope-to')];
  const named = [...delivered, ...all('to'), ...all('cc')].flatMap(addressesIn);
  return {
    sender: addressesIn(all('from')[0] ?? '')[0] ?? '',
    recipients: [...new Set(named)].slice(0, limits.mailRecipients),
    messageId: /<[^<>\s]{3,900}>/.exec(all('message-id')[0] ?? '')?.[0] ?? null,
  };
}

/**
 * What makes a mail that mail, by whichever way it comes: servers on the way add to its head and change its line ends,
 * nothing else. The body counts too, because programs exist that give all their mails one Message-ID; and so does who it
 * is from, so that nobody who has seen a mail can send another in its place.
 */
export function mailKey(raw: Buffer): string {
  const { head, body } = headEnd(raw);
  const fields = fieldsOf(raw.subarray(0, head));
  const first = (name: string) =>
    (fields.find((field) => field.name === name)?.value ?? '').replace(/\s+/g, ' ').trim();
  const { messageId, sender } = readMailHead(raw);
  const identity = messageId ?? ['date', 'subject', 'to'].map(first).join('\n');
  const text = raw.subarray(body).toString('latin1').replace(/\r\n?/g, '\n').trimEnd();
  return sha256Hex([sender, identity, sha256Hex(Buffer.from(text, 'latin1'))].join('\0'));
}

/** Where the head ends and the body begins. Mails without a body, and with either kind of line ends. */
function headEnd(raw: Buffer): { head: number; body: number } {
  const crlf = raw.indexOf('\r\n\r\n');
  const lf = raw.indexOf('\n\n');
  if (crlf === -1 && lf === -1) return { head: raw.length, body: raw.length };
  return lf === -1 || (crlf !== -1 && crlf < lf)
    ? { head: crlf, body: crlf + 4 }
    : { head: lf, body: lf + 2 };
}

function fieldsOf(head: Buffer): { name: string; value: string }[] {
  return head
    .subarray(0, limits.mailHeaderBytes)
    .toString('latin1')
    .split(/\r?\n(?![ \t])/)
    .flatMap((line) => {
      const [, name, value] = /^([!-9;-~]{1,100})[ \t]*:([\s\S]*)$/.exec(line) ?? [];
      return name === undefined || value === undefined ? [] : [{ name: name.toLowerCase(), value }];
    });
}

/** Good enough for telling senders and stores apart; whoever reads the mail reads its addresses properly. */
function addressesIn(value: string): string[] {
  // Names in quotes and comments may look like addresses.
  const bare = value.replace(/"(?:[^"\\]|\\.){0,1000}"/gs, '').replace(/\([^()]{0,1000}\)/gs, '');
  const found = bare.match(/[^\s<>,;:"()@]{1,200}@[^\s<>,;:"()@]{1,255}/g) ?? [];
  return found.map((address) => address.toLowerCase().slice(0, limits.emailChars));
}
