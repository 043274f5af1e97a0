import type { Db, Trx } from '../../platform/db';
import type { Moment } from '../../platform/moment';
import { assert } from '../../platform/refusal';
import { type CreditStep, type Outcome, SENDING_CHANNELS, settling, storable } from './rules';
import {
  deleteRow,
  insertMessage,
  insertOutboxRow,
  insertSandboxMessage,
  lockMessage,
  type Message,
  moveStatus,
  postponeRow,
  type SandboxMessage,
  saveSettlement,
} from './store';

export interface NewMessage {
  /** Made by the caller where something else, as a hold, has to name it first. */
  id?: string;
  ticketId: string;
  direction: Message['direction'];
  channel: Message['channel'];
  kind: Message['kind'];
  /** Natural key of what may come twice: order:<id>:note */
  messageKey?: string | null;
  to?: string | null;
  subject?: string | null;
  body: string;
  /** `queued`: a worker sends it. */
  status: 'received' | 'queued' | 'sent';
  freeReason?: string | null;
  holdId?: string | null;
  /** What the other side calls it; of a mail that came in, its Message-ID with the brackets. */
  providerId?: string | null;
}

/**
 * Add a message to a ticket, written by the moment's actor; a queued one also goes to the outbox.
 * Shape:   NewMessage → Message, or null when one with this messageKey exists already
 * Writes:  messages, outbox (queued only)
 * Repeat:  harmless with a messageKey
 */
export async function addMessage(trx: Trx, moment: Moment, input: NewMessage): Promise<Message | null> {
  const settled = input.status !== 'queued';
  const message: Message = {
    id: input.id ?? moment.ids.next(),
    ticketId: input.ticketId,
    direction: input.direction,
    channel: input.channel,
    kind: input.kind,
    messageKey: input.messageKey ?? null,
    authorKind: moment.actor.kind,
    authorId: moment.actor.id,
    authorName: moment.actor.name,
    to: input.to ?? null,
    subject: input.subject == null ? null : storable(input.subject),
    body: storable(input.body),
    status: input.status,
    freeReason: input.freeReason ?? null,
    holdId: input.holdId ?? null,
    attempts: 0,
    providerId: input.providerId ?? null,
    failure: null,
    createdAt: moment.at,
    sentAt: input.status === 'sent' ? moment.at : null,
    settledAt: settled ? moment.at : null,
  };
  if (!(await insertMessage(trx, message))) return null;
  if (!settled) {
    assert(
      message.to !== null && SENDING_CHANNELS.some((c) => c === message.channel),
      'only e-mail and SMS are queued',
    );
    await insertOutboxRow(trx, message);
  }
  return message;
}

/**
 * Back to the outbox until `nextAttemptAt`. `outcomeKnown`: no attempt so far can have sent it. `counts`: it was one of
 * the message's attempts; what is the provider's own trouble is none. False: lease lost.
 */
export async function postpone(
  trx: Trx,
  input: {
    messageId: string;
    owner: string;
    nextAttemptAt: string;
    outcomeKnown: boolean;
    counts: boolean;
    failure: string | null;
  },
): Promise<boolean> {
  if (!(await postponeRow(trx, input))) return false;
  const to = input.outcomeKnown ? 'queued' : 'sending';
  await moveStatus(trx, input.messageId, { from: 'sending', to, failure: input.failure });
  return true;
}

/**
 * Nobody can tell whether the message was sent: it leaves the outbox, and its credits stay held until a callback or a
 * person settles it. False when the lease was lost, or the message was settled in the meantime.
 */
export async function giveUpAsUncertain(
  trx: Trx,
  input: { messageId: string; owner: string; failure: string },
): Promise<boolean> {
  if (!(await deleteRow(trx, input))) return false;
  return moveStatus(trx, input.messageId, { from: 'sending', to: 'uncertain', failure: input.failure });
}

export interface Settlement {
  /** As it is now. */
  message: Message;
  changed: boolean;
  /** What the caller has to do with the message's hold, in the same transaction. */
  credits: CreditStep;
}

/**
 * Bring a message to what became of it. Locks outbox row, then message; credits come after.
 * Shape:   { messageId, outcome, reason?, providerId?, owner? } → Settlement, or null: no such message, or `owner`
 *          (a worker that brings bad news) no longer holds the lease
 * Writes:  messages, outbox (row removed)
 * Repeat:  changes nothing; see rules.ts settling()
 */
export async function settle(
  trx: Trx,
  moment: Moment,
  input: {
    messageId: string;
    outcome: Outcome;
    reason?: string | undefined;
    providerId?: string | undefined;
    owner?: string | undefined;
  },
): Promise<Settlement | null> {
  const removed = await deleteRow(trx, input);
  if (input.owner !== undefined && !removed) return null;
  const message = await lockMessage(trx, input.messageId);
  if (!message) return null;
  assert(message.direction === 'out', 'only what goes out is settled');
  const isOfAnother =
    message.providerId !== null && input.providerId !== undefined && message.providerId !== input.providerId;
  // News of an earlier attempt, which is not the one that counts: nothing may be given back because that one failed.
  if (isOfAnother) return { message, changed: false, credits: 'none' };
  const step = settling(message.status, input.outcome);
  const after: Message = { ...message, providerId: message.providerId ?? input.providerId ?? null };
  if (step) {
    after.status = step.status;
    after.settledAt = moment.at;
    after.failure = step.status === 'failed' ? (input.reason ?? 'not delivered') : null;
    if (step.status !== 'failed') after.sentAt ??= moment.at;
  }
  if (step || after.providerId !== message.providerId) await saveSettlement(trx, after);
  return { message: after, changed: step !== null, credits: step?.credits ?? 'none' };
}

/**
 * Keep what a sandbox transport "sent".
 * Repeat:  each message is kept once, as a provider with idempotent sends does it; `fresh` tells
 */
export async function recordSandboxMessage(
  db: Db,
  moment: Moment,
  message: Omit<SandboxMessage, 'id' | 'at'>,
): Promise<{ fresh: boolean }> {
  return { fresh: await insertSandboxMessage(db, { id: moment.ids.next(), at: moment.at, ...message }) };
}
