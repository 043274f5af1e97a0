import { listPackages, type Package } from '../domain/packages';
import type { Db } from '../platform/db';
import { onlyOf, type StoreIds } from '../platform/in-stores';
import { limits } from '../platform/limits';

export interface PackageList {
  packages: Package[];
  total: number;
  next: string | null;
}

/** Newest first. */
export async function readPackages(db: Db, after: string | null, storeIds: StoreIds): Promise<PackageList> {
  const size = limits.pageSizeDefault;
  const [found, counted] = await Promise.all([
    listPackages(db, { storeIds, after, limit: size + 1 }),
    onlyOf(db('packages'), 'store_id', storeIds).count({ n: '*' }).first() as Promise<
      { n: number | string } | undefined
    >,
  ]);
  const packages = found.slice(0, size);
  return {
    packages,
    total: Number(counted?.n ?? 0),
    next: found.length > size ? (packages.at(-1)?.id ?? null) : null,
  };
}
