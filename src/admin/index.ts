import type { Router } from 'express';
import type { Pages } from '../ui/routes';
import { seeOther } from '../ui/routes';
import type { Context } from '../usecases/context';
import { deliveriesPage } from './deliveries.page';
import { failedArrivalsPage } from './failed-arrivals.page';
import { importPage } from './import.page';
import { incomingPage } from './incoming.page';
import type { Ways } from './incoming.view';
import { packagesPage } from './packages.page';
import { pictureRoute, productPicker } from './products.page';
import { readingPage } from './reading.page';
import { sandboxPage } from './sandbox.page';
import type { Transports } from './sandbox.view';
import { shopWritesPage } from './shop-writes.page';
import { storesPage } from './stores.page';

/** Pages of those who run the shop. `transports`: what app.ts sends each channel by; `keysPath`: where shops hand over their keys; `ways`: by which mails and SMS come in. */
export function adminRouter({
  ctx,
  pages,
  transports,
  keysPath,
  ways,
}: {
  ctx: Context;
  pages: Pages;
  transports: Transports;
  keysPath: string;
  ways: Ways;
}): Router {
  const routes = pages.routes();
  routes.get('/admin', 'admin', () => seeOther('/admin/packages'));
  productPicker(routes, ctx);
  packagesPage(routes, ctx);
  importPage(routes, ctx);
  readingPage(routes, ctx);
  shopWritesPage(routes, ctx);
  pictureRoute(routes, ctx);
  storesPage(routes, ctx, keysPath);
  deliveriesPage(routes, ctx);
  incomingPage(routes, ctx, ways);
  failedArrivalsPage(routes, ctx);
  sandboxPage(routes, ctx, transports);
  return routes.router;
}
