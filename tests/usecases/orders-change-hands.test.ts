import { adjust } from '../../src/domain/credits';
import type { Store } from '../../src/domain/stores';
import { openTicket } from '../../src/domain/tickets';
import { systemActor } from '../../src/platform/actor';
import { withTransaction } from '../../src/platform/db';
import { type Context, momentOf } from '../../src/usecases/context';
import { makeContext, makeStore, type SetClock } from '../support/context';
import { describeEachEngine } from '../support/databases';
import { drainInbox, expectSoundLedger, makePackage, orderJson, receive } from '../support/shop';

describeEachEngine('An order that names another customer stays where it is', (engine) => {
  let ctx: Context & { clock: SetClock };
  let store: Store;

  beforeEach(async () => {
    ctx = makeContext((await engine.freshDatabase()).db);
    store = await makeStore(ctx);
    await makePackage(ctx, store, 'SUP', { sms: 5 });
  });

  afterEach(() => expectSoundLedger(ctx));

  async function come(order: Parameters<typeof orderJson>[0]): Promise<Record<string, string>> {
    await receive(ctx, store, 'order.updated', orderJson(order));
    await drainInbox(ctx);
    return ctx.db('orders').where({ woo_id: order.id }).first();
  }

  async function expectToStay(id: number): Promise<void> {
    const { customer_id } = await ctx.db('orders').where({ woo_id: id }).first();
    const after = await come({ id, email: 'right@example.com', modified: '2026-11-20T10:00:09' });
    expect(after).toMatchObject({ customer_id, review_flags: '["customer-changed"]' });
    expect(await ctx.db('tickets').where({ id: after.ticket_id }).first()).toMatchObject({ customer_id });
  }

  test('when a person has taken some of its credits away', async () => {
    const { customer_id } = await come({ id: 1 });
    await withTransaction(ctx.db, (trx) =>
      adjust(trx, momentOf(ctx, systemActor), {
        ...{ customerId: customer_id as string, meter: 'sms', quantity: -4 },
        ...{ kind: 'correction', reason: 'given by mistake' },
      }),
    );
    await expectToStay(1);
  });

  test('when its ticket is also that of another order', async () => {
    const first = await come({ id: 1 });
    const now = ctx.clock.now().toISOString();
    await ctx.db('tickets').where({ id: first.ticket_id }).update({ top_up_link_sent_at: now });
    expect((await come({ id: 2 })).ticket_id).toBe(first.ticket_id);
    await expectToStay(2);
  });

  test('when its ticket is one that the customer had opened', async () => {
    const { customer_id } = await come({ id: 1 });
    const asked = await withTransaction(ctx.db, (trx) =>
      openTicket(trx, momentOf(ctx, systemActor), {
        ...{ storeId: store.id, customerId: customer_id as string, subject: 'My printer' },
        ...{ origin: 'customer', unpaid: true },
      }),
    );
    expect((await come({ id: 2 })).ticket_id).toBe(asked.id);
    await expectToStay(2);
  });
});
