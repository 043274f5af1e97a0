import { z } from 'zod';
import type { Principal } from '../domain/access';
import type { Db } from '../platform/db';
import { retryDeliveryIn } from '../usecases/retry-delivery';
import { cursorAt, idInCursor, pageOf, pageQuery, toPage } from './cursor';
import { readDeliveries, readDelivery } from './deliveries.query';
import { endpoint } from './endpoint';
import { notFound, seesStore } from './principal';
import { id, instant, storeSlug, wholeNumber } from './schemas';
import { storesInList } from './stores.query';

const status = z
  .enum(['pending', 'done', 'ignored', 'failed'])
  .describe('`pending`: also while in work. `failed`: parked with its reason, until somebody retries it.');

const delivery = z
  .object({
    id,
    store: storeSlug,
    topic: z.string(),
    received_at: instant,
    status,
    attempts: z.int(),
    next_attempt_at: instant.nullable(),
    woo_id: z.int().nullable().describe('Id of the order it was about, once it was read.'),
    reason: z.string().nullable(),
    finished_at: instant.nullable(),
  })
  .meta({ id: 'Delivery' });

const deliveryDetail = z
  .object({
    ...delivery.shape,
    headers: z.record(z.string(), z.string()),
    body: z.string().nullable().describe('As it came; null when it is not UTF-8.'),
    body_base64: z.string().nullable().describe('As it came, when it is not UTF-8.'),
  })
  .meta({ id: 'DeliveryDetail' });

async function inSight(db: Db, principal: Principal, deliveryId: string) {
  const found = await readDelivery(db, deliveryId);
  if (!found || !seesStore(principal, found.storeId)) throw notFound('delivery');
  return found;
}

function textOf(bytes: Buffer): string | null {
  const text = bytes.toString('utf8');
  return Buffer.from(text, 'utf8').equals(bytes) ? text : null;
}

export const deliveryEndpoints = [
  endpoint({
    name: 'listDeliveries',
    method: 'get',
    path: '/api/v1/deliveries',
    resource: 'delivery',
    scope: 'deliveries:read',
    summary: 'What came in, and what became of it; newest first',
    query: z.strictObject({
      store: storeSlug.optional(),
      status: status.optional(),
      woo_id: wholeNumber(0, Number.MAX_SAFE_INTEGER).optional(),
      ...pageQuery,
    }),
    status: 200,
    answer: pageOf(delivery),
    async handle({ ctx, principal, query }) {
      const rows = await readDeliveries(ctx.db, {
        storeIds: await storesInList(ctx.db, principal, query.store),
        status: query.status,
        wooId: query.woo_id,
        before: idInCursor('deliveries', query.cursor),
        limit: query.limit + 1,
      });
      return toPage(rows, query.limit, (row) => cursorAt('deliveries', row.id));
    },
  }),
  endpoint({
    name: 'getDelivery',
    method: 'get',
    path: '/api/v1/deliveries/{id}',
    resource: 'delivery',
    scope: 'deliveries:read',
    summary: 'One delivery, as it was received',
    status: 200,
    answer: deliveryDetail,
    async handle({ ctx, principal, params }) {
      const found = await inSight(ctx.db, principal, params.id);
      const body = textOf(found.body);
      return {
        ...found.delivery,
        headers: found.headers,
        body,
        body_base64: body === null ? found.body.toString('base64') : null,
      };
    },
  }),
  endpoint({
    name: 'retryDelivery',
    method: 'post',
    path: '/api/v1/deliveries/{id}/retry',
    resource: 'delivery',
    scope: 'deliveries:write',
    summary: 'Process a failed or ignored delivery again',
    status: 200,
    answer: delivery,
    problems: ['delivery-not-failed'],
    async handle({ ctx, principal, actor, params, once }) {
      await inSight(ctx.db, principal, params.id);
      await once(async (trx) => {
        await retryDeliveryIn(trx, ctx, actor, params.id);
        return null;
      });
      ctx.wake('inbox');
      return (await inSight(ctx.db, principal, params.id)).delivery;
    },
  }),
];
