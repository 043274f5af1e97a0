import type { Db, Trx } from '../../platform/db';
import type { Episode, ExpiryStep } from './rules';

type Row = Record<string, unknown>;

export async function openEpisodes(db: Db, customerIds: readonly string[]): Promise<Episode[]> {
  const rows = (await db('notice_episodes')
    .whereIn('customer_id', customerIds)
    .whereNull('ended_at')) as Row[];
  return rows.map((row) => ({
    customerId: row.customer_id as string,
    meter: row.meter as string,
    entrySeq: Number(row.entry_seq),
    lowTold: row.low_message_id !== null,
    emptyTold: row.empty_message_id !== null,
  }));
}

export async function endEpisode(trx: Trx, episode: Episode, at: string): Promise<void> {
  await trx('notice_episodes')
    .where({ customer_id: episode.customerId, meter: episode.meter, entry_seq: episode.entrySeq })
    .update({ ended_at: at });
}

/** Keeps what was told, in the meter's open episode or in one that begins with it. */
export async function keepTold(
  trx: Trx,
  told: {
    customerId: string;
    meter: string;
    entrySeq: number;
    news: 'low' | 'empty';
    messageId: string;
    at: string;
  },
): Promise<void> {
  const column = { [`${told.news}_message_id`]: told.messageId };
  const open = { customer_id: told.customerId, meter: told.meter };
  const changed = await trx('notice_episodes').where(open).whereNull('ended_at').update(column);
  if (changed > 0) return;
  await trx('notice_episodes').insert({ ...open, entry_seq: told.entrySeq, ...column, began_at: told.at });
}

/** The grants for which this step was not passed yet, now passed: of two processes one gets each. */
export async function passStep(
  trx: Trx,
  grants: readonly { id: string; expiresAt: string; step: ExpiryStep }[],
  at: string,
): Promise<Set<string>> {
  if (grants.length === 0) return new Set();
  const passed = (await trx('expiry_warnings')
    .insert(
      grants.map((grant) => ({
        grant_id: grant.id,
        expires_at: grant.expiresAt,
        step_days: grant.step,
        message_id: null,
        at,
      })),
    )
    .onConflict(['grant_id', 'expires_at', 'step_days'])
    .ignore()
    .returning('grant_id')) as { grant_id: string }[];
  return new Set(passed.map((row) => row.grant_id));
}

/** By which message these grants' customer was warned. */
export async function keepWarning(
  trx: Trx,
  grants: readonly { id: string; expiresAt: string; step: ExpiryStep }[],
  messageId: string,
): Promise<void> {
  for (const { id, expiresAt, step } of grants) {
    await trx('expiry_warnings')
      .where({ grant_id: id, expires_at: expiresAt, step_days: step })
      .update({ message_id: messageId });
  }
}

/** The local day for which all of a store's customers were warned; null: never yet. */
export async function sweptDays(db: Db): Promise<Map<string, string>> {
  const rows = (await db('expiry_sweeps')) as Row[];
  return new Map(rows.map((row) => [row.store_id as string, row.day as string]));
}

export async function keepSwept(db: Db, storeId: string, day: string): Promise<void> {
  await db('expiry_sweeps').insert({ store_id: storeId, day }).onConflict('store_id').merge(['day']);
}

/** How many notices went out in this minute, of all processes. Whoever asks goes first until its transaction ends. */
export async function lockPace(trx: Trx, at: string): Promise<number> {
  const minute = at.slice(0, 16);
  const [row] = (await trx('notice_pace')
    .where({ id: 1 })
    .update({ sent: trx.raw('CASE WHEN minute = ? THEN sent ELSE 0 END', [minute]), minute })
    .returning('sent')) as Row[];
  return Number(row?.sent);
}

/** One more went out; after lockPace(). */
export async function countInPace(trx: Trx): Promise<void> {
  await trx('notice_pace').where({ id: 1 }).increment('sent');
}
