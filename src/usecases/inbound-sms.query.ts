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
 * one, which it goes on with. What has been paid comes before what has not. Where several share the number, to whom we
 * wrote last by SMS is who answers.
 */
export async function ticketForSms(
  db: Db,
  { customerIds, number }: { customerIds: string[]; number: string },
): Promise<string | null> {
  if (customerIds.length === 0) return null;
  const lastAsked = customerIds.length === 1 ? null : await lastWrittenTo(db, { customerIds, number });
  const row = (await db('tickets')
    .whereIn('customer_id', lastAsked === null ? customerIds : [lastAsked])
    .where({ spam: 0 })
    .orderByRaw(`CASE status WHEN 'closed' THEN 2 WHEN 'solved' THEN 1 ELSE 0 END, unpaid,
      last_message_at DESC, id DESC`)
    .first('id')) as Row | undefined;
  return (row?.id as string | undefined) ?? null;
}

async function lastWrittenTo(
  db: Db,
  { customerIds, number }: { customerIds: string[]; number: string },
): Promise<string | null> {
  const row = (await db('messages as m')
    .join('tickets as t', 't.id', 'm.ticket_id')
    .whereIn('t.customer_id', customerIds)
    .where({ 'm.direction': 'out', 'm.channel': 'sms', 'm.to_address': number, 't.spam': 0 })
    .orderBy('m.id', 'desc')
    .first('t.customer_id')) as Row | undefined;
  return (row?.customer_id as string | undefined) ?? null;
}
