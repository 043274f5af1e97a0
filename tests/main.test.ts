import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { authenticate } from '../src/domain/access';
import { uuidIds } from '../src/platform/ids';
import { makeTestApp, TEST_ENV } from './support/app';
import { describeEachEngine } from './support/databases';
import { endPrograms, runProgram } from './support/process';
import { signed } from './support/recordings';

const READY = /Zeton listens on http:\/\/127\.0\.0\.1:(\d+) \((.*)\)/;

afterEach(endPrograms);

describeEachEngine('npm start', (engine) => {
  it('serves, finishes the request that is in flight when it is told to stop, and exits 0', async () => {
    const { db, url } = await engine.freshDatabase();
    const program = runProgram('src/main.ts', {
      ...TEST_ENV,
      DATABASE_URL: url,
      PORT: '0',
      LOG_LEVEL: 'debug',
    });
    const port = Number((await program.shows(READY))[1]);
    expect((await fetch(`http://127.0.0.1:${port}/readyz`)).status).toBe(200);

    const body = JSON.stringify({ id: 1, note: 'Pošljite SMS' });
    const sending = httpRequest({
      port,
      host: '127.0.0.1',
      method: 'POST',
      path: '/webhooks/woocommerce/default',
      headers: { ...signed(body), 'Content-Length': Buffer.byteLength(body) },
    });
    const answered = new Promise<{ status?: number; body: string }>((resolve, reject) => {
      sending.on('error', reject);
      sending.on('response', (response) => {
        let text = '';
        response.on('data', (data: Buffer) => {
          text += data.toString();
        });
        response.on('end', () => resolve({ status: response.statusCode, body: text }));
      });
    });
    // The server has begun to read it once it has answered a later request on another connection.
    await new Promise((resolve) => sending.write(body.slice(0, 10), resolve));
    await fetch(`http://127.0.0.1:${port}/healthz`);
    program.child.kill('SIGTERM');
    await program.shows(/"stopping"/);
    await expect(fetch(`http://127.0.0.1:${port}/healthz`)).rejects.toThrow();
    sending.end(body.slice(10));
    const answer = await answered;
    expect(answer.status).toBe(200);
    expect(await program.ended).toBe(0);
    expect(program.stdout()).toContain('"stopped"');
    expect(program.stderr()).toBe('');
    const { id } = JSON.parse(answer.body);
    const row = await db('deliveries').where({ id }).first();
    expect(row.body.toString()).toBe(body);
    expect(program.stdout()).not.toContain(TEST_ENV.WOOCOMMERCE_WEBHOOK_SECRET);
    expect(program.stdout()).not.toContain(TEST_ENV.BOOTSTRAP_API_TOKEN);
  });

  it('has on disk what it answered 200 to, should it be killed in the same moment', async () => {
    const { db, url } = await engine.freshDatabase();
    const program = runProgram('src/main.ts', { ...TEST_ENV, DATABASE_URL: url, PORT: '0' });
    const port = Number((await program.shows(READY))[1]);
    const body = JSON.stringify({ id: 1 });
    const answers = await Promise.all(
      Array.from({ length: 10 }, () =>
        fetch(`http://127.0.0.1:${port}/webhooks/woocommerce/default`, {
          method: 'POST',
          headers: signed(body),
          body,
        }),
      ),
    );
    program.child.kill('SIGKILL');
    const ids = await Promise.all(
      answers.map(async (answer) => (JSON.parse(await answer.text()) as { id: string }).id),
    );
    expect(await program.ended).toBe('SIGKILL');
    expect(await db('deliveries').whereIn('id', ids)).toHaveLength(10);
  });

  it('stops at once when it is told twice', async () => {
    const { url } = await engine.freshDatabase();
    const program = runProgram('src/main.ts', { ...TEST_ENV, DATABASE_URL: url, PORT: '0' });
    const port = Number((await program.shows(READY))[1]);
    const hanging = httpRequest({
      port,
      host: '127.0.0.1',
      method: 'POST',
      path: '/webhooks/woocommerce/default',
      headers: { 'Content-Length': 10 },
    });
    hanging.on('error', () => undefined);
    await new Promise((resolve) => hanging.write('x', resolve));
    await fetch(`http://127.0.0.1:${port}/healthz`);
    program.child.kill('SIGTERM');
    await program.shows(/"stopping"/);
    program.child.kill('SIGTERM');
    expect(await program.ended).toBe(1);
  });

  it('leaves an idle connection that is kept alive', async () => {
    const { url } = await engine.freshDatabase();
    const program = runProgram('src/main.ts', { ...TEST_ENV, DATABASE_URL: url, PORT: '0' });
    const port = Number((await program.shows(READY))[1]);
    const answer = await fetch(`http://127.0.0.1:${port}/healthz`, { keepalive: true });
    expect(answer.headers.get('connection')).toBe('keep-alive');
    await answer.text();
    program.child.kill('SIGINT');
    expect(await program.ended).toBe(0);
  });

  it('prepares an empty database, tells what has no effect yet, and where it is', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'zeton-main-'));
    const url =
      engine.name === 'sqlite' ? `sqlite:${folder}/new/zeton.sqlite` : (await engine.freshDatabase()).url;
    const { PUBLIC_URL: _, ...env } = TEST_ENV;
    const program = runProgram('src/main.ts', {
      ...env,
      DATABASE_URL: url,
      PORT: '0',
      ICE_SERVERS: '[{"urls":"turn:turn.example.com","username":"u","credential":"hunter22"}]',
    });
    const [, port, publicUrl] = await program.shows(READY);
    expect(publicUrl).toBe(`http://localhost:${port}`);
    const warning = program
      .stdout()
      .split('\n')
      .find((line) => line.includes('ICE_SERVERS'));
    expect(JSON.parse(warning!)).toMatchObject({ level: 40, settings: ['ICE_SERVERS'] });
    expect(program.stdout()).not.toContain('hunter22');
    const ready = await fetch(`http://127.0.0.1:${port}/readyz`);
    expect(ready.status).toBe(200);
    program.child.kill('SIGTERM');
    expect(await program.ended).toBe(0);
    rmSync(folder, { recursive: true });
  });

  it('says in one line that the port is taken, and exits 1', async () => {
    const { url } = await engine.freshDatabase();
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as { port: number };
    const program = runProgram('src/main.ts', { ...TEST_ENV, DATABASE_URL: url, PORT: String(port) });
    expect(await program.ended).toBe(1);
    other.close();
    expect(program.stderr()).toBe(
      `Zeton cannot start: PORT ${port} on 127.0.0.1 is in use by another program; expected: a free one\n`,
    );
  });
});

describe('npm start with something wrong', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'zeton-main-'));
    writeFileSync(join(folder, 'not-a-database'), 'this is a text file, and no database at all'.repeat(50));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it.each([
    [
      'a wrong value',
      { PORT: 'http' },
      /^Zeton cannot start: PORT is "http"; expected: a whole number from 0 to 65535\n$/,
    ],
    [
      'a database that is not there',
      { DATABASE_URL: 'postgres://zeton:hunter22@127.0.0.1:1/zeton' },
      /^Zeton cannot start: DATABASE_URL: the database cannot be used \(ECONNREFUSED\); expected: .*\n$/,
    ],
    [
      'a file that is no database',
      { DATABASE_URL: 'sqlite:FOLDER/not-a-database' },
      /^Zeton cannot start: DATABASE_URL: the database cannot be used \(SQLITE_NOTADB\); expected: .*\n$/,
    ],
    [
      'an address of another machine',
      { HOST: '192.0.2.1', DATABASE_URL: 'sqlite:FOLDER/zeton.sqlite' },
      /^Zeton cannot start: HOST 192\.0\.2\.1 cannot be listened on \(EADDRNOTAVAIL\); expected: .*\n$/,
    ],
  ])('says it in one line and exits 1: %s', async (_, wrong, line) => {
    const env = Object.fromEntries(
      Object.entries(wrong).map(([name, value]) => [name, value.replace('FOLDER', folder)]),
    );
    const program = runProgram('src/main.ts', { ...TEST_ENV, PORT: '0', ...env });
    expect(await program.ended).toBe(1);
    expect(program.stderr()).toMatch(line);
    expect(program.stderr() + program.stdout()).not.toContain('hunter22');
  });
});

describeEachEngine('npm run zeton', (engine) => {
  it('adds a token that works, and shows it alone on stdout', async () => {
    const app = await makeTestApp(engine);
    const env = { ...TEST_ENV, DATABASE_URL: app.url };
    const args = [
      'token',
      'add',
      '--name',
      'Shop tool',
      '--scopes',
      'orders:read, credits:read',
      '--stores',
      'default',
    ];
    const program = runProgram('src/cli.ts', env, args);
    expect(await program.ended).toBe(0);
    const token = program.stdout().trim();
    expect(token).toMatch(/^ztn_[\w-]{43}$/);
    const principal = await authenticate(app.db, token, null, '2026-11-22T12:00:00.000Z');
    expect(principal).toMatchObject({ name: 'Shop tool', scopes: new Set(['orders:read', 'credits:read']) });
    const [row] = await app.db('audit_log').where({ action: 'token.added' });
    expect(row.actor_name).toMatch(/^command line/);
  });

  it('says what is wrong with a token', async () => {
    const app = await makeTestApp(engine);
    const env = { ...TEST_ENV, DATABASE_URL: app.url };
    const program = runProgram('src/cli.ts', env, ['token', 'add', '--name', 'x', '--scopes', 'orders:eat']);
    expect(await program.ended).toBe(1);
    expect(program.stderr()).toBe('--scopes must not hold "orders:eat", which is no scope\n');
    expect(program.stdout()).toBe('');
  });

  it('verifies the ledger: 0 when it is right, 1 and words when it is not', async () => {
    const app = await makeTestApp(engine);
    const env = { ...TEST_ENV, DATABASE_URL: app.url };
    const right = runProgram('src/cli.ts', env, ['ledger', 'verify']);
    expect(await right.ended).toBe(0);
    expect(right.stdout()).toBe('0 customers, 0 grants, 0 entries: every sum is right\n');

    const { id: storeId } = await app.db('stores').first('id');
    const customerId = uuidIds.next();
    await app.db('customers').insert({
      id: customerId,
      store_id: storeId,
      name: 'Ana',
      locale: 'sl',
      details_as_of: '',
      created_at: 'now',
      updated_at: 'now',
    });
    // A balance that no entry explains.
    await app.db('credit_balances').insert({ customer_id: customerId, sms_granted: 5, sms_available: 5 });
    const wrong = runProgram('src/cli.ts', env, ['ledger', 'verify']);
    expect(await wrong.ended).toBe(1);
    expect(wrong.stdout()).toContain(customerId);
    expect(wrong.stdout()).toMatch(/1 customers, 0 grants, 0 entries: \d+ problems\n$/);
  });

  it('shows its usage for anything else, and exits 2', async () => {
    const { url } = await engine.freshDatabase();
    const attempts = [[], ['ledger'], ['backup', 'x'], ['token', 'add'], ['ledger', 'verify', '--fast']];
    const programs = attempts.map((args) =>
      runProgram('src/cli.ts', { ...TEST_ENV, DATABASE_URL: url }, args),
    );
    for (const program of programs) {
      expect(await program.ended).toBe(2);
      expect(program.stderr()).toMatch(/Usage: npm run zeton -- COMMAND/);
    }
  });

  it('takes the same database as npm start, and one that is prepared', async () => {
    const wrong = runProgram(
      'src/cli.ts',
      { DATABASE_URL: 'sqlite:/tmp/no-such-folder-of-zeton/x.sqlite', SECRET_KEY: 'k'.repeat(32) },
      ['ledger', 'verify'],
    );
    expect(await wrong.ended).toBe(1);
    expect(wrong.stderr()).toMatch(/^DATABASE_URL: there is no file .*\n$/);
  });
});

describeEachEngine('npm run zeton -- doctor', (engine) => {
  it('finds nothing wrong with what npm start has prepared, in words and as JSON', async () => {
    const app = await makeTestApp(engine);
    const env = { ...TEST_ENV, DATABASE_URL: app.url, PUBLIC_URL: 'https://help.example.com' };
    const [inWords, asJson] = [['doctor'], ['doctor', '--json']].map((args) =>
      runProgram('src/cli.ts', env, args),
    );
    expect(await inWords?.ended).toBe(0);
    expect(inWords?.stderr()).toBe('');
    const lines = inWords?.stdout().trim().split('\n') ?? [];
    expect(lines).toContain('OK    ledger         0 entries of 0 customers, every sum is right');
    expect(lines).toContain(
      'WARN  mail           sandbox: mail stays on this machine. To do: set SMTP_URL, so that customers get it',
    );
    expect(lines.filter((line) => !/^(OK {2}|WARN) {2}\w/.test(line))).toEqual([]);
    expect(await asJson?.ended).toBe(0);
    const report = JSON.parse(asJson?.stdout() ?? '');
    expect(report.ok).toBe(true);
    expect(report.checks[0]).toEqual({
      check: 'configuration',
      status: 'ok',
      words: 'every variable is right',
      advice: null,
    });
    expect(report.checks).toHaveLength(lines.length);
  });

  it('exits 1 and says what to do when something is not well', async () => {
    const app = await makeTestApp(engine);
    await app.db('knex_migrations').where('name', 'like', '0013%').delete();
    const program = runProgram('src/cli.ts', { ...TEST_ENV, DATABASE_URL: app.url }, ['doctor']);
    expect(await program.ended).toBe(1);
    expect(program.stdout()).toMatch(/^FAIL {2}migrations {5}missing: 1 of them, .* To do: npm start/m);
    expect(program.stderr()).toBe('');
  });
});

describe('npm run zeton -- doctor, on what is broken', () => {
  const folder = mkdtempSync(join(tmpdir(), 'zeton-doctor-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const garbage = join(folder, 'garbage.sqlite');
  writeFileSync(garbage, 'this was a database once'.repeat(1000));

  it.each([
    [
      'a file that is no database',
      { DATABASE_URL: `sqlite:${garbage}` },
      /^FAIL {2}database .*SQLITE_NOTADB/m,
    ],
    [
      'a server that does not answer',
      { DATABASE_URL: 'postgres://zeton@127.0.0.1:9/zeton', SECRET_KEY: 'k'.repeat(32) },
      /^FAIL {2}database .*ECONNREFUSED/m,
    ],
    ['no file', { DATABASE_URL: `sqlite:${folder}/none.sqlite` }, /^FAIL {2}database .*there is no file/m],
    ['a wrong variable', { PORT: 'many' }, /^FAIL {2}configuration .*PORT/m],
    ['no key for PostgreSQL', { DATABASE_URL: 'postgres://127.0.0.1:9/zeton' }, /^FAIL .*SECRET_KEY/m],
  ])('says so of %s, without a stack trace, and makes nothing', async (_name, env, line) => {
    const program = runProgram('src/cli.ts', env, ['doctor'], { cwd: folder });
    expect(await program.ended).toBe(1);
    expect(program.stdout()).toMatch(line);
    expect(program.stdout() + program.stderr()).not.toMatch(/ {4}at /);
    expect(readdirSync(folder)).toEqual(['garbage.sqlite']);
  });

  it('takes no other words', async () => {
    const program = runProgram('src/cli.ts', {}, ['doctor', '--quick'], { cwd: folder });
    expect(await program.ended).toBe(2);
  });
});
