import type { Db, Trx } from '../../platform/db';

/** An address that mail came back from, so that none is sent to it until somebody says otherwise. */
export interface Suppression {
  storeId: string;
  /** Normalised. */
  address: string;
  reason: string;
  /** The message that came back. */
  messageId: string;
  since: string;
}

type Row = Record<string, unknown>;

/** Repeat: the first reason stays. */
export async function suppress(trx: Trx, suppression: Suppression): Promise<void> {
  await trx('suppressed_addresses')
    .insert({
      store_id: suppression.storeId,
      address: suppression.address,
      reason: suppression.reason,
      message_id: suppression.messageId,
      since: suppression.since,
    })
    .onConflict(['store_id', 'address'])
    .ignore();
}

export async function findSuppression(
  db: Db,
  key: { storeId: string; address: string },
): Promise<Suppression | null> {
  const row = (await db('suppressed_addresses')
    .where({ store_id: key.storeId, address: key.address })
    .first()) as Row | undefined;
  if (!row) return null;
  return {
    storeId: row.store_id as string,
    address: row.address as string,
    reason: row.reason as string,
    messageId: row.message_id as string,
    since: row.since as string,
  };
}

/** False: it was not suppressed (any more). */
export async function allowAgain(trx: Trx, key: { storeId: string; address: string }): Promise<boolean> {
  return (
    (await trx('suppressed_addresses').where({ store_id: key.storeId, address: key.address }).delete()) === 1
  );
}
