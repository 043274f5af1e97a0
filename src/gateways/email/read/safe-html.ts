import sanitizeHtml from 'sanitize-html';

export interface SafeHtml {
  html: string;
  remoteImages: number;
  /** Content-IDs that the text shows. */
  shownIds: Set<string>;
}

/**
 * HTML of a stranger, that can be put into a page: no scripts, handlers, forms, styles, frames; links go nowhere but to
 * web and mail, and are told nothing; pictures elsewhere are not fetched (that would tell the sender when and where the
 * mail was read), but have their address in `data-src`, those of the mail itself their Content-ID in `data-cid`.
 * Shape:   html → SafeHtml
 */
export function sanitiseMailHtml(html: string): SafeHtml {
  let remoteImages = 0;
  const shownIds = new Set<string>();
  const clean = sanitizeHtml(html, {
    allowedTags: TAGS,
    allowedAttributes: {
      a: ['href', 'title', 'rel', 'target'],
      img: ['alt', 'title', 'width', 'height', 'data-src', 'data-cid'],
      td: ['colspan', 'rowspan', 'align'],
      th: ['colspan', 'rowspan', 'align'],
      ol: ['start', 'type'],
    },
    allowedSchemes: ['http', 'https', 'mailto'],
    allowedSchemesAppliedToAttributes: ['href', 'src', 'data-src'],
    allowProtocolRelative: false,
    nonTextTags: HIDDEN_TAGS,
    parseStyleAttributes: false,
    nestingLimit: NESTING,
    exclusiveFilter: ({ attribs }) => isHidden(attribs.style),
    transformTags: {
      // A relative address would lead to pages of ours.
      a: (tagName, { href = '', title }) => ({
        tagName,
        attribs: /^\s*(?:https?:\/\/|mailto:)/i.test(href)
          ? kept({ href: href.trim(), title, rel: 'noopener noreferrer nofollow', target: '_blank' })
          : {},
      }),
      img: (tagName, { src = '', alt, title, width, height, style }) => {
        const size = kept({ alt, title, width: pixels(width), height: pixels(height) });
        const id = /^cid:(.{1,255})$/is.exec(src.trim())?.[1];
        if (id) {
          const cid = decodedId(id);
          shownIds.add(cid);
          return { tagName, attribs: { ...size, 'data-cid': cid } };
        }
        // One pixel shows nothing: it only reports that the mail was read.
        if (!/^https?:\/\//i.test(src.trim()) || isPixel(width, height, style)) {
          return { tagName: 'span', attribs: {}, ...(alt ? { text: `[${alt}]` } : {}) };
        }
        remoteImages++;
        return { tagName, attribs: { ...size, 'data-src': src.trim() } };
      },
    },
  });
  return { html: clean.trim(), remoteImages, shownIds };
}

/** Deeper than any mail; recursive code of a browser or of ours must not meet more. */
const NESTING = 200;

const TAGS = [
  ...['p', 'div', 'span', 'br', 'hr', 'a', 'img', 'pre', 'code', 'blockquote', 'center'],
  ...[
    'b',
    'strong',
    'i',
    'em',
    'u',
    's',
    'strike',
    'del',
    'ins',
    'sub',
    'sup',
    'small',
    'big',
    'mark',
    'tt',
    'q',
  ],
  ...['h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'ul', 'ol', 'li', 'dl', 'dt', 'dd'],
  ...['table', 'caption', 'thead', 'tbody', 'tfoot', 'tr', 'td', 'th'],
];

/** Left out with what is in them: it is no text, or the parser takes it for raw text, tags and all. */
export const HIDDEN_TAGS = [
  ...[
    'script',
    'style',
    'title',
    'textarea',
    'option',
    'noscript',
    'xmp',
    'iframe',
    'noembed',
    'noframes',
    'plaintext',
  ],
];

export function isHidden(style: string | undefined): boolean {
  return style !== undefined && /(?:^|[;\s])display\s*:\s*none/i.test(style);
}

function isPixel(width = '', height = '', style = ''): boolean {
  const tiny = (value: string) => /^[01](?:px)?$/.test(value.trim());
  return (
    (tiny(width) && tiny(height)) ||
    (/(?:^|[;\s])width\s*:\s*[01]px/i.test(style) && /(?:^|[;\s])height\s*:\s*[01]px/i.test(style))
  );
}

function pixels(value: string | undefined): string | undefined {
  return value !== undefined && /^\d{1,4}%?$/.test(value) ? value : undefined;
}

function decodedId(id: string): string {
  try {
    return decodeURIComponent(id).trim();
  } catch {
    return id.trim();
  }
}

function kept(attribs: Record<string, string | undefined>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(attribs).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

export interface LiftedImage {
  contentId: string;
  contentType: string;
  content: Buffer;
}

/**
 * Pictures that stand in the HTML itself become attachments that it shows: pages allow no `data:`. By hand: they can be
 * 20 MB long, and regular expressions run out of stack there.
 */
export function liftDataImages(html: string, most: number): { html: string; images: LiftedImage[] } {
  const images: LiftedImage[] = [];
  const kept: string[] = [];
  let done = 0;
  for (
    let at = html.indexOf(DATA_IMAGE);
    at >= 0 && images.length < most;
    at = html.indexOf(DATA_IMAGE, at + 1)
  ) {
    const head = /^data:image\/(png|jpe?g|gif|webp);base64,/.exec(html.slice(at, at + 40));
    if (!head) continue;
    const start = at + head[0].length;
    let end = start;
    while (end < html.length && isBase64(html.charCodeAt(end))) end++;
    const content = Buffer.from(html.slice(start, end), 'base64');
    if (content.length === 0) continue;
    const contentId = `in-text-${images.length + 1}`;
    images.push({ contentId, contentType: `image/${head[1]!.replace('jpg', 'jpeg')}`, content });
    kept.push(html.slice(done, at), `cid:${contentId}`);
    done = end;
    at = end - 1;
  }
  kept.push(html.slice(done));
  return { html: kept.join(''), images };
}

const DATA_IMAGE = 'data:image/';

/** Letters, digits, + / = and white space. */
function isBase64(code: number): boolean {
  return (
    (code >= 0x61 && code <= 0x7a) ||
    (code >= 0x41 && code <= 0x5a) ||
    (code >= 0x2f && code <= 0x39) ||
    code === 0x2b ||
    code === 0x3d ||
    code === 0x20 ||
    (code >= 0x09 && code <= 0x0d)
  );
}
