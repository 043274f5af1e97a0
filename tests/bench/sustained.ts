import { createHmac } from 'node:crypto';
import { Agent, type IncomingMessage, request } from 'node:http';
import { type EngineName, startEngine } from './engines';
import { percentile } from './measure';
import { topCosts } from './profile';
import { makeReachable, newOrder, openWorld, WEBHOOK_SECRET, type World } from './world';

export const SUSTAINED = 'sustained';

export interface SustainedPlan {
  seconds: number;
  deliveriesPerSecond: number;
  repliesPerSecond: number;
  /** To work off what is left, at the longest. */
  drainSeconds: number;
}

interface Asked {
  /** Since the request was due, whether it could be sent then or not. */
  latenciesMs: number[];
  wrong: string[];
}

/**
 * Deliveries of new orders arrive evenly while the process that takes them works them off, and agents answer beside it.
 * Each request is sent at its time, however late the ones before are: what waits is measured, not left out.
 */
export async function sustained(
  engineName: EngineName,
  plan: SustainedPlan,
  profiles?: string,
): Promise<string> {
  const engine = await startEngine(engineName);
  try {
    const world = await openWorld(engine, { profiles, jobs: true });
    const text = await underLoad(world, plan);
    await world.close();
    return profiles === undefined ? text : `${text}\n${topCosts(profiles)}`;
  } finally {
    engine.stopNow();
  }
}

async function underLoad(world: World, plan: SustainedPlan): Promise<string> {
  const { db } = world;
  const deliveries = plan.seconds * plan.deliveriesPerSecond;
  const reachable = await makeReachable(db, world.store, plan.seconds * plan.repliesPerSecond);
  const agent = new Agent({
    keepAlive: true,
    maxSockets: Number.POSITIVE_INFINITY,
    // Sooner than the server does: a request into a connection that is being closed would fail.
    timeout: 3_000,
  });
  const waiting = async () =>
    Number((await db('deliveries').where({ status: 'pending' }).count({ n: '*' }).first())?.n);

  const accept = paced(plan.deliveriesPerSecond, deliveries, () => {
    const { json } = newOrder();
    const signature = createHmac('sha256', WEBHOOK_SECRET).update(json).digest('base64');
    const headers = { 'X-WC-Webhook-Topic': 'order.created', 'X-WC-Webhook-Signature': signature };
    return ask(agent, `${world.app}/webhooks/woocommerce/default`, headers, json);
  });
  const reply = paced(plan.repliesPerSecond, reachable.length, (n) => {
    const headers = { Authorization: `Bearer ${world.token}`, 'Idempotency-Key': `bench-${n}` };
    const body = JSON.stringify({ channel: 'sms', body: 'Živjo! Tiskalnik je spet v redu.', version: 1 });
    return ask(agent, `${world.app}/api/v1/tickets/${reachable[n]?.ticket}/messages`, headers, body);
  });
  const start = performance.now();
  const [accepted, replied] = await Promise.all([accept, reply]);
  const loadSeconds = (performance.now() - start) / 1000;
  const left = await waiting();
  const kept = Number((await db('deliveries').count({ n: '*' }).first())?.n);
  if (kept !== deliveries)
    throw new Error(`${kept} rows for ${deliveries} deliveries that were answered 2xx`);
  const drainUntil = performance.now() + plan.drainSeconds * 1000;
  const drainStart = performance.now();
  let rest = left;
  while (rest > 0 && performance.now() < drainUntil) {
    await new Promise((resolve) => setTimeout(resolve, 250));
    rest = await waiting();
  }
  const drained = (performance.now() - drainStart) / 1000;
  agent.destroy();
  return [
    `${plan.deliveriesPerSecond} deliveries a second for ${plan.seconds} s, each a new order of a new customer, worked off by the same process; beside it ${plan.repliesPerSecond} SMS replies a second by the API`,
    line('webhook accepted', accepted),
    line('reply accepted', replied),
    `  worked off while they came: ${deliveries - left} of ${deliveries} (${((deliveries - left) / loadSeconds).toFixed(0)} a second); ` +
      (rest === 0
        ? `the rest within ${drained.toFixed(1)} s`
        : `${rest} still waited after ${drained.toFixed(0)} s`),
    '',
  ].join('\n');
}

function line(name: string, { latenciesMs, wrong }: Asked): string {
  if (wrong.length > 0)
    throw new Error(`${name}: ${wrong.length} were not answered 2xx, the first: ${wrong[0]}`);
  const sorted = latenciesMs.toSorted((a, b) => a - b);
  const at = (part: number) => percentile(sorted, part).toFixed(1);
  return `  ${name}: p50 ${at(0.5)} ms, p90 ${at(0.9)} ms, p99 ${at(0.99)} ms, longest ${at(1)} ms`;
}

/** `amount` requests at their times, each whether the ones before it are answered or not. */
async function paced(
  perSecond: number,
  amount: number,
  send: (n: number) => Promise<{ status: number; text: string }>,
): Promise<Asked> {
  const asked: Asked = { latenciesMs: [], wrong: [] };
  const start = performance.now();
  const open: Promise<void>[] = [];
  for (let n = 0; n < amount; n++) {
    const due = start + (1000 * n) / perSecond;
    const wait = due - performance.now();
    if (wait > 1) await new Promise((resolve) => setTimeout(resolve, wait));
    open.push(
      send(n).then(({ status, text }) => {
        asked.latenciesMs.push(performance.now() - due);
        if (status < 200 || status > 299) asked.wrong.push(`${status} ${text.slice(0, 200)}`);
      }),
    );
  }
  await Promise.all(open);
  return asked;
}

function ask(
  agent: Agent,
  url: string,
  headers: Record<string, string>,
  body: string,
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const all = { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body), ...headers };
    const asking = request(url, { method: 'POST', agent, headers: all }, (answer: IncomingMessage) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (data: string) => {
        text += data;
      });
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }));
    });
    asking.on('error', reject);
    asking.end(body);
  });
}
