import { readInboundForm } from '../domain/sms';
import type { Db } from '../platform/db';
import { limits } from '../platform/limits';

type Row = Record<string, unknown>;

export interface FailedSms {
  id: string;
  receivedAt: string;
  from: string;
  text: string;
  reason: string;
}

/** What came in and could not be put into a ticket, the newest first. */
export async function readFailedSms(db: Db): Promise<FailedSms[]> {
  const rows = (await db('inbound_sms')
    .whereRaw("status = 'failed'")
    .orderBy('received_at', 'desc')
    .limit(limits.pageSizeDefault)) as Row[];
  return rows.map((row) => ({
    id: row.id as string,
    receivedAt: row.received_at as string,
    from: row.from_number as string,
    text: readInboundForm(row.body as Buffer).text,
    reason: (row.reason as string | null) ?? '',
  }));
}
