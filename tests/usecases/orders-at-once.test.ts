import { readOrder as readApiOrder, readOrders } from '../../src/api/orders.query';
import { readOrder as readOrderPage } from '../../src/console/order.query';
import { readOrderList } from '../../src/console/orders.query';
import { adjust, hold, lockedGrantsOfOrder } from '../../src/domain/credits';
import type { Store } from '../../src/domain/stores';
import { webhooksOnly } from '../../src/gateways/woocommerce/gateway';
import { systemActor } from '../../src/platform/actor';
import { type Trx, withTransaction } from '../../src/platform/db';
import { limits } from '../../src/platform/limits';
import { applyOrderNews } from '../../src/usecases/apply-order-snapshot';
import { type Context, momentOf } from '../../src/usecases/context';
import { replyToTicketIn } from '../../src/usecases/reply-to-ticket';
import { makeContext, makeStore, type SetClock } from '../support/context';
import { chosenEngines, describeEachEngine } from '../support/databases';
import { bob } from '../support/messaging-world';
import { counters, expectSoundLedger, makePackage, orderJson } from '../support/shop';

/*
 * Orders that meet other work in the middle. Each test stops one side at a known place, inside its open transaction or
 * in its question to the shop, and lets it go on when the database says that the other side waits.
 */

type Shop = Context & { clock: SetClock };
type TestOrder = Parameters<typeof orderJson>[0];

interface OrderRow {
  id: string;
  customer_id: string;
  ticket_id: string;
  review_flags: string;
}

class Orders {
  ctx!: Shop;
  store!: Store;
  /** What the database refused: a deadlock would be run again, and pass unseen. */
  readonly refused: string[] = [];

  async open(db: Context['db']): Promise<void> {
    this.ctx = makeContext(db);
    this.store = await makeStore(this.ctx);
    await makePackage(this.ctx, this.store, 'SUP', { sms: 5 });
    db.on('query-error', (error: { code?: string }) => this.refused.push(String(error.code)));
  }

  apply(order: TestOrder): Promise<'applied' | 'busy'> {
    const news = { kind: 'snapshot' as const, source: 'webhook' as const, restored: false };
    const deliveryId = this.ctx.ids.next();
    return applyOrderNews(this.ctx, this.store, order.id, { ...news, json: orderJson(order), deliveryId });
  }

  async come(order: TestOrder): Promise<OrderRow> {
    expect(await this.apply(order)).toBe('applied');
    return this.ctx.db('orders').where({ woo_id: order.id }).first();
  }

  /** Until so many of this database's connections wait for another one. */
  async untilWaiting(connections: number): Promise<void> {
    const deadline = Date.now() + 10_000;
    for (;;) {
      const { rows } = await this.ctx.db.raw(`SELECT COUNT(*) AS n FROM pg_stat_activity
        WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0`);
      if (Number(rows[0].n) >= connections) return;
      if (Date.now() > deadline) throw new Error(`${rows[0].n} of ${connections} connections wait`);
    }
  }
}

/** A transaction that does `first`, and stays open until end() is called; then it does `last`. */
async function opened(
  ctx: Context,
  first: (trx: Trx) => Promise<unknown>,
  last: (trx: Trx) => Promise<unknown> = () => Promise.resolve(),
) {
  let end = () => {};
  const told = new Promise<void>((resolve) => {
    end = resolve;
  });
  let ready = () => {};
  const begun = new Promise<void>((resolve) => {
    ready = resolve;
  });
  const done = ctx.db.transaction(async (trx) => {
    await first(trx);
    ready();
    await told;
    await last(trx);
  });
  await Promise.race([begun, done]);
  return {
    async end() {
      end();
      await done;
    },
  };
}

describeEachEngine('An order whose news is being applied for the first time', (engine) => {
  test('is in no list and on no page until it is applied, also when the shop fails in the middle', async () => {
    const orders = new Orders();
    const { db } = await engine.freshDatabase();
    await orders.open(db);
    const seen = async () => {
      const rows = (await db('orders').select('id')) as { id: string }[];
      const page = await readOrderList(db, { limit: 10 });
      return {
        rows: rows.length,
        api: (await readOrders(db, { storeIds: null, before: null, limit: 10 })).length,
        apiByNumber: (await readOrders(db, { storeIds: null, wooId: 1, before: null, limit: 10 })).length,
        apiById: (await Promise.all(rows.map(({ id }) => readApiOrder(db, id)))).filter(Boolean).length,
        console: [page.rows.length, page.total],
        page: (await Promise.all(rows.map(({ id }) => readOrderPage(db, id, null)))).filter(Boolean).length,
      };
    };
    const hidden = { rows: 1, api: 0, apiByNumber: 0, apiById: 0, console: [0, 0], page: 0 };
    const answers: (() => Promise<never> | Promise<{ kind: 'refunds'; json: string }>)[] = [
      () => Promise.reject(new Error('the shop is down')),
      () => Promise.resolve({ kind: 'refunds', json: '[]' }),
    ];
    const during: unknown[] = [];
    orders.ctx.gateways.woocommerce = {
      ...webhooksOnly,
      async readRefunds() {
        during.push(await seen());
        return (answers.shift() as (typeof answers)[number])();
      },
    };
    const order = { id: 1, refunds: [{ id: 9, total: '-1.00' }] };
    await expect(orders.come(order)).rejects.toThrow('the shop is down');
    expect(await seen()).toEqual(hidden);
    await orders.come(order);
    expect(during).toEqual([hidden, hidden]);
    expect(await seen()).toEqual({ rows: 1, api: 1, apiByNumber: 1, apiById: 1, console: [1, 1], page: 1 });
  });
});

describeEachEngine('An order that several workers have news of', (engine) => {
  let orders: Orders;
  /** What the shop does when it is asked; each question is answered by the next one. */
  let questions: (() => Promise<void>)[];

  beforeEach(async () => {
    orders = new Orders();
    await orders.open((await engine.freshDatabase()).db);
    questions = [];
    orders.ctx.gateways.woocommerce = {
      ...webhooksOnly,
      async readRefunds() {
        await questions.shift()?.();
        return { kind: 'refunds', json: '[]' };
      },
    };
  });

  const state = (second: number, quantity: number) => ({
    id: 1,
    refunds: [{ id: 9, total: '-1.00' }],
    modified: `2026-11-20T10:00:0${second}`,
    lines: [{ id: 1, quantity }],
  });
  const news = (second: number, quantity: number) => orders.apply(state(second, quantity));
  const bought = async () => {
    const { customer_id } = (await orders.ctx.db('orders').first()) as OrderRow;
    return (await counters(orders.ctx, customer_id)).sms?.available;
  };
  const leaseRunsOut = () => orders.ctx.clock.advance(limits.leaseSeconds + 1);

  test('is worked on by one at a time, and free afterwards', async () => {
    let meanwhile = '';
    questions.push(async () => {
      meanwhile = await news(2, 2);
    });
    expect(await news(1, 1)).toBe('applied');
    expect(meanwhile).toBe('busy');
    expect(await bought()).toBe(5);
    expect(await news(2, 2)).toBe('applied');
    expect(await bought()).toBe(10);
  });

  test('is taken over from one who takes too long, and who then writes nothing', async () => {
    questions.push(async () => {
      leaseRunsOut();
      expect(await news(1, 1)).toBe('applied');
    });
    expect(await news(2, 2)).toBe('busy');
    expect(await bought()).toBe(5);
    expect(await orders.ctx.db('order_snapshots')).toHaveLength(1);
  });

  test('stays with who took it over when the slow one ends', async () => {
    let second: Promise<string> | undefined;
    let secondMayGoOn = () => {};
    questions.push(async () => {
      leaseRunsOut();
      await new Promise<void>((secondAsks) => {
        questions.push(() => {
          secondAsks();
          return new Promise((resolve) => {
            secondMayGoOn = resolve;
          });
        });
        second = news(2, 2);
      });
    });
    expect(await news(1, 1)).toBe('busy');
    expect(await news(3, 3)).toBe('busy');
    secondMayGoOn();
    expect(await second).toBe('applied');
    expect(await bought()).toBe(10);
  });
});

describeEachEngine(
  'Orders and other work at once',
  (engine) => {
    let orders: Orders;

    beforeEach(async () => {
      orders = new Orders();
      await orders.open((await engine.freshDatabase({ poolMax: 10 })).db);
    });

    afterEach(async () => {
      expect(orders.refused).toEqual([]);
      await expectSoundLedger(orders.ctx);
    });

    const reply = (ticketId: string, freeReason?: string) => (trx: Trx) =>
      replyToTicketIn(trx, orders.ctx, bob, { ticketId, channel: 'sms', body: 'Hello Anna', freeReason });

    const toBarbara = { id: 1, email: 'barbara@example.com', modified: '2026-11-20T10:00:09' };
    const stays = { review_flags: '["customer-changed"]' };

    // Only the ticket's lock tells of one that draws no credits.
    test.each([
      ['an answer that is charged', undefined],
      ['a free answer', 'sorry'],
    ])(
      'an order does not change hands while %s is being written on its ticket',
      async (_what, freeReason) => {
        const { customer_id, ticket_id } = await orders.come({ id: 1, email: 'anna@example.com' });
        const answer = await opened(orders.ctx, reply(ticket_id, freeReason));
        const news = orders.come(toBarbara);
        await orders.untilWaiting(1);
        await answer.end();
        expect(await news).toMatchObject({ ...stays, customer_id });
        const held = freeReason === undefined ? 1 : 0;
        expect((await counters(orders.ctx, customer_id)).sms).toMatchObject({ available: 5 - held, held });
      },
    );

    const setAside = (order: OrderRow) => (trx: Trx) =>
      hold(trx, momentOf(orders.ctx, bob), {
        ...{ customerId: order.customer_id, ticketId: order.ticket_id, ticketFamilyId: order.ticket_id },
        ...{ work: { meter: 'sms', segments: 1 }, key: 'message:1', cause: { kind: 'message', id: '1' } },
      });

    test('an order does not change hands while its credits are being set aside', async () => {
      const order = await orders.come({ id: 1, email: 'anna@example.com' });
      const held = await opened(orders.ctx, setAside(order));
      const news = orders.come(toBarbara);
      await orders.untilWaiting(1);
      await held.end();
      expect(await news).toMatchObject({ ...stays, customer_id: order.customer_id });
    });

    test('a cancellation takes back what others, who are at work just then, leave', async () => {
      const order = await orders.come({ id: 1 });
      const held = await opened(orders.ctx, setAside(order));
      const news = orders.come({ id: 1, status: 'cancelled', modified: '2026-11-20T10:00:09' });
      await orders.untilWaiting(1);
      await held.end();
      await news;
      const { sms } = await counters(orders.ctx, order.customer_id);
      expect(sms).toMatchObject({ available: 0, held: 1, revoked: 4 });
    });

    test('an answer that waits for a change of hands is sent and charged to the one who has the order then', async () => {
      const order = await orders.come({ id: 1, email: 'anna@example.com' });
      const barbaras = await orders.come({ id: 2, email: 'barbara@example.com', phone: '041 555 200' });
      const blocker = await opened(orders.ctx, (trx) =>
        lockedGrantsOfOrder(trx, { orderId: barbaras.id, customerIds: [] }),
      );
      const news = orders.come({ ...toBarbara, phone: '041 555 200' });
      await orders.untilWaiting(1);
      const answer = withTransaction(orders.ctx.db, reply(order.ticket_id));
      await orders.untilWaiting(2);
      await blocker.end();
      expect(await news).toMatchObject({ customer_id: barbaras.customer_id, review_flags: '[]' });
      const { id } = await answer;
      expect(await orders.ctx.db('messages').where({ id }).first()).toMatchObject({
        to_address: '+38641555200',
      });
      expect(await counters(orders.ctx, barbaras.customer_id)).toMatchObject({
        sms: { granted: 10, available: 9, held: 1 },
      });
      expect(await counters(orders.ctx, order.customer_id)).toMatchObject({ sms: { held: 0, revoked: 5 } });
    });

    test('two orders that change hands crosswise do not wait for each other', async () => {
      const annas = await orders.come({ id: 1, email: 'anna@example.com' });
      const barbaras = await orders.come({ id: 2, email: 'barbara@example.com' });
      const lock = (order: OrderRow) =>
        opened(orders.ctx, (trx) => lockedGrantsOfOrder(trx, { orderId: order.id, customerIds: [] }));
      const [annasLedger, barbarasLedger] = [await lock(annas), await lock(barbaras)];
      const modified = '2026-11-20T10:00:09';
      const both = Promise.all([
        orders.come({ id: 1, email: 'barbara@example.com', modified }),
        orders.come({ id: 2, email: 'anna@example.com', modified }),
      ]);
      await orders.untilWaiting(2);
      // Whoever waited for Anna's has it now, and wants Barbara's.
      await annasLedger.end();
      await orders.untilWaiting(2);
      await barbarasLedger.end();
      const [first, second] = await both;
      expect(first.customer_id).toBe(barbaras.customer_id);
      expect(second.customer_id).toBe(annas.customer_id);
    });

    test('a customer gets a shop account while credits of theirs are written: neither waits for the other', async () => {
      const order = await orders.come({ id: 1, email: 'anna@example.com' });
      const { customer_id: customerId } = order;
      const gift = await opened(
        orders.ctx,
        (trx) => lockedGrantsOfOrder(trx, { orderId: order.id, customerIds: [] }),
        // Writes rows that refer to the customer's.
        (trx) =>
          adjust(trx, momentOf(orders.ctx, systemActor), {
            ...{ customerId, meter: 'sms', quantity: 1 },
            ...{ kind: 'goodwill', reason: 'sorry' },
          }),
      );
      const news = orders.come({ id: 2, email: 'anna@example.com', customerId: 7 });
      await orders.untilWaiting(1);
      await gift.end();
      expect((await news).customer_id).toBe(customerId);
      expect((await counters(orders.ctx, customerId)).sms).toMatchObject({ granted: 11 });
    });
  },
  chosenEngines().filter((name) => name === 'postgres'),
);
