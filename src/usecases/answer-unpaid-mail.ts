import { type AnswerDue, answersDue, postponeAnswer, takeAnswer } from '../domain/arrivals';
import { findCustomer } from '../domain/customers';
import { addMessage } from '../domain/messages';
import { findStore } from '../domain/stores';
import { customerTexts } from '../locales';
import { systemActor } from '../platform/actor';
import { addSeconds, iso } from '../platform/clock';
import { type Trx, withTransaction } from '../platform/db';
import { limits } from '../platform/limits';
import type { Moment } from '../platform/moment';
import { localTime } from '../platform/time-zone';
import { type Context, momentOf } from './context';
import { whenAwake } from './customer-word';
import { unpaidWriter } from './customer-word.query';
import { topUpUrl } from './messaging.query';

/**
 * Tell those who wrote by mail and have not paid where to buy: once a day, in waking hours, in their language, free. Few at
 * a time: spam with forged senders must not make Zeton write to hundreds of strangers.
 * Shape:   → how many were looked at
 * Writes:  messages, outbox, inbound_mails
 * Repeat:  one a day for each customer, whichever process does it
 * Source:  DESIGN §3 "Someone writes who has not paid"
 */
export async function answerUnpaidMail(ctx: Context): Promise<number> {
  const moment = momentOf(ctx, systemActor);
  const due = await answersDue(ctx.db, 'mail', { now: moment.at, limit: limits.mailAnswersPerMinute });
  for (const one of due) await withTransaction(ctx.db, (trx) => answer(trx, moment, one));
  if (due.length > 0) ctx.wake('outbox.email');
  // No loop: the next ones have their turn a minute later.
  return 0;
}

async function answer(trx: Trx, moment: Moment, due: AnswerDue): Promise<void> {
  if (!(await takeAnswer(trx, 'mail', due.id))) return;
  // After a flood, or a long stop: an answer that comes days later puzzles more than it helps.
  if (due.receivedAt < iso(addSeconds(new Date(moment.at), -limits.mailAnswerLateSeconds))) return;
  const writer = await unpaidWriter(trx, due.messageId);
  // Bought meanwhile, or found to be spam.
  if (!writer?.unpaid) return;
  const [store, customer] = [
    await findStore(trx, writer.storeId),
    await findCustomer(trx, writer.customerId),
  ];
  if (!store || !customer?.email) return;
  // It was put off over a stop of Zeton: still not in the night.
  const at = whenAwake(moment.at, store);
  if (at !== moment.at) return postponeAnswer(trx, 'mail', { id: due.id, at });
  const t = customerTexts(customer.locale);
  const url = (await topUpUrl(trx, store.id, 'email')) ?? store.url;
  const { day } = localTime(moment.at, store.timeZone);
  const hello = customer.name ? t('greeting.hello', { name: customer.name }) : t('greeting.hello_nobody');
  const where = url === null ? t('unpaid.mail_no_link') : t('unpaid.mail', { url });
  await addMessage(
    trx,
    { ...moment, actor: { ...systemActor, name: store.name } },
    {
      ticketId: writer.ticketId,
      direction: 'out',
      channel: 'email',
      kind: 'system',
      messageKey: `customer:${customer.id}:mail-unpaid:${day}`,
      to: customer.email,
      subject: t('unpaid.mail_subject'),
      body: [hello, where, store.name].join('\n\n'),
      status: 'queued',
    },
  );
}
