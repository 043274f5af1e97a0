import type { Db } from '../platform/db';

export interface GivenCoupon {
  id: string;
  code: string;
  kind: 'amount' | 'percent';
  valueMinor: number;
  currency: string | null;
  expiresOn: string;
  givenByName: string;
  createdAt: string;
  state: 'made' | 'waiting' | 'parked';
  problem: string | null;
}

type Row = Record<string, unknown>;

/** Of a ticket, the newest first. */
export async function readCoupons(db: Db, ticketId: string, id?: string): Promise<GivenCoupon[]> {
  const query = db('coupons as c')
    .leftJoin('shop_writes as w', (on) =>
      on.on('w.store_id', 'c.store_id').andOn('w.write_key', db.raw(`'coupon:' || c.id`)),
    )
    .where('c.ticket_id', ticketId)
    .orderBy('c.id', 'desc')
    .select('c.*', 'w.state as write_state', 'w.problem as write_problem');
  if (id !== undefined) query.where('c.id', id);
  return ((await query) as Row[]).map((row) => ({
    id: row.id as string,
    code: (row.code as string).toUpperCase(),
    kind: row.kind as GivenCoupon['kind'],
    valueMinor: Number(row.value_minor),
    currency: row.currency as string | null,
    expiresOn: row.expires_on as string,
    givenByName: row.given_by_name as string,
    createdAt: row.created_at as string,
    state: row.made_at !== null ? 'made' : row.write_state === 'parked' ? 'parked' : 'waiting',
    problem: row.write_problem as string | null,
  }));
}

/** What the form of a shop's coupons needs to know. */
export async function readCouponShop(
  db: Db,
  storeId: string,
): Promise<{ currency: string | null; hasKeys: boolean }> {
  const row = (await db('stores')
    .where({ id: storeId })
    .first('currency', 'url', 'consumer_key_sealed', 'consumer_secret_sealed')) as Row | undefined;
  return {
    currency: (row?.currency as string | null | undefined) ?? null,
    hasKeys: row?.url != null && row.consumer_key_sealed !== null && row.consumer_secret_sealed !== null,
  };
}
