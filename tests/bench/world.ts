import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import type { Knex } from 'knex';
import { type App, buildApp } from '../../src/app';
import { readConfig } from '../../src/config';
import { verifyLedger } from '../../src/domain/credits';
import { addPerson, openSession } from '../../src/domain/staff';
import { findStoreBySlug, type Store } from '../../src/domain/stores';
import { type Actor, systemActor } from '../../src/platform/actor';
import { withTransaction } from '../../src/platform/db';
import { makeLog } from '../../src/platform/log';
import { COOKIES } from '../../src/ui/cookies';
import { addTokenForStores } from '../../src/usecases/add-token';
import { applyOrderNews } from '../../src/usecases/apply-order-snapshot';
import { type Context, momentOf } from '../../src/usecases/context';
import { replyToTicket } from '../../src/usecases/reply-to-ticket';
import { loadRecordings } from '../support/recordings';
import { makePackage, orderJson } from '../support/shop';
import { type Bare, openBare } from './bare';
import type { Engine } from './engines';
import type { ServerTask } from './server';

export const WEBHOOK_SECRET = 'wc-webhook-secret-fixture';
export const bob: Actor = { kind: 'staff', id: 'bob', name: 'Bob' };

/** A shop on one engine, with the servers that are asked. */
export interface World {
  ctx: Context;
  db: Knex;
  store: Store;
  bare: Bare;
  token: string;
  /** An agent's browser. */
  cookie: string;
  /** Addresses of the processes. */
  app: string;
  floor: string;
  /** Customers with a bought package, a ticket and a talk on it. */
  served: { customerId: string; ticketId: string }[];
  close(): Promise<void>;
}

const SERVED = 50;
const REPLIES_EACH = 3;

export interface WorldOptions {
  /** A folder in which the two servers leave what V8 saw of them. */
  profiles?: string | undefined;
  /** The app also works off what it is sent. */
  jobs?: boolean;
}

export async function openWorld(engine: Engine, { profiles, jobs }: WorldOptions = {}): Promise<World> {
  const env = {
    DATABASE_URL: engine.url,
    SECRET_KEY: 'secret key of the bench, 32 characters and more',
    WOOCOMMERCE_WEBHOOK_SECRET: WEBHOOK_SECRET,
  };
  const app: App = buildApp(readConfig(env), { log: makeLog('warn', process.stderr) });
  await app.prepare();
  const { ctx } = app;
  const store = (await findStoreBySlug(ctx.db, 'default')) as Store;
  await makePackage(ctx, store, 'SUP', { sms: 10, email: 10, video: 2 });
  const { token } = await addTokenForStores(ctx.db, momentOf(ctx, systemActor), {
    name: 'bench',
    scopes: 'all',
    storeSlugs: null,
  });
  const agent = { email: 'bob@example.com', name: 'Bob', role: 'agent' as const };
  const session = await withTransaction(ctx.db, async (trx) => {
    const moment = momentOf(ctx, systemActor);
    const { id } = await addPerson(trx, moment, {
      ...agent,
      passwordHash: 'nobody signs in by password here',
    });
    return openSession(trx, moment, id);
  });
  const cookie = `${COOKIES.session}=${session.token}`;
  const served = await serveCustomers(ctx, store);
  // As autovacuum does; SQLite has no statistics in service.
  if (engine.name === 'postgres') await ctx.db.raw('ANALYZE');
  const servers = await Promise.all([
    startServer({ kind: 'app', env, jobs, profiles }),
    startServer({
      kind: 'floor',
      url: engine.url,
      storeId: store.id,
      webhookSecret: WEBHOOK_SECRET,
      token,
      profiles,
    }),
  ]);
  const bare = await openBare(engine.url);
  return {
    ...{ ctx, db: ctx.db, store, bare, token, cookie, served },
    app: servers[0].address,
    floor: servers[1].address,
    async close() {
      await Promise.all(
        servers.map(({ child }) => {
          const gone = new Promise((resolve) => child.once('exit', resolve));
          child.disconnect();
          return gone;
        }),
      );
      await bare.close();
      await app.close();
    },
  };
}

/** The app, or its floor, as a process of its own; it ends with this one. */
async function startServer(task: ServerTask): Promise<{ child: ChildProcess; address: string }> {
  const child = fork(join(__dirname, 'server.ts'), [], {
    execArgv: ['-r', require.resolve('../support/run-typescript.cjs')],
    env: { PATH: process.env.PATH },
    // The log is written as in service, to where it costs no disk.
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const port = await new Promise<number>((resolve, reject) => {
    child.once('message', (ready: { port: number }) => resolve(ready.port));
    child.once('exit', (code) => reject(new Error(`the ${task.kind} server ended with ${code}`)));
    child.send(task);
  });
  return { child, address: `http://127.0.0.1:${port}` };
}

async function serveCustomers(ctx: Context, store: Store): Promise<World['served']> {
  for (let index = 0; index < SERVED; index++) {
    const order = newOrder();
    await applyOrder(ctx, store, order);
    const ticketId = (await ctx.db('orders').where({ woo_id: order.wooId }).first('ticket_id')).ticket_id;
    for (let n = 0; n < REPLIES_EACH; n++) {
      await replyToTicket(ctx, bob, { ticketId, channel: n % 2 ? 'email' : 'sms', body: `Answer ${n}.` });
    }
  }
  const rows = await ctx.db('tickets').orderBy('id').select('id', 'customer_id');
  return rows.map((row) => ({ customerId: row.customer_id, ticketId: row.id }));
}

export interface NewOrder {
  wooId: number;
  json: string;
}

let lastWooId = 700_000_000;

/** Of a customer whom nobody knows yet. */
export function newOrder(): NewOrder {
  lastWooId += 1;
  const email = `buyer-${lastWooId}@example.com`;
  return { wooId: lastWooId, json: orderJson({ id: lastWooId, email, note: 'Please call after four.' }) };
}

export async function applyOrder(ctx: Context, store: Store, order: NewOrder): Promise<void> {
  const outcome = await applyOrderNews(ctx, store, order.wooId, {
    kind: 'snapshot',
    json: order.json,
    source: 'webhook',
    deliveryId: null,
    restored: false,
  });
  if (outcome !== 'applied') throw new Error(`an order was ${outcome} instead of applied`);
}

/** What a reply needs, for one ticket. */
export interface Reachable {
  ticket: string;
  customer: string;
  grant: string;
}

const idsOf = (n: number): Reachable => ({
  customer: `0190c000-0000-7000-8000-${n}`,
  ticket: `0190d000-0000-7000-8000-${n}`,
  grant: `0190e000-0000-7000-8000-${n}`,
});

/** Twelve digits: the last group of an id. */
let lastReachable = 100_000_000_000;

/** `count` customers with a phone, a ticket and 10 SMS credits each, by one statement for each table. */
export async function makeReachable(db: Knex, store: Store, count: number): Promise<Reachable[]> {
  const from = lastReachable + 1;
  const to = lastReachable + count;
  lastReachable = to;
  const at = '2026-11-20T10:00:00.000Z';
  const { customer, ticket, grant } = Object.fromEntries(
    Object.entries(idsOf(0)).map(([name, id]) => [name, `'${id.slice(0, -1)}' || n`]),
  ) as unknown as Reachable;
  const insert = async (table: string, columns: Record<string, string | number>) => {
    await db.raw(`INSERT INTO ${table} (${Object.keys(columns).join(', ')})
      WITH RECURSIVE numbers (n) AS (SELECT ${from} UNION ALL SELECT n + 1 FROM numbers WHERE n < ${to})
      SELECT ${Object.values(columns).join(', ')} FROM numbers`);
  };
  const text = (value: string) => `'${value}'`;
  await insert('customers', {
    id: customer,
    store_id: text(store.id),
    email: `'reachable-' || n || '@example.com'`,
    email_normalised: `'reachable-' || n || '@example.com'`,
    name: text('Alice Kupec'),
    phone: text('041 555 100'),
    phone_e164: text('+38641555100'),
    country: text('SI'),
    locale: text('sl'),
    details_as_of: text('{}'),
    created_at: text(at),
    updated_at: text(at),
  });
  await insert('tickets', {
    id: ticket,
    number: 'n',
    store_id: text(store.id),
    customer_id: customer,
    family_id: ticket,
    subject: text('Printer'),
    status: text('open'),
    version: 1,
    origin: text('agent'),
    unpaid: 0,
    spam: 0,
    tags: text('[]'),
    last_message_at: text(at),
    created_at: text(at),
    updated_at: text(at),
  });
  await insert('credit_balances', {
    customer_id: customer,
    entry_seq: 1,
    sms_granted: 10,
    sms_available: 10,
  });
  await insert('credit_grants', {
    id: grant,
    grant_key: `'bench:' || n`,
    customer_id: customer,
    meter: text('sms'),
    cause: text('goodwill'),
    sms_unit: text('message'),
    scope: text('customer'),
    granted: 10,
    available: 10,
    ...{ held: 0, used: 0, expired: 0, revoked: 0, order_revoked: 0 },
    created_at: text(at),
  });
  await insert('credit_entries', {
    id: `'0190f000-0000-7000-8000-' || n`,
    customer_id: customer,
    seq: 1,
    grant_id: grant,
    meter: text('sms'),
    type: text('grant'),
    quantity: 10,
    cause_kind: text('adjustment'),
    reason: text('bench'),
    ...{ actor_kind: text('system'), actor_id: text('system'), actor_name: text('Zeton') },
    available_after: 10,
    at: text(at),
  });
  return Array.from({ length: count }, (_, index) => idsOf(from + index));
}

/** The webhook of a paid order as a real WooCommerce sent it. */
export function recordedOrder(): { headers: Record<string, string>; body: string } {
  const [recording] = loadRecordings('c-mixed-cart').filter(({ topic }) => topic === 'order.updated');
  if (!recording || recording.secret !== WEBHOOK_SECRET)
    throw new Error('the recording is another one by now');
  return recording;
}

/** Replayed or not, what was written must add up. */
export async function assertLedger(db: Knex): Promise<void> {
  const { problems } = await verifyLedger(db);
  if (problems.length > 0) throw new Error(`the ledger does not add up:\n${problems.slice(0, 5).join('\n')}`);
}
