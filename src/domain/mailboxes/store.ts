import type { Db, Trx } from '../../platform/db';
import { isLeaseOver } from '../../platform/lease';
import { limits } from '../../platform/limits';

export interface Mailbox {
  /** User, server and folder. */
  name: string;
  owner: string | null;
  uidValidity: string | null;
  /** Mails that were seen to, and stay in the folder. */
  leftUids: number[];
  readAt: string | null;
  problem: string | null;
  problemSince: string | null;
}

type Row = Record<string, unknown>;

function mailboxFrom(row: Row): Mailbox {
  return {
    name: row.name as string,
    owner: row.owner as string | null,
    uidValidity: row.uid_validity as string | null,
    leftUids: JSON.parse(row.left_uids as string) as number[],
    readAt: row.read_at as string | null,
    problem: row.problem as string | null,
    problemSince: row.problem_since as string | null,
  };
}

/** Null: somebody else holds it. */
export async function claimMailbox(
  trx: Trx,
  { name, owner, now, leaseUntil }: { name: string; owner: string; now: string; leaseUntil: string },
): Promise<Mailbox | null> {
  await trx('mailboxes').insert({ name, left_uids: '[]' }).onConflict('name').ignore();
  const [row] = (await trx('mailboxes')
    .where({ name })
    .where(isLeaseOver('lease_until', { now, seconds: limits.mailboxLeaseSeconds }))
    .update({ owner, lease_until: leaseUntil })
    .returning('*')) as Row[];
  return row ? mailboxFrom(row) : null;
}

/** False: it is another's by now. */
export async function renewMailbox(
  db: Db,
  { name, owner, leaseUntil }: { name: string; owner: string; leaseUntil: string },
): Promise<boolean> {
  return (await db('mailboxes').where({ name, owner }).update({ lease_until: leaseUntil })) === 1;
}

export async function releaseMailbox(
  db: Db,
  { name, owner }: { name: string; owner: string },
): Promise<void> {
  await db('mailboxes').where({ name, owner }).update({ owner: null, lease_until: null });
}

/** Writes only while `owner` holds it. */
export async function saveMailbox(
  db: Db,
  { name, owner }: { name: string; owner: string },
  changes: Partial<Pick<Mailbox, 'uidValidity' | 'leftUids' | 'readAt' | 'problem' | 'problemSince'>>,
): Promise<void> {
  const columns = {
    uid_validity: changes.uidValidity,
    left_uids: changes.leftUids === undefined ? undefined : JSON.stringify(changes.leftUids),
    read_at: changes.readAt,
    problem: changes.problem?.slice(0, limits.reasonChars) ?? changes.problem,
    problem_since: changes.problemSince,
  };
  const said = Object.fromEntries(Object.entries(columns).filter(([, value]) => value !== undefined));
  await db('mailboxes').where({ name, owner }).update(said);
}
