import type { Db, Trx } from '../../platform/db';
import type { Moment } from '../../platform/moment';
import type { Content } from './rules';
import { insertWrite, saveClaimed, saveOpen, type WriteKind, type WriteState } from './store';

/**
 * Have something written into the shop, once: whoever asks for the same again changes nothing.
 * Shape:   { storeId, key, kind, subject, label, content } → true: it is new
 * Writes:  shop_writes
 */
export function askForWrite(
  trx: Trx,
  moment: Moment,
  input: {
    storeId: string;
    key: string;
    kind: WriteKind;
    subject: string;
    label: string;
    content: Content;
  },
): Promise<boolean> {
  return insertWrite(trx, { id: moment.ids.next(), at: moment.at, ...input });
}

interface Claimed {
  id: string;
  owner: string;
}

/** It stands in the shop; or (dropped) there is nothing any more that it could stand on. False: not ours any more. */
export function endWrite(
  trx: Trx,
  claimed: Claimed,
  end: { at: string; state: 'done' | 'dropped'; problem?: string },
): Promise<boolean> {
  const { at, state, problem = null } = end;
  return saveClaimed(trx, claimed, { state, problem, in_doubt: 0, finished_at: at });
}

/** It is tried again later. `inDoubt`: it may have been done. */
export function postponeWrite(
  db: Db,
  claimed: Claimed,
  next: { at: string; problem: string | null; inDoubt: boolean; attempts?: number },
): Promise<boolean> {
  const { at, problem, inDoubt, attempts } = next;
  return saveClaimed(db, claimed, {
    next_attempt_at: at,
    problem,
    in_doubt: inDoubt ? 1 : 0,
    ...(attempts === undefined ? {} : { attempts }),
  });
}

/** It waits for a person. */
export function parkWrite(
  db: Db,
  claimed: Claimed,
  { problem, inDoubt }: { problem: string; inDoubt: boolean },
): Promise<boolean> {
  return saveClaimed(db, claimed, { state: 'parked', problem, in_doubt: inDoubt ? 1 : 0 });
}

/** Nothing of this shop is tried before that: it does not answer. Those that somebody has in work see it themselves. */
export function postponeWritesOfShop(db: Db, storeId: string, until: string, now: string): Promise<number> {
  const later = db.raw('CASE WHEN next_attempt_at < ? THEN ? ELSE next_attempt_at END', [until, until]);
  return saveOpen(db, { storeId, state: 'waiting', freeAt: now }, { next_attempt_at: later });
}

/** What one could not write for want of the right keys, the next could not either. */
export function parkWritesOfShop(db: Db, storeId: string, problem: string, now: string): Promise<number> {
  return saveOpen(db, { storeId, state: 'waiting', freeAt: now }, { state: 'parked', problem });
}

/**
 * Somebody has mended what was in the way: all that is parked is tried anew, or one; what merely waits, at once.
 * Shape:   { storeId, id? } → how many
 */
export async function retryWrites(
  trx: Trx,
  moment: Moment,
  { storeId, id }: { storeId: string; id?: string },
): Promise<number> {
  const anew = { state: 'waiting', attempts: 0, next_attempt_at: moment.at };
  const parked = await saveOpen(trx, { storeId, id, state: 'parked', freeAt: moment.at }, anew);
  const waiting = await saveOpen(trx, { storeId, id, state: 'waiting', freeAt: moment.at }, anew);
  return parked + waiting;
}

/** Shops for which something is due that nobody writes now. */
export async function hasWork(db: Db, now: string): Promise<string[]> {
  const rows = (await db('shop_writes')
    .whereNull('finished_at')
    .where({ state: 'waiting' satisfies WriteState })
    .where('next_attempt_at', '<=', now)
    .distinct('store_id')) as { store_id: string }[];
  return rows.map((row) => row.store_id);
}
