import { describeEachEngine } from '../support/databases';
import { type OpenShop, openShop } from '../support/open-shop';
import { makePackage } from '../support/shop';

describeEachEngine('Reconciliations by the API', (engine) => {
  let open: OpenShop;
  const PATH = '/api/v1/stores/default/reconciliations';

  beforeEach(async () => {
    open = await openShop(engine);
    open.fake.webhooks.fate = () => 'lose';
  });
  afterEach(() => open.close());

  test('answers what it found, and the store tells when it was read last', async () => {
    await makePackage(open.app.ctx, open.store, 'SUP-START', { sms: 10 });
    await open.api('post', PATH).expect(200);
    open.clock.advance(60);
    const id = open.fake.shop.buy();
    const answer = await open.api('post', PATH, {}).expect(200);
    expect(answer.body).toMatchObject({
      store: 'default',
      kind: 'orders',
      asked_by: 'environment',
      state: 'done',
      seen: 1,
      found: 1,
      orders: [{ woo_id: id, number: String(id), what: 'new', status: 'processing' }],
    });
    const store = (await open.api('get', '/api/v1/stores/default')).body;
    expect(store.rest).toMatchObject({
      last_sync_at: '2026-11-22T12:01:00.000Z',
      problem: null,
      parked_orders: 0,
    });
    const list = (await open.api('get', `${PATH}?limit=1`)).body;
    expect(list.data).toHaveLength(1);
    expect(list.data[0]).toMatchObject({ id: answer.body.id, found: 1 });
    expect((await open.api('get', `${PATH}?cursor=${list.next_cursor}`)).body.data).toHaveLength(1);
    expect((await open.api('get', `${PATH}/${answer.body.id}`)).body).toEqual(answer.body);
  });

  test('since reaches further back; what is no instant is refused', async () => {
    open.clock.advance({ days: 3 });
    open.fake.shop.buy();
    open.clock.advance({ days: 3 });
    expect((await open.api('post', PATH, {})).body.found).toBe(0);
    expect((await open.api('post', PATH, { since: '2026-11-24T02:00:00+02:00' })).body).toMatchObject({
      since: '2026-11-24T00:00:00.000Z',
      found: 1,
    });
    expect((await open.api('post', PATH, { since: '2026-02-31' })).status).toBe(422);
    expect((await open.api('post', PATH, { kind: 'sweep' })).body).toMatchObject({
      kind: 'sweep',
      state: 'done',
    });
  });

  test('a shop that does not let Zeton in is said in its answer, and on the store', async () => {
    open.fake.authentication.keys.length = 0;
    const { body } = await open.api('post', PATH).expect(200);
    expect(body).toMatchObject({ state: 'failed', seen: 0 });
    expect(body.problem).toMatch(/key/i);
    const store = (await open.api('get', '/api/v1/stores/default')).body;
    expect(store.rest).toMatchObject({ failing_since: '2026-11-22T12:00:00.000Z', problem: body.problem });
  });

  test('a store without keys, a store that is not there, and a token of another store', async () => {
    await open.api('post', '/api/v1/stores', { slug: 'plain', url: 'https://plain.example.com' }).expect(201);
    const plain = await open.api('post', '/api/v1/stores/plain/reconciliations').expect(409);
    expect(plain.body).toMatchObject({ type: '/problems/store-without-keys', store: 'plain' });
    await open.api('post', '/api/v1/stores/nowhere/reconciliations').expect(404);
    const { body: mine } = await open.api('post', PATH).expect(200);
    await open.api('get', `/api/v1/stores/plain/reconciliations/${mine.id}`).expect(404);
  });
});
