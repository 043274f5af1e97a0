import { holdsOfCause, verifyLedger } from '../../src/domain/credits';
import { adoptUnpaidTicket, moveTicket, type Ticket, ticketToAdopt } from '../../src/domain/tickets';
import type { Actor } from '../../src/platform/actor';
import { withTransaction } from '../../src/platform/db';
import { momentOf } from '../../src/usecases/context';
import { type OpenTicketInput, openTicketForCustomer } from '../../src/usecases/open-ticket';
import { updateTicket } from '../../src/usecases/update-ticket';
import { describeEachEngine } from '../support/databases';
import { bob, MessagingWorld, refusalOf } from '../support/messaging-world';

const portal: Actor = { kind: 'token', id: 'portal', name: 'portal' };
const DAY = 24 * 3600;

describeEachEngine('tickets', (engine) => {
  let world: MessagingWorld;

  beforeEach(async () => {
    const { db, url } = await engine.freshDatabase();
    world = await new MessagingWorld(db, url).open();
  });

  afterEach(async () => {
    expect((await verifyLedger(world.db)).problems).toEqual([]);
  });

  function ask(input: Partial<OpenTicketInput> = {}): Promise<Ticket> {
    return openTicketForCustomer(world.ctx, portal, {
      storeSlug: 'default',
      customerId: world.alice,
      subject: 'It does not print',
      body: 'Help, please',
      openedBy: 'customer',
      ...input,
    });
  }

  function update(ticketId: string, changes: Omit<Parameters<typeof updateTicket>[2], 'ticketId'>) {
    return updateTicket(world.ctx, bob, { ticketId, ...changes });
  }

  const requestHolds = (ticketId: string) => holdsOfCause(world.db, { kind: 'ticket', id: ticketId });

  describe('opened by a customer', () => {
    it('holds one request, with the customer’s words as first message', async () => {
      await world.give('request', 2);
      const ticket = await ask({ subject: '  It does\nnot\0print ' });
      expect(ticket).toMatchObject({
        number: 2,
        status: 'new',
        version: 1,
        origin: 'customer',
        subject: 'It does not print',
        familyId: ticket.id,
        unpaid: false,
        tags: [],
      });
      expect(await world.db('messages')).toEqual([
        expect.objectContaining({
          ticket_id: ticket.id,
          direction: 'in',
          channel: 'web',
          kind: 'customer',
          status: 'received',
          author_kind: 'customer',
          author_id: world.alice,
          author_name: 'Alice Kupec',
          body: 'Help, please',
        }),
      ]);
      expect(await requestHolds(ticket.id)).toEqual([
        expect.objectContaining({ status: 'held', quantity: 1 }),
      ]);
      expect(await world.credits('request')).toEqual({ available: 1, held: 1, used: 0 });
      expect(await world.events(ticket.id)).toEqual([
        { type: 'ticket.opened', facts: { origin: 'customer', unpaid: false, follow_up_of: null } },
      ]);
    });

    it('is charged by the first answer, and only once', async () => {
      await world.give('request', 2);
      await world.give('sms', 2);
      const { id: ticketId } = await ask();
      await world.reply({ ticketId, channel: 'note', body: 'looks like paper jam' });
      expect(await world.credits('request')).toEqual({ available: 1, held: 1, used: 0 });
      await world.reply({ ticketId });
      await world.reply({ ticketId });
      expect(await world.credits('request')).toEqual({ available: 1, held: 0, used: 1 });
    });

    it('is charged by an answer that is free itself', async () => {
      await world.give('request', 1);
      const { id: ticketId } = await ask();
      await world.reply({ ticketId, freeReason: 'short one' });
      expect(await world.credits('request')).toEqual({ available: 0, held: 0, used: 1 });
    });

    it('is not charged by an answer that is refused', async () => {
      await world.give('request', 1);
      const { id: ticketId } = await ask();
      expect((await refusalOf(world.reply({ ticketId }))).code).toBe('insufficient-credits');
      expect(await world.credits('request')).toEqual({ available: 0, held: 1, used: 0 });
    });

    it('is kept as unpaid when the requests are used up, and none is drawn later', async () => {
      await world.give('request', 1);
      await ask();
      const second = await ask();
      expect(second.unpaid).toBe(true);
      expect(await requestHolds(second.id)).toEqual([]);
      expect((await world.events(second.id)).map(({ type }) => type)).toEqual([
        'ticket.opened',
        'ticket.marked_unpaid',
      ]);
      expect(await world.credits('request')).toEqual({ available: 0, held: 1, used: 0 });
      expect(await world.db('tickets').where({ id: second.id }).first()).toMatchObject({ unpaid: 1 });
    });

    it('draws nothing from a customer who never had requests: paid while credits of any meter are left', async () => {
      await world.give('sms', 1);
      expect(await ask()).toMatchObject({ unpaid: false });
      expect(await world.db('credit_holds')).toEqual([]);
    });

    it('is unpaid when nothing was ever paid, and paid when an order was', async () => {
      expect(await ask()).toMatchObject({ unpaid: true });
      const order = {
        store_id: world.store.id,
        woo_id: 7,
        number: '7',
        status: 'completed',
        ever_paid: 1,
        gone: 0,
      };
      const stamps = { created_at: world.at(), updated_at: world.at(), review_flags: '[]' };
      const customer_id = world.alice;
      await world.db('orders').insert({ id: 'order', customer_id, paid: 1, ...order, ...stamps });
      expect(await ask()).toMatchObject({ unpaid: false });
    });

    it('lets one of ten that are opened at once have the last request', async () => {
      await world.give('request', 1);
      const tickets = await Promise.all(Array.from({ length: 10 }, () => ask()));
      expect(tickets.filter(({ unpaid }) => !unpaid)).toHaveLength(1);
      expect(new Set(tickets.map(({ number }) => number)).size).toBe(10);
      expect(await world.credits('request')).toEqual({ available: 0, held: 1, used: 0 });
    });

    it.each([
      ['store', { storeSlug: 'nowhere' }],
      ['customer_id', { customerId: 'nobody' }],
      ['follow_up_of', { followUpOf: 'nothing' }],
      ['subject', { subject: ' ' }],
      ['subject', { subject: 'x'.repeat(501) }],
      ['body', { body: ' \n ' }],
    ])('is refused for a wrong %s', async (path, input) => {
      await world.give('request', 1);
      const { code, facts } = await refusalOf(ask(input));
      expect(code).toBe('invalid-request');
      expect(facts.errors).toEqual([expect.objectContaining({ path })]);
      expect(await world.db('tickets')).toHaveLength(1);
      expect(await world.credits('request')).toEqual({ available: 1, held: 0, used: 0 });
    });
  });

  it('opened by an agent draws no request, and keeps the agent’s words as a note', async () => {
    await world.give('request', 1);
    const ticket = await openTicketForCustomer(world.ctx, bob, {
      storeSlug: 'default',
      customerId: world.alice,
      subject: 'Telephone call',
      body: 'She called about the printer',
      openedBy: 'agent',
    });
    expect(ticket).toMatchObject({ origin: 'agent', unpaid: false });
    expect(await world.db('messages').first()).toMatchObject({
      direction: 'internal',
      channel: 'note',
      kind: 'note',
      author_name: 'Bob',
    });
    expect(await world.credits('request')).toEqual({ available: 1, held: 0, used: 0 });
  });

  describe('a follow-up', () => {
    let first: Ticket;
    beforeEach(async () => {
      await world.give('request', 3);
      first = await ask();
    });

    it('draws nothing within 14 days after the end, and is of the same family', async () => {
      await update(first.id, { status: 'solved' });
      world.ctx.clock.advance(14 * DAY);
      const next = await ask({ followUpOf: first.id });
      expect(next).toMatchObject({ followUpOf: first.id, familyId: first.id, unpaid: false });
      expect(await requestHolds(next.id)).toEqual([]);
      await update(next.id, { status: 'closed' });
      expect((await ask({ followUpOf: next.id })).familyId).toBe(first.id);
    });

    it('draws a request after that, and is of the family still', async () => {
      await update(first.id, { status: 'solved' });
      world.ctx.clock.advance(14 * DAY + 1);
      const next = await ask({ followUpOf: first.id });
      expect(next.familyId).toBe(first.id);
      expect(await requestHolds(next.id)).toHaveLength(1);
    });

    it('counts from the closing, where that was later', async () => {
      await update(first.id, { status: 'solved' });
      world.ctx.clock.advance(7 * DAY);
      await update(first.id, { status: 'closed' });
      world.ctx.clock.advance(10 * DAY);
      expect(await requestHolds((await ask({ followUpOf: first.id })).id)).toEqual([]);
    });

    it('of a ticket nobody paid for is not paid either, and of spam is not free', async () => {
      await ask();
      await ask();
      const unpaid = await ask();
      expect(unpaid.unpaid).toBe(true);
      await update(unpaid.id, { status: 'closed' });
      expect((await ask({ followUpOf: unpaid.id })).unpaid).toBe(true);
      await update(first.id, { spam: true });
      expect(await requestHolds((await ask({ followUpOf: first.id })).id)).toHaveLength(1);
    });

    it('is refused while the ticket runs: it would be a way around paying', async () => {
      const { facts } = await refusalOf(ask({ followUpOf: first.id }));
      expect(facts.errors).toEqual([{ path: 'follow_up_of', message: 'is neither solved nor closed' }]);
    });

    it('is refused for somebody else’s ticket', async () => {
      await update(first.id, { status: 'solved' });
      const mallory = await world.addCustomer({ email: 'mallory@example.com' });
      expect((await refusalOf(ask({ customerId: mallory, followUpOf: first.id }))).code).toBe(
        'invalid-request',
      );
    });
  });

  describe('changed by hand', () => {
    it('tells each change with from and to; solving and closing grow the version, nothing else does', async () => {
      const { id } = world.ticket;
      const steps: [Parameters<typeof update>[1], number, string[]][] = [
        [{ status: 'open' }, 1, ['ticket.status_changed']],
        [{ status: 'on_hold', assignee: 'Bob' }, 1, ['ticket.assigned', 'ticket.status_changed']],
        [{ tags: ['printer', ' hp ', 'printer', ''] }, 1, ['ticket.tagged']],
        [{ status: 'solved', subject: 'Solved' }, 2, ['ticket.renamed', 'ticket.solved']],
        [{ status: 'open', assignee: null }, 2, ['ticket.assigned', 'ticket.reopened']],
        [{ status: 'open', tags: ['printer', 'hp'], assignee: null }, 2, []],
        [{ status: 'solved' }, 3, ['ticket.solved']],
        [{ status: 'closed' }, 4, ['ticket.closed']],
        [{ status: 'closed' }, 4, []],
        [{ tags: [] }, 4, ['ticket.tagged']],
      ];
      let known = 1;
      for (const [changes, version, expected] of steps) {
        world.ctx.clock.advance(60);
        expect((await update(id, changes)).version).toBe(version);
        const events = await world.events();
        expect(events.slice(known).map(({ type }) => type)).toEqual(expected);
        known = events.length;
      }
      const facts = (await world.events()).map((event) => event.facts);
      expect(facts[1]).toEqual({ from: 'new', to: 'open' });
      expect(facts[2]).toEqual({ from: null, to: 'Bob' });
      expect(facts[4]).toEqual({ from: [], to: ['printer', 'hp'] });
    });

    it('remembers when it was solved and closed, and forgets the solving when reopened', async () => {
      const { id } = world.ticket;
      const solvedAt = world.at();
      expect(await update(id, { status: 'solved' })).toMatchObject({ solvedAt, closedAt: null });
      world.ctx.clock.advance(60);
      expect(await update(id, { status: 'pending' })).toMatchObject({ status: 'pending', solvedAt: null });
      await update(id, { status: 'solved' });
      const closedAt = world.at();
      world.ctx.clock.advance(0);
      expect(await update(id, { status: 'closed' })).toMatchObject({ solvedAt: closedAt, closedAt });
    });

    it.each(['open', 'pending', 'on_hold', 'solved', 'new'] as const)(
      'cannot leave closed (%s)',
      async (status) => {
        const { id } = world.ticket;
        await update(id, { status: 'closed' });
        const { code, facts } = await refusalOf(update(id, { status }));
        expect([code, facts]).toEqual(['invalid-transition', { from: 'closed', to: status }]);
      },
    );

    it('cannot be made new, and changes nothing of a request of which one part is refused', async () => {
      const { id } = world.ticket;
      await update(id, { status: 'open' });
      expect((await refusalOf(update(id, { status: 'new', subject: 'Other' }))).code).toBe(
        'invalid-transition',
      );
      expect(await world.db('tickets').first()).toMatchObject({ subject: 'Printer', status: 'open' });
    });

    it.each([
      { subject: ' ' },
      { assignee: 'x'.repeat(201) },
      { tags: Array.from({ length: 51 }, (_, i) => `tag ${i}`) },
      { tags: ['x'.repeat(201)] },
      { spam: true, status: 'open' as const },
    ])('refuses nonsense (%j)', async (changes) => {
      expect((await refusalOf(update(world.ticket.id, changes))).code).toBe('invalid-request');
      expect(await world.events()).toHaveLength(1);
    });

    it('refuses what was decided on an old version, with the newest message', async () => {
      const { id } = world.ticket;
      const note = await world.reply({ channel: 'note', body: 'wait!' });
      const { code, facts } = await refusalOf(update(id, { status: 'solved', version: 1 }));
      expect(code).toBe('stale-ticket');
      expect(facts).toMatchObject({ version: 2, newest_message: { id: note.id, body: 'wait!' } });
      expect((await update(id, { status: 'solved', version: 2 })).version).toBe(3);
      expect((await refusalOf(update('nobody', { status: 'solved' }))).code).toBe('not-found');
    });

    it('lets one of an answer and a solving pass that both saw the same', async () => {
      await world.give('sms', 1);
      const results = await world.asOtherProcess((ctx) =>
        Promise.allSettled([
          updateTicket(ctx, bob, { ticketId: world.ticket.id, status: 'solved', version: 1 }),
          world.reply({ version: 1 }),
        ]),
      );
      const refused = results.flatMap((result) => (result.status === 'rejected' ? [result.reason.code] : []));
      expect(refused).toEqual(['stale-ticket']);
    });
  });

  describe('spam', () => {
    it('is closed, and its request given back', async () => {
      await world.give('request', 1);
      const { id } = await ask();
      const spam = await update(id, { spam: true });
      expect(spam).toMatchObject({ spam: true, status: 'closed', version: 2, closedAt: world.at() });
      expect(await requestHolds(id)).toEqual([
        expect.objectContaining({ status: 'released', reason: 'spam' }),
      ]);
      expect(await world.credits('request')).toEqual({ available: 1, held: 0, used: 0 });
      expect((await world.events(id)).slice(1)).toEqual([
        { type: 'ticket.marked_spam', facts: { from: false, to: true } },
        { type: 'ticket.closed', facts: { from: 'new', to: 'closed' } },
      ]);
      await update(id, { spam: true });
      expect(await world.events(id)).toHaveLength(3);
      expect(await update(id, { spam: false })).toMatchObject({ spam: false, status: 'closed', version: 2 });
    });

    it('keeps what an answer has earned already', async () => {
      await world.give('request', 1);
      const { id: ticketId } = await ask();
      await world.reply({ ticketId, freeReason: 'who are you?' });
      await update(ticketId, { spam: true });
      expect(await world.credits('request')).toEqual({ available: 0, held: 0, used: 1 });
    });
  });

  describe('for orders', () => {
    const adoptable = (topUpSince = world.at()) =>
      withTransaction(world.db, (trx) => ticketToAdopt(trx, { customerId: world.alice, topUpSince }));

    it('the newest unpaid one is adopted first, then one with a top-up link, never a closed one', async () => {
      expect(await adoptable()).toBeNull();
      await world.db('tickets').where({ id: world.ticket.id }).update({ top_up_link_sent_at: world.at() });
      const [older, newer] = [await ask(), await ask()];
      expect((await adoptable())?.id).toBe(newer.id);
      await update(newer.id, { status: 'closed' });
      expect((await adoptable())?.id).toBe(older.id);
      await withTransaction(world.db, (trx) =>
        adoptUnpaidTicket(trx, momentOf(world.ctx, bob), { ticketId: older.id, orderId: 'order 7' }),
      );
      expect((await world.events(older.id)).at(-1)).toEqual({
        type: 'ticket.adopted',
        facts: { order_id: 'order 7' },
      });
      expect((await adoptable())?.id).toBe(world.ticket.id);
      world.ctx.clock.advance(1);
      expect(await adoptable()).toBeNull();
    });

    it('a ticket can go to another customer', async () => {
      const other = await world.addCustomer({ email: 'carol@example.com' });
      const move = () =>
        withTransaction(world.db, (trx) =>
          moveTicket(trx, momentOf(world.ctx, bob), { ticketId: world.ticket.id, customerId: other }),
        );
      await move();
      await move();
      expect((await world.events()).slice(1)).toEqual([
        { type: 'ticket.moved', facts: { from: world.alice, to: other } },
      ]);
      expect((await world.db('tickets').first()).customer_id).toBe(other);
    });
  });
});
