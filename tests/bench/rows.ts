import { replyToTicket } from '../../src/usecases/reply-to-ticket';
import { load, type Target } from './load';
import { runOperations, type Side } from './measure';
import { recordStatements } from './replay';
import {
  applyOrder,
  assertLedger,
  bob,
  makeReachable,
  newOrder,
  type Reachable,
  recordedOrder,
  type World,
} from './world';

/** One line of the table for each number of clients. */
export interface Row {
  name: string;
  floor: string;
  open(world: World): Promise<Opened>;
}

export interface Opened {
  measured: Side;
  floor: Side | null;
  /** Said under the table. */
  note?: string;
  /** After the last round: throws when what was written is not what it should be. */
  check?(): Promise<void>;
}

export const rows: Row[] = [
  {
    name: 'webhook accepted',
    floor: 'Express + raw body + HMAC + one INSERT by the driver',
    open: webhookAccepted,
  },
  {
    name: 'reply accepted',
    floor: 'the same statements in one transaction by the driver',
    open: replyAccepted,
  },
  {
    name: 'order applied',
    floor: 'the same statements and transactions by the driver',
    open: orderApplied,
  },
  {
    name: 'balance read',
    floor: 'Express + token hash + one SELECT by the driver',
    open: (world) =>
      pageRead(world, {
        path: ({ customerId }) => `/api/v1/customers/${customerId}/credits`,
        floorPath: ({ customerId }) => `/credits/${customerId}`,
        shows: ({ customerId }) => customerId,
      }),
  },
  {
    name: 'ticket page',
    floor: 'Express + token hash + two SELECTs (ticket, messages) by the driver',
    open: (world) =>
      pageRead(world, {
        path: ({ ticketId }) => `/console/tickets/${ticketId}`,
        headers: { Cookie: world.cookie },
        floorPath: ({ ticketId }) => `/tickets/${ticketId}`,
        shows: () => 'Answer 0.',
        note: 'the whole page as the agent gets it; its floor answers two rows as JSON',
      }),
  },
];

async function webhookAccepted({ app, floor, db }: World): Promise<Opened> {
  const { headers, body } = recordedOrder();
  const post = (url: string, path: string): Target => ({ url, method: 'POST', headers, body, paths: [path] });
  const counted = async () => Number((await db('deliveries').count({ n: '*' }).first())?.n);
  const side = (target: Target): Side => ({
    async run(amount, clients) {
      const before = await counted();
      const sample = await load(target, amount, clients);
      const stored = (await counted()) - before;
      if (stored !== amount) throw new Error(`${stored} rows for ${amount} webhooks that were answered 2xx`);
      return sample;
    },
  });
  const measured = side(post(app, '/webhooks/woocommerce/default'));
  const least = side(post(floor, '/webhook'));
  const newest = async () => {
    const { id, received_at, next_attempt_at, ...same } = await db('deliveries')
      .orderBy('id', 'desc')
      .first();
    if (!id || received_at !== next_attempt_at) throw new Error('the delivery is not due at once');
    return JSON.stringify(same);
  };
  await measured.run(1, 1);
  const stored = await newest();
  await least.run(1, 1);
  if ((await newest()) !== stored)
    throw new Error('the floor of the webhook stores another row than Zeton does');
  return {
    measured,
    floor: least,
    note: `${Buffer.byteLength(body)} bytes each; the inbox is not worked off`,
  };
}

async function replyAccepted({ ctx, db, store, bare }: World): Promise<Opened> {
  const reply = (to: Reachable, using = ctx) =>
    replyToTicket(using, bob, {
      ticketId: to.ticket,
      channel: 'sms',
      body: 'Živjo! Tiskalnik je spet v redu, hvala za potrpljenje.',
      version: 1,
    });
  const [example] = (await makeReachable(db, store, 1)) as [Reachable];
  const replay = await recordStatements(ctx, (recording) => reply(example, recording), { ...example });
  const side = (operation: (to: Reachable) => Promise<unknown>): Side => ({
    async run(amount, clients) {
      const waiting = await makeReachable(db, store, amount);
      return runOperations(
        async (index) => void (await operation(waiting[index] as Reachable)),
        amount,
        clients,
      );
    },
  });
  return {
    measured: side((to) => reply(to)),
    floor: side((to) => replay.play(bare, { ...to })),
    note: `${replay.statements} statements; an SMS of one segment, each on a ticket and customer of its own`,
    async check() {
      const replies = await db('messages').where({ kind: 'reply' }).count({ n: '*' }).first();
      const holds = await db('credit_holds').count({ n: '*' }).first();
      if (Number(replies?.n) !== Number(holds?.n)) throw new Error('not every reply has its hold');
      await assertLedger(db);
    },
  };
}

/** Far from any number that occurs by itself, so that it is known wherever it is written. */
const DISTINCT_TICKET_NUMBER = 73_105_740_000;

async function orderApplied({ ctx, db, store, bare }: World): Promise<Opened> {
  const number = DISTINCT_TICKET_NUMBER;
  await db('sequences')
    .where({ name: 'ticket' })
    .update({ value: number - 1 });
  const example = newOrder();
  const replay = await recordStatements(
    ctx,
    (recording) => applyOrder(recording, store, example),
    { wooId: String(example.wooId) },
    [String(number)],
  );
  const side = (operation: (order: ReturnType<typeof newOrder>) => Promise<void>): Side => ({
    run(amount, clients) {
      const orders = Array.from({ length: amount }, newOrder);
      return runOperations((index) => operation(orders[index] as (typeof orders)[0]), amount, clients);
    },
  });
  return {
    measured: side((order) => applyOrder(ctx, store, order)),
    floor: side((order) => replay.play(bare, { wooId: String(order.wooId) })),
    note: `${replay.statements} statements; the first order of a new customer: package of three meters, ticket, note`,
    async check() {
      const without = await db('orders')
        .whereNull('ticket_id')
        .orWhere({ paid: 0 })
        .count({ n: '*' })
        .first();
      if (Number(without?.n) > 0) throw new Error(`${without?.n} orders are not applied to the end`);
      await assertLedger(db);
    },
  };
}

type Served = World['served'][0];

interface Page {
  path: (about: Served) => string;
  floorPath: (about: Served) => string;
  /** What the answer must hold. */
  shows: (about: Served) => string;
  /** An API token unless it says otherwise. */
  headers?: Record<string, string>;
  note?: string;
}

async function pageRead({ app, floor, token, served }: World, page: Page): Promise<Opened> {
  const bearer = { Authorization: `Bearer ${token}` };
  const side = async (url: string, path: Page['path'], headers: Record<string, string>): Promise<Side> => {
    const paths: string[] = [];
    for (const about of served) {
      const answer = await fetch(url + path(about), { headers });
      const text = await answer.text();
      if (!answer.ok || !text.includes(page.shows(about))) {
        throw new Error(`GET ${url}${path(about)} answered ${answer.status}: ${text.slice(0, 200)}`);
      }
      paths.push(new URL(answer.url).pathname); // a ticket asked for by its id answers with the way to its number
    }
    const target: Target = { url, method: 'GET', headers, paths };
    return { run: (amount, clients) => load(target, amount, clients) };
  };
  return {
    measured: await side(app, page.path, page.headers ?? bearer),
    floor: await side(floor, page.floorPath, bearer),
    note: page.note,
  };
}
