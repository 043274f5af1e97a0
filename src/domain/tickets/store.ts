import type { Db, Trx } from '../../platform/db';
import type { Moment } from '../../platform/moment';
import type { TicketStatus } from './rules';

export interface Ticket {
  id: string;
  /** 1, 2, 3 … over all stores: what people call the ticket. */
  number: number;
  storeId: string;
  customerId: string;
  /** Id of the first ticket of a chain of follow-ups. */
  familyId: string;
  followUpOf: string | null;
  subject: string;
  status: TicketStatus;
  version: number;
  origin: 'order' | 'customer' | 'agent';
  unpaid: boolean;
  spam: boolean;
  assignee: string | null;
  tags: string[];
  topUpLinkSentAt: string | null;
  lastMessageAt: string;
  firstRepliedAt: string | null;
  solvedAt: string | null;
  closedAt: string | null;
  createdAt: string;
  updatedAt: string;
}

type Row = Record<string, unknown>;

const COLUMNS: Record<keyof Ticket, string> = {
  id: 'id',
  number: 'number',
  storeId: 'store_id',
  customerId: 'customer_id',
  familyId: 'family_id',
  followUpOf: 'follow_up_of',
  subject: 'subject',
  status: 'status',
  version: 'version',
  origin: 'origin',
  unpaid: 'unpaid',
  spam: 'spam',
  assignee: 'assignee',
  tags: 'tags',
  topUpLinkSentAt: 'top_up_link_sent_at',
  lastMessageAt: 'last_message_at',
  firstRepliedAt: 'first_replied_at',
  solvedAt: 'solved_at',
  closedAt: 'closed_at',
  createdAt: 'created_at',
  updatedAt: 'updated_at',
};

function toRow(ticket: Partial<Ticket>): Row {
  return Object.fromEntries(
    Object.entries(ticket).map(([field, value]) => [
      COLUMNS[field as keyof Ticket],
      typeof value === 'boolean' ? Number(value) : Array.isArray(value) ? JSON.stringify(value) : value,
    ]),
  );
}

function fromRow(row: Row): Ticket {
  const fields = Object.entries(COLUMNS).map(([field, column]) => [field, row[column]]);
  return {
    ...(Object.fromEntries(fields) as Ticket),
    number: Number(row.number),
    version: Number(row.version),
    unpaid: Boolean(row.unpaid),
    spam: Boolean(row.spam),
    tags: JSON.parse(row.tags as string) as string[],
  };
}

export async function insertTicket(trx: Trx, ticket: Ticket): Promise<void> {
  await trx('tickets').insert(toRow(ticket));
}

export async function findTicket(db: Db, id: string): Promise<Ticket | null> {
  const row = (await db('tickets').where({ id }).first()) as Row | undefined;
  return row ? fromRow(row) : null;
}

/** Waits for whoever is writing to the ticket, and lets nobody else write until the transaction ends. */
export async function lockTicket(trx: Trx, id: string): Promise<Ticket | null> {
  const [row] = (await trx('tickets')
    .where({ id })
    .update({ version: trx.ref('version') })
    .returning('*')) as Row[];
  return row ? fromRow(row) : null;
}

/** One version further, if it still is the expected one; null when it is not, or there is no such ticket. */
export async function growVersion(
  trx: Trx,
  id: string,
  expected: number | undefined,
): Promise<Ticket | null> {
  const query = trx('tickets').where({ id });
  if (expected !== undefined) query.where({ version: expected });
  const [row] = (await query.update({ version: trx.raw('version + 1') }).returning('*')) as Row[];
  return row ? fromRow(row) : null;
}

export async function saveTicket(trx: Trx, id: string, changes: Partial<Ticket>): Promise<void> {
  await trx('tickets').where({ id }).update(toRow(changes));
}

/** Not closed, newest first: one that waits for payment, else one whose top-up link was sent since. */
export async function adoptableTicket(
  trx: Trx,
  input: { customerId: string; topUpSince: string },
): Promise<Ticket | null> {
  const row = (await trx('tickets')
    .where({ customer_id: input.customerId })
    .whereNot({ status: 'closed' })
    .where((q) => q.where({ unpaid: 1 }).orWhere('top_up_link_sent_at', '>=', input.topUpSince))
    .orderBy([
      { column: 'unpaid', order: 'desc' },
      { column: 'created_at', order: 'desc' },
      { column: 'id', order: 'desc' },
    ])
    .first()) as Row | undefined;
  return row ? fromRow(row) : null;
}

/** Where a message that belongs to no ticket goes: the customer's newest one, and to a closed one only where all are. */
export async function newestTicket(db: Db, customerId: string): Promise<Ticket | null> {
  const row = (await db('tickets')
    .where({ customer_id: customerId, spam: 0 })
    .orderByRaw(`CASE WHEN status = 'closed' THEN 1 ELSE 0 END, last_message_at DESC, id DESC`)
    .first()) as Row | undefined;
  return row ? fromRow(row) : null;
}

/** Solved then or earlier, and nothing said since. */
export async function solvedBefore(
  db: Db,
  { before, limit }: { before: string; limit: number },
): Promise<Pick<Ticket, 'id' | 'version'>[]> {
  const rows = (await db('tickets')
    .where({ status: 'solved' })
    .where('solved_at', '<=', before)
    .orderBy('id')
    .limit(limit)
    .select('id', 'version')) as Row[];
  return rows.map((row) => ({ id: row.id as string, version: Number(row.version) }));
}

export async function insertEvent(
  trx: Trx,
  moment: Moment,
  event: { ticketId: string; type: string; facts: Record<string, unknown> },
): Promise<void> {
  await trx('ticket_events').insert({
    id: moment.ids.next(),
    ticket_id: event.ticketId,
    type: event.type,
    actor_kind: moment.actor.kind,
    actor_id: moment.actor.id,
    actor_name: moment.actor.name,
    facts: JSON.stringify(event.facts),
    at: moment.at,
  });
}
