import { recordAudit } from '../domain/audit';
import { adjust, balanceOf, type Meter } from '../domain/credits';
import type { Actor } from '../platform/actor';
import type { Trx } from '../platform/db';
import { type Context, momentOf } from './context';

export interface CreditAdjustment {
  customerId: string;
  meter: Meter;
  /** Whole credits, ±, never 0. */
  quantity: number;
  kind: 'goodwill' | 'correction';
  reason: string;
}

/**
 * Gives credits or corrects a balance, and keeps who did it and why.
 * Shape:   CreditAdjustment → { adjustmentId, balance, at }
 * Errors:  as adjust()
 * Writes:  the ledger, audit_log
 * Repeat:  guarded by the caller's idempotency key, in whose transaction it runs
 * Source:  DESIGN §6 adjustments
 */
export async function adjustCreditsIn(trx: Trx, ctx: Context, actor: Actor, input: CreditAdjustment) {
  const moment = momentOf(ctx, actor);
  const { adjustmentId } = await adjust(trx, moment, input);
  const { customerId, ...facts } = input;
  await recordAudit(trx, moment, {
    action: 'credits.adjusted',
    subject: { kind: 'customer', id: customerId },
    facts: { ...facts, adjustment_id: adjustmentId },
  });
  return { adjustmentId, balance: await balanceOf(trx, customerId), at: moment.at };
}
