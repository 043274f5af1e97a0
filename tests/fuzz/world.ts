import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Knex } from 'knex';
import { buildApp } from '../../src/app';
import { readConfig } from '../../src/config';
import { addPerson, hashPassword, openSession } from '../../src/domain/staff';
import { findStoreBySlug, type Store } from '../../src/domain/stores';
import { systemActor } from '../../src/platform/actor';
import { openDatabase, withTransaction } from '../../src/platform/db';
import { makeLog } from '../../src/platform/log';
import { COOKIES } from '../../src/ui/cookies';
import { addTokenForStores } from '../../src/usecases/add-token';
import { connectStoreIn } from '../../src/usecases/connect-store';
import { momentOf } from '../../src/usecases/context';
import { makePackage } from '../support/shop';
import type { Browser } from './targets';
import { faultOfLine, type LogLine } from './verdicts';

const ROOT = join(__dirname, '..', '..');
export const WEBHOOK_SECRET = 'wc-webhook-secret-fixture';
const PASSWORD = 'a password of the fuzz';

/** A shop in a database, and who may what there. */
export interface Shop {
  env: Record<string, string>;
  token: string;
  desk: Browser;
  expendable: Browser;
}

/** Packages that the recorded orders buy, a second store that requests may change, and two people. */
export async function makeShop(url: string): Promise<Shop> {
  const env = {
    DATABASE_URL: url,
    SECRET_KEY: 'secret key of the fuzz, 32 characters and more',
    WOOCOMMERCE_WEBHOOK_SECRET: WEBHOOK_SECRET,
    // Requests come from many addresses: one is soon refused to sign in.
    TRUST_PROXY: '1',
    PORT: '0',
  };
  const app = buildApp(readConfig(env), { log: makeLog('warn', process.stderr) });
  try {
    await app.prepare();
    const { ctx } = app;
    const store = (await findStoreBySlug(ctx.db, 'default')) as Store;
    for (const sku of ['SUP-START', 'SUP-PREM-SMS10', 'SUP-PREM-VIDEO3']) {
      await makePackage(ctx, store, sku, { sms: 10, email: 20, video: 3, request: 5, any: 10 });
    }
    await makePackage(
      ctx,
      store,
      'SUP-PRO',
      { sms: 5, email: 5 },
      { scope: 'ticket', validityDays: 30, smsUnit: 'segment' },
    );
    await withTransaction(ctx.db, (trx) =>
      connectStoreIn(trx, ctx, systemActor, { slug: 'other', name: 'Other' }),
    );
    const { token } = await addTokenForStores(ctx.db, momentOf(ctx, systemActor), {
      name: 'fuzz',
      scopes: 'all',
      storeSlugs: null,
    });
    const passwordHash = await hashPassword(PASSWORD);
    const browser = async (email: string): Promise<Browser> => {
      const moment = momentOf(ctx, systemActor);
      const opened = await withTransaction(ctx.db, async (trx) => {
        const { id } = await addPerson(trx, moment, { email, name: 'Carol', role: 'owner', passwordHash });
        return openSession(trx, moment, id);
      });
      return { cookie: `${COOKIES.session}=${opened.token}`, csrf: opened.session.csrfToken };
    };
    const desk = await browser('carol@example.com');
    return { env, token, desk, expendable: await browser('bob@example.com') };
  } finally {
    await app.close();
  }
}

export interface Memory {
  heapBytes: number;
  rssBytes: number;
  /** Used by the process so far. */
  cpuSeconds: number;
}

/** src/main.ts, or its build, as a process of its own. */
export interface Server {
  port: number;
  db: Knex;
  /** What the log says against it, with how often. */
  faults: Map<string, number>;
  /** Deliveries that were parked because their body is no order. */
  parked(): number;
  /** After everything was collected that can be. */
  memory(): Promise<Memory>;
  /** null: it runs. */
  died(): string | null;
  /** SIGTERM; says how it ended. */
  stop(): Promise<number | NodeJS.Signals | null>;
  /** At once, and whatever state it is in. */
  kill(): Promise<void>;
}

const READY = /Zeton listens on http:\/\/127\.0\.0\.1:(\d+) /;

export async function startServer(
  shop: Shop,
  from: 'sources' | 'build',
  env: Record<string, string> = {},
): Promise<Server> {
  const program =
    from === 'build'
      ? [join(ROOT, 'dist', 'src', 'main.js')]
      : ['-r', require.resolve('../support/run-typescript.cjs'), join(ROOT, 'src', 'main.ts')];
  const child = spawn(process.execPath, ['--expose-gc', '-r', join(__dirname, 'inside.cjs'), ...program], {
    cwd: ROOT,
    // test: every answer of the API is held to its documented shape.
    env: { PATH: process.env.PATH, NODE_ENV: 'test', ...shop.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const faults = new Map<string, number>();
  let parked = 0;
  let died: string | null = null;
  let stderr = '';
  const ended = new Promise<number | NodeJS.Signals | null>((resolve) => {
    child.once('close', (code, signal) => {
      died = `ended with ${String(signal ?? code)}: ${stderr.slice(-2000)}`;
      resolve(signal ?? code);
    });
  });
  child.stderr?.on('data', (data: Buffer) => {
    stderr = (stderr + data.toString()).slice(-10_000);
    if (stderr.trim() !== '') faults.set(`stderr: ${stderr.trim().slice(0, 500)}`, 1);
  });
  const port = await new Promise<number>((resolve, reject) => {
    void ended.then(() => reject(new Error(`the server ${String(died)}`)));
    eachLine(child, (line) => {
      const ready = READY.exec(line);
      if (ready) resolve(Number(ready[1]));
      if (!/"level":[456]0/.test(line)) return;
      const entry = JSON.parse(line) as LogLine;
      if (entry.msg === 'delivery parked as failed' && !entry.err) parked += 1;
      const fault = faultOfLine(entry);
      if (fault) faults.set(fault, (faults.get(fault) ?? 0) + 1);
    });
  });
  const db = openDatabase(shop.env.DATABASE_URL as string, { poolMax: 1 });
  return {
    ...{ port, db, faults },
    parked: () => parked,
    died: () => died,
    async memory() {
      interface Figures {
        memory: NodeJS.MemoryUsage;
        cpu: NodeJS.CpuUsage;
      }
      const { memory, cpu } = await new Promise<Figures>((resolve, reject) => {
        void ended.then(() => reject(new Error(`the server ${String(died)}`)));
        child.once('message', resolve);
        child.send('memory');
      });
      return {
        heapBytes: memory.heapUsed + memory.external,
        rssBytes: memory.rss,
        cpuSeconds: (cpu.user + cpu.system) / 1e6,
      };
    },
    async stop() {
      await db.destroy();
      child.kill('SIGTERM');
      return ended;
    },
    async kill() {
      child.kill('SIGKILL');
      await ended;
      await db.destroy();
    },
  };
}

function eachLine(child: ChildProcess, look: (line: string) => void): void {
  let rest = '';
  child.stdout?.on('data', (data: Buffer) => {
    const lines = (rest + data.toString()).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) look(line);
  });
}
