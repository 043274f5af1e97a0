import type { Db, Trx } from '../../platform/db';
import { isUniqueViolation } from '../../platform/dialect';
import type { Moment } from '../../platform/moment';
import { Refusal } from '../../platform/refusal';
import { nextInSequence } from '../../platform/sequence';
import { isBefore, type Match, matchesOfLine, mistakesIn, mostSpecific, type PackageInput } from './rules';
import {
  activePackageWith,
  findPackage,
  type Package,
  type PackageVersion,
  savePackage,
  versionsMatching,
} from './store';

/**
 * Say what a product buys. Orders that Zeton saw before are not touched.
 * Shape:   { storeId, …PackageInput } → Package
 * Errors:  invalid-request {errors}, package-match-taken {package_id, package_name}
 * Writes:  packages, package_versions (append)
 * Source:  DESIGN §3 "Packages"
 */
export async function createPackage(
  trx: Trx,
  moment: Moment,
  input: PackageInput & { storeId: string },
): Promise<Package> {
  const catalogVersion = await nextInSequence(trx, 'catalog');
  const pkg: Package = {
    ...input,
    ordersFrom: input.ordersFrom ?? null,
    id: moment.ids.next(),
    versionId: moment.ids.next(),
    createdAt: moment.at,
    updatedAt: moment.at,
  };
  await save(trx, pkg, { isNew: true, catalogVersion });
  return pkg;
}

/**
 * Change what future orders buy; what was bought stays as bought.
 * Shape:   id, the fields that change → Package
 * Errors:  not-found, invalid-request {errors}, package-match-taken {package_id, package_name}
 * Writes:  packages, package_versions (append)
 * Source:  DESIGN §3 "Packages"
 */
export async function updatePackage(
  trx: Trx,
  moment: Moment,
  id: string,
  changes: Partial<PackageInput>,
): Promise<Package> {
  const catalogVersion = await nextInSequence(trx, 'catalog');
  const known = await findPackage(trx, id);
  if (!known) throw new Refusal('not-found', 'There is no such package.');
  const ordersFrom = changes.ordersFrom === undefined ? known.ordersFrom : changes.ordersFrom;
  const pkg: Package = {
    ...known,
    ...changes,
    ordersFrom,
    versionId: moment.ids.next(),
    updatedAt: moment.at,
  };
  await save(trx, pkg, { isNew: false, catalogVersion });
  return pkg;
}

/**
 * One package is saved at a time: the caller has taken the catalogue's next version, whose row stays locked. So what it
 * read since cannot be changed by another, and the check below cannot be raced; the unique index decides all the same.
 */
async function save(
  trx: Trx,
  pkg: Package,
  extra: { isNew: boolean; catalogVersion: number },
): Promise<void> {
  const errors = mistakesIn(pkg);
  if (errors.length > 0) {
    throw new Refusal('invalid-request', errors.map((e) => `${e.path}: ${e.message}`).join('; '), { errors });
  }
  const taken = pkg.active
    ? await activePackageWith(trx, pkg.storeId, pkg.match, extra.isNew ? null : pkg.id)
    : null;
  if (taken) throw matchTaken(pkg.match, taken);
  try {
    await savePackage(trx, pkg, extra);
  } catch (error) {
    if (isUniqueViolation(error)) throw matchTaken(pkg.match, null);
    throw error;
  }
}

function matchTaken(match: Match, by: { id: string; name: string } | null): Refusal {
  const product = `${match.kind} ${match.value}`;
  return new Refusal(
    'package-match-taken',
    by
      ? `This product (${product}) is already bought by package ${by.name}.`
      : `This product (${product}) is already bought by another package.`,
    { match: { [match.kind]: match.value }, package_id: by?.id ?? null, package_name: by?.name ?? null },
  );
}

/**
 * What an order line bought, in the catalogue as it was when the line was first seen.
 * Shape:   storeId, line keys, when its order was created (left out: an import, which asks for no date),
 *          catalogVersion → PackageVersion or null
 * Source:  DESIGN §3: variation before product before sku; frozen as bought
 */
export async function packageForLine(
  db: Db,
  storeId: string,
  line: { variationId: number; productId: number; sku: string | null; orderCreatedGmt?: string | null },
  catalogVersion: number,
): Promise<PackageVersion | null> {
  const matches = matchesOfLine(line);
  if (matches.length === 0) return null;
  const versions = await versionsMatching(db, storeId, matches, catalogVersion);
  return mostSpecific(
    versions.filter((version) => !isBefore(version.ordersFrom, line.orderCreatedGmt ?? null)),
  );
}
