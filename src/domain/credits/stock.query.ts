import type { Db } from '../../platform/db';
import type { StockGrant } from './rules';

type Row = Record<string, unknown>;

/** The unexpired grants of these customers, with the mark that their packages set. */
export async function readStock(
  db: Db,
  at: string,
  customerIds: readonly string[],
): Promise<Map<string, StockGrant[]>> {
  const rows = (await db('credit_grants')
    .leftJoin('package_versions', 'package_versions.id', 'credit_grants.package_version_id')
    .whereIn('credit_grants.customer_id', customerIds)
    .where((q) => q.whereNull('credit_grants.expires_at').orWhere('credit_grants.expires_at', '>', at))
    .select('credit_grants.*', 'package_versions.low_balance_at')) as Row[];
  const found = new Map<string, StockGrant[]>(customerIds.map((id) => [id, []]));
  for (const row of rows) found.get(row.customer_id as string)?.push(stockGrantFromRow(row));
  return found;
}

/** From a row of credit_grants that also has its package's low_balance_at. */
export function stockGrantFromRow(row: Row): StockGrant {
  return {
    meter: row.meter as StockGrant['meter'],
    cause: row.cause as StockGrant['cause'],
    granted: Number(row.granted),
    available: Number(row.available),
    held: Number(row.held),
    used: Number(row.used),
    orderRevoked: Number(row.order_revoked),
    wanted: row.wanted === null ? null : Number(row.wanted),
    expiresAt: row.expires_at as string | null,
    priceList:
      row.price_list === null ? null : (JSON.parse(row.price_list as string) as StockGrant['priceList']),
    lowBalanceAt: row.low_balance_at === null ? null : Number(row.low_balance_at),
  };
}

/** What an order took back, or would have to, of one meter. */
interface TakenBack {
  meter: StockGrant['meter'];
  takenBack: number;
  /** Of these, what was used or is on hold. */
  shortfall: number;
  held: number;
}

/** What the refunds of an order, or its cancellation, want back by now. */
export async function takenBackOf(db: Db, orderId: string): Promise<TakenBack[]> {
  const sums = new Map<string, TakenBack>();
  for (const row of (await db('credit_grants').where({ order_id: orderId }).orderBy('id')) as Row[]) {
    if (row.wanted === null) continue;
    const meter = row.meter as TakenBack['meter'];
    const sum = sums.get(meter) ?? { meter, takenBack: 0, shortfall: 0, held: 0 };
    const net = Number(row.granted) - Number(row.order_revoked);
    const shortfall = Math.max(0, Math.min(net - Number(row.wanted), Number(row.used) + Number(row.held)));
    sum.shortfall += shortfall;
    sum.takenBack += Number(row.order_revoked) + shortfall;
    if (shortfall > 0) sum.held += Number(row.held);
    sums.set(meter, sum);
  }
  return [...sums.values()];
}
