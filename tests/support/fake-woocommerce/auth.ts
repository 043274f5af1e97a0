import { createHmac } from 'node:crypto';
import type { Key } from './types';

/** Who asks: nobody (`key` null), or a key; or why it is refused. */
export type Asker = { key: Key | null } | { refused: string };

export interface Asked {
  method: string;
  /** Scheme, host and path, as the store knows itself. */
  url: string;
  query: URLSearchParams;
  authorization: string | undefined;
  secure: boolean;
  /** The store's clock. */
  seconds: number;
}

const WINDOW_SECONDS = 15 * 60;

/** As measured: OAuth 1.0a one-legged over http, where Basic and query keys count for nothing; Basic or query keys over https. */
export class Authentication {
  readonly keys: Key[] = [];
  private readonly nonces = new Set<string>();

  check(asked: Asked): Asker {
    if (asked.secure) {
      const pair = basicPair(asked.authorization) ?? queryPair(asked.query);
      if (pair) {
        const key = this.keys.find((each) => each.key === pair.key);
        if (!key) return { key: null };
        return key.secret === pair.secret ? { key } : { refused: 'Consumer secret is invalid.' };
      }
    }
    return this.checkOAuth(asked);
  }

  private checkOAuth(asked: Asked): Asker {
    const oauth = oauthParameters(asked);
    if (!oauth) return { key: null };
    const get = (name: string) => oauth.find(([key]) => key === `oauth_${name}`)?.[1] ?? '';
    for (const name of ['consumer_key', 'timestamp', 'nonce', 'signature', 'signature_method']) {
      if (get(name) === '') return { refused: `Missing OAuth parameter oauth_${name}` };
    }
    const key = this.keys.find((each) => each.key === get('consumer_key'));
    if (!key) return { refused: 'Consumer key is invalid.' };
    const hash = { 'HMAC-SHA1': 'sha1', 'HMAC-SHA256': 'sha256' }[get('signature_method')];
    if (!hash) return { refused: 'Invalid signature - signature method is invalid.' };
    const inQuery = [...asked.query].filter(([name]) => !name.startsWith('oauth_'));
    const signed = [...inQuery, ...oauth.filter(([name]) => name !== 'oauth_signature')]
      .map(([name, value]) => `${encode(name)}=${encode(value)}`)
      .sort()
      .join('&');
    const base = [asked.method.toUpperCase(), encode(asked.url), encode(signed)].join('&');
    const signature = createHmac(hash, `${key.secret}&`).update(base).digest('base64');
    if (signature !== get('signature')) {
      return { refused: 'Invalid signature - provided signature does not match.' };
    }
    if (Math.abs(asked.seconds - Number(get('timestamp'))) > WINDOW_SECONDS) {
      return { refused: 'Invalid timestamp.' };
    }
    const nonce = `${key.key} ${get('nonce')}`;
    if (this.nonces.has(nonce)) return { refused: 'Invalid nonce - nonce has already been used.' };
    this.nonces.add(nonce);
    return { key };
  }
}

function basicPair(authorization = ''): { key: string; secret: string } | null {
  if (!/^basic /i.test(authorization)) return null;
  const [key = '', secret = ''] = Buffer.from(authorization.slice(6), 'base64').toString().split(':');
  return { key, secret };
}

function queryPair(query: URLSearchParams): { key: string; secret: string } | null {
  const key = query.get('consumer_key');
  const secret = query.get('consumer_secret');
  return key && secret ? { key, secret } : null;
}

/** From the query, or the header. */
function oauthParameters({ query, authorization = '' }: Asked): [string, string][] | null {
  const inQuery = [...query].filter(([name]) => name.startsWith('oauth_'));
  if (inQuery.length > 0) return inQuery;
  if (!/^oauth /i.test(authorization)) return null;
  return [...authorization.matchAll(/(oauth_\w+)="([^"]*)"/g)].map(([, name = '', value = '']) => [
    name,
    decodeURIComponent(value),
  ]);
}

/** RFC 3986, as rawurlencode(). */
function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
