import { askForKeys, takeApproval } from '../domain/connections';
import { findStore, type Store } from '../domain/stores';
import type { Actor } from '../platform/actor';
import { withTransaction } from '../platform/db';
import { Refusal } from '../platform/refusal';
import { changeStoreIn } from './connect-store';
import { type Context, momentOf } from './context';

/**
 * The address of the shop's own page on which its admin lets Zeton have keys.
 * Shape:   store with an address, who asks → URL; good once, for half an hour
 * Writes:  store_approvals
 */
export async function approvalUrl(
  ctx: Context,
  actor: Actor,
  store: Store & { url: string },
  callbackPath: string,
): Promise<string> {
  const state = await withTransaction(ctx.db, (trx) =>
    askForKeys(trx, momentOf(ctx, actor), ctx.vault, store),
  );
  const query = new URLSearchParams({
    app_name: 'Zeton',
    scope: 'read_write',
    user_id: state,
    return_url: `${ctx.publicUrl}/admin/stores/${store.slug}/connected`,
    callback_url: `${ctx.publicUrl}${callbackPath}`,
  });
  return `${store.url}/wc-auth/v1/authorize?${query.toString()}`;
}

/**
 * Keys that a shop hands over after its admin's approval, for the store that was asked for and no other.
 * Errors:  forbidden: the state is not ours, too old, used, or the store is at another address by now; invalid-request
 * Writes:  store_approvals, stores, the audit log
 */
export async function takeKeys(
  ctx: Context,
  given: { state: string; consumerKey: string; consumerSecret: string },
): Promise<void> {
  const { consumerKey, consumerSecret } = given;
  if (!/^ck_\w{10,100}$/.test(consumerKey) || !/^cs_\w{10,100}$/.test(consumerSecret)) {
    throw new Refusal('invalid-request', 'These are no keys of WooCommerce.', {
      errors: [{ path: 'consumer_key', message: 'must begin with ck_, and consumer_secret with cs_' }],
    });
  }
  await withTransaction(ctx.db, async (trx) => {
    const unknown: Actor = { kind: 'system', id: 'approval', name: 'Zeton' };
    const approval = await takeApproval(trx, momentOf(ctx, unknown), ctx.vault, given.state);
    const store = approval && (await findStore(trx, approval.storeId));
    if (!store || store.url !== approval.url) {
      throw new Refusal('forbidden', 'Nobody waits for these keys (any more). Begin again in Zeton.');
    }
    const actor: Actor = { kind: 'staff', id: approval.staff.id, name: approval.staff.name };
    await changeStoreIn(trx, ctx, actor, store.id, { consumerKey, consumerSecret });
  });
}
