import request, { type Response } from 'supertest';
import { SESSION_SECONDS } from '../../src/domain/staff';
import { makeTestApp, type TestApp } from '../support/app';
import {
  addStaff,
  describeInBrowser,
  expectAccessible,
  expectNoForeignRequests,
  LOOKS,
  look,
  OWNER,
  openBrowser,
  PAGE_ENV,
  screenshot,
  type TestBrowser,
  WIDTHS,
} from '../support/browser';
import { describeEachEngine, type TestEngine } from '../support/databases';

type Agent = ReturnType<typeof request.agent>;

const SAME_ORIGIN = { 'Sec-Fetch-Site': 'same-origin', Accept: 'text/html' };

function tokenIn({ text }: { text: string }): string {
  return /name="_csrf" value="([^"]+)"/.exec(text)?.[1] ?? '';
}

/** A browser without its window: cookies are kept, forms carry their token. */
class Visitor {
  readonly agent: Agent;
  constructor(readonly app: TestApp) {
    this.agent = request.agent(app.http);
  }

  get(path: string) {
    return this.agent.get(path).set('Accept', 'text/html');
  }

  async post(path: string, fields: Record<string, string>, from = '/sign-in'): Promise<Response> {
    const _csrf = tokenIn(await this.get(from));
    return this.agent
      .post(path)
      .set(SAME_ORIGIN)
      .type('form')
      .send({ _csrf, ...fields });
  }

  signIn(password = OWNER.password, email = OWNER.email, next = ''): Promise<Response> {
    return this.post('/sign-in', { email, password, next });
  }

  /** As the owner, who is signed in by then. */
  async signedIn(): Promise<this> {
    expect((await this.signIn()).status).toBe(303);
    return this;
  }
}

function cookieNamed(answer: Response, name: string): string {
  const all = (answer.headers['set-cookie'] ?? []) as unknown as string[];
  return all.find((cookie) => cookie.startsWith(`${name}=`)) ?? '';
}

function pageApp(engine: TestEngine, env: Record<string, string | undefined> = {}): Promise<TestApp> {
  return makeTestApp(engine, { env: { ...PAGE_ENV, ...env } });
}

describeEachEngine('the way in', (engine) => {
  let app: TestApp;
  let visitor: Visitor;
  beforeEach(async () => {
    app = await pageApp(engine);
    visitor = new Visitor(app);
  });

  test('the owner of the environment signs in, comes to where they wanted to go, and out again', async () => {
    const asked = await visitor.get('/console/account?x=1').expect(303);
    expect(asked.headers.location).toBe('/sign-in?next=%2Fconsole%2Faccount%3Fx%3D1');
    const answer = await visitor.signIn(
      OWNER.password,
      ` ${OWNER.email.toUpperCase()} `,
      '/console/account?x=1',
    );
    expect(answer.status).toBe(303);
    expect(answer.headers.location).toBe('/console/account?x=1');
    expect((await visitor.get('/console/account').expect(200)).text).toContain(OWNER.email);

    const cookie = cookieNamed(answer, 'zeton_session').split(';')[0] as string;
    const out = await visitor.post('/sign-out', {}, '/console/account');
    expect(out.headers.location).toBe('/sign-in');
    // A copy of the cookie that somebody kept is worth nothing either.
    await request(app.http).get('/console/account').set('Cookie', cookie).expect(303);
    expect((await visitor.get('/sign-in')).text).toContain('You are signed out.');
    expect((await visitor.get('/sign-in')).text).not.toContain('You are signed out.');
  });

  test('the session is a new random cookie each time, kept only as a hash, for http(s) and this site alone', async () => {
    const planted = 'a'.repeat(43);
    const first = await request(app.http).get('/sign-in').set('Cookie', `zeton_session=${planted}`);
    const seed = cookieNamed(first, 'zeton_form').split(';')[0];
    const answer = await request(app.http)
      .post('/sign-in')
      .set(SAME_ORIGIN)
      .set('Cookie', `zeton_session=${planted}; ${seed}`)
      .type('form')
      .send({ _csrf: tokenIn(first), ...OWNER })
      .expect(303);
    const cookie = cookieNamed(answer, 'zeton_session');
    expect(cookie).toMatch(
      /^zeton_session=[\w-]{43}; Max-Age=604800; Path=\/; Expires=[^;]+; HttpOnly; SameSite=Lax$/,
    );
    const token = cookie.slice('zeton_session='.length).split(';')[0] as string;
    expect(token).not.toBe(planted);
    expect(JSON.stringify(await app.db('staff_sessions'))).not.toContain(token);
    expect(app.logs()).not.toContain(token);
    expect(app.logs()).not.toContain(OWNER.password);

    const https = await makeTestApp(engine, { env: { PUBLIC_URL: 'https://help.example.com' }, beside: app });
    expect(cookieNamed(await request(https.http).get('/sign-in'), 'zeton_form')).toMatch(/; Secure/);
  });

  test('a session ends after 12 hours without a request, and after 7 days with them', async () => {
    await visitor.signedIn();
    app.clock.advance(12 * 3600 - 1);
    await visitor.get('/console/account').expect(200);
    app.clock.advance(12 * 3600);
    await visitor.get('/console/account').expect(303);

    await visitor.signedIn();
    for (let spent = 0; spent + 6 * 3600 < SESSION_SECONDS; spent += 6 * 3600) {
      await visitor.get('/console/account').expect(200);
      app.clock.advance(6 * 3600);
    }
    await visitor.get('/console/account').expect(200);
    app.clock.advance(6 * 3600);
    await visitor.get('/console/account').expect(303);
    expect(await app.runJob('sign-ins.forget')).toBe(2);
    expect(await app.db('staff_sessions')).toEqual([]);
  });

  test('whoever may no longer come in is out at once', async () => {
    await visitor.signedIn();
    await app.db('staff').update({ disabled_at: '2026-11-22T12:00:00.000Z' });
    await visitor.get('/console/account').expect(303);
    expect((await visitor.signIn()).status).toBe(422);
  });

  test('a wrong password, an unknown address and a disabled person get the same answer, which keeps the address', async () => {
    await addStaff(app, 'gone@example.com', 'agent');
    await app
      .db('staff')
      .where({ email: 'gone@example.com' })
      .update({ disabled_at: '2026-11-22T12:00:00.000Z' });
    const answers: string[] = [];
    for (const [email, password] of [
      [OWNER.email, 'not this one'],
      ['nobody@example.com', OWNER.password],
      ['gone@example.com', OWNER.password],
    ] as const) {
      const answer = await new Visitor(app).signIn(password, email);
      expect(answer.status).toBe(422);
      expect(answer.text).toContain('E-mail and password do not belong together.');
      expect(answer.text).toContain(`value="${email}"`);
      expect(answer.text).not.toContain(password);
      answers.push(answer.text.replaceAll(email, '').replaceAll(tokenIn(answer), ''));
    }
    expect(new Set(answers).size).toBe(1);
    const empty = await visitor.signIn('', '');
    expect(empty.text).toContain('Write the e-mail address that you sign in with.');
    expect(empty.text).toContain('Write your password.');
  });

  test('after five failures one waits, twice as long each time, in every process, whatever the password', async () => {
    const other = new Visitor(await makeTestApp(engine, { env: PAGE_ENV, beside: app }));
    for (let i = 0; i < 5; i++) expect((await visitor.signIn('wrong')).status).toBe(422);
    for (const who of [visitor, other]) {
      const answer = await who.signIn();
      expect(answer.status).toBe(429);
      expect(answer.text).toContain('Wait 15 seconds');
    }
    app.clock.advance(15);
    expect((await other.signIn('wrong')).status).toBe(422);
    expect((await visitor.signIn()).text).toContain('Wait 30 seconds');
    // Up to a quarter of an hour.
    for (let i = 0; i < 8; i++) {
      app.clock.advance(900);
      await visitor.signIn('wrong');
    }
    expect((await visitor.signIn()).text).toContain('Wait 15 minutes');
    // Others are not kept out.
    await addStaff(app, 'bob@example.com', 'agent');
    expect((await new Visitor(app).signIn(OWNER.password, 'bob@example.com')).status).toBe(303);
    app.clock.advance(900);
    expect((await visitor.signIn()).status).toBe(303);
    // Coming in forgets the failures.
    for (let i = 0; i < 4; i++) expect((await new Visitor(app).signIn('wrong')).status).toBe(422);
    expect((await new Visitor(app).signIn()).status).toBe(303);
  }, 60_000);

  test('guesses at once are counted one by one', async () => {
    const wide = await makeTestApp(engine, { env: PAGE_ENV, beside: app });
    const guessers = await Promise.all(
      Array.from({ length: 12 }, async () => {
        const guesser = new Visitor(wide);
        await guesser.get('/sign-in');
        return guesser;
      }),
    );
    const answers = await Promise.all(guessers.map((guesser) => guesser.signIn('wrong')));
    expect(answers.filter((answer) => answer.status === 422)).toHaveLength(5);
    expect(answers.filter((answer) => answer.status === 429)).toHaveLength(7);
  }, 60_000);

  test('an address that tries many people is slowed down as a whole', async () => {
    for (let i = 0; i < 25; i++) await visitor.signIn('wrong', `person${i}@example.com`);
    expect((await visitor.signIn('wrong', 'another@example.com')).status).toBe(429);
    app.clock.advance(15);
    // A sign-in that is good is no failure, and forgives none.
    expect((await visitor.signIn()).status).toBe(303);
    expect((await new Visitor(app).signIn('wrong', 'another@example.com')).status).toBe(429);
  }, 60_000);

  test('`next` leads nowhere but into Zeton', async () => {
    for (const next of [
      'https://evil.example',
      '//evil.example',
      '/\\evil.example',
      '/\t/evil.example',
      'javascript:alert(1)',
      '/a/..//evil.example',
    ]) {
      const answer = await new Visitor(app).signIn(OWNER.password, OWNER.email, next);
      expect(answer.status).toBe(303);
      const to = new URL(answer.headers.location as string, 'http://localhost');
      expect(to.host).toBe('localhost');
      expect(answer.headers.location).not.toMatch(/^\/[/\\]/);
    }
  }, 60_000);

  test('a form without its token, with that of another, or from another site changes nothing', async () => {
    await visitor.signedIn();
    const name = async () => (await app.db('staff').first('name')).name as string;
    const fields = { name: 'Mallory was here' };
    const send = (headers: Record<string, string>, form: Record<string, string>) =>
      visitor.agent.post('/console/account/name').set(headers).type('form').send(form);
    const good = tokenIn(await visitor.get('/console/account'));

    expect((await send(SAME_ORIGIN, fields)).status).toBe(403);
    const stranger = tokenIn(await new Visitor(app).get('/sign-in'));
    const expired = await send(SAME_ORIGIN, { ...fields, _csrf: stranger });
    expect(expired.status).toBe(403);
    // What was typed is not lost: it can be sent again, by whoever reads the page.
    expect(expired.text).toContain('Mallory was here</textarea>');
    expect(tokenIn(expired)).toBe(good);

    const elsewhere: Record<string, string>[] = [
      { 'Sec-Fetch-Site': 'cross-site' },
      { 'Sec-Fetch-Site': 'same-site' },
      { Origin: 'https://evil.example' },
      { Origin: 'null' },
    ];
    for (const headers of elsewhere) {
      const answer = await send({ ...headers, Accept: 'text/html' }, { ...fields, _csrf: good });
      expect(answer.status).toBe(403);
      expect(answer.text).toContain('This came from another site');
      expect(answer.text).not.toContain('Mallory was here');
    }
    // Signing somebody in who did not want to is refused too.
    const login = await new Visitor(app).agent.post('/sign-in').set(SAME_ORIGIN).type('form').send(OWNER);
    expect(login.status).toBe(403);
    expect(login.text).not.toContain(OWNER.password);
    expect(await name()).toBe('carol');

    await send(SAME_ORIGIN, { ...fields, _csrf: good }).expect(303);
    // htmx sends it as a header.
    await send({ ...SAME_ORIGIN, 'X-CSRF-Token': good }, { name: 'Carol' }).expect(303);
    expect(await name()).toBe('Carol');
  });

  test('a form whose sender was signed out meanwhile keeps what was typed', async () => {
    await visitor.signedIn();
    const _csrf = tokenIn(await visitor.get('/console/account'));
    await app.db('staff_sessions').delete();
    const answer = await visitor.agent
      .post('/console/account/name')
      .set(SAME_ORIGIN)
      .type('form')
      .send({ _csrf, name: 'A long <b>text</b>' });
    expect(answer.status).toBe(403);
    expect(answer.text).toContain('A long &lt;b>text&lt;/b></textarea>');
  });

  test('another role gets a page that says so, and a part of a page sends the whole browser to the sign-in', async () => {
    await addStaff(app, 'bob@example.com', 'agent', 'Bob');
    const bob = new Visitor(app);
    expect((await bob.signIn(OWNER.password, 'bob@example.com')).status).toBe(303);
    const answer = await bob.get('/admin').expect(403);
    expect(answer.text).toContain('You are signed in as Bob (Agent)');
    const part = await request(app.http)
      .get('/console/account')
      .set({ 'HX-Request': 'true', 'HX-Current-URL': 'http://localhost/console/tickets?a=b' });
    expect(part.headers['hx-redirect']).toBe('/sign-in?next=%2Fconsole%2Ftickets%3Fa%3Db');
  });

  test('errors are pages for people and problem+json for programs', async () => {
    for (const path of ['/console/nothing', '/nothing', '/console/%E0%A4%A']) {
      const page = await visitor.get(path);
      expect(page.headers['content-type']).toMatch(/^text\/html/);
      expect([400, 404]).toContain(page.status);
    }
    const program = await request(app.http).get('/nothing').expect(404);
    expect(program.headers['content-type']).toBe('application/problem+json; charset=utf-8');
    const api = await visitor.get('/api/v1/nothing').expect(404);
    expect(api.headers['content-type']).toBe('application/problem+json; charset=utf-8');
    await app.db.schema.renameTable('staff_sessions', 'hidden');
    const broken = await visitor.get('/console/account').set('Cookie', 'zeton_session=x');
    await app.db.schema.renameTable('hidden', 'staff_sessions');
    expect(broken.status).toBe(500);
    expect(broken.text).toContain('Something went wrong here');
    expect(broken.text).toMatch(/Request [\w-]{36}/);
    expect(broken.text).not.toMatch(/staff_sessions|select/i);
  });

  test('pages are kept nowhere, assets for ever, and everything comes from here', async () => {
    const { headers, text } = await visitor.get('/sign-in').expect(200);
    expect(headers['cache-control']).toBe('no-store');
    expect(headers['referrer-policy']).toBe('same-origin');
    expect(headers['content-security-policy']).toContain("script-src 'self';style-src 'self'");
    expect(text).not.toMatch(/<style|style="|<script>|onclick=/);
    const assets = [...text.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map((match) => match[1] as string);
    expect(assets).toHaveLength(5);
    for (const asset of assets) {
      const answer = await request(app.http).get(asset).expect(200);
      expect(answer.headers['cache-control']).toBe('public, max-age=31536000, immutable');
      expect(answer.headers['content-encoding']).toBe('gzip');
    }
    const old = await request(app.http).get('/assets/of-another-version/zeton.css').expect(200);
    expect(old.headers['cache-control']).toBe('no-cache');
    await request(app.http).get('/assets/x/..%2fassets.ts').expect(404);
  });

  test('another password ends all other sessions and needs the present one', async () => {
    const elsewhere = await new Visitor(app).signedIn();
    await visitor.signedIn();
    const change = (current_password: string, password: string) =>
      visitor.post('/console/account/password', { current_password, password }, '/console/account');
    expect((await change('wrong', 'a much better one')).text).toContain('This is not your present password.');
    expect((await change(OWNER.password, 'short')).text).toContain('Too short: take at least 10 characters.');
    expect((await change(OWNER.password, 'a much better one')).status).toBe(303);
    expect((await visitor.get('/console/account').expect(200)).text).toContain('Your password was changed.');
    await elsewhere.get('/console/account').expect(303);
    expect((await new Visitor(app).signIn()).status).toBe(422);
    expect((await new Visitor(app).signIn('a much better one')).status).toBe(303);
    const actions = (await app.db('audit_log').orderBy('id').select('action')).map((row) => row.action);
    expect(actions).toContain('staff.password-changed');
    expect(actions).toContain('staff.sign-in-failed');
  });

  // PostgreSQL keeps no NUL in a text: each of these was an internal error there.
  test('what cannot be kept as text is refused as a mistake, in every field', async () => {
    const answer = await visitor.signIn(OWNER.password, 'nobody\0@example.com');
    expect(answer.status).toBe(422);
    expect(answer.text).toContain('do not belong together');
    await visitor.signedIn();
    const named = await visitor.post('/console/account/name', { name: 'Ol\0ga' }, '/console/account');
    expect(named.status).toBe(422);
    expect(named.text).toContain('cannot be seen');
    const password = { current_password: OWNER.password, password: 'a new pass\0word' };
    expect((await visitor.post('/console/account/password', password, '/console/account')).status).toBe(303);
  });

  test('a name that is refused is kept, with what to mend', async () => {
    await visitor.signedIn();
    const long = `${'x'.repeat(300)} & Co`;
    const answer = await visitor.post('/console/account/name', { name: long }, '/console/account');
    expect(answer.status).toBe(422);
    expect(answer.text).toContain(`value="${'x'.repeat(300)} &amp; Co"`);
    expect(answer.text).toContain('At most 200 characters fit here.');
  });
});

describeEachEngine('the first owner', (engine) => {
  test('is made of the environment once, and kept when the environment changes', async () => {
    const app = await pageApp(engine);
    expect(await app.setupLink()).toBeNull();
    const later = await makeTestApp(engine, {
      env: { ...PAGE_ENV, BOOTSTRAP_EMAIL: 'mallory@example.com' },
      beside: app,
    });
    expect(await later.db('staff').select('email', 'role')).toEqual([{ email: OWNER.email, role: 'owner' }]);
  });

  test('is made by a link otherwise: once, within a day, and kept only as a hash', async () => {
    const app = await pageApp(engine, { BOOTSTRAP_EMAIL: undefined, BOOTSTRAP_PASSWORD: undefined });
    const stale = new URL((await app.setupLink()) as string).pathname;
    app.clock.advance(24 * 3600);
    expect((await new Visitor(app).get(stale)).status).toBe(404);

    const [link, spare] = [
      new URL((await app.setupLink()) as string).pathname,
      new URL((await app.setupLink()) as string).pathname,
    ];
    expect(JSON.stringify(await app.db('setup_links'))).not.toContain(link.split('/')[2]);
    const visitor = new Visitor(app);
    const refused = await visitor.post(link, { name: '', email: 'carol', password: 'short' }, link);
    expect(refused.status).toBe(422);
    expect(refused.text).toContain('Write a name.');
    expect(refused.text).toContain('This is no e-mail address.');
    expect(refused.text).toContain('Too short: take at least 10 characters.');
    expect(refused.text).toContain('value="carol"');

    const fields = { name: 'Carol', ...OWNER };
    const both = await Promise.all([
      visitor.post(link, fields, link),
      new Visitor(app).post(link, { ...fields, email: 'mallory@example.com' }, link),
    ]);
    expect(both.map((answer) => answer.status).sort()).toEqual([303, 404]);
    for (const used of [link, spare]) expect((await new Visitor(app).get(used)).status).toBe(404);
    expect(await app.db('staff')).toHaveLength(1);
    expect(await app.setupLink()).toBeNull();
  });
});

describeInBrowser('sign-in and account in a browser', (engine) => {
  let app: TestApp;
  let browser: TestBrowser;
  let setup: string;
  beforeAll(async () => {
    app = await pageApp(engine, { BOOTSTRAP_EMAIL: undefined, BOOTSTRAP_PASSWORD: undefined });
    browser = await openBrowser(app);
    setup = new URL((await app.setupLink()) as string).pathname;
  });
  afterAll(async () => {
    await browser.close();
    await app.close();
  });

  test('the link of the first start makes an owner, who can sign out and in again', async () => {
    await look(browser, setup, 'setup');
    const page = await browser.openPage();
    await page.goto(`${browser.base}${setup}`);
    await page.getByLabel('Your name').fill('Carol Kovač');
    await page.getByLabel('E-mail').fill(OWNER.email);
    await page.getByLabel('Password').fill(OWNER.password);
    await page.keyboard.press('Enter');
    await page.waitForURL(`${browser.base}/console/tickets`);
    await page.goto(`${browser.base}/console/account`);
    await page.locator('.z-person > summary').click();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.waitForURL(`${browser.base}/sign-in`);
    expect(await page.locator('.z-banner').textContent()).toBe('You are signed out.');
    expect(await page.evaluate('document.activeElement.id')).toBe('email');
    await page.keyboard.type(OWNER.email);
    await page.keyboard.press('Tab');
    await page.keyboard.type(OWNER.password);
    await page.keyboard.press('Enter');
    await page.waitForURL(`${browser.base}/console/tickets`);
    await page.goto(`${browser.base}${setup}`);
    expect(await page.locator('h1').textContent()).toBe('This link is used up');
    expectNoForeignRequests(page);
  }, 60_000);

  test('every page of the way in looks right, and axe finds nothing', async () => {
    await look(browser, '/sign-in', 'sign-in');
    await look(browser, '/sign-in', 'sign-in-refused', {
      async prepare(page) {
        await page.getByLabel('E-mail').fill('nobody@example.com');
        await page.getByRole('button', { name: 'Sign in' }).click();
        await page.locator('.z-mistake').waitFor();
        expect(await page.getByLabel('E-mail').inputValue()).toBe('nobody@example.com');
        expect(await page.evaluate('document.activeElement.id')).toBe('password');
      },
    });
    await look(browser, '/console/account', 'account', { signedInAs: 'owner' });
    await look(browser, '/console/nothing', 'error-404', { signedInAs: 'owner' });
    await look(browser, '/nothing', 'error-404-nobody');
  }, 120_000);

  test('menus work without JavaScript, by keyboard, and at 390 px', async () => {
    for (const width of WIDTHS) {
      for (const theme of LOOKS) {
        const page = await browser.openPage({ width, theme, signedInAs: 'owner', javaScript: false });
        await page.goto(`${browser.base}/console/account`);
        const menu = width === 390 ? '.z-places-menu' : '.z-person';
        await page.locator(`${menu} > summary`).focus();
        await page.keyboard.press('Enter');
        await page.locator(`${menu} .z-menu-sheet`).waitFor();
        await screenshot(page, `menu-${width}-${theme}`);
        await page.context().close();
      }
    }
    const page = await browser.openPage({ width: 390, signedInAs: 'owner' });
    await page.goto(`${browser.base}/console/account`);
    for (const menu of ['.z-places-menu', '.z-person']) {
      await page.locator(`${menu} > summary`).click();
      await expectAccessible(page);
      await page.keyboard.press('Escape');
      expect(await page.locator(`${menu} .z-menu-sheet`).isVisible()).toBe(false);
    }
  }, 60_000);

  test('the appearance follows the system until somebody chooses', async () => {
    const page = await browser.openPage({ theme: 'dark', signedInAs: 'owner' });
    const background = () => page.evaluate('getComputedStyle(document.body).backgroundColor');
    await page.goto(`${browser.base}/console/account?x=1`);
    const dark = await background();
    await page.emulateMedia({ colorScheme: 'light' });
    const light = await background();
    expect(light).not.toBe(dark);
    await page.getByRole('main').getByRole('button', { name: 'Dark' }).click();
    await page.waitForLoadState();
    expect(page.url()).toBe(`${browser.base}/console/account?x=1`);
    expect(await background()).toBe(dark);
    expect(
      await page.getByRole('main').getByRole('button', { name: 'Dark' }).getAttribute('aria-pressed'),
    ).toBe('true');
  });
});
