import type { FetchedMedia } from './gateway';

const HOST = 'https://api.twilio.com';
const REDIRECTS_MAX = 3;

interface MediaSettings {
  accountSid: string;
  authToken: string;
  baseUrl: string | null;
  limits: { smsRequestMs: number; smsMediaBytes: number };
}

/**
 * Pictures of MMS. An address is followed only inside Twilio, and our sign-in goes to its API alone: the address is
 * from outside, and must not make us ask, or tell our password to, anybody else.
 * Shape:   address → { contentType by content, content } or why it will never be had
 * Errors:  thrown where another try may help
 * Source:  https://www.twilio.com/docs/messaging/api/media-resource
 */
export function mediaFetcher(settings: MediaSettings): (url: string) => Promise<FetchedMedia> {
  const { accountSid, authToken, baseUrl, limits } = settings;
  const api = new URL(baseUrl ?? HOST);
  const login = Buffer.from(`${accountSid}:${authToken}`).toString('base64');
  const path = new RegExp(`^/2010-04-01/Accounts/${accountSid}/Messages/\\w{34}/Media/\\w{34}$`);

  return async (address) => {
    const first = URL.canParse(address) ? new URL(address) : null;
    const isOurs = first !== null && [new URL(HOST).origin, api.origin].includes(first.origin);
    if (!isOurs || !path.test(first.pathname))
      return refused('it is not at an address of our Twilio account');
    let url = new URL(first.pathname, api);
    for (let step = 0; step <= REDIRECTS_MAX; step++) {
      const answer = await fetch(url, {
        redirect: 'manual',
        headers: url.origin === api.origin ? { authorization: `Basic ${login}` } : {},
        signal: AbortSignal.timeout(limits.smsRequestMs),
      }).catch(() => {
        throw new Error('no answer from Twilio');
      });
      const { status } = answer;
      if (status === 200) return readPicture(answer, limits.smsMediaBytes);
      await answer.body?.cancel();
      if (status === 404 || status === 410) return refused('Twilio has it no more');
      if (status < 300 || status >= 400) throw new Error(`Twilio answers with HTTP ${status}`);
      const next = answer.headers.get('location') ?? '';
      if (!URL.canParse(next, url.href)) return refused('Twilio sends us to no address');
      url = new URL(next, url);
      if (!isTwilio(url, api)) return refused('Twilio sends us to another host');
    }
    return refused('Twilio sends us from address to address');
  };
}

function isTwilio(url: URL, api: URL): boolean {
  if (url.origin === api.origin) return true;
  return url.protocol === 'https:' && url.port === '' && /(^|\.)twiliocdn\.com$/.test(url.hostname);
}

async function readPicture(answer: Response, bytesMax: number): Promise<FetchedMedia> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of answer.body ?? []) {
    bytes += (chunk as Uint8Array).length;
    // Ends the loop, which lets go of the connection: what is announced is not believed, so it is counted.
    if (bytes > bytesMax) return refused(`it is larger than ${Math.floor(bytesMax / 1024 ** 2)} MB`);
    chunks.push(Buffer.from(chunk as Uint8Array));
  }
  const content = Buffer.concat(chunks);
  const contentType = pictureTypeOf(content);
  return contentType === null ? refused('it is not a picture') : { kind: 'media', contentType, content };
}

/** By its first bytes. */
function pictureTypeOf(content: Buffer): string | null {
  const starts = (hex: string, at = 0) => content.subarray(at, at + hex.length / 2).toString('hex') === hex;
  if (starts('ffd8ff')) return 'image/jpeg';
  if (starts('89504e470d0a1a0a')) return 'image/png';
  if (starts('474946383761') || starts('474946383961')) return 'image/gif';
  if (starts('52494646') && starts('57454250', 8)) return 'image/webp';
  return null;
}

function refused(reason: string): FetchedMedia {
  return { kind: 'refused', reason };
}
