import type { Db } from '../platform/db';

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
    .count({ n: '*' })) as { n: unknown }[];
  return Number(row?.n ?? 0) >= input.count;
}
