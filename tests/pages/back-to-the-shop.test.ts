import { limits } from '../../src/platform/limits';
import {
  addStaff,
  describeInBrowser,
  expectNoForeignRequests,
  look,
  OWNER,
  openBrowser,
  PAGE_ENV,
  type TestBrowser,
} from '../support/browser';
import { makeStore } from '../support/context';
import { FakeWooCommerce } from '../support/fake-woocommerce';
import { type OpenShop, openShop } from '../support/open-shop';
import { makePackage } from '../support/shop';
import { until } from '../support/until';
import { fieldIn, Visitor } from '../support/visitor';

const NEW = '/admin/packages/new';
const WRITES = '/admin/stores/default/writes';
const NASTY = `<img src=x onerror=alert(1)>"'&amp;`;
/** One red pixel. */
const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGP4z8DwHwAFAAH/q842iQAAAABJRU5ErkJggg==',
  'base64',
);

describeInBrowser('The shop on our pages', (engine) => {
  let open: OpenShop;
  let carol: Visitor;
  let browser: TestBrowser | null;

  beforeEach(async () => {
    open = await openShop(engine, { app: { env: PAGE_ENV } });
    browser = null;
    await open.app.db('stores').update({ currency: 'EUR' });
    carol = await Visitor.of(open.app, OWNER.email);
  });
  afterEach(async () => {
    await browser?.close();
    await open.close();
  });

  /** Most of it needs none. */
  const browse = async () => (browser ??= await openBrowser(open.app));
  const idOf = (sku: string) => open.fake.shop.productOf({ sku }).id;
  const packages = () => open.app.db('packages').orderBy('id');

  describe('choosing a product', () => {
    test('is done by typing: what was typed elsewhere stays, the product is filled in, the promise follows', async () => {
      open.fake.shop.addProduct({ sku: 'XSS', name: NASTY, price: '5', image: `${open.fake.url}/p/x.png` });
      open.fake.files.set('/p/x.png', { type: 'image/png', bytes: PNG });
      const { base, openPage } = await browse();
      const page = await openPage({ signedInAs: 'owner' });
      await page.goto(`${base}${NEW}`);
      await page.fill('[name=grant_sms]', '12');
      await page.fill('#product_q', 'premium');
      await page.getByRole('link', { name: /SMS 25/ }).click();
      await page.waitForSelector('text=Chosen: Premium podpora - SMS 25.');
      expect(await page.inputValue('[name=match_value]')).toBe(String(idOf('SUP-PREM-SMS25')));
      expect(await page.isChecked('[name=match_kind][value=variation_id]')).toBe(true);
      expect(await page.inputValue('[name=name]')).toBe('Premium podpora - SMS 25');
      expect(await page.inputValue('[name=grant_sms]')).toBe('12');
      await page.waitForSelector(`#promise:has-text("variation ${idOf('SUP-PREM-SMS25')}")`);
      const text = await page.textContent('#z-products');
      expect(text).toContain('SKU SUP-PREM-SMS25 · €99.00');
      expect(text).toContain('from €49.00 · any variation');

      await page.fill('#product_q', 'img');
      await page.getByRole('link', { name: /onerror/ }).click();
      await page.waitForSelector('text=Chosen: <img');
      // What was named already keeps its name.
      expect(await page.inputValue('[name=name]')).toBe('Premium podpora - SMS 25');
      expect(await page.inputValue('[name=match_value]')).toBe(String(idOf('XSS')));
      const loaded =
        '[...document.querySelectorAll(".z-picture img")].filter((img) => img.naturalWidth === 1).length';
      await until('the picture is there', async () => (await page.evaluate(loaded)) === 1);
      await page.click('text=Save the package');
      await page.waitForURL(/packages\/[0-9a-f-]{36}$/);
      expect(await packages()).toHaveLength(1);
      expectNoForeignRequests(page);
    });

    test('works without a script, by the address', async () => {
      const { base, openPage } = await browse();
      const page = await openPage({ signedInAs: 'owner', javaScript: false });
      await page.goto(`${base}${NEW}`);
      await page.fill('#product_q', 'SUP-PRO');
      await page.click('#product-search button');
      await page.getByRole('link', { name: /Podpora Pro/ }).click();
      expect(await page.inputValue('[name=match_value]')).toBe(String(idOf('SUP-PRO')));
      expect(await page.isChecked('[name=match_kind][value=product_id]')).toBe(true);
      await page.fill('[name=grant_sms]', '3');
      await page.click('text=Save the package');
      expect((await packages())[0]).toMatchObject({ match_kind: 'product_id', name: 'Podpora Pro' });
      // On the page of a package that exists, another one is chosen, and saved only then.
      await page.goto(`${page.url()}?store=${open.store.id}&product_q=Start&pick=${idOf('SUP-START')}.0`);
      expect(await page.inputValue('[name=match_value]')).toBe(String(idOf('SUP-START')));
    });

    test('where the shop is down, has no keys, or has no such product, typing by hand stays', async () => {
      open.fake.fail({ kind: 'html', times: 9 });
      const down = await carol.get(`${NEW}?product_q=x`).expect(200);
      expect(down.text).toContain('The shop cannot be asked now: This address answers with a web page');
      expect(down.text).toContain('name="match_value"');
      open.fake.heal();
      expect((await carol.get(`${NEW}?product_q=gibt-es-nicht`)).text).toContain(
        'The shop has no product like “gibt-es-nicht”.',
      );
      await open.app.db('stores').update({ consumer_secret_sealed: null });
      const without = await carol.get(`${NEW}?product_q=x`).expect(200);
      expect(without.text).toContain('Zeton has no keys to this shop');
      expect(without.text).toContain('name="match_value"');
    });

    test('of another store, or by somebody without the role, is not possible', async () => {
      const other = await makeStore(open.app.ctx, 'other');
      await addStaff(open.app, 'ana@example.com', 'admin', 'Ana', [other.id]);
      await addStaff(open.app, 'bob@example.com', 'agent');
      const ana = await Visitor.of(open.app, 'ana@example.com');
      const bob = await Visitor.of(open.app, 'bob@example.com');
      await carol.get(`${NEW}?product_q=`).expect(200);
      const search = `/admin/packages/products?store=${open.store.id}&product_q=`;
      const asked = open.fake.requests.length;
      expect((await ana.get(search, { 'HX-Request': 'true' })).text).not.toContain('SUP-START');
      const pick = { pick: `${idOf('SUP-START')}.0`, pick_store: open.store.id };
      expect((await ana.post('/admin/packages/pick', pick)).text).not.toContain('Podpora Start');
      for (const path of [search, WRITES, `/admin/stores/default/pictures/${idOf('SUP-START')}/0`]) {
        expect((await bob.get(path)).status).toBe(403);
      }
      expect((await bob.post('/admin/packages/pick', pick)).status).toBe(403);
      expect((await ana.get(WRITES)).status).toBe(404);
      expect((await ana.post(`${WRITES}/retry`, {})).status).toBe(404);
      expect((await ana.get(`/admin/stores/default/pictures/${idOf('SUP-START')}/0`)).status).toBe(404);
      expect(open.fake.requests).toHaveLength(asked);
    });
  });

  describe('pictures of products', () => {
    const picture = async (image: string, file?: { type: string; bytes: Buffer }) => {
      const id = open.fake.shop.addProduct({ sku: 'PIC', name: 'Slika', price: '5', image });
      if (file && image.startsWith(open.fake.url)) open.fake.files.set(new URL(image).pathname, file);
      await carol.get(`${NEW}?product_q=Slika`).expect(200);
      return carol.get(`/admin/stores/default/pictures/${id}/0`);
    };
    const png = { type: 'image/png', bytes: PNG };

    test('come through us, without the keys, once', async () => {
      const shown = await picture(`${open.fake.url}/uploads/a.png`, png);
      expect(shown.status).toBe(200);
      expect(shown.headers).toMatchObject({
        'content-type': 'image/png',
        'x-content-type-options': 'nosniff',
        'cache-control': `private, max-age=${limits.pictureShownSeconds}`,
      });
      expect(Buffer.from(shown.body as Buffer)).toEqual(PNG);
      const fetched = () => open.fake.requests.filter(({ path }) => path.startsWith('/uploads/'));
      const before = fetched().length;
      for (const { headers, query } of fetched()) {
        expect(headers.authorization).toBeUndefined();
        expect([...query.keys()]).toEqual([]);
      }
      await carol.get(`/admin/stores/default/pictures/${idOf('PIC')}/0`).expect(200);
      expect(fetched()).toHaveLength(before);
    });

    test('of another host, that are none, too large, or lead elsewhere are not shown', async () => {
      const elsewhere = await new FakeWooCommerce().listen();
      elsewhere.files.set('/a.png', png);
      const { status } = await picture(`${elsewhere.url}/a.png`);
      await elsewhere.close();
      expect([status, elsewhere.requests]).toEqual([204, []]);
      const own = (name: string) => `${open.fake.url}/uploads/${name}`;
      const svg = { type: 'image/svg+xml', bytes: Buffer.from('<svg/>') };
      expect((await picture(own('b.svg'), svg)).status).toBe(204);
      expect((await picture(own('c.png'), { type: 'text/html', bytes: PNG })).status).toBe(204);
      const large = { type: 'image/png', bytes: Buffer.alloc(limits.pictureBytes + 1) };
      expect((await picture(own('d.png'), large)).status).toBe(204);
      open.fake.fail({
        kind: 'redirect',
        to: own('e.png'),
        when: (_, path) => path.endsWith('f.png'),
        times: 9,
      });
      open.fake.files.set('/uploads/e.png', png);
      expect((await picture(own('f.png'))).status).toBe(204);
      expect(open.fake.requests.some(({ path }) => path === '/uploads/e.png')).toBe(false);
    });
  });

  test('what became of a product stands on the list and on its package', async () => {
    const pkg = await makePackage(open.app.ctx, open.store, 'SUP-START', { sms: 10 });
    await carol.get(`${NEW}?product_q=SUP-START`).expect(200);
    open.clock.advance(60);
    open.fake.shop.renameProduct(idOf('SUP-START'), { name: `Nova ${NASTY}`, sku: 'SUP-2' });
    open.clock.advance(60);
    await carol.get(`${NEW}?product_q=SUP-2`).expect(200);
    const list = await carol.get('/admin/packages').expect(200);
    expect(list.text).toContain('SKU changed to SUP-2');
    expect(list.text).toContain('Renamed to Nova &lt;img src=x');
    const path = `/admin/packages/${pkg.id}`;
    const shown = await carol.get(path).expect(200);
    expect(shown.text).toContain(
      'The package matches SKU SUP-START, but the product&#39;s SKU is now SUP-2: future orders will not match.',
    );
    expect(shown.text).not.toContain('<img src=x');
    // A save without changes says: seen.
    const form = Object.fromEntries(
      [...shown.text.matchAll(/<input[^>]* name="([a-z_]+)"[^>]*>/g)].map(([, name = '']) => [
        name,
        fieldIn(shown, name),
      ]),
    );
    await carol.postBare(path, {
      ...form,
      match_kind: 'sku',
      scope: 'customer',
      opens_ticket: 'yes',
      active: 'yes',
    });
    const after = await carol.get(path);
    expect(after.text).not.toContain('was renamed to');
    expect(after.text).toContain('future orders will not match');
  });

  test('what could not be written stands on every admin page, says why, and is tried again by hand', async () => {
    await makePackage(open.app.ctx, open.store, 'SUP-START', { sms: 10 });
    expect((await carol.get(WRITES)).text).toContain('Nothing yet');
    for (const key of open.fake.authentication.keys) key.permissions = 'read';
    open.fake.shop.buy();
    open.fake.shop.buy();
    await open.settle();
    await open.app.runJob('shop.writes');
    const list = await carol.get('/admin/packages').expect(200);
    expect(list.text).toContain('2 things could not be written into the shop.');
    expect(list.text).toContain(`href="${WRITES}"`);
    const page = await carol.get(WRITES).expect(200);
    expect(page.text).toContain('Needs you');
    expect(page.text).toContain('The key is read-only: make one with Read/Write permissions.');
    for (const key of open.fake.authentication.keys) key.permissions = 'read_write';
    const [first] = await open.app.db('shop_writes').orderBy('id');
    expect((await carol.post(`${WRITES}/retry`, { id: first.id }, WRITES)).status).toBe(303);
    await open.app.runJob('shop.writes');
    const states = async () => (await open.app.db('shop_writes').orderBy('id')).map(({ state }) => state);
    expect(await states()).toEqual(['done', 'parked']);
    // A check-list that is passed tries the rest by itself.
    await carol.post('/admin/stores/default/check', {}, WRITES);
    await open.app.runJob('shop.writes');
    expect(await states()).toEqual(['done', 'done']);
    expect((await carol.get('/admin/packages')).text).not.toContain('could not be written');
    expect(await open.app.db('audit_log').where({ action: 'store.writes-retried' })).toHaveLength(2);
  });

  describe('a coupon', () => {
    let number: number;
    let form: string;

    beforeEach(async () => {
      await open.app.db('stores').update({ write_ticket_meta: 0 });
      await makePackage(open.app.ctx, open.store, 'SUP-START', { sms: 10, email: 10 });
      open.fake.shop.buy();
      await open.settle();
      number = Number((await open.app.db('tickets').first()).number);
      form = `/console/tickets/${number}/coupon`;
      await addStaff(open.app, 'bob@example.com', 'agent', 'Bob');
    });

    test('is given from the ticket, and stands in the answer', async () => {
      const { base, openPage } = await browse();
      const page = await openPage({ signedInAs: 'bob@example.com' });
      await page.goto(`${base}/console/tickets/${number}`);
      await page
        .click('summary[aria-label="More"]')
        .catch(() => page.click('.z-head-tools details:last-child summary'));
      await page.click('text=Give a coupon…');
      await page.click('text=Give the coupon');
      await page.waitForSelector('text=Write why it is given.');
      await page.check('[name=kind][value=percent]');
      await page.fill('[name=value]', '20');
      await page.fill('[name=reason]', `Zamuda ${NASTY}`);
      await page.click('button:has-text("Give the coupon")');
      await page.waitForURL(/\?coupon=/);
      const { code } = await open.app.db('coupons').first();
      expect(await page.inputValue('#z-body')).toContain(
        `${code.toUpperCase()}. Pri naslednjem naročilu vam prinese popust v vrednosti 20 %.`,
      );
      expect(await page.textContent('#z-thread-list')).toContain(`Why: Zamuda ${NASTY}`);
      await page.click('button:has-text("Send e-mail")');
      await until('it is sent', async () => (await page.inputValue('#z-body')) === '');
      expect(open.fake.shop.coupons.size).toBe(2);
      expectNoForeignRequests(page);
    });

    test('is given once, however often the form is sent; and never by who may only read, or for a ticket of another store', async () => {
      const bob = await Visitor.of(open.app, 'bob@example.com');
      const page = await bob.get(form).expect(200);
      const wanted = { key: fieldIn(page, 'key'), kind: 'amount', value: '7,50', reason: 'Zamuda' };
      for (let i = 0; i < 2; i++) expect((await bob.post(form, wanted)).status).toBe(303);
      expect(await open.app.db('coupons')).toHaveLength(1);
      expect((await bob.post(form, { ...wanted, value: '8' })).status).toBe(409);
      for (const value of ['', '0', '-1', '51', '1.234', 'NaN', '1e1', '5 EUR']) {
        const refused = await bob.post(form, { ...wanted, key: `${wanted.key}x`, value });
        expect([value, refused.status]).toEqual([value, 422]);
        expect(refused.text).toContain('Write an amount from 0.01 to 50');
      }
      await addStaff(open.app, 'rita@example.com', 'read-only');
      const other = await makeStore(open.app.ctx, 'other');
      await addStaff(open.app, 'ana@example.com', 'agent', 'Ana', [other.id]);
      const rita = await Visitor.of(open.app, 'rita@example.com');
      const ana = await Visitor.of(open.app, 'ana@example.com');
      const nobody = await Visitor.of(open.app, null);
      expect((await rita.get(form)).status).toBe(403);
      expect((await rita.post(form, wanted)).status).toBe(403);
      expect((await ana.get(form)).status).toBe(404);
      expect((await ana.post(form, wanted)).status).toBe(404);
      expect((await nobody.get(form)).status).toBe(303);
      expect((await nobody.post(form, wanted, '/sign-in')).status).toBe(403);
      expect((await rita.get(`/console/tickets/${number}`)).text).not.toContain('Give a coupon');
      expect(await open.app.db('coupons')).toHaveLength(1);
    });

    test('waits when the shop is down, and says so; of a shop that refuses it says why', async () => {
      const bob = await Visitor.of(open.app, 'bob@example.com');
      const wanted = { kind: 'amount', value: '5', reason: 'Zamuda' };
      open.fake.fail({ kind: 'status', status: 429, times: 99, retryAfter: '60' });
      await bob.post(form, { ...wanted, key: 'first-key-of-it' });
      expect((await bob.get(form)).text).toContain('waits for the shop');
      open.fake.heal();
      for (const key of open.fake.authentication.keys) key.permissions = 'read';
      await bob.post(form, { ...wanted, key: 'second-key-of-it' });
      expect((await bob.get(form)).text).toContain('The key is read-only: make one with');
      await open.app.db('stores').update({ consumer_secret_sealed: null });
      expect((await bob.get(form)).text).toContain('Zeton has no keys to this shop');
    }, 60_000);
  });

  test('look right', async () => {
    const pkg = await makePackage(open.app.ctx, open.store, 'SUP-START', { sms: 10 });
    open.fake.files.set('/p/x.png', { type: 'image/png', bytes: PNG });
    const image = { id: 1, src: `${open.fake.url}/p/x.png` };
    open.fake.shop.changeProduct(idOf('SUP-START'), { image });
    await carol.get(`${NEW}?product_q=`).expect(200);
    open.fake.shop.buy();
    await open.settle();
    await open.app.runJob('shop.writes');
    for (const key of open.fake.authentication.keys) key.permissions = 'read';
    open.fake.shop.buy();
    await open.settle();
    await open.app.runJob('shop.writes');
    open.fake.shop.renameProduct(idOf('SUP-START'), { sku: 'SUP-2', name: 'Podpora Začetek' });
    await carol.get(`${NEW}?product_q=`).expect(200);
    const { number } = await open.app.db('tickets').orderBy('number').first();
    const coupon = {
      key: 'a-key-of-the-test',
      kind: 'amount',
      value: '5',
      reason: 'Zamuda',
    };
    await carol.post(`/console/tickets/${number}/coupon`, coupon);
    const signedInAs = 'owner';
    const all = await browse();
    await look(all, '/admin/packages', 'packages-news', { signedInAs });
    await look(all, `/admin/packages/${pkg.id}?product_q=`, 'package-picker', { signedInAs });
    await look(all, WRITES, 'shop-writes', { signedInAs });
    await look(all, `/console/tickets/${number}/coupon`, 'coupon', { signedInAs });
  }, 120_000);
});
