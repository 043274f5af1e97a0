import type { Hold, Meter } from '../domain/credits';
import type { Message } from '../domain/messages';
import type { Db } from '../platform/db';

type Row = Record<string, unknown>;

/** Newest first. `before`: the id of the last message seen. */
export async function readMessages(db: Db, page: { ticketId: string; before: string | null; limit: number }) {
  const query = db('messages').where({ ticket_id: page.ticketId }).orderBy('id', 'desc').limit(page.limit);
  if (page.before) query.where('id', '<', page.before);
  return viewsOf(db, (await query) as Row[]);
}

export async function readMessage(db: Db, id: string) {
  const rows = (await db('messages')
    .join('tickets', 'tickets.id', 'messages.ticket_id')
    .where('messages.id', id)
    .select('messages.*', 'tickets.store_id')) as Row[];
  const [message] = await viewsOf(db, rows);
  return message ? { storeId: rows[0]?.store_id as string, message } : null;
}

async function viewsOf(db: Db, rows: Row[]) {
  const charges = await chargesOf(
    db,
    rows.flatMap((row) => (row.hold_id as string | null) ?? []),
  );
  const held = await heldOf(
    db,
    rows.filter((row) => row.channel === 'email' && row.direction === 'in').map((row) => row.id as string),
  );
  return rows.map((row) => ({
    id: row.id as string,
    ticket_id: row.ticket_id as string,
    direction: row.direction as Message['direction'],
    channel: row.channel as Message['channel'],
    kind: row.kind as Message['kind'],
    author: { kind: row.author_kind as string, name: row.author_name as string },
    to: row.to_address as string | null,
    subject: row.subject as string | null,
    body: row.body as string,
    status: row.status as Message['status'],
    free: row.free_reason === null ? null : { reason: row.free_reason as string },
    attempts: Number(row.attempts),
    provider_id: row.provider_id as string | null,
    failure: row.failure as string | null,
    held: held.has(row.id as string),
    ...(charges.get(row.hold_id as string) ?? { charge: null, given_back: null }),
    created_at: row.created_at as string,
    sent_at: row.sent_at as string | null,
    settled_at: row.settled_at as string | null,
  }));
}

/** Which of these somebody else than the customer sent, and no agent has let stand. */
async function heldOf(db: Db, ids: string[]): Promise<Set<string>> {
  if (ids.length === 0) return new Set();
  const rows = (await db('message_mails')
    .whereIn('message_id', ids)
    .where({ sender: 'different' })
    .select('message_id')) as Row[];
  return new Set(rows.map((row) => row.message_id as string));
}

interface Charge {
  meter: Meter;
  quantity: number;
  unit: Hold['unit'];
  hold_id: string;
  grants: { grant_id: string; meter: Meter; credits: number }[];
}

interface Charged {
  charge: Charge | null;
  given_back: Charge | null;
}

async function chargesOf(db: Db, holdIds: string[]): Promise<Map<string, Charged>> {
  if (holdIds.length === 0) return new Map();
  const rows = (await db('credit_holds as h')
    .join('credit_hold_draws as d', 'd.hold_id', 'h.id')
    .join('credit_grants as g', 'g.id', 'd.grant_id')
    .whereIn('h.id', holdIds)
    .orderBy(['h.id', 'd.position'])
    .select(
      'h.id',
      'h.meter',
      'h.quantity',
      'h.unit',
      'h.status',
      'd.grant_id',
      'd.credits',
      'g.meter as grant_meter',
    )) as Row[];
  const charges = new Map<string, { givenBack: boolean; charge: Charge }>();
  for (const row of rows) {
    const known = charges.get(row.id as string) ?? {
      givenBack: row.status === 'released' || row.status === 'reversed',
      charge: {
        meter: row.meter as Meter,
        quantity: Number(row.quantity),
        unit: row.unit as Hold['unit'],
        hold_id: row.id as string,
        grants: [],
      },
    };
    known.charge.grants.push({
      grant_id: row.grant_id as string,
      meter: row.grant_meter as Meter,
      credits: Number(row.credits),
    });
    charges.set(row.id as string, known);
  }
  return new Map(
    [...charges].map(([id, { givenBack, charge }]) => [
      id,
      givenBack ? { charge: null, given_back: charge } : { charge, given_back: null },
    ]),
  );
}
