import type { Knex } from 'knex';
import { openDatabase } from '../../src/platform/db';
import { limits } from '../../src/platform/limits';
import { chosenEngines, describeEachEngine } from '../support/databases';

/** What the driver was asked to prepare, while `work` ran. */
async function preparedBy(db: Knex, work: () => Promise<unknown>): Promise<string[]> {
  const { pool } = db.client as {
    pool: { acquire(): { promise: Promise<unknown> }; release(c: unknown): void };
  };
  const connection = (await pool.acquire().promise) as { prepare(sql: string, ...rest: unknown[]): unknown };
  const spy = jest.spyOn(connection, 'prepare');
  pool.release(connection);
  await work();
  const prepared = spy.mock.calls.map(([sql]) => sql);
  spy.mockRestore();
  return prepared;
}

describeEachEngine(
  'statements that are kept',
  (engine) => {
    const add = (db: Knex, name: string, value: number) => db('sequences').insert({ name, value });
    const numberOf = async (db: Knex, name: string) =>
      (await db('sequences').where({ name }).first('value'))?.value;

    it('are prepared once, and take other values each time', async () => {
      const { db } = await engine.freshDatabase();
      await add(db, 'first', 1);
      const prepared = await preparedBy(db, async () => {
        for (let value = 2; value < 6; value++) {
          await add(db, `n${value}`, value);
          expect(await numberOf(db, `n${value}`)).toBe(value);
        }
      });
      expect(prepared).toEqual([expect.stringMatching(/^select/)]);
      expect(await numberOf(db, 'first')).toBe(1);
    });

    it('work on after one of their runs failed, and say how many rows they changed', async () => {
      const { db } = await engine.freshDatabase();
      await add(db, 'one', 1);
      await expect(add(db, 'one', 1)).rejects.toThrow(/UNIQUE constraint failed/);
      await add(db, 'other', 2);
      const grow = () => db('sequences').where({ name: 'one' }).update({ value: 7 });
      expect([await grow(), await grow()]).toEqual([1, 1]);
      expect(await db('sequences').where('value', '>', 1).del()).toBe(2);
      expect(await db('sequences').where('value', '>', 1).del()).toBe(0);
    });

    it('see a table that changed, and one that came later', async () => {
      const { db } = await engine.freshDatabase();
      const read = () => db('later').select();
      await expect(read()).rejects.toThrow(/no such table/);
      await db.raw('CREATE TABLE later (a INTEGER)');
      await db('later').insert({ a: 1 });
      expect(await read()).toEqual([{ a: 1 }]);
      await db.raw('ALTER TABLE later ADD COLUMN b INTEGER');
      expect(await read()).toEqual([{ a: 1, b: null }]);
      await db.raw('DROP TABLE later');
      await expect(read()).rejects.toThrow(/no such table/);
    });

    it('are let go when there are too many, and all of them when the database is closed', async () => {
      const { url } = await engine.freshDatabase();
      const db = openDatabase(url);
      const ask = (n: number) => db.raw(`SELECT ${n} AS n`) as Promise<unknown>;
      const prepared = await preparedBy(db, async () => {
        await ask(0);
        for (let n = 1; n < limits.sqliteStatements; n++) await ask(n);
        await ask(0); // used last by now
        await ask(-1); // one too many
        await ask(0);
        await ask(1);
      });
      await db.destroy(); // SQLite refuses to close while a statement is left
      expect(prepared.filter((sql) => sql === 'SELECT 0 AS n')).toHaveLength(1);
      expect(prepared.filter((sql) => sql === 'SELECT 1 AS n')).toHaveLength(2);
      await expect(db.raw('SELECT 1')).rejects.toThrow(/Unable to acquire a connection/);
    });

    it('are not those that explain a write, which would hold up every commit', async () => {
      const { db } = await engine.freshDatabase();
      await db.raw('EXPLAIN QUERY PLAN UPDATE sequences SET value = ? WHERE name = ?', [1, 'one']);
      await db.transaction((trx) => add(trx, 'one', 1));
      expect(await numberOf(db, 'one')).toBe(1);
    });

    it('are not those with large values', async () => {
      const { db } = await engine.freshDatabase();
      const large = () => db.raw('SELECT length(?) AS n', ['x'.repeat(limits.sqliteStatementBytes)]);
      const prepared = await preparedBy(db, async () => {
        expect(await large()).toEqual([{ n: limits.sqliteStatementBytes }]);
        expect(await large()).toEqual([{ n: limits.sqliteStatementBytes }]);
      });
      expect(prepared).toEqual([]);
    });
  },
  chosenEngines().filter((name) => name === 'sqlite'),
);
