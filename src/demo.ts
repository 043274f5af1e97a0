import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import recorded from './demo-orders.json';

/**
 * `npm run demo`: Zeton as a shop would run it, on a database of its own, told everything from outside: orders by
 * signed webhooks that a real WooCommerce sent, replies and video by the API. Begins anew each time, then keeps serving.
 */
const DATABASE = join('data', 'demo.sqlite');
const port = Number(process.env.PORT ?? 3000);
const host = process.env.HOST ?? '127.0.0.1';
const base = `http://${host}:${port}`;
const token = process.env.BOOTSTRAP_API_TOKEN ?? `demo-${randomBytes(18).toString('base64url')}`;
const CONNECTED_SECONDS = 61;

const PACKAGES = [
  { name: 'Start', sku: 'SUP-START', grants: { sms: 10, email: 20 } },
  { name: 'Pro', sku: 'SUP-PRO', grants: { sms: 30, email: 60, video: 3 } },
  { name: 'Premium video', sku: 'SUP-PREM-VIDEO3', grants: { video: 3, request: 2 } },
];

type Json = Record<string, unknown>;

async function api<T = Json>(method: string, path: string, body?: Json): Promise<T> {
  const response = await fetch(`${base}/api/v1${path}`, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body && { 'content-type': 'application/json' }),
      ...(method === 'POST' && { 'idempotency-key': randomBytes(12).toString('hex') }),
    },
    body: body && JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
  return JSON.parse(text) as T;
}

async function assertPortIsFree(): Promise<void> {
  const probe = createServer();
  await new Promise<void>((resolve, reject) => {
    probe.once('error', () => reject(new Error(`Port ${port} is in use: stop that program, or set PORT.`)));
    probe.listen(port, host, resolve);
  });
  await new Promise((resolve) => probe.close(resolve));
}

function startZeton(): ChildProcess {
  return spawn(process.execPath, [join(__dirname, 'main.js')], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: {
      ...process.env,
      LOG_LEVEL: process.env.LOG_LEVEL ?? 'warn',
      PORT: String(port),
      HOST: host,
      DATABASE_URL: `sqlite:${DATABASE}`,
      WOOCOMMERCE_WEBHOOK_SECRET: recorded.secret,
      BOOTSTRAP_API_TOKEN: token,
    },
  });
}

async function until(what: string, done: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    if (await done().catch(() => false)) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`waited a minute in vain until ${what}`);
}

interface Order {
  number: string;
  status: string;
  customer_id: string;
  ticket_id: string | null;
}

interface Credits {
  grants: { meter: string; available: number; held: number; order: { number: string } | null }[];
}

/** What is left of what this order bought: `sms 9 · video 2 (+1 on hold)`. */
async function leftOf(order: Order): Promise<string> {
  const { grants } = await api<Credits>('GET', `/customers/${order.customer_id}/credits`);
  const own = grants.filter((grant) => grant.order?.number === order.number);
  const parts = own.map(
    ({ meter, available, held }) => `${meter} ${available}${held > 0 ? ` (+${held} on hold)` : ''}`,
  );
  return parts.join(' · ') || 'none';
}

async function postOrders(): Promise<void> {
  for (const delivery of recorded.deliveries) {
    const response = await fetch(`${base}/webhooks/woocommerce/default`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-wc-webhook-topic': delivery.topic,
        'x-wc-webhook-signature': delivery.signature,
        'x-wc-webhook-delivery-id': delivery.delivery_id,
      },
      body: delivery.body,
    });
    if (response.status !== 200) throw new Error(`the webhook answered ${response.status}`);
  }
  await until('all orders are applied', async () => {
    const { data } = await api<{ data: unknown[] }>('GET', '/deliveries?status=pending');
    return data.length === 0;
  });
}

async function reply(order: Order, channel: 'sms' | 'email', body: string): Promise<string> {
  const { version } = await api<{ version: number }>('GET', `/tickets/${order.ticket_id}`);
  const { id } = await api<{ id: string }>('POST', `/tickets/${order.ticket_id}/messages`, {
    channel,
    body,
    version,
  });
  await until('the message is settled', async () => {
    const { status } = await api<{ status: string }>('GET', `/messages/${id}`);
    return !['queued', 'sending'].includes(status);
  });
  return id;
}

/** Both come and are connected; the credit is on hold until the session ends. */
async function startVideo(order: Order): Promise<string> {
  const { id } = await api<{ id: string }>('POST', `/tickets/${order.ticket_id}/video-sessions`, {});
  for (const type of ['joined', 'connected']) {
    for (const participant of ['agent', 'customer']) {
      await api('POST', `/video-sessions/${id}/events`, {
        event_id: `${type}-${participant}`,
        type,
        participant,
      });
    }
  }
  return id;
}

function printTable(rows: string[][]): void {
  const width = (i: number) => Math.max(...rows.map((row) => [...(row[i] ?? '')].length));
  for (const row of rows) {
    const cells = row.map((cell, i) => cell + ' '.repeat(width(i) - [...cell].length));
    process.stdout.write(`  ${cells.join('   ').trimEnd()}\n`);
  }
}

async function tellStory(): Promise<void> {
  for (const { name, sku, grants } of PACKAGES) {
    const list = Object.entries(grants).map(([meter, quantity]) => ({ meter, quantity }));
    await api('POST', '/packages', { store: 'default', name, match: { sku }, grants: list });
  }
  await postOrders();
  const orders = (await api<{ data: Order[] }>('GET', '/orders?store=default')).data.sort(
    (a, b) => Number(a.number) - Number(b.number),
  );
  const before = new Map<string, string>();
  for (const order of orders) before.set(order.number, await leftOf(order));
  const find = (number: string) => orders.find((order) => order.number === number) as Order;

  await reply(
    find('31'),
    'sms',
    'Dober dan, tiskalnik izklopite za 10 sekund in ga znova vklopite. Lep pozdrav, Bor',
  );
  await reply(find('31'), 'email', 'Pošiljamo še povezavo do gonilnika. Vam je uspelo?');
  await reply(find('20'), 'email', 'Hello Maja, here are the three steps that we talked about.');
  await reply(find('84'), 'sms', 'Hello Miha, we will be with you in five minutes.');
  const video = await startVideo(find('21'));

  const rows = [['ORDER', 'STATUS', 'TICKET', 'CREDITS LEFT BEFORE', 'CREDITS LEFT NOW']];
  for (const order of orders) {
    const ticket = order.ticket_id
      ? `#${(await api<{ number: number }>('GET', `/tickets/${order.ticket_id}`)).number}`
      : 'none: never paid';
    rows.push([order.number, order.status, ticket, before.get(order.number) ?? '', await leftOf(order)]);
  }
  process.stdout.write(
    `\n${recorded.deliveries.length} recorded deliveries came in; what they and our replies did:\n\n`,
  );
  printTable(rows);
  process.stdout.write(`
  Orders 19, 23, 41 and 42 are one person’s; credits are spent across them, the oldest first.
  A video session of order 21 is running; it costs its credit once both were connected for a minute.

  API        ${base}/api/docs
  Token      ${token}
  Try        curl -H 'Authorization: Bearer ${token}' ${base}/api/v1/customers/${find('31').customer_id}/statement
  Stop       Ctrl+C

`);
  await new Promise((resolve) => setTimeout(resolve, CONNECTED_SECONDS * 1000));
  await api('POST', `/video-sessions/${video}/end`, {});
  process.stdout.write(`The video session of order 21 ended: ${await leftOf(find('21'))} left.\n`);
}

async function main(): Promise<void> {
  await assertPortIsFree();
  for (const suffix of ['', '-wal', '-shm']) rmSync(DATABASE + suffix, { force: true });
  const zeton = startZeton();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => zeton.kill('SIGTERM'));
  zeton.on('exit', (code) => process.exit(code ?? 1));
  try {
    await until('Zeton is ready', async () => (await fetch(`${base}/readyz`)).ok);
    await tellStory();
  } catch (error) {
    process.stderr.write(`The demo stopped: ${(error as Error).message}\n`);
    process.exitCode = 1;
    zeton.kill('SIGTERM');
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exit(1);
});
