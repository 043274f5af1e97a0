import { decode } from 'entities';

/** A form of a page: where it goes and what it would send. */
export interface PageForm {
  /** Page on which it stands. */
  page: string;
  action: string;
  fields: [name: string, value: string][];
}

/** Links, fragments and forms of a page, as a browser would find them. Enough for our own markup; no parser. */
export function readPage(html: string, page: string): { links: string[]; forms: PageForm[] } {
  const links = [...html.matchAll(/\b(?:href|hx-get)="(\/[^"]*)"/g)].map((match) => decode(match[1] ?? ''));
  const forms = [...html.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/g)].flatMap(
    ([, head = '', inner = '']) => {
      const fields = fieldsIn(inner);
      const get = (attribute(head, 'method') ?? 'get').toLowerCase() === 'get';
      const own = attribute(head, 'action') ?? page;
      if (get) {
        links.push(`${own}?${new URLSearchParams(fields).toString()}`);
        return [];
      }
      const elsewhere = [...inner.matchAll(/\b(?:formaction|hx-post)="([^"]*)"/g)].map((match) =>
        decode(match[1] ?? ''),
      );
      return [...new Set([own, ...elsewhere])].map((action) => ({ page, action, fields }));
    },
  );
  return { links, forms };
}

function attribute(tag: string, name: string): string | null {
  const value = new RegExp(`(?:^|\\s)${name}="([^"]*)"`).exec(tag)?.[1];
  return value === undefined ? null : decode(value);
}

function fieldsIn(html: string): [string, string][] {
  const fields: [string, string][] = [];
  for (const [, tag = '', head = '', text = ''] of html.matchAll(
    /<(input|button|select|textarea)\b([^>]*?)\/?>(?:([^<]*)<\/textarea>)?/g,
  )) {
    const name = attribute(head, 'name');
    if (name === null) continue;
    if (tag === 'textarea') fields.push([name, decode(text)]);
    else fields.push([name, attribute(head, 'value') ?? (tag === 'select' ? firstOption(html, name) : '')]);
  }
  return fields;
}

function firstOption(html: string, name: string): string {
  const select = html.slice(html.indexOf(`name="${name}"`));
  return decode(/<option[^>]*value="([^"]*)"/.exec(select)?.[1] ?? '');
}
