import { verifyLedger } from '../../src/domain/credits';
import { addMessage } from '../../src/domain/messages';
import { systemActor } from '../../src/platform/actor';
import { withTransaction } from '../../src/platform/db';
import { limits } from '../../src/platform/limits';
import { type Context, momentOf } from '../../src/usecases/context';
import { settleMessage, settleUncertain } from '../../src/usecases/settle-message';
import { describeEachEngine } from '../support/databases';
import { bob, MessagingWorld, refusalOf } from '../support/messaging-world';

const CHANNELS = ['sms', 'email'] as const;
const noAnswer = () => Promise.reject(new Error('socket hang up'));
const notNow = () => Promise.resolve({ kind: 'temporary' as const, reason: '503' });

function signal(): { given: Promise<void>; give: () => void } {
  let give = () => {};
  const given = new Promise<void>((resolve) => {
    give = resolve;
  });
  return { given, give };
}

describeEachEngine('the outbox', (engine) => {
  let world: MessagingWorld;

  beforeEach(async () => {
    const { db, url } = await engine.freshDatabase();
    world = await new MessagingWorld(db, url).open();
    await world.give('sms', 10);
    await world.give('email', 10);
  });

  afterEach(async () => {
    expect((await verifyLedger(world.db)).problems).toEqual([]);
    // What is settled for good is in no outbox, and its hold is settled as well.
    const settled = await world
      .db('messages')
      .leftJoin('outbox', 'outbox.message_id', 'messages.id')
      .leftJoin('credit_holds', 'credit_holds.id', 'messages.hold_id')
      .whereIn('messages.status', ['sent', 'delivered', 'failed'])
      .where((q) => q.whereNotNull('outbox.message_id').orWhere('credit_holds.status', 'held'));
    expect(settled).toEqual([]);
  });

  /** An SMS to a number, or a mail to an address, at which the sandbox plays a failure. */
  async function replyTo(details: { email?: string; phone_e164?: string }, channel: 'sms' | 'email') {
    const customer = await world.addCustomer(details);
    const ticket = await world.addTicket(customer);
    await world.give(channel, 1, { to: customer });
    const { id } = await world.reply({ ticketId: ticket.id, channel });
    return { id, ticketId: ticket.id, credits: () => world.credits(channel, customer) };
  }

  function leaseIsOver(): void {
    world.ctx.clock.advance(limits.leaseSeconds + 1);
  }

  it('sends an SMS once, and charges it', async () => {
    const { id } = await world.reply({ body: 'Živjo' });
    world.ctx.clock.advance(1);
    expect(await world.deliver()).toBe(1);
    expect(await world.deliver()).toBe(0);
    expect(await world.message(id)).toMatchObject({
      status: 'sent',
      attempts: 1,
      providerId: `sandbox:${id}`,
      failure: null,
      sentAt: world.at(),
      settledAt: world.at(),
    });
    expect(await world.holdOf(id)).toMatchObject({ status: 'captured', capturedQuantity: 1 });
    expect(await world.credits('sms')).toEqual({ available: 9, held: 0, used: 1 });
    expect(await world.sandbox()).toEqual([
      {
        id: expect.any(String),
        messageId: id,
        channel: 'sms',
        to: '+38641555100',
        from: 'Zeton',
        subject: null,
        text: 'Živjo',
        ticketId: world.ticket.id,
        replyTo: null,
        kind: 'reply',
        at: world.at(),
      },
    ]);
    expect((await world.db('tickets').first()).version).toBe(2);
  });

  it('sends an e-mail under a Message-ID that stays the same', async () => {
    const { id } = await world.reply({ channel: 'email', body: 'Dober dan' });
    world.email.plan = [notNow];
    await world.deliver();
    world.ctx.clock.advance(2);
    await world.deliver();
    const messageId = `<${id}@localhost>`;
    expect(world.email.calls.map((call) => call.messageId)).toEqual([messageId, messageId]);
    expect(await world.message(id)).toMatchObject({ status: 'sent', attempts: 2, providerId: messageId });
    expect(await world.sandbox()).toEqual([
      expect.objectContaining({
        from: 'Bob, Trgovina <support@localhost>',
        to: 'alice@example.com',
        subject: `Printer [#${world.ticket.number}]`,
        text: 'Dober dan',
      }),
    ]);
  });

  it('sends Zeton’s own mail and charges nothing', async () => {
    const added = await withTransaction(world.db, (trx) =>
      addMessage(trx, momentOf(world.ctx, systemActor), {
        ticketId: world.ticket.id,
        direction: 'out',
        channel: 'email',
        kind: 'system',
        messageKey: 'greeting',
        to: 'alice@example.com',
        subject: 'Welcome',
        body: 'We have your order.',
        status: 'queued',
      }),
    );
    await world.deliver();
    expect(await world.sandbox()).toEqual([
      expect.objectContaining({ messageId: added?.id, kind: 'system' }),
    ]);
    expect(await world.credits('email')).toEqual({ available: 10, held: 0, used: 0 });
  });

  describe('when the provider says no', () => {
    it.each([
      ['sms', { phone_e164: '+38641550000' }],
      ['email', { email: 'Bounce.me@example.com' }],
    ] as const)('%s: gives the credit back at once, with the reason', async (channel, details) => {
      const { id, ticketId, credits } = await replyTo(details, channel);
      await world.deliver();
      expect(await world.message(id)).toMatchObject({
        status: 'failed',
        attempts: 1,
        sentAt: null,
        failure: expect.stringContaining('the sandbox rejects every'),
      });
      expect(await credits()).toEqual({ available: 1, held: 0, used: 0 });
      expect((await world.events(ticketId)).at(-1)).toMatchObject({
        type: 'message.failed',
        facts: { message_id: id, channel, credit_given_back: true },
      });
      expect((await world.holdOf(id))?.reason).toContain('the sandbox rejects every');
      expect(await world.sandbox()).toEqual([]);
    });

    it('tries again later and later, then gives up and gives the credit back', async () => {
      const { id, credits } = await replyTo({ phone_e164: '+38641559999' }, 'sms');
      const waits: number[] = [];
      for (let attempt = 1; attempt < limits.outboxAttempts; attempt++) {
        expect(await world.deliver()).toBe(1);
        expect(await world.message(id)).toMatchObject({ status: 'queued', attempts: attempt });
        const [row] = await world.outbox();
        expect(row).toMatchObject({ attempts: attempt, lease_owner: null, attempt_started_at: null });
        const wait = (Date.parse(row?.next_attempt_at as string) - Date.parse(world.at())) / 1000;
        waits.push(wait);
        world.ctx.clock.advance(wait - 1);
        expect(await world.deliver()).toBe(0);
        expect(await credits()).toEqual({ available: 0, held: 1, used: 0 });
        world.ctx.clock.advance(1);
      }
      expect(waits).toEqual([2, 4, 8, 16, 32, 64, 128]);
      await world.deliver();
      expect(await world.message(id)).toMatchObject({
        status: 'failed',
        attempts: limits.outboxAttempts,
        failure: expect.stringContaining('after 8 attempts'),
      });
      expect(await credits()).toEqual({ available: 1, held: 0, used: 0 });
    });

    it('gives a free message’s failure to the history without speaking of a credit', async () => {
      const customer = await world.addCustomer({ phone_e164: '+38641550000' });
      const ticket = await world.addTicket(customer);
      await world.reply({ ticketId: ticket.id, freeReason: 'sorry' });
      await world.deliver();
      expect((await world.events(ticket.id)).at(-1)).toMatchObject({
        type: 'message.failed',
        facts: { credit_given_back: false },
      });
    });
  });

  describe('when nobody knows whether it was sent', () => {
    it('marks the attempt, committed, before the provider is called', async () => {
      const { id } = await world.reply();
      let seen: unknown[] = [];
      world.sms.plan = [
        async (toSandbox) => {
          seen = await world.asOtherProcess(async ({ db }) => [
            await db('outbox').first('message_id', 'attempt_started_at', 'attempts'),
            await db('messages').first('status', 'attempts'),
          ]);
          return toSandbox();
        },
      ];
      await world.deliver();
      expect(seen).toEqual([
        { message_id: id, attempt_started_at: world.at(), attempts: 1 },
        { status: 'sending', attempts: 1 },
      ]);
    });

    it.each(CHANNELS)(
      '%s: a worker dies after the provider took it: sent once, charged once',
      async (channel) => {
        const { id } = await world.reply({ channel });
        await world.workerDiesAfter(channel, 'taking the message');
        expect(await world.message(id)).toMatchObject({ status: 'sending', attempts: 1 });
        expect(await world.credits(channel)).toEqual({ available: 9, held: 1, used: 0 });
        expect(await world.deliver()).toBe(0); // the lease still runs
        leaseIsOver();
        expect(await world.deliver()).toBe(1);
        expect(await world.message(id)).toMatchObject({ status: 'sent' });
        expect(await world.sandbox()).toHaveLength(1);
        expect(await world.credits(channel)).toEqual({ available: 9, held: 0, used: 1 });
        // A mail goes out again under its Message-ID; an SMS is looked up instead.
        expect(world[channel].calls).toHaveLength(channel === 'sms' ? 1 : 2);
      },
    );

    it.each(CHANNELS)('%s: a worker dies before the provider took it: sent by the next', async (channel) => {
      const { id } = await world.reply({ channel });
      await world.workerDiesAfter(channel, 'nothing');
      expect(await world.sandbox()).toEqual([]);
      leaseIsOver();
      await world.deliver();
      expect(await world.message(id)).toMatchObject({ status: 'sent' });
      expect(await world.sandbox()).toHaveLength(1);
    });

    it('an SMS whose request was cut off is looked up before it is sent again', async () => {
      const { id } = await world.reply();
      world.sms.plan = [async (toSandbox) => toSandbox().then(noAnswer)];
      await world.deliver();
      expect(await world.message(id)).toMatchObject({ status: 'sending' });
      world.ctx.clock.advance(limits.unknownOutcomeWaitSeconds);
      await world.deliver();
      expect(await world.message(id)).toMatchObject({
        status: 'sent',
        providerId: `sandbox:${id}`,
        attempts: 2,
      });
      expect(world.sms.calls).toHaveLength(1);
      expect(await world.credits('sms')).toEqual({ available: 9, held: 0, used: 1 });
    });

    it('an SMS that never arrived is sent again', async () => {
      const { id } = await world.reply();
      world.sms.plan = Array(limits.outboxAttempts - 1).fill(noAnswer);
      for (let i = 1; i < limits.outboxAttempts; i++) {
        await world.deliver();
        expect(await world.message(id)).toMatchObject({ status: 'sending', attempts: i });
        world.ctx.clock.advance(3600);
      }
      await world.deliver();
      expect(await world.message(id)).toMatchObject({ status: 'sent', attempts: limits.outboxAttempts });
    });

    it('an SMS that never arrives fails after the last attempt, and its credit is given back', async () => {
      const { id } = await world.reply();
      world.sms.plan = Array(limits.outboxAttempts).fill(noAnswer);
      for (let i = 0; i <= limits.outboxAttempts; i++) {
        await world.deliver();
        world.ctx.clock.advance(3600);
      }
      expect(world.sms.calls).toHaveLength(limits.outboxAttempts);
      expect(await world.message(id)).toMatchObject({ status: 'failed' });
      expect(await world.credits('sms')).toEqual({ available: 10, held: 0, used: 0 });
    });

    it('a mail without an answer is sent again; after the last attempt it is uncertain, and its credit stays held', async () => {
      const { id } = await world.reply({ channel: 'email' });
      world.email.plan = Array(limits.outboxAttempts).fill(noAnswer);
      for (let i = 1; i <= limits.outboxAttempts; i++) {
        await world.deliver();
        world.ctx.clock.advance(3600);
      }
      expect(world.email.calls).toHaveLength(limits.outboxAttempts);
      expect(new Set(world.email.calls.map((call) => call.messageId)).size).toBe(1);
      await expectUncertain(id, 'email');
      expect((await world.message(id)).failure).toBe(
        'no answer from the provider (Error) (after 8 attempts)',
      );
    });

    it('an SMS stays uncertain, and its credit held, when the provider cannot be asked', async () => {
      const { id } = await world.reply();
      world.sms.plan = [noAnswer];
      const { findSent: _, ...sms } = world.ctx.gateways.sms;
      world.ctx.gateways.sms = sms;
      await world.deliver();
      await expectUncertain(id);
    });

    it.each([
      ['cannot tell', { kind: 'unknown' as const }],
      ['has two that nobody else claims', { kind: 'found' as const, providerIds: ['SM1', 'SM2'] }],
    ])('an SMS stays uncertain when the provider %s', async (_name, answer) => {
      const { id } = await world.reply();
      world.sms.plan = [noAnswer];
      world.ctx.gateways.sms.findSent = () => Promise.resolve(answer);
      await world.deliver();
      world.ctx.clock.advance(limits.unknownOutcomeWaitSeconds);
      await world.deliver();
      await expectUncertain(id);
      expect(world.sms.calls).toHaveLength(1);
    });

    it('an SMS stays uncertain when the look-up itself is never answered', async () => {
      const { id } = await world.reply();
      world.sms.plan = [noAnswer];
      world.ctx.gateways.sms.findSent = noAnswer;
      for (let hour = 0; hour < limits.outboxGiveUpDays * 24; hour++) {
        await world.deliver();
        expect(await world.message(id)).toMatchObject({ status: 'sending' });
        world.ctx.clock.advance(3600);
      }
      await world.deliver();
      await expectUncertain(id);
      expect((await world.message(id)).failure).toBe('no answer to the look-up (Error) (for 3 days)');
      expect(world.sms.calls).toHaveLength(1);
    });

    it('a text that was sent before under another message is not taken for this one', async () => {
      const first = await world.reply({ body: 'Hvala' });
      await world.deliver();
      const second = await world.reply({ body: 'Hvala' });
      world.sms.plan = [noAnswer];
      const since: string[] = [];
      world.ctx.gateways.sms.findSent = async (question) => {
        since.push(question.since);
        if (since.length === 1) return noAnswer();
        return { kind: 'found', providerIds: [`sandbox:${first.id}`] };
      };
      const startedAt = world.at();
      for (const wait of [15, 15, 0]) {
        await world.deliver();
        world.ctx.clock.advance(wait);
      }
      // Always since the attempt whose outcome is unknown, not since the last time somebody asked.
      expect(since).toEqual([startedAt, startedAt]);
      expect(await world.message(second.id)).toMatchObject({
        status: 'sent',
        providerId: `sandbox:${second.id}`,
      });
      expect(await world.sandbox()).toHaveLength(2);
    });

    it('a mail that ends its worker every time is left to a person', async () => {
      const { id } = await world.reply({ channel: 'email' });
      for (let i = 1; i <= limits.outboxAttempts; i++) {
        await world.workerDiesAfter('email', 'nothing');
        leaseIsOver();
      }
      await world.deliver();
      await expectUncertain(id, 'email');
      expect(world.email.calls).toEqual([]);
    });

    async function expectUncertain(id: string, channel: 'sms' | 'email' = 'sms'): Promise<void> {
      expect(await world.message(id)).toMatchObject({ status: 'uncertain', settledAt: null });
      expect(await world.outbox()).toEqual([]);
      expect(await world.credits(channel)).toEqual({ available: 9, held: 1, used: 0 });
      expect((await world.events()).at(-1)).toMatchObject({
        type: 'message.uncertain',
        facts: { message_id: id, channel },
      });
    }
  });

  describe('many workers', () => {
    it('send each message once, each ticket’s in their order', async () => {
      await world.give('sms', 50);
      const tickets = [world.ticket];
      for (let i = 1; i < 8; i++) tickets.push(await world.addTicket());
      const written: string[] = [];
      for (let round = 0; round < 4; round++) {
        for (const { id: ticketId } of tickets) written.push((await world.reply({ ticketId })).id);
      }
      const work = async (ctx: Context) => {
        // Empty rounds happen while the other one works on what is next.
        for (let empty = 0; empty < 3; ) {
          empty = (await world.deliver(ctx, 5)) === 0 ? empty + 1 : 0;
        }
      };
      await Promise.all([world.asOtherProcess(work), world.asOtherProcess(work), world.asOtherProcess(work)]);
      await work(world.ctx);
      expect(world.sms.calls.map((call) => call.id).sort()).toEqual([...written].sort());
      expect(await world.sandbox()).toHaveLength(32);
      for (const { id } of tickets) {
        const order = world.sms.calls.filter((call) => call.ticketId === id).map((call) => call.id);
        expect(order).toEqual([...order].sort());
      }
      expect(await world.credits('sms')).toEqual({ available: 28, held: 0, used: 32 });
    });

    it('leave a message alone while an older one of its ticket and channel waits; other tickets and channels go on', async () => {
      const other = await world.addTicket();
      const first = await world.reply();
      const second = await world.reply();
      const mail = await world.reply({ channel: 'email' });
      const elsewhere = await world.reply({ ticketId: other.id });
      world.sms.plan = [notNow];
      expect(await world.deliver()).toBe(3);
      const status = async () =>
        Promise.all([first, second, mail, elsewhere].map(async ({ id }) => (await world.message(id)).status));
      expect(await status()).toEqual(['queued', 'queued', 'sent', 'sent']);
      expect(await world.deliver()).toBe(0);
      world.ctx.clock.advance(2);
      expect(await world.deliver()).toBe(1);
      expect(await world.deliver()).toBe(1);
      expect(await status()).toEqual(['sent', 'sent', 'sent', 'sent']);
    });

    it.each(['rejected', 'temporary'] as const)(
      'do not listen to one that was too slow, when another one is at it (%s)',
      async (kind) => {
        const { id } = await world.reply({ channel: 'email' });
        const taken = signal();
        const goOn = signal();
        let other: Promise<number> = Promise.resolve(0);
        world.email.plan = [
          async () => {
            leaseIsOver();
            other = world.deliver();
            await taken.given;
            return { kind, reason: 'too late' };
          },
          async (toSandbox) => {
            taken.give();
            await goOn.given;
            return toSandbox();
          },
        ];
        await world.deliver();
        expect(await world.message(id)).toMatchObject({ status: 'sending', attempts: 2, failure: null });
        expect(await world.outbox()).toEqual([expect.objectContaining({ lease_owner: expect.any(String) })]);
        goOn.give();
        expect(await other).toBe(1);
        expect(await world.message(id)).toMatchObject({ status: 'sent' });
        expect(await world.credits('email')).toEqual({ available: 9, held: 0, used: 1 });
      },
    );

    it('believe one that was too slow when it brings good news', async () => {
      const { id } = await world.reply({ channel: 'email' });
      world.email.plan = [
        async (toSandbox) => {
          leaseIsOver();
          world.email.plan = [notNow];
          await world.deliver();
          return toSandbox();
        },
      ];
      await world.deliver();
      expect(await world.message(id)).toMatchObject({ status: 'sent', failure: null });
      expect(await world.outbox()).toEqual([]);
      expect(await world.credits('email')).toEqual({ available: 9, held: 0, used: 1 });
    });
  });

  describe('what becomes of it later', () => {
    async function sent(): Promise<string> {
      const { id } = await world.reply();
      await world.deliver();
      return id;
    }

    it('a failure after it was charged is given back by compensating entries, once', async () => {
      const messageId = await sent();
      for (let i = 0; i < 3; i++) {
        await settleMessage(world.ctx, { messageId, outcome: 'failed', reason: '30003 unreachable' });
      }
      expect(await world.message(messageId)).toMatchObject({
        status: 'failed',
        failure: '30003 unreachable',
      });
      expect(await world.holdOf(messageId)).toMatchObject({
        status: 'reversed',
        reason: '30003 unreachable',
      });
      expect(await world.credits('sms')).toEqual({ available: 10, held: 0, used: 0 });
      expect((await world.events()).filter(({ type }) => type === 'message.failed')).toHaveLength(1);
    });

    it('“delivered” charges nothing more, and is final', async () => {
      const messageId = await sent();
      await settleMessage(world.ctx, { messageId, outcome: 'delivered' });
      await settleMessage(world.ctx, { messageId, outcome: 'delivered' });
      await settleMessage(world.ctx, { messageId, outcome: 'sent' });
      const message = await settleMessage(world.ctx, { messageId, outcome: 'failed' });
      expect(message.status).toBe('delivered');
      expect(await world.credits('sms')).toEqual({ available: 9, held: 0, used: 1 });
    });

    it('news that names another of the provider’s ids is of another attempt, and changes nothing', async () => {
      const messageId = await sent();
      await settleMessage(world.ctx, {
        messageId,
        outcome: 'failed',
        providerId: 'SM of an earlier attempt',
      });
      expect(await world.message(messageId)).toMatchObject({
        status: 'sent',
        providerId: `sandbox:${messageId}`,
      });
      expect(await world.credits('sms')).toEqual({ available: 9, held: 0, used: 1 });
    });

    it('a late “delivered” after a failure does not charge again', async () => {
      const messageId = await sent();
      await settleMessage(world.ctx, { messageId, outcome: 'failed' });
      await settleMessage(world.ctx, { messageId, outcome: 'delivered' });
      expect(await world.message(messageId)).toMatchObject({ status: 'failed' });
      expect(await world.credits('sms')).toEqual({ available: 10, held: 0, used: 0 });
    });

    it('a callback that overtakes the worker’s own answer counts, and the answer only adds the provider’s id', async () => {
      const { id: messageId } = await world.reply();
      world.sms.plan = [
        async (toSandbox) => {
          const answer = await toSandbox();
          await settleMessage(world.ctx, { messageId, outcome: 'delivered' });
          return answer;
        },
      ];
      await world.deliver();
      expect(await world.message(messageId)).toMatchObject({
        status: 'delivered',
        providerId: `sandbox:${messageId}`,
      });
      expect(await world.credits('sms')).toEqual({ available: 9, held: 0, used: 1 });
    });

    it.each([
      ['delivered', { available: 9, held: 0, used: 1 }],
      ['failed', { available: 10, held: 0, used: 0 }],
    ] as const)(
      'two callbacks (%s) and the worker at once end in one charge or none',
      async (outcome, credits) => {
        const { id: messageId } = await world.reply();
        const callback = (ctx: Context) => settleMessage(ctx, { messageId, outcome });
        await Promise.all([world.asOtherProcess(callback), world.asOtherProcess(callback), world.deliver()]);
        expect(await world.message(messageId)).toMatchObject({ status: outcome });
        expect(await world.credits('sms')).toEqual(credits);
      },
    );

    it('nothing becomes of a message that does not exist', async () => {
      const { code } = await refusalOf(settleMessage(world.ctx, { messageId: 'none', outcome: 'sent' }));
      expect(code).toBe('not-found');
    });

    describe('an uncertain one', () => {
      let messageId: string;
      beforeEach(async () => {
        messageId = (await world.reply()).id;
        world.sms.plan = [noAnswer];
        world.ctx.gateways.sms.findSent = () => Promise.resolve({ kind: 'unknown' });
        await world.deliver();
        world.ctx.clock.advance(limits.unknownOutcomeWaitSeconds);
        await world.deliver();
        expect(await world.message(messageId)).toMatchObject({ status: 'uncertain' });
      });

      it.each([
        [true, 'sent', { available: 9, held: 0, used: 1 }],
        [false, 'failed', { available: 10, held: 0, used: 0 }],
      ] as const)('is settled by a person (sent: %s)', async (wasSent, status, credits) => {
        const settled = await settleUncertain(world.ctx, bob, { messageId, sent: wasSent });
        expect(settled.status).toBe(status);
        expect(await world.credits('sms')).toEqual(credits);
        expect((await world.events()).at(-1)).toMatchObject({
          type: 'message.uncertainty_settled',
          facts: { message_id: messageId, sent: wasSent },
        });
        const again = await refusalOf(settleUncertain(world.ctx, bob, { messageId, sent: !wasSent }));
        expect(again.code).toBe('invalid-transition');
        expect(await world.credits('sms')).toEqual(credits);
      });

      it.each([
        ['delivered', { available: 9, held: 0, used: 1 }],
        ['failed', { available: 10, held: 0, used: 0 }],
      ] as const)('is settled by a callback (%s)', async (outcome, credits) => {
        await settleMessage(world.ctx, { messageId, outcome });
        expect(await world.message(messageId)).toMatchObject({ status: outcome });
        expect(await world.credits('sms')).toEqual(credits);
      });
    });
  });
});
