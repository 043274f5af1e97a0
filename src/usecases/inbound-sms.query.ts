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
