import { decideAboutSender } from '../src/usecases/decide-sender';
import { bob, CustomerWeek, PHONE, SUPPORT } from './support/customer-week';
import { describeEachEngine } from './support/databases';
import { bounceOf, mailOf } from './support/mail-world';
import type { ReceivedMail } from './support/smtp-peer';

const JANEZ = 'janez.novak@example.com';
const fromJanez = { from: `Janez Novak <${JANEZ}>` };

/** Where the reader's mail program sends an answer. */
function replyTo({ headers }: ReceivedMail): string {
  const { value } = headers.get('reply-to') as { value: { address: string }[] };
  return value[0]?.address ?? '';
}

/** What Zeton wrote, as mail programs quote it. */
function quoted(mail: ReceivedMail): string[] {
  const lines = mail.text.split('\n').map((line) => `> ${line}`.trimEnd());
  return ['', 'On Sun, 22 Nov 2026 at 09:00, Trgovina <podpora@trgovina.example> wrote:', '', ...lines];
}

/** Day by day, each test going on where the one before ended. */
describeEachEngine('A week of one customer, by e-mail and SMS', (engine) => {
  let week: CustomerWeek;
  let greeting: ReceivedMail;
  let firstAnswer: ReceivedMail;
  let late: { id: string };

  beforeAll(async () => {
    week = await CustomerWeek.open(engine);
    await week.api
      .patch('stores/default', {
        name: 'Trgovina',
        url: 'https://trgovina.example',
        country: 'SI',
        locale: 'sl',
        time_zone: 'Europe/Ljubljana',
      })
      .expect(200);
    await week.api
      .post('packages', {
        store: 'default',
        name: 'Start',
        match: { sku: 'SUP-START' },
        grants: [
          { meter: 'sms', quantity: 5 },
          { meter: 'email', quantity: 6 },
        ],
        sms_unit: 'segment',
      })
      .expect(201);
  });
  afterAll(() => week.close());
  // Whatever a day brought.
  afterEach(async () => {
    expect(await week.problemsOfLedger()).toEqual([]);
    expect(week.twilio.unlike).toEqual([]);
  });

  const morning = (day: string) => week.app.clock.set(`2026-${day}T08:00:00.000Z`);

  test('Sunday: the order opens a ticket, the greeting is answered, and the answer to that is the first that costs', async () => {
    morning('11-22');
    await week.buy();
    expect(await week.counters()).toEqual({ sms: [5, 0, 0], email: [6, 0, 0] });
    const arrived = week.arrived();
    expect(arrived).toHaveLength(1);
    greeting = arrived[0] as ReceivedMail;
    expect(greeting.envelope.to).toEqual([JANEZ]);
    expect(greeting.headers.get('auto-submitted')).toBe('auto-generated');
    expect(greeting.text).toContain('5 SMS');

    await week.byHttp(
      mailOf({
        ...fromJanez,
        to: replyTo(greeting),
        subject: `Re: ${greeting.subject}`,
        messageId: '<sunday@posta.example>',
        headers: [`In-Reply-To: ${greeting.messageId}`],
        text: ['Tiskalnik ne tiska več.', ...quoted(greeting)].join('\r\n'),
      }),
    );
    await week.work();
    const word = await week.lastWords();
    expect(word).toMatchObject({ direction: 'in', channel: 'email', body: 'Tiskalnik ne tiska več.' });
    const mail = await week.app.db('message_mails').where({ message_id: word.id }).first();
    expect(mail).toMatchObject({ matched_by: 'token', sender: 'known' });
    expect(mail.quoted).toContain('5 SMS');
    expect(await week.counters()).toEqual({ sms: [5, 0, 0], email: [6, 0, 0] });

    const sent = await week.send('email', 'Ga lahko izklopite?\n\nLep pozdrav');
    expect(sent.charge).toMatchObject({ meter: 'email', quantity: 1 });
    expect(await week.counters()).toEqual({ sms: [5, 0, 0], email: [5, 1, 0] });
    await week.work();
    expect(await week.counters()).toEqual({ sms: [5, 0, 0], email: [5, 0, 1] });
    firstAnswer = week.arrived()[0] as ReceivedMail;
    expect(firstAnswer).toMatchObject({
      messageId: `<${sent.id}@help.example.com>`,
      text: 'Ga lahko izklopite?\n\nLep pozdrav',
      html: expect.stringContaining('<p dir="auto" style="margin:0 0 16px">Ga lahko izklopite?</p>'),
    });
    expect(firstAnswer.headers.get('in-reply-to')).toBe('<sunday@posta.example>');
    expect(firstAnswer.headers.get('references')).toEqual([greeting.messageId, '<sunday@posta.example>']);
    expect((await week.ticket()).status).toBe('pending');
  });

  test('Monday: the customer goes on by SMS in the same ticket; a č makes the answer cost two', async () => {
    morning('11-23');
    await week.texts('Izklopil sem ga. Nič.');
    expect(await week.lastWords()).toMatchObject({ channel: 'sms', body: 'Izklopil sem ga. Nič.' });
    expect((await week.ticket()).status).toBe('open');
    await week.reply('sms', 'Prosimo, vklopite ga spet in pocakajte deset minut, potem poskusite se enkrat.');
    expect(await week.counters()).toEqual({ sms: [4, 0, 1], email: [5, 0, 1] });

    const text = 'Prosimo, vklopite ga spet in počakajte deset minut, potem poskusite še enkrat.';
    expect((await week.api.post(`tickets/${week.ticketId}/quotes`, { channel: 'sms', body: text })).body)
      // Within GSM-7 it would be one.
      .toMatchObject({ encoding: 'UCS-2', segments: 2, credits: 2 });
    late = { id: await week.reply('sms', text) };
    expect(await week.counters()).toEqual({ sms: [2, 0, 3], email: [5, 0, 1] });
    expect(week.twilio.messages.map(({ to }) => to)).toEqual([PHONE, PHONE]);
    await week.reports(week.twilio.messages[0]!, 'delivered');
    expect(await week.counters()).toEqual({ sms: [2, 0, 3], email: [5, 0, 1] });
  });

  test('Tuesday: what did not arrive is given back with the reason, SMS and mail, and what is made up is not', async () => {
    morning('11-24');
    await week.reports(week.twilio.messages[1]!, 'undelivered', 30003);
    expect(await week.counters()).toEqual({ sms: [4, 0, 1], email: [5, 0, 1] });
    expect(await week.message(late.id)).toMatchObject({
      status: 'failed',
      failure: expect.stringContaining('30003'),
      charge: null,
      given_back: { meter: 'sms', quantity: 2 },
    });

    const returned = await week.reply('email', 'Ali je kabel v redu?');
    expect(await week.counters()).toEqual({ sms: [4, 0, 1], email: [4, 0, 2] });
    const [bounced] = week.arrived();
    const returnPath = bounced!.envelope.from;
    expect(returnPath).not.toBe(SUPPORT);
    const dsn = { recipient: JANEZ, status: '5.2.2', diagnostic: '552 5.2.2 mailbox full' };
    await week.bySmtp(bounceOf({ to: returnPath, ...dsn }), { from: '', to: returnPath });
    await week.work();
    expect(await week.counters()).toEqual({ sms: [4, 0, 1], email: [5, 0, 1] });
    expect(await week.message(returned)).toMatchObject({
      status: 'failed',
      failure: '552 5.2.2 mailbox full',
      given_back: { meter: 'email', quantity: 1 },
    });

    const kept = await week.reply('email', 'Ali je kabel v redu? Pošiljamo še enkrat.');
    const [arrived] = week.arrived();
    const path = arrived!.envelope.from;
    const guessed = path.replace(/(.)@/, (_, last: string) => `${last === 'a' ? 'b' : 'a'}@`);
    // By its reader, who sees the return path; by somebody who guesses one; and as a mail server would, once too often.
    await week.bySmtp(bounceOf({ to: path, ...dsn }), { from: JANEZ, to: path });
    await week.bySmtp(bounceOf({ to: guessed, ...dsn }), { from: '', to: guessed });
    await week.work();
    await week.bySmtp(bounceOf({ to: path, ...dsn }), { from: '', to: path });
    await week.work();
    expect(await week.message(kept)).toMatchObject({ status: 'sent', given_back: null });
    expect(await week.counters()).toEqual({ sms: [4, 0, 1], email: [4, 0, 2] });
    const events = await week.events();
    expect(events.filter((type) => type.startsWith('mail.bounce'))).toEqual([
      'mail.bounce_unproven',
      'mail.bounce_doubted',
    ]);
    expect(week.arrived()).toEqual([]);
  });

  test('Wednesday: the same mail by two ways is one word, and a stranger’s waits until an agent lets it stand', async () => {
    morning('11-25');
    const before = (await week.ticket()).messages.length;
    const raw = mailOf({ ...fromJanez, to: replyTo(firstAnswer), text: 'Kabel je v redu.' });
    await Promise.all([week.byHttp(raw), week.byImap(raw)]);
    await week.work();
    expect((await week.ticket()).messages).toHaveLength(before + 1);
    expect(await week.lastWords()).toMatchObject({ body: 'Kabel je v redu.', held: false });

    const address = replyTo(firstAnswer);
    const { version } = await week.ticket();
    await week.bySmtp(
      mailOf({ from: 'Maja <maja@drugje.example>', to: address, text: 'Jaz imam isto težavo.' }),
      { from: 'maja@drugje.example', to: address },
    );
    await week.work();
    const strange = await week.lastWords();
    expect(strange).toMatchObject({ body: 'Jaz imam isto težavo.', author: { name: 'Maja' }, held: true });
    expect((await week.ticket()).version).toBe(version);
    await decideAboutSender(week.app.ctx, bob, { messageId: strange.id, decision: 'accept' });
    expect(await week.message(strange.id)).toMatchObject({ held: false });
    expect(await week.counters()).toEqual({ sms: [4, 0, 1], email: [4, 0, 2] });
    expect(week.arrived()).toEqual([]);
  });

  test('Thursday: who says STOP gets no SMS and pays for none, until START', async () => {
    morning('11-26');
    await week.texts('STOP');
    const refused = await week.ask('sms', 'Smo vas izgubili?');
    expect([refused.status, refused.body.type]).toEqual([422, '/problems/recipient-opted-out']);
    expect(await week.counters()).toEqual({ sms: [4, 0, 1], email: [4, 0, 2] });
    await week.texts('START');
    await week.reply('sms', 'Veseli nas, da ste spet tu.');
    expect(await week.counters()).toEqual({ sms: [3, 0, 2], email: [4, 0, 2] });
    expect(week.twilio.requests).toHaveLength(3);
  });

  test('Friday: three answers wait while the mail server is away for an hour, and arrive once, in their order', async () => {
    morning('11-27');
    await week.smtp.close();
    const waiting: string[] = [];
    for (const body of ['Prvi korak.', 'Drugi korak.', 'Tretji korak.']) {
      waiting.push((await week.send('email', body)).id);
    }
    for (let minute = 0; minute < 60; minute += 2) {
      await week.app.drain();
      week.app.clock.advance({ minutes: 2 });
    }
    expect(await week.counters()).toEqual({ sms: [3, 0, 2], email: [1, 3, 2] });
    await week.smtp.listen();
    for (let minute = 0; minute < 10; minute++) {
      await week.app.drain();
      week.app.clock.advance({ minutes: 1 });
    }
    const sent = week.arrived().map(({ headers }) => headers.get('x-zeton-message'));
    expect(sent).toEqual(waiting);
    expect(await week.counters()).toEqual({ sms: [3, 0, 2], email: [1, 0, 5] });
  });

  test('Saturday: an absence notice answers the notice that little is left; then nothing is, and the shop is where to buy', async () => {
    morning('11-28');
    await week.work();
    const [notice, ...more] = week.arrived();
    expect(more).toEqual([]);
    expect(notice!.text).toContain('https://trgovina.example/?add-to-cart=11');
    expect(notice!.headers.get('list')).toMatchObject({
      unsubscribe: { url: expect.stringContaining('/notices/') },
    });
    const before = (await week.ticket()).version;
    await week.byImap(
      mailOf({
        ...fromJanez,
        to: replyTo(notice!),
        subject: `Odsoten: ${notice!.subject}`,
        headers: ['Auto-Submitted: auto-replied', `In-Reply-To: ${notice!.messageId}`],
        text: 'Do ponedeljka me ni.',
      }),
    );
    await week.work();
    expect(await week.lastWords()).toMatchObject({ body: 'Do ponedeljka me ni.' });
    expect((await week.ticket()).version).toBe(before);
    expect(week.arrived()).toEqual([]);
    expect(await week.counters()).toEqual({ sms: [3, 0, 2], email: [1, 0, 5] });

    await week.reply('email', 'Do ponedeljka torej.');
    await week.work();
    const [, empty, ...none] = week.arrived();
    expect([empty!.subject, none]).toEqual([expect.stringContaining('porabljena'), []]);
    expect(await week.counters()).toEqual({ sms: [3, 0, 2], email: [0, 0, 6] });
    const refused = await week.ask('email', 'Še nekaj.');
    expect(refused.status).toBe(402);
    expect(refused.body).toMatchObject({
      type: '/problems/insufficient-credits',
      missing: 1,
      available: 0,
      top_up_url: 'https://trgovina.example/?add-to-cart=11',
    });
    expect(await week.counters()).toEqual({ sms: [3, 0, 2], email: [0, 0, 6] });
  });

  test('And after: what is solved is closed, and a later word goes on in a follow-up', async () => {
    morning('11-29');
    await week.api.patch(`tickets/${week.ticketId}`, { status: 'solved' }).expect(200);
    week.app.clock.advance({ days: 7, minutes: -1 });
    await week.app.runJob('tickets.close');
    expect((await week.ticket()).status).toBe('solved');
    week.app.clock.advance({ minutes: 1 });
    await week.app.runJob('tickets.close');
    expect(await week.ticket()).toMatchObject({ status: 'closed', closed_at: '2026-12-06T08:00:00.000Z' });
    await week.byHttp(mailOf({ ...fromJanez, to: replyTo(firstAnswer), text: 'Spet ne tiska.' }));
    await week.work();
    const { data } = (await week.api.get(`tickets?customer_id=${week.customerId}`).expect(200)).body;
    expect(data).toMatchObject([
      { follow_up_of: week.ticketId, status: 'new', unpaid: false },
      { id: week.ticketId, status: 'closed', follow_up_of: null },
    ]);
    expect(await week.lastWords(data[0].id)).toMatchObject({ body: 'Spet ne tiska.' });
    expect(await week.counters()).toEqual({ sms: [3, 0, 2], email: [0, 0, 6] });
  });
});
