import { z } from 'zod';
import { limits } from '../platform/limits';
import { cursorAt, idInCursor, pageOf, pageQuery, toPage } from './cursor';
import { endpoint } from './endpoint';
import { readOrder, readOrders } from './orders.query';
import { order } from './orders.schema';
import { notFound, seesStore } from './principal';
import { storeSlug, wholeNumber } from './schemas';
import { storesInList } from './stores.query';

export const orderEndpoints = [
  endpoint({
    name: 'listOrders',
    method: 'get',
    path: '/api/v1/orders',
    resource: 'order',
    scope: 'orders:read',
    summary: 'Orders, newest first',
    description: 'Orders that buy no package are recorded too; they open no ticket.',
    query: z.strictObject({
      store: storeSlug.optional(),
      number: z.string().max(limits.nameChars).optional().describe('Number as the shop shows it.'),
      woo_id: wholeNumber(0, Number.MAX_SAFE_INTEGER).optional().describe('Id in WooCommerce.'),
      customer_id: z.string().max(limits.nameChars).optional(),
      ...pageQuery,
    }),
    status: 200,
    answer: pageOf(order),
    async handle({ ctx, principal, query }) {
      const rows = await readOrders(ctx.db, {
        storeIds: await storesInList(ctx.db, principal, query.store),
        number: query.number,
        wooId: query.woo_id,
        customerId: query.customer_id,
        before: idInCursor('orders', query.cursor),
        limit: query.limit + 1,
      });
      return toPage(rows, query.limit, (row) => cursorAt('orders', row.id));
    },
  }),
  endpoint({
    name: 'getOrder',
    method: 'get',
    path: '/api/v1/orders/{id}',
    resource: 'order',
    scope: 'orders:read',
    summary: 'One order, with what its lines bought',
    status: 200,
    answer: order,
    async handle({ ctx, principal, params }) {
      const found = await readOrder(ctx.db, params.id);
      if (!found || !seesStore(principal, found.storeId)) throw notFound('order');
      return found.order;
    },
  }),
];
