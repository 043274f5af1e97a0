import { simulate, type YearReport } from './simulation/year';
import { describeEachEngine } from './support/databases';

/**
 * The short form of `npm run simulate`: fixed seeds, among them one with two shops. Years and a thousand months are run
 * by that command.
 */
const RUNS = [
  { seed: 3, days: 30 },
  { seed: 7, days: 45 },
];

describeEachEngine('some months in a shop', (engine) => {
  const reports: YearReport[] = [];
  const runs = engine.name === 'sqlite' ? RUNS : RUNS.slice(0, 1);

  test.each(runs)(
    'end as the oracle says: seed $seed, $days days',
    async (run) => {
      const database = await engine.freshDatabase({ poolMax: 2 });
      const report = await simulate(database, run);
      expect(report.failure).toBeNull();
      reports.push(report);
    },
    240_000,
  );

  if (runs.length < RUNS.length) return;
  test('had everything happen in them', () => {
    const sum = (of: (report: YearReport) => number) => reports.reduce((all, report) => all + of(report), 0);
    expect(reports).toHaveLength(RUNS.length);
    for (const fate of ['deliver', 'lose', 'fail', 'twice', 'hold']) {
      expect(sum(({ fates }) => fates[fate] ?? 0)).toBeGreaterThan(0);
    }
    for (const what of ['bought', 'paid late', 'refunded by line', 'refund deleted', 'trashed']) {
      expect(sum(({ done }) => done[what] ?? 0)).toBeGreaterThan(0);
    }
    expect(sum(({ found }) => found)).toBeGreaterThan(5);
    expect(sum(({ outages }) => outages)).toBeGreaterThan(2);
    expect(sum(({ disabled }) => disabled)).toBeGreaterThan(0);
    expect(sum(({ replies }) => replies)).toBeGreaterThan(20);
    expect(sum(({ sessions }) => sessions)).toBeGreaterThan(2);
    expect(sum(({ silentHours }) => silentHours.length)).toBeGreaterThan(0);
  });
});
