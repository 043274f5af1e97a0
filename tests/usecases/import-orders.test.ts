import { newestImport } from '../../src/domain/imports';
import { findPackage, type Package, type PackageInput } from '../../src/domain/packages';
import { openTicket } from '../../src/domain/tickets';
import { systemActor } from '../../src/platform/actor';
import { withTransaction } from '../../src/platform/db';
import { limits } from '../../src/platform/limits';
import {
  cancelImportIn,
  previewImport,
  resumeImportIn,
  startImportIn,
} from '../../src/usecases/import-orders';
import { chosenEngines, describeEachEngine } from '../support/databases';
import { type OpenShop, openShop } from '../support/open-shop';
import { expectSoundLedger, makePackage } from '../support/shop';

describeEachEngine('An import of earlier orders', (engine) => {
  let open: OpenShop;

  beforeEach(async () => {
    open = await openShop(engine);
    open.fake.webhooks.fate = () => 'lose';
  });
  afterEach(() => open.close());

  /** A package of today. */
  const packageOf = (sku: string, more: Partial<PackageInput> = {}) =>
    makePackage(
      open.app.ctx,
      open.store,
      sku,
      { sms: 10 },
      { ordersFrom: open.clock.now().toISOString(), ...more },
    );

  async function start(pkg: Package, { days = 365, greets = false } = {}) {
    const { since, orders } = await previewImport(open.app.ctx, pkg, days);
    return withTransaction(open.app.db, (trx) =>
      startImportIn(trx, open.app.ctx, systemActor, pkg, { since, orders, greets }),
    );
  }
  const run = () => open.app.runJob('imports');
  const newest = async (pkg: Package) => {
    const made = await newestImport(open.app.db, pkg.id);
    if (!made) throw new Error('there is an import');
    return made;
  };
  const orderRow = (wooId: number) => open.app.db('orders').where({ woo_id: wooId }).first();
  const countOf = async (table: string, where: object = {}) =>
    Number((await open.app.db(table).where(where).count({ n: '*' }).first())?.n);

  test('the preview counts and changes nothing; then old lines without a package get it, and the buyers are left in peace', async () => {
    const { fake, clock, app } = open;
    const old = fake.shop.buy({ lines: ['MAJICA-1', { sku: 'SUP-START', quantity: 2 }] });
    fake.shop.buy({ lines: ['MAJICA-1'] });
    fake.shop.buy({ outcome: 'pending' });
    clock.advance({ days: 30 });
    // Zeton knows this one; it has no package yet.
    const known = fake.shop.buy();
    await open.read();
    clock.advance({ days: 30 });
    const pkg = await packageOf('SUP-START');
    clock.advance({ days: 1 });
    fake.webhooks.fate = () => 'deliver';
    fake.shop.edit(known, { note: 'Hvala' });
    await open.settle();
    expect(await open.net(known)).toBeNull();

    expect(await previewImport(app.ctx, pkg, 365)).toMatchObject({ orders: 2, of: 'product' });
    expect(await countOf('imports')).toBe(0);
    await start(pkg);
    await run();

    expect(await newest(pkg)).toMatchObject({ state: 'done', total: 2, seen: 2, failed: 0 });
    const lines = await app.db('order_lines').whereNotNull('import_id');
    expect(lines).toHaveLength(2);
    expect((await orderRow(old)).ticket_id).toBeNull();
    expect((await orderRow(known)).ticket_id).toBeNull();
    expect(await open.net(known)).toBe(10);
    expect(await countOf('tickets')).toBe(0);
    expect(await countOf('messages', { kind: 'system' })).toBe(0);

    // Later news of such an order opens no ticket and greets nobody either, and a refund takes credits back.
    clock.advance(60);
    fake.shop.refund(known, { lines: [{ lineId: fake.shop.order(known).lines[0]?.id ?? 0, quantity: 1 }] });
    await open.settle();
    expect(await open.net(known)).toBe(0);
    expect(await countOf('tickets')).toBe(0);
    expect(await countOf('messages', { kind: 'system' })).toBe(0);

    // Again: nothing more.
    await start(pkg);
    await run();
    expect(await countOf('order_lines', { import_id: (await newest(pkg)).id })).toBe(0);
    await expectSoundLedger(app.ctx);
  });

  test('a line keeps the package that it has, and one that a more specific package wants is left to that', async () => {
    const { fake, clock, store, app } = open;
    const had = fake.shop.buy({ lines: ['SUP-PREM-SMS10'] });
    const small = await makePackage(app.ctx, store, 'SUP-PREM-SMS10', { sms: 3 });
    await open.read();
    const since = clock.now().toISOString();
    clock.advance({ days: 60 });
    const other = fake.shop.buy({ lines: ['SUP-PREM-SMS25'] });
    const video = fake.shop.buy({ lines: ['SUP-PREM-VIDEO3'] });
    clock.advance({ days: 1 });
    const productId = fake.shop.productOf({ sku: 'SUP-PREM' }).id;
    const variationId = fake.shop.productOf({ sku: 'SUP-PREM-VIDEO3' }).id;
    const all = await packageOf('ALL', { match: { kind: 'product_id', value: String(productId) } });
    const specific = await packageOf('VIDEO', {
      match: { kind: 'variation_id', value: String(variationId) },
    });
    await start(all);
    await run();
    await open.read({ since });
    expect([await open.net(had), await open.net(other), await open.net(video)]).toEqual([3, 10, null]);
    expect(await findPackage(app.db, small.id)).not.toBeNull();
    expect(await previewImport(app.ctx, specific, 365)).toMatchObject({ of: 'variations' });
    await start(specific);
    await run();
    expect(await open.net(video)).toBe(10);
  });

  test('after a crash it goes on at the order it noted, and counts none twice', async () => {
    const { fake, clock, app } = open;
    const ids: number[] = [];
    for (let i = 0; i < 6; i++) {
      ids.push(fake.shop.buy());
      clock.advance(60);
    }
    clock.advance({ days: 60 });
    const pkg = await packageOf('SUP-START');
    const made = await start(pkg);
    await app.db('imports').update({
      seen: 3,
      read_until: fake.shop.gmt(fake.shop.order(ids[2] ?? 0).createdAt),
      lease_owner: 'dead',
      lease_until: new Date(clock.now().getTime() + 5_000).toISOString(),
    });
    await run();
    expect(await newest(pkg)).toMatchObject({ seen: 3 });
    clock.advance(limits.renewedLeaseSeconds);
    await run();
    expect(await newest(pkg)).toMatchObject({ state: 'done', seen: 6 });
    // The noted one and those after it.
    expect(await countOf('order_lines', { import_id: made.id })).toBe(4);
  });

  test('keys that may not read end it with the reason; a second one is refused while one runs', async () => {
    const { fake, clock, app } = open;
    fake.shop.buy();
    clock.advance({ days: 1 });
    const pkg = await packageOf('SUP-START');
    await start(pkg);
    await expect(start(pkg)).rejects.toMatchObject({ code: 'import-running' });
    fake.authentication.keys.length = 0;
    await run();
    const failed = await newest(pkg);
    expect(failed).toMatchObject({ state: 'failed' });
    expect(failed.problem).toMatch(/key/i);
    await expect(previewImport(app.ctx, { ...pkg, active: false }, 10)).rejects.toMatchObject({
      code: 'package-not-active',
    });
  });

  // What follows asks the databases nothing new.
  if (engine.name !== chosenEngines()[0]) return;

  test('an order that is younger than two weeks opens its ticket; buyers are greeted only if asked, and while credits are valid', async () => {
    const { fake, clock } = open;
    const expired = fake.shop.buy();
    clock.advance({ days: 40 });
    const valid = fake.shop.buy({ billing: { email: 'ana@example.com' } });
    clock.advance({ days: 20 });
    const young = fake.shop.buy({ billing: { email: 'miha@example.com' } });
    clock.advance({ days: 1 });
    const pkg = await packageOf('SUP-START', { validityDays: 30 });
    await start(pkg, { greets: true });
    await run();
    const tickets = await open.app.db('tickets').whereIn('id', open.app.db('orders').select('ticket_id'));
    expect((await orderRow(expired)).ticket_id).toBeNull();
    const [of, ofYoung] = [await orderRow(valid), await orderRow(young)];
    expect(tickets.find(({ id }) => id === of.ticket_id)?.status).toBe('solved');
    expect(tickets.find(({ id }) => id === ofYoung.ticket_id)?.status).toBe('new');
    const greeted = await open.app.db('messages').where({ kind: 'system' }).pluck('to_address');
    expect(greeted.sort()).toEqual(['ana@example.com', 'miha@example.com']);
  });

  test('a package without a date takes what Zeton never saw in the same quiet way, and so does another one of the same order', async () => {
    const { fake, clock, app, store } = open;
    const id = fake.shop.buy({ lines: ['SUP-PRO', 'SUP-START'] });
    clock.advance({ days: 60 });
    await makePackage(app.ctx, store, 'SUP-PRO', { sms: 3 });
    const pkg = await packageOf('SUP-START', { ordersFrom: null });
    await start(pkg);
    await run();
    const lines = await app.db('order_lines').orderBy('woo_line_id');
    expect(lines.map((line) => [line.package_version_id !== null, line.quiet])).toEqual([
      [true, 1],
      [true, 1],
    ]);
    expect((await orderRow(id)).ticket_id).toBeNull();
    expect(await countOf('messages', { kind: 'system' })).toBe(0);
  });

  test('a walk far back opens tickets for what was sold last year, but thanks nobody for it', async () => {
    const { fake, clock, app, store } = open;
    await makePackage(app.ctx, store, 'SUP-START', { sms: 3 });
    const old = fake.shop.buy();
    clock.advance({ days: 300 });
    const young = fake.shop.buy({ billing: { email: 'nova@example.com' } });
    await open.read({ since: '2026-11-01T00:00:00.000Z' });
    expect((await orderRow(old)).ticket_id).not.toBeNull();
    expect((await orderRow(young)).ticket_id).not.toBeNull();
    expect(await app.db('messages').where({ kind: 'system' }).pluck('to_address')).toEqual([
      'nova@example.com',
    ]);
  });

  test('credits that are bound to a ticket get a solved one, and nobody is greeted', async () => {
    const { fake, clock } = open;
    const id = fake.shop.buy();
    clock.advance({ days: 60 });
    const pkg = await packageOf('SUP-START', { scope: 'ticket' });
    await start(pkg);
    await run();
    const { ticket_id: ticketId } = await orderRow(id);
    expect(await open.app.db('tickets').where({ id: ticketId }).first()).toMatchObject({ status: 'solved' });
    expect(await countOf('messages', { kind: 'system' })).toBe(0);
    expect(await open.net(id)).toBe(10);
  });

  test('cancelled half-way it stops, what was taken in stays, and it goes on where it was', async () => {
    const { fake, clock, app } = open;
    for (let i = 0; i < limits.importBatch + 5; i++) {
      fake.shop.buy({ billing: { email: `kupec${i}@example.com` } });
      clock.advance(60);
    }
    clock.advance({ days: 60 });
    const pkg = await packageOf('SUP-START');
    const made = await start(pkg);
    // Somebody presses the button while the shop lists the orders.
    let pressed: Promise<boolean> | undefined;
    fake.beforeAnswer = (_method, path) => {
      if (!path.endsWith('/orders')) return;
      pressed ??= withTransaction(app.db, (trx) => cancelImportIn(trx, app.ctx, systemActor, made));
    };
    await run();
    expect(await pressed).toBe(true);
    expect((await newest(pkg)).state).toBe('cancelled');
    expect(await countOf('order_lines', { import_id: made.id })).toBeLessThan(limits.importBatch + 5);
    expect(await withTransaction(app.db, (trx) => resumeImportIn(trx, app.ctx, systemActor, made))).toBe(
      true,
    );
    await run();
    expect(await newest(pkg)).toMatchObject({ state: 'done' });
    expect(await countOf('order_lines', { import_id: made.id })).toBe(limits.importBatch + 5);
    expect(await countOf('audit_log', { action: 'import.resumed' })).toBe(1);
  });

  test('a shop that goes away in the middle is waited for; a process that ends hands over at once', async () => {
    const { fake, clock, app } = open;
    for (let i = 0; i < 12; i++) {
      fake.shop.buy();
      clock.advance(60);
    }
    clock.advance({ days: 60 });
    const pkg = await packageOf('SUP-START');
    await start(pkg);
    fake.fail({ kind: 'status', status: 503, retryAfter: '600', times: 1 });
    await run();
    expect(await newest(pkg)).toMatchObject({
      state: 'running',
      seen: 0,
      problem: expect.stringContaining('503'),
    });
    await run();
    expect(await newest(pkg)).toMatchObject({ seen: 0 });
    clock.advance(limits.syncBackoffFirstSeconds);
    app.ctx.walks.stopping = true;
    await run();
    app.ctx.walks.stopping = false;
    await run();
    expect(await newest(pkg)).toMatchObject({ state: 'done', seen: 12, problem: null });
  });

  test('whoever wrote before they had credits is answered on that ticket', async () => {
    const { fake, clock, app, store } = open;
    const id = fake.shop.buy();
    await open.read();
    clock.advance({ days: 60 });
    const { customer_id: customerId } = await orderRow(id);
    const ticket = await withTransaction(app.db, (trx) =>
      openTicket(
        trx,
        { at: clock.now().toISOString(), actor: systemActor, ids: app.ctx.ids },
        { storeId: store.id, customerId, subject: 'Pomoč', origin: 'customer', unpaid: true },
      ),
    );
    const pkg = await packageOf('SUP-START');
    await start(pkg);
    await run();
    expect((await orderRow(id)).ticket_id).toBe(ticket.id);
    expect((await app.db('tickets').where({ id: ticket.id }).first()).unpaid).toBe(0);
  });
});
