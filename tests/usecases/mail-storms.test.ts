import { readAlarms } from '../../src/console/alarms.query';
import { verifyLedger } from '../../src/domain/credits';
import { makeSmtpGateway } from '../../src/gateways/email';
import { limits } from '../../src/platform/limits';
import { answerUnpaid } from '../../src/usecases/answer-unpaid';
import { describeEachEngine, type TestEngine } from '../support/databases';
import { MailWorld, mailOf, SUPPORT } from '../support/mail-world';
import { type ReceivedMail, SmtpPeer } from '../support/smtp-peer';

/** What goes out goes by SMTP, as it would; what comes back is made of those bytes. */
class Loop {
  readonly peer = new SmtpPeer();
  private fed = 0;
  private gateway!: ReturnType<typeof makeSmtpGateway>;

  private constructor(readonly world: MailWorld) {}

  static async of(engine: TestEngine, from = SUPPORT): Promise<Loop> {
    const { db, url } = await engine.freshDatabase();
    const loop = new Loop(await MailWorld.of(db, url));
    await loop.peer.listen();
    loop.gateway = makeSmtpGateway({ url: loop.peer.url, from, domain: 'localhost', limits });
    loop.world.ctx.gateways.email = loop.gateway;
    return loop;
  }

  async close(): Promise<void> {
    this.gateway.close();
    await this.peer.close();
  }

  /** What Zeton does by itself until it has nothing to do. */
  async run(): Promise<void> {
    await this.world.receive();
    await answerUnpaid(this.world.ctx, 'mail');
    while ((await this.world.deliver()) > 0);
  }

  /** What went out since it was asked last. */
  news(): ReceivedMail[] {
    const news = this.peer.received.slice(this.fed);
    this.fed = this.peer.received.length;
    return news;
  }
}

describeEachEngine('a storm of mails', (engine) => {
  let loop: Loop;
  const others: Loop[] = [];

  beforeEach(async () => {
    loop = await Loop.of(engine);
  });
  afterEach(async () => {
    for (const one of [loop, ...others.splice(0)]) {
      expect((await verifyLedger(one.world.db)).problems).toEqual([]);
      expect(await one.world.db('credit_entries').where({ type: 'capture' })).toEqual([]);
      await one.close();
    }
  });

  test('a responder that answers every mail, and does not say that it is one, gets one answer a day', async () => {
    const { world, peer } = loop;
    await world.keep(mailOf({ from: 'robot@elsewhere.example', subject: 'Order' }));
    await loop.run();
    expect(peer.received).toHaveLength(1);
    expect(peer.received[0]).toMatchObject({ to: 'robot@elsewhere.example' });
    const rounds = 2 * limits.mailsPerSenderHour;
    for (let round = 0; round < rounds; round++) {
      // It answers what came, and goes on by itself where nothing came.
      const [answered] = loop.news();
      await world.keep(
        mailOf({
          from: 'robot@elsewhere.example',
          subject: `Re: ${answered?.subject ?? 'Order'}`,
          headers: answered ? [`In-Reply-To: ${answered.messageId}`] : [],
        }),
      );
      await loop.run();
      world.ctx.clock.advance(30);
    }
    expect(peer.received).toHaveLength(1);
    // All of it stands in one ticket, and from some number on it calls nobody.
    expect(await world.db('messages').where({ direction: 'in' })).toHaveLength(rounds + 1);
    expect(await world.db('tickets').where({ unpaid: 1 })).toHaveLength(1);
    const storms = await world.db('inbound_mails').where({ storm: 1 });
    expect(storms).toHaveLength(rounds + 1 - limits.mailsPerSenderHour);
    const ticket = await world.db('tickets').where({ unpaid: 1 }).first();
    expect(ticket.version).toBe(limits.mailsPerSenderHour);
    const alarms = await readAlarms(world.db, world.ctx.clock.now(), null, []);
    expect(alarms).toEqual([
      expect.objectContaining({ kind: 'mail-storm', count: storms.length, ticket: ticket.number }),
    ]);
    // The next day it may be told once more.
    world.ctx.clock.advance(86_400);
    await world.keep(mailOf({ from: 'robot@elsewhere.example' }));
    await loop.run();
    expect(peer.received).toHaveLength(2);
  });

  test('of somebody who pays opens no more tickets from some number on, and leaves them where they are', async () => {
    const { world } = loop;
    await world.give('email', 1);
    const mails = limits.mailsPerSenderHour + 5;
    for (let n = 0; n < mails; n++) await world.keep(mailOf({ subject: `Alarm ${n}` }));
    await world.receive();
    expect(await world.db('messages').where({ direction: 'in' })).toHaveLength(mails);
    // The first one stands in the ticket that their order had opened.
    expect(await world.db('tickets')).toHaveLength(limits.mailsPerSenderHour);
    expect(await world.db('inbound_mails').where({ storm: 1 })).toHaveLength(5);
  });

  test('into one ticket from many senders is a storm too, and calls nobody any more', async () => {
    const { world } = loop;
    const { id: ticketId } = world.ticket;
    const created_at = world.ctx.clock.now().toISOString();
    const words = Array.from({ length: limits.mailsPerTicketHour }, (_, n) => ({
      ...{ id: world.ctx.ids.next(), ticket_id: ticketId, direction: 'in', channel: 'email' },
      ...{ kind: 'customer', author_kind: 'customer', author_id: '', author_name: 'Robot', body: `${n}` },
      ...{ status: 'received', attempts: 0, created_at },
    }));
    await world.db('messages').insert(words);
    await world.db('tickets').where({ id: ticketId }).update({ status: 'solved', unpaid: 1 });
    const before = await world.ticketRow();
    for (const from of ['alice@example.com', 'robot@elsewhere.example']) {
      const taken = await world.bring({ from, to: world.replyAddress() });
      expect(taken).toMatchObject({ storm: 1, status: 'done', answer_at: null });
      expect(await world.ticketRow()).toMatchObject({ status: 'solved', version: before.version });
    }
  });

  test('an absence notice for each notice of ours ends at once', async () => {
    const { world, peer } = loop;
    await world.keep(mailOf({ from: 'lea@elsewhere.example', subject: 'Help' }));
    await loop.run();
    for (let round = 0; round < 10; round++) {
      for (const mail of loop.news()) {
        await world.keep(
          mailOf({
            from: 'lea@elsewhere.example',
            subject: `Auto: ${mail.subject}`,
            headers: ['Auto-Submitted: auto-replied', `In-Reply-To: ${mail.messageId}`],
          }),
          { from: '' },
        );
      }
      await loop.run();
      world.ctx.clock.advance(86_400);
    }
    expect(peer.received).toHaveLength(1);
  });

  test('a mailbox that sends everything on to us is not taken for a customer, 200 times', async () => {
    const { world, peer } = loop;
    await world.keep(mailOf({ from: 'lea@elsewhere.example', subject: 'Help' }));
    await loop.run();
    const [sent] = loop.news();
    for (let round = 0; round < 200; round++) {
      await world.keep(Buffer.from(`${sent?.raw}\r\nbounced around ${round}\r\n`), { to: [SUPPORT] });
    }
    await loop.run();
    expect(peer.received).toHaveLength(1);
    expect(await world.db('inbound_mails').where({ class: 'own', status: 'ignored' })).toHaveLength(200);
    expect(await readAlarms(world.db, world.ctx.clock.now(), null, [])).toEqual([
      { kind: 'mail-loop', count: 200 - limits.mailsPerSenderHour, since: expect.any(String) },
    ]);
    expect(await readAlarms(world.db, world.ctx.clock.now(), [world.ctx.ids.next()], [])).toEqual([]);
    expect(await world.db('messages').where({ direction: 'in' })).toHaveLength(1);
  });

  test('two Zetons that take each other for customers stop after a mail each', async () => {
    const other = await Loop.of(engine, 'help@other.example');
    others.push(other);
    other.world.ctx.publicUrl = 'https://other.example';
    // Somebody forges the first one.
    await loop.world.keep(mailOf({ from: 'help@other.example', subject: 'Hello' }));
    for (let round = 0; round < 20; round++) {
      for (const one of [loop, other]) {
        await one.run();
        const peerOfOne = one === loop ? other : loop;
        for (const mail of one.news()) {
          await peerOfOne.world.keep(Buffer.from(mail.raw), mail.envelope);
        }
      }
    }
    expect(loop.peer.received.length + other.peer.received.length).toBeLessThanOrEqual(2);
  });

  test('spam with forged senders makes Zeton write to a few strangers a minute, and none of those of yesterday', async () => {
    const { world, peer } = loop;
    for (let n = 0; n < 40; n++) await world.keep(mailOf({ from: `victim${n}@elsewhere.example` }));
    await loop.run();
    expect(peer.received).toHaveLength(limits.unpaidAnswersPerMinute);
    world.ctx.clock.advance(limits.unpaidAnswerLateSeconds + 1);
    for (let minute = 0; minute < 10; minute++) await loop.run();
    expect(peer.received).toHaveLength(limits.unpaidAnswersPerMinute);
    expect(await world.db('inbound_mails').whereNotNull('answer_at')).toEqual([]);
  });
});

describeEachEngine('who writes by mail and has not paid', (engine) => {
  let world: MailWorld;

  beforeEach(async () => {
    const { db, url } = await engine.freshDatabase();
    world = await MailWorld.of(db, url);
  });

  const run = async () => {
    await world.receive();
    await answerUnpaid(world.ctx, 'mail');
    await world.deliver();
  };

  test('is told where to buy, in the waking hours of the store, from their ticket', async () => {
    world.ctx.clock.set('2026-11-21T01:00:00.000Z');
    const taken = await world.bring({ from: 'Lea <Lea@Elsewhere.example>', subject: 'How much is it?' });
    await run();
    expect(world.email.calls).toEqual([]);
    expect(taken.answer_at).toBe('2026-11-21T08:00:00.000Z');
    world.ctx.clock.set('2026-11-21T08:00:00.000Z');
    await run();
    await run();
    expect(world.email.calls).toHaveLength(1);
    const { ticketId } = await world.words(taken);
    expect(world.lastSent()).toMatchObject({ to: 'Lea@Elsewhere.example', kind: 'system', ticketId });
    // In the language of the shop's customers: nothing else is known of this one.
    expect(world.lastSent().subject).toMatch(/^Vaše sporočilo smo prejeli/);
    expect(world.lastSent().text).toContain(
      'Pozdravljeni, Lea,\n\nvaše sporočilo smo prejeli. Pomoč se plača vnaprej. Kupite jo tukaj s tem e-poštnim naslovom in odgovorili vam bomo:\nhttps://shop.example',
    );
    expect(await world.ticketRow(ticketId)).toMatchObject({ unpaid: 1, subject: 'How much is it?' });
  });

  test('who has bought meanwhile is not told', async () => {
    const taken = await world.bring({ from: 'lea@elsewhere.example' });
    const { ticketId } = await world.words(taken);
    await world.db('tickets').where({ id: ticketId }).update({ unpaid: 0 });
    await run();
    expect(world.email.calls).toEqual([]);
  });

  test('what asks not to be answered by a program is not', async () => {
    const taken = await world.bring({
      from: 'lea@elsewhere.example',
      headers: ['X-Auto-Response-Suppress: OOF'],
    });
    expect(taken).toMatchObject({ class: 'person', answer_at: null });
    expect((await world.words(taken)).mail.class).toBe('person');
  });
});
