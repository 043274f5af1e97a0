import type { Principal } from '../domain/access';
import { findLink, keysMark, ownWebhooks } from '../domain/connections';
import { type CustomerNote, storeSecrets } from '../domain/stores';
import { isSilent } from '../domain/syncs';
import type { Clock } from '../platform/clock';
import type { Db } from '../platform/db';
import { assert } from '../platform/refusal';
import type { Vault } from '../platform/secrets';

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
interface Asked {
  publicUrl: string;
  vault: Vault;
  clock: Clock;
}

/** Of a kept report, what is told. */
interface Report {
  ok: boolean;
  checks: { name: string; problem: { code: string; words: string } | null }[];
}

export async function readStore(db: Db, id: string, ctx: Asked) {
  const rows = (await db('stores').where({ id })) as Row[];
  const [store] = await viewsOf(db, rows, ctx);
  assert(store, `store ${id} exists`);
  return store;
}

/** By slug; `after`: the last one on the page before. */
export async function readStores(
  db: Db,
  page: { storeIds: readonly string[] | null; after: string | null; limit: number; ctx: Asked },
) {
  const query = db('stores').orderBy('slug').limit(page.limit);
  if (page.storeIds) query.whereIn('id', [...page.storeIds]);
  if (page.after !== null) query.where('slug', '>', page.after);
  return viewsOf(db, (await query) as Row[], page.ctx);
}

async function viewsOf(db: Db, rows: Row[], ctx: Asked) {
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
    const link = await findLink(db, id);
    const shop = { ...(await storeSecrets(db, ctx.vault, id)), url: row.url as string | null };
    const isChecked = link.checkReport !== null && link.checkedMark === keysMark(ctx.vault, shop);
    const report = isChecked ? (JSON.parse(link.checkReport as string) as Report) : null;
    const webhooks = await ownWebhooks(db, id);
    const sync = syncs.get(id);
    const unannouncedSince = sync?.unannouncedSince ?? null;
    const lastOrderAt = unannouncedSince === null ? null : await lastReceivedAt(db, id, 'order.%');
    return {
      slug: row.slug as string,
      name: row.name as string,
      url: row.url as string | null,
      paid_statuses: JSON.parse(row.paid_statuses as string) as string[],
      locale: row.locale as string,
      country: row.country as string,
      time_zone: row.time_zone as string,
      notices: row.notices === 1,
      customer_note: row.customer_note as CustomerNote,
      private_refund_notes: row.private_refund_notes === 1,
      write_ticket_meta: row.write_ticket_meta === 1,
      mail_address: row.mail_address as string | null,
      currency: row.currency as string | null,
      from_environment: row.from_environment === 1,
      state: secretSet ? ('connected' as const) : ('no_webhook_secret' as const),
      webhook: {
        delivery_url: `${ctx.publicUrl}/webhooks/woocommerce/${row.slug as string}`,
        secret_set: secretSet,
        last_received_at: await lastReceivedAt(db, id),
        silent_since: isSilent(unannouncedSince, lastOrderAt, ctx.clock.now()) ? unannouncedSince : null,
        pending: waiting.get(`${id}:pending`) ?? 0,
        failed: waiting.get(`${id}:failed`) ?? 0,
      },
      webhooks: {
        ensured_at: link.webhooksAt,
        problem: link.webhooksProblem,
        made: webhooks.map(({ wooId, topic, madeAt, pingedAt }) => ({
          id: wooId,
          topic,
          made_at: madeAt,
          pinged_at: pingedAt,
        })),
      },
      rest: {
        keys_set: row.consumer_key_sealed !== null && row.consumer_secret_sealed !== null,
        last_sync_at: sync?.finishedAt ?? null,
        failing_since: sync?.failingSince ?? null,
        problem: sync?.problem ?? null,
        parked_orders: sync?.parked ?? 0,
        checked_at: report && link.checkedAt,
        ok: report?.ok ?? null,
        problems: (report?.checks ?? []).flatMap(({ name, problem }) =>
          problem ? [{ check: name, code: problem.code, detail: problem.words }] : [],
        ),
      },
      created_at: row.created_at as string,
      updated_at: row.updated_at as string,
    };
  };
  const views = [];
  for (const row of rows) views.push(await view(row));
  return views;
}

/** How far each store was read by REST; those that never were are missing. */
async function syncsOf(db: Db, storeIds: string[]) {
  const rows = (await db('store_syncs as y')
    .where({ kind: 'orders' })
    .whereIn('store_id', storeIds)
    .select(
      'y.*',
      db('parked_orders as p').where('p.store_id', db.ref('y.store_id')).count('*').as('parked'),
    )) as Row[];
  return new Map(
    rows.map((row) => [
      row.store_id as string,
      {
        finishedAt: row.finished_at as string | null,
        failingSince: row.failing_since as string | null,
        problem: row.problem as string | null,
        unannouncedSince: row.unannounced_since as string | null,
        parked: Number(row.parked),
      },
    ]),
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
