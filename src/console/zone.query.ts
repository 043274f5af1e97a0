import type { Db } from '../platform/db';

/** The oldest store's: in it times are shown, until people choose their own. null: no store yet. */
export async function readTimeZone(db: Db): Promise<string | null> {
  const row = (await db('stores').orderBy('id').first('time_zone')) as { time_zone: string } | undefined;
  return row?.time_zone ?? null;
}
