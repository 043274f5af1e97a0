import { type InboundMail, readMail } from '../../../../src/gateways/email';
import { attribution, isDeviceSignature } from '../../../../src/gateways/email/read/quote-words';

const HEAD =
  'From: a@posta.example\r\nTo: b@trgovina.example\r\nSubject: Big\r\nMessage-ID: <big@posta.example>\r\nMIME-Version: 1.0\r\n';

function read(
  mail: string,
  limits: NonNullable<Parameters<typeof readMail>[1]>['limits'] = {},
): Promise<InboundMail> {
  return readMail(Buffer.from(mail), { limits });
}

function multipart(parts: string[]): string {
  return `${HEAD}Content-Type: multipart/mixed; boundary="b"\r\n\r\n${parts.map((part) => `--b\r\n${part}\r\n`).join('')}--b--\r\n`;
}

describe('a mail beyond the limits', () => {
  it('of 25 MB text is cut without reading more of it', async () => {
    const mail = await read(
      `${HEAD}Content-Type: text/plain; charset=utf-8\r\n\r\n${'čšž\r\n'.repeat(600_000)}`,
    );
    expect(mail.limitsHit).toEqual(['the text was cut after 200000 characters']);
    expect(mail.charset).toEqual({ name: 'utf-8', guessed: false });
    expect(new Set(mail.text.split('\n'))).toEqual(new Set(['čšž']));
  });

  it('keeps a picture of several MB that stands in its HTML', async () => {
    const picture = Buffer.alloc(3_000_000, 'x').toString('base64');
    const mail = await read(
      `${HEAD}Content-Type: text/html\r\n\r\n<p>See<img src="data:image/png;base64,${picture}">`,
    );
    expect(mail.attachments).toMatchObject([{ size: 3_000_000, inline: true }]);
    expect(mail).toMatchObject({ class: 'person', text: 'See', limitsHit: [] });
  });

  it('that is too large is unreadable, but says who wrote it', async () => {
    const mail = await read(`${HEAD}\r\n${'x'.repeat(5_000)}`, { mailBytes: 4_000 });
    expect(mail).toMatchObject({
      class: 'unreadable',
      messageId: '<big@posta.example>',
      from: { address: 'a@posta.example' },
      subject: 'Big',
      text: '',
      mayAutoAnswer: false,
      limitsHit: [expect.stringContaining('more than 4000')],
    });
  });

  it('with huge headers is read by those that matter', async () => {
    const junk = `X-Junk: ${'j'.repeat(1_000)}\r\n`.repeat(600);
    const mail = await read(`${junk}${HEAD}\r\nStill read.`);
    expect(mail).toMatchObject({ class: 'person', subject: 'Big', visibleText: 'Still read.' });
    expect(mail.limitsHit).toEqual([expect.stringMatching(/^the headers have 6\d{5} bytes/)]);
  });

  it('that is one endless header is read as one', async () => {
    const mail = await read(`Subject: ${'x'.repeat(3_000_000)}`);
    expect(mail).toMatchObject({
      class: 'unreadable',
      text: '',
      limitsHit: [expect.stringContaining('headers')],
    });
  });

  it('of thousands of parts is unreadable from there on', async () => {
    const parts = Array.from({ length: 1_000 }, (_, i) => `Content-Type: text/plain\r\n\r\npart ${i}`);
    const mail = await read(multipart(parts));
    expect(mail).toMatchObject({ class: 'unreadable', from: { address: 'a@posta.example' } });
    expect(mail.text).toContain('part 7');
    expect(mail.limitsHit).toEqual([expect.stringContaining('more parts')]);
  });

  it('keeps the first of too many attachments', async () => {
    const files = Array.from(
      { length: 12 },
      (_, i) =>
        `Content-Type: application/pdf; name="${i}.pdf"\r\nContent-Disposition: attachment\r\n\r\n%PDF-`,
    );
    const mail = await read(multipart(files), { mailAttachments: 10 });
    expect(mail.attachments.map(({ filename }) => filename)).toEqual(
      Array.from({ length: 10 }, (_, i) => `${i}.pdf`),
    );
    expect(mail.limitsHit).toEqual(['more attachments than are kept']);
  });

  it('has its text cut, and says so', async () => {
    const mail = await read(`${HEAD}\r\n${'a line of words\r\n'.repeat(20_000)}`);
    expect(mail.text.length).toBeLessThanOrEqual(200_000);
    expect(mail.text.length).toBeGreaterThan(199_000);
    expect(mail.limitsHit).toEqual(['the text was cut after 200000 characters']);
  });

  it('has its HTML cut, and says so', async () => {
    const long = await read(`${HEAD}Content-Type: text/html\r\n\r\n<p>${'word '.repeat(150_000)}`);
    expect(long.limitsHit).toEqual([
      expect.stringContaining('HTML was cut after 500000'),
      expect.stringContaining('the text was cut'),
    ]);
    const many = await read(`${HEAD}Content-Type: text/html\r\n\r\n${'<b>'.repeat(30_000)}end`);
    expect(many.limitsHit).toEqual(['the HTML was cut after 20000 tags']);
  });

  it('that takes too long is unreadable', async () => {
    const mail = await read(`${HEAD}\r\n${'slow\r\n'.repeat(500_000)}`, { mailReadMs: 1 });
    expect(mail).toMatchObject({ class: 'unreadable', reasons: [expect.stringContaining('took too long')] });
  });
});

describe('the envelope of an SMTP session', () => {
  const claim = 'Return-Path: <>\r\nFrom: a@posta.example\r\nSubject: Automatic reply\r\n\r\nHello';

  it('is believed before headers that anybody can write', async () => {
    expect(await readMail(Buffer.from(claim))).toMatchObject({ class: 'auto-reply', returnPath: '' });
    const envelope = { from: 'a@posta.example', to: ['support@trgovina.example'] };
    expect(await readMail(Buffer.from(claim), { envelope })).toMatchObject({
      class: 'person',
      returnPath: 'a@posta.example',
      deliveredTo: ['support@trgovina.example'],
    });
  });
});

describe('a fault of ours', () => {
  const broken = Symbol('not a number') as never;

  it('while the text is read leaves the head, and the mail unreadable', async () => {
    const mail = await read(`${HEAD}Content-Type: text/html\r\n\r\n<p>Hello`, { mailHtmlTags: broken });
    expect(mail).toMatchObject({ class: 'unreadable', from: { address: 'a@posta.example' }, text: '' });
    expect(mail.reasons).toEqual([expect.stringMatching(/^reading it failed \(.*Symbol/)]);
  });

  it('within the parser’s streams does not end the process', async () => {
    const mail = await read(`${HEAD}Content-Type: text/html\r\n\r\n<p>Hello`, { mailHtmlChars: broken });
    expect(mail).toMatchObject({ class: 'unreadable', from: { address: 'a@posta.example' } });
  });
});

describe('words that could be somebody’s own', () => {
  it.each([
    ['Sent from the warehouse yesterday.', false],
    ['Von Hand gesendet wurde nichts.', false],
    ['Get me a new one, please', false],
    ['Poslano z moje pošte včeraj.', false],
    ['Sent from my iPhone', true],
    ['Get Outlook for Android', true],
    ['Poslano z mojega iPhona', true],
    ['Poslano iz aplikacije Pošta za Windows', true],
    ['Poslano s mobitela', true],
    ['Στάλθηκε από το iPhone μου', true],
    ['Von meinem iPhone gesendet', true],
    ['Inviato da iPhone', true],
    ['Envoyé de mon iPhone', true],
  ])('%s: a signature of a device is %s', (line, expected) => {
    expect(isDeviceSignature(line)).toBe(expected);
  });

  it.each([
    ['On Mon, Nov 16, 2026 at 10:12 AM Shop <s@x.example> wrote:', 3],
    ['Il giorno lun 16 nov 2026 alle ore 10:12 Trgovina <s@x.example> ha scritto:', 3],
    ['Le lun. 16 nov. 2026 à 10:12, Trgovina <s@x.example> a écrit :', 3],
    ['pon, 16. nov 2026. u 10:12 Prodavnica <s@x.example> je napisao/la:', 3],
    ['Nina je 16. 11. 2026 ob 10:12 napisala:', 2],
    ['Ο/Η Trgovina έγραψε:', 1],
    ['Two questions:', 0],
    ['On Monday I wrote to you.', 0],
  ])('%s: introduces a quote with certainty %s', (line, expected) => {
    expect(attribution(line)).toBe(expected);
  });
});
