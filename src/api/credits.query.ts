import { balanceOf, changeOf, type EntryType, type Meter } from '../domain/credits';
import type { Actor } from '../platform/actor';
import type { Db } from '../platform/db';

type Row = Record<string, unknown>;

/** What a customer has, by meter and by grant; newest grants first. */
export async function readCredits(db: Db, customerId: string) {
  const rows = (await db('credit_grants as g')
    .leftJoin('package_versions as v', 'v.id', 'g.package_version_id')
    .leftJoin('orders as o', 'o.id', 'g.order_id')
    .where('g.customer_id', customerId)
    .orderBy('g.id', 'desc')
    .select(
      'g.id',
      'g.meter',
      'g.granted',
      'g.available',
      'g.held',
      'g.used',
      'g.expired',
      'g.revoked',
      'g.expires_at',
      'g.scope',
      'g.ticket_family_id',
      'v.package_id',
      'v.name as package_name',
      'o.id as order_id',
      'o.number as order_number',
    )) as Row[];
  return {
    customer_id: customerId,
    meters: await balanceOf(db, customerId),
    grants: rows.map((row) => ({
      id: row.id as string,
      meter: row.meter as Meter,
      granted: Number(row.granted),
      available: Number(row.available),
      held: Number(row.held),
      used: Number(row.used),
      expired: Number(row.expired),
      revoked: Number(row.revoked),
      expires_at: row.expires_at as string | null,
      scope: row.scope as 'customer' | 'ticket',
      ticket_id: row.ticket_family_id as string | null,
      package: named(row.package_id, row.package_name),
      order: numbered(row.order_id, row.order_number),
    })),
  };
}

function named(id: unknown, name: unknown): { id: string; name: string } | null {
  return id === null ? null : { id: id as string, name: name as string };
}

function numbered(id: unknown, number: unknown): { id: string; number: string } | null {
  return id === null ? null : { id: id as string, number: number as string };
}

type CauseKind = 'order' | 'message' | 'video_session' | 'ticket' | 'expiry' | 'adjustment';

/** Newest first; `before`: the sequence number of the last entry on the page before. */
export async function readEntries(
  db: Db,
  customerId: string,
  page: { meter?: Meter; before: number | null; limit: number },
) {
  const query = db('credit_entries as e')
    .join('credit_grants as g', 'g.id', 'e.grant_id')
    .leftJoin('package_versions as v', 'v.id', 'g.package_version_id')
    .leftJoin('orders as o', 'o.id', 'g.order_id')
    .leftJoin('credit_holds as h', 'h.id', 'e.hold_id')
    .leftJoin('tickets as t', 't.id', 'h.ticket_id')
    .where('e.customer_id', customerId)
    .orderBy('e.seq', 'desc')
    .limit(page.limit)
    .select(
      'e.id',
      'e.seq',
      'e.at',
      'e.type',
      'e.meter',
      'e.quantity',
      'e.available_after',
      'e.grant_id',
      'e.hold_id',
      'e.cause_kind',
      'e.cause_id',
      'e.reason',
      'e.actor_kind',
      'e.actor_id',
      'e.actor_name',
      'h.meter as work',
      't.id as ticket_id',
      't.number as ticket_number',
      'v.package_id',
      'v.name as package_name',
      'o.id as order_id',
      'o.number as order_number',
    );
  if (page.meter) query.where('e.meter', page.meter);
  if (page.before !== null) query.where('e.seq', '<', page.before);
  return ((await query) as Row[]).map((row) => {
    const type = row.type as EntryType;
    const quantity = Number(row.quantity);
    return {
      id: row.id as string,
      seq: Number(row.seq),
      at: row.at as string,
      type,
      meter: row.meter as Meter,
      quantity,
      change: changeOf(type, quantity),
      balance_after: Number(row.available_after),
      cause: { kind: row.cause_kind as CauseKind, id: row.cause_id as string | null },
      reason: row.reason as string | null,
      by: {
        kind: row.actor_kind as Actor['kind'],
        id: row.actor_id as string,
        name: row.actor_name as string,
      },
      grant_id: row.grant_id as string,
      package: named(row.package_id, row.package_name),
      order: numbered(row.order_id, row.order_number),
      hold_id: row.hold_id as string | null,
      work: row.work as Meter | null,
      ticket:
        row.ticket_id === null ? null : { id: row.ticket_id as string, number: Number(row.ticket_number) },
    };
  });
}
