import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { createSecureContext, rootCertificates, type SecureContext } from 'node:tls';
import WooCommerceRestApi from '@woocommerce/woocommerce-rest-api';
import { type Clock, iso } from '../../platform/clock';
import { notWooCommerce, problemOfAnswer, problemOfNetwork, type RawAnswer, WooProblem } from './problem';

export interface WooSettings {
  /** Of the shop, a sub-folder included: https://example.com/shop */
  url: string;
  consumerKey: string;
  consumerSecret: string;
  clock: Clock;
  /** Trusted besides the usual ones, PEM. */
  ca?: string;
  limits: {
    wooRequestMs: number;
    wooPageMs: number;
    wooCallMs: number;
    wooPageCallMs: number;
    wooAttempts: number;
    wooRetryFirstMs: number;
    wooRetryCapMs: number;
    wooConcurrency: number;
    wooPageSize: number;
    wooResponseBytes: number;
    wooSecondPasses: number;
    wooClockSeconds: number;
    pictureBytes: number;
    pictureMs: number;
    picturesKept: number;
  };
}

export interface WooAnswer {
  /** Parsed; `json` is the text as it came. */
  data: unknown;
  json: string;
  headers: RawAnswer['headers'];
}

type Query = Record<string, string | number | boolean>;

interface Asked {
  method: 'get' | 'post' | 'put' | 'delete';
  path: string;
  query?: Query;
  body?: unknown;
  /**
   * always: done twice is as done once. before-taken: only when the shop has certainly not done it.
   */
  again: 'always' | 'before-taken';
  /** A page of a list takes longer than one order. */
  isPage?: boolean;
  /** What is public and belongs to no namespace: /wp-json/ itself. */
  publicPath?: string;
}

/** Requests to one shop: timed, limited, tried again where that is safe, and refused in plain words. */
export class WooClient {
  private free: number;
  private readonly waiting: (() => void)[] = [];
  private readonly agents: { httpAgent: HttpAgent; httpsAgent: HttpsAgent };

  constructor(private readonly settings: WooSettings) {
    this.free = settings.limits.wooConcurrency;
    // A connection that is kept may be closed by the shop just as a write goes out, and nobody would know what came of it.
    this.agents = {
      httpAgent: new HttpAgent({ keepAlive: false }),
      httpsAgent: new HttpsAgent({ keepAlive: false, secureContext: trusting(settings.ca) }),
    };
  }

  now(): string {
    return iso(this.settings.clock.now());
  }

  get(path: string, query: Query = {}, isPage = false): Promise<WooAnswer> {
    return this.ask({ method: 'get', path, query, again: 'always', isPage });
  }

  /** /wp-json/, which needs no keys and tells what stands there. */
  index(query: Query): Promise<WooAnswer> {
    return this.ask({ method: 'get', path: '', query, again: 'always', publicPath: '/wp-json/' });
  }

  /** What is made once too often is seen by a customer: tried again only when it was certainly not taken. */
  create(path: string, body: unknown): Promise<WooAnswer> {
    return this.ask({ method: 'post', path, body, again: 'before-taken' });
  }

  /** Sets what it says: a second time changes nothing more. */
  set(path: string, body: unknown): Promise<WooAnswer> {
    return this.ask({ method: 'put', path, body, again: 'always' });
  }

  remove(path: string, query: Query = {}): Promise<WooAnswer> {
    return this.ask({ method: 'delete', path, query, again: 'always' });
  }

  private async ask(asked: Asked): Promise<WooAnswer> {
    await this.takeTurn();
    try {
      return await this.tryAndTryAgain(asked);
    } finally {
      const next = this.waiting.shift();
      if (next) next();
      else this.free += 1;
    }
  }

  private async takeTurn(): Promise<void> {
    if (this.free > 0) this.free -= 1;
    else await new Promise<void>((resolve) => this.waiting.push(resolve));
  }

  private async tryAndTryAgain(asked: Asked): Promise<WooAnswer> {
    const { limits } = this.settings;
    // Elapsed time, which no test and no time server moves.
    const deadline = performance.now() + (asked.isPage ? limits.wooPageCallMs : limits.wooCallMs);
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.once(asked, deadline);
      } catch (error) {
        if (!(error instanceof WooProblem) || !error.passes) throw error;
        if (asked.again === 'before-taken' && error.maybeDone) throw error;
        const pause = this.pauseAfter(attempt, error);
        if (attempt >= limits.wooAttempts || performance.now() + pause >= deadline) throw error;
        await new Promise((resolve) => setTimeout(resolve, pause));
      }
    }
  }

  private pauseAfter(attempt: number, problem: WooProblem): number {
    const { wooRetryFirstMs, wooRetryCapMs } = this.settings.limits;
    const backoff = Math.min(wooRetryFirstMs * 2 ** (attempt - 1), wooRetryCapMs);
    return Math.max(problem.retryAfterMs ?? 0, backoff / 2 + (Math.random() * backoff) / 2);
  }

  private async once(asked: Asked, deadline: number): Promise<WooAnswer> {
    const { url, clock, limits } = this.settings;
    const most = asked.isPage ? limits.wooPageMs : limits.wooRequestMs;
    const ms = Math.max(1, Math.min(most, Math.ceil(deadline - performance.now())));
    const answer = await this.send(asked, ms).catch((error: object) => {
      throw problemOfNetwork(error);
    });
    const problem = problemOfAnswer(answer, url, clock.now());
    if (problem) throw problem;
    return readAnswer(answer);
  }

  private async send(asked: Asked, ms: number): Promise<RawAnswer> {
    const { url, consumerKey, consumerSecret, limits } = this.settings;
    // Of the whole exchange; axios' own time-out starts anew with each part.
    const signal = AbortSignal.timeout(ms);
    const open = asked.publicPath === undefined ? {} : publicRequest(url + asked.publicPath, asked.query);
    const api = new WooCommerceRestApi({
      url,
      consumerKey,
      consumerSecret,
      version: 'wc/v3',
      axiosConfig: {
        signal,
        // A redirect would carry the keys to wherever it leads.
        maxRedirects: 0,
        maxContentLength: limits.wooResponseBytes,
        maxBodyLength: limits.wooResponseBytes,
        proxy: false,
        responseType: 'text',
        transformResponse: (body: unknown) => body,
        validateStatus: () => true,
        ...this.agents,
        ...open,
      },
    });
    this.signByOurClock(api);
    const query = asked.query ?? {};
    const response = (await (asked.method === 'get'
      ? api.get(asked.path, query)
      : asked.method === 'delete'
        ? api.delete(asked.path, query)
        : asked.method === 'post'
          ? api.post(asked.path, asked.body)
          : api.put(asked.path, asked.body))) as { status: number; headers: object; data: unknown };
    const headers = Object.fromEntries(
      Object.entries(response.headers).map(([name, value]) => [name.toLowerCase(), String(value)]),
    );
    return { status: response.status, headers, body: typeof response.data === 'string' ? response.data : '' };
  }

  /** OAuth 1.0a carries a timestamp; the library takes the machine's, where ours is injected. */
  private signByOurClock(api: WooCommerceRestApi): void {
    const library = api as unknown as { _getOAuth(): object };
    const make = library._getOAuth.bind(api);
    library._getOAuth = () =>
      Object.assign(make(), { getTimeStamp: () => Math.floor(this.settings.clock.now().getTime() / 1000) });
  }
}

/** What is given replaces Node's own list, so that is added. Made once: reading a hundred certificates takes a while. */
function trusting(ca: string | undefined): SecureContext | undefined {
  return ca === undefined ? undefined : createSecureContext({ ca: [...rootCertificates, ca] });
}

/** Overrides what the library would send: no keys, and another path. */
function publicRequest(url: string, query: Query = {}) {
  return { url, auth: undefined, params: query };
}

function readAnswer(answer: RawAnswer): WooAnswer {
  const text = answer.body.replace(/^\uFEFF/, '');
  try {
    return { data: JSON.parse(text) as unknown, json: text, headers: answer.headers };
  } catch {
    const isPage = /html/i.test(answer.headers['content-type'] ?? '') || /^\s*<(!doctype|html)/i.test(text);
    if (isPage) throw notWooCommerce();
    throw new WooProblem(
      'broken-answer',
      'The answer of the shop broke off, or is not JSON.',
      {},
      { maybeDone: true },
    );
  }
}
