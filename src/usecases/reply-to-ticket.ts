import { addAttachments, type PlannedAttachment } from '../domain/attachments';
import { recordAudit } from '../domain/audit';
import {
  capture,
  type Draw,
  type Hold,
  hold,
  holdsOfCause,
  type Meter,
  usableOn,
  type Work,
} from '../domain/credits';
import { type Customer, findCustomer, normaliseEmail } from '../domain/customers';
import { addMessage, checkedBody, checkedSubject, type Message, segmentsOf } from '../domain/messages';
import { refuseOptedOut } from '../domain/sms';
import { noteWritten, recordTicketEvent, replyWritten, type Ticket, takeTurn } from '../domain/tickets';
import type { Actor } from '../platform/actor';
import { afterCommit, type Trx, withTransaction } from '../platform/db';
import { limits } from '../platform/limits';
import type { Moment } from '../platform/moment';
import { assert, Refusal } from '../platform/refusal';
import { type Context, momentOf } from './context';
import { topUpUrl } from './messaging.query';
import { staleTicket } from './stale-ticket';

export interface ReplyInput {
  ticketId: string;
  channel: 'sms' | 'email' | 'note';
  body: string;
  /** E-mail only; the ticket's subject when left out. */
  subject?: string | undefined;
  /** The version that the writer saw; left out: answered unseen, and the history says so. */
  version?: number | undefined;
  /** Send without charge, for this reason. */
  freeReason?: string | undefined;
  /** E-mail only; of planReplyFiles(). They cost nothing more. */
  attachments?: PlannedAttachment[] | undefined;
}

export interface Charge {
  meter: Hold['meter'];
  /** The work done, in `unit`: 1 message, 3 segments. */
  quantity: number;
  unit: Hold['unit'];
  holdId: string;
  /** The credits drawn for it. */
  grants: Draw[];
}

export interface ReplyResult {
  id: string;
  status: Message['status'];
  ticketVersion: number;
  /** Null: a note, or sent free of charge. */
  charge: Charge | null;
  /** Usable on this ticket after it, by meter. */
  credits: Record<Meter, number>;
}

/**
 * Answer a ticket: set the credits aside and queue the message, both or neither.
 * Shape:   ReplyInput → ReplyResult
 * Errors:  invalid-request, message-too-long, not-found, stale-ticket {version, newest_message}, ticket-closed,
 *          no-recipient, recipient-opted-out, insufficient-credits {meter, missing, available, top_up_url}; nothing is held by any of them
 * Writes:  tickets, ticket_events, messages, attachments, outbox, the credit tables
 * Repeat:  another reply; the API's Idempotency-Key makes it happen once
 * Source:  DESIGN §2.4-7, §3 "Spending"
 */
export function replyToTicket(ctx: Context, actor: Actor, input: ReplyInput): Promise<ReplyResult> {
  return withTransaction(ctx.db, (trx) => replyToTicketIn(trx, ctx, actor, input));
}

/** The same in a transaction that is open already. */
export async function replyToTicketIn(
  trx: Trx,
  ctx: Context,
  actor: Actor,
  input: ReplyInput,
): Promise<ReplyResult> {
  const moment = momentOf(ctx, actor);
  const written = checked(input);
  const turn = await takeTurn(trx, { ticketId: input.ticketId, version: input.version });
  if ('staleAt' in turn) throw await staleTicket(trx, input.ticketId, turn.staleAt);
  const { ticket } = turn;
  const result =
    input.channel === 'note'
      ? await writeNote(trx, moment, ticket, written, input)
      : await sendReply(trx, moment, ticket, written, { ...input, channel: input.channel });
  if (result.status === 'queued') afterCommit(trx, () => ctx.wake('outbox'));
  return {
    ...result,
    ticketVersion: ticket.version,
    credits: await usableOn(trx, moment.at, {
      customerId: ticket.customerId,
      ticketFamilyId: ticket.familyId,
    }),
  };
}

interface Written {
  body: string;
  subject: string | null;
  /** What it costs; null for a note. */
  work: Extract<Work, { meter: 'sms' | 'email' }> | null;
  freeReason: string | null;
}

/** Everything that can be said about the words alone. */
function checked(input: ReplyInput): Written {
  const { channel } = input;
  const body = checkedBody(input.body, channel);
  if (input.attachments?.length && channel !== 'email') throw invalid('attachments', 'are for e-mail only');
  if (input.subject !== undefined && channel !== 'email') throw invalid('subject', 'is for e-mail only');
  const subject = input.subject === undefined ? null : checkedSubject(input.subject);
  const freeReason = input.freeReason?.replace(/[\s\p{Cc}]+/gu, ' ').trim() ?? null;
  if (freeReason !== null) {
    if (channel === 'note') throw invalid('free', 'is not for notes, which are free');
    if (freeReason === '') throw invalid('free.reason', 'must not be empty');
    if (freeReason.length > limits.reasonChars) {
      throw invalid('free.reason', `must have at most ${limits.reasonChars} characters`);
    }
  }
  return { body, subject, work: workOf(channel, body), freeReason };
}

/** What sending this text counts as. */
export function workOf(channel: 'sms' | 'email' | 'note', body: string): Written['work'] {
  if (channel === 'note') return null;
  return channel === 'email' ? { meter: 'email' } : { meter: 'sms', segments: segmentsOf(body).segments };
}

type WrittenResult = Pick<ReplyResult, 'id' | 'status' | 'charge'>;

async function writeNote(
  trx: Trx,
  moment: Moment,
  ticket: Ticket,
  { body }: Written,
  input: ReplyInput,
): Promise<WrittenResult> {
  const message = await addMessage(trx, moment, {
    ticketId: ticket.id,
    direction: 'internal',
    channel: 'note',
    kind: 'note',
    body,
    status: 'sent',
  });
  assert(message, 'a message without a key is always added');
  await noteWritten(trx, moment, ticket);
  await recordTicketEvent(trx, moment, {
    ticketId: ticket.id,
    type: 'note.added',
    facts: { message_id: message.id, version_checked: input.version !== undefined },
  });
  return { id: message.id, status: message.status, charge: null };
}

async function sendReply(
  trx: Trx,
  moment: Moment,
  ticket: Ticket,
  { body, subject, work, freeReason }: Written,
  input: ReplyInput & { channel: 'sms' | 'email' },
): Promise<WrittenResult> {
  assert(work, 'what is sent is work');
  const to = recipient(await findCustomer(trx, ticket.customerId), input.channel);
  if (input.channel === 'sms') await refuseOptedOut(trx, { storeId: ticket.storeId, number: to });
  const id = moment.ids.next();
  const held = freeReason === null ? await holdFor(trx, moment, ticket, id, work) : null;
  if (ticket.firstRepliedAt === null) await captureRequest(trx, moment, ticket.id);
  const message = await addMessage(trx, moment, {
    id,
    ticketId: ticket.id,
    direction: 'out',
    channel: input.channel,
    kind: 'reply',
    to,
    subject: input.channel === 'email' ? (subject ?? ticket.subject) : null,
    body,
    status: 'queued',
    freeReason,
    holdId: held?.id ?? null,
  });
  assert(message, 'a message without a key is always added');
  await addAttachments(trx, moment, { messageId: id, items: input.attachments ?? [] });
  await replyWritten(trx, moment, ticket);
  const facts = {
    message_id: id,
    channel: input.channel,
    hold_id: held?.id ?? null,
    version_checked: input.version !== undefined,
    ...(freeReason === null ? {} : { free_reason: freeReason }),
  };
  await recordTicketEvent(trx, moment, { ticketId: ticket.id, type: 'message.queued', facts });
  if (freeReason !== null) {
    await recordAudit(trx, moment, { action: 'message.sent_free', subject: { kind: 'message', id }, facts });
  }
  return { id, status: message.status, charge: held && chargeOf(held) };
}

async function holdFor(
  trx: Trx,
  moment: Moment,
  ticket: Ticket,
  messageId: string,
  work: Work,
): Promise<Hold> {
  try {
    return await hold(trx, moment, {
      customerId: ticket.customerId,
      ticketId: ticket.id,
      ticketFamilyId: ticket.familyId,
      work,
      key: `message:${messageId}`,
      cause: { kind: 'message', id: messageId },
    });
  } catch (error) {
    if (!(error instanceof Refusal) || error.code !== 'insufficient-credits') throw error;
    const top_up_url = await topUpUrl(trx, ticket.storeId, work.meter);
    throw new Refusal(error.code, error.detail, { ...error.facts, top_up_url });
  }
}

/** The `request` that the customer's ticket holds is earned with our first answer. */
async function captureRequest(trx: Trx, moment: Moment, ticketId: string): Promise<void> {
  for (const held of await holdsOfCause(trx, { kind: 'ticket', id: ticketId })) {
    await capture(trx, moment, { holdId: held.id });
  }
}

function chargeOf(held: Hold): Charge {
  return {
    meter: held.meter,
    quantity: held.quantity,
    unit: held.unit,
    holdId: held.id,
    grants: held.draws.map(({ grantId, meter, credits }) => ({ grantId, meter, credits })),
  };
}

function recipient(customer: Customer | null, channel: 'sms' | 'email'): string {
  const email = customer?.email ?? '';
  // Placeholder addresses (…@site.invalid) reach nobody.
  const to = channel === 'sms' ? customer?.phoneE164 : normaliseEmail(email) && email.trim();
  if (to) return to;
  const what = channel === 'sms' ? 'mobile number' : 'e-mail address';
  throw new Refusal('no-recipient', `No ${what} of this customer is known.`, { channel });
}

function invalid(path: string, message: string): Refusal {
  return new Refusal('invalid-request', `${path} ${message}.`, { errors: [{ path, message }] });
}
