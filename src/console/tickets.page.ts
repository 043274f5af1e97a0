import { iso } from '../platform/clock';
import { limits } from '../platform/limits';
import type { StaffPage } from '../ui/page';
import type { PageRoutes } from '../ui/routes';
import type { Context } from '../usecases/context';
import { filterText } from './list';
import { readTicketList, type TicketFilter, type TicketsView } from './tickets.query';
import { ticketListView, ticketsView, VIEWS } from './tickets.view';

export function ticketsPage({ get }: PageRoutes, ctx: Context): void {
  get('/console/tickets', 'read-only', async (page) => {
    const filter = filterOf(page);
    const list = await readTicketList(ctx.db, iso(page.now), filter);
    return page.isFragment ? ticketListView(page, list, filter) : ticketsView(page, list, filter);
  });
}

function filterOf(page: StaffPage): TicketFilter {
  const typed = filterText(page, 'q');
  const asked = page.query.get('status');
  // Whoever looks for something means it wherever it is by now.
  const unasked: TicketsView = typed === '' ? 'work' : 'all';
  return {
    view: VIEWS.find((view) => view === asked) ?? unasked,
    typed,
    store: filterText(page, 'store'),
    storeIds: page.staff.storeIds,
    cursor: page.query.get('cursor') ?? '',
    limit: limits.pageSizeDefault,
  };
}
