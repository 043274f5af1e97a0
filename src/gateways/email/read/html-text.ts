import { decodeHTML } from 'entities';
import sanitizeHtml from 'sanitize-html';
import type { Line } from './quotes';
import { HIDDEN_TAGS, isHidden } from './safe-html';

/**
 * HTML as lines of plain text. Mail programs mark in their HTML what is quote and what is signature: the lines know it,
 * in whatever language the program speaks.
 * Shape:   html → lines
 */
export function htmlToLines(html: string): Line[] {
  // What comes back is well-formed and closed, with few tags and attributes: a plain tokeniser can read it.
  const plain = sanitizeHtml(html, {
    allowedTags: [...BLOCKS, ...INLINE],
    allowedAttributes: { '*': ['class', 'id', 'type', 'style', 'href', 'alt', 'data-smartmail', 'name'] },
    allowedSchemes: ['http', 'https', 'mailto'],
    nonTextTags: HIDDEN_TAGS,
    parseStyleAttributes: false,
    nestingLimit: 200,
    exclusiveFilter: ({ attribs }) => isHidden(attribs.style),
  });
  const writer = new LineWriter();
  for (const [, close, tag, attributes, text] of plain.matchAll(TOKENS)) {
    if (tag === undefined) writer.text(decodeHTML(text ?? ''));
    else if (close) writer.close(tag);
    else writer.open(tag, attributesOf(attributes ?? ''));
  }
  return writer.end();
}

const TOKENS = /<(\/?)([a-z][a-z\d]*)((?:\s+[a-z-]+(?:="[^"]*")?)*)\s*\/?>|([^<]+|<)/g;
const BLOCKS = [
  ...[
    'p',
    'div',
    'blockquote',
    'center',
    'pre',
    'ul',
    'ol',
    'li',
    'dl',
    'dt',
    'dd',
    'table',
    'tr',
    'caption',
  ],
  ...[
    'h1',
    'h2',
    'h3',
    'h4',
    'h5',
    'h6',
    'hr',
    'section',
    'article',
    'header',
    'footer',
    'address',
    'fieldset',
  ],
];
const INLINE = ['br', 'a', 'img', 'td', 'th', 'span'];
const VOID = new Set(['br', 'hr', 'img']);
const PARAGRAPHS = new Set([
  'p',
  'ul',
  'ol',
  'dl',
  'table',
  'blockquote',
  'pre',
  'h1',
  'h2',
  'h3',
  'h4',
  'h5',
  'h6',
]);

function attributesOf(text: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [, name, value] of text.matchAll(/([a-z-]+)(?:="([^"]*)")?/g))
    found[name!] = decodeHTML(value ?? '');
  return found;
}

interface Open {
  tag: string;
  quote: boolean;
  level: boolean;
  signature: boolean;
  href: string | null;
  /** Where its text begins, to see whether a link shows its own address. */
  from: number;
}

class LineWriter {
  private lines: Line[] = [];
  private current = '';
  private pending = false;
  private stack: Open[] = [];
  private quotes = 0;
  private levels = 0;
  private lastLevel = 0;
  private signatures = 0;
  private pre = 0;
  /** Everything after this is quoted, whatever it stands in. */
  private restIsQuoted = false;

  text(text: string): void {
    if (this.pre > 0) {
      const [first = '', ...rest] = text.split('\n');
      this.add(first);
      for (const line of rest) {
        this.break();
        this.add(line);
      }
      return;
    }
    const words = text.replace(/[\s\u00a0]+/g, ' ');
    this.add(this.current === '' || this.current.endsWith(' ') ? words.trimStart() : words);
  }

  open(tag: string, attributes: Record<string, string>): void {
    if (tag === 'br') this.break();
    else if (tag === 'hr') this.rule(attributes);
    else if (tag === 'img') this.add(attributes.alt ? `[${attributes.alt.replace(/\s+/g, ' ').trim()}]` : '');
    else this.enter(tag, attributes);
  }

  private enter(tag: string, attributes: Record<string, string>): void {
    if (BLOCKS.includes(tag)) this.block(tag);
    if (startsQuotedRest(attributes)) this.restIsQuoted = true;
    const opened: Open = {
      tag,
      quote: isQuote(tag, attributes),
      level: tag === 'blockquote' && isQuote(tag, attributes),
      signature: isSignature(attributes),
      href: tag === 'a' ? (attributes.href ?? null) : null,
      from: this.current.length,
    };
    this.stack.push(opened);
    if (opened.quote) this.quotes++;
    if (opened.level) this.levels++;
    if (opened.signature) this.signatures++;
    if (tag === 'pre') this.pre++;
    if (tag === 'li') this.add('- ');
    if ((tag === 'td' || tag === 'th') && this.current !== '') this.add(' ');
  }

  close(tag: string): void {
    if (VOID.has(tag)) return;
    const opened = this.stack.pop();
    if (!opened) return;
    if (opened.href && /^https?:/i.test(opened.href)) {
      const shown = this.current.slice(opened.from);
      // An address that the words do not show: without it a link says nothing in plain text.
      if (shown.trim() !== '' && !sameAddress(shown, opened.href))
        this.add(` (${opened.href.slice(0, 500)})`);
    }
    if (BLOCKS.includes(tag)) this.block(tag);
    if (opened.quote) this.quotes--;
    if (opened.level) this.levels--;
    if (opened.signature) this.signatures--;
    if (tag === 'pre') this.pre--;
  }

  end(): Line[] {
    this.flush();
    return this.lines;
  }

  private rule(attributes: Record<string, string>): void {
    this.block('hr');
    if (startsQuotedRest(attributes)) this.restIsQuoted = true;
    this.add(RULE);
    this.block('hr');
  }

  private add(text: string): void {
    this.current += text;
  }

  private break(): void {
    this.flush(true);
  }

  private block(tag: string): void {
    this.flush();
    if (PARAGRAPHS.has(tag)) this.pending = true;
  }

  private flush(evenEmpty = false): void {
    const text = this.pre > 0 ? this.current.trimEnd() : this.current.trim();
    this.current = '';
    if (text === '' && !evenEmpty) return;
    // The blank line around a quote is not part of it.
    if (this.pending && this.lines.length > 0) this.push('', Math.min(this.levels, this.lastLevel));
    this.pending = false;
    this.push(text, this.levels);
  }

  private push(text: string, level: number): void {
    this.lastLevel = level;
    const marks = '> '.repeat(Math.min(level, 20));
    this.lines.push({
      text: `${marks}${text}`.trimEnd(),
      kind: this.quotes > 0 || this.restIsQuoted ? 'quote' : this.signatures > 0 ? 'signature' : 'new',
    });
  }
}

/** As Outlook writes a line across in plain text. */
const RULE = '_'.repeat(32);

function isQuote(
  tag: string,
  { class: classes = '', type = '', style = '', name = '' }: Record<string, string>,
): boolean {
  // Without a frame it is only indented, by Apple Mail and Outlook.
  if (tag === 'blockquote')
    return type === 'cite' || /quote/i.test(classes) || !/border(?:-\w+)?\s*:\s*none/i.test(style);
  // GMX and WEB.DE.
  if (tag === 'div' && name === 'quote') return true;
  return /(?:^|\s)(?:gmail_attr|moz-cite-prefix|yahoo_quoted|protonmail_quote|tutanota_quote|zmail_extra|moz-email-headers-table)(?:\s|$)/.test(
    classes,
  );
}

/** Marks behind which Outlook and others put the mail that is answered, not inside. */
function startsQuotedRest({ id = '', style = '', name = '' }: Record<string, string>): boolean {
  if (
    /^(?:x_)*(?:divRplyFwdMsg|appendonsend|OLK_SRC_BODY_SECTION|mail-editor-reference-message-container|reply-intro)$/i.test(
      id,
    )
  ) {
    return true;
  }
  if (/^_MailOriginal$/i.test(name)) return true;
  // Outlook for Windows: a thin line above "From:", and nothing else but its colour is the same everywhere.
  return /border:\s*none;\s*border-top:\s*solid\s+(?:#(?:E1E1E1|B5C4DF)|windowtext)\s/i.test(style);
}

function isSignature({
  class: classes = '',
  id = '',
  'data-smartmail': smart = '',
}: Record<string, string>): boolean {
  return (
    smart === 'gmail_signature' ||
    /(?:^|\s)(?:gmail_signature|moz-signature|protonmail_signature_block-user|protonmail_signature_block-proton|k9mail-signature|x_?gmail_signature)(?:\s|$)/.test(
      classes,
    ) ||
    /^(?:x_)*(?:Signature|ms-outlook-mobile-signature|AppleMailSignature|lineBreakAtBeginningOfSignature|composer_signature)$/.test(
      id,
    )
  );
}

function sameAddress(shown: string, href: string): boolean {
  const bare = (text: string) =>
    text
      .trim()
      .toLowerCase()
      .replace(/^https?:\/\/(?:www\.)?|^www\./, '')
      .replace(/\/+$/, '');
  return bare(shown) === bare(href) || shown.includes(href);
}
