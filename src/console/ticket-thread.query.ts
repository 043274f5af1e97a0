import type { Knex } from 'knex';
import type { Meter } from '../domain/credits';
import type { Message } from '../domain/messages';
import type { Db } from '../platform/db';
import { type MailFacts, readMailFacts } from './ticket-mail.query';
import { readSmsFacts, type SmsFacts } from './ticket-sms.query';

type Row = Record<string, unknown>;

/** What a message costs, or did: credits by meter. */
export interface MessageCharge {
  credits: { meter: Meter; quantity: number }[];
  givenBack: boolean;
}

export interface ThreadMessage {
  what: 'message';
  id: string;
  at: string;
  direction: Message['direction'];
  channel: Message['channel'];
  kind: Message['kind'];
  author: string;
  to: string | null;
  subject: string | null;
  body: string;
  status: Message['status'];
  freeReason: string | null;
  failure: string | null;
  charge: MessageCharge | null;
  sms: SmsFacts | null;
  mail: MailFacts | null;
}

export interface ThreadEvent {
  what: 'event';
  id: string;
  at: string;
  type: string;
  byKind: string;
  by: string;
  facts: Record<string, unknown>;
}

export type ThreadItem = ThreadMessage | ThreadEvent;

export interface Thread {
  /** The oldest first. */
  items: ThreadItem[];
  /** Where the page before this one ends; null: this is the beginning. */
  olderThan: string | null;
}

/** What a message says itself is no line of its own. */
const SAID_BY_MESSAGES = ['message.queued', 'message.failed', 'message.uncertain', 'note.added'];

const EVENTS_MAX = 150;

/** The newest `limit` messages before an id, with the events between them: both by index, however long the ticket. */
export async function readThread(
  db: Db,
  page: { ticketId: string; before: string | null; limit: number },
): Promise<Thread> {
  const [messages, events] = await Promise.all([
    newest(db('messages'), page, page.limit + 1),
    newest(shownEvents(db), page, EVENTS_MAX + 1),
  ]);
  // Below this both lists may have gaps, so it belongs to the page before.
  const edges = [
    messages.length > page.limit ? (messages[page.limit - 1]?.id as string) : '',
    events.length > EVENTS_MAX ? (events[EVENTS_MAX - 1]?.id as string) : '',
  ];
  const edge = edges.sort().at(-1) ?? '';
  const kept = (row: Row) => (row.id as string) >= edge;
  const items = merged(await messagesFrom(db, messages.filter(kept)), events.filter(kept).map(eventFrom));
  return { items, olderThan: edge === '' ? null : edge };
}

function shownEvents(db: Db): Knex.QueryBuilder {
  return db('ticket_events').whereNotIn('type', SAID_BY_MESSAGES);
}

async function newest(
  query: Knex.QueryBuilder,
  page: { ticketId: string; before: string | null },
  limit: number,
): Promise<Row[]> {
  query.where({ ticket_id: page.ticketId }).orderBy('id', 'desc').limit(limit);
  if (page.before !== null) query.where('id', '<', page.before);
  return (await query) as Row[];
}

/** What was written or happened after an id, the oldest first; those that are `known` left out. */
export async function readNews(
  db: Db,
  page: { ticketId: string; after: string; known: string[]; limit: number },
): Promise<ThreadItem[]> {
  const from = (table: 'messages' | 'ticket_events') =>
    db(table)
      .where({ ticket_id: page.ticketId })
      .where('id', '>', page.after)
      .whereNotIn('id', page.known)
      .orderBy('id')
      .limit(page.limit);
  const [messages, events] = (await Promise.all([
    from('messages'),
    from('ticket_events').whereNotIn('type', SAID_BY_MESSAGES),
  ])) as [Row[], Row[]];
  return merged(await messagesFrom(db, messages), events.map(eventFrom)).slice(0, page.limit);
}

export async function readMessagesById(db: Db, ticketId: string, ids: string[]): Promise<ThreadMessage[]> {
  if (ids.length === 0) return [];
  return messagesFrom(db, (await db('messages').where({ ticket_id: ticketId }).whereIn('id', ids)) as Row[]);
}

/** In which state these messages are now. */
export async function readStates(
  db: Db,
  ticketId: string,
  ids: string[],
): Promise<Map<string, Message['status']>> {
  if (ids.length === 0) return new Map();
  const rows = (await db('messages')
    .where({ ticket_id: ticketId })
    .whereIn('id', ids)
    .select('id', 'status')) as Row[];
  return new Map(rows.map((row) => [row.id as string, row.status as Message['status']]));
}

/** Who wrote last, and which way: an answer goes back the same way. */
export async function readLastWord(
  db: Db,
  ticketId: string,
): Promise<{ newestId: string; customerChannel: Message['channel'] | null }> {
  const written = db('messages').where({ ticket_id: ticketId }).whereNot({ kind: 'system' });
  const newestRow = (await written.clone().orderBy('id', 'desc').first('id')) as Row | undefined;
  const theirs = (await written.clone().where({ direction: 'in' }).orderBy('id', 'desc').first('channel')) as
    | Row
    | undefined;
  return {
    newestId: (newestRow?.id as string | undefined) ?? '',
    customerChannel: (theirs?.channel as Message['channel'] | undefined) ?? null,
  };
}

/** Ids are made in the order of time, for both alike. */
function merged(messages: ThreadMessage[], events: ThreadEvent[]): ThreadItem[] {
  return [...messages, ...events].sort((a, b) => (a.id < b.id ? -1 : 1));
}

function eventFrom(row: Row): ThreadEvent {
  return {
    what: 'event',
    id: row.id as string,
    at: row.at as string,
    type: row.type as string,
    byKind: row.actor_kind as string,
    by: row.actor_name as string,
    facts: JSON.parse(row.facts as string) as Record<string, unknown>,
  };
}

async function messagesFrom(db: Db, rows: Row[]): Promise<ThreadMessage[]> {
  const charges = await chargesOf(
    db,
    rows.flatMap((row) => (row.hold_id as string | null) ?? []),
  );
  const idsOf = (channel: Message['channel'], direction: Message['direction']) =>
    rows
      .filter((row) => row.channel === channel && row.direction === direction)
      .map((row) => row.id as string);
  const sms = await readSmsFacts(db, { in: idsOf('sms', 'in'), out: idsOf('sms', 'out') });
  const mails = await readMailFacts(db, { in: idsOf('email', 'in'), out: idsOf('email', 'out') });
  return rows.map((row) => ({
    what: 'message',
    id: row.id as string,
    at: row.created_at as string,
    direction: row.direction as Message['direction'],
    channel: row.channel as Message['channel'],
    kind: row.kind as Message['kind'],
    author: row.author_name as string,
    to: row.to_address as string | null,
    subject: row.subject as string | null,
    body: row.body as string,
    status: row.status as Message['status'],
    freeReason: row.free_reason as string | null,
    failure: row.failure as string | null,
    charge: charges.get(row.hold_id as string) ?? null,
    sms: sms.get(row.id as string) ?? null,
    mail: mails.get(row.id as string) ?? null,
  }));
}

async function chargesOf(db: Db, holdIds: string[]): Promise<Map<string, MessageCharge>> {
  if (holdIds.length === 0) return new Map();
  const rows = (await db('credit_hold_draws as d')
    .join('credit_holds as h', 'h.id', 'd.hold_id')
    .join('credit_grants as g', 'g.id', 'd.grant_id')
    .whereIn('d.hold_id', holdIds)
    .groupBy('d.hold_id', 'h.status', 'g.meter')
    .orderBy('g.meter')
    .select('d.hold_id', 'h.status', 'g.meter')
    .sum({ credits: 'd.credits' })) as Row[];
  const found = new Map<string, MessageCharge>();
  for (const row of rows) {
    const charge = found.get(row.hold_id as string) ?? {
      credits: [],
      givenBack: row.status === 'released' || row.status === 'reversed',
    };
    charge.credits.push({ meter: row.meter as Meter, quantity: Number(row.credits) });
    found.set(row.hold_id as string, charge);
  }
  return found;
}
