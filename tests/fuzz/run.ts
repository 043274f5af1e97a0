import { setTimeout as sleep } from 'node:timers/promises';
import { verifyLedger } from '../../src/domain/credits';
import { limits } from '../../src/platform/limits';
import { type Failure, recordFailure } from './failures';
import { refreshCorpus, seedRequests } from './harvest';
import { Pools } from './pools';
import { Random } from './random';
import { type Corpus, makeRequest } from './targets';
import { faultOf } from './verdicts';
import { type Answer, Lane } from './wire';
import { bytesOf, type WireRequest } from './wire-request';
import { type Memory, type Server, type Shop, WEBHOOK_SECRET } from './world';

export interface FuzzOptions {
  requests: number;
  seed: number;
  /** Requests that are under way at once. */
  inFlight: number;
  /** Where requests that found something are kept. */
  failuresIn: string;
  say(line: string): void;
}

export interface FuzzReport {
  requests: number;
  seconds: number;
  /** By target, then by class of status: '2xx', 'closed' … */
  answers: Map<string, Map<string, number>>;
  slowest: { ms: number; target: string };
  slowestHealthMs: number;
  failures: Failure[];
  /** Everything that is wrong, said once each. */
  faults: string[];
  parked: number;
  deliveries: Record<string, number>;
  memory: { before: Memory; after: Memory };
}

/** What Zeton itself gives a request to arrive; nothing may take longer to be answered, on the busiest machine. */
const DEADLINE_MS = limits.requestMs;
const DRAIN_MS = 120_000;
const CHUNKS = 20;
/** So many parts of the run warm up; then memory is measured as often as in the end, and the least counts. */
const WARM_CHUNKS = 6;
const SAMPLES = 3;
/** Issue: no growth of memory beyond 20 % after warm-up. */
const GROWTH_MAX = 0.2;
const PENDING_MAX = 300;
const LONG = 10_000;

/**
 * Sends `requests` requests to a running server, and judges every answer, the log, what became of the deliveries, the
 * ledger and the memory.
 */
export async function runFuzz(server: Server, shop: Shop, options: FuzzOptions): Promise<FuzzReport> {
  const corpus = await whileAlive(server, () => prepareCorpus(server, shop, options.requests));
  const tally = new Tally();
  const health = watchHealth(server, tally);
  const lanes = Array.from({ length: options.inFlight }, () => new Lane(server.port, DEADLINE_MS));
  const start = performance.now();
  const memories: Memory[] = [];
  let next = 0;
  try {
    for (let chunk = 1; chunk <= CHUNKS && server.died() === null; chunk++) {
      if (chunk % 4 === 0) await whileAlive(server, () => refreshCorpus(server.port, corpus));
      const until = Math.round((options.requests * chunk) / CHUNKS);
      const work = async (lane: Lane) => {
        while (next < until && server.died() === null) {
          const number = next++;
          const request = makeRequest(new Random(options.seed, number), corpus);
          await sendOne(lane, request, number, corpus, options, tally);
        }
      };
      await Promise.all(lanes.map(work));
      await inboxBelow(server, PENDING_MAX);
      const grown = await measure(server, chunk, options.requests, memories);
      options.say(
        `${next} requests, ${Math.round((performance.now() - start) / 1000)} s, ${tally.failures.length} findings${grown}`,
      );
    }
    if (server.died() === null) await inboxBelow(server, 0);
  } finally {
    for (const lane of lanes) lane.close();
    await health.stop();
  }
  const seconds = (performance.now() - start) / 1000;
  const memory = { before: least(memories.slice(0, SAMPLES)), after: least(memories.slice(-SAMPLES)) };
  const faults = new Set<string>(tally.failures.map(({ target, fault }) => `${target}: ${fault}`));
  const died = server.died();
  if (died !== null) faults.add(`the server ${died}`);
  for (const [fault, count] of server.faults) faults.add(`${fault} (${count} times)`);
  const grown = memory.after.heapBytes / memory.before.heapBytes - 1;
  if (grown > GROWTH_MAX) faults.add(`the heap grew by ${percent(grown)} after warm-up`);
  const deliveries = died === null ? await judgeDatabase(server, shop.token, options, tally, faults) : {};
  const { answers, slowest, failures } = tally;
  return {
    ...{ requests: next, seconds, answers, slowest, failures, deliveries, memory },
    slowestHealthMs: health.slowestMs(),
    faults: [...faults],
    parked: server.parked(),
  };
}

/** Each measurement stops the server for a while, so in a short run there are only those that count. */
async function measure(server: Server, chunk: number, requests: number, memories: Memory[]): Promise<string> {
  const counts = chunk > WARM_CHUNKS && (chunk <= WARM_CHUNKS + SAMPLES || chunk > CHUNKS - SAMPLES);
  if (server.died() !== null || !(counts || requests >= LONG)) return '';
  const now = await server.memory();
  if (chunk > WARM_CHUNKS) memories.push(now);
  return `, heap ${mb(now.heapBytes)}, RSS ${mb(now.rssBytes)}, CPU ${now.cpuSeconds.toFixed(0)} s`;
}

class Tally {
  readonly answers = new Map<string, Map<string, number>>();
  readonly failures: Failure[] = [];
  slowest = { ms: 0, target: '' };

  count(request: WireRequest, answer: Answer): void {
    const group = request.target.startsWith('elsewhere')
      ? 'elsewhere'
      : request.target.split(' ').slice(0, 2).join(' ');
    const row = this.answers.get(group) ?? new Map<string, number>();
    this.answers.set(group, row);
    const what = answer.kind === 'answer' ? `${Math.floor(answer.status / 100)}xx` : answer.kind;
    row.set(what, (row.get(what) ?? 0) + 1);
    if (answer.ms > this.slowest.ms) this.slowest = { ms: answer.ms, target: request.target };
  }
}

async function sendOne(
  lane: Lane,
  request: WireRequest,
  number: number,
  corpus: Corpus,
  options: FuzzOptions,
  tally: Tally,
): Promise<void> {
  const bytes = bytesOf(request);
  const answer = await lane.send({ bytes, method: request.method, cutOff: request.cutOff });
  tally.count(request, answer);
  const fault = faultOf(request, answer);
  if (fault) tally.failures.push(recordFailure(options, { number, request, bytes, fault, answer }, corpus));
}

/** Of a server that died nobody can read anything: that is what is said then, with its last words. */
async function whileAlive<T>(server: Server, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    await sleep(1_000);
    const died = server.died();
    throw died === null ? error : new Error(`the server ${died}`, { cause: error });
  }
}

/** The recorded orders are there, and what can be named is known. */
export async function prepareCorpus(server: Server, shop: Shop, requests = 0): Promise<Corpus> {
  const corpus: Corpus = {
    ...{ token: shop.token, webhookSecret: WEBHOOK_SECRET, desk: shop.desk, expendable: shop.expendable },
    ...{ pools: new Pools(), doc: { paths: {}, components: { schemas: {} } }, forms: [], links: [] },
    orders: Math.max(50, Math.ceil(requests / 20)),
  };
  const lane = new Lane(server.port, DEADLINE_MS);
  for (const request of seedRequests(corpus)) {
    const answer = await lane.send({ bytes: bytesOf(request), method: request.method, cutOff: false });
    const fault = faultOf(request, answer);
    if (fault) throw new Error(`a recorded webhook: ${fault}`);
  }
  lane.close();
  await inboxBelow(server, 0);
  await refreshCorpus(server.port, corpus);
  return corpus;
}

async function pendingOf(server: Server): Promise<number> {
  const count = async (table: string, where: Record<string, unknown>) =>
    Number((await server.db(table).where(where).count({ n: '*' }).first())?.n ?? 0);
  // What was put off by an exception says why; it is a finding of its own, and not waited for.
  return count('deliveries', { status: 'pending', reason: null });
}

async function inboxBelow(server: Server, most: number): Promise<void> {
  const deadline = Date.now() + DRAIN_MS;
  while (server.died() === null && (await pendingOf(server)) > most && Date.now() < deadline) await sleep(50);
}

/** What must hold in the end. */
async function judgeDatabase(
  server: Server,
  token: string,
  options: FuzzOptions,
  tally: Tally,
  faults: Set<string>,
): Promise<Record<string, number>> {
  const { db } = server;
  const rows = (await db('deliveries').groupBy('status').select('status').count({ n: '*' })) as {
    status: string;
    n: number;
  }[];
  const deliveries = Object.fromEntries(rows.map(({ status, n }) => [status, Number(n)]));
  const stuck = (await db('deliveries').where({ status: 'pending' }).orderBy('id').limit(5)) as {
    topic: string;
    body: Buffer;
    attempts: number;
    reason: string | null;
  }[];
  for (const { topic, body, attempts, reason } of stuck) {
    const fault = `a delivery stays pending after ${attempts} attempts: ${reason ?? 'no reason'}`;
    tally.failures.push(recordFailure(options, { delivery: { topic, body }, fault }));
    faults.add(fault);
  }
  const { problems } = await verifyLedger(db);
  for (const problem of problems.slice(0, 5)) faults.add(`ledger: ${problem}`);
  const routes = await routesInMetrics(server, token);
  if (routes > ROUTES_MAX) faults.add(`/metrics names ${routes} routes: those who ask make them up`);
  const orders = Number((await db('orders').whereNotNull('lease_owner').count({ n: '*' }).first())?.n ?? 0);
  if (orders > 0 && (deliveries.pending ?? 0) === 0) faults.add(`${orders} orders are still leased`);
  return deliveries;
}

/** There are some 70; each costs memory for as long as the process lives. */
const ROUTES_MAX = 200;

async function routesInMetrics(server: Server, token: string): Promise<number> {
  const answer = await fetch(`http://127.0.0.1:${server.port}/metrics`, {
    headers: { Authorization: `Bearer ${token}` },
  });
  return new Set((await answer.text()).match(/route="[^"]*"/g)).size;
}

/** /healthz answers all along. */
function watchHealth(server: Server, tally: Tally) {
  const lane = new Lane(server.port, DEADLINE_MS);
  const bytes = Buffer.from('GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
  let stopped = false;
  let slowest = 0;
  const watching = (async () => {
    while (!stopped && server.died() === null) {
      const answer = await lane.send({ bytes, method: 'GET', cutOff: false });
      slowest = Math.max(slowest, answer.ms);
      if (server.died() === null && (answer.kind !== 'answer' || answer.status !== 200)) {
        const fault = answer.kind === 'answer' ? `status ${answer.status}` : answer.kind;
        tally.failures.push({ target: '/healthz', fault, file: null });
      }
      await sleep(200);
    }
    lane.close();
  })();
  return {
    slowestMs: () => slowest,
    stop() {
      stopped = true;
      return watching;
    },
  };
}

function least(memories: Memory[]): Memory {
  return {
    heapBytes: Math.min(...memories.map(({ heapBytes }) => heapBytes)),
    rssBytes: Math.min(...memories.map(({ rssBytes }) => rssBytes)),
    cpuSeconds: memories.at(-1)?.cpuSeconds ?? 0,
  };
}

export const mb = (bytes: number): string => `${(bytes / 1024 / 1024).toFixed(1)} MB`;
export const percent = (ratio: number): string => `${(ratio * 100).toFixed(1)} %`;
