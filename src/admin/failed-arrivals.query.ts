import { readInboundForm } from '../domain/sms';
import type { Db } from '../platform/db';
import { limits } from '../platform/limits';

type Row = Record<string, unknown>;

/** What came in and could not be put into a ticket. */
export interface FailedArrival {
  way: 'mail' | 'sms';
  id: string;
  receivedAt: string;
  /** '' where it does not say. */
  sender: string;
  /** Null: a mail, which may be large, and is there to be downloaded. */
  text: string | null;
  reason: string;
}

/** The newest first. */
export async function readFailedArrivals(db: Db): Promise<FailedArrival[]> {
  const failed = async (table: 'inbound_mails' | 'inbound_sms') =>
    (await db(table)
      .whereRaw("status = 'failed'")
      .orderBy('received_at', 'desc')
      .limit(limits.pageSizeDefault)) as Row[];
  const read = (way: FailedArrival['way'], row: Row): FailedArrival => ({
    way,
    id: row.id as string,
    receivedAt: row.received_at as string,
    sender: (way === 'mail' ? row.sender : row.from_number) as string,
    text: way === 'mail' ? null : readInboundForm(row.body as Buffer).text,
    reason: (row.reason as string | null) ?? '',
  });
  const mails = (await failed('inbound_mails')).map((row) => read('mail', row));
  const sms = (await failed('inbound_sms')).map((row) => read('sms', row));
  return [...mails, ...sms].sort((a, b) => (a.receivedAt < b.receivedAt ? 1 : -1));
}

/** Such a mail as it came. Null: there is none. */
export async function readFailedMail(db: Db, id: string): Promise<Buffer | null> {
  const row = (await db('inbound_mails as m')
    .join('inbound_mail_raws as r', 'r.mail_id', 'm.id')
    .where({ 'm.id': id, 'm.status': 'failed' })
    .first('r.content')) as Row | undefined;
  return (row?.content as Buffer | undefined) ?? null;
}
