import type { Meter } from '../domain/credits';
import type { ExpiryStep } from '../domain/notices';
import type { Db } from '../platform/db';

type Row = Record<string, unknown>;

export interface NoticeStore {
  id: string;
  name: string;
  timeZone: string;
}

/** The stores that want their customers told. */
export async function storesWithNotices(db: Db): Promise<NoticeStore[]> {
  const rows = (await db('stores')
    .where({ notices: 1 })
    .orderBy('id')
    .select('id', 'name', 'time_zone')) as Row[];
  return rows.map((row) => ({
    id: row.id as string,
    name: row.name as string,
    timeZone: row.time_zone as string,
  }));
}

/** Balances that changed since they were looked at. `store`: null where its customers are told nothing. */
export async function balancesToLookAt(
  db: Db,
  { limit, asleep }: { limit: number; asleep: readonly NoticeStore[] },
): Promise<{ customerId: string; entrySeq: number; noticeSeq: number; store: NoticeStore | null }[]> {
  const rows = (await db('credit_balances')
    .join('customers', 'customers.id', 'credit_balances.customer_id')
    .join('stores', 'stores.id', 'customers.store_id')
    .whereRaw('credit_balances.entry_seq > credit_balances.notice_seq')
    .whereNotIn(
      'stores.id',
      asleep.map((store) => store.id),
    )
    .orderBy('credit_balances.customer_id')
    .limit(limit)
    .select(
      'credit_balances.customer_id',
      'credit_balances.entry_seq',
      'credit_balances.notice_seq',
      'stores.id as store_id',
      'stores.name',
      'stores.time_zone',
      'stores.notices',
    )) as Row[];
  return rows.map((row) => ({
    customerId: row.customer_id as string,
    entrySeq: Number(row.entry_seq),
    noticeSeq: Number(row.notice_seq),
    store:
      row.notices === 1
        ? { id: row.store_id as string, name: row.name as string, timeZone: row.time_zone as string }
        : null,
  }));
}

/** On what a meter's credits were spent last. */
export async function lastUse(
  db: Db,
  input: { customerId: string; meter: Meter },
): Promise<{ at: string; ticket: { number: number; subject: string } } | null> {
  const row = (await db('credit_entries as e')
    .join('credit_holds as h', 'h.id', 'e.hold_id')
    .join('tickets as t', 't.id', 'h.ticket_id')
    .where({ 'e.customer_id': input.customerId, 'e.meter': input.meter, 'e.type': 'capture' })
    .orderBy('e.seq', 'desc')
    .first('e.at', 't.number', 't.subject')) as Row | undefined;
  if (!row) return null;
  return {
    at: row.at as string,
    ticket: { number: Number(row.number), subject: row.subject as string },
  };
}

export interface ExpiringGrant {
  id: string;
  meter: Meter;
  available: number;
  expiresAt: string;
  createdAt: string;
}

interface ExpirySpan {
  /** Expires after this … */
  after: string;
  /** … and until this. */
  until: string;
  /** The nearest step of all that expires then. */
  step: ExpiryStep;
}

/** Unspent credits of a span for which its step, and every nearer one, was not passed yet. */
function unwarned(db: Db, span: ExpirySpan) {
  return db('credit_grants as g')
    .where('g.available', '>', 0)
    .where('g.expires_at', '>', span.after)
    .where('g.expires_at', '<=', span.until)
    .whereNotExists(
      db('expiry_warnings as w')
        .select(db.raw('1'))
        .whereRaw('w.grant_id = g.id AND w.expires_at = g.expires_at')
        .where('w.step_days', '<=', span.step),
    );
}

/** The latest first: those have just entered the span, the others were mostly warned days ago. */
export async function customersToWarn(
  db: Db,
  storeId: string,
  span: ExpirySpan,
  limit: number,
): Promise<string[]> {
  const rows = (await unwarned(db, span)
    .join('customers as c', 'c.id', 'g.customer_id')
    .where('c.store_id', storeId)
    .orderBy('g.expires_at', 'desc')
    .limit(limit)
    .select('g.customer_id')) as Row[];
  return [...new Set(rows.map((row) => row.customer_id as string))];
}

export async function grantsToWarnOf(db: Db, customerId: string, span: ExpirySpan): Promise<ExpiringGrant[]> {
  const rows = (await unwarned(db, span)
    .where('g.customer_id', customerId)
    .orderBy(['g.expires_at', 'g.id'])
    .select('g.id', 'g.meter', 'g.available', 'g.expires_at', 'g.created_at')) as Row[];
  return rows.map((row) => ({
    id: row.id as string,
    meter: row.meter as Meter,
    available: Number(row.available),
    expiresAt: row.expires_at as string,
    createdAt: row.created_at as string,
  }));
}
