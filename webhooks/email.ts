import express, { type Request, type RequestHandler, type Response, Router } from 'express';
import { findStoreBySlug, isSlug } from '../src/domain/stores';
import { isOutage, outageInWords } from '../src/platform/dialect';
import { limits } from '../src/platform/limits';
import { Refusal } from '../src/platform/refusal';
import { sameSecret } from '../src/platform/secrets';
import { bearerTokenOf } from '../src/usecases/authenticate-token';
import type { Context } from '../src/usecases/context';
import { keepMail } from '../src/usecases/keep-mail';

export const INBOUND_MAIL_PATH = '/webhooks/email';
const MAIL_TYPES = new Set(['message/rfc822', 'message/global']);

/**
 * POST /webhooks/email[?store=SLUG]: a raw mail, from a mail server or a mail service. The store: as it is said, else
 * by the address.
 * Errors:  503 no INBOUND_MAIL_TOKEN here, or not kept: whoever brings it keeps it and comes again · 401 · 404 no such
 *          store · 415 no mail · 413 · 400 empty
 * Repeat:  200, and kept once
 * Source:  DESIGN §6 "HTTP"
 */
export function emailWebhook(ctx: Context, token: string | null): Router {
  const router = Router();
  const readBytes = express.raw({ type: () => true, inflate: false, limit: limits.mailBytes });
  const onlyPost: RequestHandler = (_req, res) => {
    res.set('Allow', 'POST');
    throw new Refusal('method-not-allowed', 'This address takes mails (POST, message/rfc822).');
  };
  // Before the body is read: a stranger sends no 25 MB.
  const admit: RequestHandler = (req, _res, next) => {
    checkToken(req, token);
    checkType(req);
    next();
  };
  router
    .route(INBOUND_MAIL_PATH)
    .post(admit, readBytes, async (req: Request, res: Response) => {
      const raw = Buffer.isBuffer(req.body) ? req.body : Buffer.alloc(0);
      if (raw.length === 0) throw new Refusal('malformed-request', 'The body is empty: it must be a mail.');
      const { id, fresh } = await orUnavailable(req, async () => {
        const storeId = await storeIn(ctx, req);
        return keepMail(ctx, { way: 'http', raw, storeId });
      });
      res.json({ status: fresh ? 'stored' : 'duplicate', id });
    })
    .all(onlyPost);
  return router;
}

function checkToken(req: Request, token: string | null): void {
  if (token === null) {
    throw new Refusal('unavailable', 'Zeton takes no mail by HTTP until INBOUND_MAIL_TOKEN is set.');
  }
  const given = bearerTokenOf(req.headers.authorization);
  if (given === null || !sameSecret(given, token)) {
    throw new Refusal('unauthenticated', 'Send INBOUND_MAIL_TOKEN: Authorization: Bearer TOKEN.');
  }
}

function checkType(req: Request): void {
  const type = (req.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  if (!MAIL_TYPES.has(type)) {
    throw new Refusal('unsupported-media-type', 'Send the mail as it is, with Content-Type: message/rfc822.');
  }
}

async function storeIn(ctx: Context, req: Request): Promise<string | null> {
  const { store: slug } = req.query;
  if (slug === undefined) return null;
  const store = typeof slug === 'string' && isSlug(slug) ? await findStoreBySlug(ctx.db, slug) : null;
  if (!store) throw new Refusal('not-found', 'There is no such store.');
  return store.id;
}

/** Whatever goes wrong in the database, the sender must not take it for kept. */
async function orUnavailable<T>(req: Request, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Refusal) throw error;
    const why = isOutage(error) ? `: ${outageInWords(error)}` : '';
    req.log.error({ err: error }, `a mail could not be kept${why}`);
    throw new Refusal('unavailable', 'It could not be kept.');
  }
}
