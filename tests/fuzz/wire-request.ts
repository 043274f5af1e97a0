import { gzipSync } from 'node:zlib';
import { INJECTED_HEADER, TEXTS } from './nasty';
import type { Random } from './random';

/** What is sent, before it is bytes. */
export interface WireRequest {
  /** For the report: 'webhook', 'api createTicket', 'page /sign-in' … */
  target: string;
  method: string;
  path: string;
  headers: [name: string, value: string][];
  body: Buffer;
  framing: 'length' | 'chunked';
  /** So broken that a server may close the connection without a word. */
  mayGoUnanswered: boolean;
  /** Nothing more comes, though more was announced. */
  cutOff: boolean;
}

export function plainRequest(
  target: string,
  method: string,
  path: string,
  headers: [string, string][],
  body: Buffer = Buffer.alloc(0),
): WireRequest {
  return { target, method, path, headers, body, framing: 'length', mayGoUnanswered: false, cutOff: false };
}

export function bytesOf(request: WireRequest): Buffer {
  const { method, path, headers, body, framing } = request;
  const lines = [`${method} ${path} HTTP/1.1`];
  const names = new Set(headers.map(([name]) => name.toLowerCase()));
  if (!names.has('host')) lines.push('Host: 127.0.0.1');
  for (const [name, value] of headers) lines.push(`${name}: ${value}`);
  const framed = names.has('content-length') || names.has('transfer-encoding');
  if (framing === 'chunked') lines.push('Transfer-Encoding: chunked');
  else if (!framed && (body.length > 0 || !['GET', 'HEAD', 'OPTIONS'].includes(method))) {
    lines.push(`Content-Length: ${body.length}`);
  }
  const head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  return Buffer.concat([head, framing === 'chunked' ? chunked(body) : body]);
}

function chunked(body: Buffer): Buffer {
  const pieces: Buffer[] = [];
  const size = Math.max(1, Math.ceil(body.length / 3));
  for (let at = 0; at < body.length; at += size) {
    const piece = body.subarray(at, at + size);
    pieces.push(Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n'));
  }
  return Buffer.concat([...pieces, Buffer.from('0\r\n\r\n')]);
}

const CONTENT_TYPES = [
  'application/json',
  'application/json; charset=utf-16',
  'application/json;charset="x-nobody"',
  'APPLICATION/JSON ;;;',
  'application/vnd.api+json',
  'application/x-www-form-urlencoded',
  'application/x-www-form-urlencoded; charset=iso-8859-1',
  'application/x-www-form-urlencoded; charset=utf-7',
  'multipart/form-data; boundary=',
  'multipart/form-data',
  'text/plain',
  'text/html',
  'message/rfc822',
  'x',
  '/',
  '',
];

const ACCEPTS = [
  '*/*',
  'text/csv',
  'text/html',
  'application/json;q=0',
  ';;;',
  'text/csv;q=abc,*/*;q=',
  'a/b'.repeat(500),
];

/** Bytes that a header may hold, as latin1; a line break would begin another header. */
function headerText(random: Random): string {
  const text = random
    .pick(TEXTS)
    .replace(/[\r\n\0]/g, ' ')
    .slice(0, random.pick([20, 200, 7000]));
  return Buffer.from(text, 'utf8').toString('latin1');
}

/** One change outside the body. What the server may refuse before it reads is marked. */
export function mutateHeaders(random: Random, request: WireRequest): WireRequest {
  const headers = request.headers.map(([name, value]): [string, string] => [name, value]);
  const set = (name: string, value: string) => {
    const index = headers.findIndex(([known]) => known.toLowerCase() === name.toLowerCase());
    if (index === -1) headers.push([name, value]);
    else headers[index] = [name, value];
    return { ...request, headers };
  };
  const broken = (changed: Partial<WireRequest>): WireRequest => ({
    ...request,
    headers,
    mayGoUnanswered: true,
    ...changed,
  });
  return random.weighted<() => WireRequest>([
    [4, () => set('Content-Type', random.pick(CONTENT_TYPES))],
    [2, () => set('Accept', random.pick(ACCEPTS))],
    [2, () => ({ ...request, headers, framing: 'chunked' })],
    [
      2,
      () =>
        set('Content-Encoding', random.pick(['gzip', 'br', 'deflate', 'identity', 'x', 'gzip, gzip', ''])),
    ],
    [2, () => ({ ...set('Content-Encoding', 'gzip'), body: gzipSync(request.body, { level: 1 }) })],
    [0.05, () => ({ ...set('Content-Encoding', 'gzip'), body: BOMB })],
    [2, () => set('X-Request-Id', headerText(random))],
    [2, () => set('Idempotency-Key', headerText(random))],
    [
      2,
      () =>
        set(
          'Cookie',
          random.pick(['zeton_session=%', '=;=;', 'zeton_flash=%E0%A4%A; zeton_form=x', headerText(random)]),
        ),
    ],
    [
      1,
      () =>
        set(
          'X-Forwarded-For',
          random.pick(['::1', 'not an address', '1.2.3.4, ,', '1.2.3.4:5', headerText(random)]),
        ),
    ],
    [1, () => set('X-Forwarded-Proto', random.pick(['https', 'ftp', headerText(random)]))],
    [1, () => set('Origin', random.pick(['null', 'http://example.com', '::', headerText(random)]))],
    [
      1,
      () =>
        set('Host', random.pick(['', 'a b', '127.0.0.1:99999', '[::', 'example.com/x', headerText(random)])),
    ],
    [1, () => set('Range', 'bytes=0-,5-1')],
    [1, () => set('If-None-Match', random.pick(['*', '"x"', headerText(random)]))],
    [1, () => set('If-Modified-Since', headerText(random))],
    [1, () => set('HX-Current-URL', random.pick(['::', '//x', 'http://[', headerText(random)]))],
    [1, () => set('X-HTTP-Method-Override', 'DELETE')],
    [1, () => set('Expect', random.pick(['100-continue', 'x']))],
    [1, () => broken({ headers: [...headers, [`X-${'a'.repeat(random.pick([10, 20_000]))}`, 'x']] })],
    [1, () => broken({ headers: [...headers, ['X-Long', 'x'.repeat(random.pick([8_000, 30_000]))]] })],
    [
      1,
      () =>
        broken({
          headers: [
            ...headers,
            ...Array.from({ length: random.pick([50, 3_000]) }, (_, n): [string, string] => [`X-${n}`, 'x']),
          ],
        }),
    ],
    [
      2,
      () => {
        const again = headers.length > 0 ? random.pick(headers) : (['Host', 'x'] as [string, string]);
        return broken({
          headers: [...headers, [again[0], random.chance(0.5) ? again[1] : headerText(random)]],
        });
      },
    ],
    [1, () => broken({ headers: headers.filter(() => random.chance(0.7)) })],
    [
      1,
      () =>
        broken({
          headers: [
            ...headers,
            ['Content-Length', random.pick(['0', '-1', '1e9', '99999999999', 'x', '5, 5'])],
          ],
          cutOff: true,
        }),
    ],
    [
      1,
      () =>
        broken({
          headers: [...headers, ['Content-Length', String(request.body.length + 1 + random.below(50))]],
          cutOff: true,
        }),
    ],
    [
      0.5,
      () =>
        broken({
          headers: [
            ...headers,
            ['Transfer-Encoding', random.pick(['chunked', 'gzip', 'chunked, chunked', 'x'])],
          ],
          cutOff: true,
        }),
    ],
    [0.5, () => broken({ headers: [...headers, ['Upgrade', 'websocket'], ['Connection', 'Upgrade']] })],
    [
      1,
      () => ({
        ...request,
        headers,
        method: random.pick(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'PATCH', 'POST', 'PROPFIND']),
      }),
    ],
    [0.5, () => broken({ headers, method: random.pick(['CONNECT', 'TRACE', 'FOO', 'get']) })],
    [0.5, () => broken({ headers: [...headers, ['X-A', `x\r\n${INJECTED_HEADER}-Request: y`]] })],
  ])();
}

/** 20 MB of spaces in 20 KB. */
const BOMB = gzipSync(Buffer.alloc(20 * 1024 * 1024, 32));
