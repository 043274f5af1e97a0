import type { Knex } from 'knex';
import { readInboundForm } from '../domain/sms';
import type { Db } from '../platform/db';
import { limits } from '../platform/limits';

type Row = Record<string, unknown>;

/** What came in and is in no ticket. */
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

/** What waits for somebody, and what was left out after an instant, the newest first. */
export async function readFailedArrivals(
  db: Db,
  leftOutAfter: string,
): Promise<{ waiting: FailedArrival[]; leftOut: FailedArrival[] }> {
  return {
    waiting: await read(db, (q) => q.whereRaw("status = 'failed'")),
    leftOut: await read(db, (q) => q.whereRaw("status = 'ignored'").where('received_at', '>', leftOutAfter)),
  };
}

async function read(
  db: Db,
  which: (query: Knex.QueryBuilder) => Knex.QueryBuilder,
): Promise<FailedArrival[]> {
  const rowsOf = async (table: 'inbound_mails' | 'inbound_sms') =>
    (await which(db(table)).orderBy('received_at', 'desc').limit(limits.pageSizeDefault)) as Row[];
  const arrival = (way: FailedArrival['way'], row: Row): FailedArrival => ({
    way,
    id: row.id as string,
    receivedAt: row.received_at as string,
    sender: (way === 'mail' ? row.sender : row.from_number) as string,
    text: way === 'mail' ? null : readInboundForm(row.body as Buffer).text,
    reason: (row.reason as string | null) ?? '',
  });
  const mails = (await rowsOf('inbound_mails')).map((row) => arrival('mail', row));
  const sms = (await rowsOf('inbound_sms')).map((row) => arrival('sms', row));
  return [...mails, ...sms].sort((a, b) => (a.receivedAt < b.receivedAt ? 1 : -1));
}

/** Such a mail as it came. Null: there is none. */
export async function readFailedMail(db: Db, id: string): Promise<Buffer | null> {
  const row = (await db('inbound_mails as m')
    .join('inbound_mail_raws as r', 'r.mail_id', 'm.id')
    .where({ 'm.id': id })
    .whereIn('m.status', ['failed', 'ignored'])
    .first('r.content')) as Row | undefined;
  return (row?.content as Buffer | undefined) ?? null;
}
