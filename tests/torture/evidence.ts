import type { Knex } from 'knex';
import { verifyLedger } from '../../src/domain/credits';
import { type Entry, readEntries } from './journal';
import type { Told } from './load';
import { pause } from './servers';

/** Everything that the verdict is made from: what clients and providers know, and what the database has. */
export interface Evidence {
  told: Told;
  providers: Entry[];
  deliveries: { id: string; body: string; status: string; reason: string | null }[];
  orders: { id: string; woo_id: number; ticket_id: string | null }[];
  tickets: { id: string; number: number }[];
  grants: {
    grant_key: string;
    available: number;
    granted: number;
    order_revoked: number;
    wanted: number | null;
  }[];
  messages: {
    id: string;
    ticket_id: string;
    channel: string;
    kind: string;
    direction: string;
    to_address: string | null;
    body: string;
    status: string;
    free_reason: string | null;
    hold_id: string | null;
    provider_id: string | null;
  }[];
  holds: {
    id: string;
    cause_kind: string;
    cause_id: string;
    status: string;
    quantity: number;
    captured_quantity: number;
  }[];
  sessions: { id: string; state: string; connected_ms: number }[];
  sessionEvents: { session_id: string; event_id: string }[];
  ledgerProblems: string[];
  /** 5xx, requests that hung, servers that died without being killed. */
  troubles: string[];
}

interface Known {
  told: Told;
  journal: string;
  troubles: string[];
}

/**
 * All of one moment: the servers live, and a notice of theirs that goes out between reading what the providers have and
 * reading the messages would count as sent by nobody. So it is read again until nothing happened meanwhile.
 */
export async function gather(db: Knex, known: Known): Promise<Evidence> {
  for (let looks = 1; ; looks++) {
    const evidence = await look(db, known);
    const isOfOneMoment =
      (await isQuiet(db)) &&
      readEntries(known.journal).length === evidence.providers.length &&
      (await messagesIn(db)) === evidence.messages.length;
    // A verdict on something that never stands still says so by itself.
    if (isOfOneMoment || looks === LOOKS) return evidence;
    await pause(200);
  }
}

const LOOKS = 50;

async function messagesIn(db: Knex): Promise<number> {
  const row = (await db('messages').count({ count: '*' }).first()) as { count: number | string };
  return Number(row.count);
}

async function look(db: Knex, known: Known): Promise<Evidence> {
  const deliveries = (await db('deliveries').orderBy('id').select('id', 'body', 'status', 'reason')) as (Omit<
    Evidence['deliveries'][number],
    'body'
  > & { body: Buffer })[];
  return {
    told: known.told,
    troubles: known.troubles,
    providers: readEntries(known.journal),
    deliveries: deliveries.map((row) => ({ ...row, body: row.body.toString('utf8') })),
    orders: (await db('orders').select('id', 'woo_id', 'ticket_id')) as Evidence['orders'],
    tickets: (await db('tickets').select('id', 'number')) as Evidence['tickets'],
    grants: (await db('credit_grants').select(
      'grant_key',
      'available',
      'granted',
      'order_revoked',
      'wanted',
    )) as Evidence['grants'],
    messages: (await db('messages').select(
      'id',
      'ticket_id',
      'channel',
      'kind',
      'direction',
      'to_address',
      'body',
      'status',
      'free_reason',
      'hold_id',
      'provider_id',
    )) as Evidence['messages'],
    holds: (await db('credit_holds').select(
      'id',
      'cause_kind',
      'cause_id',
      'status',
      'quantity',
      'captured_quantity',
    )) as Evidence['holds'],
    sessions: (await db('video_sessions').select('id', 'state', 'connected_ms')) as Evidence['sessions'],
    sessionEvents: (await db('video_events').select('session_id', 'event_id')) as Evidence['sessionEvents'],
    ledgerProblems: (await verifyLedger(db)).problems,
  };
}

/** Nothing waits in the inbox or in the outbox. */
export async function isQuiet(db: Knex): Promise<boolean> {
  return (
    !(await db('deliveries').where({ status: 'pending' }).first('id')) &&
    !(await db('outbox').first('message_id'))
  );
}
