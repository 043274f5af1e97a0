import type { Theme } from '../ui/page';

/** Content-ID → data: address. */
export type MailPictures = Map<string, string>;

/**
 * The page of a frame in which a stranger's mail stands. It was sanitised when it came; here nothing may run either way,
 * it has an origin of its own, and it fetches nothing from elsewhere unless somebody asked for the pictures.
 */
export function mailDocumentHeaders({ remote }: { remote: boolean }): Record<string, string> {
  const pictures = remote ? 'data: https: http:' : 'data:';
  return {
    'Content-Security-Policy': [
      'sandbox allow-popups allow-popups-to-escape-sandbox',
      "default-src 'none'",
      `img-src ${pictures}`,
      "style-src 'unsafe-inline'",
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'self'",
    ].join('; '),
    'X-Frame-Options': 'SAMEORIGIN',
    'Referrer-Policy': 'no-referrer',
    // With an origin of its own it is apart anyway; asked for as well, browsers warn that they cannot.
    'Origin-Agent-Cluster': '?0',
  };
}

const SCHEME: Record<Theme, string> = { auto: 'light dark', light: 'light', dark: 'dark' };

const STYLE = `body{margin:0;padding:12px;font:15px/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
img{max-width:100%;height:auto}table{max-width:100%}td,th{padding:2px 6px;overflow-wrap:break-word}pre{white-space:pre-wrap}
blockquote{margin:0 0 0 4px;padding-left:12px;border-left:2px solid #8888}`;

/** Shape: sanitised HTML → a whole page */
export function mailDocument(
  html: string,
  { remote, inside, theme }: { remote: boolean; inside: MailPictures; theme: Theme },
): JSX.Element {
  const head = `<meta charset="utf-8"><meta name="color-scheme" content="${SCHEME[theme]}">`;
  const style = `<style>:root{color-scheme:${SCHEME[theme]}}${STYLE}</style>`;
  return `<!doctype html><html><head>${head}<title></title>${style}</head><body>${withPictures(html, remote, inside)}</body></html>`;
}

/** What the sanitiser wrote has all its values in double quotes, and no such sign in them. */
function withPictures(html: string, remote: boolean, inside: MailPictures): string {
  return html.replace(/<img\b[^>]*>/g, (tag) =>
    tag
      .replace(/ data-cid="([^"]*)"/, (kept, id: string) => {
        const data = inside.get(decoded(id));
        return data === undefined ? kept : ` src="${data}"`;
      })
      .replace(/ data-src="([^"]*)"/, (kept, address: string) => (remote ? ` src="${address}"` : kept)),
  );
}

const SIGNS: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" };

function decoded(text: string): string {
  return text.replace(/&(amp|lt|gt|quot|#39);/g, (_, name: string) => SIGNS[name] ?? '');
}
