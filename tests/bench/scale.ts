import { existsSync, statSync } from 'node:fs';
import { bigShopIds, makeBigShop } from '../support/big-shop';
import { type Engine, type EngineName, startEngine } from './engines';
import { load } from './load';
import { type Cell, compare, type Plan, type Side, warmUp } from './measure';
import { openWorld, type World } from './world';

export const SCALE = 'scale';

const CLIENTS = [1, 8];
const ASKED_FOR = 50;

interface Read {
  name: string;
  path(n: number): string;
  byAgent: boolean;
}

const READS: Read[] = [
  { name: 'balance', path: (n) => `/api/v1/customers/${bigShopIds.customer(n)}/credits`, byAgent: false },
  { name: 'ticket page', path: (n) => `/console/tickets/${bigShopIds.ticket(n)}`, byAgent: true },
  { name: 'open work', path: () => '/console/tickets', byAgent: true },
  { name: 'all tickets', path: () => '/console/tickets?status=all', byAgent: true },
  { name: 'tickets (API)', path: () => '/api/v1/tickets?status=closed', byAgent: false },
];

/**
 * The same reads of a small shop and of a big one, both there at the same time and asked in turn: the ratio is the big
 * one's time by the small one's.
 */
export async function scale(
  engineName: EngineName,
  sizes: { small: number; big: number },
  plan: Plan,
  progress: (text: string) => void,
): Promise<string> {
  const engines: Engine[] = [];
  try {
    const shops: { world: World; told: string }[] = [];
    for (const size of [sizes.small, sizes.big]) {
      progress(`${engineName}: a shop of ${size} customers is made`);
      const engine = await startEngine(engineName);
      engines.push(engine);
      shops.push(await openShop(engine, size));
    }
    const [small, big] = shops as [(typeof shops)[0], (typeof shops)[0]];
    const lines = [
      `the same reads of a small and a big shop, asked in turn`,
      `  ${small.told}`,
      `  ${big.told}`,
    ];
    for (const read of READS) {
      const bigSide = await sideOf(big.world, read, sizes.big);
      const smallSide = await sideOf(small.world, read, sizes.small);
      for (const side of [bigSide, smallSide]) {
        await warmUp(side, 1, { ...plan, warmUpSeconds: plan.firstWarmUpSeconds });
      }
      for (const clients of CLIENTS) {
        progress(`${engineName}: ${read.name}, ${clients} clients`);
        lines.push(line(read.name, await compare(bigSide, smallSide, clients, plan)));
      }
    }
    for (const { world } of shops) await world.close();
    return `${lines.join('\n')}\n`;
  } finally {
    for (const engine of engines) engine.stopNow();
  }
}

async function openShop(engine: Engine, customers: number): Promise<{ world: World; told: string }> {
  const world = await openWorld(engine);
  const { db } = world;
  const start = performance.now();
  // One in ten is open work, so that both lists fill their page.
  await makeBigShop(db, world.store.id, customers, { openEvery: 10 });
  const seconds = ((performance.now() - start) / 1000).toFixed(0);
  if (engine.name === 'postgres') await db.raw('VACUUM ANALYZE');
  const counts: string[] = [];
  for (const table of ['customers', 'tickets', 'credit_entries']) {
    counts.push(`${String((await db(table).count({ n: '*' }).first())?.n)} ${table}`);
  }
  const told = `${counts.join(', ')}: ${(await bytesOf(engine, db)).toFixed(0)} MB, made in ${seconds} s`;
  return { world, told };
}

async function bytesOf(engine: Engine, db: World['db']): Promise<number> {
  if (engine.name === 'postgres') {
    const { rows } = (await db.raw('SELECT pg_database_size(current_database()) AS n')) as {
      rows: { n: unknown }[];
    };
    return Number(rows[0]?.n) / 1e6;
  }
  const file = engine.url.slice('sqlite:'.length);
  const files = [file, `${file}-wal`].filter((path) => existsSync(path));
  return files.reduce((sum, path) => sum + statSync(path).size, 0) / 1e6;
}

async function sideOf({ app, token, cookie }: World, read: Read, customers: number): Promise<Side> {
  const headers: Record<string, string> = read.byAgent
    ? { Cookie: cookie }
    : { Authorization: `Bearer ${token}` };
  const paths: string[] = [];
  for (let index = 0; index < ASKED_FOR; index++) {
    const path = read.path(1 + Math.floor((index * customers) / ASKED_FOR));
    if (paths.includes(path)) continue;
    const answer = await fetch(app + path, { headers });
    if (!answer.ok) throw new Error(`GET ${path} answered ${answer.status}`);
    // A ticket asked for by its id answers with the way to its number.
    const { pathname, search } = new URL(answer.url);
    paths.push(pathname + search);
  }
  return { run: (amount, clients) => load({ url: app, method: 'GET', headers, paths }, amount, clients) };
}

function line(name: string, { clients, measured, floor, ratio }: Cell): string {
  const of = (value: number | undefined) => (value === undefined ? '-' : (1 / value).toFixed(2));
  return (
    `  ${name.padEnd(14)}${String(clients).padStart(3)} clients: p50 ${floor?.p50Ms.toFixed(2)} ms small, ` +
    `${measured.p50Ms.toFixed(2)} ms big; time ratio ${of(ratio?.median)} (${of(ratio?.most)}-${of(ratio?.least)})`
  );
}
