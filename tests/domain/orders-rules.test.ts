import { compareOldestFirst, type LineSighting, type Snapshot } from '../../src/domain/orders/rules';

const state = (more: Partial<Snapshot>, hasProduct = true): LineSighting => ({
  snapshot: snapshot(more),
  hasProduct,
});

const snapshot = (more: Partial<Snapshot>): Snapshot => ({
  id: 'x',
  contentSha256: 'b',
  factsSha256: 'f',
  status: 'processing',
  dateModifiedGmt: '2026-11-22T12:00:00',
  dateCreatedGmt: '2026-11-22T12:00:00',
  datePaidGmt: null,
  refundCount: 0,
  wooCustomerId: null,
  emailNormalised: null,
  confirmedAt: null,
  receivedAt: '2026-11-22T12:00:05.000Z',
  deliveryId: null,
  ...more,
});

describe('which of two states of an order is the older one', () => {
  const PAID = ['processing'];
  const told = { deliveryId: '01', contentSha256: 'c' };
  const read = { contentSha256: 'a' };
  test.each<[string, Partial<Snapshot>, Partial<Snapshot>]>([
    ['the earlier date, whoever told it', { ...read, dateModifiedGmt: '2026-11-22T11:59:59' }, told],
    ['of one second what a webhook told, before what was only read', told, read],
    [
      'of one second what was read, before what a late webhook told',
      read,
      { ...told, receivedAt: '2026-11-22T16:00:00.000Z' },
    ],
    [
      'of one second the earlier reading',
      { ...told, deliveryId: null },
      { ...read, receivedAt: '2027-01-01T00:00:00.000Z' },
    ],
    [
      'of one second the earlier reading, though a refund is gone since that',
      { ...told, deliveryId: null, refundCount: 1 },
      { ...read, receivedAt: '2027-01-01T00:00:00.000Z' },
    ],
    ['told both: the one with fewer refunds', told, { ...told, contentSha256: 'a', refundCount: 1 }],
    [
      'told both: the smaller hash',
      { ...told, contentSha256: 'a' },
      { ...told, receivedAt: '2026-01-01T00:00:00.000Z' },
    ],
  ])('%s', (_name, older, newer) => {
    expect(compareOldestFirst(state(older), state(newer), PAID)).toBeLessThan(0);
    expect(compareOldestFirst(state(newer), state(older), PAID)).toBeGreaterThan(0);
  });

  it('of one second the one that still has the product, though it was only read', () => {
    expect(compareOldestFirst(state(read, true), state(told, false), PAID)).toBeLessThan(0);
    expect(compareOldestFirst(state(told, false), state(read, true), PAID)).toBeGreaterThan(0);
  });
});
