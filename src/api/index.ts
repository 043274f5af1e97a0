import { type RequestHandler, Router } from 'express';
import { Refusal } from '../platform/refusal';
import type { Context } from '../usecases/context';
import { creditEndpoints } from './credits';
import { customerEndpoints } from './customers';
import { deliveryEndpoints } from './deliveries';
import { docsRoutes } from './docs';
import { type Endpoint, handlerOf } from './endpoint';
import { messageEndpoints } from './messages';
import type { Group } from './openapi';
import { orderEndpoints } from './orders';
import { packageEndpoints } from './packages';
import { reconciliationEndpoints } from './reconciliations';
import { sandboxEndpoints } from './sandbox';
import { storeEndpoints } from './stores';
import { ticketEndpoints } from './tickets';
import { videoEndpoints } from './video';

/** Every endpoint of /api/v1, in the order in which the document shows them. */
export const groups: Group[] = [
  {
    tag: 'Stores',
    description: 'Connected WooCommerce shops.',
    endpoints: [...storeEndpoints, ...reconciliationEndpoints],
  },
  { tag: 'Packages', description: 'What a product buys.', endpoints: packageEndpoints },
  { tag: 'Orders', description: 'What came from the shop, and what it bought.', endpoints: orderEndpoints },
  { tag: 'Customers', description: 'Buyers; each belongs to one store.', endpoints: customerEndpoints },
  { tag: 'Credits', description: 'What is left, and why.', endpoints: creditEndpoints },
  { tag: 'Tickets', description: 'Requests for help.', endpoints: ticketEndpoints },
  { tag: 'Messages', description: 'Replies and notes, by SMS and e-mail.', endpoints: messageEndpoints },
  {
    tag: 'Video',
    description: 'Sessions on a ticket, metered by what the room reports.',
    endpoints: videoEndpoints,
  },
  { tag: 'Deliveries', description: 'Webhook requests as they were received.', endpoints: deliveryEndpoints },
  { tag: 'Sandbox', description: 'What would have been sent.', endpoints: sandboxEndpoints },
];

/** /api/v1/…, its document and its pages, and /problems/… that the errors point to. */
export function apiRouter({
  ctx,
  config,
}: {
  ctx: Context;
  config: { environmentToken: string | null };
}): Router {
  const router = Router();
  router.use(docsRoutes(ctx, groups));
  const byPath = new Map<string, Endpoint[]>();
  for (const spec of groups.flatMap((group) => group.endpoints)) {
    byPath.set(spec.path, [...(byPath.get(spec.path) ?? []), spec]);
  }
  for (const [path, specs] of byPath) {
    const route = router.route(path.replace(/\{(\w+)\}/g, ':$1'));
    for (const spec of specs) route[spec.method](handlerOf(spec, ctx, config.environmentToken));
    route.all(otherMethods(specs));
  }
  return router;
}

function otherMethods(specs: Endpoint[]): RequestHandler {
  const methods = specs.map((spec) => spec.method.toUpperCase());
  const allow = [...methods, ...(methods.includes('GET') ? ['HEAD'] : []), 'OPTIONS'].join(', ');
  return (req, res) => {
    res.setHeader('Allow', allow);
    if (req.method !== 'OPTIONS') {
      throw new Refusal('method-not-allowed', `This address takes ${allow}.`);
    }
    res.status(204).end();
  };
}
