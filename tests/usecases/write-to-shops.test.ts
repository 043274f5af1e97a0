import { makeWooCommerce } from '../../src/gateways/woocommerce';
import { systemActor } from '../../src/platform/actor';
import { withTransaction } from '../../src/platform/db';
import { limits } from '../../src/platform/limits';
import { retryShopWritesIn } from '../../src/usecases/retry-shop-writes';
import { makeTestApp, type TestApp } from '../support/app';
import { describeEachEngine } from '../support/databases';
import { type OpenShop, openShop } from '../support/open-shop';
import { expectSoundLedger, makePackage } from '../support/shop';

/** The gateway's own tries, seconds apart, are tested with it. */
const atOnce = ({ clock }: OpenShop) => makeWooCommerce({ clock, limits: { ...limits, wooAttempts: 1 } });

describeEachEngine('What Zeton writes into a shop', (engine) => {
  let open: OpenShop;

  beforeEach(async () => {
    open = await openShop(engine);
    open.app.ctx.gateways.woocommerce = atOnce(open);
    await makePackage(open.app.ctx, open.store, 'SUP-START', { sms: 10, email: 5 });
  });
  afterEach(() => open.close());

  const set = (settings: object) => open.app.db('stores').update(settings);
  const write = (app = open.app) => app.runJob('shop.writes');
  const writes = () => open.app.db('shop_writes').orderBy('id');
  const notes = (wooId: number) => open.fake.shop.order(wooId).notes;
  const metaOf = (wooId: number) =>
    open.fake.shop.order(wooId).meta.filter(({ key }) => key.startsWith('zeton_'));
  const asked = (method: string, path: RegExp) =>
    open.fake.requests.filter((each) => each.method === method && path.test(each.path));
  const greetings = () => open.app.db('messages').whereLike('message_key', '%:greeting');
  const ticketOf = async (wooId: number) => {
    const order = await open.app.db('orders').where({ woo_id: wooId }).first();
    return open.app.db('tickets').where({ id: order.ticket_id }).first();
  };
  async function bought(quantity = 1): Promise<number> {
    const id = open.fake.shop.buy({ lines: [{ sku: 'SUP-START', quantity }] });
    await open.settle();
    return id;
  }
  async function reply(wooId: number, times: number): Promise<void> {
    const { id } = await ticketOf(wooId);
    for (let i = 0; i < times; i++) {
      const sent = await open
        .api('post', `/api/v1/tickets/${id}/messages`, { channel: 'sms', body: `Pozdrav ${i}` })
        .set('Idempotency-Key', `key-${wooId}-${i}-of-the-test`);
      expect([sent.status, sent.body]).toEqual([201, expect.anything()]);
    }
    await open.app.drain();
  }
  const refundAll = async (wooId: number) => {
    open.clock.advance(60);
    open.fake.shop.refundAll(wooId);
    await open.settle();
  };

  test('a buyer is greeted by Zeton, by the shop, or by nobody, and never twice', async () => {
    await set({ write_ticket_meta: 0 });
    const own = await bought();
    await write();
    expect(await greetings()).toHaveLength(1);
    expect(notes(own)).toEqual([]);

    await set({ customer_note: 'shop' });
    const byShop = await bought(2);
    await write();
    expect(await greetings()).toHaveLength(1);
    expect(notes(byShop)).toEqual([
      expect.objectContaining({
        customerNote: true,
        note:
          'Hvala za vaše naročilo. Kupili ste: 20 SMS-ov, 10 e-sporočil.\n\n' +
          'Kadar boste potrebovali pomoč ali želeli videti, koliko vam je ostalo, obiščite: http://127.0.0.1:1/',
      }),
    ]);
    const events = await open.app.db('ticket_events').where({ type: 'shop.buyer_told' });
    expect(events).toHaveLength(1);

    await set({ customer_note: 'off' });
    const byNobody = await bought();
    await write();
    expect(await greetings()).toHaveLength(1);
    expect(notes(byNobody)).toEqual([]);
    // The same news again, and whatever else happens to the order, changes nothing.
    open.fake.shop.edit(byShop, { status: 'completed' });
    await open.settle();
    await open.read();
    await write();
    expect(notes(byShop)).toHaveLength(1);
  });

  test('a shop without keys cannot mail, so Zeton greets; nothing stands in line for it', async () => {
    await set({ customer_note: 'shop', consumer_key_sealed: null, consumer_secret_sealed: null });
    const id = await bought();
    expect(await greetings()).toHaveLength(1);
    expect(await writes()).toEqual([]);
    expect(notes(id)).toEqual([]);
  });

  test('the ticket stands in the order, written once, and what comes back of it changes nothing', async () => {
    const id = await bought();
    await write();
    const { number, id: ticketId } = await ticketOf(id);
    const meta = [
      expect.objectContaining({ key: 'zeton_ticket', value: String(number) }),
      expect.objectContaining({ key: 'zeton_ticket_id', value: ticketId }),
    ];
    expect(metaOf(id)).toEqual(meta);
    const ledger = await open.app.db('credit_entries').count({ n: '*' }).first();
    for (let i = 0; i < 3; i++) {
      open.clock.advance(30);
      // Our own write is an update of the order for the shop.
      await open.settle();
      await open.read();
      await write();
    }
    expect(await open.app.db('order_snapshots')).not.toHaveLength(1);
    expect(asked('PUT', /orders\/\d+$/)).toHaveLength(1);
    expect(metaOf(id)).toEqual(meta);
    expect(await writes()).toHaveLength(1);
    expect(await open.app.db('credit_entries').count({ n: '*' }).first()).toEqual(ledger);

    await set({ write_ticket_meta: 0 });
    const other = await bought();
    await write();
    expect(metaOf(other)).toEqual([]);
  });

  test('a worker that dies between the shop and its own commit leaves one note, whoever goes on', async () => {
    await set({ customer_note: 'shop', write_ticket_meta: 0 });
    const id = await bought();
    const { woocommerce } = open.app.ctx.gateways;
    const dying: TestApp = await makeTestApp(engine, { beside: open.app });
    dying.ctx.gateways.woocommerce = {
      ...woocommerce,
      open: (shop) => {
        const real = woocommerce.open(shop);
        if (!real) return null;
        return {
          ...real,
          addOrderNote: async (wooId, note) => {
            await real.addOrderNote(wooId, note);
            // Killed here: nobody writes down that it was done.
            throw new Error('killed');
          },
        };
      },
    };
    await write(dying);
    expect(notes(id)).toHaveLength(1);
    expect((await writes())[0]).toMatchObject({ state: 'waiting', in_doubt: 1 });
    // Its lease still runs.
    await write();
    expect((await writes())[0]).toMatchObject({ state: 'waiting' });
    open.clock.advance(limits.leaseSeconds + 1);
    await write();
    expect((await writes())[0]).toMatchObject({ state: 'done', in_doubt: 0 });
    expect(notes(id)).toHaveLength(1);
    await dying.close();
  });

  test('an answer that was cut off is asked after, not repeated; what was not done is done then', async () => {
    await set({ customer_note: 'shop' });
    const id = await bought();
    const note = (method: string, path: string) => method === 'POST' && path.endsWith('/notes');
    open.fake.fail({ kind: 'reset-after', when: note });
    await write();
    open.clock.advance({ hours: 1 });
    await write();
    expect(notes(id)).toHaveLength(1);
    expect(asked('POST', /notes$/)).toHaveLength(1);
    expect(metaOf(id)).toHaveLength(2);

    const lost = await bought();
    open.fake.fail({ kind: 'reset', when: note });
    await write();
    expect(notes(lost)).toHaveLength(0);
    open.clock.advance({ hours: 1 });
    await write();
    expect(notes(lost)).toHaveLength(1);
    expect((await writes()).map(({ state }) => state)).toEqual(['done', 'done', 'done', 'done']);
  });

  test('what the shop made of the words of a note is still known as it', async () => {
    await set({ customer_note: 'shop', write_ticket_meta: 0 });
    const id = await bought();
    open.fake.fail({
      kind: 'reset-after',
      when: (method, path) => method === 'POST' && path.endsWith('/notes'),
    });
    await write();
    const [note] = notes(id);
    if (!note) throw new Error('there is a note');
    note.note = `<p>${note.note.replaceAll('\n\n', '</p>\n<p>').replaceAll(':', '&#58;')}</p>`;
    // A private one with the same words is another one.
    open.clock.advance({ hours: 1 });
    await write();
    expect(notes(id)).toHaveLength(1);
  });

  test('while the shop is down everything waits, hardly asking; then all of it is written once', async () => {
    await set({ customer_note: 'shop' });
    const ids = [await bought(), await bought(), await bought()];
    open.fake.goDown();
    const attempts = () => writes().then((rows) => rows.reduce((sum, row) => sum + row.attempts, 0));
    await write();
    await write();
    expect(await attempts()).toBe(1);
    for (let i = 0; i < 24; i++) {
      open.clock.advance({ hours: 1 });
      await write();
    }
    expect((await writes()).map(({ state }) => state)).toEqual(Array(6).fill('waiting'));
    expect(await attempts()).toBeLessThan(20);
    open.fake.goUp();
    open.clock.advance({ hours: 1 });
    await write();
    for (const id of ids) {
      expect(notes(id)).toHaveLength(1);
      expect(metaOf(id)).toHaveLength(2);
    }
    expect(asked('POST', /notes$/)).toHaveLength(3);
  }, 120_000);

  test('keys that may only read park everything at the first no, in plain words; with better keys it is tried anew', async () => {
    const reading = open.fake.addKey('read');
    for (const key of open.fake.authentication.keys) key.permissions = 'read';
    await set({ customer_note: 'shop' });
    const ids = [await bought(), await bought()];
    await write();
    const rows = await writes();
    expect(rows.map(({ state }) => state)).toEqual(Array(4).fill('parked'));
    for (const { problem } of rows) {
      expect(problem).toBe('The key is read-only: make one with Read/Write permissions.');
    }
    expect(open.fake.requests.filter(({ method }) => method !== 'GET')).toHaveLength(1);
    open.clock.advance({ days: 1 });
    await write();
    expect(open.fake.requests.filter(({ method }) => method !== 'GET')).toHaveLength(1);
    for (const key of open.fake.authentication.keys) if (key !== reading) key.permissions = 'read_write';
    await retryAll();
    await write();
    for (const id of ids) expect([notes(id).length, metaOf(id).length]).toEqual([1, 2]);
  });

  const retryAll = () =>
    withTransaction(open.app.db, (trx) =>
      retryShopWritesIn(trx, open.app.ctx, systemActor, { storeId: open.store.id }),
    );

  test('a shop that fails at one order only holds up no other, and that one waits for a person in the end', async () => {
    const bad = await bought();
    const good = await bought();
    open.fake.fail({
      kind: 'status',
      status: 500,
      times: 100,
      when: (method, path) => method === 'PUT' && path.endsWith(`/orders/${bad}`),
    });
    await write();
    expect(metaOf(good)).toHaveLength(2);
    for (let i = 0; i < limits.shopWriteAttempts; i++) {
      open.clock.advance({ hours: 2 });
      await write();
    }
    const [row] = await writes();
    expect(row).toMatchObject({ state: 'parked', attempts: limits.shopWriteAttempts });
    expect(row.problem).toContain('error of its own (500)');
  }, 120_000);

  test('an order that was deleted for good is left out', async () => {
    const id = await bought();
    open.fake.shop.delete(id);
    await write();
    expect((await writes())[0]).toMatchObject({
      state: 'dropped',
      problem: 'The order does not exist any more.',
    });
  });

  test('two processes at once write everything once', async () => {
    await set({ customer_note: 'shop' });
    const ids = [await bought(), await bought(), await bought()];
    const other = await makeTestApp(engine, { beside: open.app });
    for (let i = 0; i < 6; i++) await Promise.all([write(), write(other), write(), write(other)]);
    for (const id of ids) expect([notes(id).length, metaOf(id).length]).toEqual([1, 2]);
    expect(asked('POST', /notes$/)).toHaveLength(3);
    await other.close();
  });

  test('a refund of credits that were used leaves a private note, once; one that found all of them leaves none', async () => {
    await set({ write_ticket_meta: 0 });
    const used = await bought();
    await reply(used, 2);
    await refundAll(used);
    await write();
    const said = expect.objectContaining({
      customerNote: false,
      note:
        'Zeton: credits of this order were used before they were taken back.\n' +
        '2 of the 10 SMS taken back were used already.',
    });
    expect(notes(used)).toEqual([said]);
    open.clock.advance(60);
    open.fake.shop.edit(used, { note: 'še enkrat' });
    await open.settle();
    await open.sweep();
    await write();
    expect(notes(used)).toEqual([said]);

    const unused = await bought();
    await refundAll(unused);
    await set({ private_refund_notes: 0 });
    const silent = await bought();
    await reply(silent, 1);
    await refundAll(silent);
    await write();
    expect([notes(unused), notes(silent)]).toEqual([[], []]);
    await expectSoundLedger(open.app.ctx);
  });

  test('a cancelled order says the same, and names what is still set aside', async () => {
    await set({ write_ticket_meta: 0 });
    const id = await bought();
    const { id: ticketId } = await ticketOf(id);
    await open
      .api('post', `/api/v1/tickets/${ticketId}/messages`, { channel: 'email', body: 'Pozdravljeni' })
      .set('Idempotency-Key', 'key-of-a-held-e-mail');
    open.clock.advance(60);
    open.fake.shop.setStatus(id, 'cancelled');
    await open.fake.webhooks.run();
    await open.app.runJob('inbox');
    await write();
    expect(notes(id).map(({ note }) => note)).toEqual([
      'Zeton: credits of this order were used before they were taken back.\n' +
        '1 of the 5 e-mails taken back was used already, or is set aside for help under way.',
    ]);
  });
});
