import request from 'supertest';
import { verifyLedger } from '../src/domain/credits';
import { makeTestApp, type TestApp } from './support/app';
import { makeBigShop } from './support/big-shop';
import { PAGE_ENV } from './support/browser';
import { describeEachEngine } from './support/databases';
import { plansThatGrow } from './support/query-plans';
import { loadRecordings, post } from './support/recordings';
import { ShopLife } from './support/shop-life';
import { Visitor } from './support/visitor';

/** They walk along an index until the page is full. */
const LISTS = [
  'customers',
  'orders',
  'tickets',
  'tickets of a store',
  'deliveries',
  'sandbox messages',
  'the page of all tickets',
  // whether there is a ticket at all
  'the page of unpaid tickets',
  'the page of solved tickets',
  // along indexes of nothing else
  'the page of open work',
  'the page of tickets of a store',
  'the page of orders to look at',
  'the page of customers',
  'the page of orders',
  'the page of deliveries',
];

describeEachEngine('what is read often reads no growing table from end to end', (engine) => {
  let app: TestApp;
  let agent: Visitor;
  let bought: { id: string; customerId: string; ticketId: string };

  beforeAll(async () => {
    app = await makeTestApp(engine, { env: PAGE_ENV, poolMax: engine.name === 'postgres' ? 4 : 1 });
    const life = await ShopLife.in(app);
    // Rows and statistics enough for PostgreSQL to plan as it does in service.
    await makeBigShop(app.db, life.store.id, engine.name === 'postgres' ? 2_000 : 100, { openEvery: 2 });
    expect((await verifyLedger(app.db)).problems).toEqual([]);
    for (let id = 1; id <= 3; id++) {
      bought = await life.order(
        { id, email: `buyer-${id}@example.com` },
        {
          first: 'Ana',
          last: 'Novak',
          email: `buyer-${id}@example.com`,
          phone: '041 555 100',
        },
      );
      await life.reply(bought.ticketId, 'sms');
    }
    await life.startVideo(bought.ticketId);
    if (engine.name === 'postgres') await app.db.raw('ANALYZE');
    agent = await Visitor.of(app, PAGE_ENV.BOOTSTRAP_EMAIL ?? null);
  });

  const get = (path: string) =>
    request(app.http).get(path).set('Authorization', `Bearer ${app.token}`).expect(200);
  const page = (path: string) => agent.get(path).expect(200);

  /** What waits is counted or looked through whole, by an index that holds nothing else, or in a table of its own. */
  const WAITING = [
    /^(SCAN credit_balances USING INDEX credit_balances_to_look_at|Index Scan of all credit_balances): select /,
    /^(SCAN messages USING COVERING INDEX messages_uncertain|Index Only Scan of all messages): select count/,
    /^(SCAN|Index (Only )?Scan of all) outbox.*: select (count|min)/,
  ];

  it.each<[string, () => Promise<unknown>]>([
    ['the inbox', () => app.runJob('inbox')],
    ['the outbox', () => Promise.all([app.runJob('outbox.email'), app.runJob('outbox.sms')])],
    ['expiry warnings', () => app.runJob('credits.warn')],
    ['low balances', () => app.runJob('credits.low')],
    ['video sessions that are due', () => app.runJob('video')],
    ['tickets to close', () => app.runJob('tickets.close')],
    ['credits that expire', () => app.runJob('credits.expire')],
    ['the metrics', () => get('/metrics')],
    ['a webhook', () => post(app, loadRecordings('a-guest-paid')[0]!).expect(200)],
    ['an order that is applied', () => app.drain()],
    ['a balance', () => get(`/api/v1/customers/${bought.customerId}/credits`)],
    ['a statement', () => get(`/api/v1/customers/${bought.customerId}/statement`)],
    ['a statement of one meter', () => get(`/api/v1/customers/${bought.customerId}/statement?meter=sms`)],
    ['customers', () => get('/api/v1/customers')],
    ['customers by address', () => get('/api/v1/customers?email=buyer-1@example.com')],
    ['customers by phone', () => get('/api/v1/customers?phone=%2B38641555100')],
    ['orders', () => get('/api/v1/orders')],
    ['orders of a customer', () => get(`/api/v1/orders?customer_id=${bought.customerId}`)],
    ['orders by number', () => get('/api/v1/orders?number=3')],
    ['an order', () => get(`/api/v1/orders/${bought.id}`)],
    ['tickets', () => get('/api/v1/tickets')],
    ['tickets of a store', () => get('/api/v1/tickets?store=default')],
    ['tickets of a customer', () => get(`/api/v1/tickets?customer_id=${bought.customerId}`)],
    ['tickets of an order', () => get('/api/v1/tickets?order_number=3')],
    ['tickets by status', () => get('/api/v1/tickets?status=on_hold')],
    ['tickets by status in a store', () => get('/api/v1/tickets?status=on_hold&store=default')],
    ['tickets of an agent', () => get('/api/v1/tickets?assignee=bob')],
    ['tickets by number', () => get('/api/v1/tickets?q=1')],
    ['a ticket', () => get(`/api/v1/tickets/${bought.ticketId}`)],
    ['messages of a ticket', () => get(`/api/v1/tickets/${bought.ticketId}/messages`)],
    ['deliveries', () => get('/api/v1/deliveries')],
    ['deliveries by status', () => get('/api/v1/deliveries?status=failed')],
    ['sandbox messages', () => get('/api/v1/sandbox/messages')],
    ['the page of open work', () => page('/console/tickets')],
    ['the page of unpaid tickets', () => page('/console/tickets?status=unpaid')],
    ['the page of all tickets', () => page('/console/tickets?status=all')],
    ['the page of solved tickets', () => page('/console/tickets?status=solved')],
    ['the page of tickets of a store', () => page('/console/tickets?store=default')],
    ['the page of a ticket', () => agent.get(`/console/tickets/${bought.ticketId}`).redirects(1).expect(200)],
    ['the page of customers', () => page('/console/customers')],
    ['the page of a customer', () => page(`/console/customers/${bought.customerId}`)],
    ['the page of a statement', () => page(`/console/customers/${bought.customerId}/statement`)],
    ['the page of orders', () => page('/console/orders')],
    ['the page of orders by status', () => page('/console/orders?status=processing')],
    ['the page of orders to look at', () => page('/console/orders?review=yes')],
    ['the page of an order', () => page(`/console/orders/${bought.id}`)],
    ['the page of deliveries', () => page('/admin/deliveries')],
    ['the page of failed deliveries', () => page('/admin/deliveries?status=failed')],
    [
      'a reply',
      () =>
        request(app.http)
          .post(`/api/v1/tickets/${bought.ticketId}/messages`)
          .set({ Authorization: `Bearer ${app.token}`, 'Idempotency-Key': 'a-reply' })
          .send({ channel: 'sms', body: 'Izklopite tiskalnik.' })
          .then(({ status, text }) => expect([status, text]).toEqual([201, text])),
    ],
  ])('%s', async (what, work) => {
    const plans = await plansThatGrow(app.db, work, { isList: LISTS.includes(what) });
    expect(plans.filter((plan) => !WAITING.some((known) => known.test(plan)))).toEqual([]);
  });
});
