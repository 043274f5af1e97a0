import { recordAudit } from '../domain/audit';
import {
  addPerson,
  anyOwner,
  checkPerson,
  hashPassword,
  isSetupToken,
  makeSetupToken,
  openSession,
  useSetupToken,
} from '../domain/staff';
import { type Actor, systemActor } from '../platform/actor';
import { iso } from '../platform/clock';
import { withTransaction } from '../platform/db';
import { Refusal } from '../platform/refusal';
import { type Context, momentOf } from './context';

/**
 * Makes the first owner from BOOTSTRAP_EMAIL and BOOTSTRAP_PASSWORD, only while there is none.
 * Repeat: harmless, also from several processes at once
 * Source: DESIGN §6 "Environment"
 */
export async function makeBootstrapOwner(
  ctx: Context,
  { email, password }: { email: string; password: string },
): Promise<void> {
  if (await anyOwner(ctx.db)) return;
  const passwordHash = await hashPassword(password);
  const moment = momentOf(ctx, systemActor);
  // The local part is a name until the owner gives a better one.
  const name = email.split('@')[0] ?? email;
  try {
    await withTransaction(ctx.db, async (trx) => {
      const owner = await addPerson(trx, moment, { email, name, passwordHash, role: 'owner' });
      await recordAudit(trx, moment, {
        action: 'staff.added',
        subject: { kind: 'staff', id: owner.id },
        facts: { role: 'owner', by: 'environment' },
      });
    });
  } catch (error) {
    // Another process that starts with the same environment was quicker.
    if (!(error instanceof Refusal) || !(await anyOwner(ctx.db))) throw error;
  }
}

/**
 * A link for whoever starts Zeton the first time, to become its owner; null when there is one.
 * Writes: setup_links
 */
export async function makeSetupLink(ctx: Context): Promise<string | null> {
  if (await anyOwner(ctx.db)) return null;
  const moment = momentOf(ctx, systemActor);
  const token = await withTransaction(ctx.db, (trx) => makeSetupToken(trx, moment));
  return `${ctx.publicUrl}/setup/${token}`;
}

export function isSetupLinkGood(ctx: Context, token: string): Promise<boolean> {
  return isSetupToken(ctx.db, token, iso(ctx.clock.now()));
}

/**
 * Makes the owner by such a link, and signs in.
 * Shape:  → the token for the browser
 * Errors: not-found when the link was used or is too old · invalid-request {errors}; the link stays good then
 */
export async function setUpOwner(
  ctx: Context,
  input: { link: string; email: string; name: string; password: string },
): Promise<{ token: string }> {
  if (!(await isSetupLinkGood(ctx, input.link))) throw linkIsOver();
  checkPerson(input);
  const passwordHash = await hashPassword(input.password);
  const moment = momentOf(ctx, systemActor);
  return withTransaction(ctx.db, async (trx) => {
    await useSetupToken(trx, moment, input.link);
    if (await anyOwner(trx)) throw linkIsOver();
    const owner = await addPerson(trx, moment, {
      email: input.email,
      name: input.name,
      passwordHash,
      role: 'owner',
    });
    const actor: Actor = { kind: 'staff', id: owner.id, name: owner.name };
    await recordAudit(trx, momentOf(ctx, actor), {
      action: 'staff.added',
      subject: { kind: 'staff', id: owner.id },
      facts: { role: 'owner', by: 'set-up link' },
    });
    return { token: (await openSession(trx, moment, owner.id)).token };
  });
}

function linkIsOver(): Refusal {
  return new Refusal('not-found', 'This link was used already, or is too old.');
}
