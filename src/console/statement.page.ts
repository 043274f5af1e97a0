import { METERS } from '../domain/credits';
import { iso } from '../platform/clock';
import { limits } from '../platform/limits';
import { Refusal } from '../platform/refusal';
import type { PageRoutes } from '../ui/routes';
import type { Context } from '../usecases/context';
import { readCustomerHead } from './customer.query';
import { countEntries, readStatement, readSums } from './statement.query';
import { statementView } from './statement.view';

/** "Why?": where each piece went. */
export function statementPage({ get }: PageRoutes, ctx: Context): void {
  get('/console/customers/:id/statement', 'read-only', async (page, { id = '' }) => {
    const customer = await readCustomerHead(ctx.db, id, page.staff.storeIds);
    if (!customer) throw new Refusal('not-found', 'There is no such customer.');
    const meter = METERS.find((known) => known === page.query.get('meter')) ?? null;
    const cursor = page.query.get('cursor') ?? '';
    const before = /^\d{1,15}$/.test(cursor) ? Number(cursor) : null;
    const limit = limits.pageSizeDefault;
    const [sums, entries, all] = await Promise.all([
      readSums(ctx.db, iso(page.now), customer.id),
      readStatement(ctx.db, customer.id, { meter, before, limit }),
      countEntries(ctx.db, customer.id),
    ]);
    return statementView(page, { customer, meter, sums, entries, total: meter === null ? all : undefined });
  });
}
