import { writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { makeFolder, removeFolder } from '../support/temporary-folders';
import { ENGINES, type Engine, type EngineName, startEngine, syncMs } from './engines';
import { type Cell, compare, type Plan, warmUp } from './measure';
import { topCosts } from './profile';
import { type Row, rows } from './rows';
import { SCALE, scale } from './scale';
import { SUSTAINED, sustained } from './sustained';
import { openWorld } from './world';

interface ScenarioOptions {
  quick: boolean;
  customers: number;
  profiles: string | undefined;
}

const scenarios: Record<string, (engine: EngineName, options: ScenarioOptions) => Promise<string>> = {
  [SUSTAINED]: (engine, { quick, profiles }) =>
    sustained(
      engine,
      { seconds: quick ? 2 : 30, deliveriesPerSecond: 200, repliesPerSecond: 5, drainSeconds: 60 },
      profiles,
    ),
  [SCALE]: (engine, { quick, customers }) =>
    scale(
      engine,
      quick ? { small: 100, big: 1_000 } : { small: 1_000, big: customers },
      quick ? QUICK : PLAN,
      progress,
    ),
};

const USAGE = `npm run bench -- [--quick] [--engine sqlite|postgres] [--only NAME] [--clients 1,8,32] [--json FILE] [--profile] [--customers N]
  --quick    short rounds: whether it works, not how fast
  --profile  also says in which parts of the code the servers spent their time (and is slower for it)
  --customers  of the big shop of --only ${SCALE}; 1000000 unless told
  --only     rows whose name holds NAME: ${rows.map((row) => row.name).join(', ')};
             or one that only runs when it is named: ${Object.keys(scenarios).join(', ')}
`;

const PLAN: Plan = {
  rounds: 5,
  roundsLeast: 3,
  cellSeconds: 8,
  roundSeconds: 0.6,
  warmUpSeconds: 0.4,
  firstWarmUpSeconds: 1,
  roundOperationsMax: 3_000,
};
const QUICK: Plan = {
  rounds: 3,
  roundsLeast: 3,
  cellSeconds: 0,
  roundSeconds: 0.05,
  warmUpSeconds: 0.02,
  firstWarmUpSeconds: 0.02,
  roundOperationsMax: 100,
};

interface Options {
  plan: Plan;
  engines: EngineName[];
  rows: Row[];
  clients: number[];
  json: string | undefined;
  profile: boolean;
  /** Instead of the rows. */
  scenario: ((engine: EngineName, profiles?: string) => Promise<string>) | undefined;
}

interface RowResult {
  row: string;
  floor: string;
  note: string | undefined;
  cells: Cell[];
}

const stopping = new Set<Engine>();

async function main(): Promise<void> {
  const options = readOptions();
  process.once('exit', () => {
    for (const engine of stopping) engine.stopNow();
  });
  process.once('SIGINT', () => process.exit(130));
  process.once('SIGTERM', () => process.exit(143));

  const { plan } = options;
  const cores = cpus();
  const machine = {
    node: process.version,
    cpus: cores.length,
    model: cores[0]?.model ?? 'unknown',
    load_average: Number((loadavg()[0] as number).toFixed(2)),
    sync_ms: Number(syncMs().toFixed(3)),
    at: new Date().toISOString(),
  };
  print(`Zeton bench, ${machine.at}
Node ${machine.node}, ${machine.cpus} CPUs (${machine.model}), load average before it ${machine.load_average}
4 KiB written and synced to this disk: ${machine.sync_ms} ms
Each cell: ${plan.rounds} rounds of Zeton and ${plan.rounds} of its floor in turn (${plan.roundsLeast} where it is slow), about ${plan.roundSeconds} s each.
Medians of the rounds; ratio = Zeton's ops/s divided by those of the floor round right after it (least to most).
HTTP: app and floor are processes of their own, asked from this one. Replies and orders: use cases in this process.
`);
  if (options.scenario) {
    for (const name of options.engines) {
      const profiles = options.profile ? makeFolder() : undefined;
      print(`\n${name}: ${await options.scenario(name, profiles)}`);
      if (profiles) removeFolder(profiles);
    }
    return;
  }
  const results = [];
  for (const name of options.engines) results.push(await benchEngine(name, options));
  if (options.json) {
    writeFileSync(options.json, `${JSON.stringify({ machine, plan, engines: results }, null, 2)}\n`);
  }
}

async function benchEngine(name: EngineName, options: Options) {
  progress(`${name}: a shop is made`);
  const engine = await startEngine(name);
  stopping.add(engine);
  const profiles = options.profile ? makeFolder() : undefined;
  const world = await openWorld(engine, { profiles });
  const description = await engine.describe();
  const results: RowResult[] = [];
  for (const row of options.rows) {
    const opened = await row.open(world);
    const cells: Cell[] = [];
    progress(`${name}: ${row.name}, warming up`);
    for (const side of [opened.measured, opened.floor]) {
      const { firstWarmUpSeconds: warmUpSeconds } = options.plan;
      if (side) await warmUp(side, options.clients[0] as number, { ...options.plan, warmUpSeconds });
    }
    for (const clients of options.clients) {
      progress(`${name}: ${row.name}, ${clients} clients`);
      cells.push(await compare(opened.measured, opened.floor, clients, options.plan));
    }
    await opened.check?.();
    results.push({ row: row.name, floor: row.floor, note: opened.note, cells });
  }
  await world.close();
  stopping.delete(engine);
  engine.stopNow();
  print(tableOf(description, results));
  if (profiles) {
    print(`\n${topCosts(profiles)}`);
    removeFolder(profiles);
  }
  return { engine: name, description, rows: results };
}

const WIDTHS = [18, 7, 9, 9, 9, 13, 11, 8, 13];

function tableOf(description: string, results: RowResult[]): string {
  const line = (cells: string[]) =>
    cells
      .map((cell, index) =>
        index === 0 ? cell.padEnd(WIDTHS[0] as number) : cell.padStart(WIDTHS[index] ?? 0),
      )
      .join('')
      .trimEnd();
  const head = ['', 'clients', 'ops/s', 'p50 ms', 'p99 ms', 'floor ops/s', 'floor p50', 'ratio', ''];
  const body = results.flatMap(({ row, cells }) =>
    cells.map(({ clients, measured, floor, ratio }, index) =>
      line([
        index === 0 ? row : '',
        String(clients),
        measured.opsPerSecond.toFixed(0),
        measured.p50Ms.toFixed(2),
        measured.p99Ms.toFixed(2),
        floor?.opsPerSecond.toFixed(0) ?? '-',
        floor?.p50Ms.toFixed(2) ?? '-',
        ratio?.median.toFixed(2) ?? '-',
        ratio ? `${ratio.least.toFixed(2)}-${ratio.most.toFixed(2)}` : '',
      ]),
    ),
  );
  const notes = results.map(
    ({ row, floor, note }) => `  ${row}: floor = ${floor}${note === undefined ? '' : `. ${note}`}`,
  );
  return `\n${description}\n\n${line(head)}\n${body.join('\n')}\n\n${notes.join('\n')}\n`;
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean' },
      engine: { type: 'string' },
      only: { type: 'string' },
      clients: { type: 'string', default: '1,8,32' },
      json: { type: 'string' },
      profile: { type: 'boolean', default: false },
      customers: { type: 'string', default: '1000000' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) {
    print(USAGE);
    process.exit(0);
  }
  const engines = ENGINES.filter((name) => values.engine === undefined || name === values.engine);
  const chosen = rows.filter((row) => row.name.includes(values.only ?? ''));
  const clients = values.clients.split(',').map(Number);
  if (engines.length === 0) throw new Error(`no engine ${values.engine}`);
  const scenario = scenarios[values.only ?? ''];
  if (chosen.length === 0 && !scenario) throw new Error(`no row whose name holds ${values.only}`);
  if (!clients.every((count) => Number.isInteger(count) && count >= 1 && count <= 1_000)) {
    throw new Error(`--clients ${values.clients}: expected whole numbers, like 1,8,32`);
  }
  return {
    plan: values.quick ? QUICK : PLAN,
    ...{ engines, clients, rows: chosen, json: values.json, profile: values.profile },
    scenario:
      scenario &&
      ((engine, profiles) =>
        scenario(engine, { quick: values.quick === true, customers: Number(values.customers), profiles })),
  };
}

function print(text: string): void {
  process.stdout.write(text);
}

function progress(text: string): void {
  process.stderr.write(`… ${text}\n`);
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(
      `bench: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
    );
    process.exit(1);
  },
);
