import express, { type Request, type RequestHandler, type Response, Router } from 'express';
import { limits } from '../src/platform/limits';
import { Refusal } from '../src/platform/refusal';
import { takeKeys } from '../src/usecases/approve-keys';
import type { Context } from '../src/usecases/context';

/** Where a shop hands over the keys that its admin let Zeton have. */
export const KEYS_PATH = '/webhooks/woocommerce-keys';

/**
 * POST /webhooks/woocommerce-keys
 * The shop waits for 200 before it sends its admin back, and takes its keys away again after anything else. Nobody is
 * signed in here: the state that the shop was given is all that counts.
 */
export function woocommerceKeys(ctx: Context): Router {
  const parse: RequestHandler = express.json({ type: () => true, limit: limits.approvalBodyBytes });
  const onlyPost: RequestHandler = (_req, res) => {
    res.set('Allow', 'POST');
    throw new Refusal('method-not-allowed', 'This address takes the keys of a WooCommerce shop (POST).');
  };
  const router = Router();
  router
    .route(KEYS_PATH)
    .post(parse, async (req: Request, res: Response) => {
      const body = (req.body ?? {}) as Record<string, unknown>;
      const text = (name: string) => (typeof body[name] === 'string' ? (body[name] as string) : '');
      await takeKeys(ctx, {
        state: text('user_id'),
        consumerKey: text('consumer_key'),
        consumerSecret: text('consumer_secret'),
      });
      res.json({ status: 'connected' });
    })
    .all(onlyPost);
  return router;
}
