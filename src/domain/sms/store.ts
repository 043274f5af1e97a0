import type { Db, Trx } from '../../platform/db';
import { skipLocked } from '../../platform/dialect';
import { isDue, isLeaseOver } from '../../platform/lease';
import { backoffSeconds, limits } from '../../platform/limits';

type Row = Record<string, unknown>;

export interface InboundSms {
  id: string;
  sid: string;
  body: Buffer;
  from: string;
  to: string;
  receivedAt: string;
  status: 'pending' | 'done' | 'ignored' | 'failed';
  attempts: number;
  messageId: string | null;
}

function inboundFrom(row: Row): InboundSms {
  return {
    id: row.id as string,
    sid: row.sid as string,
    body: row.body as Buffer,
    from: row.from_number as string,
    to: row.to_number as string,
    receivedAt: row.received_at as string,
    status: row.status as InboundSms['status'],
    attempts: Number(row.attempts),
    messageId: row.message_id as string | null,
  };
}

/** False when one with this sid is kept already. */
export async function insertInbound(
  db: Db,
  sms: Pick<InboundSms, 'id' | 'sid' | 'body' | 'from' | 'to' | 'receivedAt'>,
): Promise<boolean> {
  const rows = (await db('inbound_sms')
    .insert({
      id: sms.id,
      sid: sms.sid,
      body: sms.body,
      from_number: sms.from,
      to_number: sms.to,
      received_at: sms.receivedAt,
      status: 'pending',
      attempts: 0,
      next_attempt_at: sms.receivedAt,
    })
    .onConflict('sid')
    .ignore()
    .returning('id')) as unknown[];
  return rows.length === 1;
}

const LEASE = { seconds: limits.leaseSeconds };
const LONGEST_WAIT = { seconds: backoffSeconds(limits.inboxAttempts, 1) };

/** Due ones, the oldest first, and of each sender only the oldest: what somebody wrote is taken in in that order. */
export async function claimInbound(
  trx: Trx,
  { owner, now, leaseUntil, limit }: { owner: string; now: string; leaseUntil: string; limit: number },
): Promise<InboundSms[]> {
  const due = (await skipLocked(
    trx('inbound_sms as s')
      .whereRaw("s.status = 'pending'")
      .where(isDue('s.next_attempt_at', { now, ...LONGEST_WAIT }))
      .where(isLeaseOver('s.lease_until', { now, ...LEASE }))
      .whereNotExists(
        trx('inbound_sms as older')
          .select(trx.raw('1'))
          .whereRaw("older.status = 'pending'")
          .whereRaw('older.from_number = s.from_number')
          .whereRaw('older.id < s.id'),
      )
      .orderBy(['s.next_attempt_at', 's.id'])
      .limit(limit)
      .select('s.id'),
  )) as Row[];
  if (due.length === 0) return [];
  const rows = (await trx('inbound_sms')
    .whereIn(
      'id',
      due.map((row) => row.id as string),
    )
    .where({ status: 'pending' })
    .update({ lease_owner: owner, lease_until: leaseUntil, attempts: trx.raw('attempts + 1') })
    .returning('*')) as Row[];
  return rows.map(inboundFrom).sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** Writes only while `owner` holds the lease; false: another worker has it, or it is finished. */
export async function saveInbound(
  db: Db,
  { id, owner }: { id: string; owner: string },
  changes: {
    status?: InboundSms['status'];
    reason?: string | null;
    messageId?: string | null;
    storm?: boolean;
    answerAt?: string | null;
    nextAttemptAt?: string;
    finishedAt?: string;
  },
): Promise<boolean> {
  const count = await db('inbound_sms')
    .where({ id, lease_owner: owner, status: 'pending' })
    .update({
      lease_owner: null,
      lease_until: null,
      ...(changes.status === undefined ? {} : { status: changes.status }),
      ...(changes.reason === undefined
        ? {}
        : { reason: changes.reason?.slice(0, limits.reasonChars) ?? null }),
      ...(changes.messageId === undefined ? {} : { message_id: changes.messageId }),
      ...(changes.storm === undefined ? {} : { storm: changes.storm ? 1 : 0 }),
      ...(changes.answerAt === undefined ? {} : { answer_at: changes.answerAt }),
      ...(changes.nextAttemptAt === undefined ? {} : { next_attempt_at: changes.nextAttemptAt }),
      ...(changes.finishedAt === undefined ? {} : { finished_at: changes.finishedAt }),
    });
  return count === 1;
}

/** Holds a claimed one until the transaction ends. Null: the lease is another's by now. */
export async function lockInbound(trx: Trx, id: string, owner: string): Promise<InboundSms | null> {
  const [row] = (await trx('inbound_sms')
    .where({ id, lease_owner: owner, status: 'pending' })
    .update({ attempts: trx.ref('attempts') })
    .returning('*')) as Row[];
  return row ? inboundFrom(row) : null;
}

/** Back in line. False: it is not one that was given up. */
export async function reviveInbound(trx: Trx, input: { id: string; now: string }): Promise<boolean> {
  const count = await trx('inbound_sms')
    .where({ id: input.id, status: 'failed' })
    .update({ status: 'pending', attempts: 0, next_attempt_at: input.now, finished_at: null, reason: null });
  return count === 1;
}

/** How many came from a number after an instant, up to and with the one that is `until`. */
export async function countFrom(
  db: Db,
  input: { from: string; after: string; until: string },
): Promise<number> {
  const [row] = (await db('inbound_sms')
    .where({ from_number: input.from })
    .where('received_at', '>', input.after)
    .where('id', '<=', input.until)
    .count({ n: '*' })) as Row[];
  return Number(row?.n ?? 0);
}

export interface AnswerDue {
  id: string;
  messageId: string;
  from: string;
}

export async function answersDue(db: Db, now: string, limit: number): Promise<AnswerDue[]> {
  const rows = (await db('inbound_sms')
    .where('answer_at', '<=', now)
    .orderBy('answer_at')
    .limit(limit)
    .select('id', 'message_id', 'from_number')) as Row[];
  return rows.map((row) => ({
    id: row.id as string,
    messageId: row.message_id as string,
    from: row.from_number as string,
  }));
}

/** False when another process has answered it. */
export async function takeAnswer(trx: Trx, id: string): Promise<boolean> {
  return (await trx('inbound_sms').where({ id }).whereNotNull('answer_at').update({ answer_at: null })) === 1;
}

/** Of one that was taken: not yet. */
export async function postponeAnswer(trx: Trx, id: string, answerAt: string): Promise<void> {
  await trx('inbound_sms').where({ id }).update({ answer_at: answerAt });
}

export interface Media {
  id: string;
  messageId: string;
  position: number;
  url: string;
  attempts: number;
}

export async function insertMedia(
  trx: Trx,
  media: { id: string; messageId: string; position: number; url: string; at: string }[],
): Promise<void> {
  if (media.length === 0) return;
  await trx('sms_media').insert(
    media.map((one) => ({
      id: one.id,
      message_id: one.messageId,
      position: one.position,
      url: one.url,
      status: 'pending',
      attempts: 0,
      next_attempt_at: one.at,
    })),
  );
}

/** Takes due ones for a while: fetching one twice harms nothing, so the time until then is the only lease. */
export async function claimMedia(
  trx: Trx,
  { now, until, limit }: { now: string; until: string; limit: number },
): Promise<Media[]> {
  const due = (await skipLocked(
    trx('sms_media')
      .whereRaw("status = 'pending'")
      .where(isDue('next_attempt_at', { now, ...LONGEST_WAIT }))
      .orderBy(['next_attempt_at', 'id'])
      .limit(limit)
      .select('id'),
  )) as Row[];
  if (due.length === 0) return [];
  const rows = (await trx('sms_media')
    .whereIn(
      'id',
      due.map((row) => row.id as string),
    )
    .where({ status: 'pending' })
    .update({ next_attempt_at: until, attempts: trx.raw('attempts + 1') })
    .returning(['id', 'message_id', 'position', 'url', 'attempts'])) as Row[];
  return rows.map((row) => ({
    id: row.id as string,
    messageId: row.message_id as string,
    position: Number(row.position),
    url: row.url as string,
    attempts: Number(row.attempts),
  }));
}

export async function saveMedia(
  db: Db,
  id: string,
  outcome:
    | { status: 'stored'; contentType: string; content: Buffer }
    | { status: 'refused'; reason: string }
    | { status: 'pending'; nextAttemptAt: string; reason: string },
): Promise<void> {
  await db('sms_media')
    .where({ id, status: 'pending' })
    .update({
      status: outcome.status,
      ...(outcome.status === 'stored'
        ? {
            content_type: outcome.contentType,
            size_bytes: outcome.content.length,
            content: outcome.content,
            reason: null,
          }
        : { reason: outcome.reason.slice(0, limits.reasonChars) }),
      ...(outcome.status === 'pending' ? { next_attempt_at: outcome.nextAttemptAt } : {}),
    });
}

export interface Report {
  status: string | null;
  segments: number | null;
  priceMicros: number | null;
  currency: string | null;
  errorCode: number | null;
}

/** Keeps what is said; what is not said stays as it was. */
export async function upsertReport(
  trx: Trx,
  input: { messageId: string; providerId: string; at: string; askAt: string; report: Partial<Report> },
): Promise<void> {
  const said = Object.fromEntries(
    Object.entries({
      provider_status: input.report.status,
      segments: input.report.segments,
      price_micros: input.report.priceMicros,
      currency: input.report.currency,
      error_code: input.report.errorCode,
    }).filter(([, value]) => value !== null && value !== undefined),
  );
  await trx('sms_reports')
    .insert({
      message_id: input.messageId,
      provider_id: input.providerId,
      ...said,
      ask_at: input.askAt,
      asks: 0,
      updated_at: input.at,
    })
    .onConflict('message_id')
    .merge({ ...said, updated_at: input.at });
}

export interface ReportDue {
  messageId: string;
  providerId: string;
  asks: number;
}

export async function reportsDue(
  db: Db,
  now: string,
  limit: number,
): Promise<(ReportDue & { askAt: string })[]> {
  const rows = (await db('sms_reports')
    .where('ask_at', '<=', now)
    .orderBy('ask_at')
    .limit(limit)
    .select('message_id', 'provider_id', 'asks', 'ask_at')) as Row[];
  return rows.map((row) => ({
    messageId: row.message_id as string,
    providerId: row.provider_id as string,
    asks: Number(row.asks),
    askAt: row.ask_at as string,
  }));
}

/** Before the provider is asked. False: another process asks. */
export async function takeAsk(
  db: Db,
  input: { messageId: string; askAt: string; next: string | null },
): Promise<boolean> {
  const count = await db('sms_reports')
    .where({ message_id: input.messageId, ask_at: input.askAt })
    .update({ ask_at: input.next, asks: db.raw('asks + 1') });
  return count === 1;
}

/** Nothing more is to come: it has its last state and its price. */
export async function endAsking(db: Db, messageId: string): Promise<void> {
  await db('sms_reports').where({ message_id: messageId }).update({ ask_at: null });
}

export async function insertOptOuts(
  trx: Trx,
  rows: { storeId: string; number: string; source: 'word' | 'provider'; since: string }[],
): Promise<number> {
  if (rows.length === 0) return 0;
  const inserted = (await trx('sms_opt_outs')
    .insert(rows.map(({ storeId, ...row }) => ({ store_id: storeId, ...row })))
    .onConflict(['store_id', 'number'])
    .ignore()
    .returning('number')) as unknown[];
  return inserted.length;
}

export async function deleteOptOuts(trx: Trx, number: string): Promise<number> {
  return trx('sms_opt_outs').where({ number }).delete();
}

export async function findOptOut(db: Db, input: { storeId: string; number: string }): Promise<boolean> {
  const row: unknown = await db('sms_opt_outs')
    .where({ store_id: input.storeId, number: input.number })
    .first('number');
  return row !== undefined;
}
