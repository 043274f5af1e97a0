import { groups } from '../../src/api';
import { type Api, type ApiWorld, buy, makeApiWorld } from '../support/api';
import { describeEachEngine } from '../support/databases';

const endpoints = groups.flatMap((group) => group.endpoints);
const UNKNOWN = '0193e3a0-0000-7000-8000-000000000000';

/** A body that the endpoint takes, so that nothing but the thing under test can refuse. */
const BODIES: Record<string, object> = {
  createPackage: {
    store: 'default',
    name: 'P',
    match: { sku: 'X' },
    grants: [{ meter: 'sms', quantity: 1 }],
  },
  createStore: { slug: 'third' },
  createTicket: { store: 'default', customer_id: UNKNOWN, subject: 'Help' },
  createAdjustment: { meter: 'sms', quantity: 1, reason: 'sorry', kind: 'goodwill' },
  createQuote: { channel: 'email', body: 'Hello' },
  createMessage: { channel: 'email', body: 'Hello' },
  createVideoEvent: { event_id: 'e1', type: 'joined', participant: 'agent' },
};

describeEachEngine('who may use the API', (engine) => {
  let world: ApiWorld;
  let ids: Record<string, string>;
  const at = (path: string, id: string) => path.replace('{id}', id).replace('{slug}', id);
  const call = (api: Api, spec: (typeof endpoints)[number], path: string) =>
    api.call(
      spec.method,
      path,
      spec.body || spec.method === 'patch' ? (BODIES[spec.name] ?? {}) : undefined,
      {
        'Idempotency-Key': 'a-key',
      },
    );

  beforeAll(async () => {
    world = await makeApiWorld(engine);
    const bought = await buy(world);
    const sent = await world.api
      .post(`tickets/${bought.ticketId}/messages`, BODIES.createMessage)
      .expect(201);
    const session = await world.api.post(`tickets/${bought.ticketId}/video-sessions`).expect(201);
    const deliveries = await world.api.get('deliveries').expect(200);
    ids = {
      '/api/v1/stores/{slug}': 'default',
      '/api/v1/packages/{id}': world.package.id,
      '/api/v1/orders/{id}': bought.order.id,
      '/api/v1/customers/{id}': bought.customerId,
      '/api/v1/tickets/{id}': bought.ticketId,
      '/api/v1/messages/{id}': sent.body.id,
      '/api/v1/video-sessions/{id}': session.body.id,
      '/api/v1/deliveries/{id}': deliveries.body.data[0].id,
    };
  });
  const idFor = (path: string) => ids[path.slice(0, path.indexOf('}') + 1)] ?? '';

  it.each(endpoints.map((spec) => [spec.name, spec] as const))('%s', async (_name, spec) => {
    const path = at(spec.path, idFor(spec.path));

    for (const token of [null, 'ztn_wrong', 'not a token']) {
      const nobody = await call(world.api.as(token), spec, path).expect(401);
      expect(nobody.headers['www-authenticate']).toBe('Bearer');
      expect(nobody.headers['content-type']).toMatch('application/problem+json');
      expect(nobody.body).toMatchObject({ type: '/problems/unauthenticated', status: 401 });
    }

    const scope = spec.scope === 'orders:read' ? 'customers:read' : 'orders:read';
    const wrong = await call(await world.api.withToken([scope]), spec, path).expect(403);
    expect(wrong.body).toMatchObject({ type: '/problems/forbidden', required_scope: spec.scope });

    if (spec.path.includes('{')) {
      const mallory = await call(world.mallory, spec, path).expect(404);
      expect(mallory.body.type).toBe('/problems/not-found');
      const unknown = await call(world.api, spec, at(spec.path, UNKNOWN)).expect(404);
      expect(unknown.body).toEqual(mallory.body);
      for (const odd of ['1', 'nonsense', '%00', '..%2f', `${UNKNOWN}x`, UNKNOWN.toUpperCase()]) {
        await call(world.api, spec, at(spec.path, odd)).expect(404);
      }
    }
  });

  it('lists nothing of other stores', async () => {
    for (const list of ['packages', 'orders', 'customers', 'tickets', 'deliveries']) {
      const all = await world.api.get(list).expect(200);
      expect(all.body.data.length).toBeGreaterThan(0);
      for (const store of ['none', 'other']) {
        const elsewhere = await world.api.get(`${list}?store=${store}`).expect(200);
        expect(elsewhere.body.data).toEqual([]);
      }
      for (const query of ['', '?store=default', '?store=none', '?store=other']) {
        const hers = await world.mallory.get(`${list}${query}`).expect(200);
        expect(hers.body).toEqual({ data: [], next_cursor: null });
      }
    }
    const stores = await world.mallory.get('stores').expect(200);
    expect(stores.body.data.map((store: { slug: string }) => store.slug)).toEqual(['other']);
  });

  it('puts nothing into other stores', async () => {
    const { customerId } = await buy(world);
    await world.mallory.post('packages', BODIES.createPackage).expect(404);
    const ticket = { store: 'default', customer_id: customerId, subject: 'Help' };
    await world.mallory.post('tickets', ticket).expect(404);
    await world.mallory.post('tickets', { ...ticket, store: 'other' }).expect(422);
    await world.mallory.post('stores', { slug: 'third' }).expect(403);
  });

  it('keeps the sandbox for tokens of every store', async () => {
    await world.mallory.get('sandbox/messages').expect(403);
    await (await world.api.withToken(['sandbox:read'])).get('sandbox/messages').expect(200);
    await (await world.api.withToken(['sandbox:read'], ['default'])).get('sandbox/messages').expect(403);
  });

  it('lets who may write also read', async () => {
    const writer = await world.api.withToken(['packages:write']);
    await writer.get('packages').expect(200);
    await (await world.api.withToken(['packages:read'])).post('packages', BODIES.createPackage).expect(403);
  });

  it('names the methods of an address to others', async () => {
    const wrong = await world.api.call('delete', 'packages').expect(405);
    expect(wrong.headers.allow).toBe('POST, GET, HEAD, OPTIONS');
    expect(wrong.body.type).toBe('/problems/method-not-allowed');
    await world.api.call('options', 'packages').expect(204).expect('allow', 'POST, GET, HEAD, OPTIONS');
    await world.api.call('head', 'packages').expect(200);
    await world.api.as(null).call('head', 'packages').expect(401);
    await world.api.call('put', `packages/${world.package.id}`, {}).expect(405);
    await world.api
      .get('nothing')
      .expect(404)
      .expect('content-type', /problem\+json/);
  });
});
