import { withTransaction } from '../../src/platform/db';
import { limits } from '../../src/platform/limits';
import { giveCouponIn } from '../../src/usecases/give-coupon';
import { writeNext } from '../../src/usecases/write-to-shops';
import { describeEachEngine } from '../support/databases';
import { type OpenShop, openShop } from '../support/open-shop';
import { makePackage } from '../support/shop';

const BOB = { kind: 'staff' as const, id: 'bob', name: 'Bob' };

describeEachEngine('A coupon as a remedy', (engine) => {
  let open: OpenShop;
  let ticketId: string;

  beforeEach(async () => {
    open = await openShop(engine);
    await open.app.db('stores').update({ write_ticket_meta: 0, currency: 'EUR' });
    await makePackage(open.app.ctx, open.store, 'SUP-START', { sms: 10 });
    open.fake.shop.buy();
    await open.settle();
    ticketId = (await open.app.db('tickets').first()).id as string;
    open.fake.requests.length = 0;
  });
  afterEach(() => open.close());

  const give = (more: Partial<Parameters<typeof giveCouponIn>[3]> = {}, actor = BOB) =>
    withTransaction(open.app.db, (trx) =>
      giveCouponIn(trx, open.app.ctx, actor, {
        ticketId,
        kind: 'amount',
        valueMinor: 750,
        reason: 'Čakali ste tri dni',
        ...more,
      }),
    );
  const make = (key: string) => writeNext(open.app.ctx, { storeId: open.store.id, key });
  const inShop = () => [...open.fake.shop.coupons.values()].filter(({ code }) => code !== 'podpora100');
  const notesOnTicket = () => open.app.db('messages').where({ ticket_id: ticketId, kind: 'note' });
  const posts = () =>
    open.fake.requests.filter(({ method, path }) => method === 'POST' && /coupons$/.test(path));

  test('is made in the shop for this customer only, once, and its code stands on the ticket', async () => {
    const { coupon, key } = await give();
    expect(await notesOnTicket()).toHaveLength(0);
    const before = await open.app.db('tickets').where({ id: ticketId }).first();
    await make(key);
    expect(inShop()).toEqual([
      expect.objectContaining({
        code: coupon.code,
        amount: '7.50',
        type: 'fixed_cart',
        fields: expect.objectContaining({
          usage_limit: 1,
          email_restrictions: ['janez.novak@example.com'],
          date_expires: '2027-02-20T23:59:59',
        }),
      }),
    ]);
    const [note] = await notesOnTicket();
    expect(note).toMatchObject({ author_name: 'Bob', direction: 'internal' });
    expect(note.body).toBe(
      `Coupon ${coupon.code.toUpperCase()}: 7.50 EUR off in the shop, once, for this customer, until 2027-02-20.\n` +
        'Why: Čakali ste tri dni',
    );
    const after = await open.app.db('tickets').where({ id: ticketId }).first();
    expect(after.version).toBe(before.version + 1);
    const [audit] = await open.app.db('audit_log').where({ action: 'coupon.given' });
    expect(audit).toMatchObject({ actor_name: 'Bob', subject_id: ticketId });
    await make(key);
    await open.app.runJob('shop.writes');
    expect(inShop()).toHaveLength(1);
    expect(await notesOnTicket()).toHaveLength(1);
  });

  test('whose code the shop has already gets another one', async () => {
    const { coupon, key } = await give({ kind: 'percent', valueMinor: 1500 });
    open.fake.shop.addCoupon({ code: coupon.code, amount: '90' });
    await make(key);
    expect(await notesOnTicket()).toHaveLength(0);
    await open.app.runJob('shop.writes');
    const [foreign, own] = inShop();
    expect(foreign).toMatchObject({ code: coupon.code, amount: '90.00' });
    expect(own).toMatchObject({ amount: '15.00', type: 'percent' });
    expect(own?.code).not.toBe(coupon.code);
    expect((await notesOnTicket())[0].body).toContain(`${own?.code.toUpperCase()}: 15 % off`);
  });

  test('whose answer was cut off is found again, and made once', async () => {
    const { key } = await give();
    open.fake.fail({
      kind: 'reset-after',
      when: (method, path) => method === 'POST' && /coupons$/.test(path),
    });
    await make(key);
    expect(await notesOnTicket()).toHaveLength(0);
    open.clock.advance({ hours: 1 });
    await open.app.runJob('shop.writes');
    expect(inShop()).toHaveLength(1);
    expect(posts()).toHaveLength(1);
    expect(await notesOnTicket()).toHaveLength(1);
  });

  test('waits for a shop that is down, also past the end of its ticket', async () => {
    const { key } = await give();
    open.fake.goDown();
    await make(key);
    await open.app.db('tickets').where({ id: ticketId }).update({ status: 'closed' });
    open.fake.goUp();
    open.clock.advance({ hours: 1 });
    await open.app.runJob('shop.writes');
    expect(inShop()).toHaveLength(1);
    expect(await notesOnTicket()).toHaveLength(1);
  });

  test('has limits: how much, and how many a person can give in a month', async () => {
    const tooMuch = [
      { valueMinor: limits.couponAmountMax * 100 + 1 },
      { valueMinor: 0 },
      { valueMinor: 0.5 },
      { kind: 'percent' as const, valueMinor: limits.couponPercentMax * 100 + 1 },
      { reason: ' ' },
    ];
    for (const wrong of tooMuch) await expect(give(wrong)).rejects.toMatchObject({ code: 'invalid-request' });
    for (let i = 1; i < limits.couponsPerMonth; i++) await give();
    // Two of the same person at once: one of them is too many.
    const both = await Promise.allSettled([give(), give()]);
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    await expect(give()).rejects.toMatchObject({
      code: 'coupon-limit',
      facts: { max: limits.couponsPerMonth },
    });
    await give({}, { ...BOB, id: 'ana', name: 'Ana' });
    open.clock.set('2026-12-01T00:00:00.000Z');
    await give();
  });

  test('of a shop without keys is refused before anything is promised', async () => {
    await open.app.db('stores').update({ consumer_key_sealed: null });
    await expect(give()).rejects.toMatchObject({ code: 'store-without-keys' });
    expect(await open.app.db('coupons')).toEqual([]);
  });

  test('for a customer without an address is for whoever has the code', async () => {
    await open.app.db('customers').update({ email: null });
    await make((await give()).key);
    expect(inShop()[0]?.fields.email_restrictions).toBeUndefined();
  });

  test('is worth the same where money has no cents', async () => {
    await open.app.db('stores').update({ currency: 'JPY' });
    await make((await give({ valueMinor: 300_000 })).key);
    expect(inShop()[0]).toMatchObject({ amount: '3000.00' });
  });
});
