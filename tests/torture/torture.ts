import { parseArgs } from 'node:util';
import { ENGINES, type Engine, type EngineName, startEngine } from '../bench/engines';
import { killPrograms } from '../support/process';
import { type RoundReport, torture } from './run';
import type { Finding, Kind } from './verdict';

const USAGE = `npm run torture -- [--rounds N] [--db sqlite|postgres] [--servers N] [--seed S]

A Zeton server under load (signed webhooks, replies on every channel, video sessions) is killed with SIGKILL at random
moments and started again on the same database, while its mail server and SMS provider, a process of their own, are
slow, refuse, or cut the line after they have taken a message. After each round, when nothing waits any more, the
database is held against what the clients were answered and what the providers wrote down.

  --rounds N   rounds of one to three kills each (10)
  --db         the database (sqlite); postgres is the one that npm brings, or the server of ZETON_TEST_POSTGRES_URL
  --servers N  servers on the one database (1); each kill hits one of them, the others go on
  --seed S     a whole number that decides the load; printed at the start. When a kill hits which request still differs
               from run to run
  --help

Exit code 1 if anything is
  lost         answered with success and not there, or not worked off; paid for and not granted; sent, but not by us
  doubled      written, granted, sent or charged more often than once, or charged without the provider having taken it
  unverified   the ledger does not add up, something never came to an end, a request was answered 5xx
`;

const KINDS: Kind[] = ['lost', 'doubled', 'unverified'];

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '10' },
      db: { type: 'string', default: 'sqlite' },
      servers: { type: 'string', default: '1' },
      seed: { type: 'string' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) {
    print(USAGE);
    return 0;
  }
  const rounds = wholeNumber('--rounds', values.rounds, 10_000);
  const seed = wholeNumber('--seed', values.seed ?? String(Date.now() % 1_000_000), 2 ** 31);
  const name = ENGINES.find((known) => known === values.db);
  if (!name) throw new Error(`--db ${values.db}: expected ${ENGINES.join(' or ')}`);
  const engine = await startEngine(name);
  stopAtTheEnd(engine);
  return run(name, engine, { rounds, seed, servers: wholeNumber('--servers', values.servers, 8) });
}

async function run(
  name: EngineName,
  engine: Engine,
  options: { rounds: number; seed: number; servers: number },
): Promise<number> {
  const { rounds, seed, servers } = options;
  const again = `--db ${name} --rounds ${rounds} --servers ${servers} --seed ${seed}`;
  print(
    `Torture on ${name}: ${rounds} rounds, ${servers} server${servers > 1 ? 's' : ''}, seed ${seed} (${again})\n`,
  );
  print(`${line(HEAD)}\n`);
  let before: RoundReport | undefined;
  const report = await torture({
    databaseUrl: engine.url,
    ...options,
    onRound(round) {
      print(`${line(cellsOf(round, before))}\n`);
      for (const { kind, what } of round.findings) print(`        ${kind.toUpperCase()}: ${what}\n`);
      before = round;
    },
  });
  const last = report.rounds.at(-1) as RoundReport;
  const seconds = report.rounds.reduce((sum, round) => sum + round.seconds, 0);
  print(`${line(cellsOf({ ...last, seconds, findings: report.findings }, undefined, 'all'))}\n`);
  const slowest = Math.max(...report.rounds.map((round) => round.seconds));
  print(`\n${(seconds / rounds).toFixed(1)} s a round, the slowest ${slowest.toFixed(1)} s. `);
  print(`${report.evidence.messages.length} messages, ${report.evidence.orders.length} orders. `);
  print(`Log lines at level error: ${report.errorsLogged.length}\n`);
  for (const text of report.errorsLogged.slice(0, 5)) print(`  ${text.slice(0, 500)}\n`);
  const sums = KINDS.map((kind) => `${countOf(report.findings, kind)} ${kind}`).join(', ');
  print(`\n${name}, ${rounds} rounds, ${last.kills} kills of ${servers}, seed ${seed}: ${sums}\n`);
  return report.findings.length === 0 ? 0 : 1;
}

const COUNTED = [
  'kills',
  'webhooks',
  'acknowledged',
  'replies',
  'sessions',
  'providerCalls',
  'uncertain',
  'mailsRepeated',
] as const;
const HEAD = [
  'round',
  'kills',
  'webhooks',
  'acked',
  'replies',
  'video',
  'calls',
  'uncertain',
  'mails again',
  ...KINDS,
  's',
];

/** Of this round alone, or of all without the one before. */
function cellsOf(round: RoundReport, before: RoundReport | undefined, name = String(round.round)): string[] {
  return [
    name,
    ...COUNTED.map((count) => String(round[count] - (before?.[count] ?? 0))),
    ...KINDS.map((kind) => String(countOf(round.findings, kind))),
    round.seconds.toFixed(1),
  ];
}

function countOf(findings: Finding[], kind: Kind): number {
  return findings.filter((finding) => finding.kind === kind).length;
}

function line(cells: string[]): string {
  return cells.map((cell, index) => cell.padStart(Math.max(8, (HEAD[index] ?? '').length + 2))).join('');
}

function wholeNumber(name: string, text: string, most: number): number {
  const number = Number(text);
  if (!/^\d+$/.test(text) || number < 1 || number > most) {
    throw new Error(`${name} ${text}: expected a whole number from 1 to ${most}`);
  }
  return number;
}

function stopAtTheEnd(engine: Engine): void {
  process.once('exit', () => {
    killPrograms();
    engine.stopNow();
  });
  process.once('SIGINT', () => process.exit(130));
  process.once('SIGTERM', () => process.exit(143));
}

function print(text: string): void {
  process.stdout.write(text);
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(
      `torture: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
    );
    process.exit(1);
  },
);
