import { iso } from '../platform/clock';
import { limits } from '../platform/limits';
import type { PageRoutes } from '../ui/routes';
import type { Context } from '../usecases/context';
import { readCustomerList } from './customers.query';
import { customerListView, customersView } from './customers.view';
import { filterText, idCursor } from './list';

export function customersPage({ get }: PageRoutes, ctx: Context): void {
  get('/console/customers', 'read-only', async (page) => {
    const typed = filterText(page, 'q');
    const filter = {
      typed,
      storeIds: page.staff.storeIds,
      before: idCursor(page),
      limit: limits.pageSizeDefault,
    };
    const list = await readCustomerList(ctx.db, iso(page.now), filter);
    return page.isFragment ? customerListView(page, list, typed) : customersView(page, list, typed);
  });
}
