import type { Knex } from 'knex';
import { adjust, balanceOf, holdsOfCause, type Meter, verifyLedger } from '../../src/domain/credits';
import { openTicket, type Ticket } from '../../src/domain/tickets';
import type { Participant, VideoEventType } from '../../src/domain/video';
import type { Actor } from '../../src/platform/actor';
import { openDatabase, withTransaction } from '../../src/platform/db';
import { uuidIds } from '../../src/platform/ids';
import { makeLog } from '../../src/platform/log';
import { makeVault } from '../../src/platform/secrets';
import { advanceVideoSessions } from '../../src/usecases/advance-video-sessions';
import { type Context, momentOf } from '../../src/usecases/context';
import { endVideoSession } from '../../src/usecases/end-video-session';
import { makeLanes } from '../../src/usecases/lanes';
import { recordVideoEvent } from '../../src/usecases/record-video-event';
import { startVideoSession, startVideoSessionIn } from '../../src/usecases/start-video-session';
import { type VideoSessionView, videoSessionView } from '../../src/usecases/video-session.query';
import { makeWalks } from '../../src/usecases/walks';
import { describeEachEngine } from '../support/databases';

const bob: Actor = { kind: 'staff', id: 'bob', name: 'Bob' };
const room: Actor = { kind: 'token', id: 'room', name: 'video room' };
const MINUTE = 60;

/** A shop with Alice as its customer and one ticket of hers, at a clock that only tests move. */
class World {
  now = Date.parse('2026-11-02T09:00:00.000Z');
  readonly ctx: Context;
  ticket!: Ticket;
  sessionId = '';
  private events = 0;
  private readonly customerId = uuidIds.next();

  constructor(readonly db: Knex) {
    this.ctx = {
      db,
      clock: { now: () => new Date(this.now) },
      ids: uuidIds,
      log: makeLog('silent'),
      vault: makeVault('a key of tests that is 32 characters'),
      publicUrl: 'https://help.example',
      gateways: {} as Context['gateways'],
      chance: () => 1,
      lanes: makeLanes(),
      walks: makeWalks(),
      files: null,
      mailAddress: 'support@help.example',
      wake: () => undefined,
    };
  }

  async open(): Promise<this> {
    const at = this.ctx.clock.now().toISOString();
    const storeId = uuidIds.next();
    const stamps = { created_at: at, updated_at: at };
    await this.db('stores').insert({
      id: storeId,
      slug: 'default',
      name: 'Shop',
      paid_statuses: '[]',
      locale: 'en',
      country: 'SI',
      time_zone: 'UTC',
      from_environment: 0,
      ...stamps,
    });
    await this.db('customers').insert({
      id: this.customerId,
      store_id: storeId,
      name: 'Alice',
      locale: 'en',
      details_as_of: at,
      ...stamps,
    });
    const { customerId } = this;
    this.ticket = await withTransaction(this.db, (trx) =>
      openTicket(trx, momentOf(this.ctx, bob), { storeId, customerId, subject: 'Help', origin: 'customer' }),
    );
    return this;
  }

  /** Credits for whole sessions, or for blocks of so many minutes; later ones are like the first. Negative: taken away. */
  async give(quantity: number, blockMinutes?: number, meter: Meter = 'video'): Promise<void> {
    const kind = quantity > 0 ? 'goodwill' : 'correction';
    const adjustment = { customerId: this.customerId, meter, quantity, kind, reason: 'test' } as const;
    await withTransaction(this.db, (trx) => adjust(trx, momentOf(this.ctx, bob), adjustment));
    if (blockMinutes) await this.db('credit_grants').update({ video_block_minutes: blockMinutes });
  }

  async start(): Promise<VideoSessionView> {
    const { session } = await startVideoSession(this.ctx, bob, { ticketId: this.ticket.id });
    this.sessionId = session.id;
    return session;
  }

  report(participant: Participant, type: VideoEventType, eventId?: string): Promise<VideoSessionView> {
    this.events += 1;
    const { sessionId } = this;
    const report = { sessionId, eventId: eventId ?? `event-${this.events}`, type, participant };
    return recordVideoEvent(this.ctx, room, report);
  }

  async bothJoin(): Promise<VideoSessionView> {
    await this.report('agent', 'joined');
    return this.report('customer', 'joined');
  }

  async bothConnect(): Promise<VideoSessionView> {
    await this.report('agent', 'connected');
    return this.report('customer', 'connected');
  }

  /** Time goes by and no job runs. */
  pass(seconds: number): void {
    this.now += seconds * 1000;
  }

  /** Time goes by, and the job runs every five seconds. */
  async live(seconds: number): Promise<void> {
    for (let left = seconds; left > 0; left -= 5) {
      this.pass(Math.min(5, left));
      await this.advance();
    }
  }

  advance(): Promise<number> {
    return advanceVideoSessions(this.ctx, { limit: 20 });
  }

  end(): Promise<VideoSessionView> {
    return endVideoSession(this.ctx, bob, { sessionId: this.sessionId });
  }

  view(): Promise<VideoSessionView> {
    return videoSessionView(this.ctx, this.db, this.sessionId);
  }

  async credits(): Promise<{ available: number; held: number; used: number }> {
    const { available, held, used } = (await balanceOf(this.db, this.customerId)).video;
    return { available, held, used };
  }

  async holdReasons(): Promise<(string | null)[]> {
    const holds = await holdsOfCause(this.db, { kind: 'video_session', id: this.sessionId });
    return holds.map((hold) => (hold.status === 'released' ? hold.reason : hold.status));
  }

  async history(): Promise<{ type: string; facts: Record<string, unknown> }[]> {
    const rows = await this.db('ticket_events').where({ ticket_id: this.ticket.id }).orderBy('id');
    return rows
      .filter(({ type }) => type.startsWith('video.'))
      .map(({ type, facts }) => ({ type, facts: JSON.parse(facts) }));
  }

  async historyTypes(): Promise<string[]> {
    return (await this.history()).map(({ type }) => type);
  }
}

describeEachEngine('video sessions', (engine) => {
  let world: World;
  let url: string;

  beforeEach(async () => {
    const database = await engine.freshDatabase();
    url = database.url;
    world = await new World(database.db).open();
  });

  // Whatever happened: the ledger is right.
  afterEach(async () => {
    expect((await verifyLedger(world.db)).problems).toEqual([]);
  });

  // A waiting SQLite connection keeps one of node's four threads; in one process, more of them would starve the writer.
  const racers = engine.name === 'sqlite' ? 3 : 8;

  /** The same shop and clock through connections of its own, as another process has it. */
  async function onOtherConnections<T>(count: number, work: (ctxs: Context[]) => Promise<T>): Promise<T> {
    const pools = Array.from({ length: count }, () => openDatabase(url, { poolMax: 1 }));
    try {
      return await work(pools.map((db) => ({ ...world.ctx, db })));
    } finally {
      await Promise.all(pools.map((db) => db.destroy()));
    }
  }

  describe('starting', () => {
    it('opens a room with a join link for each, and costs nothing yet', async () => {
      await world.give(1);
      const session = await world.start();
      expect(session).toMatchObject({
        ticketId: world.ticket.id,
        state: 'waiting',
        agentState: 'absent',
        customerState: 'absent',
        blockMinutes: null,
        connectedSeconds: 0,
        warning: null,
        charge: { meter: 'video', unit: null, quantity: 0, holdIds: [], grants: [] },
        startedAt: null,
        endedAt: null,
        reason: null,
      });
      const { agent, customer } = session.joinUrls;
      expect(agent).toMatch(new RegExp(`^https://help\\.example/video/${session.id}#agent\\.[\\w-]{22}$`));
      expect(customer).toMatch(/#customer\.[\w-]{22}$/);
      expect(agent.split('.').at(-1)).not.toBe(customer.split('.').at(-1));
      expect(await world.credits()).toEqual({ available: 1, held: 0, used: 0 });
      expect(await world.historyTypes()).toEqual(['video.opened']);
    });

    it('leads whoever starts again into the room that is open', async () => {
      const first = await world.start();
      const again = await startVideoSession(world.ctx, bob, { ticketId: world.ticket.id });
      expect(again).toEqual({ session: first, created: false });
      await world.end();
      const next = await startVideoSession(world.ctx, bob, { ticketId: world.ticket.id });
      expect(next.created).toBe(true);
      expect(next.session.id).not.toBe(first.id);
    });

    it('opens a new room when the old one has been waited in for too long, though no job has run', async () => {
      const first = await world.start();
      world.pass(60 * MINUTE);
      const next = await startVideoSession(world.ctx, bob, { ticketId: world.ticket.id });
      expect(next.created).toBe(true);
      expect((await world.view()).state).toBe('no_show');
      expect(next.session.id).not.toBe(first.id);
    });

    it('makes one room when many start at once', async () => {
      const started = await onOtherConnections(racers, (ctxs) =>
        Promise.all(ctxs.map((ctx) => startVideoSession(ctx, bob, { ticketId: world.ticket.id }))),
      );
      expect(new Set(started.map(({ session }) => session.id)).size).toBe(1);
      expect(started.filter(({ created }) => created)).toHaveLength(1);
    });

    it('joins the transaction of its caller', async () => {
      const cancelled = withTransaction(world.db, async (trx) => {
        await startVideoSessionIn(trx, world.ctx, bob, { ticketId: world.ticket.id });
        throw new Error('changed my mind');
      });
      await expect(cancelled).rejects.toThrow('changed my mind');
      expect(await world.db('video_sessions').select()).toEqual([]);
    });

    it('is refused on a closed ticket, and on none', async () => {
      await world.db('tickets').update({ status: 'closed' });
      await expect(world.start()).rejects.toMatchObject({ code: 'ticket-closed' });
      const unknown = startVideoSession(world.ctx, bob, { ticketId: uuidIds.next() });
      await expect(unknown).rejects.toMatchObject({ code: 'not-found' });
    });
  });

  describe('a whole session', () => {
    beforeEach(async () => {
      await world.give(2);
      await world.start();
    });

    it('holds one credit when both have joined, and captures it at the end', async () => {
      await world.report('agent', 'joined');
      expect(await world.credits()).toEqual({ available: 2, held: 0, used: 0 });
      const joined = await world.report('customer', 'joined');
      expect(joined).toMatchObject({ state: 'active', blockMinutes: null, startedAt: joined.createdAt });
      expect(joined.charge).toMatchObject({ meter: 'video', unit: 'session', quantity: 1 });
      expect(joined.charge.holdIds).toHaveLength(1);
      expect(joined.charge.grants).toEqual([{ grantId: expect.any(String), meter: 'video', credits: 1 }]);
      expect(await world.credits()).toEqual({ available: 1, held: 1, used: 0 });

      await world.bothConnect();
      world.pass(95 * MINUTE);
      expect(await world.view()).toMatchObject({ connectedSeconds: 5700, state: 'active' });
      const ended = await world.end();
      expect(ended).toMatchObject({ state: 'ended', connectedSeconds: 5700, reason: null });
      expect(ended.charge).toEqual(joined.charge);
      expect(await world.credits()).toEqual({ available: 1, held: 0, used: 1 });
      expect(await world.history()).toEqual([
        { type: 'video.opened', facts: { video_session_id: world.sessionId } },
        {
          type: 'video.started',
          facts: { video_session_id: world.sessionId, unit: 'session', block_minutes: null },
        },
        {
          type: 'video.ended',
          facts: { video_session_id: world.sessionId, connected_seconds: 5700, charged: 1, reason: null },
        },
      ]);
    });

    it('charges nothing under a minute of connected time, however long they were in the room', async () => {
      await world.bothJoin();
      world.pass(10 * MINUTE);
      await world.bothConnect();
      world.pass(59);
      const ended = await world.end();
      expect(ended).toMatchObject({ state: 'ended', connectedSeconds: 59, reason: 'under-60-seconds' });
      expect(ended.charge).toMatchObject({ quantity: 0, holdIds: [], grants: [] });
      expect(await world.credits()).toEqual({ available: 2, held: 0, used: 0 });
      expect(await world.holdReasons()).toEqual(['under-60-seconds']);
    });

    it('charges from one minute on, summed over reconnects', async () => {
      await world.bothConnect();
      world.pass(30);
      await world.report('customer', 'left');
      world.pass(20 * MINUTE);
      await world.report('customer', 'joined');
      world.pass(MINUTE); // back in the room, not connected yet
      expect((await world.view()).connectedSeconds).toBe(30);
      await world.report('customer', 'connected');
      world.pass(30);
      expect(await world.end()).toMatchObject({ connectedSeconds: 60, charge: { quantity: 1 } });
      expect(await world.credits()).toEqual({ available: 1, held: 0, used: 1 });
    });

    it('is a no-show when one of them never came', async () => {
      await world.report('agent', 'connected');
      world.pass(5 * MINUTE);
      const ended = await world.end();
      expect(ended).toMatchObject({ state: 'no_show', reason: 'no-show', connectedSeconds: 0 });
      expect(ended.charge).toMatchObject({ unit: null, quantity: 0 });
      expect(await world.credits()).toEqual({ available: 2, held: 0, used: 0 });
      expect(await world.historyTypes()).toEqual(['video.opened', 'video.no_show']);
    });

    it('ends once: the second time is the same answer', async () => {
      await world.bothConnect();
      world.pass(5 * MINUTE);
      const first = await world.end();
      world.pass(5 * MINUTE);
      expect(await world.end()).toEqual(first);
      expect(await world.credits()).toEqual({ available: 1, held: 0, used: 1 });
      expect((await world.historyTypes()).filter((type) => type === 'video.ended')).toHaveLength(1);
    });

    it('ends once when many end it at once', async () => {
      await world.bothConnect();
      world.pass(5 * MINUTE);
      const { sessionId } = world;
      const ended = await onOtherConnections(racers, (ctxs) =>
        Promise.all(ctxs.map((ctx) => endVideoSession(ctx, bob, { sessionId }))),
      );
      for (const answer of ended) expect(answer).toEqual(ended[0]);
      expect(await world.credits()).toEqual({ available: 1, held: 0, used: 1 });
    });

    it('keeps the reason of whoever ends it', async () => {
      await world.bothConnect();
      world.pass(2 * MINUTE);
      const { sessionId } = world;
      const ended = await endVideoSession(world.ctx, bob, { sessionId, reason: 'solved on the phone' });
      expect(ended.reason).toBe('solved on the phone');
      expect((await world.history()).at(-1)?.facts).toMatchObject({
        reason: 'solved on the phone',
        charged: 1,
      });
    });

    it('is paid by pooled credits at their price when there are none of its own', async () => {
      await world.give(-2);
      await world.give(6, undefined, 'any');
      const { charge } = await world.bothConnect();
      expect(charge).toMatchObject({ meter: 'video', unit: 'session', quantity: 1 });
      expect(charge.grants).toEqual([{ grantId: expect.any(String), meter: 'any', credits: 5 }]);
      world.pass(MINUTE);
      expect((await world.end()).charge).toEqual(charge);
    });

    it('does not know a session that does not exist', async () => {
      world.sessionId = uuidIds.next();
      await expect(world.end()).rejects.toMatchObject({ code: 'not-found' });
      await expect(world.report('agent', 'joined')).rejects.toMatchObject({ code: 'not-found' });
      await expect(world.view()).rejects.toMatchObject({ code: 'not-found' });
      expect(await world.db('video_events').select()).toEqual([]);
    });

    it('is paid by the customer to whom the ticket belongs when both have joined', async () => {
      const other = { ...(await world.db('customers').first()), id: uuidIds.next(), name: 'Dora' };
      await world.db('customers').insert(other);
      await world.db('tickets').update({ customer_id: other.id });
      expect(await world.bothJoin()).toMatchObject({ state: 'blocked' });
      expect(await world.credits()).toEqual({ available: 2, held: 0, used: 0 });
    });
  });

  describe('events', () => {
    beforeEach(async () => {
      await world.give(1);
      await world.start();
    });

    it('change nothing when they are repeated, and are answered by the session as it is', async () => {
      await world.report('agent', 'connected', 'a');
      await world.report('customer', 'connected', 'b');
      world.pass(30);
      await world.report('customer', 'left', 'c');
      const before = await world.view();
      const rows = () => world.db('video_sessions').select();
      const row = await rows();
      world.pass(30);
      for (const [participant, type, id] of [
        ['agent', 'connected', 'a'],
        ['customer', 'connected', 'b'],
        ['customer', 'joined', 'b'], // the same id with something else in it
        ['customer', 'left', 'c'],
      ] as const) {
        expect(await world.report(participant, type, id)).toEqual(before);
      }
      expect(await rows()).toEqual(row);
      expect(await world.db('video_events').select()).toHaveLength(3);
    });

    it('may have the same id in another session', async () => {
      await world.report('agent', 'joined', 'a');
      await world.end();
      await world.start();
      expect((await world.report('agent', 'joined', 'a')).agentState).toBe('joined');
    });

    it('may come out of order', async () => {
      await world.report('customer', 'left'); // was never here
      await world.report('agent', 'connected'); // joined is yet to come
      const active = await world.report('customer', 'connected');
      expect(active).toMatchObject({ state: 'active', agentState: 'connected', customerState: 'connected' });
      world.pass(61);
      const late = await world.report('agent', 'joined');
      expect(late).toMatchObject({ agentState: 'connected', connectedSeconds: 61 });
    });

    it('are kept after the end, and change nothing', async () => {
      await world.bothConnect();
      world.pass(2 * MINUTE);
      const ended = await world.end();
      world.pass(10);
      expect(await world.report('agent', 'left', 'late')).toEqual(ended);
      expect(await world.report('customer', 'connected', 'later')).toEqual(ended);
      const kept = await world.db('video_events').whereIn('event_id', ['late', 'later']);
      expect(kept).toHaveLength(2);
    });

    it('are taken once when the same one comes many times at once', async () => {
      await world.report('agent', 'joined');
      const { sessionId } = world;
      const event = { sessionId, eventId: 'same', type: 'joined', participant: 'customer' } as const;
      await onOtherConnections(racers, (ctxs) =>
        Promise.all(ctxs.map((ctx) => recordVideoEvent(ctx, room, event))),
      );
      expect(await world.db('video_events').select()).toHaveLength(2);
      expect(await world.holdReasons()).toEqual(['held']);
    });

    it('hold exactly one credit when both join at the same time on two connections', async () => {
      for (let round = 1; round <= 5; round++) {
        const { id: sessionId } = await world.start();
        const joined = { sessionId, eventId: 'customer', type: 'joined', participant: 'customer' } as const;
        await onOtherConnections(2, ([one, other]) =>
          Promise.all([
            recordVideoEvent(one!, room, { ...joined, eventId: 'agent', participant: 'agent' }),
            recordVideoEvent(other!, room, joined),
          ]),
        );
        expect(await world.view()).toMatchObject({ state: 'active', charge: { quantity: 1 } });
        expect(await world.holdReasons()).toEqual(['held']);
        expect(await world.credits()).toEqual({ available: 0, held: 1, used: 0 });
        await world.end();
      }
      expect((await world.historyTypes()).filter((type) => type === 'video.started')).toHaveLength(5);
    });

    it('count from the later clock when two servers disagree', async () => {
      await world.bothConnect();
      world.pass(90);
      await world.report('customer', 'left');
      world.pass(-60); // a server whose clock is a minute behind
      await world.report('customer', 'connected');
      expect((await world.view()).connectedSeconds).toBe(90);
      world.pass(70);
      expect((await world.end()).connectedSeconds).toBe(100);
    });
  });

  describe('without credit', () => {
    it('is blocked when both have joined, and a new one may start after a top-up', async () => {
      await world.start();
      const blocked = await world.bothJoin();
      expect(blocked).toMatchObject({
        state: 'blocked',
        reason: 'insufficient-credits',
        warning: 'out-of-credit',
        connectedSeconds: 0,
        startedAt: null,
        charge: { quantity: 0, holdIds: [] },
      });
      expect(blocked.endedAt).not.toBeNull();
      expect(await world.history()).toEqual([
        expect.objectContaining({ type: 'video.opened' }),
        {
          type: 'video.blocked',
          facts: {
            video_session_id: world.sessionId,
            connected_seconds: 0,
            charged: 0,
            reason: 'insufficient-credits',
          },
        },
      ]);
      expect(await world.end()).toEqual(blocked);
      await world.give(1);
      await world.start();
      expect((await world.bothJoin()).state).toBe('active');
    });

    it('goes to one of two sessions that want the last credit at once', async () => {
      await world.give(1);
      const first = await world.start();
      const { customerId, storeId } = world.ticket;
      const otherTicket = await withTransaction(world.db, (trx) =>
        openTicket(trx, momentOf(world.ctx, bob), {
          storeId,
          customerId,
          subject: 'More',
          origin: 'customer',
        }),
      );
      const { session: second } = await startVideoSession(world.ctx, bob, { ticketId: otherTicket.id });
      const ids = [first.id, second.id];
      for (const sessionId of ids) {
        const agent = { sessionId, eventId: 'a', type: 'joined', participant: 'agent' } as const;
        await recordVideoEvent(world.ctx, room, agent);
      }
      const joined = await onOtherConnections(2, (ctxs) =>
        Promise.all(
          ids.map((sessionId, index) =>
            recordVideoEvent(ctxs[index]!, room, {
              sessionId,
              eventId: 'c',
              type: 'joined',
              participant: 'customer',
            }),
          ),
        ),
      );
      expect(joined.map(({ state }) => state).sort()).toEqual(['active', 'blocked']);
      expect(await world.credits()).toEqual({ available: 0, held: 1, used: 0 });
    });
  });

  describe('blocks of ten minutes', () => {
    it('charge three for 25 minutes, each held two minutes before the last one ends', async () => {
      await world.give(5, 10);
      await world.start();
      const joined = await world.bothJoin();
      expect(joined).toMatchObject({ blockMinutes: 10, charge: { unit: 'block', quantity: 1 } });
      await world.bothConnect();
      await world.live(7 * MINUTE + 55);
      expect(await world.credits()).toMatchObject({ held: 1 });
      await world.live(5);
      expect(await world.credits()).toMatchObject({ held: 2 });
      await world.live(17 * MINUTE);
      const ended = await world.end();
      expect(ended).toMatchObject({ state: 'ended', connectedSeconds: 1500, warning: null });
      expect(ended.charge).toMatchObject({ unit: 'block', quantity: 3 });
      expect(ended.charge.holdIds).toHaveLength(3);
      expect(ended.charge.grants).toEqual([{ grantId: expect.any(String), meter: 'video', credits: 3 }]);
      expect(await world.credits()).toEqual({ available: 2, held: 0, used: 3 });
      expect((await world.history()).at(-1)).toMatchObject({
        type: 'video.ended',
        facts: { connected_seconds: 1500, charged: 3 },
      });
    });

    it('give back the block that was held ahead and never started', async () => {
      await world.give(2, 10);
      await world.start();
      await world.bothConnect();
      await world.live(9 * MINUTE);
      expect(await world.credits()).toEqual({ available: 0, held: 2, used: 0 });
      expect((await world.end()).charge.quantity).toBe(1);
      expect(await world.credits()).toEqual({ available: 1, held: 0, used: 1 });
      expect(await world.holdReasons()).toEqual(['captured', 'block-not-started']);
    });

    it('warn both when the next block cannot be held, and block the session when the running one is used up', async () => {
      await world.give(1, 10);
      await world.start();
      await world.bothConnect();
      await world.live(7 * MINUTE + 55);
      expect(await world.view()).toMatchObject({ state: 'active', warning: null });
      await world.live(5);
      expect(await world.view()).toMatchObject({ state: 'active', warning: 'out-of-credit' });
      await world.live(MINUTE + 55);
      expect(await world.view()).toMatchObject({ state: 'active', connectedSeconds: 595 });
      await world.live(5);
      const blocked = await world.view();
      expect(blocked).toMatchObject({
        state: 'blocked',
        reason: 'insufficient-credits',
        connectedSeconds: 600,
        charge: { unit: 'block', quantity: 1 },
      });
      expect(await world.credits()).toEqual({ available: 0, held: 0, used: 1 });
      expect((await world.history()).at(-1)).toMatchObject({
        type: 'video.blocked',
        facts: { connected_seconds: 600, charged: 1 },
      });
      world.pass(MINUTE);
      expect(await world.report('agent', 'left')).toEqual(blocked);
    });

    it('go on when a top-up comes in time', async () => {
      await world.give(1, 10);
      await world.start();
      await world.bothConnect();
      await world.live(9 * MINUTE);
      expect((await world.view()).warning).toBe('out-of-credit');
      await world.give(1);
      await world.live(5);
      expect(await world.view()).toMatchObject({ state: 'active', warning: null, charge: { quantity: 2 } });
      await world.live(5 * MINUTE);
      expect(await world.end()).toMatchObject({
        state: 'ended',
        connectedSeconds: 845,
        charge: { quantity: 2 },
      });
    });

    it('keep the warning while they are apart, and are blocked when that much more time is used up', async () => {
      await world.give(1, 10);
      await world.start();
      await world.bothConnect();
      await world.live(9 * MINUTE);
      expect(await world.report('customer', 'left')).toMatchObject({ warning: 'out-of-credit' });
      await world.live(20 * MINUTE);
      expect(await world.view()).toMatchObject({
        state: 'active',
        warning: 'out-of-credit',
        connectedSeconds: 540,
      });
      await world.report('customer', 'connected');
      await world.live(55);
      expect(await world.view()).toMatchObject({ state: 'active', connectedSeconds: 595 });
      await world.live(5);
      expect(await world.view()).toMatchObject({ state: 'blocked', connectedSeconds: 600 });
    });

    it('are held as soon as they are together again when the top-up came while they were apart', async () => {
      await world.give(1, 10);
      await world.start();
      await world.bothConnect();
      await world.live(9 * MINUTE);
      await world.report('customer', 'left');
      await world.give(1);
      const together = await world.report('customer', 'connected');
      expect(together).toMatchObject({ state: 'active', warning: null, charge: { quantity: 2 } });
    });

    it('are used up at the second at which a block ends, whatever is said at that second', async () => {
      await world.give(1, 10);
      await world.start();
      await world.bothConnect();
      world.pass(10 * MINUTE);
      const left = await world.report('customer', 'left');
      expect(left).toMatchObject({ state: 'blocked', connectedSeconds: 600, charge: { quantity: 1 } });
    });

    it('do not count the time in which they are apart', async () => {
      await world.give(3, 10);
      await world.start();
      await world.bothConnect();
      await world.live(5 * MINUTE);
      await world.report('customer', 'left');
      await world.live(30 * MINUTE);
      expect(await world.credits()).toMatchObject({ held: 1 });
      await world.report('customer', 'connected');
      await world.live(2 * MINUTE + 55);
      expect(await world.credits()).toMatchObject({ held: 1 });
      await world.live(5);
      expect(await world.credits()).toMatchObject({ held: 2 });
      expect(await world.end()).toMatchObject({ connectedSeconds: 480, charge: { quantity: 1 } });
    });

    it('are held one ahead at once when they are shorter than the look-ahead', async () => {
      await world.give(4, 1);
      await world.start();
      await world.bothJoin();
      expect(await world.credits()).toMatchObject({ held: 1 });
      await world.bothConnect();
      expect(await world.credits()).toMatchObject({ held: 2 });
      await world.live(MINUTE);
      expect(await world.credits()).toMatchObject({ held: 3 });
      expect(await world.end()).toMatchObject({ connectedSeconds: 60, charge: { quantity: 1 } });
      expect(await world.credits()).toEqual({ available: 3, held: 0, used: 1 });
    });

    it('are drawn on several grants of the same blocks', async () => {
      await world.give(1, 10);
      await world.give(1);
      await world.start();
      await world.bothConnect();
      await world.live(15 * MINUTE);
      const { charge } = await world.end();
      expect(charge.quantity).toBe(2);
      expect(charge.grants.map(({ credits }) => credits)).toEqual([1, 1]);
    });
  });

  describe('a job that runs late', () => {
    const cases = [
      { credits: 5, minutes: 25, state: 'ended', seconds: 1500, charged: 3 },
      { credits: 2, minutes: 25, state: 'blocked', seconds: 1200, charged: 2 },
      { credits: 1, minutes: 9, state: 'ended', seconds: 540, charged: 1 },
    ];
    const jobs = ['always', 'once', 'never'] as const;
    it.each(cases.flatMap((course) => jobs.map((job) => ({ ...course, job }))))(
      'charges $charged for $minutes minutes with $credits credits when it runs $job',
      async ({ credits, minutes, job, ...expected }) => {
        await world.give(credits, 10);
        await world.start();
        await world.bothConnect();
        if (job === 'always') await world.live(minutes * MINUTE);
        else world.pass(minutes * MINUTE);
        if (job === 'once') expect(await world.advance()).toBe(1);
        const { state, connectedSeconds: seconds, charge } = await world.end();
        expect({ state, seconds, charged: charge.quantity }).toEqual(expected);
        const { charged } = expected;
        expect(await world.credits()).toEqual({ available: credits - charged, held: 0, used: charged });
      },
    );

    it('holds and charges what was topped up before it came back', async () => {
      await world.give(1, 10);
      await world.start();
      await world.bothConnect();
      world.pass(15 * MINUTE);
      await world.give(1);
      await world.advance();
      expect(await world.view()).toMatchObject({ state: 'active', warning: null, connectedSeconds: 900 });
      expect((await world.end()).charge.quantity).toBe(2);
    });

    it('cuts the time off where the credit ended, when the first word after it is an event', async () => {
      await world.give(1, 10);
      await world.start();
      await world.bothConnect();
      world.pass(14 * MINUTE);
      expect(await world.view()).toMatchObject({ state: 'active', connectedSeconds: 600 });
      const left = await world.report('customer', 'left');
      expect(left).toMatchObject({ state: 'blocked', connectedSeconds: 600, charge: { quantity: 1 } });
      expect(await world.db('video_events').select()).toHaveLength(3);
    });
  });

  describe('nobody there any more', () => {
    it('is a no-show after an hour of waiting', async () => {
      await world.start();
      await world.report('agent', 'joined');
      world.pass(60 * MINUTE - 1);
      expect(await world.advance()).toBe(0);
      world.pass(1);
      expect(await world.advance()).toBe(1);
      expect(await world.view()).toMatchObject({
        state: 'no_show',
        reason: 'no-show',
        charge: { quantity: 0 },
      });
      expect(await world.historyTypes()).toEqual(['video.opened', 'video.no_show']);
      expect(await world.advance()).toBe(0);
    });

    it('ends an hour after they were last together, charged for the time so far', async () => {
      await world.give(2, 10);
      await world.start();
      await world.bothConnect();
      await world.live(12 * MINUTE);
      await world.report('customer', 'left');
      world.pass(60 * MINUTE - 1);
      expect(await world.advance()).toBe(0);
      world.pass(1);
      expect(await world.advance()).toBe(1);
      expect(await world.view()).toMatchObject({
        state: 'ended',
        reason: 'abandoned',
        connectedSeconds: 720,
      });
      expect(await world.credits()).toEqual({ available: 0, held: 0, used: 2 });
    });

    it('ends, and costs nothing, when both joined and never connected', async () => {
      await world.give(1);
      await world.start();
      await world.bothJoin();
      world.pass(60 * MINUTE);
      await world.advance();
      expect(await world.view()).toMatchObject({
        state: 'ended',
        reason: 'abandoned',
        charge: { quantity: 0 },
      });
      expect(await world.holdReasons()).toEqual(['under-60-seconds']);
    });

    it('ends four hours after a room of two fell silent: a crash does not drain the credits', async () => {
      await world.give(100, 10);
      await world.start();
      await world.bothConnect();
      world.pass(3 * 24 * 60 * MINUTE);
      expect(await world.advance()).toBe(1);
      expect(await world.view()).toMatchObject({
        state: 'ended',
        reason: 'abandoned',
        connectedSeconds: 14_400,
      });
      expect(await world.credits()).toEqual({ available: 76, held: 0, used: 24 });
    });
  });

  describe('the job in several processes', () => {
    it('deals with each due session once', async () => {
      await world.give(2, 10);
      await world.start();
      await world.bothConnect();
      world.pass(8 * MINUTE);
      const dealt = await onOtherConnections(racers, (ctxs) =>
        Promise.all(ctxs.map((ctx) => advanceVideoSessions(ctx, { limit: 20 }))),
      );
      expect(dealt.reduce((sum, count) => sum + count, 0)).toBe(1);
      expect(await world.credits()).toEqual({ available: 0, held: 2, used: 0 });
    });

    it('takes no more than its limit, longest due first, and passes over one that fails', async () => {
      await world.start();
      world.pass(1);
      const { customerId, storeId } = world.ticket;
      const otherTicket = await withTransaction(world.db, (trx) =>
        openTicket(trx, momentOf(world.ctx, bob), {
          storeId,
          customerId,
          subject: 'More',
          origin: 'customer',
        }),
      );
      const { session: second } = await startVideoSession(world.ctx, bob, { ticketId: otherTicket.id });
      await world.db('video_sessions').where({ id: world.sessionId }).update({ hold_ids: 'not JSON' });
      world.pass(60 * MINUTE);
      expect(await advanceVideoSessions(world.ctx, { limit: 1 })).toBe(0);
      expect(await advanceVideoSessions(world.ctx, { limit: 1 })).toBe(1);
      expect((await videoSessionView(world.ctx, world.db, second.id)).state).toBe('no_show');
      await world.db('video_sessions').where({ id: world.sessionId }).update({ hold_ids: '[]' });
      world.pass(MINUTE);
      expect(await world.advance()).toBe(1);
      expect((await world.view()).state).toBe('no_show');
    });

    it('and an event at the same time meter the same', async () => {
      await world.give(3, 10);
      await world.start();
      await world.bothConnect();
      const { sessionId } = world;
      world.pass(18 * MINUTE);
      await onOtherConnections(3, ([one, two, three]) =>
        Promise.all([
          advanceVideoSessions(one!, { limit: 20 }),
          recordVideoEvent(two!, room, { sessionId, eventId: 'x', type: 'left', participant: 'customer' }),
          advanceVideoSessions(three!, { limit: 20 }),
        ]),
      );
      world.pass(MINUTE);
      expect(await world.end()).toMatchObject({ connectedSeconds: 1080, charge: { quantity: 2 } });
      expect(await world.credits()).toEqual({ available: 1, held: 0, used: 2 });
    });
  });
});
