import { recordAudit } from '../domain/audit';
import { closeSession } from '../domain/staff';
import type { Actor } from '../platform/actor';
import { withTransaction } from '../platform/db';
import { type Context, momentOf } from './context';

/** Ends the session in the database: a copy of the cookie is worth nothing afterwards. Repeat: harmless. */
export async function signOut(ctx: Context, actor: Actor, token: string): Promise<void> {
  const moment = momentOf(ctx, actor);
  await withTransaction(ctx.db, async (trx) => {
    const staffId = await closeSession(trx, token);
    if (staffId === null) return;
    await recordAudit(trx, moment, { action: 'staff.signed-out', subject: { kind: 'staff', id: staffId } });
  });
}
