import { usableOn } from '../domain/credits';
import type { Ticket } from '../domain/tickets';
import type { Db } from '../platform/db';
import { limits } from '../platform/limits';
import { shortfallOf } from './customers.query';
import { readOrders } from './orders.query';
import { whereSomeContains } from './search.query';

type Row = Record<string, unknown>;

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
export async function readTickets(db: Db, filter: TicketFilter) {
  const query = tickets(db).orderBy('tickets.id', 'desc').limit(filter.limit);
  if (filter.storeIds) query.whereIn('tickets.store_id', [...filter.storeIds]);
  if (filter.customerId !== undefined) query.where('tickets.customer_id', filter.customerId);
  if (filter.status !== undefined) query.where('tickets.status', filter.status);
  if (filter.assignee !== undefined) query.where('tickets.assignee', filter.assignee);
  if (filter.orderNumber !== undefined) {
    const orders = db('orders')
      .where('number', filter.orderNumber)
      .whereNotNull('ticket_id')
      .select('ticket_id');
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
  return ((await query) as Row[]).map(viewOf);
}

export async function readTicket(db: Db, id: string) {
  const row = (await tickets(db).where('tickets.id', id).first()) as Row | undefined;
  return row ? { storeId: row.store_id as string, ticket: viewOf(row) } : null;
}

export type TicketView = ReturnType<typeof viewOf>;

function tickets(db: Db) {
  return db('tickets')
    .join('stores', 'stores.id', 'tickets.store_id')
    .select('tickets.*', 'stores.slug as store');
}

function viewOf(row: Row) {
  return {
    id: row.id as string,
    number: Number(row.number),
    store: row.store as string,
    customer_id: row.customer_id as string,
    subject: row.subject as string,
    status: row.status as Ticket['status'],
    version: Number(row.version),
    origin: row.origin as Ticket['origin'],
    unpaid: row.unpaid === 1,
    spam: row.spam === 1,
    assignee: row.assignee as string | null,
    tags: JSON.parse(row.tags as string) as string[],
    family_id: row.family_id as string,
    follow_up_of: row.follow_up_of as string | null,
    last_message_at: row.last_message_at as string,
    first_replied_at: row.first_replied_at as string | null,
    solved_at: row.solved_at as string | null,
    closed_at: row.closed_at as string | null,
    created_at: row.created_at as string,
    updated_at: row.updated_at as string,
  };
}

/** What an agent needs beside a ticket and its messages. */
export async function readAround(db: Db, ticket: TicketView, at: string) {
  return {
    customer: await customerOf(db, ticket.customer_id),
    credits: await usableOn(db, at, { customerId: ticket.customer_id, ticketFamilyId: ticket.family_id }),
    shortfall: await shortfallOf(db, ticket.customer_id),
    orders: await readOrders(db, {
      storeIds: null,
      ticketId: ticket.id,
      before: null,
      limit: limits.pageSizeMax,
    }),
    events: await readEvents(db, ticket.id),
  };
}

async function customerOf(db: Db, id: string) {
  const row = (await db('customers').where({ id }).first()) as Row;
  return {
    id,
    name: row.name as string,
    email: row.email as string | null,
    phone: (row.phone_e164 ?? row.phone) as string | null,
    locale: row.locale as string,
  };
}

async function readEvents(db: Db, ticketId: string) {
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
