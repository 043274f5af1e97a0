import type { Trx } from '../../platform/db';
import { limits } from '../../platform/limits';
import type { Moment } from '../../platform/moment';
import { Refusal } from '../../platform/refusal';
import { nextInSequence } from '../../platform/sequence';
import { growsVersion, mayMove, oneLine, statusEvent, type TicketStatus, tidyTags } from './rules';
import {
  adoptableTicket,
  findTicket,
  growVersion,
  insertEvent,
  insertTicket,
  lockTicket,
  saveTicket,
  type Ticket,
} from './store';

/**
 * Open a ticket.
 * Shape:   { storeId, customerId, subject, origin, unpaid?, followUpOf?: Ticket, solved? } → Ticket (version 1)
 *          Status new; with `solved`, solved: nobody waits, and a word of the customer's opens it
 * Errors:  invalid-request (subject blank or too long)
 * Writes:  tickets, ticket_events (ticket.opened), sequences
 * Repeat:  opens another one; the caller has the key that makes it happen once
 */
export async function openTicket(
  trx: Trx,
  moment: Moment,
  input: {
    storeId: string;
    customerId: string;
    subject: string;
    origin: Ticket['origin'];
    unpaid?: boolean;
    followUpOf?: Ticket | null;
    solved?: boolean;
  },
): Promise<Ticket> {
  const id = moment.ids.next();
  const ticket: Ticket = {
    id,
    number: await nextInSequence(trx, 'ticket'),
    storeId: input.storeId,
    customerId: input.customerId,
    familyId: input.followUpOf?.familyId ?? id,
    followUpOf: input.followUpOf?.id ?? null,
    subject: checkedSubject(input.subject),
    status: input.solved ? 'solved' : 'new',
    version: 1,
    origin: input.origin,
    unpaid: input.unpaid ?? false,
    spam: false,
    assignee: null,
    tags: [],
    topUpLinkSentAt: null,
    lastMessageAt: moment.at,
    firstRepliedAt: null,
    solvedAt: input.solved ? moment.at : null,
    closedAt: null,
    createdAt: moment.at,
    updatedAt: moment.at,
  };
  await insertTicket(trx, ticket);
  await insertEvent(trx, moment, {
    ticketId: id,
    type: 'ticket.opened',
    facts: { origin: ticket.origin, unpaid: ticket.unpaid, follow_up_of: ticket.followUpOf },
  });
  return ticket;
}

/** Which ticket the customer's next order belongs to: the newest unpaid one, else one whose top-up link was sent since. */
export function ticketToAdopt(
  trx: Trx,
  input: { customerId: string; topUpSince: string },
): Promise<Ticket | null> {
  return adoptableTicket(trx, input);
}

/** The ticket's help is paid by this order from now on. */
export async function adoptUnpaidTicket(
  trx: Trx,
  moment: Moment,
  input: { ticketId: string; orderId: string },
): Promise<void> {
  await saveTicket(trx, input.ticketId, { unpaid: false, updatedAt: moment.at });
  await insertEvent(trx, moment, {
    ticketId: input.ticketId,
    type: 'ticket.adopted',
    facts: { order_id: input.orderId },
  });
}

/** To another customer: the order turned out to be theirs. */
export async function moveTicket(
  trx: Trx,
  moment: Moment,
  input: { ticketId: string; customerId: string },
): Promise<void> {
  const ticket = await lockTicket(trx, input.ticketId);
  if (!ticket) throw noSuchTicket();
  if (ticket.customerId === input.customerId) return;
  await saveTicket(trx, ticket.id, { customerId: input.customerId, updatedAt: moment.at });
  await insertEvent(trx, moment, {
    ticketId: ticket.id,
    type: 'ticket.moved',
    facts: { from: ticket.customerId, to: input.customerId },
  });
}

const REOPENED: TicketStatus[] = ['pending', 'on_hold', 'solved'];

/**
 * A customer said something on a ticket that is open already: a reply must have seen it, and it is our turn.
 * Writes:  tickets (version, status, last_message_at), ticket_events
 * Source:  DESIGN §3 "Tickets"
 */
export async function customerWordWritten(trx: Trx, moment: Moment, ticketId: string): Promise<void> {
  const ticket = await growVersion(trx, ticketId, undefined);
  if (!ticket) throw noSuchTicket();
  const reopens = REOPENED.includes(ticket.status);
  await saveTicket(trx, ticket.id, {
    ...(reopens ? { status: 'open' as const, solvedAt: null } : {}),
    lastMessageAt: moment.at,
    updatedAt: moment.at,
  });
  if (reopens) await recordStatus(trx, moment, ticket, 'open');
}

/**
 * Somebody of us has to look, though no word of the customer's came: what waits for others waits for us. No reply has to
 * have seen it, so the version stays. Of a closed ticket nothing changes.
 * Writes:  tickets (status, last_message_at), ticket_events
 */
export async function callAttention(trx: Trx, moment: Moment, ticketId: string): Promise<void> {
  const ticket = await lockTicket(trx, ticketId);
  if (!ticket) throw noSuchTicket();
  if (ticket.status === 'closed') return;
  const reopens = REOPENED.includes(ticket.status);
  await saveTicket(trx, ticket.id, {
    ...(reopens ? { status: 'open' as const, solvedAt: null } : {}),
    lastMessageAt: moment.at,
    updatedAt: moment.at,
  });
  if (reopens) await recordStatus(trx, moment, ticket, 'open');
}

/** Mark a ticket whose help nobody has paid for yet: it is sorted apart, and the customer's next order adopts it. */
export async function markUnpaid(trx: Trx, moment: Moment, ticket: Ticket): Promise<Ticket> {
  await saveTicket(trx, ticket.id, { unpaid: true, updatedAt: moment.at });
  await insertEvent(trx, moment, { ticketId: ticket.id, type: 'ticket.marked_unpaid', facts: {} });
  return { ...ticket, unpaid: true };
}

/** One line of the ticket's history. `type` is past tense: message.queued. */
export function recordTicketEvent(
  trx: Trx,
  moment: Moment,
  event: { ticketId: string; type: string; facts: Record<string, unknown> },
): Promise<void> {
  return insertEvent(trx, moment, event);
}

/**
 * Take the turn to write on a ticket: of two who saw the same version, one gets it. First statement of its transaction.
 * Shape:   { ticketId, version? } → Ticket as it is now, one version further; or { staleAt } when somebody was faster
 * Errors:  not-found, ticket-closed
 * Writes:  tickets.version
 * Repeat:  each call is another turn
 * Source:  DESIGN §2.7 "One answer"
 */
export async function takeTurn(
  trx: Trx,
  input: { ticketId: string; version?: number },
): Promise<{ ticket: Ticket } | { staleAt: number }> {
  const ticket = await growVersion(trx, input.ticketId, input.version);
  if (!ticket) {
    const now = await findTicket(trx, input.ticketId);
    if (!now) throw noSuchTicket();
    return { staleAt: now.version };
  }
  if (ticket.status === 'closed') {
    throw new Refusal('ticket-closed', 'The ticket is closed. Open a follow-up ticket instead.', {
      ticket_id: ticket.id,
    });
  }
  return { ticket };
}

/** A note was written: seen by us only, so nothing else changes. */
export async function noteWritten(trx: Trx, moment: Moment, ticket: Ticket): Promise<void> {
  await saveTicket(trx, ticket.id, { lastMessageAt: moment.at, updatedAt: moment.at });
}

/** We answered, and wait for the customer: the ticket is pending, whatever it was. */
export async function replyWritten(trx: Trx, moment: Moment, ticket: Ticket): Promise<void> {
  await saveTicket(trx, ticket.id, {
    status: 'pending',
    solvedAt: null,
    firstRepliedAt: ticket.firstRepliedAt ?? moment.at,
    lastMessageAt: moment.at,
    updatedAt: moment.at,
  });
  if (ticket.status !== 'pending') await recordStatus(trx, moment, ticket, 'pending');
}

export interface TicketChanges {
  status?: TicketStatus;
  subject?: string;
  /** Null: nobody. */
  assignee?: string | null;
  tags?: string[];
  /** True also closes the ticket. */
  spam?: boolean;
}

/**
 * Change a ticket by hand.
 * Shape:   { ticketId, version?, changes } → { before, after } ; or { staleAt } when the version has grown since
 * Errors:  not-found, invalid-transition {from, to}, invalid-request
 * Writes:  tickets, ticket_events (one for each field that changed, with from and to)
 * Repeat:  what is so already changes nothing and is no event
 * Source:  DESIGN §3 "Tickets"
 */
export async function changeTicket(
  trx: Trx,
  moment: Moment,
  input: { ticketId: string; version?: number; changes: TicketChanges },
): Promise<{ before: Ticket; after: Ticket } | { staleAt: number }> {
  const before = await lockTicket(trx, input.ticketId);
  if (!before) throw noSuchTicket();
  if (input.version !== undefined && input.version !== before.version) return { staleAt: before.version };
  const { changes } = input;
  const after = { ...before };
  const events: { type: string; facts: Record<string, unknown> }[] = [];
  const change = <Field extends keyof TicketChanges & keyof Ticket>(
    field: Field,
    to: Ticket[Field],
    type: string,
  ): void => {
    const from = before[field];
    if (JSON.stringify(from) === JSON.stringify(to)) return;
    after[field] = to;
    events.push({ type, facts: { from, to } });
  };

  if (changes.subject !== undefined) change('subject', checkedSubject(changes.subject), 'ticket.renamed');
  if (changes.assignee !== undefined)
    change('assignee', checkedAssignee(changes.assignee), 'ticket.assigned');
  if (changes.tags !== undefined) change('tags', checkedTags(changes.tags), 'ticket.tagged');
  if (changes.spam !== undefined) {
    change('spam', changes.spam, changes.spam ? 'ticket.marked_spam' : 'ticket.unmarked_spam');
  }
  const status = statusAsked(before, changes);
  if (status !== before.status) {
    if (!mayMove(before.status, status)) {
      const why =
        before.status === 'closed'
          ? 'A closed ticket stays closed; open a follow-up.'
          : 'Nobody can make a ticket new.';
      throw new Refusal('invalid-transition', why, { from: before.status, to: status });
    }
    change('status', status, statusEvent(before.status, status));
    if (growsVersion(status)) after.version += 1;
    if (status === 'closed') after.closedAt = moment.at;
    else after.solvedAt = status === 'solved' ? moment.at : null;
  }
  if (events.length === 0) return { before, after };
  after.updatedAt = moment.at;
  const { id, number, ...fields } = after;
  await saveTicket(trx, id, fields);
  for (const event of events) await insertEvent(trx, moment, { ticketId: before.id, ...event });
  return { before, after };
}

function statusAsked(ticket: Ticket, changes: TicketChanges): TicketStatus {
  if (changes.spam !== true) return changes.status ?? ticket.status;
  if (changes.status !== undefined && changes.status !== 'closed') {
    throw invalid('status', 'must be closed for spam');
  }
  return 'closed';
}

async function recordStatus(trx: Trx, moment: Moment, ticket: Ticket, to: TicketStatus): Promise<void> {
  await insertEvent(trx, moment, {
    ticketId: ticket.id,
    type: statusEvent(ticket.status, to),
    facts: { from: ticket.status, to },
  });
}

function checkedSubject(subject: string): string {
  const tidy = oneLine(subject);
  if (tidy === '') throw invalid('subject', 'must not be empty');
  if (tidy.length > limits.subjectChars) {
    throw invalid('subject', `must have at most ${limits.subjectChars} characters`);
  }
  return tidy;
}

function checkedAssignee(assignee: string | null): string | null {
  const tidy = oneLine(assignee ?? '');
  if (tidy.length > limits.nameChars) {
    throw invalid('assignee', `must have at most ${limits.nameChars} characters`);
  }
  return tidy === '' ? null : tidy;
}

function checkedTags(tags: string[]): string[] {
  const tidy = tidyTags(tags);
  if (tidy.problem) throw invalid('tags', tidy.problem);
  return tidy.tags;
}

function invalid(path: string, message: string): Refusal {
  return new Refusal('invalid-request', `${path} ${message}.`, { errors: [{ path, message }] });
}

function noSuchTicket(): Refusal {
  return new Refusal('not-found', 'There is no such ticket.');
}
