import { findLink, isLocalAddress, keysMark, type OwnWebhook, ownWebhooks } from '../domain/connections';
import { listStores, type Store, storeSecrets } from '../domain/stores';
import type { Db } from '../platform/db';
import { Refusal } from '../platform/refusal';
import { type Staff, seesStore } from '../ui/page';
import type { KeptReport } from '../usecases/check-store';
import type { Context } from '../usecases/context';
import { deliveryUrlOf } from '../usecases/make-webhooks';
import { readLastReceived } from './stores.query';

/** A store and how its connection is. */
export interface StoreState {
  store: Store;
  keysSet: boolean;
  secretSet: boolean;
  /** Of the address and keys of now; null: the check-list never ran with these. */
  report: KeptReport | null;
  checkedAt: string | null;
  webhooks: OwnWebhook[];
  webhooksAt: string | null;
  webhooksProblem: string | null;
  lastReceivedAt: string | null;
  deliveryUrl: string;
  /** Only this machine reaches Zeton, and the shop is elsewhere. */
  outOfReach: boolean;
}

type Asked = Pick<Context, 'vault' | 'publicUrl'> & { db: Db };

export async function readStoreState(ctx: Asked, store: Store): Promise<StoreState> {
  const secrets = await storeSecrets(ctx.db, ctx.vault, store.id);
  const link = await findLink(ctx.db, store.id);
  const isOfNow = link.checkedMark === keysMark(ctx.vault, { ...secrets, url: store.url });
  const report = isOfNow && link.checkReport !== null ? (JSON.parse(link.checkReport) as KeptReport) : null;
  return {
    store,
    keysSet: store.url !== null && secrets.consumerKey !== null && secrets.consumerSecret !== null,
    secretSet: secrets.webhookSecret !== null,
    report,
    checkedAt: report && link.checkedAt,
    webhooks: await ownWebhooks(ctx.db, store.id),
    webhooksAt: link.webhooksAt,
    webhooksProblem: link.webhooksProblem,
    lastReceivedAt: await readLastReceived(ctx.db, store.id),
    deliveryUrl: deliveryUrlOf(ctx, store.slug),
    outOfReach: store.url !== null && isLocalAddress(ctx.publicUrl) && !isLocalAddress(store.url),
  };
}

export async function readStoreStates(ctx: Asked, storeIds: readonly string[] | null): Promise<StoreState[]> {
  const states: StoreState[] = [];
  for (const store of await listStores(ctx.db)) {
    if (storeIds === null || storeIds.includes(store.id)) states.push(await readStoreState(ctx, store));
  }
  return states;
}

/** A store that is not there, and one that is not for this person, are the same. */
export function ensureStoreIsSeen(staff: Staff, store: Store | null): Store {
  if (!store || !seesStore(staff, store.id)) throw new Refusal('not-found', 'There is no such store.');
  return store;
}
