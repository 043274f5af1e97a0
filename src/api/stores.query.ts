import type { Principal } from '../domain/access';
import { isSilent } from '../domain/syncs';
import type { Db } from '../platform/db';
import { assert } from '../platform/refusal';

/**
 * The stores that a list may read from: those the token sees, or the one that was asked for.
 * null: all. Empty: a store that is not there, or not for this token; the list is empty, and does not tell which.
 */
export async function storesInList(
  db: Db,
  principal: Principal,
  slug: string | undefined,
): Promise<readonly string[] | null> {
  if (slug === undefined) return principal.storeIds;
  const store = await storeBySlug(db, principal, slug);
  return store ? [store.id] : [];
}

export async function storeBySlug(
  db: Db,
  principal: Principal,
  slug: string,
): Promise<{ id: string; slug: string } | null> {
  const query = db('stores').where({ slug }).first('id', 'slug');
  if (principal.storeIds) query.whereIn('id', [...principal.storeIds]);
  return ((await query) as { id: string; slug: string } | undefined) ?? null;
}

export async function slugsOf(db: Db, storeIds: string[]): Promise<Map<string, string>> {
  const rows = (await db('stores')
    .whereIn('id', [...new Set(storeIds)])
    .select('id', 'slug')) as {
    id: string;
    slug: string;
  }[];
  return new Map(rows.map((row) => [row.id, row.slug]));
}

type Row = Record<string, unknown>;

export async function readStore(db: Db, id: string, { publicUrl, now }: { publicUrl: string; now: Date }) {
  const rows = (await db('stores').where({ id })) as Row[];
  const [store] = await viewsOf(db, rows, publicUrl, now);
  assert(store, `store ${id} exists`);
  return store;
}

/** By slug; `after`: the last one on the page before. */
export async function readStores(
  db: Db,
  page: {
    storeIds: readonly string[] | null;
    after: string | null;
    limit: number;
    publicUrl: string;
    now: Date;
  },
) {
  const query = db('stores').orderBy('slug').limit(page.limit);
  if (page.storeIds) query.whereIn('id', [...page.storeIds]);
  if (page.after !== null) query.where('slug', '>', page.after);
  return viewsOf(db, (await query) as Row[], page.publicUrl, page.now);
}

async function viewsOf(db: Db, rows: Row[], publicUrl: string, now: Date) {
  const waiting = await deliveriesByStatus(
    db,
    rows.map((row) => row.id as string),
  );
  const syncs = await syncsOf(
    db,
    rows.map((row) => row.id as string),
  );
  const view = async (row: Row) => {
    const id = row.id as string;
    const secretSet = row.webhook_secret_sealed !== null;
    const sync = syncs.get(id);
    const lastOrderAt = sync?.unannounced_since ? await lastReceivedAt(db, id, 'order.%') : null;
    const unannouncedSince = (sync?.unannounced_since as string | null | undefined) ?? null;
    return {
      slug: row.slug as string,
      name: row.name as string,
      url: row.url as string | null,
      paid_statuses: JSON.parse(row.paid_statuses as string) as string[],
      locale: row.locale as string,
      country: row.country as string,
      time_zone: row.time_zone as string,
      notices: row.notices === 1,
      from_environment: row.from_environment === 1,
      state: secretSet ? ('connected' as const) : ('no_webhook_secret' as const),
      webhook: {
        delivery_url: `${publicUrl}/webhooks/woocommerce/${row.slug as string}`,
        secret_set: secretSet,
        last_received_at: await lastReceivedAt(db, id),
        silent_since: isSilent(unannouncedSince, lastOrderAt, now) ? unannouncedSince : null,
        pending: waiting.get(`${id}:pending`) ?? 0,
        failed: waiting.get(`${id}:failed`) ?? 0,
      },
      rest: {
        keys_set: row.consumer_key_sealed !== null && row.consumer_secret_sealed !== null,
        last_sync_at: (sync?.finished_at as string | null | undefined) ?? null,
        failing_since: (sync?.failing_since as string | null | undefined) ?? null,
        problem: (sync?.problem as string | null | undefined) ?? null,
        parked_orders: sync?.parked ?? 0,
      },
      created_at: row.created_at as string,
      updated_at: row.updated_at as string,
    };
  };
  return Promise.all(rows.map(view));
}

/** How far each store was read by REST; those that never were are missing. */
async function syncsOf(db: Db, storeIds: string[]): Promise<Map<string, Row & { parked: number }>> {
  const rows = (await db('store_syncs').where({ kind: 'orders' }).whereIn('store_id', storeIds)) as Row[];
  const parked = (await db('parked_orders')
    .whereIn('store_id', storeIds)
    .groupBy('store_id')
    .select('store_id')
    .count({ n: '*' })) as Row[];
  const counts = new Map(parked.map((row) => [row.store_id, Number(row.n)]));
  return new Map(
    rows.map((row) => [row.store_id as string, { ...row, parked: counts.get(row.store_id) ?? 0 }]),
  );
}

/** `topic`: only of such. */
async function lastReceivedAt(db: Db, storeId: string, topic?: string): Promise<string | null> {
  const query = db('deliveries').where({ store_id: storeId }).orderBy('id', 'desc').first('received_at');
  if (topic !== undefined) query.whereLike('topic', topic);
  const newest = (await query) as Row | undefined;
  return (newest?.received_at as string | undefined) ?? null;
}

/** Only the few that wait or are parked: the index by status finds them without the many that are done. */
async function deliveriesByStatus(db: Db, storeIds: string[]): Promise<Map<string, number>> {
  const rows = (await db('deliveries')
    .whereIn('status', ['pending', 'failed'])
    .whereIn('store_id', storeIds)
    .groupBy('store_id', 'status')
    .select('store_id', 'status')
    .count({ n: '*' })) as Row[];
  return new Map(rows.map((row) => [`${row.store_id as string}:${row.status as string}`, Number(row.n)]));
}
