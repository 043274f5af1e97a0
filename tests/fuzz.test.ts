import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type FuzzReport, runFuzz } from './fuzz/run';
import { makeShop, type Server, startServer } from './fuzz/world';
import { describeEachEngine } from './support/databases';

/** `npm run fuzz` sends twenty times as many, and says more. */
const REQUESTS = { sqlite: 5_000, postgres: 600 };
const SEED = 20261122;

describeEachEngine('hostile requests', (engine) => {
  let server: Server | undefined;
  let failuresIn: string;
  beforeEach(() => {
    failuresIn = mkdtempSync(join(tmpdir(), 'zeton-fuzz-'));
  });
  afterEach(async () => {
    await server?.kill();
    rmSync(failuresIn, { recursive: true });
  });

  function reached(report: FuzzReport, target: RegExp, what: string): number {
    const rows = [...report.answers].filter(([name]) => target.test(name));
    return rows.reduce((sum, [, row]) => sum + (row.get(what) ?? 0), 0);
  }

  it('are all answered, with nothing broken, lost, stuck or piled up behind them', async () => {
    const { url } = await engine.freshDatabase();
    const shop = await makeShop(url);
    server = await startServer(shop, 'sources', { LOG_LEVEL: 'warn' });
    const said: string[] = [];
    const say = (line: string) => void said.push(line);
    const report = await runFuzz(server, shop, {
      requests: REQUESTS[engine.name],
      seed: SEED,
      inFlight: 24,
      failuresIn,
      say,
    });
    // Each with the request that found it.
    const found = said.filter((line) => line.startsWith('FOUND'));
    expect([...report.faults, ...found]).toEqual([]);
    expect(report.requests).toBe(REQUESTS[engine.name]);
    // It got where it wanted to: not refused at the door, and not let through either.
    for (const target of [/^webhook order/, /^api/, /^page/]) {
      expect(reached(report, target, '2xx')).toBeGreaterThan(report.requests / 50);
      expect(reached(report, target, '4xx')).toBeGreaterThan(report.requests / 100);
    }
    expect(report.deliveries.done).toBeGreaterThan(report.requests / 50);
    expect(report.deliveries.failed).toBeGreaterThan(report.requests / 100);
    expect(await server.stop()).toBe(0);
  }, 600_000);
});
