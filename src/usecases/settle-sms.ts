import { findMessage, type Message } from '../domain/messages';
import {
  closeReport,
  keepReport,
  OPTED_OUT_CODE,
  optOut,
  outcomeOf,
  type Report,
  takeReportsDue,
} from '../domain/sms';
import { findTicket } from '../domain/tickets';
import { systemActor } from '../platform/actor';
import { type Trx, withTransaction } from '../platform/db';
import { isId } from '../platform/ids';
import { limits } from '../platform/limits';
import type { Moment } from '../platform/moment';
import { type Context, momentOf } from './context';
import { messageIdOfProvider } from './inbound-sms.query';
import { settleMessageIn } from './settle-message';
import { smsFailureInWords } from './sms-words';

/** What the provider tells of a message that it took. */
export interface SmsNews {
  providerId: string;
  /** Zeton's id, where the provider was given it along; it knows a message before we have kept the provider's id. */
  messageId: string | null;
  report: Report;
}

/**
 * A status callback, or what the provider answered when it was asked: the one place that decides what it changes.
 * Shape:   SmsNews → known: the message it is about was found
 * Writes:  as settleMessage; sms_reports, sms_opt_outs
 * Repeat:  harmless, in any order: see settling() in domain/messages/rules.ts
 * Source:  DESIGN §3 "Failure gives back", issue 6
 */
export async function settleSms(ctx: Context, news: SmsNews): Promise<{ known: boolean }> {
  const known = await withTransaction(ctx.db, async (trx) => {
    const message = await messageOf(trx, news);
    if (!message) return null;
    const moment = momentOf(ctx, systemActor);
    const outcome = outcomeOf(news.report.status ?? '');
    if (outcome !== null) {
      await settleMessageIn(trx, moment, {
        messageId: message.id,
        outcome,
        providerId: news.providerId,
        reason: outcome === 'failed' ? smsFailureInWords(news.report.errorCode) : undefined,
      });
    }
    await keepSmsReport(trx, moment, message, news.providerId, news.report);
    return message.id;
  });
  if (known !== null) await closeReport(ctx.db, known, news.report);
  return { known: known !== null };
}

/** Null: none of ours, or of another attempt than the one that counts. Its failure must not give anything back. */
async function messageOf(trx: Trx, { messageId, providerId }: SmsNews): Promise<Message | null> {
  const known = await messageIdOfProvider(trx, providerId);
  const id = known ?? messageId;
  if (id === null || !isId(id)) return null;
  // Not locked here: settle() takes the outbox row first, as the worker does whose answer may come at the same time.
  const message = await findMessage(trx, id);
  if (message?.direction !== 'out' || message.channel !== 'sms') return null;
  return known !== null || message.providerId === null ? message : null;
}

/** In the transaction that settles the message. A status that came late does not overwrite a final one. */
export async function keepSmsReport(
  trx: Trx,
  moment: Moment,
  message: Pick<Message, 'id' | 'ticketId' | 'to'>,
  providerId: string,
  report: Report,
): Promise<void> {
  const after = await findMessage(trx, message.id);
  const isLate = outcomeOf(report.status ?? '') === 'sent' && after?.status !== 'sent';
  const { status, ...rest } = report;
  await keepReport(trx, moment, {
    messageId: message.id,
    providerId,
    report: isLate ? rest : { status, ...rest },
  });
  if (report.errorCode === OPTED_OUT_CODE) await keepOptOut(trx, moment, message);
}

/** The provider knows of a STOP that has not come here. */
export async function keepOptOut(
  trx: Trx,
  moment: Moment,
  message: Pick<Message, 'ticketId' | 'to'>,
): Promise<void> {
  const ticket = await findTicket(trx, message.ticketId);
  if (!ticket || message.to === null) return;
  await optOut(trx, moment, { number: message.to, storeIds: [ticket.storeId], source: 'provider' });
}

/**
 * Ask the provider for prices, which it knows late, and for what no callback has told.
 * Shape:   → how many were asked for
 * Repeat:  each question is taken by one process; asked twice it changes nothing
 */
export async function askSmsReports(ctx: Context): Promise<number> {
  const { readReport } = ctx.gateways.sms;
  if (!readReport) return 0;
  const due = await takeReportsDue(ctx.db, momentOf(ctx, systemActor), { limit: limits.workerBatch });
  for (const { messageId, providerId } of due) {
    try {
      const report = await readReport(providerId);
      if (report) await settleSms(ctx, { providerId, messageId, report });
    } catch (error) {
      // It is asked again later, until it has been asked often enough.
      ctx.log.warn(
        { err: error, message_id: messageId },
        'the SMS provider could not be asked for a message',
      );
    }
  }
  return due.length;
}
