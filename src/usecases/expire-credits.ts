import { customersWithDueGrants, expireDueOf } from '../domain/credits';
import { systemActor } from '../platform/actor';
import { iso } from '../platform/clock';
import { withTransaction } from '../platform/db';
import { type Context, momentOf } from './context';

/**
 * Expire what is past its date, one customer a transaction; spending never waited for it.
 * Shape:   { limit } → number of customers handled
 * Repeat:  several processes at once are harmless: the second finds nothing left
 */
export async function expireCredits(ctx: Context, input: { limit: number }): Promise<number> {
  const customers = await customersWithDueGrants(ctx.db, iso(ctx.clock.now()), input.limit);
  for (const customerId of customers) {
    try {
      await withTransaction(ctx.db, (trx) => expireDueOf(trx, momentOf(ctx, systemActor), customerId));
    } catch (error) {
      // The rest goes on; this one is due again in a minute.
      ctx.log.error({ err: error, customer_id: customerId }, 'credits of a customer could not be expired');
    }
  }
  return customers.length;
}
