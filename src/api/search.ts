import type { Knex } from 'knex';
import { contains } from '../platform/dialect';

/**
 * Keeps the rows in which one of the columns contains `text`, upper and lower case alike. SQLite's LOWER knows ASCII
 * only, so č, š, ž and Greek letters are also looked for as they were typed, in capitals, and with a capital first.
 */
export function whereSomeContains(query: Knex.QueryBuilder, columns: string[], text: string): void {
  const typed = text.trim();
  const lower = typed.toLowerCase();
  const capitalised = lower.replace(/(^|[\s-])(\p{L})/gu, (match) => match.toUpperCase());
  const spellings = new Set([typed, lower, typed.toUpperCase(), capitalised].map(lowerAscii));
  query.where((any) => {
    for (const column of columns) {
      for (const spelling of spellings) {
        const { sql, binding } = contains(column, spelling);
        any.orWhereRaw(sql, [binding]);
      }
    }
  });
}

function lowerAscii(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}
