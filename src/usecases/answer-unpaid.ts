import { type AnswerDue, type ArrivalWay, answersDue, postponeAnswer, takeAnswer } from '../domain/arrivals';
import { type Customer, findCustomer } from '../domain/customers';
import { addMessage, type SendingChannel } from '../domain/messages';
import { findOptOut } from '../domain/sms';
import { findStore, type Store } from '../domain/stores';
import { type CustomerTexts, customerTexts } from '../locales';
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

interface Writer {
  store: Store;
  customer: Customer;
  /** As they came by this way. */
  sender: string;
}

interface Answering {
  channel: SendingChannel;
  /** Null: this writer is not to be answered by it. */
  recipientOf(trx: Trx, writer: Writer): Promise<string | null>;
  words(
    t: CustomerTexts,
    input: { store: Store; customer: Customer; url: string | null },
  ): { subject?: string; body: string };
}

const ANSWERING: Record<ArrivalWay, Answering> = {
  mail: {
    channel: 'email',
    recipientOf: async (_trx, { customer }) => customer.email,
    words(t, { store, customer, url }) {
      const hello = customer.name ? t('greeting.hello', { name: customer.name }) : t('greeting.hello_nobody');
      const where = url === null ? t('unpaid.mail_no_link') : t('unpaid.mail', { url });
      return { subject: t('unpaid.mail_subject'), body: [hello, where, store.name].join('\n\n') };
    },
  },
  sms: {
    channel: 'sms',
    recipientOf: async (trx, { store, sender }) =>
      (await findOptOut(trx, { storeId: store.id, number: sender })) ? null : sender,
    words: (t, { store, url }) => ({
      body:
        url === null
          ? t('unpaid.sms_no_link', { store: store.name })
          : t('unpaid.sms', { store: store.name, url }),
    }),
  },
};

/**
 * Tell those who wrote and have not paid where to buy: once a day by each way, in waking hours, in their language, free. Few
 * at a time: spam with forged senders must not make Zeton write to hundreds of strangers.
 * Shape:   → 0: the next ones have their turn a minute later
 * Writes:  messages, outbox, inbound_mails or inbound_sms
 * Repeat:  one a day for each customer, whichever process does it
 * Source:  DESIGN §3 "Someone writes who has not paid"
 */
export async function answerUnpaid(ctx: Context, way: ArrivalWay): Promise<number> {
  const moment = momentOf(ctx, systemActor);
  const due = await answersDue(ctx.db, way, { now: moment.at, limit: limits.unpaidAnswersPerMinute });
  for (const one of due) await withTransaction(ctx.db, (trx) => answer(trx, moment, way, one));
  if (due.length > 0) ctx.wake(`outbox.${ANSWERING[way].channel}`);
  return 0;
}

async function answer(trx: Trx, moment: Moment, way: ArrivalWay, due: AnswerDue): Promise<void> {
  if (!(await takeAnswer(trx, way, due.id))) return;
  // After a flood, or a long stop: an answer that comes days later puzzles more than it helps.
  if (due.receivedAt < iso(addSeconds(new Date(moment.at), -limits.unpaidAnswerLateSeconds))) return;
  const writer = await unpaidWriter(trx, due.messageId);
  // Bought meanwhile, or found to be spam.
  if (!writer?.unpaid) return;
  const store = await findStore(trx, writer.storeId);
  const customer = await findCustomer(trx, writer.customerId);
  if (!store || !customer) return;
  const { channel, recipientOf, words } = ANSWERING[way];
  const to = await recipientOf(trx, { store, customer, sender: due.sender });
  if (!to) return;
  // It was put off over a stop of Zeton: still not in the night.
  const at = whenAwake(moment.at, store);
  if (at !== moment.at) return postponeAnswer(trx, way, { id: due.id, at });
  const url = (await topUpUrl(trx, store.id, channel)) ?? store.url;
  const { day } = localTime(moment.at, store.timeZone);
  await addMessage(
    trx,
    { ...moment, actor: { ...systemActor, name: store.name } },
    {
      ticketId: writer.ticketId,
      direction: 'out',
      channel,
      kind: 'system',
      messageKey: `customer:${customer.id}:${way}-unpaid:${day}`,
      to,
      ...words(customerTexts(customer.locale), { store, customer, url }),
      status: 'queued',
    },
  );
}
