import { type RequestHandler, Router } from 'express';
import type { Context } from '../src/usecases/context';
import { customerOfStopToken, NOTICES_PATH, stopNotices } from '../src/usecases/stop-notices';

/**
 * RFC 8058: the recipient told their mail program "unsubscribe", and it posts to the address in List-Unsubscribe by
 * itself, without cookies. The signed link is all that is needed, and it can do no more than its reader; so the body
 * ("List-Unsubscribe=One-Click", as a form of either kind) is not looked at. A GET there is the page for people.
 */
export function stopNoticesAtOnce(ctx: Context): RequestHandler {
  const router = Router();
  router.post(`${NOTICES_PATH}/:token`, async (req, res) => {
    const customerId = customerOfStopToken(ctx, String(req.params.token));
    if (customerId === null || !(await stopNotices(ctx, { customerId, stopped: true }))) {
      return void res.status(404).type('text').send('This link is not one of ours.\n');
    }
    res.type('text').send('No more notices.\n');
  });
  return router;
}
