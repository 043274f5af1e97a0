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

/** Where an instant falls in `zone`. Shape: ('2026-12-21T22:59:59Z', 'Europe/Ljubljana') → { day: '2026-12-21', hour: 23 } */
export function localTime(instant: string, zone: string): { day: string; hour: number } {
  const local = DateTime.fromISO(instant, { zone: 'utc' }).setZone(zone);
  return { day: local.toISODate() ?? '', hour: local.hour };
}

/** `day` moved by `days`; both as 2026-12-21. */
export function shiftDay(day: string, days: number): string {
  return DateTime.fromISO(day, { zone: 'utc' }).plus({ days }).toISODate() ?? '';
}

/**
 * To be put into a sentence. Slovenian in numbers: its data has months in the nominative, and "do 21. december" is wrong.
 * Shape: ('2026-12-21', 'en-GB') → '21 December 2026'; 'sl' → '21. 12. 2026'
 */
export function dayInWords(day: string, locale: string): string {
  const style = /^sl\b/.test(locale) ? DateTime.DATE_SHORT : DateTime.DATE_FULL;
  return DateTime.fromISO(day, { zone: 'utc' }).setLocale(locale).toLocaleString(style);
}

/** `instant` itself where it lies in these hours of the day in `zone`, else when they begin next. */
export function nextWithin(instant: string, hours: { from: number; until: number }, zone: string): string {
  const local = DateTime.fromISO(instant, { zone: 'utc' }).setZone(zone);
  if (local.hour >= hours.from && local.hour < hours.until) return instant;
  const day = local.hour < hours.from ? local : local.plus({ days: 1 });
  return day.startOf('day').set({ hour: hours.from }).toJSDate().toISOString();
}
