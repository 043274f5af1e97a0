import { recordAudit } from '../domain/audit';
import { findCustomer, setNoticesStopped } from '../domain/customers';
import { findStore } from '../domain/stores';
import { systemActor } from '../platform/actor';
import { type Db, withTransaction } from '../platform/db';
import { isId } from '../platform/ids';
import { type Context, momentOf } from './context';

/** Under it stand the page for people, and what mail programs call by themselves (RFC 8058). */
export const NOTICES_PATH = '/notices';
const PURPOSE = 'stop-notices';

/** Whoever has the link can stop the notices of this one customer, or let them come again, and nothing else. */
export function stopNoticesUrl(ctx: Context, customerId: string): string {
  return `${ctx.publicUrl}${NOTICES_PATH}/${customerId}.${ctx.vault.sign(PURPOSE, customerId)}`;
}

/** Whose link it is; null: nobody's. */
export function customerOfStopToken(ctx: Context, token: string): string | null {
  const [customerId = '', mac = '', ...more] = token.split('.');
  const isGood = more.length === 0 && isId(customerId) && ctx.vault.verify(PURPOSE, customerId, mac);
  return isGood ? customerId : null;
}

/** Which store's notices they are, whether they are stopped, and in which language they come; null: there is no such customer (any more). */
export async function noticesOf(
  db: Db,
  customerId: string,
): Promise<{ store: string; stopped: boolean; locale: string } | null> {
  const customer = await findCustomer(db, customerId);
  if (!customer) return null;
  const store = await findStore(db, customer.storeId);
  const { locale } = customer;
  return { store: store?.name ?? '', stopped: customer.noticesStoppedAt !== null, locale };
}

/**
 * The customer wants no more notices of credits and their expiry, or wants them again. Replies and what was asked for
 * come all the same.
 * Shape:   { customerId, stopped } → whether that changed anything; null: there is no such customer
 * Writes:  customers, audit_log
 * Repeat:  harmless
 */
export function stopNotices(
  ctx: Context,
  input: { customerId: string; stopped: boolean },
): Promise<{ changed: boolean } | null> {
  return withTransaction(ctx.db, async (trx) => {
    const moment = momentOf(ctx, systemActor);
    const { customerId, stopped } = input;
    const changed = await setNoticesStopped(trx, customerId, stopped ? moment.at : null);
    if (changed) {
      await recordAudit(trx, moment, {
        action: stopped ? 'customer.notices-stopped' : 'customer.notices-wanted',
        subject: { kind: 'customer', id: customerId },
      });
    }
    return changed || (await findCustomer(trx, customerId)) ? { changed } : null;
  });
}
