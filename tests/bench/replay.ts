import type { Knex } from 'knex';
import { v7 } from 'uuid';
import type { Context } from '../../src/usecases/context';
import type { Bare, BareConnection } from './bare';

/** What a recording knows by name and a replay gives another value: { customer: '0190c…' }. */
type Names = Record<string, string>;

interface Statement {
  sql: string;
  transaction: 'begin' | 'commit' | null;
  bindings: ((values: string[]) => unknown)[];
  returnsRows: boolean;
  /** Rows that it read or changed; null for BEGIN and COMMIT. */
  count: number | null;
  /** Its answer gives these slots their values. */
  gives: { slot: number; column: string }[];
}

/** The SQL of one run of a use case, to be run again for other rows by the driver alone. */
export interface Replay {
  statements: number;
  play(bare: Bare, names: Names): Promise<void>;
}

interface QueryEvent {
  __knexQueryUid?: string;
  sql: string;
  bindings?: unknown[];
}

interface ResponseEvent extends QueryEvent {
  response?: unknown[] | { rows: Record<string, unknown>[]; rowCount: number | null };
  context?: { changes: number };
}

/**
 * Runs `work` once, and writes down what it asks of the database.
 * `names`: what is different for each run. `answered`: what the database itself makes up (a number from a sequence);
 * a replay takes it from the answer to the same statement. Ids that the context makes are made anew for each replay.
 */
export async function recordStatements(
  ctx: Context,
  work: (ctx: Context) => Promise<unknown>,
  names: Names,
  answered: string[] = [],
): Promise<Replay> {
  const made: string[] = [];
  const ids = {
    next() {
      const id = ctx.ids.next();
      made.push(id);
      return id;
    },
  };
  const asked: QueryEvent[] = [];
  const answers = new Map<string | undefined, ResponseEvent>();
  const onQuery = (event: QueryEvent) => void asked.push({ ...event });
  const onResponse = (_: unknown, event: ResponseEvent) => void answers.set(event.__knexQueryUid, event);
  const { client } = ctx.db as Knex & { client: NodeJS.EventEmitter };
  client.on('query', onQuery);
  client.on('query-response', onResponse);
  try {
    await work({ ...ctx, ids });
  } finally {
    client.off('query', onQuery);
    client.off('query-response', onResponse);
  }

  const slots = [...Object.values(names), ...made, ...answered];
  const statements = asked.map((event) => {
    const kind = /^(begin|commit)/i.exec(event.sql)?.[0].toLowerCase() as 'begin' | 'commit' | undefined;
    if (/^rollback/i.test(event.sql)) throw new Error('what is recorded must succeed at once');
    return statementOf(event, kind ?? null, kind ? undefined : answers.get(event.__knexQueryUid), slots);
  });
  const given = Object.keys(names);
  return {
    statements: statements.length,
    play: (bare, values) =>
      play(bare, statements, [
        ...given.map((name) => values[name] as string),
        ...made.map(() => v7()),
        ...answered,
      ]),
  };
}

function statementOf(
  event: QueryEvent,
  transaction: Statement['transaction'],
  answer: ResponseEvent | undefined,
  slots: string[],
): Statement {
  if (!transaction && !answer?.response && !answer?.context) throw new Error(`no answer to ${event.sql}`);
  const response = answer?.response;
  const rows = (Array.isArray(response) ? response : (response?.rows ?? [])) as Record<string, unknown>[];
  const gives = rows.flatMap((row) =>
    Object.entries(row).flatMap(([column, value]) => {
      // Digits that are no id stand for what the database made up; strings come back as they were given.
      const slot = typeof value === 'number' ? slots.indexOf(String(value)) : -1;
      return slot < 0 || rows.length > 1 ? [] : [{ slot, column }];
    }),
  );
  return {
    sql: event.sql,
    transaction,
    bindings: (event.bindings ?? []).map((binding) => compileBinding(binding, slots)),
    returnsRows: Array.isArray(response),
    count: transaction
      ? null
      : Array.isArray(response)
        ? response.length
        : (response?.rowCount ?? answer?.context?.changes ?? 0),
    gives,
  };
}

/** A binding as a function of the slots: what is one of them, or text that holds one. */
function compileBinding(binding: unknown, slots: string[]): (values: string[]) => unknown {
  if (typeof binding === 'number') {
    const slot = slots.indexOf(String(binding));
    return slot < 0 ? () => binding : (values) => Number(values[slot]);
  }
  if (typeof binding !== 'string') return () => binding;
  const parts = binding.split(new RegExp(`(${slots.join('|')})`));
  if (parts.length === 1) return () => binding;
  // split() with a group: text, slot, text, slot, …
  const pieces = parts.map((part, index) => (index % 2 === 0 ? part : slots.indexOf(part)));
  return (values) => pieces.map((piece) => (typeof piece === 'string' ? piece : values[piece])).join('');
}

async function play(bare: Bare, statements: Statement[], values: string[]): Promise<void> {
  let open: BareConnection | null = null;
  for (const statement of statements) {
    if (statement.transaction === 'begin') {
      open = await bare.take();
      await open.query(bare.begin, [], false);
      continue;
    }
    if (statement.transaction === 'commit') {
      await open?.query(statement.sql, [], false);
      open?.release();
      open = null;
      continue;
    }
    const connection: BareConnection = open ?? (await bare.take());
    const bindings = statement.bindings.map((binding) => binding(values));
    const { rows, count } = await connection.query(statement.sql, bindings, statement.returnsRows);
    if (!open) connection.release();
    // A floor that does less than the recording did would flatter nobody, and mean nothing.
    if (count !== statement.count) {
      throw new Error(`replayed: ${count} rows, recorded: ${statement.count} rows, by ${statement.sql}`);
    }
    for (const { slot, column } of statement.gives) values[slot] = String(rows[0]?.[column]);
  }
}
