import type { Knex } from 'knex';
import { contains } from '../platform/dialect';

/** Keeps the rows in which one of the columns contains `text`, upper and lower case alike. */
export function whereSomeContains(query: Knex.QueryBuilder, columns: string[], text: string): void {
  query.where((any) => {
    for (const column of columns) {
      const { sql, bindings } = contains(column, text.trim());
      any.orWhereRaw(sql, bindings);
    }
  });
}
