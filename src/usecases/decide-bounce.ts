import { decideBounce, findBounce } from '../domain/mails';
import { findMessage } from '../domain/messages';
import { lockTicket, recordTicketEvent } from '../domain/tickets';
import type { Actor } from '../platform/actor';
import { withTransaction } from '../platform/db';
import { Refusal } from '../platform/refusal';
import { type Context, momentOf } from './context';
import { settleMessageIn } from './settle-message';

/**
 * A person says whether a doubted bounce is true: then the message failed, and its credit is given back.
 * Shape:   { messageId, returned } → whether it had to be said still
 * Errors:  not-found
 * Writes:  bounced_messages, ticket_events; messages and the credit tables where it is true
 * Repeat:  the first word stands
 * Source:  DESIGN §8
 */
export function decideAboutBounce(
  ctx: Context,
  actor: Actor,
  input: { messageId: string; returned: boolean },
): Promise<{ changed: boolean }> {
  return withTransaction(ctx.db, async (trx) => {
    const moment = momentOf(ctx, actor);
    const { messageId, returned } = input;
    const message = await findMessage(trx, messageId);
    if (!message || !(await lockTicket(trx, message.ticketId))) {
      throw new Refusal('not-found', 'There is no such message.');
    }
    const bounce = await findBounce(trx, messageId);
    if (!bounce) throw new Refusal('not-found', 'This message has not come back.');
    const state = returned ? 'confirmed' : 'dismissed';
    if (!(await decideBounce(trx, { messageId, state, at: moment.at }))) return { changed: false };
    if (returned) await settleMessageIn(trx, moment, { messageId, outcome: 'failed', reason: bounce.reason });
    await recordTicketEvent(trx, moment, {
      ticketId: message.ticketId,
      type: returned ? 'mail.bounce_confirmed' : 'mail.bounce_dismissed',
      facts: { message_id: messageId },
    });
    return { changed: true };
  });
}
