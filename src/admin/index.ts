import type { Router } from 'express';
import type { Pages } from '../ui/routes';
import { seeOther } from '../ui/routes';
import type { Context } from '../usecases/context';

/** Pages of those who run the shop. */
export function adminRouter({ pages }: { ctx: Context; pages: Pages }): Router {
  const routes = pages.routes();
  routes.get('/admin', 'admin', () => seeOther('/admin/packages'));
  return routes.router;
}
