import { isOver, lockVideoSession, saveVideoSession } from '../domain/video';
import type { Actor } from '../platform/actor';
import { withTransaction } from '../platform/db';
import type { Context } from './context';
import { bringUpToDate, close, momentFor } from './meter-video-session';
import { type VideoSessionView, videoSessionView } from './video-session.query';

/**
 * End a video session and charge what it was: one session, or the started blocks; nothing under a minute.
 * Shape:   { sessionId, reason? } → VideoSessionView (ended, no_show or blocked)
 * Errors:  not-found
 * Writes:  video_sessions, credit_*, ticket_events
 * Repeat:  a session that is over stays as it is: the same answer
 * Source:  DESIGN §3 "Spending", video
 */
export function endVideoSession(
  ctx: Context,
  actor: Actor,
  { sessionId, reason }: { sessionId: string; reason?: string },
): Promise<VideoSessionView> {
  return withTransaction(ctx.db, async (trx) => {
    const locked = await lockVideoSession(trx, sessionId);
    if (!isOver(locked)) {
      const moment = momentFor(ctx, actor, locked);
      let session = await bringUpToDate(trx, moment, locked, { ending: true });
      if (!isOver(session)) session = await close(trx, moment, session, 'by-request', reason);
      await saveVideoSession(trx, moment, session);
    }
    return videoSessionView(ctx, trx, sessionId);
  });
}
