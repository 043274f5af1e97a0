import { addSeconds, iso } from '../../platform/clock';
import { type Db, type Trx, withTransaction } from '../../platform/db';
import { isId } from '../../platform/ids';
import { limits } from '../../platform/limits';
import type { Moment } from '../../platform/moment';
import type { Vault } from '../../platform/secrets';
import {
  type Approval,
  consumeApproval,
  hasUnpinged,
  insertApproval,
  isMakingWebhooks,
  savePing,
} from './store';

/**
 * Ask a shop for keys: what it is told stands for this store, this address and this person, once, for half an hour.
 * Shape:   store, its address, who asks → state, to be handed back with the keys
 * Writes:  store_approvals
 */
export async function askForKeys(
  trx: Trx,
  moment: Moment,
  vault: Vault,
  store: { id: string; url: string },
): Promise<string> {
  const id = moment.ids.next();
  const expiresAt = iso(addSeconds(new Date(moment.at), limits.approvalMinutes * 60));
  const { id: staffId, name } = moment.actor;
  const approval = { id, storeId: store.id, url: store.url, staff: { id: staffId, name } };
  await insertApproval(trx, { ...approval, askedAt: moment.at, expiresAt });
  return `${id}.${vault.sign('store-approval', id)}`;
}

/**
 * Take what was asked for. Null: not our state, too late, or taken already.
 * Writes:  store_approvals
 */
export async function takeApproval(
  trx: Trx,
  moment: Moment,
  vault: Vault,
  state: string,
): Promise<Approval | null> {
  const [id = '', mac = '', ...more] = state.split('.');
  if (more.length > 0 || !isId(id) || !vault.verify('store-approval', id, mac)) return null;
  return consumeApproval(trx, id, moment.at);
}

/**
 * A webhook's first sign of life. It is not signed, so it is believed only of webhooks that Zeton made, or while it
 * makes some; of anything else nothing is kept.
 * Writes:  store_webhooks, store_pings
 */
export async function notePing(
  db: Db,
  moment: Moment,
  ping: { storeId: string; wooId: number },
): Promise<void> {
  const isAwaited =
    (await hasUnpinged(db, ping.storeId, ping.wooId)) ||
    (await isMakingWebhooks(db, ping.storeId, moment.at));
  if (isAwaited) await withTransaction(db, (trx) => savePing(trx, { ...ping, at: moment.at }));
}

/** Tells two secrets apart without saying what they are. */
export function secretMark(vault: Vault, secret: string): string {
  return vault.sign('webhook-secret', secret);
}

/** Of an address and its keys: what was found out with others says nothing. */
export function keysMark(
  vault: Vault,
  shop: { url: string | null; consumerKey: string | null; consumerSecret: string | null },
): string {
  return vault.sign('shop-keys', JSON.stringify([shop.url, shop.consumerKey, shop.consumerSecret]));
}
