import { type RequestHandler, Router, urlencoded } from 'express';
import { limits } from '../src/platform/limits';
import type { Context } from '../src/usecases/context';
import { customerOfStopToken, NOTICES_PATH, stopNotices } from '../src/usecases/stop-notices';

/**
 * RFC 8058: the recipient's mail program was told "unsubscribe", and says so by itself, without cookies or a page. The
 * signed link is all that is needed, so a form of somebody else's with it could do no more than its reader can.
 */
export function stopNoticesAtOnce(ctx: Context): RequestHandler {
  const router = Router();
  const readForm = urlencoded({ extended: false, limit: limits.oneClickBodyBytes });
  router.post(`${NOTICES_PATH}/:token/one-click`, readForm, async (req, res) => {
    const customerId = customerOfStopToken(ctx, String(req.params.token));
    const body = (req.body ?? {}) as Record<string, unknown>;
    if (customerId === null || !(await stopNotices(ctx, { customerId, stopped: true }))) {
      return void res.status(404).type('text').send('This link is not one of ours.\n');
    }
    void body;
    res.type('text').send('No more notices.\n');
  });
  return router;
}
