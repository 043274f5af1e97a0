import { addSeconds, iso } from '../../platform/clock';
import type { Db, Trx } from '../../platform/db';
import { limits } from '../../platform/limits';
import type { Moment } from '../../platform/moment';
import { Refusal } from '../../platform/refusal';
import { askAfterSeconds, formOf, keywordOf, outcomeOf, readInboundForm } from './rules';
import {
  bodiesAfter,
  deleteOptOuts,
  endAsking,
  findOptOut,
  insertInbound,
  insertMedia,
  insertOptOuts,
  type Report,
  type ReportDue,
  reportsDue,
  takeAsk,
  upsertReport,
} from './store';

/**
 * Keep an SMS as it came, before anything is made of it. One insert: its commit is what the sender is told.
 * Shape:   { sid, body: the signed form } → whether it is new
 * Writes:  inbound_sms
 * Repeat:  harmless, also at the same time: one row a sid
 * Source:  DESIGN §2.1, §4
 */
export async function keepInboundSms(
  db: Db,
  moment: Moment,
  input: { sid: string; body: Buffer; receivedAt?: string },
): Promise<{ fresh: boolean }> {
  const { from, to } = readInboundForm(input.body);
  const fresh = await insertInbound(db, {
    id: moment.ids.next(),
    sid: input.sid,
    body: input.body,
    from,
    to,
    receivedAt: input.receivedAt ?? moment.at,
  });
  return { fresh };
}

/** The same of one that the provider was asked for. */
export function keepReceivedSms(
  db: Db,
  moment: Moment,
  sms: { sid: string; from: string; to: string; text: string; mediaUrls: string[]; receivedAt: string },
): Promise<{ fresh: boolean }> {
  const { sid, receivedAt } = sms;
  return keepInboundSms(db, moment, { sid, receivedAt, body: formOf(sms) });
}

/** Notes the pictures of a message, to be fetched after the commit. */
export async function addMedia(
  trx: Trx,
  moment: Moment,
  input: { messageId: string; urls: string[] },
): Promise<void> {
  const { messageId, urls } = input;
  await insertMedia(
    trx,
    urls.map((url, position) => ({ id: moment.ids.next(), messageId, position, url, at: moment.at })),
  );
}

/**
 * Keep what the provider says of a message that it took; the price comes late, so it is asked for.
 * Shape:   { messageId, providerId, report } ; what the report leaves out stays
 * Writes:  sms_reports
 * Repeat:  harmless; a status never goes back from a final one
 */
export async function keepReport(
  trx: Trx,
  moment: Moment,
  input: { messageId: string; providerId: string; report: Partial<Report> },
): Promise<void> {
  const askAt = iso(addSeconds(new Date(moment.at), askAfterSeconds(0) as number));
  await upsertReport(trx, { ...input, at: moment.at, askAt });
}

/**
 * Of which messages the provider is to be asked now. Each is this caller's: another process gets others.
 * Writes:  sms_reports (when it is asked next)
 */
export async function takeReportsDue(db: Db, moment: Moment, input: { limit: number }): Promise<ReportDue[]> {
  const taken: ReportDue[] = [];
  for (const { askAt, ...due } of await reportsDue(db, moment.at, input.limit)) {
    const wait = askAfterSeconds(due.asks + 1);
    const next = wait === null ? null : iso(addSeconds(new Date(moment.at), wait));
    if (await takeAsk(db, { messageId: due.messageId, askAt, next })) taken.push(due);
  }
  return taken;
}

/** Is there anything left to ask the provider for? When not, it is left in peace. */
export async function closeReport(db: Db, messageId: string, report: Report): Promise<void> {
  const outcome = outcomeOf(report.status ?? '');
  if (report.priceMicros !== null && (outcome === 'delivered' || outcome === 'failed')) {
    await endAsking(db, messageId);
  }
}

/**
 * A number wants no more SMS. All stores have the same sender, and the provider stops it for all of them.
 * Shape:   → whether anything changed
 * Writes:  sms_opt_outs
 */
export async function optOut(
  trx: Trx,
  moment: Moment,
  input: { number: string; storeIds: string[]; source: 'word' | 'provider' },
): Promise<boolean> {
  const { number, source } = input;
  const rows = input.storeIds.map((storeId) => ({ storeId, number, source, since: moment.at }));
  return (await insertOptOuts(trx, rows)) > 0;
}

/** Has somebody said STOP or START after an instant? One that was fetched late must not undo what they said since. */
export async function hasLaterWord(db: Db, input: { number: string; after: string }): Promise<boolean> {
  const bodies = await bodiesAfter(db, { ...input, limit: limits.smsPerSenderHour });
  return bodies.some((body) => {
    const { text, optOutType } = readInboundForm(body);
    return ['stop', 'start'].includes(keywordOf(text, optOutType) ?? '');
  });
}

/** A number takes SMS again. */
export async function optIn(trx: Trx, input: { number: string }): Promise<boolean> {
  return (await deleteOptOuts(trx, input.number)) > 0;
}

/**
 * May an SMS be sent to this number?
 * Errors:  recipient-opted-out
 * Source:  DESIGN §4 "STOP/START are honoured"
 */
export async function refuseOptedOut(db: Db, input: { storeId: string; number: string }): Promise<void> {
  if (!(await findOptOut(db, input))) return;
  throw new Refusal(
    'recipient-opted-out',
    'The recipient answered STOP and takes no SMS. Nothing was sent, and nothing is charged.',
    { channel: 'sms' },
  );
}
