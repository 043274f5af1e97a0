import type { Texts } from '../locales';
import type { Actor } from '../platform/actor';

export const THEMES = ['auto', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];

export type StaffRole = 'read-only' | 'agent' | 'admin' | 'owner';
const RANK: StaffRole[] = ['read-only', 'agent', 'admin', 'owner'];

export function mayAct(role: StaffRole, needed: StaffRole): boolean {
  return RANK.indexOf(role) >= RANK.indexOf(needed);
}

/** Whoever is signed in. */
export interface Staff {
  id: string;
  name: string;
  email: string;
  role: StaffRole;
  /** The stores that this person looks after; null: all. */
  storeIds: readonly string[] | null;
}

export function seesStore(staff: Pick<Staff, 'storeIds'>, storeId: string): boolean {
  return staff.storeIds === null || staff.storeIds.includes(storeId);
}

/** Said once, on the page that follows. */
export interface Flash {
  tone: 'good' | 'low' | 'bad';
  text: string;
}

/** Something that an admin has to know, on whatever page they are. */
export type Alarm =
  | ShopAlarm
  /** What customers write waits there. */
  | { kind: 'mailbox'; name: string; since: string; problem: string }
  /** Somebody, or a machine, sent more SMS than anybody types. */
  | { kind: 'sms-storm'; since: string; count: number; ticket: number }
  /** The same by mail. */
  | { kind: 'mail-storm'; since: string; count: number; ticket: number }
  /** Automatic mails, or mails of our own, beyond what a person sends. */
  | { kind: 'mail-loop'; since: string; count: number }
  /** Mails and SMS that could not be put into a ticket. */
  | { kind: 'arrivals'; count: number };

/** Something between Zeton and a shop. */
type ShopAlarm = { shop: { slug: string; name: string } } & (
  | { kind: 'failing'; since: string; problem: string }
  | { kind: 'silent'; since: string; count: number }
  | { kind: 'parked'; count: number }
  | { kind: 'writes'; count: number }
  | { kind: 'webhooks'; since: string; topics: string }
);

/** What every view is given first: who reads, in which language, where and when. */
export interface Page {
  t: Texts;
  /** For Intl. */
  locale: string;
  /** Times are shown in it. */
  zone: string;
  now: Date;
  theme: Theme;
  /** Path and query as asked for, without the host. */
  here: string;
  path: string;
  query: URLSearchParams;
  /** Stands in every form that posts. */
  csrf: string;
  flash: Flash | null;
  /** For admins; empty for all others. */
  alarms: Alarm[];
  /** htmx asks for a part: draw that part without the shell. */
  isFragment: boolean;
  staff: Staff | null;
}

/** A page that only staff can open. */
export interface StaffPage extends Page {
  staff: Staff;
  /** Who does it, for use cases. */
  actor: Actor;
}

/** The same address with other parameters; null takes one away. */
export function hereWith(page: Page, changes: Record<string, string | null>): string {
  const query = new URLSearchParams(page.query);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) query.delete(name);
    else query.set(name, value);
  }
  const text = query.toString();
  return text === '' ? page.path : `${page.path}?${text}`;
}

/** A path of ours that it is safe to send a browser to; else null. */
export function localPath(text: string | undefined): string | null {
  if (!text || text.length > 2000 || !/^\/(?![/\\])[\x21-\x7e]*$/.test(text) || text.includes('\\'))
    return null;
  const url = new URL(text, 'http://localhost');
  // "/a/..//host" has become "//host" by now.
  if (url.origin !== 'http://localhost' || url.pathname.startsWith('//')) return null;
  return url.pathname + url.search;
}
