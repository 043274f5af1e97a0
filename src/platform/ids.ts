import { v7 } from 'uuid';

/** Makes ids: UUIDv7 text, so that ids sort by the time they were made. */
export interface Ids {
  next(): string;
}

export const uuidIds: Ids = { next: () => v7() };

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export function isId(text: string): boolean {
  return UUID.test(text);
}
