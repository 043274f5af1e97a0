import { systemActor } from '../../src/platform/actor';
import { limits } from '../../src/platform/limits';
import { applyOrderNews } from '../../src/usecases/apply-order-snapshot';
import { readShopNow } from '../../src/usecases/read-shop-now';
import { reconcileStore } from '../../src/usecases/reconcile-store';
import { makeTestApp } from '../support/app';
import { chosenEngines, describeEachEngine } from '../support/databases';
import { type OpenShop, openShop } from '../support/open-shop';
import { expectSoundLedger, makePackage } from '../support/shop';
import { until } from '../support/until';

describeEachEngine('Reconciliation', (engine) => {
  let open: OpenShop;

  beforeEach(async () => {
    open = await openShop(engine, { shop: { customStatuses: ['v-pripravi'] } });
    await makePackage(open.app.ctx, open.store, 'SUP-START', { sms: 10 });
    await open.read();
  });
  afterEach(() => open.close());

  const ordersInDb = async () =>
    Number((await open.app.db('orders').whereNot({ status: '' }).count({ n: '*' }).first())?.n);
  const sync = () => open.app.db('store_syncs').where({ kind: 'orders' }).first();

  test('all webhooks of a day are lost, and one walk brings everything', async () => {
    const { fake, clock, store } = open;
    await open.app.db('stores').update({ paid_statuses: '["processing","completed","v-pripravi"]' });
    fake.webhooks.fate = () => 'lose';
    const many = Array.from({ length: 40 }, () => ({ sku: 'SUP-START', quantity: 1 }));
    const ids: Record<string, number> = {};
    ids.plain = fake.shop.buy();
    clock.advance({ hours: 2 });
    ids.forty = fake.shop.buy({ lines: many });
    ids.yen = fake.shop.buy({ currency: 'JPY', lines: [{ sku: 'SUP-START', quantity: 2 }] });
    ids.transfer = fake.shop.buy({ payment: 'bacs', lines: [{ sku: 'SUP-START', quantity: 3 }] });
    ids.custom = fake.shop.buy({ payment: 'cod' });
    ids.cancelled = fake.shop.buy();
    ids.trashed = fake.shop.buy();
    ids.refunded = fake.shop.buy({ lines: [{ sku: 'SUP-START', quantity: 3 }] });
    ids.money = fake.shop.buy();
    clock.advance({ hours: 9 });
    fake.shop.setStatus(ids.transfer, 'processing');
    fake.shop.setStatus(ids.custom, 'v-pripravi');
    fake.shop.setStatus(ids.cancelled, 'cancelled');
    fake.shop.trash(ids.trashed);
    const lineId = fake.shop.order(ids.refunded).lines[0]?.id ?? 0;
    fake.shop.refund(ids.refunded, { lines: [{ lineId, quantity: 1 }] });
    fake.shop.refund(ids.money, { amount: 5 });
    clock.advance({ hours: 13 });
    await open.settle();
    expect(await ordersInDb()).toBe(0);

    const fresh = { ...store, paidStatuses: ['processing', 'completed', 'v-pripravi'] };
    const report = await reconcileStore(open.app.ctx, systemActor, fresh, { kind: 'orders' });

    expect(report).toMatchObject({ state: 'done', seen: 9, found: 9, parked: 0 });
    expect(report?.finds.map(({ what }) => what)).toEqual(Array(9).fill('new'));
    const nets = Object.fromEntries(
      await Promise.all(Object.entries(ids).map(async ([name, id]) => [name, await open.net(id)])),
    );
    expect(nets).toEqual({
      plain: 10,
      forty: 10,
      yen: 20,
      transfer: 30,
      custom: 10,
      cancelled: 0,
      trashed: 0,
      refunded: 20,
      money: 10,
    });
    const [forty] = await open.app.db('orders').where({ woo_id: ids.forty });
    expect(
      Number((await open.app.db('order_lines').where({ order_id: forty.id }).count({ n: '*' }).first())?.n),
    ).toBe(40);
    const [money] = await open.app.db('orders').where({ woo_id: ids.money });
    expect(JSON.parse(money.review_flags)).toEqual(['money-only-refund']);
    await expectSoundLedger(open.app.ctx);

    const again = await reconcileStore(open.app.ctx, systemActor, fresh, { kind: 'orders' });
    expect(again).toMatchObject({ state: 'done', found: 0, parked: 0 });
  });

  test('two processes at once: the shop is read by one of them, and every order is applied once', async () => {
    const { fake, clock } = open;
    const other = await makeTestApp(engine, { beside: open.app, env: { ...envOf(open) } });
    fake.webhooks.fate = () => 'lose';
    const ids = Array.from({ length: 5 }, () => fake.shop.buy());
    clock.advance(60);
    const reports = await Promise.all([open.read(), open.read({}, other)]);
    const done = reports.filter((report) => report !== null);
    expect(done.reduce((sum, report) => sum + report.found, 0)).toBe(5);
    expect(done.length).toBeLessThan(2);
    for (const id of ids) expect(await open.net(id)).toBe(10);
    await expectSoundLedger(open.app.ctx);
    await other.close();
  });

  test('who asks while the shop is being read waits for their turn, and is told when that takes too long', async () => {
    const { app, store } = open;
    const ask = { storeId: store.id, kind: 'orders' as const };
    const heldUntil = (time: string) =>
      app.db('store_syncs').update({ lease_owner: 'other', lease_until: time });
    await heldUntil('2026-11-22T12:00:10.000Z');
    const waits = readShopNow(app.ctx, systemActor, { ...ask, waitMs: 60_000 });
    await expect(readShopNow(app.ctx, systemActor, { ...ask, waitMs: 1 })).rejects.toMatchObject({
      code: 'reconciliation-running',
    });
    await heldUntil('2026-11-22T11:00:00.000Z');
    expect(await waits).toMatchObject({ state: 'done' });
  });

  test('a lease that is renewed is not taken over while the walk lasts', async () => {
    const { fake, clock } = open;
    fake.webhooks.fate = () => 'lose';
    fake.shop.buy();
    let hold: (() => void) | undefined;
    const { readRefunds } = open.app.gateways;
    readRefunds.answer(null);
    const id = fake.shop.buy();
    fake.shop.refund(id, { amount: 1 });
    readRefunds.answerOnce(
      () =>
        new Promise((resolve) => {
          hold = () => resolve({ kind: 'refunds', json: '[]' });
        }),
    );
    const walk = open.read();
    await until('the walk waits for the shop', () => hold);
    // Longer than the lease; it is renewed by elapsed time, so the renewal is waited for.
    clock.advance(limits.renewedLeaseSeconds - 1);
    const before = (await sync()).lease_until;
    await until('the lease is renewed', async () => (await sync()).lease_until > before);
    clock.advance(2);
    expect(await open.read()).toBeNull();
    hold?.();
    expect(await walk).toMatchObject({ state: 'done', found: 2 });
  });

  test('a process that died in a walk: its lease runs out, its run is shown as stopped', async () => {
    const { clock, app, store } = open;
    await app.db('store_syncs').update({ lease_owner: 'dead', lease_until: '2026-11-22T12:00:10.000Z' });
    await app.db('sync_runs').insert({
      id: '0193e3a0-0000-7000-8000-000000000000',
      store_id: store.id,
      kind: 'orders',
      asked_by: 'Zeton',
      since: '2026-11-22T11:50:00.000Z',
      state: 'running',
      seen: 0,
      found: 0,
      parked: 0,
      started_at: '2026-11-22T12:00:00.000Z',
    });
    expect(await open.read()).toBeNull();
    clock.advance(11);
    expect(await open.read()).toMatchObject({ state: 'done' });
    const dead = await app.db('sync_runs').where({ id: '0193e3a0-0000-7000-8000-000000000000' }).first();
    expect(dead.state).toBe('stopped');
  });

  test('an order that cannot be applied is parked, holds up no other, and is tried again until it works', async () => {
    const { fake, clock, app, store } = open;
    fake.webhooks.fate = () => 'lose';
    const broken = fake.shop.buy();
    fake.shop.refund(broken, { amount: 1 });
    const good = fake.shop.buy();
    app.gateways.readRefunds.answer({ kind: 'refunds', json: '{"not":"a list"}' });
    expect(await open.read()).toMatchObject({ state: 'done', found: 1, parked: 1 });
    expect(await open.net(good)).toBe(10);
    const [parked] = await app.db('parked_orders');
    expect(parked).toMatchObject({ store_id: store.id, attempts: 1 });
    // The cursor has passed it for long.
    clock.advance({ hours: 3 });
    fake.shop.buy();
    await open.read();
    clock.advance({ hours: 3 });
    app.gateways.readRefunds.answer(null);
    expect(await open.read()).toMatchObject({ parked: 0 });
    expect(await app.db('parked_orders')).toEqual([]);
    expect(await open.net(broken)).toBe(10);
  });

  describe('The deep sweep', () => {
    test('a deleted refund gives the credits back within a day', async () => {
      const { fake, clock, app } = open;
      const id = fake.shop.buy({ lines: [{ sku: 'SUP-START', quantity: 3 }] });
      const lineId = fake.shop.order(id).lines[0]?.id ?? 0;
      clock.advance({ days: 1 });
      const refund = fake.shop.refund(id, { lines: [{ lineId, quantity: 2 }] });
      await open.settle();
      expect(await open.net(id)).toBe(10);
      await app.runJob('shops.sweep');
      clock.advance({ hours: 3 });
      fake.shop.buy();
      await open.read();
      fake.shop.deleteRefund(id, refund);
      await open.read();
      expect(await open.net(id)).toBe(10);
      // Hourly looks, as the schedule has them; the last sweep was three hours ago.
      let hours = 0;
      while ((await open.net(id)) !== 30 && hours < 48) {
        clock.advance({ hours: 1 });
        hours += 1;
        await app.runJob('shops.sweep');
      }
      expect(hours).toBeLessThanOrEqual(21);
      await expectSoundLedger(app.ctx);
    });

    test('an order that was deleted for good gives its credits back, and one in the trash is asked for too', async () => {
      const { fake, clock } = open;
      const [gone, kept] = [fake.shop.buy(), fake.shop.buy()];
      await open.settle();
      clock.advance({ hours: 1 });
      fake.shop.delete(gone);
      await open.read();
      expect(await open.net(gone)).toBe(10);
      const report = await open.sweep();
      expect(report).toMatchObject({ state: 'done', found: 1 });
      expect(report?.finds).toEqual([{ wooId: gone, number: String(gone), what: 'gone', status: 'deleted' }]);
      expect([await open.net(gone), await open.net(kept)]).toEqual([0, 10]);
      expect(await open.sweep()).toMatchObject({ found: 0 });
    });

    test('refunds of an older order are read too, where it was refunded lately; others cost no request', async () => {
      const { fake, clock } = open;
      const [refunded, quiet] = [
        fake.shop.buy({ lines: [{ sku: 'SUP-START', quantity: 2 }] }),
        fake.shop.buy(),
      ];
      await open.settle();
      clock.advance({ days: 120 });
      const lineId = fake.shop.order(refunded).lines[0]?.id ?? 0;
      const refund = fake.shop.refund(refunded, { lines: [{ lineId, quantity: 1 }] });
      await open.settle();
      fake.shop.deleteRefund(refunded, refund);
      fake.requests.length = 0;
      expect(await open.sweep()).toMatchObject({ found: 1 });
      expect(await open.net(refunded)).toBe(20);
      expect(fake.requests.map(({ path }) => path).filter((path) => path.includes(`/${quiet}`))).toEqual([]);
      expect(fake.requests.length).toBeLessThanOrEqual(4);
    });

    test('a product that gets another sku, or is deleted, takes nothing from orders that it gives no new date', async () => {
      const { fake, clock } = open;
      // Each has another hash, and none may decide.
      const told = Array.from({ length: 6 }, () => fake.shop.buy());
      await open.settle();
      fake.webhooks.fate = () => 'lose';
      const found = Array.from({ length: 6 }, () => fake.shop.buy());
      clock.advance(61);
      await open.read();
      for (const change of [
        () => fake.shop.renameProduct(11, { sku: 'SUP-NEW' }),
        () => fake.shop.deleteProduct(11),
      ]) {
        change();
        clock.advance({ days: 1 });
        await open.sweep();
        for (const id of [...told, ...found]) expect(await open.net(id)).toBe(10);
      }
    });

    test('an order that was found only after its product was deleted is known by a webhook that comes late', async () => {
      const { fake, clock } = open;
      fake.webhooks.fate = () => 'hold';
      const ids = Array.from({ length: 6 }, () => fake.shop.buy());
      await open.settle();
      fake.shop.deleteProduct(11);
      clock.advance(61);
      await open.read();
      for (const id of ids) expect(await open.net(id)).toBeNull();
      await fake.webhooks.releaseHeld();
      await open.settle();
      for (const id of ids) expect(await open.net(id)).toBe(10);
    });

    test('orders that Zeton does not know are not taken in by it', async () => {
      const { fake } = open;
      fake.webhooks.fate = () => 'lose';
      fake.shop.buy();
      await open.settle();
      expect(await open.sweep()).toMatchObject({ seen: 1, found: 0 });
      expect(await ordersInDb()).toBe(0);
    });
  });

  // What follows asks the databases nothing new.
  if (engine.name !== chosenEngines()[0]) return;

  test('what a webhook brought is not found again, whatever the checkout tidies up later', async () => {
    const { fake, clock } = open;
    fake.shop.buy();
    await open.settle();
    clock.advance(30);
    fake.shop.forgetDebugMeta();
    expect(await open.read()).toMatchObject({ seen: 1, found: 0 });
  });

  test('an order that changes while the walk is under way has its newest state in the end', async () => {
    const { fake, clock } = open;
    fake.webhooks.fate = () => 'lose';
    const ids = Array.from({ length: 3 }, () => fake.shop.buy());
    const [first = 0] = ids;
    clock.advance(60);
    let isChanged = false;
    fake.beforeAnswer = (_method, path) => {
      // The list was read; the order changes before the shop lists its trash.
      if (isChanged || !path.endsWith('/orders')) return;
      isChanged = true;
      fake.beforeAnswer = () => {
        fake.beforeAnswer = () => undefined;
        fake.shop.edit(first, { quantities: { [fake.shop.order(first).lines[0]?.id ?? 0]: 4 } });
      };
    };
    await open.read();
    expect(await open.net(first)).toBe(10);
    clock.advance(60);
    expect(await open.read()).toMatchObject({ found: 1 });
    expect(await open.net(first)).toBe(40);
  });

  test('a state read before a webhook of the same second does not win over it', async () => {
    const { fake, app, store } = open;
    const id = fake.shop.buy({ lines: [{ sku: 'SUP-START', quantity: 1 }] });
    const stale = fake.orderJson(id);
    const readAt = open.clock.now().toISOString();
    fake.shop.edit(id, { quantities: { [fake.shop.order(id).lines[0]?.id ?? 0]: 4 } });
    open.clock.advance(5);
    await open.settle();
    await applyOrderNews(app.ctx, store, id, { kind: 'listed', json: stale, readAt });
    expect(await open.net(id)).toBe(40);
  });

  test('the shop is down for a day: said in plain words, left in peace for longer each time, then all is there', async () => {
    const { fake, clock, app } = open;
    fake.goDown();
    fake.webhooks.fate = () => 'lose';
    const id = fake.shop.buy();
    clock.advance({ minutes: 5 });
    await app.runJob('shops.read');
    expect(await sync()).toMatchObject({ failures: 1, failing_since: '2026-11-22T12:05:00.000Z' });
    expect((await sync()).problem).toMatch(/^(The connection to the shop was cut|Nobody answers)/);
    clock.advance(90);
    await app.runJob('shops.read');
    expect(await sync()).toMatchObject({ failures: 2, failing_since: '2026-11-22T12:05:00.000Z' });
    clock.advance(90);
    await app.runJob('shops.read');
    expect(await sync()).toMatchObject({ failures: 2 });
    fake.goUp();
    clock.advance({ days: 1 });
    await app.runJob('shops.read');
    expect(await open.net(id)).toBe(10);
    expect(await sync()).toMatchObject({ failures: 0, failing_since: null, problem: null });
  });

  test('a walk that is cut off half-way loses nothing: the cursor stays, and the next one begins there', async () => {
    const { fake, clock } = open;
    fake.webhooks.fate = () => 'lose';
    const early = fake.shop.buy();
    clock.advance({ hours: 1 });
    const late = fake.shop.buy();
    const cursor = (await sync()).read_until;
    // The live orders are told, the trash is not.
    let lists = 0;
    fake.fail({
      kind: 'status',
      status: 401,
      body: JSON.stringify({ code: 'woocommerce_rest_cannot_view', message: 'no', data: { status: 401 } }),
      when: (_method, path) => path.endsWith('/orders') && ++lists === 2,
    });
    expect(await open.read()).toMatchObject({ state: 'failed', seen: 2, found: 2 });
    expect((await sync()).read_until).toBe(cursor);
    expect([await open.net(early), await open.net(late)]).toEqual([10, 10]);
    expect(await open.read()).toMatchObject({ state: 'done', seen: 2, found: 0 });
    expect((await sync()).read_until).toBe('2026-11-22T13:00:00');
  });

  test('a process that ends stops its walk; the next one begins again at once', async () => {
    const { fake, app } = open;
    fake.webhooks.fate = () => 'lose';
    const id = fake.shop.buy();
    app.ctx.walks.stopping = true;
    expect(await open.read()).toMatchObject({ state: 'stopped', found: 0 });
    app.ctx.walks.stopping = false;
    expect(await open.read()).toMatchObject({ state: 'done', found: 1 });
    expect(await open.net(id)).toBe(10);
  });

  test('a shop whose clock is behind loses no order', async () => {
    const { fake, clock } = open;
    fake.webhooks.fate = () => 'lose';
    fake.shop.buy();
    clock.advance({ hours: 2 });
    await open.read();
    // Our clock is 40 minutes ahead of the shop's from here on.
    const late = fake.shop.buy();
    clock.advance({ minutes: 40 });
    await open.read();
    fake.shop.order(late).modifiedAt += 60;
    fake.shop.order(late).status = 'cancelled';
    fake.shop.ordersVersion += 1;
    clock.advance({ minutes: 5 });
    expect(await open.read()).toMatchObject({ found: 1 });
    expect(await open.net(late)).toBe(0);
  });

  test('an order that is dated in the future does not carry the cursor with it', async () => {
    const { fake, clock } = open;
    fake.webhooks.fate = () => 'lose';
    const odd = fake.shop.buy();
    fake.shop.order(odd).modifiedAt += 10 * 86_400;
    fake.shop.ordersVersion += 1;
    await open.read();
    clock.advance({ minutes: 20 });
    const next = fake.shop.buy();
    await open.read();
    expect(await open.net(next)).toBe(10);
  });

  test('orders from before the connection are left to the import, unless an earlier time is asked for', async () => {
    const { fake, clock, app } = open;
    fake.webhooks.fate = () => 'lose';
    clock.advance({ days: 30 });
    const old = fake.shop.buy();
    clock.advance({ days: 1 });
    await app.db('sync_finds').delete();
    await app.db('sync_runs').delete();
    await app.db('store_syncs').delete();
    expect(await open.read()).toMatchObject({ seen: 0 });
    // A later one than the cursor would leave a gap, so it is not taken.
    expect((await open.read({ since: '2027-06-01T00:00:00.000Z' }))?.since).toBe('2026-12-23T11:50:00.000Z');
    const since = new Date(clock.now().getTime() - 2 * 86_400_000).toISOString();
    expect(await open.read({ since })).toMatchObject({ found: 1 });
    expect(await open.net(old)).toBe(10);
  });

  describe('Silence of the webhooks', () => {
    const shop = async () => (await open.api('get', '/api/v1/stores/default')).body.webhook.silent_since;

    test('orders change and no webhook comes: named after a quarter of an hour, over with the next webhook', async () => {
      const { fake, clock } = open;
      fake.webhooks.fate = () => 'lose';
      clock.advance({ minutes: 5 });
      fake.shop.buy();
      await open.settle();
      await open.read();
      expect(await shop()).toBeNull();
      clock.advance({ minutes: 16 });
      await open.read();
      expect(await shop()).toBe('2026-11-22T12:05:00.000Z');
      fake.webhooks.fate = () => 'deliver';
      fake.shop.buy();
      await open.settle();
      expect(await shop()).toBeNull();
      await open.read();
      expect((await sync()).unannounced_since).toBeNull();
    });

    test('a webhook that is only later than the walk is no silence', async () => {
      const { fake, clock } = open;
      clock.advance({ minutes: 5 });
      fake.shop.buy();
      await open.read();
      clock.advance(40);
      await open.settle();
      clock.advance({ minutes: 20 });
      await open.read();
      expect(await shop()).toBeNull();
    });

    test('a deleted refund, which tells nobody, and a long pause of Zeton itself are no silence', async () => {
      const { fake, clock } = open;
      const id = fake.shop.buy();
      const refund = fake.shop.refund(id, { amount: 1 });
      await open.settle();
      await open.read();
      clock.advance({ minutes: 5 });
      fake.shop.deleteRefund(id, refund);
      expect(await open.read()).toMatchObject({ found: 1 });
      expect((await sync()).unannounced_since).toBeNull();
      fake.webhooks.fate = () => 'lose';
      fake.shop.buy();
      await open.settle();
      clock.advance({ days: 1 });
      expect(await open.read()).toMatchObject({ found: 1 });
      expect((await sync()).unannounced_since).toBeNull();
    });
  });

  test('a webhook that was switched off is made anew before the orders are read, and the admin is told', async () => {
    const { fake, clock, app } = open;
    clock.advance({ minutes: 5 });
    await app.runJob('shops.read');
    expect((await sync()).webhooks_made).toBeNull();
    const own = [...fake.webhooks.all.values()].find(
      ({ name, topic }) => name.startsWith('Zeton') && topic === 'order.updated',
    );
    if (!own) throw new Error('Zeton has made its webhooks');
    own.status = 'disabled';
    const id = fake.shop.buy();
    clock.advance({ minutes: 5 });
    await app.runJob('shops.read');
    expect(await sync()).toMatchObject({
      webhooks_made: 'order.updated',
      webhooks_made_at: '2026-11-22T12:10:00.000Z',
      failures: 0,
    });
    expect(fake.webhooks.all.has(own.id)).toBe(false);
    expect(await open.net(id)).toBe(10);
  });

  test('a process reads its shops when it starts, whoever had the last slot, and hands over what it is at when it ends', async () => {
    const { fake, clock, app } = open;
    clock.advance({ minutes: 2 });
    await app.db('job_slots').insert({
      job: 'shops.read',
      slot: '2026-11-22T12:00:00.000Z',
      taken_at: '2026-11-22T12:00:00.000Z',
    });
    fake.webhooks.fate = () => 'lose';
    const id = fake.shop.buy();
    const other = await makeTestApp(engine, { beside: app, env: { ...envOf(open) } });
    other.start();
    await until('the order is there', async () => (await open.net(id)) === 10);
    await other.close();
    expect((await sync()).lease_owner).toBeNull();
  });
});

function envOf({ fake }: OpenShop): Record<string, string> {
  const [key] = fake.authentication.keys;
  return {
    PUBLIC_URL: 'http://127.0.0.1:1',
    WOOCOMMERCE_URL: fake.url,
    WOOCOMMERCE_CONSUMER_KEY: key?.key ?? '',
    WOOCOMMERCE_CONSUMER_SECRET: key?.secret ?? '',
  };
}
