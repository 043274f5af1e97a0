import fc from 'fast-check';
import {
  adjust,
  balanceOf,
  bringToOrder,
  capture,
  everHadMeter,
  expireDueOf,
  grantsOf,
  type Hold,
  hold,
  holdsOfCause,
  type OrderClaim,
  quoteHold,
  release,
  reverse,
  usableOn,
  verifyLedger,
  type Work,
} from '../../../src/domain/credits';
import { type Grant, planHold } from '../../../src/domain/credits/rules';
import { systemActor } from '../../../src/platform/actor';
import { type Trx, withTransaction } from '../../../src/platform/db';
import { type Context, momentOf } from '../../../src/usecases/context';
import { makeContext, makeStore, type SetClock } from '../../support/context';
import { describeEachEngine } from '../../support/databases';
import { drainInbox, expectSoundLedger, makePackage, orderJson, receive } from '../../support/shop';

function grant(about: Partial<Grant>): Grant {
  return {
    id: about.id ?? 'g',
    grantKey: about.id ?? 'g',
    customerId: 'c',
    meter: 'sms',
    cause: 'goodwill',
    orderId: null,
    orderLineId: null,
    packageVersionId: null,
    smsUnit: 'message',
    videoBlockMinutes: null,
    priceList: about.meter === 'any' ? { sms: 1, email: 1, video: 5 } : null,
    scope: 'customer',
    ticketFamilyId: null,
    expiresAt: null,
    granted: about.available ?? 1,
    available: 1,
    held: 0,
    used: 0,
    expired: 0,
    revoked: 0,
    orderRevoked: 0,
    wanted: null,
    createdAt: `2026-01-01T00:00:${(about.id ?? '00').padStart(2, '0')}.000Z`,
    ...about,
  };
}

const drawn = (grants: Grant[], work: Work) =>
  planHold(grants, work).draws.map((d) => [d.grantId, d.credits]);
const threeSegments: Work = { meter: 'sms', segments: 3 };

describe('What pays one piece of work', () => {
  test('a 3-segment SMS with 2 credits in one grant and 5 in another of the same unit draws on both', () => {
    const two = grant({ id: '1', available: 2, smsUnit: 'segment' });
    const five = grant({ id: '2', available: 5, smsUnit: 'segment' });
    expect(drawn([two, five], threeSegments)).toEqual([
      ['1', 2],
      ['2', 1],
    ]);
  });

  test('with a message grant of 1 it draws that one', () => {
    const two = grant({ id: '1', available: 2, smsUnit: 'segment' });
    const five = grant({ id: '2', available: 5, smsUnit: 'segment' });
    const message = grant({ id: '3', available: 1 });
    expect(drawn([two, message], threeSegments)).toEqual([['3', 1]]);
    expect(drawn([two, five, message], threeSegments)).toEqual([['3', 1]]);
  });

  test('a group that cannot pay the whole piece is skipped, never mixed with another', () => {
    const two = grant({ id: '1', available: 2, smsUnit: 'segment' });
    const pooled = grant({ id: '2', meter: 'any', available: 4, priceList: { sms: 2 } });
    expect(planHold([two, pooled], threeSegments)).toMatchObject({
      unit: 'message',
      quantity: 1,
      price: 2,
      draws: [{ grantId: '2', credits: 2 }],
    });
    expect(planHold([two], threeSegments)).toMatchObject({ draws: [], missing: 1, available: 2 });
  });

  test('ticket before customer, the meter before any, earliest expiry with never last, then oldest', () => {
    const ticket = grant({ id: '9', scope: 'ticket', ticketFamilyId: 't' });
    const soon = grant({ id: '8', expiresAt: '2026-12-01T00:00:00.000Z' });
    const later = grant({ id: '7', expiresAt: '2027-12-01T00:00:00.000Z' });
    const old = grant({ id: '1' });
    const young = grant({ id: '2' });
    const any = grant({ id: '0', meter: 'any', available: 9, expiresAt: '2026-11-30T00:00:00.000Z' });
    const left = [any, young, old, later, soon, ticket];
    const order: string[] = [];
    for (let i = 0; i < 6; i++) {
      order.push(planHold(left, { meter: 'sms', segments: 1 }).draws[0]?.grantId as string);
      left.splice(
        left.findIndex((g) => g.id === order.at(-1)),
        1,
      );
    }
    expect(order).toEqual(['9', '8', '7', '1', '2', '0']);
  });

  test('any pays by its price list, and not what it does not list', () => {
    const pooled = grant({ id: '1', meter: 'any', available: 4 });
    expect(planHold([pooled], { meter: 'video' })).toMatchObject({ missing: 1, price: 5 });
    expect(planHold([pooled], { meter: 'email' })).toMatchObject({ missing: 0, price: 1 });
    expect(planHold([pooled], { meter: 'request' })).toMatchObject({ missing: 1, draws: [], available: 0 });
  });

  test('a further video block is paid only by grants of the same block length', () => {
    const ten = grant({ id: '1', meter: 'video', videoBlockMinutes: 10 });
    const session = grant({ id: '2', meter: 'video' });
    expect(drawn([ten, session], { meter: 'video' })).toEqual([['1', 1]]);
    expect(drawn([session], { meter: 'video', blockMinutes: 10 })).toEqual([]);
    expect(drawn([ten, session], { meter: 'video', blockMinutes: 10 })).toEqual([['1', 1]]);
  });

  test('grants of another price or another block length never share a piece', () => {
    const pooled = (id: string, about: Partial<Grant>) => grant({ id, meter: 'any', available: 1, ...about });
    const dear = pooled('1', { priceList: { email: 2 } });
    const cheap = pooled('2', { priceList: { email: 1 } });
    expect(drawn([dear, cheap], { meter: 'email' })).toEqual([['2', 1]]);
    const tens = pooled('1', { priceList: { video: 2 }, videoBlockMinutes: 10 });
    const fifteens = pooled('2', { priceList: { video: 2 }, videoBlockMinutes: 15 });
    expect(planHold([tens, fifteens], { meter: 'video' })).toMatchObject({ draws: [], missing: 1 });
  });

  test('whatever the grants, a plan pays exactly the piece or nothing, and never more than a grant has', () => {
    const anyGrant = fc.record({
      id: fc.integer({ min: 10, max: 59 }).map(String),
      meter: fc.constantFrom('sms' as const, 'any' as const),
      available: fc.integer({ min: 1, max: 6 }),
      smsUnit: fc.constantFrom('message' as const, 'segment' as const),
      price: fc.integer({ min: 1, max: 3 }),
    });
    fc.assert(
      fc.property(
        fc.uniqueArray(anyGrant, { selector: (g) => g.id, maxLength: 6 }),
        fc.integer({ min: 1, max: 5 }),
        (raw, segments) => {
          const grants = raw.map((g) =>
            grant({ ...g, priceList: g.meter === 'any' ? { sms: g.price } : null }),
          );
          const plan = planHold(grants, { meter: 'sms', segments });
          const sum = plan.draws.reduce((total, draw) => total + draw.credits, 0);
          expect(sum).toBe(plan.missing === 0 ? plan.quantity * plan.price : 0);
          expect(plan.quantity).toBe(plan.unit === 'segment' ? segments : 1);
          for (const draw of plan.draws) {
            const from = grants.find((g) => g.id === draw.grantId) as Grant;
            expect(draw.credits).toBeLessThanOrEqual(from.available);
            if (plan.unit === 'segment' || plan.unit === 'message') expect(from.smsUnit).toBe(plan.unit);
          }
        },
      ),
    );
  });
});

describeEachEngine('The credit ledger', (engine) => {
  let ctx: Context & { clock: SetClock };
  let customerId: string;
  let ticketId: string;

  beforeEach(async () => {
    const { db } = await engine.freshDatabase({ poolMax: 10 });
    ctx = makeContext(db);
    const store = await makeStore(ctx);
    await makePackage(ctx, store, 'SUP', { sms: 3, email: 2 });
    await receive(ctx, store, 'order.created', orderJson({ id: 1 }));
    await drainInbox(ctx);
    const order = (await db('orders').first()) as { customer_id: string; ticket_id: string };
    customerId = order.customer_id;
    ticketId = order.ticket_id;
  });

  afterEach(() => expectSoundLedger(ctx));

  const write = <T>(work: (trx: Trx, moment: ReturnType<typeof momentOf>) => Promise<T>) =>
    withTransaction(ctx.db, (trx) => work(trx, momentOf(ctx, systemActor)));

  const holdSms = (key = ctx.ids.next(), segments = 1): Promise<Hold> =>
    write((trx, moment) =>
      hold(trx, moment, {
        customerId,
        ticketId,
        ticketFamilyId: ticketId,
        work: { meter: 'sms', segments },
        key,
        cause: { kind: 'message', id: key },
      }),
    );

  test('hold sets aside, capture spends, release gives back, reverse gives back what was spent', async () => {
    const [one, two, three] = [await holdSms(), await holdSms(), await holdSms()];
    expect((await balanceOf(ctx.db, customerId)).sms).toMatchObject({ available: 0, held: 3 });
    await write((trx, moment) => capture(trx, moment, { holdId: one.id }));
    await write((trx, moment) => release(trx, moment, { holdId: two.id, reason: 'rejected' }));
    await write((trx, moment) => capture(trx, moment, { holdId: three.id }));
    await write((trx, moment) => reverse(trx, moment, { holdId: three.id, reason: 'bounced' }));
    expect((await balanceOf(ctx.db, customerId)).sms).toMatchObject({ available: 2, held: 0, used: 1 });
  });

  test('settling twice, or the other way round afterwards, changes nothing', async () => {
    const one = await holdSms();
    await write((trx, moment) => release(trx, moment, { holdId: one.id, reason: 'rejected' }));
    const late = await write((trx, moment) => capture(trx, moment, { holdId: one.id }));
    expect(late.status).toBe('released');
    await write((trx, moment) => reverse(trx, moment, { holdId: one.id, reason: 'again' }));
    expect((await balanceOf(ctx.db, customerId)).sms).toMatchObject({ available: 3, used: 0 });
    const two = await holdSms();
    await Promise.all([1, 2, 3].map(() => write((trx, moment) => capture(trx, moment, { holdId: two.id }))));
    await Promise.all(
      [1, 2, 3].map(() =>
        write((trx, moment) => reverse(trx, moment, { holdId: two.id, reason: 'bounced' })),
      ),
    );
    expect((await balanceOf(ctx.db, customerId)).sms).toMatchObject({ available: 3, used: 0 });
  });

  test('the same key answers the same hold', async () => {
    const first = await holdSms('message:1');
    const again = await holdSms('message:1');
    expect(again.id).toBe(first.id);
    expect(await holdsOfCause(ctx.db, { kind: 'message', id: 'message:1' })).toHaveLength(1);
    expect((await balanceOf(ctx.db, customerId)).sms.held).toBe(1);
  });

  test('of many holds on the last credits exactly as many pass as there are credits', async () => {
    const results = await Promise.allSettled(Array.from({ length: 12 }, () => holdSms()));
    expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(3);
    for (const result of results) {
      if (result.status === 'rejected') {
        expect(result.reason).toMatchObject({
          code: 'insufficient-credits',
          facts: { meter: 'sms', missing: 1, available: 0 },
        });
      }
    }
  });

  test('part of a hold is captured, the rest goes back, and the part when it is reversed', async () => {
    await write((trx, moment) =>
      bringToOrder(trx, moment, {
        orderId: ORDER().id,
        customerId,
        claims: [segmentClaim()],
        reason: 'test',
      }),
    );
    const held = await holdSms('parts', 3);
    expect(held).toMatchObject({ unit: 'segment', quantity: 3 });
    const settled = await write((trx, moment) => capture(trx, moment, { holdId: held.id, quantity: 2 }));
    expect(settled).toMatchObject({ status: 'captured', capturedQuantity: 2 });
    expect((await balanceOf(ctx.db, customerId)).sms).toMatchObject({ available: 3, used: 2, held: 0 });
    await write((trx, moment) => reverse(trx, moment, { holdId: held.id, reason: 'bounced' }));
    expect((await balanceOf(ctx.db, customerId)).sms).toMatchObject({ available: 5, used: 0, held: 0 });
  });

  let order: { id: string };
  let line: { id: string; package_version_id: string };
  const ORDER = () => order;
  beforeEach(async () => {
    order = (await ctx.db('orders').first()) as typeof order;
    line = (await ctx.db('order_lines').first()) as typeof line;
  });

  const segmentClaim = (): OrderClaim => ({
    grantKey: 'woo:default:1:line:1:sms:segments',
    orderLineId: line.id,
    packageVersionId: line.package_version_id,
    meter: 'sms',
    wanted: 5,
    smsUnit: 'segment',
    videoBlockMinutes: null,
    priceList: null,
    scope: 'customer',
    ticketFamilyId: null,
    expiresAt: null,
  });

  test('what an order bought may end later than it was told, never earlier', async () => {
    const endsAt = async (expiresAt: string | null) => {
      const claims = [{ ...segmentClaim(), expiresAt }];
      const input = { orderId: ORDER().id, customerId, claims, reason: 'test' };
      await write((trx, moment) => bringToOrder(trx, moment, input));
      return (await grantsOf(ctx.db, customerId)).find(({ meter }) => meter === 'sms')?.expiresAt;
    };
    const [first, later] = ['2026-12-01T23:00:00.000Z', '2026-12-02T23:00:00.000Z'];
    await ctx.db('credit_grants').where({ meter: 'sms' }).update({ expires_at: first });
    expect(await endsAt(later)).toBe(later);
    expect(await endsAt(first)).toBe(later);
    expect(await endsAt(null)).toBeNull();
    expect(await endsAt(later)).toBeNull();
  });

  test('adjustments give and take, with their reason, and never take what is not there', async () => {
    const give = (meter: 'sms' | 'any' | 'video', quantity: number, kind: 'goodwill' | 'correction') =>
      write((trx, moment) => adjust(trx, moment, { customerId, meter, quantity, kind, reason: 'sorry' }));
    await give('any', 10, 'goodwill');
    await give('sms', -2, 'correction');
    await expect(give('sms', -2, 'correction')).rejects.toMatchObject({
      code: 'insufficient-credits',
      facts: { missing: 1, available: 1 },
    });
    await expect(give('sms', -1, 'goodwill')).rejects.toMatchObject({ code: 'invalid-request' });
    const balance = await balanceOf(ctx.db, customerId);
    expect(balance.any).toMatchObject({ granted: 10, available: 10 });
    expect(balance.sms).toMatchObject({ granted: 3, available: 1, revoked: 2 });
    expect(await everHadMeter(ctx.db, customerId, 'any')).toBe(true);
    expect(await everHadMeter(ctx.db, customerId, 'video')).toBe(false);
  });

  test('a correction takes first what would be drawn first', async () => {
    const change = (quantity: number, kind: 'goodwill' | 'correction') =>
      write((trx, moment) =>
        adjust(trx, moment, { customerId, meter: 'sms', quantity, kind, reason: 'sorry' }),
      );
    await change(2, 'goodwill');
    await ctx
      .db('credit_grants')
      .where({ cause: 'goodwill' })
      .update({ expires_at: '2026-12-01T23:00:00.000Z' });
    await change(-1, 'correction');
    const left = (await grantsOf(ctx.db, customerId)).filter(({ meter }) => meter === 'sms');
    expect(left.map(({ cause, available }) => [cause, available])).toEqual([
      ['order', 3],
      ['goodwill', 1],
    ]);
  });

  test('spending looks at the clock, not at whether the expiry job ran', async () => {
    await ctx.db('credit_grants').update({ expires_at: '2026-11-21T22:30:00.000Z' });
    const input = { customerId, ticketFamilyId: ticketId };
    expect(await usableOn(ctx.db, '2026-11-21T22:29:59.999Z', input)).toMatchObject({ sms: 3 });
    ctx.clock.set('2026-11-21T22:30:00.000Z');
    expect(await usableOn(ctx.db, ctx.clock.now().toISOString(), input)).toMatchObject({ sms: 0 });
    await expect(holdSms()).rejects.toMatchObject({ code: 'insufficient-credits' });
    expect(await write((trx, moment) => expireDueOf(trx, moment, customerId))).toBe(5);
    expect(await write((trx, moment) => expireDueOf(trx, moment, customerId))).toBe(0);
  });

  test('of a customer only what is past its date expires', async () => {
    await ctx
      .db('credit_grants')
      .where({ meter: 'sms' })
      .update({ expires_at: ctx.clock.now().toISOString() });
    expect(await write((trx, moment) => expireDueOf(trx, moment, customerId))).toBe(3);
    const { sms, email } = await balanceOf(ctx.db, customerId);
    expect([sms.expired, email.expired, email.available]).toEqual([3, 0, 2]);
  });

  test('credits of a ticket pay only on that ticket', async () => {
    await ctx.db('credit_grants').update({ scope: 'ticket', ticket_family_id: 'another-family' });
    const request = { customerId, ticketFamilyId: ticketId, work: { meter: 'email' } as Work };
    expect(await quoteHold(ctx.db, ctx.clock.now().toISOString(), request)).toMatchObject({ payable: false });
    const other = { ...request, ticketFamilyId: 'another-family' };
    expect(await quoteHold(ctx.db, ctx.clock.now().toISOString(), other)).toMatchObject({
      payable: true,
      credits: 1,
    });
  });

  test('the database refuses to change or delete an entry, and amounts that cannot be', async () => {
    const { db } = ctx;
    await expect(db('credit_entries').update({ quantity: 99 })).rejects.toThrow(/only grows/);
    await expect(db('credit_entries').delete()).rejects.toThrow(/only grows/);
    await expect(db('credit_grants').update({ available: -1 })).rejects.toThrow(/CHECK|check/);
    await expect(db('credit_grants').update({ available: 2 })).rejects.toThrow(/CHECK|check/);
    await expect(db('credit_balances').update({ sms_available: 2 })).rejects.toThrow(/CHECK|check/);
  });

  test('verify names a grant, a balance and a hold that do not add up', async () => {
    const held = await holdSms();
    const before = (await grantsOf(ctx.db, customerId)).find((g) => g.meter === 'email') as Grant;
    const raise = { granted: before.granted + 1, available: before.available + 1 };
    await ctx.db('credit_grants').where({ id: before.id }).update(raise);
    await ctx.db('credit_balances').update({ sms_granted: 4, sms_available: 3 });
    await ctx.db('credit_holds').where({ id: held.id }).update({ status: 'captured', captured_quantity: 1 });
    const { problems } = await verifyLedger(ctx.db);
    expect(problems).toHaveLength(3);
    expect(problems.join('\n')).toMatch(/Grant .* differs[\s\S]*Balance of customer .*, sms[\s\S]*Hold/);
    await ctx
      .db('credit_grants')
      .where({ id: before.id })
      .update({ granted: before.granted, available: before.available });
    await ctx.db('credit_balances').update({ sms_granted: 3, sms_available: 2 });
    await ctx.db('credit_holds').where({ id: held.id }).update({ status: 'held', captured_quantity: 0 });
  });
});
