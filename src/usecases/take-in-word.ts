import { countArrivals } from '../domain/arrivals';
import { addAttachments } from '../domain/attachments';
import {
  type Customer,
  customerOfEmail,
  findAllByEmail,
  findCustomer,
  normaliseEmail,
} from '../domain/customers';
import { addMessageMail, bareSubject, type MatchedBy, type SenderMark, senderOf } from '../domain/mails';
import { addMessage } from '../domain/messages';
import { listStores, type Store } from '../domain/stores';
import {
  callAttention,
  customerWordWritten,
  lockTicket,
  recordTicketEvent,
  type Ticket,
} from '../domain/tickets';
import { customerTexts, textsIn } from '../locales';
import type { Actor } from '../platform/actor';
import type { Trx } from '../platform/db';
import { lockName } from '../platform/dialect';
import { limits } from '../platform/limits';
import type { Moment } from '../platform/moment';
import { assert } from '../platform/refusal';
import type { Context } from './context';
import { hourBefore, likelyStore, placeForWord, subjectOf, whenAwake } from './customer-word';
import { hasWordsSince } from './customer-word.query';
import {
  isMessageAlready,
  newestTicketOf,
  ticketForNewMail,
  ticketOfMail,
  ticketOfMessageIds,
  ticketOfNumber,
} from './inbound-mail.query';
import type { Arrival, Ending } from './mail-arrival';
import { readBounceToken, readReplyToken, readSubjectTag } from './reply-address';

/**
 * What a person wrote, or a program in a person's place, becomes a message.
 * Shape:   Arrival → what became of it
 * Source:  DESIGN §3 "Someone writes who has not paid", §4, §8
 */
export async function takeInWord(trx: Trx, ctx: Context, moment: Moment, arrival: Arrival): Promise<Ending> {
  const { row, mail } = arrival;
  // A server on one of the ways may have encoded it anew, so that its bytes are others.
  if (await cameBefore(trx, arrival))
    return { status: 'ignored', reason: 'The same mail came before, by another way.' };
  const stores = await listStores(trx);
  const match = await matchOf(trx, ctx, arrival);
  const found = match === null ? null : await lockTicket(trx, match.ticketId);
  const automatic = mail.class === 'auto-reply';
  const isListed = mail.class === 'list';
  const sender = normaliseEmail(mail.from.address ?? '');

  if (found && match) {
    const customer = await findCustomer(trx, found.customerId);
    assert(customer, 'every ticket has a customer');
    const mark = senderOf({
      matchedBy: match.by,
      isCustomersAddress: sender !== null && mail.otherFrom.length === 0 && isAddressOf(customer, sender),
      isFirstContact: false,
    });
    // By our own signed address it is the customer's word, even by way of a list of theirs.
    if (isListed && (match.by !== 'token' || mark === 'different')) return listed(arrival);
    // Spam stays where it is, and calls nobody.
    if (found.spam) return keep(trx, moment, { arrival, ticket: found, customer, match, mark, silent: true });
    if (mark === 'different' && found.status !== 'closed') {
      return keepStrange(trx, moment, {
        arrival,
        ticket: found,
        customer,
        match,
        mark,
        silent: automatic,
      });
    }
    if (mark !== 'different') {
      if (automatic) {
        const storm = await isStorm(trx, arrival, found.id, moment.at);
        return keep(trx, moment, { arrival, ticket: found, customer, match, mark, silent: true, storm });
      }
      return keepWord(trx, moment, { arrival, stores, found, customer, match, mark });
    }
    // A closed ticket takes nothing any more, and a follow-up would be the customer's: it is the sender's own word.
  }

  if (isListed) return listed(arrival);
  if (automatic) {
    const storm = await isSenderStorm(trx, arrival);
    return { status: 'ignored', reason: 'An automatic answer that belongs to no ticket.', storm };
  }
  if (sender === null) return { status: 'ignored', reason: 'It has no sender whom anybody could answer.' };
  return keepFirst(trx, moment, { arrival, stores, sender, strangerTo: found, storeId: row.storeId });
}

function listed({ mail }: Arrival): Ending {
  return { status: 'ignored', reason: `Mail of a list or a newsletter (${mail.reasons.join('; ')}).` };
}

async function cameBefore(trx: Trx, arrival: Arrival): Promise<boolean> {
  const { mail, files } = arrival;
  if (mail.messageId === null) return false;
  // Another process may be at the other copy.
  await lockName(trx, `mail:${mail.messageId}`);
  return isMessageAlready(trx, {
    messageId: mail.messageId,
    fromAddress: mail.from.address ?? '',
    subject: mail.subject,
    body: bodyOf(arrival),
    files: files.map(({ sha256 }) => sha256),
  });
}

interface Match {
  ticketId: string;
  by: MatchedBy;
}

/** To which ticket it says that it belongs: by our signed address, by what it answers, by the number in its subject. */
async function matchOf(trx: Trx, ctx: Context, { row, mail }: Arrival): Promise<Match | null> {
  const addresses = addressesOf({ row, mail });
  for (const address of addresses) {
    const ticketId = readReplyToken(ctx.vault, address)?.ticketId;
    if (ticketId && (await lockTicket(trx, ticketId))) return { ticketId, by: 'token' };
  }
  // Programs, and people whose program does not know better, answer to where bounces go.
  for (const address of addresses) {
    const messageId = readBounceToken(ctx.vault, address)?.messageId;
    const ticketId = messageId ? await ticketOfMail(trx, messageId) : null;
    if (ticketId) return { ticketId, by: 'token' };
  }
  const answered = [...new Set([...mail.inReplyTo, ...mail.references.toReversed()])];
  const byId = await ticketOfMessageIds(trx, answered.slice(0, limits.mailReferencesRead), row.storeId);
  if (byId) return { ticketId: byId, by: 'message_id' };
  const number = readSubjectTag(mail.subject);
  const bySubject = number === null ? null : await ticketOfNumber(trx, number, row.storeId);
  return bySubject ? { ticketId: bySubject, by: 'subject' } : null;
}

/** Every address that it came to, those of the envelope first. */
export function addressesOf({ row, mail }: Pick<Arrival, 'row' | 'mail'>): string[] {
  const named = [...mail.to, ...mail.cc].flatMap(({ address }) => address ?? []);
  return [...new Set([...row.envelopeTo, ...mail.deliveredTo, ...named])];
}

function isAddressOf(customer: Customer, sender: string): boolean {
  return customer.emailNormalised === sender || normaliseEmail(customer.email ?? '') === sender;
}

interface Kept {
  arrival: Arrival;
  ticket: Ticket;
  customer: Customer;
  match: { by: MatchedBy };
  mark: SenderMark;
  /** Nobody is called by it. */
  silent: boolean;
}

/** It becomes a message, and nothing else changes but what the caller does. */
async function keep(trx: Trx, moment: Moment, kept: Kept & { storm?: boolean }): Promise<Ending> {
  const { arrival, ticket, match, mark } = kept;
  const { row, mail, files } = arrival;
  const message = await addMessage(
    trx,
    { ...moment, actor: authorOf(kept) },
    {
      ticketId: ticket.id,
      direction: 'in',
      channel: 'email',
      kind: 'customer',
      messageKey: `mail:${row.id}`,
      subject: mail.subject === '' ? null : mail.subject,
      body: bodyOf(arrival),
      status: 'received',
      providerId: mail.messageId,
    },
  );
  assert(message, 'a mail that waits to be taken in has no message yet');
  await addMessageMail(trx, {
    messageId: message.id,
    fromAddress: mail.from.address ?? '',
    fromName: mail.from.name,
    class: mail.class === 'auto-reply' ? 'auto-reply' : 'person',
    matchedBy: match.by,
    sender: mark,
    quoted: mail.quotedText,
    signature: mail.signature,
    html: mail.html,
    remoteImages: mail.remoteImages,
    limitsHit: mail.limitsHit,
  });
  await addAttachments(trx, moment, { messageId: message.id, items: files });
  return { status: 'done', messageId: message.id, storm: kept.storm ?? false };
}

/** Somebody else's words in a customer's ticket: seen by agents only, until one of them lets them stand. */
async function keepStrange(trx: Trx, moment: Moment, kept: Kept): Promise<Ending> {
  const { arrival, ticket } = kept;
  const storm = await isStorm(trx, arrival, ticket.id, moment.at);
  const ending = await keep(trx, moment, { ...kept, storm });
  if (kept.silent || storm) return ending;
  await recordTicketEvent(trx, moment, {
    ticketId: ticket.id,
    type: 'mail.different_sender',
    facts: { message_id: ending.messageId, from: arrival.mail.from.address ?? '' },
  });
  await callAttention(trx, moment, ticket.id);
  return ending;
}

/** The customer's own word in a ticket of theirs, or in what goes on with it. */
async function keepWord(
  trx: Trx,
  moment: Moment,
  input: {
    arrival: Arrival;
    stores: Store[];
    found: Ticket | null;
    customer: Customer;
    match: { by: MatchedBy };
    mark: SenderMark;
  },
): Promise<Ending> {
  const { arrival, stores, found, customer, match, mark } = input;
  const { mail } = arrival;
  const author = authorOf({ arrival, customer, mark });
  const t = customerTexts(customer.locale);
  const subject = subjectOf(
    bareSubject(mail.subject) || mail.visibleText,
    t('first_word.email'),
    limits.subjectChars,
  );
  const place = await placeForWord(trx, { ...moment, actor: author }, { found, customer, subject });
  const { ticket, isNew } = place;
  const storm = await isStorm(trx, arrival, ticket.id, moment.at);
  if (!isNew && !storm) await customerWordWritten(trx, { ...moment, actor: author }, ticket.id);
  const ending = await keep(trx, moment, {
    arrival,
    ticket,
    customer,
    match,
    mark,
    silent: storm,
    storm,
  });
  const store = stores.find((one) => one.id === ticket.storeId);
  const isToAnswer = ticket.unpaid && !storm && mail.class === 'person' && mail.mayAutoAnswer && store;
  return { ...ending, answerAt: isToAnswer ? whenAwake(moment.at, store) : null };
}

/** It answers nothing of ours: the sender is found, or met. */
async function keepFirst(
  trx: Trx,
  moment: Moment,
  input: {
    arrival: Arrival;
    stores: Store[];
    sender: string;
    /** The closed ticket of somebody else that it named. */
    strangerTo: Ticket | null;
    storeId: string | null;
  },
): Promise<Ending> {
  const { arrival, stores, sender, strangerTo, storeId } = input;
  const { mail } = arrival;
  const known = await findAllByEmail(trx, { emailNormalised: sender, storeId });
  const ids = known.map((customer) => customer.id);
  const senderStorm = ids.length > 0 && (await isSenderStorm(trx, arrival));
  // Who sends that many opens no more tickets by it.
  const ticketId = senderStorm ? await newestTicketOf(trx, ids) : await ticketForNewMail(trx, ids);
  const found = ticketId === null ? null : await lockTicket(trx, ticketId);
  const store = stores.find((one) => one.id === (strangerTo?.storeId ?? storeId)) ?? likelyStore(stores);
  if (!store) return { status: 'ignored', reason: 'There is no store that it could be for.' };
  const customer =
    known.find((one) => one.id === found?.customerId) ??
    known.find((one) => one.wooCustomerId !== null) ??
    known[0] ??
    (await customerOfEmail(trx, moment, {
      storeId: store.id,
      email: mail.from.address ?? sender,
      emailNormalised: sender,
      name: mail.from.name,
      storeLocale: store.locale,
    }));
  const by: MatchedBy = found ? 'sender' : 'new';
  const mark = senderOf({
    matchedBy: by,
    isCustomersAddress: mail.otherFrom.length === 0,
    isFirstContact: known.length === 0,
  });
  if (found && senderStorm) {
    return keep(trx, moment, {
      ...{ arrival, ticket: found, customer, match: { by }, mark },
      silent: true,
      storm: true,
    });
  }
  if (found && mark === 'different') {
    return keepStrange(trx, moment, {
      ...{ arrival, ticket: found, customer, match: { by }, mark },
      silent: false,
    });
  }
  const ending = await keepWord(trx, moment, {
    ...{ arrival, stores, found, customer, match: { by } },
    mark: mark === 'different' ? 'unproven' : mark,
  });
  return ending;
}

/** More than anybody types: from this sender, or into this ticket, within the hour before it came. */
async function isStorm(trx: Trx, arrival: Arrival, ticketId: string, now: string): Promise<boolean> {
  if (await isSenderStorm(trx, arrival)) return true;
  const count = limits.mailsPerTicketHour;
  return hasWordsSince(trx, { ticketId, channel: 'email', after: hourBefore(now), count });
}

export async function isSenderStorm(trx: Trx, { row }: Arrival): Promise<boolean> {
  if (row.sender === '') return false;
  const { sender, receivedAt } = row;
  const sent = await countArrivals(trx, 'mail', { sender, after: hourBefore(receivedAt), until: row });
  return sent > limits.mailsPerSenderHour;
}

/** Nobody else's words stand under the customer's name. */
function authorOf({ arrival, customer, mark }: Pick<Kept, 'arrival' | 'customer' | 'mark'>): Actor {
  const { name, address } = arrival.mail.from;
  if (mark === 'different') return { kind: 'customer', id: '', name: name || address || '' };
  return { kind: 'customer', id: customer.id, name: customer.name || name || address || '' };
}

function bodyOf({ mail, files }: Arrival): string {
  const t = textsIn('en');
  const text = mail.visibleText || mail.text;
  if (text.trim() !== '') return text;
  if (mail.class === 'unreadable') return t('mail_words.unreadable');
  return files.length > 0 ? t('mail_words.only_files', { count: files.length }) : t('mail_words.empty');
}
