import { statSync, utimesSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/platform/clock';
import { limits } from '../../src/platform/limits';
import { makeVault } from '../../src/platform/secrets';
import { CHECKS, examine, type Finding, type Patient } from '../../src/usecases/doctor';
import { makeTestApp, type TestApp, testVault } from '../support/app';
import { describeEachEngine } from '../support/databases';
import { SmtpPeer } from '../support/smtp-peer';

const MINUTE = 60_000;
const ago = (ms: number) => new Date(Date.now() - ms).toISOString();

describeEachEngine('The doctor', (engine) => {
  let app: TestApp;
  let patient: Patient;

  beforeEach(async () => {
    app = await makeTestApp(engine, { at: new Date().toISOString() });
    patient = {
      db: app.db,
      databaseFile: /^sqlite:(.*)/.exec(app.url)?.[1] ?? null,
      freeBytes: () => Promise.resolve(5 * limits.doctorDiskWarnBytes),
      clock: systemClock,
      vault: testVault,
      publicUrl: null,
      smtpUrl: null,
      mailbox: null,
      twilio: null,
    };
    if (!(await app.db.schema.hasTable('job_slots'))) {
      await app.db.raw(
        'CREATE TABLE job_slots (job TEXT NOT NULL PRIMARY KEY, slot TEXT NOT NULL, taken_at TEXT NOT NULL)',
      );
    }
    await ran({ 'credits.expire': 20_000, 'sign-ins.forget': 40 * MINUTE });
  });

  async function ran(jobs: Record<string, number>): Promise<void> {
    await app.db('job_slots').delete();
    for (const [job, ms] of Object.entries(jobs)) {
      await app.db('job_slots').insert({ job, slot: ago(ms), taken_at: ago(ms) });
    }
  }

  async function finding(name: string, changes: Partial<Patient> = {}): Promise<Finding> {
    const check = CHECKS.find((known) => known.name === name);
    const [found] = await examine({ ...patient, ...changes }, check ? [check] : []);
    if (!found) throw new Error(`no check ${name}`);
    return found;
  }

  async function delivery(received: string, status: 'pending' | 'failed' = 'pending'): Promise<void> {
    const { id: storeId } = await app.db('stores').first('id');
    await app.db('deliveries').insert({
      id: app.ctx.ids.next(),
      store_id: storeId,
      topic: 'order.created',
      headers: '{}',
      body: Buffer.from('{}'),
      received_at: received,
      status,
      attempts: 0,
      next_attempt_at: received,
    });
  }

  async function customer(): Promise<string> {
    const { id: storeId } = await app.db('stores').first('id');
    const id = app.ctx.ids.next();
    const details = { name: 'Ana', locale: 'sl', details_as_of: '{}', created_at: '', updated_at: '' };
    await app.db('customers').insert({ id, store_id: storeId, ...details });
    return id;
  }

  let ticketId: string | null = null;
  async function message(created: string, status: string): Promise<void> {
    if (ticketId === null) {
      const { id: store_id } = await app.db('stores').first('id');
      ticketId = app.ctx.ids.next();
      await app.db('tickets').insert({
        id: ticketId,
        number: 1,
        store_id,
        customer_id: await customer(),
        family_id: ticketId,
        subject: 'Printer',
        status: 'open',
        version: 1,
        origin: 'agent',
        unpaid: 0,
        spam: 0,
        tags: '[]',
        last_message_at: created,
        created_at: created,
        updated_at: created,
      });
    }
    const id = app.ctx.ids.next();
    await app.db('messages').insert({
      id,
      ticket_id: ticketId,
      direction: 'out',
      channel: 'sms',
      kind: 'reply',
      author_kind: 'staff',
      author_id: 'bob',
      author_name: 'Bob',
      to_address: '+38641555100',
      body: 'x',
      status,
      created_at: created,
    });
    if (status !== 'queued') return;
    const row = {
      message_id: id,
      channel: 'sms',
      ticket_id: ticketId,
      attempts: 0,
      next_attempt_at: created,
    };
    await app.db('outbox').insert(row);
  }
  afterEach(() => {
    ticketId = null;
  });

  test('finds nothing wrong with an installation that is well', async () => {
    await delivery(ago(1000));
    const findings = await examine(patient);
    expect(findings.filter(({ status }) => status !== 'ok')).toEqual([]);
    const disk = engine.name === 'sqlite' ? ['disk'] : [];
    expect(findings.map(({ check }) => check)).toEqual([
      ...[
        'database',
        'migrations',
        'secrets',
        'ledger',
        'inbox',
        'mail-in',
        'outbox',
        'schedules',
        'shops',
        'clock',
      ],
      ...disk,
      ...['mail', 'sms'],
    ]);
    expect(findings.every(({ advice }) => advice === null)).toBe(true);
  });

  test('finds missing and foreign migrations, and looks at no rows then', async () => {
    await app
      .db('knex_migrations')
      .insert({ name: '9999_of_the_future', batch: 9, migration_time: new Date() });
    expect(await finding('migrations')).toMatchObject({
      status: 'fail',
      words: 'the database is of a newer version of Zeton (9999_of_the_future)',
    });
    await app.db('knex_migrations').whereIn('name', ['9999_of_the_future', '0013_credit_notices']).delete();
    const findings = await examine(patient);
    expect(findings.slice(0, 4)).toMatchObject([
      { check: 'database', status: 'ok' },
      { check: 'migrations', status: 'fail', words: 'missing: 1 of them, from 0013_credit_notices on' },
      { check: 'secrets', status: 'warn', words: 'not looked at', advice: 'mend first: migrations' },
      { check: 'ledger', status: 'warn', words: 'not looked at' },
    ]);
    expect(findings.at(-1)).toMatchObject({ check: 'sms', status: 'ok' });
  });

  test('finds that the key is another one', async () => {
    expect(
      await finding('secrets', { vault: makeVault('another key, as long as it has to be') }),
    ).toMatchObject({
      status: 'fail',
      words: 'SECRET_KEY does not open the secrets that are stored',
    });
  });

  test('finds a ledger that does not add up', async () => {
    const customer_id = await customer();
    await app.db('credit_balances').insert({ customer_id, sms_granted: 5, sms_available: 5 });
    const found = await finding('ledger');
    expect(found.status).toBe('fail');
    expect(found.words).toMatch(/^\d+ things do not add up: Balance of customer /);
  });

  test('finds deliveries that wait too long, and those that were given up', async () => {
    await delivery(ago(MINUTE), 'failed');
    expect(await finding('inbox')).toMatchObject({
      status: 'warn',
      words: '1 deliveries could not be processed',
    });
    await app.db('deliveries').delete();
    await delivery(ago(6 * MINUTE));
    expect(await finding('inbox')).toMatchObject({
      status: 'warn',
      words: '1 deliveries wait, the oldest for 6 minutes',
    });
    await app.db('deliveries').update({ received_at: ago(125 * MINUTE) });
    expect(await finding('inbox')).toMatchObject({
      status: 'fail',
      words: '1 deliveries wait, the oldest for 2 hours',
      advice: expect.stringContaining('npm start'),
    });
  });

  test('finds messages that do not go out, are uncertain, or failed lately', async () => {
    await message(ago(2 * 86_400_000), 'failed');
    expect(await finding('outbox')).toMatchObject({ status: 'ok' });
    await message(ago(MINUTE), 'failed');
    await message(ago(MINUTE), 'delivered');
    expect(await finding('outbox')).toMatchObject({
      status: 'warn',
      words: '1 messages failed in the last 24 hours, 1 went out',
    });
    await message(ago(MINUTE), 'uncertain');
    expect(await finding('outbox')).toMatchObject({
      status: 'warn',
      words: expect.stringMatching(/^of 1 messages nobody knows/),
    });
    await message(ago(16 * MINUTE), 'queued');
    expect(await finding('outbox')).toMatchObject({
      status: 'fail',
      words: '1 messages wait, the oldest for 16 minutes',
    });
  });

  test('finds schedules that stand still', async () => {
    await ran({ 'credits.expire': 20_000, 'sign-ins.forget': 130 * MINUTE });
    expect(await finding('schedules')).toMatchObject({
      status: 'warn',
      words: expect.stringMatching(/^sign-ins\.forget stands still: .*2 hours ago/),
    });
    await ran({ 'credits.expire': 16 * MINUTE, 'sign-ins.forget': 40 * MINUTE });
    expect(await finding('schedules')).toMatchObject({
      status: 'fail',
      words: 'no job has run for 16 minutes',
    });
    await ran({});
    expect(await finding('schedules')).toMatchObject({ status: 'warn', words: 'no job has ever run' });
  });

  test('finds a clock that is behind what was written, or apart from the database’s', async () => {
    const off = (ms: number) => ({ clock: { now: () => new Date(Date.now() + ms) } });
    await delivery(ago(-40 * MINUTE));
    expect(await finding('clock')).toMatchObject({
      status: 'fail',
      words: expect.stringMatching(/^the newest entry is \d+ minutes in the future/),
    });
    await app.db('deliveries').delete();
    if (patient.databaseFile === null) {
      expect(await finding('clock', off(10_000))).toMatchObject({ status: 'warn' });
      expect(await finding('clock', off(-90_000))).toMatchObject({
        status: 'fail',
        words: expect.stringMatching(/^this machine and the database are \d+ seconds apart$/),
      });
    } else {
      const later = new Date(statSync(patient.databaseFile).mtime.getTime() + 3_600_000);
      utimesSync(patient.databaseFile, later, later);
      expect(await finding('clock')).toMatchObject({ status: 'fail' });
    }
  });

  test('says that a check could not be made instead of failing itself, without what the error says', async () => {
    await app.db.raw('ALTER TABLE outbox RENAME TO gone');
    const found = await finding('outbox');
    expect(found).toMatchObject({
      status: 'fail',
      words: expect.stringMatching(/^could not be checked \(\w+\)$/),
    });
  });
});

describe('The doctor, outside of the database', () => {
  const patient = {
    databaseFile: join(tmpdir(), 'zeton.sqlite'),
    publicUrl: null,
    smtpUrl: null,
    mailbox: null,
    twilio: null,
    freeBytes: () => Promise.resolve(10 * limits.doctorDiskWarnBytes),
  } as unknown as Patient;

  async function finding(name: string, changes: Partial<Patient>): Promise<Finding | undefined> {
    const checks = CHECKS.filter((check) => check.name === name);
    return (await examine({ ...patient, ...changes }, checks))[0];
  }

  test('finds a disk that is full or nearly so', async () => {
    const free = (bytes: number) => ({ freeBytes: () => Promise.resolve(bytes) });
    expect(await finding('disk', free(limits.doctorDiskFailBytes - 1))).toMatchObject({
      status: 'fail',
      words: '99 MiB free beside the database',
    });
    expect(await finding('disk', free(limits.doctorDiskFailBytes))).toMatchObject({ status: 'warn' });
    expect(await finding('disk', free(limits.doctorDiskWarnBytes))).toMatchObject({ status: 'ok' });
  });

  test('warns of the sandbox where customers are expected', async () => {
    const publicUrl = 'https://help.example.com';
    expect(await finding('mail', { publicUrl })).toMatchObject({ status: 'warn' });
    expect(await finding('sms', { publicUrl })).toMatchObject({ status: 'warn' });
    expect(await finding('sms', { publicUrl: 'http://localhost:3000' })).toMatchObject({ status: 'ok' });
  });

  test('signs in at the mail server, and sends nothing', async () => {
    const peer = await new SmtpPeer({ user: 'shop', password: 'right' }).listen();
    const { host } = new URL(peer.url);
    expect(await finding('mail', { smtpUrl: `smtp://shop:right@${host}` })).toMatchObject({ status: 'ok' });
    expect(await finding('mail', { smtpUrl: `smtp://shop:wrong@${host}` })).toMatchObject({
      status: 'fail',
      words: 'the mail server does not accept our sign-in (EAUTH 535)',
    });
    await peer.close();
    expect(await finding('mail', { smtpUrl: `smtp://shop:right@${host}` })).toMatchObject({
      status: 'fail',
      words: expect.stringMatching(/^the mail server does not answer as one \(/),
    });
    expect(peer.received).toEqual([]);
  });

  test('reads the account at Twilio, and sends nothing', async () => {
    const accountSid = `AC${'0a'.repeat(16)}`;
    const asked: string[] = [];
    let answer: [number, unknown] = [200, { status: 'active' }];
    const server: Server = createServer((req, res) => {
      asked.push(`${req.method} ${req.url}`);
      const right = `Basic ${Buffer.from(`${accountSid}:right`).toString('base64')}`;
      const [status, body] = req.headers.authorization === right ? answer : [401, { code: 20003 }];
      res
        .writeHead(status, { 'Content-Type': 'application/json', Connection: 'close' })
        .end(JSON.stringify(body));
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const look = (authToken: string) => finding('sms', { twilio: { accountSid, authToken, baseUrl } });
    expect(await look('right')).toMatchObject({ status: 'ok' });
    expect(await look('wrong')).toMatchObject({
      status: 'fail',
      words: 'Twilio does not accept our sign-in',
    });
    answer = [200, { status: 'suspended' }];
    expect(await look('right')).toMatchObject({ words: 'the account at Twilio is not active (suspended)' });
    answer = [503, 'no'];
    expect(await look('right')).toMatchObject({ words: 'Twilio answers with HTTP 503' });
    await new Promise((done) => server.close(done));
    expect(await look('right')).toMatchObject({
      status: 'fail',
      words: 'Twilio does not answer (ECONNREFUSED)',
    });
    expect(new Set(asked)).toEqual(new Set([`GET /2010-04-01/Accounts/${accountSid}.json`]));
  });
});
