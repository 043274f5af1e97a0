import { recordAudit } from '../domain/audit';
import {
  endWebhooksLease,
  keepOnlyWebhooks,
  leaseWebhooks,
  type OwnWebhook,
  ownWebhooks,
  planWebhooks,
  renewWebhooksLease,
  saveWebhook,
  secretMark,
  type WebhookFlaw,
  webhookName,
} from '../domain/connections';
import { ensureWebhookSecret, type Store } from '../domain/stores';
import { WooProblem } from '../gateways/woocommerce';
import type { WooShop } from '../gateways/woocommerce/gateway';
import { type Actor, systemActor } from '../platform/actor';
import { addSeconds, iso } from '../platform/clock';
import { withTransaction } from '../platform/db';
import { keepingLease } from '../platform/lease';
import { limits } from '../platform/limits';
import { type Context, momentOf } from './context';
import { shopOf } from './shop-of';

/** `no-keys`: the shop cannot be asked. `busy`: another process is at it. */
export type WebhookWork =
  | { kind: 'no-keys' }
  | { kind: 'busy' }
  | {
      kind: 'done';
      kept: number;
      made: { topic: string; id: number; why: WebhookFlaw }[];
      removed: { topic: string; id: number; why: WebhookFlaw }[];
      /** As they are now, with the ping of each. */
      webhooks: OwnWebhook[];
    };

/** Where a shop sends what happens in it. */
export function deliveryUrlOf(ctx: Pick<Context, 'publicUrl'>, slug: string): string {
  return `${ctx.publicUrl}/webhooks/woocommerce/${slug}`;
}

/**
 * See to it that the shop has one good webhook of ours for each topic: what is missing, disabled, paused, sent to a
 * wrong address or signed with another secret is made anew, what is there twice is taken away; those of others stay.
 * Shape:   store → what was found and done
 * Errors:  WooProblem, when the shop cannot be asked or says no; what was done until then is kept and known
 * Writes:  the shop; store_webhooks, store_links, stores (a secret where there was none), the audit log
 * Repeat:  harmless, also by several processes at once
 */
export async function ensureWebhooks(
  ctx: Context,
  store: Store,
  actor: Actor = systemActor,
): Promise<WebhookWork> {
  const shop = ctx.gateways.woocommerce.open(await shopOf(ctx, store));
  if (!shop) return { kind: 'no-keys' };
  const lease = { storeId: store.id, owner: ctx.ids.next() };
  const until = () => iso(addSeconds(ctx.clock.now(), limits.renewedLeaseSeconds));
  const taken = await leaseWebhooks(ctx.db, { ...lease, now: iso(ctx.clock.now()), until: until() });
  if (!taken) return { kind: 'busy' };
  const renew = () => renewWebhooksLease(ctx.db, { ...lease, until: until() });
  let problem: string | null = 'internal-error';
  const done: Done = { kept: 0, made: [], removed: [] };
  try {
    await keepingLease(ctx.log, renew, () => bring(ctx, actor, store, shop, renew, done));
    problem = null;
  } catch (error) {
    if (error instanceof WooProblem) problem = error.message;
    throw error;
  } finally {
    await end(ctx, actor, { ...lease, problem }, done);
  }
  return { kind: 'done', ...done, webhooks: await ownWebhooks(ctx.db, store.id) };
}

interface Done {
  kept: number;
  made: { topic: string; id: number; why: WebhookFlaw }[];
  removed: { topic: string; id: number; why: WebhookFlaw }[];
}

async function bring(
  ctx: Context,
  actor: Actor,
  store: Store,
  shop: WooShop,
  isStillOurs: () => Promise<boolean>,
  done: Done,
): Promise<void> {
  const secret = await withTransaction(ctx.db, (trx) =>
    ensureWebhookSecret(trx, momentOf(ctx, actor), ctx.vault, store.id),
  );
  const mark = secretMark(ctx.vault, secret);
  const address = deliveryUrlOf(ctx, store.slug);
  const found = await shop.listWebhooks();
  const plan = planWebhooks({
    slug: store.slug,
    address,
    secretMark: mark,
    found,
    own: await ownWebhooks(ctx.db, store.id),
  });
  done.kept = plan.good.length;
  // First the new, then away with the old: meanwhile an order comes twice, which harms less than never.
  for (const { topic, why } of plan.make) {
    if (!(await isStillOurs())) return;
    const name = webhookName(topic, store.slug);
    const made = await shop.createWebhook({ name, topic, deliveryUrl: address, secret });
    const noted = { wooId: made.id, topic, secretMark: mark, madeAt: iso(ctx.clock.now()) };
    await withTransaction(ctx.db, (trx) => saveWebhook(trx, store.id, noted));
    done.made.push({ topic, id: made.id, why });
  }
  for (const { id, topic, why } of plan.remove) {
    if (!(await isStillOurs())) return;
    await shop.deleteWebhook(id);
    done.removed.push({ topic, id, why });
  }
  const alive = [...plan.good, ...done.made.map(({ id }) => id)];
  await withTransaction(ctx.db, (trx) => keepOnlyWebhooks(trx, store.id, alive));
}

async function end(
  ctx: Context,
  actor: Actor,
  lease: { storeId: string; owner: string; problem: string | null },
  { kept, made, removed }: Done,
): Promise<void> {
  const moment = momentOf(ctx, actor);
  await withTransaction(ctx.db, async (trx) => {
    await endWebhooksLease(trx, { ...lease, at: moment.at });
    if (made.length === 0 && removed.length === 0) return;
    await recordAudit(trx, moment, {
      action: 'store.webhooks-made',
      subject: { kind: 'store', id: lease.storeId },
      facts: { kept, made, removed },
    });
  });
}
