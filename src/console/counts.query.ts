import { METERS, type Meter } from '../domain/credits';
import type { Db } from '../platform/db';

type Row = Record<string, unknown>;

/** One meter of one customer, as of now. */
export interface MeterState {
  meter: Meter;
  left: number;
  onHold: number;
  used: number;
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
  const dated = (await db('credit_grants')
    .whereIn('customer_id', customerIds)
    .where('available', '>', 0)
    .whereNotNull('expires_at')
    .select('customer_id', 'meter', 'available', 'expires_at')) as Row[];
  for (const row of balances) {
    const own = dated.filter((grant) => grant.customer_id === row.customer_id);
    const states = METERS.filter((meter) => Number(row[`${meter}_granted`]) > 0).map((meter) => {
      const ofMeter = own.filter((grant) => grant.meter === meter);
      const lapsed = sumOf(ofMeter.filter((grant) => (grant.expires_at as string) <= now));
      return {
        meter,
        left: Number(row[`${meter}_available`]) - lapsed,
        onHold: Number(row[`${meter}_held`]),
        used: Number(row[`${meter}_used`]),
        expiring: nextToGo(ofMeter.filter((grant) => (grant.expires_at as string) > now)),
      };
    });
    found.set(row.customer_id as string, states);
  }
  return found;
}

function nextToGo(live: Row[]): MeterState['expiring'] {
  const [first] = live.map((grant) => grant.expires_at as string).sort();
  if (first === undefined) return null;
  return { quantity: sumOf(live.filter((grant) => grant.expires_at === first)), at: lastInstantOf(first) };
}

function sumOf(grants: Row[]): number {
  return grants.reduce((sum, grant) => sum + Number(grant.available), 0);
}

/** An expiry is the first instant after the last day; people are told that day. */
export function lastInstantOf(expiresAt: string): string {
  return new Date(Date.parse(expiresAt) - 1).toISOString();
}
