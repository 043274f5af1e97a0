import { levelOf, pooledPieces, type StockGrant, stockOf } from '../../../src/domain/credits';

const NOW = '2026-11-21T22:00:00.000Z';

/** Bought, and so much of it used. */
function grant(bought: number, used: number, more: Partial<StockGrant> = {}): StockGrant {
  return {
    meter: 'sms',
    cause: 'order',
    granted: bought,
    available: bought - used - (more.held ?? 0),
    held: 0,
    used,
    orderRevoked: 0,
    wanted: bought,
    expiresAt: null,
    priceList: null,
    lowBalanceAt: null,
    ...more,
  };
}

function level(grants: StockGrant[], meter: StockGrant['meter'] = 'sms'): string {
  const left = grants.reduce((sum, one) => sum + (one.meter === meter ? one.available : 0), 0);
  return levelOf(left, stockOf(grants, meter, NOW));
}

describe('what counts as low', () => {
  test.each([
    [10, 10, 'none'],
    [10, 8, 'low'],
    [10, 7, 'enough'],
    [12, 10, 'low'],
    [12, 9, 'enough'],
    [3, 2, 'low'],
    [3, 1, 'enough'],
    [2, 1, 'low'],
  ])('of %i bought, %i used: %s', (bought, used, expected) => {
    expect(level([grant(bought, used)])).toBe(expected);
  });

  test('one that was bought alone is never low, and none when it is used', () => {
    expect(level([grant(1, 0)])).toBe('enough');
    expect(level([grant(1, 0, { cause: 'goodwill', wanted: null })])).toBe('enough');
    expect(level([grant(1, 1)])).toBe('none');
  });

  test('the fifth is of all unexpired net grants together', () => {
    expect(level([grant(10, 10), grant(10, 6)])).toBe('low');
    expect(level([grant(10, 10, { expiresAt: NOW }), grant(10, 6)])).toBe('enough');
    // Taken back by a refund: 4 of 20 are net, then.
    const refunded = grant(10, 6, { available: 0, granted: 10, wanted: 6, orderRevoked: 4 });
    expect(stockOf([refunded], 'sms', NOW).bought).toBe(6);
  });

  test('what the order of used credits no longer pays for counts as not bought', () => {
    const cancelled = grant(10, 4, { available: 0, wanted: 0, orderRevoked: 6 });
    expect(stockOf([cancelled], 'sms', NOW).bought).toBe(0);
  });

  test('a whole purchase that lies untouched is enough, whatever was used before it', () => {
    const before = Array.from({ length: 9 }, () => grant(10, 10));
    expect(level([...before, grant(10, 0)])).toBe('enough');
    expect(level([...before, grant(10, 1)])).toBe('low');
    // Goodwill is no purchase.
    expect(level([grant(10, 10), grant(2, 0, { cause: 'goodwill', wanted: null })])).toBe('low');
  });

  test('a package says its own mark; the highest of those that have something left counts', () => {
    expect(level([grant(10, 5, { lowBalanceAt: 5 })])).toBe('low');
    expect(level([grant(10, 4, { lowBalanceAt: 5 })])).toBe('enough');
    expect(level([grant(10, 9, { lowBalanceAt: 0 })])).toBe('enough');
    expect(level([grant(10, 10, { lowBalanceAt: 0 })])).toBe('none');
    expect(level([grant(10, 10, { lowBalanceAt: 9 }), grant(10, 5, { lowBalanceAt: 3 })])).toBe('enough');
  });

  test('pooled credits are low at their last piece, and none when they pay no piece', () => {
    const pooled = (used: number, priceList: StockGrant['priceList']) =>
      level([grant(20, used, { meter: 'any', priceList })], 'any');
    expect(pooled(15, { sms: 1, email: 1, video: 5 })).toBe('enough');
    expect(pooled(16, { sms: 1, email: 1, video: 5 })).toBe('low');
    expect(pooled(14, { video: 5 })).toBe('enough');
    expect(pooled(15, { video: 5 })).toBe('low');
    expect(pooled(16, { video: 5 })).toBe('none');
  });

  test('pooled credits count as the pieces of another meter that they can pay', () => {
    const pool = grant(20, 9, { meter: 'any', priceList: { sms: 1, video: 5 } });
    expect(pooledPieces([pool], 'sms', NOW)).toBe(11);
    expect(pooledPieces([pool], 'video', NOW)).toBe(2);
    expect(pooledPieces([pool], 'email', NOW)).toBe(0);
    expect(pooledPieces([{ ...pool, expiresAt: NOW }], 'sms', NOW)).toBe(0);
  });
});
