import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import { ApprovalPage } from './approval';
import { Authentication } from './auth';
import { phpJson, Shapes } from './json';
import { Rest } from './rest';
import { Shop, type ShopOptions } from './shop';
import type { Key } from './types';
import { Webhooks } from './webhooks';

export interface FakeOptions extends ShopOptions {
  /** With a self-signed certificate for 127.0.0.1. */
  https?: boolean;
  /** /shop: WordPress in a sub-folder. */
  folder?: string;
  /** /wp-json answers with the shop's front page, as where permalinks are "plain". */
  plainPermalinks?: boolean;
  hpos?: boolean;
  /** WooCommerce sends keys to https callbacks only; tests of Zeton over http switch this off. */
  callbackOverHttp?: boolean;
}

/** What goes wrong with a request that it fits. */
export type Fault =
  | { kind: 'status'; status: number; retryAfter?: string; body?: string }
  /** A web page: a maintenance plugin, a firewall, a hoster's error page. */
  | { kind: 'html'; status?: number }
  | { kind: 'redirect'; to: string; status?: number }
  /** Cut off before anything is done. */
  | { kind: 'reset' }
  /** Done, but the answer is cut off: the asker cannot know. */
  | { kind: 'reset-after' }
  | { kind: 'truncated' }
  | { kind: 'slow'; ms: number }
  | { kind: 'never' }
  | { kind: 'huge'; bytes: number };

type PlannedFault = Fault & { times: number; when: (method: string, path: string) => boolean };

const TLS = join(__dirname, '..', '..', 'fixtures', 'tls');

/** The certificate of the https shop, for who wants to trust it. */
export const selfSigned = () => readFileSync(join(TLS, 'self-signed.cert.pem'), 'utf8');

export interface LoggedRequest {
  method: string;
  path: string;
  query: URLSearchParams;
  headers: IncomingMessage['headers'];
  body: string;
  status: number;
}

/** A WooCommerce shop on loopback, behaving as the recorded one does. */
export class FakeWooCommerce {
  readonly shop: Shop;
  readonly webhooks: Webhooks;
  readonly rest: Rest;
  readonly authentication = new Authentication();
  readonly approval: ApprovalPage;
  /** Every request that came, oldest first; `keepLog = false` for long simulations. */
  readonly requests: LoggedRequest[] = [];
  keepLog = true;
  /** Requests being answered now, and the most there ever were at once. */
  running = 0;
  mostAtOnce = 0;
  /** By which the shop's own clock is wrong, as the Date header and OAuth see it. */
  clockErrorSeconds = 0;
  /** What lies beside WordPress, by path: pictures under /wp-content/uploads. */
  readonly files = new Map<string, { type: string; bytes: Buffer }>();
  /** Something happens in the shop just before a request of the REST interface is answered. */
  beforeAnswer: (method: string, path: string) => void = () => undefined;
  private readonly options: FakeOptions;
  private readonly shapes: Shapes;
  private readonly server;
  private readonly sockets = new Set<Socket>();
  private readonly faults: PlannedFault[] = [];
  private down = false;
  private port = 0;

  constructor(options: FakeOptions = {}) {
    this.options = options;
    this.shop = new Shop(options);
    const shapes = new Shapes(this.shop, () => this.url);
    this.shapes = shapes;
    this.webhooks = new Webhooks(this.shop, shapes, () => this.url);
    this.rest = new Rest(this.shop, shapes, this.webhooks, () => this.url, options.hpos ?? true);
    this.approval = new ApprovalPage({
      newKey: (permissions) => this.addKey(permissions),
      insistOnHttps: !options.callbackOverHttp,
    });
    const handle = (req: IncomingMessage, res: ServerResponse) => void this.handle(req, res);
    this.server = options.https
      ? createSecureServer(
          {
            key: readFileSync(join(TLS, 'self-signed.key.pem')),
            cert: readFileSync(join(TLS, 'self-signed.cert.pem')),
          },
          handle,
        )
      : createServer(handle);
    this.server.keepAliveTimeout = 1_000;
    this.server.on('connection', (socket: Socket) => {
      if (this.down) return void socket.destroy();
      this.sockets.add(socket);
      socket.once('close', () => this.sockets.delete(socket));
    });
  }

  async listen(): Promise<this> {
    await new Promise<void>((resolve) => this.server.listen(this.port, '127.0.0.1', resolve));
    this.port = (this.server.address() as AddressInfo).port;
    return this;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  /** Of the shop, without a final slash: what is typed into Zeton. */
  get url(): string {
    return `${this.options.https ? 'https' : 'http'}://127.0.0.1:${this.port}${this.options.folder ?? ''}`;
  }

  /** The order as REST and webhooks show it now. */
  orderJson(id: number): string {
    return phpJson(this.shapes.order(this.shop.order(id)));
  }

  refundsJson(id: number): string {
    const order = this.shop.order(id);
    return phpJson(order.refunds.map((refund) => this.shapes.refund(order, refund)));
  }

  addKey(permissions: Key['permissions'] = 'read_write'): Key {
    const key = {
      key: `ck_${this.shop.hash()}00000000`,
      secret: `cs_${this.shop.hash()}00000000`,
      permissions,
    };
    this.authentication.keys.push(key);
    return key;
  }

  /** Every connection is cut at once; events still happen, and deliveries still go out when the queue runs. */
  goDown(): void {
    this.down = true;
    for (const socket of this.sockets) socket.destroy();
  }

  goUp(): void {
    this.down = false;
  }

  /** Goes wrong the next `times` times, or only for requests that `when` names. */
  fail(fault: Fault & { times?: number; when?: (method: string, path: string) => boolean }): this {
    this.faults.push({ times: 1, when: () => true, ...fault });
    return this;
  }

  /** Everything is well again. */
  heal(): void {
    this.faults.length = 0;
    this.goUp();
  }

  private async handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    this.running += 1;
    this.mostAtOnce = Math.max(this.mostAtOnce, this.running);
    res.once('close', () => {
      this.running -= 1;
    });
    const url = new URL(req.url ?? '/', this.url);
    const query = asPhpReads(url.searchParams);
    const body = await readAll(req);
    const method = req.method ?? 'GET';
    const fault = this.faultFor(method, url.pathname);
    const finish = (status: number, headers: [string, string][], text: string) => {
      if (this.keepLog) {
        const logged = {
          method,
          path: url.pathname,
          query,
          headers: req.headers,
          body,
          status,
        };
        this.requests.push(logged);
      }
      this.send(res, status, headers, text, fault);
    };
    if (fault && (await this.spoil(fault, req, res, finish))) return;
    const folder = this.options.folder ?? '';
    const path = url.pathname.startsWith(`${folder}/`) ? url.pathname.slice(folder.length) : null;
    if (path?.startsWith('/wc-auth/v1/')) {
      const { status, headers, html } = await this.approval.answer(path, query, this.url);
      return finish(status, headers, html);
    }
    const file = path === null ? undefined : this.files.get(path);
    if (file) {
      this.requests.push({ method, path: url.pathname, query, headers: req.headers, body, status: 200 });
      res.writeHead(200, { 'Content-Type': file.type, 'Content-Length': file.bytes.length });
      return void res.end(file.bytes);
    }
    if (path === null || !path.startsWith('/wp-json') || this.options.plainPermalinks) {
      // WordPress shows its front page, or its "not found" page, for whatever it does not know.
      const status = path === null || (path !== '/' && !this.options.plainPermalinks) ? 404 : 200;
      return finish(status, [['Content-Type', 'text/html; charset=UTF-8']], PAGE);
    }
    this.beforeAnswer(method, path);
    const answer = await this.api(req, url, query, path, body, method);
    finish(answer.status, answer.headers, answer.text);
  }

  private async api(
    req: IncomingMessage,
    url: URL,
    query: URLSearchParams,
    path: string,
    body: string,
    method: string,
  ) {
    const seconds = this.shop.seconds() + this.clockErrorSeconds;
    const common: [string, string][] = [
      ['X-Powered-By', 'PHP/8.2.36'],
      ['Content-Type', 'application/json; charset=UTF-8'],
      ['X-Robots-Tag', 'noindex'],
      ['X-Content-Type-Options', 'nosniff'],
      ['Access-Control-Expose-Headers', 'X-WP-Total, X-WP-TotalPages, Link'],
      [
        'Access-Control-Allow-Headers',
        'Authorization, X-WP-Nonce, Content-Disposition, Content-MD5, Content-Type',
      ],
    ];
    const index: [string, string] = ['Link', `<${this.url}/wp-json/>; rel="https://api.w.org/"`];
    if (/^\/wp-json\/?$/.test(path))
      return { status: 200, headers: [...common, index], text: phpJson(this.index()) };
    const inApi = /^\/wp-json\/wc\/v3(?:\/(.*?))?\/?$/.exec(path);
    const answer = inApi
      ? await this.rest.answer({
          method,
          path: inApi[1] ?? '',
          query,
          rawQuery: url.search.slice(1),
          body,
          asker: this.authentication.check({
            method,
            url: `${this.options.https ? 'https' : 'http'}://${new URL(this.url).host}${url.pathname}`,
            query,
            authorization: req.headers.authorization,
            secure: this.options.https ?? false,
            seconds,
          }),
        })
      : {
          status: 404,
          body: {
            code: 'rest_no_route',
            message: 'No route was found matching the URL and request method.',
            data: { status: 404 },
          },
        };
    const own = answer.headers ?? [];
    const headers = [...common, ...(own.some(([name]) => name === 'Link') ? [] : [index]), ...own];
    if (!own.some(([name]) => name === 'Vary')) {
      headers.push(['Expires', 'Wed, 11 Jan 1984 05:00:00 GMT']);
      headers.push(['Cache-Control', 'no-cache, must-revalidate, max-age=0, no-store, private']);
    }
    return { status: answer.status, headers, text: phpJson(answer.body) };
  }

  /** /wp-json/ itself needs no key. */
  private index() {
    const offset = this.shop.offsetAt(this.shop.seconds()) / 3600;
    return {
      name: 'Trgovina',
      description: '',
      url: this.url,
      home: this.url,
      gmt_offset: String(offset),
      timezone_string: this.shop.timeZone,
      page_for_posts: 0,
      page_on_front: 0,
      show_on_front: 'posts',
      namespaces: ['oembed/1.0', 'wc/v1', 'wc/v2', 'wc/v3', 'wc/store/v1', 'wp/v2'],
      authentication: {},
      routes: {},
    };
  }

  private send(
    res: ServerResponse,
    status: number,
    headers: [string, string][],
    text: string,
    fault: PlannedFault | undefined,
  ): void {
    if (res.destroyed) return;
    if (fault?.kind === 'reset-after') return void res.socket?.destroy();
    res.sendDate = false;
    const date = new Date(this.shop.now().getTime() + this.clockErrorSeconds * 1000).toUTCString();
    const length = Buffer.byteLength(text);
    res.writeHead(status, [['Date', date], ...headers, ['Content-Length', String(length)]].flat());
    if (fault?.kind !== 'truncated') return void res.end(text);
    res.write(text.slice(0, text.length / 2), () => res.socket?.destroy());
  }

  private faultFor(method: string, path: string): PlannedFault | undefined {
    const fault = this.faults.find((each) => each.times > 0 && each.when(method, path));
    if (fault) fault.times -= 1;
    return fault;
  }

  /** True: the request is dealt with. */
  private async spoil(
    fault: PlannedFault,
    req: IncomingMessage,
    res: ServerResponse,
    finish: (status: number, headers: [string, string][], text: string) => void,
  ): Promise<boolean> {
    const html: [string, string] = ['Content-Type', 'text/html; charset=UTF-8'];
    switch (fault.kind) {
      case 'status':
        finish(
          fault.status,
          [html, ...(fault.retryAfter ? [['Retry-After', fault.retryAfter] as [string, string]] : [])],
          fault.body ?? `<h1>${fault.status}</h1>`,
        );
        return true;
      case 'html':
        finish(fault.status ?? 200, [html], PAGE);
        return true;
      case 'redirect':
        finish(fault.status ?? 301, [html, ['Location', fault.to]], '');
        return true;
      case 'reset':
        req.socket.destroy();
        return true;
      case 'huge':
        finish(200, [['Content-Type', 'application/json']], `"${'x'.repeat(fault.bytes)}"`);
        return true;
      case 'never':
        return true;
      case 'slow':
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, fault.ms);
          res.once('close', () => {
            clearTimeout(timer);
            resolve();
          });
        });
        return false;
      case 'reset-after':
      case 'truncated':
        return false;
    }
  }
}

/** Of a name that comes twice the last one counts; the official client sends its parameters twice over http. */
function asPhpReads(sent: URLSearchParams): URLSearchParams {
  const query = new URLSearchParams();
  for (const [name, value] of sent) {
    if (name.endsWith('[]')) query.append(name, value);
    else query.set(name, value);
  }
  return query;
}

const PAGE =
  '<!DOCTYPE html><html lang="sl-SI"><head><title>Trgovina</title></head><body>Dobrodošli</body></html>';

async function readAll(req: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of req) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
