import { mediaFetcher } from '../../../src/gateways/sms/twilio-media';
import { limits } from '../../../src/platform/limits';

const ACCOUNT = `AC${'0a'.repeat(16)}`;
const PICTURE = `https://api.twilio.com/2010-04-01/Accounts/${ACCOUNT}/Messages/MM${'1'.repeat(32)}/Media/ME${'2'.repeat(32)}`;

describe('pictures of Twilio', () => {
  it('lie elsewhere, and our sign-in stays with its API', async () => {
    const asked: [string, string | null][] = [];
    jest.spyOn(globalThis, 'fetch').mockImplementation((url, init) => {
      const address = String(url);
      asked.push([address, new Headers(init?.headers).get('authorization')]);
      const location = { location: 'https://media.twiliocdn.com/a/b' };
      return Promise.resolve(
        asked.length === 1
          ? new Response(null, { status: 307, headers: location })
          : new Response(Buffer.from('ffd8ff00', 'hex')),
      );
    });
    const settings = { accountSid: ACCOUNT, authToken: 'secret', baseUrl: null, limits };
    expect(await mediaFetcher(settings)(PICTURE)).toMatchObject({ kind: 'media', contentType: 'image/jpeg' });
    expect(asked).toEqual([
      [PICTURE, `Basic ${Buffer.from(`${ACCOUNT}:secret`).toString('base64')}`],
      ['https://media.twiliocdn.com/a/b', null],
    ]);
  });
});
