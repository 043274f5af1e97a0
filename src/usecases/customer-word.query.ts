import type { Db } from '../platform/db';

type Row = Record<string, unknown>;

/** Did the ticket get at least `count` words by a channel after an instant? Reads no more of them, however many there are. */
export async function hasWordsSince(
  db: Db,
  input: { ticketId: string; channel: 'sms' | 'email'; after: string; count: number },
): Promise<boolean> {
  const newest = db('messages')
    .where({ ticket_id: input.ticketId, direction: 'in', channel: input.channel })
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
