import { type EntryType, METERS, type Meter } from '../domain/credits';
import type { Actor } from '../platform/actor';
import type { Db } from '../platform/db';
import { type Slice, sliceOf } from './list.query';

type Row = Record<string, unknown>;

export interface StatementEntry {
  seq: number;
  at: string;
  type: EntryType;
  meter: Meter;
  quantity: number;
  left: number;
  cause: 'order' | 'message' | 'video_session' | 'ticket' | 'expiry' | 'adjustment';
  reason: string | null;
  by: { kind: Actor['kind']; name: string };
  /** Where these credits came from. */
  source: 'order' | 'goodwill' | 'correction';
  order: { id: string; number: string } | null;
  /** The order is somebody else's by now. */
  orderMoved: boolean;
  package: string | null;
  expiresAt: string | null;
  /** The work that was paid: the credits drawn may be of meter `any`. */
  work: Exclude<Meter, 'any'> | null;
  ticket: { id: string; number: number } | null;
  messageId: string | null;
}

/** Newest first; `before`: the number of the last entry on the page before. */
export async function readStatement(
  db: Db,
  customerId: string,
  page: { meter: Meter | null; before: number | null; limit: number },
): Promise<Slice<StatementEntry>> {
  const query = db('credit_entries as e')
    .join('credit_grants as g', 'g.id', 'e.grant_id')
    .leftJoin('package_versions as v', 'v.id', 'g.package_version_id')
    .leftJoin('orders as o', 'o.id', 'g.order_id')
    .leftJoin('credit_holds as h', 'h.id', 'e.hold_id')
    .leftJoin('tickets as t', 't.id', 'h.ticket_id')
    .where('e.customer_id', customerId)
    .orderBy('e.seq', 'desc')
    .limit(page.limit + 1)
    .select(
      'e.seq',
      'e.at',
      'e.type',
      'e.meter',
      'e.quantity',
      'e.available_after',
      'e.cause_kind',
      'e.cause_id',
      'e.reason',
      'e.actor_kind',
      'e.actor_name',
      'g.cause as source',
      'g.expires_at',
      'h.meter as work',
      't.id as ticket_id',
      't.number as ticket_number',
      'v.name as package_name',
      'o.id as order_id',
      'o.number as order_number',
      'o.customer_id as order_customer_id',
    );
  if (page.meter !== null) query.where('e.meter', page.meter);
  if (page.before !== null) query.where('e.seq', '<', page.before);
  const rows = ((await query) as Row[]).map(
    (row): StatementEntry => ({
      seq: Number(row.seq),
      at: row.at as string,
      type: row.type as EntryType,
      meter: row.meter as Meter,
      quantity: Number(row.quantity),
      left: Number(row.available_after),
      cause: row.cause_kind as StatementEntry['cause'],
      reason: row.reason as string | null,
      by: { kind: row.actor_kind as Actor['kind'], name: row.actor_name as string },
      source: row.source as StatementEntry['source'],
      order:
        row.order_id === null ? null : { id: row.order_id as string, number: row.order_number as string },
      orderMoved: row.order_id !== null && row.order_customer_id !== customerId,
      package: row.package_name as string | null,
      expiresAt: row.expires_at as string | null,
      work: row.work as StatementEntry['work'],
      ticket:
        row.ticket_id === null ? null : { id: row.ticket_id as string, number: Number(row.ticket_number) },
      messageId: row.cause_kind === 'message' ? (row.cause_id as string) : null,
    }),
  );
  return sliceOf(rows, page.limit, (row) => String(row.seq));
}

/** bought + given + corrected − used − on hold − expired − taken back − taken away = left */
export interface Sum {
  meter: Meter;
  bought: number;
  given: number;
  corrected: number;
  used: number;
  onHold: number;
  expired: number;
  takenBack: number;
  takenAway: number;
  left: number;
}

/** By each meter that was ever theirs, as of now: what is past its date has expired, whether the job ran or not. */
export async function readSums(db: Db, now: string, customerId: string): Promise<Sum[]> {
  const rows = (await db('credit_grants')
    .where({ customer_id: customerId })
    .groupBy('meter', 'cause')
    .select('meter', 'cause')
    .sum({
      granted: 'granted',
      available: 'available',
      held: 'held',
      used: 'used',
      expired: 'expired',
      revoked: 'revoked',
      order_revoked: 'order_revoked',
    })
    .sum({
      lapsed: db.raw('CASE WHEN expires_at <= ? THEN available ELSE 0 END', [now]) as unknown as string,
    })) as Row[];
  return METERS.flatMap((meter) => {
    const own = rows.filter((row) => row.meter === meter);
    if (own.length === 0) return [];
    const sum = (amount: string, of: Row[] = own) => of.reduce((n, row) => n + Number(row[amount]), 0);
    const granted = (cause: string) =>
      sum(
        'granted',
        own.filter((row) => row.cause === cause),
      );
    return [
      {
        meter,
        bought: granted('order'),
        given: granted('goodwill'),
        corrected: granted('correction'),
        used: sum('used'),
        onHold: sum('held'),
        expired: sum('expired') + sum('lapsed'),
        takenBack: sum('order_revoked'),
        takenAway: sum('revoked') - sum('order_revoked'),
        left: sum('available') - sum('lapsed'),
      },
    ];
  });
}

/** How many entries there are in all: they are numbered without gaps. */
export async function countEntries(db: Db, customerId: string): Promise<number> {
  const row = (await db('credit_balances').where({ customer_id: customerId }).first('entry_seq')) as
    | Row
    | undefined;
  return Number(row?.entry_seq ?? 0);
}
