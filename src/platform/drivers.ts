import type { Knex } from 'knex';
import { limits } from './limits';
import { type Connection, KeptStatementsClient, type Query } from './sqlite-client';

/** The two drivers of knex, each with what it lacks. */

type KnexClient = new (
  config: Knex.Config,
) => Knex.Client & {
  _query(connection: unknown, query: { sql: string }): Promise<unknown>;
};
const PgClient = require('knex/lib/dialects/postgres') as KnexClient;

/**
 * Knex opens deferred transactions; with two processes on one file a read-then-write one then fails with SQLITE_BUSY
 * at the write, where waiting cannot help. Taking the write lock at BEGIN makes `busy_timeout` work.
 */
export class ImmediateSqliteClient extends KeptStatementsClient {
  override async _query(connection: Connection, query: Query): Promise<Query> {
    if (query.sql === 'BEGIN;') query.sql = 'BEGIN IMMEDIATE;';
    try {
      return await super._query(connection, query);
    } catch (error) {
      // A full disk ends the transaction by itself: knex's error about that would hide the one that says why.
      if (query.sql === 'ROLLBACK') return query;
      // After a commit that failed (again: a full disk) it is still open, and knex thinks it is over: every transaction
      // after it would fail on this one connection, for good.
      if (query.sql === 'COMMIT;') await super._query(connection, { sql: 'ROLLBACK' }).catch(() => undefined);
      throw error;
    }
  }
}

interface PgConnection {
  __knex__disposed?: unknown;
  connection: { stream: { destroy(): void } };
}

/** A PostgreSQL that is frozen, or gone without a word, keeps nobody waiting for longer than the limits. */
export class HurriedPgClient extends PgClient {
  override async _query(connection: unknown, query: { sql: string }): Promise<unknown> {
    try {
      return await super._query(connection, query);
    } catch (error) {
      if (/^Query read timeout/.test((error as Error).message)) {
        // It still waits for that answer, and would let the next one wait as well.
        (connection as PgConnection).__knex__disposed = error;
        (connection as PgConnection).connection.stream.destroy();
      }
      // The server has done that already, as the connection is gone: what counts is why.
      if (query.sql === 'ROLLBACK') return query;
      throw error;
    }
  }
}

/** Without `statementMs` a statement may take as long as it needs, as migrations and proofs do. */
export function pgSettings(url: string, statementMs: number | undefined) {
  return {
    connectionString: url,
    application_name: 'zeton',
    keepAlive: true,
    connectionTimeoutMillis: limits.databaseConnectMs,
    ...(statementMs === undefined ? {} : { query_timeout: statementMs + limits.statementGraceMs }),
  };
}

/** Said to each new connection, not in its start-up message: poolers refuse what they do not know there. */
export function afterConnect(statementMs: number | undefined) {
  return (
    connection: { query(sql: string, done: (error: Error | null) => void): void },
    done: (error: Error | null, connection: unknown) => void,
  ) => {
    if (statementMs === undefined) return done(null, connection);
    connection.query(
      `SET statement_timeout = ${statementMs}; SET idle_in_transaction_session_timeout = ${limits.idleInTransactionMs}`,
      (error) => done(error, connection),
    );
  };
}
