import { recordAudit } from '../domain/audit';
import { createStore, type NewStore, type Store, type StoreChanges, updateStore } from '../domain/stores';
import type { Actor } from '../platform/actor';
import type { Trx } from '../platform/db';
import { type Context, momentOf } from './context';

/** Connects a shop, and keeps who did. Errors as createStore(). */
export async function connectStoreIn(trx: Trx, ctx: Context, actor: Actor, input: NewStore): Promise<Store> {
  const moment = momentOf(ctx, actor);
  const store = await createStore(trx, moment, ctx.vault, input);
  await recordAudit(trx, moment, {
    action: 'store.connected',
    subject: { kind: 'store', id: store.id },
    facts: { slug: store.slug, ...withoutSecrets(input) },
  });
  return store;
}

/** Changes a store, and keeps who did. Errors as updateStore(). */
export async function changeStoreIn(
  trx: Trx,
  ctx: Context,
  actor: Actor,
  id: string,
  changes: StoreChanges,
): Promise<Store> {
  const moment = momentOf(ctx, actor);
  const store = await updateStore(trx, moment, ctx.vault, id, changes);
  await recordAudit(trx, moment, {
    action: 'store.changed',
    subject: { kind: 'store', id },
    facts: withoutSecrets(changes),
  });
  return store;
}

/** That a secret was set is worth knowing; what it is, nobody reads here. */
function withoutSecrets(input: StoreChanges): Record<string, unknown> {
  const { consumerKey, consumerSecret, webhookSecret, ...facts } = input;
  const told: Record<string, unknown> = { ...facts };
  for (const [name, value] of Object.entries({ consumerKey, consumerSecret, webhookSecret })) {
    if (value !== undefined) told[name] = value === null ? 'cleared' : 'set';
  }
  return told;
}
