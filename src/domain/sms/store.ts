import type { Db, Trx } from '../../platform/db';
import { skipLocked } from '../../platform/dialect';
import { isDue } from '../../platform/lease';
import { backoffSeconds, limits } from '../../platform/limits';
import { assert } from '../../platform/refusal';

type Row = Record<string, unknown>;

export interface InboundSms {
  id: string;
  sid: string;
  /** The signed form, as it came. */
  body: Buffer;
  from: string;
  to: string;
  receivedAt: string;
}

/** False when one with this sid is kept already. */
export async function insertInbound(db: Db, sms: InboundSms): Promise<boolean> {
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

/** Which of them have not come here. */
export async function unknownSids(db: Db, sids: string[]): Promise<string[]> {
  const known = new Set<string>();
  for (let at = 0; at < sids.length; at += SIDS_AT_ONCE) {
    const some = sids.slice(at, at + SIDS_AT_ONCE);
    for (const sid of (await db('inbound_sms').whereIn('sid', some).pluck('sid')) as string[]) known.add(sid);
  }
  return sids.filter((sid) => !known.has(sid));
}

/** Well within what one statement may name. */
const SIDS_AT_ONCE = 500;

/** From when on, and until when, the provider was asked for what came in. The first time that is now. */
export async function readOfLine(
  db: Db,
  { line, now }: { line: string; now: string },
): Promise<{ since: string; readUntil: string }> {
  await db('sms_lines').insert({ name: line, since: now, read_until: now }).onConflict('name').ignore();
  const row = (await db('sms_lines').where({ name: line }).first()) as Row;
  return { since: row.since as string, readUntil: row.read_until as string };
}

export async function saveReadUntil(db: Db, { line, at }: { line: string; at: string }): Promise<void> {
  await db('sms_lines').where({ name: line }).update({ read_until: at });
}

/** What else came from a number after an instant: of those who write on and on, the first ones. */
export async function bodiesAfter(
  db: Db,
  { number, after, limit }: { number: string; after: string; limit: number },
): Promise<Buffer[]> {
  return (await db('inbound_sms')
    .where({ from_number: number })
    .where('received_at', '>', after)
    .orderBy('received_at')
    .limit(limit)
    .pluck('body')) as Buffer[];
}

/** One that came, whatever became of it. */
export async function readInbound(db: Db, id: string): Promise<InboundSms> {
  const row = (await db('inbound_sms').where({ id }).first()) as Row | undefined;
  assert(row, 'an SMS that came stays');
  return {
    id: row.id as string,
    sid: row.sid as string,
    body: row.body as Buffer,
    from: row.from_number as string,
    to: row.to_number as string,
    receivedAt: row.received_at as string,
  };
}

const LONGEST_WAIT = { seconds: backoffSeconds(limits.inboxAttempts, 1) };

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
