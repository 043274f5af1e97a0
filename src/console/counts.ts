import type { Count, CounterMeter } from '../ui/counter';
import type { MeterState } from './counts.query';

export function customerHref(customerId: string): string {
  return `/console/customers/${customerId}`;
}

/** "Why?": every counter leads here. */
export function statementHref(customerId: string, meter: CounterMeter | null): string {
  return `${customerHref(customerId)}/statement${meter === null ? '' : `?meter=${meter}`}`;
}

export function countsOf(customerId: string, meters: MeterState[]): Count[] {
  return meters.map(({ meter, left, onHold, used, level, expiring }) => ({
    meter,
    left,
    level,
    of: left + onHold + used,
    onHold,
    expiring,
    href: statementHref(customerId, meter),
  }));
}
