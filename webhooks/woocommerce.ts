import { type Request, type RequestHandler, Router } from 'express';
import { notePing } from '../src/domain/connections';
import { isSlug, webhookKey } from '../src/domain/stores';
import { systemActor } from '../src/platform/actor';
import { gather } from '../src/platform/gather';
import { limits } from '../src/platform/limits';
import { Refusal } from '../src/platform/refusal';
import { hmacSha256, sameSecret } from '../src/platform/secrets';
import { type Context, momentOf } from '../src/usecases/context';
import { type Ping, type Received, receive, type Sender } from './receive';

interface Known {
  slug: string;
  storeId: string;
  /** The one of now, and for a day the one before; none: nothing can be checked. */
  secrets: string[];
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
      const { storeId, secret, old } = key;
      const oldOnes = old && old.until > momentOf(ctx, systemActor).at ? [old.secret] : [];
      return { slug, storeId, secrets: secret === null ? [] : [secret, ...oldOnes] };
    },
    verify: (req, known, body) => verify(ctx, req, known, body),
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

function verify(
  ctx: Context,
  req: Request,
  { slug, storeId, secrets }: Known,
  body: Buffer,
): Received | Ping {
  const headers = headersOf(req);
  const wooId = pingIn(req, headers, body);
  if (wooId !== null) return { note: () => notePing(ctx.db, momentOf(ctx, systemActor), { storeId, wooId }) };
  if (secrets.length === 0) {
    throw new Refusal('store-without-secret', 'Set the webhook secret of this store in Zeton first.');
  }
  checkSignature(req, secrets, body);
  return {
    actor: { kind: 'store', id: storeId, name: slug },
    storeId,
    topic: headers['x-wc-webhook-topic'] ?? '',
    headers,
  };
}

/**
 * 13.: what the shop sends when a webhook is made, and again until it is answered 200. It has no signature.
 * The number of its webhook; null: it is no ping.
 */
function pingIn(req: Request, headers: Record<string, string>, body: Buffer): number | null {
  const id = body.length <= 40 ? /^webhook_id=(\d+)$/.exec(body.toString('latin1'))?.[1] : undefined;
  const isPing =
    id !== undefined &&
    req.headers['content-type']?.split(';')[0]?.trim() === 'application/x-www-form-urlencoded' &&
    !Object.keys(headers).some((name) => name.startsWith('x-wc-')) &&
    req.headers[SIGNATURE] === undefined;
  // One that no shop can have is a ping all the same, of a webhook that is not there.
  return isPing ? (Number.isSafeInteger(Number(id)) ? Number(id) : 0) : null;
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
function checkSignature(req: Request, secrets: string[], body: Buffer): void {
  const given = req.headersDistinct[SIGNATURE] ?? [];
  const [signature] = given;
  if (signature === undefined || given.length > 1) {
    const problem = given.length > 1 ? 'came more than once' : 'is missing';
    throw new Refusal('invalid-signature', `The header X-WC-Webhook-Signature ${problem}.`);
  }
  // Both are computed and compared every time that there are two, so that the time tells nothing.
  const right = secrets
    .flatMap(keysOf)
    .map((key) => sameSecret(hmacSha256(key, body).toString('base64'), signature));
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
