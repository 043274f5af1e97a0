import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { answerByMail, smsFromTwilio } from './demo-inbound';
import recorded from './demo-orders.json';
import { type Delivery, deliveryOfToday, ORDERS_OF_TODAY, PACKAGES } from './demo-shop';

/**
 * `npm run demo`: Zeton as a shop would run it, on a database of its own, told everything from outside: orders by
 * signed webhooks that a real WooCommerce sent, replies and video by the API, what customers write by the addresses that
 * mail servers and Twilio use. Begins anew each time, then keeps serving.
 */
const DATABASE = join('data', 'demo.sqlite');
const port = Number(process.env.PORT ?? 3000);
const host = process.env.HOST ?? '127.0.0.1';
const base = `http://${host}:${port}`;
const token = process.env.BOOTSTRAP_API_TOKEN ?? `demo-${randomBytes(18).toString('base64url')}`;
const owner = {
  email: process.env.BOOTSTRAP_EMAIL ?? 'carol@demo.example',
  password: process.env.BOOTSTRAP_PASSWORD ?? `demo-${randomBytes(6).toString('hex')}`,
};
const publicUrl = (process.env.PUBLIC_URL ?? `http://localhost:${port}`).replace(/\/+$/, '');
const inboundMailToken = randomBytes(18).toString('base64url');
const twilioToken = randomBytes(18).toString('base64url');
const CONNECTED_SECONDS = 61;
let agentToken = token;

type Json = Record<string, unknown>;

async function api<T = Json>(
  method: string,
  path: string,
  body?: Json,
  bearer: string = agentToken,
): Promise<T> {
  const response = await fetch(`${base}/api/v1${path}`, {
    method,
    headers: {
      authorization: `Bearer ${bearer}`,
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

const env = {
  ...process.env,
  // Nothing leaves the machine, whatever is set on it for a real shop.
  ...Object.fromEntries(
    Object.keys(process.env)
      .filter((name) => /^(WOOCOMMERCE|SMTP|MAIL|IMAP|INBOUND|DKIM|TWILIO)_/.test(name))
      .map((name) => [name, undefined]),
  ),
  LOG_LEVEL: process.env.LOG_LEVEL ?? 'warn',
  PORT: String(port),
  HOST: host,
  DATABASE_URL: `sqlite:${DATABASE}`,
  WOOCOMMERCE_WEBHOOK_SECRET: recorded.secret,
  BOOTSTRAP_API_TOKEN: token,
  BOOTSTRAP_EMAIL: owner.email,
  BOOTSTRAP_PASSWORD: owner.password,
  PUBLIC_URL: publicUrl,
  INBOUND_MAIL_TOKEN: inboundMailToken,
  TWILIO_ACCOUNT_SID: 'sandbox',
  TWILIO_AUTH_TOKEN: twilioToken,
};

function startZeton(): ChildProcess {
  return spawn(process.execPath, [...process.execArgv, require.resolve('./main')], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env,
  });
}

/** Answers are written under the name of their token: an agent's, made as `npm run zeton -- token add` makes it. */
function tokenOf(name: string): string {
  const command = [
    ...process.execArgv,
    require.resolve('./cli'),
    'token',
    'add',
    '--name',
    name,
    '--scopes',
    'all',
  ];
  const said = execFileSync(process.execPath, command, { env, encoding: 'utf8' });
  return /ztn_\S+/.exec(said)?.[0] ?? token;
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
async function leftOf({ number, customer_id }: Order): Promise<string> {
  const { grants } = await api<Credits>('GET', `/customers/${customer_id}/credits`);
  const own = grants.filter((grant) => grant.order?.number === number);
  const order = ['sms', 'email', 'video', 'request', 'any'];
  own.sort((a, b) => order.indexOf(a.meter) - order.indexOf(b.meter));
  const parts = own.map(
    ({ meter, available, held }) => `${meter} ${available}${held > 0 ? ` (+${held} on hold)` : ''}`,
  );
  return parts.join(' · ') || 'none';
}

async function post(deliveries: Delivery[]): Promise<void> {
  for (const delivery of deliveries) {
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

async function ask(order: Order, subject: string, body: string): Promise<void> {
  await api('POST', '/tickets', { store: 'default', customer_id: order.customer_id, subject, body });
}

/** The reply comes back with an answer, at the address that Zeton gave for it. */
async function answersByMail(order: Order, messageId: string, words: string[]): Promise<void> {
  type Sent = { message_id: string; subject: string; text: string; reply_to: string; to: string };
  const { data } = await api<{ data: Sent[] }>('GET', '/sandbox/messages', undefined, token);
  const sent = data.find((one) => one.message_id === messageId);
  if (!sent) throw new Error('the sandbox does not have the mail that is to be answered');
  const raw = answerByMail({
    from: { name: 'Alenka Žnidaršič', address: sent.to },
    to: sent.reply_to,
    subject: sent.subject,
    original: { name: 'Bor Kralj', text: sent.text },
    words,
  });
  const headers = { authorization: `Bearer ${inboundMailToken}`, 'content-type': 'message/rfc822' };
  const response = await fetch(`${base}/webhooks/email`, { method: 'POST', headers, body: raw });
  if (response.status !== 200) throw new Error(`the way in for mail answered ${response.status}`);
  await hasWord(order, 'email');
}

async function answersBySms(order: Order, from: string, body: string): Promise<void> {
  const path = '/webhooks/twilio/sms';
  const sms = smsFromTwilio({ from, body, url: publicUrl + path, authToken: twilioToken });
  const response = await fetch(base + path, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      'x-twilio-signature': sms.signature,
    },
    body: sms.body,
  });
  if (response.status !== 200) throw new Error(`the way in for SMS answered ${response.status}`);
  await hasWord(order, 'sms');
}

/** Taken in: it stands in the ticket of the order. */
function hasWord(order: Order, channel: 'sms' | 'email'): Promise<void> {
  type Ticket = { messages: { direction: string; channel: string }[] };
  return until(`the ${channel} stands in its ticket`, async () => {
    const { messages } = await api<Ticket>('GET', `/tickets/${order.ticket_id}`);
    const last = messages.at(-1);
    return last?.direction === 'in' && last.channel === channel;
  });
}

async function tellStory(): Promise<void> {
  agentToken = tokenOf('Bor Kralj');
  const shop = { name: 'Trgovina Rak', locale: 'sl', country: 'SI', time_zone: 'Europe/Ljubljana' };
  await api('PATCH', '/stores/default', shop);
  for (const { sku, grants, ...terms } of PACKAGES) {
    const list = Object.entries(grants).map(([meter, quantity]) => ({
      meter,
      quantity,
    }));
    await api('POST', '/packages', { store: 'default', match: { sku }, grants: list, ...terms });
  }
  const isRefund = ({ body }: Delivery) =>
    body.startsWith('{"id":25,') && body.includes('"status":"refunded"');
  const refund = recorded.deliveries.filter(isRefund);
  const arrived = recorded.deliveries.filter((delivery) => !isRefund(delivery));
  await post([...arrived, ...ORDERS_OF_TODAY.map(deliveryOfToday)]);
  const list = async () =>
    (await api<{ data: Order[] }>('GET', '/orders?store=default')).data.sort(
      (a, b) => Number(a.number) - Number(b.number),
    );
  const orders = await list();
  const before = new Map<string, string>();
  for (const order of orders) before.set(order.number, await leftOf(order));
  const find = (number: string) => orders.find((order) => order.number === number) as Order;

  const running = await startVideo(find('21'));
  const soonOver = await startVideo(find('32'));
  await reply(
    find('31'),
    'sms',
    'Dober dan, izklopite tiskalnik za 10 sekund in ga znova vklopite. Lep pozdrav, Bor',
  );
  await reply(find('31'), 'email', 'Pošiljamo še povezavo do gonilnika. Vam je uspelo?');
  await reply(find('20'), 'email', 'Hello Maja, here are the three steps that we talked about.');
  await reply(find('84'), 'sms', 'Hello Miha, we will be with you in five minutes.');
  await reply(find('37'), 'sms', 'Hello Sara, which version do you see under Settings, About?');
  await reply(find('37'), 'sms', 'Thank you. Please install the update first, it takes two minutes.');
  await reply(find('37'), 'sms', 'Great that it works again!');
  await reply(find('1043'), 'sms', 'Hello Peter, may we call you at four?'); // fails: the credit comes back
  const alenka = find('1042');
  const asked = await reply(
    alenka,
    'email',
    'Dober dan, gospa Žnidaršič,\n\nprosim, na tiskalniku pritisnite gumb Wi-Fi in počakajte, da začne utripati. Kaj piše na zaslonu?\n\nLep pozdrav, Bor Kralj',
  );
  await answersByMail(alenka, asked, [
    'Pozdravljeni,',
    '',
    'lučka utripa, na zaslonu pa piše "Ni omrežja". Doma imamo nov usmerjevalnik, ime omrežja je drugo.',
    '',
    '-- ',
    'Alenka Žnidaršič',
  ]);
  await reply(
    alenka,
    'sms',
    'Potem izberite novo omrezje: Nastavitve, Wi-Fi, Iskanje. Geslo je na spodnji strani usmerjevalnika.',
  );
  await answersBySms(alenka, '+38641200300', 'Dela! Najlepša hvala 👍');
  await reply(find('25'), 'sms', 'Hello Nina, your new password is on its way by post.');
  await post(refund); // after one credit of it was used: a shortfall
  await ask(find('24'), 'Račun za avgust', 'Dober dan, kje najdem račun za avgust? 🙂');
  await ask(find('42'), 'Second screen stays black', 'Since this morning. The cable is in.');

  const rows = [['ORDER', 'STATUS', 'TICKET', 'CREDITS LEFT BEFORE', 'CREDITS LEFT NOW']];
  for (const order of await list()) {
    const ticket = order.ticket_id
      ? `#${(await api<{ number: number }>('GET', `/tickets/${order.ticket_id}`)).number}`
      : 'none: not paid';
    rows.push([order.number, order.status, ticket, before.get(order.number) ?? '', await leftOf(order)]);
  }
  const count = recorded.deliveries.length;
  process.stdout.write(
    `\n${count} recorded deliveries and ${ORDERS_OF_TODAY.length} of today came in. What they and our answers did:\n\n`,
  );
  printTable(rows);
  process.stdout.write(`
  25    one SMS was used before the refund: a shortfall of 1
  37    almost used up
  1042  the customer answered by e-mail (what she quotes is folded) and by SMS, in one ticket; that is free
  1043  the SMS could not be delivered: its credit was given back
  21    a video session is running; 32: another, which ends in a minute and then costs its credit
  19, 23, 41, 42 are one person’s; credits are spent across them, the oldest first

  Open       ${base}/
  Sign in    ${owner.email}   ${owner.password}
  API        ${base}/api/docs   token ${token}
  Stop       Ctrl+C

`);
  await new Promise((resolve) => setTimeout(resolve, CONNECTED_SECONDS * 1000));
  await api('POST', `/video-sessions/${soonOver}/end`, {});
  const state = (await api<{ state: string }>('GET', `/video-sessions/${running}`)).state;
  process.stdout.write(
    `The video session of order 32 ended: ${await leftOf(find('32'))} left. That of order 21 is ${state}.\n`,
  );
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
