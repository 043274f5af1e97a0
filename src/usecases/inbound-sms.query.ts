import type { Db } from '../platform/db';

type Row = Record<string, unknown>;

/** Zeton's id of a message that the provider took. */
export async function messageIdOfProvider(db: Db, providerId: string): Promise<string | null> {
  const row = (await db('messages').where({ provider_id: providerId, channel: 'sms' }).first('id')) as
    | Row
    | undefined;
  return (row?.id as string | undefined) ?? null;
}

/**
 * Where an SMS of these customers belongs: to a ticket that is open, else one that is solved, else the newest closed
 * one, which it goes on with. What has been paid comes before what has not.
 */
export async function ticketForSms(db: Db, customerIds: string[]): Promise<string | null> {
  if (customerIds.length === 0) return null;
  const row = (await db('tickets')
    .whereIn('customer_id', customerIds)
    .where({ spam: 0 })
    .orderByRaw(`CASE status WHEN 'closed' THEN 2 WHEN 'solved' THEN 1 ELSE 0 END, unpaid,
      last_message_at DESC, id DESC`)
    .first('id')) as Row | undefined;
  return (row?.id as string | undefined) ?? null;
}

/** Did the ticket get at least `count` SMS after an instant? Reads no more of them, however many there are. */
export async function hasSmsSince(
  db: Db,
  input: { ticketId: string; after: string; count: number },
): Promise<boolean> {
  const newest = db('messages')
    .where({ ticket_id: input.ticketId, direction: 'in', channel: 'sms' })
    .orderBy('id', 'desc')
    .limit(input.count)
    .select('created_at');
  const [row] = (await db
    .from(newest.as('newest'))
    .where('created_at', '>', input.after)
    .count({ n: '*' })) as Row[];
  return Number(row?.n ?? 0) >= input.count;
}

/** What an automatic answer to a message has to know. */
export async function unpaidWriter(
  db: Db,
  messageId: string,
): Promise<{ ticketId: string; customerId: string; storeId: string; unpaid: boolean } | null> {
  const row = (await db('messages')
    .join('tickets', 'tickets.id', 'messages.ticket_id')
    .where('messages.id', messageId)
    .first('tickets.id', 'tickets.customer_id', 'tickets.store_id', 'tickets.unpaid', 'tickets.spam')) as
    | Row
    | undefined;
  if (!row) return null;
  return {
    ticketId: row.id as string,
    customerId: row.customer_id as string,
    storeId: row.store_id as string,
    unpaid: Number(row.unpaid) === 1 && Number(row.spam) === 0,
  };
}
