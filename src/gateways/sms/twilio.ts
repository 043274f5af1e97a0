import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { Socket } from 'node:net';
import type TwilioSdk from 'twilio';
import type RequestClient from 'twilio/lib/base/RequestClient';
import { addSeconds, iso } from '../../platform/clock';
import type {
  OutgoingSms,
  ReceivedSmsList,
  SentSmsQuestion,
  SmsGateway,
  SmsOutcome,
  SmsReport,
} from './gateway';
import { mediaFetcher } from './twilio-media';

export interface TwilioSettings {
  accountSid: string;
  authToken: string;
  /** One of the two. */
  from: string | null;
  messagingServiceSid: string | null;
  /** Another host that speaks as api.twilio.com does. */
  baseUrl: string | null;
  /** Where Twilio tells what became of a message. */
  statusCallbackUrl?: string;
  limits: {
    smsConnectMs: number;
    smsRequestMs: number;
    smsLookBack: number;
    smsMediaBytes: number;
    smsMediaMax: number;
    smsFetchPage: number;
  };
}

/**
 * SMS by Twilio.
 * Shape:   TwilioSettings → SmsGateway with close()
 * Errors:  send() throws where nobody knows whether Twilio took the message: cut off after the request was on its way,
 *          no answer in time, an answer that is not Twilio's where one of Twilio's was due. findSent() throws where Twilio
 *          could not be asked.
 * Source:  https://www.twilio.com/docs/messaging/api/message-resource
 */
export function makeTwilioGateway(
  settings: TwilioSettings,
): Required<Omit<SmsGateway, 'received'>> & Pick<SmsGateway, 'received'> & { close(): void } {
  const { limits } = settings;
  const { client, certainlyNotSent, close } = twilioClient(settings);
  const sender = settings.messagingServiceSid
    ? { messagingServiceSid: settings.messagingServiceSid }
    : { from: settings.from ?? '' };
  // With our own id: what is told before the answer to our request was kept is told of a message we know.
  const callbackFor = (id: string) =>
    settings.statusCallbackUrl ? { statusCallback: `${settings.statusCallbackUrl}?message=${id}` } : {};

  return {
    async send({ id, to, text }: OutgoingSms): Promise<SmsOutcome> {
      try {
        const answer = await client.messages.create({ to, body: text, ...sender, ...callbackFor(id) });
        const { sid, status, errorCode } = answer;
        // Any 200 would do for the SDK: an error page, half an answer, another service.
        if (!isSid(sid)) throw noAnswer('WRONG_ANSWER');
        if (status !== 'failed' && status !== 'canceled') {
          return { kind: 'accepted', providerId: sid, report: reportOf(answer) };
        }
        return refusal(errorCode, 0, null);
      } catch (error) {
        if (error instanceof Refused) return refusal(error.code, error.status, error.retryAfterSeconds);
        const { code } = error as { code?: unknown };
        if (!certainlyNotSent(error)) throw noAnswer(code);
        return { kind: 'unavailable', reason: `no connection to Twilio (${wordOf(code)})` };
      }
    },

    async findSent({ to, text, since }: SentSmsQuestion) {
      // Twilio's clock and ours may differ. One more of the same text does no harm: the outbox knows whose it is.
      const from = addSeconds(new Date(since), -300);
      // Not narrowed down by DateSent: a message that is still queued at Twilio has none, and would not be found.
      const newest = await client.messages
        .list({ to, limit: limits.smsLookBack, pageSize: limits.smsLookBack })
        .catch(couldNotAsk);
      const recent = newest.filter(
        ({ direction, dateCreated }) => !direction.startsWith('inbound') && !(dateCreated < from),
      );
      const isListComplete = newest.length < limits.smsLookBack || recent.length < newest.length;
      // Twilio can be told to keep no bodies.
      if (!isListComplete || recent.some(({ body }) => !body)) return { kind: 'unknown' };
      const providerIds = recent
        // What did not arrive may be sent again.
        .filter(({ status }) => !['failed', 'undelivered', 'canceled'].includes(status))
        .filter(({ body }) => isSameText(text, body))
        .map(({ sid }) => sid);
      return { kind: 'found', providerIds };
    },

    async readReport(providerId) {
      try {
        const answer = await client.messages(providerId).fetch();
        if (answer.sid !== providerId) throw noAnswer('WRONG_ANSWER');
        return reportOf(answer);
      } catch (error) {
        if (error instanceof Refused && error.status === 404 && error.code === 20404) return null;
        return couldNotAsk(error);
      }
    },

    received: receivedBy(client, settings),

    fetchMedia: mediaFetcher(settings),

    close,
  };
}

/** What came to our number, or to one of our messaging service. Undefined: our sender is a name, which nobody can answer. */
function receivedBy(client: TwilioSdk.Twilio, settings: TwilioSettings): ReceivedSmsList | undefined {
  const { from, messagingServiceSid: service, limits } = settings;
  const line = service ?? (from?.startsWith('+') ? from : null);
  if (line === null) return undefined;
  return {
    line,
    async list({ from: after, until }) {
      const span = { dateSentAfter: new Date(after), dateSentBefore: new Date(until) };
      const filter = { ...span, pageSize: limits.smsFetchPage };
      const newest = await client.messages
        .list(service === null ? { ...filter, to: line } : filter)
        .catch(couldNotAsk);
      return (
        newest
          // Only what came in is ever that, once it is there with all its parts.
          .filter(({ status }) => status === 'received')
          .filter(({ messagingServiceSid }) => service === null || messagingServiceSid === service)
          .map(({ sid, from: sender, to, body, numMedia, dateSent, dateCreated }) => ({
            ...{ sid, to, from: sender, text: body },
            receivedAt: iso(dateSent ?? dateCreated),
            hasMedia: Number(numMedia) > 0,
          }))
          .reverse()
      );
    },
    async mediaUrls(sid) {
      const media = await client
        .messages(sid)
        .media.list({ limit: limits.smsMediaMax })
        .catch((error: unknown) =>
          error instanceof Refused && error.status === 404 ? [] : couldNotAsk(error),
        );
      return media.map(({ uri }) => `https://api.twilio.com${uri.replace(/\.json$/, '')}`);
    },
  };
}

/** The part of a message that is the provider's own count. A price is negative: it is taken from the account. */
function reportOf(message: {
  status: unknown;
  numSegments: unknown;
  price: unknown;
  priceUnit: unknown;
  errorCode: unknown;
}): SmsReport {
  const { status, priceUnit, errorCode } = message;
  const segments = Number(message.numSegments ?? 0);
  const price = message.price === null || message.price === '' ? Number.NaN : Number(message.price);
  const priceMicros = Math.round(Math.abs(price) * 1_000_000);
  return {
    status: typeof status === 'string' && /^\w{1,40}$/.test(status) ? status : null,
    // A messaging service says 0 until it has chosen a sender.
    segments: Number.isSafeInteger(segments) && segments > 0 ? segments : null,
    priceMicros: Number.isSafeInteger(priceMicros) ? priceMicros : null,
    currency: typeof priceUnit === 'string' && /^[a-z]{3}$/i.test(priceUnit) ? priceUnit.toUpperCase() : null,
    errorCode: typeof errorCode === 'number' && errorCode > 0 ? errorCode : null,
  };
}

/**
 * Twilio changes texts: it replaces typographic signs ("Smart Encoding") and puts a line before what trial accounts
 * send. Letters and digits stay.
 */
function isSameText(ours: string, theirs: string): boolean {
  const core = (text: string) => text.normalize('NFKD').replace(/[^\p{L}\p{N}]/gu, '');
  return core(ours) === '' ? theirs.trim().endsWith(ours.trim()) : core(theirs).endsWith(core(ours));
}

/** Of a question, which changes nothing: why there is no answer matters to the log only. */
function couldNotAsk(error: unknown): never {
  throw noAnswer(error instanceof Refused ? `HTTP_${error.status}` : (error as { code?: unknown }).code);
}

function noAnswer(code: unknown): Error {
  // A new error: the one of the SDK carries the credentials, the number and the text.
  return Object.assign(new Error('no answer from Twilio'), { code: wordOf(code) });
}

function wordOf(code: unknown): string {
  return typeof code === 'string' && /^\w{1,60}$/.test(code) ? code : 'error';
}

function isSid(sid: unknown): boolean {
  return typeof sid === 'string' && /^[A-Z]{2}[0-9a-f]{32}$/i.test(sid);
}

function isListOfMessages(body: unknown): boolean {
  const messages: unknown = (body as { messages?: unknown } | null)?.messages;
  return (
    Array.isArray(messages) && messages.every((message: { sid?: unknown } | null) => isSid(message?.sid))
  );
}

/** Nothing changes them. In words they stand in locales (sms_errors). Source: https://www.twilio.com/docs/api/errors */
const REFUSED: readonly number[] = [
  21211, 21217, 21265, 21266, 21408, 21602, 21606, 21608, 21610, 21612, 21614, 21617, 21635, 21659, 21660,
  21703, 21704, 21705, 30003, 30004, 30005, 30006, 30007, 30008, 30034,
];

/** Nothing is wrong with the message: our account, or too much at once. */
const NOT_NOW: Record<number, string> = {
  10001: 'our Twilio account is not active',
  14107: 'Twilio takes no more messages at the moment',
  20003: 'Twilio does not accept our sign-in',
  20005: 'our Twilio account is not active',
  20006: 'Twilio does not accept our sign-in',
  20429: 'Twilio takes no more requests at the moment',
  20503: 'Twilio is out of service at the moment',
  21611: 'too many messages wait at our Twilio sender',
  30001: 'too many messages wait at our Twilio sender',
  30002: 'our Twilio account is not active',
};

function refusal(code: number | null, httpStatus: number, retryAfterSeconds: number | null): SmsOutcome {
  const wait = retryAfterSeconds === null ? {} : { retryAfterSeconds };
  const later = NOT_NOW[code ?? 0];
  if (later) return { kind: 'unavailable', reason: `${later} (${code})`, ...wait };
  // All others of this kind can come from before or after the message was stored; the look-up tells.
  if (httpStatus >= 500) throw noAnswer(`HTTP_${httpStatus}`);
  if (code !== null && REFUSED.includes(code)) return rejected(code);
  if (httpStatus === 401 || httpStatus === 429) {
    return { kind: 'unavailable', reason: `Twilio refused for now: ${code ?? httpStatus}`, ...wait };
  }
  if (code === null) {
    const reason = `Twilio's address gave an answer that is not Twilio's (HTTP ${httpStatus})`;
    return { kind: 'unavailable', reason, ...wait };
  }
  if (httpStatus === 403) return { kind: 'temporary', reason: `Twilio refused for now: ${code}` };
  return rejected(code);
}

function rejected(code: number): SmsOutcome {
  return { kind: 'rejected', reason: `Twilio refused: ${code}`, code };
}

/** An answer that is not 2xx. The SDK's own error does not carry the headers. */
class Refused extends Error {
  readonly code: number | null;
  readonly retryAfterSeconds: number | null;

  constructor(
    readonly status: number,
    body: unknown,
    headers: Record<string, unknown>,
  ) {
    super('Twilio refused');
    const { code } = (typeof body === 'object' && body !== null ? body : {}) as { code?: unknown };
    this.code = typeof code === 'number' && code > 0 ? code : null;
    this.retryAfterSeconds = secondsToWait(headers['retry-after'], headers.date);
  }
}

/** Of a Retry-After header: seconds, or a time by the clock of whoever sent it. */
function secondsToWait(retryAfter: unknown, date: unknown): number | null {
  if (typeof retryAfter !== 'string') return null;
  if (/^\d{1,9}$/.test(retryAfter)) return Number(retryAfter);
  const seconds = (Date.parse(retryAfter) - Date.parse(String(date))) / 1000;
  return seconds > 0 ? seconds : null;
}

function twilioClient({ accountSid, authToken, baseUrl, limits }: TwilioSettings): {
  client: TwilioSdk.Twilio;
  /** The connection was never ready, so no byte of the request left. */
  certainlyNotSent(error: unknown): boolean;
  close(): void;
} {
  // Here, not above: it takes 0.15 s and more to load, in every test file too, and only who uses Twilio should wait.
  const sdk = require('twilio') as typeof TwilioSdk;
  const early = new WeakSet<Error>();
  const agents = {
    http: watched(new HttpAgent({ keepAlive: true }), 'connect', limits.smsConnectMs, early),
    https: watched(new HttpsAgent({ keepAlive: true }), 'secureConnect', limits.smsConnectMs, early),
  };

  class Requests extends sdk.RequestClient {
    constructor() {
      super({ timeout: limits.smsRequestMs });
      this.axios.defaults.httpAgent = agents.http;
      this.axios.defaults.httpsAgent = agents.https;
      this.axios.interceptors.request.use((config) => {
        // The timeout above is for silence only; an answer that trickles would outlast the outbox's patience.
        config.signal = AbortSignal.timeout(limits.smsRequestMs);
        return config;
      });
    }

    override async request<T>(options: RequestClient.RequestOptions<T>) {
      const { pathname, search } = new URL(options.uri);
      const uri = baseUrl === null ? options.uri : `${baseUrl}${pathname}${search}`;
      const answer = await super.request<T>({ ...options, uri });
      const { statusCode } = answer;
      const { body, headers } = answer as { body: unknown; headers?: Record<string, unknown> };
      if (statusCode < 200 || statusCode >= 300) throw new Refused(statusCode, body, headers ?? {});
      // The SDK takes the first list it finds in whatever came: an empty one would let an SMS be sent twice.
      const wantsList = options.method === 'get' && pathname.endsWith('/Messages.json');
      if (wantsList && !isListOfMessages(body)) throw noAnswer('WRONG_ANSWER');
      return answer;
    }
  }

  return {
    client: new sdk.Twilio(accountSid, authToken, { httpClient: new Requests() }),
    certainlyNotSent: (error) => early.has((error as { cause?: Error }).cause ?? (error as Error)),
    close() {
      agents.http.destroy();
      agents.https.destroy();
    },
  };
}

/** Keeps in `early` every error that came before the connection was ready, and gives up a connection that takes too long. */
function watched<A extends HttpAgent>(
  agent: A,
  ready: 'connect' | 'secureConnect',
  ms: number,
  early: WeakSet<Error>,
): A {
  const maker = agent as unknown as { createConnection(...args: unknown[]): Socket };
  const make = maker.createConnection.bind(agent);
  maker.createConnection = (...args) => {
    const socket = make(...args);
    const late = setTimeout(() => {
      socket.destroy(Object.assign(new Error('no connection in time'), { code: 'ETIMEDOUT' }));
    }, ms);
    const onError = (error: Error) => void early.add(error);
    socket.prependListener('error', onError);
    socket.once(ready, () => {
      clearTimeout(late);
      socket.off('error', onError);
    });
    socket.once('close', () => clearTimeout(late));
    return socket;
  };
  return agent;
}
