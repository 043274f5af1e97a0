import { mayUseStore, type Principal } from '../domain/access';
import { usableOn } from '../domain/credits';
import { findTicket, type Ticket } from '../domain/tickets';
import type { Db } from '../platform/db';
import { limits } from '../platform/limits';
import { cursorAt, toPage } from './cursor';
import { shortfallOf } from './customers.query';
import { readMessages } from './messages.query';
import { readOrders } from './orders.query';
import { notFound } from './principal';
import { whereSomeContains } from './search';
import { slugsOf } from './stores.query';
import type { TicketDetailView, TicketView } from './tickets.schema';

type Row = Record<string, unknown>;

/** The ticket, unless it is not there, or not for this token: 404 for both. */
export async function ticketInSight(db: Db, principal: Principal, id: string): Promise<Ticket> {
  const ticket = await findTicket(db, id);
  if (!ticket || !mayUseStore(principal, ticket.storeId)) throw notFound('ticket');
  return ticket;
}

export async function ticketView(db: Db, ticket: Ticket): Promise<TicketView> {
  return viewOf(ticket, (await slugsOf(db, [ticket.storeId])).get(ticket.storeId) ?? '');
}

function viewOf(ticket: Ticket, store: string): TicketView {
  return {
    id: ticket.id,
    number: ticket.number,
    store,
    customer_id: ticket.customerId,
    subject: ticket.subject,
    status: ticket.status,
    version: ticket.version,
    origin: ticket.origin,
    unpaid: ticket.unpaid,
    spam: ticket.spam,
    assignee: ticket.assignee,
    tags: ticket.tags,
    family_id: ticket.familyId,
    follow_up_of: ticket.followUpOf,
    last_message_at: ticket.lastMessageAt,
    first_replied_at: ticket.firstRepliedAt,
    solved_at: ticket.solvedAt,
    closed_at: ticket.closedAt,
    created_at: ticket.createdAt,
    updated_at: ticket.updatedAt,
  };
}

export interface TicketFilter {
  /** null: all. */
  storeIds: readonly string[] | null;
  customerId?: string;
  orderNumber?: string;
  status?: Ticket['status'];
  assignee?: string;
  q?: string;
  before: string | null;
  limit: number;
}

/** Newest first. */
export async function readTickets(db: Db, filter: TicketFilter): Promise<TicketView[]> {
  const query = db('tickets')
    .join('stores', 'stores.id', 'tickets.store_id')
    .orderBy('tickets.id', 'desc')
    .limit(filter.limit)
    .select('tickets.*', 'stores.slug as store');
  if (filter.storeIds) query.whereIn('tickets.store_id', [...filter.storeIds]);
  if (filter.customerId !== undefined) query.where('tickets.customer_id', filter.customerId);
  if (filter.status !== undefined) query.where('tickets.status', filter.status);
  if (filter.assignee !== undefined) query.where('tickets.assignee', filter.assignee);
  if (filter.orderNumber !== undefined) {
    const orders = db('orders').where('number', filter.orderNumber).whereNotNull('ticket_id').select('ticket_id');
    if (filter.storeIds) orders.whereIn('store_id', [...filter.storeIds]);
    query.whereIn('tickets.id', orders);
  }
  if (filter.q !== undefined) {
    const number = /^#?(\d{1,15})$/.exec(filter.q.trim())?.[1];
    if (number) query.where('tickets.number', Number(number));
    else {
      query.join('customers', 'customers.id', 'tickets.customer_id');
      whereSomeContains(query, ['tickets.subject', 'customers.name', 'customers.email'], filter.q);
    }
  }
  if (filter.before) query.where('tickets.id', '<', filter.before);
  return ((await query) as Row[]).map(({ store, ...row }) => ({
    ...(Object.fromEntries(LISTED.map((column) => [column, row[column]])) as TicketView),
    store: store as string,
    number: Number(row.number),
    version: Number(row.version),
    unpaid: row.unpaid === 1,
    spam: row.spam === 1,
    tags: JSON.parse(row.tags as string) as string[],
  }));
}

/** What a list shows as it is stored. */
const LISTED = [
  'id',
  'customer_id',
  'subject',
  'status',
  'origin',
  'assignee',
  'family_id',
  'follow_up_of',
  'last_message_at',
  'first_replied_at',
  'solved_at',
  'closed_at',
  'created_at',
  'updated_at',
] as const;

/**
 * A ticket with all that an agent needs beside it. `ticket` was read before: its version is never newer than the
 * messages here, so a reply that is sent with it has seen every word, or is refused.
 */
export async function readTicketDetail(db: Db, ticket: Ticket, at: string): Promise<TicketDetailView> {
  const view = await ticketView(db, ticket);
  const newest = await readMessages(db, {
    ticketId: ticket.id,
    before: null,
    limit: limits.pageSizeMax + 1,
  });
  const messages = toPage(newest, limits.pageSizeMax, (row) => cursorAt('messages', row.id));
  const owner = { customerId: ticket.customerId, ticketFamilyId: ticket.familyId };
  return {
    ...view,
    customer: await customerOf(db, ticket.customerId),
    credits: await usableOn(db, at, owner),
    shortfall: await shortfallOf(db, ticket.customerId),
    orders: await readOrders(db, {
      storeIds: null,
      ticketId: ticket.id,
      before: null,
      limit: limits.pageSizeMax,
    }),
    messages: messages.data.reverse(),
    messages_next_cursor: messages.next_cursor,
    events: await readEvents(db, ticket.id),
  };
}

async function customerOf(db: Db, id: string): Promise<TicketDetailView['customer']> {
  const row = (await db('customers').where({ id }).first()) as Row;
  return {
    id,
    name: row.name as string,
    email: row.email as string | null,
    phone: (row.phone_e164 ?? row.phone) as string | null,
    locale: row.locale as string,
  };
}

async function readEvents(db: Db, ticketId: string): Promise<TicketDetailView['events']> {
  const rows = (await db('ticket_events')
    .where({ ticket_id: ticketId })
    .orderBy('id', 'desc')
    .limit(limits.pageSizeMax)) as Row[];
  return rows.reverse().map((row) => ({
    id: row.id as string,
    type: row.type as string,
    at: row.at as string,
    by: { kind: row.actor_kind as string, name: row.actor_name as string },
    facts: JSON.parse(row.facts as string) as Record<string, unknown>,
  }));
}
