import { verifyLedger } from '../../src/domain/credits';
import { limits } from '../../src/platform/limits';
import { decideAboutBounce } from '../../src/usecases/decide-bounce';
import { settleMessage } from '../../src/usecases/settle-message';
import { describeEachEngine } from '../support/databases';
import { bounceOf, MailWorld } from '../support/mail-world';
import { bob } from '../support/messaging-world';

describeEachEngine('a mail that comes back', (engine) => {
  let world: MailWorld;
  const all = { available: 3, held: 0, used: 0 };
  const oneUsed = { available: 2, held: 0, used: 1 };

  beforeEach(async () => {
    const { db, url } = await engine.freshDatabase();
    world = await MailWorld.of(db, url);
    await world.give('email', 3);
  });
  afterEach(async () => {
    expect((await verifyLedger(world.db)).problems).toEqual([]);
  });

  const bounce = (
    messageId: string,
    envelope: { from?: string | null; to?: string[] } = {},
    status = '5.2.2',
  ) => {
    const to = world.returnPath(messageId);
    return world.bring(bounceOf({ to, status, diagnostic: '552 mailbox full' }), {
      from: '',
      to: [to],
      ...envelope,
    });
  };
  const eventTypes = async () => (await world.events()).map(({ type }) => type);

  test('is a failed message: its credit is given back with the reason, and an agent is called', async () => {
    const sent = await world.sentReply();
    expect(await world.credits('email')).toEqual(oneUsed);
    const taken = await bounce(sent);
    expect(taken).toMatchObject({ status: 'done', class: 'bounce', message_id: sent });
    expect(await world.message(sent)).toMatchObject({ status: 'failed' });
    expect((await world.message(sent)).failure).toContain('5.2.2');
    expect(await world.credits('email')).toEqual(all);
    expect(await eventTypes()).toContain('message.failed');
    expect(await world.ticketRow()).toMatchObject({ status: 'open' });
    await bounce(sent);
    expect(await world.credits('email')).toEqual(all);
  });

  test('says its code once, where the words of the mail server have it in them', async () => {
    const [one, two] = [await world.sentReply(), await world.sentReply()];
    await bounce(one);
    expect((await world.message(one)).failure).toBe('5.2.2 552 mailbox full');
    await decideAboutBounce(world.ctx, bob, {
      messageId: (await world.bring(bounceOf({ to: world.returnPath(two) }), { from: '' }))
        .message_id as string,
      returned: true,
    });
    expect((await world.message(two)).failure).toBe('550 5.1.1 no such user');
  });

  test('that names the null sender only in its head counts where no envelope is known, and not where one is', async () => {
    const first = await world.sentReply();
    const to = world.returnPath(first);
    const raw = bounceOf({ to, status: '5.2.2' });
    const claiming = Buffer.concat([Buffer.from('Return-Path: <>\r\n'), raw]);
    await world.bring(claiming, { from: 'mallory@evil.example', to: [to] });
    expect(await world.credits('email')).toEqual(oneUsed);
    await world.bring(
      Buffer.concat([Buffer.from('Return-Path: <>\r\n'), bounceOf({ to, status: '5.2.2' })]),
      { from: null, to: [to], way: 'imap' },
    );
    expect(await world.credits('email')).toEqual(all);
  });

  test.each([
    [
      'without the message’s own return path',
      async (id: string) => {
        const to = world.replyAddress();
        const raw = bounceOf({ to });
        const about = raw
          .toString()
          .replace(
            '\r\n--b1--',
            `\r\n--b1\r\nContent-Type: message/rfc822-headers\r\n\r\nMessage-ID: <${id}@localhost>\r\n\r\n--b1--`,
          );
        return world.bring(Buffer.from(about), { from: '', to: [to] });
      },
    ],
    ['with a sender', (id: string) => bounce(id, { from: 'mallory@evil.example' })],
    [
      'after more than five days',
      async (id: string) => {
        world.ctx.clock.advance((limits.bounceDays * 24 + 1) * 3600);
        return bounce(id);
      },
    ],
  ])('%s proves nothing: it is noted in the ticket, and nothing is given back', async (_how, forge) => {
    const sent = await world.sentReply();
    await forge(sent);
    expect(await world.message(sent)).toMatchObject({ status: 'sent' });
    expect(await world.credits('email')).toEqual(oneUsed);
    expect(await eventTypes()).toContain('mail.bounce_unproven');
  });

  test('with the return path of another message settles that one, not the one it talks about', async () => {
    const [one, two] = [await world.sentReply(), await world.sentReply()];
    await bounce(two);
    expect([(await world.message(one)).status, (await world.message(two)).status]).toEqual([
      'sent',
      'failed',
    ]);
  });

  test('a second time is for a person to say, who gives the credit back with a click, once', async () => {
    const [one, two] = [await world.sentReply(), await world.sentReply()];
    await bounce(one);
    const taken = await bounce(two);
    expect(taken.reason).toContain('repeated');
    expect((await world.message(two)).status).toBe('sent');
    expect(await world.credits('email')).toEqual(oneUsed);
    expect(await eventTypes()).toContain('mail.bounce_doubted');
    expect(await decideAboutBounce(world.ctx, bob, { messageId: two, returned: true })).toEqual({
      changed: true,
    });
    expect(await decideAboutBounce(world.ctx, bob, { messageId: two, returned: false })).toEqual({
      changed: false,
    });
    expect((await world.message(two)).status).toBe('failed');
    expect(await world.credits('email')).toEqual(all);
  });

  test('told again, or of what has failed already, is no news', async () => {
    const [one, two, three] = [await world.sentReply(), await world.sentReply(), await world.sentReply()];
    await bounce(one);
    for (let n = 0; n < 2; n++) await bounce(two);
    await settleMessage(world.ctx, { messageId: three, outcome: 'failed' });
    await bounce(three);
    // Nor is a person asked about it.
    expect(await world.db('bounced_messages').where({ message_id: three })).toEqual([]);
    expect((await eventTypes()).filter((type) => type === 'mail.bounce_doubted')).toHaveLength(1);
    expect(await world.credits('email')).toEqual(oneUsed);
  });

  test.each([
    ['a mailbox that is gone', { status: '5.1.1' }, ['alice@example.com']],
    ['a mailbox that is full', { status: '5.2.2' }, []],
    ['where they forward it to', { status: '5.1.1', recipient: 'alice@elsewhere.example' }, []],
  ])('from %s: whether more is sent there', async (_from, said, stopped) => {
    const to = world.returnPath(await world.sentReply());
    await world.bring(bounceOf({ to, ...said }), { from: '', to: [to] });
    expect(await world.db('suppressed_addresses').pluck('address')).toEqual(stopped);
  });

  test('after the customer has answered it is for a person to say, who may say that it is not true', async () => {
    const sent = await world.sentReply();
    await world.bring({ to: world.replyAddress(), text: 'Thanks!' });
    expect((await bounce(sent)).reason).toContain('answered');
    await decideAboutBounce(world.ctx, bob, { messageId: sent, returned: false });
    expect((await world.message(sent)).status).toBe('sent');
    expect(await world.credits('email')).toEqual(oneUsed);
  });

  test('somebody else’s words are no answer of the customer’s', async () => {
    const sent = await world.sentReply();
    await world.bring({ from: 'mallory@evil.example', to: world.replyAddress() });
    await bounce(sent);
    expect((await world.message(sent)).status).toBe('failed');
  });

  test('long after the first one, is believed again', async () => {
    await bounce(await world.sentReply());
    world.ctx.clock.advance((limits.bounceMemoryDays + 1) * 86_400);
    const later = await world.sentReply();
    await bounce(later);
    expect((await world.message(later)).status).toBe('failed');
  });

  test('a notice of delay is told in the ticket, and gives nothing back', async () => {
    const sent = await world.sentReply();
    const to = world.returnPath(sent);
    const raw = bounceOf({ to, action: 'delayed', status: '4.4.1', diagnostic: '451 try later' });
    expect(await world.bring(raw, { from: '', to: [to] })).toMatchObject({
      status: 'done',
      class: 'delayed',
    });
    expect((await world.message(sent)).status).toBe('sent');
    expect(await world.credits('email')).toEqual(oneUsed);
    expect(await eventTypes()).toContain('mail.delayed');
  });

  test('of somebody else’s mail is kept, and changes nothing', async () => {
    const taken = await world.bring(bounceOf({ to: 'bounce@trgovina.example' }), { from: '' });
    expect(taken).toMatchObject({ status: 'ignored', message_id: null });
  });
});
