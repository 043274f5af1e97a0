import type { Db, Trx } from '../../platform/db';
import { skipLocked } from '../../platform/dialect';
import { isDue, isLeaseOver } from '../../platform/lease';
import { backoffSeconds, limits } from '../../platform/limits';
import { assert } from '../../platform/refusal';
import type { InboundMailStatus, Way } from './rules';

type Row = Record<string, unknown>;

export interface InboundMailRow {
  id: string;
  way: Way;
  storeId: string | null;
  envelopeFrom: string | null;
  envelopeTo: string[];
  /** Who it says it is from, in small letters; '' where it does not. */
  sender: string;
  /** Of the whole mail: more than `raw` has where only its head was kept. */
  sizeBytes: number;
  receivedAt: string;
  status: InboundMailStatus;
  attempts: number;
  messageId: string | null;
  /** Null once retention removed it. */
  raw: Buffer | null;
}

/** False when this mail is kept already. */
export async function insertInboundMail(
  db: Db,
  mail: Pick<
    InboundMailRow,
    'id' | 'way' | 'storeId' | 'envelopeFrom' | 'envelopeTo' | 'sender' | 'sizeBytes'
  > & { key: string; at: string; raw: Buffer },
): Promise<boolean> {
  const rows = (await db('inbound_mails')
    .insert({
      id: mail.id,
      mail_key: mail.key,
      way: mail.way,
      store_id: mail.storeId,
      envelope_from: mail.envelopeFrom,
      envelope_to: JSON.stringify(mail.envelopeTo),
      sender: mail.sender,
      size_bytes: mail.sizeBytes,
      received_at: mail.at,
      status: 'pending',
      attempts: 0,
      next_attempt_at: mail.at,
      storm: 0,
    })
    .onConflict('mail_key')
    .ignore()
    .returning('id')) as unknown[];
  if (rows.length === 0) return false;
  await db('inbound_mail_raws').insert({ mail_id: mail.id, received_at: mail.at, content: mail.raw });
  return true;
}

/** The id of a mail that is kept; what was not known of it yet is added while nobody has read it. */
export async function completeInboundMail(
  db: Db,
  key: string,
  known: { storeId: string | null; envelopeFrom: string | null },
): Promise<string> {
  await db('inbound_mails')
    .where({ mail_key: key, status: 'pending' })
    .update({
      store_id: db.raw('COALESCE(store_id, ?)', [known.storeId]),
      envelope_from: db.raw('COALESCE(envelope_from, ?)', [known.envelopeFrom]),
    });
  const row = (await db('inbound_mails').where({ mail_key: key }).first('id')) as Row | undefined;
  assert(row, 'a mail whose key is taken is kept');
  return row.id as string;
}

const LEASE = { seconds: limits.leaseSeconds };
const LONGEST_WAIT = { seconds: backoffSeconds(limits.inboxAttempts, 1) };

/**
 * Due ones, the oldest first, and of each sender only the oldest: what somebody wrote is taken in in that order. Each
 * claim counts as an attempt. Without the mails themselves: those are loaded one at a time.
 */
export async function claimInboundMail(
  trx: Trx,
  { owner, now, leaseUntil, limit }: { owner: string; now: string; leaseUntil: string; limit: number },
): Promise<{ id: string; attempts: number; sizeBytes: number }[]> {
  const due = (await skipLocked(
    trx('inbound_mails as m')
      .whereRaw("m.status = 'pending'")
      .where(isDue('m.next_attempt_at', { now, ...LONGEST_WAIT }))
      .where(isLeaseOver('m.lease_until', { now, ...LEASE }))
      .whereNotExists(
        trx('inbound_mails as older')
          .select(trx.raw('1'))
          .whereRaw("older.status = 'pending'")
          .whereRaw('older.sender = m.sender')
          .whereRaw('older.id < m.id'),
      )
      .orderBy(['m.next_attempt_at', 'm.id'])
      .limit(limit)
      .select('m.id'),
  )) as Row[];
  if (due.length === 0) return [];
  const rows = (await trx('inbound_mails')
    .whereIn(
      'id',
      due.map((row) => row.id as string),
    )
    .where({ status: 'pending' })
    .update({ lease_owner: owner, lease_until: leaseUntil, attempts: trx.raw('attempts + 1') })
    .returning(['id', 'attempts', 'size_bytes'])) as Row[];
  return rows
    .map((row) => ({
      id: row.id as string,
      attempts: Number(row.attempts),
      sizeBytes: Number(row.size_bytes),
    }))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** Holds a claimed one until the transaction ends, with the mail itself. Null: the lease is another's by now. */
export async function lockInboundMail(trx: Trx, id: string, owner: string): Promise<InboundMailRow | null> {
  const [row] = (await trx('inbound_mails')
    .where({ id, lease_owner: owner, status: 'pending' })
    .update({ attempts: trx.ref('attempts') })
    .returning('*')) as Row[];
  if (!row) return null;
  const raw = (await trx('inbound_mail_raws').where({ mail_id: id }).first('content')) as Row | undefined;
  return {
    id: row.id as string,
    way: row.way as Way,
    storeId: row.store_id as string | null,
    envelopeFrom: row.envelope_from as string | null,
    envelopeTo: JSON.parse(row.envelope_to as string) as string[],
    sender: row.sender as string,
    sizeBytes: Number(row.size_bytes),
    receivedAt: row.received_at as string,
    status: row.status as InboundMailStatus,
    attempts: Number(row.attempts),
    messageId: row.message_id as string | null,
    raw: (raw?.content as Buffer | undefined) ?? null,
  };
}

/** Writes only while `owner` holds the lease, and gives it back; false: another worker has it, or it is finished. */
export async function saveInboundMail(
  db: Db,
  { id, owner }: { id: string; owner: string },
  changes: {
    status?: InboundMailStatus;
    reason?: string | null;
    class?: string | null;
    messageId?: string | null;
    storm?: boolean;
    answerAt?: string | null;
    nextAttemptAt?: string;
    finishedAt?: string;
  },
): Promise<boolean> {
  const columns = {
    status: changes.status,
    reason: changes.reason?.slice(0, limits.reasonChars) ?? changes.reason,
    class: changes.class,
    message_id: changes.messageId,
    storm: changes.storm === undefined ? undefined : Number(changes.storm),
    answer_at: changes.answerAt,
    next_attempt_at: changes.nextAttemptAt,
    finished_at: changes.finishedAt,
  };
  const said = Object.fromEntries(Object.entries(columns).filter(([, value]) => value !== undefined));
  const count = await db('inbound_mails')
    .where({ id, lease_owner: owner, status: 'pending' })
    .update({ lease_owner: null, lease_until: null, ...said });
  return count === 1;
}

/** Removes the oldest raw mails that came before an instant and that somebody has finished; says how many. */
export async function deleteOldRaws(db: Db, before: string, limit: number): Promise<number> {
  const old = db('inbound_mail_raws as r')
    .join('inbound_mails as m', 'm.id', 'r.mail_id')
    .where('r.received_at', '<', before)
    .whereIn('m.status', ['done', 'ignored'])
    .orderBy('r.received_at')
    .limit(limit)
    .select('r.mail_id');
  return db('inbound_mail_raws').whereIn('mail_id', old).delete();
}

/** One that was given up, again; or put aside. False: it is not one of those. */
export async function reopenInboundMail(
  trx: Trx,
  input: { id: string; to: 'pending' | 'ignored'; now: string },
): Promise<boolean> {
  const again = { attempts: 0, next_attempt_at: input.now, finished_at: null, reason: null };
  const count = await trx('inbound_mails')
    .where({ id: input.id, status: 'failed' })
    .update({ status: input.to, ...(input.to === 'pending' ? again : {}) });
  return count === 1;
}

export interface AnswerDue {
  id: string;
  messageId: string;
  receivedAt: string;
}

/** Whose senders are to be told where to buy, the longest waiting first. */
export async function answersDue(db: Db, now: string, limit: number): Promise<AnswerDue[]> {
  const rows = (await db('inbound_mails')
    .where('answer_at', '<=', now)
    .orderBy('answer_at')
    .limit(limit)
    .select('id', 'message_id', 'received_at')) as Row[];
  return rows.map((row) => ({
    id: row.id as string,
    messageId: row.message_id as string,
    receivedAt: row.received_at as string,
  }));
}

/** False when another process has answered it. */
export async function takeAnswer(trx: Trx, id: string): Promise<boolean> {
  return (
    (await trx('inbound_mails').where({ id }).whereNotNull('answer_at').update({ answer_at: null })) === 1
  );
}

export async function postponeAnswer(trx: Trx, id: string, at: string): Promise<void> {
  await trx('inbound_mails').where({ id }).update({ answer_at: at });
}
