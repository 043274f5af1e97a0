import type { Db } from './platform/db';

/** Numbers for /metrics: each by an index that holds little more than what is counted. */

export function pendingDeliveries(db: Db): Promise<number> {
  return count(db('deliveries').where({ status: 'pending' }));
}

export function failedDeliveries(db: Db): Promise<number> {
  return count(db('deliveries').where({ status: 'failed' }));
}

export function outboxMessages(db: Db): Promise<number> {
  return count(db('outbox'));
}

/** Each customer's entries are numbered without gaps, so the last numbers are the counts. */
export async function ledgerEntries(db: Db): Promise<number> {
  const [row] = (await db('credit_balances').sum({ n: 'entry_seq' })) as { n: unknown }[];
  return Number(row?.n ?? 0);
}

async function count(query: ReturnType<Db>): Promise<number> {
  const [row] = (await query.count({ n: '*' })) as { n: unknown }[];
  return Number(row?.n ?? 0);
}
