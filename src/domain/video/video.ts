import { addSeconds, iso } from '../../platform/clock';
import type { Db, Trx } from '../../platform/db';
import { limits } from '../../platform/limits';
import type { Moment } from '../../platform/moment';
import { Refusal } from '../../platform/refusal';
import { nextCheckAfter, type Participant, type VideoEventType, type VideoSession } from './rules';
import * as store from './store';

/**
 * Open the room of a ticket.
 * Shape:   { ticketId, customerId } → VideoSession (waiting), or null when the ticket has a running one
 * Writes:  video_sessions
 * Repeat:  at most one running session a ticket, by a unique index
 * Source:  DESIGN §3 "Spending", video
 */
export async function openVideoSession(
  trx: Trx,
  moment: Moment,
  { ticketId, customerId }: { ticketId: string; customerId: string },
): Promise<VideoSession | null> {
  const session: VideoSession = {
    id: moment.ids.next(),
    ticketId,
    customerId,
    state: 'waiting',
    agentState: 'absent',
    customerState: 'absent',
    agentJoinedAt: null,
    customerJoinedAt: null,
    blockMinutes: null,
    holdIds: [],
    outOfCredit: false,
    connectedMs: 0,
    connectedSince: null,
    lastEventAt: null,
    nextCheckAt: null,
    reason: null,
    createdByName: moment.actor.name,
    createdAt: moment.at,
    startedAt: null,
    endedAt: null,
    updatedAt: moment.at,
  };
  session.nextCheckAt = nextCheckAfter(session, moment.at);
  return (await store.insertSession(trx, session)) ? session : null;
}

/**
 * Lock a session until the transaction ends: the first statement of everything that changes one.
 * Errors:  not-found
 */
export async function lockVideoSession(trx: Trx, id: string): Promise<VideoSession> {
  const session = await store.lockById(trx, id);
  if (!session) throw new Refusal('not-found', 'There is no such video session.');
  return session;
}

/** The same for the one running session of a ticket, if it has one. */
export function lockRunningVideoSession(trx: Trx, ticketId: string): Promise<VideoSession | null> {
  return store.lockRunningOfTicket(trx, ticketId);
}

/** The same for one that was due; null when another process has dealt with it since. */
export function lockDueVideoSession(trx: Trx, due: store.DueSession): Promise<VideoSession | null> {
  return store.lockDue(trx, due);
}

/**
 * Keep what the room reports.
 * Shape:   { sessionId, eventId, type, participant } → true, or false when this event is known
 * Writes:  video_events (append)
 * Repeat:  the event id is unique in its session; a repeat writes nothing
 */
export function keepVideoEvent(
  trx: Trx,
  moment: Moment,
  event: { sessionId: string; eventId: string; type: VideoEventType; participant: Participant },
): Promise<boolean> {
  return store.insertEvent(trx, { ...event, at: moment.at });
}

/** Writes a locked session back, as it stands at this moment, with the time at which a job must look at it again. */
export async function saveVideoSession(
  trx: Trx,
  moment: Moment,
  session: VideoSession,
): Promise<VideoSession> {
  const saved = { ...session, updatedAt: moment.at, nextCheckAt: nextCheckAfter(session, moment.at) };
  await store.updateSession(trx, saved);
  return saved;
}

export function findVideoSession(db: Db, id: string): Promise<VideoSession | null> {
  return store.findById(db, id);
}

/** Sessions in which something is due, longest due first. */
export function dueVideoSessions(
  db: Db,
  { now, limit }: { now: string; limit: number },
): Promise<store.DueSession[]> {
  return store.readDue(db, now, limit);
}

/** One that cannot be dealt with must not stand in the way of the others. */
export async function postponeVideoSession(db: Db, due: store.DueSession, now: Date): Promise<void> {
  await store.updateNextCheck(db, due, iso(addSeconds(now, limits.leaseSeconds)));
}
