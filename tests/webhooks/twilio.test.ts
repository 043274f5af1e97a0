import request, { type Response } from 'supertest';
import { verifyLedger } from '../../src/domain/credits';
import { limits } from '../../src/platform/limits';
import { makeTestApp } from '../support/app';
import { describeEachEngine } from '../support/databases';
import { SmsDesk } from '../support/sms-desk';
import { inboundSid, signed, type TwilioCall } from '../support/twilio-double';

const SIGNATURE = 'X-Twilio-Signature';
const EMPTY_TWIML = '<?xml version="1.0" encoding="UTF-8"?><Response></Response>';

describeEachEngine('what Twilio sends', (engine) => {
  let desk: SmsDesk;

  beforeAll(async () => {
    desk = await SmsDesk.open(engine);
  });
  afterAll(async () => {
    expect((await verifyLedger(desk.app.db)).problems).toEqual([]);
    expect(desk.twilio.unlike).toEqual([]);
    // Neither secrets nor who was written to, at any level.
    expect(desk.app.logs()).not.toMatch(/38641|Pridemo|token-of-the-tests|Ana Novak/);
    await desk.close();
  });

  const url = () => desk.publicUrl;
  /** Right calls, one for each address; each is another message. */
  const calls: [string, () => Promise<TwilioCall>][] = [
    ['a message', async () => desk.twilio.brings({ from: desk.number(), body: 'Živjo, dela?' }, url())],
    [
      'a status',
      async () => {
        const ticket = await desk.ticket(await desk.somebody({ credits: 1 }));
        const { resource } = await desk.send(ticket);
        return desk.twilio.becomes(resource, 'delivered', { publicUrl: url() }) as TwilioCall;
      },
    ],
  ];
  /** All that a call could change. */
  const traces = async () => {
    const count = async (table: string) => Number((await desk.app.db(table).count({ n: '*' }).first())?.n);
    const delivered = await desk.app.db('messages').where({ status: 'delivered' }).select('id');
    return [await count('inbound_sms'), delivered.length];
  };

  describe.each(calls)('as %s', (what, make) => {
    it('is taken when it is signed right, whatever host and scheme the proxy passes on', async () => {
      const before = await traces();
      const call = await make();
      const answer = await desk.post(call).set({ Host: 'zeton.internal:3000', 'X-Forwarded-Proto': 'http' });
      expect([answer.status, answer.text]).toEqual([200, what === 'a message' ? EMPTY_TWIML : '']);
      expect(answer.headers['content-type']).toMatch(what === 'a message' ? /^text\/xml/ : /^text\/plain/);
      expect(await traces()).not.toEqual(before);
    });

    it('is refused with a signature that is wrong, missing, doubled, or of something else', async () => {
      const call = await make();
      const form = Object.fromEntries(new URLSearchParams(call.body));
      const before = await traces();
      const wrong: [string, TwilioCall][] = [
        ['of another token', signed(url(), call.path, form, 'guessed')],
        ['of another address', { ...signed(url(), '/webhooks/twilio/other', form), path: call.path }],
        ['of another host', signed('http://127.0.0.1:3000', call.path, form)],
        ['of another query', { ...call, path: `${call.path}${call.path.includes('?') ? '&' : '?'}x=1` }],
        ['of another text', { ...call, body: `${call.body}&Extra=1` }],
        ['of nothing', { ...call, headers: { ...call.headers, [SIGNATURE]: '' } }],
        ['of too little', { ...call, headers: { ...call.headers, [SIGNATURE]: 'AAAA' } }],
      ];
      for (const [why, bad] of wrong) {
        const answer = await desk.post(bad);
        expect([why, answer.status, answer.body.type]).toEqual([why, 403, '/problems/forbidden']);
      }
      const { [SIGNATURE]: signature = '', ...unsigned } = call.headers;
      expect((await desk.post({ ...call, headers: unsigned })).status).toBe(403);
      const doubled = request(desk.app.http).post(call.path).set(unsigned);
      expect((await doubled.set(SIGNATURE, [signature, signature] as never).send(call.body)).status).toBe(
        403,
      );
      expect(await traces()).toEqual(before);
    });

    it('is harmless when it comes again, also at the same time and to two processes', async () => {
      const beside = await desk.beside(engine);
      const call = await make();
      const before = await traces();
      await desk.post(call).expect(200);
      const after = await traces();
      const again = await Promise.all(
        [desk.app, beside, desk.app, beside].map((app) => desk.post(call, app)),
      );
      expect(again.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
      expect(await traces()).toEqual(after);
      expect(after).not.toEqual(before);
      await beside.close();
    });

    it('is refused when it is too large, compressed, of no message, or asked for', async () => {
      const call = await make();
      const path = call.path.split('?')[0] as string;
      const huge = signed(url(), path, { Body: 'x'.repeat(limits.twilioBodyBytes) });
      expect((await desk.post(huge)).status).toBe(413);
      for (const MessageSid of ['', 'SM123', `SM${'z'.repeat(32)}`, `CA${'1'.repeat(32)}`]) {
        const answer = await desk.post(signed(url(), path, { MessageSid, Body: 'x', From: '+38641555111' }));
        expect([answer.status, answer.body.errors]).toEqual([
          422,
          [{ path: 'MessageSid', message: 'is not the id of a message' }],
        ]);
      }
      expect((await desk.post(signed(url(), path, {}))).status).toBe(422);
      const zipped = { ...call, headers: { ...call.headers, 'Content-Encoding': 'gzip' } };
      expect((await desk.post(zipped)).status).toBe(415);
      const asked = await request(desk.app.http).get(path);
      expect([asked.status, asked.headers.allow]).toEqual([405, 'POST']);
    });

    it('is taken by nobody where there is no Twilio account', async () => {
      const without = await makeTestApp(engine, { beside: desk.app });
      const answer = await desk.post(await make(), without);
      expect([answer.status, answer.body.detail]).toEqual([403, 'No Twilio account is configured here.']);
      await without.close();
    });
  });

  it('is not answered with 200 before it is kept', async () => {
    const { db } = desk.app;
    const call = desk.twilio.brings({ from: desk.number(), body: 'Still there?' }, url());
    await db.schema.renameTable('inbound_sms', 'inbound_sms_away');
    let answer: Response;
    try {
      answer = await desk.post(call);
    } finally {
      await db.schema.renameTable('inbound_sms_away', 'inbound_sms');
    }
    expect([answer.status, answer.body.type]).toEqual([503, '/problems/unavailable']);
    await desk.post(call).expect(200);
  });

  describe('of a message that went out', () => {
    /** Every order of some statuses, each perhaps twice, and what they come to. */
    const ends: [string[], string, 'charged' | 'given back'][] = [
      [['queued', 'sent', 'delivered'], 'delivered', 'charged'],
      [['sent', 'undelivered'], 'failed', 'given back'],
      [['accepted', 'failed'], 'failed', 'given back'],
    ];
    const orders = <T>(list: T[]): T[][] =>
      list.length < 2
        ? [list]
        : list.flatMap((one, i) =>
            orders([...list.slice(0, i), ...list.slice(i + 1)]).map((r) => [one, ...r]),
          );
    const cases = ends.flatMap(([statuses, end, credits]) =>
      orders(statuses).map((order) => [order.join(', '), order, end, credits] as const),
    );

    it.each(cases)(
      '%s: in any order, and again, it comes to the same',
      async (_name, order, end, credits) => {
        const ana = await desk.somebody({ credits: 2 });
        const { id, resource } = await desk.send(await desk.ticket(ana));
        expect(await desk.credits(ana)).toEqual({ available: 1, held: 0, used: 1 });
        const bad = { errorCode: 30005 };
        for (const status of [...order, ...order]) {
          await desk.becomes(resource, status, status === 'undelivered' || status === 'failed' ? bad : {});
        }
        const message = await desk.message(id);
        expect(message.status).toBe(end);
        expect(message.failure).toBe(end === 'failed' ? 'the number is not in service (Twilio 30005)' : null);
        expect(await desk.credits(ana)).toEqual(
          credits === 'charged' ? { available: 1, held: 0, used: 1 } : { available: 2, held: 0, used: 0 },
        );
        const failures = (await desk.events({ id: message.ticketId })).filter(
          (type) => type === 'message.failed',
        );
        expect(failures).toHaveLength(end === 'failed' ? 1 : 0);
      },
    );

    it('what is delivered stays so, and no state that Zeton does not know changes anything', async () => {
      const ana = await desk.somebody({ credits: 1 });
      const { id, resource } = await desk.send(await desk.ticket(ana));
      await desk.becomes(resource, 'delivered');
      for (const status of ['undelivered', 'failed', 'receiving', 'dreaming', '<b>']) {
        await desk
          .post(
            signed(url(), `/webhooks/twilio/status?message=${id}`, {
              MessageSid: resource.sid,
              MessageStatus: status,
              ErrorCode: 'x',
            }),
          )
          .expect(200);
      }
      expect((await desk.message(id)).status).toBe('delivered');
      expect(await desk.credits(ana)).toEqual({ available: 0, held: 0, used: 1 });
    });

    it('may come before our request was answered: its id is ours by then', async () => {
      const ana = await desk.somebody({ credits: 1 });
      const { id } = await desk.reply(await desk.ticket(ana));
      const sid = inboundSid('early');
      const early = (MessageStatus: string) =>
        desk
          .post(signed(url(), `/webhooks/twilio/status?message=${id}`, { MessageSid: sid, MessageStatus }))
          .expect(200);
      await early('sent');
      expect(await desk.message(id)).toMatchObject({ status: 'sent', providerId: sid });
      expect(await desk.app.db('outbox').where({ message_id: id })).toEqual([]);
      await early('delivered');
      expect((await desk.message(id)).status).toBe('delivered');
      expect(await desk.credits(ana)).toEqual({ available: 0, held: 0, used: 1 });
    });

    it('settles what nobody could tell', async () => {
      const ana = await desk.somebody({ credits: 1 });
      const { id, resource } = await desk.send(await desk.ticket(ana));
      await desk.app.db('messages').where({ id }).update({ status: 'uncertain', provider_id: null });
      await desk.becomes(resource, 'delivered');
      expect(await desk.message(id)).toMatchObject({ status: 'delivered', providerId: resource.sid });
    });

    it('of another attempt, another system or nobody changes nothing, and is known by its id only', async () => {
      const ana = await desk.somebody({ credits: 1 });
      const { id } = await desk.send(await desk.ticket(ana));
      const stranger = inboundSid('of another system');
      const inbound = inboundSid('came in', false);
      await desk.gets({ from: ana.number, body: 'Hvala', sid: inbound });
      for (const [sid, message] of [
        [stranger, id],
        [stranger, 'nonsense'],
        [stranger, ''],
        [stranger, desk.app.ctx.ids.next()],
        [inbound, ''],
      ]) {
        const form = {
          MessageSid: sid as string,
          MessageStatus: 'failed',
          ErrorCode: '30003',
          To: ana.number,
        };
        await desk.post(signed(url(), `/webhooks/twilio/status?message=${message}`, form)).expect(200);
      }
      expect((await desk.message(id)).status).toBe('sent');
      expect(await desk.credits(ana)).toEqual({ available: 0, held: 0, used: 1 });
      expect(desk.app.logs()).toContain(stranger);
    });

    it('keeps what Twilio counts and bills beside ours: at once, and asked for when it is known', async () => {
      const { app, twilio } = desk;
      const ana = await desk.somebody({ credits: 1 });
      const { id, resource } = await desk.send(await desk.ticket(ana), 'č'.repeat(100));
      const report = () => app.db('sms_reports').where({ message_id: id }).first();
      expect(await report()).toMatchObject({ provider_id: resource.sid, segments: 1, price_micros: null });
      await desk.becomes(resource, 'delivered');
      // No callback tells of the price.
      twilio.becomes(resource, 'delivered', { price: '-0.07500', segments: 2, publicUrl: url() });
      await app.runJob('sms.reports');
      expect((await report()).price_micros).toBeNull();
      app.clock.advance({ minutes: 6 });
      await app.runJob('sms.reports');
      const known = await report();
      expect([known.segments, Number(known.price_micros), known.currency, known.ask_at]).toEqual([
        2,
        75_000,
        'EUR',
        null,
      ]);
    });

    it('is asked for where the callback was lost, a few times and no more', async () => {
      const { app, twilio } = desk;
      const ana = await desk.somebody({ credits: 2 });
      const ticket = await desk.ticket(ana);
      const lost = await desk.send(ticket);
      twilio.becomes(lost.resource, 'undelivered', { errorCode: 30003, publicUrl: url() });
      const silent = await desk.send(ticket, 'In še nekaj.');
      app.clock.advance({ minutes: 6 });
      await app.runJob('sms.reports');
      expect(await desk.message(lost.id)).toMatchObject({
        status: 'failed',
        failure: 'the phone cannot be reached (Twilio 30003)',
      });
      expect(await desk.credits(ana)).toEqual({ available: 1, held: 0, used: 1 });
      for (let days = 0; days < 4; days++) {
        app.clock.advance({ days: 1 });
        await app.runJob('sms.reports');
      }
      expect(await app.db('sms_reports').where({ message_id: silent.id }).first()).toMatchObject({
        asks: 3,
        ask_at: null,
      });
    });
  });
});
