import { readFileSync } from 'node:fs';
import { createServer as createSecureServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import request from 'supertest';
import { createStore, findStoreBySlug, storeSecrets } from '../../src/domain/stores';
import { systemActor } from '../../src/platform/actor';
import { withTransaction } from '../../src/platform/db';
import { limits } from '../../src/platform/limits';
import { momentOf } from '../../src/usecases/context';
import { makeTestApp, type TestApp, TestClock } from '../support/app';
import {
  addStaff,
  describeInBrowser,
  expectAccessible,
  look,
  OWNER,
  openBrowser,
  PAGE_ENV,
  type TestBrowser,
} from '../support/browser';
import type { TestEngine } from '../support/databases';
import { FakeWooCommerce } from '../support/fake-woocommerce';
import { Visitor } from '../support/visitor';

const TLS = join(__dirname, '..', 'fixtures', 'tls');

interface World {
  app: TestApp;
  fake: FakeWooCommerce;
  /** https://127.0.0.1:PORT, where Zeton is. */
  base: string;
  close(): Promise<void>;
}

/** Zeton behind https, as WooCommerce wants it, and a shop. */
async function openWorld(engine: TestEngine, env: Record<string, string | undefined> = {}): Promise<World> {
  const clock = new TestClock('2026-11-22T12:00:00.000Z');
  const fake = await new FakeWooCommerce({ clock, folder: '/trgovina' }).listen();
  const server: Server = createSecureServer(
    {
      key: readFileSync(join(TLS, 'self-signed.key.pem')),
      cert: readFileSync(join(TLS, 'self-signed.cert.pem')),
    },
    (req, res) => app.http(req, res),
  );
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const base = `https://localhost:${(server.address() as AddressInfo).port}`;
  const app: TestApp = await makeTestApp(engine, {
    clock,
    env: { ...PAGE_ENV, PUBLIC_URL: base, WOOCOMMERCE_WEBHOOK_SECRET: undefined, ...env },
  });
  return {
    app,
    fake,
    base,
    async close() {
      await app.close();
      await fake.close();
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

const decode = (text: string) => text.replaceAll('&amp;', '&');

describeInBrowser('the pages of stores', (engine) => {
  let world: World;
  let carol: Visitor;
  beforeEach(async () => {
    world = await openWorld(engine);
    carol = await Visitor.of(world.app, OWNER.email);
  });
  afterEach(() => world.close());

  const approvalIn = (text: string) => new URL(decode(/href="([^"]*wc-auth[^"]*)"/.exec(text)?.[1] ?? ''));
  const begin = async () => {
    await carol.post('/admin/stores/new', { url: world.fake.url });
    return approvalIn((await carol.get('/admin/stores/default/connect').expect(200)).text);
  };
  const handOver = (state: string, more: Record<string, unknown> = {}) =>
    request(world.app.http)
      .post('/webhooks/woocommerce-keys')
      .set('Content-Type', 'application/json;charset=UTF-8')
      .send(
        JSON.stringify({
          key_id: 1,
          user_id: state,
          consumer_key: `ck_${'a'.repeat(40)}`,
          consumer_secret: `cs_${'b'.repeat(40)}`,
          key_permissions: 'read_write',
          ...more,
        }),
      );
  const keys = async (slug = 'default') => {
    const store = await findStoreBySlug(world.app.db, slug);
    return (await storeSecrets(world.app.db, world.app.ctx.vault, store?.id ?? '')).consumerKey;
  };

  test('keys by hand: the first shop takes the place of the store that is always there; check, webhooks and pings follow', async () => {
    const made = await carol.post('/admin/stores/new', { url: `${world.fake.url}/wp-admin/` });
    expect(made.headers.location).toBe('/admin/stores/default/connect');
    const { key, secret } = world.fake.addKey();
    const fields = { url: world.fake.url, consumer_key: ` ${key} `, consumer_secret: secret };
    const saved = await carol.post('/admin/stores/default/keys', fields);
    expect(saved.headers.location).toBe('/admin/stores/default');
    expect((await carol.get('/admin/stores/default')).text).toContain(
      'hx-post="/admin/stores/default/check"',
    );
    await carol.post('/admin/stores/default/check', {});
    const { text } = await carol.get('/admin/stores/default').expect(200);
    expect(text).toContain('Connected');
    expect(text.match(/First call came/g)).toHaveLength(7);
    expect(text).toContain('The shop sells in EUR.');
    expect(text).not.toContain(secret);
    expect((await carol.get('/admin/stores')).text).toContain('Connected');
    expect(world.app.logs()).not.toContain(secret);
    // The same shop again is no second one.
    const again = await carol.post('/admin/stores/new', { url: world.fake.url });
    expect(again.headers.location).toBe('/admin/stores/default/connect');
    const second = await carol.post('/admin/stores/new', { url: 'www.druga.si/shop' });
    expect(second.headers.location).toBe('/admin/stores/druga-si-shop/connect');
  });

  test.each([
    ['read-only keys', 'The key is read-only', (fake: FakeWooCommerce) => fake.addKey('read')],
    [
      'wrong keys',
      'The shop does not know these keys',
      () => ({ key: `ck_${'0'.repeat(40)}`, secret: `cs_${'0'.repeat(40)}` }),
    ],
    [
      'a web page instead of WooCommerce',
      'permalinks',
      (fake: FakeWooCommerce) => {
        fake.fail({ kind: 'html', times: 50 });
        return fake.addKey();
      },
    ],
    [
      'a shop that has moved to https',
      'The shop wants https: connect it as https://shop.example',
      (fake: FakeWooCommerce) => {
        fake.fail({ kind: 'redirect', to: 'https://shop.example/wp-json/', times: 50 });
        return fake.addKey();
      },
    ],
  ])('%s: the check-list says what to do, and no webhook is made', async (_what, words, prepare) => {
    await carol.post('/admin/stores/new', { url: world.fake.url });
    const { key, secret } = prepare(world.fake);
    await carol.post('/admin/stores/default/keys', {
      url: world.fake.url,
      consumer_key: key,
      consumer_secret: secret,
    });
    await carol.post('/admin/stores/default/check', {});
    const { text } = await carol.get('/admin/stores/default').expect(200);
    expect(text).toContain(words);
    expect(text).toContain('Needs you');
    expect(world.fake.webhooks.all.size).toBe(0);
  });

  test('a self-signed certificate is refused clearly, with the way to allow it', async () => {
    const shop = await new FakeWooCommerce({ clock: world.app.clock, https: true }).listen();
    await carol.post('/admin/stores/new', { url: shop.url });
    const { key, secret } = shop.addKey();
    await carol.post('/admin/stores/default/keys', {
      url: shop.url,
      consumer_key: key,
      consumer_secret: secret,
    });
    await carol.post('/admin/stores/default/check', {});
    const { text } = await carol.get('/admin/stores/default');
    expect(text).toContain('it is self-signed');
    expect(text).toContain('NODE_EXTRA_CA_CERTS');
    await shop.close();
  });

  test('what is no address and what are no keys is said beside the field, and a secret never comes back', async () => {
    const refused = await carol.post('/admin/stores/new', { url: 'ht tp://' });
    expect(refused.status).toBe(422);
    expect(refused.text).toContain('That is no web address');
    const ftp = await carol.post('/admin/stores/new', { url: 'ftp://shop.example' });
    expect(ftp.status).toBe(422);
    const swapped = await carol.post('/admin/stores/default/keys', {
      url: world.fake.url,
      consumer_key: 'cs_1234567890',
      consumer_secret: 'ck_1234567890',
    });
    expect(swapped.status).toBe(422);
    expect(swapped.text).toContain('A consumer key begins with ck_');
    expect(swapped.text).not.toContain('1234567890');
  });

  test('one click: the state is good once, for half an hour, for this store at this address', async () => {
    const url = await begin();
    expect(url.href.startsWith(`${world.fake.url}/wc-auth/v1/authorize?`)).toBe(true);
    const state = url.searchParams.get('user_id') ?? '';
    expect(url.searchParams.get('callback_url')).toBe(`${world.base}/webhooks/woocommerce-keys`);
    expect(url.searchParams.get('scope')).toBe('read_write');
    // Mallory has no state, or makes one up.
    await handOver('').expect(403);
    await handOver(`${state.split('.')[0]}.${'A'.repeat(22)}`).expect(403);
    await handOver(`${state}.x`).expect(403);
    await handOver(state, { consumer_key: 'nothing' }).expect(422);
    expect(await keys()).toBeNull();
    await handOver(state).expect(200);
    expect(await keys()).toBe(`ck_${'a'.repeat(40)}`);
    await handOver(state, { consumer_key: `ck_${'c'.repeat(40)}` }).expect(403);
    expect(await keys()).toBe(`ck_${'a'.repeat(40)}`);
    const late = (await begin()).searchParams.get('user_id') ?? '';
    world.app.clock.advance(limits.approvalMinutes * 60);
    await handOver(late).expect(403);
    carol = await Visitor.of(world.app, OWNER.email);
    const moved = (await begin()).searchParams.get('user_id') ?? '';
    await world.app.db('stores').update({ url: 'https://elsewhere.example' });
    await handOver(moved).expect(403);
    expect(world.app.logs()).not.toContain('b'.repeat(40));
  });

  test('without https the one-click way says why not, and by hand it goes', async () => {
    Object.assign(world.app.ctx, { publicUrl: 'http://help.example.com' });
    await carol.post('/admin/stores/new', { url: world.fake.url });
    const { text } = await carol.get('/admin/stores/default/connect');
    expect(text).toContain('needs Zeton to have an https address');
    expect(text).not.toContain('wc-auth');
  });

  test('settings are kept, and what is wrong with them stands beside the field', async () => {
    const fields = {
      name: 'Trgovina',
      paid_statuses: 'processing, wc-shipped',
      locale: 'sl_SI',
      country: 'si',
      time_zone: 'Europe/Ljubljana',
      customer_note: 'shop',
      write_ticket_meta: 'yes',
      mail_address: 'Pomoc@Trgovina.si',
    };
    await carol.post('/admin/stores/default', fields);
    expect(await findStoreBySlug(world.app.db, 'default')).toMatchObject({
      name: 'Trgovina',
      paidStatuses: ['processing', 'shipped'],
      locale: 'sl',
      country: 'SI',
      timeZone: 'Europe/Ljubljana',
      customerNote: 'shop',
      notices: false,
      privateRefundNotes: false,
      writeTicketMeta: true,
      mailAddress: 'pomoc@trgovina.si',
    });
    const refused = await carol.post('/admin/stores/default', { ...fields, time_zone: 'Mars', country: 'X' });
    expect(refused.status).toBe(422);
    expect(refused.text).toContain('must be a time zone');
  });

  test('an admin of one store sees that one alone, and can connect no other', async () => {
    const { app } = world;
    const other = await withTransaction(app.db, (trx) =>
      createStore(trx, momentOf(app.ctx, systemActor), app.ctx.vault, {
        slug: 'other',
        name: 'Other shop',
        url: 'https://other.example',
      }),
    );
    await addStaff(app, 'ana@example.com', 'admin', 'Ana', [other.id]);
    const ana = await Visitor.of(app, 'ana@example.com');
    const list = await ana.get('/admin/stores').expect(200);
    expect(list.text).toContain('Other shop');
    expect(list.text).not.toContain('Default store');
    await ana.get('/admin/stores/other').expect(200);
    for (const path of ['', '/connect', '/connected?success=1']) {
      await ana.get(`/admin/stores/default${path}`).expect(404);
    }
    for (const path of ['', '/keys', '/check']) {
      expect((await ana.post(`/admin/stores/default${path}`, {})).status).toBe(404);
    }
    await ana.get('/admin/stores/new').expect(403);
    expect((await ana.post('/admin/stores/new', { url: 'https://third.example' })).status).toBe(403);
  });
});

describeInBrowser('connecting a shop in a browser', (engine) => {
  let world: World;
  let browser: TestBrowser;
  beforeAll(async () => {
    world = await openWorld(engine);
    browser = await openBrowser(world.app);
  });
  afterAll(async () => {
    await browser.close();
    await world.close();
  });

  test('with one click, over the page of the shop, to a check-list that is green', async () => {
    const page = await browser.openPage({ signedInAs: 'owner' });
    await page.goto(`${world.base}/admin/stores/new`);
    await page.fill('[name=url]', world.fake.url);
    await page.click('text=Continue');
    await page.click('text=Go to 127.0.0.1');
    await page.click('text=Approve');
    await page.waitForSelector('text=The shop sells in EUR.');
    expect(await page.locator('text=First call came').count()).toBe(7);
    await expectAccessible(page);
    await look(browser, '/admin/stores/default', 'store-connected', { signedInAs: 'owner' });
    await look(browser, '/admin/stores/default/connect', 'store-connect', { signedInAs: 'owner' });
  }, 120_000);
});
