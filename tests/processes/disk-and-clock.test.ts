import request from 'supertest';
import { verifyLedger } from '../../src/domain/credits';
import { withTransaction } from '../../src/platform/db';
import { type ApiWorld, buy, makeApiWorld } from '../support/api';
import { makeTestApp } from '../support/app';
import { chosenEngines, describeEachEngine } from '../support/databases';
import { signed } from '../support/recordings';
import { orderJson } from '../support/shop';

describeEachEngine(
  'a full disk',
  (engine) => {
    let world: ApiWorld;
    beforeEach(async () => {
      world = await makeApiWorld(engine);
    });

    /** SQLite itself refuses to grow the file, as it does when the system has no more room for it. */
    const fill = async () => {
      const [{ page_count }] = await world.app.db.raw('PRAGMA page_count');
      await world.app.db.raw(`PRAGMA max_page_count = ${page_count}`);
    };
    const makeRoom = () => world.app.db.raw('PRAGMA max_page_count = 1000000');
    const announce = (id: number, note = '') => {
      const body = orderJson({ id, email: `b${id}@example.com`, note });
      return request(world.app.http)
        .post('/webhooks/woocommerce/default')
        .set(signed(body))
        .serialize((sent: unknown) => sent as string)
        .send(body);
    };
    const BULKY = 'x'.repeat(50_000);

    it('is answered for with 503 and a line that says so, harms nothing, and is over when there is room', async () => {
      const { ticketId, customerId } = await buy(world);
      const kept = (await announce(1).expect(200)).body.id;
      await fill();

      const refused = await announce(2, BULKY).expect(503);
      expect(refused.headers['retry-after']).toBe('5');
      const reply = await world.api.post(`tickets/${ticketId}/messages`, { channel: 'email', body: BULKY });
      expect(reply.status).toBe(503);
      expect(reply.body.type).toBe('/problems/unavailable');
      // Reading goes on.
      await world.api.get(`tickets/${ticketId}`).expect(200);
      const said = world.app
        .logs()
        .split('\n')
        .filter((line) => line.includes('the disk of the database is full'))
        .map((line) => JSON.parse(line));
      expect(said.map((line) => line.level)).toEqual([50, 50]);

      await makeRoom();
      const later = (await announce(2, BULKY).expect(200)).body.id;
      const sent = await world.api.post(`tickets/${ticketId}/messages`, { channel: 'email', body: BULKY });
      expect(sent.status).toBe(201);
      await world.app.drain();
      const rows = await world.app.db('deliveries').whereIn('id', [kept, later]);
      expect(rows.map((row) => row.status)).toEqual(['done', 'done']);
      // The refused reply had held nothing.
      const balance = await world.app.db('credit_balances').where({ customer_id: customerId }).first();
      expect(Number(balance.email_used)).toBe(1);
      expect(await world.app.db.raw('PRAGMA integrity_check')).toEqual([{ integrity_check: 'ok' }]);
      expect((await verifyLedger(world.app.db)).problems).toEqual([]);
    });

    it('leaves what came in before to be worked off when there is room', async () => {
      const id = (await announce(1, BULKY).expect(200)).body.id;
      await fill();
      await expect(world.app.runJob('inbox')).rejects.toMatchObject({ code: 'SQLITE_FULL' });
      await makeRoom();
      world.app.clock.advance(60);
      await world.app.drain();
      // It was never the delivery's fault.
      expect(await world.app.db('deliveries').where({ id }).first()).toMatchObject({ status: 'done' });
      expect((await verifyLedger(world.app.db)).problems).toEqual([]);
    });

    it('met only by the commit, leaves the connection as it was', async () => {
      const { db } = world.app;
      // A commit that fails, as one does that cannot write its log: here by a reference that is checked last.
      await announce(1).expect(200);
      await expect(
        withTransaction(db, async (trx) => {
          await trx.raw('PRAGMA defer_foreign_keys = ON');
          await trx('deliveries').update({ store_id: 'nobody' });
        }),
      ).rejects.toThrow(/FOREIGN KEY/);
      await withTransaction(db, (trx) => trx('sequences').insert({ name: 'after', value: 1 }));
      expect(await db('deliveries').where({ store_id: 'nobody' })).toHaveLength(0);
    });

    it('that ended the transaction by itself, is still what the error tells of', async () => {
      await world.app.db('sequences').insert({ name: 'known', value: 1 });
      const ended = withTransaction(world.app.db, (trx) =>
        trx.raw("INSERT OR ROLLBACK INTO sequences VALUES ('known', 2)"),
      );
      await expect(ended).rejects.toThrow(/UNIQUE/);
    });
  },
  chosenEngines().filter((name) => name === 'sqlite'),
);

describeEachEngine('a clock that is set back by an hour', (engine) => {
  it('lets nobody spend twice, lets nothing wait for an hour, and leaves the ledger in its order', async () => {
    const world = await makeApiWorld(engine, { poolMax: 8 });
    const { app, api } = world;
    const { ticketId, customerId } = await buy(world);
    const send = (key: string, channel = 'sms') =>
      api.post(`tickets/${ticketId}/messages`, { channel, body: 'Izklopite ga.' }, key);
    for (let n = 1; n <= 8; n++) expect((await send(`before-${n}`)).status).toBe(201);
    const queued = await send('queued-before', 'email');
    app.clock.advance({ hours: -1 });

    // A process that was started since, and this one.
    const other = await makeTestApp(engine, { beside: app });
    expect((await send('before-8')).body.id).toBeTruthy();
    const last = await Promise.all(['a', 'b', 'c', 'd', 'e'].map((key) => send(key)));
    expect(last.map(({ status }) => status).sort()).toEqual([201, 201, 402, 402, 402]);
    const again = await buy(world);
    expect(again.ticketId).toBeTruthy();
    await app.drain();
    await other.drain();
    const message = await api.get(`messages/${queued.body.id}`).expect(200);
    expect(message.body.status).toBe('sent');

    const entries = await app.db('credit_entries').where({ customer_id: customerId }).orderBy('seq');
    expect(entries.map((entry) => Number(entry.seq))).toEqual(entries.map((_, index) => index + 1));
    const told = await api.get(`customers/${customerId}/statement?limit=200`).expect(200);
    expect(told.body.data.map((entry: { id: string }) => entry.id)).toEqual(
      entries.map((entry) => entry.id).reverse(),
    );
    const balance = await app.db('credit_balances').where({ customer_id: customerId }).first();
    expect(Number(balance.sms_used) + Number(balance.sms_held)).toBe(10);
    expect((await verifyLedger(app.db)).problems).toEqual([]);

    // And forward again: nothing is done a second time.
    app.clock.advance({ hours: 1 });
    await app.drain();
    const texts = [...app.gateways.sms.calls, ...other.gateways.sms.calls];
    expect(texts).toHaveLength(10);
    expect(new Set(texts.map((text) => text.id)).size).toBe(10);
    expect((await verifyLedger(app.db)).problems).toEqual([]);
  });
});
