import fc from 'fast-check';
import { describeEachEngine } from '../../support/databases';
import { CUSTOMERS, ledgerCommands } from '../../support/ledger-commands';
import { LedgerModel } from '../../support/ledger-model';
import { LedgerWorld } from '../../support/ledger-world';

type Failure = Pick<
  fc.RunDetails<unknown>,
  'seed' | 'counterexample' | 'counterexamplePath' | 'numShrinks' | 'errorInstance'
>;

/*
 * Random lives of a shop's credits, step by step beside a model of DESIGN §3 (tests/support/ledger-model.ts).
 *
 * By default the same sequences every time, so that CI judges the commit and not the dice.
 *   ZETON_RUNS=2000   that many new random sequences on each engine (ZETON_TEST_ENGINES=sqlite for one engine)
 *   ZETON_SEED=…      with the seed, path and replay path that a failure prints: exactly the shrunken case again
 *   ZETON_PATH=…      ZETON_REPLAY=…
 */
const { ZETON_RUNS, ZETON_SEED, ZETON_PATH, ZETON_REPLAY } = process.env;
const FIXED_SEED = 20261121;
const DEFAULT_RUNS = { sqlite: 25, postgres: 4 };
const COMMANDS_MAX = 60;

describeEachEngine('The credit ledger beside its model', (engine) => {
  const numRuns = ZETON_RUNS === undefined ? DEFAULT_RUNS[engine.name] : Number(ZETON_RUNS);

  test(
    'whatever happens to orders, holds, the clock and by hand, ledger and model agree after each step',
    async () => {
      let steps = 0;
      const commands = fc.commands(ledgerCommands, {
        maxCommands: COMMANDS_MAX,
        size: 'max',
        ...(ZETON_REPLAY === undefined ? {} : { replayPath: ZETON_REPLAY }),
      });
      const property = fc.asyncProperty(commands, async (sequence) => {
        const { db, destroy } = await engine.freshDatabase();
        // Nobody pulls the plug here; waiting for the disk would be half of the time.
        if (engine.name === 'sqlite') await db.raw('PRAGMA synchronous = OFF');
        try {
          const model = new LedgerModel(CUSTOMERS);
          const real = await new LedgerWorld(db).open(CUSTOMERS);
          await fc.asyncModelRun(() => ({ model, real }), sequence);
          steps += real.compared;
        } finally {
          await destroy();
        }
      });
      const seed =
        ZETON_SEED === undefined ? (ZETON_RUNS === undefined ? FIXED_SEED : Date.now()) : Number(ZETON_SEED);
      const result = await fc.check(property, {
        numRuns,
        seed,
        ...(ZETON_PATH === undefined ? {} : { path: ZETON_PATH }),
      });
      if (result.failed) throw new Error(reportOf(result));
      if (ZETON_RUNS)
        console.info(`${engine.name}, seed ${seed}: ${result.numRuns} sequences, ${steps} steps`);
    },
    Math.max(120_000, numRuns * 20_000),
  );
});

/** What happened, in the shortest form that was found, and how to see it again. */
function reportOf({ seed, counterexample, counterexamplePath, numShrinks, errorInstance }: Failure): string {
  const [sequence] = counterexample as [unknown];
  const [listed = '', replay = ''] = String(sequence).split(/\s*\/\*replayPath="(.*)"\*\//);
  return [
    `Ledger and model disagree (seed ${seed}, ${numShrinks} times made shorter). After these steps:`,
    ...listed.split(/,(?=[a-z])/).map((step) => `  ${step}`),
    'Again:',
    `  ZETON_SEED=${seed} ZETON_PATH=${counterexamplePath} ZETON_REPLAY=${replay} npx jest ledger-model`,
    errorInstance instanceof Error ? (errorInstance.stack ?? errorInstance.message) : String(errorInstance),
  ].join('\n');
}
