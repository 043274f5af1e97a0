import { mkdirSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import AxeBuilder from '@axe-core/playwright';
import chromium from '@sparticuz/chromium';
import { type Browser, type BrowserContext, type Page, chromium as playwright } from 'playwright-core';
import {
  addPerson,
  findPersonWithHash,
  hashPassword,
  normaliseStaffEmail,
  openSession,
  type Role,
} from '../../src/domain/staff';
import { systemActor } from '../../src/platform/actor';
import { withTransaction } from '../../src/platform/db';
import { momentOf } from '../../src/usecases/context';
import type { TestApp } from './app';
import { chosenEngines, describeEachEngine, type TestEngine } from './databases';

export type { Page };

/** In the environment of a test app whose pages are opened: the owner who is signed in as. */
export const OWNER = { email: 'carol@example.com', password: 'a quiet morning by the sea' };
export const PAGE_ENV: Record<string, string | undefined> = {
  BOOTSTRAP_EMAIL: OWNER.email,
  BOOTSTRAP_PASSWORD: OWNER.password,
  // The browser talks plain http to this machine: cookies for https only would not come back.
  PUBLIC_URL: undefined,
};

/** On the first engine only: what the two differ in lies below the pages, and is tested there. */
export function describeInBrowser(name: string, body: (engine: TestEngine) => void): void {
  describeEachEngine(name, body, chosenEngines().slice(0, 1));
}

const SCREENSHOTS = join(__dirname, '..', 'screenshots');

export interface OpenPage {
  width?: 1280 | 390;
  theme?: 'light' | 'dark';
  /** 'owner', or the e-mail address of somebody who was added. */
  signedInAs?: string | null;
  javaScript?: boolean;
}

export interface TestBrowser {
  /** http://localhost:PORT of the app. */
  base: string;
  /** A browser of its own, as somebody, on nothing yet: `await page.goto(`${base}/…`)`. */
  openPage(options?: OpenPage): Promise<Page>;
  close(): Promise<void>;
}

/** The Chromium from npm, before the app on a port of its own. Close it before the app. */
export async function openBrowser(app: TestApp): Promise<TestBrowser> {
  const server = await listenOn(app);
  const base = `http://localhost:${(server.address() as AddressInfo).port}`;
  const browser = await launch();
  const contexts: BrowserContext[] = [];
  return {
    base,
    async openPage({ width = 1280, theme = 'light', signedInAs = null, javaScript = true } = {}) {
      const context = await browser.newContext({
        viewport: { width, height: width === 390 ? 844 : 800 },
        colorScheme: theme,
        javaScriptEnabled: javaScript,
        deviceScaleFactor: 1,
        reducedMotion: 'reduce',
        // Of a certificate that a test made itself.
        ignoreHTTPSErrors: true,
      });
      contexts.push(context);
      if (signedInAs !== null) {
        const value = await sessionToken(app, signedInAs === 'owner' ? OWNER.email : signedInAs);
        await context.addCookies([
          { name: 'zeton_session', value, url: base, httpOnly: true, sameSite: 'Lax' },
        ]);
      }
      const page = await context.newPage();
      page.setDefaultTimeout(10_000);
      watch(page, base);
      return page;
    },
    async close() {
      for (const context of contexts) await context.close();
      await browser.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function listenOn(app: TestApp): Promise<Server> {
  const server = createServer(app.http);
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

/** Its own flags for a sandbox of Amazon's switch web security off: here only what running as root needs. */
async function launch(): Promise<Browser> {
  chromium.setGraphicsMode = false;
  return playwright.launch({
    executablePath: await chromium.executablePath(),
    args: ['--no-sandbox', '--no-zygote', '--disable-gpu', '--font-render-hinting=none', '--headless=shell'],
    headless: true,
  });
}

async function sessionToken(app: TestApp, email: string): Promise<string> {
  const found = await findPersonWithHash(app.db, { emailNormalised: normaliseStaffEmail(email) });
  if (!found) throw new Error(`nobody has the e-mail address ${email}`);
  const moment = momentOf(app.ctx, systemActor);
  return (await withTransaction(app.db, (trx) => openSession(trx, moment, found.person.id))).token;
}

/** Another member of staff, to sign in as. */
export async function addStaff(
  app: TestApp,
  email: string,
  role: Role,
  name = email,
  storeIds: string[] | null = null,
): Promise<void> {
  const passwordHash = await hashPassword(OWNER.password);
  await withTransaction(app.db, (trx) =>
    addPerson(trx, momentOf(app.ctx, systemActor), { email, name, passwordHash, role, storeIds }),
  );
}

interface Seen {
  foreign: string[];
  problems: string[];
}
const seen = new WeakMap<Page, Seen>();

/**
 * What the content security policy stops is said on the console, like what scripts do wrong. So are answers like 404, and
 * that a page was left while it was looking for news: those are no defects.
 */
const HARMLESS = /^Failed to load resource|^htmx:(sendAbort|afterRequest),/;

function watch(page: Page, base: string): void {
  const found: Seen = { foreign: [], problems: [] };
  seen.set(page, found);
  page.on('request', (request) => {
    const url = request.url();
    if (!url.startsWith(`${base}/`) && !url.startsWith('data:')) found.foreign.push(url);
  });
  page.on('pageerror', (error) => found.problems.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error' && !HARMLESS.test(message.text())) found.problems.push(message.text());
  });
}

/** Nothing came from another host, nothing was stopped by the content security policy, no script failed. */
export function expectNoForeignRequests(page: Page): void {
  expect(seen.get(page)).toEqual({ foreign: [], problems: [] });
}

/** axe finds nothing, by WCAG 2.2 AA and good practice, and nothing is wider than the window. */
export async function expectAccessible(page: Page): Promise<void> {
  const axe = new AxeBuilder({ page }).options({ resultTypes: ['violations'] });
  // Its other mode opens a window for what several frames say, which takes twice as long as all the rest.
  axe.setLegacyMode(page.frames().length === 1);
  const { violations } = await axe.analyze();
  expect(
    violations.map(({ id, help, nodes }) => ({
      id,
      help,
      where: nodes.map((node) => `${node.html} ${node.failureSummary}`),
    })),
  ).toEqual([]);
  const sideways = await page.evaluate(
    'document.documentElement.scrollWidth - document.documentElement.clientWidth',
  );
  expect({ sideways }).toEqual({ sideways: 0 });
}

/** tests/screenshots/NAME.png, to be looked at. */
export async function screenshot(page: Page, name: string): Promise<string> {
  mkdirSync(SCREENSHOTS, { recursive: true });
  const path = join(SCREENSHOTS, `${name}.png`);
  // The focus may have scrolled; and a bar that sticks would stand in the middle of the picture.
  await page.evaluate('window.scrollTo(0, 0)');
  // A loaded machine does not always get it at the first attempt.
  await page.screenshot({ path, fullPage: true }).catch(() => page.screenshot({ path, fullPage: true }));
  return path;
}

export const WIDTHS = [1280, 390] as const;
export const LOOKS = ['light', 'dark'] as const;

/** Opens an address at both widths in both themes; each is checked, and kept as NAME-WIDTH-THEME.png. */
export async function look(
  browser: TestBrowser,
  path: string,
  name: string,
  options: Omit<OpenPage, 'width' | 'theme'> & { prepare?: (page: Page) => Promise<unknown> } = {},
): Promise<void> {
  for (const { width, theme } of EYES) {
    const page = await browser.openPage({ ...options, width, theme });
    await page.goto(`${browser.base}${path}`);
    await options.prepare?.(page);
    await screenshot(page, `${name}-${width}-${theme}`);
    await expectAccessible(page);
    expectNoForeignRequests(page);
    await page.context().close();
  }
}

/** Both widths and both themes; each with each takes twice as long and is for those who change a page: ZETON_LOOKS=all. */
const EYES = WIDTHS.flatMap((width) => LOOKS.map((theme) => ({ width, theme }))).filter(
  ({ width, theme }) => process.env.ZETON_LOOKS === 'all' || (width === 1280) === (theme === 'light'),
);
