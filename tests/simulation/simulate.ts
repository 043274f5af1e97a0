import { parseArgs } from 'node:util';
import { type EngineName, openTestDatabase } from '../support/databases';
import { prepareDatabases } from '../support/global-setup';
import { simulate, type YearReport } from './year';

const USAGE = `npm run simulate -- [--seed N] [--days D] [--runs K] [--db sqlite|postgres]

A year in a shop, on the fake WooCommerce store and the real app: customers buy, pay late, edit, are refunded; products
change; the shop and Zeton go down; deliveries are lost, doubled, late; agents spend credits all the while. At every
moment of rest the orders and counters in Zeton are held against what an oracle works out.

  --seed N    decides everything that happens (1); the same seed comes to the same end
  --days D    simulated days of each run (365)
  --runs K    that many runs, with seeds N, N+1, … (1): a thousand months are --days 30 --runs 1000
  --months K  the same as --days 30 --runs K
  --db        sqlite (default), or postgres: the one that npm brings, or the server of ZETON_TEST_POSTGRES_URL
  --help

Ends at the first difference with exit code 1; the last line then says seed, day and difference.
`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string', default: '1' },
      days: { type: 'string' },
      runs: { type: 'string' },
      months: { type: 'string' },
      db: { type: 'string', default: 'sqlite' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const first = wholeNumber('--seed', values.seed, 2 ** 31);
  const days = wholeNumber('--days', values.days ?? (values.months ? '30' : '365'), 3650);
  const runs = wholeNumber('--runs', values.runs ?? values.months ?? '1', 100_000);
  const engine = (['sqlite', 'postgres'] as const).find((name) => name === values.db);
  if (!engine) throw new Error(`--db ${values.db}: expected sqlite or postgres`);
  await prepareDatabases([engine]);

  const reports: YearReport[] = [];
  for (let run = 0; run < runs; run++) {
    const began = performance.now();
    const report = await one(engine, { seed: first + run, days });
    reports.push(report);
    const seconds = (performance.now() - began) / 1000;
    print(`${run + 1} of ${runs}: ${lineOf(report)}, ${seconds.toFixed(1)} s\n`);
    if (report.failure) return fail(engine, report);
  }
  print(`\n${summaryOf(reports)}\n${engine}, ${runs} × ${days} days from seed ${first}: no difference\n`);
  return 0;
}

async function one(engine: EngineName, options: { seed: number; days: number }): Promise<YearReport> {
  const database = await openTestDatabase(engine, 2);
  try {
    // Nothing here outlives the run.
    if (engine === 'sqlite') await database.db.raw('PRAGMA synchronous = OFF');
    return await simulate(database, options);
  } finally {
    await database.destroy();
  }
}

function lineOf(report: YearReport): string {
  const { seed, orders, fates, walks, found, replies, sessions, comparisons } = report;
  return [
    `seed ${seed}`,
    `${orders} orders`,
    `${(fates.lose ?? 0) + (fates.fail ?? 0)} deliveries lost`,
    `${fates.twice ?? 0} doubled`,
    `${fates.hold ?? 0} late`,
    `${report.outages} outages`,
    `${report.disabled} webhooks disabled`,
    `${walks} walks found ${found}`,
    `${replies} replies`,
    `${sessions} video sessions`,
    `${comparisons} comparisons`,
  ].join(', ');
}

function fail(engine: EngineName, { seed, failure, days }: YearReport): number {
  if (!failure) return 0;
  const { day, differences, story } = failure;
  print(`\nThe order's story:\n${story.map((line) => `  ${line}\n`).join('')}\n`);
  for (const difference of differences.slice(1, 20)) print(`  ${nameOf(difference)}\n`);
  print(`\nAgain: npm run simulate -- --seed ${seed} --days ${days} --db ${engine}\n`);
  const [first] = differences.filter(({ wooId }) => wooId !== null).concat(differences);
  print(`seed ${seed}, day ${day}: ${first ? nameOf(first) : ''}\n`);
  return 1;
}

function nameOf({ store, wooId, what }: { store: string; wooId: number | null; what: string }): string {
  return wooId === null ? what : `order ${wooId} of ${store}: ${what}`;
}

function summaryOf(reports: YearReport[]): string {
  const sum = (of: (report: YearReport) => number) => reports.reduce((all, report) => all + of(report), 0);
  const silent = reports.flatMap(({ silentHours }) => silentHours);
  const hours = (list: typeof silent) => {
    const sorted = list.map((each) => each.hours).sort((a, b) => a - b);
    if (sorted.length === 0) return 'none';
    const median = sorted[Math.floor(sorted.length / 2)] as number;
    return `${sorted.length}, median ${median.toFixed(1)} h, most ${(sorted.at(-1) as number).toFixed(1)} h`;
  };
  return [
    `${sum(({ orders }) => orders)} orders, ${sum(({ outages }) => outages)} outages, ${sum(({ disabled }) => disabled)} webhooks disabled and made anew, ${sum(({ comparisons }) => comparisons)} comparisons`,
    `deliveries: ${sum(({ fates }) => fates.deliver ?? 0)} delivered, ${sum(({ fates }) => fates.lose ?? 0)} never sent, ${sum(({ fates }) => fates.fail ?? 0)} lost on the way, ${sum(({ fates }) => fates.twice ?? 0)} doubled, ${sum(({ fates }) => fates.hold ?? 0)} late`,
    `states that no webhook had brought, found by reading: ${sum(({ found }) => found)}`,
    `credits right again after a refund was deleted silently: ${hours(silent)}`,
    `the same where shop and Zeton were up: ${hours(silent.filter(({ isUndisturbed }) => isUndisturbed))}`,
    `what happened: ${happenings(reports)}`,
  ].join('\n');
}

function happenings(reports: YearReport[]): string {
  const total = new Map<string, number>();
  for (const { done } of reports) {
    for (const [name, n] of Object.entries(done)) total.set(name, (total.get(name) ?? 0) + n);
  }
  return [...total]
    .sort(([, a], [, b]) => b - a)
    .map(([name, n]) => `${name} ${n}`)
    .join(', ');
}

function wholeNumber(name: string, text: string, most: number): number {
  const number = Number(text);
  if (!/^\d+$/.test(text) || number < 1 || number > most) {
    throw new Error(`${name} ${text}: expected a whole number from 1 to ${most}`);
  }
  return number;
}

function print(text: string): void {
  process.stdout.write(text);
}

main().then(
  async (code) => {
    await globalThis.stopTestDatabases?.();
    process.exit(code);
  },
  (error: unknown) => {
    process.stderr.write(
      `simulate: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
    );
    process.exit(1);
  },
);
