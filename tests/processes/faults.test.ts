import type { Knex } from 'knex';
import { verifyLedger } from '../../src/domain/credits';
import { migrate, openDatabase } from '../../src/platform/db';
import { limits } from '../../src/platform/limits';
import { chosenEngines, describeEachEngine } from '../support/databases';
import { type Answer, Server } from '../support/fleet';
import { type PostgresServer, startPostgres } from '../support/postgres-server';
import { endPrograms } from '../support/process';
import { until } from '../support/until';

const one = (id: number) => ({ id, email: `buyer-${id}@example.com`, lines: [{ id: 1, sku: 'ONE' }] });

(chosenEngines().includes('postgres') ? describe : describe.skip)('a PostgreSQL that goes away', () => {
  let postgres: PostgresServer;
  let db: Knex;
  let server: Server;
  const acknowledged: string[] = [];
  let wooId = 0;

  beforeAll(async () => {
    postgres = await startPostgres();
    db = openDatabase(postgres.url);
    await migrate(db);
    server = await Server.start(postgres.url);
    await server.sell('ONE', { sms: 1 });
  }, 60_000);
  afterAll(async () => {
    await endPrograms();
    await db.destroy();
    await postgres.stop();
  });

  const announce = async () => {
    wooId += 1;
    const answer = await server.announce(one(wooId));
    if (answer.status === 200) acknowledged.push(answer.body.id);
    return answer;
  };
  /** Shops and agents that go on whatever the answer is, until told to stop; says what they were answered. */
  function load() {
    let stopped = false;
    const answers: Answer[] = [];
    const keep = async (ask: () => Promise<Answer>) => {
      while (!stopped) answers.push(await ask());
    };
    const done = Promise.all([
      ...[1, 2, 3].map(() => keep(announce)),
      keep(() => server.get('tickets')),
      keep(() => server.call('GET', '/readyz')),
    ]);
    return {
      answers,
      async stop() {
        stopped = true;
        await done;
        return answers;
      },
    };
  }
  const expectRefusedAsUnavailable = (answers: Answer[]) => {
    const failed = answers.filter(({ status }) => status >= 500);
    expect(new Set(failed.map(({ status }) => status))).toEqual(new Set([503]));
    // The probe says which part is missing, the others when to come again.
    for (const { headers, body } of failed) {
      if (!body.checks) expect(headers.get('retry-after')).toBe(String(limits.retryAfterSeconds));
    }
  };
  const expectAllApplied = async () => {
    await until('all that was acknowledged is applied', async () => {
      const open = await db('deliveries').whereIn('id', acknowledged).whereNot({ status: 'done' });
      return open.length === 0;
    });
    expect(await db('deliveries').whereIn('id', acknowledged)).toHaveLength(acknowledged.length);
    expect((await verifyLedger(db)).problems).toEqual([]);
  };
  const isUnavailable = (answer: Answer) => answer.status === 503;

  it('is answered for with 503, and worked with again when it is back', async () => {
    const life = load();
    await until('some are kept', () => acknowledged.length >= 5);
    await postgres.crash();
    await until('webhooks are refused', async () => isUnavailable(await announce()));
    await until('it is not ready', async () => !(await server.ready()));
    await postgres.startAgain();
    await until('it is ready again', () => server.ready());
    const kept = acknowledged.length;
    await until('more are kept', () => acknowledged.length >= kept + 5);
    expectRefusedAsUnavailable(await life.stop());
    await expectAllApplied();
    expect(server.program.stdout()).toContain('could not be stored: the database is not available');
  }, 60_000);

  it('costs one statement and its connection, where a single connection is cut off without a word', async () => {
    const single = openDatabase(postgres.url, { poolMax: 1, statementMs: 100 });
    const pid = async () => (await single.raw('SELECT pg_backend_pid() AS pid')).rows[0].pid as number;
    const silent = await pid();
    process.kill(silent, 'SIGSTOP');
    try {
      await expect(pid()).rejects.toThrow('Query read timeout');
      expect(await pid()).not.toBe(silent);
    } finally {
      process.kill(silent, 'SIGCONT');
      await single.destroy();
    }
  });

  it('keeps nobody waiting for ever while it is frozen, and is worked with again', async () => {
    const life = load();
    const kept = acknowledged.length;
    await until('some are kept', () => acknowledged.length >= kept + 5);
    const thaw = await postgres.freeze();
    const stranger = openDatabase(postgres.url);
    try {
      const refused = expect(stranger.raw('SELECT 1')).rejects.toThrow('timeout expired');
      // On the connections that are open, and then on new ones.
      for (let i = 0; i < 2; i++) expect((await announce()).status).toBe(503);
      expect(await server.ready()).toBe(false);
      expect((await server.call('GET', '/healthz')).status).toBe(200);
      await refused;
    } finally {
      thaw();
      await stranger.destroy();
    }
    await until('it is ready again', () => server.ready());
    const before = acknowledged.length;
    await until('more are kept', () => acknowledged.length >= before + 5);
    expectRefusedAsUnavailable(await life.stop());
    await expectAllApplied();
  }, 90_000);
});

describeEachEngine('a server under load', (engine) => {
  let db: Knex;
  let url: string;
  beforeEach(async () => {
    ({ url } = await engine.freshDatabase());
    db = openDatabase(url);
  });
  afterEach(async () => {
    await endPrograms();
    await db.destroy();
  });

  it('ends when it is told to, with every answer given and nothing lost', async () => {
    const server = await Server.start(url);
    await server.sell('ONE', { sms: 50 });
    const { ticketId } = await server.buy(one(1));
    let stopped = false;
    const kept: string[] = [];
    const sent: string[] = [];
    const codes = new Set<number>();
    const client = async (ask: () => Promise<Answer>, list: string[]) => {
      while (!stopped) {
        // Refused by a closed door: it never came in.
        const answer = await ask().catch(() => null);
        if (!answer) return;
        codes.add(answer.status);
        if (answer.status < 300) list.push(answer.body.id);
      }
    };
    let wooId = 1;
    const clients = [1, 2, 3, 4].map((n) =>
      n % 2
        ? client(() => server.announce(one(++wooId)), kept)
        : client(() => server.reply(ticketId, {}), sent),
    );
    await until('much is under way', () => kept.length >= 10 && sent.length >= 10);
    server.program.child.kill('SIGTERM');
    expect(await server.program.ended).toBe(0);
    stopped = true;
    await Promise.all(clients);
    expect([...codes].filter((code) => ![200, 201, 402].includes(code))).toEqual([]);
    expect(server.program.stdout()).toContain('"stopped"');
    expect(server.program.stdout()).not.toMatch(/request aborted|"level":50/);
    expect(await db('deliveries').whereIn('id', kept)).toHaveLength(kept.length);
    expect(await db('messages').whereIn('id', sent)).toHaveLength(sent.length);
    // It let go of what it had claimed: another one need not wait for a lease.
    expect(await db('deliveries').whereNotNull('lease_owner')).toHaveLength(0);
    expect(await db('outbox').whereNotNull('lease_owner')).toHaveLength(0);
    expect((await verifyLedger(db)).problems).toEqual([]);
  }, 60_000);
});

// How attempts are counted is tested on both engines (tests/usecases/process-delivery.test.ts).
describeEachEngine(
  'a server with a poisonous delivery',
  (engine) => {
    afterEach(endPrograms);

    it('parks the delivery that ends its process each time, and works off the rest', async () => {
      const POISON = 5;
      const { db, url } = await engine.freshDatabase();
      let server = await Server.start(url, { ZETON_TEST_POISON: String(POISON) });
      await server.sell('ONE', { sms: 1 });
      await server.buy(one(1));
      const poison = await server.announce({ id: POISON }, 'order.deleted');
      expect(await server.program.ended).toBe('SIGKILL');
      const { id } = poison.body;
      const row = () => db('deliveries').where({ id }).first();
      // It counts though nobody was left to count it. The attempts between are the same again.
      expect(await row()).toMatchObject({ status: 'pending', attempts: 1 });
      const over = { lease_until: '2026-01-01T00:00:00.000Z' };
      await db('deliveries')
        .where({ id })
        .update({ ...over, attempts: limits.inboxAttempts - 1 });
      server = await Server.start(url, { ZETON_TEST_POISON: String(POISON) });
      expect(await server.program.ended).toBe('SIGKILL');
      expect(await row()).toMatchObject({ status: 'pending', attempts: limits.inboxAttempts });
      await db('deliveries').where({ id }).update(over);
      server = await Server.start(url, { ZETON_TEST_POISON: String(POISON) });
      const parked = await until(
        'it is parked',
        async () => (await row()).status === 'failed' && (await row()),
      );
      expect(parked.reason).toBe('Zeton stopped in the middle of it each time that it was tried.');
      await server.buy(one(2));
    }, 60_000);
  },
  chosenEngines().filter((name) => name === 'sqlite'),
);
