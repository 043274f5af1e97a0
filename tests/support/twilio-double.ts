import { createHash, createHmac } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { unlikeCreate, unlikeList, unlikeMessage } from './twilio-openapi';

/** What happens to the next requests to send, in order; afterwards every one is taken, unless `otherwise` is set. */
export type TwilioPlan =
  | 'accept'
  /** Takes it at once, and says so late. */
  | { slowMs: number }
  /** Takes it late, whether anybody still waits for the answer or not. */
  | { lateMs: number }
  /** Answers with Twilio's error document; without `code`, with something that is not Twilio's. */
  | { status: number; code?: number; keep?: boolean; headers?: Record<string, string> }
  | WrongAnswer
  /** Takes it, and knows at once that it will not arrive. */
  | { failed: number }
  | 'drop'
  | 'keep, then drop'
  | 'keep, then never answer';

/** What happens here, told before it is answered. */
export type TwilioNews =
  | { what: 'asked to send'; to: string; body: string; plan: TwilioPlan }
  | { what: 'kept'; message: MessageResource }
  | { what: 'looked up'; to: string };
/** Not what Twilio says: this text. `cut`: the connection ends after it, before the length that was announced. */
export interface WrongAnswer {
  text: string;
  type?: 'application/json' | 'text/html';
  cut?: boolean;
  keep?: boolean;
}

/** https://www.twilio.com/docs/messaging/api/message-resource: what the API answers with. */
export interface MessageResource {
  account_sid: string;
  api_version: string;
  body: string;
  date_created: string;
  date_sent: string | null;
  date_updated: string;
  direction: 'outbound-api' | 'inbound';
  error_code: number | null;
  error_message: string | null;
  from: string | null;
  messaging_service_sid: string | null;
  num_media: string;
  num_segments: string;
  price: string | null;
  price_unit: string | null;
  sid: string;
  status: string;
  subresource_uris: { media: string };
  to: string;
  uri: string;
}

export const ACCOUNT_SID = `AC${'0a'.repeat(16)}`;
export const AUTH_TOKEN = 'twilio-auth-token-of-the-tests';

/** A request that Twilio makes: a signed form. */
export interface TwilioCall {
  /** Path and query, as Zeton gave it or as it is set up at Twilio. */
  path: string;
  headers: Record<string, string>;
  body: string;
}

/** What somebody writes to our number. */
export interface InboundMessage {
  from: string;
  body: string;
  sid?: string;
  to?: string;
  /** Paths of pictures, as addPicture() gives them. */
  media?: string[];
  more?: Record<string, string>;
}

/**
 * api.twilio.com on loopback, as far as Zeton uses it: send, list, look at one, fetch pictures; and what Twilio itself
 * sends: status callbacks and messages that came in. What it answers is held to Twilio's OpenAPI description
 * (twilio-openapi.ts); its own requests, which that does not describe, to https://www.twilio.com/docs/messaging/guides/webhook-request
 * and https://www.twilio.com/docs/messaging/api/message-resource#twilios-request-to-the-statuscallback-url
 */
export class TwilioDouble {
  /** What it holds, oldest first. */
  readonly messages: MessageResource[] = [];
  readonly plan: TwilioPlan[] = [];
  /** The form of every request to send, taken or not. */
  readonly requests: Record<string, string>[] = [];
  looks = 0;
  /** As the account's settings can make it: what happens to each text. */
  rewrite = (body: string) => body;
  dropLooks = false;
  /** Twilio can be told to keep no texts. */
  hidesBodies: (to: string) => boolean = () => false;
  /** Decides where `plan` holds nothing more. */
  otherwise: (to: string) => TwilioPlan = () => 'accept';
  tell: (news: TwilioNews) => void = () => undefined;
  /** For each look until it is taken away. */
  wrongLooks: WrongAnswer | null = null;
  /** What it would have said no to, and answered unlike Twilio: a test expects none. */
  readonly unlike: string[] = [];
  private readonly media = new Map<string, { status: number; content: Buffer; location?: string }>();
  private readonly mediaOf = new Map<string, string[]>();
  /** With which sign-in pictures were asked for. */
  readonly pictureLogins: (string | undefined)[] = [];
  private readonly callbacks = new Map<string, string>();
  private inbound = 0;
  private readonly server: Server;

  constructor(private readonly now: () => Date = () => new Date()) {
    this.server = createServer((req, res) => void this.answer(req, res));
  }

  async listen(): Promise<this> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Every line breaks. */
  dropAll(): void {
    this.server.closeAllConnections();
  }

  async close(): Promise<void> {
    this.dropAll();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  keep(form: Record<string, string>, changes: Partial<MessageResource> = {}): MessageResource {
    const sid = `SM${createHash('md5').update(`${this.messages.length}`).digest('hex')}`;
    const uri = `/2010-04-01/Accounts/${ACCOUNT_SID}/Messages/${sid}`;
    const byService = form.MessagingServiceSid !== undefined;
    const at = this.now().toUTCString().replace('GMT', '+0000');
    const message: MessageResource = {
      account_sid: ACCOUNT_SID,
      api_version: '2010-04-01',
      body: this.rewrite(form.Body ?? ''),
      date_created: at,
      // Set when it goes out; until then the DateSent filters do not see it (twilio-java issue 442).
      date_sent: null,
      date_updated: at,
      direction: 'outbound-api',
      error_code: null,
      error_message: null,
      from: form.From ?? null,
      messaging_service_sid: form.MessagingServiceSid ?? null,
      num_media: '0',
      num_segments: byService ? '0' : '1',
      price: null,
      price_unit: byService ? null : 'USD',
      sid,
      status: byService ? 'accepted' : 'queued',
      subresource_uris: { media: `${uri}/Media.json` },
      to: form.To ?? '',
      uri: `${uri}.json`,
      ...changes,
    };
    this.unlike.push(...unlikeMessage(message));
    this.messages.push(message);
    if (form.StatusCallback !== undefined) this.callbacks.set(sid, form.StatusCallback);
    this.tell({ what: 'kept', message });
    return message;
  }

  /** A picture at an address of the API. */
  addPicture(content: Buffer, more: { status?: number; location?: string } = {}): string {
    const hex = (text: string) => createHash('md5').update(text).digest('hex');
    const path = `/2010-04-01/Accounts/${ACCOUNT_SID}/Messages/MM${hex('message')}/Media/ME${hex(`${this.media.size}`)}`;
    this.media.set(path, { status: 200, content, ...more });
    return path;
  }

  /** What became of a message: it stands so in the API, and this is the callback. Null: none was asked for. */
  becomes(
    message: MessageResource,
    status: string,
    more: { errorCode?: number; price?: string; segments?: number; publicUrl: string },
  ): TwilioCall | null {
    message.status = status;
    if (more.errorCode !== undefined) message.error_code = more.errorCode;
    if (more.price !== undefined) [message.price, message.price_unit] = [more.price, 'EUR'];
    if (more.segments !== undefined) message.num_segments = `${more.segments}`;
    const callback = this.callbacks.get(message.sid);
    if (callback === undefined) return null;
    return signed(more.publicUrl, callback.slice(more.publicUrl.length), {
      ApiVersion: '2010-04-01',
      AccountSid: ACCOUNT_SID,
      MessageSid: message.sid,
      MessageStatus: status,
      SmsSid: message.sid,
      SmsStatus: status,
      From: message.from ?? '',
      To: message.to,
      ...(more.errorCode === undefined ? {} : { ErrorCode: `${more.errorCode}` }),
      ...(message.messaging_service_sid ? { MessagingServiceSid: message.messaging_service_sid } : {}),
    });
  }

  /** Somebody wrote to our number. */
  brings(message: InboundMessage, publicUrl: string): TwilioCall {
    const { media = [], more = {} } = message;
    this.inbound += 1;
    const sid = message.sid ?? inboundSid(`${this.inbound}`, media.length > 0);
    const pictures = media.flatMap((path, n) => [
      [`MediaUrl${n}`, `https://api.twilio.com${path}`],
      [`MediaContentType${n}`, 'image/jpeg'],
    ]);
    return signed(publicUrl, '/webhooks/twilio/sms', {
      ToCountry: 'SI',
      ToState: '',
      SmsMessageSid: sid,
      NumMedia: `${media.length}`,
      ToCity: '',
      FromZip: '',
      SmsSid: sid,
      FromState: '',
      SmsStatus: 'received',
      FromCity: '',
      Body: message.body,
      FromCountry: 'SI',
      To: message.to ?? '+38641555000',
      ToZip: '',
      NumSegments: '1',
      MessageSid: sid,
      AccountSid: ACCOUNT_SID,
      From: message.from,
      ApiVersion: '2010-04-01',
      ...Object.fromEntries(pictures),
      ...more,
    });
  }

  /** The same, but it could not bring it: it stands in the list only. */
  cannotBring(message: InboundMessage): MessageResource {
    this.inbound += 1;
    const { media = [], sid = inboundSid(`${this.inbound}`, media.length > 0) } = message;
    const at = this.now().toUTCString().replace('GMT', '+0000');
    this.mediaOf.set(sid, media);
    return this.keep(
      { From: message.from, To: message.to ?? '+38641555000', Body: message.body },
      { sid, direction: 'inbound', status: 'received', date_sent: at, num_media: `${media.length}` },
    );
  }

  /** Lists of pictures that it does not give now. */
  brokenAlbums = new Map<string, number>();

  /** Source: https://www.twilio.com/docs/messaging/api/media-resource#read-multiple-media-resources */
  private listMedia(sid: string, res: ServerResponse): void {
    const broken = this.brokenAlbums.get(sid);
    if (broken !== undefined) {
      refuse(res, broken, broken === 404 ? 20404 : undefined);
      return;
    }
    const base = `/2010-04-01/Accounts/${ACCOUNT_SID}/Messages/${sid}/Media.json`;
    const at = this.now().toUTCString().replace('GMT', '+0000');
    const paths = this.mediaOf.get(sid) ?? [];
    const list = {
      media_list: paths.map((path) => ({
        sid: path.slice(path.lastIndexOf('/') + 1),
        account_sid: ACCOUNT_SID,
        parent_sid: sid,
        content_type: 'image/jpeg',
        date_created: at,
        date_updated: at,
        uri: `${path}.json`,
      })),
      ...{ first_page_uri: base, next_page_uri: null, previous_page_uri: null, uri: base },
      ...{ page: 0, page_size: 50, start: 0, end: Math.max(0, paths.length - 1) },
    };
    json(res, 200, list);
  }

  private async answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(req.url ?? '/', this.url);
    const chunks: Buffer[] = [];
    for await (const chunk of req) chunks.push(chunk as Buffer);
    const login = Buffer.from(`${ACCOUNT_SID}:${AUTH_TOKEN}`).toString('base64');
    const picture = this.media.get(pathname);
    if (picture) return this.show(req, res, picture);
    if (req.headers.authorization !== `Basic ${login}`) return refuse(res, 401, 20003);
    const album = /\/Messages\/(\w+)\/Media\.json$/.exec(pathname)?.[1];
    if (album !== undefined && req.method === 'GET') return this.listMedia(album, res);
    const one = /\/Messages\/(\w+)\.json$/.exec(pathname)?.[1];
    if (one !== undefined && req.method === 'GET') {
      const message = this.messages.find(({ sid }) => sid === one);
      if (!message) return refuse(res, 404, 20404);
      this.unlike.push(...unlikeMessage(message));
      return json(res, 200, message);
    }
    if (pathname !== `/2010-04-01/Accounts/${ACCOUNT_SID}/Messages.json`) return refuse(res, 404, 20404);
    if (req.method === 'GET') return this.list(searchParams, res);
    this.send(Object.fromEntries(new URLSearchParams(Buffer.concat(chunks).toString())), res);
  }

  private send(form: Record<string, string>, res: ServerResponse): void {
    this.unlike.push(...unlikeCreate(form));
    this.requests.push(form);
    const { To: to = '', Body: body = '' } = form;
    const plan = this.plan.shift() ?? this.otherwise(to);
    this.tell({ what: 'asked to send', to, body, plan });
    if (plan === 'drop') return void res.socket?.destroy();
    if (typeof plan === 'object' && 'status' in plan) {
      if (plan.keep) this.keep(form);
      refuse(res, plan.status, plan.code, plan.headers);
      return;
    }
    if (typeof plan === 'object' && 'text' in plan) {
      if (plan.keep) this.keep(form);
      answerWrongly(res, plan);
      return;
    }
    if (typeof plan === 'object' && 'lateMs' in plan) {
      setTimeout(() => json(res, 201, this.keep(form)), plan.lateMs);
      return;
    }
    const message = this.keep(
      form,
      typeof plan === 'object' && 'failed' in plan ? { status: 'failed', error_code: plan.failed } : {},
    );
    if (typeof plan === 'object' && 'slowMs' in plan) {
      setTimeout(() => json(res, 201, message), plan.slowMs);
      return;
    }
    if (plan === 'keep, then drop') return void res.socket?.destroy();
    if (plan !== 'keep, then never answer') json(res, 201, message);
  }

  private list(query: URLSearchParams, res: ServerResponse): void {
    this.looks += 1;
    this.tell({ what: 'looked up', to: query.get('To') ?? '' });
    if (this.dropLooks) return void res.socket?.destroy();
    if (this.wrongLooks) {
      answerWrongly(res, this.wrongLooks);
      return;
    }
    const size = Number(query.get('PageSize') ?? 50);
    const page = Number(query.get('Page') ?? 0);
    const [to, sentAfter, sentBefore] = ['To', 'DateSent>', 'DateSent<'].map((name) => query.get(name));
    const at = (date: string | null | undefined) => (date ? new Date(date).getTime() : Number.NaN);
    const found = this.messages
      .filter((message) => to === null || message.to === to)
      .filter(({ date_sent }) => !sentAfter || at(date_sent) >= at(sentAfter))
      .filter(({ date_sent }) => !sentBefore || at(date_sent) <= at(sentBefore))
      .map((message) => (this.hidesBodies(message.to) ? { ...message, body: '' } : message))
      .reverse();
    const path = `/2010-04-01/Accounts/${ACCOUNT_SID}/Messages.json`;
    const filters = ['To', 'DateSent>', 'DateSent<'].filter((name) => query.has(name));
    const filter = new URLSearchParams(
      Object.fromEntries(filters.map((name) => [name, query.get(name) ?? ''])),
    );
    const uriOf = (number: number) => `${path}?PageSize=${size}&Page=${number}&${filter.toString()}`;
    const messages = found.slice(page * size, (page + 1) * size);
    const list = {
      end: page * size + Math.max(0, messages.length - 1),
      first_page_uri: uriOf(0),
      messages,
      next_page_uri: found.length > (page + 1) * size ? uriOf(page + 1) : null,
      page,
      page_size: size,
      previous_page_uri: page > 0 ? uriOf(page - 1) : null,
      start: page * size,
      uri: uriOf(page),
    };
    this.unlike.push(...unlikeList(list));
    json(res, 200, list);
  }

  private show(
    req: IncomingMessage,
    res: ServerResponse,
    { status, content, location }: { status: number; content: Buffer; location?: string },
  ): void {
    this.pictureLogins.push(req.headers.authorization);
    if (location !== undefined) res.setHeader('Location', location);
    res.writeHead(status, { 'Content-Type': 'image/jpeg' }).end(content);
  }
}

export function inboundSid(seed: string, isMms = false): string {
  return `${isMms ? 'MM' : 'SM'}${createHash('md5').update(`inbound ${seed}`).digest('hex')}`;
}

/** Source: https://www.twilio.com/docs/usage/security#validating-requests */
export function signed(
  publicUrl: string,
  path: string,
  form: Record<string, string>,
  token = AUTH_TOKEN,
): TwilioCall {
  const text = Object.keys(form)
    .sort()
    .reduce((sum, name) => sum + name + (form[name] ?? ''), publicUrl + path);
  return {
    path,
    headers: {
      'Content-Type': 'application/x-www-form-urlencoded; charset=utf-8',
      'X-Twilio-Signature': createHmac('sha1', token).update(text, 'utf8').digest('base64'),
    },
    body: new URLSearchParams(form).toString(),
  };
}

function answerWrongly(res: ServerResponse, { text, type = 'application/json', cut }: WrongAnswer): void {
  const length = Buffer.byteLength(text) + (cut ? 1 : 0);
  res.writeHead(200, { 'Content-Type': type, 'Content-Length': length });
  if (cut) res.write(text, () => res.socket?.destroy());
  else res.end(text);
}

function refuse(
  res: ServerResponse,
  status: number,
  code?: number,
  headers: Record<string, string> = {},
): void {
  for (const [name, value] of Object.entries(headers)) res.setHeader(name, value);
  if (code === undefined) {
    res.writeHead(status, { 'Content-Type': 'text/html' }).end('<h1>Not what you think</h1>');
    return;
  }
  // Twilio's messages repeat the number.
  const message = `The 'To' number +38641555100 is not to our liking`;
  json(res, status, { code, message, more_info: `https://www.twilio.com/docs/errors/${code}`, status });
}

function json(res: ServerResponse, status: number, body: unknown): void {
  res.writeHead(status, { 'Content-Type': 'application/json;charset=utf-8' }).end(JSON.stringify(body));
}
