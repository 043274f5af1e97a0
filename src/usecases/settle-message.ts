import { capture, release, reverse } from '../domain/credits';
import { lockMessage, type Message, type Outcome, settle } from '../domain/messages';
import { recordTicketEvent } from '../domain/tickets';
import { type Actor, systemActor } from '../platform/actor';
import { type Trx, withTransaction } from '../platform/db';
import type { Moment } from '../platform/moment';
import { Refusal } from '../platform/refusal';
import { type Context, momentOf } from './context';

export interface SettleMessageInput {
  messageId: string;
  outcome: Outcome;
  /** Why it failed, as the provider put it. */
  reason?: string | undefined;
  providerId?: string | undefined;
}

/**
 * What became of a message that was given to a provider: charge it, or give its credits back.
 * Shape:   SettleMessageInput → Message as it is now
 * Errors:  not-found
 * Writes:  messages, outbox, ticket_events, the credit tables
 * Repeat:  harmless, in any order: `delivered` and `failed` are final, and a late `delivered` does not charge again
 * Source:  DESIGN §2.5-6, §3 "Failure gives back"
 */
export function settleMessage(
  ctx: Context,
  input: SettleMessageInput,
  actor: Actor = systemActor,
): Promise<Message> {
  return withTransaction(ctx.db, async (trx) => {
    const message = await settleMessageIn(trx, momentOf(ctx, actor), input);
    if (!message) throw noSuchMessage();
    return message;
  });
}

/**
 * The same in a transaction that is open already. Locks outbox row → message → credit balance.
 * With `owner`: only while that worker's lease on the outbox row is its own. Null: no such message, or lease lost.
 */
export async function settleMessageIn(
  trx: Trx,
  moment: Moment,
  input: SettleMessageInput & { owner?: string },
): Promise<Message | null> {
  const settled = await settle(trx, moment, input);
  if (!settled) return null;
  const { message, credits } = settled;
  const reason = message.failure ?? 'failed';
  if (message.holdId !== null) {
    const { holdId } = message;
    if (credits === 'capture') await capture(trx, moment, { holdId });
    if (credits === 'release') await release(trx, moment, { holdId, reason });
    if (credits === 'reverse') await reverse(trx, moment, { holdId, reason });
  }
  if (settled.changed && message.status === 'failed') {
    await recordTicketEvent(trx, moment, {
      ticketId: message.ticketId,
      type: 'message.failed',
      facts: {
        message_id: message.id,
        channel: message.channel,
        reason,
        credit_given_back: message.holdId !== null,
      },
    });
  }
  return message;
}

/**
 * A person has found out whether an uncertain message was sent.
 * Shape:   { messageId, sent } → Message
 * Errors:  not-found, invalid-transition (it is not uncertain)
 * Writes:  as settleMessage
 * Source:  DESIGN §2.6
 */
export function settleUncertain(
  ctx: Context,
  actor: Actor,
  input: { messageId: string; sent: boolean },
): Promise<Message> {
  return withTransaction(ctx.db, async (trx) => {
    const moment = momentOf(ctx, actor);
    // Locked before it is looked at: a callback in the same instant may settle it, and must not be overruled.
    const found = await lockMessage(trx, input.messageId);
    if (!found) throw noSuchMessage();
    if (found.status !== 'uncertain') {
      throw new Refusal('invalid-transition', 'What became of this message is known.', {
        from: found.status,
        to: input.sent ? 'sent' : 'failed',
      });
    }
    const { messageId } = input;
    const settled = input.sent
      ? await settleMessageIn(trx, moment, { messageId, outcome: 'sent' })
      : await settleMessageIn(trx, moment, { messageId, outcome: 'failed', reason: 'found not sent' });
    await recordTicketEvent(trx, moment, {
      ticketId: found.ticketId,
      type: 'message.uncertainty_settled',
      facts: { message_id: messageId, sent: input.sent },
    });
    return settled ?? found;
  });
}

function noSuchMessage(): Refusal {
  return new Refusal('not-found', 'There is no such message.');
}
