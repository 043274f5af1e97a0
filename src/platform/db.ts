import { mkdirSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import makeKnex, { type Knex } from 'knex';
import pg from 'pg';
import { isRetryable, lockMigrations } from './dialect';
import { afterConnect, HurriedPgClient, ImmediateSqliteClient, pgSettings } from './drivers';
import { limits } from './limits';

/** A pool or a transaction: every verb takes one as its first argument. */
export type Db = Knex;
export type Trx = Knex.Transaction;

const SQLITE_PRAGMAS = [
  'PRAGMA journal_mode = WAL',
  // An acknowledged order survives a power cut.
  'PRAGMA synchronous = FULL',
  'PRAGMA foreign_keys = ON',
  `PRAGMA busy_timeout = ${limits.sqliteBusyTimeoutMs}`,
].join(';');

/** Knex would print to the console, past the log; whatever it warns of is thrown as well. */
const QUIET = { warn() {}, error() {}, deprecate() {}, debug() {} };

interface SqliteConnection {
  exec(sql: string, done: (error: Error | null) => void): void;
}

/**
 * Opens a pool.
 * Shape: 'sqlite:./data/zeton.sqlite' | 'sqlite::memory:' | 'postgres://…' → Knex
 * Units: statementMs is for PostgreSQL: no statement takes longer, even if the server says nothing any more
 */
export function openDatabase(
  url: string,
  options: { poolMax?: number; acquireTimeoutMs?: number; statementMs?: number } = {},
): Knex {
  const acquireConnectionTimeout = options.acquireTimeoutMs ?? limits.databaseAcquireTimeoutMs;
  if (url.startsWith('sqlite:')) {
    const filename = url.slice('sqlite:'.length);
    if (filename !== ':memory:') mkdirSync(dirname(filename), { recursive: true });
    return makeKnex({
      client: ImmediateSqliteClient as unknown as typeof Knex.Client,
      connection: { filename },
      useNullAsDefault: true,
      log: QUIET,
      // Values of a query are personal data: an error names the statement with its placeholders only.
      compileSqlOnError: false,
      acquireConnectionTimeout,
      pool: {
        min: 1,
        max: 1,
        afterCreate: (connection: SqliteConnection, done: (error: Error | null, c: unknown) => void) =>
          connection.exec(SQLITE_PRAGMAS, (error) => done(error, connection)),
      },
    });
  }
  // int8 (counts, sequences) as numbers: everything counted here stays far below 2^53.
  pg.types.setTypeParser(20, Number);
  return makeKnex({
    client: HurriedPgClient as unknown as typeof Knex.Client,
    log: QUIET,
    compileSqlOnError: false,
    connection: pgSettings(url, options.statementMs),
    acquireConnectionTimeout,
    pool: {
      min: 0,
      max: options.poolMax ?? limits.databasePoolMax,
      afterCreate: afterConnect(options.statementMs),
    },
  });
}

/**
 * Runs `work` in one transaction; run again from the start when the database says that another one was in the way.
 * So `work` must have no effect outside the database. No network inside.
 */
export async function withTransaction<T>(db: Db, work: (trx: Trx) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await db.transaction(work);
    } catch (error) {
      if (!isRetryable(error) || attempt >= limits.transactionAttempts) throw error;
      await new Promise((resolve) => setTimeout(resolve, attempt * attempt * 5 * (1 + Math.random())));
    }
  }
}

/** Work that is done only if, and as soon as, others can see what was written. */
export function afterCommit(trx: Trx, work: () => void): void {
  trx.executionPromise.then(work, () => undefined);
}

/**
 * The same database for work that nobody waits for: of its transactions only a third of the pool's connections are
 * used at once (on SQLite: one after the other), and the next one stands behind the requests that came meanwhile.
 */
export function forBackground(db: Knex): Knex {
  const { max } = (db.client as { pool: { max: number } }).pool;
  let free = Math.max(1, Math.floor(max / 3));
  const waiting: (() => void)[] = [];
  const inTurn = async <T>(work: (trx: Trx) => Promise<T>): Promise<T> => {
    if (free === 0) await new Promise<void>((resolve) => waiting.push(resolve));
    else free -= 1;
    try {
      return await db.transaction(work);
    } finally {
      const next = waiting.shift();
      if (next) next();
      else free += 1;
    }
  };
  return new Proxy(db, {
    get: (target, name) => (name === 'transaction' ? inTurn : (Reflect.get(target, name) as unknown)),
  });
}

const MIGRATION_FILE = /^(\d{4}_[a-z0-9_]+)\.(ts|js)$/;

/** Names without their ending: a database made from TypeScript (tests) is known to the build, and the other way round. */
const migrationSource: Knex.MigrationSource<string> = {
  getMigrations: () =>
    Promise.resolve(
      [...new Set(readdirSync(MIGRATIONS()).flatMap((file) => MIGRATION_FILE.exec(file)?.[1] ?? []))].sort(),
    ),
  getMigrationName: (name) => name,
  getMigration: (name) => Promise.resolve(require(join(MIGRATIONS(), name)) as Knex.Migration),
};

function MIGRATIONS(): string {
  return join(__dirname, '..', '..', 'migrations');
}

/** Brings the schema to the newest version, or leaves it as it was: all pending migrations share one transaction. */
export async function migrate(db: Knex): Promise<void> {
  await withTransaction(db, async (trx) => {
    await lockMigrations(trx);
    await trx.migrate.latest({ migrationSource });
  });
}

/** The same on a pool of its own: a migration of millions of rows takes longer than any request may wait. */
export async function migrateAt(url: string, db: Knex): Promise<void> {
  if (url.endsWith(':memory:')) return migrate(db); // another pool would be another database
  const unhurried = openDatabase(url, { poolMax: 1 });
  try {
    await migrate(unhurried);
  } finally {
    await unhurried.destroy();
  }
}

export async function rollbackAll(db: Knex): Promise<void> {
  await withTransaction(db, async (trx) => {
    await lockMigrations(trx);
    await trx.migrate.rollback({ migrationSource }, true);
  });
}

export async function pendingMigrations(db: Knex): Promise<number> {
  const [, pending] = (await db.migrate.list({ migrationSource })) as [unknown[], unknown[]];
  return pending.length;
}

/** The same without touching anything: knex itself makes its table first, and throws at what a newer version made. */
export async function migrationState(db: Knex): Promise<{ pending: string[]; unknown: string[] }> {
  const known = await migrationSource.getMigrations([]);
  const made = new Set(
    (await db.schema.hasTable('knex_migrations')) ? await db('knex_migrations').pluck<string[]>('name') : [],
  );
  return {
    pending: known.filter((name) => !made.has(name)),
    unknown: [...made].filter((name) => !known.includes(name)),
  };
}
