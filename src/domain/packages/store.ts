import type { Db, Trx } from '../../platform/db';
import type { Match, MatchKind, PriceList, Terms } from './rules';

export interface Package extends Terms {
  id: string;
  storeId: string;
  match: Match;
  active: boolean;
  ordersFrom: string | null;
  versionId: string;
  createdAt: string;
  updatedAt: string;
}

/** The terms of a package as they stood from one catalogue version on. */
export interface PackageVersion extends Terms {
  id: string;
  packageId: string;
  matchKind: MatchKind;
  matchValue: string;
  ordersFrom: string | null;
}

type Row = Record<string, unknown>;

function termsFromRow(row: Row): Terms {
  return {
    name: row.name as string,
    grants: JSON.parse(row.grants as string) as Terms['grants'],
    priceList: JSON.parse(row.price_list as string) as PriceList,
    smsUnit: row.sms_unit as Terms['smsUnit'],
    videoBlockMinutes: row.video_block_minutes as number | null,
    validityDays: row.validity_days as number | null,
    scope: row.scope as Terms['scope'],
    opensTicket: row.opens_ticket === 1,
    lowBalanceAt: row.low_balance_at as number | null,
  };
}

function versionFromRow(row: Row): PackageVersion {
  return {
    id: row.id as string,
    packageId: row.package_id as string,
    matchKind: row.match_kind as MatchKind,
    matchValue: row.match_value as string,
    ordersFrom: row.orders_from as string | null,
    ...termsFromRow(row),
  };
}

function packageFromRow(row: Row): Package {
  return {
    ...termsFromRow(row),
    id: row.package_id as string,
    storeId: row.store_id as string,
    match: { kind: row.match_kind as MatchKind, value: row.match_value as string },
    active: row.package_active === 1,
    ordersFrom: row.orders_from as string | null,
    versionId: row.id as string,
    createdAt: row.package_created_at as string,
    updatedAt: row.package_updated_at as string,
  };
}

function packages(db: Db) {
  return db('packages')
    .join('package_versions', 'package_versions.id', 'packages.version_id')
    .select(
      'package_versions.*',
      'packages.active as package_active',
      'packages.created_at as package_created_at',
      'packages.updated_at as package_updated_at',
    );
}

export async function findPackage(db: Db, id: string): Promise<Package | null> {
  const row = (await packages(db).where('packages.id', id).first()) as Row | undefined;
  return row ? packageFromRow(row) : null;
}

/** Newest first. `after`: the id of the last one on the page before. */
export async function listPackages(
  db: Db,
  filter: { storeIds?: readonly string[] | null; after?: string | null; limit: number },
): Promise<Package[]> {
  const query = packages(db).orderBy('packages.id', 'desc').limit(filter.limit);
  if (filter.storeIds) query.whereIn('packages.store_id', filter.storeIds);
  if (filter.after) query.where('packages.id', '<', filter.after);
  return ((await query) as Row[]).map(packageFromRow);
}

export async function activePackageWith(
  db: Db,
  storeId: string,
  match: Match,
  otherThan: string | null,
): Promise<{ id: string; name: string } | null> {
  const query = db('packages')
    .where({ store_id: storeId, match_kind: match.kind, match_value: match.value, active: 1 })
    .first('id', 'name');
  if (otherThan) query.whereNot({ id: otherThan });
  return ((await query) as { id: string; name: string } | undefined) ?? null;
}

/** Writes a new version and makes it the current one of its package (which is inserted when it is new). */
export async function savePackage(
  trx: Trx,
  pkg: Package,
  extra: { isNew: boolean; catalogVersion: number },
): Promise<void> {
  const row = {
    name: pkg.name,
    match_kind: pkg.match.kind,
    match_value: pkg.match.value,
    active: pkg.active ? 1 : 0,
    version_id: pkg.versionId,
    updated_at: pkg.updatedAt,
  };
  if (extra.isNew) {
    const created = { id: pkg.id, store_id: pkg.storeId, created_at: pkg.createdAt };
    await trx('packages').insert({ ...row, ...created });
  } else {
    await trx('packages').where({ id: pkg.id }).update(row);
  }
  await trx('package_versions').insert({
    id: pkg.versionId,
    package_id: pkg.id,
    store_id: pkg.storeId,
    catalog_version: extra.catalogVersion,
    active: pkg.active ? 1 : 0,
    match_kind: pkg.match.kind,
    match_value: pkg.match.value,
    name: pkg.name,
    grants: JSON.stringify(pkg.grants),
    price_list: JSON.stringify(pkg.priceList),
    sms_unit: pkg.smsUnit,
    video_block_minutes: pkg.videoBlockMinutes,
    validity_days: pkg.validityDays,
    scope: pkg.scope,
    opens_ticket: pkg.opensTicket ? 1 : 0,
    low_balance_at: pkg.lowBalanceAt,
    orders_from: pkg.ordersFrom,
    created_at: pkg.updatedAt,
  });
}

/** Active versions that matched one of these keys in the catalogue as it was at `catalogVersion`. */
export async function versionsMatching(
  db: Db,
  storeId: string,
  matches: Match[],
  catalogVersion: number,
): Promise<PackageVersion[]> {
  const rows = (await db('package_versions as v')
    .where('v.store_id', storeId)
    .where('v.catalog_version', '<=', catalogVersion)
    .where('v.active', 1)
    .where((q) => {
      for (const match of matches) {
        q.orWhere({ 'v.match_kind': match.kind, 'v.match_value': match.value });
      }
    })
    .whereNotExists((q) =>
      q
        .from('package_versions as later')
        .select(db.raw('1'))
        .where('later.package_id', db.ref('v.package_id'))
        .where('later.catalog_version', '>', db.ref('v.catalog_version'))
        .where('later.catalog_version', '<=', catalogVersion),
    )
    .select('v.*')) as Row[];
  return rows.map(versionFromRow);
}

export async function versionsByIds(db: Db, ids: string[]): Promise<Map<string, PackageVersion>> {
  const rows = (await db('package_versions').whereIn('id', ids)) as Row[];
  return new Map(rows.map((row) => [row.id as string, versionFromRow(row)]));
}
