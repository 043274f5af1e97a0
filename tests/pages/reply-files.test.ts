import { buffer } from 'node:stream/consumers';
import type { OutgoingEmail } from '../../src/gateways/email/gateway';
import { limits } from '../../src/platform/limits';
import { type ApiWorld, buy, type Json, makeApiWorld } from '../support/api';
import {
  describeInBrowser,
  expectAccessible,
  OWNER,
  openBrowser,
  PAGE_ENV,
  screenshot,
  type TestBrowser,
} from '../support/browser';
import { describeEachEngine, type TestEngine } from '../support/databases';
import { fieldIn, Visitor } from '../support/visitor';

const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);
const TEXT = Buffer.from('Navodila: najprej izklopite.\n');

/** A customer with credits, and who answers them. */
class Desk {
  private constructor(
    readonly world: ApiWorld,
    readonly ticketId: string,
    readonly number: number,
    readonly customerId: string,
    readonly carol: Visitor,
  ) {}

  static async open(engine: TestEngine): Promise<Desk> {
    const world = await makeApiWorld(engine, { env: PAGE_ENV });
    const { ticketId, customerId } = await buy(world, { id: 1, lines: [{ id: 1, sku: 'SUP', quantity: 1 }] });
    const { number } = (await world.api.get(`tickets/${ticketId}`).expect(200)).body;
    const carol = await Visitor.of(world.app, OWNER.email);
    return new Desk(world, ticketId, number, customerId, carol);
  }

  get here(): string {
    return `/console/tickets/${this.number}`;
  }

  reply(body: Json, key?: string) {
    return this.world.api.post(`tickets/${this.ticketId}/messages`, body, key);
  }

  async credits(): Promise<Json> {
    return (await this.world.api.get(`customers/${this.customerId}/credits`).expect(200)).body.meters.email;
  }

  /** What the composer would send. */
  async form(): Promise<Record<string, string>> {
    const page = await this.carol.get(this.here);
    const names = ['_csrf', 'key', 'turn', 'files_key'];
    return Object.fromEntries(names.map((name) => [name, fieldIn(page, name)]));
  }

  answers(): Promise<Json[]> {
    return this.world.app.db('messages').where({ ticket_id: this.ticketId, kind: 'reply' }).orderBy('id');
  }

  /** The newest mail that the provider was given, with its files read. */
  async mail(): Promise<{ filename: string; contentType: string; content: Buffer }[]> {
    await this.world.app.drain();
    const mail = this.world.app.gateways.email.calls.filter(({ kind }) => kind === 'reply').at(-1);
    return Promise.all(
      ((mail as OutgoingEmail).attachments ?? []).map(async (file) => ({
        filename: file.filename,
        contentType: file.contentType,
        content: typeof file.content === 'function' ? await buffer(file.content()) : file.content,
      })),
    );
  }
}

describeEachEngine('files of an answer', (engine) => {
  let desk: Desk;
  beforeAll(async () => {
    desk = await Desk.open(engine);
  });
  afterAll(() => desk.world.app.close());

  const files = [
    { filename: 'slika.txt', content_base64: PNG.toString('base64') },
    { filename: '../../navodila.txt', content_base64: TEXT.toString('base64') },
  ];
  const answer = { channel: 'email', body: 'Evo navodil.', attachments: files };

  test('go out with the mail, typed by their content, for no more than the mail costs', async () => {
    const before = await desk.credits();
    const sent = await desk.reply(answer).expect(201);
    expect(sent.body.charge).toMatchObject({ meter: 'email', quantity: 1 });
    expect(await desk.mail()).toEqual([
      { filename: 'slika.txt', contentType: 'image/png', content: PNG },
      { filename: 'navodila.txt', contentType: 'text/plain', content: TEXT },
    ]);
    expect(await desk.credits()).toMatchObject({ available: before.available - 1, used: before.used + 1 });
    const page = await desk.carol.get(desk.here);
    const link = /href="(\/attachments\/[^"]+)" download="navodila.txt"/.exec(page.text)?.[1] ?? '';
    const { body, text } = await desk.carol.get(link);
    expect(text ?? body.toString()).toBe(TEXT.toString());
    const kept = await desk.world.app.db('sandbox_messages').where({ message_id: sent.body.id }).first('id');
    const sandbox = await desk.carol.get(`/admin/sandbox/${kept.id}`).expect(200);
    for (const { text } of [page, sandbox]) {
      expect(text).toContain(`<bdi>navodila.txt</bdi><small>Text · ${TEXT.length} bytes</small>`);
      expect(text).toContain(`<bdi>slika.txt</bdi><small>PNG · ${PNG.length} bytes</small>`);
    }
  });

  test('are part of what a key stands for', async () => {
    const before = (await desk.answers()).length;
    const first = await desk.reply(answer, 'files-1').expect(201);
    expect((await desk.reply(answer, 'files-1').expect(201)).body.id).toBe(first.body.id);
    const other = { ...answer, attachments: [{ ...files[0], content_base64: TEXT.toString('base64') }] };
    expect((await desk.reply(other, 'files-1').expect(409)).body.type).toBe('/problems/idempotency-conflict');
    expect(await desk.answers()).toHaveLength(before + 1);
    expect(await desk.world.app.db('attachments').where({ message_id: first.body.id })).toHaveLength(2);
  });

  const tooLarge = {
    filename: 'a',
    content_base64: Buffer.alloc(limits.replyFilesBytes + 1).toString('base64'),
  };
  test.each([
    ['of an SMS', { channel: 'sms' }, 'attachments'],
    ['of a note', { channel: 'note' }, 'attachments'],
    [
      'that are no base64',
      { attachments: [{ filename: 'a', content_base64: 'YQ' }] },
      'attachments.0.content_base64',
    ],
    [
      'with nothing in them',
      { attachments: [{ filename: 'a', content_base64: '' }] },
      'attachments.0.content_base64',
    ],
    [
      'without a name',
      { attachments: [{ filename: ' ', content_base64: 'YQ==' }] },
      'attachments.0.filename',
    ],
    ['that are too many', { attachments: Array(limits.replyFiles + 1).fill(files[0]) }, 'attachments'],
    ['that are too large together', { attachments: [files[0], tooLarge] }, 'attachments'],
  ])('are refused where they are those %s, and nothing is charged', async (_, change, path) => {
    const before = { credits: await desk.credits(), answers: await desk.answers() };
    const refused = await desk.reply({ ...answer, ...change }).expect(422);
    expect(refused.body.errors[0].path).toBe(path);
    expect({ credits: await desk.credits(), answers: await desk.answers() }).toEqual(before);
  });

  test('that are gone when it is sent give the credit back, and the mail does not go without them', async () => {
    await desk.world.app.drain();
    const before = await desk.credits();
    const sent = await desk.reply(answer).expect(201);
    await desk.world.app
      .db('attachments')
      .where({ message_id: sent.body.id, position: 1 })
      .update({ storage: 'file', content: null, sha256: '0'.repeat(64) });
    const calls = desk.world.app.gateways.email.calls.length;
    await desk.world.app.drain();
    expect(desk.world.app.gateways.email.calls).toHaveLength(calls);
    const message = (await desk.world.api.get(`messages/${sent.body.id}`).expect(200)).body;
    expect(message).toMatchObject({ status: 'failed', failure: expect.stringContaining('a file of it') });
    expect(await desk.credits()).toEqual(before);
  });

  test('are chosen in the composer, which needs no script for it, and sent once', async () => {
    const before = (await desk.answers()).length;
    const form = { ...(await desk.form()), channel: 'email', body: 'S sliko.' };
    const photo = [{ name: 'račun "2".png', content: PNG, type: 'text/html' }];
    for (let i = 0; i < 2; i++) {
      expect((await desk.carol.postFiles(`${desk.here}/messages`, form, photo)).status).toBe(303);
    }
    expect(await desk.answers()).toHaveLength(before + 1);
    expect(await desk.mail()).toEqual([
      { filename: 'račun _2_.png', contentType: 'image/png', content: PNG },
    ]);
  });

  test('have their limits beside where they are chosen', async () => {
    const { text } = await desk.carol.get(desk.here);
    expect(text).toMatch(/<input type="file"[^>]* aria-describedby="z-files-help"/);
    expect(text).toContain('<small id="z-files-help">at most 20, together 10 MB; no further credits</small>');
  });

  test('that are refused in the composer leave what was typed', async () => {
    const before = await desk.answers();
    const form = { ...(await desk.form()), channel: 'email', body: 'A long text that nobody types twice.' };
    const refusals: [{ name: string; content: Buffer }[], Record<string, string>, RegExp][] = [
      [[{ name: 'a.bin', content: Buffer.alloc(limits.replyFilesBytes + 1) }], {}, /larger than 10 MB/],
      // More than is read at all.
      [
        [
          { name: 'ok.png', content: PNG },
          { name: 'a.bin', content: Buffer.alloc(limits.uploadBytes) },
        ],
        {},
        /larger than 10 MB/,
      ],
      [[{ name: 'a.bin', content: Buffer.alloc(0) }], {}, /is empty/],
      [[{ name: 'a.png', content: PNG }], { channel: 'note' }, /by e-mail only/],
      [[{ name: 'a.png', content: PNG }], { turn: '1.' }, /Choose the files again/],
    ];
    for (const [chosen, change, words] of refusals) {
      const refused = await desk.carol.postFiles(`${desk.here}/messages`, { ...form, ...change }, chosen);
      expect([409, 422]).toContain(refused.status);
      expect(refused.text).toMatch(words);
      expect(refused.text).toContain('A long text that nobody types twice.');
    }
    expect(await desk.answers()).toEqual(before);
  });

  test('are taken from nobody who is not signed in, and the text is kept for when they are', async () => {
    const mallory = await Visitor.of(desk.world.app, null);
    const before = await desk.answers();
    const form = { channel: 'email', body: 'Typed before the session ended.' };
    const big = [{ name: 'a.bin', content: Buffer.alloc(limits.formBodyBytes + 1) }];
    for (const chosen of [[{ name: 'a.png', content: PNG }], big]) {
      const refused = await mallory.postFiles(`${desk.here}/messages`, form, chosen, '/sign-in');
      expect(refused.status).toBe(403);
      expect(refused.text).toContain('Typed before the session ended.');
    }
    expect(await desk.answers()).toEqual(before);
  });

  test('in a form that is none are an answer of 400, not of 500', async () => {
    for (const body of [
      '',
      'garbage',
      '--x\r\n\r\n',
      '--x\r\nContent-Disposition: form-data\r\n\r\na\r\n--x--',
    ]) {
      const answered = await desk.carol.postRaw(
        `${desk.here}/messages`,
        'multipart/form-data; boundary=x',
        body,
      );
      expect(answered.status).toBe(400);
    }
  });
});

/** What it is in the browser. */
interface Chooser {
  files: { name: string }[];
}

describeInBrowser('choosing files in the composer', (engine) => {
  let desk: Desk;
  let browser: TestBrowser;
  beforeAll(async () => {
    desk = await Desk.open(engine);
    browser = await openBrowser(desk.world.app);
  });
  afterAll(async () => {
    await browser.close();
    await desk.world.app.close();
  });

  test('they stay chosen when the answer is refused, and go with it when it is not', async () => {
    const page = await browser.openPage({ signedInAs: 'owner', width: 390 });
    await page.goto(`${browser.base}${desk.here}`);
    await page.getByRole('radio', { name: 'E-mail' }).check({ force: true });
    const chooser = page.locator('input[type=file]');
    await chooser.setInputFiles({ name: 'slika.png', mimeType: 'image/png', buffer: PNG });
    await page.getByRole('button', { name: /^Send e-mail/ }).click();
    await page.locator('#z-body-mistake').waitFor();
    expect(await chooser.evaluate((input) => (input as unknown as Chooser).files[0]?.name)).toBe('slika.png');
    await screenshot(page, 'composer-files');
    await expectAccessible(page);
    await page.getByRole('textbox', { name: 'Text' }).fill('Na sliki je stikalo.');
    // Nothing says any more that there is no text.
    expect(await page.locator('#z-body-mistake').count()).toBe(0);
    await page.getByRole('button', { name: /^Send e-mail/ }).click();
    await page.getByRole('link', { name: /slika\.png/ }).waitFor();
    expect(await chooser.evaluate((input) => (input as unknown as Chooser).files.length)).toBe(0);
    expect((await desk.mail()).map(({ filename }) => filename)).toEqual(['slika.png']);
  });
});
