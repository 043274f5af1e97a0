import { isAscii, isUtf8 } from 'node:buffer';

/**
 * Bytes to text, whatever the label says. A label is believed only where the bytes can be what it says; where there is
 * none, or it lies, the encodings of our languages are tried.
 * Shape:   bytes, label (null: none) → text, the encoding it was read by, and whether that was guessed
 */
export function decodeText(
  bytes: Uint8Array,
  label: string | null,
): { text: string; name: string; guessed: boolean } {
  const marked = byteOrderMark(bytes);
  if (marked) return { text: decode(marked, bytes), name: marked, guessed: false };

  const name = label === null ? null : encodingName(label);
  // Stateful and two-byte encodings are pure ASCII to the eye, or never valid by accident.
  if (name !== null && name !== 'utf-8' && !SINGLE_BYTE.test(name)) {
    return { text: decode(name, bytes), name, guessed: false };
  }
  if (isAscii(bytes)) return { text: decode('utf-8', bytes), name: name ?? 'utf-8', guessed: false };
  // Text of another encoding is practically never valid UTF-8.
  if (isUtf8(bytes)) {
    return { text: decode('utf-8', bytes), name: 'utf-8', guessed: name !== 'utf-8' };
  }
  if (name === null || name === 'utf-8') {
    const guess = guessEncoding(bytes.subarray(0, SAMPLE_BYTES));
    return { text: decode(guess, bytes), name: guess, guessed: true };
  }
  // Windows programs label as ISO what is their own code page: only there do these bytes mean letters (š, ž, quotes).
  const windows = WINDOWS_OF[name];
  if (windows && hasC1(bytes)) return { text: decode(windows, bytes), name: windows, guessed: true };
  return { text: decode(name, bytes), name, guessed: false };
}

/** The same of a header's raw bytes, given one character each. */
export function decodeRaw(binary: string): string {
  return /[\x80-\xff]/.test(binary) ? decodeText(Buffer.from(binary, 'latin1'), null).text : binary;
}

const WINDOWS_OF: Record<string, string> = { 'iso-8859-2': 'windows-1250', 'iso-8859-7': 'windows-1253' };
const SINGLE_BYTE = /^(?:iso-8859-|windows-12|windows-874|koi8-|macintosh|ibm866|x-mac-)/;

/** What WHATWG calls it, so latin1 is windows-1252; null where the label means nothing, or only "some 8-bit". */
function encodingName(label: string): string | null {
  const word = label
    .trim()
    .toLowerCase()
    .replace(/^["']|["']$/g, '');
  // ASCII that has other bytes is not what it says.
  if (
    /^(?:us-?ascii|ascii|ansi_x3\.4-\d+|unknown-8bit|x-unknown|unknown|default|binary|8bit|7bit)?$/.test(word)
  ) {
    return null;
  }
  // "cp1250" and "cp-1250" are old names that WHATWG knows only in part.
  const known = word
    .replace(/^(?:cp|windows|win|x-cp)[-_]?(125\d|874)$/, 'windows-$1')
    .replace(/^iso[-_ ]?8859[-_ ]/, 'iso-8859-');
  try {
    const { encoding } = new TextDecoder(known);
    return encoding;
  } catch {
    return null;
  }
}

function decode(name: string, bytes: Uint8Array): string {
  return new TextDecoder(name).decode(bytes);
}

function byteOrderMark(bytes: Uint8Array): string | null {
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return 'utf-8';
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le';
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be';
  return null;
}

function hasC1(bytes: Uint8Array): boolean {
  return bytes.some((byte) => byte >= 0x80 && byte <= 0x9f);
}

/** Letters of our languages, by the byte they have in one encoding and hardly ever in the others. */
const SLAVIC_1250 = new Set([0x9a, 0x9e, 0x8a, 0x8e, 0xe8, 0xc8, 0xe6, 0xc6, 0xf0, 0xd0]); // š ž Š Ž č Č ć Ć đ Đ
const SLAVIC_8859_2 = new Set([0xb9, 0xbe, 0xa9, 0xae]); // š ž Š Ž
const ROMANCE_1252 = new Set([0xe0, 0xf1, 0xf9, 0xf2, 0xea, 0xec, 0xf8, 0xe5, 0xfb]); // à ñ ù ò ê ì ø å û

/** Enough words to know a language by. */
const SAMPLE_BYTES = 64 * 1024;

function guessEncoding(bytes: Uint8Array): string {
  let high = 0;
  let pairs = 0;
  let slavic = 0;
  let iso2 = 0;
  let romance = 0;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!;
    if (byte < 0x80) continue;
    high++;
    // Greek words consist of such bytes; in Latin ones they stand alone.
    if (byte >= 0xb8 && (bytes[i + 1] ?? 0) >= 0xb8) pairs++;
    if (SLAVIC_1250.has(byte)) slavic++;
    if (ROMANCE_1252.has(byte)) romance++;
    if (SLAVIC_8859_2.has(byte) && (isLetter(bytes[i - 1]) || isLetter(bytes[i + 1]))) iso2++;
  }
  if (pairs * 2 > high) return 'windows-1253';
  if (iso2 > 0 && !hasC1(bytes)) return 'iso-8859-2';
  return slavic > romance ? 'windows-1250' : 'windows-1252';
}

function isLetter(byte: number | undefined): boolean {
  return byte !== undefined && (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a;
}
