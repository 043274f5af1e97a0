import type { Db, Trx } from '../../platform/db';
import type { CouponKind } from './rules';

export interface Coupon {
  id: string;
  storeId: string;
  ticketId: string;
  customerId: string;
  code: string;
  kind: CouponKind;
  /** Hundredths of the currency, or of a percent. */
  valueMinor: number;
  currency: string | null;
  reason: string;
  /** The last day, in the shop's time. */
  expiresOn: string;
  givenBy: string;
  givenByName: string;
  createdAt: string;
  madeAt: string | null;
}

type Row = Record<string, unknown>;

function couponFromRow(row: Row): Coupon {
  return {
    id: row.id as string,
    storeId: row.store_id as string,
    ticketId: row.ticket_id as string,
    customerId: row.customer_id as string,
    code: row.code as string,
    kind: row.kind as CouponKind,
    valueMinor: Number(row.value_minor),
    currency: row.currency as string | null,
    reason: row.reason as string,
    expiresOn: row.expires_on as string,
    givenBy: row.given_by as string,
    givenByName: row.given_by_name as string,
    createdAt: row.created_at as string,
    madeAt: row.made_at as string | null,
  };
}

export async function insertCoupon(trx: Trx, coupon: Coupon): Promise<void> {
  await trx('coupons').insert({
    id: coupon.id,
    store_id: coupon.storeId,
    ticket_id: coupon.ticketId,
    customer_id: coupon.customerId,
    code: coupon.code,
    kind: coupon.kind,
    value_minor: coupon.valueMinor,
    currency: coupon.currency,
    reason: coupon.reason,
    expires_on: coupon.expiresOn,
    given_by: coupon.givenBy,
    given_by_name: coupon.givenByName,
    created_at: coupon.createdAt,
    made_at: coupon.madeAt,
  });
}

export async function findCoupon(db: Db, id: string): Promise<Coupon | null> {
  const row = (await db('coupons').where({ id }).first()) as Row | undefined;
  return row ? couponFromRow(row) : null;
}

/** Of one that the shop does not have yet. */
export async function updateCoupon(
  trx: Trx,
  id: string,
  changes: { code?: string; made_at?: string },
): Promise<boolean> {
  return (await trx('coupons').where({ id }).whereNull('made_at').update(changes)) === 1;
}

export async function countGivenSince(trx: Trx, givenBy: string, since: string): Promise<number> {
  const row = (await trx('coupons')
    .where({ given_by: givenBy })
    .where('created_at', '>=', since)
    .count({ n: '*' })
    .first()) as { n: unknown } | undefined;
  return Number(row?.n ?? 0);
}
