import express, { type Request, type RequestHandler, type Response, Router } from 'express';
import { isSignedByTwilio } from '../src/gateways/sms';
import { isOutage, outageInWords } from '../src/platform/dialect';
import { limits } from '../src/platform/limits';
import { Refusal } from '../src/platform/refusal';
import type { Context } from '../src/usecases/context';
import { storeSms } from '../src/usecases/receive-sms';
import { settleSms } from '../src/usecases/settle-sms';

export const TWILIO_STATUS_PATH = '/webhooks/twilio/status';
export const TWILIO_SMS_PATH = '/webhooks/twilio/sms';

const SID = /^(SM|MM)[0-9a-f]{32}$/i;

/**
 * POST /webhooks/twilio/sms, /webhooks/twilio/status
 * Signed over PUBLIC_URL, which is what Twilio was told, whatever host and scheme a proxy passes on.
 * Errors:  403 not signed right · 413 · 422 no SMS of Twilio's · 503 not kept: ask again
 * Source:  https://www.twilio.com/docs/messaging/guides/webhook-request
 */
export function twilioWebhooks(ctx: Context, authToken: string | null): Router {
  const router = Router();
  const parse = express.raw({ type: () => true, inflate: false, limit: limits.twilioBodyBytes });
  const onlyPost: RequestHandler = (_req, res) => {
    res.set('Allow', 'POST');
    throw new Refusal('method-not-allowed', 'This address takes what Twilio sends (POST).');
  };
  const on = (path: string, take: (req: Request, res: Response, signed: Signed) => Promise<void>) =>
    router
      .route(path)
      .post(parse, async (req: Request, res: Response) => {
        const body = Buffer.isBuffer(req.body) ? req.body : Buffer.alloc(0);
        checkSignature(ctx, authToken, req, path, body);
        const form = new URLSearchParams(body.toString('utf8'));
        const sid = form.get('MessageSid') ?? form.get('SmsSid') ?? '';
        if (!SID.test(sid)) {
          const errors = [{ path: 'MessageSid', message: 'is not the id of a message' }];
          throw new Refusal('invalid-request', 'MessageSid is not the id of a message.', { errors });
        }
        await orUnavailable(req, () => take(req, res, { sid, form, body }));
      })
      .all(onlyPost);

  on(TWILIO_SMS_PATH, async (_req, res, { sid, body }) => {
    await storeSms(ctx, { sid, body });
    // Twilio would send what stands here as an answer: nothing does.
    res.type('text/xml').send('<?xml version="1.0" encoding="UTF-8"?><Response></Response>');
  });

  on(TWILIO_STATUS_PATH, async (req, res, { sid, form }) => {
    const code = Number(form.get('ErrorCode') ?? '0');
    const messageId = new URLSearchParams(req.originalUrl.split('?')[1] ?? '').get('message');
    const { known } = await settleSms(ctx, {
      providerId: sid,
      messageId,
      report: {
        status: statusOf(form),
        errorCode: Number.isSafeInteger(code) && code > 0 ? code : null,
        segments: null,
        priceMicros: null,
        currency: null,
      },
    });
    // Of another system on the same account, or of an attempt that does not count: Twilio can do nothing about it.
    if (!known) req.log.info({ message_sid: sid }, 'a status of an SMS that is not known here');
    res.status(200).type('text/plain').send('');
  });
  return router;
}

interface Signed {
  sid: string;
  form: URLSearchParams;
  body: Buffer;
}

function statusOf(form: URLSearchParams): string | null {
  const status = form.get('MessageStatus') ?? form.get('SmsStatus') ?? '';
  return /^\w{1,40}$/.test(status) ? status : null;
}

function checkSignature(
  ctx: Context,
  authToken: string | null,
  req: Request,
  path: string,
  body: Buffer,
): void {
  const given = req.headersDistinct['x-twilio-signature'] ?? [];
  const [signature] = given;
  if (authToken === null) throw new Refusal('forbidden', 'No Twilio account is configured here.');
  if (signature === undefined || given.length > 1) {
    const problem = given.length > 1 ? 'came more than once' : 'is missing';
    throw new Refusal('forbidden', `The header X-Twilio-Signature ${problem}.`);
  }
  const query = /\?.*$/.exec(req.originalUrl)?.[0] ?? '';
  const url = `${ctx.publicUrl}${path}${query}`;
  if (!isSignedByTwilio({ authToken, signature, url, body })) {
    throw new Refusal(
      'forbidden',
      'The signature does not fit: is PUBLIC_URL the address that Twilio calls, and TWILIO_AUTH_TOKEN that of the account?',
    );
  }
}

/** Whatever goes wrong in the database, Twilio must not take it for kept. */
async function orUnavailable(req: Request, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (error instanceof Refusal) throw error;
    const why = isOutage(error) ? `: ${outageInWords(error)}` : '';
    req.log.error({ err: error }, `what Twilio sent could not be kept${why}`);
    throw new Refusal('unavailable', 'It could not be kept.');
  }
}
