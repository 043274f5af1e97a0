import { adjust, capture, grantsOf, hold, release, type Work } from '../../src/domain/credits';
import { shortfallOf } from '../../src/domain/credits/rules';
import { retryDelivery } from '../../src/domain/inbox';
import { addMessage } from '../../src/domain/messages';
import { findPackage, updatePackage } from '../../src/domain/packages';
import type { Store } from '../../src/domain/stores';
import { findTicket, openTicket } from '../../src/domain/tickets';
import { webhooksOnly } from '../../src/gateways/woocommerce/gateway';
import { systemActor } from '../../src/platform/actor';
import { withTransaction } from '../../src/platform/db';
import type { Context } from '../../src/usecases/context';
import { momentOf } from '../../src/usecases/context';
import { expireCredits } from '../../src/usecases/expire-credits';
import { topUpUrl } from '../../src/usecases/messaging.query';
import { processDeliveries } from '../../src/usecases/process-delivery';
import { makeContext, makeStore, type SetClock } from '../support/context';
import { describeEachEngine } from '../support/databases';
import { counters, drainInbox, expectSoundLedger, makePackage, orderJson, receive } from '../support/shop';

type Shop = Context & { clock: SetClock };

describeEachEngine('Applying orders', (engine) => {
  let ctx: Shop;
  let store: Store;

  beforeEach(async () => {
    const { db } = await engine.freshDatabase();
    ctx = makeContext(db);
    store = await makeStore(ctx);
  });

  afterEach(() => expectSoundLedger(ctx));

  async function come(order: Parameters<typeof orderJson>[0], topic = 'order.updated'): Promise<void> {
    await receive(ctx, store, topic, orderJson(order));
    await drainInbox(ctx);
  }

  async function theOrder(wooId: number): Promise<Record<string, unknown>> {
    return (await ctx.db('orders').where({ woo_id: wooId }).first()) as Record<string, unknown>;
  }

  async function countersOf(wooId: number) {
    return counters(ctx, (await theOrder(wooId)).customer_id as string);
  }

  async function shortfall(wooId: number): Promise<number> {
    const order = await theOrder(wooId);
    const grants = await grantsOf(ctx.db, order.customer_id as string);
    return grants.filter((g) => g.orderId === order.id).reduce((sum, grant) => sum + shortfallOf(grant), 0);
  }

  async function spend(wooId: number, work: Work, then: 'capture' | 'hold' = 'capture'): Promise<string> {
    const order = await theOrder(wooId);
    const ticket = (await ctx
      .db('tickets')
      .where({ id: order.ticket_id as string })
      .first()) as {
      id: string;
      family_id: string;
    };
    return withTransaction(ctx.db, async (trx) => {
      const moment = momentOf(ctx, systemActor);
      const held = await hold(trx, moment, {
        customerId: order.customer_id as string,
        ticketId: ticket.id,
        ticketFamilyId: ticket.family_id,
        work,
        key: ctx.ids.next(),
        cause: { kind: 'message', id: ctx.ids.next() },
      });
      if (then === 'capture') await capture(trx, moment, { holdId: held.id });
      return held.id;
    });
  }

  const sms: Work = { meter: 'sms', segments: 1 };

  test('10 granted, correction −9, then another order.updated: still 1', async () => {
    await makePackage(ctx, store, 'SUP', { sms: 10 });
    await come({ id: 1 });
    const { customer_id } = await theOrder(1);
    await withTransaction(ctx.db, (trx) =>
      adjust(trx, momentOf(ctx, systemActor), {
        customerId: customer_id as string,
        meter: 'sms',
        quantity: -9,
        kind: 'correction',
        reason: 'given by mistake',
      }),
    );
    await come({ id: 1, status: 'completed', modified: '2026-11-20T11:00:00' });
    expect((await countersOf(1)).sms).toMatchObject({ granted: 10, available: 1, revoked: 9 });
  });

  test('10 granted, 2 used, 8 expired, full refund: shortfall 2, not 10', async () => {
    await makePackage(ctx, store, 'SUP', { sms: 10 }, { validityDays: 30 });
    await come({ id: 1 });
    await spend(1, sms);
    await spend(1, sms);
    ctx.clock.set('2026-12-20T22:59:59.000Z'); // 23:59:59 in Ljubljana on the last day
    expect(await expireCredits(ctx, { limit: 10 })).toBe(0);
    ctx.clock.set('2026-12-20T23:00:00.000Z');
    expect(await expireCredits(ctx, { limit: 10 })).toBe(1);
    expect((await countersOf(1)).sms).toMatchObject({ used: 2, expired: 8, available: 0 });
    await come({ id: 1, status: 'refunded', modified: '2026-12-21T10:00:00' });
    expect(await shortfall(1)).toBe(2);
    expect((await countersOf(1)).sms).toMatchObject({ granted: 10, used: 2, expired: 8, revoked: 0 });
  });

  test('a refund of half is no shortfall while the other half pays for what was used, before the expiry or after it', async () => {
    await makePackage(ctx, store, 'SUP', { sms: 5 }, { validityDays: 30 });
    for (const id of [1, 2]) {
      await come({ id, lines: [{ id: 1, quantity: 2 }] });
      await spend(id, sms);
      await spend(id, sms);
    }
    const half = (id: number, modified: string) => come({ id, lines: [{ id: 1, quantity: 1 }], modified });
    await half(1, '2026-12-01T10:00:00');
    expect(await shortfall(1)).toBe(0);
    ctx.clock.set('2026-12-20T23:00:00.000Z');
    await expireCredits(ctx, { limit: 10 });
    await half(2, '2026-12-21T10:00:00');
    expect(await shortfall(2)).toBe(0);
  });

  test('trash and restore: available as before, by reinstatement', async () => {
    await makePackage(ctx, store, 'SUP', { sms: 10 });
    await come({ id: 1 });
    await spend(1, sms);
    await receive(ctx, store, 'order.deleted', '{"id":1}');
    await drainInbox(ctx);
    expect((await countersOf(1)).sms).toMatchObject({ available: 0, used: 1, revoked: 9 });
    expect(await shortfall(1)).toBe(1);
    await come({ id: 1, modified: '2026-11-20T12:00:00' }, 'order.restored');
    expect((await countersOf(1)).sms).toMatchObject({ granted: 10, available: 9, used: 1, revoked: 0 });
    expect(await shortfall(1)).toBe(0);
    const entries = (await ctx.db('credit_entries').orderBy('seq').select('type', 'quantity')) as object[];
    expect(entries.map((entry) => ({ ...entry }))).toContainEqual({ type: 'reinstate', quantity: 9 });
  });

  test('a deletion without REST counts as trash until a newer snapshot, and a late old one does not wake it', async () => {
    await makePackage(ctx, store, 'SUP', { sms: 10 });
    await come({ id: 1, modified: '2026-11-20T10:00:05' });
    await receive(ctx, store, 'order.deleted', '{"id":1}');
    await drainInbox(ctx);
    await come({ id: 1, modified: '2026-11-20T10:00:03' });
    expect(await theOrder(1)).toMatchObject({ status: 'trash', paid: 0 });
    await come({ id: 1, status: 'completed', modified: '2026-11-20T10:00:09' });
    expect(await theOrder(1)).toMatchObject({ status: 'completed', paid: 1 });
    expect((await countersOf(1)).sms).toMatchObject({ available: 10 });
  });

  test('refund first and the paid snapshot later: a ticket, nothing available', async () => {
    await makePackage(ctx, store, 'SUP', { sms: 10 });
    await come({ id: 1, status: 'refunded', modified: '2026-11-20T12:00:00' });
    expect(await theOrder(1)).toMatchObject({ ticket_id: null, ever_paid: 0 });
    await come({ id: 1, status: 'processing', modified: '2026-11-20T11:00:00' });
    expect(await theOrder(1)).toMatchObject({ paid: 0, ever_paid: 1, ticket_id: expect.any(String) });
    expect(await countersOf(1)).toEqual({});
  });

  test('held at 11:59, expired at 12:00, failed at 12:01: expired, not available', async () => {
    await makePackage(ctx, store, 'SUP', { sms: 10 }, { validityDays: 1 });
    await come({ id: 1 }); // valid to the end of 21 November in Ljubljana: 23:00 GMT
    ctx.clock.set('2026-11-21T22:59:00.000Z');
    const holdId = await spend(1, sms, 'hold');
    ctx.clock.set('2026-11-21T23:00:00.000Z');
    await expireCredits(ctx, { limit: 10 });
    expect((await countersOf(1)).sms).toMatchObject({ held: 1, expired: 9 });
    ctx.clock.set('2026-11-21T23:01:00.000Z');
    await withTransaction(ctx.db, (trx) =>
      release(trx, momentOf(ctx, systemActor), { holdId, reason: 'the number does not exist' }),
    );
    expect((await countersOf(1)).sms).toMatchObject({ held: 0, expired: 10, available: 0 });
  });

  test('a credit that comes back after a refund covers the shortfall first', async () => {
    await makePackage(ctx, store, 'SUP', { sms: 3 });
    await come({ id: 1 });
    const holdId = await spend(1, sms, 'hold');
    await come({ id: 1, status: 'cancelled', modified: '2026-11-20T12:00:00' });
    expect(await shortfall(1)).toBe(1);
    await withTransaction(ctx.db, (trx) =>
      release(trx, momentOf(ctx, systemActor), { holdId, reason: 'not delivered' }),
    );
    expect((await countersOf(1)).sms).toMatchObject({ available: 0, held: 0, revoked: 3 });
    expect(await shortfall(1)).toBe(0);
  });

  test('an unknown status leaves things as they were; payment dates and zero totals count', async () => {
    await makePackage(ctx, store, 'SUP', { sms: 10 });
    await come({ id: 1 });
    await come({ id: 1, status: 'v-pripravi', paid: null, modified: '2026-11-20T11:00:00' });
    expect((await countersOf(1)).sms).toMatchObject({ available: 10 });
    await come({ id: 2, status: 'v-pripravi', paid: null, email: 'b@example.com' });
    expect(await theOrder(2)).toMatchObject({ paid: 0, ticket_id: null });
    await come({ id: 3, status: 'v-pripravi', paid: '2026-11-20T10:00:00', email: 'c@example.com' });
    expect(await theOrder(3)).toMatchObject({ paid: 1 });
  });

  test('in the same second a cancellation outweighs a payment, and a payment an unpaid state', async () => {
    await makePackage(ctx, store, 'SUP', { sms: 10 });
    const modified = '2026-11-20T10:00:01';
    await come({ id: 1, status: 'cancelled', modified });
    await come({ id: 1, status: 'processing', modified });
    await come({ id: 1, status: 'pending', modified });
    expect(await theOrder(1)).toMatchObject({ paid: 0, ever_paid: 1, status: 'cancelled' });
    await come({ id: 2, status: 'processing', modified, email: 'b@example.com' });
    await come({ id: 2, status: 'failed', modified, email: 'b@example.com' });
    expect(await theOrder(2)).toMatchObject({ paid: 1, status: 'processing' });
  });

  test.each([['first'], ['last']])(
    'in the same second the state with more refunds is the newer one, and comes %s',
    async (place) => {
      await makePackage(ctx, store, 'SUP', { sms: 10 });
      const before = { id: 1, lines: [{ id: 1, quantity: 3 }] };
      const after = { id: 1, lines: [{ id: 1, quantity: 2 }], refunds: [{ id: 9, total: '-29.00' }] };
      for (const order of place === 'first' ? [after, before] : [before, after]) await come(order);
      expect(await theOrder(1)).toMatchObject({ review_flags: '["refunds-not-readable"]' });
      expect((await countersOf(1)).sms).toMatchObject({ available: 20 });
    },
  );

  test('contradictions within one second are settled by the same rule in any order, and flagged', async () => {
    await makePackage(ctx, store, 'SUP', { sms: 10 });
    const one = { id: 1, lines: [{ id: 1, sku: 'SUP', quantity: 1 }] };
    const two = { id: 1, lines: [{ id: 1, sku: 'SUP', quantity: 2 }] };
    await come(one);
    await come(two);
    const first = await countersOf(1);
    const other = makeContext((await engine.freshDatabase()).db);
    const otherStore = await makeStore(other);
    await makePackage(other, otherStore, 'SUP', { sms: 10 });
    for (const order of [two, one]) await receive(other, otherStore, 'order.updated', orderJson(order));
    await drainInbox(other);
    const order = (await other.db('orders').first()) as { customer_id: string; review_flags: string };
    expect((await counters(other, order.customer_id)).sms?.available).toBe(first.sms?.available);
    expect(JSON.parse(order.review_flags)).toEqual(['same-second-conflict']);
  });

  // Either of the two, so that no order of hashes can be what decides.
  test.each([[1], [2]])(
    'a contradiction within one second is settled by what the store says, here %i',
    async (quantity) => {
      await makePackage(ctx, store, 'SUP', { sms: 10 });
      const state = (n: number) => ({ id: 1, lines: [{ id: 1, quantity: n }] });
      ctx.gateways.woocommerce = {
        ...webhooksOnly,
        readOrder: () => Promise.resolve({ kind: 'order', json: orderJson(state(quantity)) }),
        readRefunds: () => Promise.resolve({ kind: 'refunds', json: '[]' }),
      };
      await come(state(1));
      await come(state(2));
      expect(await theOrder(1)).toMatchObject({ review_flags: '[]' });
      expect((await countersOf(1)).sms).toMatchObject({ available: quantity * 10 });
    },
  );

  test('a line follows its order: more, fewer, gone, back', async () => {
    await makePackage(ctx, store, 'SUP', { sms: 10 });
    const line = (quantity: number) => [{ id: 1, quantity }];
    await come({ id: 1, lines: line(1) });
    await come({ id: 1, lines: line(3), modified: '2026-11-20T10:00:02' });
    expect((await countersOf(1)).sms).toMatchObject({ available: 30 });
    await come({ id: 1, lines: line(2), modified: '2026-11-20T10:00:03' });
    expect((await countersOf(1)).sms).toMatchObject({ available: 20, revoked: 10 });
    await come({ id: 1, lines: [], modified: '2026-11-20T10:00:04' });
    expect((await countersOf(1)).sms).toMatchObject({ available: 0, revoked: 30 });
    await come({ id: 1, lines: line(4), modified: '2026-11-20T10:00:05' });
    expect((await countersOf(1)).sms).toMatchObject({ granted: 40, available: 40, revoked: 0 });
  });

  test('what was bought stays as bought: edits and new packages touch later orders only', async () => {
    const pack = await makePackage(ctx, store, 'SUP', { sms: 10 });
    await come({ id: 1 });
    await come({ id: 2, lines: [{ id: 1, sku: 'LATER' }], email: 'b@example.com' });
    await withTransaction(ctx.db, (trx) =>
      updatePackage(trx, momentOf(ctx, systemActor), pack.id, { grants: [{ meter: 'sms', quantity: 99 }] }),
    );
    await makePackage(ctx, store, 'LATER', { email: 5 });
    await come({ id: 1, lines: [{ id: 1, quantity: 2 }], modified: '2026-11-20T10:00:09' });
    await come({
      id: 2,
      lines: [{ id: 1, sku: 'LATER' }],
      email: 'b@example.com',
      modified: '2026-11-20T10:00:09',
    });
    await come({ id: 3, email: 'c@example.com' });
    expect((await countersOf(1)).sms).toMatchObject({ available: 20 });
    expect(await countersOf(2)).toEqual({});
    expect((await countersOf(3)).sms).toMatchObject({ available: 99 });
  });

  test('a package that is newer than the order’s line is not found by an old state that comes late', async () => {
    await come({ id: 1, lines: [{ id: 1, sku: 'RENAMED' }], modified: '2026-11-20T10:00:09' });
    await makePackage(ctx, store, 'SUP', { sms: 10 });
    await come({ id: 1, lines: [{ id: 1, sku: 'SUP' }] });
    expect(await theOrder(1)).toMatchObject({ paid: 1, ticket_id: null });
    expect(await countersOf(1)).toEqual({});
  });

  test('a line takes the most specific match: variation, then product, then sku', async () => {
    const match = (kind: 'variation_id' | 'product_id', value: string) => ({ match: { kind, value } });
    await makePackage(ctx, store, 'SUP', { sms: 1 });
    await makePackage(ctx, store, 'product', { sms: 2 }, match('product_id', '14'));
    await makePackage(ctx, store, 'variation', { sms: 3 }, match('variation_id', '16'));
    await come({ id: 1, lines: [{ id: 1, productId: 14, variationId: 16 }] });
    await come({ id: 2, lines: [{ id: 1, productId: 14, variationId: 17 }], email: 'b@example.com' });
    await come({ id: 3, lines: [{ id: 1, productId: 15 }], email: 'c@example.com' });
    expect((await countersOf(1)).sms?.available).toBe(3);
    expect((await countersOf(2)).sms?.available).toBe(2);
    expect((await countersOf(3)).sms?.available).toBe(1);
  });

  test('orders of the same person meet in one customer; an account is attached; placeholders stay apart', async () => {
    await makePackage(ctx, store, 'SUP', { sms: 1 });
    await come({ id: 1, email: 'Alice@Example.com ' });
    await come({ id: 2, email: 'alice@example.com', customerId: 7 });
    await come({ id: 3, email: 'alice@new.example.com', customerId: 7 });
    await come({ id: 4, email: 'alice@example.com', customerId: 8 });
    await come({ id: 5, email: 'guest@site.invalid' });
    await come({ id: 6, email: 'guest@site.invalid' });
    await come({ id: 7, email: '' });
    const ids = await Promise.all([1, 2, 3, 4, 5, 6, 7].map(async (n) => (await theOrder(n)).customer_id));
    expect(new Set(ids.slice(0, 3)).size).toBe(1);
    expect(new Set(ids).size).toBe(5);
  });

  test('an order that changes hands takes its credits along while nothing of them is spent', async () => {
    await makePackage(ctx, store, 'SUP', { sms: 5 });
    await come({ id: 1, email: 'wrong@example.com' });
    const before = (await theOrder(1)).customer_id as string;
    await come({ id: 1, email: 'right@example.com', modified: '2026-11-20T10:00:09' });
    const after = (await theOrder(1)).customer_id as string;
    expect(after).not.toBe(before);
    expect((await counters(ctx, before)).sms).toMatchObject({ available: 0, revoked: 5 });
    expect((await counters(ctx, after)).sms).toMatchObject({ available: 5 });
    await spend(1, sms);
    await come({ id: 1, email: 'third@example.com', modified: '2026-11-20T10:00:10' });
    const order = await theOrder(1);
    expect(order.customer_id).toBe(after);
    expect(JSON.parse(order.review_flags as string)).toEqual(['customer-changed']);
    expect((await counters(ctx, after)).sms).toMatchObject({ available: 4, used: 1 });
  });

  test('a refund that only REST could explain leaves credits alone and raises a flag', async () => {
    await makePackage(ctx, store, 'SUP', { sms: 5 });
    await come({ id: 1 });
    await come({ id: 1, refunds: [{ id: 9, total: '-5.00' }], modified: '2026-11-20T10:00:09' });
    expect(JSON.parse((await theOrder(1)).review_flags as string)).toEqual(['refunds-not-readable']);
    expect((await countersOf(1)).sms).toMatchObject({ available: 5 });
  });

  test('nonsense quantities give nothing and a flag; halves count as whole units only', async () => {
    await makePackage(ctx, store, 'SUP', { sms: 5 });
    await come({ id: 1, lines: [{ id: 1, quantity: 1e12 }] });
    expect(JSON.parse((await theOrder(1)).review_flags as string)).toEqual(['quantity-too-large']);
    expect(await countersOf(1)).toEqual({});
    await come({ id: 2, lines: [{ id: 1, quantity: 2.5 }], email: 'b@example.com' });
    await come({ id: 3, lines: [{ id: 1, quantity: -1 }], email: 'c@example.com' });
    expect((await countersOf(2)).sms?.available).toBe(10);
    expect(await countersOf(3)).toEqual({});
  });

  test('a late payment date moves an expiry later, never earlier, and wakes what had expired', async () => {
    await makePackage(ctx, store, 'SUP', { sms: 5 }, { validityDays: 1 });
    await come({ id: 1, status: 'processing', paid: null, created: '2026-11-18T10:00:00' }); // cash on delivery
    await expireCredits(ctx, { limit: 10 });
    expect((await countersOf(1)).sms).toMatchObject({ available: 0, expired: 5 });
    const completed = { id: 1, status: 'completed', created: '2026-11-18T10:00:00' };
    await come({ ...completed, paid: '2026-11-21T10:00:00', modified: '2026-11-21T10:00:00' });
    expect((await countersOf(1)).sms).toMatchObject({ available: 5, expired: 0 });
    await come({ ...completed, paid: '2026-11-19T10:00:00', modified: '2026-11-21T11:00:00' });
    const [grant] = await grantsOf(ctx.db, (await theOrder(1)).customer_id as string);
    expect(grant?.expiresAt).toBe('2026-11-22T23:00:00.000Z');
  });

  test('an order note becomes the first message of the ticket, once', async () => {
    await makePackage(ctx, store, 'SUP', { sms: 5 });
    await come({ id: 1, note: 'Pokličite po 15. uri <b>prosim</b>' });
    await come({ id: 1, note: 'Pokličite po 15. uri <b>prosim</b>', modified: '2026-11-20T10:00:09' });
    const messages = (await ctx.db('messages').orderBy('id').select('body', 'channel', 'kind')) as object[];
    expect(messages.map((m) => ({ ...m }))).toMatchObject([
      { body: 'Pokličite po 15. uri <b>prosim</b>', channel: 'order_note', kind: 'customer' },
      { channel: 'email', kind: 'system' },
    ]);
  });

  test('the customer is greeted once and free of charge, by e-mail or else by SMS, with what was bought', async () => {
    await makePackage(ctx, store, 'SUP', { sms: 5, video: 1 });
    await come({ id: 1, lines: [{ id: 1, quantity: 2 }] });
    await come({
      id: 1,
      lines: [{ id: 1, quantity: 2 }],
      status: 'completed',
      modified: '2026-11-20T11:00:00',
    });
    await come({ id: 2, email: '' });
    await come({ id: 3, email: 'c@example.com', status: 'pending' });
    await come({ id: 4, email: 'd@example.com', status: 'refunded', modified: '2026-11-20T12:00:00' });
    await come({ id: 4, email: 'd@example.com', modified: '2026-11-20T11:00:00' }); // paid once, void by now
    const greetings = (await ctx.db('messages').where({ kind: 'system' }).orderBy('id')) as {
      to_address: string;
      channel: string;
      body: string;
      hold_id: string | null;
    }[];
    expect(greetings.map(({ to_address, channel }) => [to_address, channel])).toEqual([
      ['alice@example.com', 'email'],
      ['+38641555100', 'sms'],
    ]);
    // In the language of the buyer's country, where the order names none.
    expect(greetings[0]?.body).toContain('Kupili ste:\n\n  • 10 SMS-ov\n  • 2 enoti videopomoči\n\n');
    expect(greetings[1]?.body).toMatch(/^Trgovina: hvala za naročilo 2\. Kupili ste: /);
    expect(greetings.every(({ hold_id }) => hold_id === null)).toBe(true);
    expect((await countersOf(1)).sms).toMatchObject({ available: 10 });
  });

  test.each([
    ['not json', 'failed'],
    ['[]', 'failed'],
    ['null', 'failed'],
    ['{"id":5,"status":"processing"}', 'failed'],
    [`${'['.repeat(50_000)}${']'.repeat(50_000)}`, 'failed'],
    [`{"id":5,"x":${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}}`, 'failed'],
    ['{"code":"woocommerce_rest_cannot_view","message":"no","data":{"status":403}}', 'ignored'],
    // PostgreSQL keeps no NUL in a text: the reason could not be written down, and the delivery was tried again and again.
    [String.raw`{"code":"\u0000rest_cannot_view","message":"no"}`, 'ignored'],
  ])('a signed body that is no order is kept with its reason, case %#', async (body, status) => {
    await receive(ctx, store, 'order.updated', body);
    await drainInbox(ctx);
    const row = (await ctx.db('deliveries').first()) as { status: string; reason: string; body: Buffer };
    expect(row.status).toBe(status);
    expect(row.reason).toMatch(/\w/);
    expect(row.body.toString()).toBe(body);
  });

  test.each([['order.restored'], ['order.updated']])(
    'a deletion that is worked off after the %s that followed it changes nothing',
    async (topic) => {
      await makePackage(ctx, store, 'SUP', { sms: 5 });
      await come({ id: 1 });
      const deletion = await receive(ctx, store, 'order.deleted', '{"id":1}');
      const dueAt = (next_attempt_at: string) =>
        ctx.db('deliveries').where({ id: deletion }).update({ next_attempt_at });
      await dueAt('2026-11-21T22:00:30.000Z');
      await receive(ctx, store, topic, orderJson({ id: 1, modified: '2026-11-20T12:00:00' }));
      await processDeliveries(ctx, { limit: 10 });
      await dueAt('2026-01-01T00:00:00.000Z');
      await drainInbox(ctx);
      expect(await theOrder(1)).toMatchObject({ status: 'processing', paid: 1 });
      expect((await countersOf(1)).sms).toMatchObject({ available: 5 });
    },
  );

  test('of two deletions the one that came last counts, also when the first is worked off after it', async () => {
    await makePackage(ctx, store, 'SUP', { sms: 5 });
    await come({ id: 1 });
    const early = await receive(ctx, store, 'order.deleted', '{"id":1}');
    const dueAt = (next_attempt_at: string) =>
      ctx.db('deliveries').where({ id: early }).update({ next_attempt_at });
    await dueAt('2027-01-01T00:00:00.000Z');
    await receive(ctx, store, 'order.restored', orderJson({ id: 1 }));
    await receive(ctx, store, 'order.deleted', '{"id":1}');
    await processDeliveries(ctx, { limit: 10 });
    expect(await theOrder(1)).toMatchObject({ status: 'trash', paid: 0 });
    await dueAt('2026-01-01T00:00:00.000Z');
    await drainInbox(ctx);
    expect(await theOrder(1)).toMatchObject({ status: 'trash', paid: 0 });
  });

  test('credits bound to a ticket can be spent where their order adopted a follow-up', async () => {
    await makePackage(ctx, store, 'SUP', { sms: 1 });
    await makePackage(ctx, store, 'BOUND', { sms: 10 }, { scope: 'ticket' });
    await come({ id: 1 });
    const first = await theOrder(1);
    const moment = momentOf(ctx, systemActor);
    const followUp = await withTransaction(ctx.db, async (trx) => {
      const before = await findTicket(trx, first.ticket_id as string);
      const about = { storeId: store.id, customerId: first.customer_id as string, subject: 'Again' };
      return openTicket(trx, moment, {
        ...about,
        origin: 'customer',
        unpaid: true,
        followUpOf: before ?? undefined,
      });
    });
    await come({ id: 2, lines: [{ id: 1, sku: 'BOUND' }] });
    expect((await theOrder(2)).ticket_id).toBe(followUp.id);
    for (let i = 0; i < 11; i++) await spend(2, sms);
    expect((await countersOf(2)).sms).toMatchObject({ used: 11, available: 0 });
  });

  test('billing contacts never become the identity or address of an account found by its id', async () => {
    await makePackage(ctx, store, 'SUP', { sms: 5 });
    await come({ id: 1, customerId: 7, email: 'mallory@example.com', phone: '041 111 222' });
    await come({
      id: 2,
      customerId: 7,
      email: 'victim@example.com',
      phone: '041 333 444',
      status: 'pending',
    });
    await come({ id: 3, customerId: 7, email: 'pos@site.invalid' });
    await come({ id: 4, email: 'victim@example.com' });
    const account = (await theOrder(2)).customer_id as string;
    expect((await theOrder(4)).customer_id).not.toBe(account);
    const kept = await ctx.db('customers').where({ id: account }).first();
    expect(kept).toMatchObject({
      email: 'mallory@example.com',
      email_normalised: 'mallory@example.com',
      phone_e164: '+38641111222',
    });
  });

  test('an order that changes hands never takes along what somebody wrote', async () => {
    await makePackage(ctx, store, 'SUP', { sms: 5 });
    await come({ id: 1, email: 'anna@example.com' });
    const { ticket_id, customer_id } = await theOrder(1);
    await withTransaction(ctx.db, (trx) =>
      addMessage(trx, momentOf(ctx, { kind: 'customer', id: customer_id as string, name: 'Anna' }), {
        ticketId: ticket_id as string,
        direction: 'in',
        channel: 'web',
        kind: 'customer',
        body: 'my secret',
        status: 'received',
      }),
    );
    await come({ id: 1, email: 'bob@example.com', modified: '2026-11-20T10:00:09' });
    expect(await theOrder(1)).toMatchObject({ customer_id, review_flags: '["customer-changed"]' });
  });

  test.each([['in order'], ['reversed']])(
    'expiry is that of the package that was bought, %s',
    async (way) => {
      await makePackage(ctx, store, 'SHORT', { sms: 5 }, { validityDays: 10 });
      await makePackage(ctx, store, 'LONG', { sms: 5 }, { validityDays: 90 });
      const old = { id: 1, lines: [{ id: 1, sku: 'SHORT' }], modified: '2026-11-20T10:00:01' };
      const renamed = { id: 1, lines: [{ id: 1, sku: 'LONG' }], modified: '2026-11-20T10:00:02' };
      for (const order of way === 'in order' ? [old, renamed] : [renamed, old]) await come(order);
      const [grant] = await grantsOf(ctx.db, (await theOrder(1)).customer_id as string);
      expect(grant?.expiresAt).toBe('2026-11-30T23:00:00.000Z');
    },
  );

  test('a 404 that turns out wrong takes nothing for good, and refunds in what the store answers are read', async () => {
    await makePackage(ctx, store, 'SUP', { sms: 10 });
    await come({ id: 1, lines: [{ id: 1, quantity: 2 }] });
    const now = { id: 1, lines: [{ id: 1, quantity: 2 }], refunds: [{ id: 9, total: '-29.00' }] };
    const answers: (string | null)[] = [null, orderJson({ ...now, modified: '2026-11-20T12:00:00' })];
    const refund = {
      id: 9,
      line_items: [{ quantity: -1, meta_data: [{ key: '_refunded_item_id', value: '1' }] }],
    };
    ctx.gateways.woocommerce = {
      ...webhooksOnly,
      readOrder() {
        const json = answers.shift() ?? null;
        return Promise.resolve(json === null ? { kind: 'missing' } : { kind: 'order', json });
      },
      readRefunds: () => Promise.resolve({ kind: 'refunds', json: JSON.stringify([refund]) }),
    };
    await receive(ctx, store, 'order.deleted', '{"id":1}');
    await drainInbox(ctx);
    expect(await theOrder(1)).toMatchObject({ status: 'deleted', paid: 0 });
    await come({ id: 1, lines: [{ id: 1, quantity: 2 }], modified: '2026-11-20T11:00:00' });
    expect(await theOrder(1)).toMatchObject({ status: 'processing', paid: 1, review_flags: '[]' });
    expect((await countersOf(1)).sms).toMatchObject({ available: 10 });
  });

  test('what the store says itself ends a deletion that was only heard of', async () => {
    await makePackage(ctx, store, 'SUP', { sms: 10 });
    await come({ id: 1 });
    await receive(ctx, store, 'order.deleted', '{"id":1}');
    await drainInbox(ctx);
    expect(await theOrder(1)).toMatchObject({ status: 'trash', paid: 0 });
    ctx.clock.advance(60);
    ctx.gateways.woocommerce = {
      ...webhooksOnly,
      readOrder: () => Promise.resolve({ kind: 'order', json: orderJson({ id: 1 }) }),
      readRefunds: () => Promise.resolve({ kind: 'refunds', json: '[]' }),
    };
    await receive(ctx, store, 'order.deleted', '{"id":1}');
    await drainInbox(ctx);
    expect(await theOrder(1)).toMatchObject({ status: 'processing', paid: 1 });
    expect((await countersOf(1)).sms).toMatchObject({ available: 10 });
  });

  test('three states of one second contradict each other even if two differ in nothing that counts', async () => {
    await makePackage(ctx, store, 'SUP', { sms: 10 });
    const one = JSON.parse(orderJson({ id: 1 })) as Record<string, unknown>;
    const two = orderJson({ id: 1, lines: [{ id: 1, quantity: 2 }] });
    for (let i = 0; i < 6; i++) {
      await receive(
        ctx,
        store,
        'order.updated',
        JSON.stringify({ ...one, meta_data: [{ key: 'n', value: i }] }),
      );
    }
    await receive(ctx, store, 'order.updated', two);
    await drainInbox(ctx);
    expect(JSON.parse((await theOrder(1)).review_flags as string)).toEqual(['same-second-conflict']);
  });

  test('a NUL in a name and a date that no calendar has do no harm', async () => {
    await makePackage(ctx, store, 'SUP', { sms: 5 }, { validityDays: 30 });
    const order = JSON.parse(orderJson({ id: 1 })) as { line_items: object[]; billing: object };
    const odd = {
      ...order,
      date_paid_gmt: '9999-99-99T99:99:99',
      billing: { ...order.billing, first_name: 'Al\u0000ice' },
      line_items: order.line_items.map((line) => ({ ...line, name: 'Pod\u0000pora' })),
    };
    await receive(ctx, store, 'order.updated', JSON.stringify(odd));
    await drainInbox(ctx);
    expect((await countersOf(1)).sms).toMatchObject({ available: 5 });
  });

  test('an order note on a ticket that people write on already is a word that a reply must have seen', async () => {
    await makePackage(ctx, store, 'SUP', { sms: 5 });
    await come({ id: 1 });
    const ticketId = (await theOrder(1)).ticket_id as string;
    await ctx.db('tickets').where({ id: ticketId }).update({ status: 'solved' });
    ctx.clock.advance(60);
    await come({ id: 1, note: 'It is still broken', modified: '2026-11-20T10:00:09' });
    expect(await ctx.db('tickets').where({ id: ticketId }).first()).toMatchObject({
      version: 2,
      status: 'open',
    });
  });

  test('a package that is matched by sku has a top-up link once an order showed its product', async () => {
    await makePackage(ctx, store, 'SUP', { sms: 5 });
    expect(await topUpUrl(ctx.db, store.id, 'sms')).toBeNull();
    const order = JSON.parse(orderJson({ id: 1, lines: [{ id: 1, productId: 11 }] })) as object;
    const self = [{ href: 'https://shop.example.com/trgovina/wp-json/wc/v3/orders/1' }];
    await receive(ctx, store, 'order.updated', JSON.stringify({ ...order, _links: { self } }));
    await drainInbox(ctx);
    expect(await topUpUrl(ctx.db, store.id, 'sms')).toBe('https://shop.example.com/trgovina/?add-to-cart=11');
    expect(await topUpUrl(ctx.db, store.id, 'video')).toBeNull();
  });

  test('a poison delivery is parked after its tries, the rest goes on, and a retry by hand heals it', async () => {
    await makePackage(ctx, store, 'SUP', { sms: 5 });
    let broken = true;
    ctx.gateways.woocommerce = {
      ...webhooksOnly,
      readOrder: () => Promise.resolve({ kind: 'unavailable' }),
      readRefunds: (_shop, wooId) =>
        broken && wooId === 1
          ? Promise.reject(new Error('the shop is down'))
          : Promise.resolve({ kind: 'refunds', json: '[]' }),
    };
    const id = await receive(
      ctx,
      store,
      'order.updated',
      orderJson({ id: 1, refunds: [{ id: 9, total: '-1' }] }),
    );
    await receive(ctx, store, 'order.updated', orderJson({ id: 2, email: 'b@example.com' }));
    await drainInbox(ctx);
    const row = (await ctx.db('deliveries').where({ id }).first()) as Record<string, unknown>;
    expect(row).toMatchObject({ status: 'failed', reason: 'the shop is down' });
    expect((await countersOf(2)).sms?.available).toBe(5);
    broken = false;
    await retryDelivery(ctx.db, { id, now: ctx.clock.now().toISOString() });
    await drainInbox(ctx);
    expect((await countersOf(1)).sms?.available).toBe(5);
  });
});

describeEachEngine('Applying orders at once', (engine) => {
  test('one person who buys by account and as a guest in the same moment becomes one customer', async () => {
    for (let round = 0; round < 5; round++) {
      const { db } = await engine.freshDatabase({ poolMax: 10 });
      const ctx = makeContext(db);
      const store = await makeStore(ctx);
      await makePackage(ctx, store, 'SUP', { sms: 5 });
      for (let id = 1; id <= 6; id++) {
        await receive(ctx, store, 'order.created', orderJson({ id, customerId: id % 2 ? 7 : 0 }));
      }
      await Promise.all([1, 2, 3, 4, 5, 6].map(() => processDeliveries(ctx, { limit: 1 })));
      await drainInbox(ctx);
      expect(Number((await db('customers').count({ n: '*' }).first())?.n)).toBe(1);
      await expectSoundLedger(ctx);
    }
  });

  test('two changes of one package at once are both kept', async () => {
    const { db } = await engine.freshDatabase({ poolMax: 10 });
    const ctx = makeContext(db);
    const store = await makeStore(ctx);
    const { id } = await makePackage(ctx, store, 'SUP', { sms: 5 });
    const change = (changes: Parameters<typeof updatePackage>[3]) =>
      withTransaction(db, (trx) => updatePackage(trx, momentOf(ctx, systemActor), id, changes));
    await Promise.all([change({ active: false }), change({ name: 'Renamed' }), change({ validityDays: 9 })]);
    expect(await findPackage(db, id)).toMatchObject({ active: false, name: 'Renamed', validityDays: 9 });
  });
});
