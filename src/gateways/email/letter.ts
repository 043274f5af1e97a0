import { type Html, html } from '../../platform/html';

/**
 * The HTML part of a mail, made of its text: paragraphs, lines and links as written, what stands below "-- " as signature.
 * Nothing in it is fetched from anywhere and nothing tells who read it. Readable without its styles, on small screens, and
 * where the reader's program is dark.
 */
export function letterOf(text: string): string {
  const [body = '', ...below] = text.replace(/\r\n?/g, '\n').split(/^-- ?$/m);
  const signature = below.join('-- ');
  return html`<!doctype html>
<html>
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<style>${STYLE}</style>
</head>
<body>
<div class="z-letter" style="max-width:40em;margin:0;padding:16px;font:16px/1.5 -apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;overflow-wrap:anywhere">
${paragraphsOf(body, '0 0 16px')}${
  signature.trim() === ''
    ? null
    : html`<div class="z-below" style="margin:24px 0 0;padding:12px 0 0;border-top:1px solid #c8ccd2;color:#5c6470;font-size:14px">
${paragraphsOf(signature, '0 0 8px')}</div>
`
}</div>
</body>
</html>
`.text;
}

/** Programs that know `prefers-color-scheme` take the colours; for the others `color-scheme` says that they may choose. */
const STYLE = `:root{color-scheme:light dark}
@media (prefers-color-scheme:dark){body{background:#16181d;color:#e6e8eb}.z-letter a{color:#8ab4f8}.z-below{color:#a4abb6!important;border-color:#3a3f47!important}}`;

function paragraphsOf(text: string, margin: string): Html[] {
  return text
    .split(/\n[^\S\n]*\n/)
    .map((paragraph) => paragraph.replace(/^\n+/, '').trimEnd())
    .filter((paragraph) => paragraph !== '')
    .map(
      (paragraph) =>
        html`<p dir="auto" style="margin:${margin}">${paragraph
          .split('\n')
          .map(
            (line, i) => html`${i > 0 ? html`<br>\n` : null}${indentOf(line)}${linked(line.trimStart())}`,
          )}</p>
`,
    );
}

/** What is set in stays so: HTML would drop the spaces. */
function indentOf(line: string): string {
  const { length } = line.replaceAll('\t', '    ').match(/^ */)?.[0] ?? '';
  return '\u00a0'.repeat(Math.min(length, 40));
}

/** Up to white space or what cannot stand in an address; a full stop or bracket after it belongs to the sentence. */
const LINK = /\bhttps?:\/\/[^\s<>"'`\p{Cc}]+/giu;

function linked(line: string): (Html | string)[] {
  const pieces: (Html | string)[] = [];
  let end = 0;
  for (const match of line.matchAll(LINK)) {
    const url = withoutSentence(match[0]);
    if (!URL.canParse(url)) continue;
    pieces.push(line.slice(end, match.index), html`<a href="${url}">${url}</a>`);
    end = match.index + url.length;
  }
  return [...pieces, line.slice(end)];
}

/** No "_": the links that Zeton signs may end with one. */
const MARKS = '.,;:!?…”’»*';

/** From its end, character by character: a regular expression would begin anew at each of a long row of them. */
function withoutSentence(url: string): string {
  // Addresses of encyclopaedias have brackets of their own.
  const marks = url.includes('(') ? MARKS : `${MARKS})`;
  let end = url.length;
  while (end > 0 && marks.includes(url.charAt(end - 1))) end -= 1;
  return url.slice(0, end);
}
