import { readProductNews } from '../../src/admin/packages.query';
import { listPackages } from '../../src/domain/packages';
import { systemActor } from '../../src/platform/actor';
import { withTransaction } from '../../src/platform/db';
import { updatePackageIn } from '../../src/usecases/define-package';
import { topUpUrl } from '../../src/usecases/messaging.query';
import { searchProducts } from '../../src/usecases/product-news';
import { WEBHOOK_SECRET } from '../support/app';
import { describeEachEngine } from '../support/databases';
import { type OpenShop, openShop } from '../support/open-shop';
import { expectSoundLedger, makePackage, receive } from '../support/shop';

const TOPICS = ['product.updated', 'product.deleted', 'customer.updated'];

describeEachEngine('News of products and accounts', (engine) => {
  let open: OpenShop;

  beforeEach(async () => {
    open = await openShop(engine);
    for (const topic of TOPICS) {
      await open.fake.webhooks.create({ topic, deliveryUrl: 'http://127.0.0.1:1/', secret: WEBHOOK_SECRET });
    }
  });
  afterEach(() => open.close());

  const idOf = (sku: string) => open.fake.shop.productOf({ sku }).id;
  const pick = (words: string) => searchProducts(open.app.ctx, open.store.id, words);
  const withoutKeys = () =>
    open.app.db('stores').update({ consumer_key_sealed: null, consumer_secret_sealed: null });
  async function news(): Promise<unknown[]> {
    const packages = await listPackages(open.app.db, { storeIds: [open.store.id], limit: 50 });
    return [...(await readProductNews(open.app.db, packages)).values()].flat();
  }
  const deliveries = async () =>
    (await open.app.db('deliveries').orderBy('id')).map(({ topic, status, reason }) => [
      topic,
      status,
      reason,
    ]);

  describe.each(['with keys', 'by webhook only'])('%s', (how) => {
    const start = async () => {
      await makePackage(open.app.ctx, open.store, 'SUP-START', { sms: 10 });
      await pick('SUP-START');
      if (how === 'by webhook only') await withoutKeys();
      open.clock.advance(60);
    };

    test('a product that is renamed, or gets another SKU, says so on its package; what was bought stays', async () => {
      await start();
      const order = open.fake.shop.buy();
      await open.settle();
      open.clock.advance(60);
      open.fake.shop.renameProduct(idOf('SUP-START'), { name: 'Podpora Začetek & več' });
      await open.settle();
      expect(await news()).toEqual([{ kind: 'renamed', now: 'Podpora Začetek & več' }]);
      open.clock.advance(60);
      open.fake.shop.renameProduct(idOf('SUP-START'), { sku: 'SUP-NEW' });
      await open.settle();
      expect(await news()).toEqual([
        { kind: 'sku', was: 'SUP-START', now: 'SUP-NEW' },
        { kind: 'renamed', now: 'Podpora Začetek & več' },
      ]);
      open.fake.shop.edit(order, { note: 'x' });
      await open.settle();
      expect(await open.net(order)).toBe(10);
      await expectSoundLedger(open.app.ctx);
    });

    test('a product in the trash says so, is in no top-up link, and comes back', async () => {
      await start();
      const id = idOf('SUP-START');
      const url = () => topUpUrl(open.app.db, open.store.id, 'sms');
      expect(await url()).toBe(`${open.fake.url}/?add-to-cart=${id}`);
      open.fake.shop.trashProduct(id);
      await open.settle();
      expect(await news()).toEqual([{ kind: 'trash' }]);
      expect(await url()).toBeNull();
      open.clock.advance(60);
      open.fake.shop.changeProduct(id, { status: 'publish' });
      await open.settle();
      expect(await news()).toEqual([]);
      expect(await url()).toBe(`${open.fake.url}/?add-to-cart=${id}`);
    });
  });

  test('without keys a body that comes late, or again, does not undo what is newer', async () => {
    await makePackage(open.app.ctx, open.store, 'SUP-START', { sms: 10 });
    await pick('SUP-START');
    await withoutKeys();
    const body = (name: string, modified: string) =>
      JSON.stringify({
        id: idOf('SUP-START'),
        name,
        type: 'simple',
        status: 'publish',
        sku: 'SUP-START',
        price: '29',
        date_modified_gmt: modified,
      });
    const come = async (json: string, topic = 'product.updated') => {
      open.clock.advance(1);
      await receive(open.app.ctx, open.store, topic, json);
      await open.app.drain();
    };
    await come(body('Druga', '2026-11-22T12:10:00'));
    await come(body('Prva', '2026-11-22T12:05:00'));
    expect(await news()).toEqual([{ kind: 'renamed', now: 'Druga' }]);
    await come(JSON.stringify({ id: idOf('SUP-START') }), 'product.deleted');
    await come(body('Druga', '2026-11-22T12:10:00'));
    expect(await news()).toEqual([{ kind: 'trash' }, { kind: 'renamed', now: 'Druga' }]);
    await come(body('Tretja', '2026-11-22T12:20:00'));
    expect(await news()).toEqual([{ kind: 'renamed', now: 'Tretja' }]);
  });

  test('a product deleted for good tells nobody: the daily look finds it, and what the package is matched with at all', async () => {
    await makePackage(open.app.ctx, open.store, 'SUP-START', { sms: 10 });
    await makePackage(
      open.app.ctx,
      open.store,
      'by variation',
      { sms: 3 },
      {
        match: { kind: 'variation_id', value: String(idOf('SUP-PREM-SMS25')) },
      },
    );
    await open.app.runJob('shops.sweep');
    expect(await open.app.db('package_products')).toHaveLength(2);
    expect(await news()).toEqual([]);
    const order = open.fake.shop.buy();
    await open.settle();
    open.fake.shop.deleteProduct(idOf('SUP-START'));
    open.fake.shop.trashProduct(idOf('SUP-PREM'));
    open.clock.advance({ days: 1 });
    await open.app.runJob('shops.sweep');
    expect(await news()).toEqual(expect.arrayContaining([{ kind: 'deleted' }, { kind: 'trash' }]));
    expect(await open.net(order)).toBe(10);
  });

  test.each(['told by webhooks', 'found by reading only'])(
    'what was bought stays when its product is renamed or deleted and nothing else happens to the orders: %s',
    async (how) => {
      await makePackage(open.app.ctx, open.store, 'SUP-START', { sms: 10 });
      await makePackage(open.app.ctx, open.store, 'SUP-PRO', { sms: 7 });
      await open.app.db('stores').update({ write_ticket_meta: 0 });
      if (how === 'found by reading only') open.fake.webhooks.fate = () => 'lose';
      const orders = Array.from({ length: 8 }, (_, i) =>
        open.fake.shop.buy({ lines: [i % 2 === 0 ? 'SUP-START' : 'SUP-PRO'], outcome: 'paid' }),
      );
      await open.settle();
      await open.read();
      const nets = async () => {
        const all: (number | null)[] = [];
        for (const id of orders) all.push(await open.net(id));
        return all;
      };
      const bought = [10, 7, 10, 7, 10, 7, 10, 7];
      expect(await nets()).toEqual(bought);
      open.clock.advance({ days: 1 });
      open.fake.shop.renameProduct(idOf('SUP-START'), { sku: 'SUP-NEW' });
      open.fake.shop.deleteProduct(idOf('SUP-PRO'));
      await open.sweep();
      open.clock.advance({ days: 1 });
      open.fake.shop.renameProduct(idOf('SUP-NEW'), { sku: 'SUP-NEWER' });
      await open.sweep();
      expect(await nets()).toEqual(bought);
      await expectSoundLedger(open.app.ctx);
    },
  );

  test('a package that is saved has been seen: the new name is its name, and another product is another', async () => {
    const pkg = await makePackage(open.app.ctx, open.store, 'SUP-START', { sms: 10 });
    await pick('');
    open.clock.advance(60);
    open.fake.shop.renameProduct(idOf('SUP-START'), { name: 'Podpora Začetek' });
    await open.settle();
    expect(await news()).toHaveLength(1);
    const save = (changes: Parameters<typeof updatePackageIn>[4]) =>
      withTransaction(open.app.db, (trx) => updatePackageIn(trx, open.app.ctx, systemActor, pkg.id, changes));
    await save({ name: 'Start' });
    expect(await news()).toEqual([]);
    await save({ match: { kind: 'sku', value: 'SUP-PRO' } });
    expect((await open.app.db('package_products').first()).product_id).toBe(idOf('SUP-PRO'));
    await save({ match: { kind: 'sku', value: 'NOBODY-KNOWS' } });
    expect(await open.app.db('package_products')).toEqual([]);
  });

  test('a link to buy puts a variation into the cart by its own id; of a product with variations its page is opened', async () => {
    const variation = idOf('SUP-PREM-SMS25');
    const pkg = await makePackage(open.app.ctx, open.store, 'SUP-PREM-SMS25', { sms: 25 });
    await pick('SUP-PREM');
    await pick('SUP-PREM-SMS25');
    const url = () => topUpUrl(open.app.db, open.store.id, 'sms');
    expect(await url()).toBe(`${open.fake.url}/?add-to-cart=${variation}`);
    await withTransaction(open.app.db, (trx) =>
      updatePackageIn(trx, open.app.ctx, systemActor, pkg.id, {
        match: { kind: 'product_id', value: String(idOf('SUP-PREM')) },
      }),
    );
    expect(await url()).toBe(`${open.fake.url}/?p=${idOf('SUP-PREM')}`);
  });

  test('what no package is bought with, and what is no product, is left alone', async () => {
    open.fake.shop.renameProduct(idOf('MAJICA-1'), { name: 'Majčka' });
    await open.settle();
    await receive(
      open.app.ctx,
      open.store,
      'product.updated',
      '{"code":"x","message":"y","data":{"status":404}}',
    );
    await receive(open.app.ctx, open.store, 'product.deleted', 'nonsense');
    await receive(open.app.ctx, open.store, 'customer.updated', '{"id":"7"}');
    await open.app.drain();
    expect(await deliveries()).toEqual([
      ['product.updated', 'ignored', 'No package is bought with this product.'],
      ['product.updated', 'ignored', 'The body is no product.'],
      ['product.deleted', 'ignored', 'The body is no product.'],
      ['customer.updated', 'ignored', 'The body is no account of the shop.'],
    ]);
    expect(await open.app.db('shop_products')).toEqual([]);
  });

  test('while the shop is down, news of a product waits', async () => {
    await makePackage(open.app.ctx, open.store, 'SUP-START', { sms: 10 });
    await pick('SUP-START');
    open.clock.advance(60);
    open.fake.shop.renameProduct(idOf('SUP-START'), { name: 'Nova' });
    await open.fake.webhooks.run();
    open.fake.goDown();
    await open.app.runJob('inbox');
    expect(await open.app.db('deliveries').first()).toMatchObject({ status: 'pending', attempts: 1 });
    open.fake.goUp();
    open.clock.advance({ minutes: 1 });
    await open.app.drain();
    expect(await news()).toEqual([{ kind: 'renamed', now: 'Nova' }]);
  }, 60_000);

  describe('an account that is changed', () => {
    const people = () => open.app.db('customers').orderBy('id');

    test('brings its name, address and number; nobody becomes a customer by it, and no two become one', async () => {
      await makePackage(open.app.ctx, open.store, 'SUP-START', { sms: 10 });
      const account = open.fake.shop.addCustomer({ email: 'ana@example.com', first_name: 'Ana', phone: '' });
      await open.settle();
      expect(await people()).toEqual([]);
      open.fake.shop.buy({ customerId: account, billing: { email: 'ana@example.com' } });
      open.fake.shop.buy({ billing: { email: 'nova.ana@example.com' } });
      await open.settle();
      const before = await people();
      expect(before).toHaveLength(2);
      open.clock.advance(60);
      open.fake.shop.changeCustomer(account, { firstName: 'Ana &amp; Eva', email: 'nova.ana@example.com' });
      await open.settle();
      const [ana, guest] = await people();
      expect(ana).toMatchObject({
        woo_customer_id: account,
        name: 'Ana & Eva Novak',
        email: 'nova.ana@example.com',
        // By which orders find her: nobody has proved that the new address is hers.
        email_normalised: 'ana@example.com',
      });
      expect(guest).toEqual(before[1]);
      open.clock.advance(60);
      open.fake.shop.buy({ billing: { email: 'nova.ana@example.com' } });
      await open.settle();
      const orders = await open.app.db('orders').orderBy('woo_id');
      expect(orders.map((order) => order.customer_id)).toEqual([ana.id, guest.id, guest.id]);
    });

    test('counts by its own date: a late one changes nothing, and a placeholder address reaches nobody', async () => {
      const account = open.fake.shop.addCustomer({ email: 'ana@example.com' });
      open.fake.shop.buy({ customerId: account, billing: { email: 'ana@example.com' } });
      await makePackage(open.app.ctx, open.store, 'SUP-START', { sms: 10 });
      await open.settle();
      const come = async (email: string, modified: string, first = 'Ana') => {
        const billing = { phone: '+386 40 111 222', country: 'SI' };
        const body = {
          id: account,
          email,
          first_name: first,
          last_name: 'K',
          date_modified_gmt: modified,
          billing,
        };
        await receive(open.app.ctx, open.store, 'customer.updated', JSON.stringify(body));
        await open.app.drain();
      };
      await come('druga@example.com', '2026-11-22T13:00:00', 'Druga');
      await come('prva@example.com', '2026-11-22T12:30:00', 'Prva');
      await come('x@site.invalid', '2026-11-22T14:00:00', 'Tretja');
      expect((await people())[0]).toMatchObject({
        name: 'Tretja K',
        email: 'druga@example.com',
        phone_e164: '+38640111222',
      });
      // What somebody types into an order does not lead the account's mail elsewhere, as ever.
      open.clock.advance({ days: 1 });
      open.fake.shop.buy({ customerId: account, billing: { email: 'mallory@example.com' } });
      await open.settle();
      expect((await people())[0].email).toBe('druga@example.com');
    });
  });
});
