import { z } from 'zod';
import { findRun, findsOf, listRuns, type SyncFind, type SyncRun } from '../domain/syncs';
import { limits } from '../platform/limits';
import { Refusal } from '../platform/refusal';
import { readShopNow } from '../usecases/read-shop-now';
import { cursorAt, idInCursor, pageOf, pageQuery, toPage } from './cursor';
import { endpoint } from './endpoint';
import { notFound } from './principal';
import { id, instant, instantIn, isoOf, storeSlug } from './schemas';
import { storeBySlug } from './stores.query';

const run = z
  .object({
    id,
    store: storeSlug,
    kind: z
      .enum(['orders', 'sweep'])
      .describe('`sweep`: refunds and existence of all orders of the last 90 days, once a day by itself.'),
    asked_by: z.string(),
    state: z
      .enum(['running', 'done', 'failed', 'stopped'])
      .describe(
        '`failed`: the shop could not be read to the end, `problem` says why; `stopped`: the process ended. Either way nothing is lost: the next one begins at the same place.',
      ),
    since: instant.describe('Changes from then on were read.'),
    seen: z.int().describe('Orders that were looked at.'),
    found: z.int().describe('Orders in a state that no webhook had brought.'),
    parked: z.int().describe('Orders that could not be applied; they are tried again.'),
    problem: z.string().nullable(),
    started_at: instant,
    finished_at: instant.nullable(),
  })
  .meta({ id: 'Reconciliation' });

const detail = z
  .object({
    ...run.shape,
    orders: z
      .array(
        z.object({
          woo_id: z.int(),
          number: z.string(),
          what: z.enum(['new', 'changed', 'gone']),
          status: z.string(),
        }),
      )
      .describe(`What was found, the first ${limits.syncFindsShown} of it.`),
  })
  .meta({ id: 'ReconciliationDetail' });

function viewOf(of: SyncRun, store: string): z.input<typeof run> {
  return {
    id: of.id,
    store,
    kind: of.kind,
    asked_by: of.askedBy,
    state: of.state,
    since: of.since,
    seen: of.seen,
    found: of.found,
    parked: of.parked,
    problem: of.problem,
    started_at: of.startedAt,
    finished_at: of.finishedAt,
  };
}

function detailOf(of: SyncRun, finds: SyncFind[], store: string): z.input<typeof detail> {
  const orders = finds.map(({ wooId, number, what, status }) => ({ woo_id: wooId, number, what, status }));
  return { ...viewOf(of, store), orders };
}

export const reconciliationEndpoints = [
  endpoint({
    name: 'createReconciliation',
    method: 'post',
    path: '/api/v1/stores/{slug}/reconciliations',
    resource: 'store',
    scope: 'stores:write',
    summary: 'Read the store now',
    description: `Answers what was found. A store with very many changes takes longer than ${limits.syncAnswerMs / 1000} s: then the answer is the reconciliation as it stands, \`running\`, and it can be asked for.`,
    body: z
      .strictObject({
        since: instantIn
          .optional()
          .describe(
            'Read changes from then on; default: from the last reconciliation. A later time than that is not taken.',
          ),
        kind: z.enum(['orders', 'sweep']).default('orders'),
      })
      .optional()
      .meta({ id: 'NewReconciliation' }),
    status: 200,
    answer: detail,
    problems: ['store-without-keys', 'reconciliation-running'],
    async handle({ ctx, principal, actor, params, body }) {
      const store = await storeBySlug(ctx.db, principal, params.slug);
      if (!store) throw notFound('store');
      const report = await readShopNow(ctx, actor, {
        storeId: store.id,
        kind: body?.kind ?? 'orders',
        since: body?.since === undefined ? null : isoOf(body.since),
      });
      if (report) return detailOf(report, report.finds, store.slug);
      const [running] = await listRuns(ctx.db, { storeId: store.id, limit: 1 });
      if (!running) throw new Refusal('unavailable', 'It took too long. Please try again.');
      return detailOf(running, await findsOf(ctx.db, running.id, limits.syncFindsShown), store.slug);
    },
  }),
  endpoint({
    name: 'listReconciliations',
    method: 'get',
    path: '/api/v1/stores/{slug}/reconciliations',
    resource: 'store',
    scope: 'stores:read',
    summary: 'How the store was read, newest first',
    query: z.strictObject(pageQuery),
    status: 200,
    answer: pageOf(run),
    async handle({ ctx, principal, params, query }) {
      const store = await storeBySlug(ctx.db, principal, params.slug);
      if (!store) throw notFound('store');
      const rows = await listRuns(ctx.db, {
        storeId: store.id,
        before: idInCursor('reconciliations', query.cursor),
        limit: query.limit + 1,
      });
      const views = rows.map((row) => viewOf(row, store.slug));
      return toPage(views, query.limit, (row) => cursorAt('reconciliations', row.id));
    },
  }),
  endpoint({
    name: 'getReconciliation',
    method: 'get',
    path: '/api/v1/stores/{slug}/reconciliations/{id}',
    resource: 'reconciliation',
    scope: 'stores:read',
    summary: 'What one reconciliation found',
    status: 200,
    answer: detail,
    async handle({ ctx, principal, params }) {
      const store = await storeBySlug(ctx.db, principal, params.slug);
      const found = store && (await findRun(ctx.db, params.id));
      if (!store || found?.storeId !== store.id) throw notFound('reconciliation');
      return detailOf(found, await findsOf(ctx.db, found.id, limits.syncFindsShown), store.slug);
    },
  }),
];
