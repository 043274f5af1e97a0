import { forgetOld } from '../domain/staff';
import { iso } from '../platform/clock';
import { withTransaction } from '../platform/db';
import type { Context } from './context';

/** Ended sessions, failures that no longer count, links that are too old. Repeat: harmless. */
export function forgetOldSignIns(ctx: Context): Promise<number> {
  return withTransaction(ctx.db, (trx) => forgetOld(trx, iso(ctx.clock.now())));
}
