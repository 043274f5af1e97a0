import { createHmac } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import request from 'supertest';
import { planWebhooks, WEBHOOK_TOPICS, webhookName } from '../../src/domain/connections';
import { findStoreBySlug, type Store, webhookKey } from '../../src/domain/stores';
import { systemActor } from '../../src/platform/actor';
import { withTransaction } from '../../src/platform/db';
import { limits } from '../../src/platform/limits';
import { checkConnectionOf } from '../../src/usecases/check-store';
import { changeStoreIn } from '../../src/usecases/connect-store';
import { ensureWebhooks, type WebhookWork } from '../../src/usecases/make-webhooks';
import { makeTestApp, type TestApp } from '../support/app';
import { TestClock } from '../support/clock';
import { describeEachEngine } from '../support/databases';
import { FakeWooCommerce } from '../support/fake-woocommerce';

/** A shop over the network, and Zeton listening for it: pings and deliveries really arrive. */
describeEachEngine('The webhooks that Zeton makes in a shop', (engine) => {
  let app: TestApp;
  let fake: FakeWooCommerce;
  let server: Server;
  let store: Store;
  const clock = new TestClock('2026-11-22T12:00:00.000Z');

  beforeEach(async () => {
    clock.set('2026-11-22T12:00:00.000Z');
    fake = await new FakeWooCommerce({ clock }).listen();
    server = createServer((req, res) => app.http(req, res));
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    app = await openApp();
    store = await reread();
  });
  afterEach(async () => {
    await app.close();
    await fake.close();
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  });

  function openApp(beside?: TestApp): Promise<TestApp> {
    const { key, secret } = fake.authentication.keys[0] ?? fake.addKey();
    return makeTestApp(engine, {
      clock,
      beside,
      env: {
        PUBLIC_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
        WOOCOMMERCE_URL: fake.url,
        WOOCOMMERCE_CONSUMER_KEY: key,
        WOOCOMMERCE_CONSUMER_SECRET: secret,
        WOOCOMMERCE_WEBHOOK_SECRET: undefined,
      },
    });
  }
  const reread = async () => (await findStoreBySlug(app.db, 'default')) as Store;
  const inShop = () => [...fake.webhooks.all.values()];
  const secretNow = async () => (await webhookKey(app.db, app.ctx.vault, 'default'))?.secret ?? '';
  const state = async () => {
    const answer = await request(app.http)
      .get('/api/v1/stores/default')
      .set('Authorization', `Bearer ${app.token}`)
      .expect(200);
    return answer.body as {
      currency: string | null;
      webhooks: {
        ensured_at: string | null;
        problem: string | null;
        made: { id: number; pinged_at: string }[];
      };
      rest: { ok: boolean | null; problems: { check: string; code: string; detail: string }[] };
    };
  };
  function done(work: WebhookWork) {
    if (work.kind !== 'done') throw new Error(`it was ${work.kind}`);
    return work;
  }
  const ensure = async () => done(await ensureWebhooks(app.ctx, store));
  const audits = async () =>
    (await app.db('audit_log').where({ action: 'store.webhooks-made' })) as unknown[];
  /** A ping, as anybody can send one. */
  const ping = (id: number | string) =>
    request(app.http)
      .post('/webhooks/woocommerce/default')
      .set('Content-Type', 'application/x-www-form-urlencoded')
      .send(`webhook_id=${id}`)
      .expect(200, { status: 'ping' });

  test('one for each topic with a secret that Zeton generated, the ping of each seen, and again changes nothing', async () => {
    const work = await ensure();
    expect(work.made.map(({ topic }) => topic)).toEqual([...WEBHOOK_TOPICS]);
    expect(work.webhooks.every(({ pingedAt }) => pingedAt === '2026-11-22T12:00:00.000Z')).toBe(true);
    const secret = await secretNow();
    expect(secret).toMatch(/^[\w-]{43}$/);
    expect(new Set(inShop().map((hook) => hook.secret))).toEqual(new Set([secret]));
    const again = await ensure();
    expect(again).toMatchObject({ kept: 7, made: [], removed: [] });
    expect(inShop()).toHaveLength(7);
    expect(await audits()).toHaveLength(1);
    expect((await state()).webhooks).toMatchObject({ ensured_at: '2026-11-22T12:00:00.000Z', problem: null });
    expect(JSON.stringify(await app.db('audit_log'))).not.toContain(secret);
    expect(app.logs()).not.toContain(secret);
    expect(await app.db('store_pings')).toEqual([]);
  });

  test('what it signs arrives: an order is in the inbox', async () => {
    await ensure();
    fake.shop.buy();
    await fake.webhooks.run();
    expect(fake.webhooks.log.map(({ status }) => status)).toEqual(fake.webhooks.log.map(() => 200));
    expect(fake.webhooks.log.length).toBeGreaterThan(0);
    expect(await app.db('deliveries')).toHaveLength(fake.webhooks.log.length);
  });

  test('disabled, paused, moved, renamed and doubled ones are made anew; what others made is left alone', async () => {
    await ensure();
    const other = await fake.webhooks.create({
      topic: 'order.updated',
      deliveryUrl: 'http://127.0.0.1:1/other',
    });
    const [disabled, paused, moved, turned, twice] = inShop();
    if (!disabled || !paused || !moved || !turned || !twice) throw new Error('there are seven');
    disabled.status = 'disabled';
    disabled.failureCount = 6;
    paused.status = 'paused';
    moved.deliveryUrl = 'http://127.0.0.1:1/elsewhere';
    turned.topic = 'coupon.updated';
    await fake.webhooks.create({ topic: twice.topic, deliveryUrl: twice.deliveryUrl, name: twice.name });
    const work = await ensure();
    expect(work.made.map(({ why }) => why).sort()).toEqual([
      'disabled',
      'paused',
      'wrong-address',
      'wrong-topic',
    ]);
    expect(work.removed.map(({ why }) => why).sort()).toEqual([
      'disabled',
      'paused',
      'wrong-address',
      'wrong-secret',
      'wrong-topic',
    ]);
    expect(inShop()).toHaveLength(8);
    expect(inShop().find(({ id }) => id === other.id)).toEqual(other);
    const ours = inShop().filter(({ id }) => id !== other.id);
    expect(ours.map(({ topic }) => topic).sort()).toEqual([...WEBHOOK_TOPICS].sort());
    expect(ours.every(({ status, failureCount }) => status === 'active' && failureCount === 0)).toBe(true);
    expect((await ensure()).made).toEqual([]);
  });

  test('one whose number was ours in a shop that was set up anew is somebody else’s', () => {
    const own = WEBHOOK_TOPICS.map((topic, i) => ({
      wooId: i + 1,
      topic,
      secretMark: 'mark',
      madeAt: '',
      pingedAt: null,
    }));
    const found = [
      {
        id: 1,
        name: 'Bookkeeping',
        status: 'active' as const,
        topic: 'order.created',
        deliveryUrl: 'https://x/',
      },
    ];
    const plan = planWebhooks({ slug: 'a', address: 'https://z/a', secretMark: 'mark', found, own });
    expect(plan).toMatchObject({ good: [], remove: [] });
    expect(plan.make).toHaveLength(7);
    const named = found.map((hook) => ({ ...hook, name: webhookName('order.created', 'a') }));
    expect(
      planWebhooks({ slug: 'a', address: 'https://z/a', secretMark: 'mark', found: named, own }).remove,
    ).toMatchObject([{ id: 1, why: 'wrong-address' }]);
  });

  test('two processes at once make each webhook once', async () => {
    const beside = await openApp(app);
    const works = await Promise.all([ensureWebhooks(app.ctx, store), ensureWebhooks(beside.ctx, store)]);
    expect(works.map(({ kind }) => kind).sort()).toEqual(['busy', 'done']);
    expect(inShop()).toHaveLength(7);
    await beside.close();
  });

  test('after a change of the secret they are made anew; the old secret is good for a day, and then no more', async () => {
    await ensure();
    const old = await secretNow();
    await withTransaction(app.db, (trx) =>
      changeStoreIn(trx, app.ctx, systemActor, store.id, { webhookSecret: 'another-secret' }),
    );
    const deliver = (secret: string) =>
      request(app.http)
        .post('/webhooks/woocommerce/default')
        .set({
          'Content-Type': 'application/json',
          'X-WC-Webhook-Topic': 'order.updated',
          'X-WC-Webhook-Signature': createHmac('sha256', secret).update('{"id":1}').digest('base64'),
        })
        .send('{"id":1}');
    await deliver(old).expect(200);
    await deliver('another-secret').expect(200);
    await deliver('a third').expect(401);
    clock.advance(limits.oldWebhookSecretHours * 3600 - 1);
    await deliver(old).expect(200);
    clock.advance(1);
    await deliver(old).expect(401);
    const work = await ensure();
    expect(work.made).toHaveLength(7);
    expect(work.removed.map(({ why }) => why)).toEqual(Array(7).fill('wrong-secret'));
    expect(new Set(inShop().map(({ secret }) => secret))).toEqual(new Set(['another-secret']));
    // Taking the secret away is meant: then nothing is good.
    await withTransaction(app.db, (trx) =>
      changeStoreIn(trx, app.ctx, systemActor, store.id, { webhookSecret: null }),
    );
    await deliver('another-secret').expect(401);
  });

  test('a forged ping proves nothing of another webhook, and is kept only while webhooks are made, up to a limit', async () => {
    await ping(7);
    expect(await app.db('store_pings')).toEqual([]);
    await ensure();
    await app.db('store_webhooks').where({ woo_id: 3 }).update({ pinged_at: null });
    await ping(99);
    await ping('9'.repeat(25));
    expect(await app.db('store_pings')).toEqual([]);
    expect(await app.db('store_webhooks').where({ pinged_at: null })).toHaveLength(1);
    await ping(3);
    expect(await app.db('store_webhooks').where({ pinged_at: null })).toHaveLength(0);
    const until = '2026-11-22T12:00:05.000Z';
    await app.db('store_links').update({ webhooks_owner: 'somebody', webhooks_until: until });
    for (let id = 100; id < 105 + limits.pingsKept; id++) await ping(id);
    expect(await app.db('store_pings')).toHaveLength(limits.pingsKept);
  });

  test('a webhook whose ping did not arrive says so until it does', async () => {
    fake.webhooks.pingTimeoutMs = 1;
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
    const work = await ensure();
    expect(work.webhooks.map(({ pingedAt }) => pingedAt)).toEqual(Array(7).fill(null));
    expect((await state()).webhooks.made.every((hook) => hook.pinged_at === null)).toBe(true);
  });

  test('a read-only key makes no webhooks; why is kept and said', async () => {
    for (const key of fake.authentication.keys) key.permissions = 'read';
    await expect(ensureWebhooks(app.ctx, store)).rejects.toMatchObject({ code: 'read-only-key' });
    expect((await state()).webhooks.problem).toMatch(/read-only/);
    for (const key of fake.authentication.keys) key.permissions = 'read_write';
    await ensure();
    expect((await state()).webhooks.problem).toBeNull();
  });

  test('a shop that breaks off in the middle keeps what was made, and the rest follows without doubles', async () => {
    fake.fail({
      kind: 'reset-after',
      times: 1,
      when: (method, path) => method === 'POST' && path.endsWith('/webhooks') && inShop().length === 3,
    });
    await expect(ensureWebhooks(app.ctx, store)).rejects.toMatchObject({ maybeDone: true });
    const work = await ensure();
    expect(work.kept).toBe(3);
    // Made, but never answered for: nobody knows its number, so it goes.
    expect(work.removed).toMatchObject([{ why: 'wrong-secret' }]);
    expect(inShop()).toHaveLength(7);
  });

  test('the first check-list learns from the shop what was only guessed, and later ones leave what an admin says', async () => {
    const details = async () => {
      const { name, country, locale, time_zone } = await app.db('stores').where({ id: store.id }).first();
      return { name, country, locale, time_zone };
    };
    const told = { country: 'SI', locale: 'sl', time_zone: 'Europe/Ljubljana' };
    const guessed = { country: 'US', locale: 'en', time_zone: 'UTC' };
    await app
      .db('stores')
      .where({ id: store.id })
      .update({ name: '127.0.0.1', ...guessed });
    fake.goDown();
    expect(await checkConnectionOf(app.ctx, store)).toMatchObject({ ok: false });
    expect(await details()).toEqual({ name: '127.0.0.1', ...guessed });
    fake.goUp();
    await checkConnectionOf(app.ctx, store);
    expect(await details()).toEqual({ name: 'Trgovina', ...told });
    await app.db('stores').where({ id: store.id }).update(guessed);
    await checkConnectionOf(app.ctx, store);
    expect(await details()).toMatchObject(guessed);
  });

  test('what an admin said before the first check-list stays', async () => {
    const said = { name: 'Our shop', country: 'HR', locale: 'hr', time_zone: 'Europe/Zagreb' };
    await app.db('stores').where({ id: store.id }).update(said);
    await checkConnectionOf(app.ctx, store);
    expect(await app.db('stores').where({ id: store.id }).first()).toMatchObject(said);
  });

  test('the check-list is kept with what is wrong in words, and forgotten when the keys change', async () => {
    await checkConnectionOf(app.ctx, store);
    expect(await state()).toMatchObject({ currency: 'EUR', rest: { ok: true, problems: [] } });
    for (const key of fake.authentication.keys) key.permissions = 'read';
    await checkConnectionOf(app.ctx, store);
    const { rest } = await state();
    expect(rest).toMatchObject({ ok: false, problems: [{ check: 'write', code: 'read-only-key' }] });
    await withTransaction(app.db, (trx) =>
      changeStoreIn(trx, app.ctx, systemActor, store.id, { consumerKey: 'ck_other' }),
    );
    expect((await state()).rest).toMatchObject({ ok: null, problems: [] });
    const { id } = store;
    await withTransaction(app.db, (trx) =>
      changeStoreIn(trx, app.ctx, systemActor, id, { consumerKey: null, consumerSecret: null }),
    );
    expect(await ensureWebhooks(app.ctx, store)).toEqual({ kind: 'no-keys' });
    expect(await checkConnectionOf(app.ctx, store)).toBeNull();
  });
});
