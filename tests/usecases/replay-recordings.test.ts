import { grantsOf } from '../../src/domain/credits';
import { excessOf, shortfallOf } from '../../src/domain/credits/rules';
import type { Store } from '../../src/domain/stores';
import type { Context } from '../../src/usecases/context';
import { makeContext, makeStore, type SetClock } from '../support/context';
import { describeEachEngine, type TestEngine } from '../support/databases';
import {
  drainInbox,
  expectSoundLedger,
  loadRecordings,
  makePackage,
  type Recording,
  receive,
  recordedStore,
} from '../support/shop';

/**
 * What each recorded order must have come to, by scenario: [number, customer, ticket?, counters available per meter].
 * Read from the recordings by hand.
 */
const EXPECTED: Record<string, [string, string, boolean, Record<string, number>, string[]?][]> = {
  'a-guest-paid': [['19', 'janez.novak@example.com', true, { sms: 10, email: 20 }]],
  'aa-order-deleted-before-delivery': [],
  'ab-webhook-owner-lost-rights': [],
  'ac-classic-checkout': [['84', 'miha.krajnc@example.com', true, { sms: 20, email: 40 }]],
  'ae-custom-status': [['85', 'jure.lah@example.com', true, { sms: 30, email: 60, video: 3 }]],
  'b-registered-qty3': [['20', 'maja.kovac@example.com #2', true, { sms: 30, email: 60 }]],
  'c-mixed-cart': [['21', 'tine.zajc@example.com', true, { sms: 30, email: 60, video: 3 }]],
  'f-bacs-onhold-processing-completed': [
    ['22', 'eva.mlakar@example.com', true, { sms: 30, email: 60, video: 3 }],
  ],
  'g-pending-cancelled': [['23', 'janez.novak@example.com', false, {}]],
  'h-failed-then-processing': [['24', 'luka.horvat@example.com', true, { sms: 10, email: 20 }]],
  'i-full-refund': [['25', 'nina.golob@example.com', true, {}]],
  'i2-status-set-to-refunded': [['34', 'bojan.kralj@example.com', true, {}]],
  'k-money-only-refund': [
    ['27', 'rok.vidmar@example.com', true, { sms: 20, email: 40 }, ['money-only-refund']],
  ],
  'k2-line-amount-refund-quantity-0': [
    ['76', 'zala.pirc@example.com', true, { sms: 30, email: 60 }, ['money-only-refund']],
  ],
  'm-trash-restore-delete': [['29', 'ana.bizjak@example.com', true, {}]],
  'n-coupon-zero-total': [['30', 'petra.kos@example.com', true, { sms: 10, email: 20 }]],
  'o-greek': [['32', 'giorgos@example.com', true, { sms: 30, email: 60, video: 3 }]],
  'o-slovenian': [['31', 'ziga.cebasek@example.com', true, { sms: 10, email: 20 }]],
  'p-jpy': [['33', 'hanako@example.com', true, { sms: 10, email: 20 }]],
  'r-product-renamed-after-purchase': [['37', 'sara.turk@example.com', true, { sms: 4 }]],
  't-custom-line-item-meta': [['38', 'marko.oblak@example.com', true, { sms: 30, email: 60, video: 3 }]],
  'u-ping': [],
  'w-coupon-customer-product-events': [],
  'x-unpaid-order-paid-much-later-one-delivery': [
    ['40', 'vid.zupan@example.com', true, { sms: 10, email: 20 }],
  ],
  'y-guest-returns-same-email': [
    ['41', 'janez.novak@example.com', true, { sms: 10, email: 20 }],
    ['42', 'janez.novak@example.com', true, { sms: 30, email: 60, video: 3 }],
  ],
  'z-order-assigned-to-customer-by-admin': [
    ['43', 'tanja.perko@example.com #3', true, { sms: 50, email: 100 }],
  ],
};

const recordings = loadRecordings();
const signed = recordings.filter((recording) => recording.topic !== '');

async function makeShop(engine: TestEngine, poolMax = 1) {
  const { db } = await engine.freshDatabase({ poolMax });
  const ctx = makeContext(db, { woocommerce: recordedStore(recordings) });
  const store = await makeStore(ctx);
  await makePackage(ctx, store, 'SUP-START', { sms: 10, email: 20 });
  await makePackage(ctx, store, 'SUP-PRO', { sms: 30, email: 60, video: 3 });
  await makePackage(ctx, store, 'SUP-PREM-SMS10', { sms: 10 });
  await makePackage(ctx, store, 'SUP-PREM-SMS25', { sms: 25 });
  await makePackage(ctx, store, 'SUP-PREM-VIDEO3', { video: 3, request: 2 });
  // The product of scenario r: renamed after it was bought, so both names are support skus of the recordings.
  await makePackage(ctx, store, 'SUP-MINI', { sms: 4 });
  await makePackage(ctx, store, 'SUP-MINI-27', { email: 9 });
  return { ctx, store };
}

/** The end state in the sense of DESIGN §2.2, without ids, which are made on arrival. */
async function endState(ctx: Context) {
  const rows = (await ctx
    .db('orders')
    .join('customers', 'customers.id', 'orders.customer_id')
    .leftJoin('tickets', 'tickets.id', 'orders.ticket_id')
    .orderBy('orders.woo_id')
    .select(
      'orders.*',
      'customers.name as customer_name',
      'customers.email_normalised',
      'customers.phone_e164',
      'customers.locale',
      'customers.woo_customer_id',
      'tickets.customer_id as ticket_customer_id',
    )) as Record<string, unknown>[];
  const orders = [];
  for (const row of rows) {
    const grants = (await grantsOf(ctx.db, row.customer_id as string)).filter((g) => g.orderId === row.id);
    const lines = (await ctx
      .db('order_lines')
      .leftJoin('package_versions', 'package_versions.id', 'order_lines.package_version_id')
      .where({ order_id: row.id })
      .orderBy('woo_line_id')
      .select(
        'woo_line_id',
        'quantity',
        'refunded_quantity',
        'package_versions.name as package',
      )) as object[];
    const account = row.woo_customer_id === null ? '' : ` #${Number(row.woo_customer_id)}`;
    expect(row.ticket_id === null || row.ticket_customer_id === row.customer_id).toBe(true);
    orders.push({
      number: row.number,
      status: row.status,
      paid: row.paid,
      everPaid: row.ever_paid,
      flags: JSON.parse(row.review_flags as string) as string[],
      customer: `${row.email_normalised as string}${account}`,
      details: [row.customer_name, row.phone_e164, row.locale],
      ticket: row.ticket_id !== null,
      lines: lines.map((line) => ({ ...line })),
      meters: Object.fromEntries(
        grants
          .filter(
            (grant) => grant.granted > 0 && (grant.granted !== grant.orderRevoked || grant.wanted !== 0),
          )
          .sort((a, b) => (a.grantKey < b.grantKey ? -1 : 1))
          .map((g) => [
            g.grantKey,
            [g.meter, g.wanted, g.granted - g.orderRevoked, g.available, excessOf(g), shortfallOf(g)],
          ]),
      ),
    });
  }
  const tickets = Number((await ctx.db('tickets').count({ n: '*' }).first())?.n);
  const notes = Number(
    (await ctx.db('messages').where({ channel: 'order_note' }).count({ n: '*' }).first())?.n,
  );
  return { orders, tickets, notes };
}

/** A small deterministic shuffle: the seed names the order. */
function shuffled<T>(items: T[], seed: number): T[] {
  const result = [...items];
  let state = seed * 2654435761 + 1;
  for (let i = result.length - 1; i > 0; i--) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const j = state % (i + 1);
    [result[i], result[j]] = [result[j] as T, result[i] as T];
  }
  return result;
}

async function replay(
  ctx: Context & { clock: SetClock },
  store: Store,
  deliveries: Recording[],
  workers = 1,
): Promise<void> {
  for (const { topic, body } of deliveries) await receive(ctx, store, topic, body);
  await drainInbox(ctx, workers);
  const failed = (await ctx.db('deliveries').where({ status: 'failed' }).select('reason')) as unknown[];
  expect(failed).toEqual([]);
}

describeEachEngine('Replaying every recording of the real store', (engine) => {
  let reference: Awaited<ReturnType<typeof endState>>;

  beforeAll(async () => {
    const { ctx, store } = await makeShop(engine);
    await replay(ctx, store, signed);
    reference = await endState(ctx);
  });

  test('per scenario come the expected tickets, customers and counters', () => {
    const scenarios = [...new Set(recordings.map((recording) => recording.scenario))].sort();
    expect(Object.keys(EXPECTED).sort()).toEqual(scenarios);
    const expected = Object.values(EXPECTED).flat();
    expect(reference.orders.map((order) => order.number).sort()).toEqual(expected.map(([n]) => n).sort());
    for (const [number, customer, ticket, available, flags] of expected) {
      const order = reference.orders.find((candidate) => candidate.number === number);
      const got: Record<string, number> = {};
      for (const [meter, , , left] of Object.values(order?.meters ?? {})) {
        if (left !== 0) got[meter as string] = (got[meter as string] ?? 0) + (left as number);
      }
      expect({ number, customer: order?.customer, ticket: order?.ticket, got, flags: order?.flags }).toEqual({
        number,
        customer,
        ticket,
        got: available,
        flags: flags ?? [],
      });
    }
    expect(reference.tickets).toBe(expected.filter(([, , ticket]) => ticket).length);
    expect(new Set(reference.orders.map((order) => order.customer)).size).toBe(20);
  });

  test('people come through as they are: names decoded, phones as E.164, languages by country', () => {
    const details = (number: string) => reference.orders.find((order) => order.number === number)?.details;
    expect(details('84')).toEqual(['Miha & Sin Krajnc', '+38621234567', 'sl']);
    expect(details('31')).toEqual(['Žiga Čebašek', '+38641123456', 'sl']);
    expect(details('32')).toEqual(['Γιώργος Παπαδόπουλος', '+302101234567', 'el']);
    expect(details('42')).toEqual(['Janez Novak', '+38641555100', 'sl']);
  });

  test('deliveries that share a Delivery-ID are all processed', async () => {
    const ids = signed.map((r) => r.headers.find(([key]) => key === 'X-WC-Webhook-Delivery-ID')?.[1]);
    expect(new Set(ids).size).toBeLessThan(ids.length);
    const { ctx, store } = await makeShop(engine);
    await replay(ctx, store, signed);
    const rows = (await ctx.db('deliveries').select('status')) as { status: string }[];
    expect(rows).toHaveLength(signed.length);
    expect(rows.filter((row) => row.status === 'pending')).toEqual([]);
  });

  test.each([
    ['reversed', [...signed].reverse()],
    ['in order, each three times', signed.flatMap((recording) => [recording, recording, recording])],
    ['in order three times over', [...signed, ...signed, ...signed]],
    ['reversed three times over', [...signed, ...signed, ...signed].reverse()],
  ])('%s: the same end state', async (_name, deliveries) => {
    const { ctx, store } = await makeShop(engine);
    await replay(ctx, store, deliveries);
    expect(await endState(ctx)).toEqual(reference);
    await expectSoundLedger(ctx);
  });

  // The rules are the same on both engines; what differs is how two workers meet.
  const isSqlite = engine.name === 'sqlite';
  test.each(Array.from({ length: isSqlite ? 8 : 2 }, (_, i) => i + 1))(
    'shuffled with seed %i, each three times: the same end state',
    async (seed) => {
      const { ctx, store } = await makeShop(engine);
      await replay(ctx, store, shuffled([...signed, ...signed, ...signed], seed));
      expect(await endState(ctx)).toEqual(reference);
      await expectSoundLedger(ctx);
    },
  );

  test.each(isSqlite ? [101, 102] : [101, 102, 103, 104])(
    'shuffled with seed %i, each three times, by two workers at once: the same end state',
    async (seed) => {
      const { ctx, store } = await makeShop(engine, 10);
      await replay(ctx, store, shuffled([...signed, ...signed, ...signed], seed), 2);
      expect(await endState(ctx)).toEqual(reference);
      await expectSoundLedger(ctx);
    },
  );
});
