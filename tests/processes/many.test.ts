import type { Knex } from 'knex';
import { verifyLedger } from '../../src/domain/credits';
import { openDatabase } from '../../src/platform/db';
import { describeEachEngine } from '../support/databases';
import { type Answer, Server } from '../support/fleet';
import { endPrograms } from '../support/process';
import { until } from '../support/until';

const ROWS = 32;
/** As DESIGN §7 has it: PostgreSQL serves any number of processes; SQLite's file may be open in a second one. */
const PROCESSES = { sqlite: 2, postgres: 4 };

// Five servers and their database start, and share the cores with the other test files.
jest.setTimeout(60_000);

describeEachEngine('several processes on one database', (engine) => {
  let db: Knex;
  let url: string;
  let servers: Server[] = [];
  let answers: Answer[] = [];
  let wooId = 100;
  /** Deliveries of a process that was killed while it had some of them in work. */
  let left: string[] = [];

  beforeAll(async () => {
    // A pool as the servers have it: what this test reads must not wait for what it sends.
    ({ url } = await engine.freshDatabase());
    db = openDatabase(url);
    const victim = Server.start(url);
    servers = await Promise.all(
      Array.from({ length: PROCESSES[engine.name] }, () =>
        Server.start(url, { ZETON_TEST_TICKS: 'yes', LOG_LEVEL: 'debug' }),
      ),
    );
    await server(0).sell('ONE', { sms: 1 });
    await server(0).sell('MIXED', { sms: 2, email: 2, any: 9 }, { sms_unit: 'segment' });
    await server(0).sell('TICKET', { sms: 2 }, { sms_unit: 'segment', scope: 'ticket' });
    left = await killBusy(await victim);
  });

  afterAll(async () => {
    await endPrograms();
    await db.destroy();
  });

  afterEach(async () => {
    expect((await verifyLedger(db)).problems).toEqual([]);
    for (const { program } of servers) expect(program.stdout()).not.toContain('SQLITE_BUSY');
  });

  const server = (n: number) => servers[n % servers.length] as Server;
  /** `n` requests at once, each to the next process. */
  const atOnce = async (n: number, ask: (server: Server, n: number) => Promise<Answer>) => {
    answers = await Promise.all(Array.from({ length: n }, (_, i) => ask(server(i), i)));
    expect(answers.map((answer) => answer.status).filter((status) => status >= 500)).toEqual([]);
    return answers;
  };
  const statuses = () => answers.map((answer) => answer.status).sort();
  const buy = (sku: string, more: object = {}) => {
    wooId += 1;
    return server(wooId).buy({ id: wooId, lines: [{ id: 1, sku }], ...more });
  };

  it('let one of many replies have the last credit', async () => {
    for (let round = 0; round < 6; round++) {
      const { ticketId, customerId } = await buy('ONE');
      await atOnce(8, (at) => at.reply(ticketId, {}));
      expect(statuses()).toEqual([201, ...Array.from({ length: 7 }, () => 402)]);
      const balance = await db('credit_balances').where({ customer_id: customerId }).first();
      expect(Number(balance.sms_available)).toBe(0);
      expect(Number(balance.sms_held) + Number(balance.sms_used)).toBe(1);
    }
  });

  it('remember a key for each other', async () => {
    const { ticketId } = await buy('ONE');
    await atOnce(8, (at) => at.reply(ticketId, {}, `one-key-${ticketId}`));
    // Who comes while the first is at work may be told to wait, never that there is no credit.
    for (const { status, body } of answers) {
      if (status !== 201) expect(body.type).toBe('/problems/idempotency-conflict');
    }
    const ids = answers.filter(({ status }) => status === 201).map(({ body }) => body.id);
    expect(new Set(ids).size).toBe(1);
    expect(await db('messages').where({ ticket_id: ticketId, kind: 'reply' })).toHaveLength(1);
  });

  it('take one of several answers that were written without each other', async () => {
    for (let round = 0; round < 4; round++) {
      const { ticketId, version } = await buy('MIXED');
      await atOnce(4, (at) => at.reply(ticketId, { version, channel: 'email' }));
      expect(statuses()).toEqual([201, 409, 409, 409]);
      for (const { status, body } of answers) {
        if (status === 409) expect(body.type).toBe('/problems/stale-ticket');
      }
      expect(await db('messages').where({ ticket_id: ticketId, kind: 'reply' })).toHaveLength(1);
    }
  });

  it('draw on several grants of one customer at once, on two tickets, while its orders change', async () => {
    const email = 'both@example.com';
    const first = await buy('MIXED', { email });
    const bound = await buy('TICKET', { email });
    const second = await buy('MIXED', { email });
    expect(new Set([first.customerId, bound.customerId, second.customerId]).size).toBe(1);
    const tickets = [first.ticketId, bound.ticketId, second.ticketId];
    const long = 'Izklopite usmerjevalnik in počakajte, da ugasne. '.repeat(3);
    await atOnce(24, (at, n) => {
      const order = { id: wooId - (n % 3), email, lines: [{ id: 1, sku: n % 3 === 1 ? 'TICKET' : 'MIXED' }] };
      // Each order is cancelled and paid again in between: its grants are revoked and reinstated under the replies.
      const modified = `2026-11-21T10:00:${String(n).padStart(2, '0')}`;
      if (n % 4 === 3)
        return at.announce({ ...order, modified, status: n % 8 === 3 ? 'cancelled' : 'processing' });
      const ticketId = tickets[n % 3] as string;
      return n % 2 ? at.reply(ticketId, { channel: 'email' }) : at.reply(ticketId, { body: long });
    });
    expect(statuses().every((status) => [200, 201, 402].includes(status))).toBe(true);
    expect(statuses().filter((status) => status === 201).length).toBeGreaterThan(0);
    const events = answers.filter(({ status }) => status === 200).map(({ body }) => body.id);
    await until('the changes are applied', () => areDone(events));
  });

  const areDone = async (ids: string[]) =>
    (await db('deliveries').whereIn('id', ids).whereNot({ status: 'done' })).length === 0;

  it('work off one inbox and one outbox, each row once', async () => {
    const from = wooId + 1;
    await atOnce(ROWS, (at, n) => {
      const id = from + n;
      return at.announce({ id, email: `many-${id}@example.com`, lines: [{ id: 1, sku: 'ONE' }] });
    });
    wooId += ROWS;
    expect(new Set(statuses())).toEqual(new Set([200]));
    const ids = answers.map(({ body }) => body.id);
    await until('the inbox is worked off', () => areDone(ids));
    const rows = await db('deliveries').whereIn('id', ids);
    expect(new Set(rows.map((row) => `${row.status} after ${row.attempts}`))).toEqual(
      new Set(['done after 1']),
    );
    const orders = await db('orders').whereBetween('woo_id', [from, wooId]);
    expect(new Set(orders.map((order) => order.ticket_id)).size).toBe(ROWS);

    const replies = await atOnce(ROWS, (at, n) => at.reply(orders[n].ticket_id, {}));
    expect(new Set(statuses())).toEqual(new Set([201]));
    const messageIds = replies.map(({ body }) => body.id as string);
    await until('the outbox is worked off', async () => {
      return (await db('outbox').whereIn('message_id', messageIds)).length === 0;
    });
    const messages = await db('messages').whereIn('id', messageIds);
    expect(new Set(messages.map((message) => `${message.status} after ${message.attempts}`))).toEqual(
      new Set(['sent after 1']),
    );
    expect(await db('sandbox_messages').whereIn('message_id', messageIds)).toHaveLength(ROWS);
  });

  it('run a job once in each of its slots, whoever wins', async () => {
    const taken = () =>
      servers.flatMap(({ program }) =>
        [...program.stdout().matchAll(/"job":"tick","slot":"([^"]+)"/g)].map((match) => match[1]),
      );
    const before = taken().length;
    await until('three more slots', () => taken().length >= before + 3);
    const slots = taken();
    expect(new Set(slots).size).toBe(slots.length);
    expect(await db('job_slots').where({ job: 'tick' })).toHaveLength(1);
  });

  it('have gone on with what a killed one had begun', async () => {
    expect(left.length).toBeGreaterThan(0);
    await until('the others have done it', () => areDone(left));
    expect(await db('deliveries').where({ status: 'failed' })).toHaveLength(0);
  });

  /** What it had acknowledged. */
  async function killBusy(victim: Server): Promise<string[]> {
    const from = wooId + 1;
    wooId += ROWS;
    const announced = await Promise.all(
      Array.from({ length: ROWS }, (_, n) =>
        victim.announce({ id: from + n, email: `late-${n}@example.com`, lines: [{ id: 1, sku: 'ONE' }] }),
      ),
    );
    victim.program.child.kill('SIGKILL');
    await victim.program.ended;
    expect(new Set(announced.map(({ status }) => status))).toEqual(new Set([200]));
    return announced.map(({ body }) => body.id);
  }
});
