import type { Knex } from 'knex';
import { contains } from '../platform/dialect';

/** Above it nobody wants to know how many there are, and counting would read the whole table. */
const COUNTED_MAX = 1000;

/** How many rows a list has, while that is cheap to know. */
export async function countUpTo(db: Knex, rows: Knex.QueryBuilder): Promise<number | undefined> {
  const some = rows
    .clone()
    .clearSelect()
    .clearOrder()
    .select(db.raw('1 AS one'))
    .limit(COUNTED_MAX + 1);
  const [found] = (await db.from(some.as('some')).count({ n: '*' })) as { n: number }[];
  const count = Number(found?.n);
  return count > COUNTED_MAX ? undefined : count;
}

const WORDS_MAX = 6;

/** Keeps the rows in which each word that was typed stands in one of the columns, upper and lower case alike. */
export function whereEachWord(query: Knex.QueryBuilder, columns: string[], typed: string): void {
  for (const word of typed.split(/\s+/).filter(Boolean).slice(0, WORDS_MAX)) {
    query.where((any) => {
      for (const column of columns) {
        const { sql, bindings } = contains(column, word);
        any.orWhereRaw(sql, bindings);
      }
    });
  }
}

export interface Slice<Row> {
  rows: Row[];
  /** The cursor of the next page; null: this was the last. */
  next: string | null;
}

/** `rows` were read with one more than `limit`, to know whether another page follows. */
export function sliceOf<Row>(rows: Row[], limit: number, cursorOf: (row: Row) => string): Slice<Row> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return { rows: shown, next: rows.length > limit && last !== undefined ? cursorOf(last) : null };
}
