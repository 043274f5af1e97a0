import { createHash } from 'node:crypto';
import { readAlarms } from '../../src/console/alarms.query';
import { claimArrivals } from '../../src/domain/arrivals';
import { verifyLedger } from '../../src/domain/credits';
import { changeTicket } from '../../src/domain/tickets';
import { jobs } from '../../src/jobs';
import { addSeconds, iso } from '../../src/platform/clock';
import { withTransaction } from '../../src/platform/db';
import { limits } from '../../src/platform/limits';
import { momentOf } from '../../src/usecases/context';
import { decideAboutArrival } from '../../src/usecases/decide-arrival';
import { decideAboutSender } from '../../src/usecases/decide-sender';
import { receiveMails } from '../../src/usecases/receive-mail';
import { describeEachEngine } from '../support/databases';
import { MailWorld, mailOf, SUPPORT } from '../support/mail-world';
import { bob } from '../support/messaging-world';

describeEachEngine('mail that comes in', (engine) => {
  let world: MailWorld;

  beforeEach(async () => {
    const { db, url } = await engine.freshDatabase();
    world = await MailWorld.of(db, url);
  });
  afterEach(async () => {
    expect((await verifyLedger(world.db)).problems).toEqual([]);
  });

  const setStatus = (status: 'pending' | 'solved' | 'closed', ticketId = world.ticket.id) =>
    withTransaction(world.db, (trx) =>
      changeTicket(trx, momentOf(world.ctx, bob), { ticketId, changes: { status } }),
    );
  const tickets = () => world.db('tickets').orderBy('id');

  describe('finds its ticket', () => {
    test('an answer to our signed address is the customer’s word: it reopens the ticket and counts as seen by nobody', async () => {
      await setStatus('solved');
      const before = await world.ticketRow();
      const taken = await world.bring({
        to: world.replyAddress(),
        subject: `Re: Printer [#${world.ticket.number}]`,
        text: 'It prints now.\r\n\r\nOn Sat, 21 Nov 2026 at 08:00, Bob <podpora@trgovina.example> wrote:\r\n> Try again.\r\n',
      });
      expect(taken).toMatchObject({ status: 'done', class: 'person', storm: 0, answer_at: null });
      const words = await world.words(taken);
      expect(words).toMatchObject({
        ticketId: world.ticket.id,
        direction: 'in',
        channel: 'email',
        kind: 'customer',
        authorId: world.alice,
        body: 'It prints now.',
      });
      expect(words.mail).toMatchObject({
        matched_by: 'token',
        sender: 'known',
        from_address: 'alice@example.com',
      });
      expect(words.mail.quoted).toContain('Try again.');
      const after = await world.ticketRow();
      expect(after).toMatchObject({ status: 'open', version: before.version + 1 });
    });

    test('of token, Message-ID and subject the strongest that is there decides, and who only names the subject is marked', async () => {
      const other = await world.addTicket(world.alice, 'Router');
      await world.give('email', 3);
      const sent = await world.sentReply();
      const references = [`In-Reply-To: <${sent}@localhost>`];
      const byToken = await world.words(
        await world.bring({ to: world.replyAddress(other.id), headers: references }),
      );
      expect([byToken.ticketId, byToken.mail.matched_by]).toEqual([other.id, 'token']);
      const byId = await world.words(
        await world.bring({ headers: references, subject: `Re: [#${other.number}] Router` }),
      );
      expect([byId.ticketId, byId.mail.matched_by, byId.mail.sender]).toEqual([
        world.ticket.id,
        'message_id',
        'known',
      ]);
      const bySubject = await world.words(await world.bring({ subject: `Re: Router [#${other.number}]` }));
      expect([bySubject.ticketId, bySubject.mail.matched_by, bySubject.mail.sender]).toEqual([
        other.id,
        'subject',
        'unproven',
      ]);
      // A customer who answers their own mail, without any of ours in between.
      const again = await world.words(
        await world.bring({ headers: [`References: ${byId.providerId}`], subject: 'Re: Printer' }),
      );
      expect([again.ticketId, again.mail.matched_by]).toEqual([world.ticket.id, 'message_id']);
    });

    test('a token that was changed by one letter is none', async () => {
      const address = world.replyAddress();
      const forged = address.replace(/(.)@/, (_, last: string) => `${last === 'a' ? 'b' : 'a'}@`);
      await world.bring({ to: world.replyAddress(), text: 'So that the order’s ticket has a word.' });
      const words = await world.words(await world.bring({ to: forged, subject: 'Something else' }));
      expect(words.ticketId).not.toBe(world.ticket.id);
    });

    test('the first mail of a customer goes to the ticket of their order, the next one that answers nothing asks something new', async () => {
      const first = await world.words(await world.bring({ subject: 'Hello' }));
      expect([first.ticketId, first.mail.matched_by, first.mail.sender]).toEqual([
        world.ticket.id,
        'sender',
        'unproven',
      ]);
      const second = await world.words(await world.bring({ subject: 'Fwd: Re: The router, too' }));
      expect(second.ticketId).not.toBe(world.ticket.id);
      expect(await world.ticketRow(second.ticketId)).toMatchObject({
        subject: 'The router, too',
        status: 'new',
        customer_id: world.alice,
      });
    });

    test('a word in a closed ticket opens one that goes on with it', async () => {
      await setStatus('closed');
      const words = await world.words(
        await world.bring({ to: world.replyAddress(), subject: 'Re: Printer' }),
      );
      expect(await world.ticketRow(words.ticketId)).toMatchObject({
        follow_up_of: world.ticket.id,
        subject: 'Printer',
        unpaid: 0,
      });
      expect(await world.ticketRow()).toMatchObject({ status: 'closed' });
    });

    test('a word in what was marked as spam is kept there, and calls nobody', async () => {
      await withTransaction(world.db, (trx) =>
        changeTicket(trx, momentOf(world.ctx, bob), { ticketId: world.ticket.id, changes: { spam: true } }),
      );
      const before = await world.ticketRow();
      const taken = await world.bring({ to: world.replyAddress() });
      expect((await world.words(taken)).ticketId).toBe(world.ticket.id);
      expect(await world.ticketRow()).toEqual(before);
      expect(await tickets()).toHaveLength(1);
    });

    test('the same mail by two ways is one message', async () => {
      const raw = mailOf({ to: world.replyAddress() });
      await world.keep(raw, { way: 'imap', from: null });
      await world.keep(Buffer.concat([Buffer.from('Received: from elsewhere\r\n'), raw]), { way: 'http' });
      await world.receive();
      await world.receive();
      expect(await world.db('messages').where({ channel: 'email' })).toHaveLength(1);
    });

    test('the same mail is one message also where a server on one way encodes it anew', async () => {
      const mail = { to: world.replyAddress(), messageId: '<once@posta.example>' };
      const encoded = (encoding: string, text: string) =>
        mailOf({
          ...mail,
          headers: ['Content-Type: text/plain; charset=utf-8', `Content-Transfer-Encoding: ${encoding}`],
          text,
        });
      await world.keep(encoded('8bit', 'Živjo, ne dela.'), { way: 'imap' });
      const again = await world.keep(encoded('quoted-printable', '=C5=BDivjo, ne dela.'), { way: 'http' });
      const other = await world.keep(encoded('8bit', 'Zdaj dela.'), { way: 'http' });
      for (let n = 0; n < 3; n++) await world.receive();
      expect(await world.takenIn(again)).toMatchObject({ status: 'ignored', message_id: null });
      expect(await world.takenIn(other)).toMatchObject({ status: 'done' });
      const bodies = await world.db('messages').where({ channel: 'email' }).orderBy('id').pluck('body');
      expect(bodies).toEqual(['Živjo, ne dela.', 'Zdaj dela.']);
    });

    test('what a scanner sends under one Message-ID are as many messages as there are pages', async () => {
      const scan = (page: string) =>
        mailOf({
          to: world.replyAddress(),
          messageId: '<scanner@device.example>',
          headers: [
            'Content-Type: application/pdf; name=scan.pdf',
            'Content-Disposition: attachment; filename=scan.pdf',
            'Content-Transfer-Encoding: base64',
          ],
          text: Buffer.from(`%PDF-1.4 ${page}`).toString('base64'),
        });
      const kept = [await world.keep(scan('one')), await world.keep(scan('two'))];
      for (let n = 0; n < 2; n++) await world.receive();
      for (const id of kept) expect(await world.takenIn(id)).toMatchObject({ status: 'done' });
    });

    test('the customer’s answer to our signed address counts also by way of a mailing list of theirs', async () => {
      const headers = ['List-Id: <all.example.com>', 'Precedence: list'];
      const theirs = await world.bring({ to: world.replyAddress(), headers, text: 'From all of us.' });
      expect((await world.words(theirs)).ticketId).toBe(world.ticket.id);
      for (const other of [
        { to: world.replyAddress(), from: 'news@elsewhere.example' },
        { to: SUPPORT, from: 'alice@example.com' },
      ]) {
        expect(await world.bring({ ...other, headers })).toMatchObject({ status: 'ignored', class: 'list' });
      }
    });

    test('of one sender the mails come in as they were sent, whoever works', async () => {
      const ids = [];
      for (let n = 1; n <= 6; n++) {
        ids.push(await world.keep(mailOf({ to: world.replyAddress(), text: `number ${n}` })));
      }
      while (
        (
          await Promise.all([receiveMails(world.ctx, { limit: 3 }), receiveMails(world.ctx, { limit: 3 })])
        ).some((count) => count > 0)
      );
      const bodies = await world.db('messages').where({ channel: 'email' }).orderBy('id').pluck('body');
      expect(bodies).toEqual(ids.map((_, n) => `number ${n + 1}`));
    });
  });

  describe('from somebody else than the customer', () => {
    const strange = () =>
      world.bring({ from: 'Mallory <mallory@evil.example>', to: world.replyAddress(), text: 'Give me all.' });

    test('is kept in the ticket and marked, wakes an agent, and is nobody’s word until it is accepted', async () => {
      await setStatus('solved');
      const before = await world.ticketRow();
      const words = await world.words(await strange());
      expect(words).toMatchObject({ ticketId: world.ticket.id, authorId: '', authorName: 'Mallory' });
      expect(words.mail.sender).toBe('different');
      expect(await world.ticketRow()).toMatchObject({ status: 'open', version: before.version });
      expect((await world.events()).map(({ type }) => type)).toContain('mail.different_sender');

      const accepted = await decideAboutSender(world.ctx, bob, { messageId: words.id, decision: 'accept' });
      expect(accepted).toEqual({ ticketId: world.ticket.id, changed: true });
      expect(await world.ticketRow()).toMatchObject({ version: before.version + 1 });
      const again = await decideAboutSender(world.ctx, bob, { messageId: words.id, decision: 'spam' });
      expect(again).toEqual({ ticketId: world.ticket.id, changed: false });
      expect((await world.db('message_mails').where({ message_id: words.id }).first()).sender).toBe(
        'accepted',
      );
    });

    test('a colleague in Cc is somebody else, too; and so is who writes a second sender beside the customer', async () => {
      const cc = await world.words(
        await world.bring({ from: 'Tone <tone@example.com>', to: SUPPORT, cc: world.replyAddress() }),
      );
      expect([cc.ticketId, cc.mail.sender]).toEqual([world.ticket.id, 'different']);
      const two = await world.words(
        await world.bring({ from: 'alice@example.com, mallory@evil.example', to: world.replyAddress() }),
      );
      expect([two.ticketId, two.mail.sender]).toEqual([world.ticket.id, 'different']);
    });

    test('split off, it is a ticket of the sender’s own, and nothing of it stays', async () => {
      const words = await world.words(await strange());
      const { ticketId } = await decideAboutSender(world.ctx, bob, {
        messageId: words.id,
        decision: 'split',
      });
      expect(ticketId).not.toBe(world.ticket.id);
      expect((await world.message(words.id)).ticketId).toBe(ticketId);
      const opened = await world.ticketRow(ticketId);
      expect(opened).toMatchObject({ unpaid: 1, spam: 0 });
      const customer = await world.db('customers').where({ id: opened.customer_id }).first();
      expect(customer.email_normalised).toBe('mallory@evil.example');
    });

    test('as spam it is a closed ticket of its own', async () => {
      const words = await world.words(await strange());
      const { ticketId } = await decideAboutSender(world.ctx, bob, { messageId: words.id, decision: 'spam' });
      expect(await world.ticketRow(ticketId)).toMatchObject({ spam: 1, status: 'closed' });
    });

    test('a closed ticket takes nothing of theirs: it is their own question', async () => {
      await setStatus('closed');
      const words = await world.words(await strange());
      const opened = await world.ticketRow(words.ticketId);
      expect(opened).toMatchObject({ follow_up_of: null, unpaid: 1 });
      expect(opened.customer_id).not.toBe(world.alice);
    });
  });

  describe('that programs wrote', () => {
    test('an absence notice is shown, and changes and spends nothing', async () => {
      await world.give('email', 1);
      const sent = await world.sentReply();
      const before = await world.ticketRow();
      // RFC 3834: it goes to the return path.
      const taken = await world.bring(
        { to: world.returnPath(sent), headers: ['Auto-Submitted: auto-replied'], subject: 'Out of office' },
        { from: '' },
      );
      expect((await world.words(taken)).mail.class).toBe('auto-reply');
      expect(taken.answer_at).toBeNull();
      expect(await world.ticketRow()).toEqual(before);
      expect(await world.credits('email')).toEqual({ available: 0, held: 0, used: 1 });
    });

    test('an automatic mail of nobody we know opens nothing', async () => {
      const taken = await world.bring({
        from: 'shop@elsewhere.example',
        headers: ['Auto-Submitted: auto-generated'],
      });
      expect(taken).toMatchObject({ status: 'ignored', message_id: null });
      expect(await tickets()).toHaveLength(1);
    });

    test('newsletters and our own mails are kept, and are nobody’s word', async () => {
      const list = await world.bring({ headers: ['List-Id: <news.elsewhere.example>'] });
      expect(list).toMatchObject({ status: 'ignored', class: 'list' });
      await world.give('email', 1);
      const sent = await world.sentReply();
      const own = await world.bring({ messageId: `<${sent}@localhost>`, to: world.replyAddress() });
      expect(own).toMatchObject({ status: 'ignored', class: 'own' });
      expect(await world.db('messages').where({ direction: 'in' })).toEqual([]);
      expect(await world.db('inbound_mail_raws')).toHaveLength(2);
    });
  });

  test('a Message-ID of the form of ours, as phones make them too, is no reason to overhear a customer', async () => {
    const messageId = `<${world.ctx.ids.next().toUpperCase()}@localhost>`;
    const taken = await world.bring({ messageId, to: world.replyAddress() });
    expect(taken).toMatchObject({ status: 'done', answer_at: null });
    expect((await world.words(taken)).ticketId).toBe(world.ticket.id);
  });

  describe('that cannot be taken in', () => {
    test('is tried again, then parked, and those behind it go their way', async () => {
      const poison = await world.keep(mailOf({ to: world.replyAddress(), text: 'poison' }));
      await world.db.raw(
        engine.name === 'sqlite'
          ? `CREATE TRIGGER refuse BEFORE INSERT ON messages WHEN NEW.body = 'poison' BEGIN SELECT RAISE(ABORT, 'no'); END`
          : `ALTER TABLE messages ADD CONSTRAINT refuse CHECK (body <> 'poison')`,
      );
      await world.keep(mailOf({ from: 'tone@example.com', subject: 'Behind it' }));
      for (let n = 0; n < limits.inboxAttempts; n++) {
        await world.receive();
        world.ctx.clock.advance(2 * limits.backoffCapSeconds);
      }
      expect(await world.takenIn(poison)).toMatchObject({ status: 'failed', message_id: null });
      expect(await tickets()).toHaveLength(2);
      expect((await world.db('inbound_mail_raws').where({ mail_id: poison }).first()).content).toBeDefined();
    });

    test('what has no sender and no text is kept as failed, with the reason', async () => {
      const taken = await world.bring(Buffer.from('garbage without any header'), { from: null });
      expect(taken).toMatchObject({ status: 'failed', class: 'unreadable' });
      expect(taken.reason).toContain('cannot be read');
      expect(await readAlarms(world.db, world.ctx.clock.now(), null, [])).toEqual([
        { kind: 'arrivals', count: 1 },
      ]);
      expect(await decideAboutArrival(world.ctx, bob, { way: 'mail', id: taken.id, to: 'ignored' })).toEqual({
        changed: true,
      });
      expect(await decideAboutArrival(world.ctx, bob, { way: 'mail', id: taken.id, to: 'ignored' })).toEqual({
        changed: false,
      });
      expect(await readAlarms(world.db, world.ctx.clock.now(), null, [])).toEqual([]);
    });
  });

  const png = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex');
  const mailWithFile = () =>
    mailOf({
      to: world.replyAddress(),
      headers: ['Content-Type: multipart/mixed; boundary="b"'],
      text: [
        '--b\r\nContent-Type: text/plain\r\n\r\nSee the file.',
        `--b\r\nContent-Type: image/png; name="screen.png"\r\nContent-Disposition: attachment; filename="screen.png"\r\nContent-Transfer-Encoding: base64\r\n\r\n${png.toString('base64')}`,
        '--b--',
      ].join('\r\n'),
    });

  test('is left to the worker that took it over while it was read', async () => {
    const { ctx, db } = world;
    const id = await world.keep(mailWithFile());
    const takenOver = async () => {
      ctx.clock.advance(limits.leaseSeconds + 1);
      const now = ctx.clock.now();
      const leaseUntil = iso(addSeconds(now, limits.leaseSeconds));
      const claim = { owner: 'other', now: iso(now), leaseUntil, limit: 1 };
      await withTransaction(db, (trx) => claimArrivals(trx, 'mail', claim));
    };
    const files = { put: takenOver } as unknown as NonNullable<typeof ctx.files>;
    await receiveMails({ ...ctx, files }, { limit: 1 });
    expect(await db('messages').where({ direction: 'in' })).toEqual([]);
    expect(await db('inbound_mails').where({ id }).first()).toMatchObject({
      status: 'pending',
      lease_owner: 'other',
    });
    ctx.clock.advance(limits.leaseSeconds + 1);
    await world.receive();
    expect(await world.takenIn(id)).toMatchObject({ status: 'done' });
  });

  test('files of a mail are kept with its message', async () => {
    const words = await world.words(await world.bring(mailWithFile()));
    const [file] = await world.db('attachments').where({ message_id: words.id });
    expect(file).toMatchObject({
      filename: 'screen.png',
      content_type: 'image/png',
      size_bytes: png.length,
      sha256: createHash('sha256').update(png).digest('hex'),
    });
  });

  test('is there as it came for 90 days, and its words and files stay', async () => {
    const forget = () => jobs.find(({ name }) => name === 'mail.forget')?.run(world.ctx);
    const taken = await world.bring(mailWithFile());
    world.ctx.clock.advance(90 * 86_400);
    expect(await forget()).toBe(0);
    expect(await world.db('inbound_mail_raws')).toHaveLength(1);
    world.ctx.clock.advance(1);
    expect(await forget()).toBe(1);
    expect(await world.db('inbound_mail_raws')).toEqual([]);
    expect(await world.words(taken)).toMatchObject({ body: 'See the file.' });
    expect(await world.db('attachments')).toMatchObject([{ filename: 'screen.png' }]);
  });
});
