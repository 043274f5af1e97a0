import { z } from 'zod';
import { isId } from '../platform/ids';
import { limits } from '../platform/limits';
import { invalidRequest } from './invalid';
import { wholeNumber } from './schemas';

export interface Page<Row> {
  data: Row[];
  next_cursor: string | null;
}

/** The two members that every list's query has. */
export const pageQuery = {
  limit: wholeNumber(1, limits.pageSizeMax)
    .default(limits.pageSizeDefault)
    .meta({ description: 'How many at most.', override: { default: limits.pageSizeDefault } }),
  cursor: z
    .string()
    .optional()
    .describe('next_cursor of the page before; opaque, and good for the same list only.'),
};

export function pageOf<Row extends z.ZodType>(row: Row) {
  return z.object({
    data: z.array(row),
    next_cursor: z
      .string()
      .nullable()
      .describe('Send it as `cursor` for the next page; null: this was the last.'),
  });
}

/** Opaque to clients: the list that it belongs to, and the key of the last row that was sent. */
export function cursorAt(list: string, key: string | number): string {
  return Buffer.from(`${list}:${key}`).toString('base64url');
}

function keyIn(list: string, cursor: string, member: string): string {
  const text = Buffer.from(cursor, 'base64url').toString('utf8');
  if (!text.startsWith(`${list}:`) || cursorAt(list, text.slice(list.length + 1)) !== cursor) {
    throw invalidRequest(member, 'is not a cursor of this list');
  }
  return text.slice(list.length + 1);
}

export function idInCursor(list: string, cursor: string | undefined): string | null {
  if (cursor === undefined) return null;
  const key = keyIn(list, cursor, 'cursor');
  if (!isId(key)) throw invalidRequest('cursor', 'is not a cursor of this list');
  return key;
}

export function numberInCursor(list: string, cursor: string | undefined, member = 'cursor'): number | null {
  if (cursor === undefined) return null;
  const key = keyIn(list, cursor, member);
  if (!/^\d{1,15}$/.test(key)) throw invalidRequest(member, 'is not a cursor of this list');
  return Number(key);
}

export function slugInCursor(list: string, cursor: string | undefined): string | null {
  if (cursor === undefined) return null;
  const key = keyIn(list, cursor, 'cursor');
  if (!/^[a-z0-9-]{1,40}$/.test(key)) throw invalidRequest('cursor', 'is not a cursor of this list');
  return key;
}

/** `rows` were read with one more than `limit`, to know whether another page follows. */
export function toPage<Row>(rows: Row[], limit: number, cursorOf: (row: Row) => string): Page<Row> {
  const data = rows.slice(0, limit);
  const last = data.at(-1);
  return { data, next_cursor: rows.length > limit && last ? cursorOf(last) : null };
}
