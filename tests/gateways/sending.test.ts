import type { AddressInfo } from 'node:net';
import { createServer, type Server, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { readConfig } from '../../src/config';
import { makeSandboxEmail, makeSmtpGateway, smtpServer } from '../../src/gateways/email';
import type { EmailGateway, OutgoingEmail } from '../../src/gateways/email/gateway';
import { makeSandboxSms, makeTwilioGateway } from '../../src/gateways/sms';
import type { OutgoingSms, SmsGateway } from '../../src/gateways/sms/gateway';
import { limits } from '../../src/platform/limits';
import { smsFailureInWords } from '../../src/usecases/sms-words';
import { TEST_ENV } from '../support/app';
import { SmtpPeer, type SmtpPlan } from '../support/smtp-peer';
import {
  ACCOUNT_SID,
  AUTH_TOKEN,
  TwilioDouble,
  type TwilioPlan,
  type WrongAnswer,
} from '../support/twilio-double';

/** One contract for every transport; below it what only a real one can meet. */

const PASSWORD = 'p%ss wörd/@:?';
const FROM = 'Pomoč, d.o.o. <help@shop.example>';
const NUMBER = '+38641555000';
const store = { slug: 'default', name: 'Trgovina' };
/** Short: what hangs is meant to hang. */
const quick = { ...limits, smtpSendMs: 400, smtpConnectMs: 400, smsRequestMs: 400, smsConnectMs: 200 };
/** Where nothing is: a busy machine may take its time. */
const patient = { limits };

async function* endless(chunk: Buffer): AsyncGenerator<Buffer> {
  for (;;) yield chunk;
}

const TEXTS = [
  ['plain', 'Hello, is everything still all right?'],
  ['č š ž', 'Živjo! Vaše čiščenje je končano, šest žarnic je zamenjanih.'],
  ['emoji', 'Super 👍🏽👩‍👩‍👧‍👦 🇸🇮'],
  ['right to left', 'שלום, مرحبا بكم — ok?'],
  ['Greek', 'Καλημέρα, το πρόβλημα λύθηκε.'],
  ['lines', 'One\n\nTwo \n.\n..\nFrom here\n> quoted\n-- \nBob'],
  ['markup', '<script>alert(1)</script> &amp; "quotes" =3D %20'],
  ['long lines', `${'č1 '.repeat(200)}\n${'plain '.repeat(50)}\n${'x'.repeat(200)} end`],
] as const;

interface Seen {
  from: string;
  to: string;
  subject: string | null;
  text: string;
}

function makeShelf() {
  const seen: Seen[] = [];
  const ids = new Set<string>();
  return {
    seen,
    record: async ({ messageId, from, to, subject, text }: Seen & { messageId: string }) => {
      if (!ids.has(messageId)) seen.push({ from, to, subject, text });
      ids.add(messageId);
    },
    has: async (messageId: string) => ids.has(messageId),
  };
}

let last = 0;
function mailTo(to: string, changes: Partial<OutgoingEmail> = {}): OutgoingEmail {
  const id = `m${++last}`;
  const messageId = `<${id}@help.example.com>`;
  return {
    id,
    messageId,
    to,
    store,
    subject: 'Printer',
    text: 'Živjo',
    kind: 'reply',
    ticketId: 't1',
    ...changes,
  };
}

function smsTo(to: string, changes: Partial<OutgoingSms> = {}): OutgoingSms {
  return { id: `m${++last}`, to, store, text: 'Živjo', kind: 'reply', ticketId: 't1', ...changes };
}

describe('sending e-mail', () => {
  let peer: SmtpPeer;
  const opened: { close(): void }[] = [];

  beforeEach(async () => {
    peer = await new SmtpPeer({ user: 'help@shop.example', password: PASSWORD }).listen();
  });
  afterEach(async () => {
    for (const gateway of opened.splice(0)) gateway.close();
    await peer.close();
  });

  function smtp(changes: Partial<Parameters<typeof makeSmtpGateway>[0]> = {}) {
    const common = { from: FROM, domain: 'help.example.com', limits: quick };
    const gateway = makeSmtpGateway({ ...common, ...changes, url: changes.url ?? peer.url });
    opened.push(gateway);
    return gateway;
  }

  const transports: [string, () => { gateway: EmailGateway; seen: () => Seen[]; refuseNext: () => void }][] =
    [
      [
        'the sandbox',
        () => {
          const shelf = makeShelf();
          const refuseNext = () => undefined; // by its address
          return {
            gateway: makeSandboxEmail({ from: FROM, domain: 'localhost', shelf }),
            seen: () => shelf.seen,
            refuseNext,
          };
        },
      ],
      [
        'SMTP',
        () => ({
          gateway: smtp(patient),
          seen: () => peer.received.map(({ from, to, subject, text }) => ({ from, to, subject, text })),
          refuseNext: () => peer.plan.push({ code: 550, words: '5.1.1 <bounce@example.com>: no such user' }),
        }),
      ],
    ];

  describe.each(transports)('by %s', (_name, open) => {
    it.each(TEXTS)('brings the text as it was written: %s', async (_what, text) => {
      const { gateway, seen } = open();
      const subject = `Re: ${text.replace(/\s+/g, ' ').slice(0, 200).trim()}`;
      const outcome = await gateway.send(mailTo('alice@example.com', { text, subject }));
      expect(outcome).toEqual({ kind: 'accepted', providerId: expect.stringMatching(/./) });
      expect(seen()).toEqual([{ from: FROM, to: 'alice@example.com', subject, text }]);
    });

    it('says when a mailbox does not exist, and tells the address to no log', async () => {
      const { gateway, seen, refuseNext } = open();
      refuseNext();
      const outcome = await gateway.send(mailTo('bounce@example.com'));
      expect(outcome).toEqual({
        kind: 'rejected',
        reason: expect.stringContaining('5.1.1'),
        status: '5.1.1',
      });
      expect(JSON.stringify(outcome)).not.toContain('example.com');
      expect(seen()).toEqual([]);
    });

    it('still works after a refusal', async () => {
      const { gateway, seen, refuseNext } = open();
      refuseNext();
      await gateway.send(mailTo('bounce@example.com'));
      expect((await gateway.send(mailTo('alice@example.com'))).kind).toBe('accepted');
      expect(seen()).toHaveLength(1);
    });

    it('takes twenty at once', async () => {
      const { gateway, seen } = open();
      const mails = Array.from({ length: 20 }, (_, n) => mailTo(`c${n}@example.com`));
      const outcomes = await Promise.all(mails.map((mail) => gateway.send(mail)));
      expect(outcomes.map(({ kind }) => kind)).toEqual(mails.map(() => 'accepted'));
      expect(
        seen()
          .map(({ to }) => to)
          .sort(),
      ).toEqual(mails.map(({ to }) => to).sort());
    });
  });

  describe('by SMTP only', () => {
    const oneOutcome = async (plan: SmtpPlan) => {
      peer.plan.push(plan);
      const outcome = await smtp().send(mailTo('alice@example.com'));
      expect(JSON.stringify(outcome)).not.toMatch(/alice|help@|wörd/);
      return outcome;
    };

    it('keeps recipient, sender and Message-ID, and says what only a machine wrote', async () => {
      const gateway = smtp();
      const reply = mailTo('alice@example.com');
      const notice = mailTo('alice@example.com', { kind: 'system' });
      const outcome = await gateway.send(reply);
      await gateway.send(notice);
      expect(outcome).toEqual({ kind: 'accepted', providerId: 'Q1ABC' });
      const [first, second] = peer.received;
      expect(first?.envelope).toEqual({ from: 'help@shop.example', to: ['alice@example.com'] });
      expect(first?.messageId).toBe(reply.messageId);
      expect(first?.headers.get('x-zeton-message')).toBe(reply.id);
      expect(first?.headers.get('content-type')).toMatchObject({
        value: 'multipart/alternative',
      });
      expect(first?.headers.has('auto-submitted')).toBe(false);
      expect(second?.headers.get('auto-submitted')).toBe('auto-generated');
      // What goes over the wire is ASCII in short lines, whatever the text.
      expect(first?.raw).toMatch(/^\p{ASCII}*$/u);
      expect(Math.max(...first!.raw.split('\r\n').map((line) => line.length))).toBeLessThanOrEqual(78);
    });

    it('takes files along, as they are, under names that lead nowhere', async () => {
      const png = Buffer.from('89504e470d0a1a0a0000', 'hex');
      const opened = jest.fn(() => Readable.from([Buffer.from('%PDF-1.7\r\n'), Buffer.alloc(100_000, 7)]));
      const mail = mailTo('alice@example.com', {
        attachments: [
          { filename: '../../etc/čaša\r\nX: y.png', contentType: 'image/png', content: png },
          { filename: 'račun.pdf', contentType: 'application/pdf', content: opened },
        ],
      });
      const gateway = smtp(patient);
      peer.plan.push({ code: 451, words: '4.3.0 later' });
      expect((await gateway.send(mail)).kind).toBe('temporary');
      expect((await gateway.send(mail)).kind).toBe('accepted');
      const [first, second] = peer.received[0]?.attachments ?? [];
      expect(first).toEqual({ filename: '.._.._etc_čaša X: y.png', contentType: 'image/png', content: png });
      expect(second).toMatchObject({ filename: 'račun.pdf', contentType: 'application/pdf' });
      expect(second?.content).toHaveLength(100_010);
      expect(peer.received[0]?.text).toBe('Živjo');
    });

    it('repeats a mail under its Message-ID', async () => {
      const gateway = smtp();
      const mail = mailTo('alice@example.com');
      peer.plan.push('keep, then drop');
      await expect(gateway.send(mail)).rejects.toThrow('no answer');
      expect((await gateway.send(mail)).kind).toBe('accepted');
      expect(peer.received.map(({ messageId }) => messageId)).toEqual([mail.messageId, mail.messageId]);
    });

    it.each([
      [
        { code: 550, words: '5.1.1 <alice@example.com> User unknown' },
        'there is no such mailbox (550 5.1.1)',
      ],
      [{ code: 550, words: '5.2.1 alice is gone' }, 'the mailbox is switched off (550 5.2.1)'],
      [{ code: 552, words: '5.2.2 alice has no room' }, 'the mailbox is full (552 5.2.2)'],
      [{ code: 550, words: '5.1.10 null MX' }, 'the domain of the address takes no mail (550 5.1.10)'],
      [{ code: 550, words: 'No such user alice@example.com' }, 'the mailbox cannot be reached (550)'],
      [
        { code: 553, words: '5.7.1 Sender help@shop.example not owned', at: 'sender' },
        'the mail server refused it by its rules (sender, content or reputation) (553 5.7.1)',
      ],
      [
        { code: 554, words: '5.7.1 Blocked, see http://x/?alice', at: 'data' },
        'the mail server refused it by its rules (sender, content or reputation) (554 5.7.1)',
      ],
      [{ code: 571, words: 'no' }, 'the mail server refused it (571)'],
    ] as [SmtpPlan, string][])('is refused for good: %j', async (plan, reason) => {
      // Only what was said at the recipient is said of the recipient.
      const atRecipient = (plan as { at?: string }).at === undefined;
      const status = atRecipient ? / (5\.\d+\.\d+)\)$/.exec(reason)?.[1] : undefined;
      const expected = { kind: 'rejected', reason, ...(status === undefined ? {} : { status }) };
      expect(await oneOutcome(plan)).toEqual(expected);
      expect(peer.received).toEqual([]);
    });

    it.each([
      [{ code: 451, words: '4.7.1 Greylisted alice' }, '(451 4.7.1)'],
      [{ code: 452, words: '4.2.2 alice is full', at: 'data' }, '(452 4.2.2)'],
    ] as [SmtpPlan, string][])('is to be tried again: %j', async (plan, reason) => {
      expect(await oneOutcome(plan)).toEqual({ kind: 'temporary', reason: expect.stringContaining(reason) });
      expect(peer.received).toEqual([]);
    });

    it.each([
      [{ code: 421, words: '4.3.2 closing' }, '(421 4.3.2)'],
      [{ code: 452, words: '4.3.1 no disk for anybody', at: 'sender' }, '(452 4.3.1)'],
      [{ code: 554, words: 'no service for you', at: 'greeting' }, '(554)'],
      [{ code: 530, words: '5.7.0 sign in first', at: 'sender' }, 'does not accept our sign-in (530 5.7.0)'],
      ['drop before data', 'no connection to the mail server, or it broke off'],
      [{ garbage: 'HTTP/1.1 400 Bad Request', at: 'recipient' }, 'did not answer in time'],
      [{ garbage: '250-more\r\n250-and more\r\n250-and', at: 'recipient' }, 'did not answer in time'],
    ] as [SmtpPlan, string][])('is the trouble of the mail server: %j', async (plan, reason) => {
      expect(await oneOutcome(plan)).toEqual({
        kind: 'unavailable',
        reason: expect.stringContaining(reason),
      });
      expect(peer.received).toEqual([]);
    });

    it.each([
      ['keep, then drop', 'ECONNECTION', 1],
      ['never answer', 'EABORT', 1],
      [{ garbage: 'HTTP/1.1 200 OK', at: 'data', keep: true }, 'EMESSAGE', 1],
      [{ garbage: '2 thanks', at: 'data' }, 'EPROTOCOL', 0],
      [{ garbage: '354 go on', at: 'data' }, 'EMESSAGE', 0],
      [{ garbage: '55000 alice', at: 'data' }, 'EMESSAGE', 0],
      [{ garbage: '250-one\r\n550-two\r\n250-', at: 'data', keep: true }, 'EABORT', 1],
    ] as [SmtpPlan, string, number][])('is not known: %j', async (plan, code, kept) => {
      peer.plan.push(plan);
      const error = await smtp()
        .send(mailTo('alice@example.com'))
        .catch((reason: unknown) => reason);
      expect(error).toMatchObject({ message: 'no answer from the mail server', code });
      // What the server said may repeat the address.
      expect(Object.keys(error as object)).toEqual(['code']);
      expect(peer.received).toHaveLength(kept);
    });

    it('has certainly not sent what broke off before its end', async () => {
      peer.plan.push('drop in data');
      /** Never ends: the rest of it would come after the line is cut. */
      const content = () => Readable.from(endless(Buffer.alloc(64 * 1024, 'x')));
      const endlessFile = { filename: 'a.txt', contentType: 'text/plain', content };
      expect(await smtp(patient).send(mailTo('alice@example.com', { attachments: [endlessFile] }))).toEqual({
        kind: 'unavailable',
        reason: expect.stringMatching(/^no connection to the mail server, or it broke off \(E\w+\)$/),
      });
      expect(peer.received).toEqual([]);
    });

    it('does not send later what it said was too late', async () => {
      for (let n = 0; n < limits.smtpConnections; n++) peer.plan.push('never answer');
      const gateway = smtp();
      const mails = Array.from({ length: limits.smtpConnections + 3 }, () => mailTo('alice@example.com'));
      const kindOf = (mail: OutgoingEmail) =>
        gateway.send(mail).then(
          ({ kind }) => kind,
          () => 'unknown',
        );
      const kinds = await Promise.all(mails.map(kindOf));
      // The last three were waiting for a connection.
      expect(kinds).toEqual(mails.map((_, n) => (n < limits.smtpConnections ? 'unknown' : 'unavailable')));
      expect((await gateway.send(mailTo('bob@example.com'))).kind).toBe('accepted');
      expect(peer.received).toHaveLength(limits.smtpConnections + 1);
    });

    it('says when nobody listens, when the sign-in is wrong and when the certificate is not good', async () => {
      const { url } = peer;
      const wrong = smtp({ url: url.replace(encodeURIComponent(PASSWORD), 'hunter22') });
      expect(await wrong.send(mailTo('alice@example.com'))).toEqual({
        kind: 'unavailable',
        reason: 'the mail server does not accept our sign-in (535 5.7.8)',
      });
      const missing = smtp({ url: url.replace(`:${encodeURIComponent(PASSWORD)}`, '') });
      expect(await missing.send(mailTo('alice@example.com'))).toEqual({
        kind: 'unavailable',
        reason: 'the mail server does not accept our sign-in',
      });
      await peer.close();
      expect(await smtp({ url }).send(mailTo('alice@example.com'))).toEqual({
        kind: 'unavailable',
        reason: 'no connection to the mail server, or it broke off (ECONNREFUSED)',
      });
      peer = await new SmtpPeer({ secure: true }).listen();
      expect(await smtp({ url: peer.url }).send(mailTo('alice@example.com'))).toEqual({
        kind: 'unavailable',
        reason: expect.stringMatching(/^no connection to the mail server, or it broke off \([A-Z_]+\)$/),
      });
      expect(peer.received).toEqual([]);
    });

    it('uses few connections, again and again, and finds new ones when the server restarts', async () => {
      const gateway = smtp(patient);
      for (let n = 0; n < 5; n++) await gateway.send(mailTo('alice@example.com'));
      expect(peer.connections).toBe(1);
      await Promise.all(Array.from({ length: 30 }, () => gateway.send(mailTo('alice@example.com'))));
      expect(peer.busiest).toBeLessThanOrEqual(limits.smtpConnections);
      peer.dropAll();
      expect((await gateway.send(mailTo('alice@example.com'))).kind).toBe('accepted');
      expect(peer.received).toHaveLength(36);
    });

    it('lets what is being sent finish when it is closed', async () => {
      const gateway = smtp();
      const sending = gateway.send(mailTo('alice@example.com'));
      await until(() => peer.open > 0);
      gateway.close();
      expect((await sending).kind).toBe('accepted');
      await until(() => peer.open === 0);
      expect((await gateway.send(mailTo('alice@example.com'))).kind).toBe('unavailable');
    });

    it.each([
      'alice@example.com\r\nBcc: mallory@example.com',
      'alice@example.com, mallory@example.com',
      'alice@example.com>\r\nRCPT TO:<mallory@example.com',
      'team: alice@example.com, mallory@example.com;',
      '<alice@example.com>',
      'alice',
      '',
    ])('writes to one address or to none: %j', async (to) => {
      expect(await smtp().send(mailTo(to))).toEqual({
        kind: 'rejected',
        reason: 'the address is not a valid one',
      });
      expect(peer.connections).toBe(0);
    });

    it('lets nobody write headers', async () => {
      const evil = 'Hi\r\nBcc: mallory@example.com\r\n\r\n<b>body</b>\0\u2028X: y';
      const gateway = smtp({ from: null, url: peer.url });
      await gateway.send(
        mailTo('alice@example.com', { subject: evil, store: { slug: 's', name: `Shop\r\n${evil}` } }),
      );
      const [mail] = peer.received;
      expect(mail?.envelope.to).toEqual(['alice@example.com']);
      expect(mail?.headers.has('bcc')).toBe(false);
      expect(mail?.subject).toBe('Hi Bcc: mallory@example.com <b>body</b> X: y');
      expect(mail?.from).toBe(`Shop ${mail?.subject} <help@shop.example>`);
      expect(mail?.text).toBe('Živjo');
    });

    it('writes in the name of the store where no sender is configured', async () => {
      await peer.close();
      peer = await new SmtpPeer().listen();
      await smtp({ from: null }).send(mailTo('alice@example.com'));
      await smtp({ from: 'help@shop.example' }).send(mailTo('alice@example.com'));
      await smtp({ from: '"Help \u{1f600}" <help@shop.example>' }).send(mailTo('alice@example.com'));
      expect(peer.received.map(({ from }) => from)).toEqual([
        'Trgovina <support@help.example.com>',
        'help@shop.example',
        'Help \u{1f600} <help@shop.example>',
      ]);
    });

    it('sends nothing in the clear to another machine, unless it was told to', async () => {
      await peer.close();
      peer = await new SmtpPeer().listen();
      // By this address too the server is reached, and it does not look like this machine.
      const url = peer.url.replace('127.0.0.1', '0.0.0.0');
      const outcome = await smtp({ url }).send(mailTo('alice@example.com'));
      expect(outcome).toEqual({
        kind: 'unavailable',
        reason: expect.stringMatching(/does not take it now|no connection/),
      });
      expect(peer).toMatchObject({ connections: 1, received: [] });
      const told = smtp({ url: `${url}?ignoreTLS=true` });
      expect((await told.send(mailTo('alice@example.com'))).kind).toBe('accepted');
    });

    it.each([
      ['smtps://mail.example.com', { port: 465, secure: true, requireTLS: false, ignoreTLS: false }],
      ['smtp://mail.example.com', { port: 587, secure: false, requireTLS: true, ignoreTLS: false }],
      ['smtp://mail.example.com:25', { port: 25, secure: false, requireTLS: true, ignoreTLS: false }],
      ['smtp://mail.example.com:465', { port: 465, secure: true, requireTLS: false, ignoreTLS: false }],
      [
        'smtp://mail:1025?ignoreTLS=true',
        { host: 'mail', secure: false, requireTLS: false, ignoreTLS: true },
      ],
      ['smtp://localhost:25', { secure: false, requireTLS: false, ignoreTLS: true }],
      ['smtp://[::1]:25', { host: '::1', secure: false, requireTLS: false, ignoreTLS: true }],
      ['smtp://127.0.0.1.example.com', { secure: false, requireTLS: true, ignoreTLS: false }],
      ['smtps://m.example.com?tls.rejectUnauthorized=false&debug=true', { secure: true, ignoreTLS: false }],
      ['smtp://a%40b.c:p%25%3A@mail.example.com', { auth: { user: 'a@b.c', pass: 'p%:' } }],
    ])('encrypts as %s says', (url, expected) => {
      const options = smtpServer(url);
      expect(options).toMatchObject(expected);
      expect(Object.keys(options).filter((key) => key === 'tls' || key === 'debug')).toEqual([]);
    });
  });
});

describe('sending SMS', () => {
  let twilio: TwilioDouble;
  const toClose: (() => unknown)[] = [];
  const opened: { close(): void }[] = [];

  beforeEach(async () => {
    twilio = await new TwilioDouble().listen();
  });
  afterEach(async () => {
    for (const gateway of opened.splice(0)) gateway.close();
    for (const close of toClose.splice(0)) close();
    await twilio.close();
    // What it answered, and what it was sent, is as Twilio's own description has it.
    expect(twilio.unlike).toEqual([]);
  });

  function byTwilio(changes: Partial<Parameters<typeof makeTwilioGateway>[0]> = {}) {
    const gateway = makeTwilioGateway({
      accountSid: ACCOUNT_SID,
      authToken: AUTH_TOKEN,
      from: NUMBER,
      messagingServiceSid: null,
      baseUrl: twilio.url,
      limits: quick,
      ...changes,
    });
    opened.push(gateway);
    return gateway;
  }

  const transports: [
    string,
    () => {
      gateway: SmsGateway & Pick<Required<SmsGateway>, 'findSent'>;
      seen: () => Seen[];
      refuseNext: () => void;
    },
  ][] = [
    [
      'the sandbox',
      () => {
        const shelf = makeShelf();
        const gateway = makeSandboxSms({ from: NUMBER, shelf }) as Required<SmsGateway>;
        return { gateway, seen: () => shelf.seen, refuseNext: () => undefined };
      },
    ],
    [
      'Twilio',
      () => ({
        gateway: byTwilio(patient),
        seen: () =>
          twilio.messages.map(({ from, to, body }) => ({
            from: String(from),
            to,
            subject: null,
            text: body,
          })),
        refuseNext: () => twilio.plan.push({ status: 400, code: 21211 }),
      }),
    ],
  ];

  describe.each(transports)('by %s', (_name, open) => {
    const since = () => new Date(Date.now() - 1000).toISOString();

    it.each(TEXTS)('brings the text as it was written: %s', async (_what, text) => {
      const { gateway, seen } = open();
      const outcome = await gateway.send(smsTo('+38641555100', { text }));
      expect(outcome).toMatchObject({ kind: 'accepted', providerId: expect.stringMatching(/./) });
      expect(seen()).toEqual([{ from: NUMBER, to: '+38641555100', subject: null, text }]);
    });

    it('says when a number takes none, and tells the number to no log', async () => {
      const { gateway, seen, refuseNext } = open();
      refuseNext();
      const outcome = await gateway.send(smsTo('+38641550000'));
      expect(outcome).toMatchObject({ kind: 'rejected', reason: expect.stringMatching(/./) });
      expect(JSON.stringify(outcome)).not.toMatch(/4155/);
      expect(seen()).toEqual([]);
    });

    it.each(TEXTS)('finds what it took, and nothing else: %s', async (_what, text) => {
      const { gateway } = open();
      const asked = smsTo('+38641555100', { text });
      const question = { id: asked.id, to: asked.to, text, since: since() };
      expect(await gateway.findSent(question)).toEqual({ kind: 'found', providerIds: [] });
      await gateway.send(smsTo('+38641555101', { text }));
      await gateway.send(smsTo(asked.to, { text: 'Something else' }));
      expect(await gateway.findSent(question)).toEqual({ kind: 'found', providerIds: [] });
      const sent = await gateway.send(asked);
      const providerIds = [(sent as { providerId: string }).providerId];
      expect(await gateway.findSent(question)).toEqual({ kind: 'found', providerIds });
    });
  });

  describe('by Twilio only', () => {
    const sent = (plan: TwilioPlan, gateway = byTwilio()) => {
      twilio.plan.push(plan);
      return gateway.send(smsTo('+38641555100'));
    };
    const question = (changes = {}) => ({
      id: 'm',
      to: '+38641555100',
      text: 'Živjo',
      since: new Date().toISOString(),
      ...changes,
    });

    it('says whose number or service it is, and where to tell what became of it', async () => {
      await byTwilio().send(smsTo('+38641555100'));
      const messagingServiceSid = `MG${'1b'.repeat(16)}`;
      const outcome = await byTwilio({
        from: null,
        messagingServiceSid,
        statusCallbackUrl: 'https://help.example.com/webhooks/twilio/status',
      }).send(smsTo('+38641555100'));
      expect(outcome).toMatchObject({ kind: 'accepted', providerId: twilio.messages[1]?.sid });
      expect(twilio.requests).toEqual([
        { To: '+38641555100', Body: 'Živjo', From: NUMBER },
        {
          To: '+38641555100',
          Body: 'Živjo',
          MessagingServiceSid: messagingServiceSid,
          StatusCallback: expect.stringMatching(
            /^https:\/\/help\.example\.com\/webhooks\/twilio\/status\?message=m\d+$/,
          ),
        },
      ]);
    });

    it('sends in the name of the shop where the sender is a name', async () => {
      const { twilio: settings } = readConfig({
        ...TEST_ENV,
        TWILIO_ACCOUNT_SID: ACCOUNT_SID,
        TWILIO_AUTH_TOKEN: AUTH_TOKEN,
        TWILIO_FROM: 'Trgovina',
      });
      await byTwilio({ from: settings.from }).send(smsTo('+38641555100'));
      expect(twilio.requests).toEqual([{ To: '+38641555100', Body: 'Živjo', From: 'Trgovina' }]);
    });

    it.each([
      [{ status: 400, code: 21211 }, 'the number is not a valid one (Twilio 21211)'],
      [
        { status: 400, code: 21610 },
        'the recipient answered STOP and takes no more SMS from us (Twilio 21610)',
      ],
      [{ status: 400, code: 21614 }, 'the number is not a mobile number (Twilio 21614)'],
      [
        { status: 400, code: 21608 },
        'a Twilio trial account sends only to numbers that were verified with it (Twilio 21608)',
      ],
      [{ status: 403, code: 21408 }, 'our Twilio account may not send SMS to that country (Twilio 21408)'],
      [{ status: 400, code: 29999 }, 'Twilio refused or lost it (Twilio 29999)'],
      [{ failed: 30005 }, 'the number is not in service (Twilio 30005)'],
    ] as [TwilioPlan, string][])('is refused for good: %j', async (plan, reason) => {
      const outcome = await sent(plan);
      expect(outcome).toMatchObject({
        kind: 'rejected',
        reason: expect.stringMatching(/^Twilio refused: \d+$/),
      });
      expect(smsFailureInWords((outcome as { code: number }).code)).toBe(reason);
    });

    it.each([
      [{ status: 429, code: 20429 }, 'Twilio takes no more requests at the moment (20429)'],
      [{ status: 429, code: 29998 }, 'Twilio refused for now: 29998'],
      [{ status: 503, code: 20503 }, 'Twilio is out of service at the moment (20503)'],
      [{ status: 401, code: 20003 }, 'Twilio does not accept our sign-in (20003)'],
      [{ status: 400, code: 21611 }, 'too many messages wait at our Twilio sender (21611)'],
      [{ status: 404 }, "Twilio's address gave an answer that is not Twilio's (HTTP 404)"],
      [{ status: 302 }, "Twilio's address gave an answer that is not Twilio's (HTTP 302)"],
    ] as [TwilioPlan, string][])('is the trouble of Twilio or of our account: %j', async (plan, reason) => {
      expect(await sent(plan)).toEqual({ kind: 'unavailable', reason });
      expect(twilio.messages).toEqual([]);
    });

    it.each([
      ['17', 17],
      ['Sun, 22 Nov 2026 12:00:40 GMT', 40],
      ['Sun, 22 Nov 2026 11:59:00 GMT', undefined],
      ['soon', undefined],
      ['-3', undefined],
    ])('says how long to stay away: Retry-After: %s', async (value, retryAfterSeconds) => {
      const headers = { 'Retry-After': value, Date: 'Sun, 22 Nov 2026 12:00:00 GMT' };
      for (const plan of [{ status: 429, code: 20429 }, { status: 429 }]) {
        const outcome = await sent({ ...plan, headers });
        expect(outcome.kind).toBe('unavailable');
        expect((outcome as { retryAfterSeconds?: number }).retryAfterSeconds).toBe(retryAfterSeconds);
      }
    });

    it('is to be tried again where Twilio may mean this message only', async () => {
      const reason = 'Twilio refused for now: 29997';
      expect(await sent({ status: 403, code: 29997 })).toEqual({ kind: 'temporary', reason });
    });

    it.each([
      ['drop', 'ECONNRESET', 0],
      ['keep, then drop', 'ECONNRESET', 1],
      ['keep, then never answer', 'ERR_CANCELED', 1],
      [{ status: 500, code: 20500 }, 'HTTP_500', 0],
      [{ status: 502, keep: true }, 'HTTP_502', 1],
      [{ status: 504 }, 'HTTP_504', 0],
      [{ status: 503, keep: true }, 'HTTP_503', 1],
      [{ text: '<h1>Welcome to the hotel</h1>', type: 'text/html' }, 'error', 0],
      [{ text: '<h1>Welcome to the hotel</h1>', keep: true }, 'error', 1],
      [{ text: '{"sid": "SM', keep: true }, 'error', 1],
      [{ text: '{"sid": "SM', cut: true, keep: true }, 'ECONNRESET|ERR_BAD_RESPONSE', 1],
      [{ text: '{"code": 20429, "message": "x", "status": 429}' }, 'WRONG_ANSWER', 0],
      [{ text: '{"sid": 7, "status": "queued"}', keep: true }, 'WRONG_ANSWER', 1],
      [{ text: '[]' }, 'WRONG_ANSWER', 0],
      [{ text: 'null' }, 'error', 0],
    ] as [TwilioPlan, string, number][])(
      'is not known, but can be found out: %j',
      async (plan, code, kept) => {
        const gateway = byTwilio();
        const error = await sent(plan, gateway).catch((reason: unknown) => reason);
        expect(error).toMatchObject({
          message: 'no answer from Twilio',
          code: expect.stringMatching(new RegExp(`^(?:${code})$`)),
        });
        // Nothing of the request may reach a log with the error.
        expect(Object.keys(error as object)).toEqual(['code']);
        expect((error as Error).cause).toBeUndefined();
        expect(await gateway.findSent(question())).toEqual({
          kind: 'found',
          providerIds: twilio.messages.map(({ sid }) => sid),
        });
        expect(twilio.messages).toHaveLength(kept);
      },
    );

    it.each([
      [{ text: '<h1>Welcome to the hotel</h1>', type: 'text/html' }],
      [{ text: '{"messages": [' }],
      [{ text: '{"messages": []}', cut: true }],
      [{ text: '{}' }],
      [{ text: '[]' }],
      [{ text: 'null' }],
      [{ text: '{"items": []}' }],
      [{ text: '{"messages": [{"body": "x"}]}' }],
      [{ text: '{"code": 20429, "message": "x", "status": 429}' }],
    ] as [WrongAnswer][])('takes no other answer for “none was sent”: %j', async (answer) => {
      await sent('accept');
      twilio.wrongLooks = answer;
      await expect(byTwilio().findSent(question())).rejects.toThrow('no answer from Twilio');
    });

    it('lists all of what came in within a span, over several pages, and nothing else', async () => {
      const at = new Date('2026-11-20T10:00:00.000Z');
      const came = (minutes: number, body: string) =>
        Object.assign(twilio.cannotBring({ from: '+38641555100', body, to: NUMBER }), {
          date_sent: new Date(at.getTime() + minutes * 60_000).toUTCString().replace('GMT', '+0000'),
        });
      came(-1, 'before');
      for (let n = 0; n < 5; n++) came(n, `number ${n}`);
      came(5, 'after');
      const { received } = byTwilio({ limits: { ...quick, smsFetchPage: 2 } });
      const span = { from: at.toISOString(), until: '2026-11-20T10:04:00.000Z' };
      const listed = (await received?.list(span)) ?? [];
      expect(listed.map(({ text }) => text)).toEqual([0, 1, 2, 3, 4].map((n) => `number ${n}`));
      expect(listed[1]).toMatchObject({ receivedAt: '2026-11-20T10:01:00.000Z', from: '+38641555100' });
    });

    it('was certainly not sent where there was no connection', async () => {
      const reached: Socket[] = [];
      // Takes the connection and says nothing: the TLS handshake never ends.
      const mute = await listening(createServer((socket) => void reached.push(socket)));
      // Ends it at once.
      const curt = await listening(createServer((socket) => socket.destroy()));
      toClose.push(
        () => mute.close(),
        () => curt.close(),
        () => reached.map((socket) => socket.destroy()),
      );
      const gone = twilio.url.replace(/\d+$/, '1');
      for (const [baseUrl, code] of [
        [gone, 'ECONNREFUSED'],
        ['http://no-such-host.invalid', 'E\\w+'],
        [`https://127.0.0.1:${portOf(mute)}`, 'ETIMEDOUT'],
        [`https://127.0.0.1:${portOf(curt)}`, 'ECONNRESET'],
      ] as const) {
        const reason = expect.stringMatching(new RegExp(`^no connection to Twilio \\(${code}\\)$`));
        expect(await byTwilio({ baseUrl }).send(smsTo('+38641555100'))).toEqual({
          kind: 'unavailable',
          reason,
        });
      }
    });

    it('shows its token to nobody else', async () => {
      const other = byTwilio({ authToken: 'hunter22' });
      const outcome = await other.send(smsTo('+38641555100'));
      expect(outcome).toEqual({ kind: 'unavailable', reason: 'Twilio does not accept our sign-in (20003)' });
      await expect(other.findSent(question())).rejects.toMatchObject({ code: 'HTTP_401' });
      twilio.dropLooks = true;
      await expect(byTwilio().findSent(question())).rejects.toMatchObject({ code: 'ECONNRESET' });
    });

    it('knows its text again where Twilio changed it', async () => {
      const gateway = byTwilio();
      twilio.rewrite = (body) =>
        `Sent from your Twilio trial account - ${body.replace(/[“”]/g, '"').replace('…', '...').replace('½', '1/2')}`;
      for (const text of ['“Quoted” … ½ é', '👍', '!']) {
        twilio.messages.length = 0;
        await gateway.send(smsTo('+38641555100', { text }));
        const providerIds = [twilio.messages[0]?.sid];
        expect(await gateway.findSent(question({ text }))).toEqual({ kind: 'found', providerIds });
      }
    });

    it('tells several, and leaves out what is older, what came in, and what did not arrive', async () => {
      const form = { To: '+38641555100', From: NUMBER, Body: 'Živjo' };
      const old = new Date(Date.now() - 3_600_000).toUTCString().replace('GMT', '+0000');
      twilio.keep(form, { date_created: old });
      twilio.keep(form, { direction: 'inbound' });
      for (const status of ['failed', 'undelivered', 'canceled']) twilio.keep(form, { status });
      const one = twilio.keep(form, { status: 'delivered' });
      const two = twilio.keep(form, { status: 'sending' });
      const { providerIds } = (await byTwilio().findSent(question())) as { providerIds: string[] };
      expect(providerIds.sort()).toEqual([one.sid, two.sid].sort());
    });

    it('cannot tell where Twilio keeps no texts, or where there are too many', async () => {
      const form = { To: '+38641555100', From: NUMBER };
      const found = () => byTwilio({ limits: { ...quick, smsLookBack: 3 } }).findSent(question());
      for (let n = 0; n < 3; n++) {
        twilio.keep(
          { ...form, Body: `${n}` },
          n === 0 ? { date_created: new Date(0).toUTCString().replace('GMT', '+0000') } : {},
        );
      }
      expect(await found()).toEqual({ kind: 'found', providerIds: [] });
      twilio.keep({ ...form, Body: 'Three' });
      expect(await found()).toEqual({ kind: 'unknown' });
      twilio.messages.length = 0;
      twilio.keep(form);
      expect(await found()).toEqual({ kind: 'unknown' });
    });
  });
});

async function listening(server: Server): Promise<Server> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

async function until(isSo: () => boolean): Promise<void> {
  const deadline = Date.now() + 5_000;
  while (!isSo()) {
    if (Date.now() > deadline) throw new Error('it never came to that');
    await new Promise((resolve) => setImmediate(resolve));
  }
}
