import { letterOf } from '../../../src/gateways/email/letter';

/** What stands between <body> and its end, without the styles. */
function bodyOf(text: string): string {
  const markup = letterOf(text);
  return markup
    .slice(markup.indexOf('<body>') + 6, markup.indexOf('</body>'))
    .replace(/ style="[^"]*"/g, '')
    .trim();
}

describe('the HTML of a mail', () => {
  it('has the paragraphs and lines of the text', () => {
    expect(bodyOf('Hello,\n\nfirst line\r\nsecond line\n \n\nBye')).toBe(
      [
        '<div class="z-letter">',
        '<p dir="auto">Hello,</p>',
        '<p dir="auto">first line<br>\nsecond line</p>',
        '<p dir="auto">Bye</p>',
        '</div>',
      ].join('\n'),
    );
  });

  it('sets the signature apart, and keeps dashes that begin none', () => {
    const markup = bodyOf('Text\n\n-- \nBob\nShop');
    expect(markup).toContain(
      '<p dir="auto">Text</p>\n<div class="z-below">\n<p dir="auto">Bob<br>\nShop</p>',
    );
    expect(bodyOf('one -- two\n--- three')).not.toContain('z-below');
  });

  it('keeps what is set in', () => {
    expect(bodyOf('List:\n  • one\n\ttwo')).toContain(
      'List:<br>\n\u00a0\u00a0• one<br>\n\u00a0\u00a0\u00a0\u00a0two',
    );
  });

  it.each([
    ['see https://shop.example/a?b=1&c=2.', 'https://shop.example/a?b=1&amp;c=2', '.'],
    ['(https://shop.example/x)', 'https://shop.example/x', ')'],
    ['https://en.wikipedia.org/wiki/Token_(coin)', 'https://en.wikipedia.org/wiki/Token_(coin)', ''],
    ['“http://shop.example/x”, he said', 'http://shop.example/x', '”, he said'],
    ['https://shop.example/notices/aB-_', 'https://shop.example/notices/aB-_', ''],
    ['https://šola.example/čas', 'https://šola.example/čas', ''],
  ])('makes a link of an address alone: %s', (text, url, after) => {
    expect(bodyOf(text)).toContain(`<a href="${url}">${url}</a>${after}`);
  });

  it.each([
    'javascript:alert(1)',
    'data:text/html,<script>alert(1)</script>',
    'file:///etc/passwd',
    'https://',
    'www.shop.example',
  ])('makes none of %s', (text) => {
    expect(bodyOf(text)).not.toContain('<a');
  });

  it.each([
    '<script>alert(1)</script>',
    '"><img src=x onerror=alert(1)>',
    'https://shop.example/"onmouseover="alert(1)',
    "https://shop.example/'onmouseover='alert(1)",
    'https://shop.example/<script>alert(1)</script>',
    '&lt;script&gt; &amp;',
    '-- \n<b>Bob</b>',
  ])('is markup of ours only: %s', (text) => {
    const markup = bodyOf(text);
    const tags = [...markup.matchAll(/<[^>]*>/g)].map(([tag]) => tag);
    for (const tag of tags) {
      expect(tag).toMatch(
        /^<(?:\/?p(?: dir="auto")?|br|\/?div(?: class="z-(?:letter|below)")?|a href="https?:\/\/[^"'<>\s]*"|\/a)>$/,
      );
    }
    const shown = markup
      .replace(/<[^>]*>/g, '')
      .replace(/\s+/g, ' ')
      .trim();
    const unescaped = shown
      .replaceAll('&lt;', '<')
      .replaceAll('&gt;', '>')
      .replaceAll('&quot;', '"')
      .replaceAll('&#39;', "'")
      .replaceAll('&#x27;', "'")
      .replaceAll('&amp;', '&');
    expect(unescaped).toBe(text.replace('-- \n', ''));
  });

  it('fetches nothing from anywhere, and tells nobody that it was read', () => {
    const markup = letterOf('Hello https://shop.example/x.png\n\n-- \nBob');
    expect(markup).not.toMatch(/<(?:img|link|script|iframe|object|video|audio|form|meta http-equiv)\b/i);
    expect(markup).not.toMatch(/url\(|@import|src=|background=/i);
  });

  it('does not take long over a text that is meant to take long', () => {
    const nasty = [
      `https://x.y/${')'.repeat(50_000)}`,
      '('.repeat(50_000),
      `${' '.repeat(50_000)}x`,
      '\n'.repeat(50_000),
    ];
    for (const text of nasty) expect(letterOf(text).length).toBeGreaterThan(100);
  });
});
