import { type ApiWorld, buy, makeApiWorld } from '../support/api';
import { describeEachEngine } from '../support/databases';
import { receive } from '../support/shop';

const METERS = ['sms', 'email', 'video', 'request', 'any'];
const NONE = { granted: 0, available: 0, held: 0, used: 0, expired: 0, revoked: 0 };

describeEachEngine('the API: stores and packages', (engine) => {
  let world: ApiWorld;
  beforeAll(async () => {
    world = await makeApiWorld(engine);
  });
  const newPackage = (sku: string, more: object = {}) => ({
    store: 'default',
    name: sku,
    match: { sku },
    grants: [{ meter: 'sms', quantity: 1 }],
    ...more,
  });

  it('connects a store and never shows its secrets', async () => {
    const made = await world.api
      .post('stores', {
        slug: 'trgovina',
        name: 'Trgovina',
        url: 'https://trgovina.example.si/',
        webhook_secret: 'a-webhook-secret',
        consumer_key: 'ck_1234',
        consumer_secret: 'cs_1234',
        paid_statuses: ['processing', 'wc-completed', 'shipped'],
      })
      .expect(201);
    expect(made.body).toEqual({
      slug: 'trgovina',
      name: 'Trgovina',
      url: 'https://trgovina.example.si',
      paid_statuses: ['processing', 'completed', 'shipped'],
      locale: 'sl',
      country: 'SI',
      time_zone: 'Europe/Ljubljana',
      currency: null,
      notices: true,
      customer_note: 'zeton',
      private_refund_notes: true,
      write_ticket_meta: true,
      mail_address: null,
      from_environment: false,
      state: 'connected',
      webhook: {
        delivery_url: 'https://help.example.com/webhooks/woocommerce/trgovina',
        secret_set: true,
        last_received_at: null,
        pending: 0,
        failed: 0,
        silent_since: null,
      },
      webhooks: { ensured_at: null, made: [], problem: null },
      rest: {
        keys_set: true,
        ok: null,
        problems: [],
        checked_at: null,
        last_sync_at: null,
        failing_since: null,
        problem: null,
        parked_orders: 0,
      },
      created_at: '2026-11-22T12:00:00.000Z',
      updated_at: '2026-11-22T12:00:00.000Z',
    });
    const all = JSON.stringify([
      (await world.api.get('stores')).body,
      (await world.app.db('audit_log')) as unknown,
    ]);
    for (const secret of ['a-webhook-secret', 'ck_1234', 'cs_1234']) expect(all).not.toContain(secret);
    const taken = await world.api.post('stores', { slug: 'trgovina' }).expect(409);
    expect(taken.body.type).toBe('/problems/store-slug-taken');
  });

  it('changes only what is said of a store', async () => {
    await world.api.post('stores', { slug: 'changing', webhook_secret: 'one' }).expect(201);
    const changed = await world.api
      .patch('stores/changing', { name: 'Neu', webhook_secret: null, notices: false })
      .expect(200);
    expect(changed.body).toMatchObject({
      name: 'Neu',
      country: 'US',
      notices: false,
      state: 'no_webhook_secret',
    });
    const kept = await world.api.patch('stores/changing', { name: 'Novo' }).expect(200);
    expect(kept.body).toMatchObject({ name: 'Novo', notices: false });
    const wrong = await world.api
      .patch('stores/changing', { country: 'Slovenia', url: 'ftp://x', when: 1 })
      .expect(422);
    const paths = wrong.body.errors.map((error: { path: string }) => error.path);
    expect(paths.sort()).toEqual(['country', 'when']);
  });

  it('counts what came into a store', async () => {
    await receive(world.app.ctx, world.store, 'order.updated', 'not json');
    const store = await world.api.get('stores/default').expect(200);
    expect(store.body.webhook).toMatchObject({
      pending: 1,
      last_received_at: world.app.clock.now().toISOString(),
    });
    await world.app.drain();
  });

  it('pages the stores by slug', async () => {
    const slugs: string[] = [];
    for (let cursor = ''; ; ) {
      const page = await world.api.get(`stores?limit=1${cursor}`).expect(200);
      slugs.push(...page.body.data.map((store: { slug: string }) => store.slug));
      if (page.body.next_cursor === null) break;
      cursor = `&cursor=${page.body.next_cursor}`;
    }
    expect(slugs.length).toBeGreaterThanOrEqual(2);
    expect(slugs).toEqual([...slugs].sort());
  });

  it('answers a package as it stands, with all defaults', async () => {
    const made = await world.api.post('packages', newPackage('DEFAULTS')).expect(201);
    expect(made.body).toEqual({
      id: expect.any(String),
      store: 'default',
      name: 'DEFAULTS',
      match: { sku: 'DEFAULTS' },
      grants: [{ meter: 'sms', quantity: 1 }],
      price_list: { sms: 1, email: 1, video: 5 },
      sms_unit: 'message',
      video_unit: 'session',
      validity_days: null,
      scope: 'customer',
      opens_ticket: true,
      orders_from: null,
      low_balance_at: null,
      active: true,
      created_at: '2026-11-22T12:00:00.000Z',
      updated_at: '2026-11-22T12:00:00.000Z',
    });
    expect((await world.api.get(`packages/${made.body.id}`).expect(200)).body).toEqual(made.body);
  });

  it('changes a package by parts', async () => {
    const made = await world.api
      .post(
        'packages',
        newPackage('PARTS', { match: { product_id: 501 }, video_unit: { block_minutes: 15 } }),
      )
      .expect(201);
    expect(made.body).toMatchObject({ match: { product_id: 501 }, video_unit: { block_minutes: 15 } });
    const path = `packages/${made.body.id}`;
    const changed = await world.api
      .patch(path, { match: { variation_id: 502 }, validity_days: 30, active: false, video_unit: 'session' })
      .expect(200);
    expect(changed.body).toEqual({
      ...made.body,
      match: { variation_id: 502 },
      validity_days: 30,
      active: false,
      video_unit: 'session',
    });
    const again = await world.api.patch(path, {}).expect(200);
    expect(again.body).toEqual(changed.body);
    await world.api.patch(path, { validity_days: null, low_balance_at: 2 }).expect(200);
  });

  it('refuses a second active package for the same product', async () => {
    const first = await world.api.post('packages', newPackage('TWICE')).expect(201);
    const second = await world.api.post('packages', newPackage('TWICE')).expect(409);
    expect(second.body).toMatchObject({ type: '/problems/package-match-taken', package_id: first.body.id });
    const resting = await world.api.post('packages', newPackage('TWICE', { active: false })).expect(201);
    await world.api.patch(`packages/${resting.body.id}`, { active: true }).expect(409);
    await world.api.post('packages', newPackage('TWICE', { store: 'other' })).expect(201);
  });

  it.each([
    ['no grants', { grants: [] }, 'grants', 'must have at least 1 entry'],
    [
      'a meter twice',
      {
        grants: [
          { meter: 'sms', quantity: 1 },
          { meter: 'sms', quantity: 2 },
        ],
      },
      'grants',
      'may name each meter only once',
    ],
    [
      'an unknown meter',
      { grants: [{ meter: 'fax', quantity: 1 }] },
      'grants.0.meter',
      'must be one of "sms", "email", "video", "request", "any"',
    ],
    ['quantity 0', { grants: [{ meter: 'sms', quantity: 0 }] }, 'grants.0.quantity', 'must be at least 1'],
    ['quantity -1', { grants: [{ meter: 'sms', quantity: -1 }] }, 'grants.0.quantity', 'must be at least 1'],
    [
      'quantity 1.5',
      { grants: [{ meter: 'sms', quantity: 1.5 }] },
      'grants.0.quantity',
      'must be a whole number',
    ],
    [
      'quantity 1e12',
      { grants: [{ meter: 'sms', quantity: 1e12 }] },
      'grants.0.quantity',
      'must be at most 1000000',
    ],
    [
      'quantity "10"',
      { grants: [{ meter: 'sms', quantity: '10' }] },
      'grants.0.quantity',
      'must be a number',
    ],
    ['no match', { match: {} }, 'match', 'must have exactly one of product_id, variation_id, sku'],
    [
      'two matches',
      { match: { sku: 'A', product_id: 1 } },
      'match',
      'must have exactly one of product_id, variation_id, sku',
    ],
    ['product 0', { match: { product_id: 0 } }, 'match.product_id', 'must be at least 1'],
    ['a blank name', { name: '  ' }, 'name', 'must not be empty'],
    ['validity 0', { validity_days: 0 }, 'validity_days', 'must be at least 1'],
    ['validity of centuries', { validity_days: 3651 }, 'validity_days', 'must be at most 3650'],
    ['a price of 0', { price_list: { sms: 0 } }, 'price_list.sms', 'must be at least 1'],
    ['a price of any', { price_list: { any: 1 } }, 'price_list.any', 'is not known here'],
    [
      'ticket scope without a ticket',
      { scope: 'ticket', opens_ticket: false },
      'scope',
      expect.stringContaining('only when the package opens one'),
    ],
    ['an unknown member', { valid_days: 3 }, 'valid_days', 'is not known here'],
    ['a NUL', { name: 'a\0b' }, 'name', 'has characters that are no text'],
    ['half an emoji', { name: 'a\ud83d' }, 'name', 'has characters that are no text'],
    ['a proto', JSON.parse('{"__proto__": {"x": 1}}') as object, '__proto__', 'is not known here'],
  ])('refuses a package with %s', async (_what, wrong, path, message) => {
    const body = { ...newPackage('WRONG'), ...wrong };
    if (Object.hasOwn(wrong, '__proto__'))
      Object.defineProperty(body, '__proto__', { value: 1, enumerable: true });
    const refused = await world.api.post('packages', JSON.stringify(body)).expect(422);
    expect(refused.headers['content-type']).toMatch('application/problem+json');
    expect(refused.body).toMatchObject({ type: '/problems/invalid-request', errors: [{ path, message }] });
  });

  it.each([
    ['no body', undefined, {}, 422, 'invalid-request'],
    ['no JSON', '{"name":', {}, 400, 'malformed-json'],
    ['a list', '[]', {}, 422, 'invalid-request'],
    ['a number', '1', {}, 422, 'invalid-request'],
    ['deep nesting', '['.repeat(100_000), {}, 422, 'invalid-request'],
    ['deep nesting of objects', `${'{"a":'.repeat(101)}1${'}'.repeat(101)}`, {}, 422, 'invalid-request'],
    ['too much', JSON.stringify({ name: 'x'.repeat(1_100_000) }), {}, 413, 'body-too-large'],
    ['another type', '<a/>', { 'Content-Type': 'text/xml' }, 415, 'unsupported-media-type'],
    ['another encoding', '{}', { 'Content-Encoding': 'rot13' }, 415, 'unsupported-media-type'],
  ])('refuses a request with %s', async (_what, body, headers, status, code) => {
    const call = world.api.call('post', 'packages').set({ 'Content-Type': 'application/json', ...headers });
    const refused = await (body === undefined ? call : call.send(body)).expect(status);
    expect(refused.body.type).toBe(`/problems/${code}`);
  });

  it('refuses bytes that are not UTF-8', async () => {
    const call = world.api.call('post', 'packages').set('Content-Type', 'application/json');
    call.write(Buffer.from([0x22, 0xff, 0x22]));
    expect((await call.expect(400)).body.type).toBe('/problems/malformed-json');
  });

  it('takes braces in texts for what they are', async () => {
    const name = `back \\ "quoted ${'[{'.repeat(60)}`;
    const made = await world.api.post('packages', newPackage('BRACES', { name })).expect(201);
    expect(made.body.name).toBe(name);
  });

  it('pages lists, newest first, with cursors of their own', async () => {
    const seen: string[] = [];
    for (let cursor = ''; ; ) {
      const page = await world.api.get(`packages?store=default&limit=2${cursor}`).expect(200);
      expect(page.body.data.length).toBeLessThanOrEqual(2);
      seen.push(...page.body.data.map((pkg: { id: string }) => pkg.id));
      if (page.body.next_cursor === null) break;
      cursor = `&cursor=${page.body.next_cursor}`;
    }
    const all = await world.api.get('packages?store=default&limit=200').expect(200);
    expect(seen).toEqual(all.body.data.map((pkg: { id: string }) => pkg.id));
    expect(seen).toEqual([...seen].sort().reverse());
    const stranger = (await world.api.get('packages?limit=1').expect(200)).body.next_cursor;
    for (const [list, cursor] of [
      ['orders', stranger],
      ['packages', 'x'],
      ['packages', `${stranger}=`],
      ['packages', ''],
    ]) {
      const refused = await world.api.get(`${list}?cursor=${cursor}`).expect(422);
      expect(refused.body.errors).toEqual([{ path: 'cursor', message: 'is not a cursor of this list' }]);
    }
    for (const limit of ['0', '201', '-1', '1.5', '1e2', 'all', '', '0x10']) {
      const refused = await world.api.get(`packages?limit=${limit}`).expect(422);
      expect(refused.body.errors[0].path).toBe('limit');
    }
    const twice = await world.api.get('packages?store=default&store=other').expect(422);
    expect(twice.body.errors).toEqual([{ path: 'store', message: 'must be a text' }]);
    await world.api.get('packages?colour=red').expect(422);
    await world.api.get('packages?store=%00').expect(422);
  });

  it('does what has a key once, also where nothing is spent', async () => {
    const first = await world.api.post('packages', newPackage('KEYED'), 'package-key').expect(201);
    const again = await world.api.post('packages', newPackage('KEYED'), 'package-key').expect(201);
    expect(again.body).toEqual(first.body);
    expect(again.headers['idempotency-replayed']).toBe('true');
    expect(first.headers['idempotency-replayed']).toBeUndefined();
  });
});

/** Each balance is the one before it and the change. */
function expectRunning(newestFirst: { meter: string; change: number; balance_after: number }[]): void {
  const running: Record<string, number> = {};
  for (const entry of [...newestFirst].reverse()) {
    running[entry.meter] = (running[entry.meter] ?? 0) + entry.change;
    expect(entry.balance_after).toBe(running[entry.meter]);
  }
}

describeEachEngine('the API: orders, customers and credits', (engine) => {
  let world: ApiWorld;
  beforeAll(async () => {
    world = await makeApiWorld(engine);
  });

  it('shows what an order bought', async () => {
    const { order, wooId } = await buy(world, {
      lines: [
        { id: 1, sku: 'SUP', quantity: 2 },
        { id: 2, sku: 'MUG' },
      ],
    });
    expect(order).toEqual({
      id: expect.any(String),
      store: 'default',
      woo_id: wooId,
      number: String(wooId),
      status: 'processing',
      paid: true,
      ever_paid: true,
      customer_id: expect.any(String),
      ticket_id: expect.any(String),
      lines: [
        {
          id: expect.any(String),
          name: 'Podpora SUP',
          quantity: 2,
          refunded_quantity: 0,
          package: { id: world.package.id, name: 'Start' },
          meters: {
            sms: { wanted: 20, net: 20, shortfall: 0 },
            email: { wanted: 40, net: 40, shortfall: 0 },
            video: { wanted: 6, net: 6, shortfall: 0 },
          },
        },
        {
          id: expect.any(String),
          name: 'Podpora MUG',
          quantity: 1,
          refunded_quantity: 0,
          package: null,
          meters: {},
        },
      ],
      review_flags: [],
      currency: 'EUR',
      total: '29.00',
      created_at: expect.any(String),
      updated_at: expect.any(String),
    });
    expect((await world.api.get(`orders/${order.id}`).expect(200)).body).toEqual(order);
    for (const query of [
      `number=${wooId}`,
      `woo_id=${wooId}&store=default`,
      `customer_id=${order.customer_id}`,
    ]) {
      const found = await world.api.get(`orders?${query}`).expect(200);
      expect(found.body).toEqual({ data: [order], next_cursor: null });
    }
    for (const query of ['number=999999', 'woo_id=999999', 'customer_id=nonsense', 'store=other']) {
      expect((await world.api.get(`orders?${query}`).expect(200)).body.data).toEqual([]);
    }
    await world.api.get('orders?woo_id=abc').expect(422);
  });

  it('promises the meters of an order that is not paid', async () => {
    const { order } = await buy(world, { status: 'pending' });
    expect(order).toMatchObject({ paid: false, ever_paid: false, ticket_id: null });
    expect(order.lines[0].meters.sms).toEqual({ wanted: 0, net: 0, shortfall: 0 });
  });

  it('shows the shortfall of a cancelled order on order, customer and ticket', async () => {
    const bought = await buy(world);
    await world.api
      .post(`tickets/${bought.ticketId}/messages`, { channel: 'email', body: 'Hello' })
      .expect(201);
    await world.app.drain();
    const { order } = await buy(world, {
      id: bought.wooId,
      status: 'cancelled',
      modified: '2026-11-21T10:00:00',
    });
    expect(order.lines[0].meters).toEqual({
      sms: { wanted: 0, net: 0, shortfall: 0 },
      email: { wanted: 0, net: 1, shortfall: 1 },
      video: { wanted: 0, net: 0, shortfall: 0 },
    });
    const statement = await world.api.get(`customers/${bought.customerId}/statement?limit=200`).expect(200);
    expectRunning(statement.body.data);
    expect(statement.body.data).toContainEqual(
      expect.objectContaining({ type: 'revoke', meter: 'sms', quantity: 10, change: -10, balance_after: 0 }),
    );
    const shortfall = { sms: 0, email: 1, video: 0, request: 0, any: 0 };
    expect((await world.api.get(`customers/${bought.customerId}`)).body.shortfall).toEqual(shortfall);
    expect((await world.api.get(`tickets/${bought.ticketId}`)).body.shortfall).toEqual(shortfall);
  });

  it('finds customers by address, number and part of a name, in every script', async () => {
    const alice = await buy(world, { email: 'Alice@Example.com', phone: '041 555 100' });
    const other = await buy(world, { email: 'bob@example.com', phone: '+385 91 555 1234' });
    await world.app.db('customers').where({ id: other.customerId }).update({ name: 'Čedomir Παπαδόπουλος' });
    const found = async (query: string) => {
      const list = await world.api.get(`customers?${query}`).expect(200);
      return list.body.data.map((customer: { id: string }) => customer.id);
    };
    expect(await found('email=alice@EXAMPLE.com')).toEqual([alice.customerId]);
    expect(await found('email=alice@example.co')).toEqual([]);
    expect(await found(`phone=${encodeURIComponent('+386 41 555 100')}`)).toContain(alice.customerId);
    expect(await found(`phone=${encodeURIComponent('+385915551234')}`)).toEqual([other.customerId]);
    expect(await found('q=KUPEC')).toContain(alice.customerId);
    for (const q of ['čedomir', 'ČEDOMIR', 'παπαδ', 'bob@', '5551234']) {
      expect(await found(`q=${encodeURIComponent(q)}`)).toEqual([other.customerId]);
    }
    expect(await found('q=%25')).toEqual([]);
    expect(await found('q=_')).toEqual([]);
    expect(await found('store=default&limit=1')).toEqual([other.customerId]);
    const one = await world.api.get(`customers/${alice.customerId}`).expect(200);
    expect(one.body).toMatchObject({
      store: 'default',
      woo_customer_id: null,
      name: 'Alice Kupec',
      email: 'Alice@Example.com',
      phone_e164: '+38641555100',
      country: 'SI',
      locale: 'sl',
    });
  });

  it('shows every meter, and each grant with its cause', async () => {
    const { customerId, order } = await buy(world);
    const credits = await world.api.get(`customers/${customerId}/credits`).expect(200);
    expect(Object.keys(credits.body.meters).sort()).toEqual([...METERS].sort());
    expect(credits.body.meters.sms).toEqual({ ...NONE, granted: 10, available: 10 });
    expect(credits.body.meters.request).toEqual(NONE);
    expect(credits.body.grants).toHaveLength(3);
    expect(credits.body.grants).toContainEqual({
      id: expect.any(String),
      meter: 'video',
      ...NONE,
      granted: 3,
      available: 3,
      expires_at: null,
      scope: 'customer',
      ticket_id: null,
      package: { id: world.package.id, name: 'Start' },
      order: { id: order.id, number: order.number },
    });
  });

  it('adjusts with a reason, up and down, once for each key', async () => {
    const { customerId } = await buy(world);
    const path = `customers/${customerId}/adjustments`;
    const body = { meter: 'sms', quantity: 5, reason: 'Sorry for the wait', kind: 'goodwill' };
    const without = await world.api.post(path, body, null).expect(400);
    expect(without.body.type).toBe('/problems/idempotency-key-required');
    const made = await world.api.post(path, body, 'adjust-1').expect(201);
    expect(made.body).toMatchObject({ id: expect.any(String), customer_id: customerId, ...body });
    expect(made.body.meters.sms.available).toBe(15);
    const again = await world.api.post(path, body, 'adjust-1').expect(201);
    expect(again.body).toEqual(made.body);
    const other = await world.api.post(path, { ...body, quantity: 6 }, 'adjust-1').expect(409);
    expect(other.body.type).toBe('/problems/idempotency-conflict');
    const less = { meter: 'sms', quantity: -9, reason: 'Counted twice', kind: 'correction' };
    expect((await world.api.post(path, less).expect(201)).body.meters.sms).toMatchObject({
      available: 6,
      revoked: 9,
    });
    const tooMuch = await world.api.post(path, { ...less, quantity: -7 }).expect(402);
    expect(tooMuch.body).toMatchObject({ meter: 'sms', missing: 1, available: 6 });
    await world.api.post(path, { ...less, kind: 'goodwill' }).expect(422);
    for (const quantity of [0, 1.5, 1e12, -1e12, '10', null, true]) {
      const refused = await world.api.post(path, { ...body, quantity }).expect(422);
      expect(refused.body.errors[0].path).toBe('quantity');
    }
    await world.api.post(path, { ...body, reason: ' ' }).expect(422);
    const audited = await world.app
      .db('audit_log')
      .where({ action: 'credits.adjusted', subject_id: customerId });
    expect(audited).toHaveLength(2);
  });

  it('explains the balance, newest first, page by page', async () => {
    const { customerId, ticketId, order } = await buy(world);
    await world.api.post(`tickets/${ticketId}/messages`, { channel: 'sms', body: 'Hello' }).expect(201);
    await world.app.drain();
    await world.api
      .post(`customers/${customerId}/adjustments`, {
        meter: 'sms',
        quantity: -2,
        reason: 'Oops',
        kind: 'correction',
      })
      .expect(201);
    const path = `customers/${customerId}/statement`;
    const all = (await world.api.get(`${path}?limit=200`).expect(200)).body.data;
    expect(all.map((entry: { seq: number }) => entry.seq)).toEqual([6, 5, 4, 3, 2, 1]);
    const [corrected, captured, held] = all;
    expect(corrected).toMatchObject({
      type: 'correct',
      quantity: 2,
      change: -2,
      balance_after: 7,
      reason: 'Oops',
      cause: { kind: 'adjustment' },
      by: { kind: 'token', name: 'environment' },
      order: { number: order.number },
      ticket: null,
    });
    expect(captured).toMatchObject({
      type: 'capture',
      change: 0,
      balance_after: 9,
      ticket: { id: ticketId },
    });
    expect(held).toMatchObject({
      type: 'hold',
      change: -1,
      balance_after: 9,
      work: 'sms',
      hold_id: captured.hold_id,
    });

    expectRunning(all);
    for (const member of ['before', 'cursor']) {
      const paged: unknown[] = [];
      for (let cursor = ''; ; ) {
        const page = await world.api.get(`${path}?limit=4${cursor}`).expect(200);
        paged.push(...page.body.data);
        if (page.body.next_cursor === null) break;
        cursor = `&${member}=${page.body.next_cursor}`;
      }
      expect(paged).toEqual(all);
    }
    await world.api.get(`${path}?before=nonsense`).expect(422);
    const sms = (await world.api.get(`${path}?meter=sms`).expect(200)).body.data;
    expect(sms.every((entry: { meter: string }) => entry.meter === 'sms')).toBe(true);
  });

  it('gives the whole statement as CSV, of whatever length, and safe for spreadsheets', async () => {
    const { customerId } = await buy(world);
    const reason = '=HYPERLINK("http://evil.example","Click"), really\nor not';
    const adjust = (quantity: number, kind: string) =>
      world.api
        .post(`customers/${customerId}/adjustments`, { meter: 'sms', quantity, reason, kind })
        .expect(201);
    // More than one page of the reader.
    for (let i = 0; i < 101; i++) {
      await adjust(1, 'goodwill');
      await adjust(-1, 'correction');
    }
    const path = `customers/${customerId}/statement`;
    const csv = await world.api.call('get', path, undefined, { Accept: 'text/csv' }).expect(200);
    expect(csv.headers['content-type']).toBe('text/csv; charset=utf-8');
    expect(csv.headers['content-disposition']).toBe(`attachment; filename=statement-${customerId}.csv`);
    const [head, ...lines] = csv.text.split('\r\n');
    expect(head).toBe(
      'at,type,meter,quantity,change,balance_after,cause,cause_id,reason,by,package,order_number,ticket_number,grant_id,hold_id,seq',
    );
    expect(lines.pop()).toBe('');
    expect(lines).toHaveLength(205);
    expect(lines[0]).toContain(`,sms,1,-1,10,adjustment,`);
    expect(lines[0]).toContain(`"'=HYPERLINK(""http://evil.example"",""Click""), really\nor not"`);
    expect(lines[0]?.endsWith(',205')).toBe(true);
    expect(lines.at(-1)?.endsWith(',1')).toBe(true);
    const either = await world.api.call('get', path, undefined, {
      Accept: 'text/csv;q=0.5, application/json',
    });
    expect(either.headers['content-type']).toMatch('application/json');
    const any = await world.api.call('get', path, undefined, { Accept: '*/*' });
    expect(any.headers['content-type']).toMatch('application/json');
    expect((await world.mallory.call('get', path, undefined, { Accept: 'text/csv' })).status).toBe(404);
  });

  it('shows what came in, and puts what failed back in line', async () => {
    const id = await receive(world.app.ctx, world.store, 'order.updated', 'Καλημέρα, no JSON 😀');
    const path = `deliveries/${id}`;
    const waiting = await world.api.get(path).expect(200);
    expect(waiting.body).toMatchObject({
      id,
      store: 'default',
      topic: 'order.updated',
      status: 'pending',
      body: 'Καλημέρα, no JSON 😀',
      body_base64: null,
      headers: { 'x-wc-webhook-topic': 'order.updated' },
    });
    expect((await world.api.post(`${path}/retry`).expect(409)).body.type).toBe(
      '/problems/delivery-not-failed',
    );
    await world.app.db('deliveries').where({ id }).update({ status: 'failed', reason: 'no JSON' });
    const failed = await world.api.get('deliveries?status=failed').expect(200);
    expect(failed.body.data[0]).toMatchObject({ id, reason: 'no JSON' });
    expect(failed.body.data[0]).not.toHaveProperty('body');
    const wakes: string[] = [];
    world.app.ctx.wake = (work) => wakes.push(work);
    const retried = await world.api.post(`${path}/retry`).expect(200);
    expect(retried.body).toMatchObject({ id, status: 'pending', attempts: 0 });
    expect(wakes).toEqual(['inbox']);
    expect((await world.api.get('deliveries?status=failed&limit=1').expect(200)).body.data).not.toMatchObject(
      [{ id }],
    );
    await world.api.get('deliveries?status=lost').expect(422);
  });

  it('gives back bytes that are no text as they came', async () => {
    const id = await receive(world.app.ctx, world.store, 'order.updated', 'x');
    const bytes = Buffer.from([0xff, 0x00, 0x80]);
    await world.app.db('deliveries').where({ id }).update({ body: bytes });
    const found = await world.api.get(`deliveries/${id}`).expect(200);
    expect(found.body).toMatchObject({ body: null, body_base64: bytes.toString('base64') });
  });
});
