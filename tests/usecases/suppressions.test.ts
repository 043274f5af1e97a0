import { verifyLedger } from '../../src/domain/credits';
import { NOTICE_DROPPED } from '../../src/domain/messages';
import { findSuppression, isGoneForGood, suppress } from '../../src/domain/suppressions';
import { systemActor } from '../../src/platform/actor';
import { addSeconds, iso } from '../../src/platform/clock';
import { withTransaction } from '../../src/platform/db';
import { limits } from '../../src/platform/limits';
import { momentOf } from '../../src/usecases/context';
import { makeLanes } from '../../src/usecases/lanes';
import { stopNotices } from '../../src/usecases/stop-notices';
import { allowMailAgain } from '../../src/usecases/suppress-address';
import { recipientOf, writeNotice } from '../../src/usecases/write-notice';
import { makeStore } from '../support/context';
import { describeEachEngine } from '../support/databases';
import { bob, MessagingWorld, refusalOf } from '../support/messaging-world';

const GONE = 'bounce@example.com';

describe('a refusal', () => {
  it.each([
    ['5.1.1', true],
    ['5.1.2', true],
    ['5.1.10', true],
    ['5.2.1', false],
    ['5.2.2', false],
    ['5.7.1', false],
    ['5.1.11', false],
    ['4.1.1', false],
    [null, false],
  ])('with status %s is for good: %s', (status, isGone) => {
    expect(isGoneForGood(status)).toBe(isGone);
  });
});

describeEachEngine('an address that mail comes back from', (engine) => {
  let world: MessagingWorld;
  let customerId: string;
  let ticketId: string;

  beforeEach(async () => {
    const { db, url } = await engine.freshDatabase();
    world = await new MessagingWorld(db, url).open();
    customerId = await world.addCustomer({ email: GONE });
    await db('customers').where({ id: customerId }).update({ email_normalised: GONE });
    ticketId = (await world.addTicket(customerId)).id;
    await world.give('email', 3, { to: customerId });
  });

  afterEach(async () => {
    expect((await verifyLedger(world.db)).problems).toEqual([]);
  });

  const mail = async () => {
    const { id } = await world.reply({ ticketId, channel: 'email' });
    await world.deliver();
    return world.message(id);
  };
  const suppressionIn = (storeId: string) => findSuppression(world.db, { storeId, address: GONE });
  const refusedWith = (status?: string) => () =>
    Promise.resolve({ kind: 'rejected' as const, reason: 'no', ...(status === undefined ? {} : { status }) });

  it('gets no more: the next mail fails at once, gives its credit back and asks no provider', async () => {
    const first = await mail();
    expect(first).toMatchObject({ status: 'failed', attempts: 1 });
    expect(await suppressionIn(world.store.id)).toEqual({
      storeId: world.store.id,
      address: GONE,
      reason: first.failure,
      messageId: first.id,
      since: world.at(),
    });
    world.ctx.clock.advance(60);
    const second = await mail();
    expect(world.email.calls.map(({ id }) => id)).toEqual([first.id]);
    expect(second).toMatchObject({
      status: 'failed',
      failure: `mail to this address came back before: ${first.failure}`,
    });
    expect(await world.holdOf(second.id)).toMatchObject({ status: 'released' });
    expect(await world.credits('email', customerId)).toEqual({ available: 3, held: 0, used: 0 });
    expect(await world.outbox()).toEqual([]);
    // The first reason stays.
    expect(await suppressionIn(world.store.id)).toMatchObject({ messageId: first.id });
  });

  it('is known in whatever way it is written', async () => {
    await mail();
    await world.db('customers').where({ id: customerId }).update({ email: ' Bounce@EXAMPLE.com ' });
    await mail();
    expect(world.email.calls).toHaveLength(1);
  });

  it('is so in this store alone', async () => {
    await mail();
    const other = await makeStore(world.ctx, 'other');
    expect(await suppressionIn(other.id)).toBeNull();
    await world.db('tickets').where({ id: ticketId }).update({ store_id: other.id });
    await mail();
    expect(world.email.calls).toHaveLength(2);
  });

  it('does not get none any more after what passes, or is about one mail', async () => {
    for (const status of ['5.2.2', '5.7.1', undefined]) {
      world.email.plan.push(refusedWith(status));
      expect((await mail()).status).toBe('failed');
    }
    expect(await suppressionIn(world.store.id)).toBeNull();
    expect(world.email.calls).toHaveLength(3);
  });

  it('is remembered also when an earlier attempt was never answered, and the message is left to a person', async () => {
    world.email.plan.push(() => Promise.reject(new Error('socket hang up')), refusedWith('5.1.1'));
    const { id } = await mail();
    world.ctx.clock.advance(3600);
    await world.deliver();
    expect(await world.message(id)).toMatchObject({ status: 'uncertain' });
    expect(await world.credits('email', customerId)).toEqual({ available: 2, held: 1, used: 0 });
    expect(await suppressionIn(world.store.id)).toMatchObject({ messageId: id });
  });

  it('leaves what may have been sent before to a person, although the address is stopped by now', async () => {
    world.email.plan.push(() => Promise.reject(new Error('socket hang up')));
    const { id } = await mail();
    await withTransaction(world.db, (trx) =>
      suppress(trx, {
        storeId: world.store.id,
        address: GONE,
        reason: 'there is no such mailbox',
        messageId: id,
        since: world.at(),
      }),
    );
    world.ctx.clock.advance(3600);
    await world.deliver();
    expect(await world.message(id)).toMatchObject({
      status: 'uncertain',
      failure:
        'mail to this address came back before: there is no such mailbox; an earlier attempt was not answered',
    });
    expect(await world.credits('email', customerId)).toEqual({ available: 2, held: 1, used: 0 });
  });

  it('gets no notices, and nobody is bothered with that', async () => {
    expect(await recipientOf(world.db, customerId)).toMatchObject({ channel: 'email', to: GONE });
    await mail();
    expect(await recipientOf(world.db, customerId)).toBeNull();
  });

  it.each([
    ['mail to them came back', () => mail()],
    ['they stopped notices', () => stopNotices(world.ctx, { customerId, stopped: true })],
  ])('drops a notice that was queued before %s, and calls that no failure', async (_, change) => {
    const recipient = await recipientOf(world.db, customerId);
    const moment = momentOf(world.ctx, systemActor);
    // Later than what happens meanwhile: each ticket's messages go in their order.
    const { id: otherTicket } = await world.addTicket(customerId);
    const noticeId = await withTransaction(world.db, (trx) =>
      writeNotice(trx, moment, {
        ticketId: otherTicket,
        recipient: recipient as NonNullable<typeof recipient>,
        store: { name: 'Trgovina' } as Parameters<typeof writeNotice>[2]['store'],
        messageKey: 'balance:test',
        ...{ subject: 'Low', paragraphs: ['Few are left.'], sms: 'Few are left.' },
      }),
    );
    await world
      .db('outbox')
      .where({ message_id: noticeId })
      .update({ next_attempt_at: iso(addSeconds(world.ctx.clock.now(), 20)) });
    await change();
    world.email.calls.length = 0;
    await world.db('outbox').where({ message_id: noticeId }).update({ next_attempt_at: world.at() });
    await world.deliver();
    expect(world.email.calls).toEqual([]);
    expect(await world.message(noticeId as string)).toMatchObject({ failure: NOTICE_DROPPED });
    expect(await world.db('ticket_events').where({ ticket_id: otherTicket, type: 'message.failed' })).toEqual(
      [],
    );
    expect(await world.db('outbox').where({ message_id: noticeId })).toEqual([]);
  });

  it('sends what was asked for also to who stopped notices', async () => {
    await world.db('customers').where({ id: customerId }).update({ email: 'ana@example.com' });
    await stopNotices(world.ctx, { customerId, stopped: true });
    expect(await mail()).toMatchObject({ status: 'sent' });
  });

  it('tells nothing about the provider, which nobody asked', async () => {
    await mail();
    const { circuit } = world.ctx.lanes.email;
    for (let n = 0; n < limits.circuitOpensAfter; n++) circuit.failed(world.ctx.clock.now(), 1);
    world.ctx.clock.advance(600);
    expect((await mail()).status).toBe('failed');
    expect(circuit.silentUntil()).not.toBeNull();
  });

  it('gets mail again once somebody says so, which is in the audit log', async () => {
    await mail();
    expect(await allowMailAgain(world.ctx, bob, { customerId })).toEqual({ wasSuppressed: true });
    expect(await allowMailAgain(world.ctx, bob, { customerId })).toEqual({ wasSuppressed: false });
    const audits = await world.db('audit_log').where({ action: 'customer.mail-allowed-again' });
    expect(audits).toEqual([expect.objectContaining({ subject_id: customerId, actor_name: 'Bob' })]);
    world.email.plan.push(() => Promise.resolve({ kind: 'accepted', providerId: 'q1' }));
    expect((await mail()).status).toBe('sent');
    expect(await world.credits('email', customerId)).toEqual({ available: 2, held: 0, used: 1 });
    const unknown = await refusalOf(allowMailAgain(world.ctx, bob, { customerId: world.ctx.ids.next() }));
    expect(unknown.code).toBe('not-found');
  });
});

describeEachEngine('mail at a pace', (engine) => {
  it('goes out as fast as the mail server may be asked, and the rest a minute later', async () => {
    const { db, url } = await engine.freshDatabase();
    const world = await new MessagingWorld(db, url).open();
    await world.give('email', 5);
    const ctx = { ...world.ctx, lanes: makeLanes({ emailsPerMinute: 3 }) };
    for (let n = 0; n < 5; n++) {
      const { id } = await world.addTicket();
      await world.reply({ ticketId: id, channel: 'email' });
    }
    await world.deliver(ctx);
    await world.deliver(ctx);
    expect(world.email.calls).toHaveLength(3);
    world.ctx.clock.advance(59);
    await world.deliver(ctx);
    expect(world.email.calls).toHaveLength(3);
    world.ctx.clock.advance(1);
    await world.deliver(ctx);
    expect(world.email.calls).toHaveLength(5);
    expect(new Set(world.email.calls.map(({ id }) => id)).size).toBe(5);
  });
});
