import * as fc from 'fast-check';
import { makeVault } from '../../src/platform/secrets';
import {
  addressWithToken,
  bounceTokenFor,
  readBounceToken,
  readReplyToken,
  readSubjectTag,
  replyTokenFor,
  subjectTag,
} from '../../src/usecases/reply-address';

const vault = makeVault('one secret of at least 32 characters, for tokens');
const ticketId = '0193a5c2-7b1e-7c3a-9f00-2b6d1e4c8a10';
const token = replyTokenFor(vault, { ticketId });
const address = addressWithToken('support@shop.example', token) ?? '';

describe('the token in a reply address', () => {
  it('is lower-case, fits into a local part, and leads back to its ticket', () => {
    expect(address).toMatch(/^support\+r[a-z2-7]{42}@shop\.example$/);
    expect(address.indexOf('@')).toBeLessThanOrEqual(64);
    fc.assert(
      fc.property(fc.uuid(), (id) => {
        expect(readReplyToken(vault, `x+${replyTokenFor(vault, { ticketId: id })}@y.example`)).toEqual({
          ticketId: id,
        });
      }),
    );
  });

  it('survives what mail programs and servers do to addresses', () => {
    for (const changed of [
      address.toUpperCase(),
      address.replace('+', '-'),
      `prvs=0123456789=${address}`,
      token,
      `"${address}"`.replaceAll('"', ''),
    ]) {
      expect(readReplyToken(vault, changed)).toEqual({ ticketId });
    }
  });

  it('is refused with one character changed, cut, longer, or made with another key', () => {
    for (let at = 1; at < token.length; at++) {
      const other = token[at] === 'a' ? 'b' : 'a';
      expect(
        readReplyToken(vault, `support+${token.slice(0, at)}${other}${token.slice(at + 1)}@shop.example`),
      ).toBeNull();
    }
    for (const wrong of [
      token.slice(0, -1),
      `${token}a`,
      `x${token}`,
      '',
      'support',
      'support@shop.example',
    ]) {
      expect(readReplyToken(vault, wrong)).toBeNull();
    }
    expect(readReplyToken(makeVault('another secret of at least 32 characters'), address)).toBeNull();
  });

  it('is no token of a bounce, and the other way round', () => {
    const bounce = bounceTokenFor(vault, { messageId: ticketId });
    expect(readBounceToken(vault, `bounce+${bounce}@shop.example`)).toEqual({ messageId: ticketId });
    expect(readReplyToken(vault, bounce)).toBeNull();
    expect(readBounceToken(vault, token)).toBeNull();
    expect(readReplyToken(vault, `r${bounce.slice(1)}`)).toBeNull();
    expect(readBounceToken(vault, `b${token.slice(1)}`)).toBeNull();
  });

  it('is not put behind a name that is too long for it', () => {
    expect(addressWithToken(`${'a'.repeat(20)}@shop.example`, token)).not.toBeNull();
    expect(addressWithToken(`${'a'.repeat(21)}@shop.example`, token)).toBeNull();
  });

  it('is made of ids only', () => {
    expect(() => replyTokenFor(vault, { ticketId: '42' })).toThrow('not a UUID');
  });
});

describe('the tag in a subject', () => {
  it('names the ticket', () => {
    expect(readSubjectTag(`Re: Printer ${subjectTag(123)}`)).toBe(123);
    expect(readSubjectTag('Fwd: [#7] Re: [#8]')).toBe(7);
  });

  it.each(['Printer', '#123', '[123]', '[# 123]', '[#0]', '[#1234567890]', '[#12a]'])(
    'is none in %s',
    (subject) => {
      expect(readSubjectTag(subject)).toBeNull();
    },
  );
});
