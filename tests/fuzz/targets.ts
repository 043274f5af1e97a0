import { createHmac } from 'node:crypto';
import { loadRecordings, type Recording } from '../support/recordings';
import type { PageForm } from './forms';
import { type JsonSchema, type OpenApi, type Operation, type Parameter, valueFor } from './from-schema';
import { mutateBytes, mutateJson } from './mutate';
import { nastyTextFor, TEXTS } from './nasty';
import { kindOfPath, type Pools } from './pools';
import type { Random } from './random';
import { mutateHeaders, plainRequest, type WireRequest } from './wire-request';

/** What the requests are made from. */
export interface Corpus {
  token: string;
  webhookSecret: string;
  pools: Pools;
  doc: OpenApi;
  /** Signed-in browsers; the second may lose its session. */
  desk: Browser;
  expendable: Browser;
  forms: PageForm[];
  links: string[];
  /** How many orders there can be: with more snapshots of each, every further one costs more. */
  orders: number;
}

export interface Browser {
  cookie: string;
  csrf: string;
}

/** One request, valid or not. The same random numbers make the same one. */
export function makeRequest(random: Random, corpus: Corpus): WireRequest {
  const request = random.weighted<() => WireRequest>([
    [32, () => webhook(random, corpus)],
    [42, () => api(random, corpus)],
    [20, () => page(random, corpus)],
    [6, () => elsewhere(random, corpus)],
  ])();
  const rerouted = random.chance(0.03) ? { ...request, path: mutatePath(random, request.path) } : request;
  return random.chance(0.2) ? mutateHeaders(random, rerouted) : rerouted;
}

const recordings = loadRecordings();
const topics = [...new Set(recordings.map(({ topic }) => topic))];

function webhook(random: Random, { webhookSecret, orders }: Corpus): WireRequest {
  const recording = random.pick(recordings);
  const body = webhookBody(random, recording, orders);
  const topic = random.chance(0.9)
    ? recording.topic
    : random.pick([...topics, '', 'order', 'order.deleted', 'Order.Updated']);
  const signature = createHmac('sha256', random.chance(0.98) ? webhookSecret : 'wrong')
    .update(body)
    .digest('base64');
  const headers: [string, string][] = [
    ...Object.entries(recording.headers).filter(
      ([name]) => !/^(host|content-length|connection|x-wc-webhook-(signature|topic))$/i.test(name),
    ),
    ['X-WC-Webhook-Topic', topic],
    ['X-WC-Webhook-Signature', random.chance(0.01) ? signature.slice(1) : signature],
  ];
  return plainRequest(
    `webhook ${recording.topic || 'ping'}`,
    'POST',
    '/webhooks/woocommerce/default',
    headers,
    body,
  );
}

const NOT_ORDERS = [
  '',
  '{}',
  '[]',
  'null',
  '0',
  '""',
  '{"id":1}',
  '{"id":1,"line_items":null}',
  'webhook_id=1',
  '{',
];

function webhookBody(random: Random, { body }: Recording, orders: number): Buffer {
  if (random.chance(0.02)) return Buffer.from(random.pick(NOT_ORDERS));
  if (random.chance(0.0005)) return Buffer.alloc(5 * 1024 * 1024 + random.pick([-1, 0, 1]), 32);
  const value = readJson(body);
  if (value === undefined || random.chance(0.1)) {
    return mutateBytes(random, Buffer.from(body), Buffer.from(random.pick(recordings).body));
  }
  renumber(random, value, orders);
  if (random.chance(0.1)) return Buffer.from(JSON.stringify(value));
  return Buffer.from(mutateJson(random, value, readJson(random.pick(recordings).body), true));
}

/** Many orders and buyers instead of the recorded ones, so that no order gathers thousands of snapshots. */
function renumber(random: Random, value: Record<string, unknown>, orders: number): void {
  if (typeof value.id !== 'number' || random.chance(0.02)) return;
  value.id = 1 + random.below(orders);
  const billing = value.billing as Record<string, unknown> | undefined;
  if (billing?.email) billing.email = `buyer-${(value.id as number) % Math.ceil(orders / 2)}@example.com`;
}

function readJson(text: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

const METHODS = ['get', 'post', 'patch', 'put', 'delete'];

function api(random: Random, corpus: Corpus): WireRequest {
  const { doc, pools, token } = corpus;
  const path = random.pick(Object.keys(doc.paths));
  const operations = doc.paths[path] ?? {};
  const method = random.pick(Object.keys(operations).filter((name) => METHODS.includes(name)));
  const operation = operations[method] as Operation;
  const parameters = (operation.parameters ?? []).map((parameter) => resolve(doc, parameter));
  const headers: [string, string][] = [
    ['Authorization', `Bearer ${random.chance(0.99) ? token : 'x'.repeat(40)}`],
  ];
  if (parameters.some(({ name }) => name === 'Idempotency-Key') && random.chance(0.9)) {
    // Some come again.
    headers.push(['Idempotency-Key', `key-${random.below(1e5)}`]);
  }
  const schema = operation.requestBody?.content['application/json']?.schema;
  const body = schema ? apiBody(random, corpus, schema) : Buffer.alloc(0);
  if (body.length > 0) headers.push(['Content-Type', 'application/json']);
  const place = fillPath(random, path, method, pools) + queryOf(random, corpus, parameters);
  return plainRequest(`api ${operation.operationId}`, method.toUpperCase(), place, headers, body);
}

function resolve(doc: OpenApi, parameter: Parameter): Parameter {
  if (!parameter.$ref) return parameter;
  return doc.components.parameters?.[parameter.$ref.split('/').at(-1) ?? ''] ?? parameter;
}

function apiBody(random: Random, { doc, pools }: Corpus, schema: JsonSchema): Buffer {
  const make = () => valueFor(random, doc, schema, '', pools);
  const value = make();
  if (random.chance(0.4)) return Buffer.from(JSON.stringify(value));
  if (random.chance(0.1))
    return mutateBytes(random, Buffer.from(JSON.stringify(value)), Buffer.from(JSON.stringify(make())));
  return Buffer.from(mutateJson(random, value, make()));
}

function fillPath(random: Random, path: string, method: string, pools: Pools): string {
  const kind = kindOfPath(path);
  return path.replace(/\{(\w+)\}/g, (_, name: string) => {
    if (random.chance(0.03)) return escaped(random, nastyTextFor(random, name).slice(0, 2000));
    // The store that the webhooks come to stays as it is.
    if (name === 'slug') return method === 'get' ? 'default' : 'other';
    return kind ? pools.any(kind, random) : 'x';
  });
}

function queryOf(random: Random, { doc, pools }: Corpus, parameters: Parameter[]): string {
  const pairs = parameters
    .filter((parameter) => parameter.in === 'query' && random.chance(0.4))
    .map(({ name, schema }): [string, string] => [
      name,
      String(valueFor(random, doc, schema ?? {}, name, pools)),
    ]);
  return pairs.length === 0 && random.chance(0.9) ? '' : `?${mutatePairs(random, pairs)}`;
}

/** Fields of a query or a form; about half of the time as they should be. */
function mutatePairs(random: Random, pairs: [string, string][], keep: readonly string[] = []): string {
  let fields = pairs;
  if (random.chance(0.6)) {
    const at = random.below(Math.max(1, fields.length));
    const isFree = !keep.includes(fields[at]?.[0] ?? '');
    fields = random.weighted<() => [string, string][]>([
      [
        8,
        () =>
          fields.map(([name, value], n) => [name, n === at && isFree ? nastyTextFor(random, name) : value]),
      ],
      [1, () => fields.filter((_, n) => n !== at || !isFree)],
      [1, () => [...fields, ...fields.slice(at, at + 1)]],
      [
        1,
        () => [
          ...fields,
          [random.pick(['__proto__', 'a[b][c]', 'toString', '', '\0', 'limit[]']), random.pick(TEXTS)],
        ],
      ],
      [0.3, () => [...fields, ...Array.from({ length: 2000 }, (_, n): [string, string] => [`f${n}`, 'x'])]],
    ])();
  }
  return fields.map(([name, value]) => `${escaped(random, name)}=${escaped(random, value)}`).join('&');
}

/** Percent-escaped, now and then wrong. */
function escaped(random: Random, text: string): string {
  if (random.chance(0.02))
    return random.pick(['%', '%zz', '%C0%80', '%ED%A0%80', '%FF%FE', '%u0041', '+%20+']);
  return encodeURIComponent(text.replace(/\p{Surrogate}/gu, '\uFFFD')).slice(0, 300_000);
}

/** Each kind of form as often as every other. */
function formOf(random: Random, forms: PageForm[]): PageForm {
  const shape = random.pick([...new Set(forms.map(({ action }) => shapeOf(action)))]);
  return random.pick(forms.filter(({ action }) => shapeOf(action) === shape));
}

/** A path without its ids. */
function shapeOf(path: string): string {
  return (path.split('?')[0] ?? '').replace(/\/(\d+|[0-9a-f-]{36})(?=\/|$)/g, '/:id');
}

function page(random: Random, corpus: Corpus): WireRequest {
  const isPost = random.chance(0.5) && corpus.forms.length > 0;
  const form = isPost ? formOf(random, corpus.forms) : null;
  const path = form ? form.action : random.pick([...corpus.links, '/sign-in', '/console/tickets']);
  const losesSession = /sign-out|password/.test(path);
  const isSignIn = path === '/sign-in';
  // Hashing a password is dear on purpose.
  if (isSignIn && random.chance(0.7)) return page(random, corpus);
  const browser = losesSession ? corpus.expendable : corpus.desk;
  const headers: [string, string][] = [
    ['Accept', 'text/html'],
    ['X-Forwarded-For', `10.${random.below(256)}.${random.below(256)}.${random.below(256)}`],
  ];
  if (random.chance(0.97)) headers.push(['Cookie', browser.cookie]);
  if (random.chance(0.4)) headers.push(['HX-Request', 'true']);
  const target = `page ${shapeOf(path)}`;
  if (!form) {
    const [place = '', query = ''] = path.split('?');
    const mutated = random.chance(0.4) ? mutatePairs(random, [...new URLSearchParams(query)]) : query;
    return plainRequest(target, 'GET', mutated ? `${place}?${mutated}` : place, headers);
  }
  headers.push(['Sec-Fetch-Site', 'same-origin'], ['Content-Type', 'application/x-www-form-urlencoded']);
  const fields = form.fields.map(([name, value]): [string, string] => {
    if (name === '_csrf') return [name, random.chance(0.98) ? browser.csrf : 'x'];
    if (name === 'key' && random.chance(0.97)) return [name, `key-${random.below(1e6)}`];
    if (name !== 'key' && (value !== '' || random.chance(0.3))) return [name, value];
    return [name, random.pick(['Pozdravljeni', '1', '5', 'buyer-1@example.com', nastyTextFor(random, name)])];
  });
  const body = Buffer.from(mutatePairs(random, fields, ['_csrf']));
  const sent = random.chance(0.03) ? mutateBytes(random, body) : body;
  return plainRequest(`${target} (form)`, 'POST', path, headers, sent);
}

const ODD_PATHS = [
  '/healthz',
  '/readyz',
  '/metrics',
  '/api/docs',
  '/api/v1/openapi.json',
  '/api/v1/nothing',
  '/problems/insufficient-credits',
  '/problems/__proto__',
  '/problems/constructor',
  '/assets/zeton.css',
  '/assets/../package.json',
  '/assets/%2e%2e/%2e%2e/package.json',
  '/webhooks/woocommerce/',
  '/webhooks/woocommerce/nobody',
  '/webhooks/woocommerce/__proto__',
  '/webhooks/woocommerce/%00',
  '/webhooks/twilio/sms',
  '/setup/x',
  '/sign-in?next=//example.com',
  '/sign-in?next=/\\example.com',
  '/theme',
  '/favicon.ico',
  '//example.com/',
  '/%',
  '/%00',
  '/.git/config',
  '/console/tickets/99999999999999999999999',
  '/console/tickets/-1',
  '/console/tickets/1e3',
  '/console/tickets/0x10',
  '/console/customers/%F0%9F%98%80',
];

function elsewhere(random: Random, { token, pools }: Corpus): WireRequest {
  if (random.chance(0.25)) {
    const ping = Buffer.from(`webhook_id=${random.below(100)}`);
    const type: [string, string] = ['Content-Type', 'application/x-www-form-urlencoded'];
    const body = random.chance(0.5) ? ping : mutateBytes(random, ping);
    return plainRequest('ping', 'POST', '/webhooks/woocommerce/default', [type], body);
  }
  if (random.chance(0.1)) {
    return {
      ...plainRequest(
        'bytes',
        random.pick(TEXTS).slice(0, 500),
        random.pick(TEXTS).slice(0, 500),
        [],
        random.bytes(random.below(200)),
      ),
      mayGoUnanswered: true,
      cutOff: true,
    };
  }
  const path = random.chance(0.2)
    ? `/console/tickets/${pools.any('ticket-number', random)}`
    : random.pick(ODD_PATHS);
  const headers: [string, string][] = random.chance(0.5) ? [['Authorization', `Bearer ${token}`]] : [];
  if (random.chance(0.3)) headers.push(['Accept', 'text/html']);
  const method = random.weighted([
    [6, 'GET'],
    [1, 'POST'],
    [1, 'HEAD'],
    [1, 'OPTIONS'],
    [1, 'DELETE'],
  ]);
  return plainRequest(`elsewhere ${path.slice(0, 40)}`, method, path, headers);
}

function mutatePath(random: Random, path: string): string {
  const at = random.below(path.length + 1);
  return random.weighted<() => string>([
    [
      3,
      () =>
        path.slice(0, at) +
        random.pick(['%00', '%', '/', '//', '..', '%2f', '%ff', '?', '#', ';', '\\']) +
        path.slice(at),
    ],
    [1, () => path.slice(0, at)],
    [1, () => path.toUpperCase()],
    [1, () => `http://host-${random.below(1e6)}.example.com${path}`],
    [1, () => `${path}/`],
    [1, () => `${path}${path.includes('?') ? '&' : '?'}${'a=b&'.repeat(1500)}`],
    [
      0.5,
      () =>
        path +
        Buffer.from('čšž🙂')
          .toString('latin1')
          .replace(/[\s\x7f-\xa0]/g, ''),
    ],
    [0.5, () => '*'],
  ])();
}
