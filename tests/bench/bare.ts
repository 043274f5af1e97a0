import pg from 'pg';
import sqlite3 from 'sqlite3';
import { openDatabase } from '../../src/platform/db';
import { limits } from '../../src/platform/limits';

export interface BareResult {
  rows: Record<string, unknown>[];
  /** Rows read, or rows changed. */
  count: number;
}

export interface BareConnection {
  /** `returnsRows` has a meaning for SQLite's driver only. */
  query(sql: string, values: unknown[], returnsRows: boolean): Promise<BareResult>;
  release(): void;
}

/** A driver and nothing around it: what the database can do from this process. */
export interface Bare {
  /** One statement; may run beside others, so on SQLite never while a transaction is open. */
  query: BareConnection['query'];
  /** Waits for its turn where there is one connection only, as knex does. */
  take(): Promise<BareConnection>;
  begin: string;
  close(): Promise<void>;
}

/** Set up as Zeton's own connections are: same pragmas, or same size of the pool. */
export async function openBare(url: string): Promise<Bare> {
  return url.startsWith('sqlite:') ? openSqlite(url) : openPostgres(url);
}

export const PRAGMAS = ['journal_mode', 'synchronous', 'foreign_keys', 'busy_timeout'];

/** As openDatabase() sets them, whatever that is. */
export async function pragmasOf(url: string): Promise<Record<string, unknown>> {
  const db = openDatabase(url);
  try {
    const values: Record<string, unknown> = {};
    for (const name of PRAGMAS) {
      const [row] = (await db.raw(`PRAGMA ${name}`)) as Record<string, unknown>[];
      values[name] = Object.values(row ?? {})[0];
    }
    return values;
  } finally {
    await db.destroy();
  }
}

async function openSqlite(url: string): Promise<Bare> {
  const pragmas = await pragmasOf(url);
  const file = url.slice('sqlite:'.length);
  const db = await new Promise<sqlite3.Database>((resolve, reject) => {
    const opened: sqlite3.Database = new sqlite3.Database(file, (error) =>
      error ? reject(error) : resolve(opened),
    );
  });
  const settings = Object.entries(pragmas).map(([name, value]) => `PRAGMA ${name} = ${String(value)}`);
  await new Promise<void>((resolve, reject) => {
    db.exec(settings.join(';'), (error) => (error ? reject(error) : resolve()));
  });

  const query: Bare['query'] = (sql, values, returnsRows) =>
    new Promise((resolve, reject) => {
      if (returnsRows) {
        db.all(sql, values, (error: Error | null, rows: Record<string, unknown>[]) =>
          error ? reject(error) : resolve({ rows, count: rows.length }),
        );
      } else {
        db.run(sql, values, function (this: sqlite3.RunResult, error: Error | null) {
          if (error) reject(error);
          else resolve({ rows: [], count: this.changes });
        });
      }
    });
  let turn = Promise.resolve();
  return {
    query,
    async take() {
      const before = turn;
      let release = () => {};
      turn = new Promise((resolve) => {
        release = resolve;
      });
      await before;
      return { query, release };
    },
    // As src/platform/db.ts makes of knex's BEGIN.
    begin: 'BEGIN IMMEDIATE;',
    close: () =>
      new Promise((resolve, reject) => {
        db.close((error) => (error ? reject(error) : resolve()));
      }),
  };
}

async function openPostgres(url: string): Promise<Bare> {
  const pool = new pg.Pool({ connectionString: url, max: limits.databasePoolMax });
  // A connection that breaks while idle; whoever asks next hears of it.
  pool.on('error', () => undefined);
  const asResult = ({ rows, rowCount }: pg.QueryResult): BareResult => ({ rows, count: rowCount ?? 0 });
  return {
    query: async (sql, values) => asResult(await pool.query(sql, values)),
    async take() {
      const client = await pool.connect();
      return {
        query: async (sql, values) => asResult(await client.query(sql, values)),
        release: () => client.release(),
      };
    },
    begin: 'BEGIN;',
    close: () => pool.end(),
  };
}
