import { TEST_ENV } from '../support/app';
import { addStaff, describeInBrowser, look, OWNER, openBrowser, PAGE_ENV } from '../support/browser';
import { makeStore } from '../support/context';
import { type OpenShop, openShop } from '../support/open-shop';
import { endPrograms, runProgram } from '../support/process';
import { makePackage } from '../support/shop';
import { Visitor } from '../support/visitor';

afterEach(endPrograms);

const READING = '/admin/stores/default/reading';

describeInBrowser('How a shop is read, on pages', (engine) => {
  let open: OpenShop;
  let carol: Visitor;

  beforeEach(async () => {
    open = await openShop(engine, { app: { env: PAGE_ENV } });
    open.fake.webhooks.fate = () => 'lose';
    carol = await Visitor.of(open.app, OWNER.email);
  });
  afterEach(() => open.close());

  test('the shop is read at the press of a button, and the page says what was found', async () => {
    await carol.post(READING, { kind: 'orders' }, READING);
    open.fake.shop.buy();
    const sent = await carol.post(READING, { kind: 'orders', since: '' }, READING);
    expect(sent.status).toBe(303);
    const page = await carol.get(READING).expect(200);
    expect(page.text).toContain('Done: 1 looked at, 1 of them was new to Zeton.');
    expect(page.text).toContain('1 looked at, 1 found');
    const wrong = await carol.post(READING, { kind: 'orders', since: '31.2.2026' }, READING);
    expect(wrong.status).toBe(422);
    expect(wrong.text).toContain('Write a day as the calendar has it');
    const swept = await carol.post(READING, { kind: 'sweep' }, READING);
    expect(swept.status).toBe(303);
    expect((await carol.get(READING)).text).toContain('All refunds were last looked at');
  });

  test('what is wrong stands on every admin page until it is over, and on no other', async () => {
    const { fake, clock, app } = open;
    await open.read();
    expect((await carol.get('/admin/packages')).text).not.toContain('z-bad');
    clock.advance({ minutes: 5 });
    fake.shop.buy();
    await open.read();
    clock.advance({ minutes: 16 });
    fake.authentication.keys.length = 0;
    await open.read();
    await open.read();
    const page = await carol.get('/admin/packages').expect(200);
    expect(page.text).toContain('are silent; it began 16 minutes ago: 1 order changed and nothing was sent');
    expect(page.text).toMatch(/cannot be read; it began just now: [^<]*key/i);
    expect(page.text).toContain(`href="${READING}"`);
    expect((await carol.get('/console/tickets')).text).not.toContain('are silent');
    await app.db('store_syncs').update({ unannounced_since: null, failures: 0 });
    expect((await carol.get('/admin/packages')).text).not.toContain('are silent');
  });

  test('an agent, and nobody, see none of it', async () => {
    const pkg = await makePackage(open.app.ctx, open.store, 'SUP-START', { sms: 10 });
    await addStaff(open.app, 'bob@example.com', 'agent');
    const bob = await Visitor.of(open.app, 'bob@example.com');
    const nobody = await Visitor.of(open.app, null);
    for (const path of [READING, `/admin/packages/${pkg.id}/import`]) {
      expect((await bob.get(path)).status).toBe(403);
      expect((await nobody.get(path)).status).toBe(303);
      expect((await bob.post(path, { kind: 'orders', days: '9' })).status).toBe(403);
    }
    expect((await carol.get('/admin/stores/nowhere/reading')).status).toBe(404);
    // Of another shop.
    const other = await makeStore(open.app.ctx, 'other');
    await addStaff(open.app, 'ana@example.com', 'admin');
    await open.app
      .db('staff')
      .where({ email: 'ana@example.com' })
      .update({ store_ids: JSON.stringify([other.id]) });
    await open.app.db('store_syncs').insert({
      store_id: open.store.id,
      kind: 'orders',
      read_until: '2026-11-22T12:00:00',
      failures: 9,
      failing_since: '2026-11-22T12:00:00.000Z',
      problem: 'Nobody answers.',
    });
    const ana = await Visitor.of(open.app, 'ana@example.com');
    for (const path of [READING, `/admin/packages/${pkg.id}/import`]) {
      expect((await ana.get(path)).status).toBe(404);
      expect((await ana.post(path, { kind: 'orders', days: '9' })).status).toBe(404);
    }
    expect((await ana.get('/admin/packages')).text).not.toContain('cannot be read');
    expect((await carol.get('/admin/packages')).text).toContain('cannot be read');
    expect(await open.app.db('sync_runs')).toEqual([]);
  });

  test('an import: counted first, started once, its progress shown, cancelled and resumed', async () => {
    const { fake, clock, app } = open;
    fake.shop.buy();
    clock.advance({ days: 60 });
    carol = await Visitor.of(app, OWNER.email);
    const pkg = await makePackage(app.ctx, open.store, 'SUP-START', { sms: 10 });
    const path = `/admin/packages/${pkg.id}/import`;
    expect((await carol.get(`/admin/packages/${pkg.id}`)).text).toContain(`href="${path}"`);
    expect((await carol.get(`${path}?days=0`)).status).toBe(422);
    const counted = await carol.get(`${path}?days=365`).expect(200);
    expect(counted.text).toContain('1 paid order of the last 365 days contains this product');
    expect(await app.db('imports')).toEqual([]);
    for (let click = 0; click < 2; click++) {
      expect((await carol.post(path, { days: '365' }, path)).status).toBe(303);
    }
    expect(await app.db('imports')).toHaveLength(1);
    const running = await carol.get(path).expect(200);
    expect(running.text).toContain('0 of 1 orders looked at, 0 taken in');
    expect(running.text).toContain('hx-trigger="every 2s"');
    const part = await carol.get(path, { 'HX-Request': 'true' }).expect(200);
    expect(part.text).not.toContain('<html');
    await carol.post(`${path}/cancellation`, {}, path);
    expect((await carol.get(path)).text).toContain('Cancelled after 0 of 1 orders');
    await carol.post(`${path}/resumption`, {}, path);
    await app.runJob('imports');
    const done = await carol.get(path).expect(200);
    expect(done.text).toContain('Done: 1 orders looked at, 1 taken in');
    expect(done.text).not.toContain('every 2s');
    expect((await carol.post(`${path}/nonsense`, {}, path)).status).toBe(404);
  });

  test('a shop without keys is said to be without; a new package of one with keys is for orders from now on', async () => {
    const form = await carol.get('/admin/packages/new').expect(200);
    expect(form.text).toMatch(/name="from_now"[^>]*checked/);
    await open.app.db('stores').update({ consumer_secret_sealed: null });
    expect((await carol.get(READING)).text).toContain('This shop has no REST keys');
    expect((await carol.get('/admin/packages/new')).text).not.toMatch(/name="from_now"[^>]*checked/);
  });
});

describeInBrowser('How a shop is read, looked at', (engine) => {
  test('the pages are in order at both widths, and axe finds nothing', async () => {
    const open = await openShop(engine, { app: { env: PAGE_ENV } });
    const { fake, clock, app } = open;
    fake.webhooks.fate = () => 'lose';
    fake.shop.buy();
    clock.advance({ days: 60 });
    const pkg = await makePackage(app.ctx, open.store, 'SUP-START', { sms: 10 });
    await open.read();
    fake.shop.buy();
    await open.read();
    await app.db('parked_orders').insert({
      store_id: open.store.id,
      woo_id: 51,
      reason: 'The shop has an error of its own (500).',
      attempts: 2,
      first_at: clock.now().toISOString(),
      last_at: clock.now().toISOString(),
      next_attempt_at: clock.now().toISOString(),
    });
    const browser = await openBrowser(app);
    await look(browser, READING, 'shop-reading', { signedInAs: 'owner' });
    await look(browser, `/admin/packages/${pkg.id}/import?days=365`, 'import', { signedInAs: 'owner' });
    await browser.close();
    await open.close();
  });
});

describeInBrowser('zeton reconcile', (engine) => {
  test('reads a shop from the command line, and says what it found', async () => {
    // A command lives in real time.
    const open = await openShop(engine, { shop: { clock: { now: () => new Date() } } });
    open.fake.shop.buy();
    const env = { ...TEST_ENV, DATABASE_URL: open.app.url, PUBLIC_URL: 'http://127.0.0.1:1' };
    const run = async (...args: string[]) => {
      const program = runProgram('src/cli.ts', env, ['reconcile', ...args]);
      return { code: await program.ended, out: program.stdout(), err: program.stderr() };
    };
    const [found, wrong, unknown] = await Promise.all([
      run('default', '--since', '2020-01-01'),
      run('default', '--since', 'yesterday'),
      run('nowhere'),
    ]);
    expect(found.out).toMatch(
      /^new {2}#\d+ {2}processing\n1 orders looked at, 1 found that no webhook had brought, 0 could not be taken in\n$/,
    );
    expect(found.code).toBe(0);
    expect(wrong.code).toBe(2);
    expect(wrong.err).toContain('--since is no day');
    expect(unknown).toMatchObject({ code: 1, err: 'There is no store "nowhere".\n' });
    await open.close();
  });
});
