import type { Meter } from '../domain/credits';
import type { Db } from '../platform/db';
import { limits } from '../platform/limits';
import { readEntries } from './credits.query';

type Entry = Awaited<ReturnType<typeof readEntries>>[number];

const COLUMNS: [name: string, value: (entry: Entry) => string | number | null][] = [
  ['at', (entry) => entry.at],
  ['type', (entry) => entry.type],
  ['meter', (entry) => entry.meter],
  ['quantity', (entry) => entry.quantity],
  ['change', (entry) => entry.change],
  ['balance_after', (entry) => entry.balance_after],
  ['cause', (entry) => entry.cause.kind],
  ['cause_id', (entry) => entry.cause.id],
  ['reason', (entry) => entry.reason],
  ['by', (entry) => entry.by.name],
  ['package', (entry) => entry.package?.name ?? null],
  ['order_number', (entry) => entry.order?.number ?? null],
  ['ticket_number', (entry) => entry.ticket?.number ?? null],
  ['grant_id', (entry) => entry.grant_id],
  ['hold_id', (entry) => entry.hold_id],
  ['seq', (entry) => entry.seq],
];

/** The whole statement, newest first, page by page: its size does not matter. RFC 4180. */
export async function* statementCsv(
  db: Db,
  customerId: string,
  meter: Meter | undefined,
): AsyncGenerator<string> {
  yield csvLine(COLUMNS.map(([name]) => name));
  for (let before: number | null = null; ; ) {
    const page: Entry[] = await readEntries(db, customerId, { meter, before, limit: limits.pageSizeMax });
    if (page.length > 0)
      yield page.map((entry) => csvLine(COLUMNS.map(([, value]) => value(entry)))).join('');
    const last = page.at(-1);
    if (!last || page.length < limits.pageSizeMax) return;
    before = last.seq;
  }
}

function csvLine(cells: (string | number | null)[]): string {
  return `${cells.map(csvCell).join(',')}\r\n`;
}

/** A spreadsheet takes text that begins like this for a formula, and runs it (OWASP "CSV Injection"). */
const LIKE_A_FORMULA = /^[=+\-@\t\r\n]/;

export function csvCell(value: string | number | null): string {
  if (value === null) return '';
  if (typeof value === 'number') return String(value);
  const text = LIKE_A_FORMULA.test(value) ? `'${value}` : value;
  return /[",\r\n']|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
