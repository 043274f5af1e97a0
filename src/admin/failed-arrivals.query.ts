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
  /** Who said that it belongs into no ticket; null: nobody, the rules did. */
  putAsideBy: string | null;
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
  const arrivals = async (way: FailedArrival['way']): Promise<FailedArrival[]> => {
    const rows = await rowsOf(way === 'mail' ? 'inbound_mails' : 'inbound_sms');
    const by = await whoPutAside(
      db,
      way,
      rows.map((row) => row.id as string),
    );
    return rows.map((row) => arrival(way, row, by.get(row.id as string) ?? null));
  };
  return [...(await arrivals('mail')), ...(await arrivals('sms'))].sort((a, b) =>
    a.receivedAt < b.receivedAt ? 1 : -1,
  );
}

function arrival(way: FailedArrival['way'], row: Row, putAsideBy: string | null): FailedArrival {
  return {
    way,
    id: row.id as string,
    receivedAt: row.received_at as string,
    sender: (way === 'mail' ? row.sender : row.from_number) as string,
    text: way === 'mail' ? null : readInboundForm(row.body as Buffer).text,
    reason: (row.reason as string | null) ?? '',
    putAsideBy,
  };
}

/** Shape: → by the id, the name of who did it last */
async function whoPutAside(db: Db, way: FailedArrival['way'], ids: string[]): Promise<Map<string, string>> {
  if (ids.length === 0) return new Map();
  const rows = (await db('audit_log')
    .where({ subject_kind: `inbound_${way}`, action: `${way}.put_aside` })
    .whereIn('subject_id', ids)
    .orderBy('id')
    .select('subject_id', 'actor_name')) as Row[];
  return new Map(rows.map((row) => [row.subject_id as string, row.actor_name as string]));
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
