import type { Knex } from 'knex';
import {
  claimDeliveries,
  findDelivery,
  finishDelivery,
  postponeDelivery,
  renewLeases,
  retryDelivery,
  storeDelivery,
} from '../../src/domain/inbox';
import { syncEnvironmentStore } from '../../src/domain/stores';
import { systemActor } from '../../src/platform/actor';
import { withTransaction } from '../../src/platform/db';
import { uuidIds } from '../../src/platform/ids';
import { testVault } from '../support/app';
import { describeEachEngine } from '../support/databases';

const NOW = '2026-11-22T12:00:00.000Z';
const LATER = '2026-11-22T12:00:10.000Z';
const moment = { at: NOW, actor: systemActor, ids: uuidIds };

describeEachEngine('the inbox', (engine) => {
  let db: Knex;
  let storeId: string;
  beforeEach(async () => {
    ({ db } = await engine.freshDatabase({ poolMax: 8 }));
    const none = { url: null, consumerKey: null, consumerSecret: null, webhookSecret: null };
    storeId = (await withTransaction(db, (trx) => syncEnvironmentStore(trx, moment, testVault, none))).id;
  });

  const store = (text = '{}') =>
    storeDelivery(db, moment, {
      storeId,
      topic: 'order.updated',
      headers: { a: 'b' },
      body: Buffer.from(text),
    });
  const claim = (owner: string, { now = NOW, limit = 10 } = {}) => claimDeliveries(db, { owner, now, limit });

  it('gives back what it was given', async () => {
    const delivery = await store('ž✨');
    expect(await findDelivery(db, delivery.id)).toEqual({
      id: delivery.id,
      storeId,
      topic: 'order.updated',
      headers: { a: 'b' },
      body: Buffer.from('ž✨'),
      receivedAt: NOW,
      status: 'pending',
      attempts: 0,
      wooId: null,
      reason: null,
    });
    expect(await findDelivery(db, uuidIds.next())).toBeNull();
  });

  it('hands out the oldest first, and each only once while its lease lasts', async () => {
    const ids = [];
    for (let i = 0; i < 5; i++) ids.push((await store()).id);
    expect((await claim('one', { limit: 3 })).map((delivery) => delivery.id)).toEqual(ids.slice(0, 3));
    expect((await claim('two')).map((delivery) => delivery.id)).toEqual(ids.slice(3));
    expect(await claim('three')).toEqual([]);
  });

  it('hands out each once, however many ask at the same time', async () => {
    for (let i = 0; i < 40; i++) await store();
    const claims = await Promise.all([...'abcdefgh'].map((owner) => claim(owner, { limit: 7 })));
    for (const claimed of claims) expect(claimed.length).toBeLessThanOrEqual(7);
    const ids = claims.flat().map((delivery) => delivery.id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.length).toBeGreaterThanOrEqual(20);
  });

  it('hands out again what a dead worker held, and then takes no word of that worker', async () => {
    const { id } = await store();
    await claim('dead');
    expect(await claim('next', { now: '2026-11-22T12:00:09.999Z' })).toEqual([]);
    expect(await claim('next', { now: LATER })).toHaveLength(1);
    expect(await finishDelivery(db, { id, owner: 'dead', status: 'done', now: LATER })).toBe(false);
    const late = { id, owner: 'dead', nextAttemptAt: LATER, attempts: 3 };
    expect(await postponeDelivery(db, late)).toBe(false);
    expect(await findDelivery(db, id)).toMatchObject({ status: 'pending', attempts: 2 });
    expect(await finishDelivery(db, { id, owner: 'next', status: 'done', wooId: 19, now: LATER })).toBe(true);
    expect(await findDelivery(db, id)).toMatchObject({ status: 'done', wooId: 19 });
    expect(await finishDelivery(db, { id, owner: 'next', status: 'failed', now: LATER })).toBe(false);
  });

  it('hands out what a dead worker held one at a time and last, so that one that ends its worker takes no others along', async () => {
    const ids = [];
    for (let i = 0; i < 3; i++) ids.push((await store()).id);
    await claim('dead');
    const fresh = [(await store()).id, (await store()).id];
    const claimed = async (owner: string) =>
      (await claim(owner, { now: LATER })).map((delivery) => [delivery.id, delivery.attempts]);
    expect(await claimed('one')).toEqual([
      [fresh[0], 1],
      [fresh[1], 1],
      [expect.any(String), 2],
    ]);
    expect(await claimed('two')).toEqual([[expect.any(String), 2]]);
    expect(await claimed('three')).toEqual([[expect.any(String), 2]]);
    expect(await claimed('four')).toEqual([]);
  });

  it('keeps a lease that is renewed, and renews none that another has by now', async () => {
    const { id } = await store();
    await claim('one');
    await renewLeases(db, { owner: 'one', ids: [id], now: '2026-11-22T12:00:09.000Z' });
    expect(await claim('two', { now: LATER })).toEqual([]);
    const over = '2026-11-22T12:00:19.000Z';
    expect(await claim('two', { now: over })).toHaveLength(1);
    await renewLeases(db, { owner: 'one', ids: [id], now: '2026-11-22T12:00:28.000Z' });
    expect(await claim('three', { now: '2026-11-22T12:00:29.000Z' })).toHaveLength(1);
  });

  it('waits for nothing that was written before the clock was set back by an hour', async () => {
    const HOUR_AGO = '2026-11-22T11:00:00.000Z';
    const leased = await store('1');
    await claim('dead');
    const waiting = await store('2');
    const first = await claim('one', { now: HOUR_AGO });
    expect(first.map((delivery) => delivery.id).sort()).toEqual([leased.id, waiting.id].sort());
    expect(await claim('two', { now: HOUR_AGO })).toEqual([]);
  });

  it('takes no row from a worker that lives where the clock is seconds ahead', async () => {
    await store();
    expect(await claim('ahead', { now: '2026-11-22T12:00:30.000Z' })).toHaveLength(1);
    expect(await claim('behind')).toEqual([]);
  });

  it('waits with what was postponed, until it is due', async () => {
    const { id } = await store();
    await claim('one');
    await postponeDelivery(db, {
      id,
      owner: 'one',
      nextAttemptAt: LATER,
      attempts: 1,
      reason: 'busy',
    });
    expect(await claim('two')).toEqual([]);
    expect(await claim('two', { now: LATER })).toMatchObject([{ id, attempts: 2, reason: 'busy' }]);
  });

  it.each(['failed', 'ignored'] as const)(
    'tries again by hand what is %s, as if it came now',
    async (status) => {
      const { id } = await store();
      await claim('one');
      await finishDelivery(db, {
        id,
        owner: 'one',
        status,
        reason: 'x'.repeat(10_000),
        attempts: 8,
        now: NOW,
      });
      expect(await claim('two', { now: LATER })).toEqual([]);
      expect((await findDelivery(db, id))?.reason).toHaveLength(500);
      expect(await retryDelivery(db, { id, now: LATER })).toMatchObject({
        id,
        status: 'pending',
        attempts: 0,
      });
      expect(await claim('two')).toEqual([]);
      expect(await claim('two', { now: LATER })).toHaveLength(1);
    },
  );

  it('refuses to try again what is done, waits, is in work, or is not there', async () => {
    const { id } = await store();
    const refusal = { code: 'delivery-not-failed' };
    await expect(retryDelivery(db, { id, now: NOW })).rejects.toMatchObject({
      ...refusal,
      facts: { delivery_status: 'pending' },
    });
    await claim('one');
    await expect(retryDelivery(db, { id, now: NOW })).rejects.toMatchObject(refusal);
    await finishDelivery(db, { id, owner: 'one', status: 'done', now: NOW });
    await expect(retryDelivery(db, { id, now: NOW })).rejects.toMatchObject(refusal);
    await expect(retryDelivery(db, { id: uuidIds.next(), now: NOW })).rejects.toMatchObject({
      code: 'not-found',
    });
  });
});
