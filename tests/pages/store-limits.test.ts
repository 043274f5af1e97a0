import { keepInboundMail } from '../../src/domain/inbound-mail';
import { systemActor } from '../../src/platform/actor';
import { addStaffForStores } from '../../src/usecases/add-staff';
import { momentOf } from '../../src/usecases/context';
import { type ApiWorld, buy, makeApiWorld } from '../support/api';
import { OWNER, PAGE_ENV } from '../support/browser';
import { describeEachEngine } from '../support/databases';
import { rawMail } from '../support/mails';
import { Visitor } from '../support/visitor';

interface Layer {
  route?: { path: string | string[]; methods: Record<string, boolean> };
  handle: { stack?: Layer[] };
}

/** Every page there is, as the routers have them: a new one is tried without being named here. */
function pagesIn(stack: Layer[]): { method: 'get' | 'post'; path: string }[] {
  return stack.flatMap(({ route, handle }) => {
    if (handle.stack && !route) return pagesIn(handle.stack);
    return [route?.path ?? []]
      .flat()
      .filter((path) => /^\/(console|admin)\b/.test(path))
      .map((path) => ({ method: route?.methods.post ? ('post' as const) : ('get' as const), path }));
  });
}

/** Ana looks after the store `other` only; everything here was bought in `default`, by people of these names. */
describeEachEngine('staff who look after some stores', (engine) => {
  let world: ApiWorld;
  let ana: Visitor;
  let carol: Visitor;
  let pages: { method: 'get' | 'post'; path: string }[];
  let params: Record<string, Record<string, string>>;
  /** So that nothing is refused before it is looked up. */
  const FIELDS = { status: 'open', version: '1', key: 'a-key-of-a-form', decision: 'split', returned: 'yes' };
  const SECRET_WORDS = /secret-buyer|Hidden shop|Hidden package|SECRETSKU|77001/;

  beforeAll(async () => {
    world = await makeApiWorld(engine, { env: PAGE_ENV });
    const { app, api } = world;
    await api.patch('stores/default', { name: 'Hidden shop' }).expect(200);
    await api.patch(`packages/${world.package.id}`, { name: 'Hidden package' }).expect(200);
    const bought = await buy(world, {
      id: 77001,
      email: 'secret-buyer@example.com',
      lines: [
        { id: 1, sku: 'SUP', quantity: 1 },
        { id: 2, sku: 'SECRETSKU' },
      ],
    });
    const ticket = await api.get(`tickets/${bought.ticketId}`).expect(200);
    const sent = await api
      .post(`tickets/${bought.ticketId}/messages`, { channel: 'email', body: 'About secret-buyer.' })
      .expect(201);
    const session = await api.post(`tickets/${bought.ticketId}/video-sessions`).expect(201);
    await app.drain();
    const messageId = sent.body.id as string;
    const pictureId = '0193e3a0-0000-7000-8000-000000000001';
    await app.db('sms_media').insert({
      id: pictureId,
      message_id: messageId,
      position: 0,
      url: 'https://api.twilio.com/picture',
      status: 'stored',
      attempts: 1,
      next_attempt_at: '2026-11-22T12:00:00.000Z',
      content_type: 'image/png',
      size_bytes: 1,
      content: Buffer.from('x'),
    });
    await app.db('message_mails').insert({
      message_id: messageId,
      from_address: 'secret-buyer@example.com',
      from_name: '',
      class: 'person',
      matched_by: 'token',
      sender: 'known',
      quoted: '',
      signature: '',
      html: '<p>About secret-buyer</p>',
      remote_images: 0,
      limits_hit: '[]',
    });
    const deliveries = await api.get('deliveries').expect(200);
    const sandbox = (await app.db('sandbox_messages').first('id')) as { id: string };
    const moment = momentOf(app.ctx, systemActor);
    const mail = { way: 'http' as const, storeId: null, envelopeFrom: null, envelopeTo: [], raw: rawMail() };
    const arrival = await keepInboundMail(app.db, moment, mail);
    await app.db('inbound_mails').where({ id: arrival.id }).update({ status: 'failed' });
    const person = { email: 'ana@example.com', name: 'Ana', role: 'owner' as const };
    await expect(addStaffForStores(app.db, moment, { ...person, storeSlugs: ['nowhere'] })).rejects.toThrow();
    await addStaffForStores(app.db, moment, { ...person, storeSlugs: ['other'] });
    ana = await Visitor.of(app, 'ana@example.com');
    carol = await Visitor.of(app, OWNER.email);
    params = {
      '/console/tickets/': {
        ref: String(ticket.body.number),
        message: messageId,
        picture: pictureId,
        session: session.body.id,
      },
      '/console/customers/': { id: bought.customerId },
      '/console/orders/': { id: bought.order.id },
      '/admin/packages/': { id: world.package.id, what: 'cancel' },
      '/admin/deliveries/': { id: deliveries.body.data[0].id },
      '/admin/sandbox/': { id: sandbox.id },
      '/admin/incoming/': { way: 'mail', id: arrival.id },
      '/admin/stores/': { slug: 'default', product: '11', variation: '0' },
    };
    pages = pagesIn((app.http as unknown as { router: { stack: Layer[] } }).router.stack);
  });
  afterAll(() => world.app.close());

  function addressOf(path: string): string {
    const own = Object.entries(params).find(([start]) => path.startsWith(start))?.[1] ?? {};
    return path.replace(/:(\w+)/g, (_all, name: string) => {
      const value = own[name];
      if (value === undefined)
        throw new Error(`say what :${name} of ${path} is in the store that is not hers`);
      return value;
    });
  }

  test('a page of something in another store is not there, for looking and for changing; it is there for the owner', async () => {
    const tried = [];
    for (const { method, path } of pages.filter((page) => page.path.includes(':'))) {
      const address = addressOf(path);
      const { status, text } = method === 'get' ? await ana.get(address) : await ana.post(address, FIELDS);
      // Of which shop those are is not known: they are for who looks after all.
      const refused = /^\/admin\/incoming\//.test(path) ? 403 : 404;
      expect({ method, path, status }).toEqual({ method, path, status: refused });
      expect(text).not.toMatch(SECRET_WORDS);
      if (method === 'get') {
        const { status: forOwner } = await carol.get(address);
        expect({ path, isThere: forOwner !== 404 }).toEqual({ path, isThere: true });
      }
      tried.push(path);
    }
    expect(tried.length).toBeGreaterThanOrEqual(25);
  });

  test('no list, count, search or filter tells of another store', async () => {
    const lists = pages.filter(({ method, path }) => method === 'get' && !path.includes(':'));
    expect(lists.length).toBeGreaterThanOrEqual(8);
    let seenByOwner = 0;
    for (const { path } of lists) {
      for (const query of ['', '?q=secret-buyer', '?store=default', '?status=all', '?status=processing']) {
        const { text } = await ana.get(path + query);
        expect({
          path,
          query,
          told: SECRET_WORDS.exec(text.replaceAll(query.slice(3), ''))?.[0] ?? null,
        }).toEqual({
          path,
          query,
          told: null,
        });
        if (query === '' && SECRET_WORDS.test((await carol.get(path)).text)) seenByOwner += 1;
      }
    }
    expect(seenByOwner).toBeGreaterThanOrEqual(5);
    expect((await ana.get(`/console/orders?customer=${params['/console/customers/']?.id}`)).status).toBe(404);
  });

  test('a package cannot be made for another store', async () => {
    const refused = await ana.post('/admin/packages/new', {
      key: 'a-key-of-a-form',
      store: world.store.id,
      name: 'P',
      match_kind: 'sku',
      match_value: 'X',
      grant_sms: '1',
      scope: 'customer',
    });
    const made = (await world.app.db('packages').where({ name: 'P' })) as { store_id: string }[];
    expect(made.every(({ store_id }) => store_id !== world.store.id)).toBe(true);
    expect([303, 422]).toContain(refused.status);
  });
});
