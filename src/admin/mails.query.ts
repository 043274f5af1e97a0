import type { Db } from '../platform/db';
import { limits } from '../platform/limits';

type Row = Record<string, unknown>;

export interface FailedMail {
  id: string;
  receivedAt: string;
  sender: string;
  reason: string;
}

/** What came in and could not be put into a ticket, the newest first. */
export async function readFailedMails(db: Db): Promise<FailedMail[]> {
  const rows = (await db('inbound_mails')
    .whereRaw("status = 'failed'")
    .orderBy('received_at', 'desc')
    .limit(limits.pageSizeDefault)
    .select('id', 'received_at', 'sender', 'reason')) as Row[];
  return rows.map((row) => ({
    id: row.id as string,
    receivedAt: row.received_at as string,
    sender: row.sender as string,
    reason: (row.reason as string | null) ?? '',
  }));
}
