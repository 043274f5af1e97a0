import { createHash } from 'node:crypto';
import { isId } from '../platform/ids';
import type { ThreadItem, ThreadMessage } from './ticket-thread.query';

/*
 * What a browser has of a ticket, so that the answer to "anything new?" carries only that. Each part of the page keeps
 * a hidden `seen` with a hash of itself: a part that was not taken over, because the reader is in it, is asked for again.
 */

export const PARTS = ['list', 'head', 'glance', 'counts', 'video', 'about'] as const;
export type PartName = (typeof PARTS)[number];

export interface Seen {
  /** By part, the hash of what stands there. */
  parts: Map<string, string>;
  thread: SeenThread | null;
}

export interface SeenThread {
  /** Nothing before this can be new. */
  after: string;
  known: string[];
  /** The day under which the last item stands. */
  day: string;
  /** The state of messages that may still change. */
  states: Map<string, string>;
}

/** Things that are written at once, in several processes, may be seen in another order than that of their ids. */
const OVERLAP_MS = 10_000;
const KNOWN_MAX = 100;

export function hashOf(markup: JSX.Element): string {
  return createHash('sha256').update(String(markup)).digest('base64url').slice(0, 12);
}

export function seenOf(values: string[]): Seen {
  const parts = new Map<string, string>();
  let thread: SeenThread | null = null;
  for (const value of values) {
    const [name = '', ...rest] = value.split('|');
    if (name === 'thread') thread = threadOf(rest);
    else parts.set(name, rest[0] ?? '');
  }
  return { parts, thread };
}

function threadOf([after = '', known = '', day = '', states = '']: string[]): SeenThread | null {
  if (after !== '' && !isId(after)) return null;
  return {
    after,
    known: known.split(',').filter(isId).slice(0, KNOWN_MAX),
    day: /^\d{4}-\d{2}-\d{2}$/.test(day) ? day : '',
    states: new Map(
      states
        .split(',')
        .map((one): [string, string] => [one.slice(0, 36), one.slice(37)])
        .filter(([id]) => isId(id))
        .slice(0, KNOWN_MAX),
    ),
  };
}

const MAY_CHANGE = ['queued', 'sending', 'uncertain', 'sent'];

/** The text of `seen` after these items are there too, and the changed ones as they are now. */
export function threadToken(
  before: SeenThread | null,
  items: ThreadItem[],
  dayOf: (at: string) => string,
  changed: ThreadMessage[] = [],
): string {
  const last =
    [...(before?.known ?? []), before?.after ?? '', ...items.map(({ id }) => id)].sort().at(-1) ?? '';
  const after = earlierThan(last);
  const known = [...new Set([...(before?.known ?? []), ...items.map(({ id }) => id)])];
  const states = new Map(before?.states ?? []);
  for (const item of [...changed, ...items]) if (item.what === 'message') states.set(item.id, item.status);
  const changing = [...states].filter(([, status]) => MAY_CHANGE.includes(status)).slice(-KNOWN_MAX);
  const day = items.length > 0 ? dayOf(items.at(-1)?.at as string) : (before?.day ?? '');
  return [
    'thread',
    after,
    known
      .filter((id) => id > after)
      .slice(-KNOWN_MAX)
      .join(','),
    day,
    changing.map(([id, status]) => `${id}.${status}`).join(','),
  ].join('|');
}

/** The first id of the time shortly before this one: an id begins with the milliseconds at which it was made. */
function earlierThan(id: string): string {
  if (id === '') return '';
  const ms = Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
  const hex = Math.max(0, ms - OVERLAP_MS)
    .toString(16)
    .padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-0000-0000-000000000000`;
}
