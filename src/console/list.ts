import { isId } from '../platform/ids';
import { limits } from '../platform/limits';
import type { Page } from '../ui/page';

/** What was typed into a filter. A NUL is no text for PostgreSQL, and nobody means it. */
export function filterText(page: Page, name: string): string {
  return (page.query.get(name) ?? '').replaceAll('\0', '').trim().slice(0, limits.nameChars);
}

/** The id after which the list goes on; whatever is none begins at the top. */
export function idCursor(page: Page, name = 'cursor'): string | null {
  const cursor = page.query.get(name);
  return cursor !== null && isId(cursor) ? cursor : null;
}
