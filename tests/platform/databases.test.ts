import { forBackground, openDatabase, withTransaction } from '../../src/platform/db';
import { isOutage } from '../../src/platform/dialect';
import { limits } from '../../src/platform/limits';
import { chosenEngines, describeEachEngine } from '../support/databases';

describeEachEngine('the database of a test', (engine) => {
  const addSequence = { name: 'only_here', value: 1 };

  it('is on the engine it says', async () => {
    const { db, url } = await engine.freshDatabase();
    const version = engine.name === 'sqlite' ? 'sqlite_version()' : 'version()';
    const [row] = await db.select(db.raw(`${version} AS version`));
    expect(String(row.version)).toMatch(engine.name === 'sqlite' ? /^3\./ : /^PostgreSQL 1\d/);
    expect(url.split(':')[0]).toBe(engine.name);
  });

  it('is migrated, and empty', async () => {
    const { db } = await engine.freshDatabase();
    expect(await db('stores').select()).toEqual([]);
    const [migrations] = await db('knex_migrations').count({ n: '*' });
    expect(Number(migrations?.n)).toBeGreaterThan(0);
  });

  it('is shared with no other one', async () => {
    const [one, other] = await Promise.all([engine.freshDatabase(), engine.freshDatabase()]);
    await one.db('sequences').insert(addSequence);
    expect(await one.db('sequences').select()).toEqual([addSequence]);
    expect(await other.db('sequences').select()).toEqual([]);
  });

  it('keeps nothing from an earlier test', async () => {
    const { db } = await engine.freshDatabase();
    expect(await db('sequences').select()).toEqual([]);
  });

  it('can be opened a second time by its url', async () => {
    const { db, url } = await engine.freshDatabase();
    await db('sequences').insert(addSequence);
    const second = openDatabase(url);
    expect(await second('sequences').select()).toEqual([addSequence]);
    await second.destroy();
  });

  it('refuses, soon, a query that forgot its transaction', async () => {
    const { db } = await engine.freshDatabase();
    const forgetful = withTransaction(db, async (trx) => {
      await trx('sequences').insert(addSequence);
      await db('sequences').select();
    });
    await expect(forgetful).rejects.toThrow(/Timeout acquiring a connection/);
    expect(await db('sequences').select()).toEqual([]);
  });

  it('is gone once destroyed', async () => {
    const { url, destroy } = await engine.freshDatabase();
    await destroy();
    const again = openDatabase(url);
    await expect(again('stores').select()).rejects.toThrow(/no such table|does not exist/);
    await again.destroy();
  });

  describe('opened for a whole block', () => {
    let database: Awaited<ReturnType<typeof engine.freshDatabase>>;
    beforeAll(async () => {
      database = await engine.freshDatabase();
    });

    it.each([1, 2])('lives from test to test (%i)', async (nth) => {
      await database.db('sequences').insert({ name: `row ${nth}`, value: nth });
      expect(await database.db('sequences').select()).toHaveLength(nth);
    });
  });
});

describeEachEngine(
  'a connection of a server',
  (engine) => {
    it('gives up a statement that takes too long, and goes on', async () => {
      const { url } = await engine.freshDatabase();
      const db = openDatabase(url, { poolMax: 1, statementMs: 100 });
      try {
        const slow = await db.raw('SELECT pg_sleep(60)').catch((error: unknown) => error);
        // By the server, so that the connection need not be given up with it.
        expect(slow).toMatchObject({ code: '57014' });
        expect(isOutage(slow)).toBe(true);
        expect((await db.raw('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
      } finally {
        await db.destroy();
      }
    });

    it('lets nobody keep rows locked who has stopped in the middle of a transaction', async () => {
      const { url } = await engine.freshDatabase();
      const db = openDatabase(url, { statementMs: limits.statementMs });
      try {
        const { rows } = await db.raw('SHOW idle_in_transaction_session_timeout');
        expect(rows).toEqual([{ idle_in_transaction_session_timeout: '20s' }]);
      } finally {
        await db.destroy();
      }
    });
  },
  chosenEngines().filter((name) => name === 'postgres'),
);
describeEachEngine('transactions in the background', (engine) => {
  it('use a third of the connections at most, and let in between whoever came meanwhile', async () => {
    const { db } = await engine.freshDatabase({ poolMax: 6 });
    const background = forBackground(db);
    const atOnceMax = engine.name === 'postgres' ? 2 : 1;
    const order: string[] = [];
    let running = 0;
    let most = 0;
    let areTogether = () => {};
    const together = new Promise<void>((resolve) => {
      areTogether = resolve;
    });
    const job = (name: string, during?: () => void) =>
      withTransaction(background, async (trx) => {
        running += 1;
        most = Math.max(most, running);
        during?.();
        if (running === atOnceMax) areTogether();
        await together;
        // With connections left, the request does not even wait for the first of them.
        if (atOnceMax > 1) await request;
        await trx('sequences').select();
        order.push(name);
        running -= 1;
      });
    let request: Promise<unknown> = Promise.resolve();
    const jobs = [
      job('first', () => {
        request = db('sequences')
          .select()
          .then(() => order.push('request'));
      }),
      ...Array.from({ length: 8 }, (_, n) => job(`later ${n}`)),
    ];
    await Promise.all(jobs);
    await request;
    expect(most).toBe(atOnceMax);
    expect(order.indexOf('request')).toBeLessThan(order.indexOf('later 2'));
    expect(order).toHaveLength(10);
  });

  it('give their turn back when they fail, and are what they were otherwise', async () => {
    const { db } = await engine.freshDatabase();
    const background = forBackground(db);
    const failing = () => withTransaction(background, () => Promise.reject(new Error('no')));
    await expect(Promise.all([failing(), failing()])).rejects.toThrow('no');
    await withTransaction(background, (trx) => trx('sequences').insert({ name: 'kept', value: 1 }));
    expect(await background('sequences').select()).toEqual([{ name: 'kept', value: 1 }]);
  });
});
