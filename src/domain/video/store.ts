import type { Db, Trx } from '../../platform/db';
import { assert } from '../../platform/refusal';
import type { Participant, VideoEventType, VideoSession } from './rules';

type Row = Record<string, unknown>;

const RUNNING = ['waiting', 'active'];

function sessionFromRow(row: Row): VideoSession {
  return {
    id: row.id as string,
    ticketId: row.ticket_id as string,
    customerId: row.customer_id as string,
    state: row.state as VideoSession['state'],
    agentState: row.agent_state as VideoSession['agentState'],
    customerState: row.customer_state as VideoSession['customerState'],
    agentJoinedAt: row.agent_joined_at as string | null,
    customerJoinedAt: row.customer_joined_at as string | null,
    blockMinutes: row.block_minutes as number | null,
    holdIds: JSON.parse(row.hold_ids as string) as string[],
    outOfCredit: Number(row.out_of_credit) === 1,
    connectedMs: Number(row.connected_ms),
    connectedSince: row.connected_since as string | null,
    lastEventAt: row.last_event_at as string | null,
    nextCheckAt: row.next_check_at as string | null,
    reason: row.reason as string | null,
    createdByName: row.created_by_name as string,
    createdAt: row.created_at as string,
    startedAt: row.started_at as string | null,
    endedAt: row.ended_at as string | null,
    updatedAt: row.updated_at as string,
  };
}

function rowFromSession(session: VideoSession): Row {
  return {
    customer_id: session.customerId,
    state: session.state,
    agent_state: session.agentState,
    customer_state: session.customerState,
    agent_joined_at: session.agentJoinedAt,
    customer_joined_at: session.customerJoinedAt,
    block_minutes: session.blockMinutes,
    hold_ids: JSON.stringify(session.holdIds),
    out_of_credit: session.outOfCredit ? 1 : 0,
    connected_ms: session.connectedMs,
    connected_since: session.connectedSince,
    last_event_at: session.lastEventAt,
    next_check_at: session.nextCheckAt,
    reason: session.reason,
    started_at: session.startedAt,
    ended_at: session.endedAt,
    updated_at: session.updatedAt,
  };
}

/** False, and nothing written, when the ticket has a running session. */
export async function insertSession(trx: Trx, session: VideoSession): Promise<boolean> {
  const inserted = (await trx('video_sessions')
    .insert({
      id: session.id,
      ticket_id: session.ticketId,
      created_by_name: session.createdByName,
      created_at: session.createdAt,
      ...rowFromSession(session),
    })
    .onConflict()
    .ignore()
    .returning('id')) as Row[];
  return inserted.length === 1;
}

/** Locks by an UPDATE that changes nothing: whoever comes second waits here and then reads what the first has made. */
async function lockWhere(trx: Trx, condition: Row, onlyRunning = false): Promise<VideoSession | null> {
  const query = trx('video_sessions').where(condition);
  if (onlyRunning) query.whereIn('state', RUNNING);
  const [row] = (await query.update({ updated_at: trx.ref('updated_at') }).returning('*')) as Row[];
  return row ? sessionFromRow(row) : null;
}

export function lockById(trx: Trx, id: string): Promise<VideoSession | null> {
  return lockWhere(trx, { id });
}

export function lockRunningOfTicket(trx: Trx, ticketId: string): Promise<VideoSession | null> {
  return lockWhere(trx, { ticket_id: ticketId }, true);
}

/** Null when another process has been there since `nextCheckAt` was read. */
export function lockDue(trx: Trx, due: DueSession): Promise<VideoSession | null> {
  return lockWhere(trx, { id: due.id, next_check_at: due.nextCheckAt });
}

/** Only under the lock: the whole row is written. */
export async function updateSession(trx: Trx, session: VideoSession): Promise<void> {
  const updated = await trx('video_sessions')
    .where({ id: session.id })
    .whereIn('state', RUNNING)
    .update(rowFromSession(session));
  assert(updated === 1, `video session ${session.id} was over already`);
}

export async function findById(db: Db, id: string): Promise<VideoSession | null> {
  const row = (await db('video_sessions').where({ id }).first()) as Row | undefined;
  return row ? sessionFromRow(row) : null;
}

export interface DueSession {
  id: string;
  nextCheckAt: string;
}

export async function readDue(db: Db, now: string, limit: number): Promise<DueSession[]> {
  const rows = (await db('video_sessions')
    .select('id', 'next_check_at')
    .where('next_check_at', '<=', now)
    .orderBy('next_check_at')
    .limit(limit)) as Row[];
  return rows.map((row) => ({ id: row.id as string, nextCheckAt: row.next_check_at as string }));
}

export async function updateNextCheck(db: Db, due: DueSession, nextCheckAt: string): Promise<void> {
  await db('video_sessions')
    .where({ id: due.id, next_check_at: due.nextCheckAt })
    .update({ next_check_at: nextCheckAt });
}

interface VideoEvent {
  sessionId: string;
  eventId: string;
  type: VideoEventType;
  participant: Participant;
  at: string;
}

/** False when the session has an event of this id. */
export async function insertEvent(trx: Trx, event: VideoEvent): Promise<boolean> {
  const inserted = (await trx('video_events')
    .insert({
      session_id: event.sessionId,
      event_id: event.eventId,
      type: event.type,
      participant: event.participant,
      at: event.at,
    })
    .onConflict(['session_id', 'event_id'])
    .ignore()
    .returning('event_id')) as Row[];
  return inserted.length === 1;
}
