import {
  type Level,
  levelOf,
  METERS,
  type Meter,
  type StockGrant,
  stockGrantFromRow,
  stockOf,
} from '../domain/credits';
import type { Db } from '../platform/db';

type Row = Record<string, unknown>;

/** One meter of one customer, as of now. */
export interface MeterState {
  meter: Meter;
  left: number;
  onHold: number;
  used: number;
  level: Level;
  /** The next ones to go, and the last instant at which they can be used. */
  expiring: { quantity: number; at: string } | null;
}

/**
 * What each customer has, by every meter that was ever theirs. What is past its date is not left, whether the expiry
 * job ran or not; what is bound to one ticket counts here too.
 */
export async function readMeters(
  db: Db,
  now: string,
  customerIds: string[],
): Promise<Map<string, MeterState[]>> {
  const found = new Map<string, MeterState[]>();
  if (customerIds.length === 0) return found;
  const balances = (await db('credit_balances').whereIn('customer_id', customerIds)) as Row[];
  const grants = (await db('credit_grants')
    .leftJoin('package_versions', 'package_versions.id', 'credit_grants.package_version_id')
    .whereIn('credit_grants.customer_id', customerIds)
    .where((q) => q.whereNull('credit_grants.expires_at').orWhere('credit_grants.expires_at', '>', now))
    .select('credit_grants.*', 'package_versions.low_balance_at')) as Row[];
  for (const row of balances) {
    const live = grants.filter((grant) => grant.customer_id === row.customer_id);
    const stock = live.map(stockGrantFromRow);
    const states = METERS.filter((meter) => Number(row[`${meter}_granted`]) > 0).map((meter) => {
      const ofMeter = live.filter((grant) => grant.meter === meter);
      const left = sumOf(ofMeter);
      return {
        meter,
        left,
        onHold: Number(row[`${meter}_held`]),
        used: Number(row[`${meter}_used`]),
        level: shownLevel(left, stock, meter, now),
        expiring: nextToGo(ofMeter),
      };
    });
    found.set(row.customer_id as string, states);
  }
  return found;
}

/** What is left of pooled credits, but pays nothing any more, still stands there as a number: it is not "none". */
export function shownLevel(left: number, stock: readonly StockGrant[], meter: Meter, now: string): Level {
  const level = levelOf(left, stockOf(stock, meter, now));
  return level === 'none' && left > 0 ? 'low' : level;
}

/** Of grants that are not expired. */
export function nextToGo(live: Row[]): MeterState['expiring'] {
  const dated = live.filter((grant) => grant.expires_at !== null && Number(grant.available) > 0);
  const [first] = dated.map((grant) => grant.expires_at as string).sort();
  if (first === undefined) return null;
  return { quantity: sumOf(dated.filter((grant) => grant.expires_at === first)), at: lastInstantOf(first) };
}

function sumOf(grants: Row[]): number {
  return grants.reduce((sum, grant) => sum + Number(grant.available), 0);
}

/** An expiry is the first instant after the last day; people are told that day. */
export function lastInstantOf(expiresAt: string): string {
  return new Date(Date.parse(expiresAt) - 1).toISOString();
}
