import type { Knex } from 'knex';
import { adjust, balanceOf, capture, hold, type Meter, markLookedAt } from '../../src/domain/credits';
import { updateStore } from '../../src/domain/stores';
import { systemActor } from '../../src/platform/actor';
import { withTransaction } from '../../src/platform/db';
import { limits } from '../../src/platform/limits';
import { type Context, momentOf } from '../../src/usecases/context';
import { expireCredits } from '../../src/usecases/expire-credits';
import { balancesToLookAt } from '../../src/usecases/notices.query';
import { settleMessage } from '../../src/usecases/settle-message';
import { tellLowBalances } from '../../src/usecases/tell-low-balance';
import { warnOfExpiry } from '../../src/usecases/warn-of-expiry';
import { describeEachEngine } from '../support/databases';
import { MessagingWorld } from '../support/messaging-world';
import { drainInbox, expectSoundLedger, makePackage, orderJson, receive } from '../support/shop';

type Notice = { channel: string; to_address: string; subject: string; body: string; kind: string };

describeEachEngine('Notices', (engine) => {
  let world: MessagingWorld;
  let db: Knex;

  beforeEach(async () => {
    const database = await engine.freshDatabase({ poolMax: 3 });
    db = database.db;
    world = await new MessagingWorld(db, database.url).open();
    world.ctx.clock.set('2026-11-20T10:00:00.000Z');
  });

  /** An order of the shop that arrives now, in English unless it says otherwise; says who bought. */
  async function buys(order: Parameters<typeof orderJson>[0]): Promise<string> {
    const now = world.at().slice(0, 19);
    await receive(
      world.ctx,
      world.store,
      'order.updated',
      orderJson({ created: now, modified: now, language: 'en', ...order }),
    );
    await drainInbox(world.ctx);
    return (await db('orders').where({ woo_id: order.id }).first('customer_id')).customer_id;
  }

  const isNotice = (row: { message_key: string | null }) => /^(expiry|balance):/.test(row.message_key ?? '');

  async function notices(customerId?: string): Promise<Notice[]> {
    const query = db('messages').join('tickets', 'tickets.id', 'messages.ticket_id').orderBy('messages.id');
    if (customerId) query.where({ customer_id: customerId });
    return (await query.select('messages.*')).filter(isNotice);
  }

  /** As the worker does it: rounds until one finds nothing. */
  async function run(job: (ctx: Context) => Promise<number>, ctx: Context = world.ctx): Promise<void> {
    for (let round = 0; round < 100; round++) if ((await job(ctx)) === 0) return;
    throw new Error('the job does not come to an end');
  }

  /** The next morning in the shop, so many days later. */
  function morningAfter(days: number): void {
    const day = new Date(world.ctx.clock.now().getTime() + days * 86_400_000).toISOString().slice(0, 10);
    world.ctx.clock.set(`${day}T09:30:00.000Z`);
  }

  async function spend(customerId: string, count: number): Promise<string[]> {
    const ticket = await db('tickets').where({ customer_id: customerId }).orderBy('id').first();
    const sent: string[] = [];
    for (let i = 0; i < count; i++) {
      sent.push((await world.reply({ ticketId: ticket.id, channel: 'sms', body: `Poskusite ${i}` })).id);
    }
    while ((await world.deliver()) > 0);
    return sent;
  }

  /** Used, without the message. */
  async function use(customerId: string, count: number, meter: 'sms' | 'email' = 'sms'): Promise<void> {
    const { id, family_id } = await db('tickets').where({ customer_id: customerId }).orderBy('id').first();
    const moment = momentOf(world.ctx, systemActor);
    const work = meter === 'sms' ? ({ meter, segments: 1 } as const) : ({ meter } as const);
    await withTransaction(db, async (trx) => {
      for (let i = 0; i < count; i++) {
        const key = `test:${world.ctx.ids.next()}`;
        const cause = { kind: 'message' as const, id: key };
        const request = { customerId, ticketId: id, ticketFamilyId: family_id, work, key, cause };
        await capture(trx, moment, { holdId: (await hold(trx, moment, request)).id });
      }
    });
  }

  async function give(customerId: string, meter: Meter, quantity: number): Promise<void> {
    const gift = { customerId, meter, quantity, kind: 'goodwill' as const, reason: 'sorry' };
    await withTransaction(db, (trx) => adjust(trx, momentOf(world.ctx, systemActor), gift));
  }

  async function changeStore(changes: Parameters<typeof updateStore>[4]): Promise<void> {
    const { ctx, store } = world;
    await withTransaction(db, (trx) =>
      updateStore(trx, momentOf(ctx, systemActor), ctx.vault, store.id, changes),
    );
  }

  describe('of expiry', () => {
    test('come 30, 7 and 1 days before, once each, with all that expires, and are free', async () => {
      await makePackage(world.ctx, world.store, 'SUP', { sms: 3, email: 1 }, { validityDays: 40 });
      await makePackage(world.ctx, world.store, 'TWO', { sms: 2 }, { validityDays: 42 });
      const ana = await buys({
        id: 1,
        lines: [{ id: 1 }, { id: 2, sku: 'SUP' }, { id: 3, sku: 'TWO' }],
      });
      const days: [number, number][] = [];
      let before = 0;
      for (const day of [9, 10, 11, 12, 32, 33, 34, 35, 38, 39, 40, 41, 42]) {
        morningAfter(day - before);
        before = day;
        await run(warnOfExpiry);
        await run(warnOfExpiry);
        await expireCredits(world.ctx, { limit: 20 });
        const count = (await notices(ana)).length;
        if (count > (days.at(-1)?.[1] ?? 0)) days.push([day, count]);
      }
      // 10, 33 and 39 for what ends on day 40; 12, 35 and 41 for day 42.
      expect(days.map(([day]) => day)).toEqual([10, 12, 33, 35, 39, 41]);
      const [first, second] = (await notices(ana)) as [Notice, Notice];
      expect(first).toMatchObject({ channel: 'email', to_address: 'alice@example.com', kind: 'system' });
      expect(first.subject).toBe('Your help at Trgovina: use it until 30 December 2026');
      expect(first.body).toBe(
        [
          'Hello Alice Kupec,',
          'some of the help that you bought at Trgovina is still unused, and has an end date:',
          '  • 6 SMS: until the end of 30 December 2026\n  • 2 e-mails: until the end of 30 December 2026',
          'After that day it cannot be used any more. When you need help, simply answer this e-mail and tell us what is wrong.',
          'This message is free, and so is everything you write to us.',
          'Trgovina',
        ].join('\n\n'),
      );
      expect(second.body).toContain('  • 2 SMS: until the end of 1 January 2027\n\n');
      expect(second.body).not.toContain('30 December');
      const { sms } = await balanceOf(db, ana);
      expect(sms).toMatchObject({ granted: 8, used: 0, held: 0 });
      await expectSoundLedger(world.ctx);
    });

    test('name only what is still there', async () => {
      await makePackage(world.ctx, world.store, 'SUP', { sms: 3, email: 2 }, { validityDays: 40 });
      const ana = await buys({ id: 1 });
      await use(ana, 2, 'email');
      await use(ana, 1, 'sms');
      morningAfter(12);
      await run(warnOfExpiry);
      const [notice] = await notices(ana);
      expect(notice?.body).toContain('  • 2 SMS: until the end of 30 December 2026\n\n');
      await use(ana, 2, 'sms');
      morningAfter(25);
      await run(warnOfExpiry);
      expect(await notices(ana)).toHaveLength(1);
    });

    test('wait for the waking hours of the store', async () => {
      await makePackage(world.ctx, world.store, 'SUP', { sms: 3 }, { validityDays: 40 });
      await buys({ id: 1 });
      // Day 10 begins on 29 November at 23:00 UTC; 9 o'clock is 8:00 UTC, 20 o'clock is 19:00 UTC.
      for (const [at, count] of [
        ['2026-11-29T23:00:00.000Z', 0],
        ['2026-11-30T07:59:59.000Z', 0],
        ['2026-11-30T19:00:00.000Z', 0],
        ['2026-11-30T18:59:59.000Z', 1],
      ] as const) {
        world.ctx.clock.set(at);
        await run(warnOfExpiry);
        expect(await notices()).toHaveLength(count);
      }
    });

    test('are not sent on the day of the purchase', async () => {
      await makePackage(world.ctx, world.store, 'SUP', { sms: 3 }, { validityDays: 30 });
      await buys({ id: 1 });
      await run(warnOfExpiry);
      morningAfter(1);
      await run(warnOfExpiry);
      expect(await notices()).toEqual([]);
      morningAfter(22);
      await run(warnOfExpiry);
      expect(await notices()).toHaveLength(1);
    });

    test('are one, of the nearest step, after 40 days of down-time', async () => {
      await makePackage(world.ctx, world.store, 'SUP', { sms: 3 }, { validityDays: 45 });
      await makePackage(world.ctx, world.store, 'LONG', { email: 4 }, { validityDays: 60 });
      await makePackage(world.ctx, world.store, 'GONE', { video: 1 }, { validityDays: 39 });
      const ana = await buys({
        id: 1,
        lines: [
          { id: 1, sku: 'SUP' },
          { id: 2, sku: 'LONG' },
          { id: 3, sku: 'GONE' },
        ],
      });
      morningAfter(40);
      await run(warnOfExpiry);
      const [only, ...more] = await notices(ana);
      expect(more).toEqual([]);
      expect(only?.body).toContain(
        '3 SMS: until the end of 4 January 2027\n  • 4 e-mails: until the end of 19 January',
      );
      expect(only?.body).not.toContain('video');
      const steps = await db('expiry_warnings').orderBy('step_days').select('step_days');
      expect(steps.map((row) => row.step_days)).toEqual([7, 30]);
      morningAfter(1);
      await run(warnOfExpiry);
      expect(await notices(ana)).toHaveLength(1);
    });

    test('are sent once by two processes that look at the same moment', async () => {
      await makePackage(world.ctx, world.store, 'SUP', { sms: 3 }, { validityDays: 40 });
      for (let id = 1; id <= 8; id++) await buys({ id, email: `c${id}@example.com` });
      morningAfter(10);
      await world.asOtherProcess((other) =>
        Promise.all([
          run(warnOfExpiry),
          run(warnOfExpiry, other),
          run(warnOfExpiry),
          run(warnOfExpiry, other),
        ]),
      );
      const sent = await notices();
      expect(sent.map((notice) => notice.to_address).sort()).toEqual(
        Array.from({ length: 8 }, (_, i) => `c${i + 1}@example.com`),
      );
      expect(Number((await db('expiry_warnings').count({ n: '*' }).first())?.n)).toBe(8);
    });

    test('of many customers go out some a minute, by however many processes', async () => {
      await makePackage(world.ctx, world.store, 'SUP', { sms: 3 }, { validityDays: 40 });
      const count = limits.expiryWarningsPerMinute * 2 + 3;
      const ana = await buys({ id: 1 });
      const [customer] = await db('customers').where({ id: ana });
      const [grant] = await db('credit_grants').where({ customer_id: ana });
      for (let i = 1; i < count; i++) {
        const id = world.ctx.ids.next();
        const email = `c${i}@example.com`;
        await db('customers').insert({ ...customer, id, email, email_normalised: email });
        await db('credit_grants').insert({ ...grant, id, grant_key: `copy:${i}`, customer_id: id });
      }
      morningAfter(10);
      const totals: number[] = [];
      for (let minute = 0; minute < 4; minute++) {
        await world.asOtherProcess((other) => Promise.all([run(warnOfExpiry), run(warnOfExpiry, other)]));
        await run(warnOfExpiry);
        totals.push((await notices()).length);
        world.ctx.clock.advance(60);
      }
      const { expiryWarningsPerMinute: most } = limits;
      expect(totals).toEqual([most, 2 * most, count, count]);
      expect(new Set((await notices()).map((notice) => notice.to_address)).size).toBe(count);
    });

    test('leave room for who runs low meanwhile', async () => {
      await makePackage(world.ctx, world.store, 'SUP', { sms: 2 });
      const ana = await buys({ id: 1 });
      await use(ana, 1);
      await db('notice_pace').update({
        minute: world.at().slice(0, 16),
        sent: limits.expiryWarningsPerMinute,
      });
      await run(tellLowBalances);
      expect(await notices(ana)).toHaveLength(1);
    });

    test('are not sent for a store that does not want them, nor all at once when it does again', async () => {
      await makePackage(world.ctx, world.store, 'SUP', { sms: 3 }, { validityDays: 40 });
      const ana = await buys({ id: 1 });
      await changeStore({ notices: false });
      for (const days of [10, 23]) {
        morningAfter(days);
        await run(warnOfExpiry);
      }
      await use(ana, 3);
      await run(tellLowBalances);
      expect(await notices()).toEqual([]);
      await give(ana, 'sms', 1);
      await changeStore({ notices: true });
      await run(warnOfExpiry);
      await run(tellLowBalances);
      expect(await notices()).toEqual([]);
    });

    test('come anew for a later date', async () => {
      await makePackage(world.ctx, world.store, 'SUP', { sms: 3 }, { validityDays: 40 });
      await buys({ id: 1 });
      morningAfter(10);
      await run(warnOfExpiry);
      await db('credit_grants').update({ expires_at: '2027-01-30T23:00:00.000Z' });
      morningAfter(31);
      await run(warnOfExpiry);
      expect((await notices()).map((notice) => notice.subject)).toEqual([
        'Your help at Trgovina: use it until 30 December 2026',
        'Your help at Trgovina: use it until 30 January 2027',
      ]);
    });

    test('go by SMS to who has no e-mail, and to nobody who cannot be reached', async () => {
      await makePackage(world.ctx, world.store, 'SUP', { sms: 3 }, { validityDays: 40 });
      const ana = await buys({ id: 1, email: '' });
      const bor = await buys({ id: 2, email: 'bor@site.invalid', phone: '' });
      morningAfter(10);
      await run(warnOfExpiry);
      const [notice, ...more] = await notices();
      expect(more).toEqual([]);
      expect(notice).toMatchObject({ channel: 'sms', to_address: '+38641555100', subject: null });
      expect(notice?.body).toBe(
        'Trgovina: still unused of your help: 3 SMS: until the end of 30 December 2026. When you need help, tell us what is wrong. This message is free.',
      );
      expect((await balanceOf(db, ana)).sms.available).toBe(3);
      const passed = await db('expiry_warnings')
        .join('credit_grants', 'credit_grants.id', 'expiry_warnings.grant_id')
        .where({ customer_id: bor });
      expect(passed).toMatchObject([{ step_days: 30, message_id: null }]);
    });

    test('are in the language of the customer, with its dates and plurals', async () => {
      await makePackage(world.ctx, world.store, 'SUP', { sms: 3, email: 2 }, { validityDays: 40 });
      const buyers = [
        await buys({ id: 1, language: 'sl' }),
        await buys({ id: 2, language: 'hr', email: '' }),
        await buys({ id: 3, language: 'de_AT', email: 'anna@example.com' }),
      ];
      morningAfter(10);
      await run(warnOfExpiry);
      const told = await Promise.all(buyers.map((id) => notices(id)));
      const [sl, hr, de] = told.flat() as [Notice, Notice, Notice];
      expect(sl.subject).toBe('Trgovina: kupljeno pomoč lahko izkoristite do 30. 12. 2026');
      expect(sl.body).toBe(
        [
          'Pozdravljeni, Alice Kupec,',
          'del pomoči, ki ste jo kupili v spletni trgovini Trgovina, še ni izkoriščen, velja pa le še do navedenega dne:',
          '  • 3 SMS-i (do vključno 30. 12. 2026)\n  • 2 e-sporočili (do vključno 30. 12. 2026)',
          'Po tem dnevu je ne bo več mogoče izkoristiti. Kadar boste potrebovali pomoč, preprosto odgovorite na to e-sporočilo in nam opišite težavo.',
          'To sporočilo je brezplačno, prav tako vse, kar nam pišete.',
          'Trgovina',
        ].join('\n\n'),
      );
      expect([hr.channel, hr.body]).toEqual([
        'sms',
        'Trgovina: još neiskorištena pomoć: 3 SMS-a (do kraja dana 30. prosinca 2026.), 2 e-poruke (do kraja dana 30. prosinca 2026.). Za pomoć nam pišite. Poruka je besplatna.',
      ]);
      expect(de.body).toContain('  • 2 E-Mails (bis einschließlich 30. Dezember 2026)\n');
    });

    test('open a ticket that waits for nobody where the customer has none', async () => {
      await makePackage(world.ctx, world.store, 'SUP', { sms: 3 }, { validityDays: 40, opensTicket: false });
      const ana = await buys({ id: 1 });
      morningAfter(10);
      await run(warnOfExpiry);
      morningAfter(23);
      await run(warnOfExpiry);
      expect(await notices(ana)).toHaveLength(2);
      expect(await db('tickets').where({ customer_id: ana })).toMatchObject([
        { status: 'solved', subject: 'Your help credits', unpaid: 0 },
      ]);
    });
  });

  describe('of a low balance', () => {
    test('come once when it is low and once when it is empty, say what is left and why, and are free', async () => {
      await makePackage(
        world.ctx,
        world.store,
        'SUP',
        { sms: 10 },
        { match: { kind: 'product_id', value: '77' } },
      );
      const ana = await buys({ id: 1, lines: [{ id: 1, sku: null, productId: 77 }] });
      await run(tellLowBalances);
      await spend(ana, 7);
      await run(tellLowBalances);
      expect(await notices(ana)).toEqual([]);
      await spend(ana, 1);
      await run(tellLowBalances);
      await spend(ana, 1);
      await run(tellLowBalances);
      expect(await notices(ana)).toHaveLength(1);
      await spend(ana, 1);
      await run(tellLowBalances);
      await run(tellLowBalances);
      const [low, empty, ...more] = (await notices(ana)) as [Notice, Notice];
      expect(more).toEqual([]);
      const { number, subject } = await db('tickets').where({ customer_id: ana }).first();
      const last = `Used last on 20 November 2026 for “${subject}” (#${number}).`;
      expect(low.subject).toBe('Your help at Trgovina is running low');
      expect(low.body).toBe(
        [
          'Hello Alice Kupec,',
          'your help at Trgovina is running low:',
          `  • 2 of 10 SMS are left. ${last}`,
          'You can buy more here: https://shop.example/?add-to-cart=77',
          'This message is free, and so is everything you write to us.',
          'Trgovina',
        ].join('\n\n'),
      );
      expect(empty.subject).toBe('Your help at Trgovina is used up');
      expect(empty.body).toContain(`  • 10 SMS: all used. ${last}\n\n`);
      expect(low).toMatchObject({ channel: 'email', kind: 'system', to_address: 'alice@example.com' });
      while ((await world.deliver()) > 0);
      expect((await balanceOf(db, ana)).sms).toMatchObject({ used: 10, available: 0, held: 0 });
      await expectSoundLedger(world.ctx);
    });

    test('do not come twice when a message fails after it was sent, and is sent again', async () => {
      await makePackage(world.ctx, world.store, 'SUP', { sms: 10 });
      const ana = await buys({ id: 1 });
      const bounce = async () => {
        const [messageId = ''] = await spend(ana, 1);
        await run(tellLowBalances);
        await settleMessage(world.ctx, { messageId, outcome: 'failed', reason: 'undelivered' });
        await run(tellLowBalances);
      };
      await spend(ana, 7);
      await bounce(); // 3 → 2 → 3
      await spend(ana, 1);
      await run(tellLowBalances);
      expect(await notices(ana)).toHaveLength(1);
      await spend(ana, 1);
      await bounce(); // 1 → 0 → 1
      await spend(ana, 1);
      await run(tellLowBalances);
      expect((await notices(ana)).map((notice) => notice.subject)).toEqual([
        'Your help at Trgovina is running low',
        'Your help at Trgovina is used up',
      ]);
    });

    test('wait while credits are on hold: they may come back', async () => {
      await makePackage(world.ctx, world.store, 'SUP', { sms: 2 });
      const ana = await buys({ id: 1 });
      const ticket = await db('tickets').where({ customer_id: ana }).first();
      await world.reply({ ticketId: ticket.id, channel: 'sms', body: 'Poskusite' });
      await run(tellLowBalances);
      expect(await notices(ana)).toEqual([]);
      while ((await world.deliver()) > 0);
      await run(tellLowBalances);
      expect(await notices(ana)).toHaveLength(1);
    });

    test('come again after credits were added, bought or given', async () => {
      await makePackage(world.ctx, world.store, 'SUP', { sms: 5 });
      const ana = await buys({ id: 1 });
      await use(ana, 5);
      await run(tellLowBalances);
      world.ctx.clock.advance(60);
      await buys({ id: 2 });
      await run(tellLowBalances);
      await use(ana, 3);
      await run(tellLowBalances);
      expect((await notices(ana)).map((notice) => notice.subject)).toEqual([
        'Your help at Trgovina is used up',
        'Your help at Trgovina is running low',
      ]);
      await give(ana, 'sms', 6);
      // Spent before anybody looked: it was above the mark all the same.
      await use(ana, 8);
      await run(tellLowBalances);
      expect(await notices(ana)).toHaveLength(3);
      expect(await db('notice_episodes').whereNull('ended_at')).toHaveLength(1);
      expect(await db('notice_episodes').whereNotNull('ended_at')).toHaveLength(2);
    });

    test('do not come again for a gift that leaves the balance low', async () => {
      await makePackage(world.ctx, world.store, 'SUP', { sms: 10 });
      const ana = await buys({ id: 1 });
      await use(ana, 10);
      await run(tellLowBalances);
      await give(ana, 'sms', 1);
      await run(tellLowBalances);
      await use(ana, 1);
      await run(tellLowBalances);
      expect(await notices(ana)).toHaveLength(1);
    });

    test('follow the mark of the package', async () => {
      await makePackage(world.ctx, world.store, 'SUP', { sms: 10 }, { lowBalanceAt: 5 });
      const ana = await buys({ id: 1 });
      await use(ana, 4);
      await run(tellLowBalances);
      expect(await notices(ana)).toEqual([]);
      await use(ana, 1);
      await run(tellLowBalances);
      expect(await notices(ana)).toHaveLength(1);
    });

    test('are in the language of the customer, and have the day as it was in the shop', async () => {
      await makePackage(world.ctx, world.store, 'SUP', { sms: 10 });
      const ana = await buys({ id: 1, language: 'sl' });
      const eleni = await buys({ id: 2, language: 'el', email: '', phone: '+30 691 234 5678' });
      world.ctx.clock.set('2026-11-20T23:30:00.000Z');
      await use(ana, 8);
      await use(eleni, 10);
      morningAfter(1);
      await run(tellLowBalances);
      const [low] = await notices(ana);
      const { number, subject } = await db('tickets').where({ customer_id: ana }).first();
      expect(low?.body).toContain(
        `  • 10 SMS-ov: na voljo še 2. Nazadnje porabljeno 21. 11. 2026 za »${subject}« (#${number}).\n`,
      );
      const [empty] = await notices(eleni);
      expect([empty?.channel, empty?.body]).toEqual([
        'sms',
        'Trgovina: υπόλοιπο βοήθειας: 0 SMS. Το SMS είναι δωρεάν.',
      ]);
    });

    test('do not come for a meter that pooled credits still pay for, and then tell of both in one', async () => {
      await makePackage(world.ctx, world.store, 'SUP', { sms: 2, any: 5 });
      const ana = await buys({ id: 1 });
      await use(ana, 5);
      await run(tellLowBalances);
      expect(await notices(ana)).toEqual([]);
      await use(ana, 1);
      await run(tellLowBalances);
      const [only, ...more] = await notices(ana);
      expect(more).toEqual([]);
      expect(only?.body).toMatch(/2 SMS: all used\..*\n.*1 of 5 credits for any kind of help is left\./);
    });

    test('wait for the waking hours of the store, and then tell once how it is by then', async () => {
      await makePackage(world.ctx, world.store, 'SUP', { sms: 10 });
      const ana = await buys({ id: 1 });
      const bor = await buys({ id: 2, email: '', phone: '+38641555200' });
      const cilka = await buys({ id: 3, email: 'cilka@example.com' });
      // 20 o'clock is 19:00 UTC, 9 o'clock is 8:00 UTC.
      world.ctx.clock.set('2026-11-20T19:00:00.000Z');
      for (const customer of [ana, bor, cilka]) await use(customer, 8);
      await run(tellLowBalances);
      world.ctx.clock.set('2026-11-21T02:00:00.000Z');
      await use(bor, 2);
      await give(cilka, 'sms', 5);
      await run(tellLowBalances);
      world.ctx.clock.set('2026-11-21T07:59:59.000Z');
      await run(tellLowBalances);
      expect(await notices()).toEqual([]);
      world.ctx.clock.set('2026-11-21T08:00:00.000Z');
      await run(tellLowBalances);
      await run(tellLowBalances);
      expect((await notices(ana)).map((notice) => notice.subject)).toEqual([
        'Your help at Trgovina is running low',
      ]);
      expect((await notices(bor)).map((notice) => [notice.channel, notice.body])).toEqual([
        ['sms', expect.stringContaining('0 SMS')],
      ]);
      expect(await notices(cilka)).toEqual([]);
      expect(await balancesToLookAt(db, { limit: 10, asleep: [] })).toEqual([]);
    });

    test('of a store that is asleep hold up none of one that is awake', async () => {
      await makePackage(world.ctx, world.store, 'SUP', { sms: 2 });
      const ana = await buys({ id: 1 });
      await use(ana, 1);
      const far = { id: world.ctx.ids.next(), slug: 'far', name: 'Far', time_zone: 'Pacific/Auckland' };
      const { id: _, ...store } = await db('stores').where({ id: world.store.id }).first();
      await db('stores').insert({ ...store, ...far });
      // Midnight in Auckland.
      world.ctx.clock.set('2026-11-21T11:00:00.000Z');
      const bor = await buys({ id: 2, email: 'bor@example.com' });
      await use(bor, 1);
      await db('customers').where({ id: ana }).update({ store_id: far.id });
      const asleep = [{ id: far.id, name: far.name, timeZone: far.time_zone }];
      expect(await balancesToLookAt(db, { limit: 1, asleep })).toMatchObject([{ customerId: bor }]);
      await run(tellLowBalances);
      expect([(await notices(ana)).length, (await notices(bor)).length]).toEqual([0, 1]);
    });

    test('do not ask who was refunded to buy more', async () => {
      await makePackage(world.ctx, world.store, 'SUP', { sms: 10 });
      const ana = await buys({ id: 1 });
      await use(ana, 4);
      world.ctx.clock.advance(60);
      await buys({ id: 1, status: 'cancelled' });
      await run(tellLowBalances);
      expect((await balanceOf(db, ana)).sms).toMatchObject({ available: 0, used: 4 });
      expect(await notices(ana)).toEqual([]);
    });

    test('are sent once by two processes that look at the same moment', async () => {
      await makePackage(world.ctx, world.store, 'SUP', { sms: 2 });
      const buyers: string[] = [];
      for (let id = 1; id <= 5; id++) buyers.push(await buys({ id, email: `c${id}@example.com` }));
      for (const buyer of buyers) await use(buyer, 1);
      await world.asOtherProcess((other) =>
        Promise.all([
          run(tellLowBalances),
          run(tellLowBalances, other),
          run(tellLowBalances),
          run(tellLowBalances, other),
        ]),
      );
      expect((await notices()).map((notice) => notice.to_address).sort()).toEqual(
        Array.from({ length: 5 }, (_, i) => `c${i + 1}@example.com`),
      );
    });

    test('are queued with what was told, or neither: a cut transaction is told in the next minute', async () => {
      await makePackage(world.ctx, world.store, 'SUP', { sms: 2 });
      const ana = await buys({ id: 1 });
      await use(ana, 1);
      await db.raw('ALTER TABLE notice_episodes RENAME TO gone');
      await run(tellLowBalances).catch(() => undefined);
      expect(await notices(ana)).toEqual([]);
      await db.raw('ALTER TABLE gone RENAME TO notice_episodes');
      await run(tellLowBalances);
      expect(await notices(ana)).toHaveLength(1);
    });

    test('look again at a balance that changed while it was looked at', async () => {
      await makePackage(world.ctx, world.store, 'SUP', { sms: 2 });
      const ana = await buys({ id: 1 });
      const [seen] = await balancesToLookAt(db, { limit: 10, asleep: [] });
      await use(ana, 1);
      await markLookedAt(db, [{ customerId: ana, entrySeq: seen?.entrySeq ?? 0 }]);
      await run(tellLowBalances);
      expect(await notices(ana)).toHaveLength(1);
    });

    test('are looked for by an index that holds only what changed', async () => {
      const sql = db('credit_balances')
        .whereRaw('credit_balances.entry_seq > credit_balances.notice_seq')
        .orderBy('customer_id')
        .limit(200)
        .select('customer_id')
        .toString();
      if (engine.name === 'postgres') await db.raw('SET enable_seqscan = off');
      const plan = JSON.stringify(
        await db.raw(engine.name === 'postgres' ? `EXPLAIN ${sql}` : `EXPLAIN QUERY PLAN ${sql}`),
      );
      expect(plan).toContain('credit_balances_to_look_at');
    });
  });
});
