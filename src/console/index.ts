import type { Router } from 'express';
import type { Pages } from '../ui/routes';
import { seeOther } from '../ui/routes';
import type { Context } from '../usecases/context';
import { accountPage } from './account.page';
import { attachmentPage } from './attachment.page';
import { couponPage } from './coupon.page';
import { customerPage } from './customer.page';
import { customersPage } from './customers.page';
import { ordersPage } from './orders.page';
import { setupPage } from './setup.page';
import { HOME, signInPage } from './sign-in.page';
import { statementPage } from './statement.page';
import { ticketPage } from './ticket.page';
import { ticketMailPage } from './ticket-mail.page';
import { ticketsPage } from './tickets.page';

export { pageHost } from './host';

/** Pages of those who answer customers, and the way in. */
export function consoleRouter({ ctx, pages }: { ctx: Context; pages: Pages }): Router {
  const routes = pages.routes();
  // Until the customer portal stands at the root.
  routes.get('/', 'anyone', () => seeOther(HOME));
  routes.get(HOME, 'read-only', () => seeOther('/console/tickets'));
  signInPage(routes, ctx);
  setupPage(routes, ctx);
  accountPage(routes, ctx);
  ticketsPage(routes, ctx);
  ticketPage(routes, ctx);
  ticketMailPage(routes, ctx);
  attachmentPage(routes, ctx);
  couponPage(routes, ctx);
  customersPage(routes, ctx);
  customerPage(routes, ctx);
  statementPage(routes, ctx);
  ordersPage(routes, ctx);
  return routes.router;
}
