import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Knex } from 'knex';
import { type App, buildApp } from '../../src/app';
import { readConfig } from '../../src/config';
import { makeWooCommerce } from '../../src/gateways/woocommerce';
import type { JobName } from '../../src/jobs';
import type { Ids } from '../../src/platform/ids';
import { limits } from '../../src/platform/limits';
import { makeLog } from '../../src/platform/log';
import { TEST_ENV, TOKEN } from '../support/app';
import type { TestClock } from '../support/clock';

export interface Answer {
  status: number;
  body: ReturnType<JSON['parse']>;
}

/** A shop that is down is asked again at once: the pauses between are real time, and nothing would happen in them. */
const IMPATIENT = { ...limits, wooRetryFirstMs: 1, wooRetryCapMs: 1 };

/**
 * The real app behind a real address, that can be taken away and built again on the same database. Its jobs are run by
 * the simulation, its ids and its clock are the simulation's, so that a seed always comes to the same end.
 */
export class Zeton {
  app: App | null = null;
  /** What it logged at level error: that a person must act. */
  readonly errors: string[] = [];
  private readonly server: Server;
  private readonly ids: Ids;
  private keys = 0;

  private constructor(
    readonly db: Knex,
    private readonly databaseUrl: string,
    private readonly clock: TestClock,
  ) {
    this.ids = idsBy(clock);
    this.server = createServer((req, res) => {
      if (this.app) this.app.http(req, res);
      else req.socket.destroy();
    });
  }

  static async at(database: { db: Knex; url: string }, clock: TestClock): Promise<Zeton> {
    const zeton = new Zeton(database.db, database.url, clock);
    await new Promise<void>((resolve) => zeton.server.listen(0, '127.0.0.1', resolve));
    await zeton.up();
    return zeton;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** A new process: nothing is left of the one before but what the database has. */
  async up(): Promise<void> {
    if (this.app) return;
    const { WOOCOMMERCE_WEBHOOK_SECRET: _, ...env } = TEST_ENV;
    const config = readConfig({ ...env, DATABASE_URL: this.databaseUrl, PUBLIC_URL: this.url });
    const app = buildApp(config, {
      db: this.db,
      clock: this.clock,
      ids: this.ids,
      chance: () => 0.5,
      log: makeLog('error', { write: (line) => void this.errors.push(line) }),
      gateways: (defaults) => ({
        ...defaults,
        woocommerce: makeWooCommerce({ clock: this.clock, limits: IMPATIENT }),
      }),
    });
    await app.prepare();
    this.app = app;
  }

  async down(): Promise<void> {
    const { app } = this;
    this.app = null;
    await app?.close();
  }

  async close(): Promise<void> {
    await this.down();
    this.server.closeAllConnections();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  /** Nothing while it is down. */
  async runJob(name: JobName): Promise<number> {
    return (await this.app?.runJob(name)) ?? 0;
  }

  async api(method: 'GET' | 'POST' | 'PATCH', path: string, body?: unknown): Promise<Answer> {
    const answer = await fetch(`${this.url}/api/v1${path}`, {
      method,
      headers: {
        Authorization: `Bearer ${TOKEN}`,
        ...(method === 'GET' ? {} : { 'Content-Type': 'application/json' }),
        ...(method === 'POST' ? { 'Idempotency-Key': `key-${++this.keys}` } : {}),
      },
      body: method === 'GET' ? undefined : JSON.stringify(body ?? {}),
    });
    const text = await answer.text();
    if (answer.status >= 500) throw new Error(`${method} ${path} was answered ${answer.status}: ${text}`);
    return { status: answer.status, body: JSON.parse(text) };
  }

  /** The same where anything but success is a mistake of the simulation. */
  async must(method: 'GET' | 'POST' | 'PATCH', path: string, body?: unknown): Promise<Answer['body']> {
    const answer = await this.api(method, path, body);
    if (answer.status < 300) return answer.body;
    throw new Error(
      `${method} ${path} was answered ${answer.status}: ${JSON.stringify(answer.body)} to ${JSON.stringify(body)}`,
    );
  }
}

/** UUIDv7 by the simulated clock, numbered: they sort by the time at which they were made. */
function idsBy(clock: TestClock): Ids {
  let made = 0;
  const hex = (value: number, digits: number) => value.toString(16).padStart(digits, '0');
  return {
    next() {
      made += 1;
      const time = hex(clock.now().getTime(), 12);
      return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-${hex(made, 12)}`;
    },
  };
}
