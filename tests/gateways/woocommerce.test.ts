import { makeWooCommerce, makeWooGateway, WooProblem } from '../../src/gateways/woocommerce';
import type { WooSettings } from '../../src/gateways/woocommerce/client';
import type { ListedOrder, WooShop } from '../../src/gateways/woocommerce/gateway';
import { limits } from '../../src/platform/limits';
import { TestClock } from '../support/clock';
import { type FakeOptions, FakeWooCommerce } from '../support/fake-woocommerce';
import { selfSigned } from '../support/fake-woocommerce/server';

/** As in real life, but nobody waits for seconds. */
const QUICK = {
  ...limits,
  wooRequestMs: 2_000,
  wooPageMs: 2_000,
  wooCallMs: 4_000,
  wooRetryFirstMs: 1,
  wooRetryCapMs: 4,
};

const clock = new TestClock('2026-11-22T12:00:00.000Z');
const fakes: FakeWooCommerce[] = [];

async function open(options: FakeOptions = {}): Promise<FakeWooCommerce> {
  const fake = await new FakeWooCommerce({ clock, ...options }).listen();
  fakes.push(fake);
  return fake;
}

function gatewayTo(
  fake: Pick<FakeWooCommerce, 'url' | 'addKey'>,
  more: {
    key?: { key: string; secret: string };
    limits?: Partial<WooSettings['limits']>;
    ca?: string;
    url?: string;
  } = {},
): WooShop {
  const { key, secret } = more.key ?? fake.addKey();
  return makeWooGateway({
    url: more.url ?? fake.url,
    consumerKey: key,
    consumerSecret: secret,
    clock,
    ca: 'ca' in more ? more.ca : selfSigned(),
    limits: { ...QUICK, ...more.limits },
  });
}

afterEach(async () => {
  await Promise.all(fakes.splice(0).map((fake) => fake.close()));
});

async function problemOf(act: Promise<unknown>): Promise<WooProblem> {
  const error: unknown = await act.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof WooProblem)) throw new Error(`expected a WooProblem, got ${String(error)}`);
  return error;
}

async function all(walk: AsyncGenerator<ListedOrder>): Promise<ListedOrder[]> {
  const found: ListedOrder[] = [];
  for await (const order of walk) found.push(order);
  return found;
}

describe.each([
  ['http, OAuth 1.0a', { folder: '/my/shop' }],
  ['https, Basic', { https: true, folder: '/shop' }],
] as [string, FakeOptions][])(
  'The WooCommerce gateway to a shop in a sub-folder, over %s',
  (_name, options) => {
    let fake: FakeWooCommerce;
    let shop: WooShop;

    beforeEach(async () => {
      fake = await open(options);
      shop = gatewayTo(fake);
    });

    it('reads orders and refunds as the shop has them, and tells the deleted ones', async () => {
      const id = fake.shop.buy({ lines: [{ sku: 'SUP-PRO', quantity: 2 }] });
      const line = fake.shop.order(id).lines[0]?.id ?? 0;
      fake.shop.refund(id, { lines: [{ lineId: line, quantity: 1 }] });
      expect(await shop.readOrder(id)).toEqual({ kind: 'order', json: fake.orderJson(id) });
      const refunds = JSON.parse(await shop.readRefunds(id)) as { line_items: { quantity: number }[] }[];
      expect(refunds.map((refund) => refund.line_items[0]?.quantity)).toEqual([-1]);
      fake.shop.trash(id);
      expect((await shop.readOrder(id)).kind).toBe('order');
      fake.shop.delete(id);
      expect(await shop.readOrder(id)).toEqual({ kind: 'missing' });
    });

    it('reads more refunds than one page holds', async () => {
      const id = fake.shop.buy({ lines: [{ sku: 'SUP-PRO', quantity: 9 }] });
      for (let n = 0; n < 103; n++) fake.shop.refund(id, { amount: 0 });
      expect(JSON.parse(await shop.readRefunds(id))).toHaveLength(103);
    });

    it('walks by date of change, counts, and searches products', async () => {
      fake.shop.buy();
      const before = fake.shop.buy({ lines: ['SUP-PREM-SMS10'] });
      expect(
        (await all(shop.walkOrders({ since: '2026-11-22T12:00:00.000Z' }))).map((o) => o.wooId),
      ).toContain(before);
      expect(await shop.countOrders({ since: '2026-11-22T12:00:00.000Z' })).toBe(2);
      expect(await shop.countOrders({ since: '2026-11-22T12:00:01.000Z' })).toBe(0);
      expect(await shop.countOrders({ since: '2026-01-01T00:00:00.000Z', productId: 14 })).toBe(1);
      expect(await shop.countOrders({ since: '2026-01-01T00:00:00.000Z', statuses: ['completed'] })).toBe(0);
      const names = (await shop.searchProducts('premium')).map(({ name, productId, variationId }) => [
        name,
        productId,
        variationId,
      ]);
      expect(names).toEqual([
        ['Premium podpora', 14, null],
        ['Premium podpora - SMS 10', 14, 15],
        ['Premium podpora - SMS 25', 14, 16],
        ['Premium podpora - VIDEO 3', 14, 17],
      ]);
      const [bySku] = await shop.searchProducts('SUP-PREM-SMS25');
      expect(bySku).toMatchObject({
        productId: 14,
        variationId: 16,
        price: '99',
        type: 'variation',
        imageUrl: null,
      });
      expect(await shop.readProduct(14, 16)).toMatchObject({
        name: 'Premium podpora - SMS 25',
        sku: 'SUP-PREM-SMS25',
      });
      expect(await shop.readProduct(999)).toBeNull();
    });

    it('makes, changes, lists and removes webhooks, notes, meta and coupons', async () => {
      const hook = {
        name: 'Zeton',
        topic: 'order.updated',
        deliveryUrl: 'http://127.0.0.1:1/x',
        secret: 's',
      };
      const made = await shop.createWebhook(hook);
      expect(made).toMatchObject({ status: 'active', topic: 'order.updated' });
      expect((await shop.updateWebhook(made.id, { status: 'paused' })).status).toBe('paused');
      expect(await shop.listWebhooks()).toHaveLength(1);
      await shop.deleteWebhook(made.id);
      await shop.deleteWebhook(made.id);
      expect(await shop.listWebhooks()).toEqual([]);

      const id = fake.shop.buy();
      const note = await shop.addOrderNote(id, { text: 'Vaša zahteva & več', toCustomer: true });
      expect(await shop.listOrderNotes(id)).toEqual([
        { id: note.id, text: 'Vaša zahteva & več', toCustomer: true },
      ]);
      await shop.writeOrderMeta(id, { _zeton_ticket: '7' });
      expect(fake.shop.order(id).meta.find(({ key }) => key === '_zeton_ticket')?.value).toBe('7');

      const coupon = await shop.createCoupon({
        code: 'SORRY-1',
        kind: 'fixed_cart',
        amount: '10.00',
        usageLimit: 1,
      });
      expect(await shop.findCoupon('Sorry-1')).toEqual({ ...coupon, description: '' });
      const again = await problemOf(shop.createCoupon({ code: 'sorry-1', kind: 'percent', amount: '5' }));
      expect(again.code).toBe('coupon-exists');
    });

    it('checks a connection from end to end', async () => {
      const report = await shop.checkConnection();
      expect(report).toMatchObject({
        ok: true,
        shop: { home: fake.url, timeZone: 'Europe/Ljubljana', currency: 'EUR', version: '11.0.1' },
      });
      expect(report.checks.map(({ name, state }) => `${name} ${state}`)).toEqual([
        'reachable ok',
        'keys ok',
        'write ok',
        'version ok',
        'hpos ok',
        'currency ok',
        'clock ok',
      ]);
      expect(fake.webhooks.all.size).toBe(0);
    });

    it('names wrong keys, a read-only key and a key that may only write', async () => {
      const { key, secret } = fake.addKey();
      for (const wrong of [
        { key: 'ck_nobody', secret },
        { key, secret: 'cs_wrong' },
      ]) {
        const problem = await problemOf(gatewayTo(fake, { key: wrong }).readRefunds(19));
        expect(problem.code).toBe('wrong-keys');
        expect(JSON.stringify(problem) + problem.message + problem.stack).not.toContain(wrong.secret);
      }
      const reader = gatewayTo(fake, { key: fake.addKey('read') });
      const note = { text: 'x', toCustomer: false };
      expect(await problemOf(reader.addOrderNote(fake.shop.buy(), note))).toMatchObject({
        code: 'read-only-key',
      });
      const report = await reader.checkConnection();
      expect(report.ok).toBe(false);
      expect(report.checks.find(({ name }) => name === 'write')?.problem?.message).toMatch(/read-only/);
      expect(
        await problemOf(gatewayTo(fake, { key: fake.addKey('write') }).countOrders({ since: '2026-01-01' })),
      ).toMatchObject({
        code: 'not-allowed',
      });
    });

    it('tries reads again on 429, 5xx, cut and truncated answers, and then gives up in plain words', async () => {
      const id = fake.shop.buy();
      const faults = [
        { kind: 'status', status: 429 },
        { kind: 'status', status: 500 },
        { kind: 'status', status: 503 },
        { kind: 'reset' },
        { kind: 'reset-after' },
        { kind: 'truncated' },
      ] as const;
      for (const fault of faults) {
        fake.fail({ ...fault, times: 3 });
        expect((await shop.readOrder(id)).kind).toBe('order');
        fake.fail({ ...fault, times: 4 });
        const problem = await problemOf(shop.readOrder(id));
        expect(problem.passes).toBe(true);
        expect(problem.message).not.toMatch(/oauth|ck_|cs_|Basic/);
      }
    });

    it('never writes twice what a customer would see twice', async () => {
      const id = fake.shop.buy();
      fake.fail({ kind: 'reset-after', times: 9 });
      const problem = await problemOf(shop.addOrderNote(id, { text: 'once', toCustomer: true }));
      expect(problem).toMatchObject({ code: 'unreachable', maybeDone: true });
      expect(fake.shop.order(id).notes).toHaveLength(1);
      fake.heal();
      fake.fail({ kind: 'status', status: 502, when: (method) => method === 'POST' });
      expect((await problemOf(shop.addOrderNote(id, { text: 'twice?', toCustomer: true }))).maybeDone).toBe(
        true,
      );
      fake.heal();
      fake.fail({ kind: 'status', status: 429 }).fail({ kind: 'status', status: 503 });
      await shop.addOrderNote(id, { text: 'later', toCustomer: true });
      expect(fake.shop.order(id).notes.map(({ note }) => note)).toEqual(['once', 'later']);
    });

    it('leaves nothing of the keys in errors, whatever went wrong', async () => {
      const { key, secret } = fake.addKey();
      const quick = gatewayTo(fake, { key: { key, secret }, limits: { wooRequestMs: 150, wooAttempts: 1 } });
      const faults = [
        { kind: 'reset' },
        { kind: 'never' },
        { kind: 'html' },
        { kind: 'status', status: 500 },
        { kind: 'status', status: 403 },
        { kind: 'redirect', to: `https://elsewhere.example/?consumer_secret=${secret}` },
        { kind: 'huge', bytes: 10 },
        { kind: 'truncated' },
      ] as const;
      for (const fault of faults) {
        fake.fail(fault);
        const problem = await problemOf(quick.readOrder(fake.shop.buy()));
        const everything = `${problem.stack} ${JSON.stringify(problem)} ${String(problem.cause)}`;
        expect(everything).not.toContain(secret);
        expect(everything).not.toContain(key);
        expect(Object.keys(problem).sort()).toEqual(['code', 'facts', 'maybeDone', 'name', 'retryAfterMs']);
      }
    });
  },
);

describe('The WooCommerce gateway', () => {
  it('refuses a self-signed certificate clearly, and says how to allow it', async () => {
    const fake = await open({ https: true });
    const problem = await problemOf(gatewayTo(fake, { ca: undefined }).readOrder(1));
    expect(problem).toMatchObject({
      code: 'certificate',
      facts: { reason: 'it is self-signed' },
      passes: false,
    });
    expect(problem.message).toContain('NODE_EXTRA_CA_CERTS');
    expect(fake.requests).toEqual([]);
  });

  it('tells https at an http shop, and nobody at all', async () => {
    const fake = await open();
    const { url } = fake;
    expect(
      (await problemOf(gatewayTo(fake, { url: url.replace('http:', 'https:') }).readOrder(1))).code,
    ).toBe('certificate');
    await fake.close();
    fakes.length = 0;
    expect(await problemOf(gatewayTo(fake).readOrder(1))).toMatchObject({
      code: 'unreachable',
      maybeDone: false,
    });
  });

  it('tells a web page from WooCommerce: plain permalinks, a wrong folder, an error page', async () => {
    const plain = await open({ plainPermalinks: true });
    const problem = await problemOf(gatewayTo(plain).readOrder(1));
    expect(problem.code).toBe('not-woocommerce');
    expect(problem.message).toMatch(/web page, not with WooCommerce.*permalinks/);
    const report = await gatewayTo(plain).checkConnection();
    expect(report.checks[0]).toMatchObject({
      name: 'reachable',
      state: 'failed',
      problem: { code: 'not-woocommerce' },
    });
    const fake = await open({ folder: '/shop' });
    expect((await problemOf(gatewayTo(fake, { url: fake.url.replace('/shop', '') }).readOrder(1))).code).toBe(
      'not-woocommerce',
    );
    fake.fail({ kind: 'html', status: 403 });
    expect((await problemOf(gatewayTo(fake).readOrder(1))).code).toBe('blocked');
  });

  it('takes a page of a security plugin for no deleted order', async () => {
    const fake = await open();
    fake.fail({ kind: 'html', status: 404 });
    expect((await problemOf(gatewayTo(fake).readOrder(fake.shop.buy()))).code).toBe('not-woocommerce');
  });

  it('follows no redirect with its keys, and says where the shop is', async () => {
    const elsewhere = await open();
    const fake = await open();
    fake.fail({ kind: 'redirect', to: `${elsewhere.url}/wp-json/wc/v3/orders/1?oauth_signature=x` });
    const moved = await problemOf(gatewayTo(fake).readOrder(1));
    expect(moved).toMatchObject({ code: 'redirected', facts: { to: elsewhere.url } });
    expect(elsewhere.requests).toEqual([]);
    fake.fail({ kind: 'redirect', to: 'https://shop.example/wp-json/wc/v3/orders/1' });
    expect((await problemOf(gatewayTo(fake).readOrder(1))).message).toBe(
      'The shop wants https: connect it as https://shop.example.',
    );
  });

  it('names a clock that is wrong, by minutes', async () => {
    const fake = await open();
    fake.clockErrorSeconds = 20 * 60;
    const problem = await problemOf(gatewayTo(fake).readOrder(fake.shop.buy()));
    expect(problem).toMatchObject({ code: 'clock-differs', facts: { minutes: 20 } });
    expect(problem.message).toContain('differ by 20 minutes');
    fake.clockErrorSeconds = -120;
    const report = await gatewayTo(fake).checkConnection();
    expect(report.ok).toBe(true);
    expect(report.checks.find(({ name }) => name === 'clock')).toMatchObject({
      state: 'warning',
      value: '-120',
    });
  });

  it('warns of a shop without HPOS', async () => {
    const report = await gatewayTo(await open({ hpos: false })).checkConnection();
    expect(report.checks.find(({ name }) => name === 'hpos')?.state).toBe('warning');
  });

  it('gives up a shop that does not answer in time', async () => {
    const fake = await open();
    fake.fail({ kind: 'never', times: 2 });
    const limited = { wooRequestMs: 50, wooAttempts: 2 };
    expect((await problemOf(gatewayTo(fake, { limits: limited }).readOrder(1))).code).toBe('timed-out');
  });

  it('reads no answer that is larger than it may be', async () => {
    const fake = await open();
    fake.fail({ kind: 'huge', bytes: 200_000 });
    expect(
      (await problemOf(gatewayTo(fake, { limits: { wooResponseBytes: 100_000 } }).readOrder(1))).code,
    ).toBe('answer-too-large');
  });

  it('waits as long as a shop asks, and not longer than a call may last', async () => {
    const fake = await open();
    fake.fail({ kind: 'status', status: 429, retryAfter: '3600' });
    const problem = await problemOf(gatewayTo(fake).readOrder(fake.shop.buy()));
    expect(problem).toMatchObject({ code: 'too-many-requests', retryAfterMs: 3_600_000 });
    expect(fake.requests).toHaveLength(1);
    fake.fail({ kind: 'status', status: 429, retryAfter: '0' });
    expect((await gatewayTo(fake).readOrder(fake.shop.buy())).kind).toBe('order');
  });

  it('asks one shop no more than so many things at once, whoever asks', async () => {
    const fake = await open();
    const id = fake.shop.buy();
    const { key, secret } = fake.addKey();
    fake.fail({ kind: 'slow', ms: 20, times: 12 });
    const shops = makeWooCommerce({ clock, limits: { ...QUICK, wooConcurrency: 3 } });
    const shop = { slug: 'a', url: fake.url, consumerKey: key, consumerSecret: secret };
    const answers = await Promise.all(Array.from({ length: 12 }, () => shops.readOrder({ ...shop }, id)));
    expect(answers.every(({ kind }) => kind === 'order')).toBe(true);
    expect(fake.mostAtOnce).toBe(3);
  });

  it('takes a shop without keys, or with revoked ones, for one that speaks by webhook only', async () => {
    const fake = await open();
    const id = fake.shop.buy();
    const { key, secret } = fake.addKey();
    const shops = makeWooCommerce({ clock, limits: QUICK });
    const shop = { slug: 'a', url: fake.url, consumerKey: key, consumerSecret: secret };
    expect(shops.open({ ...shop, consumerKey: null })).toBeNull();
    expect(await shops.readOrder({ ...shop, consumerKey: null }, id)).toEqual({ kind: 'unavailable' });
    expect((await shops.readOrder(shop, id)).kind).toBe('order');
    fake.authentication.keys.length = 0;
    expect(await shops.readOrder(shop, id)).toEqual({ kind: 'unavailable' });
    expect(await shops.readRefunds(shop, id)).toEqual({ kind: 'unavailable' });
    const renewed = fake.addKey();
    const changed = { ...shop, consumerKey: renewed.key, consumerSecret: renewed.secret };
    expect((await shops.readOrder(changed, id)).kind).toBe('order');
    fake.goDown();
    await expect(shops.readOrder(changed, id)).rejects.toMatchObject({ code: 'unreachable' });
  });
});

describe('A walk over orders', () => {
  const since = '2026-11-22T12:00:00.000Z';
  const small = { wooPageSize: 5 };

  beforeEach(() => clock.set('2026-11-22T12:00:00.000Z'));

  const ids = (orders: ListedOrder[]) => orders.map(({ wooId }) => wooId);

  it('brings every order once, in order of change, the trashed ones last', async () => {
    const fake = await open();
    const bought = Array.from({ length: 23 }, () => {
      clock.advance(1);
      return fake.shop.buy();
    });
    const [first = 0, second = 0] = bought;
    clock.advance(10);
    fake.shop.edit(first);
    fake.shop.trash(second);
    const walked = await all(gatewayTo(fake, { limits: small }).walkOrders({ since }));
    expect(ids(walked)).toEqual([...bought.slice(2), first, second]);
    expect(walked.at(-1)?.status).toBe('trash');
  });

  it('begins with the second it is told, and leaves out what is older', async () => {
    const fake = await open();
    const older = fake.shop.buy();
    clock.advance(1);
    const exact = fake.shop.buy();
    const shop = gatewayTo(fake);
    expect(ids(await all(shop.walkOrders({ since: '2026-11-22T12:00:01.000Z' })))).toEqual([exact]);
    expect(ids(await all(shop.walkOrders({ since })))).toEqual([older, exact]);
  });

  it('misses nothing of a second that holds more orders than a page, whose rows come in another order on each page', async () => {
    const fake = await open();
    fake.rest.ties = 'shuffled';
    const before = Array.from({ length: 7 }, () => {
      clock.advance(1);
      return fake.shop.buy();
    });
    clock.advance(1);
    const crowd = Array.from({ length: 23 }, () => fake.shop.buy());
    clock.advance(1);
    const after = [fake.shop.buy(), fake.shop.buy()];
    const walked = ids(await all(gatewayTo(fake, { limits: small }).walkOrders({ since })));
    expect([...walked].sort((a, b) => a - b)).toEqual([...before, ...crowd, ...after]);
  });

  it('misses nothing when orders change while it is under way, and comes to an end all the same', async () => {
    const fake = await open();
    const bought = Array.from({ length: 30 }, () => {
      clock.advance(1);
      return fake.shop.buy();
    });
    const walked = new Set<number>();
    let steps = 0;
    for await (const order of gatewayTo(fake, { limits: small }).walkOrders({ since })) {
      walked.add(order.wooId);
      clock.advance(1);
      // A plugin touches what was just read, again and again.
      fake.shop.edit(order.wooId);
      if (++steps > 200) throw new Error('the walk does not end');
    }
    expect([...walked].sort((a, b) => a - b)).toEqual(bought);
  });

  it('misses nothing when orders leave a crowded second while that is paged', async () => {
    const fake = await open();
    clock.advance(1);
    const crowd = Array.from({ length: 23 }, () => fake.shop.buy());
    let asked = 0;
    fake.beforeAnswer = () => {
      asked += 1;
      // Page 3 of the crowded second is asked for next: the rest moves up by one.
      if (asked !== 4) return;
      clock.advance(60);
      fake.shop.edit(crowd[0] ?? 0);
    };
    const walked = ids(await all(gatewayTo(fake, { limits: small }).walkOrders({ since })));
    expect([...new Set(walked)].sort((a, b) => a - b)).toEqual(crowd);
  });

  it('walks by creation for the import, one product only, and goes on where it was', async () => {
    const fake = await open();
    const wanted: number[] = [];
    for (let n = 0; n < 12; n++) {
      clock.advance(1);
      const id = fake.shop.buy({ lines: [n % 2 ? 'SUP-PRO' : 'SUP-START'] });
      if (n % 2) wanted.push(id);
    }
    fake.shop.trash(wanted.pop() ?? 0);
    const shop = gatewayTo(fake, { limits: { wooPageSize: 2 } });
    const filter = { productId: 12, statuses: ['processing', 'completed'] };
    const walked = await all(shop.walkCreated({ since, ...filter }));
    expect(ids(walked)).toEqual(wanted);
    expect(await shop.countOrders({ since, ...filter })).toBe(wanted.length);
    const from = walked[3]?.dateCreatedGmt ?? '';
    expect(ids(await all(shop.walkCreated({ since: `${from}Z`, ...filter })))).toEqual(wanted.slice(3));
  });

  it('asks in bare GMT: with "Z" a shop that is ahead of GMT would hide an hour of orders', async () => {
    const fake = await open();
    clock.advance(60);
    const id = fake.shop.buy();
    expect(ids(await all(gatewayTo(fake).walkOrders({ since })))).toEqual([id]);
    const asked = fake.requests.map(({ query }) => query.get('modified_after'));
    expect(asked).toEqual(['2026-11-22T11:59:59', '2026-11-22T11:59:59']);
  });
});
