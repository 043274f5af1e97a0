import request from 'supertest';
import { findStoreBySlug } from '../../src/domain/stores';
import { limits } from '../../src/platform/limits';
import { makeTestApp, type TestApp, WEBHOOK_SECRET } from '../support/app';
import { TestClock } from '../support/clock';
import { describeEachEngine } from '../support/databases';
import { FakeWooCommerce } from '../support/fake-woocommerce';
import { makePackage } from '../support/shop';

/** What applying orders leaves to the shop itself to say, asked of a shop over the network. */
describeEachEngine('Orders of a shop with keys', (engine) => {
  let app: TestApp;
  let fake: FakeWooCommerce;
  const clock = new TestClock('2026-11-22T12:00:00.000Z');

  beforeEach(async () => {
    clock.set('2026-11-22T12:00:00.000Z');
    fake = await new FakeWooCommerce({ clock }).listen();
    const { key, secret } = fake.addKey();
    app = await makeTestApp(engine, {
      clock,
      env: {
        WOOCOMMERCE_URL: fake.url,
        WOOCOMMERCE_CONSUMER_KEY: key,
        WOOCOMMERCE_CONSUMER_SECRET: secret,
      },
    });
    const store = await findStoreBySlug(app.db, 'default');
    if (!store) throw new Error('there is a default store');
    await makePackage(app.ctx, store, 'SUP-START', { sms: 10 });
    // The app under test is not listening: what the shop sends is handed to it.
    fake.webhooks.transport = async ({ headers, body }) => {
      const own = headers.filter(([name]) => !/^(connection|content-length|accept-encoding)$/i.test(name));
      const sent = request(app.http).post('/webhooks/woocommerce/default').set(Object.fromEntries(own));
      return (await sent.serialize((raw: unknown) => raw as string).send(body)).status;
    };
    for (const event of ['created', 'updated', 'deleted', 'restored']) {
      const topic = `order.${event}`;
      await fake.webhooks.create({ topic, deliveryUrl: 'http://127.0.0.1:1/', secret: WEBHOOK_SECRET });
    }
  });
  afterEach(async () => {
    await app.close();
    await fake.close();
  });

  async function settle(): Promise<void> {
    await fake.webhooks.run();
    await app.drain();
  }

  interface ApiOrder {
    status: string;
    paid: boolean;
    review_flags: string[];
    lines: { refunded_quantity: number; meters: { sms: { net: number; wanted: number } } }[];
  }

  async function order(id: number): Promise<ApiOrder> {
    const answer = await request(app.http)
      .get(`/api/v1/orders?store=default&woo_id=${id}`)
      .set('Authorization', `Bearer ${app.token}`);
    return (answer.body as { data: ApiOrder[] }).data[0] as ApiOrder;
  }

  const net = async (id: number) => (await order(id)).lines[0]?.meters.sms.net;

  test('refunds are read by line, which the webhook does not tell, and clamped', async () => {
    const id = fake.shop.buy({ lines: [{ sku: 'SUP-START', quantity: 3 }] });
    await settle();
    expect(await net(id)).toBe(30);
    const lineId = fake.shop.order(id).lines[0]?.id ?? 0;
    clock.advance(60);
    fake.shop.refund(id, { lines: [{ lineId, quantity: 1 }] });
    await settle();
    expect(await net(id)).toBe(20);
    clock.advance(60);
    fake.shop.refund(id, { amount: 1, lines: [{ lineId, quantity: 99, total: 0.82 }] });
    await settle();
    expect((await order(id)).lines[0]).toMatchObject({ refunded_quantity: 3, meters: { sms: { net: 0 } } });
    expect((await order(id)).review_flags).toContain('refund-exceeds-line');
  });

  test('a deletion is asked about: an order that was restored meanwhile keeps its credits', async () => {
    const id = fake.shop.buy();
    await settle();
    clock.advance(60);
    fake.shop.trash(id);
    // The queue runs only after it was taken out of the trash again, and order.restored is lost.
    fake.webhooks.fate = ({ topic }) => (topic === 'order.restored' ? 'lose' : 'deliver');
    clock.advance(60);
    fake.shop.restore(id);
    await settle();
    expect(await order(id)).toMatchObject({ status: 'processing', paid: true });
    expect(await net(id)).toBe(10);
  });

  test('a deletion is asked about: a trashed order and one that is gone for good give their credits back', async () => {
    const [trashed, deleted] = [fake.shop.buy(), fake.shop.buy()];
    await settle();
    clock.advance(60);
    fake.shop.trash(trashed);
    fake.shop.trash(deleted);
    fake.shop.delete(deleted);
    await settle();
    expect(await order(trashed)).toMatchObject({ status: 'trash', paid: false });
    expect(await order(deleted)).toMatchObject({ status: 'deleted', paid: false });
    expect([await net(trashed), await net(deleted)]).toEqual([0, 0]);
  });

  test('of two states of the same second the shop says which is the newest', async () => {
    const id = fake.shop.buy({ lines: [{ sku: 'SUP-START', quantity: 1 }] });
    fake.webhooks.fate = () => 'hold';
    await fake.webhooks.run();
    const lineId = fake.shop.order(id).lines[0]?.id ?? 0;
    fake.shop.edit(id, { quantities: { [lineId]: 4 } });
    await fake.webhooks.run();
    fake.webhooks.fate = () => 'deliver';
    await fake.webhooks.releaseHeld((held) => [...held].reverse());
    await app.drain();
    expect(await net(id)).toBe(40);
    expect((await order(id)).review_flags).not.toContain('same-second-conflict');
    expect(fake.requests.some(({ path }) => path.endsWith(`/orders/${id}`))).toBe(true);
  });

  test('a shop that is down is asked again later; nothing is applied by halves', async () => {
    const id = fake.shop.buy({ lines: [{ sku: 'SUP-START', quantity: 2 }] });
    await settle();
    clock.advance(60);
    const lineId = fake.shop.order(id).lines[0]?.id ?? 0;
    fake.shop.refund(id, { lines: [{ lineId, quantity: 1 }] });
    fake.fail({ kind: 'status', status: 503, retryAfter: '120', times: 1 });
    await settle();
    expect(await net(id)).toBe(20);
    const [waiting] = (await app.db('deliveries').where({ status: 'pending' })) as { reason: string }[];
    expect(waiting?.reason).toBe('The shop has an error of its own (503).');
    clock.advance(limits.backoffCapSeconds);
    await app.drain();
    expect(await net(id)).toBe(10);
  });

  test('keys that were revoked do not stop orders: they go on as they come by webhook, with a flag', async () => {
    fake.authentication.keys.length = 0;
    const id = fake.shop.buy({ lines: [{ sku: 'SUP-START', quantity: 2 }] });
    await settle();
    clock.advance(60);
    fake.shop.refund(id, { amount: 5 });
    await settle();
    expect(await net(id)).toBe(20);
    expect((await order(id)).review_flags).toContain('refunds-not-readable');
    expect(app.logs()).not.toMatch(/cs_[0-9a-f]{8}|oauth_signature/);
  });
});
