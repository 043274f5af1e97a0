import { verifyLedger } from '../../src/domain/credits';
import { withTransaction } from '../../src/platform/db';
import { quoteReply } from '../../src/usecases/quote-reply';
import { replyToTicketIn } from '../../src/usecases/reply-to-ticket';
import { updateTicket } from '../../src/usecases/update-ticket';
import { describeEachEngine } from '../support/databases';
import { bob, MessagingWorld, refusalOf } from '../support/messaging-world';
import { makePackage } from '../support/shop';

describeEachEngine('replies', (engine) => {
  let world: MessagingWorld;

  beforeEach(async () => {
    const { db, url } = await engine.freshDatabase({ poolMax: 10 });
    world = await new MessagingWorld(db, url).open();
  });

  afterEach(async () => {
    expect((await verifyLedger(world.db)).problems).toEqual([]);
  });

  async function nothingHappened(): Promise<void> {
    expect(await world.db('messages')).toEqual([]);
    expect(await world.outbox()).toEqual([]);
    expect(await world.db('credit_holds')).toEqual([]);
    expect((await world.db('tickets').first()).version).toBe(1);
    expect((await world.events()).map(({ type }) => type)).toEqual(['ticket.opened']);
    expect(world.wakes).toBe(0);
  }

  it('holds a credit and queues the message, together', async () => {
    await world.give('sms', 10);
    world.ctx.clock.advance(60);
    const sent = await world.reply({ body: 'Živjo Alice', version: 1 });
    const [{ id: grantId }] = await world.db('credit_grants');
    const message = await world.message(sent.id);
    expect(sent).toEqual({
      id: sent.id,
      status: 'queued',
      ticketVersion: 2,
      charge: {
        meter: 'sms',
        quantity: 1,
        unit: 'message',
        holdId: message.holdId,
        grants: [{ grantId, meter: 'sms', credits: 1 }],
      },
      credits: { sms: 9, email: 0, video: 0, request: 0, any: 0 },
    });
    expect(message).toMatchObject({
      ticketId: world.ticket.id,
      direction: 'out',
      channel: 'sms',
      kind: 'reply',
      authorKind: 'staff',
      authorName: 'Bob',
      to: '+38641555100',
      subject: null,
      body: 'Živjo Alice',
      status: 'queued',
      attempts: 0,
      freeReason: null,
      sentAt: null,
      settledAt: null,
    });
    expect(await world.outbox()).toEqual([
      expect.objectContaining({ message_id: sent.id, channel: 'sms', attempts: 0, attempt_started_at: null }),
    ]);
    expect(await world.credits('sms')).toEqual({ available: 9, held: 1, used: 0 });
    expect(await world.db('tickets').first()).toMatchObject({
      status: 'pending',
      version: 2,
      first_replied_at: world.at(),
      last_message_at: world.at(),
    });
    expect((await world.events()).slice(1)).toEqual([
      { type: 'ticket.status_changed', facts: { from: 'new', to: 'pending' } },
      {
        type: 'message.queued',
        facts: { message_id: sent.id, channel: 'sms', hold_id: message.holdId, version_checked: true },
      },
    ]);
    expect(world.wakes).toBe(1);
  });

  it('writes e-mail under the ticket’s subject unless given another, one credit whatever the size', async () => {
    await world.give('email', 2);
    const first = await world.reply({ channel: 'email', body: 'x'.repeat(50_000) });
    const second = await world.reply({ channel: 'email', body: 'γειά 😀', subject: 'Re:\r\n Printer\n' });
    expect(first.charge).toMatchObject({ meter: 'email', quantity: 1, unit: 'message' });
    expect(await world.message(first.id)).toMatchObject({ to: 'alice@example.com', subject: 'Printer' });
    expect(await world.message(second.id)).toMatchObject({ subject: 'Re: Printer', body: 'γειά 😀' });
    expect(await world.credits('email')).toEqual({ available: 0, held: 2, used: 0 });
  });

  it('counts segments where the customer bought segments', async () => {
    await world.give('sms', 10, { smsUnit: 'segment' });
    const sent = await world.reply({ body: 'č'.repeat(135) });
    expect(sent.charge).toMatchObject({ quantity: 3, unit: 'segment', grants: [{ credits: 3 }] });
    expect(sent.credits.sms).toBe(7);
  });

  it('moves the first answer’s time and the status once, and wakes a solved ticket', async () => {
    await world.give('sms', 3);
    const { id: ticketId } = world.ticket;
    await world.reply();
    const firstRepliedAt = world.at();
    await updateTicket(world.ctx, bob, { ticketId, status: 'solved' });
    world.ctx.clock.advance(3600);
    await world.reply();
    await world.reply();
    expect(await world.db('tickets').first()).toMatchObject({
      status: 'pending',
      first_replied_at: firstRepliedAt,
      solved_at: null,
      last_message_at: world.at(),
      version: 5,
    });
    const changes = (await world.events()).filter(({ type }) => type.startsWith('ticket.'));
    expect(changes.map(({ facts }) => facts.to).filter(Boolean)).toEqual(['pending', 'solved', 'pending']);
  });

  it('notes in the history that the writer did not say what they had seen', async () => {
    await world.give('sms', 1);
    await world.reply({ version: undefined });
    expect((await world.events()).at(-1)).toMatchObject({
      type: 'message.queued',
      facts: { version_checked: false },
    });
  });

  it('keeps a note: free, seen by us only, and a later reply must have seen it', async () => {
    const note = await world.reply({ channel: 'note', body: 'She is in a hurry', version: 1 });
    expect(note).toMatchObject({ status: 'sent', ticketVersion: 2, charge: null });
    expect(await world.message(note.id)).toMatchObject({
      direction: 'internal',
      channel: 'note',
      kind: 'note',
      to: null,
      holdId: null,
      settledAt: world.at(),
    });
    expect(await world.db('tickets').first()).toMatchObject({ status: 'new', first_replied_at: null });
    expect(await world.outbox()).toEqual([]);
    await world.give('sms', 1);
    const { code, facts } = await refusalOf(world.reply({ version: 1 }));
    expect(code).toBe('stale-ticket');
    expect(facts).toEqual({
      version: 2,
      newest_message: {
        id: note.id,
        author_name: 'Bob',
        channel: 'note',
        body: 'She is in a hurry',
        created_at: world.at(),
      },
    });
    expect(await world.credits('sms')).toEqual({ available: 1, held: 0, used: 0 });
  });

  it('sends free of charge for a reason that is kept and audited', async () => {
    const sent = await world.reply({ freeReason: ' our\0mistake\n' });
    expect(sent).toMatchObject({ status: 'queued', charge: null });
    expect(await world.message(sent.id)).toMatchObject({ freeReason: 'our mistake', holdId: null });
    expect((await world.events()).at(-1)?.facts).toMatchObject({ free_reason: 'our mistake', hold_id: null });
    const audits = await world.db('audit_log').where({ action: 'message.sent_free' });
    expect(audits).toEqual([expect.objectContaining({ subject_id: sent.id, actor_name: 'Bob' })]);
    expect(await world.deliver()).toBe(1);
    expect(await world.message(sent.id)).toMatchObject({ status: 'sent' });
  });

  describe('refused, and nothing is held', () => {
    it('when there are no credits: what is missing, and where more is sold', async () => {
      await makePackage(world.ctx, world.store, 'SMS', { sms: 10 });
      await makePackage(
        world.ctx,
        world.store,
        'MAIL',
        { email: 5 },
        { match: { kind: 'product_id', value: '7' } },
      );
      const noLink = await refusalOf(world.reply());
      expect(noLink).toEqual({
        code: 'insufficient-credits',
        facts: { meter: 'sms', missing: 1, available: 0, top_up_url: null },
      });
      const pool = { match: { kind: 'variation_id', value: '31' } } as const;
      await makePackage(world.ctx, world.store, 'ANY', { any: 5 }, pool);
      expect((await refusalOf(world.reply())).facts.top_up_url).toBe('https://shop.example/?add-to-cart=31');
      const inactive = { active: false, match: { kind: 'product_id', value: '12' } } as const;
      await makePackage(world.ctx, world.store, 'OLD', { sms: 5 }, inactive);
      const sold = { match: { kind: 'product_id', value: '11' } } as const;
      await makePackage(world.ctx, world.store, 'SMS2', { sms: 5 }, sold);
      expect((await refusalOf(world.reply())).facts.top_up_url).toBe('https://shop.example/?add-to-cart=11');
      await world.db('stores').update({ url: null });
      expect((await refusalOf(world.reply())).facts.top_up_url).toBeNull();
      await nothingHappened();
    });

    it('when three segments meet two credits', async () => {
      await world.give('sms', 2, { smsUnit: 'segment' });
      const { facts } = await refusalOf(world.reply({ body: 'č'.repeat(135) }));
      expect(facts).toMatchObject({ missing: 1, available: 2 });
      await nothingHappened();
    });

    it.each([
      ['blank', { body: ' \n' }, 'invalid-request'],
      ['no text', { body: 'a\0' }, 'invalid-request'],
      ['longer than a provider joins', { body: 'a'.repeat(1531) }, 'message-too-long'],
      ['an SMS with a subject', { subject: 'Hello' }, 'invalid-request'],
      ['an e-mail with a blank subject', { channel: 'email', subject: ' ' }, 'invalid-request'],
      ['free for no reason', { freeReason: '  ' }, 'invalid-request'],
      ['free for 501 letters', { freeReason: 'x'.repeat(501) }, 'invalid-request'],
      ['a free note', { channel: 'note', freeReason: 'why' }, 'invalid-request'],
      ['an old version', { version: 2 }, 'stale-ticket'],
    ] as const)('%s', async (_name, input, code) => {
      await world.give('sms', 10);
      await world.give('email', 10);
      expect((await refusalOf(world.reply(input))).code).toBe(code);
      await nothingHappened();
    });

    it('on no ticket at all', async () => {
      expect((await refusalOf(world.reply({ ticketId: 'nobody' }))).code).toBe('not-found');
      expect((await refusalOf(world.reply({ ticketId: 'nobody', version: 1 }))).code).toBe('not-found');
    });

    it('on a closed ticket, whatever the channel', async () => {
      await world.give('sms', 1);
      await updateTicket(world.ctx, bob, { ticketId: world.ticket.id, status: 'closed' });
      for (const channel of ['sms', 'email', 'note'] as const) {
        expect((await refusalOf(world.reply({ channel }))).code).toBe('ticket-closed');
      }
      expect(await world.credits('sms')).toEqual({ available: 1, held: 0, used: 0 });
    });

    it('when the customer cannot be reached, also for free', async () => {
      const customer = await world.addCustomer({ email: '3@shop.invalid', phone_e164: null });
      const ticket = await world.addTicket(customer);
      await world.give('sms', 1, { to: customer });
      for (const input of [{}, { channel: 'email' }, { freeReason: 'why' }] as const) {
        const { code } = await refusalOf(world.reply({ ticketId: ticket.id, ...input }));
        expect(code).toBe('no-recipient');
      }
      expect(await world.credits('sms', customer)).toEqual({ available: 1, held: 0, used: 0 });
    });

    it('checks the version before the recipient, and the recipient before the credits', async () => {
      const customer = await world.addCustomer({ phone_e164: null });
      const ticket = await world.addTicket(customer);
      const order = async (input: object) =>
        (await refusalOf(world.reply({ ticketId: ticket.id, ...input }))).code;
      expect(await order({ version: 9 })).toBe('stale-ticket');
      expect(await order({ version: 1 })).toBe('no-recipient');
      expect(await order({ version: 1, channel: 'email' })).toBe('insufficient-credits');
    });
  });

  it('lets exactly one of fifty concurrent replies have the last credit', async () => {
    await world.give('sms', 1);
    const answers = await Promise.allSettled(Array.from({ length: 50 }, () => world.reply()));
    const refused = answers.filter((answer) => answer.status === 'rejected');
    expect(answers.length - refused.length).toBe(1);
    expect(refused.map(({ reason }) => reason.code)).toEqual(Array(49).fill('insufficient-credits'));
    expect(await world.credits('sms')).toEqual({ available: 0, held: 1, used: 0 });
    expect(await world.outbox()).toHaveLength(1);
    expect((await world.db('tickets').first()).version).toBe(2);
    expect(world.wakes).toBe(1);
  });

  it('lets exactly one of twenty have the last credit when each writes on another ticket', async () => {
    await world.give('any', 1);
    const tickets = [];
    for (let i = 0; i < 20; i++) tickets.push(await world.addTicket());
    const answers = await Promise.allSettled(
      tickets.map(({ id }, i) => world.reply({ ticketId: id, channel: i % 2 ? 'sms' : 'email' })),
    );
    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await world.credits('any')).toEqual({ available: 0, held: 1, used: 0 });
  });

  it('takes one answer of ten agents who all saw the same', async () => {
    await world.give('sms', 10);
    const answers = await Promise.allSettled(Array.from({ length: 10 }, () => world.reply({ version: 1 })));
    const refused = answers.filter((answer) => answer.status === 'rejected');
    expect(refused.map(({ reason }) => reason.code)).toEqual(Array(9).fill('stale-ticket'));
    expect(await world.credits('sms')).toEqual({ available: 9, held: 1, used: 0 });
  });

  it('leaves nothing, and wakes nobody, when the caller’s transaction fails afterwards', async () => {
    await world.give('sms', 1);
    const failing = withTransaction(world.db, async (trx) => {
      await replyToTicketIn(trx, world.ctx, bob, { ticketId: world.ticket.id, channel: 'sms', body: 'Hi' });
      throw new Error('power cut');
    });
    await expect(failing).rejects.toThrow('power cut');
    await nothingHappened();
    expect(await world.credits('sms')).toEqual({ available: 1, held: 0, used: 0 });
  });

  describe('quotes', () => {
    const quote = (input: Partial<Parameters<typeof quoteReply>[1]>) =>
      quoteReply(world.ctx, { ticketId: world.ticket.id, channel: 'sms', body: 'Živjo', ...input });

    it('say what an SMS would draw on and what is left, and set nothing aside', async () => {
      await world.give('sms', 5, { smsUnit: 'segment' });
      const asked = await quote({ body: 'č'.repeat(71) });
      expect(asked).toMatchObject({
        sms: { encoding: 'UCS-2', segments: 2, units: 71, unitsLeft: 63 },
        charge: {
          meter: 'sms',
          unit: 'segment',
          quantity: 2,
          credits: 2,
          grants: [{ meter: 'sms', credits: 2 }],
        },
        payable: true,
        missing: 0,
        topUpUrl: null,
        creditsNow: { sms: 5 },
        creditsAfter: { sms: 3 },
      });
      expect(await world.credits('sms')).toEqual({ available: 5, held: 0, used: 0 });
      const sent = await world.reply({ body: 'č'.repeat(71) });
      expect(sent.charge?.grants).toEqual(asked.charge?.grants);
      expect(sent.credits).toEqual(asked.creditsAfter);
    });

    it('say what is missing', async () => {
      await makePackage(
        world.ctx,
        world.store,
        'M',
        { email: 5 },
        { match: { kind: 'product_id', value: '7' } },
      );
      expect(await quote({ channel: 'email' })).toMatchObject({
        sms: null,
        charge: { meter: 'email', quantity: 1, grants: [] },
        payable: false,
        missing: 1,
        available: 0,
        topUpUrl: 'https://shop.example/?add-to-cart=7',
      });
    });

    it('say that notes are free', async () => {
      expect(await quote({ channel: 'note' })).toMatchObject({ charge: null, payable: true, missing: 0 });
    });

    it('are refused as the reply would be', async () => {
      expect((await refusalOf(quote({ ticketId: 'nobody' }))).code).toBe('not-found');
      expect((await refusalOf(quote({ body: ' ' }))).code).toBe('invalid-request');
      expect((await refusalOf(quote({ body: 'č'.repeat(671) }))).code).toBe('message-too-long');
    });
  });
});
