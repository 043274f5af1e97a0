import { listRuns, type ParkedOrder, parkedOrders, type SyncRun } from '../domain/syncs';
import type { Db } from '../platform/db';
import { onlyOf, type StoreIds } from '../platform/in-stores';
import { limits } from '../platform/limits';

type Row = Record<string, unknown>;

export interface Reading {
  store: { id: string; slug: string; name: string; hasKeys: boolean };
  /** Of the last complete one; null: there was none yet. */
  readAt: string | null;
  sweptAt: string | null;
  problem: string | null;
  runs: SyncRun[];
  parked: ParkedOrder[];
}

/** null: no such store, or not for who asks. */
export async function readReading(db: Db, slug: string, storeIds: StoreIds): Promise<Reading | null> {
  const row = (await onlyOf(db('stores'), 'id', storeIds).where({ slug }).first()) as Row | undefined;
  if (!row) return null;
  const storeId = row.id as string;
  const syncs = (await db('store_syncs').where({ store_id: storeId })) as Row[];
  const of = (kind: string) => syncs.find((sync) => sync.kind === kind);
  return {
    store: {
      id: storeId,
      slug,
      name: row.name as string,
      hasKeys: row.url !== null && row.consumer_key_sealed !== null && row.consumer_secret_sealed !== null,
    },
    readAt: (of('orders')?.finished_at as string | null | undefined) ?? null,
    sweptAt: (of('sweep')?.finished_at as string | null | undefined) ?? null,
    problem: (of('orders')?.problem as string | null | undefined) ?? null,
    runs: await listRuns(db, { storeId, limit: limits.runsShown }),
    parked: await parkedOrders(db, { storeId, limit: limits.pageSizeDefault }),
  };
}
