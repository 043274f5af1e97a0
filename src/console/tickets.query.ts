import type { Knex } from 'knex';
import type { Ticket } from '../domain/tickets';
import type { Db } from '../platform/db';
import { isId } from '../platform/ids';
import { onlyOf, type StoreIds } from '../platform/in-stores';
import { type MeterState, readMeters } from './counts.query';
import { CUSTOMER_NAME } from './customer-name.query';
import { countUpTo, type Slice, sliceOf, whereEachWord } from './list.query';

type Row = Record<string, unknown>;
export type TicketStatus = Ticket['status'];

/** In which order open work stands: what waits for us, what waits for others, what nobody has paid; by rank, from 0. */
export type WorkGroup = 'ours' | 'theirs' | 'unpaid';
const GROUPS: WorkGroup[] = ['unpaid', 'theirs', 'ours'];
/** The text is that of the index tickets_work; below 0: solved, nobody has to do anything about it. */
const RANK = `CASE WHEN tickets.status IN ('solved', 'closed') THEN -1 WHEN tickets.unpaid = 1 THEN 0
  WHEN tickets.status IN ('new', 'open') THEN 2 ELSE 1 END`;
const IS_OPEN_WORK = `${RANK} >= 0`;

/** `work`: open work in its groups; `unpaid`: its last group alone; `all`: everything, the newest activity first. */
export type TicketsView = 'work' | 'unpaid' | 'all' | TicketStatus;

export interface TicketListRow {
  id: string;
  number: number;
  subject: string;
  status: TicketStatus;
  group: WorkGroup | null;
  unpaid: boolean;
  spam: boolean;
  customer: { id: string; name: string };
  meters: MeterState[];
  store: string;
  assignee: string | null;
  lastMessageAt: string;
}

export interface TicketFilter {
  view: TicketsView;
  /** '': no words. */
  typed: string;
  /** Slug; '': every store. */
  store: string;
  storeIds: StoreIds;
  cursor: string;
  limit: number;
}

export interface TicketList extends Slice<TicketListRow> {
  total: number | undefined;
  /** Nobody ever asked anything here. */
  isNew: boolean;
  stores: { slug: string; name: string }[];
}

/** The newest activity first; open work by its groups before that. */
export async function readTicketList(db: Db, now: string, filter: TicketFilter): Promise<TicketList> {
  const stores = (await onlyOf(db('stores'), 'id', filter.storeIds)
    .orderBy('name')
    .select('id', 'slug', 'name')) as {
    id: string;
    slug: string;
    name: string;
  }[];
  const isWork = filter.view === 'work';
  const all = matching(db, filter, stores.find(({ slug }) => slug === filter.store)?.id);
  const page = all
    .clone()
    .join('stores', 'stores.id', 'tickets.store_id')
    .limit(filter.limit + 1);
  if (!searchesNames(filter)) page.join('customers', 'customers.id', 'tickets.customer_id');
  if (isWork) page.orderByRaw(`${RANK} DESC`);
  page
    .orderBy([
      { column: 'tickets.last_message_at', order: 'desc' },
      { column: 'tickets.id', order: 'desc' },
    ])
    .select(
      'tickets.id',
      'tickets.number',
      'tickets.subject',
      'tickets.status',
      'tickets.unpaid',
      'tickets.spam',
      'tickets.assignee',
      'tickets.last_message_at',
      'customers.id as customer_id',
      db.raw(CUSTOMER_NAME),
      'stores.name as store_name',
      db.raw(`${RANK} AS work_rank`),
    );
  const from = placeIn(filter.cursor);
  if (from) page.where(after(from, isWork));
  const slice = sliceOf((await page) as Row[], filter.limit, placeOf);
  const meters = await readMeters(db, now, [...new Set(slice.rows.map((row) => row.customer_id as string))]);
  return {
    rows: slice.rows.map((row) => ({
      id: row.id as string,
      number: Number(row.number),
      subject: row.subject as string,
      status: row.status as TicketStatus,
      group: isWork ? (GROUPS[Number(row.work_rank)] ?? null) : null,
      unpaid: row.unpaid === 1,
      spam: row.spam === 1,
      customer: { id: row.customer_id as string, name: row.customer_name as string },
      meters: meters.get(row.customer_id as string) ?? [],
      store: row.store_name as string,
      assignee: row.assignee as string | null,
      lastMessageAt: row.last_message_at as string,
    })),
    next: slice.next,
    total: await countUpTo(db, all),
    isNew:
      slice.rows.length === 0 &&
      (await onlyOf(db('tickets'), 'store_id', filter.storeIds).first('id')) === undefined,
    stores,
  };
}

/** Without the tables that only the page needs: they would be joined for every row that is counted. */
function matching(db: Db, filter: TicketFilter, storeId: string | undefined): Knex.QueryBuilder {
  const query = db('tickets');
  if (filter.view === 'work' || filter.view === 'unpaid') query.whereRaw(IS_OPEN_WORK);
  else if (filter.view !== 'all') query.where('tickets.status', filter.view);
  if (filter.view === 'unpaid') query.whereRaw(`${RANK} = 0`);
  onlyOf(query, 'tickets.store_id', filter.storeIds);
  if (filter.store !== '') query.where('tickets.store_id', storeId ?? '');
  const number = numberIn(filter);
  if (number !== undefined) query.where('tickets.number', number);
  else if (searchesNames(filter)) {
    query.join('customers', 'customers.id', 'tickets.customer_id');
    whereEachWord(query, ['tickets.subject', 'customers.name', 'customers.email'], filter.typed);
  }
  return query;
}

function numberIn({ typed }: TicketFilter): number | undefined {
  const digits = /^#?(\d{1,15})$/.exec(typed)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

function searchesNames(filter: TicketFilter): boolean {
  return filter.typed !== '' && numberIn(filter) === undefined;
}

interface Place {
  rank: number;
  at: string;
  id: string;
}

function placeOf(row: Row): string {
  return [row.work_rank, row.last_message_at, row.id].join('_');
}

/** Null: at the beginning, as for whatever is no cursor. */
function placeIn(cursor: string): Place | null {
  const [rank = '', at = '', id = ''] = cursor.split('_');
  return /^[012]$/.test(rank) && /^[\d:.TZ-]{20,30}$/.test(at) && isId(id)
    ? { rank: Number(rank), at, id }
    : null;
}

function after({ rank, at, id }: Place, isWork: boolean): (query: Knex.QueryBuilder) => void {
  return (query) => {
    if (isWork) query.whereRaw(`(${RANK}, tickets.last_message_at, tickets.id) < (?, ?, ?)`, [rank, at, id]);
    else query.whereRaw('(tickets.last_message_at, tickets.id) < (?, ?)', [at, id]);
  };
}

/** What else waits, beside a ticket: in the order of the list. */
export interface WaitingTicket {
  number: number;
  subject: string;
  status: TicketStatus;
  customer: string;
  lastMessageAt: string;
  updatedAt: string;
}

export async function readWaiting(db: Db, limit: number, storeIds: StoreIds): Promise<WaitingTicket[]> {
  const rows = (await onlyOf(db('tickets'), 'tickets.store_id', storeIds)
    .join('customers', 'customers.id', 'tickets.customer_id')
    .whereRaw(IS_OPEN_WORK)
    .whereRaw(`${RANK} > 0`)
    .orderByRaw(`${RANK} DESC`)
    .orderBy([
      { column: 'tickets.last_message_at', order: 'desc' },
      { column: 'tickets.id', order: 'desc' },
    ])
    .limit(limit)
    .select(
      'tickets.number',
      'tickets.subject',
      'tickets.status',
      'tickets.last_message_at',
      'tickets.updated_at',
      db.raw(CUSTOMER_NAME),
    )) as Row[];
  return rows.map((row) => ({
    number: Number(row.number),
    subject: row.subject as string,
    status: row.status as TicketStatus,
    customer: row.customer_name as string,
    lastMessageAt: row.last_message_at as string,
    updatedAt: row.updated_at as string,
  }));
}
