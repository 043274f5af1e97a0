import { customerOfEmail, normaliseEmail } from '../domain/customers';
import { decideSender, findMessageMail } from '../domain/mails';
import { findMessage, moveMessage } from '../domain/messages';
import { findStore } from '../domain/stores';
import {
  changeTicket,
  customerWordWritten,
  lockTicket,
  openTicket,
  recordTicketEvent,
} from '../domain/tickets';
import { customerTexts } from '../locales';
import type { Actor } from '../platform/actor';
import { withTransaction } from '../platform/db';
import { Refusal } from '../platform/refusal';
import { type Context, momentOf } from './context';
import { subjectOf } from './customer-word';
import { markedIfUnpaid } from './open-ticket';

/** accept: it stands in the ticket, and the customer may read it; split: a ticket of its own; spam: that, and closed. */
export type SenderDecision = 'accept' | 'split' | 'spam';

/**
 * An agent says what becomes of a mail that somebody else than the customer sent into a ticket.
 * Shape:   { messageId, decision } → the ticket in which it is now; `changed` false: it was decided before
 * Errors:  not-found, invalid-request (no sender whom a ticket could be of)
 * Writes:  message_mails, tickets, ticket_events; messages, customers, the credit tables when it is split off
 * Repeat:  the first decision stands
 * Source:  DESIGN §8 "different sender"
 */
export function decideAboutSender(
  ctx: Context,
  actor: Actor,
  input: { messageId: string; decision: SenderDecision },
): Promise<{ ticketId: string; changed: boolean }> {
  return withTransaction(ctx.db, async (trx) => {
    const moment = momentOf(ctx, actor);
    const { messageId, decision } = input;
    const [message, mail] = [await findMessage(trx, messageId), await findMessageMail(trx, messageId)];
    if (!message || !mail) throw new Refusal('not-found', 'There is no such mail.');
    const before = await lockTicket(trx, message.ticketId);
    if (!before) throw new Refusal('not-found', 'There is no such ticket.');
    if (!(await decideSender(trx, messageId, decision === 'accept' ? 'accepted' : 'known'))) {
      const now = await findMessage(trx, messageId);
      return { ticketId: now?.ticketId ?? message.ticketId, changed: false };
    }
    const told = { message_id: messageId, from: mail.fromAddress };
    if (decision === 'accept') {
      if (before.status !== 'closed') await customerWordWritten(trx, moment, before.id);
      await recordTicketEvent(trx, moment, {
        ticketId: before.id,
        type: 'mail.sender_accepted',
        facts: told,
      });
      return { ticketId: before.id, changed: true };
    }
    const store = await findStore(trx, before.storeId);
    const emailNormalised = normaliseEmail(mail.fromAddress);
    if (!store || emailNormalised === null) {
      throw new Refusal('invalid-request', 'This mail has no sender of whom a ticket could be.');
    }
    const customer = await customerOfEmail(trx, moment, {
      storeId: store.id,
      email: mail.fromAddress,
      emailNormalised,
      name: mail.fromName,
      storeLocale: store.locale,
    });
    const opened = await openTicket(trx, moment, {
      storeId: store.id,
      customerId: customer.id,
      subject: subjectOf(message.subject ?? message.body, customerTexts(customer.locale)('first_word.email')),
      origin: 'customer',
    });
    await moveMessage(trx, { messageId, ticketId: opened.id, author: { id: customer.id } });
    await recordTicketEvent(trx, moment, {
      ticketId: before.id,
      type: 'mail.split_off',
      facts: { ...told, ticket_number: opened.number },
    });
    await recordTicketEvent(trx, moment, {
      ticketId: opened.id,
      type: 'mail.split_from',
      facts: { ...told, ticket_number: before.number },
    });
    if (decision === 'spam')
      await changeTicket(trx, moment, { ticketId: opened.id, changes: { spam: true } });
    else await markedIfUnpaid(trx, moment, opened, null);
    return { ticketId: opened.id, changed: true };
  });
}
