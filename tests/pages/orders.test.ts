import { makeTestApp, type TestApp } from '../support/app';
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
import { describeEachEngine, type TestEngine } from '../support/databases';
import { receive } from '../support/shop';
import { type Buyer, ShopLife } from '../support/shop-life';
import { fieldIn, Visitor } from '../support/visitor';

const HOSTILE = `<script>document.title='x'</script> &amp; "q" 'x' 😀 שלום`;
const HOSTILE_TEXT = '&lt;script>document.title=';
const NOTHING_HERE = '0193e3a0-0000-7000-8000-000000000000';
const MALLORY = 'mallory@example.com';

const MAJA: Buyer = { first: 'Maja', last: 'Novak', email: 'maja.novak@example.com', phone: '041 555 100' };
const PETRA: Buyer = { first: 'Petra', last: 'Žagar', email: 'petra@example.com', phone: '040 123 456' };
const ANA: Buyer = { first: 'Ana', last: 'Kos', email: 'ana.kos@example.com', phone: '031 777 888' };

function elementsIn(text: string): string {
  return text.replace(/="[^"]*"/g, '=""');
}

function wordsIn({ text }: { text: string }): string {
  const main = text.slice(text.indexOf('<main'));
  return main
    .replace(/<svg[\s\S]*?<\/svg>/g, '')
    .replace(/<\/(td|th|dt|dd|p|li|tr|h2)>/g, ' | ')
    .replace(/<[^>]+>/g, '')
    .replace(/\s+/g, ' ')
    .replaceAll('&lt;', '<')
    .replaceAll('&amp;', '&');
}

/** The numbers of the orders that a list shows. */
function numbersIn({ text }: { text: string }): string[] {
  return [...text.matchAll(/class="z-row-link"[^>]*>(?:<bdi>)?#([^<]+)/g)].map(([, number = '']) => number);
}

async function openShop(engine: TestEngine): Promise<ShopLife> {
  const app = await makeTestApp(engine, { env: PAGE_ENV, at: '2026-11-22T12:00:00.000Z' });
  await addStaff(app, MALLORY, 'read-only', 'Mallory');
  return ShopLife.in(app);
}

/** What the shop's REST interface says of the refunds of an order. */
function refunds(app: TestApp, list: { id: number; lines: Record<number, number> }[]): void {
  const json = JSON.stringify(
    list.map(({ id, lines }) => ({
      id,
      line_items: Object.entries(lines).map(([line, quantity]) => ({
        quantity: -quantity,
        meta_data: [{ key: '_refunded_item_id', value: line }],
      })),
    })),
  );
  app.gateways.readRefunds.answer({ kind: 'refunds', json });
}

/** Paid, half refunded, money refunded, cancelled after use, waiting, and without a package. */
async function liveThrough(shop: ShopLife) {
  const { app } = shop;
  const paid = await shop.order({ id: 1193 }, MAJA);
  await shop.order({ id: 1193, status: 'completed', modified: '2026-11-21T08:00:00' }, MAJA);

  const lines = [
    { id: 1, quantity: 3 },
    { id: 2, sku: 'PAPER' },
  ];
  await shop.order({ id: 1194, lines }, PETRA, { 2: 'Papir A4' });
  refunds(app, [{ id: 77, lines: { 1: 1 } }]);
  const refunded = {
    id: 1194,
    lines,
    refunds: [{ id: 77, total: '-29.00' }],
    modified: '2026-11-22T09:00:00',
  };
  const half = await shop.order(refunded, PETRA, { 2: 'Papir A4' });

  const before = { id: 1195, refunds: [{ id: 78, total: '-5.00' }] };
  refunds(app, [{ id: 78, lines: {} }]);
  const money = await shop.order(before, MAJA);
  app.gateways.readRefunds.answer(null);

  const used = await shop.order({ id: 1196 }, ANA);
  await shop.reply(used.ticketId, 'sms');
  const cancelled = { id: 1196, status: 'cancelled', paid: null, modified: '2026-11-22T11:00:00' };
  await shop.order(cancelled, ANA);

  const waiting = await shop.order({ id: 1197, status: 'pending', paid: null }, MAJA);
  const paper = await shop.order({ id: 1198, lines: [{ id: 1, sku: 'PAPER' }] }, MAJA);
  return { paid, half, money, used, waiting, paper };
}

function setUp(engine: TestEngine) {
  const world: { shop: ShopLife; app: TestApp; carol: Visitor } = {} as never;
  beforeEach(async () => {
    world.shop = await openShop(engine);
    world.app = world.shop.app;
    world.carol = await Visitor.of(world.app, OWNER.email);
  });
  return world;
}

describeEachEngine('the orders', (engine) => {
  const world = setUp(engine);

  test('are empty at first, which says how they come in', async () => {
    const page = await world.carol.get('/console/orders').expect(200);
    expect(page.text).toContain('No orders yet');
    expect(page.text).toContain('as soon as its webhooks point to Zeton');
    const review = await world.carol.get('/console/orders?review=yes').expect(200);
    expect(review.text).toContain('Nothing to review');
  });

  test('stand there newest first, with what each of them buys, gave, and lacks', async () => {
    await liveThrough(world.shop);
    const page = await world.carol.get('/console/orders').expect(200);
    expect(numbersIn(page)).toEqual(['1198', '1197', '1196', '1195', '1194', '1193']);
    const rows = page.text.split('<tr>').map((row) => wordsIn({ text: `<main>${row}` }));
    const row = (number: string) => rows.find((words) => words.startsWith(`#${number}`)) ?? '';
    expect(row('1193')).toMatch(
      /^#1193Maja Novak \| paidcompleted \| 1 of 1 line \| 10 SMS \| 20 e-mails \| 3 video credits \| \| #1 \| 20 Nov/,
    );
    expect(row('1194')).toContain('paidprocessing | 1 of 2 lines | 20 SMS | 40 e-mails | 6 video credits');
    expect(row('1195')).toContain('paidprocessingmoney-only refund');
    expect(row('1196')).toContain(
      'no longer paidcancelled | 1 of 1 line | 1 SMS · pays for 0 now 1 SMS short',
    );
    expect(row('1197')).toContain('not paidwaiting for payment | 1 of 1 line | | none');
    expect(row('1198')).toContain('paidprocessing | buys no package | | none');
    expect(wordsIn(page)).toContain('6 of 6');
  });

  test('are narrowed down by number, name, status and what needs review, all in the address', async () => {
    const { paid } = await liveThrough(world.shop);
    const found = async (query: string) =>
      numbersIn(await world.carol.get(`/console/orders?${query}`).expect(200));
    expect(await found('q=%231193')).toEqual(['1193']);
    expect(await found('q=119')).toHaveLength(6);
    expect(await found('q=%C5%BEagar')).toEqual(['1194']);
    expect(await found('q=maja.novak%40')).toEqual(['1198', '1197', '1195', '1193']);
    expect(await found('status=cancelled')).toEqual(['1196']);
    expect(await found('status=cancelled&q=maja')).toEqual([]);
    expect(await found('review=yes')).toEqual(['1195']);
    expect(await found(`customer=${paid.customerId}`)).toEqual(['1198', '1197', '1195', '1193']);
    for (const query of [
      'q=%00',
      'status=%00',
      'cursor=x',
      'q=%25',
      "q='",
      'status=%3Cscript%3E',
      'review=no',
    ]) {
      await world.carol.get(`/console/orders?${query}`).expect(200);
    }
    await world.carol.get('/console/orders?customer=x').expect(404);
    const page = await world.carol.get('/console/orders?q=nobody&status=by-hand').expect(200);
    expect(page.text).toContain('No such orders');
    expect(fieldIn(page, 'q')).toBe('nobody');
    expect(page.text).toContain('<option value="by-hand" selected>by-hand');
    const part = await world.carol.get('/console/orders?q=1193', { 'HX-Request': 'true' }).expect(200);
    expect(part.text).not.toContain('<html');
    expect(numbersIn(part)).toEqual(['1193']);
  });

  test('come in pages', async () => {
    for (let id = 1; id <= 52; id++) await world.shop.order({ id, lines: [] }, MAJA);
    const first = await world.carol.get('/console/orders?status=processing').expect(200);
    expect(wordsIn(first)).toContain('50 of 52');
    const next = /rel="next" href="([^"]+)"/.exec(first.text)?.[1]?.replaceAll('&amp;', '&') ?? '';
    expect(numbersIn(await world.carol.get(next).expect(200))).toEqual(['2', '1']);
  }, 60_000);
});

describeEachEngine('an order', (engine) => {
  const world = setUp(engine);
  const wordsOf = async ({ id }: { id: string }) =>
    wordsIn(await world.carol.get(`/console/orders/${id}`).expect(200));

  test('tells its lines with what each wants, gave and lacks, and every state that the shop told', async () => {
    const { paid, half, used, waiting, paper } = await liveThrough(world.shop);
    const plain = await wordsOf(paid);
    expect(plain).toContain('1 × Podpora SUPbuys Start');
    expect(plain).toContain('SMS | 10 | 10 | 0 |');
    expect(plain).toContain('Total | €29.00');
    expect(plain).toMatch(/completedchanged yesterday \| paid 20 Nov/);
    expect(plain).toMatch(/processingchanged 2 days ago \| paid 20 Nov/);
    expect(plain).not.toContain('cannot be taken back');

    const parts = await wordsOf(half);
    expect(parts).toContain('3 × Podpora SUP1 refundedbuys Start');
    expect(parts).toContain('SMS | 20 | 20 | 0 |');
    expect(parts).toContain('1 × Papir A4buys no package');
    expect(parts).toContain('Refund 77 | 1 × Podpora SUP'.replace(' | ', ''));

    const short = await wordsOf(used);
    expect(short).toContain('1 SMS used or on hold that this order no longer pays for.');
    expect(short).toContain('SMS | 0 | 1 | 1 |');
    expect(short).toContain('cancelledchanged');

    expect(await wordsOf(waiting)).toContain('SMS | 0 | 0 | 0 |');
    expect(await wordsOf(waiting)).toContain('none: a ticket opens when an order with a package is paid');
    expect(await wordsOf(paper)).toContain('buys no package');
  });

  test('leads to customer, ticket, deliveries and the shop', async () => {
    const { paid } = await liveThrough(world.shop);
    const page = await world.carol.get(`/console/orders/${paid.id}`).expect(200);
    const { number } = await world.app.db('tickets').where({ id: paid.ticketId }).first();
    const deliveries = await world.app
      .db('order_snapshots')
      .where({ order_id: paid.id })
      .select('delivery_id');
    expect(deliveries).toHaveLength(2);
    for (const href of [
      `/console/customers/${paid.customerId}`,
      `/console/tickets/${number}`,
      ...deliveries.map(({ delivery_id }) => `/admin/deliveries/${delivery_id}`),
      'https://shop.example/wp-admin/post.php?post=1193&amp;action=edit',
    ]) {
      expect(page.text).toContain(`href="${href}"`);
    }
    // Deliveries and packages are for admins.
    const mallory = await (await Visitor.of(world.app, MALLORY))
      .get(`/console/orders/${paid.id}`)
      .expect(200);
    expect(mallory.text).not.toContain('/admin/');
  });

  test('says of each flag what is wrong and what to do', async () => {
    const { money, paid } = await liveThrough(world.shop);
    const words = await wordsOf(money);
    expect(words).toContain('Money was paid back, but the shop did not say for which items.');
    expect(words).toContain('money only: no credits are taken back');
    const flags = [
      'refund-exceeds-line',
      'refunds-not-readable',
      'same-second-conflict',
      'customer-changed',
      'quantity-too-large',
      'of-a-later-version',
    ];
    await world.app
      .db('orders')
      .where({ id: paid.id })
      .update({ review_flags: JSON.stringify(flags) });
    const all = await wordsOf(paid);
    for (const sentence of [
      'The shop refunded more items than were bought.',
      "the shop's REST keys are missing or do not work",
      'twice in one second',
      'went to another customer after credits of it were used',
      'more than 1,000,000 credits',
      'Look at this order: of-a-later-version.',
    ]) {
      expect(all.replaceAll('&#39;', "'").replaceAll('&apos;', "'")).toContain(sentence);
    }
  });

  test('that was deleted before it was ever seen says so', async () => {
    const { app, shop } = world;
    await app.db('orders').del();
    await shop.order({ id: 5 }, MAJA);
    await receiveDeleted(shop, 5);
    const { id } = await shop.orderRow(5);
    expect(await wordsOf({ id })).toContain('Put into the bin, or deleted. The shop did not say more.');
    await receiveDeleted(shop, 6);
    const unseen = await shop.orderRow(6);
    expect(await wordsOf(unseen)).toContain('What it was, Zeton never saw.');
    expect(numbersIn(await world.carol.get('/console/orders?status=trash'))).toEqual(['6', '5']);
  });

  test('is not there: 404; and nobody is sent to the sign-in', async () => {
    for (const id of [NOTHING_HERE, 'x', '%00', HOSTILE]) {
      await world.carol.get(`/console/orders/${encodeURIComponent(id)}`).expect(404);
    }
    const nobody = await Visitor.of(world.app, null);
    for (const path of ['/console/orders', `/console/orders/${NOTHING_HERE}`]) {
      expect((await nobody.get(path).expect(303)).headers.location).toContain('/sign-in?next=');
    }
  });

  test('shows hostile text as text, whatever the shop puts where', async () => {
    const buyer = { first: HOSTILE, last: 'X', email: 'evil@example.com', phone: HOSTILE };
    const order = await world.shop.order({ id: 9, lines: [{ id: 1 }, { id: 2, sku: 'X' }] }, buyer, {
      1: HOSTILE,
      2: HOSTILE,
    });
    await world.app.db('stores').update({ name: HOSTILE, url: 'javascript:alert(1)' });
    await world.app.db('order_snapshots').update({ status: HOSTILE });
    await world.app.db('package_versions').update({ name: HOSTILE });
    await world.app.db('tickets').update({ subject: HOSTILE });
    await world.app.db('orders').update({
      number: HOSTILE,
      status: HOSTILE,
      currency: HOSTILE,
      total: HOSTILE,
      review_flags: JSON.stringify([HOSTILE]),
      refunds: JSON.stringify([{ id: 1, quantities: { 1: 1, 9: 2 } }]),
    });
    for (const path of [
      '/console/orders',
      `/console/orders/${order.id}`,
      `/console/orders?customer=${order.customerId}`,
    ]) {
      const page = await world.carol.get(path).expect(200);
      expect([path, elementsIn(page.text).includes('<script>document')]).toEqual([path, false]);
      expect(page.text).toContain(HOSTILE_TEXT);
      expect(page.text).not.toContain('javascript:');
    }
  });
});

async function receiveDeleted(shop: ShopLife, wooId: number): Promise<void> {
  await receive(shop.app.ctx, shop.store, 'order.deleted', JSON.stringify({ id: wooId }));
  await shop.app.drain();
}

describeInBrowser('orders in a browser', (engine) => {
  let shop: ShopLife;
  let browser: TestBrowser;
  let orders: Awaited<ReturnType<typeof liveThrough>>;
  beforeAll(async () => {
    shop = await openShop(engine);
    browser = await openBrowser(shop.app);
    await look(browser, '/console/orders', 'orders-empty', { signedInAs: 'owner' });
    orders = await liveThrough(shop);
  }, 120_000);
  afterAll(async () => {
    await browser.close();
    await shop.app.close();
  });

  test('every page looks right at both widths in both themes, and axe finds nothing', async () => {
    const owner = { signedInAs: 'owner' };
    await look(browser, '/console/orders', 'orders', owner);
    await look(browser, '/console/orders?review=yes', 'orders-review', owner);
    await look(browser, '/console/orders?q=nobody', 'orders-none', owner);
    await look(browser, `/console/orders/${orders.half.id}`, 'order', owner);
    await look(browser, `/console/orders/${orders.money.id}`, 'order-review', owner);
    await look(browser, `/console/orders/${orders.used.id}`, 'order-short', owner);
    await look(browser, `/console/orders?customer=${orders.paid.customerId}`, 'orders-customer', owner);
  }, 240_000);

  test('are filtered by keyboard: the list follows, and the views keep what was typed', async () => {
    const page = await browser.openPage({ signedInAs: 'owner' });
    await page.goto(`${browser.base}/console/orders`);
    await page.getByRole('searchbox').focus();
    await page.keyboard.type('maja');
    await page.waitForURL('**/console/orders?q=maja&status=');
    await page.keyboard.press('Tab');
    await page.keyboard.press('w');
    await page.waitForURL('**/console/orders?q=maja&status=pending');
    await page.locator('.z-row-link', { hasText: '#1197' }).waitFor();
    expect(await page.locator('.z-row-link').count()).toBe(1);
    await page.getByRole('link', { name: 'Needs review' }).click();
    await page.getByText('No such orders').waitFor();
    expect(await page.getByRole('searchbox').inputValue()).toBe('maja');
    expectNoForeignRequests(page);
  });
});
