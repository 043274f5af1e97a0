import { DateTime } from 'luxon';

/**
 * The first instant after the end of the day, in `zone`, on which `days` days from `instant` fall.
 * Shape: ('2026-11-21T20:57:38Z', 30, 'Europe/Ljubljana') → '2026-12-21T23:00:00.000Z'
 */
export function endOfDayAfter(instant: string, days: number, zone: string): string {
  const local = DateTime.fromISO(instant, { zone: 'utc' }).setZone(zone);
  const next = local.plus({ days: days + 1 }).startOf('day');
  return next.toJSDate().toISOString();
}
