import type { Random } from './random';

/** Markup that must never come back as markup. */
export const CANARY = '<img src=zeton-canary>';
/** A header of an answer or a mail that nobody but the input can have made. */
export const INJECTED_HEADER = 'X-Zeton-Injected';

const BACKSLASH = '\\';
const NUL = '\0';

/** Texts that programs trip over. */
export const TEXTS: readonly string[] = [
  '',
  ' ',
  NUL,
  `before${NUL}after`,
  CANARY,
  `"><script>alert(1)</script>${CANARY}`,
  `x\r\n${INJECTED_HEADER}: 1`,
  `x\r\nBcc: everybody@example.com\r\n\r\nbody`,
  "'; DROP TABLE tickets; --",
  '%',
  '_%_',
  `${BACKSLASH}%`,
  BACKSLASH,
  '%00%ff%',
  '{{7*7}}<%= 7*7 %>',
  '$&$1',
  '__proto__',
  'constructor',
  'toString',
  'null',
  'undefined',
  'NaN',
  '-0',
  '\u202Egnirts\u202C',
  '\uFEFFbom',
  '\u2028\u2029',
  '\u0000\u0001\u001b[31m\u007f\u0085',
  'e\u0301'.repeat(300),
  '👩‍👩‍👧‍👦'.repeat(20),
  'ﷺ'.repeat(50),
  'ß İ ı ſ K Å',
  'čšž ČŠŽ αβγ ΑΒΓ',
  '\uD800',
  'x\uDFFFy',
  '\uFFFE\uFFFF',
  'a'.repeat(255),
  'a'.repeat(501),
  'ž'.repeat(1600),
  'a'.repeat(65_536),
  '🙂'.repeat(50_001),
  '\n'.repeat(5000),
  '../../../../etc/passwd',
  'http://169.254.169.254/latest/',
  'javascript:alert(1)',
  '=HYPERLINK("http://example.com")',
  '2026-11-22T12:00:00',
  '&amp;&lt;&#0;&#x110000;&notit;',
  '[ticket #1]',
];

const EMAILS: readonly string[] = [
  'alice@example.com',
  'ALICE@EXAMPLE.COM ',
  'alice@exämple.com',
  'alice@xn--exmple-cua.com',
  'аlice@example.com', // a Cyrillic a
  'alice@ex\u0430mple.com',
  'alice\u0000@example.com',
  'alice@example.com\r\nBcc: everybody@example.com',
  'alice@example.com,bob@example.com',
  '"alice bob"@example.com',
  '"<alice>"@example.com',
  'Alice <alice@example.com>',
  'alice@[127.0.0.1]',
  'alice@localhost',
  '@example.com',
  'alice@',
  'alice@@example.com',
  '\u202Emoc.elpmaxe@ecila',
  'alice+čšž@primer.si',
  'noreply@site.invalid',
  `${'a'.repeat(64)}@${'b'.repeat(63)}.com`,
  `${'a'.repeat(65_536)}@example.com`,
  `alice@${'a.'.repeat(2000)}com`,
  'alice@example.com\u2028',
  '\uD800@example.com',
  `alice${CANARY}@example.com`,
];

const PHONES: readonly string[] = [
  '041 555 100',
  '+386 41 555 100',
  '+38641555100;ext=7',
  '00386 (0)41/555-100',
  '٠٤١٥٥٥١٠٠',
  '０４１５５５１００',
  '+',
  '++386',
  '+999999999999999999999',
  '0'.repeat(65_536),
  '1'.repeat(300),
  '041555100\u0000',
  '041555100\r\nTo: +1',
  'tel:+38641555100',
  '\u202E001555140',
  'call me',
  '+1-800-FLOWERS',
  '\uD800',
];

const DATES: readonly string[] = [
  '2026-11-22T12:00:00',
  '2026-11-22T12:00:00Z',
  '2026-02-30T00:00:00',
  '2026-13-01T00:00:00',
  '0000-00-00T00:00:00',
  '0000-01-01T00:00:00',
  '0001-01-01T00:00:00',
  '9999-12-31T23:59:59',
  '9999-12-31T24:00:00',
  '10000-01-01T00:00:00',
  '+275760-09-13T00:00:00',
  '-000001-01-01T00:00:00',
  '1969-12-31T23:59:59',
  '2026-10-25T02:30:00',
  '2026-03-29T02:30:00',
  '2026-11-22 12:00:00',
  '2026-11-22T12:00:60',
  '2026-11-22T12:00:00.999999999',
  '٢٠٢٦-١١-٢٢T12:00:00',
];

/** As they stand in a JSON text: what JavaScript reads as something else is kept as written. */
export const NUMBERS: readonly string[] = [
  '0',
  '-0',
  '-1',
  '1',
  '0.5',
  '1.0000000000000001',
  '-1e-7',
  '1e400',
  '-1e400',
  '1e308',
  '5e-324',
  '2147483647',
  '2147483648',
  '-2147483649',
  '4294967296',
  '9007199254740991',
  '9007199254740992',
  '9007199254740993',
  '9223372036854775807',
  '9223372036854775808',
  '18446744073709551616',
  '1'.repeat(400),
  '0.1e-400',
  '1000001',
  '999999999999999',
];

/** Whole JSON values. */
export function nastyJson(random: Random): string {
  return random.weighted<() => string>([
    [6, () => jsonText(random, random.pick(TEXTS))],
    [5, () => random.pick(NUMBERS)],
    [1, () => `"${random.pick(NUMBERS)}"`],
    [1, () => jsonText(random, random.pick(DATES))],
    [2, () => random.pick(['null', 'true', 'false', '[]', '{}', '[null]', '""', '[[]]', '{"":""}'])],
    // Not JSON at all.
    [0.3, () => random.pick(['NaN', 'Infinity', 'undefined', '01', '.5', '+1', "'x'", '"\\x41"', '"\\ud8"'])],
    [0.3, () => nested(random.pick([50, 99, 101, 1001, 20_000]), random.chance(0.5))],
    [0.2, () => `[${'0,'.repeat(random.pick([100, 5_000]))}0]`],
    [0.2, () => '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}'],
    [0.5, () => `"${'\\ud83d'.repeat(random.pick([1, 2, 3]))}"`],
    [0.5, () => '"\\u0000"'],
  ])();
}

function nested(depth: number, lists: boolean): string {
  return lists ? '['.repeat(depth) + ']'.repeat(depth) : `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;
}

/** Escaped to ASCII as PHP writes it, or as it is. */
export function jsonText(random: Random, text: string): string {
  const json = JSON.stringify(text);
  if (random.chance(0.5)) return json;
  return json.replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** What one engine keeps and the other refuses. */
const UNSTORABLE = [NUL, '\uD800', '\uDC00', '\uFFFE'];

/** Something for a field of that name. */
export function nastyTextFor(random: Random, name: string): string {
  if (random.chance(0.12))
    return `${random.pick(['', 'a', 'alice'])}${random.pick(UNSTORABLE)}${random.pick(['', '@example.com'])}`;
  if (/mail/i.test(name) && random.chance(0.7)) return random.pick(EMAILS);
  if (/phone|^to$|^from$/i.test(name) && random.chance(0.7)) return random.pick(PHONES);
  if (/date|_at$|since|before|until/i.test(name) && random.chance(0.7)) return random.pick(DATES);
  if (/quantity|version|number|limit|days|_id$|minutes/i.test(name) && random.chance(0.5)) {
    return random.pick(NUMBERS);
  }
  return random.pick(TEXTS);
}
