import { addBounce, bounceDoubt, bounceFlaw, countBounces } from '../domain/mails';
import { findMessage, type Message } from '../domain/messages';
import { isGoneForGood } from '../domain/suppressions';
import { callAttention, lockTicket, recordTicketEvent, type Ticket } from '../domain/tickets';
import type { Bounce } from '../gateways/email';
import { addSeconds, iso } from '../platform/clock';
import type { Trx } from '../platform/db';
import { isId } from '../platform/ids';
import { limits } from '../platform/limits';
import type { Moment } from '../platform/moment';
import type { Context } from './context';
import { hasMailSince, idInMessageId } from './inbound-mail.query';
import type { Arrival, Ending } from './mail-arrival';
import { readBounceToken } from './reply-address';
import { settleMessageIn } from './settle-message';
import { suppressRecipient } from './suppress-address';
import { addressesOf } from './take-in-word';

/**
 * A mail server tells that a mail of ours was not delivered, or not yet. What can be believed settles the message as
 * failed, and its credit is given back; what a customer could have made up waits for a person; what proves nothing is
 * noted in the ticket.
 * Shape:   Arrival (class bounce or delayed) → what became of it
 * Source:  DESIGN §3 "Failure gives back", §8 "A forged bounce must not refund"
 */
export async function takeInBounce(
  trx: Trx,
  ctx: Context,
  moment: Moment,
  arrival: Arrival,
): Promise<Ending> {
  const { row, mail } = arrival;
  const tokens = addressesOf(arrival).flatMap(
    (address) => readBounceToken(ctx.vault, address)?.messageId ?? [],
  );
  const messageId = tokens[0] ?? claimedMessage(arrival);
  const message = messageId === null ? null : await findMessage(trx, messageId);
  if (message?.direction !== 'out' || message.channel !== 'email') {
    return { status: 'ignored', reason: 'It tells of a mail that is none of ours.' };
  }
  const ticket = await lockTicket(trx, message.ticketId);
  if (!ticket) return { status: 'ignored', reason: 'It tells of a mail of no ticket.' };
  const reason = reasonOf(mail.bounce);
  const hasToken = tokens.length > 0;
  const hasNullSender = row.envelopeFrom === '' || (row.envelopeFrom === null && mail.returnPath === '');

  if (mail.class === 'delayed') {
    if (hasToken) {
      await note(trx, moment, ticket, 'mail.delayed', { message_id: message.id, reason });
    }
    return { status: 'done', messageId: message.id };
  }
  const flaw = bounceFlaw({ hasToken, hasNullSender, sentAt: message.sentAt, at: row.receivedAt });
  if (flaw !== null) {
    await note(trx, moment, ticket, 'mail.bounce_unproven', { message_id: message.id, flaw, reason });
    return { status: 'done', messageId: message.id, reason: `A bounce that proves nothing (${flaw}).` };
  }
  return believe(trx, moment, { arrival, message, ticket, reason });
}

async function believe(
  trx: Trx,
  moment: Moment,
  input: { arrival: Arrival; message: Message; ticket: Ticket; reason: string },
): Promise<Ending> {
  const { arrival, message, ticket, reason } = input;
  const { customerId } = ticket;
  const known = {
    status: 'done',
    messageId: message.id,
    reason: 'It is known that this mail came back.',
  } as const;
  // Its credit is back, whatever it failed by: there is nothing to ask a person.
  if (message.status === 'failed') return known;
  const isPaid = message.holdId !== null;
  const since = iso(addSeconds(new Date(moment.at), -limits.bounceMemoryDays * 86_400));
  const doubt = isPaid
    ? bounceDoubt({
        bouncesBefore: await countBounces(trx, customerId, since),
        answeredSince: await hasMailSince(trx, message),
      })
    : null;
  const state = doubt === null ? 'settled' : 'review';
  // What cost nothing gives nothing back, so it does not count as the one that is believed.
  const isNews =
    !isPaid ||
    (await addBounce(trx, { messageId: message.id, customerId, reason, state, doubt, at: moment.at }));
  if (!isNews) return known;
  if (doubt !== null) {
    await note(trx, moment, ticket, 'mail.bounce_doubted', { message_id: message.id, doubt, reason });
    await callAttention(trx, moment, ticket.id);
    return { status: 'done', messageId: message.id, reason: `A person has to look at it (${doubt}).` };
  }
  await settleMessageIn(trx, moment, { messageId: message.id, outcome: 'failed', reason });
  if (isPaid) await callAttention(trx, moment, ticket.id);
  if (isGone(arrival, message))
    await suppressRecipient(trx, moment, { message, storeId: ticket.storeId, reason });
  return { status: 'done', messageId: message.id };
}

/** Which message it claims to be about; anybody can write that. */
function claimedMessage({ mail }: Arrival): string | null {
  if (mail.zetonMessage !== null && isId(mail.zetonMessage)) return mail.zetonMessage;
  const original = mail.bounce?.originalMessageId ?? null;
  return original === null ? null : idInMessageId(original);
}

/** The mailbox itself is gone; not only one that the customer forwards to. */
function isGone({ mail }: Arrival, message: Message): boolean {
  const { bounce } = mail;
  const to = (message.to ?? '').toLowerCase();
  return (bounce?.recipients ?? []).some(
    ({ address, status }) => (address?.toLowerCase() ?? to) === to && isGoneForGood(status),
  );
}

function reasonOf(bounce: Bounce | null): string {
  const failed = bounce?.recipients.find(({ action }) => action === 'failed' || action === 'delayed');
  const { status = null, diagnostic = null } = failed ?? {};
  // Most diagnostics have the status in them already.
  const isSaid = status !== null && (diagnostic ?? '').split(/\s+/).includes(status);
  const words = [isSaid ? null : status, diagnostic].filter((part) => part).join(' ');
  return words === '' ? 'returned by the mail server' : words.slice(0, limits.reasonChars);
}

function note(
  trx: Trx,
  moment: Moment,
  ticket: Pick<Ticket, 'id'>,
  type: string,
  facts: Record<string, unknown>,
): Promise<void> {
  return recordTicketEvent(trx, moment, { ticketId: ticket.id, type, facts });
}
