import { keepInboundMail } from '../../src/domain/inbound-mail';
import { optIn, optOut } from '../../src/domain/sms';
import type { Ticket } from '../../src/domain/tickets';
import { systemActor } from '../../src/platform/actor';
import { withTransaction } from '../../src/platform/db';
import { momentOf } from '../../src/usecases/context';
import { receiveSmses, storeSms } from '../../src/usecases/receive-sms';
import type { TestApp } from '../support/app';
import { addStaff, describeInBrowser, look, OWNER, openBrowser, type TestBrowser } from '../support/browser';
import { describeEachEngine } from '../support/databases';
import { rawMail } from '../support/mails';
import { type DeskCustomer, hiddenFields, TicketDesk } from '../support/ticket-desk';
import { inboundSid } from '../support/twilio-double';
import { Visitor } from '../support/visitor';

/** A chessboard of 160 by 110. */
const PAGE = '/admin/incoming/failed';

const PNG = Buffer.from(
  [
    'iVBORw0KGgoAAAANSUhEUgAAAKAAAABuCAMAAACX8+jbAAAABlBMVEVQeMjm6/qeP0HoAAAAbklEQVR42u3ZqREAAA',
    'gDMNh/aRbA81zQiFwrG9FcNrfpDxAQEBAQEBAQEBDwD1BagICAgICAgICAgICTQKkCAgICAgICAgICAtpJ1AkICAgI',
    'CAgICAhoJ5EqICAgICAgICAgIKCdRJ2AgICAx4AFcjkiYS8kcngAAAAASUVORK5CYII=',
  ].join(''),
  'base64',
);

function wordsOf({ text }: { text: string }): string {
  return text.replace(/<[^>]+>/g, ' ').replace(/\s+/g, ' ');
}

describeEachEngine('SMS on the pages', (engine) => {
  let desk: TicketDesk;
  let app: TestApp;
  let ana: DeskCustomer;
  let ticket: Ticket;
  let bob: Visitor;
  let owner: Visitor;
  const here = () => `/console/tickets/${ticket.number}`;

  beforeAll(async () => {
    desk = await TicketDesk.open(engine);
    app = desk.app;
    ana = await desk.customer();
    ticket = await desk.ticket(ana);
    await desk.give(ana, 'sms', 5);
    await addStaff(app, 'bob@example.com', 'agent', 'Bob');
    bob = await Visitor.of(app, 'bob@example.com');
    owner = await Visitor.of(app, OWNER.email);
  });
  afterAll(() => app.close());

  let came = 0;
  async function gets(body: string, more: Record<string, string> = {}): Promise<string> {
    came += 1;
    const form = { From: '+38641555100', To: '+38641555000', Body: body, ...more };
    await storeSms(app.ctx, {
      sid: inboundSid(`page ${came}`),
      body: Buffer.from(new URLSearchParams(form).toString()),
    });
    await receiveSmses(app.ctx, { limit: 20 });
    const row = await app
      .db('inbound_sms')
      .where({ sid: inboundSid(`page ${came}`) })
      .first();
    return row.message_id as string;
  }

  async function withPictures(): Promise<{ stored: string; messageId: string }> {
    const messageId = await gets('Glejte:', {
      NumMedia: '3',
      MediaUrl0: 'https://api.twilio.com/0',
      MediaUrl1: 'https://api.twilio.com/1',
      MediaUrl2: 'https://api.twilio.com/2',
    });
    const [first, second] = await app.db('sms_media').where({ message_id: messageId }).orderBy('position');
    await app.db('sms_media').where({ id: first.id }).update({
      status: 'stored',
      content_type: 'image/png',
      size_bytes: PNG.length,
      content: PNG,
    });
    await app
      .db('sms_media')
      .where({ id: second.id })
      .update({ status: 'refused', reason: 'it is not a picture' });
    return { stored: first.id, messageId };
  }

  test('pictures are shown in the ticket, and served as downloads to those who may see it', async () => {
    const { stored } = await withPictures();
    const page = await bob.get(here()).expect(200);
    const address = `${here()}/pictures/${stored}`;
    expect(page.text).toContain(`src="${address}" alt="Picture 1 of this SMS"`);
    expect(wordsOf(page)).toContain('Picture 2 is not here: it is not a picture');
    expect(wordsOf(page)).toContain('Picture 3: being fetched from Twilio');
    const picture = await bob.get(address).expect(200);
    expect(picture.body).toEqual(PNG);
    expect(picture.headers).toMatchObject({
      'content-type': 'image/png',
      'content-disposition': `attachment; filename="${ticket.number}-1.png"`,
      'x-content-type-options': 'nosniff',
    });
    const bor = await desk.customer({ name: 'Bor', email: 'bor@example.com', phone_e164: '+38641555101' });
    const other = await desk.ticket(bor, 'Another');
    await bob.get(`/console/tickets/${other.number}/pictures/${stored}`).expect(404);
    await bob.get(`${here()}/pictures/nonsense`).expect(404);
    const nobody = await Visitor.of(app, null);
    expect((await nobody.get(address)).status).toBe(303);
    await addStaff(app, 'mallory@example.com', 'agent', 'Mallory', []);
    const mallory = await Visitor.of(app, 'mallory@example.com');
    expect((await mallory.get(address)).status).toBe(404);
  });

  test('what Twilio counted and billed stands beside our own', async () => {
    const { message } = await desk.message(ticket, {
      direction: 'out',
      channel: 'sms',
      kind: 'reply',
      to: '+38641555100',
      body: 'Pridemo.',
    });
    await app.db('sms_reports').insert({
      message_id: message.id,
      provider_id: inboundSid('report'),
      provider_status: 'delivered',
      segments: 2,
      price_micros: 75_000,
      currency: 'EUR',
      ask_at: null,
      asks: 1,
      updated_at: message.createdAt,
    });
    expect(wordsOf(await bob.get(here()))).toContain('sent · Twilio: 2 parts, €0.075');
  });

  test('who answered STOP is not written to: the composer says so, and an old page is refused with the text kept', async () => {
    const old = await bob.get(here());
    const number = '+38641555100';
    const moment = momentOf(app.ctx, systemActor);
    await withTransaction(app.db, (trx) =>
      optOut(trx, moment, { number, storeIds: [desk.store.id], source: 'word' }),
    );
    const page = wordsOf(await bob.get(here()));
    expect(page).toContain('This customer answered STOP and takes no SMS.');
    expect(page).not.toContain('Send SMS ·');
    const form = hiddenFields(old.text, `${here()}/messages`);
    const fields = { ...form, channel: 'sms', body: 'Written before' };
    const refused = await bob.postBare(`${here()}/messages`, fields);
    expect(refused.status).toBe(422);
    expect(refused.text).toContain('Written before</textarea>');
    expect(wordsOf(refused)).toContain('This customer answered STOP and takes no SMS.');
    expect(await desk.credits(ana, 'sms')).toEqual({ available: 5, held: 0, used: 0 });
    await withTransaction(app.db, (trx) => optIn(trx, { number }));
    expect(wordsOf(await bob.get(here()))).toContain('Send SMS ·');
  });

  test('a storm is marked where it is, and told to admins on whatever page of theirs', async () => {
    const message = await gets('Too many');
    expect(wordsOf(await owner.get('/admin/packages'))).not.toContain('faster than anybody types');
    await app.db('inbound_sms').where({ message_id: message }).update({ storm: 1 });
    expect(wordsOf(await bob.get(here()))).toContain('one of too many in an hour');
    const page = await owner.get('/admin/packages');
    expect(wordsOf(page)).toContain(`Ticket ${ticket.number} gets SMS faster than anybody types`);
    expect(page.text).toContain(`href="${here()}"`);
    await app.db('inbound_sms').where({ message_id: message }).update({ storm: 0 });
  });

  test('one that could not be taken in is told, shown and tried again; not to those who see some shops only', async () => {
    const message = await gets('Izgubljena <b>misel</b>');
    await app.db('inbound_sms').where({ message_id: message }).update({
      status: 'failed',
      message_id: null,
      reason: 'something went wrong',
    });
    await app.db('messages').where({ id: message }).delete();
    expect(wordsOf(await owner.get('/admin/packages'))).toContain(
      '1 mail or SMS that came in could not be put',
    );
    const page = await owner.get(PAGE).expect(200);
    expect(page.text).toContain('Izgubljena &lt;b>misel');
    expect(wordsOf(page)).toContain('something went wrong');
    const { id } = await app.db('inbound_sms').where({ status: 'failed' }).first();
    const [one, again] = [`${PAGE}/sms/${id}`, { to: 'pending' }];
    expect((await bob.get(PAGE)).status).toBe(403);
    expect((await bob.post(one, again)).status).toBe(403);
    expect((await owner.postBare(one, again)).status).toBe(403);
    await addStaff(app, 'dan@example.com', 'admin', 'Dan', []);
    const dan = await Visitor.of(app, 'dan@example.com');
    expect((await dan.get(PAGE)).status).toBe(403);
    expect(wordsOf(await dan.get('/admin/packages'))).not.toContain('could not be put into');
    expect((await owner.post(one, again)).status).toBe(303);
    await app.runJob('sms.in');
    expect(wordsOf(await bob.get(here()))).toContain('Izgubljena');
    expect((await owner.post(one, again)).status).toBe(303);
    expect(await app.db('audit_log').where({ action: 'sms.retried' })).toHaveLength(1);
    expect(wordsOf(await owner.get(PAGE))).toContain('Nothing waits');
  });
});

describeInBrowser('SMS in a browser', (engine) => {
  let desk: TicketDesk;
  let browser: TestBrowser;

  beforeAll(async () => {
    desk = await TicketDesk.open(engine);
    browser = await openBrowser(desk.app);
  });
  afterAll(async () => {
    await browser.close();
    await desk.app.close();
  });

  test('the ticket with pictures, prices, a storm and a STOP, and the page of what failed', async () => {
    const { app } = desk;
    const ana = await desk.customer();
    const ticket = await desk.ticket(ana);
    await desk.give(ana, 'sms', 5, { sms_unit: 'segment' });
    const keep = async (n: number, form: Record<string, string>) => {
      const body = new URLSearchParams({ From: '+38641555100', To: '+38641555000', ...form });
      await storeSms(app.ctx, { sid: inboundSid(`look ${n}`), body: Buffer.from(body.toString()) });
    };
    const pictures = { NumMedia: '2', MediaUrl0: 'https://x.example/0', MediaUrl1: 'https://x.example/1' };
    await keep(1, { Body: 'Tako izgleda:', ...pictures });
    await keep(2, { Body: 'Halo? Halo?' });
    await receiveSmses(app.ctx, { limit: 1 });
    await receiveSmses(app.ctx, { limit: 1 });
    const [picture, refused] = await app.db('sms_media').orderBy('position');
    await app
      .db('sms_media')
      .where({ id: picture.id })
      .update({ status: 'stored', content_type: 'image/png', content: PNG });
    await app
      .db('sms_media')
      .where({ id: refused.id })
      .update({ status: 'refused', reason: 'it is larger than 5 MB' });
    await app
      .db('inbound_sms')
      .where({ sid: inboundSid('look 2') })
      .update({ storm: 1 });
    const { message } = await desk.message(ticket, {
      direction: 'out',
      channel: 'sms',
      kind: 'reply',
      to: '+38641555100',
      body: 'Pridemo jutri.',
    });
    await app.db('messages').where({ id: message.id }).update({ status: 'delivered' });
    await app.db('sms_reports').insert({
      message_id: message.id,
      provider_id: 'x',
      segments: 1,
      price_micros: 37_500,
      currency: 'EUR',
      asks: 1,
      updated_at: message.createdAt,
    });
    await keep(3, { From: '+38631222333', Body: 'Tega ni bilo mogoče uvrstiti.' });
    await app
      .db('inbound_sms')
      .where({ sid: inboundSid('look 3') })
      .update({ status: 'failed', reason: 'no more space on the disk' });

    const raw = rawMail({ from: 'Alenka Novak <alenka@example.com>' });
    const odd = { way: 'imap' as const, storeId: null, envelopeFrom: null, envelopeTo: [], raw };
    const { id } = await keepInboundMail(app.db, momentOf(app.ctx, systemActor), odd);
    await app.db('inbound_mails').where({ id }).update({ status: 'failed', reason: 'It cannot be read.' });
    await keep(4, { From: 'Telekom', Body: 'Vaš račun je pripravljen.' });
    const nobody = 'The sender is no telephone number, so nobody can answer.';
    await app
      .db('inbound_sms')
      .where({ sid: inboundSid('look 4') })
      .update({ status: 'ignored', reason: nobody });

    await look(browser, `/console/tickets/${ticket.number}`, 'ticket-sms', {
      signedInAs: OWNER.email,
      prepare: async (page) => {
        const text = `„Živjo, Ana – ${'pridemo čez pol ure. '.repeat(5)}“`;
        await page.getByRole('textbox', { name: 'Text' }).fill(text);
        await page.getByText('instead of').first().waitFor();
      },
    });
    await look(browser, PAGE, 'admin-failed-arrivals', { signedInAs: OWNER.email });
  });
});
