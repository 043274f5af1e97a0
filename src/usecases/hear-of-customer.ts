import { normaliseEmail, phoneToE164, readCustomerBody, refreshAccount } from '../domain/customers';
import type { Store } from '../domain/stores';
import { withTransaction } from '../platform/db';
import { sha256Hex } from '../platform/secrets';
import { type Context, momentOf } from './context';

/**
 * The shop said that an account was changed: name, address and number of the customer that Zeton knows by that account
 * follow, each by the newest state of the shop. Nobody is made a customer by it, no two become one, and by which address
 * the customer's guest orders are found stays: the shop does not check whose address somebody types into an account.
 * Shape:   store, body → 'noted', 'unknown' (no customer of ours), 'unreadable'
 * Writes:  customers
 * Source:  DESIGN §3 "Customer", §8
 */
export async function hearOfCustomer(
  ctx: Context,
  store: Store,
  json: string,
): Promise<'noted' | 'unknown' | 'unreadable'> {
  const body = readCustomerBody(json);
  if (!body) return 'unreadable';
  const moment = momentOf(ctx, { kind: 'store', id: store.id, name: store.name });
  const { wooCustomerId, modifiedGmt, name, email, phone, country } = body;
  const isKnown = await withTransaction(ctx.db, (trx) =>
    refreshAccount(trx, moment, {
      storeId: store.id,
      wooCustomerId,
      details: {
        name,
        email: normaliseEmail(email) === null ? '' : email,
        phone,
        phoneE164: phoneToE164(phone, country, store.country) ?? '',
        country,
        // An account has none: the orders tell.
        locale: '',
      },
      // Of one second an order counts for more: it sorts behind.
      asOf: `${modifiedGmt} ${'0'.repeat(12)} ${sha256Hex(json)}`,
    }),
  );
  return isKnown ? 'noted' : 'unknown';
}
