import type { Db } from '../../platform/db';
import { assert } from '../../platform/refusal';
import type { Way } from './rules';

type Row = Record<string, unknown>;

export interface InboundMailRow {
  id: string;
  storeId: string | null;
  envelopeFrom: string | null;
  envelopeTo: string[];
  /** Who it says it is from, in small letters; '' where it does not. */
  sender: string;
  /** Of the whole mail: more than `raw` has where only its head was kept. */
  sizeBytes: number;
  receivedAt: string;
  /** Null once retention removed it. */
  raw: Buffer | null;
}

/** False when this mail is kept already. */
export async function insertInboundMail(
  db: Db,
  mail: Omit<InboundMailRow, 'receivedAt' | 'raw'> & { key: string; way: Way; at: string; raw: Buffer },
): Promise<boolean> {
  const rows = (await db('inbound_mails')
    .insert({
      id: mail.id,
      mail_key: mail.key,
      way: mail.way,
      store_id: mail.storeId,
      envelope_from: mail.envelopeFrom,
      envelope_to: JSON.stringify(mail.envelopeTo),
      sender: mail.sender,
      size_bytes: mail.sizeBytes,
      received_at: mail.at,
      status: 'pending',
      attempts: 0,
      next_attempt_at: mail.at,
      storm: 0,
    })
    .onConflict('mail_key')
    .ignore()
    .returning('id')) as unknown[];
  if (rows.length === 0) return false;
  await db('inbound_mail_raws').insert({ mail_id: mail.id, received_at: mail.at, content: mail.raw });
  return true;
}

/** The id of a mail that is kept; what was not known of it yet is added while nobody has read it. */
export async function completeInboundMail(
  db: Db,
  key: string,
  known: { storeId: string | null; envelopeFrom: string | null },
): Promise<string> {
  await db('inbound_mails')
    .where({ mail_key: key, status: 'pending' })
    .update({
      store_id: db.raw('COALESCE(store_id, ?)', [known.storeId]),
      envelope_from: db.raw('COALESCE(envelope_from, ?)', [known.envelopeFrom]),
    });
  const row = (await db('inbound_mails').where({ mail_key: key }).first('id')) as Row | undefined;
  assert(row, 'a mail whose key is taken is kept');
  return row.id as string;
}

/** A claimed one, with the mail itself. Null: the lease is another's by now. */
export async function readClaimedMail(
  db: Db,
  { id, owner }: { id: string; owner: string },
): Promise<InboundMailRow | null> {
  const row = (await db('inbound_mails as m')
    .leftJoin('inbound_mail_raws as r', 'r.mail_id', 'm.id')
    .where({ 'm.id': id, 'm.lease_owner': owner, 'm.status': 'pending' })
    .first('m.*', 'r.content')) as Row | undefined;
  if (!row) return null;
  return {
    id: row.id as string,
    storeId: row.store_id as string | null,
    envelopeFrom: row.envelope_from as string | null,
    envelopeTo: JSON.parse(row.envelope_to as string) as string[],
    sender: row.sender as string,
    sizeBytes: Number(row.size_bytes),
    receivedAt: row.received_at as string,
    raw: row.content as Buffer | null,
  };
}

/** Removes the oldest raw mails that came before an instant and that somebody has finished; says how many. */
export async function deleteOldRaws(db: Db, before: string, limit: number): Promise<number> {
  const old = db('inbound_mail_raws as r')
    .join('inbound_mails as m', 'm.id', 'r.mail_id')
    .where('r.received_at', '<', before)
    .whereIn('m.status', ['done', 'ignored'])
    .orderBy('r.received_at')
    .limit(limit)
    .select('r.mail_id');
  return db('inbound_mail_raws').whereIn('mail_id', old).delete();
}
