import { z } from 'zod';
import { limits } from '../platform/limits';
import { cursorAt, idInCursor, pageOf, pageQuery, toPage } from './cursor';
import { readCustomers } from './customers.query';
import { customer } from './customers.schema';
import { endpoint } from './endpoint';
import { customerInSight } from './in-sight';
import { storeSlug, words } from './schemas';
import { storesInList } from './stores.query';

const filter = words(limits.nameChars).optional();

export const customerEndpoints = [
  endpoint({
    name: 'listCustomers',
    method: 'get',
    path: '/api/v1/customers',
    resource: 'customer',
    scope: 'customers:read',
    summary: 'Customers, newest first',
    query: z.strictObject({
      store: storeSlug.optional(),
      email: filter.describe('The whole address, upper and lower case alike.'),
      phone: filter.describe('The whole number, in E.164 or as dialled in the country of the store.'),
      q: filter.describe('Part of a name, address or number.'),
      ...pageQuery,
    }),
    status: 200,
    answer: pageOf(customer),
    async handle({ ctx, principal, query }) {
      const rows = await readCustomers(ctx.db, {
        storeIds: await storesInList(ctx.db, principal, query.store),
        email: query.email,
        phone: query.phone,
        q: query.q,
        before: idInCursor('customers', query.cursor),
        limit: query.limit + 1,
      });
      return toPage(rows, query.limit, (row) => cursorAt('customers', row.id));
    },
  }),
  endpoint({
    name: 'getCustomer',
    method: 'get',
    path: '/api/v1/customers/{id}',
    resource: 'customer',
    scope: 'customers:read',
    summary: 'One customer',
    status: 200,
    answer: customer,
    async handle({ ctx, principal, params }) {
      return customerInSight(ctx.db, principal, params.id);
    },
  }),
];
