import type { Db } from '../platform/db';
import { limits } from '../platform/limits';

export interface ShownWrite {
  id: string;
  kind: 'customer_note' | 'private_note' | 'ticket_meta' | 'coupon';
  label: string;
  state: 'waiting' | 'done' | 'parked' | 'dropped';
  attempts: number;
  problem: string | null;
  createdAt: string;
  finishedAt: string | null;
}

export interface ShownWrites {
  parked: ShownWrite[];
  parkedInAll: number;
  waiting: ShownWrite[];
  waitingInAll: number;
  /** Done or left out, the newest first. */
  ended: ShownWrite[];
}

/** What waits for somebody, what waits for the shop, and the last of what is done. */
export async function readShopWrites(db: Db, storeId: string): Promise<ShownWrites> {
  const open = async (state: 'parked' | 'waiting') => {
    const all = db('shop_writes').whereNull('finished_at').where({ store_id: storeId, state });
    const rows = (await all
      .clone()
      .orderBy('next_attempt_at')
      .orderBy('id')
      .limit(limits.shopWritesShown)) as Row[];
    const counted = (await all.clone().count({ n: '*' }).first()) as { n: unknown } | undefined;
    return { rows: rows.map(fromRow), count: Number(counted?.n ?? 0) };
  };
  const parked = await open('parked');
  const waiting = await open('waiting');
  const newest = (await db('shop_writes')
    .where({ store_id: storeId })
    .orderBy('id', 'desc')
    .limit(limits.shopWritesShown)) as Row[];
  return {
    parked: parked.rows,
    parkedInAll: parked.count,
    waiting: waiting.rows,
    waitingInAll: waiting.count,
    ended: newest.map(fromRow).filter(({ state }) => state === 'done' || state === 'dropped'),
  };
}

type Row = Record<string, unknown>;

function fromRow(row: Row): ShownWrite {
  return {
    id: row.id as string,
    kind: row.kind as ShownWrite['kind'],
    label: row.label as string,
    state: row.state as ShownWrite['state'],
    attempts: Number(row.attempts),
    problem: row.problem as string | null,
    createdAt: row.created_at as string,
    finishedAt: row.finished_at as string | null,
  };
}
