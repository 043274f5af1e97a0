import { type ArrivalWay, reopenArrival } from '../domain/arrivals';
import { recordAudit } from '../domain/audit';
import type { Actor } from '../platform/actor';
import { withTransaction } from '../platform/db';
import { type Context, momentOf } from './context';

/**
 * A person says what becomes of one that was given up, or left out: it is tried again, or put aside.
 * Shape:   → whether it had to be said still
 * Writes:  inbound_mails or inbound_sms, audit_log
 * Repeat:  the first word stands
 */
export async function decideAboutArrival(
  ctx: Context,
  actor: Actor,
  { way, id, to }: { way: ArrivalWay; id: string; to: 'pending' | 'ignored' },
): Promise<{ changed: boolean }> {
  const moment = momentOf(ctx, actor);
  const changed = await withTransaction(ctx.db, async (trx) => {
    if (!(await reopenArrival(trx, way, { id, to, now: moment.at }))) return false;
    const action = `${way}.${to === 'pending' ? 'retried' : 'put_aside'}`;
    await recordAudit(trx, moment, { action, subject: { kind: `inbound_${way}`, id } });
    return true;
  });
  if (changed && to === 'pending') ctx.wake(`${way}.in`);
  return { changed };
}
