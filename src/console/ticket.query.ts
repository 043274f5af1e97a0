import { createHash } from 'node:crypto';
import { METERS, type Meter, stockGrantFromRow } from '../domain/credits';
import type { Ticket } from '../domain/tickets';
import type { Db } from '../platform/db';
import { isId } from '../platform/ids';
import { onlyOf, type StoreIds } from '../platform/in-stores';
import { type MeterState, nextToGo, shownLevel } from './counts.query';
import { shortfallIn } from './customers.query';
import { type OrderRow, readOrderList } from './orders.query';
import type { TicketStatus, WaitingTicket } from './tickets.query';

type Row = Record<string, unknown>;

export interface TicketHead {
  id: string;
  number: number;
  subject: string;
  status: TicketStatus;
  version: number;
  unpaid: boolean;
  spam: boolean;
  assignee: string | null;
  origin: Ticket['origin'];
  familyId: string;
  followUpOf: { number: number } | null;
  store: { id: string; slug: string; name: string };
  customer: {
    id: string;
    name: string;
    email: string | null;
    phone: string | null;
    phoneE164: string | null;
    country: string | null;
    locale: string;
  };
}

/** By its number, as people call it, or by its id. Null: there is none. */
export async function readTicketHead(db: Db, ref: string, storeIds: StoreIds): Promise<TicketHead | null> {
  const isNumber = /^\d{1,15}$/.test(ref);
  if (!isNumber && !isId(ref)) return null;
  const row = (await onlyOf(db('tickets'), 'tickets.store_id', storeIds)
    .join('stores', 'stores.id', 'tickets.store_id')
    .join('customers', 'customers.id', 'tickets.customer_id')
    .leftJoin('tickets as before', 'before.id', 'tickets.follow_up_of')
    .where(isNumber ? { 'tickets.number': Number(ref) } : { 'tickets.id': ref })
    .first(
      'tickets.*',
      'stores.slug as store_slug',
      'stores.name as store_name',
      'customers.name as customer_name',
      'customers.email',
      'customers.phone',
      'customers.phone_e164',
      'customers.country',
      'customers.locale',
      'before.number as before_number',
    )) as Row | undefined;
  if (!row) return null;
  return {
    id: row.id as string,
    number: Number(row.number),
    subject: row.subject as string,
    status: row.status as TicketStatus,
    version: Number(row.version),
    unpaid: row.unpaid === 1,
    spam: row.spam === 1,
    assignee: row.assignee as string | null,
    origin: row.origin as Ticket['origin'],
    familyId: row.family_id as string,
    followUpOf: row.follow_up_of === null ? null : { number: Number(row.before_number) },
    store: { id: row.store_id as string, slug: row.store_slug as string, name: row.store_name as string },
    customer: {
      id: row.customer_id as string,
      name: row.customer_name as string,
      email: row.email as string | null,
      phone: row.phone as string | null,
      phoneE164: row.phone_e164 as string | null,
      country: row.country as string | null,
      locale: row.locale as string,
    },
  };
}

export interface TicketCredits {
  /** What can be spent here, by every meter that was ever the customer's. */
  meters: MeterState[];
  /** What was used, or is on hold, of what orders took back. */
  shortfall: { meter: Meter; quantity: number }[];
  /** Minutes of a block, by grant; null: the whole session. */
  blockMinutes: Map<string, number | null>;
}

/** As readMeters(), without what is bound to other tickets: on this page stands what can be spent on this one. */
export async function readTicketCredits(db: Db, now: string, ticket: TicketHead): Promise<TicketCredits> {
  const grants = (await db('credit_grants')
    .leftJoin('package_versions', 'package_versions.id', 'credit_grants.package_version_id')
    .where({ customer_id: ticket.customer.id })
    .where((q) => q.whereNull('ticket_family_id').orWhere({ ticket_family_id: ticket.familyId }))
    .select('credit_grants.*', 'package_versions.low_balance_at')) as Row[];
  const stock = grants.map(stockGrantFromRow);
  const meters = METERS.flatMap((meter): MeterState[] => {
    const own = grants.filter((grant) => grant.meter === meter && Number(grant.granted) > 0);
    if (own.length === 0) return [];
    const live = own.filter((grant) => grant.expires_at === null || (grant.expires_at as string) > now);
    const left = sumOf(live, 'available');
    return [
      {
        meter,
        left,
        onHold: sumOf(own, 'held'),
        used: sumOf(own, 'used'),
        level: shownLevel(left, stock, meter, now),
        expiring: nextToGo(live),
      },
    ];
  });
  const shortfall = METERS.flatMap((meter) => {
    const quantity = grants
      .filter((grant) => grant.meter === meter)
      .reduce((sum, grant) => sum + shortfallIn(grant), 0);
    return quantity > 0 ? [{ meter, quantity }] : [];
  });
  const blockMinutes = new Map(
    grants.map((grant) => [grant.id as string, grant.video_block_minutes as number | null]),
  );
  return { meters, shortfall, blockMinutes };
}

function sumOf(grants: Row[], amount: 'available' | 'held' | 'used'): number {
  return grants.reduce((sum, grant) => sum + Number(grant[amount]), 0);
}

const ORDERS_SHOWN = 5;
const OTHERS_SHOWN = 6;

export interface OtherTicket {
  number: number;
  subject: string;
  status: TicketStatus;
  lastMessageAt: string;
}

/** What the customer bought, and what else they asked. */
export async function readAround(
  db: Db,
  ticket: TicketHead,
): Promise<{ orders: OrderRow[]; ordersInAll: number | undefined; others: OtherTicket[] }> {
  const orders = await readOrderList(db, { customerId: ticket.customer.id, limit: ORDERS_SHOWN });
  const rows = (await db('tickets')
    .where({ customer_id: ticket.customer.id })
    .whereNot({ id: ticket.id })
    .orderBy('id', 'desc')
    .limit(OTHERS_SHOWN)
    .select('number', 'subject', 'status', 'last_message_at')) as Row[];
  const others = rows.map((row) => ({
    number: Number(row.number),
    subject: row.subject as string,
    status: row.status as TicketStatus,
    lastMessageAt: row.last_message_at as string,
  }));
  return { orders: orders.rows, ordersInAll: orders.total, others };
}

/** The room that runs on this ticket, else the last one; null: there never was one. */
export async function readVideoSessionId(db: Db, ticketId: string): Promise<string | null> {
  const row = (await db('video_sessions').where({ ticket_id: ticketId }).orderBy('id', 'desc').first('id')) as
    | Row
    | undefined;
  return (row?.id as string | undefined) ?? null;
}

/** Messages whose state is still looked at when asking whether anything is new. */
const STATES_WATCHED = 50;
const VIDEO_TICK_SECONDS = 5;

/**
 * A short text that changes whenever something on the page of this ticket does: three small reads by index instead of
 * drawing the page again.
 */
export async function markOf(
  db: Db,
  now: Date,
  ticket: TicketHead,
  waiting: WaitingTicket[],
): Promise<string> {
  const last = (table: string, column: string, where: string) =>
    `(SELECT MAX(${column}) FROM ${table} WHERE ${where}) AS ${table}`;
  const [row] = (await db
    .select(
      db.raw(last('messages', 'id', 'ticket_id = ?'), [ticket.id]),
      db.raw(last('ticket_events', 'id', 'ticket_id = ?'), [ticket.id]),
      db.raw(last('video_sessions', 'updated_at', 'ticket_id = ?'), [ticket.id]),
      db.raw(last('orders', 'updated_at', 'customer_id = ?'), [ticket.customer.id]),
      db.raw(last('credit_balances', 'entry_seq', 'customer_id = ?'), [ticket.customer.id]),
      db.raw(`(SELECT COUNT(*) FROM video_sessions WHERE ticket_id = ? AND state = 'active') AS active`, [
        ticket.id,
      ]),
    )
    .limit(1)) as Row[];
  const states = (await db('messages')
    .where({ ticket_id: ticket.id })
    .orderBy('id', 'desc')
    .limit(STATES_WATCHED)
    .select('status')) as Row[];
  // The time that is connected runs on by itself.
  const tick = Number(row?.active) > 0 ? Math.floor(now.getTime() / 1000 / VIDEO_TICK_SECONDS) : 0;
  const all = [ticket, row, states.map((state) => state.status), waiting, tick];
  return createHash('sha256').update(JSON.stringify(all)).digest('base64url').slice(0, 16);
}
