import type { Knex } from 'knex';
import type { Db, Trx } from '../../platform/db';
import { skipLocked } from '../../platform/dialect';
import { isDue } from '../../platform/lease';
import { backoffSeconds, limits } from '../../platform/limits';
import type { MessageStatus, SendingChannel } from './rules';

export interface Message {
  id: string;
  ticketId: string;
  direction: 'in' | 'out' | 'internal';
  channel: 'sms' | 'email' | 'web' | 'note' | 'order_note';
  kind: 'customer' | 'reply' | 'system' | 'note';
  /** From Zeton itself, unasked: its recipient can stop such ones. */
  isNotice: boolean;
  messageKey: string | null;
  authorKind: string;
  authorId: string;
  authorName: string;
  /** E.164 or e-mail address, as it was when the message was written. */
  to: string | null;
  subject: string | null;
  body: string;
  status: MessageStatus;
  freeReason: string | null;
  holdId: string | null;
  /** Times that a provider was called. */
  attempts: number;
  providerId: string | null;
  failure: string | null;
  createdAt: string;
  sentAt: string | null;
  settledAt: string | null;
}

/** A message that a worker has taken, and may send until `leaseUntil`. */
export interface Claim {
  message: Message;
  channel: SendingChannel;
  /** This attempt's number, from 1. */
  attempt: number;
  /** When an earlier attempt began whose outcome nobody knows; null: there is none. */
  unknownSince: string | null;
}

type Row = Record<string, unknown>;

function fromRow(row: Row): Message {
  return {
    id: row.id as string,
    ticketId: row.ticket_id as string,
    direction: row.direction as Message['direction'],
    channel: row.channel as Message['channel'],
    kind: row.kind as Message['kind'],
    isNotice: row.is_notice === 1,
    messageKey: row.message_key as string | null,
    authorKind: row.author_kind as string,
    authorId: row.author_id as string,
    authorName: row.author_name as string,
    to: row.to_address as string | null,
    subject: row.subject as string | null,
    body: row.body as string,
    status: row.status as MessageStatus,
    freeReason: row.free_reason as string | null,
    holdId: row.hold_id as string | null,
    attempts: Number(row.attempts),
    providerId: row.provider_id as string | null,
    failure: row.failure as string | null,
    createdAt: row.created_at as string,
    sentAt: row.sent_at as string | null,
    settledAt: row.settled_at as string | null,
  };
}

/** False when a message with this key exists already. */
export async function insertMessage(trx: Trx, message: Message): Promise<boolean> {
  const inserted = (await trx('messages')
    .insert({
      id: message.id,
      ticket_id: message.ticketId,
      direction: message.direction,
      channel: message.channel,
      kind: message.kind,
      is_notice: message.isNotice ? 1 : 0,
      message_key: message.messageKey,
      author_kind: message.authorKind,
      author_id: message.authorId,
      author_name: message.authorName,
      to_address: message.to,
      subject: message.subject,
      body: message.body,
      status: message.status,
      free_reason: message.freeReason,
      hold_id: message.holdId,
      attempts: message.attempts,
      provider_id: message.providerId,
      failure: message.failure,
      created_at: message.createdAt,
      sent_at: message.sentAt,
      settled_at: message.settledAt,
    })
    .onConflict('message_key')
    .ignore()
    .returning('id')) as unknown[];
  return inserted.length === 1;
}

export async function insertOutboxRow(trx: Trx, message: Message): Promise<void> {
  await trx('outbox').insert({
    message_id: message.id,
    channel: message.channel,
    ticket_id: message.ticketId,
    attempts: 0,
    next_attempt_at: message.createdAt,
  });
}

export async function findMessage(db: Db, id: string): Promise<Message | null> {
  const row = (await db('messages').where({ id }).first()) as Row | undefined;
  return row ? fromRow(row) : null;
}

/** What somebody wrote last on the ticket, mail from Zeton itself left out. */
export async function newestMessage(db: Db, ticketId: string): Promise<Message | null> {
  const row = (await db('messages')
    .where({ ticket_id: ticketId })
    .whereNot({ kind: 'system' })
    .orderBy('id', 'desc')
    .first()) as Row | undefined;
  return row ? fromRow(row) : null;
}

/** Has anybody written here, apart from the note that came with the order and from Zeton itself? */
export async function hasConversation(db: Db, ticketId: string): Promise<boolean> {
  const row: unknown = await db('messages')
    .where({ ticket_id: ticketId })
    .whereNot({ kind: 'system' })
    .whereNot({ channel: 'order_note' })
    .first('id');
  return row !== undefined;
}

/** Which of these provider ids belong to other messages. */
export async function providerIdsTaken(
  db: Db,
  input: { messageId: string; providerIds: string[] },
): Promise<Set<string>> {
  const rows = (await db('messages')
    .whereIn('provider_id', input.providerIds)
    .whereNot({ id: input.messageId })
    .select('provider_id')) as { provider_id: string }[];
  return new Set(rows.map((row) => row.provider_id));
}

/** Locks the message until the transaction ends: a worker and a provider's callback may settle it at the same time. */
export async function lockMessage(trx: Trx, id: string): Promise<Message | null> {
  const [row] = (await trx('messages')
    .where({ id })
    .update({ status: trx.ref('status') })
    .returning('*')) as Row[];
  return row ? fromRow(row) : null;
}

/** Into another ticket, of whose customer it is from then on. Only what came in: what went out was paid on its ticket. */
export async function moveMessage(
  trx: Trx,
  input: { messageId: string; ticketId: string; author: { id: string } },
): Promise<void> {
  await trx('messages')
    .where({ id: input.messageId, direction: 'in' })
    .update({ ticket_id: input.ticketId, author_id: input.author.id });
}

export async function saveSettlement(
  trx: Trx,
  message: Pick<Message, 'id' | 'status' | 'providerId' | 'failure' | 'sentAt' | 'settledAt'>,
): Promise<void> {
  await trx('messages').where({ id: message.id }).update({
    status: message.status,
    provider_id: message.providerId,
    failure: message.failure,
    sent_at: message.sentAt,
    settled_at: message.settledAt,
  });
}

/** False when the message was settled in the meantime. */
export async function moveStatus(
  trx: Trx,
  id: string,
  change: { from: MessageStatus; to: MessageStatus; failure: string | null },
): Promise<boolean> {
  const changed = await trx('messages')
    .where({ id, status: change.from })
    .update({ status: change.to, failure: change.failure });
  return changed === 1;
}

/** Nothing whose outcome is known is put off for longer. */
const LONGEST_WAIT_SECONDS = Math.max(backoffSeconds(limits.outboxAttempts, 1), limits.retryAfterCapSeconds);

/**
 * Due rows of one channel whose lease is free or over, and that no older message of the same ticket and channel is
 * waiting before. Other workers' rows are passed over.
 */
export async function claimRows(
  trx: Trx,
  input: { channel: SendingChannel; owner: string; now: string; leaseUntil: string; limit: number },
): Promise<Claim[]> {
  const wait = { now: input.now, seconds: LONGEST_WAIT_SECONDS };
  const free = (q: Knex.QueryBuilder) =>
    q.whereNull('outbox.lease_until').orWhere('outbox.lease_until', '<=', input.now);
  const due = (await skipLocked(
    trx('outbox')
      .where('outbox.channel', input.channel)
      // While an outcome is unknown the wait is kept to: asking too early would send it twice.
      .where((q) =>
        q
          .where('outbox.next_attempt_at', '<=', input.now)
          .orWhere((known) =>
            known.whereNull('outbox.attempt_started_at').where(isDue('outbox.next_attempt_at', wait)),
          ),
      )
      .where(free)
      .whereNotExists(
        trx('outbox as older')
          .select(trx.raw('1'))
          .whereRaw('older.ticket_id = outbox.ticket_id')
          .whereRaw('older.channel = outbox.channel')
          .whereRaw('older.message_id < outbox.message_id'),
      )
      .orderBy(['outbox.next_attempt_at', 'outbox.message_id'])
      .limit(input.limit)
      .select('outbox.message_id', 'outbox.attempt_started_at'),
  )) as Row[];
  if (due.length === 0) return [];
  const unknownSince = new Map(due.map((row) => [row.message_id, row.attempt_started_at as string | null]));
  const ids = due.map((row) => row.message_id as string);
  const claimed = (await trx('outbox')
    .whereIn('message_id', ids)
    .where(free)
    .update({
      lease_owner: input.owner,
      lease_until: input.leaseUntil,
      attempts: trx.raw('attempts + 1'),
      attempt_started_at: trx.raw('COALESCE(attempt_started_at, ?)', [input.now]),
    })
    .returning(['message_id', 'attempts'])) as Row[];
  const attempts = new Map(claimed.map((row) => [row.message_id, Number(row.attempts)]));
  const messages = (await trx('messages')
    .whereIn('id', [...attempts.keys()] as string[])
    .update({ status: 'sending', attempts: trx.raw('attempts + 1') })
    .returning('*')) as Row[];
  return messages.map(fromRow).map((message) => ({
    message,
    channel: input.channel,
    attempt: attempts.get(message.id) as number,
    unknownSince: unknownSince.get(message.id) ?? null,
  }));
}

/** Gives a claimed row back for another attempt. False when the lease is no longer the owner's. */
export async function postponeRow(
  trx: Trx,
  input: { messageId: string; owner: string; nextAttemptAt: string; outcomeKnown: boolean; counts: boolean },
): Promise<boolean> {
  const changed = await trx('outbox')
    .where({ message_id: input.messageId, lease_owner: input.owner })
    .update({
      lease_owner: null,
      lease_until: null,
      next_attempt_at: input.nextAttemptAt,
      ...(input.outcomeKnown ? { attempt_started_at: null } : {}),
      ...(input.counts ? {} : { attempts: trx.raw('attempts - 1') }),
    });
  return changed === 1;
}

/**
 * Takes the row off the outbox: the message needs no sending any more.
 * With an owner, only while the owner's lease is its own; false when it is not (another worker has taken over).
 */
export async function deleteRow(
  trx: Trx,
  input: { messageId: string; owner?: string | undefined },
): Promise<boolean> {
  const query = trx('outbox').where({ message_id: input.messageId });
  if (input.owner !== undefined) query.where({ lease_owner: input.owner });
  return (await query.delete()) === 1;
}

export interface SandboxMessage {
  id: string;
  messageId: string;
  channel: SendingChannel;
  to: string;
  from: string;
  subject: string | null;
  text: string;
  ticketId: string | null;
  /** Where an answer by e-mail would go. */
  replyTo: string | null;
  kind: 'reply' | 'system';
  at: string;
}

/** False when the sandbox had it already. */
export async function insertSandboxMessage(db: Db, message: SandboxMessage): Promise<boolean> {
  const inserted = (await db('sandbox_messages')
    .insert({
      id: message.id,
      message_id: message.messageId,
      channel: message.channel,
      to_address: message.to,
      from_address: message.from,
      subject: message.subject,
      text: message.text,
      ticket_id: message.ticketId,
      reply_to: message.replyTo,
      kind: message.kind,
      at: message.at,
    })
    .onConflict('message_id')
    .ignore()
    .returning('id')) as unknown[];
  return inserted.length === 1;
}

export async function hasSandboxMessage(db: Db, messageId: string): Promise<boolean> {
  return (await db('sandbox_messages').where({ message_id: messageId }).first('id')) !== undefined;
}

/** Newest first; `before`: the id of the last one seen. */
export async function listSandboxMessages(
  db: Db,
  input: { before?: string | null; limit: number },
): Promise<SandboxMessage[]> {
  const query = db('sandbox_messages').orderBy('id', 'desc').limit(input.limit);
  if (input.before) query.where('id', '<', input.before);
  return ((await query) as Row[]).map((row) => ({
    id: row.id as string,
    messageId: row.message_id as string,
    channel: row.channel as SendingChannel,
    to: row.to_address as string,
    from: row.from_address as string,
    subject: row.subject as string | null,
    text: row.text as string,
    ticketId: row.ticket_id as string | null,
    replyTo: row.reply_to as string | null,
    kind: row.kind as 'reply' | 'system',
    at: row.at as string,
  }));
}
