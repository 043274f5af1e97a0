import type { Response } from 'supertest';
import { verifyLedger } from '../../src/domain/credits';
import { optOut } from '../../src/domain/sms';
import { findTicket, type Ticket } from '../../src/domain/tickets';
import { systemActor } from '../../src/platform/actor';
import { withTransaction } from '../../src/platform/db';
import { momentOf } from '../../src/usecases/context';
import { recordVideoEvent } from '../../src/usecases/record-video-event';
import type { TestApp } from '../support/app';
import {
  addStaff,
  expectAccessible,
  expectNoForeignRequests,
  LOOKS,
  look,
  OWNER,
  openBrowser,
  type Page,
  screenshot,
  type TestBrowser,
} from '../support/browser';
import { describeEachEngine } from '../support/databases';
import { makePackage, orderJson, receive } from '../support/shop';
import { type DeskCustomer, hiddenFields, TicketDesk } from '../support/ticket-desk';
import { Visitor } from '../support/visitor';

const HOSTILE = `<script>document.title='x'</script> &amp; "quoted" 'too' 😀 שלום עולם`;
const SEEN_AS_TEXT = '&lt;script>document.title=';

/** Every `seen` of a page, as the browser sends them along. */
function seenIn({ text }: { text: string }): string[] {
  return [...text.matchAll(/<input type="hidden"[^>]*name="seen" value="([^"]*)"/g)].map(
    (found) => found[1] as string,
  );
}

function asHtmx(visitor: Visitor, path: string, seen: string[]) {
  const query = new URLSearchParams(seen.map((value): [string, string] => ['seen', value])).toString();
  return visitor.get(`${path}?${query}`, { 'HX-Request': 'true' });
}

/** What can be read on a page, without its tags. */
function wordsOf({ text }: { text: string }): string {
  return text.replace(/<[^>]+>/g, ' ').replace(/\s+/g, ' ');
}

describeEachEngine('tickets', (engine) => {
  let desk: TicketDesk;
  let app: TestApp;
  let ana: DeskCustomer;
  let ticket: Ticket;
  let bob: Visitor;
  const here = () => `/console/tickets/${ticket.number}`;

  beforeEach(async () => {
    desk = await TicketDesk.open(engine);
    app = desk.app;
    ana = await desk.customer();
    ticket = await desk.ticket(ana);
    await desk.give(ana, 'sms', 3);
    await addStaff(app, 'bob@example.com', 'agent', 'Bob');
    bob = await Visitor.of(app, 'bob@example.com');
  });

  /** Sends the composer as it stands on the page, with these fields typed. */
  async function answer(
    fields: Record<string, string>,
    { page, to = 'messages', htmx = false }: { page?: Response; to?: string; htmx?: boolean } = {},
  ): Promise<Response> {
    const from = page ?? (await bob.get(here()));
    const form = hiddenFields(from.text, `${here()}/messages`);
    return bob.postBare(
      `${here()}/${to}`,
      { ...form, channel: 'sms', ...fields },
      htmx ? { 'HX-Request': 'true' } : {},
    );
  }

  describe('the list', () => {
    test('stands in groups: what waits for us, what waits for others, what nobody has paid', async () => {
      const jure = await desk.customer({ name: 'Jure Kos', email: 'jure@example.com' });
      const pending = await desk.ticket(ana, 'Waits for Ana');
      await app.db('tickets').where({ id: pending.id }).update({ status: 'pending', assignee: 'Bob' });
      await desk.ticket(jure, 'Not paid', { unpaid: true });
      const solved = await desk.ticket(ana, 'Long solved');
      await app.db('tickets').where({ id: solved.id }).update({ status: 'solved' });
      app.clock.advance(60);
      await desk.ticket(jure, 'The newest');

      const page = await bob.get('/console/tickets').expect(200);
      const words = wordsOf(page);
      const order = [
        'Wait for us',
        'The newest',
        'Tiskalnik ne tiska',
        'Wait for the customer',
        'Waits for Ana',
        'Nobody has paid',
        'Not paid',
      ];
      const places = order.map((text) => words.indexOf(text, words.indexOf('Last activity')));
      expect(places.every((place) => place > 0)).toBe(true);
      expect([...places].sort((a, b) => a - b)).toEqual(places);
      expect(words).not.toContain('Long solved');
      expect(words).toContain('4 of 4');
      expect(words).toContain('SMS 3');
      expect(words).toContain('nothing bought');
      expect(page.text).toContain(`href="/console/customers/${ana.id}/statement?meter=sms"`);
    });

    test('calls a customer without a name by the phone number, else by the address, and so does the ticket', async () => {
      const phone = await desk.customer({
        name: ' ',
        email: 'no.name@example.com',
        phone_e164: '+38641555101',
      });
      const mail = await desk.customer({ name: '', email: 'only.mail@example.com', phone_e164: null });
      const nobody = await desk.customer({ name: '', email: null, phone_e164: null });
      for (const [one, name] of [
        [phone, '+38641555101'],
        [mail, 'only.mail@example.com'],
        [nobody, 'Nameless customer'],
      ] as const) {
        const { number } = await desk.ticket(one, `From ${name}`);
        const called = new RegExp(`<bdi[^>]*>${name.replaceAll(/[+.]/g, '\\$&')}</bdi>`, 'g');
        expect((await bob.get('/console/tickets')).text.match(called)).toHaveLength(1);
        // The line about the customer, the box about them, and the list beside the ticket.
        expect(
          (await bob.get(`/console/tickets/${number}`)).text.match(called)?.length,
        ).toBeGreaterThanOrEqual(3);
        expect((await bob.get(here())).text.match(called)).toHaveLength(1);
      }
    });

    test('is narrowed down in the address: state, words, number, shop', async () => {
      const jure = await desk.customer({ name: 'Jure Kos', email: 'jure@example.com' });
      const solved = await desk.ticket(jure, 'Zaslon je črn');
      await app.db('tickets').where({ id: solved.id }).update({ status: 'solved' });
      const found = async (query: string) => {
        const { text } = await bob.get(`/console/tickets${query}`).expect(200);
        return [...text.matchAll(/class="z-row-link" href="\/console\/tickets\/(\d+)"/g)].map((match) =>
          Number(match[1]),
        );
      };
      expect(await found('')).toEqual([ticket.number]);
      expect(await found('?status=solved')).toEqual([solved.number]);
      expect(await found('?status=all')).toHaveLength(2);
      // Who looks for words looks everywhere, unless a state was chosen.
      expect(await found('?q=ZASLON')).toEqual([solved.number]);
      expect(await found('?q=jure%20kos')).toEqual([solved.number]);
      expect(await found(`?q=%23${solved.number}`)).toEqual([solved.number]);
      expect(await found('?q=zaslon&status=new')).toEqual([]);
      expect(await found('?store=default')).toEqual([ticket.number]);
      expect(await found('?store=other')).toEqual([]);
      // Nonsense is no error.
      expect(await found('?status=<script>&cursor=%00&q=%00')).toEqual([ticket.number]);
      expect(wordsOf(await bob.get(`/console/tickets?q=${encodeURIComponent('100%_nothing')}`))).toContain(
        'No ticket has “100%_nothing”',
      );
    });

    test('goes on page by page over its groups, each ticket once', async () => {
      const made = [ticket.number];
      for (let i = 0; i < 59; i++) {
        const one = await desk.ticket(ana, `Ticket ${i}`, { unpaid: i % 3 === 0 });
        if (i % 3 === 1) await app.db('tickets').where({ id: one.id }).update({ status: 'pending' });
        made.push(one.number);
        if (i % 2 === 0) app.clock.advance(1);
      }
      const seen: number[] = [];
      let next: string | undefined = '/console/tickets';
      while (next) {
        const { text }: { text: string } = await bob.get(next).expect(200);
        const rows = [...text.matchAll(/class="z-row-link" href="\/console\/tickets\/(\d+)"/g)];
        seen.push(...rows.map((match) => Number(match[1])));
        expect(text).toContain(`${rows.length} of 60`);
        next = /rel="next" href="([^"]+)"/.exec(text)?.[1]?.replaceAll('&amp;', '&');
      }
      expect(seen).toHaveLength(60);
      expect([...seen].sort((a, b) => a - b)).toEqual(made);
    });

    test('says what would be here while there is nothing', async () => {
      await app.db('ticket_events').delete();
      await app.db('tickets').delete();
      const bobs = wordsOf(await bob.get('/console/tickets'));
      expect(bobs).toContain('No tickets yet');
      expect(bobs).not.toContain('To the packages');
      expect(wordsOf(await (await Visitor.of(app, OWNER.email)).get('/console/tickets'))).toContain(
        'To the packages',
      );
    });
  });

  describe('one ticket', () => {
    test('is found by number and by id, and nowhere else', async () => {
      await bob.get(here()).expect(200);
      const byId = await bob.get(`/console/tickets/${ticket.id}?before=x`).expect(303);
      expect(byId.headers.location).toBe(`${here()}?before=x`);
      for (const ref of [
        '999',
        '0',
        '-1',
        'x',
        '%00',
        '1e3',
        '018f0000-0000-7000-8000-000000000000',
        '9'.repeat(30),
      ]) {
        const page = await bob.get(`/console/tickets/${ref}`);
        expect([ref, page.status]).toEqual([ref, 404]);
        expect(page.text).toContain('There is nothing here');
      }
    });

    test('shows whatever was written as text, in every field', async () => {
      const customer = await desk.customer({
        name: HOSTILE,
        email: `"${HOSTILE}"@example.com`,
        phone_e164: '+38641000001',
        locale: '<b>',
        country: '<i>',
      });
      const hostile = await desk.ticket(customer, HOSTILE);
      await app.db('tickets').where({ id: hostile.id }).update({ assignee: HOSTILE });
      await desk.message(hostile, {
        direction: 'in',
        channel: 'email',
        kind: 'customer',
        subject: `${HOSTILE}!`,
        body: HOSTILE,
      });
      await desk.message(hostile, {
        direction: 'out',
        channel: 'email',
        kind: 'reply',
        body: HOSTILE,
        to: 'x',
        freeReason: HOSTILE,
      });
      await desk.event(hostile, 'ticket.assigned', { from: null, to: HOSTILE }, HOSTILE);
      await desk.event(hostile, HOSTILE, { from: HOSTILE }, HOSTILE);
      for (const path of [
        `/console/tickets/${hostile.number}`,
        '/console/tickets',
        `/console/tickets?q=${encodeURIComponent(HOSTILE)}`,
      ]) {
        const { text } = await bob.get(path).expect(200);
        expect(text).toContain(SEEN_AS_TEXT);
        expect(text).toContain('&amp;amp;');
        // In an attribute it stands within its quotes.
        expect(text.replace(/="[^"]*"/g, '')).not.toContain('<script>document');
      }
      const refused = await bob.post(`/console/tickets/${hostile.number}/messages`, {
        ...hiddenFields(
          (await bob.get(`/console/tickets/${hostile.number}`)).text,
          `/console/tickets/${hostile.number}/messages`,
        ),
        channel: 'email',
        subject: 'x'.repeat(501),
        body: HOSTILE,
      });
      expect(refused.status).toBe(422);
      expect(refused.text).toContain('At most 500 characters fit here.');
      expect(refused.text).toMatch(/<textarea[^>]*>\n&lt;script>document/);
    });

    test('tells the whole history: who, by what, in which state, what it cost', async () => {
      await desk.message(ticket, { direction: 'out', channel: 'email', kind: 'system', body: 'Hello Ana' });
      await desk.customerWrites(ticket, 'It does not print.', 'email');
      await desk.customerWrites(ticket, 'Nor does it scan.', 'web');
      await desk.message(
        ticket,
        { direction: 'internal', channel: 'note', kind: 'note', body: 'The driver.' },
        { kind: 'staff', id: 'b', name: 'Bob' },
      );
      for (const type of ['a', 'b', 'c', 'd']) await desk.event(ticket, `other.${type}`, {});
      expect((await answer({ body: 'Turn it off and on.' })).status).toBe(303);
      const words = wordsOf(await bob.get(here()));
      expect(words).toMatch(/Zeton by e-mail · from Zeton, free 13:00 Hello Ana/);
      expect(words).toMatch(/Ana Novak by e-mail 13:00 It does not print\./);
      expect(words).toMatch(/Ana Novak on the web 13:00 Nor does it scan\./);
      expect(words).toMatch(/Bob Note, for colleagues only 13:00 The driver\./);
      expect(words).toContain('4 changes');
      expect(words).toMatch(/Bob by SMS 13:00 Turn it off and on\. queued · 1 SMS credit/);
      expect(words).toContain('Ana Novak opened this ticket');
      expect(words).toContain('Bob: New → Pending');
      await app.drain();
      expect(wordsOf(await bob.get(here()))).toMatch(/Turn it off and on\. sent · 1 SMS credit/);
    });

    test('of 500 messages shows the newest 50, and the others page by page, each once', async () => {
      for (let i = 0; i < 500; i++) {
        await desk.message(ticket, { direction: 'in', channel: 'sms', kind: 'customer', body: `word ${i}.` });
      }
      const seen: number[] = [];
      const read = ({ text }: { text: string }) =>
        [...text.matchAll(/word (\d+)\./g)].map((match) => Number(match[1]));
      const started = performance.now();
      const page = await bob.get(here()).expect(200);
      expect(performance.now() - started).toBeLessThan(1500);
      seen.push(...read(page));
      expect(seen).toEqual(Array.from({ length: 50 }, (_, i) => 450 + i));
      expect(page.text.length).toBeLessThan(120_000);

      // With htmx only what is older; without it a page of its own, from which one comes back.
      let older = /hx-get="([^"]+older[^"]+)"/.exec(page.text)?.[1];
      const plain = await bob.get(/href="([^"]+\?before=[^"]+)"/.exec(page.text)?.[1] as string).expect(200);
      expect(read(plain)).toEqual(Array.from({ length: 50 }, (_, i) => 400 + i));
      expect(wordsOf(plain)).toContain('To the newest messages');
      expect(plain.text).not.toContain('id="z-live"');
      while (older) {
        const part = await bob.get(older, { 'HX-Request': 'true' }).expect(200);
        expect(part.text).not.toContain('<html');
        seen.unshift(...read(part));
        older = /hx-get="([^"]+older[^"]+)"/.exec(part.text)?.[1];
      }
      expect(seen).toEqual(Array.from({ length: 500 }, (_, i) => i));
    }, 120_000);

    test('is for staff only, and only agents change it', async () => {
      const nobody = await Visitor.of(app, null);
      expect((await nobody.get(here()).expect(303)).headers.location).toBe(
        `/sign-in?next=${encodeURIComponent(here())}`,
      );
      await addStaff(app, 'mallory@example.com', 'read-only', 'Mallory');
      const mallory = await Visitor.of(app, 'mallory@example.com');
      const page = await mallory.get(here()).expect(200);
      expect(wordsOf(page)).toContain('You may look at this ticket, and cannot answer it.');
      expect(page.text).not.toContain(`action="${here()}`);
      const message = (
        await desk.message(ticket, { direction: 'out', channel: 'sms', kind: 'reply', to: 'x', body: 'x' })
      ).message;
      const posts = [
        'messages',
        'goodwill',
        'quote',
        'status',
        'assignee',
        'spam',
        'video-sessions',
        'follow-ups',
        `messages/${message.id}/outcome`,
        `video-sessions/${message.id}/end`,
      ];
      const before = await app.db('ticket_events').count({ n: '*' }).first();
      for (const path of posts) {
        expect([
          path,
          (await mallory.post(`${here()}/${path}`, { channel: 'sms', body: 'x', key: 'k'.repeat(20) }))
            .status,
        ]).toEqual([path, 403]);
        // Without the token of the form, nobody.
        expect([
          path,
          (await bob.postBare(`${here()}/${path}`, { channel: 'sms', body: 'x' })).status,
        ]).toEqual([path, 403]);
        expect([path, (await nobody.postBare(`${here()}/${path}`, { body: 'x' })).status]).toEqual([
          path,
          403,
        ]);
      }
      expect(await app.db('ticket_events').count({ n: '*' }).first()).toEqual(before);
      expect(await desk.credits(ana, 'sms')).toEqual({ available: 3, held: 0, used: 0 });
    });
  });

  describe('an answer', () => {
    test('is sent once, however often the form comes', async () => {
      const page = await bob.get(here());
      const [first, second] = [
        await answer({ body: 'Hello' }, { page }),
        await answer({ body: 'Hello' }, { page }),
      ];
      expect([first?.status, second?.status]).toEqual([303, 303]);
      expect(await app.db('messages').where({ kind: 'reply' })).toHaveLength(1);
      expect(await desk.credits(ana, 'sms')).toEqual({ available: 2, held: 1, used: 0 });
      // Back in the browser, and another text in the same form: not taken for the first, nor sent unasked.
      const other = await answer({ body: 'Something else' }, { page });
      expect(other.status).toBe(409);
      expect(wordsOf(other)).toContain('This form was sent before with another text.');
      expect(other.text).toContain('Something else</textarea>');
      expect((await answer({ body: 'Something else' }, { page: other })).status).toBe(409); // has not seen the first one
    });

    test('at the same time from two clicks is sent once', async () => {
      const wide = await TicketDesk.open(engine, { poolMax: 4 });
      const customer = await wide.customer();
      const one = await wide.ticket(customer);
      await wide.give(customer, 'sms', 3);
      const owner = await Visitor.of(wide.app, OWNER.email);
      const path = `/console/tickets/${one.number}`;
      const form = hiddenFields((await owner.get(path)).text, `${path}/messages`);
      const send = () => owner.postBare(`${path}/messages`, { ...form, channel: 'sms', body: 'Twice' });
      const answers = await Promise.all([send(), send()]);
      expect(answers.map(({ status }) => status)).toEqual([303, 303]);
      expect(await wide.app.db('messages').where({ kind: 'reply' })).toHaveLength(1);
      expect(await wide.credits(customer, 'sms')).toEqual({ available: 2, held: 1, used: 0 });
    });

    test('that has not seen the newest message is refused with it, keeps its text, and can be sent then', async () => {
      const [mine, theirs] = [await bob.get(here()), await bob.get(here())];
      await desk.customerWrites(ticket, `It works again! ${HOSTILE}`, 'email');
      for (const htmx of [false, true]) {
        const refused = await answer({ body: 'Have you tried to…' }, { page: htmx ? theirs : mine, htmx });
        expect(refused.status).toBe(409);
        expect(wordsOf(refused)).toContain('Not sent: Ana Novak wrote while you were writing.');
        expect(wordsOf(refused)).toContain('Ana Novak, by e-mail It works again! &lt;script>');
        expect(refused.text).toContain('Have you tried to…</textarea>');
        expect(refused.text.includes('<html')).toBe(!htmx);
        if (!htmx) continue;
        expect((await answer({ body: 'Good to hear.' }, { page: refused })).status).toBe(303);
      }
      expect(await app.db('messages').where({ kind: 'reply' }).select('body')).toEqual([
        { body: 'Good to hear.' },
      ]);
      expect(await desk.credits(ana, 'sms')).toEqual({ available: 2, held: 1, used: 0 });
    });

    test('to a ticket that was solved meanwhile says that it changed', async () => {
      const page = await bob.get(here());
      expect((await bob.post(`${here()}/status`, { status: 'solved', version: '1' })).status).toBe(303);
      const refused = await answer({ body: 'One more thing' }, { page });
      expect(refused.status).toBe(409);
      expect(wordsOf(refused)).toContain('Not sent: the ticket was changed while you were writing.');
      expect((await answer({ body: 'One more thing' }, { page: refused })).status).toBe(303);
    });

    test('that cannot be sent says so beside the field, and keeps what was typed', async () => {
      const cases: [Record<string, string>, string][] = [
        [{ body: '  ' }, 'Write something first.'],
        [{ body: 'ž'.repeat(700) }, 'Too long for an SMS: at most 10 parts'],
        [{ body: 'x'.repeat(100_001), channel: 'email' }, 'At most 100000 characters fit here.'],
        [{ body: 'x', channel: 'email', subject: 'y'.repeat(501) }, 'At most 500 characters fit here.'],
        [{ body: 'a\0b', channel: 'note' }, 'There are characters in it that are no text.'],
      ];
      for (const [fields, words] of cases) {
        const refused = await answer(fields);
        expect([words, refused.status]).toEqual([words, 422]);
        expect(refused.text).toContain(words);
        expect(refused.text).toContain('Not sent: see what to mend below.');
        expect(refused.text).toContain(`${fields.body}</textarea>`);
      }
      expect(await app.db('messages').where({ kind: 'reply' })).toEqual([]);
    });

    test('to somebody who cannot be reached is not offered, and refused', async () => {
      await app.db('customers').update({ phone_e164: null, email: 'x@site.invalid' });
      const page = await bob.get(here());
      expect(wordsOf(page)).toContain('No mobile number of this customer is known.');
      expect(wordsOf(page)).toContain('No e-mail address of this customer is known.');
      expect(page.text).toMatch(/id="z-channel-note" value="note" checked/);
      for (const channel of ['sms', 'email']) {
        const refused = await answer({ channel, body: 'Anybody there?' });
        expect(refused.status).toBe(422);
        expect(refused.text).toContain('Anybody there?</textarea>');
      }
      expect((await answer({ channel: 'note', body: 'Nobody can be reached.' })).status).toBe(303);
    });

    test('starts with what reaches the customer and is paid, and of that with the way they wrote', async () => {
      const opens = async () =>
        /id="z-channel-(\w+)" value="\w+" checked/.exec((await bob.get(here())).text)?.[1];
      // SMS credits alone.
      expect(await opens()).toBe('sms');
      await desk.give(ana, 'email', 1);
      expect(await opens()).toBe('email');
      await desk.customerWrites(ticket, 'By SMS', 'sms');
      expect(await opens()).toBe('sms');
      const stopped = {
        store_id: desk.store.id,
        address: 'ana@example.com',
        since: app.ctx.clock.now().toISOString(),
      };
      const { message } = await desk.message(ticket, {
        direction: 'out',
        channel: 'email',
        kind: 'reply',
        body: 'x',
      });
      await app
        .db('suppressed_addresses')
        .insert({ ...stopped, reason: 'no such mailbox', message_id: message.id });
      await desk.customerWrites(ticket, 'By mail', 'email');
      expect(await opens()).toBe('sms');
      const moment = momentOf(app.ctx, systemActor);
      const number = '+38641555100';
      await withTransaction(app.db, (trx) =>
        optOut(trx, moment, { number, storeIds: [desk.store.id], source: 'word' }),
      );
      expect(await opens()).toBe('note');
      await app.db('suppressed_addresses').delete();
      await desk.customerWrites(ticket, 'By SMS', 'sms');
      expect(await opens()).toBe('email');
    });

    test('starts the way they wrote where nothing is paid', async () => {
      const jure = await desk.customer({ email: 'jure@example.com', phone_e164: '+38641555101' });
      const unpaid = await desk.ticket(jure);
      const opens = async () =>
        /id="z-channel-(\w+)" value="\w+" checked/.exec(
          (await bob.get(`/console/tickets/${unpaid.number}`)).text,
        )?.[1];
      expect(await opens()).toBe('email');
      await desk.customerWrites(unpaid, 'By SMS', 'sms');
      expect(await opens()).toBe('sms');
    });

    test('says what it costs while one types', async () => {
      await desk.give(ana, 'email', 1);
      const quote = async (fields: Record<string, string>) =>
        wordsOf(await answer(fields, { to: 'quote', htmx: true }));
      const short = await quote({ body: 'Hello' });
      expect(short).toContain('uses 1 SMS credit, 2 left GSM-7 · 1 part · 155 characters left in it');
      expect(short).toContain('Send SMS · 1 credit');
      expect(short).toContain('uses 1 e-mail credit, 0 left');
      expect(short).toContain('free Add note · free');
      await app.db('credit_grants').where({ meter: 'sms' }).update({ sms_unit: 'segment' });
      const long = await quote({ body: 'č'.repeat(100) });
      expect(long).toContain('uses 2 SMS credits, 1 left UCS-2 · 2 parts · 34 characters left in it');
      expect(long).toContain('Send SMS · 2 credits');
      expect(await quote({ body: 'č'.repeat(300) })).toContain(
        'No SMS credits left for this: 5 needed, 3 left.',
      );
      expect(await quote({ body: 'č'.repeat(700) })).toContain('Too long for an SMS');
      expect(await quote({ body: '' })).toContain('uses 1 SMS credit, 2 left');
    });

    test('that plain letters would make cheaper can be put into them', async () => {
      await app.db('credit_grants').where({ meter: 'sms' }).update({ sms_unit: 'segment' });
      const body = `Živjo Špela, „čakajte“ – ${'pridem čez pol ure. '.repeat(5)}`;
      expect(wordsOf(await answer({ body }, { to: 'quote', htmx: true }))).toContain(
        'UCS-2 · 2 parts · 9 characters left in it Without č, š, ž: 1 part instead of 2 Send SMS · 2 credits',
      );
      const plain = await answer({ body, plain: 'letters' }, { to: 'plain' });
      expect(plain.status).toBe(200);
      expect(plain.text).toContain(
        `Zivjo Spela, &#34;cakajte&#34; - ${'pridem cez pol ure. '.repeat(5)}</textarea>`,
      );
      expect(wordsOf(plain)).toContain('Send SMS · 1 credit');
      // Where only signs are in the way, the letters stay as they are.
      const quoted = `„${'Danes pridem ob treh. '.repeat(6)}“ – Bor…`;
      expect(wordsOf(await answer({ body: quoted }, { to: 'quote', htmx: true }))).toContain(
        'Plain quotes and dashes: 1 part instead of 3 Send SMS · 3 credits',
      );
      const typed = await answer({ body: `Čas: ${quoted}`, plain: 'signs' }, { to: 'plain' });
      expect(typed.text).toContain('Čas: &#34;Danes pridem');
      expect(typed.text).toContain('&#34; - Bor...</textarea>');
      // Nothing to be saved where no plain letters are.
      for (const text of ['😀'.repeat(60), 'Ο εκτυπωτής δεν δουλεύει '.repeat(4)]) {
        expect(wordsOf(await answer({ body: text }, { to: 'quote', htmx: true }))).not.toContain(
          'instead of',
        );
      }
      // By message the customer saves nothing, but the shop does: the provider bills parts.
      await app.db('credit_grants').where({ meter: 'sms' }).update({ sms_unit: 'message' });
      expect(wordsOf(await answer({ body }, { to: 'quote', htmx: true }))).toContain(
        'Without č, š, ž: 1 part instead of 2 Send SMS · 1 credit',
      );
      // Without a script the same stands on the whole page, and the text is kept.
      const counted = await answer({ body }, { to: 'quote' });
      expect(counted.status).toBe(200);
      expect(wordsOf(counted)).toContain('Without č, š, ž: 1 part instead of 2');
      expect(counted.text).toContain(`${body}</textarea>`);
    });

    test('of which nothing is left is offered free of charge, as goodwill, or by a link; each once', async () => {
      await desk.package();
      await app.db('customers').where({ id: ana.id }).update({ name: 'Ana' });
      for (let i = 0; i < 3; i++) await answer({ body: `Number ${i}` });
      await app.drain();
      const page = await bob.get(here());
      const words = wordsOf(page);
      expect(words).toContain('No SMS credits left for this: 1 needed, 0 left.');
      expect(words).toContain('none left of 3');
      expect(words).not.toContain('Send SMS ·');
      expect(page.text).toContain('value="https://shop.example.com/?add-to-cart=51"');

      // Pressed all the same, as by an old page.
      const refused = await answer({ body: 'Pressed all the same' }, { page });
      expect(refused.status).toBe(402);
      expect(wordsOf(refused)).toContain(
        'Not sent: there are not enough credits any more. Your text is kept.',
      );
      expect(refused.text).toContain('Pressed all the same</textarea>');

      const noReason = await answer({ body: 'Please wait', free: 'sms', reason_sms: ' ' }, { page });
      expect(noReason.status).toBe(422);
      expect(noReason.text).toContain('Write why.');
      expect(
        (await answer({ body: 'Please wait', free: 'sms', reason_sms: 'Our mistake' }, { page })).status,
      ).toBe(303);
      expect(wordsOf(await bob.get(here()))).toContain('free of charge: Our mistake');
      expect(await app.db('audit_log').where({ action: 'message.sent_free' })).toHaveLength(1);

      const now = await bob.get(here());
      const fields = { body: 'My long answer', give: 'sms.1', reason_sms: 'Sorry' };
      const given = await answer(fields, { page: now, to: 'goodwill' });
      await answer(fields, { page: now, to: 'goodwill' });
      expect(given.status).toBe(200);
      expect(wordsOf(given)).toContain('Given: 1 SMS credit. Now it can be sent.');
      expect(given.text).toContain('My long answer</textarea>');
      expect(wordsOf(given)).toContain('Send SMS · 1 credit');
      expect(await desk.credits(ana, 'sms')).toEqual({ available: 1, held: 0, used: 3 });
      expect((await answer({ body: 'My long answer' }, { page: given })).status).toBe(303);
      expect(await desk.credits(ana, 'sms')).toEqual({ available: 0, held: 1, used: 3 });
      expect((await verifyLedger(app.db)).problems).toEqual([]);
      for (const give of ['sms.0', 'sms.101', 'video.1', 'sms.-1', '']) {
        expect([give, (await answer({ ...fields, give }, { to: 'goodwill' })).status]).toEqual([give, 422]);
      }
    });

    test('that fails says so, and gives its credit back', async () => {
      await app.db('customers').update({ phone_e164: '+38641550000' });
      await answer({ body: 'To a number that is none' });
      expect(await desk.credits(ana, 'sms')).toEqual({ available: 2, held: 1, used: 0 });
      await app.drain();
      const words = wordsOf(await bob.get(here()));
      expect(words).toContain('failed, credit given back');
      expect(words).toContain('Why: the sandbox rejects every number that ends in 0000');
      expect(words).toContain('3 left of 3');
      expect(await desk.credits(ana, 'sms')).toEqual({ available: 3, held: 0, used: 0 });
    });

    test('of which nobody knows whether it went out is settled by a person, once', async () => {
      const uncertain = async (body: string) => {
        app.gateways.sms.failOnce();
        app.gateways.findSms.answer({ kind: 'unknown' });
        await answer({ body });
        await app.drain();
        expect(wordsOf(await bob.get(here()))).toContain(
          'sending · 1 SMS credit perhaps sent, it is being found out: no answer from the provider (Error)',
        );
        for (let i = 0; i < 3; i++) {
          app.clock.advance(600);
          await app.drain();
        }
        const row = await app.db('messages').where({ body }).first('id', 'status');
        expect(row.status).toBe('uncertain');
        return row.id as string;
      };
      const [lost, sent] = [await uncertain('Perhaps lost'), await uncertain('Perhaps sent')];
      const page = await bob.get(here());
      expect(wordsOf(page)).toContain(
        'uncertain · 1 SMS credit Nobody can tell whether it went out (the provider cannot tell); what it costs stays',
      );
      const settle = (id: string, yes: boolean, headers = {}) =>
        bob.postBare(
          `${here()}/messages/${id}/outcome`,
          { ...hiddenFields(page.text, `${here()}/messages/${id}/outcome`), sent: yes ? 'yes' : 'no' },
          headers,
        );
      expect((await settle(lost, false)).status).toBe(303);
      const part = await settle(sent, true, { 'HX-Request': 'true' });
      expect(part.status).toBe(200);
      expect(wordsOf(part)).toContain('Perhaps sent sent · 1 SMS credit');
      // The other way round, too late.
      expect((await settle(lost, true)).status).toBe(303);
      const words = wordsOf(await bob.get(here()));
      expect(words).toContain('What became of this message is known by now.');
      expect(words).toContain('Bob found out: the message was sent');
      expect(words).toContain('Bob found out: the message was not sent, its credit was given back');
      expect(await desk.credits(ana, 'sms')).toEqual({ available: 2, held: 0, used: 1 });
      expect((await bob.post(`${here()}/messages/${ticket.id}/outcome`, { sent: 'yes' })).status).toBe(404);
    });

    test('to a closed ticket goes into a follow-up, and what was written is kept', async () => {
      const page = await bob.get(here());
      await bob.post(`${here()}/status`, { status: 'closed', version: '1' });
      const refused = await answer({ body: 'Half an hour of writing' }, { page });
      expect(refused.status).toBe(409);
      expect(refused.text).toContain('Half an hour of writing</textarea>');
      expect(wordsOf(refused)).toContain('This ticket is closed.');
      const form = hiddenFields(refused.text, `${here()}/follow-ups`);
      const once = await bob.postBare(`${here()}/follow-ups`, form);
      const twice = await bob.postBare(`${here()}/follow-ups`, form);
      expect(once.status).toBe(303);
      expect(twice.headers.location).toBe(once.headers.location);
      expect(wordsOf(await bob.get(once.headers.location as string))).toContain(
        `Goes on from #${ticket.number}`,
      );
    });
  });

  describe('its state', () => {
    const state = () => app.db('tickets').where({ id: ticket.id }).first('status', 'assignee', 'spam');

    test('and who answers are changed by plain forms', async () => {
      const change = async (what: string, fields: Record<string, string>) => {
        const { version } = await app.db('tickets').where({ id: ticket.id }).first('version');
        return bob.post(`${here()}/${what}`, { version: String(version), ...fields });
      };
      for (const status of ['open', 'on_hold', 'pending', 'solved', 'open']) {
        expect((await change('status', { status })).status).toBe(303);
        expect((await state()).status).toBe(status);
      }
      await change('assignee', { who: 'me', assignee: '' });
      expect((await state()).assignee).toBe('Bob');
      await change('assignee', { assignee: '  Petra <b>  ' });
      expect((await state()).assignee).toBe('Petra <b>');
      const long = await change('assignee', { assignee: 'x'.repeat(201) });
      expect(long.status).toBe(422);
      expect(long.text).toContain('At most 200 characters fit here.');
      expect(long.text).toContain('x'.repeat(201));
      await change('assignee', { who: 'nobody', assignee: 'Petra' });
      expect((await state()).assignee).toBeNull();
      for (const status of ['new', '', 'Open', '<script>']) {
        expect((await change('status', { status })).status).toBe(422);
      }
      expect((await change('spam', {})).status).toBe(303);
      expect(await state()).toMatchObject({ status: 'closed', spam: 1 });
      const late = await change('status', { status: 'open' });
      expect(late.status).toBe(409);
      expect(wordsOf(late)).toContain('Not changed: that is not possible from the state it has now.');
    });

    test('is not changed by somebody who has not seen the newest word', async () => {
      await desk.customerWrites(ticket, 'Wait!');
      for (const htmx of [false, true]) {
        const page = await bob.get(here());
        const refused = await bob.postBare(
          `${here()}/status`,
          { ...hiddenFields(page.text, `${here()}/status`), version: '1', status: 'solved' },
          htmx ? { 'HX-Request': 'true' } : {},
        );
        expect(refused.status).toBe(409);
        expect(wordsOf(refused)).toContain('Not changed: the ticket has news that you had not seen.');
      }
      expect((await state()).status).toBe('new');
      expect((await bob.post(`${here()}/status`, { status: 'solved' })).status).toBe(400);
    });
  });

  describe('a video call', () => {
    const report = (
      sessionId: string,
      type: 'joined' | 'connected' | 'left',
      participant: 'agent' | 'customer',
    ) =>
      recordVideoEvent(
        app.ctx,
        { kind: 'system', id: 'room', name: 'Room' },
        { sessionId, eventId: `${type}-${participant}`, type, participant },
      );

    test('is opened, followed and ended on the ticket, and says what it costs at each step', async () => {
      await desk.give(ana, 'video', 3, { video_block_minutes: 15 });
      expect(wordsOf(await bob.get(here()))).toContain(
        'Each started 15 minutes of a call use 1 video credit. Under a minute in all is free. 3 left.',
      );
      await bob.post(`${here()}/video-sessions`, {});
      await bob.post(`${here()}/video-sessions`, {});
      const sessions = await app.db('video_sessions');
      expect(sessions).toHaveLength(1);
      const id = sessions[0].id as string;
      const page = await bob.get(here());
      expect(wordsOf(page)).toContain(
        'Video Waiting The room is open. Send the customer their link; nobody is there yet.',
      );
      expect(page.text).toContain(`value="${app.ctx.publicUrl}/video/${id}#customer.`);
      await report(id, 'joined', 'customer');
      expect(wordsOf(await bob.get(here()))).toContain('The customer is there and waits for you.');
      await report(id, 'joined', 'agent');
      await report(id, 'connected', 'customer');
      await report(id, 'connected', 'agent');
      app.clock.advance(125);
      expect(wordsOf(await bob.get(here()))).toContain(
        'Both are connected. 2 min 5 s connected 1 block of 15 min on hold',
      );
      const ended = await bob.post(`${here()}/video-sessions/${id}/end`, {});
      expect(ended.status).toBe(303);
      await bob.post(`${here()}/video-sessions/${id}/end`, {});
      const words = wordsOf(await bob.get(here()));
      expect(words).toContain('Video Ended The last call ended after 2 min 5 s: 1 credit.');
      expect(words).toContain('Video ended after 2 min 5 s: 1 credit');
      expect(await desk.credits(ana, 'video')).toEqual({ available: 2, held: 0, used: 1 });
      // Another ticket's call is not ended from here.
      const other = await desk.ticket(ana, 'Another');
      expect((await bob.post(`/console/tickets/${other.number}/video-sessions/${id}/end`, {})).status).toBe(
        404,
      );
    });

    test('warns when the next block has no credit, is blocked without any, and costs nothing when nobody came', async () => {
      expect(wordsOf(await bob.get(here()))).toContain('No video help was bought. Goodwill…');
      await desk.give(ana, 'video', 1, { video_block_minutes: 3 });
      await bob.post(`${here()}/video-sessions`, {});
      const { id } = await app.db('video_sessions').first('id');
      for (const type of ['joined', 'connected'] as const)
        for (const who of ['agent', 'customer'] as const) await report(id, type, who);
      app.clock.advance(90);
      await app.runJob('video');
      expect(wordsOf(await bob.get(here()))).toContain(
        'No credit for the next block: the call ends with this one.',
      );
      app.clock.advance(120);
      await app.runJob('video');
      expect(wordsOf(await bob.get(here()))).toContain(
        'No credit The last call ended because no credit was left, after 3 min 0 s: 1 credit.',
      );
      expect(wordsOf(await bob.get(here()))).toContain('No video credits left: 1 needed, 0 left. Goodwill…');
      await desk.give(ana, 'video', 1);
      await bob.post(`${here()}/video-sessions`, {});
      const running = await app.db('video_sessions').where({ state: 'waiting' }).first('id');
      await bob.post(`${here()}/video-sessions/${running.id}/end`, {});
      expect(wordsOf(await bob.get(here()))).toContain(
        'Nobody met In the last call not both came. Nothing was charged.',
      );
    });
  });

  describe('looking again', () => {
    test('answers nothing while nothing is new, and only what is new otherwise', async () => {
      const page = await bob.get(here());
      const nothing = await asHtmx(bob, `${here()}/live`, seenIn(page));
      expect([nothing.status, nothing.text]).toEqual([204, '']);

      await desk.customerWrites(ticket, 'Are you there?');
      const news = await asHtmx(bob, `${here()}/live`, seenIn(page));
      expect(news.status).toBe(200);
      expect(wordsOf(news)).toContain('Are you there?');
      expect(news.text).toContain('hx-swap-oob="beforeend:#z-thread-list"');
      expect(news.text).not.toContain('id="z-part-counts"');
      expect(news.text).not.toContain('<textarea');
      expect(news.headers['hx-trigger']).toBeUndefined();
      const parts = seenIn(page).filter((value) => !/^(mark|thread|list|head)\|/.test(value));
      const after = [...parts, ...seenIn(news)];
      expect((await asHtmx(bob, `${here()}/live`, after)).status).toBe(204);

      // A message that changes its state takes its own place; the counters change with it.
      const sent = await answer({ body: 'Yes' }, { htmx: true });
      expect(sent.status).toBe(200);
      const queued = await bob.get(here());
      await app.drain();
      const settled = await asHtmx(bob, `${here()}/live`, seenIn(queued));
      expect(settled.text).toMatch(/<li class="z-msg z-msg-out" id="m-[\w-]+" hx-swap-oob="true">/);
      expect(wordsOf(settled)).toContain('Yes sent · 1 SMS credit');
      expect(settled.text).not.toContain('beforeend:');
      expect(settled.text).toContain('id="z-part-counts"');
      expect(settled.headers['hx-trigger']).toBe('z-credits');
    });

    test('whatever is asked with is no error', async () => {
      for (const seen of [
        [],
        ['thread|x|y|z'],
        ['mark|'],
        ['thread|||'],
        [HOSTILE, `thread|${ticket.id}|${HOSTILE}`],
      ]) {
        expect((await asHtmx(bob, `${here()}/live`, seen)).status).toBe(200);
      }
      expect((await bob.get(`${here()}/live`)).status).toBe(303);
      expect((await bob.get(`${here()}/older`, { 'HX-Request': 'true' })).headers['hx-redirect']).toBe(
        here(),
      );
    });
  });
});

describeEachEngine('tickets in a browser', (engine) => {
  if (engine.name !== 'sqlite') {
    test('are tried on one engine', () => expect(engine.name).toBe('postgres'));
    return;
  }
  let desk: TicketDesk;
  let app: TestApp;
  let browser: TestBrowser;
  beforeAll(async () => {
    desk = await TicketDesk.open(engine);
    app = desk.app;
    browser = await openBrowser(app);
    await desk.package();
    await addStaff(app, 'bor@example.com', 'agent', 'Bor Kralj');
    await addStaff(app, 'mallory@example.com', 'read-only', 'Mallory');
  });
  afterAll(async () => {
    await browser.close();
    await app.close();
  });

  let made = 0;
  async function customer(
    name = 'Ana Novak',
    credits: Partial<Record<'sms' | 'email' | 'video', number>> = {},
  ) {
    made += 1;
    const one = await desk.customer({
      name,
      email: `c${made}@example.com`,
      phone_e164: `+3864155${1000 + made}`,
    });
    for (const [meter, quantity] of Object.entries(credits)) await desk.give(one, meter as 'sms', quantity);
    return one;
  }
  const open = async (page: Page, ticket: Ticket) => {
    await page.goto(`${browser.base}/console/tickets/${ticket.number}`);
  };
  /** As it stands there for the eye. */
  const words = async (page: Page, where: string) =>
    (await page.locator(where).allInnerTexts()).join(' ').replace(/\s+/g, ' ').trim();
  const count = (page: Page, meter: 'sms' | 'email') =>
    words(page, `.z-desk-side .z-counter-row:has-text("${meter === 'sms' ? 'SMS' : 'E-mail'}")`);
  const send = (page: Page, name: string | RegExp) => page.getByRole('button', { name }).click();
  /** From the end of the history, upwards. */
  const scrollTo = (page: Page, top: number) =>
    page.evaluate(`document.getElementById('z-thread').scrollTop = ${top}`);
  /** The page asks every few seconds; a test does not wait for that. */
  const lookAgain = (page: Page) => page.evaluate("document.body.dispatchEvent(new CustomEvent('z-look'))");

  test('an answer by SMS and one by e-mail make the counters fall', async () => {
    const ana = await customer('Ana Novak', { sms: 6, email: 3 });
    const ticket = await desk.ticket(ana);
    await desk.customerWrites(ticket, 'Tiskalnik ne tiska.');
    const page = await browser.openPage({ signedInAs: 'bor@example.com' });
    await page.goto(`${browser.base}/console/tickets`);
    await page.getByText('Tiskalnik ne tiska').first().click();
    await page.waitForURL(`**/console/tickets/${ticket.number}`);
    expect(await count(page, 'sms')).toBe('SMS 6 left of 6');

    await page.getByLabel('Text').fill('Živjo, izklopite ga za deset sekund.');
    await page.getByText('UCS-2 · 1 part · 34 characters left in it').waitFor();
    await send(page, 'Send SMS · 1 credit');
    await page.locator('.z-msg-out').getByText('queued · 1 SMS credit').waitFor();
    expect(await count(page, 'sms')).toBe('SMS 5 left of 6 1 on hold');
    expect(await page.getByLabel('Text').inputValue()).toBe('');
    await app.drain();
    await lookAgain(page);
    await page.locator('.z-msg-out').getByText('sent · 1 SMS credit').waitFor();
    expect(await count(page, 'sms')).toBe('SMS 5 left of 6');

    await page.getByLabel('E-mail', { exact: true }).check();
    await page.getByLabel('Subject').fill('Gonilnik');
    await page.getByLabel('Text').fill('Povezava do gonilnika: https://example.com');
    await send(page, 'Send e-mail · 1 credit');
    await page.getByText('queued · 1 e-mail credit').waitFor();
    await app.drain();
    await lookAgain(page);
    await page.getByText('sent · 1 e-mail credit').waitFor();
    expect(await count(page, 'email')).toBe('E-mail 2 left of 3');
    expect(await words(page, '.z-msg-subject')).toBe('Gonilnik');
    expect(app.gateways.sms.calls.at(-1)?.text).toBe('Živjo, izklopite ga za deset sekund.');
    expect(app.gateways.email.calls.at(-1)?.subject).toBe('Gonilnik [#1]');
    expectNoForeignRequests(page);
  }, 60_000);

  test('works the same without a script', async () => {
    const ana = await customer('Ana Novak', { sms: 2, email: 2 });
    const ticket = await desk.ticket(ana);
    for (let i = 0; i < 30; i++) await desk.customerWrites(ticket, `Line ${i}`);
    const page = await browser.openPage({ signedInAs: 'bor@example.com', javaScript: false });
    await open(page, ticket);
    // It opens at its end.
    const box = await page.getByText('Line 29', { exact: true }).boundingBox();
    expect(box?.y).toBeGreaterThan(100);
    expect(box?.y).toBeLessThan(620);
    await page.getByLabel('Note').check();
    await page.getByLabel('Text').fill('Only for us.');
    expect(await page.getByRole('button', { name: /^Send/ }).count()).toBe(0);
    await send(page, 'Add note · free');
    expect(await words(page, '.z-banner')).toContain('The note was added.');
    await page.getByLabel('SMS', { exact: true }).check();
    await page.getByLabel('Text').fill('Hello');
    await send(page, 'Send SMS · 1 credit');
    expect(await count(page, 'sms')).toBe('SMS 1 left of 2 running low 1 on hold');
    await page.getByLabel('State: Pending. Change it').click();
    await page.getByRole('button', { name: 'On hold' }).click();
    await page.getByLabel('State: On hold. Change it').waitFor();
  }, 60_000);

  test('two tabs on one ticket: the second answer is refused with the first, and sent when that was read', async () => {
    const ana = await customer('Ana Novak', { sms: 5 });
    const ticket = await desk.ticket(ana);
    await desk.customerWrites(ticket, 'Help!');
    const [one, two] = [
      await browser.openPage({ signedInAs: 'bor@example.com' }),
      await browser.openPage({ signedInAs: 'owner' }),
    ];
    await open(one, ticket);
    await open(two, ticket);
    await two.getByLabel('Text').fill('My answer, from the second tab');
    await one.getByLabel('Text').fill('The first answer');
    await send(one, /^Send SMS/);
    await one.locator('.z-msg-out').waitFor();
    // The second tab has it on the screen by now, but whoever writes there has not said so.
    await lookAgain(two);
    await two.locator('.z-msg-out').getByText('The first answer').waitFor();
    expect(await two.getByLabel('Text').inputValue()).toBe('My answer, from the second tab');
    await send(two, /^Send SMS/);
    await two.locator('.z-composer .z-banner').waitFor();
    expect(await words(two, '.z-composer .z-banner')).toMatch(
      /Not sent: Bor Kralj wrote while you were writing.+The first answer/,
    );
    expect(await two.getByLabel('Text').inputValue()).toBe('My answer, from the second tab');
    expect(await app.db('messages').where({ ticket_id: ticket.id, kind: 'reply' })).toHaveLength(1);
    // Before the pictures: making them, axe and Playwright put styles of their own into the page.
    expectNoForeignRequests(two);
    for (const width of [1280, 390] as const) {
      for (const theme of LOOKS) {
        await two.setViewportSize({ width, height: width === 390 ? 844 : 800 });
        await two.emulateMedia({ colorScheme: theme });
        await screenshot(two, `ticket-stale-${width}-${theme}`);
        await expectAccessible(two);
      }
    }
    await send(two, /^Send SMS/);
    await two.locator('.z-msg-out').getByText('My answer, from the second tab').waitFor();
    expect(await app.db('messages').where({ ticket_id: ticket.id, kind: 'reply' })).toHaveLength(2);
    expect(await desk.credits(ana, 'sms')).toEqual({ available: 3, held: 2, used: 0 });
  }, 60_000);

  test('a double click sends once', async () => {
    const ana = await customer('Ana Novak', { sms: 5 });
    const ticket = await desk.ticket(ana);
    for (const javaScript of [true, false]) {
      const page = await browser.openPage({ signedInAs: 'bor@example.com', javaScript });
      await open(page, ticket);
      await page.getByLabel('SMS', { exact: true }).check();
      await page.getByLabel('Text').fill('Once');
      await page.getByRole('button', { name: /^Send SMS/ }).dblclick({ noWaitAfter: true });
      await page
        .locator('.z-msg-out')
        .nth(javaScript ? 0 : 1)
        .waitFor();
    }
    expect(await app.db('messages').where({ ticket_id: ticket.id, kind: 'reply' })).toHaveLength(2);
    expect(await desk.credits(ana, 'sms')).toEqual({ available: 3, held: 2, used: 0 });
  }, 60_000);

  test('what comes while one writes or reads moves nothing, and closes nothing', async () => {
    const ana = await customer('Ana Novak', { sms: 5 });
    const ticket = await desk.ticket(ana);
    for (let i = 0; i < 60; i++) await desk.customerWrites(ticket, `Line ${i}`);
    const page = await browser.openPage({ signedInAs: 'bor@example.com' });
    await open(page, ticket);
    await page.getByText('Line 59', { exact: true }).waitFor();
    // Older ones come above what is being read.
    await scrollTo(page, -100000);
    const before = await page.getByText('Line 10', { exact: true }).boundingBox();
    await page.getByRole('link', { name: 'Earlier messages' }).click();
    await page.getByText('Line 9', { exact: true }).waitFor({ state: 'attached' });
    expect((await page.getByText('Line 10', { exact: true }).boundingBox())?.y).toBeCloseTo(
      before?.y as number,
      -2,
    );
    expect(await page.locator('.z-msg').count()).toBe(60);
    expect(await page.locator('.z-day').count()).toBe(1);

    // Somewhere in the middle, half an answer written, a menu open: a new word comes.
    await page.getByLabel('Text').fill('Half an ans');
    await scrollTo(page, -900);
    await page.getByLabel('Who answers: Nobody. Change it').click();
    await page.getByLabel('Who answers', { exact: true }).fill('Pet');
    const place = async () =>
      Math.round((await page.getByText('Line 45', { exact: true }).boundingBox())?.y as number);
    const was = await place();
    await desk.customerWrites(ticket, 'A new word');
    await app.db('tickets').where({ id: ticket.id }).update({ assignee: 'Ema' });
    await desk.give(ana, 'sms', 1);
    await lookAgain(page);
    await page.getByText('A new word').waitFor({ state: 'attached' });
    expect(await place()).toBe(was);
    expect(await page.getByLabel('Text').inputValue()).toBe('Half an ans');
    expect(await page.getByLabel('Who answers', { exact: true }).inputValue()).toBe('Pet');
    expect(await count(page, 'sms')).toBe('SMS 6 left of 6');
    // What was left out comes when the reader is done with it.
    await page.keyboard.press('Escape');
    await page.getByLabel('Text').focus();
    await lookAgain(page);
    await page.getByLabel('Who answers: Ema. Change it').waitFor();
    await page.getByLabel('Text').fill('');

    // At the end one stays at the end.
    await scrollTo(page, 0);
    await desk.customerWrites(ticket, 'The very last word');
    await lookAgain(page);
    await page.getByText('The very last word').waitFor();
    expect((await page.getByText('The very last word').boundingBox())?.y).toBeLessThan(620);
    // Nothing was written: whoever begins now has read all of it.
    await page.getByLabel('Text').fill('An answer to that');
    await send(page, /^Send SMS/);
    await page.locator('.z-msg-out').waitFor();
    expectNoForeignRequests(page);
  }, 60_000);

  test('at zero one gives goodwill without losing a word, and the button comes back', async () => {
    const ana = await customer('Ana Novak', { sms: 1, email: 4 });
    const ticket = await desk.ticket(ana, 'Samo en SMS');
    await desk.customerWrites(ticket, 'Kje je gumb?');
    const page = await browser.openPage({ signedInAs: 'bor@example.com' });
    await open(page, ticket);
    await page.getByLabel('Text').fill('Desno zgoraj.');
    await send(page, /^Send SMS/);
    await page.getByText('No SMS credits left for this: 1 needed, 0 left.').waitFor();
    await page.getByLabel('Text').fill('In še to: potem ga držite tri sekunde.');
    await send(page, 'Give 1 SMS credit as goodwill');
    await page.getByText('Write why.').waitFor();
    expectNoForeignRequests(page);
    for (const width of [1280, 390] as const) {
      for (const theme of LOOKS) {
        await page.setViewportSize({ width, height: width === 390 ? 844 : 800 });
        await page.emulateMedia({ colorScheme: theme });
        await screenshot(page, `ticket-zero-${width}-${theme}`);
        await expectAccessible(page);
      }
    }
    await page.setViewportSize({ width: 1280, height: 800 });
    await page.getByLabel('Reason').fill('Our first answer was not complete');
    await send(page, 'Give 1 SMS credit as goodwill');
    await page.getByText('Given: 1 SMS credit. Now it can be sent.').waitFor();
    expect(await page.getByLabel('Text').inputValue()).toBe('In še to: potem ga držite tri sekunde.');
    await send(page, 'Send SMS · 1 credit');
    await page.locator('.z-msg-out').getByText('In še to').waitFor();
    expect(await desk.credits(ana, 'sms')).toEqual({ available: 0, held: 2, used: 0 });
  }, 60_000);

  test('every look of the ticket is made with care, and axe finds nothing', async () => {
    const names = ['Petra Rupnik', 'Miha Zupan', HOSTILE, 'Jure Kos', 'Eleni Papadopoulou'];
    const subjects = [
      'Ni signala',
      'Računalnik se ugaša',
      HOSTILE,
      'How do I start?',
      'Ο εκτυπωτής δεν δουλεύει',
    ];
    for (const [i, name] of names.entries()) {
      const one = await customer(name, i === 3 ? {} : { sms: 3 * i, email: 1 });
      const other = await desk.ticket(one, subjects[i] as string, { unpaid: i === 3 });
      if (i === 1)
        await app.db('tickets').where({ id: other.id }).update({ status: 'pending', assignee: 'Bor Kralj' });
      app.clock.advance(700);
    }
    // Ana buys, and so gets a ticket; another order of hers is not paid yet.
    await makePackage(app.ctx, desk.store, 'SUP', { sms: 10, email: 20 }, { name: 'Start' });
    for (const [id, status] of [
      [1193, 'processing'],
      [1201, 'pending'],
    ] as const) {
      await receive(
        app.ctx,
        desk.store,
        'order.created',
        orderJson({ id, status, email: 'ana.novak@example.com' }),
      );
      await app.drain();
    }
    const row = await app.db('orders').where({ number: '1193' }).first('customer_id', 'ticket_id');
    const ana = { id: row.customer_id as string, name: 'Ana Novak' };
    await app.db('customers').where({ id: ana.id }).update({ name: 'Ana Novak' });
    await app
      .db('tickets')
      .where({ id: row.ticket_id })
      .update({ subject: 'Tiskalnik ne tiska, lučka utripa' });
    await desk.give(ana, 'video', 2, { video_block_minutes: 15 });
    const ticket = (await findTicket(app.db, row.ticket_id as string)) as Ticket;
    const bor = { kind: 'staff' as const, id: 'bor', name: 'Bor Kralj' };
    app.clock.advance(22 * 3600);
    await desk.customerWrites(
      ticket,
      'Dober dan, tiskalnik od včeraj ne tiska več. Lučka utripa oranžno.\n\nHvala, Ana',
      'email',
    );
    await desk.event(ticket, 'ticket.assigned', { from: null, to: 'Bor Kralj' }, 'Bor Kralj');
    await desk.message(
      ticket,
      { direction: 'internal', channel: 'note', kind: 'note', body: 'Isti gonilnik kot pri #3.' },
      bor,
    );
    await app.db('tickets').where({ id: ticket.id }).update({ assignee: 'Bor Kralj', status: 'open' });
    // What other tests left in the outbox.
    await app.drain();
    const page = await browser.openPage({ signedInAs: 'bor@example.com' });
    await open(page, ticket);
    const reply = async (text: string) => {
      await page.getByLabel('SMS', { exact: true }).check();
      await page.getByLabel('Text').fill(text);
      await send(page, /^Send SMS/);
      await page.locator('.z-msg-out').getByText(text).waitFor();
    };
    app.clock.advance(120);
    app.gateways.sms.answerOnce({ kind: 'rejected', reason: 'the number is not in use' });
    await reply('Dober dan, izklopite ga za 10 sekund.');
    await app.drain();
    app.gateways.sms.failOnce();
    app.gateways.findSms.answer({ kind: 'unknown' });
    await reply('Ste ga že izklopili?');
    await app.drain();
    for (let i = 0; i < 3; i++) {
      app.clock.advance(600);
      await app.drain();
    }
    app.gateways.findSms.answer(null);
    await reply('Poskusimo še z gonilnikom.');
    await app.drain();
    await page.getByRole('button', { name: 'Open a video room' }).click();
    await page.getByText('The room is open.').waitFor();
    const { id } = await app.db('video_sessions').where({ ticket_id: ticket.id }).first('id');
    for (const type of ['joined', 'connected'] as const) {
      for (const participant of ['agent', 'customer'] as const) {
        const event = { sessionId: id as string, eventId: `${type}-${participant}`, type, participant };
        await recordVideoEvent(app.ctx, { kind: 'system', id: 'room', name: 'Room' }, event);
      }
    }
    app.clock.advance(245);
    await lookAgain(page);
    await page.getByText('4 min 5 s connected').waitFor();

    const path = `/console/tickets/${ticket.number}`;
    await look(browser, '/console/tickets', 'tickets', { signedInAs: 'bor@example.com' });
    await look(browser, path, 'ticket', {
      signedInAs: 'bor@example.com',
      async prepare(one) {
        await one.getByLabel('SMS', { exact: true }).check();
        await one.getByLabel('Text').fill('Odlično. Še nekaj potrebujete?');
        await one.getByText('UCS-2 · 1 part').waitFor();
      },
    });
    await look(browser, path, 'ticket-open', {
      signedInAs: 'bor@example.com',
      async prepare(one) {
        if (await one.locator('.z-glance').isVisible()) await one.locator('.z-glance > summary').click();
        else await one.getByLabel('State: Pending. Change it').click();
      },
    });
    const unpaid = await app.db('tickets').where({ subject: 'How do I start?' }).first('number');
    await look(browser, `/console/tickets/${unpaid.number}`, 'ticket-unpaid', {
      signedInAs: 'bor@example.com',
    });
    await look(browser, path, 'ticket-read-only', { signedInAs: 'mallory@example.com' });
    await look(browser, '/console/tickets?q=nothing+like+this', 'tickets-none', {
      signedInAs: 'bor@example.com',
    });
    await page.setViewportSize({ width: 1280, height: 1500 });
    await screenshot(page, 'ticket-whole-1280-light');
    await page.setViewportSize({ width: 1280, height: 800 });
    await page.getByLabel('More').click();
    await page.getByText('Close for good').click();
    await screenshot(page, 'ticket-close-1280-light');
    await page.getByRole('button', { name: `Close #${ticket.number}`, exact: true }).click();
    await page.getByText('This ticket is closed.').waitFor();
    await look(browser, path, 'ticket-closed', { signedInAs: 'bor@example.com' });
    expectNoForeignRequests(page);
    const hostile = await app.db('tickets').where({ subject: HOSTILE }).first('number');
    await open(page, hostile);
    expect(await page.title()).toContain('<script>');
    expect(await words(page, 'h1 bdi')).toBe(HOSTILE);
    expectNoForeignRequests(page);
  }, 240_000);
});
