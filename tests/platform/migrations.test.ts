import { migrate, openDatabase, pendingMigrations, rollbackAll } from '../../src/platform/db';
import { makeContext, makeStore } from '../support/context';
import { describeEachEngine } from '../support/databases';
import { drainInbox, expectSoundLedger, makePackage, orderJson, receive } from '../support/shop';

describeEachEngine('Migrations', (engine) => {
  test('go up, down with rows in the tables, and up again to a database that works', async () => {
    const { db } = await engine.freshDatabase();
    const shopDay = async () => {
      const ctx = makeContext(db);
      const store = await makeStore(ctx);
      await makePackage(ctx, store, 'SUP', { sms: 3 });
      await receive(ctx, store, 'order.created', orderJson({ id: 1, note: 'please call' }));
      await drainInbox(ctx);
      await expectSoundLedger(ctx);
      expect(Number((await db('credit_entries').count({ n: '*' }).first())?.n)).toBe(1);
    };
    await shopDay();
    await rollbackAll(db);
    expect(await pendingMigrations(db)).toBeGreaterThan(5);
    await migrate(db);
    expect(await pendingMigrations(db)).toBe(0);
    await shopDay();
  });

  test('run once when two processes start at the same time', async () => {
    const { db, url } = await engine.freshDatabase();
    await rollbackAll(db);
    const other = openDatabase(url);
    try {
      await Promise.all([migrate(db), migrate(other)]);
      expect(await pendingMigrations(db)).toBe(0);
    } finally {
      await other.destroy();
    }
  });
});
