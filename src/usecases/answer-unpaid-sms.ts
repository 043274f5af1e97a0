import { type AnswerDue, answersDue, postponeAnswer, takeAnswer } from '../domain/arrivals';
import { findCustomer } from '../domain/customers';
import { addMessage } from '../domain/messages';
import { findOptOut } from '../domain/sms';
import { findStore } from '../domain/stores';
import { customerTexts } from '../locales';
import { systemActor } from '../platform/actor';
import { type Trx, withTransaction } from '../platform/db';
import { limits } from '../platform/limits';
import type { Moment } from '../platform/moment';
import { localTime } from '../platform/time-zone';
import { type Context, momentOf } from './context';
import { whenAwake } from './customer-word';
import { unpaidWriter } from './customer-word.query';
import { topUpUrl } from './messaging.query';

/**
 * Tell those who wrote and have not paid where to buy: once a day, in waking hours, in their language, free.
 * Shape:   → how many were looked at
 * Writes:  messages, outbox, inbound_sms
 * Repeat:  one a day for each customer, whichever process does it
 * Source:  DESIGN §3 "Someone writes who has not paid"
 */
export async function answerUnpaidSms(ctx: Context): Promise<number> {
  const moment = momentOf(ctx, systemActor);
  const due = await answersDue(ctx.db, 'sms', { now: moment.at, limit: limits.workerBatch });
  for (const one of due) await withTransaction(ctx.db, (trx) => answer(trx, moment, one));
  if (due.length > 0) ctx.wake('outbox');
  return due.length;
}

async function answer(trx: Trx, moment: Moment, due: AnswerDue): Promise<void> {
  if (!(await takeAnswer(trx, 'sms', due.id))) return;
  const writer = await unpaidWriter(trx, due.messageId);
  // Bought meanwhile, or found to be spam.
  if (!writer?.unpaid) return;
  const [store, customer] = [
    await findStore(trx, writer.storeId),
    await findCustomer(trx, writer.customerId),
  ];
  if (!store || !customer) return;
  if (await findOptOut(trx, { storeId: store.id, number: due.sender })) return;
  // It was put off over a stop of Zeton: still not in the night.
  const at = whenAwake(moment.at, store);
  if (at !== moment.at) return postponeAnswer(trx, 'sms', { id: due.id, at });
  const t = customerTexts(customer.locale);
  const url = (await topUpUrl(trx, store.id, 'sms')) ?? store.url;
  const { day } = localTime(moment.at, store.timeZone);
  await addMessage(
    trx,
    { ...moment, actor: { ...systemActor, name: store.name } },
    {
      ticketId: writer.ticketId,
      direction: 'out',
      channel: 'sms',
      kind: 'system',
      messageKey: `customer:${customer.id}:sms-unpaid:${day}`,
      to: due.sender,
      body:
        url === null
          ? t('unpaid.sms_no_link', { store: store.name })
          : t('unpaid.sms', { store: store.name, url }),
      status: 'queued',
    },
  );
}
