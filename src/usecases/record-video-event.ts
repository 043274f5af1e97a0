import {
  afterEvent,
  isOver,
  keepVideoEvent,
  lockVideoSession,
  type Participant,
  saveVideoSession,
  type VideoEventType,
} from '../domain/video';
import type { Actor } from '../platform/actor';
import { withTransaction } from '../platform/db';
import type { Context } from './context';
import { bringUpToDate, momentFor, startWhenBothAreHere } from './meter-video-session';
import { type VideoSessionView, videoSessionView } from './video-session.query';

export interface VideoEventReport {
  sessionId: string;
  /** Made by the room, unique in the session. */
  eventId: string;
  type: VideoEventType;
  participant: Participant;
}

/**
 * Take what the room reports, whatever its provider. It counts from the instant at which it is recorded here.
 * Shape:   { sessionId, eventId, type, participant } → VideoSessionView
 * Errors:  not-found
 * Writes:  video_events (append), video_sessions, credit_*, ticket_events
 * Repeat:  a known event id changes nothing and answers the session as it is; what comes after the end is kept only
 * Source:  DESIGN §3 "Spending", video; §6 video-sessions/{id}/events
 */
export function recordVideoEvent(
  ctx: Context,
  actor: Actor,
  report: VideoEventReport,
): Promise<VideoSessionView> {
  return withTransaction(ctx.db, async (trx) => {
    const locked = await lockVideoSession(trx, report.sessionId);
    const moment = momentFor(ctx, actor, locked);
    if ((await keepVideoEvent(trx, moment, report)) && !isOver(locked)) {
      let session = await bringUpToDate(trx, moment, locked);
      if (!isOver(session)) {
        session = afterEvent(session, report, moment.at);
        session = await startWhenBothAreHere(trx, moment, session);
        // Once more: a block that has just begun may be short enough for the next one to be due.
        session = await bringUpToDate(trx, moment, session);
      }
      await saveVideoSession(trx, moment, session);
    }
    return videoSessionView(ctx, trx, report.sessionId);
  });
}
