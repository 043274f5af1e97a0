import type { Knex } from 'knex';

/** Tables that get more rows as long as the shop lives; of the others a full scan is a handful of rows. */
const GROWING = [
  'deliveries',
  'orders',
  'order_snapshots',
  'order_lines',
  'customers',
  'tickets',
  'ticket_events',
  'messages',
  'outbox',
  'sandbox_messages',
  'video_sessions',
  'video_events',
  'credit_balances',
  'credit_grants',
  'credit_entries',
  'credit_holds',
  'credit_hold_draws',
  'idempotency_keys',
  'audit_log',
];

const BROAD = ['status', 'channel', 'state', 'unpaid', 'assignee', 'paid', 'spam', 'type'];

interface Asked {
  sql: string;
  bindings: unknown[];
}

/**
 * Does `work`, and says which of the statements it asked of the database would read a growing table from end to end,
 * or sort all of it to answer a part: by the plan that the database itself tells. What does grow with the table is
 * found on a small one too: SQLite plans without looking at numbers of rows, and PostgreSQL is told to take a full scan
 * only where there is no other way. `isList`: may walk along an index until its page is full.
 */
export async function plansThatGrow(
  db: Knex,
  work: () => Promise<unknown>,
  { isList = false } = {},
): Promise<string[]> {
  const asked = new Map<string, Asked>();
  const listen = ({ sql, bindings }: Partial<Asked>) => {
    if (sql && /^\s*(select|with|update|delete)\b/i.test(sql))
      asked.set(sql, { sql, bindings: bindings ?? [] });
  };
  db.on('query', listen);
  try {
    await work();
  } finally {
    db.removeListener('query', listen);
  }
  const isPostgres = (db.client as { dialect: string }).dialect === 'postgresql';
  const explain = isPostgres ? complaintsOfPostgres : complaintsOfSqlite;
  return (await explain(db, [...asked.values()], isList)).toSorted();
}

async function complaintsOfSqlite(db: Knex, all: Asked[], isList: boolean): Promise<string[]> {
  const found: string[] = [];
  for (const { sql, bindings } of all) {
    const steps = (await db.raw(`EXPLAIN QUERY PLAN ${sql}`, bindings as Knex.RawBinding[])) as Step[];
    const names = namesIn(sql);
    const sorts = steps.some(({ detail }) => detail.includes('USE TEMP B-TREE FOR ORDER BY'));
    const isLimited = /\blimit\b/i.test(sql);
    const wrong = steps.filter((step) => {
      const [, how, name = '', index] = /^(SCAN|SEARCH) (\w+)(?: USING .*\((.*)\))?/.exec(step.detail) ?? [];
      if (!GROWING.includes(names.get(name) ?? name)) return false;
      // Left after the limit, in the order that is asked for.
      if (how === 'SCAN') return !isList || !isLimited || sorts || isInSubquery(step, steps);
      return isLimited && sorts && index !== undefined && isBroad(index);
    });
    found.push(...wrong.map(({ detail }) => `${detail}: ${sql}`));
  }
  return found;
}

interface Step {
  id: number;
  parent: number;
  detail: string;
}

/** Whose own limit that would have to be. */
function isInSubquery(step: Step, steps: Step[]): boolean {
  const parent = steps.find(({ id }) => id === step.parent);
  return parent !== undefined && (/SUBQUERY/.test(parent.detail) || isInSubquery(parent, steps));
}

/** Of each alias the table: from "tickets" as "t". */
function namesIn(sql: string): Map<string, string> {
  return new Map([...sql.matchAll(/[`"]?(\w+)[`"]?\s+as\s+[`"]?(\w+)[`"]?/gi)].map((m) => [m[2]!, m[1]!]));
}

/** Conditions that a good part of a table may meet: too many rows to sort. */
function isBroad(condition: string): boolean {
  const columns = condition.match(/[a-z_]+(?=\W*(?:=|<|>|\bIS\b))/g) ?? [];
  return columns.length > 0 && columns.every((column) => BROAD.includes(column));
}

interface Node {
  'Node Type': string;
  'Relation Name'?: string;
  'Index Cond'?: string;
  'Recheck Cond'?: string;
  Filter?: string;
  Plans?: Node[];
}

async function complaintsOfPostgres(db: Knex, all: Asked[], isList: boolean): Promise<string[]> {
  return db.transaction(async (trx) => {
    // On some thousand rows it is cheap to read both sides of a join whole.
    for (const way of ['seqscan', 'hashjoin', 'mergejoin']) await trx.raw(`SET LOCAL enable_${way} = off`);
    const found: string[] = [];
    for (const { sql, bindings } of all) {
      const { rows } = (await trx.raw(
        `EXPLAIN (FORMAT JSON) ${sql.replaceAll(/\$\d+/g, '?')}`,
        bindings as Knex.RawBinding[],
      )) as { rows: { 'QUERY PLAN': [{ Plan: Node }] }[] };
      const plan = rows[0]?.['QUERY PLAN'][0].Plan;
      if (plan) found.push(...wholeReads(plan, 'all', isList).map((what) => `${what}: ${sql}`));
    }
    return found;
  });
}

/** What is above: 'limit' stops the reading, 'sorted' would, but for a sort that needs all rows first. */
type Above = 'all' | 'limit' | 'sorted';

function wholeReads(node: Node, above: Above, isList: boolean): string[] {
  const type = node['Node Type'];
  const table = node['Relation Name'] ?? '';
  const own: string[] = [];
  if (GROWING.includes(table) && type.endsWith('Scan')) {
    const condition = node['Index Cond'] ?? node['Recheck Cond'];
    if (
      condition === undefined &&
      (!isList || above !== 'limit' || isBroad(node.Filter?.replaceAll('<>', '') ?? ''))
    ) {
      own.push(`${type} of all ${table}`);
    }
    if (condition !== undefined && above === 'sorted' && isBroad(condition))
      own.push(`${type} and sort of ${table}`);
  }
  return [...own, ...(node.Plans ?? []).flatMap((child) => wholeReads(child, below(type, above), isList))];
}

function below(type: string, above: Above): Above {
  if (type === 'Limit') return 'limit';
  if (type === 'Sort') return above === 'all' ? 'all' : 'sorted';
  const passes = ['Nested Loop', 'LockRows', 'Incremental Sort', 'Memoize', 'Subquery Scan', 'Result'];
  return passes.includes(type) || above === 'sorted' ? above : 'all';
}
