/** A file as it came; what it is called and what it is was decided by whoever read the mail. */
export interface AttachmentItem {
  filename: string;
  /** By its content. */
  contentType: string;
  size: number;
  contentId: string | null;
  /** The text shows it at its place. */
  inline: boolean;
  content: Buffer;
}

/** How a browser is told what a saved file is called: plainly for old ones, and exactly (RFC 6266, 8187). */
export function contentDisposition(filename: string): string {
  const plain = filename.replace(/[^\x20-\x7e]|["\\%]/g, '_');
  const exact = encodeURIComponent(filename).replace(
    /['()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename="${plain}"; filename*=UTF-8''${exact}`;
}
