import { loadRecordings } from '../support/recordings';
import { readPage } from './forms';
import type { OpenApi } from './from-schema';
import { type Kind, kindOfMember, type Pools } from './pools';
import { signWebhook } from './sign';
import type { Corpus } from './targets';
import { plainRequest, type WireRequest } from './wire-request';

/** Every recorded order, as recorded: what is fuzzed afterwards stands among real orders. */
export function seedRequests({ webhookSecret }: Corpus): WireRequest[] {
  return loadRecordings().map(({ topic, body }) =>
    plainRequest(
      'seed webhook',
      'POST',
      '/webhooks/woocommerce/default',
      signWebhook(topic, Buffer.from(body), webhookSecret),
      Buffer.from(body),
    ),
  );
}

const LISTS: [path: string, kind: Kind][] = [
  ['/api/v1/customers?limit=100', 'customer'],
  ['/api/v1/tickets?limit=100', 'ticket'],
  ['/api/v1/orders?limit=30', 'order'],
  ['/api/v1/packages?limit=30', 'package'],
  ['/api/v1/deliveries?limit=50', 'delivery'],
  ['/api/v1/sandbox/messages?limit=30', 'sandbox-message'],
];

/** What there is to name in a request, read from the server as anybody would: its document, its lists and its pages. */
export async function refreshCorpus(port: number, corpus: Corpus): Promise<void> {
  const base = `http://127.0.0.1:${port}`;
  const headers = { Authorization: `Bearer ${corpus.token}` };
  const get = async (path: string): Promise<Record<string, unknown>> =>
    (await (await fetch(base + path, { headers })).json()) as Record<string, unknown>;
  const { pools } = corpus;

  corpus.doc = (await get('/api/v1/openapi.json')) as unknown as OpenApi;
  let tickets: string[] = [];
  for (const [path, kind] of LISTS) {
    const list = await get(path);
    const rows = (list.data ?? []) as { id: string; number?: number }[];
    for (const row of rows) {
      pools.add(kind, row.id);
      if (kind === 'ticket') pools.add('ticket-number', String(row.number));
      harvest(row, pools);
    }
    if (kind === 'ticket') tickets = rows.map(({ id }) => id);
    if (typeof list.next_cursor === 'string') pools.add('cursor', list.next_cursor);
  }
  for (const id of tickets.slice(0, 20)) {
    const messages = (await get(`/api/v1/tickets/${id}/messages?limit=5`)).data as
      | { id: string }[]
      | undefined;
    for (const message of messages ?? []) pools.add('message', message.id);
  }
  for (const id of tickets.slice(0, 5)) {
    const made = await fetch(`${base}/api/v1/tickets/${id}/video-sessions`, { method: 'POST', headers });
    if (made.ok) pools.add('video-session', ((await made.json()) as { id: string }).id);
  }
  await crawl(base, corpus);
}

/** Ids that stand in members like customer_id. */
function harvest(row: object, pools: Pools): void {
  for (const [name, value] of Object.entries(row)) {
    const kind = kindOfMember(name);
    if (kind && typeof value === 'string') pools.add(kind, value);
  }
}

const PAGES_MAX = 40;

/** Pages, forms and fragments, found by following links: of each kind of page a few. */
async function crawl(base: string, corpus: Corpus): Promise<void> {
  const forms = new Map<string, Corpus['forms'][number]>();
  const links = new Set<string>();
  const visits = new Map<string, number>();
  const queue = [
    '/console/tickets',
    '/console/customers',
    '/console/orders',
    '/console/account',
    '/admin/packages',
    '/admin/packages/new',
    '/admin/deliveries',
    '/admin/sandbox',
  ];
  for (let seen = 0; seen < PAGES_MAX && queue.length > 0; ) {
    const path = queue.shift() as string;
    const shape = (path.split('?')[0] ?? '').replace(/\/(\d+|[0-9a-f-]{36})(?=\/|$)/g, '/:id');
    const visited = visits.get(shape) ?? 0;
    if (links.has(path) || visited >= 3 || path.startsWith('/assets')) continue;
    visits.set(shape, visited + 1);
    seen += 1;
    const response = await fetch(base + path, {
      headers: { Cookie: corpus.desk.cookie, Accept: 'text/html' },
      redirect: 'manual',
    });
    if (response.status !== 200) continue;
    links.add(path);
    const found = readPage(await response.text(), path.split('?')[0] ?? path);
    queue.push(...found.links.filter((link) => /^\/(console|admin)/.test(link)));
    for (const form of found.forms)
      forms.set(`${form.action} ${form.fields.map(([name]) => name).join()}`, form);
  }
  const signIn = await fetch(`${base}/sign-in`, { headers: { Accept: 'text/html' } });
  for (const form of readPage(await signIn.text(), '/sign-in').forms) forms.set(form.action, form);
  corpus.links = [...links];
  corpus.forms = [...forms.values()];
}
