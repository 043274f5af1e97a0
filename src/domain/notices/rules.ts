import { endOfDayAfter, localTime, shiftDay } from '../../platform/time-zone';

/** Days before their expiry on which a customer is warned of credits (DESIGN §3). */
export const EXPIRY_STEPS = [30, 7, 1] as const;
export type ExpiryStep = (typeof EXPIRY_STEPS)[number];

/** Until when a credit has to expire for a step to be the nearest one, seen from `now` in the store's days. */
export function expiryBounds(now: string, zone: string): Record<ExpiryStep, string> {
  const until = (days: number) => endOfDayAfter(now, days, zone);
  return { 30: until(30), 7: until(7), 1: until(1) };
}

/** The nearest step of what expires then: the earlier ones, missed or not, have passed. Null: it is too early. */
export function nearestStep(expiresAt: string, bounds: Record<ExpiryStep, string>): ExpiryStep | null {
  return [...EXPIRY_STEPS].reverse().find((step) => expiresAt <= bounds[step]) ?? null;
}

/**
 * Is a step worth a warning? Not on the day on which the credits came, nor of a step that lies before it: who buys 30 days
 * of help is not told at once that it ends in 30 days.
 */
export function isWorthTelling(
  grant: { expiresAt: string; createdAt: string },
  step: ExpiryStep,
  zone: string,
): boolean {
  return shiftDay(lastDayOf(grant.expiresAt, zone), -step) > localTime(grant.createdAt, zone).day;
}

/** An expiry is the first instant after the last day; people are told that day. Shape: → '2026-12-21' */
export function lastDayOf(expiresAt: string, zone: string): string {
  return localTime(new Date(Date.parse(expiresAt) - 1).toISOString(), zone).day;
}

/** What was told of one meter since it began to run low. */
export interface Episode {
  customerId: string;
  meter: string;
  entrySeq: number;
  lowTold: boolean;
  emptyTold: boolean;
}

export type News = 'low' | 'empty';

/** Low is told first in an episode or not at all; empty once. Null: nothing new. */
export function newsOf(level: 'enough' | 'low' | 'none', open: Episode | undefined): News | null {
  if (level === 'none') return open?.emptyTold ? null : 'empty';
  return level === 'low' && !open ? 'low' : null;
}
