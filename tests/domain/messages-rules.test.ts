import {
  checkedBody,
  type MessageStatus,
  plainerParts,
  plainLetters,
  plainSigns,
  segmentsOf,
} from '../../src/domain/messages';
import { settling } from '../../src/domain/messages/rules';

function refusal(work: () => unknown): { code?: string; facts?: unknown } {
  try {
    work();
  } catch (error) {
    return error as { code: string };
  }
  return {};
}

describe('segments of an SMS', () => {
  const cases: [string, string, 'GSM-7' | 'UCS-2', number, number, number][] = [
    ['one letter', 'a', 'GSM-7', 1, 1, 159],
    ['160 plain letters', 'a'.repeat(160), 'GSM-7', 1, 160, 0],
    ['161 plain letters', 'a'.repeat(161), 'GSM-7', 2, 161, 145],
    ['306 plain letters', 'a'.repeat(306), 'GSM-7', 2, 306, 0],
    ['307 plain letters', 'a'.repeat(307), 'GSM-7', 3, 307, 152],
    ['1530 plain letters', 'a'.repeat(1530), 'GSM-7', 10, 1530, 0],
    ['a euro sign, which takes two', '€', 'GSM-7', 1, 2, 158],
    ['80 euro signs', '€'.repeat(80), 'GSM-7', 1, 160, 0],
    ['159 letters and a euro sign', `${'a'.repeat(159)}€`, 'GSM-7', 2, 161, 145],
    // 152 fit, the € would be cut at the 153rd unit and moves on whole: 152 + (2 + 151) + 1
    ['a euro sign across the edge', `${'a'.repeat(152)}€${'a'.repeat(152)}`, 'GSM-7', 3, 306, 152],
    ['every character of the extension table', '^{}\\[~]|€', 'GSM-7', 1, 18, 142],
    ['Greek capitals, which GSM-7 has', 'ΔΦΓΛΩΠΨΣΘΞ', 'GSM-7', 1, 10, 150],
    ['Greek small letters, which it has not', 'γειά', 'UCS-2', 1, 4, 66],
    ['č alone', 'č', 'UCS-2', 1, 1, 69],
    ['70 č', 'č'.repeat(70), 'UCS-2', 1, 70, 0],
    ['71 č', 'č'.repeat(71), 'UCS-2', 2, 71, 63],
    ['134 č', 'č'.repeat(134), 'UCS-2', 2, 134, 0],
    ['135 č', 'č'.repeat(135), 'UCS-2', 3, 135, 66],
    ['one š among 160 letters', `${'a'.repeat(159)}š`, 'UCS-2', 3, 160, 41],
    ['€ in a UCS-2 text, where it takes one', `č${'€'.repeat(69)}`, 'UCS-2', 1, 70, 0],
    ['an emoji, which takes two', '😀', 'UCS-2', 1, 2, 68],
    ['35 emoji', '😀'.repeat(35), 'UCS-2', 1, 70, 0],
    ['36 emoji', '😀'.repeat(36), 'UCS-2', 2, 72, 61],
    // 66 č fit, the emoji would be cut at the 67th unit: 66 + (2 + 65) + 1
    ['an emoji across the edge', `${'č'.repeat(66)}😀${'č'.repeat(66)}`, 'UCS-2', 3, 134, 66],
    ['a family of four, drawn as one sign', '👩‍👩‍👧‍👦', 'UCS-2', 1, 11, 59],
    ['670 č', 'č'.repeat(670), 'UCS-2', 10, 670, 0],
  ];
  it.each(cases)('%s', (_name, text, encoding, segments, units, unitsLeft) => {
    expect(segmentsOf(text)).toEqual({ encoding, segments, units, unitsLeft });
  });

  it('never counts fewer segments than the units need, however many accents stand on one letter', () => {
    expect(segmentsOf(`a${'\u0301'.repeat(600)}`)).toMatchObject({
      encoding: 'UCS-2',
      segments: 9,
      units: 601,
    });
  });

  it.each([
    ['one letter too many', 'a'.repeat(1531)],
    ['one č too many', 'č'.repeat(671)],
    ['a whole book', 'kuža '.repeat(20_000)],
  ])('refuses %s', (_name, text) => {
    expect(refusal(() => segmentsOf(text))).toMatchObject({
      code: 'message-too-long',
      facts: { segments_max: 10 },
    });
  });
});

describe('the body of a message', () => {
  it.each(['', '   ', '\n\t ', '\u00a0'])('is refused when there is nothing in it (%j)', (body) => {
    expect(refusal(() => checkedBody(body, 'email')).code).toBe('invalid-request');
  });

  it.each(['a\0b', 'half an emoji \ud83d'])('is refused when it is no text (%j)', (body) => {
    expect(refusal(() => checkedBody(body, 'email')).code).toBe('invalid-request');
  });

  it('is kept to the letter in e-mail and notes', () => {
    const body = '  Živjo,\r\n\u00a0γειά 😀\n';
    expect(checkedBody(body, 'email')).toBe(body);
    expect(checkedBody(body, 'note')).toBe(body);
  });

  it('costs no more in an SMS than it looks: no-break spaces, separate accents and CRLF do not make it longer', () => {
    const pasted = checkedBody('Caf\u0065\u0301\u00a0at\u202f5\r\n€', 'sms');
    expect(pasted).toBe('Café at 5\n€');
    expect(segmentsOf(pasted).encoding).toBe('GSM-7');
  });
});

describe('plain letters', () => {
  it('take what GSM-7 has as it is, and write the rest plainer where that reads the same', () => {
    expect(plainLetters('Čšž ĆĐđ „narekovaj“ – pomišljaj … ‘x’')).toBe(
      'Csz CDd "narekovaj" - pomisljaj ... \'x\'',
    );
    expect(plainLetters('Z\u030cena')).toBe('Zena');
    expect(plainLetters('é è ö ñ Ω € [x]\nß')).toBe('é è ö ñ Ω € [x]\nß');
  });

  it('leave alone what has none', () => {
    for (const text of ['Ο εκτυπωτής', '😀', 'принтер', 'שלום', '👨‍👩‍👧'])
      expect(plainLetters(text)).toBe(text);
    expect(plainLetters('')).toBe('');
  });
});

describe('plain signs', () => {
  it.each([
    ['„Živjo“, »Ana« ‘x’ ‚y’ 5′ 6″', `"Živjo", "Ana" 'x' 'y' 5' 6"`],
    ['a – b — c − d ‑ e • f', 'a - b - c - d - e - f'],
    ['wait…', 'wait...'],
    ['5\u00a0€\u202f7\u2009x\u3000y', '5 € 7 x y'],
    ['so\u00adft \u200bbreak\ufeff', 'soft break'],
    ['tab\there, 3×4, `code`', "tab here, 3x4, 'code'"],
  ])('%j is typed as %j', (text, plain) => {
    expect(plainSigns(text)).toBe(plain);
    expect(plainSigns(plain)).toBe(plain);
  });

  it('leave every letter as it is, and what holds an emoji together', () => {
    const text = 'čšž ĆĐ éü ßΩ ελληνικά принтер 👨‍👩‍👧 \n €[]{}\\^~|';
    expect(plainSigns(text)).toBe(text.normalize('NFC'));
  });
});

describe('a plainer way to write an SMS', () => {
  it.each([
    // text, parts now, with plain signs, with plain letters too
    ['a'.repeat(300), 2, null, null],
    [`“${'a'.repeat(150)}”`, 3, 1, null],
    [`č${'a'.repeat(159)}`, 3, null, 1],
    [`“č${'a'.repeat(156)}”`, 3, null, 1],
    ['č'.repeat(70), 1, null, null],
    ['😀'.repeat(60), 2, null, null],
    [`…${'č'.repeat(66)}`, 1, null, null],
    // Dots take more room than the sign, but pack closer.
    [`…${'a'.repeat(158)}`, 3, 2, null],
    [`č…${'a'.repeat(200)}`, 4, null, 2],
    // Too long for any SMS when three dots stand for one.
    ['…'.repeat(600), 9, null, null],
  ])('%j takes %d parts', (text, parts, signs, letters) => {
    expect(segmentsOf(text).segments).toBe(parts);
    expect(plainerParts(text)).toEqual({ signs, letters });
  });

  it('is never one that takes more parts, and takes as many as it says', () => {
    for (let n = 60; n < 660; n += 7) {
      for (const text of [`…${'a'.repeat(n)}`, `č“${'b'.repeat(n)}`, 'č…'.repeat(n / 2)]) {
        const { signs, letters } = plainerParts(text);
        const now = segmentsOf(text).segments;
        if (signs !== null)
          expect([signs < now, segmentsOf(plainSigns(text)).segments]).toEqual([true, signs]);
        if (letters !== null) {
          expect([letters < (signs ?? now), segmentsOf(plainLetters(text)).segments]).toEqual([
            true,
            letters,
          ]);
        }
      }
    }
  });
});

describe('what becomes of a message', () => {
  const unsettled: MessageStatus[] = ['queued', 'sending', 'uncertain'];
  it.each(unsettled)('%s: charged when sent or delivered, given back when it failed', (status) => {
    expect(settling(status, 'sent')).toEqual({ status: 'sent', credits: 'capture' });
    expect(settling(status, 'delivered')).toEqual({ status: 'delivered', credits: 'capture' });
    expect(settling(status, 'failed')).toEqual({ status: 'failed', credits: 'release' });
  });

  it('sent: delivered costs nothing more, failed is given back by compensation', () => {
    expect(settling('sent', 'sent')).toBeNull();
    expect(settling('sent', 'delivered')).toEqual({ status: 'delivered', credits: 'none' });
    expect(settling('sent', 'failed')).toEqual({ status: 'failed', credits: 'reverse' });
  });

  it.each(['delivered', 'failed', 'received'] as MessageStatus[])('%s is final', (status) => {
    for (const outcome of ['sent', 'delivered', 'failed'] as const)
      expect(settling(status, outcome)).toBeNull();
  });
});
