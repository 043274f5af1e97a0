import { prettyJson } from '../../src/admin/pretty-json';
import { createStore, findStoreBySlug, type Store } from '../../src/domain/stores';
import { systemActor } from '../../src/platform/actor';
import { withTransaction } from '../../src/platform/db';
import { momentOf } from '../../src/usecases/context';
import { makeTestApp, type TestApp, testVault } from '../support/app';
import { addStaff, look, OWNER, openBrowser, PAGE_ENV, type TestBrowser } from '../support/browser';
import { describeEachEngine, type TestEngine } from '../support/databases';
import { makePackage, orderJson, receive } from '../support/shop';
import { csrfIn, fieldIn, Visitor } from '../support/visitor';

const HOSTILE = `<script>document.title='x'</script> &amp; "quoted" 'too' 😀 שלום`;
/** As kitajs writes text and attributes. */
const HOSTILE_TEXT = '&lt;script>document.title=';
/** Its elements alone: within the quotes of an attribute a `<` starts nothing. */
function elementsIn(text: string): string {
  return text.replace(/="[^"]*"/g, '=""');
}
function nextIn({ text }: { text: string }): string {
  return (/rel="next" href="([^"]+)"/.exec(text)?.[1] ?? '').replaceAll('&amp;', '&');
}
const NOTHING_HERE = '0193e3a0-0000-7000-8000-000000000000';

const FIELDS = {
  name: 'Start',
  match_kind: 'sku',
  match_value: 'SUP-10',
  grant_sms: '10',
  grant_email: '20',
  grant_video: '3',
  grant_request: '',
  grant_any: '',
  sms_unit: 'message',
  video_unit: 'session',
  video_block_minutes: '15',
  price_sms: '1',
  price_email: '1',
  price_video: '5',
  price_request: '',
  validity_days: '365',
  scope: 'customer',
  opens_ticket: 'yes',
  low_balance_at: '',
  active: 'yes',
};

interface Shop {
  app: TestApp;
  store: Store;
  carol: Visitor;
}

async function openShop(engine: TestEngine, env: Record<string, string | undefined> = {}): Promise<Shop> {
  const app = await makeTestApp(engine, { env: { ...PAGE_ENV, ...env } });
  return {
    app,
    store: (await findStoreBySlug(app.db, 'default')) as Store,
    carol: await Visitor.of(app, OWNER.email),
  };
}

async function addStore({ app }: Shop, slug: string, name: string): Promise<Store> {
  return withTransaction(app.db, (trx) =>
    createStore(trx, momentOf(app.ctx, systemActor), testVault, {
      slug,
      name,
      url: `https://${slug}.example`,
    }),
  );
}

/** The form, as a page of its own draws it: with its token and key. */
async function create({ carol }: Shop, fields: Record<string, string>) {
  const form = await carol.get('/admin/packages/new').expect(200);
  return carol.postBare('/admin/packages/new', { _csrf: csrfIn(form), key: fieldIn(form, 'key'), ...fields });
}

async function save({ carol }: Shop, path: string, fields: Record<string, string>) {
  const form = await carol.get(path).expect(200);
  const version = fieldIn(form, 'version');
  return carol.postBare(path, { _csrf: csrfIn(form), key: fieldIn(form, 'key'), version, ...fields });
}

describeEachEngine('the packages', (engine) => {
  let shop: Shop;
  beforeEach(async () => {
    shop = await openShop(engine);
  });

  test('an empty list leads to the form, which makes a package that says what it gives', async () => {
    const { carol, app } = shop;
    const empty = await carol.get('/admin/packages').expect(200);
    expect(empty.text).toContain('No packages yet');
    expect(empty.text).toContain('href="/admin/packages/new"');

    const made = await create(shop, FIELDS);
    expect(made.status).toBe(303);
    const page = await carol.get(made.headers.location as string).expect(200);
    expect(page.text).toContain('Package Start is saved. From now on, its product buys it.');
    expect(page.text).toContain('For each SKU SUP-10 that is bought and paid');
    expect(page.text).toContain('Can be used for 365 days after payment.');
    expect(fieldIn(page, 'grant_email')).toBe('20');

    const list = await carol.get('/admin/packages').expect(200);
    expect(list.text).toContain('10 SMS · 20 e-mails · 3 video sessions');
    expect(list.text).toContain('1 of 1');
    expect(await app.db('packages').select('name', 'match_kind', 'match_value', 'active')).toEqual([
      { name: 'Start', match_kind: 'sku', match_value: 'SUP-10', active: 1 },
    ]);
    const [audit] = await app.db('audit_log').where({ action: 'package.created' });
    expect(audit.actor_name).toBe('carol');
    // One shop: it is not asked for.
    expect((await carol.get('/admin/packages/new')).text).not.toContain('name="store"');
  });

  test('every part of a package comes back as it was saved', async () => {
    const { carol, app } = shop;
    const all = {
      ...FIELDS,
      match_kind: 'variation_id',
      match_value: ' 0052 ',
      grant_sms: '5',
      grant_email: '0',
      grant_video: '4',
      grant_request: '2',
      grant_any: '30',
      sms_unit: 'segment',
      video_unit: 'block',
      video_block_minutes: '20',
      price_email: '',
      price_request: '7',
      validity_days: '',
      scope: 'ticket',
      low_balance_at: '3',
    };
    const { active: _, ...offSale } = all;
    const made = await create(shop, offSale);
    expect(made.status).toBe(303);
    const [version] = await app.db('package_versions');
    expect({
      ...version,
      grants: JSON.parse(version.grants),
      price_list: JSON.parse(version.price_list),
    }).toMatchObject({
      active: 0,
      match_kind: 'variation_id',
      match_value: '52',
      grants: [
        { meter: 'sms', quantity: 5 },
        { meter: 'video', quantity: 4 },
        { meter: 'request', quantity: 2 },
        { meter: 'any', quantity: 30 },
      ],
      price_list: { sms: 1, video: 5, request: 7 },
      sms_unit: 'segment',
      video_block_minutes: 20,
      validity_days: null,
      scope: 'ticket',
      opens_ticket: 1,
      low_balance_at: 3,
    });
    const page = await carol.get(made.headers.location as string).expect(200);
    for (const [name, value] of Object.entries({ ...offSale, match_value: '52', grant_email: '' })) {
      if (['match_kind', 'sms_unit', 'video_unit', 'scope', 'opens_ticket'].includes(name)) continue;
      expect([name, fieldIn(page, name)]).toEqual([name, value]);
    }
    for (const value of ['variation_id', 'segment', 'block', 'ticket']) {
      expect(page.text).toMatch(new RegExp(`value="${value}" checked`));
    }
    expect(page.text).toContain(
      '1 for each part of an SMS, 5 for each 20 min of video, 7 for a new question',
    );
    expect(page.text).toContain('Off sale: orders do not buy it now.');
  });

  test('a form that is refused keeps what was typed and says what to mend beside the field', async () => {
    const answer = await create(shop, {
      ...FIELDS,
      name: '  ',
      match_kind: 'product_id',
      match_value: 'abc',
      grant_sms: 'ten',
      grant_any: '5',
      video_unit: 'block',
      video_block_minutes: '',
      price_sms: '0',
      validity_days: '-1',
      low_balance_at: '1.5',
      scope: 'ticket',
      opens_ticket: 'yes',
    });
    expect(answer.status).toBe(422);
    expect(answer.text).toContain('7 things need mending');
    const said = [...answer.text.matchAll(/id="(\w+)-mistake">.*?<span><span>(.*?)<\/span>/gs)].map((m) => [
      m[1],
      m[2],
    ]);
    expect(Object.fromEntries(said)).toEqual({
      name: 'Give it a name.',
      match_value: expect.stringContaining('An id is a whole number'),
      grant_sms: expect.stringContaining('Write a whole number from 0 to 1000000'),
      video_block_minutes: 'Write how many minutes a block has.',
      price_sms: expect.stringContaining('from 1 to'),
      validity_days: expect.stringContaining('from 1 to 3650'),
      low_balance_at: expect.stringContaining('from 0 to'),
    });
    expect(fieldIn(answer, 'grant_sms')).toBe('ten');
    expect(fieldIn(answer, 'match_value')).toBe('abc');
    expect(fieldIn(answer, 'validity_days')).toBe('-1');

    const { opens_ticket: _, ...noTicket } = FIELDS;
    const scope = await create(shop, { ...noTicket, scope: 'ticket' });
    expect(scope.text).toContain('This needs a ticket that the order opens');
    const nothing = await create(shop, { ...FIELDS, grant_sms: '0', grant_email: '', grant_video: '00' });
    expect(nothing.text).toContain('A package gives at least one kind of help');
    const noPrice = await create(shop, {
      ...FIELDS,
      grant_any: '5',
      price_sms: '',
      price_email: '',
      price_video: '',
    });
    expect(noPrice.text).toContain('Give at least one price');
    const long = await create(shop, { ...FIELDS, name: 'x'.repeat(201), match_value: 'y'.repeat(201) });
    expect(long.text.match(/At most 200 characters fit here/g)).toHaveLength(2);
    const unseen = await create(shop, { ...FIELDS, name: 'a\u0000b', match_value: 'a\tb' });
    expect(unseen.status).toBe(422);
    expect((await create(shop, {})).status).toBe(422);
    expect(await shop.app.db('packages')).toEqual([]);
  });

  test('prices and minutes are only asked for where they matter', async () => {
    const made = await create(shop, {
      ...FIELDS,
      price_sms: 'x',
      grant_video: '',
      video_unit: 'block',
      video_block_minutes: 'x',
    });
    expect(made.status).toBe(303);
    expect(JSON.parse((await shop.app.db('package_versions').first('price_list')).price_list)).toEqual({
      sms: 1,
      email: 1,
      video: 5,
    });
  });

  test('a product that another package sells is refused, with the way to that package', async () => {
    const first = await create(shop, FIELDS);
    const taken = await create(shop, { ...FIELDS, name: 'Other' });
    expect(taken.status).toBe(409);
    expect(taken.text).toContain('This product is already bought by package Start.');
    expect(taken.text).toContain(`<a href="${first.headers.location}">Open Start</a>`);
    expect(fieldIn(taken, 'name')).toBe('Other');
    // Off sale it may be prepared.
    const { active: _, ...offSale } = FIELDS;
    const prepared = await create(shop, { ...offSale, name: 'Other' });
    expect(prepared.status).toBe(303);
    const changed = await save(shop, prepared.headers.location as string, { ...FIELDS, name: 'Other' });
    expect(changed.status).toBe(409);
    expect(changed.text).toContain('Open Start');
  });

  test('a form that is sent twice makes one package, at once or later; changed since, it asks first', async () => {
    const { carol, app } = shop;
    const form = await carol.get('/admin/packages/new');
    const fields = { _csrf: csrfIn(form), key: fieldIn(form, 'key'), ...FIELDS };
    const answers = await Promise.all([
      carol.postBare('/admin/packages/new', fields),
      carol.postBare('/admin/packages/new', fields),
    ]);
    answers.push(await carol.postBare('/admin/packages/new', fields));
    expect(new Set(answers.map((answer) => answer.headers.location)).size).toBe(1);
    expect(await app.db('packages')).toHaveLength(1);
    const another = await carol.postBare('/admin/packages/new', {
      ...fields,
      match_value: 'SUP-20',
      name: 'More',
    });
    expect(another.status).toBe(409);
    expect(another.text).toContain('This form was saved before');
    expect(fieldIn(another, 'name')).toBe('More');
    const key = fieldIn(another, 'key');
    expect(
      (await carol.postBare('/admin/packages/new', { ...fields, key, match_value: 'SUP-20' })).status,
    ).toBe(303);
  });

  // PostgreSQL keeps no NUL in a text: it was an internal error there.
  test('a key that is none of ours is as good as none', async () => {
    const { carol, app } = shop;
    const form = await carol.get('/admin/packages/new');
    const fields = { _csrf: csrfIn(form), ...FIELDS, key: 'key\0of-nobody' };
    expect((await carol.postBare('/admin/packages/new', fields)).status).toBe(303);
    expect(await app.db('packages')).toHaveLength(1);
  });

  test('a change is saved for future orders, not twice, and not over that of somebody else', async () => {
    const { carol, app } = shop;
    const path = (await create(shop, FIELDS)).headers.location as string;
    const form = await carol.get(path);
    const mine = { _csrf: csrfIn(form), version: fieldIn(form, 'version'), ...FIELDS, grant_sms: '12' };
    expect(form.text).toContain('A change counts for orders that come in from now on.');
    expect((await carol.postBare(path, mine)).headers.location).toBe(path);
    expect((await carol.postBare(path, mine)).status).toBe(303);
    expect(await app.db('package_versions')).toHaveLength(2);
    expect((await carol.get(path)).text).toContain('Package Start is saved.');

    const late = await carol.postBare(path, { ...mine, grant_sms: '99' });
    expect(late.status).toBe(409);
    expect(late.text).toContain('Somebody changed this package after you opened it.');
    expect(fieldIn(late, 'grant_sms')).toBe('99');
    const again = await carol.postBare(path, { ...mine, grant_sms: '99', version: fieldIn(late, 'version') });
    expect(again.status).toBe(303);
    expect(fieldIn(await carol.get(path), 'grant_sms')).toBe('99');
  });

  test('the words follow the form while it is filled in, whatever is still wrong in it', async () => {
    const { carol } = shop;
    const words = async (fields: Record<string, string>) => {
      const answer = await carol.post('/admin/packages/preview', fields);
      expect(answer.status).toBe(200);
      expect(answer.text).not.toContain('<html');
      return answer.text;
    };
    expect(await words({})).toContain('Nothing yet.');
    expect(await words({ grant_sms: 'x', grant_email: '1' })).toContain('<span>e-mail</span>');
    expect(await words({ grant_any: '3', price_sms: '2' })).toContain(
      'For whatever is needed: 2 for an SMS.',
    );
    expect(await words({ grant_any: '3' })).toContain('once there are prices');
    const hostile = await words({ ...FIELDS, match_value: HOSTILE });
    expect(hostile).toContain(HOSTILE_TEXT);
    expect(hostile).not.toContain('<script');
  });

  test('hostile words stay words, in the list, the title, the form and the refusal', async () => {
    const { carol } = shop;
    const made = await create(shop, { ...FIELDS, name: HOSTILE, match_value: HOSTILE });
    expect(made.status).toBe(303);
    const taken = await create(shop, { ...FIELDS, name: HOSTILE, match_value: HOSTILE });
    const pages = [
      taken,
      await carol.get('/admin/packages'),
      await carol.get(made.headers.location as string),
    ];
    for (const { text } of pages) {
      expect(text).toContain(HOSTILE_TEXT);
      expect(elementsIn(text)).not.toContain('<script>');
      expect(text).toContain('&amp;amp;');
    }
  });

  test('with several shops it asks for which, and takes no shop that is not there', async () => {
    const other = await addStore(shop, 'other', 'Other shop');
    const form = await shop.carol.get('/admin/packages/new');
    expect(form.text).toContain('name="store"');
    expect(form.text).toContain('Other shop</option>');
    expect((await create(shop, { ...FIELDS, store: NOTHING_HERE })).text).toContain('Choose the shop.');
    const made = await create(shop, { ...FIELDS, store: other.id });
    expect(made.status).toBe(303);
    expect(await shop.app.db('packages').select('store_id')).toEqual([{ store_id: other.id }]);
    // The same product in another shop is another product.
    expect((await create(shop, { ...FIELDS, store: shop.store.id })).status).toBe(303);
    expect((await shop.carol.get('/admin/packages')).text).toContain('Other shop');
  });

  test('the list goes on by cursor', async () => {
    const { app, carol, store } = shop;
    for (let i = 0; i < 51; i++)
      await makePackage(app.ctx, store, `SKU-${String(i).padStart(2, '0')}`, { sms: 1 });
    const first = await carol.get('/admin/packages');
    expect(first.text).toContain('50 of 51');
    const second = await carol.get(nextIn(first));
    expect(second.text).toContain('SKU-00');
    expect(second.text).not.toContain('SKU-01');
    expect((await carol.get('/admin/packages?cursor=%00nonsense')).status).toBe(200);
  });
});

describeEachEngine('the pages of the shop', (engine) => {
  let shop: Shop;
  let delivery: string;
  let paths: string[];
  let posts: string[];
  beforeAll(async () => {
    shop = await openShop(engine);
    const { app, store } = shop;
    const pkg = await makePackage(app.ctx, store, 'SUP', { sms: 2 });
    delivery = await receive(app.ctx, store, 'coupon.created', '{}');
    await app.drain();
    await addStaff(app, 'mallory@example.com', 'read-only', 'Mallory');
    await addStaff(app, 'bob@example.com', 'agent', 'Bob');
    paths = [
      '/admin',
      '/admin/packages',
      '/admin/packages/new',
      `/admin/packages/${pkg.id}`,
      '/admin/deliveries',
      `/admin/deliveries/${delivery}`,
      '/admin/sandbox',
    ];
    posts = [
      '/admin/packages/new',
      '/admin/packages/preview',
      `/admin/packages/${pkg.id}`,
      `/admin/deliveries/${delivery}/retry`,
    ];
  });

  test('are for admins: nobody comes to the sign-in, others are told', async () => {
    const nobody = await Visitor.of(shop.app, null);
    for (const path of paths) {
      expect((await nobody.get(path)).headers.location).toBe(`/sign-in?next=${encodeURIComponent(path)}`);
    }
    await addStaff(shop.app, 'ada@example.com', 'admin', 'Ada');
    const ada = await Visitor.of(shop.app, 'ada@example.com');
    for (const path of paths) expect((await ada.get(path)).status).toBeLessThan(400);
    for (const email of ['mallory@example.com', 'bob@example.com']) {
      const visitor = await Visitor.of(shop.app, email);
      for (const path of paths) {
        const answer = await visitor.get(path).expect(403);
        expect(answer.text).toContain('This is not for your role');
      }
      for (const path of posts) expect((await visitor.post(path, FIELDS)).status).toBe(403);
    }
    expect(await shop.app.db('packages')).toHaveLength(1);
    expect((await shop.app.db('deliveries').first()).status).toBe('ignored');
  });

  test('take no form without its token, or from elsewhere, or of nobody', async () => {
    const token = csrfIn(await shop.carol.get('/admin/packages/new'));
    const nobody = await Visitor.of(shop.app, null);
    for (const path of posts) {
      expect((await shop.carol.postBare(path, FIELDS)).status).toBe(403);
      const elsewhere = { 'Sec-Fetch-Site': 'cross-site' };
      expect((await shop.carol.postBare(path, { ...FIELDS, _csrf: token }, elsewhere)).status).toBe(403);
      expect((await nobody.post(path, FIELDS, '/sign-in')).status).toBe(403);
    }
    expect(await shop.app.db('packages')).toHaveLength(1);
    expect((await shop.app.db('deliveries').first()).status).toBe('ignored');
  });

  test('say that nothing is there where nothing is', async () => {
    const { carol } = shop;
    for (const what of ['packages', 'deliveries', 'sandbox']) {
      for (const id of [NOTHING_HERE, 'nonsense', '%00', "'"]) {
        const answer = await carol.get(`/admin/${what}/${id}`).expect(404);
        expect(answer.text).toContain('There is nothing here');
      }
    }
    expect((await carol.post(`/admin/packages/${NOTHING_HERE}`, FIELDS)).status).toBe(404);
    expect((await carol.post(`/admin/deliveries/${NOTHING_HERE}/retry`, {})).status).toBe(404);
  });
});

describeEachEngine('the deliveries', (engine) => {
  let shop: Shop;
  beforeEach(async () => {
    shop = await openShop(engine);
  });

  test('without any, the page says how to connect the shop: the address and the four topics', async () => {
    const { carol } = shop;
    const { text } = await carol.get('/admin/deliveries').expect(200);
    expect(text).toContain('Nothing came in yet');
    expect(text).toContain('value="http://localhost:3000/webhooks/woocommerce/default"');
    for (const topic of ['created', 'updated', 'deleted', 'restored'])
      expect(text).toContain(`Order ${topic}</li>`);
    expect(text).toContain('This address works only on this machine.');
    expect(text).toContain('As secret, give each');
    const bare = await openShop(engine, {
      WOOCOMMERCE_WEBHOOK_SECRET: undefined,
      PUBLIC_URL: 'http://help.example',
    });
    const without = await bare.carol.get('/admin/deliveries');
    expect(without.text).toContain('Zeton knows no webhook secret of this shop yet');
    expect(without.text).toContain('value="http://help.example/webhooks/woocommerce/default"');
    expect(without.text).not.toContain('only on this machine');
  });

  test('each says what came, for which order, what became of it, and how often it was tried', async () => {
    const { app, carol, store } = shop;
    await makePackage(app.ctx, store, 'SUP', { sms: 2 });
    await receive(app.ctx, store, 'order.created', orderJson({ id: 1193 }));
    await receive(app.ctx, store, 'coupon.created', '{"id":1}');
    await receive(app.ctx, store, 'order.updated', 'this is no JSON');
    await app.drain();
    await receive(app.ctx, store, '', '{}');
    const all = await carol.get('/admin/deliveries').expect(200);
    expect(all.text).toContain('Order created');
    expect(all.text).toMatch(/<a href="\/console\/orders\/[\w-]{36}">#1193<\/a>/);
    expect(all.text).toContain('Zeton does nothing on coupon.created.');
    expect(all.text).toContain('1 delivery failed.');
    expect(all.text).toContain('Without a topic');
    expect(all.text).toContain('Will be processed in a moment.');
    expect(all.text).toContain('4 shown');
    const numbers = all.text.match(/(?<=<span>)\d+(?=<\/span>)/g);
    expect(numbers?.slice(-4)).toEqual(['0', '1', '1', '1']);

    const rowsAt = async (query: string) => {
      const { text } = await carol.get(`/admin/deliveries${query}`).expect(200);
      return (text.match(/z-row-link/g) ?? []).length;
    };
    expect(await rowsAt('?status=failed')).toBe(1);
    expect(await rowsAt('?status=ignored')).toBe(1);
    expect(await rowsAt('?status=done')).toBe(1);
    expect(await rowsAt('?status=pending')).toBe(1);
    expect(await rowsAt('?status=nonsense&cursor=x')).toBe(4);
    await app.drain();
    const waiting = await carol.get('/admin/deliveries?status=pending');
    expect(waiting.text).toContain('No delivery waits');
    expect(waiting.text).toContain('href="/admin/deliveries"');
  });

  test('one that will be tried again says when and why', async () => {
    const { app, carol, store } = shop;
    const id = await receive(app.ctx, store, 'order.created', orderJson({ id: 5 }));
    await app.db('deliveries').where({ id }).update({
      attempts: 3,
      next_attempt_at: '2026-11-22T12:10:00.000Z',
      reason: HOSTILE,
    });
    for (const path of ['/admin/deliveries', `/admin/deliveries/${id}`]) {
      const { text } = await carol.get(path);
      expect(text).toContain(`Did not work yet, and will be tried again in 10 minutes: ${HOSTILE_TEXT}`);
      expect(text).toContain('<span>3</span>');
      expect(elementsIn(text)).not.toContain('<script>');
    }
    // The fourth has begun.
    await app.db('deliveries').where({ id }).update({ attempts: 4, lease_owner: 'a worker' });
    expect((await carol.get(`/admin/deliveries/${id}`)).text).toContain('<span>3</span>');
    app.clock.advance(600);
    expect((await carol.get(`/admin/deliveries/${id}`)).text).toContain('is being tried again');
  });

  test('a failed one is processed again with a button, once, and it is kept who did', async () => {
    const { app, carol, store } = shop;
    const id = await receive(app.ctx, store, 'order.updated', 'no JSON');
    await app.drain();
    const path = `/admin/deliveries/${id}`;
    const failed = await carol.get(path);
    expect(failed.text).toContain('Process again');
    expect(failed.text).not.toContain('every 2s');
    const answer = await carol.post(`${path}/retry`, {});
    expect(answer.status).toBe(303);
    expect(answer.headers.location).toBe(path);
    const pending = await carol.get(path);
    expect(pending.text).toContain('It is in line again');
    expect(pending.text).toContain('hx-trigger="every 2s"');
    expect(pending.text).not.toContain('Process again');
    const twice = await carol.post(`${path}/retry`, {});
    expect(twice.status).toBe(409);
    expect(twice.text).toContain('It is in line or processed already');
    expect(
      (await app.db('audit_log').where({ action: 'delivery.retried' })).map((row) => row.subject_id),
    ).toEqual([id]);
    await app.drain();
    expect((await carol.get(path)).text).toContain('Process again');
  });

  test('the body stands there as text, indented where it is JSON, cut where it is big', async () => {
    const { app, carol, store } = shop;
    const show = async (body: string | Buffer) => {
      const id = await receive(app.ctx, store, 'order.updated', '');
      await app
        .db('deliveries')
        .where({ id })
        .update({ body: Buffer.from(body as string) });
      return (await carol.get(`/admin/deliveries/${id}`).expect(200)).text;
    };
    const json = await show(JSON.stringify({ price: '1.50', note: HOSTILE, empty: [] }));
    expect(json).toContain('\n  &#34;price&#34;: &#34;1.50&#34;,\n');
    expect(json).toContain('&#34;empty&#34;: []');
    expect(json).toContain(HOSTILE_TEXT);
    expect(elementsIn(json)).not.toContain('<script>');
    expect(await show('')).toContain('It came without a body.');
    expect(await show(Buffer.from([0xff, 0xfe, 0x00]))).toContain('This is not text in UTF-8');
    const big = await show(JSON.stringify(Array.from({ length: 200_000 }, (_, i) => `<b>${i}</b>`)));
    expect(big.length).toBeLessThan(250_000);
    expect(big).toContain('MiB: only the beginning is shown.');
    expect(await show('['.repeat(300_000))).toContain('only the beginning is shown');
    expect(await show('['.repeat(50_000) + ']'.repeat(50_000))).toContain('[');
  });

  test('the headers stand there as text', async () => {
    const { app, carol, store } = shop;
    const id = await receive(app.ctx, store, HOSTILE, '{}');
    await app
      .db('deliveries')
      .where({ id })
      .update({ headers: JSON.stringify({ 'x-wc-webhook-topic': HOSTILE }) });
    for (const path of ['/admin/deliveries', `/admin/deliveries/${id}`]) {
      const { text } = await carol.get(path);
      expect(text).toContain(HOSTILE_TEXT);
      expect(elementsIn(text)).not.toContain('<script>');
    }
  });

  test('the list goes on by cursor, and keeps its filter', async () => {
    const { app, carol, store } = shop;
    for (let i = 0; i < 51; i++) await receive(app.ctx, store, `coupon.number-${i}.`, '{}');
    await app.drain();
    const first = await carol.get('/admin/deliveries?status=ignored');
    const next = nextIn(first);
    expect(next).toContain('status=ignored');
    const second = await carol.get(next);
    expect(second.text).toContain('coupon.number-0.');
    expect(second.text).not.toContain('coupon.number-1.');
  });
});

describeEachEngine('the sandbox', (engine) => {
  test('shows what would have been sent, to whom, and for which ticket', async () => {
    const shop = await openShop(engine);
    const { app, carol, store } = shop;
    expect((await carol.get('/admin/sandbox')).text).toContain('Nothing was sent yet');
    await makePackage(app.ctx, store, 'SUP', { sms: 2, email: 3 });
    await receive(app.ctx, store, 'order.created', orderJson({ id: 1193, email: 'maja@example.com' }));
    await app.drain();
    const [sent] = await app.db('sandbox_messages');
    await app.db('sandbox_messages').insert({
      ...sent,
      id: NOTHING_HERE,
      message_id: 'other',
      channel: 'sms',
      to_address: '+38641555100',
      subject: null,
      text: HOSTILE,
      kind: 'reply',
      ticket_id: null,
    });
    const { text } = await carol.get('/admin/sandbox').expect(200);
    expect(text).toContain('Nothing here has left this machine.');
    expect(text).toContain('maja@example.com');
    expect(text).toMatch(new RegExp(`<a href="/console/tickets/${sent.ticket_id}">#\\d+</a>`));
    expect(text).toContain('From Zeton, free');
    expect(text).toContain(HOSTILE_TEXT);
    const sms = await carol.get('/admin/sandbox?channel=sms');
    expect(sms.text).toContain('+38641555100');
    expect(sms.text).not.toContain('maja@example.com');
    const detail = await carol.get(`/admin/sandbox/${sent.id}`).expect(200);
    expect(detail.text).toContain('preprosto odgovorite na to e-sporočilo');
    const hostile = await carol.get(`/admin/sandbox/${NOTHING_HERE}`).expect(200);
    expect(hostile.text).toContain(HOSTILE_TEXT);
    for (const page of [text, hostile.text]) expect(elementsIn(page)).not.toContain('<script>');
    await app.db('sandbox_messages').where({ channel: 'sms' }).delete();
    expect((await carol.get('/admin/sandbox?channel=sms')).text).toContain('Nothing on this channel');
  });

  test('says which channels really send', async () => {
    const smtp = { SMTP_URL: 'smtp://127.0.0.1:1', MAIL_FROM: 'help@example.com' };
    const twilio = {
      TWILIO_ACCOUNT_SID: `AC${'0'.repeat(32)}`,
      TWILIO_AUTH_TOKEN: 'x'.repeat(32),
      TWILIO_FROM: '+15005550006',
    };
    const words = async (env: Record<string, string>) => {
      const { carol, app } = await openShop(engine, env);
      const { text } = await carol.get('/admin/sandbox');
      await app.close();
      return text;
    };
    expect(await words(smtp)).toContain('E-mail is really sent now, by SMTP');
    expect(await words(twilio)).toContain('SMS are really sent now, by Twilio');
    const both = await words({ ...smtp, ...twilio });
    expect(both).toContain('E-mail and SMS are really sent now');
    expect(both).toContain('Messages are really sent, and none came here before that.');
  });
});

describe('JSON with lines', () => {
  test.each([
    ['{}', '{}'],
    ['[]', '[]'],
    ['{"a":[1,{"b":null}],"c":{}}', '{\n  "a": [\n    1,\n    {\n      "b": null\n    }\n  ],\n  "c": {}\n}'],
    // Nothing but space is changed: not the numbers, not what stands there twice, not what is in quotes.
    ['{"a": 1.50, "a" :1e3}', '{\n  "a": 1.50,\n  "a": 1e3\n}'],
    [String.raw`["a \" [, ] \\", "{"]`, '[\n  "a \\" [, ] \\\\",\n  "{"\n]'],
    ['"just a text"', '"just a text"'],
    ['{"broken":', '{"broken":'],
    ['webhook_id=5', 'webhook_id=5'],
  ])('%s', (json, lines) => {
    expect(prettyJson(json, 10_000)).toEqual({ text: lines, cut: false });
  });

  test('stops at what is shown, and never in the middle of a character', () => {
    expect(prettyJson('abcdef', 3)).toEqual({ text: 'abc', cut: true });
    expect(prettyJson('a😀', 2)).toEqual({ text: 'a', cut: true });
    const deep = prettyJson('['.repeat(100_000) + ']'.repeat(100_000), 1000);
    expect(deep.cut).toBe(true);
    expect(deep.text).toHaveLength(1000);
  });
});

describeEachEngine('the shop in a browser', (engine) => {
  if (engine.name !== 'sqlite') {
    test('is tried on one engine', () => expect(engine.name).toBe('postgres'));
    return;
  }
  let shop: Shop;
  let browser: TestBrowser;
  beforeAll(async () => {
    shop = await openShop(engine);
    browser = await openBrowser(shop.app);
  });
  afterAll(async () => {
    await browser.close();
    await shop.app.close();
  });

  test('empty pages look right, and axe finds nothing', async () => {
    for (const what of ['packages', 'deliveries', 'sandbox']) {
      await look(browser, `/admin/${what}`, `admin-${what}-empty`, { signedInAs: 'owner' });
    }
    await look(browser, '/admin/packages/new', 'admin-package-new', { signedInAs: 'owner' });
  }, 120_000);

  test('a package is made by hand, with its words beside it, and a refused form looks right', async () => {
    const page = await browser.openPage({ signedInAs: 'owner' });
    await page.goto(`${browser.base}/admin/packages`);
    await page.getByRole('link', { name: 'New package' }).click();
    await page.getByLabel('Name').fill('Start');
    await page.getByLabel('SKU or id of the product').fill('SUP-10');
    const prices = page.getByText('What things cost in credits for any help');
    expect(await prices.isVisible()).toBe(false);
    expect(await page.getByText('How SMS are counted').isVisible()).toBe(false);
    await page.locator('#grant_sms').fill('10');
    await page.locator('#promise').getByText('Each answer by SMS takes one').waitFor();
    await page.locator('#grant_any').fill('5');
    expect(await prices.isVisible()).toBe(true);
    await page.locator('#promise').getByText('5 for a video session').waitFor();
    await page.locator('#grant_any').fill('');
    await page.getByText('By part').click();
    await page.locator('#promise').getByText('160 plain letters').waitFor();
    await page.getByRole('button', { name: 'Save the package' }).click();
    await page.getByText('Package Start is saved.').waitFor();
    expect(await page.locator('#promise').textContent()).toContain('160 plain letters');

    await look(browser, '/admin/packages/new', 'admin-package-refused', {
      signedInAs: 'owner',
      async prepare(refused) {
        await refused.getByLabel('Name').fill(HOSTILE);
        await refused.getByLabel('SKU or id of the product').fill('SUP-10');
        await refused.locator('#grant_email').fill('twenty');
        await refused.locator('#grant_any').fill('12');
        await refused.getByText('By time').click();
        await refused.getByRole('button', { name: 'Save the package' }).click();
        await refused.locator('#grant_email').fill('20');
        await refused.getByRole('button', { name: 'Save the package' }).click();
        await refused.getByText('This product is already bought by package Start.').waitFor();
        expect(await refused.evaluate('document.activeElement.id')).toBe('match_value');
        expect(await refused.getByRole('link', { name: 'Open Start' }).isVisible()).toBe(true);
      },
    });
  }, 120_000);

  test('without JavaScript everything is asked for where it matters, and the words come with the saved page', async () => {
    const page = await browser.openPage({ signedInAs: 'owner', javaScript: false });
    await page.goto(`${browser.base}/admin/packages/new`);
    await page.getByLabel('Name').fill('Plain');
    await page.getByText('Variation id', { exact: true }).click();
    await page.getByLabel('SKU or id of the product').fill('77');
    expect(await page.locator('#video_block_minutes').isVisible()).toBe(false);
    await page.locator('#grant_video').fill('2');
    await page.getByText('By time').click();
    await page.locator('#video_block_minutes').fill('10');
    await page.getByRole('button', { name: 'Save the package' }).click();
    await page.getByText('Package Plain is saved.').waitFor();
    expect(await page.locator('#promise').textContent()).toContain('2 video blocks of 10 min');
  });

  test('full pages look right, and axe finds nothing', async () => {
    const { app, store } = shop;
    await makePackage(
      app.ctx,
      store,
      '51',
      { sms: 10, email: 20, video: 3, request: 2, any: 25 },
      {
        name: 'Podpora Plus: letna pomoč za podjetja',
        match: { kind: 'product_id', value: '51' },
        videoBlockMinutes: 15,
        validityDays: 365,
        scope: 'ticket',
        lowBalanceAt: 2,
      },
    );
    const hostile = await makePackage(
      app.ctx,
      store,
      'X',
      { any: 1 },
      { name: HOSTILE, match: { kind: 'sku', value: HOSTILE }, active: false },
    );
    await makePackage(app.ctx, store, 'SUP', { sms: 2, email: 3 }, { name: 'Mini', validityDays: 30 });
    for (let i = 0; i < 4; i++) {
      await receive(
        app.ctx,
        store,
        'order.created',
        orderJson({ id: 1190 + i, email: `buyer${i}@example.com` }),
      );
      app.clock.advance(1700);
    }
    await receive(app.ctx, store, 'order.deleted', '{"id":1191}');
    await receive(app.ctx, store, 'coupon.created', '{"id":7}');
    const failed = await receive(
      app.ctx,
      store,
      'order.updated',
      '{"code":5, "broken": true, "note": "<script>"}',
    );
    await receive(app.ctx, store, 'order.updated', '<html>502 Bad Gateway</html>');
    await app.drain();
    const waiting = await receive(app.ctx, store, 'order.restored', '{"id":1191}');
    await app
      .db('deliveries')
      .where({ id: waiting })
      .update({
        attempts: 3,
        next_attempt_at: new Date(app.clock.now().getTime() + 600_000).toISOString(),
        reason: 'The shop did not answer within 10 seconds.',
      });
    const done = await receive(
      app.ctx,
      store,
      'order.updated',
      orderJson({ id: 1193, note: HOSTILE, status: 'completed' }),
    );
    await app.drain();
    await app
      .db('deliveries')
      .where({ id: done })
      .update({
        headers: JSON.stringify({
          'content-type': 'application/json',
          'x-wc-webhook-source': 'https://shop.example.com/',
          'x-wc-webhook-topic': 'order.updated',
          'x-wc-webhook-delivery-id': '8f0c0a3be4c6d9b1a7f1',
        }),
      });
    app.clock.advance(240);
    const [sent] = await app.db('sandbox_messages').orderBy('id', 'desc');
    for (const [i, text] of [
      'Pozdravljeni, tiskalnik je treba enkrat izklopiti. Lep dan, Carol',
      HOSTILE,
    ].entries()) {
      await app.db('sandbox_messages').insert({
        ...sent,
        id: app.ctx.ids.next(),
        message_id: `m${i}`,
        channel: 'sms',
        kind: 'reply',
        subject: null,
        to_address: '+38641555100',
        from_address: 'Zeton',
        text,
      });
    }
    const [sms] = await app.db('sandbox_messages').where({ channel: 'sms' });
    const owner = { signedInAs: 'owner' };
    await look(browser, '/admin/packages', 'admin-packages', owner);
    await look(browser, `/admin/packages/${hostile.id}`, 'admin-package-hostile', owner);
    const [plus] = await app.db('packages').where({ match_value: '51' });
    await look(browser, `/admin/packages/${plus.id}`, 'admin-package', owner);
    await look(browser, '/admin/deliveries', 'admin-deliveries', {
      ...owner,
      prepare: (page) => page.getByText('How to connect a shop').click(),
    });
    await look(browser, '/admin/deliveries?status=failed', 'admin-deliveries-failed', owner);
    await look(browser, `/admin/deliveries/${failed}`, 'admin-delivery-failed', owner);
    await look(browser, `/admin/deliveries/${done}`, 'admin-delivery', owner);
    await look(browser, '/admin/sandbox', 'admin-sandbox', owner);
    await look(browser, `/admin/sandbox/${sent.id}`, 'admin-sandbox-email', owner);
    await look(browser, `/admin/sandbox/${sms.id}`, 'admin-sandbox-sms', owner);
  }, 300_000);

  test('a delivery that is processed again says by itself what became of it', async () => {
    const { app, store } = shop;
    const id = await receive(app.ctx, store, 'order.updated', 'no JSON');
    await app.drain();
    const page = await browser.openPage({ signedInAs: 'owner' });
    await page.goto(`${browser.base}/admin/deliveries/${id}`);
    await page.getByRole('button', { name: 'Process again' }).click();
    await page.getByText('It is in line again').waitFor();
    await app.drain();
    await page.getByRole('button', { name: 'Process again' }).waitFor();
    // Over is over: it does not look again.
    expect(await page.locator('#outcome').getAttribute('hx-trigger')).toBeNull();
  });

  test('the address of the webhook is copied', async () => {
    const page = await browser.openPage({ signedInAs: 'owner' });
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write'], { origin: browser.base });
    await page.goto(`${browser.base}/admin/deliveries`);
    await page.getByText('How to connect a shop').click();
    await page.getByRole('button', { name: 'Copy' }).click();
    await page.getByRole('button', { name: 'Copied' }).waitFor();
    expect(await page.evaluate('navigator.clipboard.readText()')).toMatch(
      /\/webhooks\/woocommerce\/default$/,
    );
  });
});
