import { type ArrivalChanges, countArrivals, lockArrival, saveArrival } from '../domain/arrivals';
import { type Customer, customerOfPhone, findByPhone } from '../domain/customers';
import { addMessage } from '../domain/messages';
import {
  addMedia,
  hasLaterWord,
  type InboundSms,
  isOnlyKeyword,
  isPhoneNumber,
  keepInboundSms,
  keywordOf,
  optIn,
  optOut,
  readInbound,
  readInboundForm,
} from '../domain/sms';
import { listStores, type Store } from '../domain/stores';
import { customerWordWritten, lockTicket, recordTicketEvent, type Ticket } from '../domain/tickets';
import { customerTexts, textsIn } from '../locales';
import { type Actor, systemActor } from '../platform/actor';
import { afterCommit, type Trx, withTransaction } from '../platform/db';
import { limits } from '../platform/limits';
import type { Moment } from '../platform/moment';
import { assert } from '../platform/refusal';
import { type Context, momentOf } from './context';
import { hourBefore, likelyStore, type Place, placeForWord, subjectOf, whenAwake } from './customer-word';
import { hasWordsSince } from './customer-word.query';
import { ticketForSms } from './inbound-sms.query';
import { takeInTurn } from './take-in-turn';

/** The signed form of an SMS, kept before anything is made of it; a worker takes it in. */
export async function storeSms(ctx: Context, input: { sid: string; body: Buffer }): Promise<void> {
  await keepInboundSms(ctx.db, momentOf(ctx, systemActor), input);
  ctx.wake('sms.in');
}

/**
 * Take in the SMS that came: each becomes a message of the sender's newest open ticket, of a follow-up where all are
 * closed, or of a new ticket, unpaid where nothing was bought.
 * Shape:   { limit } → how many were handled
 * Errors:  see takeInTurn
 * Writes:  inbound_sms, messages, tickets, ticket_events, customers, sms_media, sms_opt_outs, the credit tables
 * Repeat:  one message a sid, whoever works and however often; of each sender in the order in which they came
 * Source:  DESIGN §3 "Someone writes who has not paid", §4
 */
export function receiveSmses(ctx: Context, { limit }: { limit: number }): Promise<number> {
  return takeInTurn(ctx, { way: 'sms', limit }, (claim) =>
    withTransaction(ctx.db, (trx) => takeInOnce(trx, ctx, claim)),
  );
}

async function takeInOnce(trx: Trx, ctx: Context, claim: { id: string; owner: string }): Promise<void> {
  if (!(await lockArrival(trx, 'sms', claim))) return;
  const sms = await readInbound(trx, claim.id);
  const moment = momentOf(ctx, systemActor);
  const end = (status: 'done' | 'ignored', more: ArrivalChanges = {}) =>
    saveArrival(trx, 'sms', claim, { status, reason: null, finishedAt: moment.at, ...more });
  const form = readInboundForm(sms.body);
  if (!isPhoneNumber(form.from)) {
    await end('ignored', { reason: 'The sender is no telephone number, so nobody can answer.' });
    return;
  }
  const stores = await listStores(trx);
  const keyword = keywordOf(form.text, form.optOutType);
  const number = form.from;
  let changed = false;
  const isLast = keyword !== null && !(await hasLaterWord(trx, { number, after: sms.receivedAt }));
  if (keyword === 'stop' && isLast) {
    const storeIds = stores.map((store) => store.id);
    changed = await optOut(trx, moment, { number, storeIds, source: 'word' });
  }
  if (keyword === 'start' && isLast) changed = await optIn(trx, { number });

  const customers = await findByPhone(trx, number);
  const ticketId = await ticketForSms(trx, { customerIds: customers.map(({ id }) => id), number });
  const found = ticketId === null ? null : await lockTicket(trx, ticketId);
  const quiet = isOnlyKeyword(form.text, keyword);
  // Nobody opens a ticket by saying that they want no SMS.
  if (quiet && (found === null || found.status === 'closed')) {
    await end('done');
    return;
  }
  const place = await placeFor(trx, moment, { found, customers, stores, form });
  if (!place) {
    await end('ignored', { reason: 'There is no store that it could be for.' });
    return;
  }
  const { ticket, customer, isNew } = place;
  const storm = await isStorm(trx, sms, ticket.id, moment.at);
  const author: Actor = { kind: 'customer', id: customer.id, name: customer.name || number };
  if (!quiet && !storm && !isNew) await customerWordWritten(trx, { ...moment, actor: author }, ticket.id);
  const t = textsIn('en');
  const pictures = form.mediaUrls.length;
  const message = await addMessage(
    trx,
    { ...moment, actor: author },
    {
      ticketId: ticket.id,
      direction: 'in',
      channel: 'sms',
      kind: 'customer',
      messageKey: `sms:${sms.sid}`,
      to: form.to === '' ? null : form.to,
      body: form.text === '' && pictures > 0 ? t('sms_in.only_pictures', { count: pictures }) : form.text,
      status: 'received',
    },
  );
  assert(message, 'an SMS that waits to be taken in has no message yet');
  await addMedia(trx, moment, { messageId: message.id, urls: form.mediaUrls });
  if (pictures > 0) afterCommit(trx, () => ctx.wake('sms.media'));
  if (changed) {
    const type = keyword === 'stop' ? 'sms.opted_out' : 'sms.opted_in';
    await recordTicketEvent(trx, { ...moment, actor: author }, { ticketId: ticket.id, type, facts: {} });
  }
  const store = stores.find((one) => one.id === ticket.storeId);
  const isToAnswer = ticket.unpaid && !quiet && !storm && store !== undefined;
  await end('done', {
    messageId: message.id,
    storm,
    answerAt: isToAnswer ? whenAwake(moment.at, store) : null,
  });
}

/** The ticket that it belongs to, made where there is none. Null: there is no store. */
async function placeFor(
  trx: Trx,
  moment: Moment,
  input: {
    found: Ticket | null;
    customers: Customer[];
    stores: Store[];
    form: { from: string; text: string };
  },
): Promise<(Place & { customer: Customer }) | null> {
  const { found, customers, stores, form } = input;
  // The sender of an SMS does not say which shop: the first one, unless they are known in another.
  const store = likelyStore(stores);
  if (!store) return null;
  const customer =
    customers.find((one) => one.id === found?.customerId) ??
    customers.at(-1) ??
    (await customerOfPhone(trx, moment, {
      storeId: store.id,
      phoneE164: form.from,
      storeLocale: store.locale,
    }));
  const t = customerTexts(customer.locale);
  const place = await placeForWord(
    trx,
    { ...moment, actor: { kind: 'customer', id: customer.id, name: customer.name || form.from } },
    { found, customer, subject: subjectOf(form.text, t('first_word.sms')) },
  );
  return { ...place, customer };
}

/** More than anybody types: from this number, or into this ticket, within the hour before it came. */
async function isStorm(trx: Trx, sms: InboundSms, ticketId: string, now: string): Promise<boolean> {
  const { from: sender, receivedAt } = sms;
  const sent = await countArrivals(trx, 'sms', { sender, after: hourBefore(receivedAt), until: sms });
  if (sent > limits.smsPerSenderHour) return true;
  const count = limits.smsPerTicketHour;
  return hasWordsSince(trx, { ticketId, channel: 'sms', after: hourBefore(now), count });
}
