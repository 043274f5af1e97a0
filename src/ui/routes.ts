import { randomBytes } from 'node:crypto';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Request, type RequestHandler, type Response, Router } from 'express';
import { textsIn } from '../locales';
import { Refusal } from '../platform/refusal';
import { sameSecret } from '../platform/secrets';
import { COOKIES, clearCookie, cookieOf, setCookie } from './cookies';
import { ERROR_WORDS, errorView } from './errors.view';
import { escapeAttributes } from './escape-attributes';
import type { Form } from './form';
import {
  type Alarm,
  type Flash,
  mayAct,
  type Page,
  type Staff,
  type StaffPage,
  type StaffRole,
  THEMES,
  type Theme,
} from './page';
import { readForm } from './read-form';

/** What pages need of the rest of Zeton; app.ts brings it. */
export interface PageHost {
  now(): Date;
  publicUrl(): string;
  /** In which times are shown. */
  zone(): Promise<string>;
  /** What admins have to know of these stores (null: all), whatever page they are on. */
  alarms(storeIds: readonly string[] | null): Promise<Alarm[]>;
  /** Who holds the token of a session; null: nobody (any more). */
  findVisitor(token: string): Promise<{ staff: Staff; csrfToken: string } | null>;
  vault: {
    sign(purpose: string, text: string): string;
    verify(purpose: string, text: string, mac: string): boolean;
  };
}

/** Markup with status 200, or one of the functions below. */
export type Answer = JSX.Element | Reply;

interface ReplyParts {
  status: number;
  markup?: JSX.Element;
  location?: string;
  flash?: Flash;
  /** A token: sign in with it. null: sign out. */
  session?: { token: string; seconds: number } | null;
  theme?: Theme;
  headers?: Record<string, string>;
  /** Instead of markup. */
  picture?: { type: string; bytes: Buffer; seconds: number };
  download?: Download;
}

interface Download {
  type: string;
  /** The value of Content-Disposition. */
  disposition: string;
  bytes: number;
  stream: Readable;
}

export class Reply {
  constructor(readonly parts: ReplyParts) {}
}

/** After a form did what it should: on to a page. Reloading that one sends nothing again. */
export function seeOther(path: string, more: Omit<ReplyParts, 'status' | 'markup' | 'location'> = {}): Reply {
  return new Reply({ ...more, status: 303, location: path });
}

/** The form again, with what was typed and what to mend. 409: something is newer; 402: no credits. */
export function refused(markup: JSX.Element, status: 402 | 403 | 404 | 409 | 422 | 429 = 422): Reply {
  return new Reply({ status, markup });
}

/** A file that strangers have sent: saved by the browser, and shown by none, whatever it is. */
export function download(file: Download): Reply {
  return new Reply({ status: 200, download: file });
}

/** Markup with headers of its own (HX-Trigger, HX-Push-Url …). */
export function withHeaders(markup: JSX.Element, headers: Record<string, string>): Reply {
  return new Reply({ status: 200, markup, headers });
}

type Params = Record<string, string>;

/** Declares pages: who may open one stands beside its address. */
export interface PageRoutes {
  get(
    path: string,
    needs: 'anyone',
    answer: (page: Page, params: Params, req: Request) => Promise<Answer> | Answer,
  ): void;
  get(
    path: string,
    needs: StaffRole,
    answer: (page: StaffPage, params: Params, req: Request) => Promise<Answer> | Answer,
  ): void;
  post(
    path: string,
    needs: 'anyone',
    answer: (page: Page, form: Form, params: Params, req: Request) => Promise<Answer> | Answer,
  ): void;
  post(
    path: string,
    needs: StaffRole,
    answer: (page: StaffPage, form: Form, params: Params, req: Request) => Promise<Answer> | Answer,
  ): void;
}

export interface Pages {
  routes(): PageRoutes & { router: Router };
  /** Answers a refusal with a page; true when the asker wanted one. For platform/problem.ts. */
  answerRefusal(req: Request, res: Response, refusal: Refusal, status: number): Promise<boolean>;
}

/** Paths whose readers are programs: they get problem+json whatever they accept. */
const FOR_PROGRAMS = /^\/(api|webhooks|assets|metrics|healthz|readyz|problems)(\/|$)/;

export function makePages(host: PageHost): Pages {
  escapeAttributes();
  return {
    routes: () => routesOn(host, Router()),
    async answerRefusal(req, res, refusal, status) {
      const path = req.originalUrl.split('?')[0] ?? '';
      if (FOR_PROGRAMS.test(path) || !/\btext\/html\b/.test(req.headers.accept ?? '')) return false;
      await sendError(host, req, res, refusal, status);
      return true;
    },
  };
}

/** What all of them are to the routes below: the overloads above say which is given what. */
type AnyHandler = (page: StaffPage, ...more: never[]) => Promise<Answer> | Answer;
type Called = (page: StaffPage, ...more: unknown[]) => Promise<Answer> | Answer;

function routesOn(host: PageHost, router: Router): PageRoutes & { router: Router } {
  return {
    router,
    get(path: string, needs: StaffRole | 'anyone', answer: AnyHandler) {
      router.get(path, async (req, res) => {
        const page = await pageFor(host, req, res);
        if (needs !== 'anyone' && !page.staff) return toSignIn(host, req, res, page);
        requireRole(page, needs);
        await send(host, res, await (answer as Called)(asStaffPage(page), req.params, req), page);
      });
    },
    post(path: string, needs: StaffRole | 'anyone', answer: AnyHandler) {
      router.post(path, ownOriginOnly(host), async (req, res) => {
        const page = await pageFor(host, req, res);
        const form = await readForm(req, res, { mayUpload: page.staff !== null });
        if (needs !== 'anyone' && !page.staff) return refuseForm(host, res, page, form, 'signed-out');
        if (!hasToken(page, req, form)) return refuseForm(host, res, page, form, 'expired');
        requireRole(page, needs);
        await send(host, res, await (answer as Called)(asStaffPage(page), form, req.params, req), page);
      });
    },
  };
}

function asStaffPage(page: Page): StaffPage {
  const { staff } = page;
  // Pages that anyone may open take a Page: they never see these two.
  return {
    ...page,
    staff: staff as Staff,
    actor: { kind: 'staff', id: staff?.id ?? '', name: staff?.name ?? '' },
  };
}

function requireRole(page: Page, needs: StaffRole | 'anyone'): void {
  if (needs === 'anyone' || (page.staff && mayAct(page.staff.role, needs))) return;
  throw new Refusal('forbidden', 'This page needs another role.');
}

async function pageFor(host: PageHost, req: Request, res: Response): Promise<Page> {
  const token = cookieOf(req, COOKIES.session);
  const visitor = token === undefined ? null : await host.findVisitor(token);
  const url = new URL(req.originalUrl, 'http://localhost');
  const theme = cookieOf(req, COOKIES.theme);
  const isFragment =
    req.headers['hx-request'] === 'true' && req.headers['hx-history-restore-request'] !== 'true';
  const { staff = null } = visitor ?? {};
  const admin = url.pathname.startsWith('/admin') && staff && mayAct(staff.role, 'admin') ? staff : null;
  return {
    t: textsIn('en'),
    locale: 'en-GB',
    zone: await host.zone(),
    now: host.now(),
    theme: THEMES.find((known) => known === theme) ?? 'auto',
    here: url.pathname + url.search,
    path: url.pathname,
    query: url.searchParams,
    csrf: visitor?.csrfToken ?? anonymousToken(host, req, res),
    // Not for a part that refreshes itself: it has no place to say it.
    flash: isFragment ? null : takeFlash(host, req, res),
    alarms: admin && !isFragment && req.method === 'GET' ? await host.alarms(admin.storeIds) : [],
    isFragment,
    staff: visitor?.staff ?? null,
  };
}

function isHttps(host: PageHost): boolean {
  return host.publicUrl().startsWith('https:');
}

/** Nobody to bind it to but this browser: a random cookie, and its MAC in the form. */
function anonymousToken(host: PageHost, req: Request, res: Response): string {
  let seed = cookieOf(req, COOKIES.form);
  if (seed === undefined || !/^[\w-]{43}$/.test(seed)) {
    seed = randomBytes(32).toString('base64url');
    setCookie(res, isHttps(host), COOKIES.form, seed, null);
  }
  return host.vault.sign('form', seed);
}

function hasToken(page: Page, req: Request, form: Form): boolean {
  const header = req.headers['x-csrf-token'];
  const given = form.text('_csrf') || (typeof header === 'string' ? header : '');
  return sameSecret(given, page.csrf);
}

/**
 * Before anything else is read: a form that another site sends is refused, with a good cookie or not. Browsers say
 * where a form comes from in Sec-Fetch-Site (on https and localhost) and Origin (everywhere).
 */
function ownOriginOnly(host: PageHost): RequestHandler {
  return async (req, res, next) => {
    const site = req.headers['sec-fetch-site'];
    const { origin } = req.headers;
    const isOurs =
      (site === undefined || site === 'same-origin' || site === 'none') &&
      (origin === undefined || isOurOrigin(host, req, origin));
    if (isOurs) return next();
    const page = await pageFor(host, req, res);
    const { t } = page;
    const error = {
      icon: 'lock' as const,
      title: t('errors.cross_site'),
      words: t('errors.cross_site_words'),
    };
    await send(host, res, refused(errorView({ ...page, staff: null }, error), 403), page);
  };
}

function isOurOrigin(host: PageHost, req: Request, origin: string): boolean {
  if (origin === new URL(host.publicUrl()).origin) return true;
  try {
    return new URL(origin).host === req.headers.host;
  } catch {
    return false; // "null": a sandboxed frame, a file
  }
}

/** It is our own form, but of another session, or of none: nothing is done, and what was typed is kept. */
async function refuseForm(
  host: PageHost,
  res: Response,
  page: Page,
  form: Form,
  why: 'expired' | 'signed-out',
): Promise<void> {
  const { t } = page;
  const fields = form.entries().filter(([name]) => name !== '_csrf');
  // A password is not put into a page, nor a shop's keys.
  const hasPassword = fields.some(([name]) => /password|^consumer_/.test(name));
  const error = {
    icon: 'lock' as const,
    title: t('errors.form_expired'),
    words: t(why === 'expired' ? 'errors.form_expired_words' : 'errors.signed_out_words'),
    ...(hasPassword || fields.length === 0 ? {} : { again: { action: page.here, fields } }),
  };
  await send(host, res, refused(errorView(page, error), 403), page);
}

async function toSignIn(host: PageHost, req: Request, res: Response, page: Page): Promise<void> {
  // A part of a page cannot become the sign-in: the browser goes there as a whole, and comes back to that page.
  const current = req.headers['hx-current-url'];
  const back = page.isFragment && typeof current === 'string' ? pathOf(current) : page.here;
  const query =
    back === '/console' || back === '/' ? '' : `?${new URLSearchParams({ next: back }).toString()}`;
  await send(host, res, seeOther(`/sign-in${query}`), page);
}

function pathOf(address: string): string {
  try {
    const url = new URL(address);
    return url.pathname + url.search;
  } catch {
    return '/';
  }
}

async function sendFile(res: Response, { type, disposition, bytes, stream }: Download): Promise<void> {
  res.set({
    'Content-Type': type,
    'Content-Length': String(bytes),
    'Content-Disposition': disposition,
    // Should a browser show it all the same.
    'Content-Security-Policy': "sandbox; default-src 'none'",
  });
  try {
    await pipeline(stream, res);
  } catch (error) {
    // The reader went away, or the disk failed in the middle: a file cut short must not look whole.
    if (res.headersSent) res.destroy();
    else throw error;
  }
}

async function send(host: PageHost, res: Response, answer: Answer, page: Page): Promise<void> {
  const reply = answer instanceof Reply ? answer.parts : { status: 200, markup: answer };
  const https = isHttps(host);
  res.set({
    // Of a signed-in person's browser, nothing is kept for the next one who sits there.
    'Cache-Control': 'no-store',
    // With no-referrer a browser would send `Origin: null` with our own forms.
    'Referrer-Policy': 'same-origin',
    ...reply.headers,
  });
  res.vary('HX-Request');
  if (reply.session === null) clearCookie(res, https, COOKIES.session);
  if (reply.session) setCookie(res, https, COOKIES.session, reply.session.token, reply.session.seconds);
  if (reply.theme) setCookie(res, https, COOKIES.theme, reply.theme, 365 * 24 * 3600);
  if (reply.flash) setCookie(res, https, COOKIES.flash, sealFlash(host, reply.flash), 60);
  if (reply.location !== undefined) {
    if (page.isFragment) {
      res.set('HX-Redirect', reply.location).status(200).end();
    } else {
      res.redirect(reply.status, reply.location);
    }
    return;
  }
  if (reply.picture) {
    const { type, bytes, seconds } = reply.picture;
    res.set('Cache-Control', `private, max-age=${seconds}`);
    res.status(reply.status).type(type).send(bytes);
    return;
  }
  if (reply.download) return sendFile(res, reply.download);
  // The first one to ask again shows it, not this answer.
  if (page.flash) clearCookie(res, https, COOKIES.flash);
  res
    .status(reply.status)
    .type('html')
    .send(await reply.markup);
}

function sealFlash(host: PageHost, flash: Flash): string {
  const text = Buffer.from(JSON.stringify(flash)).toString('base64url');
  return `${text}.${host.vault.sign('flash', text)}`;
}

function takeFlash(host: PageHost, req: Request, res: Response): Flash | null {
  const [text = '', mac = ''] = (cookieOf(req, COOKIES.flash) ?? '').split('.');
  if (text === '') return null;
  if (host.vault.verify('flash', text, mac)) {
    return JSON.parse(Buffer.from(text, 'base64url').toString('utf8')) as Flash;
  }
  clearCookie(res, isHttps(host), COOKIES.flash);
  return null;
}

async function sendError(
  host: PageHost,
  req: Request,
  res: Response,
  refusal: Refusal,
  status: number,
): Promise<void> {
  const page = await pageFor(host, req, res).catch(() => pageWithoutDatabase(host, req));
  const { t, staff } = page;
  const words =
    ERROR_WORDS[refusal.code] ?? ERROR_WORDS[status < 500 ? 'malformed-request' : 'internal-error'];
  if (!words) throw new Error(`no words for ${refusal.code}`);
  const values = { name: staff?.name ?? '', role: staff ? t(`roles.${staff.role}`) : '' };
  const { request_id } = refusal.facts;
  const error = {
    icon: words.icon,
    title: t(words.title),
    words: t(words.words, values),
    ...(typeof request_id === 'string' ? { requestId: request_id } : {}),
  };
  await send(host, res, new Reply({ status, markup: errorView(page, error) }), {
    ...page,
    isFragment: false,
  });
}

function pageWithoutDatabase(host: PageHost, req: Request): Page {
  const theme = cookieOf(req, COOKIES.theme);
  return {
    t: textsIn('en'),
    locale: 'en-GB',
    zone: 'UTC',
    now: host.now(),
    theme: THEMES.find((known) => known === theme) ?? 'auto',
    here: '/',
    path: '/',
    query: new URLSearchParams(),
    csrf: '',
    flash: null,
    alarms: [],
    isFragment: false,
    staff: null,
  };
}
