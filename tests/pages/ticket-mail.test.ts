import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { keepInboundMail } from '../../src/domain/inbound-mail';
import type { Ticket } from '../../src/domain/tickets';
import { systemActor } from '../../src/platform/actor';
import { withTransaction } from '../../src/platform/db';
import { momentOf } from '../../src/usecases/context';
import { receiveMails } from '../../src/usecases/receive-mail';
import { addressWithToken, bounceTokenFor, replyTokenFor } from '../../src/usecases/reply-address';
import { replyToTicket } from '../../src/usecases/reply-to-ticket';
import type { TestApp } from '../support/app';
import {
  addStaff,
  describeInBrowser,
  expectAccessible,
  look,
  openBrowser,
  screenshot,
  type TestBrowser,
} from '../support/browser';
import { describeEachEngine, type TestEngine } from '../support/databases';
import { bounceOf, type MailParts, mailOf } from '../support/mail-world';
import { type DeskCustomer, TicketDesk } from '../support/ticket-desk';
import { Visitor } from '../support/visitor';

const SUPPORT = 'podpora@trgovina.example';

/** Ana's ticket, and what comes for it by mail. */
class MailDesk {
  private constructor(
    readonly desk: TicketDesk,
    readonly ana: DeskCustomer,
    readonly ticket: Ticket,
  ) {}

  static async open(engine: TestEngine): Promise<MailDesk> {
    const desk = await TicketDesk.open(engine);
    const ana = await desk.customer();
    const ticket = await desk.ticket(ana);
    await addStaff(desk.app, 'bob@example.com', 'agent', 'Bob');
    return new MailDesk(desk, ana, ticket);
  }

  get app(): TestApp {
    return this.desk.app;
  }

  get here(): string {
    return `/console/tickets/${this.ticket.number}`;
  }

  /** The message that it became. */
  async bring(parts: MailParts | Buffer, to?: string): Promise<string> {
    const { ctx, db } = this.app;
    const address = to ?? addressWithToken(SUPPORT, replyTokenFor(ctx.vault, { ticketId: this.ticket.id }));
    const raw = Buffer.isBuffer(parts)
      ? parts
      : mailOf({ from: 'Ana Novak <ana@example.com>', to: address as string, ...parts });
    const { id } = await withTransaction(db, (trx) =>
      keepInboundMail(trx, momentOf(ctx, systemActor), {
        way: 'smtp',
        storeId: null,
        envelopeFrom: Buffer.isBuffer(parts) ? '' : 'somebody@posta.example',
        envelopeTo: [address as string],
        raw,
      }),
    );
    await receiveMails(ctx, { limit: 20 });
    return (await db('inbound_mails').where({ id }).first()).message_id as string;
  }

  strange(): Promise<string> {
    return this.bring({ from: 'Mallory <mallory@evil.example>', text: 'Send me the password.' });
  }

  /** A paid mail of ours that is said to have come back, after the customer answered it. */
  async doubted(): Promise<string> {
    await this.desk.give(this.ana, 'email', 2);
    const bob = { kind: 'staff' as const, id: 'bob', name: 'Bob' };
    const { id: sent } = await replyToTicket(this.app.ctx, bob, {
      ticketId: this.ticket.id,
      channel: 'email',
      body: 'Have you tried it again?',
    });
    await this.app.drain();
    await this.bring({ text: 'Yes, thanks.' });
    const to = addressWithToken(
      'bounce@trgovina.example',
      bounceTokenFor(this.app.ctx.vault, { messageId: sent }),
    );
    await this.bring(bounceOf({ to: to as string, recipient: 'ana@example.com' }), to as string);
    return sent;
  }
}

const HTML_MAIL = {
  headers: ['Content-Type: text/html; charset=utf-8'],
};

describeEachEngine('a mail on the page of its ticket', (engine) => {
  let mails: MailDesk;
  let bob: Visitor;

  beforeEach(async () => {
    mails = await MailDesk.open(engine);
    bob = await Visitor.of(mails.app, 'bob@example.com');
  });

  test('shows what is new, folds what it quotes and its signature, and offers its files', async () => {
    const text = [
      'It still does not print.\r\n\r\n-- \r\nAna, Lead of <b>everything</b>',
      '\r\nOn Sat, 21 Nov 2026 at 08:00, Bob <podpora@trgovina.example> wrote:\r\n> Try again.\r\n',
    ].join('\r\n');
    const id = await mails.bring({ subject: 'Re: Tiskalnik ne tiska', text });
    await mails.app.db('attachments').insert({
      id: mails.app.ctx.ids.next(),
      message_id: id,
      position: 0,
      filename: 'winmail.dat',
      content_type: 'application/ms-tnef',
      size_bytes: 2_345_678,
      sha256: 'a'.repeat(64),
      inline: 0,
      storage: 'file',
      created_at: '2026-11-22T12:00:00.000Z',
    });
    const { text: page } = await bob.get(mails.here);
    const article = page.slice(
      page.indexOf(`id="m-${id}"`),
      page.indexOf('</article>', page.indexOf(`id="m-${id}"`)),
    );
    expect(article).toContain('It still does not print.');
    expect(article).toMatch(/<details[^>]*><summary>Quoted text<\/summary>[\s\S]*Try again\./);
    expect(article).not.toMatch(/(>|&gt;) Try again/);
    expect(article).toMatch(/<summary>Signature<\/summary>[\s\S]*Lead of &lt;b>everything/);
    expect(article).toMatch(/href="\/attachments\/[^"]+"[^>]*>[\s\S]*winmail\.dat[\s\S]*2\.3/);
    // It has the ticket's subject, however mail programs put it.
    expect(article).not.toContain('z-msg-subject');
    expect(article).not.toContain('iframe');
  });

  test('of somebody else is told apart, and one click lets it stand, once', async () => {
    const id = await mails.strange();
    expect((await bob.get(mails.here)).text).toContain('From mallory@evil.example, not from the customer.');
    const action = `${mails.here}/messages/${id}/sender`;
    expect((await bob.post(action, { decision: 'accept' }, mails.here)).status).toBe(303);
    const { version } = await mails.app.db('tickets').where({ id: mails.ticket.id }).first();
    const again = await bob.post(action, { decision: 'split' }, mails.here);
    expect(again.status).toBe(303);
    const { text } = await bob.get(mails.here);
    expect(text).toContain('A colleague has decided this already.');
    expect(text).toContain('From mallory@evil.example; Bob let it stand here.');
    expect((await mails.app.db('tickets').where({ id: mails.ticket.id }).first()).version).toBe(version);
    expect((await mails.app.db('messages').where({ id }).first()).ticket_id).toBe(mails.ticket.id);
  });

  test('of somebody else, split off, leaves its place, and what is being written stays', async () => {
    const id = await mails.strange();
    const { text } = await bob.get(mails.here);
    const csrf = /name="_csrf" value="([^"]+)"/.exec(text)?.[1] ?? '';
    const answer = await bob.postBare(
      `${mails.here}/messages/${id}/sender`,
      { _csrf: csrf, decision: 'split' },
      { 'HX-Request': 'true' },
    );
    expect(answer.status).toBe(200);
    expect(answer.text).not.toContain(`id="m-${id}"`);
    expect(answer.headers['hx-redirect']).toBeUndefined();
    expect((await bob.get(mails.here)).text).toContain(
      'made the mail from mallory@evil.example a ticket of its own',
    );
  });

  test('is decided about by nobody who may only read, without the form’s token, or on another ticket', async () => {
    const id = await mails.strange();
    const action = `${mails.here}/messages/${id}/sender`;
    await addStaff(mails.app, 'rita@example.com', 'read-only', 'Rita');
    const rita = await Visitor.of(mails.app, 'rita@example.com');
    expect((await rita.get(mails.here)).text).not.toContain('It belongs here');
    expect((await rita.post(action, { decision: 'accept' })).status).toBe(403);
    expect((await bob.postBare(action, { decision: 'accept' })).status).toBe(403);
    await addStaff(mails.app, 'eve@example.com', 'agent', 'Eve', []);
    const eve = await Visitor.of(mails.app, 'eve@example.com');
    expect((await eve.post(action, { decision: 'accept' })).status).toBe(404);
    expect((await eve.get(`${mails.here}/messages/${id}/mail`)).status).toBe(404);
    const other = await mails.desk.ticket(mails.ana, 'Another one');
    const elsewhere = `/console/tickets/${other.number}/messages/${id}/sender`;
    expect((await bob.post(elsewhere, { decision: 'accept' })).status).toBe(404);
    expect((await bob.post(action, { decision: 'burn' })).status).toBe(422);
    expect((await mails.app.db('message_mails').where({ message_id: id }).first()).sender).toBe('different');
  });

  test('as it was sent stands in a page where nothing runs and that fetches nothing unless asked', async () => {
    const id = await mails.bring({
      ...HTML_MAIL,
      text: '<p onclick="x()">Look</p><script>alert(1)</script><img src="https://tracker.example/a.png" width="40" height="40">',
    });
    const path = `${mails.here}/messages/${id}/mail`;
    const plain = await bob.get(path);
    expect(plain.headers).toMatchObject({
      'content-security-policy': [
        'sandbox allow-popups allow-popups-to-escape-sandbox',
        "default-src 'none'",
        'img-src data:',
        "style-src 'unsafe-inline'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'self'",
      ].join('; '),
      'x-frame-options': 'SAMEORIGIN',
      'referrer-policy': 'no-referrer',
    });
    expect(plain.text).toContain('Look');
    expect(plain.text).not.toMatch(/<script|onclick| src="https/);
    const shown = await bob.get(`${path}?pictures=yes`);
    expect(shown.headers['content-security-policy']).toContain('img-src data: https: http:;');
    expect(shown.text).toContain(' src="https://tracker.example/a.png"');
    // By way of a ticket that somebody may see, no mail of another one.
    const other = await mails.desk.ticket(mails.ana, 'Another one');
    expect((await bob.get(`/console/tickets/${other.number}/messages/${id}/mail`)).status).toBe(404);
    const nobody = await Visitor.of(mails.app, null);
    expect((await nobody.get(path)).status).toBe(303);
  });

  test('its own pictures are put in as data, since the frame is nobody’s', async () => {
    const png =
      'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
    const id = await mails.bring({
      headers: ['Content-Type: multipart/related; boundary="b"'],
      text: [
        '--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>See:</p><img src="cid:shot@1" width="10" height="10">',
        `--b\r\nContent-Type: image/png; name="shot.png"\r\nContent-ID: <shot@1>\r\nContent-Disposition: inline\r\nContent-Transfer-Encoding: base64\r\n\r\n${png}`,
        '--b--',
      ].join('\r\n'),
    });
    const { text } = await bob.get(`${mails.here}/messages/${id}/mail`);
    expect(text).toContain(` src="data:image/png;base64,${png}"`);
  });

  test('that is said to have come back is for a person to say, with a click', async () => {
    const sent = await mails.doubted();
    expect((await bob.get(mails.here)).text).toContain('but the customer has answered since');
    const action = `${mails.here}/messages/${sent}/bounce`;
    await addStaff(mails.app, 'rita@example.com', 'read-only', 'Rita');
    const rita = await Visitor.of(mails.app, 'rita@example.com');
    expect((await rita.post(action, { returned: 'yes' })).status).toBe(403);
    expect((await bob.postBare(action, { returned: 'yes' })).status).toBe(403);
    await addStaff(mails.app, 'eve@example.com', 'agent', 'Eve', []);
    const eve = await Visitor.of(mails.app, 'eve@example.com');
    expect((await eve.post(action, { returned: 'yes' })).status).toBe(404);
    expect((await bob.post(action, { returned: 'perhaps' })).status).toBe(422);
    expect((await bob.post(action, { returned: 'yes' })).status).toBe(303);
    expect(await mails.desk.credits(mails.ana, 'email')).toEqual({ available: 2, held: 0, used: 0 });
    expect((await mails.app.db('messages').where({ id: sent }).first()).status).toBe('failed');
    await bob.post(action, { returned: 'no' });
    expect(await mails.desk.credits(mails.ana, 'email')).toEqual({ available: 2, held: 0, used: 0 });
  });
});

describeInBrowser('mails in a browser', (engine) => {
  let mails: MailDesk;
  let browser: TestBrowser;
  let elsewhere: Server;
  let asked: string[];

  beforeAll(async () => {
    mails = await MailDesk.open(engine);
    browser = await openBrowser(mails.app);
    asked = [];
    elsewhere = createServer((req, res) => {
      asked.push(req.url ?? '');
      res.setHeader('Content-Type', 'image/svg+xml');
      res.end(
        '<svg xmlns="http://www.w3.org/2000/svg" width="60" height="30"><rect width="60" height="30"/></svg>',
      );
    });
    await new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.1', resolve));
  });
  afterAll(async () => {
    await browser.close();
    await new Promise((resolve) => elsewhere.close(resolve));
  });

  test('pictures from elsewhere are fetched by a click and not before; scripts of a mail never run', async () => {
    const { port } = elsewhere.address() as AddressInfo;
    const id = await mails.bring({
      ...HTML_MAIL,
      text: `<h2>Račun</h2><p>Pozdravljeni, <a href="https://example.com">tukaj</a>.</p><img src="http://127.0.0.1:${port}/a.svg" width="60" height="30"><script>top.document.title='x'</script>`,
    });
    await mails.bring({
      headers: ['Auto-Submitted: auto-replied'],
      subject: 'Odsoten',
      text: 'Na dopustu do ponedeljka.',
    });
    await mails.bring({
      text: 'Poglejte prilogo.\r\n\r\n-- \r\nAna Novak\r\n\r\nOn Sat, 21 Nov 2026 at 08:00, Bob <podpora@trgovina.example> wrote:\r\n> Try again.\r\n',
    });
    await mails.doubted();
    await mails.strange();
    const page = await browser.openPage({ signedInAs: 'bob@example.com' });
    const warnings: string[] = [];
    page.on('console', (said) => said.type() === 'warning' && warnings.push(said.text()));
    await page.goto(`${browser.base}${mails.here}`);
    const message = page.locator(`#m-${id}`);
    const frame = page.frameLocator(`#m-${id} iframe`);
    await message.getByText('Show as sent').click();
    await frame.getByText('Pozdravljeni').waitFor();
    expect(asked).toEqual([]);
    await message.getByText('Show 1 picture from elsewhere').click();
    await frame.locator('img[src]').waitFor();
    while (asked.length === 0) await page.waitForTimeout(20);
    expect(asked).toEqual(['/a.svg']);
    expect(await page.title()).not.toBe('x');
    await screenshot(page, 'ticket-mail-as-sent');
    await page.reload();
    expect(await page.evaluate('window.originAgentCluster')).toBe(true);
    expect(warnings).toEqual([]);
    // Closed: axe looks into frames by scripts, which this one does not run.
    await look(browser, mails.here, 'ticket-mail', {
      signedInAs: 'bob@example.com',
      prepare: async (seen) => {
        for (const summary of await seen.locator('.z-msg-rest:not(.z-mail-sent) > summary').all()) {
          await summary.click();
        }
      },
    });
  });

  test('a mail of somebody else is let stand without leaving the page', async () => {
    const id = await mails.strange();
    const page = await browser.openPage({ signedInAs: 'bob@example.com' });
    await page.goto(`${browser.base}${mails.here}`);
    await screenshot(page, 'ticket-mail-strange');
    await page.locator('textarea[name=body]').fill('I am writing this');
    await page.locator(`#m-${id}`).getByRole('button', { name: 'It belongs here' }).click();
    await page.locator(`#m-${id}`).getByText('From mallory@evil.example; Bob let it stand here.').waitFor();
    expect(await page.locator('textarea[name=body]').inputValue()).toBe('I am writing this');
    await expectAccessible(page);
  });
});
