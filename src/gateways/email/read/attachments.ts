import type { InboundAttachment } from './inbound-mail';
import type { RawAttachment } from './mime-tree';
import type { LiftedImage } from './safe-html';

/**
 * The files of a mail: typed by their content, with names that can be written anywhere.
 * Shape:   parts, pictures lifted out of the text, the Content-IDs that the text shows → attachments in their order
 */
export function attachmentsOf(
  parts: RawAttachment[],
  lifted: LiftedImage[],
  shownIds: ReadonlySet<string>,
): InboundAttachment[] {
  const raw: RawAttachment[] = [
    ...parts,
    ...lifted.map((image) => ({
      filename: null,
      declaredType: image.contentType,
      contentId: image.contentId,
      content: image.content,
    })),
  ];
  return raw.map(({ filename, declaredType, contentId, content }, index) => ({
    ...fileOf({ filename, declaredType, content }, index + 1),
    declaredType,
    contentId,
    inline: contentId !== null && shownIds.has(contentId),
  }));
}

/** A file as it is kept and sent: typed by its content, with a name that can be written anywhere. Shape: number from 1 */
export function fileOf(
  { filename, declaredType, content }: Pick<RawAttachment, 'filename' | 'declaredType' | 'content'>,
  number: number,
): Pick<InboundAttachment, 'filename' | 'contentType' | 'size' | 'content'> {
  const contentType = typeOf(content, declaredType);
  const name = cleanFilename(filename, contentType, number);
  return { filename: name, contentType, size: content.length, content };
}

/** Beginnings that tell what a file is, whatever it is called. */
const MAGIC: [type: string, offset: number, bytes: string][] = [
  ['image/png', 0, '\x89PNG\r\n\x1a\n'],
  ['image/jpeg', 0, '\xff\xd8\xff'],
  ['image/gif', 0, 'GIF87a'],
  ['image/gif', 0, 'GIF89a'],
  ['image/webp', 8, 'WEBP'],
  ['image/tiff', 0, 'II*\0'],
  ['image/tiff', 0, 'MM\0*'],
  ['image/bmp', 0, 'BM'],
  ['application/gzip', 0, '\x1f\x8b\x08'],
  ['application/x-7z-compressed', 0, '7z\xbc\xaf\x27\x1c'],
  ['application/vnd.rar', 0, 'Rar!\x1a\x07'],
  ['application/ms-tnef', 0, '\x78\x9f\x3e\x22'],
  ['application/vnd.microsoft.portable-executable', 0, 'MZ'],
  ['application/x-elf', 0, '\x7fELF'],
  ['audio/mpeg', 0, 'ID3'],
  ['audio/ogg', 0, 'OggS'],
  ['audio/wav', 8, 'WAVE'],
  ['video/webm', 0, '\x1a\x45\xdf\xa3'],
  ['application/rtf', 0, '{\\rtf'],
];

/** ISO media files, by their brand. */
const BRANDS: [pattern: RegExp, type: string][] = [
  [/^(?:heic|heix|hevc|hevx|heim|heis)/, 'image/heic'],
  [/^(?:mif1|msf1)/, 'image/heif'],
  [/^avi[fs]/, 'image/avif'],
  [/^qt {2}/, 'video/quicktime'],
  [/^M4A/, 'audio/mp4'],
  [/^3g[p2]/, 'video/3gpp'],
];

const OFFICE: [member: string, type: string][] = [
  ['word/', 'application/vnd.openxmlformats-officedocument.wordprocessingml.document'],
  ['xl/', 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet'],
  ['ppt/', 'application/vnd.openxmlformats-officedocument.presentationml.presentation'],
];

/** Old Office files look alike inside: which one it is, only their label says. */
const OLE_TYPES = new Set([
  'application/msword',
  'application/vnd.ms-excel',
  'application/vnd.ms-powerpoint',
  'application/vnd.ms-outlook',
]);

/** Text that may keep its label: nothing in a browser runs it. */
const TEXT_TYPES =
  /^(?:text\/(?:plain|calendar|csv|vcard|x-vcard|directory|rfc822-headers|markdown|tab-separated-values)|application\/(?:json|ics|pgp-\w+|xml)|message\/[\w-]+)$/;

/** Never believes a label further than the content allows: a page called image/png is a page. */
function typeOf(content: Buffer, declared: string): string {
  const head = content.subarray(0, 4096).toString('latin1');
  const found = MAGIC.find(([, offset, bytes]) => head.startsWith(bytes, offset));
  if (found && (found[0] !== 'image/bmp' || declared === 'image/bmp')) return found[0];
  if (head.slice(0, 1024).includes('%PDF-')) return 'application/pdf';
  if (head.startsWith('ftyp', 4)) {
    return BRANDS.find(([pattern]) => pattern.test(head.slice(8, 12)))?.[1] ?? 'video/mp4';
  }
  if (head.startsWith('PK\x03\x04')) return zipType(content);
  if (head.startsWith('\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1')) {
    return OLE_TYPES.has(declared) ? declared : 'application/x-ole-storage';
  }
  // A mail in a mail can have any bytes in it.
  if (declared === 'message/rfc822') return declared;
  if (!isText(content)) return 'application/octet-stream';
  const start = head
    .replace(/^\xef\xbb\xbf/, '')
    .trimStart()
    .slice(0, 1024);
  if (
    /^(?:<\?xml[^>]{0,200}>\s{0,20})?(?:<!--[^>]{0,500}>\s{0,20})?(?:<!doctype svg[^>]{0,300}>\s{0,20})?<svg[\s>]/i.test(
      start,
    )
  ) {
    return 'image/svg+xml';
  }
  if (/<(?:!doctype html|html|head|body|script|iframe|meta)[\s>]/i.test(start)) return 'text/html';
  return TEXT_TYPES.test(declared) ? declared : 'text/plain';
}

/** Archives stay packed: only the names of what is inside tell Office from an archive. */
function zipType(content: Buffer): string {
  if (content.subarray(30, 38).toString('latin1') === 'mimetype') {
    const type = /^[\w.+-]+\/[\w.+-]+/.exec(content.subarray(38, 138).toString('latin1'))?.[0] ?? '';
    if (/^application\/(?:vnd\.oasis\.opendocument\.[a-z-]{1,40}|epub\+zip)/.test(type)) {
      return type.replace(/PK.*$/, '');
    }
  }
  const ends = [content.subarray(0, 65_536), content.subarray(-65_536)];
  if (!ends.some((end) => end.includes('[Content_Types].xml'))) return 'application/zip';
  return OFFICE.find(([member]) => ends.some((end) => end.includes(member)))?.[1] ?? 'application/zip';
}

function isText(content: Buffer): boolean {
  // A tab, line breaks, form feed and escape stand in texts; other control characters do not.
  return !content
    .subarray(0, 4096)
    .some((byte) => byte < 0x20 && ![0x09, 0x0a, 0x0c, 0x0d, 0x1b].includes(byte));
}

const EXTENSIONS: Record<string, string> = {
  'image/png': 'png',
  'image/jpeg': 'jpg',
  'image/gif': 'gif',
  'image/webp': 'webp',
  'image/heic': 'heic',
  'application/pdf': 'pdf',
  'text/plain': 'txt',
  'text/html': 'html',
  'text/calendar': 'ics',
  'text/csv': 'csv',
  'message/rfc822': 'eml',
  'message/delivery-status': 'txt',
  'text/rfc822-headers': 'txt',
  'application/ms-tnef': 'dat',
  'video/mp4': 'mp4',
};

/** Names without an own one; the kinds that people know by a name get that. */
const NAMES: Record<string, string> = {
  'text/calendar': 'invite',
  'message/rfc822': 'message',
  'message/delivery-status': 'delivery-status',
  'text/rfc822-headers': 'headers',
  'application/ms-tnef': 'winmail',
};

const FILENAME_CHARS = 120;

/** What a file is called: one name without a path, nothing in it that hides its end or that a disk refuses. */
export function cleanFilename(name: string | null, contentType: string, number: number): string {
  const bare = (name ?? '')
    .normalize('NFC')
    // Format characters too: a right-to-left override shows "exe.pdf" for "fdp.exe".
    .replace(/[\p{Cf}\p{Cs}\p{Co}]+/gu, '')
    .replace(/[\p{Cc}\s\u2028\u2029]+/gu, ' ')
    .replace(/^.*[/\\]/, '')
    .replace(/[<>:"|?*]/g, '_')
    .replace(/^[\s.]+|[\s.]+$/g, '');
  const extension = EXTENSIONS[contentType];
  if (bare === '')
    return `${NAMES[contentType] ?? `attachment-${number}`}${extension ? `.${extension}` : ''}`;
  const full = contentType === 'message/rfc822' && !/\.eml$/i.test(bare) ? `${bare}.eml` : bare;
  if (full.length <= FILENAME_CHARS) return full;
  const end = /\.[^.\s]{1,15}$/.exec(full)?.[0] ?? '';
  // Not through the middle of a character.
  return `${full
    .slice(0, FILENAME_CHARS - end.length)
    .replace(/[\ud800-\udbff]$/, '')
    .trimEnd()}${end}`;
}
