import { recordAudit } from '../domain/audit';
import { retryDelivery } from '../domain/inbox';
import type { Actor } from '../platform/actor';
import type { Trx } from '../platform/db';
import { type Context, momentOf } from './context';

/** Puts a parked delivery back in line, and keeps who did. Errors as retryDelivery(). */
export async function retryDeliveryIn(trx: Trx, ctx: Context, actor: Actor, id: string): Promise<void> {
  const moment = momentOf(ctx, actor);
  await retryDelivery(trx, { id, now: moment.at });
  await recordAudit(trx, moment, { action: 'delivery.retried', subject: { kind: 'delivery', id } });
}
