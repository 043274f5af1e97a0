import { closeSync, fdatasyncSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { onAdminConnection, withDatabaseName } from '../support/postgres-admin';
import { startPostgres } from '../support/postgres-server';
import { makeFolder, removeFolder } from '../support/temporary-folders';
import { openBare, pragmasOf } from './bare';
import { median } from './measure';

export type EngineName = 'sqlite' | 'postgres';
export const ENGINES: EngineName[] = ['sqlite', 'postgres'];

/** An empty database as it would be in service. */
export interface Engine {
  name: EngineName;
  url: string;
  /** Version and settings, as the database itself states them. */
  describe(): Promise<string>;
  /** Also safe in an 'exit' handler. */
  stopNow(): void;
}

export function startEngine(name: EngineName): Promise<Engine> {
  return name === 'sqlite' ? startSqlite() : startPostgresEngine();
}

async function startSqlite(): Promise<Engine> {
  const folder = makeFolder();
  const url = `sqlite:${join(folder, 'bench.sqlite')}`;
  return {
    name: 'sqlite',
    url,
    async describe() {
      const pragmas = Object.entries(await pragmasOf(url)).map(([key, value]) => `${key}=${String(value)}`);
      const bare = await openBare(url);
      const { rows } = await bare.query('SELECT sqlite_version() AS version', [], true);
      await bare.close();
      return `SQLite ${String(rows[0]?.version)}, a file with ${pragmas.join(' ')} (synchronous=2 is FULL)`;
    },
    stopNow: () => removeFolder(folder),
  };
}

const SETTINGS = ['fsync', 'synchronous_commit', 'full_page_writes', 'autovacuum', 'shared_buffers'];

/** ZETON_TEST_POSTGRES_URL: that server instead of one of our own. */
async function startPostgresEngine(): Promise<Engine> {
  const given = process.env.ZETON_TEST_POSTGRES_URL;
  const server = given ? null : await startPostgres({ durable: true });
  const adminUrl = given ?? server?.url ?? '';
  const database = `zeton_bench_${process.pid}`;
  try {
    await onAdminConnection(adminUrl, (sql) => sql(`CREATE DATABASE ${database} TEMPLATE template0`));
  } catch (error) {
    server?.stopNow();
    throw error;
  }
  const url = withDatabaseName(adminUrl, database);
  return {
    name: 'postgres',
    url,
    async describe() {
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      const show = async (name: string) => Object.values((await client.query(`SHOW ${name}`)).rows[0])[0];
      const version = await show('server_version');
      const settings: string[] = [];
      for (const name of SETTINGS) settings.push(`${name}=${String(await show(name))}`);
      await client.end();
      return `PostgreSQL ${String(version)}${given ? ' (ZETON_TEST_POSTGRES_URL)' : ''} with ${settings.join(' ')}`;
    },
    stopNow() {
      if (server) return server.stopNow();
      process.stderr.write(
        `The database ${database} was left behind: DROP DATABASE ${database} WITH (FORCE)\n`,
      );
    },
  };
}

/** What a commit costs here at the least: milliseconds to bring 4 KiB to the disk, in the folder of the databases. */
export function syncMs(): number {
  const folder = makeFolder();
  const path = join(folder, 'sync');
  const file = openSync(path, 'w');
  const block = Buffer.alloc(4096, 1);
  const times = Array.from({ length: 50 }, () => {
    const start = performance.now();
    writeSync(file, block);
    fdatasyncSync(file);
    return performance.now() - start;
  });
  closeSync(file);
  unlinkSync(path);
  removeFolder(folder);
  return median(times);
}
