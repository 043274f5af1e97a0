import { keepInboundMail } from '../../src/domain/inbound-mail';
import { systemActor } from '../../src/platform/actor';
import { addSeconds, iso } from '../../src/platform/clock';
import { addStaffForStores } from '../../src/usecases/add-staff';
import { momentOf } from '../../src/usecases/context';
import { makeTestApp, type TestApp } from '../support/app';
import {
  addStaff,
  describeInBrowser,
  look,
  OWNER,
  openBrowser,
  PAGE_ENV,
  type TestBrowser,
} from '../support/browser';
import { describeEachEngine, type TestEngine } from '../support/databases';
import { rawMail } from '../support/mails';
import { Visitor } from '../support/visitor';

const WAYS = {
  IMAP_URL: 'imaps://podpora:geheim@mail.example.com/INBOX',
  INBOUND_MAIL_TOKEN: 'a token of twenty-four signs',
  INBOUND_SMTP_PORT: '2525',
  MAIL_FROM: 'podpora@trgovina.example',
  TWILIO_ACCOUNT_SID: `AC${'0'.repeat(32)}`,
  TWILIO_AUTH_TOKEN: 'f'.repeat(32),
  TWILIO_FROM: '+38641555000',
};

async function openApp(engine: TestEngine, env: Record<string, string> = {}): Promise<TestApp> {
  return makeTestApp(engine, { env: { ...PAGE_ENV, ...env } });
}

/** As the reader of the mailbox leaves it. */
async function mailboxIs(app: TestApp, state: Record<string, unknown>): Promise<string> {
  const { mailbox } = app.ctx.gateways;
  const name = mailbox?.name(mailbox.folders[0] as string) ?? '';
  await app
    .db('mailboxes')
    .insert({ name, left_uids: '[]', ...state })
    .onConflict('name')
    .merge();
  return name;
}

const wordsOf = ({ text }: { text: string }) => text.replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' ');

describeEachEngine('what comes in, for those who run it', (engine) => {
  let app: TestApp;
  let carol: Visitor;
  const ago = (seconds: number) => iso(addSeconds(app.clock.now(), -seconds));

  beforeAll(async () => {
    app = await openApp(engine, WAYS);
    carol = await Visitor.of(app, OWNER.email);
  });
  afterAll(() => app.close());

  test('stands in one place of the menu: ways, addresses, and what waits', async () => {
    await mailboxIs(app, { read_at: ago(60), problem: null, problem_since: null });
    expect(wordsOf(await carol.get('/admin/incoming'))).not.toContain('Compared with Twilio');
    await app.db('sms_lines').insert({ name: '+38641555000', since: ago(7200), read_until: ago(180) });
    const page = await carol.get('/admin/incoming').expect(200);
    expect(page.text).toContain('value="http://localhost:3000/webhooks/email"');
    expect(page.text).toContain('value="http://localhost:3000/webhooks/twilio/sms"');
    expect(page.text).not.toContain('geheim');
    const words = wordsOf(page);
    for (const part of [
      'Compared with Twilio&#39;s list 3 minutes ago',
      'connected',
      'port 2525',
      'podpora@trgovina.example',
      'Not in a ticket nothing',
    ]) {
      expect(words).toContain(part);
    }
    expect((await carol.get('/admin/packages')).text).toContain('href="/admin/incoming"');
    expect((await carol.get('/admin/incoming/failed')).text).toMatch(
      /href="\/admin\/incoming" aria-current="page"/,
    );
  });

  test('says of a mailbox that cannot be read since when and why, on every page of an admin', async () => {
    const problem = 'The server refuses user and password.';
    await mailboxIs(app, { read_at: ago(7200), problem, problem_since: ago(3600) });
    expect(wordsOf(await carol.get('/admin/incoming'))).toMatch(/cannot be read The server refuses user/);
    expect(wordsOf(await carol.get('/admin/packages'))).toContain(`1 hour ago: ${problem}`);
    // It may be over in a moment.
    await mailboxIs(app, { problem, problem_since: ago(10) });
    expect(wordsOf(await carol.get('/admin/packages'))).not.toContain(problem);
    await mailboxIs(app, { problem: null, problem_since: null, read_at: ago(3600) });
    expect(wordsOf(await carol.get('/admin/incoming'))).toContain('not read lately');
    // One that is not configured any more.
    await app.db('mailboxes').insert({ name: 'old', left_uids: '[]', problem, problem_since: ago(3600) });
    expect(wordsOf(await carol.get('/admin/packages'))).not.toContain(problem);
    await app.db('mailboxes').where({ name: 'old' }).delete();
  });

  test('a mail that could not be put into a ticket can be looked at as it came, tried again, and put aside', async () => {
    const raw = rawMail({ from: '<b>Mallory</b> <mallory@example.com>' });
    const mail = { way: 'http' as const, storeId: null, envelopeFrom: null, envelopeTo: [], raw };
    const { id } = await keepInboundMail(app.db, momentOf(app.ctx, systemActor), mail);
    const give = (status: string) =>
      app.db('inbound_mails').where({ id }).update({ status, reason: 'It is odd.' });
    const one = `/admin/incoming/failed/mail/${id}`;
    // What is not failed is nobody's to read here.
    expect((await carol.get(one)).status).toBe(404);
    await give('failed');
    expect(wordsOf(await carol.get('/admin/packages'))).toContain(
      '1 mail or SMS that came in could not be put',
    );
    const page = wordsOf(await carol.get('/admin/incoming/failed').expect(200));
    for (const part of ['mallory@example.com', 'Mail', 'It is odd.']) expect(page).toContain(part);
    const file = await carol.get(one).expect(200);
    expect(file.headers['content-disposition']).toMatch(/^attachment; filename="?mail\.eml/);
    expect(file.headers['content-type']).toBe('message/rfc822');
    expect(file.text ?? String(file.body)).toContain('Mallory');
    expect((await carol.post(one, { to: 'elsewhere' })).status).toBe(422);
    expect((await carol.post('/admin/incoming/failed/fax/1', { to: 'ignored' })).status).toBe(404);
    expect((await carol.post(one, { to: 'ignored' })).status).toBe(303);
    expect(await app.db('inbound_mails').where({ id }).first()).toMatchObject({ status: 'ignored' });
    const aside = wordsOf(await carol.get('/admin/incoming/failed'));
    expect(aside).toMatch(
      /Nothing waits.*Left out lately.*mallory@example.com.*It is odd.*Put aside by carol.*Try again/,
    );
    expect((await carol.get(one)).status).toBe(200);
    // What the rules left out they would leave out again.
    const list = rawMail({ from: 'news@list.example', messageId: '<news@list.example>' });
    const news = await keepInboundMail(app.db, momentOf(app.ctx, systemActor), { ...mail, raw: list });
    await app
      .db('inbound_mails')
      .where({ id: news.id })
      .update({ status: 'ignored', reason: 'A newsletter.' });
    const both = (await carol.get('/admin/incoming/failed')).text;
    expect(both).toContain('A newsletter.');
    expect(both.split('value="pending"')).toHaveLength(2);
    expect((await carol.post(one, { to: 'ignored' })).status).toBe(303);
    expect(wordsOf(await carol.get('/admin/incoming/failed'))).toContain('is being tried, by now');
    expect((await carol.post(one, { to: 'pending' })).status).toBe(303);
    app.clock.advance({ days: 15 });
    expect(wordsOf(await carol.get('/admin/incoming/failed'))).not.toContain('Left out lately');
    expect(await app.db('inbound_mails').where({ id }).first()).toMatchObject({
      status: 'pending',
      attempts: 0,
    });
    const audit = await app.db('audit_log').where({ subject_id: id }).orderBy('id').pluck('action');
    expect(audit).toEqual(['mail.put_aside', 'mail.retried']);
  });

  test('is not for agents, nor for who looks after one shop only', async () => {
    await addStaff(app, 'bob@example.com', 'agent', 'Bob');
    const bob = await Visitor.of(app, 'bob@example.com');
    const failed = '/admin/incoming/failed';
    const one = `${failed}/mail/${app.ctx.ids.next()}`;
    const pages = ['/admin/incoming', failed, one];
    for (const path of pages) expect([path, (await bob.get(path)).status]).toEqual([path, 403]);
    expect((await bob.post(one, { to: 'ignored' })).status).toBe(403);
    expect((await carol.postBare(one, { to: 'ignored' })).status).toBe(403);
    const dan = { email: 'dan@example.com', name: 'Dan', role: 'admin' as const, storeSlugs: ['default'] };
    await addStaffForStores(app.db, momentOf(app.ctx, systemActor), dan);
    const visitor = await Visitor.of(app, dan.email);
    for (const path of pages) expect([path, (await visitor.get(path)).status]).toEqual([path, 403]);
    expect((await visitor.get('/admin/packages')).text).not.toContain('/admin/incoming');
    expect((await (await Visitor.of(app, null)).get('/admin/incoming')).status).toBe(303);
  });
});

describeInBrowser('what comes in, looked at', (engine) => {
  let browser: TestBrowser;
  const apps: TestApp[] = [];
  afterEach(async () => {
    await browser.close();
    await apps.pop()?.close();
  });

  test('a mailbox in trouble', async () => {
    const app = await openApp(engine, WAYS);
    apps.push(app);
    browser = await openBrowser(app);
    const since = iso(addSeconds(app.clock.now(), -3600));
    await mailboxIs(app, {
      read_at: since,
      problem: 'The server refuses user and password.',
      problem_since: since,
    });
    await app.db('sms_lines').insert({ name: '+38641555000', since, read_until: since });
    await look(browser, '/admin/incoming', 'incoming-trouble', { signedInAs: 'owner' });
  });

  test('with nothing set it says what to set', async () => {
    const app = await openApp(engine);
    apps.push(app);
    browser = await openBrowser(app);
    await look(browser, '/admin/incoming', 'incoming-nothing', { signedInAs: 'owner' });
    expect(wordsOf(await (await Visitor.of(app, OWNER.email)).get('/admin/incoming'))).toContain(
      'No mail is read',
    );
  });
});
