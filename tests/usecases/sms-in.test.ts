import request from 'supertest';
import { verifyLedger } from '../../src/domain/credits';
import { limits } from '../../src/platform/limits';
import { decideAboutArrival } from '../../src/usecases/decide-arrival';
import { storeSms } from '../../src/usecases/receive-sms';
import { TOKEN } from '../support/app';
import { describeEachEngine } from '../support/databases';
import { makePackage, orderJson, receive } from '../support/shop';
import { SmsDesk } from '../support/sms-desk';
import { inboundSid } from '../support/twilio-double';

const JPEG = Buffer.from('ffd8ffe000104a46494600', 'hex');

describeEachEngine('an SMS that comes in', (engine) => {
  let desk: SmsDesk;

  beforeAll(async () => {
    desk = await SmsDesk.open(engine);
  });
  beforeEach(async () => {
    // Who wrote in an earlier test does not wait for an answer before those of this one.
    await desk.app.db('inbound_sms').update({ answer_at: null });
    // One in the afternoon in Ljubljana, another day each time.
    const { clock } = desk.app;
    clock.advance({ days: 1 });
    clock.set(`${clock.now().toISOString().slice(0, 10)}T12:00:00.000Z`);
  });
  afterAll(async () => {
    expect((await verifyLedger(desk.app.db)).problems).toEqual([]);
    expect(desk.twilio.unlike).toEqual([]);
    expect(desk.app.logs()).not.toMatch(/38641|Živjo|token-of-the-tests|Ana Novak/);
    await desk.close();
  });

  describe('goes', () => {
    test('to the newest open ticket of whoever has the number; a reply must have seen it', async () => {
      const ana = await desk.somebody({ credits: 2 });
      const older = await desk.ticket(ana, 'Older');
      desk.app.clock.advance(60);
      const newer = await desk.ticket(ana, 'Newer');
      await desk.app.db('tickets').where({ id: newer.id }).update({ status: 'pending' });
      await desk.gets({ from: ana.number, body: 'Živjo, še vedno ne dela. 😀 ΩŠ' });
      expect(await desk.words(newer)).toEqual([['customer', 'Živjo, še vedno ne dela. 😀 ΩŠ']]);
      expect(await desk.words(older)).toEqual([]);
      const now = await desk.ticketNow(newer);
      expect([now.status, now.version, now.unpaid]).toEqual(['open', newer.version + 1, false]);
      const [message] = await desk.app.db('messages').where({ ticket_id: newer.id });
      expect(message).toMatchObject({
        author_kind: 'customer',
        author_id: ana.id,
        author_name: 'Ana Novak',
        channel: 'sms',
        to_address: '+38641555000',
      });
      expect(await desk.credits(ana)).toEqual({ available: 2, held: 0, used: 0 });
      await desk.app.runJob('sms.answers');
      expect(desk.toProvider(ana.number)).toEqual([]);
    });

    test('of several people who share a number, to whom we wrote last by SMS', async () => {
      const ana = await desk.somebody({ credits: 1 });
      const eva = await desk.somebody({ credits: 1, number: ana.number, name: 'Eva' });
      const hers = await desk.ticket(ana);
      desk.app.clock.advance(60);
      const evas = await desk.ticket(eva);
      await desk.gets({ from: ana.number, body: 'Nobody wrote yet' });
      await desk.send(hers);
      await desk.gets({ from: ana.number, body: 'Yes' });
      expect(await desk.words(evas)).toEqual([['customer', 'Nobody wrote yet']]);
      expect((await desk.words(hers)).at(-1)).toEqual(['customer', 'Yes']);
    });

    test('to a solved one before a new one, and to a follow-up where all are closed', async () => {
      const ana = await desk.somebody({ credits: 1 });
      const ticket = await desk.ticket(ana);
      await desk.app.db('tickets').where({ id: ticket.id }).update({ status: 'solved' });
      await desk.gets({ from: ana.number, body: 'Spet ne dela' });
      expect((await desk.ticketNow(ticket)).status).toBe('open');
      await desk.app.db('tickets').where({ id: ticket.id }).update({
        status: 'closed',
        closed_at: desk.app.clock.now().toISOString(),
      });
      await desk.gets({ from: ana.number, body: 'In še enkrat' });
      const [, followUp] = await desk.ticketsOf(ana.number);
      expect(followUp).toMatchObject({
        follow_up_of: ticket.id,
        subject: 'Tiskalnik',
        unpaid: 0,
        status: 'new',
      });
      expect(await desk.words(followUp as { id: string })).toEqual([['customer', 'In še enkrat']]);
    });

    test('to what is paid before what is not, whichever of several people with the number wrote last', async () => {
      const ana = await desk.somebody({ credits: 1 });
      const bor = await desk.somebody({ number: ana.number, name: 'Bor Novak' });
      const paid = await desk.ticket(ana);
      desk.app.clock.advance(60);
      await desk.ticket(bor, 'Not paid', true);
      await desk.gets({ from: ana.number, body: 'Prosim' });
      expect(await desk.words(paid)).toEqual([['customer', 'Prosim']]);
    });

    test('to a new ticket where there is none: paid by credits, unpaid without', async () => {
      const ana = await desk.somebody({ credits: 1 });
      await desk.gets({ from: ana.number, body: `Tiskalnik\n\nne tiska ${'več '.repeat(40)}` });
      const poor = await desk.somebody();
      await desk.gets({ from: poor.number, body: '  ' });
      const [ticket] = await desk.ticketsOf(ana.number);
      expect(ticket).toMatchObject({ unpaid: 0, status: 'new', customer_id: ana.id, origin: 'customer' });
      expect(ticket?.subject).toMatch(/^Tiskalnik ne tiska (več )+.*…$/);
      expect([...String(ticket?.subject)].length).toBeLessThanOrEqual(60);
      expect(await desk.ticketsOf(poor.number)).toMatchObject([{ unpaid: 1, subject: 'SMS' }]);
    });

    test('nowhere when nobody could answer: a name, a short code, another channel', async () => {
      for (const from of ['Telekom', '1919', 'whatsapp:+38641555999', '+386', '']) {
        await desk.gets({ from, body: 'Akcija!' });
        expect(await desk.inbound(from)).toMatchObject([{ status: 'ignored', message_id: null }]);
      }
      expect(await desk.ticketsOf('1919')).toEqual([]);
    });

    test('as it came, also what no database keeps and what is very long', async () => {
      const ana = await desk.somebody({ credits: 1 });
      const ticket = await desk.ticket(ana);
      const long = 'Dolgo sporočilo čez več delov. '.repeat(50).trim();
      for (const body of ['a\0b', long, '<script>alert(1)</script>', 'STOP it, please']) {
        await desk.gets({ from: ana.number, body });
      }
      expect((await desk.words(ticket)).map(([, body]) => body)).toEqual([
        'ab',
        long,
        '<script>alert(1)</script>',
        'STOP it, please',
      ]);
    });
  });

  describe('from somebody who has not paid', () => {
    test('is kept apart; one answer a day says where to buy, and their order adopts it', async () => {
      const { app } = desk;
      const number = desk.number();
      await desk.gets({ from: number, body: 'Živjo, kdo mi pomaga?' });
      const [ticket] = await desk.ticketsOf(number);
      expect(ticket).toMatchObject({ unpaid: 1, subject: 'Živjo, kdo mi pomaga?', status: 'new' });
      await app.runJob('sms.answers');
      await app.drain();
      expect(desk.toProvider(number).map(({ body }) => body)).toEqual([
        'Trgovina: sporočilo smo prejeli. Pomoč se plača vnaprej. Odgovorili bomo po nakupu: https://shop.example.com',
      ]);
      for (const body of ['Halo?', 'Je kdo tam?']) {
        app.clock.advance({ minutes: 5 });
        await desk.gets({ from: number, body });
        await app.runJob('sms.answers');
        await app.drain();
      }
      expect(desk.toProvider(number)).toHaveLength(1);
      expect(await desk.ticketsOf(number)).toHaveLength(1);
      app.clock.advance({ days: 1 });
      await desk.gets({ from: number, body: 'Še danes?' });
      await app.runJob('sms.answers');
      await app.drain();
      expect(desk.toProvider(number)).toHaveLength(2);

      await makePackage(app.ctx, desk.store, 'SUP', { sms: 10 });
      const at = app.clock.now().toISOString().slice(0, 19);
      const phone = number.replace('+386', '0');
      const order = orderJson({ id: 901, phone, email: 'buyer@example.com', created: at, modified: at });
      await receive(app.ctx, desk.store, 'order.updated', order);
      await app.drain();
      const bought = await app.db('orders').where({ woo_id: 901 }).first();
      expect(bought.ticket_id).toBe(ticket?.id);
      expect(await app.db('tickets').where({ id: ticket?.id }).first()).toMatchObject({
        unpaid: 0,
        customer_id: bought.customer_id,
      });
      await desk.gets({ from: number, body: 'Zdaj sem plačal.' });
      expect((await desk.words({ id: ticket?.id as string })).at(-1)).toEqual([
        'customer',
        'Zdaj sem plačal.',
      ]);
    });

    test('is answered in the morning when it came in the night', async () => {
      const { app } = desk;
      const number = desk.number();
      const day = app.clock.now().toISOString().slice(0, 10);
      app.clock.set(`${day}T22:30:00.000Z`);
      await desk.gets({ from: number, body: 'Ne morem spati' });
      await app.runJob('sms.answers');
      expect(await app.db('outbox')).toEqual([]);
      app.clock.advance({ hours: 9 });
      await app.runJob('sms.answers');
      await app.drain();
      expect(desk.toProvider(number)).toEqual([]);
      app.clock.advance({ hours: 1 });
      await app.runJob('sms.answers');
      await app.drain();
      expect(desk.toProvider(number)).toHaveLength(1);
    });

    test('is one of a few that are answered in a minute, and none of those is who wrote days ago', async () => {
      const { app } = desk;
      const numbers = Array.from({ length: 2 * limits.unpaidAnswersPerMinute + 1 }, () => desk.number());
      for (const from of numbers) await desk.gets({ from, body: 'Prosim' });
      const answers = () => numbers.flatMap((number) => desk.toProvider(number));
      expect(await app.runJob('sms.answers')).toBe(0);
      await app.drain();
      expect(answers()).toHaveLength(limits.unpaidAnswersPerMinute);
      app.clock.advance(limits.unpaidAnswerLateSeconds);
      await app.runJob('sms.answers');
      app.clock.advance(1);
      for (let minute = 0; minute < 2; minute++) await app.runJob('sms.answers');
      await app.drain();
      expect(answers()).toHaveLength(2 * limits.unpaidAnswersPerMinute);
      expect(await app.db('inbound_sms').whereNotNull('answer_at')).toEqual([]);
    });

    test('is not answered after STOP, not even by a message that cannot go', async () => {
      const from = desk.number();
      await desk.gets({ from, body: 'Prosim' });
      await desk.gets({ from, body: 'STOP' });
      await desk.app.runJob('sms.answers');
      const [ticket] = await desk.ticketsOf(from);
      expect(await desk.words({ id: ticket?.id as string })).toEqual([
        ['customer', 'Prosim'],
        ['customer', 'STOP'],
      ]);
    });

    test('is not answered when it was paid or found to be spam meanwhile, nor twice by two processes', async () => {
      const { app } = desk;
      const [paid, spam, waiting] = [desk.number(), desk.number(), desk.number()];
      for (const from of [paid, spam, waiting]) await desk.gets({ from, body: 'Prosim' });
      const idOf = async (number: string) => (await desk.ticketsOf(number))[0]?.id as string;
      await app
        .db('tickets')
        .where({ id: await idOf(paid) })
        .update({ unpaid: 0 });
      await app
        .db('tickets')
        .where({ id: await idOf(spam) })
        .update({ spam: 1, status: 'closed' });
      const beside = await desk.beside(engine);
      await Promise.all([app.runJob('sms.answers'), beside.runJob('sms.answers')]);
      await app.drain();
      await beside.close();
      expect([paid, spam, waiting].map((number) => desk.toProvider(number).length)).toEqual([0, 0, 1]);
    });
  });

  describe('is one message', () => {
    test('however often it is brought, by however many, and whoever takes it in', async () => {
      const ana = await desk.somebody({ credits: 1 });
      const ticket = await desk.ticket(ana);
      const beside = await desk.beside(engine);
      const call = desk.twilio.brings({ from: ana.number, body: 'Enkrat' }, desk.publicUrl);
      await Promise.all([desk.app, beside, desk.app, beside].map((app) => desk.post(call, app).expect(200)));
      await Promise.all([desk.takeIn(), desk.takeIn(beside), desk.takeIn()]);
      await desk.post(call).expect(200);
      await desk.takeIn();
      await beside.close();
      expect(await desk.words(ticket)).toEqual([['customer', 'Enkrat']]);
      expect(await desk.inbound(ana.number)).toMatchObject([{ status: 'done', attempts: 1 }]);
    });

    test('also where many first words of one number come at once: one ticket, in the order they came', async () => {
      const number = desk.number();
      const beside = await desk.beside(engine);
      for (let n = 1; n <= 6; n++) {
        await desk.post(desk.twilio.brings({ from: number, body: `word ${n}` }, desk.publicUrl)).expect(200);
      }
      await Promise.all([desk.takeIn(), desk.takeIn(beside), desk.takeIn(), desk.takeIn(beside)]);
      await desk.takeIn();
      await beside.close();
      const tickets = await desk.ticketsOf(number);
      expect(tickets).toHaveLength(1);
      expect((await desk.words(tickets[0] as { id: string })).map(([, body]) => body)).toEqual(
        [1, 2, 3, 4, 5, 6].map((n) => `word ${n}`),
      );
    });

    test('taken over when the process that had it died', async () => {
      const ana = await desk.somebody({ credits: 1 });
      const ticket = await desk.ticket(ana);
      await desk
        .post(desk.twilio.brings({ from: ana.number, body: 'Ne izgubi me' }, desk.publicUrl))
        .expect(200);
      const until = new Date(desk.app.clock.now().getTime() + limits.leaseSeconds * 1000).toISOString();
      await desk.app.db('inbound_sms').where({ from_number: ana.number }).update({
        lease_owner: 'dead',
        lease_until: until,
        attempts: 1,
      });
      await desk.takeIn();
      expect(await desk.words(ticket)).toEqual([]);
      desk.app.clock.advance(limits.leaseSeconds + 1);
      await desk.takeIn();
      expect(await desk.words(ticket)).toEqual([['customer', 'Ne izgubi me']]);
    });
  });

  test('that cannot be taken in is tried again, holds up the next of its sender only, and is given up in the open', async () => {
    const { app } = desk;
    const [ana, bor] = [await desk.somebody({ credits: 1 }), await desk.somebody({ credits: 1 })];
    const [hers, his] = [await desk.ticket(ana), await desk.ticket(bor)];
    // Whatever it is that goes wrong: a message of this key stands there already.
    const sid = inboundSid('poison');
    const blocked = await app.db('messages').first('id');
    await app
      .db('messages')
      .where({ id: blocked.id })
      .update({ message_key: `sms:${sid}` });
    await desk.post(desk.twilio.brings({ from: ana.number, body: 'Prva', sid }, desk.publicUrl)).expect(200);
    await desk.gets({ from: ana.number, body: 'Druga' });
    await desk.gets({ from: bor.number, body: 'Moja' });
    expect(await desk.words(his)).toEqual([['customer', 'Moja']]);
    expect(await desk.words(hers)).toEqual([]);
    for (let n = 0; n < limits.inboxAttempts; n++) {
      app.clock.advance({ hours: 1 });
      await desk.takeIn();
    }
    expect(await desk.inbound(ana.number)).toMatchObject([
      { status: 'failed', attempts: limits.inboxAttempts, lease_owner: null },
      { status: 'done' },
    ]);
    expect(await desk.words(hers)).toEqual([['customer', 'Druga']]);
    await app.db('messages').where({ id: blocked.id }).update({ message_key: null });
    const [failed] = await desk.inbound(ana.number);
    const carol = { kind: 'staff', id: 'carol', name: 'Carol' } as const;
    const again = { way: 'sms', id: failed?.id as string, to: 'pending' } as const;
    expect(await decideAboutArrival(app.ctx, carol, again)).toEqual({ changed: true });
    expect(await decideAboutArrival(app.ctx, carol, again)).toEqual({ changed: false });
    await desk.takeIn();
    expect((await desk.words(hers)).map(([, body]) => body)).toEqual(['Druga', 'Prva']);
  });

  describe('with a word for the machine', () => {
    test('STOP: nothing is sent to the number any more, at no charge; START takes it back', async () => {
      const { app } = desk;
      const ana = await desk.somebody({ credits: 3 });
      const ticket = await desk.ticket(ana);
      const queued = await desk.reply(ticket, 'On its way when the STOP comes.');
      await desk.gets({ from: ana.number, body: ' Stop ' });
      expect(await desk.events(ticket)).toContain('sms.opted_out');
      // It was no word for us: nobody has to answer it.
      expect((await desk.ticketNow(ticket)).status).toBe('pending');

      const asked = await request(app.http)
        .post(`/api/v1/tickets/${ticket.id}/messages`)
        .set({ Authorization: `Bearer ${TOKEN}`, 'Idempotency-Key': 'stop-1' })
        .send({ channel: 'sms', body: 'One more thing' });
      expect([asked.status, asked.body.type]).toEqual([422, '/problems/recipient-opted-out']);
      expect(asked.body.detail).toContain('Nothing was sent, and nothing is charged.');
      await app.drain();
      expect(desk.toProvider(ana.number)).toEqual([]);
      expect(await desk.message(queued.id)).toMatchObject({
        status: 'failed',
        failure: 'the recipient answered STOP and takes no more SMS from us (Twilio 21610)',
      });
      expect(await desk.credits(ana)).toEqual({ available: 3, held: 0, used: 0 });

      await desk.gets({ from: ana.number, body: 'start' });
      expect(await desk.events(ticket)).toContain('sms.opted_in');
      await desk.send(ticket, 'Welcome back');
      expect(desk.toProvider(ana.number).map(({ body }) => body)).toEqual(['Welcome back']);
    });

    test.each([
      ['STOPALL', true],
      ['unsubscribe', true],
      ['Cancel', true],
      ['END', true],
      ['quit', true],
      ['REVOKE', true],
      ['OPTOUT', true],
      ['stop please', false],
      ['STOP!', false],
      ['HELP', false],
    ])('%s: wants no more: %s', async (body, isOut) => {
      const number = desk.number();
      await desk.gets({ from: number, body });
      expect(await desk.app.db('sms_opt_outs').where({ number })).toHaveLength(isOut ? 1 : 0);
      // A stranger's STOP opens no ticket.
      expect(await desk.ticketsOf(number)).toHaveLength(isOut ? 0 : 1);
    });

    test('in the words of a messaging service, which says itself what they mean', async () => {
      const ana = await desk.somebody({ credits: 1 });
      const ticket = await desk.ticket(ana);
      await desk.gets({ from: ana.number, body: 'ODJAVA', more: { OptOutType: 'STOP' } });
      expect(await desk.app.db('sms_opt_outs').where({ number: ana.number })).toHaveLength(1);
      await desk.gets({ from: ana.number, body: 'yes' });
      expect(await desk.app.db('sms_opt_outs').where({ number: ana.number })).toEqual([]);
      // A lone "yes" may be an answer to what we asked.
      expect((await desk.ticketNow(ticket)).version).toBe(ticket.version + 1);
    });

    test('that only Twilio heard: its 21610 is kept, and the credit given back', async () => {
      const ana = await desk.somebody({ credits: 1 });
      const ticket = await desk.ticket(ana);
      desk.twilio.plan.push({ status: 400, code: 21610 });
      const { id } = await desk.reply(ticket);
      await desk.app.drain();
      expect((await desk.message(id)).status).toBe('failed');
      expect(await desk.credits(ana)).toEqual({ available: 1, held: 0, used: 0 });
      await expect(desk.reply(ticket)).rejects.toMatchObject({ code: 'recipient-opted-out' });
      const bor = await desk.somebody({ credits: 1 });
      const { resource } = await desk.send(await desk.ticket(bor));
      await desk.becomes(resource, 'undelivered', { errorCode: 21610 });
      expect(await desk.app.db('sms_opt_outs').where({ number: bor.number })).toMatchObject([
        { source: 'provider' },
      ]);
    });
  });

  test('of too many in an hour is kept and shown, and calls nobody any more', async () => {
    const { app } = desk;
    const number = desk.number();
    const more = 7;
    for (let n = 1; n <= limits.smsPerSenderHour + more; n++) {
      await storeSms(app.ctx, {
        sid: inboundSid(`storm ${n}`),
        body: Buffer.from(new URLSearchParams({ From: number, To: '+38641555000', Body: `${n}` }).toString()),
      });
    }
    await desk.takeIn();
    const [row] = await desk.ticketsOf(number);
    const ticket = await desk.ticketNow(row as { id: string });
    expect(await desk.words(ticket)).toHaveLength(limits.smsPerSenderHour + more);
    // The first one came with the ticket.
    expect(ticket.version).toBe(limits.smsPerSenderHour);
    const flagged = (await desk.inbound(number)).filter((sms) => sms.storm === 1);
    expect(flagged).toHaveLength(more);
    await app.runJob('sms.answers');
    await app.drain();
    expect(desk.toProvider(number)).toHaveLength(1);
    app.clock.advance({ hours: 1, seconds: 1 });
    await desk.gets({ from: number, body: 'Person again' });
    expect((await desk.ticketNow(ticket)).version).toBe(ticket.version + 1);
  });

  test('into one ticket from many numbers is a storm too', async () => {
    const { app } = desk;
    const ana = await desk.somebody({ credits: 1 });
    const ticket = await desk.ticket(ana);
    const at = app.clock.now().toISOString();
    await app.db('messages').insert(
      Array.from({ length: limits.smsPerTicketHour }, (_, n) => ({
        id: app.ctx.ids.next(),
        ticket_id: ticket.id,
        direction: 'in',
        channel: 'sms',
        kind: 'customer',
        author_kind: 'customer',
        author_id: ana.id,
        author_name: 'Ana',
        body: `${n}`,
        status: 'received',
        attempts: 0,
        created_at: at,
      })),
    );
    await desk.gets({ from: ana.number, body: 'One more' });
    expect(await desk.inbound(ana.number)).toMatchObject([{ storm: 1, status: 'done' }]);
    expect((await desk.ticketNow(ticket)).version).toBe(ticket.version);
  });

  describe('with pictures', () => {
    const picturesOf = async (number: string) => {
      const [sms] = await desk.inbound(number);
      return desk.app.db('sms_media').where({ message_id: sms?.message_id }).orderBy('position');
    };
    const MEDIA = (n: number) =>
      `/2010-04-01/Accounts/AC${'0a'.repeat(16)}/Messages/MM${'1'.repeat(32)}/Media/ME${String(n).repeat(32)}`;

    test('has them fetched from Twilio with our sign-in, and typed by what is in them', async () => {
      const ana = await desk.somebody({ credits: 1 });
      const ticket = await desk.ticket(ana);
      const png = Buffer.from('89504e470d0a1a0a0000000d', 'hex');
      const cdn = desk.twilio.addPicture(png);
      const media = [
        desk.twilio.addPicture(JPEG),
        desk.twilio.addPicture(JPEG, { status: 307, location: cdn }),
      ];
      await desk.gets({ from: ana.number, body: '', media });
      expect(await desk.words(ticket)).toEqual([['customer', '(2 pictures)']]);
      await desk.app.runJob('sms.media');
      expect(await picturesOf(ana.number)).toMatchObject([
        { status: 'stored', content_type: 'image/jpeg', content: JPEG, size_bytes: JPEG.length },
        { status: 'stored', content_type: 'image/png', content: png },
      ]);
      expect(desk.twilio.pictureLogins.every((login) => login?.startsWith('Basic '))).toBe(true);
    });

    test('is asked for nowhere else, and takes nothing that is no picture or too large', async () => {
      const ana = await desk.somebody({ credits: 1 });
      await desk.ticket(ana);
      const { hostname, port } = new URL(desk.twilio.url);
      const asked = desk.twilio.pictureLogins.length;
      const media = [
        desk.twilio.addPicture(Buffer.from('<svg onload="alert(1)">')),
        desk.twilio.addPicture(Buffer.concat([JPEG, Buffer.alloc(limits.smsMediaBytes)])),
        desk.twilio.addPicture(JPEG, { status: 302, location: `http://localhost:${port}/elsewhere` }),
        MEDIA(7),
      ];
      await desk.gets({
        from: ana.number,
        body: 'Glej',
        media,
        more: {
          NumMedia: '9',
          MediaUrl4: 'https://evil.example.com/x.jpg',
          MediaUrl5: `http://${hostname}:${port}/metadata`,
          MediaUrl6: `https://api.twilio.com.evil.example.com${MEDIA(1)}`,
          MediaUrl7: 'file:///etc/passwd',
          MediaUrl8: `https://api.twilio.com/2010-04-01/Accounts/AC${'9'.repeat(32)}/Messages/MM${'1'.repeat(32)}/Media/ME${'1'.repeat(32)}`,
        },
      });
      while ((await desk.app.runJob('sms.media')) > 0);
      const foreign = 'it is not at an address of our Twilio account';
      expect((await picturesOf(ana.number)).map(({ status, reason }) => [status, reason])).toEqual([
        ['refused', 'it is not a picture'],
        ['refused', 'it is larger than 5 MB'],
        ['refused', 'Twilio sends us to another host'],
        ['refused', 'Twilio has it no more'],
        ...Array.from({ length: 5 }, () => ['refused', foreign]),
      ]);
      expect(desk.twilio.pictureLogins.length).toBe(asked + 3);
    });

    test('tries again what Twilio does not give now, and gives it up after some times', async () => {
      const ana = await desk.somebody({ credits: 1 });
      await desk.ticket(ana);
      await desk.gets({ from: ana.number, body: '', media: [desk.twilio.addPicture(JPEG, { status: 503 })] });
      for (let n = 0; n < limits.smsMediaAttempts; n++) {
        await desk.app.runJob('sms.media');
        desk.app.clock.advance({ hours: 1 });
      }
      expect(await picturesOf(ana.number)).toMatchObject([
        { status: 'refused', attempts: limits.smsMediaAttempts, reason: 'the SMS provider did not give it' },
      ]);
    });
  });
});
