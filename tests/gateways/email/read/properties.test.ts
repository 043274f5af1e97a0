import * as fc from 'fast-check';
import { readMail } from '../../../../src/gateways/email';
import { cleanFilename } from '../../../../src/gateways/email/read/attachments';
import { foldQuotes, plainToLines } from '../../../../src/gateways/email/read/quotes';
import { sanitiseMailHtml } from '../../../../src/gateways/email/read/safe-html';
import { corpus } from './corpus';

const CLASSES = ['person', 'auto-reply', 'bounce', 'delayed', 'list', 'own', 'unreadable'];
const CONTROL = /(?![\t\n])\p{Cc}/u;

async function readsSomehow(raw: Buffer): Promise<void> {
  const mail = await readMail(raw);
  expect(CLASSES).toContain(mail.class);
  expect(mail.reasons.filter((reason) => reason.startsWith('reading it failed'))).toEqual([]);
  expect(mail.visibleText === '' && mail.text.trim() !== '').toBe(false);
  expect(CONTROL.test(mail.text + mail.visibleText + mail.quotedText + mail.signature)).toBe(false);
  for (const { filename, content, size } of mail.attachments) {
    expect(size).toBe(content.length);
    expect(filename).toMatch(/^[^/\\\p{Cc}]{1,120}$/u);
  }
  if (mail.html !== null) expectHarmless(mail.html);
}

const TAGS =
  /^(?:p|div|span|br|hr|a|img|pre|code|blockquote|center|b|strong|i|em|u|s|strike|del|ins|sub|sup|small|big|mark|tt|q|h[1-6]|ul|ol|li|dl|dt|dd|table|caption|thead|tbody|tfoot|tr|td|th)$/;
const ATTRIBUTES =
  /^(?:href|title|rel|target|alt|width|height|data-src|data-cid|colspan|rowspan|align|start|type)$/;

/** Reads what a browser would see, by a reader of its own: every "<" begins an allowed tag, with allowed attributes. */
function expectHarmless(html: string): void {
  for (const [, rest] of html.matchAll(/<([^<]*)/g)) {
    const tag = /^\/?([a-z0-9]+)((?:\s+[a-z-]+(?:="[^"]*")?)*)\s*\/?>/.exec(rest ?? '');
    if (!tag) throw new Error(`not a tag that may stand there: <${rest}`);
    expect(tag[1]).toMatch(TAGS);
    for (const [, name, value] of (tag[2] ?? '').matchAll(/([a-z-]+)(?:="([^"]*)")?/g)) {
      expect(name).toMatch(ATTRIBUTES);
      if (name === 'href') expect(value).toMatch(/^(?:https?:|mailto:)/i);
      if (name === 'data-src') expect(value).toMatch(/^https?:\/\//i);
    }
  }
}

describe('reading any mail', () => {
  it('never throws, whatever the bytes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 400 }), (bytes) => readsSomehow(Buffer.from(bytes))),
      { numRuns: 200 },
    );
  });

  it('never throws on a mail that was damaged on its way', async () => {
    const mails = corpus().map(({ raw }) => raw);
    const damage = fc.record({
      mail: fc.constantFrom(...mails),
      at: fc.double({ min: 0, max: 1, noNaN: true }),
      cut: fc.nat(300),
      put: fc.oneof(
        fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
        fc
          .constantFrom(
            '\r\n',
            '\r\n\r\n',
            '--',
            '"',
            ';',
            '=?utf-8?B?',
            '<',
            '<div',
            '&#0;',
            'boundary=',
            '\r\nContent-Type: ',
            '%',
            '*0*=',
            'text/html',
            'charset=x',
          )
          .map((text) => Buffer.from(text)),
      ),
    });
    await fc.assert(
      fc.asyncProperty(damage, fc.option(damage), async (first, second) => {
        const hurt = ({ at, cut, put }: typeof first, raw: Buffer) => {
          const start = Math.floor(at * raw.length);
          return Buffer.concat([raw.subarray(0, start), put, raw.subarray(start + cut)]);
        };
        const once = hurt(first, first.mail);
        await readsSomehow(second ? hurt(second, once) : once);
      }),
      { numRuns: 300 },
    );
  });
});

describe('HTML of a stranger', () => {
  const piece = fc.oneof(
    fc.constantFrom(
      ...[
        '<script>',
        '</script>',
        '<img src=x onerror=alert(1)>',
        '<svg/onload=alert(1)>',
        '<a href="javascript:alert(1)">',
        '</a>',
      ],
      ...[
        '<a href="jav&#x09;ascript:x">',
        "<a href='data:text/html,x'>",
        '<math>',
        '<mtext>',
        '<style>',
        '</style>',
        '<!--',
        '-->',
        '<![CDATA[',
      ],
      ...[
        ']]>',
        '<iframe srcdoc="<script>">',
        '<xmp>',
        '</xmp>',
        '<noscript>',
        '<template>',
        '<p title="--><img src=x onerror=x>">',
        '<form action=x>',
      ],
      ...[
        '<input autofocus onfocus=x>',
        '<object data=x>',
        '<base href=x>',
        '<meta http-equiv=refresh>',
        '<td background=x>',
        '<plaintext>',
      ],
      ...[
        '<img src="https://x.example/a">',
        '<img src="cid:a&quot;b">',
        '<img/src="//x"/>',
        '<div style="display:none">',
        '</div>',
        '<img src=x style="display: none">',
        '<a href="/admin">',
        '<b>',
        '</b>',
        '"',
        "'",
        '>',
        '<',
        '&lt;script&gt;',
        '\0',
        '<textarea>',
        '</textarea>',
      ],
    ),
    fc.string({ maxLength: 8 }),
  );

  it('comes out with allowed tags and attributes only', () => {
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 25 }), (pieces) => {
        expectHarmless(sanitiseMailHtml(pieces.join('')).html);
      }),
      { numRuns: 800 },
    );
  });

  it('sanitised twice is the same, but for pictures', () => {
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 15 }), (pieces) => {
        const once = sanitiseMailHtml(pieces.join('')).html.replace(/<img[^>]*>/g, '');
        expect(sanitiseMailHtml(once).html).toBe(once.trim());
      }),
      { numRuns: 300 },
    );
  });
});

describe('folding quotes', () => {
  const line = fc.oneof(
    fc.constantFrom(
      ...[
        '',
        '> a',
        '>> b',
        '> On 16/11/2026 wrote:',
        'On 16/11/2026 10:12, Shop wrote:',
        'On Mon, 16 Nov 2026 at',
        '10:12, S <s@x.example>',
        'wrote:',
      ],
      ...[
        '-----Original Message-----',
        '-------- Izvirno sporočilo --------',
        'From: a@b.example',
        'Sent: Monday',
        'To: c',
        'Subject: d',
        'Od: a',
        'Poslano: b',
      ],
      ...[
        'Za: c',
        'Zadeva: d',
        '---------- Forwarded message ---------',
        '-- ',
        '--',
        '—',
        'Sent from my iPhone',
        'Poslano z mojega iPhona',
        '________________',
      ],
      ...[
        'V pon., 16. nov. 2026 ob 10:12 je oseba S <s@x.example> napisala:',
        'Στις 16/11/2026 10:12, S <s@x.example> έγραψε:',
        'Hello',
        '  indented',
      ],
    ),
    fc.string({ maxLength: 30 }).map((text) => text.replace(/[\r\n]/g, ' ')),
  );
  const words = (text: string) =>
    text
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '');

  it('loses no line and doubles none, and leaves something to see', () => {
    fc.assert(
      fc.property(
        fc.array(line, { maxLength: 25 }),
        fc.constantFrom('', 'Re: x', 'Fwd: x'),
        (lines, subject) => {
          const { visibleText, quotedText, signature } = foldQuotes(plainToLines(lines.join('\n')), subject);
          const parts = [...words(visibleText), ...words(quotedText), ...words(signature)];
          expect(parts.sort()).toEqual(words(lines.join('\n')).sort());
          if (parts.length > 0) expect(visibleText).not.toBe('');
        },
      ),
      { numRuns: 1500 },
    );
  });
});

describe('names of attachments', () => {
  it('can be written to any disk and header', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (name) => {
        const clean = cleanFilename(name, 'application/pdf', 1);
        expect(clean).toMatch(/^[^/\\:*?"<>|\p{Cc}\p{Cf}]{1,120}$/u);
        expect(clean).not.toMatch(/^\.|\.$/);
        expect(cleanFilename(clean, 'application/pdf', 1)).toBe(clean);
      }),
      { numRuns: 500 },
    );
  });
});
