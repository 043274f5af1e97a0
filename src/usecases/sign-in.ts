import { recordAudit } from '../domain/audit';
import {
  admitAttempt,
  findPersonWithHash,
  forgetFailures,
  isPassword,
  normaliseStaffEmail,
  openSession,
} from '../domain/staff';
import { type Actor, systemActor } from '../platform/actor';
import { withTransaction } from '../platform/db';
import { type Context, momentOf } from './context';

/**
 * Opens a session for whoever knows the password. The answer and its time are the same whether or not anybody has that
 * e-mail address.
 * Shape:  { email, password, address: of the asker } → the token for the browser; null: wrong
 * Errors: too-many-requests {retry_after_seconds}
 * Source: DESIGN §8
 */
export async function signIn(
  ctx: Context,
  input: { email: string; password: string; address: string },
): Promise<{ token: string } | null> {
  const { db } = ctx;
  // Counted and committed first: a process that dies over the password has still counted.
  await withTransaction(db, (trx) => admitAttempt(trx, momentOf(ctx, systemActor), input));
  const known = await findPersonWithHash(db, { emailNormalised: normaliseStaffEmail(input.email) });
  const isRight = await isPassword(input.password, known?.passwordHash ?? null);
  if (!known || !isRight || known.person.disabledAt !== null) {
    await recordAudit(db, momentOf(ctx, systemActor), {
      action: 'staff.sign-in-failed',
      subject: { kind: 'staff', id: known?.person.id ?? 'unknown' },
    });
    return null;
  }
  const { id, name } = known.person;
  const actor: Actor = { kind: 'staff', id, name };
  const moment = momentOf(ctx, actor);
  return withTransaction(db, async (trx) => {
    await forgetFailures(trx, input);
    const { token } = await openSession(trx, moment, id);
    await recordAudit(trx, moment, { action: 'staff.signed-in', subject: { kind: 'staff', id } });
    return { token };
  });
}
