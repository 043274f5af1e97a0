import { recordAudit } from '../domain/audit';
import { type Coupon, type CouponKind, giveCoupon } from '../domain/coupons';
import { findCustomer, normaliseEmail } from '../domain/customers';
import { askForWrite } from '../domain/shop-writes';
import { findStore } from '../domain/stores';
import { findTicket } from '../domain/tickets';
import type { Actor } from '../platform/actor';
import type { Trx } from '../platform/db';
import { Refusal } from '../platform/refusal';
import { type Context, momentOf } from './context';
import { canWriteTo } from './tell-shop';

/**
 * Give a customer a coupon of the shop from a ticket: once, for this customer only, for some weeks. The shop makes it after
 * the commit (writeNext with the answered key, or the worker); then its code stands on the ticket as a note.
 * Shape:   { ticketId, kind, valueMinor, reason } → { coupon, key }
 * Errors:  as giveCoupon(); not-found; store-without-keys
 * Writes:  coupons, shop_writes, audit_log
 * Repeat:  guarded by the caller's idempotency key, in whose transaction it runs
 */
export async function giveCouponIn(
  trx: Trx,
  ctx: Context,
  actor: Actor,
  input: { ticketId: string; kind: CouponKind; valueMinor: number; reason: string },
): Promise<{ coupon: Coupon; key: string }> {
  const moment = momentOf(ctx, actor);
  const ticket = await findTicket(trx, input.ticketId);
  const store = ticket && (await findStore(trx, ticket.storeId));
  const customer = ticket && (await findCustomer(trx, ticket.customerId));
  if (!store || !customer) throw new Refusal('not-found', 'There is no such ticket.');
  if (!(await canWriteTo(ctx, trx, store))) {
    throw new Refusal('store-without-keys', 'The shop has no REST keys, so no coupon can be made there.', {
      store: store.slug,
    });
  }
  const coupon = await giveCoupon(trx, moment, {
    ...input,
    storeId: store.id,
    customerId: customer.id,
    currency: store.currency,
  });
  const key = `coupon:${coupon.id}`;
  const email = customer.email ?? '';
  await askForWrite(trx, moment, {
    storeId: store.id,
    key,
    kind: 'coupon',
    subject: coupon.id,
    label: String(ticket.number),
    content: {
      coupon: {
        kind: coupon.kind === 'percent' ? 'percent' : 'fixed_cart',
        amount: (coupon.valueMinor / 100).toFixed(2),
        // A placeholder address would keep the customer from using it.
        email: normaliseEmail(email) === null ? null : email.trim(),
        expires: `${coupon.expiresOn}T23:59:59`,
      },
    },
  });
  await recordAudit(trx, moment, {
    action: 'coupon.given',
    subject: { kind: 'ticket', id: ticket.id },
    facts: { coupon_id: coupon.id, kind: coupon.kind, value_minor: coupon.valueMinor, reason: coupon.reason },
  });
  return { coupon, key };
}
