import type { Knex } from 'knex';
import { addSeconds, iso } from '../../platform/clock';
import type { Db, Trx } from '../../platform/db';
import { isDue, isLeaseOver } from '../../platform/lease';
import { limits } from '../../platform/limits';
import type { Content } from './rules';

export type WriteKind = 'customer_note' | 'private_note' | 'ticket_meta' | 'coupon';
export type WriteState = 'waiting' | 'done' | 'parked' | 'dropped';

export interface ShopWrite {
  id: string;
  storeId: string;
  kind: WriteKind;
  /** WooCommerce id of the order; of a coupon: ours. */
  subject: string;
  label: string;
  content: Content;
  /** With this one. */
  attempts: number;
  inDoubt: boolean;
}

type Row = Record<string, unknown>;

function writeFromRow(row: Row): ShopWrite {
  return {
    id: row.id as string,
    storeId: row.store_id as string,
    kind: row.kind as WriteKind,
    subject: row.subject as string,
    label: row.label as string,
    content: JSON.parse(row.content as string) as Content,
    attempts: Number(row.attempts),
    inDoubt: row.in_doubt === 1,
  };
}

/** False: it was asked for before. */
export async function insertWrite(
  trx: Trx,
  input: {
    id: string;
    storeId: string;
    key: string;
    kind: WriteKind;
    subject: string;
    label: string;
    content: Content;
    at: string;
  },
): Promise<boolean> {
  const inserted = (await trx('shop_writes')
    .insert({
      id: input.id,
      store_id: input.storeId,
      write_key: input.key,
      kind: input.kind,
      subject: input.subject,
      label: input.label,
      content: JSON.stringify(input.content),
      state: 'waiting',
      attempts: 0,
      in_doubt: 0,
      next_attempt_at: input.at,
      created_at: input.at,
    })
    .onConflict(['store_id', 'write_key'])
    .ignore()
    .returning('id')) as unknown[];
  return inserted.length === 1;
}

/** The longest due one of the shop, unless somebody writes into that shop now; or that one (`key`), if nobody has it. */
export async function claimWrite(
  db: Db,
  input: { storeId: string; owner: string; now: Date; key?: string },
): Promise<ShopWrite | null> {
  const now = iso(input.now);
  const isFree = isLeaseOver('lease_until', { now, seconds: limits.leaseSeconds });
  const mine = db('shop_writes')
    .whereNull('finished_at')
    .where({ store_id: input.storeId, state: 'waiting' });
  const next =
    input.key === undefined
      ? mine
          .where(isDue('next_attempt_at', { now, seconds: limits.backoffCapSeconds }))
          .whereNotExists((busy) =>
            busy
              .from('shop_writes as b')
              .select(db.raw('1'))
              .whereNull('b.finished_at')
              .where({ 'b.store_id': input.storeId, 'b.state': 'waiting' })
              .whereNot(isLeaseOver('b.lease_until', { now, seconds: limits.leaseSeconds })),
          )
      : mine.where({ write_key: input.key });
  const [row] = (await db('shop_writes')
    .whereIn('id', next.where(isFree).orderBy('next_attempt_at').orderBy('id').limit(1).select('id'))
    .where({ state: 'waiting' })
    .where(isFree)
    .update({
      lease_owner: input.owner,
      lease_until: iso(addSeconds(input.now, limits.leaseSeconds)),
      attempts: db.raw('attempts + 1'),
    })
    .returning('*')) as Row[];
  return row ? writeFromRow(row) : null;
}

/** Just before the shop is asked: if nobody hears the answer, it may have been done. False: not ours any more. */
export async function noteCall(db: Db, { id, owner }: { id: string; owner: string }): Promise<boolean> {
  return (await db('shop_writes').where({ id, lease_owner: owner }).update({ in_doubt: 1 })) === 1;
}

export async function saveClaimed(
  db: Db,
  { id, owner }: { id: string; owner: string },
  changes: Record<string, string | number | null>,
): Promise<boolean> {
  const changed = await db('shop_writes')
    .where({ id, lease_owner: owner, state: 'waiting' })
    .update({ ...changes, lease_owner: null, lease_until: null });
  return changed === 1;
}

/** All of a shop in one state, or one of them, that nobody has in work. */
export function saveOpen(
  db: Db | Trx,
  which: { storeId: string; state: WriteState; freeAt: string; id?: string | undefined },
  changes: Record<string, string | number | null | Knex.Raw>,
): Promise<number> {
  return db('shop_writes')
    .whereNull('finished_at')
    .where({
      store_id: which.storeId,
      state: which.state,
      ...(which.id === undefined ? {} : { id: which.id }),
    })
    .where(isLeaseOver('lease_until', { now: which.freeAt, seconds: limits.leaseSeconds }))
    .update(changes);
}
