import { secondsBetween } from './platform/clock';
import type { Db } from './platform/db';
import { rowsEver } from './platform/dialect';

/** Numbers for /metrics: each by an index that holds little more than what is counted. */

export function pendingDeliveries(db: Db): Promise<number> {
  return countOf(db, 'deliveries', { status: 'pending' });
}

export function failedDeliveries(db: Db): Promise<number> {
  return countOf(db, 'deliveries', { status: 'failed' });
}

/** How long the longest has waited; 0: nothing waits. */
export async function inboxDelaySeconds(db: Db, now: string): Promise<number> {
  const oldest = (await db('deliveries').where({ status: 'pending' }).orderBy('id').first('received_at')) as
    | { received_at: string }
    | undefined;
  return oldest ? secondsBetween(oldest.received_at, now) : 0;
}

export function outboxMessages(db: Db): Promise<number> {
  return countOf(db, 'outbox', {});
}

/** Of one channel; by the index that finds what is due, whose rows are few. */
export async function outboxAgeSeconds(db: Db, channel: string, now: string): Promise<number> {
  const oldest = (await db('outbox')
    .join('messages', 'messages.id', 'outbox.message_id')
    .where({ 'outbox.channel': channel })
    .min({ at: 'messages.created_at' })
    .first()) as { at: string | null } | undefined;
  return oldest?.at ? secondsBetween(oldest.at, now) : 0;
}

export async function uncertainMessages(db: Db): Promise<number> {
  // In words, not as a parameter: only then SQLite knows that the partial index holds them all.
  const [row] = (await db('messages').whereRaw("status = 'uncertain'").count({ n: '*' })) as { n: unknown }[];
  return Number(row?.n ?? 0);
}

export function ledgerEntries(db: Db): Promise<number> {
  return rowsEver(db, 'credit_entries');
}

async function countOf(db: Db, table: string, where: Record<string, string>): Promise<number> {
  const [row] = (await db(table).where(where).count({ n: '*' })) as { n: unknown }[];
  return Number(row?.n ?? 0);
}
