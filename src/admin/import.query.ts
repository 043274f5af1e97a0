import { type Import, newestImport } from '../domain/imports';
import type { Db } from '../platform/db';

export interface ImportState {
  newest: Import;
  /** Orders that took the package by it. */
  taken: number;
}

export async function readImport(db: Db, packageId: string): Promise<ImportState | null> {
  const newest = await newestImport(db, packageId);
  if (!newest) return null;
  const row = (await db('order_lines')
    .where({ import_id: newest.id })
    .countDistinct({ n: 'order_id' })
    .first()) as { n: number | string } | undefined;
  return { newest, taken: Number(row?.n ?? 0) };
}

/** Can orders of the past be asked for at all? */
export async function storeOfImport(db: Db, storeId: string): Promise<{ name: string; hasKeys: boolean }> {
  const row = (await db('stores')
    .where({ id: storeId })
    .first('name', 'url', 'consumer_key_sealed', 'consumer_secret_sealed')) as Record<string, string | null>;
  const hasKeys = row.url !== null && row.consumer_key_sealed !== null && row.consumer_secret_sealed !== null;
  return { name: row.name ?? '', hasKeys };
}
