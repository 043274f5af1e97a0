import type { Knex } from 'knex';

/** Everything in which SQLite and PostgreSQL differ. No other file asks which engine it is on. */
export type Engine = 'sqlite' | 'postgres';

function engineOf(db: Knex): Engine {
  return (db.client as { dialect: unknown }).dialect === 'postgresql' ? 'postgres' : 'sqlite';
}

/** Column type for raw bytes. */
export function bytesType(db: Knex): string {
  return engineOf(db) === 'postgres' ? 'BYTEA' : 'BLOB';
}

function errorCode(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
}

export function isUniqueViolation(error: unknown): boolean {
  const code = errorCode(error);
  if (code === '23505') return true;
  return code === 'SQLITE_CONSTRAINT' && /UNIQUE constraint failed/.test(String((error as Error).message));
}

/** The other side of a race won: the whole transaction can be run again. */
export function isRetryable(error: unknown): boolean {
  return ['SQLITE_BUSY', '40001', '40P01'].includes(errorCode(error));
}

/** Makes the database itself refuse UPDATE and DELETE on a table. */
export async function refuseChanges(db: Knex, table: string): Promise<void> {
  if (engineOf(db) === 'postgres') {
    await db.raw(`CREATE FUNCTION ${table}_refuse_change() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN RAISE EXCEPTION '${table} only grows: % refused', TG_OP; END $$`);
    await db.raw(`CREATE TRIGGER ${table}_no_change BEFORE UPDATE OR DELETE ON ${table}
      FOR EACH ROW EXECUTE FUNCTION ${table}_refuse_change()`);
    await db.raw(`CREATE TRIGGER ${table}_no_truncate BEFORE TRUNCATE ON ${table}
      FOR EACH STATEMENT EXECUTE FUNCTION ${table}_refuse_change()`);
    return;
  }
  for (const verb of ['UPDATE', 'DELETE']) {
    await db.raw(`CREATE TRIGGER ${table}_no_${verb.toLowerCase()} BEFORE ${verb} ON ${table}
      BEGIN SELECT RAISE(ABORT, '${table} only grows: ${verb} refused'); END`);
  }
}

/**
 * How many rows a table has that only grows, without reading it. SQLite: to the row; PostgreSQL: as its statistics
 * have it, some seconds late.
 */
export async function rowsEver(db: Knex, table: string): Promise<number> {
  if (engineOf(db) === 'sqlite') {
    const [row] = (await db(table).max({ n: 'rowid' })) as { n: unknown }[];
    return Number(row?.n ?? 0);
  }
  const { rows } = (await db.raw(
    `SELECT GREATEST(c.reltuples, s.n_live_tup) AS n FROM pg_class c
      JOIN pg_stat_user_tables s ON s.relid = c.oid WHERE c.oid = to_regclass(?)`,
    [table],
  )) as { rows: { n: unknown }[] };
  return Number(rows[0]?.n ?? 0);
}

export async function allowChanges(db: Knex, table: string): Promise<void> {
  if (engineOf(db) !== 'postgres') return; // SQLite drops a table's triggers with the table
  await db.raw(`DROP FUNCTION IF EXISTS ${table}_refuse_change() CASCADE`);
}

/** Held until the transaction ends, so that two processes never migrate at once. SQLite: BEGIN IMMEDIATE already does it. */
export async function lockMigrations(trx: Knex.Transaction): Promise<void> {
  if (engineOf(trx) === 'postgres') await trx.raw('SELECT pg_advisory_xact_lock(7310574)');
}

/** Holds a name until the transaction ends. SQLite has one writer anyway. */
export async function lockName(trx: Knex.Transaction, name: string): Promise<void> {
  if (engineOf(trx) === 'postgres') {
    await trx.raw('SELECT pg_advisory_xact_lock(hashtextextended(?, 0))', [name]);
  }
}

/** Rows that another process is working on are passed over; on SQLite only one writer exists. */
export function skipLocked<T extends Knex.QueryBuilder>(query: T): T {
  return (engineOf(query as unknown as Knex) === 'postgres' ? query.forUpdate().skipLocked() : query) as T;
}

/**
 * A case-insensitive "contains" that works the same on both engines, with the wildcards in `text` taken literally.
 * LOWER knows only ASCII on SQLite, and on a PostgreSQL of locale C: so č, š, ž and Greek letters are also looked for
 * as they were typed, in capitals, and with a capital first.
 */
export function contains(column: string, text: string): { sql: string; bindings: string[] } {
  const lower = text.toLowerCase();
  const capitalised = lower.replace(/(^|[\s-])\p{L}/gu, (start) => start.toUpperCase());
  const spellings = new Set([lower, text, capitalised, text.toUpperCase()].map(lowerAscii));
  return {
    sql: `(${[...spellings].map(() => `LOWER(${column}) LIKE ? ESCAPE '\\'`).join(' OR ')})`,
    bindings: [...spellings].map((spelling) => `%${spelling.replace(/[\\%_]/g, (c) => `\\${c}`)}%`),
  };
}

function lowerAscii(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

/**
 * The database is not there or cannot work now, through no fault of what was asked: the same request may succeed later.
 * KnexTimeoutError: no connection came free (of a PostgreSQL that does not answer, too).
 */
export function isOutage(error: unknown): boolean {
  // Not `instanceof`: the errors of the SQLite driver come from native code, which has an Error of its own under jest.
  if (typeof error !== 'object' || error === null) return false;
  const { name, message } = error as Partial<Error>;
  const code = errorCode(error);
  if (name === 'KnexTimeoutError' || OUTAGE_CODES.has(code)) return true;
  // Connection failures (08), out of resources (53), operator intervention such as a restart (57P), read-only (25006),
  // took or waited too long (57014, 55P03, 25P03).
  if (/^(08|53)\w{3}$|^57P\d\d$|^25006$|^57014$|^55P03$|^25P03$/.test(code)) return true;
  return DRIVER_OUTAGES.test(message ?? '');
}

/** The database is there, and ended a statement that took too long: perhaps because of what it was asked. */
export function isOverdue(error: unknown): boolean {
  return errorCode(error) === '57014';
}

/**
 * What pg says without a code, of a connection that broke, was given up, or could not be made in time. Knex puts the
 * statement before it, with a dash between.
 */
const DRIVER_OUTAGES =
  /(^| - )(Connection (terminated|ended)|Unable to acquire a connection|timeout e\w+|Query read timeout)|database is shutting down|is not queryable$/;

/** For the log: what a person has to do about an outage; all of them heal without a restart. */
export function outageInWords(error: unknown): string {
  switch (errorCode(error)) {
    case 'SQLITE_FULL':
    case '53100':
      return 'the disk of the database is full: nothing can be kept until there is room on it';
    case 'SQLITE_IOERR':
      return 'the disk of the database cannot be read or written';
    case 'SQLITE_READONLY':
    case '25006':
      return 'the database may only be read';
    default:
      return 'the database is not available';
  }
}

const OUTAGE_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EPIPE',
  'ETIMEDOUT',
  'SQLITE_BUSY',
  'SQLITE_CANTOPEN',
  'SQLITE_FULL',
  'SQLITE_IOERR',
  'SQLITE_READONLY',
]);

/** The database's own clock. Null: it has none but this machine's. */
export async function databaseTime(db: Knex): Promise<Date | null> {
  if (engineOf(db) === 'sqlite') return null;
  const { rows } = (await db.raw('SELECT clock_timestamp() AS now')) as { rows: { now: Date }[] };
  return rows[0]?.now ?? null;
}

/** Reads the whole file; what is wrong first, or null. PostgreSQL sees to its files by itself. */
export async function damageIn(db: Knex): Promise<string | null> {
  if (engineOf(db) === 'postgres') return null;
  const [row] = (await db.raw('PRAGMA quick_check(1)')) as { quick_check: string }[];
  return row?.quick_check === 'ok'
    ? null
    : (row?.quick_check ?? 'no answer').replace(/\s+/g, ' ').slice(0, 200);
}
