import { recordAudit } from '../domain/audit';
import {
  admitAttempt,
  checkPerson,
  findPersonWithHash,
  forgetFailures,
  hashPassword,
  invalidPerson,
  isPassword,
  openSession,
  renamePerson,
  setPassword,
  signAs,
} from '../domain/staff';
import type { Actor } from '../platform/actor';
import { withTransaction } from '../platform/db';
import { assert } from '../platform/refusal';
import { type Context, momentOf } from './context';

/** The name that colleagues see, and customers below replies. Errors: invalid-request {errors} */
export async function changeOwnName(ctx: Context, actor: Actor, name: string): Promise<void> {
  const moment = momentOf(ctx, actor);
  await withTransaction(ctx.db, async (trx) => {
    await renamePerson(trx, moment, actor.id, name);
    await recordAudit(trx, moment, { action: 'staff.renamed', subject: { kind: 'staff', id: actor.id } });
  });
}

/** Stands below this person's mails, from the next one on. Errors: invalid-request {errors} */
export async function changeOwnSignature(ctx: Context, actor: Actor, signature: string): Promise<void> {
  const moment = momentOf(ctx, actor);
  await withTransaction(ctx.db, async (trx) => {
    await signAs(trx, moment, actor.id, signature);
    const subject = { kind: 'staff', id: actor.id };
    await recordAudit(trx, moment, { action: 'staff.signature-changed', subject });
  });
}

/**
 * Another password for whoever knows the present one. Every session ends; the asker gets a new one.
 * Shape:  → the token for the browser
 * Errors: invalid-request {errors: path password or current_password} · too-many-requests {retry_after_seconds}
 */
export async function changeOwnPassword(
  ctx: Context,
  actor: Actor,
  input: { current: string; password: string; address: string },
): Promise<{ token: string }> {
  const known = await findPersonWithHash(ctx.db, { id: actor.id });
  assert(known, 'whoever is signed in exists');
  const { email } = known.person;
  checkPerson({ password: input.password });
  const attempt = { address: input.address, email };
  await withTransaction(ctx.db, (trx) => admitAttempt(trx, momentOf(ctx, actor), attempt));
  if (!(await isPassword(input.current, known.passwordHash))) {
    throw invalidPerson([
      { path: 'current_password', code: 'wrong', message: 'is not the present password' },
    ]);
  }
  const passwordHash = await hashPassword(input.password);
  const moment = momentOf(ctx, actor);
  return withTransaction(ctx.db, async (trx) => {
    await forgetFailures(trx, attempt);
    await setPassword(trx, moment, actor.id, passwordHash);
    await recordAudit(trx, moment, {
      action: 'staff.password-changed',
      subject: { kind: 'staff', id: actor.id },
    });
    return { token: (await openSession(trx, moment, actor.id)).token };
  });
}
