import { createHash, createPublicKey, verify } from 'node:crypto';

/**
 * Checks a DKIM signature as RFC 6376 says (rsa-sha256, relaxed/relaxed), by code that is not that of the signer.
 * Shape: the mail as it came over the wire, and the public key → the names of the signed headers; throws where it is not good
 */
export function checkDkim(
  raw: string,
  publicKeyPem: string,
): { domain: string; selector: string; signed: string[] } {
  const split = raw.indexOf('\r\n\r\n');
  const body = raw.slice(split + 4);
  const fields = raw
    .slice(0, split)
    .split(/\r\n(?![ \t])/)
    .map((field) => ({ name: field.slice(0, field.indexOf(':')).toLowerCase().trim(), field }));
  const signature = fields.find(({ name }) => name === 'dkim-signature')?.field;
  if (signature === undefined) throw new Error('not signed');
  const tags = new Map(
    signature
      .slice(signature.indexOf(':') + 1)
      .split(';')
      .map((tag) => [
        tag.slice(0, tag.indexOf('=')).trim(),
        tag.slice(tag.indexOf('=') + 1).replace(/\s+/g, ''),
      ]),
  );
  if (tags.get('a') !== 'rsa-sha256' || tags.get('c') !== 'relaxed/relaxed')
    throw new Error('another algorithm');
  const bodyHash = createHash('sha256').update(relaxedBody(body), 'latin1').digest('base64');
  if (bodyHash !== tags.get('bh')) throw new Error('the body was changed');
  const signed = (tags.get('h') ?? '').toLowerCase().split(':');
  const left = [...fields];
  const lines = signed.flatMap((wanted) => {
    const at = left.findLastIndex(({ name }) => name === wanted);
    return at === -1 ? [] : left.splice(at, 1).map(({ field }) => `${relaxedHeader(field)}\r\n`);
  });
  const own = relaxedHeader(signature.replace(/([;:\s]b\s*=)[^;]*/, '$1'));
  const good = verify(
    'sha256',
    Buffer.from(lines.join('') + own, 'latin1'),
    createPublicKey(publicKeyPem),
    Buffer.from(tags.get('b') ?? '', 'base64'),
  );
  if (!good) throw new Error('the signature is not good');
  return { domain: tags.get('d') ?? '', selector: tags.get('s') ?? '', signed };
}

function relaxedHeader(field: string): string {
  const colon = field.indexOf(':');
  const value = field
    .slice(colon + 1)
    .replace(/\r\n/g, '')
    .replace(/[ \t]+/g, ' ')
    .trim();
  return `${field.slice(0, colon).toLowerCase().trim()}:${value}`;
}

function relaxedBody(body: string): string {
  const lines = body.split('\r\n').map((line) => line.replace(/[ \t]+/g, ' ').replace(/ $/, ''));
  return `${lines.join('\r\n').replace(/(?:\r\n)*$/, '')}\r\n`;
}
