import { type Person, type Session, sessionOf } from '../domain/staff';
import { iso } from '../platform/clock';
import type { Context } from './context';

/** Who holds this token now; null: nobody, or no longer. */
export function readSession(
  ctx: Context,
  token: string,
): Promise<{ session: Session; person: Person } | null> {
  return sessionOf(ctx.db, token, iso(ctx.clock.now()));
}
