import type { Db, Trx } from '../../platform/db';
import { skipLocked } from '../../platform/dialect';
import { isDue, isLeaseOver } from '../../platform/lease';
import { backoffSeconds, limits } from '../../platform/limits';

type Row = Record<string, unknown>;

/** By which way something came in. */
export type ArrivalWay = 'mail' | 'sms';

/** pending (also while in work) → done | ignored | failed; a failed one can be tried again, or put aside. */
type Status = 'pending' | 'done' | 'ignored' | 'failed';

/** Where it waits, and the column that names its sender. What only one way has is written by that way's domain. */
const TABLES = {
  mail: { name: 'inbound_mails', sender: 'sender' },
  sms: { name: 'inbound_sms', sender: 'from_number' },
} as const;

const LEASE = { seconds: limits.leaseSeconds };
const LONGEST_WAIT = { seconds: backoffSeconds(limits.inboxAttempts, 1) };

/**
 * Due ones, the oldest first, and of each sender only the oldest: what somebody wrote is taken in in that order. Nothing
 * is tried yet (beginArrival), and what came itself is loaded one at a time.
 * Shape: → their ids, oldest first
 */
export async function claimArrivals(
  trx: Trx,
  way: ArrivalWay,
  { owner, now, leaseUntil, limit }: { owner: string; now: string; leaseUntil: string; limit: number },
): Promise<string[]> {
  const { name, sender } = TABLES[way];
  const due = (await skipLocked(
    trx(`${name} as a`)
      .whereRaw("a.status = 'pending'")
      .where(isDue('a.next_attempt_at', { now, ...LONGEST_WAIT }))
      .where(isLeaseOver('a.lease_until', { now, ...LEASE }))
      .whereNotExists(
        trx(`${name} as older`)
          .select(trx.raw('1'))
          .whereRaw("older.status = 'pending'")
          .whereRaw('?? = ??', [`older.${sender}`, `a.${sender}`])
          .whereRaw('older.id < a.id'),
      )
      .orderBy(['a.next_attempt_at', 'a.id'])
      .limit(limit)
      .select('a.id'),
  )) as Row[];
  if (due.length === 0) return [];
  const ids = due.map((row) => row.id as string);
  const rows = (await trx(name)
    .whereIn('id', ids)
    .where({ status: 'pending' })
    .update({ lease_owner: owner, lease_until: leaseUntil })
    .returning('id')) as Row[];
  return rows.map((row) => row.id as string).sort();
}

/**
 * Counts an attempt at a claimed one, before anything is done with it: one that ends its process leaves no other trace.
 * Shape: → the how manyth; null: the lease is another's by now
 */
export async function beginArrival(
  db: Db,
  way: ArrivalWay,
  { id, owner }: { id: string; owner: string },
): Promise<number | null> {
  const [row] = (await db(TABLES[way].name)
    .where({ id, lease_owner: owner, status: 'pending' })
    .update({ attempts: db.raw('attempts + 1') })
    .returning('attempts')) as Row[];
  return row ? Number(row.attempts) : null;
}

/** What `owner` has claimed and not finished is anybody's. */
export async function releaseArrivals(db: Db, way: ArrivalWay, owner: string): Promise<void> {
  await db(TABLES[way].name)
    .where({ lease_owner: owner, status: 'pending' })
    .update({ lease_owner: null, lease_until: null });
}

/** Holds a claimed one until the transaction ends. False: the lease is another's by now. */
export async function lockArrival(
  trx: Trx,
  way: ArrivalWay,
  { id, owner }: { id: string; owner: string },
): Promise<boolean> {
  const count = await trx(TABLES[way].name)
    .where({ id, lease_owner: owner, status: 'pending' })
    .update({ attempts: trx.ref('attempts') });
  return count === 1;
}

export interface ArrivalChanges {
  status?: Status;
  reason?: string | null;
  /** What kind of mail it was found to be. */
  class?: string;
  messageId?: string | null;
  storm?: boolean;
  /** When its sender is told where to buy; null: not. */
  answerAt?: string | null;
  attempts?: number;
  nextAttemptAt?: string;
  finishedAt?: string;
}

/** Writes only while `owner` holds the lease, and gives it back; false: another worker has it, or it is finished. */
export async function saveArrival(
  db: Db,
  way: ArrivalWay,
  { id, owner }: { id: string; owner: string },
  changes: ArrivalChanges,
): Promise<boolean> {
  const columns = {
    status: changes.status,
    reason: changes.reason?.slice(0, limits.reasonChars) ?? changes.reason,
    class: changes.class,
    message_id: changes.messageId,
    storm: changes.storm === undefined ? undefined : Number(changes.storm),
    answer_at: changes.answerAt,
    attempts: changes.attempts,
    next_attempt_at: changes.nextAttemptAt,
    finished_at: changes.finishedAt,
  };
  const said = Object.fromEntries(Object.entries(columns).filter(([, value]) => value !== undefined));
  const count = await db(TABLES[way].name)
    .where({ id, lease_owner: owner, status: 'pending' })
    .update({ lease_owner: null, lease_until: null, ...said });
  return count === 1;
}

/** One that was given up or left out, again; or one that was given up, put aside. False: it is not one of those. */
export async function reopenArrival(
  trx: Trx,
  way: ArrivalWay,
  { id, to, now }: { id: string; to: 'pending' | 'ignored'; now: string },
): Promise<boolean> {
  const again = { attempts: 0, next_attempt_at: now, finished_at: null, reason: null };
  const count = await trx(TABLES[way].name)
    .where({ id })
    .whereIn('status', to === 'pending' ? ['failed', 'ignored'] : ['failed'])
    .update({ status: to, ...(to === 'pending' ? again : {}) });
  return count === 1;
}

/** How many came from a sender after an instant, up to and with one of them. */
export async function countArrivals(
  db: Db,
  way: ArrivalWay,
  { sender, after, until }: { sender: string; after: string; until: { id: string; receivedAt: string } },
): Promise<number> {
  const [row] = (await db(TABLES[way].name)
    .where({ [TABLES[way].sender]: sender })
    .where('received_at', '>', after)
    // One that was fetched came earlier than its id says.
    .where('received_at', '<=', until.receivedAt)
    .where('id', '<=', until.id)
    .count({ n: '*' })) as Row[];
  return Number(row?.n ?? 0);
}

export interface AnswerDue {
  id: string;
  messageId: string;
  sender: string;
  receivedAt: string;
}

/** Whose senders are to be told where to buy, the longest waiting first. */
export async function answersDue(
  db: Db,
  way: ArrivalWay,
  { now, limit }: { now: string; limit: number },
): Promise<AnswerDue[]> {
  const rows = (await db(TABLES[way].name)
    .where('answer_at', '<=', now)
    .orderBy('answer_at')
    .limit(limit)
    .select({
      id: 'id',
      message: 'message_id',
      sender: TABLES[way].sender,
      received: 'received_at',
    })) as Row[];
  return rows.map((row) => ({
    id: row.id as string,
    messageId: row.message as string,
    sender: row.sender as string,
    receivedAt: row.received as string,
  }));
}

/** False when another process has answered it. */
export async function takeAnswer(trx: Trx, way: ArrivalWay, id: string): Promise<boolean> {
  const count = await trx(TABLES[way].name)
    .where({ id })
    .whereNotNull('answer_at')
    .update({ answer_at: null });
  return count === 1;
}

/** Of one that was taken: not yet. */
export async function postponeAnswer(
  trx: Trx,
  way: ArrivalWay,
  { id, at }: { id: string; at: string },
): Promise<void> {
  await trx(TABLES[way].name).where({ id }).update({ answer_at: at });
}
