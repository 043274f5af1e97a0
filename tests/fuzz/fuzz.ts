import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type EngineName, startEngine } from '../bench/engines';
import { replay } from './replay';
import { describeReport } from './report';
import { runFuzz } from './run';
import { makeShop, startServer } from './world';

const USAGE = `npm run fuzz -- [--requests 100000] [--seed S] [--db sqlite|postgres] [--in-flight 24]
npm run fuzz -- --replay FILE [--db sqlite|postgres]
`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      requests: { type: 'string', default: '100000' },
      seed: { type: 'string', default: String(Date.now() % 1e9) },
      db: { type: 'string', default: 'sqlite' },
      'in-flight': { type: 'string', default: '24' },
      replay: { type: 'string' },
    },
  });
  if (values.db !== 'sqlite' && values.db !== 'postgres') throw new Error(USAGE);
  const requests = Number(values.requests);
  const seed = Number(values.seed);
  const inFlight = Number(values['in-flight']);
  if (![requests, seed, inFlight].every((number) => Number.isSafeInteger(number) && number >= 0))
    throw new Error(USAGE);
  const say = (line: string) => void process.stdout.write(`${line}\n`);

  const engine = await startEngine(values.db satisfies EngineName);
  process.once('exit', () => engine.stopNow());
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
  const shop = await makeShop(engine.url);
  const server = await startServer(shop, 'build');
  process.once('exit', () => void server.kill());
  if (values.replay !== undefined) return (await replay(server, shop, values.replay, say)) === null ? 0 : 1;

  say(`${await engine.describe()}\nseed ${seed}, ${requests} requests, ${inFlight} in flight`);
  const failuresIn = join(__dirname, '..', '..', 'data', 'fuzz');
  const report = await runFuzz(server, shop, { requests, seed, inFlight, failuresIn, say });
  const ended = await server.stop();
  if (ended !== 0) report.faults.push(`told to stop, the server ended with ${String(ended)}`);
  say(describeReport(report));
  return report.faults.length === 0 ? 0 : 1;
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    process.exit(2);
  },
);
