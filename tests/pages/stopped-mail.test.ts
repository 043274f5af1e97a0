import request from 'supertest';
import { findPersonWithHash, normaliseStaffEmail } from '../../src/domain/staff';
import { suppress } from '../../src/domain/suppressions';
import { withTransaction } from '../../src/platform/db';
import { limits } from '../../src/platform/limits';
import { stopNoticesUrl } from '../../src/usecases/stop-notices';
import type { TestApp } from '../support/app';
import { addStaff, describeInBrowser, look, OWNER, openBrowser } from '../support/browser';
import { chosenEngines, describeEachEngine, type TestEngine } from '../support/databases';
import { type DeskCustomer, hiddenFields, TicketDesk } from '../support/ticket-desk';
import { Visitor } from '../support/visitor';

const REASON = 'there is no such mailbox (550 5.1.1)';
const MAIL_STOPPED = 'E-mail to this customer came back';

async function openDesk(
  engine: TestEngine,
): Promise<{ desk: TicketDesk; ana: DeskCustomer; number: number }> {
  const desk = await TicketDesk.open(engine);
  const ana = await desk.customer();
  const ticket = await desk.ticket(ana);
  await desk.give(ana, 'email', 3);
  return { desk, ana, number: ticket.number };
}

async function stopMail(desk: TicketDesk, ana: DeskCustomer, number: number): Promise<void> {
  const { app, store } = desk;
  const ticket = await app.db('tickets').where({ number, customer_id: ana.id }).first();
  const { message, at } = await desk.message(ticket, {
    direction: 'out',
    channel: 'email',
    kind: 'reply',
    body: 'Lost',
    to: 'ana@example.com',
  });
  const stopped = { address: 'ana@example.com', reason: REASON, messageId: message.id, since: at };
  await withTransaction(app.db, (trx) => suppress(trx, { storeId: store.id, ...stopped }));
}

/** On the first engine only: what the two differ in lies below the pages, and is tested there. */
describeEachEngine('on pages', describePages, chosenEngines().slice(0, 1));

function describePages(engine: TestEngine): void {
  let desk: TicketDesk;
  let app: TestApp;
  let ana: DeskCustomer;
  let number: number;
  let carol: Visitor;

  beforeEach(async () => {
    ({ desk, ana, number } = await openDesk(engine));
    app = desk.app;
    carol = await Visitor.of(app, OWNER.email);
  });
  afterEach(() => app.close());

  describe('mail that comes back', () => {
    test('is said on the ticket and on the customer, and an agent can try again', async () => {
      await addStaff(app, 'bor@example.com', 'agent', 'Bor');
      const bor = await Visitor.of(app, 'bor@example.com');
      const ticketPage = `/console/tickets/${number}`;
      const customerPage = `/console/customers/${ana.id}`;
      for (const path of [ticketPage, customerPage]) {
        expect((await bor.get(path)).text).not.toContain(MAIL_STOPPED);
      }
      await stopMail(desk, ana, number);
      for (const path of [ticketPage, customerPage]) {
        const { text } = await bor.get(path);
        expect(text).toContain(MAIL_STOPPED);
        expect(text).toContain(`no mail is sent to this address: ${REASON}.`);
      }
      expect((await bor.get(ticketPage)).text).toContain('mail there came back');

      const action = `${customerPage}/mail-again`;
      const fields = hiddenFields((await bor.get(ticketPage)).text, action);
      expect(fields.back).toBe(ticketPage);
      const answer = await bor.postBare(action, fields);
      expect([answer.status, answer.headers.location]).toEqual([303, ticketPage]);
      const after = (await bor.get(ticketPage)).text;
      expect(after).toContain('Mail goes to this address again.');
      expect(after).not.toContain(MAIL_STOPPED);
      expect(await app.db('suppressed_addresses')).toEqual([]);
      const audits = await app.db('audit_log').where({ action: 'customer.mail-allowed-again' });
      expect(audits).toEqual([expect.objectContaining({ actor_name: 'Bor', subject_id: ana.id })]);

      await bor.postBare(action, { ...fields, back: 'https://evil.example/' });
      expect((await bor.get(customerPage)).text).toContain('Mail goes to this address already.');
      expect((await bor.postBare(action, { ...fields, back: '//evil.example/' })).headers.location).toBe(
        customerPage,
      );
    });

    test('can be looked at, and no more, by who may only look; and by nobody of another store', async () => {
      await stopMail(desk, ana, number);
      await addStaff(app, 'eva@example.com', 'read-only', 'Eva');
      await addStaff(app, 'mallory@example.com', 'agent', 'Mallory', [app.ctx.ids.next()]);
      const action = `/console/customers/${ana.id}/mail-again`;
      const eva = await Visitor.of(app, 'eva@example.com');
      const { text } = await eva.get(`/console/customers/${ana.id}`);
      expect(text).toContain(MAIL_STOPPED);
      expect(text).not.toContain('mail-again');
      expect((await eva.post(action, {})).status).toBe(403);
      const mallory = await Visitor.of(app, 'mallory@example.com');
      expect((await mallory.post(action, {})).status).toBe(404);
      expect(await app.db('suppressed_addresses')).toHaveLength(1);
    });
  });

  describe('the link below a notice', () => {
    const stoppedAt = async () =>
      (await app.db('customers').where({ id: ana.id }).first()).notices_stopped_at as string | null;

    test('leads to a page without sign-in that stops them, and lets them come again', async () => {
      await app.db('customers').where({ id: ana.id }).update({ locale: 'en' });
      const path = new URL(stopNoticesUrl(app.ctx, ana.id)).pathname;
      const nobody = await Visitor.of(app, null);
      const page = await nobody.get(path).expect(200);
      expect(page.text).toContain('Tiskarna Novak tells you by e-mail when your help runs low');
      // Whoever has the link learns nothing of whose it is.
      expect(page.text).not.toMatch(/ana@example|Novakova|Ana Novak/);
      expect(await stoppedAt()).toBeNull();

      const stop = await nobody.post(`${path}/choice`, { wanted: 'no' }, path);
      expect([stop.status, stop.headers.location]).toEqual([303, path]);
      expect(await stoppedAt()).not.toBeNull();
      const after = (await nobody.get(path)).text;
      expect(after).toContain('Done: no more such notices.');
      expect(after).toContain('You get no more notices from Tiskarna Novak');
      expect((await carol.get(`/console/customers/${ana.id}`)).text).toContain('wants none, since');

      await nobody.post(`${path}/choice`, { wanted: 'yes' }, path);
      expect(await stoppedAt()).toBeNull();
      expect((await nobody.get(path)).text).toContain('Done: you will be told again.');
      const done = await app.db('audit_log').where({ subject_id: ana.id }).orderBy('id').select('action');
      expect(done).toEqual([{ action: 'customer.notices-stopped' }, { action: 'customer.notices-wanted' }]);
    });

    test('leads to a page in the language of the customer, as the mail was', async () => {
      await app.db('customers').where({ id: ana.id }).update({ locale: 'el' });
      const path = new URL(stopNoticesUrl(app.ctx, ana.id)).pathname;
      const nobody = await Visitor.of(app, null);
      const page = await nobody.get(path).expect(200);
      expect(page.text).toContain('<html lang="el"');
      expect(page.text).toContain('<h1>Ειδοποιήσεις για τη βοήθειά σας</h1>');
      expect(page.text).toContain('Το κατάστημα Tiskarna Novak σας ενημερώνει με e-mail');
      await nobody.post(`${path}/choice`, { wanted: 'no' }, path);
      const after = (await nobody.get(path)).text;
      expect(after).toContain('Έγινε: δεν θα λαμβάνετε πλέον τέτοιες ειδοποιήσεις.');
      expect(after).toContain('Θέλω να τις λαμβάνω ξανά');
      // Where the link is broken nobody is known, and the browser says what is read.
      const broken = `${path}x`;
      const asking = (language: string) => request(app.http).get(broken).set('Accept-Language', language);
      expect((await asking('fr, sl-SI;q=0.8, en;q=0.5').expect(404)).text).toContain('Ta povezava ne deluje');
      expect((await asking('fr').expect(404)).text).toContain('This link does not work');
    });

    test('does nothing when it was changed, is another’s, or comes from another site', async () => {
      const path = new URL(stopNoticesUrl(app.ctx, ana.id)).pathname;
      const other = await desk.customer({ name: 'Eva', email: 'eva@example.com' });
      const foreign = path.replace(ana.id, other.id);
      const nobody = await Visitor.of(app, null);
      for (const bad of [foreign, `${path}.x`, '/notices/x', `/notices/${ana.id}`, `/notices/${ana.id}.`]) {
        const page = await nobody.get(bad);
        expect([bad, page.status]).toEqual([bad, 404]);
        expect(page.text).toContain('This link does not work');
        expect((await nobody.post(`${bad}/choice`, { wanted: 'no' }, path)).status).toBe(404);
        expect((await request(app.http).post(bad)).status).toBe(404);
      }
      const fields = { wanted: 'no' };
      const cross = await nobody.postBare(`${path}/choice`, fields, { 'Sec-Fetch-Site': 'cross-site' });
      expect(cross.status).toBe(403);
      const marked = await app.db('customers').whereNotNull('notices_stopped_at');
      expect(marked).toEqual([]);
    });
  });

  describe('the signature', () => {
    const signature = async () => {
      const found = await findPersonWithHash(app.db, { emailNormalised: normaliseStaffEmail(OWNER.email) });
      return (await app.db('staff').where({ id: found?.person.id }).first()).signature as string;
    };

    test('is set on the own account, as lines of text', async () => {
      const answer = await carol.post('/console/account/signature', {
        signature: '\r\nLp,\r\n<b>Carol</b>\r\n ',
      });
      expect(answer.status).toBe(303);
      expect(await signature()).toBe('Lp,\n<b>Carol</b>');
      const { text } = await carol.get('/console/account');
      expect(text).toContain('Your signature was saved.');
      expect(text).toContain('\nLp,\n&lt;b>Carol&lt;/b>');
      expect(await app.db('audit_log').where({ action: 'staff.signature-changed' })).toHaveLength(1);
      await carol.post('/console/account/signature', { signature: '' });
      expect(await signature()).toBe('');
    });

    test.each([
      [
        'too long',
        'x'.repeat(limits.signatureChars + 1),
        `At most ${limits.signatureChars} characters fit here.`,
      ],
      ['no text', 'Bob\u0007\u0000', 'There are characters in it that are no text.'],
    ])('is refused when it is %s, and what was typed is kept', async (_what, typed, words) => {
      const answer = await carol.post('/console/account/signature', { signature: typed });
      expect(answer.status).toBe(422);
      expect(answer.text).toContain(words);
      expect(answer.text).toContain(typed.slice(0, 3));
      expect(await signature()).toBe('');
      await carol.post('/console/account/signature', { signature: 'x'.repeat(limits.signatureChars) });
      expect(await signature()).toHaveLength(limits.signatureChars);
    });
  });
}

describeInBrowser('pages about mail', (engine) => {
  test('look right, and can be used by everybody', async () => {
    const { desk, ana, number } = await openDesk(engine);
    await stopMail(desk, ana, number);
    const browser = await openBrowser(desk.app);
    try {
      const path = new URL(stopNoticesUrl(desk.app.ctx, ana.id)).pathname;
      await look(browser, path, 'notices');
      await look(browser, `/console/tickets/${number}`, 'ticket-mail-stopped', { signedInAs: 'owner' });
    } finally {
      await browser.close();
      await desk.app.close();
    }
  });
});
