import type { Db } from '../../platform/db';
import { AMOUNTS, type EntryType, METERS, MOVES } from './rules';

export interface LedgerReport {
  customers: number;
  grants: number;
  entries: number;
  /** One sentence for each thing that does not add up, at most PROBLEMS_MAX. */
  problems: string[];
}

const PROBLEMS_MAX = 100;
type Row = Record<string, unknown>;
type Amount = (typeof AMOUNTS)[number];

/** SQL for what an entry adds to one amount. */
function effectOn(amount: Amount): string {
  const cases = (Object.keys(MOVES) as EntryType[]).flatMap((type) => {
    const { from, to } = MOVES[type];
    if (to === amount || (amount === 'granted' && from === null)) return [`WHEN '${type}' THEN e.quantity`];
    return from === amount ? [`WHEN '${type}' THEN -e.quantity`] : [];
  });
  return `COALESCE(SUM(CASE e.type ${cases.join(' ')} ELSE 0 END), 0)`;
}

/**
 * Prove the ledger from its entries alone: every grant, every balance and every hold must equal the sum of its entries,
 * entries are numbered without gaps, and the balance printed after each entry is the running sum.
 * Source: DESIGN §2.3
 */
export async function verifyLedger(db: Db): Promise<LedgerReport> {
  const problems: string[] = [];
  const rows = async (sql: string): Promise<Row[]> => {
    const result = (await db.raw(`${sql} LIMIT ${PROBLEMS_MAX}`)) as Row[] | { rows: Row[] };
    return Array.isArray(result) ? result : result.rows;
  };

  const sums = AMOUNTS.map((amount) => `${effectOn(amount)} AS entries_${amount}`).join(', ');
  const differs = AMOUNTS.map((amount) => `g.${amount} <> s.entries_${amount}`).join(' OR ');
  const perGrant = `SELECT e.grant_id, COUNT(DISTINCT e.customer_id || e.meter) AS owners,
    MIN(e.customer_id) AS customer_id, MIN(e.meter) AS meter, ${sums} FROM credit_entries e GROUP BY e.grant_id`;
  for (const row of await rows(`SELECT g.*, ${AMOUNTS.map((a) => `s.entries_${a}`).join(', ')} FROM credit_grants g
      LEFT JOIN (${perGrant}) s ON s.grant_id = g.id
      WHERE s.grant_id IS NULL OR ${differs}`)) {
    const told = AMOUNTS.map((a) => `${a} ${String(row[a])} (entries: ${String(row[`entries_${a}`])})`).join(
      ', ',
    );
    problems.push(`Grant ${String(row.id)} differs from its entries: ${told}.`);
  }
  for (const row of await rows(`SELECT g.id FROM credit_grants g LEFT JOIN (SELECT e.grant_id,
        SUM(CASE e.type WHEN 'revoke' THEN e.quantity WHEN 'reinstate' THEN -e.quantity ELSE 0 END) AS taken
        FROM credit_entries e GROUP BY e.grant_id) s ON s.grant_id = g.id
      WHERE g.order_revoked <> COALESCE(s.taken, 0)`)) {
    problems.push(`Grant ${String(row.id)} notes another sum taken back by its order than its entries do.`);
  }
  for (const row of await rows(`SELECT s.grant_id FROM (${perGrant}) s
      LEFT JOIN credit_grants g ON g.id = s.grant_id
      WHERE g.id IS NULL OR s.owners <> 1 OR g.customer_id <> s.customer_id OR g.meter <> s.meter`)) {
    problems.push(
      `Entries of grant ${String(row.grant_id)} name another customer or meter than the grant does.`,
    );
  }

  for (const meter of METERS) {
    const differences = AMOUNTS.map((a) => `b.${meter}_${a} <> COALESCE(s.entries_${a}, 0)`).join(' OR ');
    for (const row of await rows(`SELECT b.customer_id FROM credit_balances b
        LEFT JOIN (SELECT e.customer_id, ${sums} FROM credit_entries e WHERE e.meter = '${meter}'
          GROUP BY e.customer_id) s ON s.customer_id = b.customer_id
        WHERE ${differences}`)) {
      problems.push(`Balance of customer ${String(row.customer_id)}, ${meter}, differs from the entries.`);
    }
  }
  for (const row of await rows(`SELECT n.customer_id FROM (SELECT e.customer_id, COUNT(*) AS entries,
        MIN(e.seq) AS first_seq, MAX(e.seq) AS last_seq FROM credit_entries e GROUP BY e.customer_id) n
      LEFT JOIN credit_balances b ON b.customer_id = n.customer_id
      WHERE b.customer_id IS NULL OR n.first_seq <> 1 OR n.last_seq <> n.entries OR b.entry_seq <> n.last_seq`)) {
    problems.push(
      `Entries of customer ${String(row.customer_id)} are not numbered 1, 2, 3 … up to the balance.`,
    );
  }
  const effect = effectOn('available')
    .replace(/^COALESCE\(SUM\(/, '')
    .replace(/\), 0\)$/, '');
  for (const row of await rows(`SELECT r.id FROM (SELECT e.id, e.available_after,
        SUM(${effect}) OVER (PARTITION BY e.customer_id, e.meter ORDER BY e.seq) AS running
        FROM credit_entries e) r WHERE r.running <> r.available_after`)) {
    problems.push(`Entry ${String(row.id)} states another balance than the entries up to it add up to.`);
  }

  for (const row of await rows(`SELECT h.id FROM credit_holds h LEFT JOIN (
        SELECT e.hold_id, ${effectOn('held')} AS held, ${effectOn('used')} AS used,
          SUM(CASE e.type WHEN 'hold' THEN e.quantity ELSE 0 END) AS drawn,
          SUM(CASE e.type WHEN 'capture' THEN e.quantity ELSE 0 END) AS captured
        FROM credit_entries e WHERE e.hold_id IS NOT NULL GROUP BY e.hold_id) s ON s.hold_id = h.id
      WHERE s.hold_id IS NULL OR s.drawn <> h.quantity * h.price
        OR s.held <> CASE h.status WHEN 'held' THEN s.drawn ELSE 0 END
        OR s.captured <> h.captured_quantity * h.price
        OR s.used <> CASE h.status WHEN 'captured' THEN s.captured ELSE 0 END`)) {
    problems.push(`Hold ${String(row.id)} is not what its entries say.`);
  }

  const count = async (table: string) => Number((await db(table).count({ n: '*' }).first())?.n);
  return {
    customers: await count('credit_balances'),
    grants: await count('credit_grants'),
    entries: await count('credit_entries'),
    problems: problems.slice(0, PROBLEMS_MAX),
  };
}
