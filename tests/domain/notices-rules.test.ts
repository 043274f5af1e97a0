import { expiryBounds, isWorthTelling, lastDayOf, nearestStep } from '../../src/domain/notices';
import { endOfDayAfter } from '../../src/platform/time-zone';

const ZONE = 'Europe/Ljubljana';

/** What is valid to the end of that many days after 21 November. */
const in_ = (days: number) => endOfDayAfter('2026-11-21T12:00:00.000Z', days, ZONE);

describe('the steps before an expiry', () => {
  test.each([
    ['2026-11-21T12:00:00.000Z', 31, null],
    ['2026-11-21T12:00:00.000Z', 30, 30],
    ['2026-11-21T12:00:00.000Z', 8, 30],
    ['2026-11-21T12:00:00.000Z', 7, 7],
    ['2026-11-21T12:00:00.000Z', 2, 7],
    ['2026-11-21T12:00:00.000Z', 1, 1],
    ['2026-11-21T12:00:00.000Z', 0, 1],
    // The store's day has begun while it is still yesterday in London.
    ['2026-11-21T22:59:59.999Z', 8, 30],
    ['2026-11-21T23:00:00.000Z', 8, 7],
  ])('at %s, what ends in %i days is at step %s', (now, days, step) => {
    expect(nearestStep(in_(days), expiryBounds(now, ZONE))).toBe(step);
  });

  test('count days, not hours, over the change of the clocks', () => {
    const bounds = expiryBounds('2026-10-20T10:00:00.000Z', ZONE);
    expect(bounds[7]).toBe('2026-10-27T23:00:00.000Z');
    expect(lastDayOf(bounds[7], ZONE)).toBe('2026-10-27');
  });

  test('are not told on the day on which the credits came, nor of steps before it', () => {
    const bought = (createdAt: string) => ({ createdAt, expiresAt: in_(30) });
    expect(isWorthTelling(bought('2026-11-21T08:00:00.000Z'), 30, ZONE)).toBe(false);
    expect(isWorthTelling(bought('2026-11-20T22:59:00.000Z'), 30, ZONE)).toBe(true);
    expect(isWorthTelling(bought('2026-11-21T08:00:00.000Z'), 7, ZONE)).toBe(true);
    expect(isWorthTelling(bought('2026-12-16T08:00:00.000Z'), 7, ZONE)).toBe(false);
  });
});
