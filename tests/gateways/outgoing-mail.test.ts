import { generateKeyPairSync } from 'node:crypto';
import request from 'supertest';
import { adjust } from '../../src/domain/credits';
import { addMessageMail } from '../../src/domain/mails';
import { addMessage, findMessage } from '../../src/domain/messages';
import { addPerson } from '../../src/domain/staff';
import { findStoreBySlug, type Store } from '../../src/domain/stores';
import { openTicket, type Ticket } from '../../src/domain/tickets';
import { type Actor, systemActor } from '../../src/platform/actor';
import { withTransaction } from '../../src/platform/db';
import { changeOwnSignature } from '../../src/usecases/change-account';
import { momentOf } from '../../src/usecases/context';
import { readBounceToken, readReplyToken } from '../../src/usecases/reply-address';
import { replyToTicket } from '../../src/usecases/reply-to-ticket';
import { customerOfStopToken } from '../../src/usecases/stop-notices';
import { recipientOf, writeNotice } from '../../src/usecases/write-notice';
import { makeTestApp, type TestApp } from '../support/app';
import { chosenEngines, describeEachEngine, type TestEngine } from '../support/databases';
import { checkDkim } from '../support/dkim';
import { type ReceivedMail, SmtpPeer } from '../support/smtp-peer';

const INBOUND = { INBOUND_MAIL_TOKEN: 'm'.repeat(24) };

/** On the first engine only: what the two differ in lies below, and is tested there. */
describeEachEngine('a mail that leaves', describeMails, chosenEngines().slice(0, 1));

function describeMails(engine: TestEngine): void {
  let app: TestApp;
  let smtp: SmtpPeer;
  let store: Store;
  let ticket: Ticket;
  let customerId: string;
  let bob: Actor;

  beforeEach(async () => {
    smtp = await new SmtpPeer().listen();
    await open(INBOUND);
  });
  afterEach(async () => {
    expect(app.logs()).not.toMatch(/alice@|PRIVATE KEY/);
    await app.close();
    await smtp.close();
  });

  async function open(env: Record<string, string>): Promise<void> {
    const mail = { SMTP_URL: smtp.url, MAIL_FROM: 'Pomoč, d.o.o. <help@shop.example>' };
    app = await makeTestApp(engine, { env: { ...mail, ...env } });
    store = (await findStoreBySlug(app.db, 'default')) as Store;
    customerId = app.ctx.ids.next();
    const moment = momentOf(app.ctx, systemActor);
    await app.db('customers').insert({
      id: customerId,
      store_id: store.id,
      name: 'Alice Kupec',
      email: 'alice@example.com',
      email_normalised: 'alice@example.com',
      locale: 'sl',
      details_as_of: '{}',
      created_at: moment.at,
      updated_at: moment.at,
    });
    await withTransaction(app.db, async (trx) => {
      const gift = { customerId, meter: 'email' as const, quantity: 9, kind: 'goodwill' as const };
      await adjust(trx, moment, { ...gift, reason: 'test' });
      const person = {
        email: 'bob@shop.example',
        name: 'Bob Žagar',
        passwordHash: 'none',
        role: 'agent' as const,
      };
      bob = { kind: 'staff', id: (await addPerson(trx, moment, person)).id, name: 'Bob Žagar' };
      const opening = { storeId: store.id, customerId, subject: 'Tiskalnik', origin: 'order' as const };
      ticket = await openTicket(trx, moment, opening);
    });
  }

  async function reply(body = 'Živjo', subject?: string): Promise<ReceivedMail & { id: string }> {
    const input = { ticketId: ticket.id, channel: 'email' as const, body };
    const { id } = await replyToTicket(app.ctx, bob, {
      ...input,
      ...(subject === undefined ? {} : { subject }),
    });
    await app.drain();
    return { ...last(), id };
  }

  async function aliceWrites(providerId: string | null): Promise<void> {
    const by: Actor = { kind: 'customer', id: customerId, name: 'Alice' };
    await withTransaction(app.db, (trx) =>
      addMessage(trx, momentOf(app.ctx, by), {
        ticketId: ticket.id,
        direction: 'in',
        channel: 'email',
        kind: 'customer',
        body: 'Hm',
        status: 'received',
        providerId,
      }),
    );
  }

  async function notice(key = 'expiry:1'): Promise<ReceivedMail | null> {
    const recipient = await recipientOf(app.db, customerId);
    if (!recipient) return null;
    await withTransaction(app.db, (trx) =>
      writeNotice(trx, momentOf(app.ctx, systemActor), {
        ticketId: ticket.id,
        recipient,
        store,
        messageKey: key,
        subject: 'Your help is running low',
        paragraphs: ['it is running low.'],
        sms: 'low',
      }),
    );
    await app.drain();
    return last();
  }

  function last(): ReceivedMail {
    const mail = smtp.received.at(-1);
    if (!mail) throw new Error('no mail came');
    return mail;
  }

  const header = (mail: ReceivedMail, name: string): string | undefined =>
    new RegExp(`^${name}:((?:.|\\r\\n[ \\t])*)$`, 'im')
      .exec(
        mail.raw
          .slice(0, mail.raw.indexOf('\r\n\r\n'))
          .replaceAll('\r\n', '\n')
          .replace(/\n[ \t]+/g, ' '),
      )?.[1]
      ?.trim();

  it('has the agent’s name, a signature, the number of the ticket, and says it as text and as HTML', async () => {
    const mail = await reply('Živjo!\n\nPoglejte https://shop.example/x <tukaj>.');
    const name = store.name;
    expect(mail).toMatchObject({
      from: `Bob Žagar, ${name} <help@shop.example>`,
      subject: `Tiskalnik [#${ticket.number}]`,
      text: `Živjo!\n\nPoglejte https://shop.example/x <tukaj>.\n\n-- \nBob Žagar\n${name}`,
    });
    expect(mail.headers.get('content-type')).toMatchObject({ value: 'multipart/alternative' });
    expect(mail.html).toContain(
      'Poglejte <a href="https://shop.example/x">https://shop.example/x</a> &lt;tukaj&gt;.</p>',
    );
    expect(mail.html).toContain(`Bob Žagar<br>\n${name}</p>`);
    // An answer of a person: absence notices may answer it, and nobody can stop it.
    for (const absent of ['auto-submitted', 'list-unsubscribe', 'list-unsubscribe-post']) {
      expect([absent, header(mail, absent)]).toEqual([absent, undefined]);
    }
  });

  it('has the signature that the agent wrote, from the next mail on', async () => {
    const before = await reply();
    await changeOwnSignature(app.ctx, bob, '  \r\nLp, Bob\r\n  Servis\r\n\r\n');
    expect(before.text).toContain('-- \nBob Žagar\n');
    expect((await reply()).text).toBe('Živjo\n\n-- \nLp, Bob\n  Servis');
  });

  it('says the number of the ticket once, whoever wrote it into the subject', async () => {
    expect((await reply('1', `Re: Tiskalnik [#${ticket.number}]`)).subject).toBe(
      `Re: Tiskalnik [#${ticket.number}]`,
    );
    expect((await reply('2', 'Re: [#999] x')).subject).toBe(`Re: [#999] x [#${ticket.number}]`);
  });

  it('answers the customer’s newest mail, and names the mails before it, so that programs thread it', async () => {
    const first = await reply('one');
    expect([header(first, 'in-reply-to'), header(first, 'references')]).toEqual([undefined, undefined]);
    const second = await reply('two');
    expect(header(second, 'in-reply-to')).toBe(first.messageId);
    await aliceWrites('<CA+abc=1@mail.example.com>');
    // Of a mail without a sane Message-ID nothing can be said.
    await aliceWrites(null);
    await aliceWrites('<x\r\nBcc: mallory@example.com>');
    const third = await reply('three');
    expect(header(third, 'references')).toBe(
      `${first.messageId} ${second.messageId} <CA+abc=1@mail.example.com>`,
    );
    expect(header(third, 'in-reply-to')).toBe('<CA+abc=1@mail.example.com>');
    const fourth = await reply('four');
    expect(header(fourth, 'in-reply-to')).toBe('<CA+abc=1@mail.example.com>');
    expect(header(fourth, 'references')).toContain(third.messageId as string);
    expect(fourth.envelope.to).toEqual(['alice@example.com']);
  });

  it('does not name what somebody else wrote into the ticket, until an agent let it stand', async () => {
    await aliceWrites('<of.mallory@evil.example>');
    const { id } = await app.db('messages').where({ provider_id: '<of.mallory@evil.example>' }).first('id');
    await withTransaction(app.db, (trx) =>
      addMessageMail(trx, {
        ...{ messageId: id, fromAddress: 'mallory@evil.example', fromName: 'Mallory', class: 'person' },
        ...{ matchedBy: 'subject', sender: 'different', quoted: '', signature: '' },
        ...{ html: null, remoteImages: 0, limitsHit: [] },
      }),
    );
    expect(header(await reply('one'), 'references')).toBeUndefined();
    await app.db('message_mails').where({ message_id: id }).update({ sender: 'accepted' });
    expect(header(await reply('two'), 'references')).toContain('<of.mallory@evil.example>');
  });

  it('does not name mails that never arrived', async () => {
    smtp.plan.push({ code: 552, words: '5.2.2 full' });
    const input = { ticketId: ticket.id, channel: 'email' as const, body: 'lost' };
    const lost = await replyToTicket(app.ctx, bob, input);
    await app.drain();
    expect((await findMessage(app.db, lost.id))?.status).toBe('failed');
    expect(header(await reply('again'), 'references')).toBeUndefined();
  });

  it('wants answers and bounces at addresses that say by themselves what they belong to', async () => {
    const mail = await reply();
    expect(header(mail, 'from')).toContain('<help@shop.example>');
    const replyTo = header(mail, 'reply-to') ?? '';
    expect(replyTo).toMatch(/^help\+r[a-z2-7]{42}@shop\.example$/);
    expect(readReplyToken(app.ctx.vault, replyTo)).toEqual({ ticketId: ticket.id });
    expect(mail.envelope.from).toMatch(/^help\+b[a-z2-7]{42}@shop\.example$/);
    expect(readBounceToken(app.ctx.vault, mail.envelope.from)).toEqual({ messageId: mail.id });
    expect(readReplyToken(app.ctx.vault, mail.envelope.from)).toBeNull();
  });

  it('has the plain sender where nothing that comes in is read, or where its name has no room for more', async () => {
    await app.close();
    await open({ INBOUND_MAIL_TOKEN: '' });
    const unread = await reply();
    expect([header(unread, 'reply-to'), unread.envelope.from]).toEqual([undefined, 'help@shop.example']);
    await app.close();
    const long = `customer-service-and-help@shop.example`;
    await open({ ...INBOUND, MAIL_FROM: long });
    const narrow = await reply();
    expect([header(narrow, 'reply-to'), narrow.envelope.from]).toEqual([undefined, long]);
  });

  it.each([
    { code: 553, words: '5.7.1 Sender address rejected: not owned by user', at: 'sender' as const },
    {
      code: 550,
      words: '5.7.60 SMTP; Client does not have permissions to send as this sender',
      at: 'recipient' as const,
    },
  ])(
    'is sent from the plain address where the server lets nobody send from another: $words',
    async (refusal) => {
      smtp.plan.push(refusal);
      const first = await reply('one');
      expect(first.envelope.from).toBe('help@shop.example');
      expect(header(first, 'reply-to')).toContain('help+r');
      // The next one does not try again.
      smtp.plan.push('accept');
      await reply('two');
      expect(smtp.received.map(({ envelope }) => envelope.from)).toEqual([
        'help@shop.example',
        'help@shop.example',
      ]);
      const rows = await app.db('messages').where({ channel: 'email' }).select('status', 'attempts');
      expect(rows).toEqual([
        { status: 'sent', attempts: 1 },
        { status: 'sent', attempts: 1 },
      ]);
    },
  );

  it('that is a notice can be stopped, by the mail program at once or by its link; answers come all the same', async () => {
    const mail = (await notice()) as ReceivedMail;
    const url = /^<(https:\/\/help\.example\.com\/notices\/[\w.-]+)>$/.exec(
      header(mail, 'list-unsubscribe') ?? '',
    )?.[1] as string;
    expect(header(mail, 'list-unsubscribe-post')).toBe('List-Unsubscribe=One-Click');
    expect(header(mail, 'auto-submitted')).toBe('auto-generated');
    expect(header(mail, 'from')).not.toContain('Bob');
    expect(mail.text).toContain(`-- \nOdjava od takih obvestil: ${url}`);
    expect(mail.html).toContain(`<a href="${url}">`);
    const { pathname } = new URL(url);
    expect(customerOfStopToken(app.ctx, pathname.slice('/notices/'.length))).toBe(customerId);

    const stopped = async () =>
      (await app.db('customers').where({ id: customerId }).first()).notices_stopped_at;
    await request(app.http).get(pathname).expect(200);
    await request(app.http).head(pathname);
    expect(await stopped()).toBeNull();
    for (const changed of [
      pathname.slice(0, -1),
      `${pathname}x`,
      pathname.replace(/.$/, (c) => (c === 'A' ? 'B' : 'A')),
    ]) {
      await request(app.http).post(changed).type('form').send('List-Unsubscribe=One-Click').expect(404);
    }
    expect(await stopped()).toBeNull();
    await request(app.http).post(pathname).type('form').send('List-Unsubscribe=One-Click').expect(200);
    const since = await stopped();
    expect(since).toBe(app.clock.now().toISOString());
    app.clock.advance(60);
    await request(app.http).post(pathname).field('List-Unsubscribe', 'One-Click').expect(200);
    expect(await stopped()).toBe(since);
    expect(await app.db('audit_log').where({ action: 'customer.notices-stopped' })).toHaveLength(1);

    expect(await notice('expiry:2')).toBeNull();
    expect((await reply()).text).toContain('Živjo');
  });

  it('is signed with DKIM where there is a key, all that matters in it', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', {
      modulusLength: 1024,
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    });
    await app.close();
    await open({ ...INBOUND, DKIM_SELECTOR: 'zeton1', DKIM_PRIVATE_KEY: privateKey.replaceAll('\n', '\\n') });
    await notice();
    const mail = await reply('Čas šele žari\n.\n\n  konec  ');
    const checked = checkDkim(mail.raw, publicKey);
    expect(checked).toMatchObject({ domain: 'shop.example', selector: 'zeton1' });
    for (const name of [
      'from',
      'reply-to',
      'subject',
      'date',
      'message-id',
      'to',
      'in-reply-to',
      'references',
      'content-type',
    ])
      expect(checked.signed).toContain(name);
    // RFC 8058 4: both of them have to be signed.
    const signed = checkDkim(smtp.received[0]?.raw ?? '', publicKey).signed;
    expect(signed).toEqual(
      expect.arrayContaining(['list-unsubscribe', 'list-unsubscribe-post', 'auto-submitted']),
    );
    expect(() => checkDkim(mail.raw.replace(/^Subject: ./m, 'Subject: X'), publicKey)).toThrow('not good');
    expect(() => checkDkim(`${mail.raw.trimEnd()}x\r\n`, publicKey)).toThrow('the body was changed');
  });
}
