import { limits } from '../platform/limits';
import { Refusal } from '../platform/refusal';
import type { PageRoutes } from '../ui/routes';
import type { Context } from '../usecases/context';
import { readCustomerHead } from './customer.query';
import { filterText, idCursor } from './list';
import { readOrder } from './order.query';
import { orderView } from './order.view';
import { readOrderList, readPaidStatuses } from './orders.query';
import { orderListView, ordersView } from './orders.view';

export function ordersPage({ get }: PageRoutes, ctx: Context): void {
  get('/console/orders', 'read-only', async (page) => {
    const customerId = page.query.get('customer');
    const customer =
      customerId === null ? null : await readCustomerHead(ctx.db, customerId, page.staff.storeIds);
    if (customerId !== null && !customer) throw new Refusal('not-found', 'There is no such customer.');
    const filter = {
      typed: filterText(page, 'q'),
      status: filterText(page, 'status'),
      storeIds: page.staff.storeIds,
      review: page.query.get('review') === 'yes',
      ...(customer ? { customerId: customer.id } : {}),
    };
    const limit = limits.pageSizeDefault;
    const list = await readOrderList(ctx.db, { ...filter, before: idCursor(page), limit });
    if (page.isFragment) return orderListView(page, list, filter);
    return ordersView(page, list, filter, {
      customer,
      statuses: await readPaidStatuses(ctx.db, page.staff.storeIds),
    });
  });

  get('/console/orders/:id', 'read-only', async (page, { id = '' }) => {
    const order = await readOrder(ctx.db, id, page.staff.storeIds);
    if (!order) throw new Refusal('not-found', 'There is no such order.');
    return orderView(page, order);
  });
}
