import { listPackages, type Package } from '../domain/packages';
import { newsOf, notesOfPackages, type ProductNews } from '../domain/products';
import type { Db } from '../platform/db';
import { onlyOf, type StoreIds } from '../platform/in-stores';
import { limits } from '../platform/limits';

/** What became of the products that buy these packages; those without news are left out. */
export async function readProductNews(db: Db, packages: Package[]): Promise<Map<string, ProductNews[]>> {
  const of = new Map(packages.map((pkg) => [pkg.id, pkg.match]));
  const found = new Map<string, ProductNews[]>();
  for (const { noted, now } of await notesOfPackages(db, [...of.keys()])) {
    const match = of.get(noted.packageId);
    if (match?.kind !== noted.matchKind || match.value !== noted.matchValue) continue;
    const news = newsOf(noted, now);
    if (news.length > 0) found.set(noted.packageId, news);
  }
  return found;
}

export interface PackageList {
  packages: Package[];
  news: Map<string, ProductNews[]>;
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
    news: await readProductNews(db, packages),
    total: Number(counted?.n ?? 0),
    next: found.length > size ? (packages.at(-1)?.id ?? null) : null,
  };
}
