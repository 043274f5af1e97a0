import type { Express } from 'express';
import type { Knex } from 'knex';
import { buildApp } from '../../src/app';
import { type Config, readConfig } from '../../src/config';
import type { JobName } from '../../src/jobs';
import { makeLog } from '../../src/platform/log';
import { makeVault } from '../../src/platform/secrets';
import type { Context, Gateways } from '../../src/usecases/context';
import { TestClock } from './clock';
import type { TestEngine } from './databases';
import { type RecordingGateways, recordGateways } from './gateways';

export { TestClock };

/** Signs the recordings under tests/fixtures/woocommerce/webhooks. */
export const WEBHOOK_SECRET = 'wc-webhook-secret-fixture';
export const TOKEN = 'environment-token-of-the-tests';
const SECRET_KEY = 'secret key of the tests, 32 characters and more';

export const TEST_ENV: Record<string, string> = {
  SECRET_KEY,
  BOOTSTRAP_API_TOKEN: TOKEN,
  WOOCOMMERCE_WEBHOOK_SECRET: WEBHOOK_SECRET,
  PUBLIC_URL: 'https://help.example.com',
};

export interface TestApp {
  /** For supertest: request(app.http).get(…) */
  http: Express;
  ctx: Context;
  db: Knex;
  /** DATABASE_URL, for a second app or process on the same database. */
  url: string;
  config: Config;
  clock: TestClock;
  gateways: RecordingGateways;
  /** BOOTSTRAP_API_TOKEN: all scopes. */
  token: string;
  /** What was logged, all of it at level trace. */
  logs(): string;
  setupLink(): Promise<string | null>;
  /** One batch of a job; the job loops do not run in tests. */
  runJob(name: JobName): Promise<number>;
  /** Inbox and outbox until both find nothing that is due. */
  drain(): Promise<void>;
  /** The job loops, for a test that wants them; it also has to close(). */
  start(): void;
  close(): Promise<void>;
}

export interface TestAppOptions {
  /** Added to TEST_ENV; undefined removes a variable. */
  env?: Record<string, string | undefined>;
  /** Where the clock stands; the recordings are of the evening before. */
  at?: string;
  /** Shared with a fake shop. */
  clock?: TestClock;
  poolMax?: number;
  /** Another app on the database of this one, as a second process would be; with a clock of its own, or that one. */
  beside?: TestApp;
}

/** The real app on a database of its own: only time and the outside world are the test's. */
export async function makeTestApp(engine: TestEngine, options: TestAppOptions = {}): Promise<TestApp> {
  const { db, url } = options.beside ?? (await engine.freshDatabase({ poolMax: options.poolMax }));
  const config = readConfig({ DATABASE_URL: url, ...TEST_ENV, ...options.env });
  const clock =
    options.beside?.clock ?? options.clock ?? new TestClock(options.at ?? '2026-11-22T12:00:00.000Z');
  const lines: string[] = [];
  let recorded: RecordingGateways | undefined;
  const app = buildApp(config, {
    db,
    clock,
    chance: () => 1,
    log: makeLog('trace', { write: (line) => void lines.push(line) }),
    gateways(defaults: Gateways) {
      const wrapped = recordGateways(defaults);
      recorded = wrapped.recorded;
      return wrapped.gateways;
    },
  });
  await app.prepare();
  if (!recorded) throw new Error('buildApp() asked for no gateways');

  return {
    http: app.http,
    ctx: app.ctx,
    db,
    url,
    config,
    clock,
    gateways: recorded,
    token: TOKEN,
    logs: () => lines.join(''),
    setupLink: () => app.setupLink(),
    runJob: (name) => app.runJob(name),
    async drain() {
      for (let round = 0; round < 10_000; round++) {
        const handled = [];
        for (const job of ['inbox', 'outbox.email', 'outbox.sms'] as const)
          handled.push(await app.runJob(job));
        if (handled.every((count) => count === 0)) return;
      }
      throw new Error('inbox and outbox do not come to an end');
    },
    start: () => app.start(),
    close: () => app.close(),
  };
}

/** As makeTestApp() seals and signs, for tests that look into the database. */
export const testVault = makeVault(SECRET_KEY);
