import { createHmac } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Key } from './types';

export interface ClientAnswer {
  status: number;
  headers: [string, string][];
  body: string;
}

/** One request, raw: what the store says stays as it is. */
export function ask(
  base: string,
  asked: { method?: string; path: string; body?: string; headers?: Record<string, string> },
): Promise<ClientAnswer> {
  const url = new URL(base);
  const options = {
    method: asked.method ?? 'GET',
    host: url.hostname,
    port: url.port,
    path: asked.path,
    agent: false as const,
    rejectUnauthorized: false,
    headers: {
      ...(asked.body === undefined ? {} : { 'Content-Type': 'application/json' }),
      ...asked.headers,
    },
  };
  return new Promise((resolve, reject) => {
    const req = url.protocol === 'https:' ? httpsRequest(options) : httpRequest(options);
    req.once('error', reject);
    req.once('response', (res) => {
      const chunks: Buffer[] = [];
      res.on('data', (chunk: Buffer) => chunks.push(chunk));
      res.once('error', reject);
      res.once('end', () => {
        const headers: [string, string][] = [];
        for (let at = 0; at < res.rawHeaders.length; at += 2) {
          headers.push([res.rawHeaders[at] ?? '', res.rawHeaders[at + 1] ?? '']);
        }
        resolve({ status: res.statusCode ?? 0, headers, body: Buffer.concat(chunks).toString() });
      });
    });
    req.end(asked.body);
  });
}

/** The path with OAuth 1.0a parameters, as a client over plain http sends it. */
export function signedPath(
  base: string,
  asked: { method?: string; path: string; key: Pick<Key, 'key' | 'secret'>; seconds: number; nonce: string },
): string {
  const url = new URL(asked.path, base);
  const parameters: [string, string][] = [
    ...url.searchParams,
    ['oauth_consumer_key', asked.key.key],
    ['oauth_nonce', asked.nonce],
    ['oauth_signature_method', 'HMAC-SHA256'],
    ['oauth_timestamp', String(asked.seconds)],
  ];
  const encode = (text: string) =>
    encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
  const query = parameters.map(([name, value]) => `${encode(name)}=${encode(value)}`).sort();
  const signed = [asked.method ?? 'GET', url.origin + url.pathname, query.join('&')].map(encode).join('&');
  const signature = createHmac('sha256', `${asked.key.secret}&`).update(signed).digest('base64');
  return `${url.pathname}?${[...query, `oauth_signature=${encode(signature)}`].join('&')}`;
}
