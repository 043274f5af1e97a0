import type { Meter } from '../domain/credits';
import type { Ticket } from '../domain/tickets';
import type { Db } from '../platform/db';
import { isId } from '../platform/ids';
import { onlyOf, type StoreIds } from '../platform/in-stores';
import { lastInstantOf, type MeterState, readMeters } from './counts.query';
import { shortfallIn } from './customers.query';
import { type OrderRow, orderedAt, readOrderList } from './orders.query';

type Row = Record<string, unknown>;

export interface CustomerHead {
  id: string;
  name: string;
  email: string | null;
  phone: string | null;
  phoneE164: string | null;
  country: string | null;
  language: string;
  store: string;
  /** Has an account in the shop; else bought as a guest. */
  hasAccount: boolean;
  since: string;
}

/** One lot of credits, as one tells it. */
export interface GrantStory {
  id: string;
  meter: Meter;
  cause: 'order' | 'goodwill' | 'correction';
  at: string;
  granted: number;
  left: number;
  onHold: number;
  used: number;
  expired: number;
  /** By its order. */
  takenBack: number;
  /** By a correction. */
  takenAway: number;
  shortfall: number;
  /** The last instant at which it can be used; null: for ever. */
  lastInstant: string | null;
  isOver: boolean;
  package: string | null;
  order: { id: string; number: string; status: string } | null;
  /** Only work on this ticket and its follow-ups may use it. */
  ticket: { id: string; number: number } | null;
  reason: string | null;
  by: string | null;
}

export interface TicketRow {
  id: string;
  number: number;
  subject: string;
  status: Ticket['status'];
  unpaid: boolean;
  lastMessageAt: string;
}

export interface CustomerDetails {
  customer: CustomerHead;
  meters: MeterState[];
  grants: GrantStory[];
  orders: { rows: OrderRow[]; total: number | undefined };
  tickets: TicketRow[];
}

/** Null when there is none, or the id is none. */
export async function readCustomerHead(db: Db, id: string, storeIds: StoreIds): Promise<CustomerHead | null> {
  if (!isId(id)) return null;
  const row = (await onlyOf(db('customers'), 'customers.store_id', storeIds)
    .join('stores', 'stores.id', 'customers.store_id')
    .where('customers.id', id)
    .first('customers.*', 'stores.name as store_name')) as Row | undefined;
  if (!row) return null;
  return {
    id,
    name: row.name as string,
    email: row.email as string | null,
    phone: row.phone as string | null,
    phoneE164: row.phone_e164 as string | null,
    country: row.country as string | null,
    language: row.locale as string,
    store: row.store_name as string,
    hasAccount: row.woo_customer_id !== null,
    since: row.created_at as string,
  };
}

const GRANTS_SHOWN = 100;
const RECENT_SHOWN = 10;

export async function readCustomerDetails(
  db: Db,
  now: string,
  customer: CustomerHead,
): Promise<CustomerDetails> {
  const [meters, grants, orders, tickets] = await Promise.all([
    readMeters(db, now, [customer.id]),
    readGrants(db, now, customer.id),
    readOrderList(db, { customerId: customer.id, limit: RECENT_SHOWN }),
    readTickets(db, customer.id),
  ]);
  return { customer, meters: meters.get(customer.id) ?? [], grants, orders, tickets };
}

/** What can still be used first, then the newest. */
async function readGrants(db: Db, now: string, customerId: string): Promise<GrantStory[]> {
  const rows = (await db('credit_grants as g')
    .leftJoin('orders as o', 'o.id', 'g.order_id')
    .leftJoin('package_versions as v', 'v.id', 'g.package_version_id')
    .leftJoin('tickets as t', 't.id', 'g.ticket_family_id')
    .leftJoin('credit_entries as e', (join) =>
      join
        .on('e.grant_id', 'g.id')
        .andOn('e.type', db.raw(`'grant'`))
        .andOn('e.cause_kind', db.raw(`'adjustment'`)),
    )
    .where('g.customer_id', customerId)
    .orderByRaw('CASE WHEN g.available + g.held > 0 THEN 0 ELSE 1 END, g.id DESC')
    .limit(GRANTS_SHOWN)
    .select(
      'g.*',
      'o.number as order_number',
      'o.status as order_status',
      'o.date_created_gmt',
      'v.name as package_name',
      't.number as ticket_number',
      'e.reason',
      'e.actor_name',
    )) as Row[];
  return rows.map((row) => {
    const expiresAt = row.expires_at as string | null;
    const isOver = expiresAt !== null && expiresAt <= now;
    const lapsed = isOver ? Number(row.available) : 0;
    return {
      id: row.id as string,
      meter: row.meter as Meter,
      cause: row.cause as GrantStory['cause'],
      at: orderedAt(row),
      granted: Number(row.granted),
      left: Number(row.available) - lapsed,
      onHold: Number(row.held),
      used: Number(row.used),
      expired: Number(row.expired) + lapsed,
      takenBack: Number(row.order_revoked),
      takenAway: Number(row.revoked) - Number(row.order_revoked),
      shortfall: shortfallIn(row),
      lastInstant: expiresAt === null ? null : lastInstantOf(expiresAt),
      isOver,
      package: row.package_name as string | null,
      order:
        row.order_id === null
          ? null
          : {
              id: row.order_id as string,
              number: row.order_number as string,
              status: row.order_status as string,
            },
      ticket:
        row.ticket_family_id === null
          ? null
          : { id: row.ticket_family_id as string, number: Number(row.ticket_number) },
      reason: row.reason as string | null,
      by: row.actor_name as string | null,
    };
  });
}

async function readTickets(db: Db, customerId: string): Promise<TicketRow[]> {
  const rows = (await db('tickets')
    .where({ customer_id: customerId })
    .orderBy('id', 'desc')
    .limit(RECENT_SHOWN)
    .select('id', 'number', 'subject', 'status', 'unpaid', 'last_message_at')) as Row[];
  return rows.map((row) => ({
    id: row.id as string,
    number: Number(row.number),
    subject: row.subject as string,
    status: row.status as TicketRow['status'],
    unpaid: row.unpaid === 1,
    lastMessageAt: row.last_message_at as string,
  }));
}
