import type { Knex } from 'knex';
import { limits } from './limits';

interface Statement {
  all(values: unknown[], done: Done): void;
  run(values: unknown[], done: Done): void;
  finalize(): void;
}

type Done = (this: unknown, error: Error | null, rows?: unknown[]) => void;

export interface Connection {
  prepare(sql: string, done: (this: Statement, error: Error | null) => void): Statement;
}

export interface Query {
  sql: string;
  bindings?: unknown[];
  method?: string;
  returning?: unknown;
  response?: unknown;
  context?: unknown;
}

interface DriverClient extends Knex.Client {
  _query(connection: unknown, query: Query): Promise<Query>;
  destroyRawConnection(connection: unknown): Promise<void>;
}

const SqliteClient = require('knex/lib/dialects/sqlite3') as new (config: Knex.Config) => DriverClient;

/**
 * Knex has each statement prepared, and thrown away after it. To prepare costs more than to run most of them; and to
 * throw away the last one waits, on the thread of all requests, until the next one has run, its commit included. So
 * statements are kept, those that were used last.
 */
export class KeptStatementsClient extends SqliteClient {
  override async _query(connection: Connection, query: Query): Promise<Query> {
    if (!isWorthKeeping(query)) return super._query(connection, query);
    const statement = await statementOf(connection, query.sql);
    const call = changesOnly(query) ? 'run' : 'all';
    return new Promise((resolve, reject) => {
      statement[call](query.bindings ?? [], function (error, rows) {
        if (error) return reject(error);
        query.response = rows;
        query.context = this; // how many rows it changed
        resolve(query);
      });
    });
  }

  /** SQLite closes nothing while statements are kept. */
  override async destroyRawConnection(connection: Connection): Promise<void> {
    const all = [...(keptOf.get(connection)?.values() ?? [])];
    keptOf.delete(connection);
    for (const one of await Promise.allSettled(all)) {
      if (one.status === 'fulfilled') one.value.finalize();
    }
    return super.destroyRawConnection(connection);
  }
}

/** Of each connection, by its text, the one that was used last at the end. */
const keptOf = new WeakMap<Connection, Map<string, Promise<Statement>>>();

function statementOf(connection: Connection, sql: string): Promise<Statement> {
  const kept = keptOf.get(connection) ?? new Map<string, Promise<Statement>>();
  keptOf.set(connection, kept);
  const known = kept.get(sql);
  const statement = known ?? prepare(connection, sql);
  kept.delete(sql);
  kept.set(sql, statement);
  // What cannot be prepared now may be right after the next migration.
  if (!known) statement.catch(() => kept.delete(sql));
  const [oldest] = kept;
  if (oldest && kept.size > limits.sqliteStatements) {
    kept.delete(oldest[0]);
    oldest[1].then((old) => old.finalize()).catch(() => undefined);
  }
  return statement;
}

function prepare(connection: Connection, sql: string): Promise<Statement> {
  return new Promise((resolve, reject) => {
    connection.prepare(sql, function (error) {
      if (error) reject(error);
      else resolve(this);
    });
  });
}

/** As knex has it. */
function changesOnly({ method, returning }: Query): boolean {
  return (
    method === 'del' || method === 'counter' || ((method === 'insert' || method === 'update') && !returning)
  );
}

/**
 * A statement keeps its last values: bodies of webhooks, and inserts of many rows, are not worth their memory. An
 * EXPLAIN of a write stays open after its last row, until it is thrown away, and no commit passes it.
 */
function isWorthKeeping({ sql, bindings = [] }: Query): boolean {
  if (/^\s*explain\b/i.test(sql)) return false;
  let size = sql.length;
  for (const value of bindings) {
    if (typeof value === 'string' || Buffer.isBuffer(value)) size += value.length;
  }
  return size <= limits.sqliteStatementBytes;
}
