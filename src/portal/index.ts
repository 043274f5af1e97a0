import type { Router } from 'express';
import type { Pages } from '../ui/routes';
import type { Context } from '../usecases/context';
import { noticesPage } from './notices.page';

/** Pages of customers. */
export function portalRouter({ ctx, pages }: { ctx: Context; pages: Pages }): Router {
  const routes = pages.routes();
  noticesPage(routes, ctx);
  return routes.router;
}
