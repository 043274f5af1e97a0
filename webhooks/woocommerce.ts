import { type Request, type RequestHandler, Router } from 'express';
import { isSlug, webhookKey } from '../src/domain/stores';
import { gather } from '../src/platform/gather';
import { limits } from '../src/platform/limits';
import { Refusal } from '../src/platform/refusal';
import { hmacSha256, sameSecret } from '../src/platform/secrets';
import type { Context } from '../src/usecases/context';
import { type Received, receive, type Sender } from './receive';

interface Known {
  slug: string;
  storeId: string;
  secret: string | null;
}

/**
 * POST /webhooks/woocommerce/{store}
 * How a real shop behaves is measured in fixtures/woocommerce/README.md (the numbers below): it never asks twice, and
 * after seven answers in a row outside 200-302 it disables the webhook.
 */
export function woocommerceWebhook(ctx: Context, count: (what: 'stored' | 'ping') => void): Router {
  // Asked for every request, so that a changed secret counts at once; those that wait share one question.
  const keyOf = gather({
    run: (slugs: string[]) => keysOfStores(ctx, slugs),
    itemsMax: limits.webhooksWaiting,
    waitingMax: limits.webhooksWaiting,
  });
  const sender: Sender<Known> = {
    async recognise(req) {
      const slug = String(req.params.store);
      const key = isSlug(slug) ? await keyOf(slug) : null;
      if (!key) throw new Refusal('not-found', 'There is no such store.');
      return { slug, ...key };
    },
    verify,
  };
  const onlyPost: RequestHandler = (_req, res) => {
    res.set('Allow', 'POST');
    throw new Refusal('method-not-allowed', 'This address takes the webhooks of a WooCommerce shop (POST).');
  };
  const router = Router();
  router
    .route('/webhooks/woocommerce/:store')
    .post(receive(ctx, sender, count))
    .all(onlyPost);
  return router;
}

function keysOfStores(ctx: Context, slugs: string[]) {
  const keys = new Map([...new Set(slugs)].map((slug) => [slug, webhookKey(ctx.db, ctx.vault, slug)]));
  return Promise.allSettled(slugs.map(async (slug) => (await keys.get(slug)) ?? null));
}

function verify(req: Request, { slug, storeId, secret }: Known, body: Buffer): Received | null {
  const headers = headersOf(req);
  if (isPing(req, headers, body)) return null;
  if (!secret) {
    throw new Refusal('store-without-secret', 'Set the webhook secret of this store in Zeton first.');
  }
  checkSignature(req, secret, body);
  return {
    actor: { kind: 'store', id: storeId, name: slug },
    storeId,
    topic: headers['x-wc-webhook-topic'] ?? '',
    headers,
  };
}

/** 13.: what the shop sends when a webhook is made, and again until it is answered 200. It has no signature. */
function isPing(req: Request, headers: Record<string, string>, body: Buffer): boolean {
  return (
    body.length <= 40 &&
    /^webhook_id=\d+$/.test(body.toString('latin1')) &&
    req.headers['content-type']?.split(';')[0]?.trim() === 'application/x-www-form-urlencoded' &&
    !Object.keys(headers).some((name) => name.startsWith('x-wc-')) &&
    req.headers[SIGNATURE] === undefined
  );
}

const SIGNATURE = 'x-wc-webhook-signature';

/** What says what the delivery is. The signature has done its work; a leaked inbox must not hold proofs of it. */
function headersOf(req: Request): Record<string, string> {
  return Object.fromEntries(
    Object.entries(req.headers)
      .filter(([name]) => (name.startsWith('x-wc-') && name !== SIGNATURE) || name === 'content-type')
      .map(([name, value]) => [name, String(value)]),
  );
}

/** 2.: base64(HMAC-SHA256(raw body, secret)). */
function checkSignature(req: Request, secret: string, body: Buffer): void {
  const given = req.headersDistinct[SIGNATURE] ?? [];
  const [signature] = given;
  if (signature === undefined || given.length > 1) {
    const problem = given.length > 1 ? 'came more than once' : 'is missing';
    throw new Refusal('invalid-signature', `The header X-WC-Webhook-Signature ${problem}.`);
  }
  // Both are computed and compared every time that there are two, so that the time tells nothing.
  const right = keysOf(secret).map((key) => sameSecret(hmacSha256(key, body).toString('base64'), signature));
  if (!right.includes(true)) {
    throw new Refusal(
      'invalid-signature',
      'The signature does not fit the body: is the secret in WooCommerce the same as in Zeton?',
    );
  }
}

/** 16.: the shop decodes HTML entities in the secret before it signs: with `a&amp;b` it signs with `a&b`. */
function keysOf(secret: string): string[] {
  const decoded = secret.replace(ENTITY, (entity, name: string) => ENTITIES[name] ?? entity);
  return decoded === secret ? [secret] : [secret, decoded];
}

const ENTITY = /&(amp|lt|gt|quot|#0?39|#x27);/g;
const ENTITIES: Record<string, string> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  '#39': "'",
  '#039': "'",
  '#x27': "'",
};
