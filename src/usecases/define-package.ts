import { recordAudit } from '../domain/audit';
import { createPackage, type Package, type PackageInput, updatePackage } from '../domain/packages';
import { noteMatch } from '../domain/products';
import type { Actor } from '../platform/actor';
import { iso } from '../platform/clock';
import type { Trx } from '../platform/db';
import { type Context, momentOf } from './context';

/** Says what a product buys, and who said so. Errors as createPackage(). */
export async function createPackageIn(
  trx: Trx,
  ctx: Context,
  actor: Actor,
  input: PackageInput & { storeId: string },
): Promise<Package> {
  const moment = momentOf(ctx, actor);
  const pkg = await createPackage(trx, moment, input);
  await noteProductIn(trx, ctx, pkg);
  await recordAudit(trx, moment, {
    action: 'package.created',
    subject: { kind: 'package', id: pkg.id },
    facts: { ...input },
  });
  return pkg;
}

/** Changes what future orders buy, and keeps who changed it. Errors as updatePackage(). */
export async function updatePackageIn(
  trx: Trx,
  ctx: Context,
  actor: Actor,
  id: string,
  changes: Partial<PackageInput>,
): Promise<Package> {
  const moment = momentOf(ctx, actor);
  const pkg = await updatePackage(trx, moment, id, changes);
  await noteProductIn(trx, ctx, pkg);
  await recordAudit(trx, moment, {
    action: 'package.changed',
    subject: { kind: 'package', id },
    facts: { ...changes },
  });
  return pkg;
}

/** Whoever saves a package has seen how its product is called by now. */
export function noteProductIn(trx: Trx, ctx: Context, pkg: Package): Promise<void> {
  const { id, storeId, match } = pkg;
  return noteMatch(trx, { packageId: id, storeId, match, at: iso(ctx.clock.now()) });
}
