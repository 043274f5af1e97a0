import request from 'supertest';
import { adjust, balanceOf, verifyLedger } from '../../src/domain/credits';
import { findMessage } from '../../src/domain/messages';
import { findStoreBySlug } from '../../src/domain/stores';
import { openTicket } from '../../src/domain/tickets';
import type { Actor } from '../../src/platform/actor';
import { withTransaction } from '../../src/platform/db';
import { momentOf } from '../../src/usecases/context';
import { replyToTicket } from '../../src/usecases/reply-to-ticket';
import { makeTestApp, type TestApp, TOKEN } from '../support/app';
import { describeEachEngine } from '../support/databases';
import { SmtpPeer, type SmtpPlan } from '../support/smtp-peer';
import { ACCOUNT_SID, AUTH_TOKEN, TwilioDouble, type TwilioPlan } from '../support/twilio-double';

const bob: Actor = { kind: 'staff', id: 'bob', name: 'Bob' };
const SMTP_PASSWORD = 'smtp password of the tests';
const TEXT = 'Živjo 👋 שלום';

describeEachEngine('a reply by the real transports', (engine) => {
  let app: TestApp;
  let smtp: SmtpPeer;
  let twilio: TwilioDouble;
  let ticketId: string;
  let customerId: string;

  beforeEach(async () => {
    smtp = await new SmtpPeer({ user: 'help', password: SMTP_PASSWORD }).listen();
    twilio = await new TwilioDouble(() => app.clock.now()).listen();
    await open({
      SMTP_URL: smtp.url,
      MAIL_FROM: 'Help desk <help@shop.example>',
      TWILIO_ACCOUNT_SID: ACCOUNT_SID,
      TWILIO_AUTH_TOKEN: AUTH_TOKEN,
      TWILIO_FROM: '+38641555000',
      TWILIO_API_BASE_URL: twilio.url,
    });
  });

  afterEach(async () => {
    expect((await verifyLedger(app.db)).problems).toEqual([]);
    // Neither secrets nor who was written to, at any level.
    expect(app.logs()).not.toMatch(/alice@|41555100|Živjo|password of the tests|token-of-the-tests/);
    await app.close();
    await smtp.close();
    await twilio.close();
  });

  async function open(env: Record<string, string>): Promise<void> {
    app = await makeTestApp(engine, { env });
    const store = await findStoreBySlug(app.db, 'default');
    customerId = app.ctx.ids.next();
    const at = app.clock.now().toISOString();
    await app.db('customers').insert({
      id: customerId,
      store_id: store?.id,
      name: 'Alice Kupec',
      email: 'alice@example.com',
      phone_e164: '+38641555100',
      locale: 'sl',
      details_as_of: '{}',
      created_at: at,
      updated_at: at,
    });
    ticketId = await withTransaction(app.db, async (trx) => {
      const moment = momentOf(app.ctx, bob);
      for (const meter of ['sms', 'email'] as const) {
        await adjust(trx, moment, { customerId, meter, quantity: 2, kind: 'goodwill', reason: 'test' });
      }
      const subject = 'Tiskalnik';
      return (await openTicket(trx, moment, { storeId: store!.id, customerId, subject, origin: 'order' })).id;
    });
  }

  const reply = (channel: 'sms' | 'email') => replyToTicket(app.ctx, bob, { ticketId, channel, body: TEXT });

  async function credits(meter: 'sms' | 'email') {
    const { available, held, used } = (await balanceOf(app.db, customerId))[meter];
    return { available, held, used };
  }

  it('arrives, and is charged', async () => {
    const [sms, mail] = [await reply('sms'), await reply('email')];
    await app.drain();
    const callback = `https://help.example.com/webhooks/twilio/status?message=${sms.id}`;
    expect(twilio.requests).toEqual([
      { To: '+38641555100', From: '+38641555000', Body: TEXT, StatusCallback: callback },
    ]);
    expect(smtp.received).toEqual([
      expect.objectContaining({
        envelope: { from: 'help@shop.example', to: ['alice@example.com'] },
        messageId: `<${mail.id}@help.example.com>`,
        from: expect.stringMatching(/^Bob, .+ <help@shop\.example>$/),
        subject: expect.stringMatching(/^Tiskalnik \[#\d+\]$/),
        text: TEXT,
      }),
    ]);
    expect(await findMessage(app.db, sms.id)).toMatchObject({
      status: 'sent',
      providerId: twilio.messages[0]?.sid,
    });
    expect(await findMessage(app.db, mail.id)).toMatchObject({ status: 'sent', providerId: 'Q1ABC' });
    expect(await credits('sms')).toEqual({ available: 1, held: 0, used: 1 });
    expect(await credits('email')).toEqual({ available: 1, held: 0, used: 1 });
    expect(await app.db('sandbox_messages')).toEqual([]);
  });

  it('gives its credit back when it is refused, and says why', async () => {
    twilio.plan.push({ status: 400, code: 21610 });
    smtp.plan.push({ code: 550, words: '5.1.1 <alice@example.com> unknown' });
    const [sms, mail] = [await reply('sms'), await reply('email')];
    expect(await credits('sms')).toEqual({ available: 1, held: 1, used: 0 });
    await app.drain();
    expect(await findMessage(app.db, sms.id)).toMatchObject({
      status: 'failed',
      failure: 'the recipient answered STOP and takes no more SMS from us (Twilio 21610)',
    });
    expect(await findMessage(app.db, mail.id)).toMatchObject({
      status: 'failed',
      failure: 'there is no such mailbox (550 5.1.1)',
    });
    expect(await credits('sms')).toEqual({ available: 2, held: 0, used: 0 });
    expect(await credits('email')).toEqual({ available: 2, held: 0, used: 0 });
  });

  it('arrives later when it could not be sent at first', async () => {
    twilio.plan.push({ status: 429, code: 20429 });
    smtp.plan.push({ code: 451, words: '4.7.1 Greylisted' });
    await reply('sms');
    await reply('email');
    await app.drain();
    expect([twilio.messages.length, smtp.received.length]).toEqual([0, 0]);
    app.clock.advance(3600);
    await app.drain();
    expect([twilio.messages.length, smtp.received.length]).toEqual([1, 1]);
    expect(await credits('sms')).toEqual({ available: 1, held: 0, used: 1 });
    expect(await credits('email')).toEqual({ available: 1, held: 0, used: 1 });
  });

  it.each([
    ['took', 'keep, then drop', 1],
    ['did not take', 'drop', 2],
  ] as const)(
    'reaches the phone once, charged once, when the line breaks and Twilio %s it',
    async (_, plan, asked) => {
      twilio.plan.push(plan);
      const { id } = await reply('sms');
      await app.drain();
      expect(await credits('sms')).toEqual({ available: 1, held: 1, used: 0 });
      app.clock.advance(3600);
      await app.drain();
      expect(twilio.requests).toHaveLength(asked);
      expect(twilio.messages).toHaveLength(1);
      expect(await findMessage(app.db, id)).toMatchObject({
        status: 'sent',
        providerId: twilio.messages[0]?.sid,
      });
      expect(await credits('sms')).toEqual({ available: 1, held: 0, used: 1 });
    },
  );

  it('is repeated under its Message-ID, and charged once, when the mail server took it and the line broke', async () => {
    smtp.plan.push('keep, then drop');
    const { id } = await reply('email');
    await app.drain();
    expect(await credits('email')).toEqual({ available: 1, held: 1, used: 0 });
    app.clock.advance(3600);
    await app.drain();
    const messageId = `<${id}@help.example.com>`;
    expect(smtp.received.map((mail) => mail.messageId)).toEqual([messageId, messageId]);
    expect(await credits('email')).toEqual({ available: 1, held: 0, used: 1 });
  });

  it('is left to a person, with the reason, when the mail server may have it and then refuses it', async () => {
    smtp.plan.push('keep, then drop', { code: 550, words: '5.7.1 <alice@example.com> twice' });
    const { id } = await reply('email');
    await app.drain();
    app.clock.advance(3600);
    await app.drain();
    const shown = await request(app.http)
      .get(`/api/v1/messages/${id}`)
      .set('Authorization', `Bearer ${TOKEN}`);
    expect(shown.body).toMatchObject({
      status: 'uncertain',
      failure:
        'the mail server refused it by its rules (sender, content or reputation) (550 5.7.1); ' +
        'an earlier attempt was not answered',
      attempts: 2,
      charge: { meter: 'email', quantity: 1 },
      given_back: null,
    });
    expect(await credits('email')).toEqual({ available: 1, held: 1, used: 0 });
    expect(await metric('zeton_messages_uncertain')).toBe(1);
  });

  it('goes out once, in its order, after both providers were down for an hour', async () => {
    const calls: TwilioPlan[] = [
      'drop',
      { status: 503, code: 20503 },
      { text: '<h1>Sorry</h1>', type: 'text/html' },
    ];
    twilio.plan.push(...Array.from({ length: 999 }, (_, n) => calls[n % 3] as TwilioPlan));
    twilio.wrongLooks = { text: '<h1>Sorry</h1>', type: 'text/html' };
    const words: SmtpPlan[] = [
      { code: 421, words: '4.3.2 closing', at: 'greeting' },
      'drop before data',
      { code: 421, words: '4.3.2 closing' },
    ];
    smtp.plan.push(...Array.from({ length: 999 }, (_, n) => words[n % 3] as SmtpPlan));
    const [sms, mails] = [
      [await reply('sms'), await reply('sms')],
      [await reply('email'), await reply('email')],
    ];
    for (let minute = 0; minute < 60; minute += 2) {
      await app.drain();
      app.clock.advance(120);
    }
    expect([twilio.messages.length, smtp.received.length]).toEqual([0, 0]);
    for (const channel of ['sms', 'email'] as const) {
      expect(await credits(channel)).toEqual({ available: 0, held: 2, used: 0 });
      expect(await metric(`zeton_outbox_age_seconds{channel="${channel}"}`)).toBe(3600);
      expect(await metric(`zeton_outbox_circuit_open{channel="${channel}"}`)).toBe(1);
      expect(await metric(`zeton_outbox_under_way{channel="${channel}"}`)).toBe(0);
    }
    twilio.plan.length = 0;
    twilio.wrongLooks = null;
    smtp.plan.length = 0;
    for (let minute = 0; minute < 10; minute++) {
      await app.drain();
      app.clock.advance(60);
    }
    expect(smtp.received.map((mail) => mail.headers.get('x-zeton-message'))).toEqual(
      mails.map(({ id }) => id),
    );
    const sids = await Promise.all(sms.map(async ({ id }) => (await findMessage(app.db, id))?.providerId));
    expect(sids).toEqual(twilio.messages.map(({ sid }) => sid));
    expect(sids).toHaveLength(2);
    for (const channel of ['sms', 'email'] as const) {
      expect(await credits(channel)).toEqual({ available: 0, held: 0, used: 2 });
      expect(await metric(`zeton_outbox_age_seconds{channel="${channel}"}`)).toBe(0);
      expect(await metric(`zeton_outbox_circuit_open{channel="${channel}"}`)).toBe(0);
    }
  });

  it('waits as long as Twilio says, while mail goes out', async () => {
    twilio.plan.push({ status: 429, code: 20429, headers: { 'Retry-After': '300' } });
    const { id } = await reply('sms');
    await app.drain();
    app.clock.advance(299);
    await reply('email');
    await app.drain();
    expect([twilio.requests.length, smtp.received.length]).toEqual([1, 1]);
    expect(await findMessage(app.db, id)).toMatchObject({
      status: 'queued',
      failure: 'Twilio takes no more requests at the moment (20429)',
    });
    app.clock.advance(1);
    await app.drain();
    expect(await findMessage(app.db, id)).toMatchObject({ status: 'sent' });
  });

  it('of one channel is sent by the running jobs while the other provider says nothing', async () => {
    twilio.plan.push('keep, then never answer');
    await reply('sms');
    app.start();
    await until(() => twilio.requests.length === 1);
    await reply('email');
    app.ctx.wake('outbox');
    await until(() => smtp.received.length === 1);
    expect(app.ctx.lanes.sms.underWay.size).toBe(1);
    // Twilio's line breaks, so that the app can close.
    twilio.dropAll();
    await until(() => app.ctx.lanes.sms.underWay.size === 0);
  });

  async function metric(name: string): Promise<number> {
    const { text } = await request(app.http).get('/metrics').set('Authorization', `Bearer ${TOKEN}`);
    const line = text.split('\n').find((one) => one.startsWith(`${name} `));
    return Number(line?.slice(name.length + 1));
  }

  it('leaves the channel that is not configured to the sandbox, and says so once at the start', async () => {
    await app.close();
    await open({ SMTP_URL: smtp.url });
    app.start();
    await reply('sms');
    await reply('email');
    await until(() => smtp.received.length === 1);
    await app.drain();
    expect(smtp.received).toHaveLength(1);
    expect(twilio.requests).toEqual([]);
    expect(await app.db('sandbox_messages')).toEqual([expect.objectContaining({ channel: 'sms' })]);
    const lines = app
      .logs()
      .split('\n')
      .filter((line) => line.includes('"transports"'));
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      expect.objectContaining({ mail: 'smtp', sms: 'sandbox' }),
    ]);
  });
});

async function until(isSo: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!isSo()) {
    if (Date.now() > deadline) throw new Error('it never came to that');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
