import { recordAudit } from '../domain/audit';
import { findCustomer, normaliseEmail } from '../domain/customers';
import type { Message } from '../domain/messages';
import { allowAgain, findSuppression, type Suppression, suppress } from '../domain/suppressions';
import type { Actor } from '../platform/actor';
import { type Db, type Trx, withTransaction } from '../platform/db';
import type { Moment } from '../platform/moment';
import { Refusal } from '../platform/refusal';
import { type Context, momentOf } from './context';

/**
 * Send no more to the address of a message that came back for good; see domain/suppressions isGoneForGood().
 * Shape:   the message, its store, and why in words
 * Writes:  suppressed_addresses
 * Repeat:  harmless
 */
export async function suppressRecipient(
  trx: Trx,
  moment: Moment,
  input: { message: Pick<Message, 'id' | 'to'>; storeId: string; reason: string },
): Promise<void> {
  const address = normaliseEmail(input.message.to ?? '');
  if (address === null) return;
  const { storeId, reason } = input;
  await suppress(trx, { storeId, address, reason, messageId: input.message.id, since: moment.at });
}

/** Why no mail goes to this address; null: it does. */
export async function suppressionOf(
  db: Db,
  input: { storeId: string; email: string },
): Promise<Suppression | null> {
  const address = normaliseEmail(input.email);
  return address === null ? null : findSuppression(db, { storeId: input.storeId, address });
}

/**
 * Somebody knows better: mail goes to this customer again.
 * Shape:   customerId → whether anything had been in the way
 * Errors:  not-found
 * Writes:  suppressed_addresses, audit_log
 * Repeat:  harmless
 */
export function allowMailAgain(
  ctx: Context,
  actor: Actor,
  input: { customerId: string },
): Promise<{ wasSuppressed: boolean }> {
  return withTransaction(ctx.db, async (trx) => {
    const customer = await findCustomer(trx, input.customerId);
    if (!customer) throw new Refusal('not-found', 'There is no such customer.');
    const address = normaliseEmail(customer.email ?? '');
    const wasSuppressed = address !== null && (await allowAgain(trx, { storeId: customer.storeId, address }));
    if (wasSuppressed) {
      await recordAudit(trx, momentOf(ctx, actor), {
        action: 'customer.mail-allowed-again',
        subject: { kind: 'customer', id: customer.id },
      });
    }
    return { wasSuppressed };
  });
}
