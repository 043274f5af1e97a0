import { claimDeliveries } from '../../src/domain/inbox';
import { leaseOrder } from '../../src/domain/orders';
import type { Store } from '../../src/domain/stores';
import { iso } from '../../src/platform/clock';
import { limits } from '../../src/platform/limits';
import type { Context } from '../../src/usecases/context';
import { processDeliveries } from '../../src/usecases/process-delivery';
import { makeContext, makeStore, type SetClock } from '../support/context';
import { describeEachEngine } from '../support/databases';
import { drainInbox, makePackage, orderJson, receive } from '../support/shop';

describeEachEngine('working off the inbox', (engine) => {
  let ctx: Context & { clock: SetClock };
  let store: Store;
  beforeEach(async () => {
    const { db } = await engine.freshDatabase();
    ctx = makeContext(db);
    store = await makeStore(ctx);
    await makePackage(ctx, store, 'SUP', { sms: 5 });
  });

  const row = (id: string) => ctx.db('deliveries').where({ id }).first();
  const order = (id: number) =>
    receive(ctx, store, 'order.updated', orderJson({ id, email: `b${id}@example.com` }));
  /** A worker takes it, and is never heard of again. */
  const claimAndDie = async () => {
    await claimDeliveries(ctx.db, { owner: 'dead', now: iso(ctx.clock.now()), limit: 20 });
    ctx.clock.advance(limits.renewedLeaseSeconds);
  };

  it('parks what ended its process at each attempt, untried, and goes on', async () => {
    const poison = await order(1);
    for (let i = 0; i < limits.inboxAttempts; i++) await claimAndDie();
    const other = await order(2);
    await drainInbox(ctx);
    expect(await row(poison)).toMatchObject({
      status: 'failed',
      reason: 'Zeton stopped in the middle of it each time that it was tried.',
    });
    expect(await ctx.db('orders').where({ woo_id: 1 })).toHaveLength(0);
    expect(await row(other)).toMatchObject({ status: 'done', attempts: 1 });
  });

  it('tries once more what was cut off one time less than that', async () => {
    const id = await order(1);
    for (let i = 1; i < limits.inboxAttempts; i++) await claimAndDie();
    await drainInbox(ctx);
    expect(await row(id)).toMatchObject({ status: 'done', attempts: limits.inboxAttempts });
  });

  it('counts no attempt while another worker has the order, and waits for a dead one for seconds only', async () => {
    const id = await order(1);
    const now = ctx.clock.now();
    await leaseOrder(ctx.db, {
      id: ctx.ids.next(),
      storeId: store.id,
      wooId: 1,
      owner: 'dead',
      now: iso(now),
      until: iso(new Date(now.getTime() + limits.renewedLeaseSeconds * 1000)),
    });
    for (let i = 0; i < 9; i++) {
      expect(await processDeliveries(ctx, { limit: 10 })).toBe(1);
      expect(await row(id)).toMatchObject({ status: 'pending', attempts: 0, lease_owner: null });
      ctx.clock.advance(1);
    }
    ctx.clock.advance(1);
    await processDeliveries(ctx, { limit: 10 });
    expect(await row(id)).toMatchObject({ status: 'done', attempts: 1 });
  });

  it('takes an order from a worker whose clock was an hour ahead', async () => {
    const id = await order(1);
    const ahead = new Date(ctx.clock.now().getTime() + 3600_000);
    const lease = { id: ctx.ids.next(), storeId: store.id, wooId: 1, owner: 'dead', now: iso(ahead) };
    await leaseOrder(ctx.db, { ...lease, until: iso(ahead) });
    await processDeliveries(ctx, { limit: 10 });
    expect(await row(id)).toMatchObject({ status: 'done' });
  });

  it('counts no attempt when the database fails, and leaves the waiting to its loop', async () => {
    const id = await order(1);
    ctx.gateways.woocommerce = {
      ...ctx.gateways.woocommerce,
      readOrder: () =>
        Promise.reject(Object.assign(new Error('database or disk is full'), { code: 'SQLITE_FULL' })),
    };
    const deletion = await receive(ctx, store, 'order.deleted', '{"id":1}');
    await expect(processDeliveries(ctx, { limit: 10 })).rejects.toThrow('disk is full');
    expect(await row(deletion)).toMatchObject({ status: 'pending', attempts: 0, lease_owner: null });
    expect(await row(id)).toMatchObject({ status: 'done' });
  });

  it('gives back, uncounted, what it did not come to before its lease was over', async () => {
    const first = await receive(ctx, store, 'order.deleted', '{"id":1}');
    const second = await order(2);
    ctx.gateways.woocommerce = {
      ...ctx.gateways.woocommerce,
      readOrder: () => {
        ctx.clock.advance(limits.renewedLeaseSeconds); // the process stood still
        return Promise.resolve({ kind: 'missing' });
      },
    };
    expect(await processDeliveries(ctx, { limit: 10 })).toBe(2);
    expect(await row(first)).toMatchObject({ status: 'done' });
    expect(await row(second)).toMatchObject({ status: 'pending', attempts: 0, lease_owner: null });
  });
});
