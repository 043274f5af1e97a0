import { everHadMeter, hold, usableOn } from '../domain/credits';
import { type Customer, findCustomer } from '../domain/customers';
import { addMessage, checkedBody } from '../domain/messages';
import { findTicket, isFreeFollowUp, markUnpaid, openTicket, type Ticket } from '../domain/tickets';
import type { Actor } from '../platform/actor';
import { type Trx, withTransaction } from '../platform/db';
import type { Moment } from '../platform/moment';
import { Refusal } from '../platform/refusal';
import { type Context, momentOf } from './context';
import { hasPaidOrder, storeIdBySlug } from './messaging.query';

export interface OpenTicketInput {
  storeSlug: string;
  customerId: string;
  subject: string;
  /** The customer's words; of a ticket that an agent opens: the agent's note. */
  body?: string | undefined;
  /** Whose wish it is. Only a customer's own ticket draws a `request`. */
  openedBy: 'customer' | 'agent';
  /** Id of the solved or closed ticket that this one goes on with. */
  followUpOf?: string | undefined;
}

/**
 * Open a ticket for a customer who wrote on the web, or whom an agent has on the telephone.
 * A customer's own ticket holds one `request`, if the customer ever had that meter. None left, or nothing paid at all:
 * the ticket is kept as unpaid, and the next order adopts it.
 * Shape:   OpenTicketInput → Ticket
 * Errors:  invalid-request (unknown store, customer or followed ticket; blank words)
 * Writes:  tickets, ticket_events, messages, the credit tables
 * Repeat:  opens another one; the API's Idempotency-Key makes it happen once
 * Source:  DESIGN §3 "Spending" (request), "Someone writes who has not paid"
 */
export function openTicketForCustomer(ctx: Context, actor: Actor, input: OpenTicketInput): Promise<Ticket> {
  return withTransaction(ctx.db, (trx) => openTicketForCustomerIn(trx, ctx, actor, input));
}

/** The same in a transaction that is open already. */
export async function openTicketForCustomerIn(
  trx: Trx,
  ctx: Context,
  actor: Actor,
  input: OpenTicketInput,
): Promise<Ticket> {
  const moment = momentOf(ctx, actor);
  const byCustomer = input.openedBy === 'customer';
  const body = input.body === undefined ? null : checkedBody(input.body, byCustomer ? 'web' : 'note');
  const customer = await customerOfStore(trx, input);
  const followed = input.followUpOf === undefined ? null : await endedTicket(trx, customer, input.followUpOf);

  const opened = await openTicket(trx, moment, {
    storeId: customer.storeId,
    customerId: customer.id,
    subject: input.subject,
    origin: input.openedBy,
    followUpOf: followed,
  });
  if (body !== null) await addFirstMessage(trx, moment, opened, customer, body);
  if (!byCustomer) return opened;
  return markedIfUnpaid(trx, moment, opened, followed);
}

/**
 * Of a ticket that a customer has just opened, whatever way they wrote: a follow-up is as paid as what it follows, anything
 * else holds a `request` or shows that something was bought; else it is marked.
 * Shape:   (ticket just opened, the ended ticket that it goes on with) → Ticket, marked `unpaid` or not
 * Writes:  tickets, ticket_events, the credit tables
 */
export async function markedIfUnpaid(
  trx: Trx,
  moment: Moment,
  opened: Ticket,
  followed: Ticket | null,
): Promise<Ticket> {
  const paid =
    followed && isFreeFollowUp(followed, moment.at)
      ? !followed.unpaid
      : await payRequest(trx, moment, opened);
  return paid ? opened : markUnpaid(trx, moment, opened);
}

/** False: the customer has to buy first. */
async function payRequest(trx: Trx, moment: Moment, ticket: Ticket): Promise<boolean> {
  const { customerId } = ticket;
  if (!(await everHadMeter(trx, customerId, 'request'))) {
    const usable = await usableOn(trx, moment.at, { customerId, ticketFamilyId: ticket.familyId });
    return Object.values(usable).some((credits) => credits > 0) || hasPaidOrder(trx, customerId);
  }
  try {
    await hold(trx, moment, {
      customerId,
      ticketId: ticket.id,
      ticketFamilyId: ticket.familyId,
      work: { meter: 'request' },
      key: `ticket:${ticket.id}:request`,
      cause: { kind: 'ticket', id: ticket.id },
    });
    return true;
  } catch (error) {
    // A refused hold has written nothing, so the transaction can go on.
    if (error instanceof Refusal && error.code === 'insufficient-credits') return false;
    throw error;
  }
}

async function addFirstMessage(
  trx: Trx,
  moment: Moment,
  ticket: Ticket,
  customer: Customer,
  body: string,
): Promise<void> {
  if (ticket.origin === 'agent') {
    const note = { direction: 'internal', channel: 'note', kind: 'note', status: 'sent' } as const;
    await addMessage(trx, moment, { ticketId: ticket.id, ...note, body });
    return;
  }
  // These are the customer's words, whichever program brought them.
  const author: Actor = { kind: 'customer', id: customer.id, name: customer.name };
  const word = { direction: 'in', channel: 'web', kind: 'customer', status: 'received' } as const;
  await addMessage(trx, { ...moment, actor: author }, { ticketId: ticket.id, ...word, body });
}

async function customerOfStore(trx: Trx, input: OpenTicketInput): Promise<Customer> {
  const storeId = await storeIdBySlug(trx, input.storeSlug);
  if (storeId === null) throw invalid('store', 'is not known');
  const customer = await findCustomer(trx, input.customerId);
  if (customer?.storeId !== storeId) throw invalid('customer_id', 'is not a customer of this store');
  return customer;
}

/** A ticket that still runs needs no follow-up: the word belongs there. */
async function endedTicket(trx: Trx, customer: Customer, ticketId: string): Promise<Ticket> {
  const ticket = await findTicket(trx, ticketId);
  if (ticket?.customerId !== customer.id) throw invalid('follow_up_of', 'is not a ticket of this customer');
  if (ticket.status !== 'solved' && ticket.status !== 'closed') {
    throw invalid('follow_up_of', 'is neither solved nor closed');
  }
  return ticket;
}

function invalid(path: string, message: string): Refusal {
  return new Refusal('invalid-request', `${path} ${message}.`, { errors: [{ path, message }] });
}
