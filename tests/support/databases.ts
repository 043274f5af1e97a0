import { copyFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Knex } from 'knex';
import { openDatabase } from '../../src/platform/db';
import { onAdminConnection, withDatabaseName } from './postgres-admin';

export type EngineName = 'sqlite' | 'postgres';

export interface TestDatabase {
  db: Knex;
  /** For a second pool, or a second process, on the same database. */
  url: string;
  /** Done after the test anyway. */
  destroy(): Promise<void>;
}

export interface TestEngine {
  name: EngineName;
  /**
   * A migrated database of its own. It lives until the end of the test that opened it, or, opened in `beforeAll`,
   * until the end of the describe block.
   *
   * One connection unless asked otherwise, as SQLite always has, and a short wait for it: `db` used where `trx`
   * was meant then fails on both engines instead of passing on PostgreSQL.
   */
  freshDatabase(options?: { poolMax?: number }): Promise<TestDatabase>;
}

/** What global-setup.ts tells the workers, through ZETON_TEST_RUN. */
export interface TestRun {
  folder: string;
  sqliteTemplate?: string;
  postgres?: { adminUrl: string; template: string };
}

const ALL_ENGINES: EngineName[] = ['sqlite', 'postgres'];
const ACQUIRE_TIMEOUT_MS = 2_000;

/** Both, unless ZETON_TEST_ENGINES names one. */
export function chosenEngines(): EngineName[] {
  const wanted = process.env.ZETON_TEST_ENGINES?.split(',') ?? ALL_ENGINES;
  const unknown = wanted.filter((name) => !ALL_ENGINES.some((known) => known === name));
  if (unknown.length > 0) throw new Error(`ZETON_TEST_ENGINES: no engine "${unknown.join(',')}"`);
  return ALL_ENGINES.filter((name) => wanted.includes(name));
}

/** One test, both engines. */
export function describeEachEngine(
  name: string,
  body: (engine: TestEngine) => void,
  engines: EngineName[] = chosenEngines(),
): void {
  for (const engine of engines) {
    describe(`${name} (${engine})`, () => {
      const openedHere = new Set<TestDatabase>();
      const openedInTest = new Set<TestDatabase>();
      let inTest = false;
      beforeEach(() => {
        inTest = true;
      });
      body({
        name: engine,
        async freshDatabase(options) {
          const database = await openTestDatabase(engine, options?.poolMax ?? 1);
          (inTest ? openedInTest : openedHere).add(database);
          return database;
        },
      });
      // After the body's own hooks, which may still read: jest runs afterEach in the order of definition.
      afterEach(async () => {
        inTest = false;
        await destroyAll(openedInTest);
      });
      afterAll(() => destroyAll(openedHere));
    });
  }
}

async function destroyAll(databases: Set<TestDatabase>): Promise<void> {
  const all = [...databases];
  databases.clear();
  await Promise.all(all.map((database) => database.destroy()));
}

let opened = 0;

/** For who is no test: `describeEachEngine` closes what it opens. */
export async function openTestDatabase(engine: EngineName, poolMax: number): Promise<TestDatabase> {
  const run = JSON.parse(process.env.ZETON_TEST_RUN ?? '{}') as Partial<TestRun>;
  opened += 1;
  const name = `${process.env.JEST_WORKER_ID ?? '0'}_${process.pid}_${Date.now().toString(36)}_${opened}`;
  const { url, remove } = engine === 'sqlite' ? await copySqlite(run, name) : await clonePostgres(run, name);
  const db = openDatabase(url, { poolMax, acquireTimeoutMs: ACQUIRE_TIMEOUT_MS });
  let destroyed: Promise<void> | undefined;
  return {
    db,
    url,
    destroy() {
      destroyed ??= db.destroy().then(remove);
      return destroyed;
    },
  };
}

interface Copy {
  url: string;
  remove(): Promise<void>;
}

async function copySqlite({ folder, sqliteTemplate }: Partial<TestRun>, name: string): Promise<Copy> {
  if (!folder || !sqliteTemplate) throw new Error('no SQLite template: was global-setup.ts run?');
  const file = join(folder, `${name}.sqlite`);
  await copyFile(sqliteTemplate, file);
  return {
    url: `sqlite:${file}`,
    async remove() {
      for (const suffix of ['', '-wal', '-shm']) await rm(file + suffix, { force: true });
    },
  };
}

async function clonePostgres({ postgres }: Partial<TestRun>, name: string): Promise<Copy> {
  if (!postgres) throw new Error('no PostgreSQL template: was global-setup.ts run?');
  const { adminUrl, template } = postgres;
  const database = `${template}_${name}`;
  await onAdminConnection(adminUrl, (sql) => sql(`CREATE DATABASE ${database} TEMPLATE ${template}`));
  return {
    url: withDatabaseName(adminUrl, database),
    remove: () =>
      onAdminConnection(adminUrl, (sql) => sql(`DROP DATABASE IF EXISTS ${database} WITH (FORCE)`)),
  };
}
