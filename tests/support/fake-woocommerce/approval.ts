import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Key } from './types';

interface Answer {
  status: number;
  headers: [string, string][];
  html: string;
}

const HTML: [string, string] = ['Content-Type', 'text/html; charset=UTF-8'];

/**
 * /wc-auth/v1/authorize: the shop's own page on which its admin lets an app have keys. Not recorded; after WooCommerce's
 * "REST API authentication endpoint". Nobody has to sign in here: who asks is the shop's admin.
 */
export class ApprovalPage {
  constructor(
    private readonly shop: { newKey(permissions: Key['permissions']): Key; insistOnHttps: boolean },
  ) {}

  async answer(path: string, query: URLSearchParams, base: string): Promise<Answer> {
    const problem = this.problemIn(query);
    if (problem) return page(401, `<p>Error: ${problem}.</p>`);
    if (path === '/wc-auth/v1/authorize') return this.ask(query, base);
    if (path !== '/wc-auth/v1/access_granted') return page(404, '<p>Not found.</p>');
    return this.grant(query);
  }

  private problemIn(query: URLSearchParams): string | null {
    for (const name of ['app_name', 'scope', 'user_id', 'return_url', 'callback_url']) {
      if (!query.get(name)) return `Missing parameter ${name}`;
    }
    if (!['read', 'write', 'read_write'].includes(query.get('scope') ?? '')) return 'Invalid scope';
    for (const name of ['return_url', 'callback_url']) {
      if (!URL.canParse(query.get(name) ?? '')) return `The ${name} is not a valid URL`;
    }
    const callback = query.get('callback_url') ?? '';
    if (this.shop.insistOnHttps && !callback.startsWith('https://'))
      return 'The callback_url needs to be over SSL';
    return null;
  }

  private ask(query: URLSearchParams, base: string): Answer {
    const granted = escapeHtml(`${base}/wc-auth/v1/access_granted?${query.toString()}`);
    const denied = escapeHtml(`${back(query, '0')}`);
    const name = escapeHtml(query.get('app_name') ?? '');
    return page(
      200,
      `<h1>${name} would like to connect to your store</h1>
<p class="wc-auth-actions"><a href="${granted}" class="button wc-auth-approve">Approve</a>
<a href="${denied}" class="button wc-auth-deny">Deny</a></p>`,
    );
  }

  /** The keys go to the callback first; only a 200 there sends the admin back. */
  private async grant(query: URLSearchParams): Promise<Answer> {
    const permissions = (query.get('scope') ?? 'read') as Key['permissions'];
    const key = this.shop.newKey(permissions);
    const body = JSON.stringify({
      key_id: 1,
      user_id: query.get('user_id'),
      consumer_key: key.key,
      consumer_secret: key.secret,
      key_permissions: permissions,
    });
    const status = await post(query.get('callback_url') ?? '', body).catch(() => 0);
    if (status !== 200) {
      return page(
        500,
        '<p>Error: An error occurred in the request and at the time were unable to send the consumer data.</p>',
      );
    }
    return { status: 302, headers: [HTML, ['Location', back(query, '1')]], html: '' };
  }
}

function back(query: URLSearchParams, success: '0' | '1'): string {
  const url = new URL(query.get('return_url') ?? '');
  url.searchParams.set('success', success);
  url.searchParams.set('user_id', query.get('user_id') ?? '');
  return url.href;
}

function post(url: string, body: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = {
      'Content-Type': 'application/json;charset=UTF-8',
      'Content-Length': Buffer.byteLength(body),
    };
    const options = { method: 'POST', agent: false as const, headers, timeout: 60_000 };
    const req = url.startsWith('https:')
      ? httpsRequest(url, { ...options, rejectUnauthorized: false })
      : httpRequest(url, options);
    req.once('error', reject);
    req.once('timeout', () => req.destroy(new Error('time-out')));
    req.once('response', (res) => {
      res.resume();
      res.once('end', () => resolve(res.statusCode ?? 0));
    });
    req.end(body);
  });
}

function page(status: number, body: string): Answer {
  return { status, headers: [HTML], html: `<!DOCTYPE html><html><body>${body}</body></html>` };
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`);
}
