import { verifyLedger } from '../../src/domain/credits';
import { limits } from '../../src/platform/limits';
import { makeLog } from '../../src/platform/log';
import { deliverMessages } from '../../src/usecases/deliver-messages';
import { describeEachEngine } from '../support/databases';
import { MessagingWorld } from '../support/messaging-world';
import { until } from '../support/until';

const CHANNELS = ['sms', 'email'] as const;
type Channel = (typeof CHANNELS)[number];

const noAnswer = () => Promise.reject(new Error('socket hang up'));
const taken = (toSandbox: () => Promise<unknown>) => toSandbox().then(noAnswer);
const rejected = () => Promise.resolve({ kind: 'rejected' as const, reason: 'no such mailbox' });
const notNow = () => Promise.resolve({ kind: 'temporary' as const, reason: 'greylisted' });
const down = () => Promise.resolve({ kind: 'unavailable' as const, reason: 'no connection' });
const throttled = (retryAfterSeconds: number) => () =>
  Promise.resolve({ kind: 'unavailable' as const, reason: 'too many requests', retryAfterSeconds });

/** A call that ends when the test says so. */
function held() {
  let end = () => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  return { end, call: <T>(toSandbox: () => Promise<T>) => ended.then(toSandbox) };
}

describeEachEngine('the outbox, when providers fail', (engine) => {
  let world: MessagingWorld;
  let lines: { level: number; msg: string }[];

  beforeEach(async () => {
    const { db, url } = await engine.freshDatabase();
    world = await new MessagingWorld(db, url).open();
    lines = [];
    world.ctx.log = makeLog('trace', { write: (line) => void lines.push(JSON.parse(line)) });
    await world.give('sms', 40);
    await world.give('email', 40);
  });

  afterEach(async () => {
    expect((await verifyLedger(world.db)).problems).toEqual([]);
  });

  async function untilSettled(seconds = 3600, rounds = 20): Promise<void> {
    for (let round = 0; round < rounds && (await world.outbox()).length > 0; round++) {
      await world.deliver();
      world.ctx.clock.advance(seconds);
    }
  }

  const held1 = { available: 39, held: 1, used: 0 };
  const used1 = { available: 39, held: 0, used: 1 };
  const back = { available: 40, held: 0, used: 0 };

  describe('keeps the credit while the message may have been sent', () => {
    // What the calls come to, what the message then is, what of its credit, and why.
    it.each([
      [
        'email',
        'the last attempt is not answered',
        [...Array(7).fill(notNow), noAnswer],
        'uncertain',
        held1,
        'no answer from the provider (Error) (after 8 attempts)',
      ],
      [
        'email',
        'one was not answered, the others said not now',
        [noAnswer, ...Array(7).fill(notNow)],
        'uncertain',
        held1,
        'greylisted (after 8 attempts)',
      ],
      [
        'email',
        'one was not answered, the next one is refused',
        [noAnswer, rejected],
        'uncertain',
        held1,
        'no such mailbox; an earlier attempt was not answered',
      ],
      [
        'email',
        'one was not answered, then the server was away',
        [taken, down, rejected],
        'uncertain',
        held1,
        'no such mailbox; an earlier attempt was not answered',
      ],
      ['email', 'one was not answered, the next one is taken', [taken], 'sent', used1, null],
      [
        'email',
        'every answer was not now',
        Array(8).fill(notNow),
        'failed',
        back,
        'greylisted (after 8 attempts)',
      ],
      ['email', 'the server was away, then it refused', [down, rejected], 'failed', back, 'no such mailbox'],
      [
        'sms',
        'one was not answered, was not there, and the next one is refused',
        [noAnswer, rejected],
        'failed',
        back,
        'no such mailbox',
      ],
      [
        'sms',
        'the last attempt is not answered, and is not there',
        [...Array(7).fill(notNow), noAnswer],
        'failed',
        back,
        'every attempt was cut off (after 8 attempts)',
      ],
      [
        'sms',
        'the last attempt is not answered, and is there',
        [...Array(7).fill(notNow), taken],
        'sent',
        used1,
        null,
      ],
    ] as [Channel, string, never[], string, typeof back, string | null][])(
      '%s: %s',
      async (channel, _what, plan, status, credits, failure) => {
        const { id } = await world.reply({ channel });
        world[channel].plan = [...plan];
        await untilSettled();
        expect(await world.message(id)).toMatchObject({ status, failure });
        expect(await world.credits(channel)).toEqual(credits);
        expect(await world.outbox()).toEqual([]);
        expect((await world.sandbox()).length).toBe(
          status === 'sent' || plan.includes(taken as never) ? 1 : 0,
        );
      },
    );

    it('email: a worker died in the middle, and the next attempt is refused', async () => {
      const { id } = await world.reply({ channel: 'email' });
      await world.workerDiesAfter('email', 'taking the message');
      world.ctx.clock.advance(limits.leaseSeconds + 1);
      world.email.plan = [rejected];
      await world.deliver();
      expect(await world.message(id)).toMatchObject({ status: 'uncertain' });
      expect(await world.credits('email')).toEqual(held1);
    });

    it('email: knows it still after the provider was away in between', async () => {
      const { id } = await world.reply({ channel: 'email' });
      world.email.plan = [noAnswer, down];
      const startedAt = world.at();
      await world.deliver();
      world.ctx.clock.advance(60);
      await world.deliver();
      expect(await world.outbox()).toMatchObject([{ attempt_started_at: startedAt, attempts: 1 }]);
      expect(await world.message(id)).toMatchObject({ status: 'sending', failure: 'no connection' });
    });

    it('sms: is free to be sent once the provider says that it has none', async () => {
      const { id } = await world.reply();
      world.sms.plan = [noAnswer, down];
      await world.deliver();
      world.ctx.clock.advance(60);
      await world.deliver();
      expect(await world.outbox()).toMatchObject([{ attempt_started_at: null, attempts: 1 }]);
      expect(await world.message(id)).toMatchObject({ status: 'queued', failure: 'no connection' });
    });
  });

  describe('a provider that is down', () => {
    it.each([
      ['refuses connections', down],
      ['cuts them off before it says anything', noAnswer],
    ])(
      'for an hour (%s): all goes out afterwards, once, each ticket’s in its order',
      async (_what, trouble) => {
        const tickets = [world.ticket, await world.addTicket(), await world.addTicket()];
        const written: string[] = [];
        for (let n = 0; n < 3; n++) {
          for (const { id: ticketId } of tickets) written.push((await world.reply({ ticketId })).id);
        }
        const { findSent } = world.ctx.gateways.sms;
        if (trouble === noAnswer) world.ctx.gateways.sms.findSent = noAnswer;
        world.sms.plan = Array(1000).fill(trouble);
        for (let second = 0; second < 3600; second += 30) {
          await world.deliver();
          world.ctx.clock.advance(30);
        }
        const calls = world.sms.calls.length;
        // Asked now and then, and not in a hurry.
        expect(calls).toBeLessThan(limits.circuitOpensAfter + 3600 / (limits.circuitProbeCapSeconds / 2));
        expect(await world.sandbox()).toEqual([]);
        expect(await world.credits('sms')).toEqual({ available: 31, held: 9, used: 0 });

        world.sms.plan = [];
        world.ctx.gateways.sms.findSent = findSent;
        await untilSettled(20);
        expect((await world.sandbox()).map(({ messageId }) => messageId).sort()).toEqual([...written].sort());
        for (const { id } of tickets) {
          const order = world.sms.calls.slice(calls).filter((call) => call.ticketId === id);
          expect(order.map((call) => call.id)).toEqual(order.map((call) => call.id).sort());
          expect(order).toHaveLength(3);
        }
        expect(await world.credits('sms')).toEqual({ available: 31, held: 0, used: 9 });
      },
    );

    it('costs a message none of its attempts, and says why it waits', async () => {
      const { id } = await world.reply();
      world.sms.plan = Array(20).fill(down);
      for (let n = 0; n < 20; n++) {
        await world.deliver();
        expect(await world.message(id)).toMatchObject({ status: 'queued', failure: 'no connection' });
        world.ctx.clock.advance(120);
      }
      expect(world.sms.calls).toHaveLength(20);
      expect(await world.outbox()).toMatchObject([{ attempts: 0 }]);
      await world.deliver();
      expect(await world.message(id)).toMatchObject({ status: 'sent', failure: null });
    });

    it('for days: the message fails, and its credit is given back; but not before it was tried often', async () => {
      const { id } = await world.reply({ channel: 'email' });
      world.email.plan = Array(100).fill(down);
      const tryTimes = async (times: number) => {
        for (let n = 0; n < times; n++) {
          await world.deliver();
          expect(await world.message(id)).toMatchObject({ status: 'queued' });
          world.ctx.clock.advance(120);
        }
      };
      await tryTimes(1);
      // Zeton itself is away for the three days.
      world.ctx.clock.advance(limits.outboxGiveUpDays * 86_400);
      await tryTimes(limits.outboxAttempts - 2);
      await world.deliver();
      expect(await world.message(id)).toMatchObject({
        status: 'failed',
        failure: 'no connection (for 3 days)',
        attempts: limits.outboxAttempts,
      });
      expect(await world.credits('email')).toEqual(back);
    });

    it('for a day and a half costs no message, however often it is asked', async () => {
      const { id } = await world.reply({ channel: 'email' });
      world.email.plan = Array(30).fill(down);
      for (let hour = 0; hour < 30; hour++) {
        await world.deliver();
        world.ctx.clock.advance(3600);
      }
      await world.deliver();
      expect(await world.message(id)).toMatchObject({ status: 'sent' });
    });

    it('is left in peace, then asked by one message; the other channel goes on meanwhile', async () => {
      for (let n = 0; n < 8; n++) await world.reply({ ticketId: (await world.addTicket()).id });
      world.sms.plan = Array(9).fill(down);
      await world.deliver();
      expect(world.sms.calls).toHaveLength(8);
      world.ctx.clock.advance(limits.circuitProbeFirstSeconds - 1);
      const mail = await world.reply({ channel: 'email' });
      expect(await world.deliver()).toBe(1);
      expect(await world.message(mail.id)).toMatchObject({ status: 'sent' });
      world.ctx.clock.advance(1);
      expect(await world.deliver()).toBe(1); // is asked, and not back yet
      expect(await world.deliver()).toBe(0);
      world.ctx.clock.advance(2 * limits.circuitProbeFirstSeconds);
      expect(await world.deliver()).toBe(1); // is asked, and back
      expect(await world.deliver()).toBe(7);
      expect(lines.filter(({ level }) => level >= 40).map(({ msg }) => msg)).toEqual([
        'the provider is left in peace for a while',
      ]);
      expect(lines.map(({ msg }) => msg)).toContain('the provider answers again');
    });

    it('is left in peace for as long as it says', async () => {
      for (let n = 0; n < 3; n++) await world.reply({ ticketId: (await world.addTicket()).id });
      world.sms.plan = [throttled(90)];
      const round = await deliverMessages(world.ctx, { channel: 'sms', limit: 1 });
      await round.done;
      world.ctx.clock.advance(89);
      expect(await world.deliver()).toBe(0);
      world.ctx.clock.advance(1);
      expect(await world.deliver()).toBe(1);
      expect(await world.deliver()).toBe(2);
      expect(world.sms.calls).toHaveLength(4);
    });

    it('calls somebody after ten minutes, once, and not before', async () => {
      await world.reply();
      world.sms.plan = Array(1000).fill(down);
      const errors = () => lines.filter(({ level }) => level === 50).map(({ msg }) => msg);
      const opened = () => lines.some(({ msg }) => msg.includes('left in peace'));
      while (!opened()) {
        await world.deliver();
        world.ctx.clock.advance(2);
      }
      for (let second = 2; second < limits.circuitAlarmMinutes * 60; second += 10) {
        await world.deliver();
        world.ctx.clock.advance(10);
      }
      expect(errors()).toEqual([]);
      for (let minute = 0; minute < 30; minute++) {
        await world.deliver();
        world.ctx.clock.advance(60);
      }
      expect(errors()).toEqual(['nothing can be sent on this channel: see to the provider or its settings']);
    });
  });

  it.each([
    [0, 1],
    [0.5, 1.5],
    [1, 2],
  ])('spreads what is tried again by chance (%s: %s s)', async (chance, wait) => {
    world.ctx.chance = () => chance;
    await world.reply();
    world.sms.plan = [notNow];
    await world.deliver();
    const [row] = await world.outbox();
    expect(Date.parse(row?.next_attempt_at as string) - Date.parse(world.at())).toBe(wait * 1000);
  });

  describe('a slow provider', () => {
    it.each(CHANNELS)('%s: holds up neither what comes later nor the other channel', async (channel) => {
      const slow = held();
      world[channel].plan = [slow.call as never];
      const first = await world.reply({ channel });
      const round = await deliverMessages(world.ctx, { channel, limit: 20 });
      expect(round.taken).toBe(1);
      const elsewhere = await world.reply({ channel, ticketId: (await world.addTicket()).id });
      const other = await world.reply({ channel: channel === 'sms' ? 'email' : 'sms' });
      expect(await world.deliver()).toBe(2);
      expect(await world.message(elsewhere.id)).toMatchObject({ status: 'sent' });
      expect(await world.message(other.id)).toMatchObject({ status: 'sent' });
      expect(await world.message(first.id)).toMatchObject({ status: 'sending' });
      slow.end();
      await round.done;
      expect(await world.message(first.id)).toMatchObject({ status: 'sent' });
    });

    it('has at most so many calls at once, and is given the next when one has ended', async () => {
      const { width } = world.ctx.lanes.email;
      const slow = held();
      world.email.plan = Array(width).fill(slow.call);
      for (let n = 0; n < width + 3; n++) {
        await world.reply({ channel: 'email', ticketId: (await world.addTicket()).id });
      }
      const woken: string[] = [];
      world.ctx.wake = (work) => void woken.push(work);
      const round = await deliverMessages(world.ctx, { channel: 'email', limit: width + 3 });
      expect(round.taken).toBe(width);
      expect(world.ctx.lanes.email.underWay.size).toBe(width);
      expect(await world.deliver()).toBe(0);
      await until('all of them are calls', () => world.email.calls.length >= width);
      expect(world.email.calls).toHaveLength(width);
      slow.end();
      await round.done;
      expect(new Set(woken)).toEqual(new Set(['outbox.email']));
      expect(await world.deliver()).toBe(3);
    });

    it('a look-up that used up the lease is not followed by a call', async () => {
      const { id } = await world.reply();
      world.sms.plan = [noAnswer];
      await world.deliver();
      world.ctx.clock.advance(limits.unknownOutcomeWaitSeconds);
      const { findSent } = world.ctx.gateways.sms;
      // As when the machine slept: no timer has fired, and another worker may have taken it up.
      world.ctx.gateways.sms.findSent = async (question) => {
        world.ctx.clock.advance(limits.leaseSeconds - 5);
        return (await findSent?.(question)) ?? { kind: 'unknown' };
      };
      await world.deliver();
      expect(world.sms.calls).toHaveLength(1);
      expect(await world.outbox()).toMatchObject([{ lease_owner: null, attempts: 1 }]);
      if (findSent) world.ctx.gateways.sms.findSent = findSent;
      await world.deliver();
      expect(await world.message(id)).toMatchObject({ status: 'sent' });
      expect(world.sms.calls).toHaveLength(2);
    });
  });

  it('one message that cannot even be prepared holds up no other', async () => {
    const broken = await world.reply({ ticketId: (await world.addTicket()).id });
    const fine = await world.reply();
    await world.db('messages').where({ id: broken.id }).update({ to_address: null });
    await world.deliver();
    expect(await world.message(fine.id)).toMatchObject({ status: 'sent' });
    expect(await world.outbox()).toMatchObject([{ message_id: broken.id }]);
  });
});
