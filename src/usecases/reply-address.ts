import { limits } from '../platform/limits';
import { sameSecret, type Vault } from '../platform/secrets';

/**
 * Addresses that say by themselves what a mail belongs to: answers go to `support+r…@shop.example`, bounces to
 * `bounce+b…@shop.example` (VERP). Who does not have SECRET_KEY can neither make nor change one. Lower-case letters and
 * digits only, and read in any case: some mail programs and servers change it.
 */
const KINDS = {
  reply: { letter: 'r', purpose: 'reply-address' },
  bounce: { letter: 'b', purpose: 'bounce-address' },
} as const;
type Kind = keyof typeof KINDS;

/** 16 bytes of a UUID and 80 bits of its MAC (DESIGN §8), as base32: 42 characters. */
const ID_BYTES = 16;
const MAC_BYTES = 10;
const TOKEN_CHARS = Math.ceil(((ID_BYTES + MAC_BYTES) * 8) / 5);

/** Shape: ticketId (UUID) → the token of answers to its mails */
export function replyTokenFor(vault: Vault, { ticketId }: { ticketId: string }): string {
  return tokenFor(vault, 'reply', ticketId);
}

/** Shape: any address, token or local part → the ticket whose token is in it, or null: none, changed, or a bounce's */
export function readReplyToken(vault: Vault, address: string): { ticketId: string } | null {
  const id = readToken(vault, 'reply', address);
  return id === null ? null : { ticketId: id };
}

/** Shape: messageId (Zeton's UUID, not the header) → the token of its return path */
export function bounceTokenFor(vault: Vault, { messageId }: { messageId: string }): string {
  return tokenFor(vault, 'bounce', messageId);
}

/** Shape: any address, token or local part → the message whose return path it is, or null */
export function readBounceToken(vault: Vault, address: string): { messageId: string } | null {
  const id = readToken(vault, 'bounce', address);
  return id === null ? null : { messageId: id };
}

/**
 * A mailbox with a token: `support@shop.example` → `support+TOKEN@shop.example`.
 * Shape:   address, token → address, or null: the name before the @ would be too long for mail servers
 */
export function addressWithToken(address: string, token: string): string | null {
  const at = address.lastIndexOf('@');
  const local = `${address.slice(0, at)}+${token}`;
  return local.length <= limits.mailLocalPartChars ? `${local}${address.slice(at)}` : null;
}

/** `[#123]`, for mail programs and people that lose the address. */
export function subjectTag(ticketNumber: number): string {
  return `[#${ticketNumber}]`;
}

/** The first tag of a subject: that of the mail that was answered or forwarded last. */
export function readSubjectTag(subject: string): number | null {
  const digits = /\[#(\d{1,9})\]/.exec(subject)?.[1];
  return digits && Number(digits) > 0 ? Number(digits) : null;
}

function tokenFor(vault: Vault, kind: Kind, id: string): string {
  const bytes = Buffer.from(id.replaceAll('-', ''), 'hex');
  if (bytes.length !== ID_BYTES) throw new Error(`not a UUID: ${id}`);
  return `${KINDS[kind].letter}${base32(Buffer.concat([bytes, macOf(vault, kind, bytes)]))}`;
}

function macOf(vault: Vault, kind: Kind, id: Uint8Array): Buffer {
  const mac = vault.sign(KINDS[kind].purpose, Buffer.from(id).toString('hex'));
  return Buffer.from(mac, 'base64url').subarray(0, MAC_BYTES);
}

function readToken(vault: Vault, kind: Kind, address: string): string | null {
  // Some servers write "-" or "=" for "+"; others put marks of their own before the name (BATV: prvs=…=).
  const local = address.replace(/@[^@]*$/, '').toLowerCase();
  const token = new RegExp(`(?:^|[+=-])${KINDS[kind].letter}([a-z2-7]{${TOKEN_CHARS}})$`).exec(local)?.[1];
  const bytes = token === undefined ? null : fromBase32(token);
  if (!bytes) return null;
  const id = bytes.subarray(0, ID_BYTES);
  if (!sameSecret(bytes.subarray(ID_BYTES), macOf(vault, kind, id))) return null;
  const hex = id.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** RFC 4648, without padding. */
const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';

function base32(bytes: Uint8Array): string {
  let text = '';
  let bits = 0;
  let value = 0;
  for (const byte of bytes) {
    value = (value << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += ALPHABET[(value >> bits) & 31];
      value &= (1 << bits) - 1;
    }
  }
  return bits > 0 ? text + ALPHABET[(value << (5 - bits)) & 31] : text;
}

/** Null where bits are left over: two spellings of one token would be two addresses. */
function fromBase32(text: string): Buffer | null {
  const bytes: number[] = [];
  let bits = 0;
  let value = 0;
  for (const character of text) {
    value = (value << 5) | ALPHABET.indexOf(character);
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes.push((value >> bits) & 255);
      value &= (1 << bits) - 1;
    }
  }
  return value === 0 ? Buffer.from(bytes) : null;
}
