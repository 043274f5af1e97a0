import {
  dueVideoSessions,
  lockDueVideoSession,
  postponeVideoSession,
  saveVideoSession,
} from '../domain/video';
import { systemActor } from '../platform/actor';
import { iso } from '../platform/clock';
import { withTransaction } from '../platform/db';
import type { Context } from './context';
import { bringUpToDate, momentFor } from './meter-video-session';

/**
 * The job of video sessions: hold the next block, block what has run out, close what nobody is in any more.
 * Shape:   { limit } → number of sessions dealt with
 * Writes:  video_sessions, credit_*, ticket_events, one transaction a session
 * Repeat:  several processes may run it at once: a session that another one has dealt with is passed over
 * Source:  DESIGN §3 "Spending", video
 */
export async function advanceVideoSessions(ctx: Context, { limit }: { limit: number }): Promise<number> {
  let advanced = 0;
  for (const due of await dueVideoSessions(ctx.db, { now: iso(ctx.clock.now()), limit })) {
    try {
      const done = await withTransaction(ctx.db, async (trx) => {
        const session = await lockDueVideoSession(trx, due);
        if (!session) return false;
        const moment = momentFor(ctx, systemActor, session);
        await saveVideoSession(trx, moment, await bringUpToDate(trx, moment, session));
        return true;
      });
      if (done) advanced += 1;
    } catch (err) {
      ctx.log.error({ err, videoSessionId: due.id }, 'a video session could not be advanced');
      await postponeVideoSession(ctx.db, due, ctx.clock.now());
    }
  }
  return advanced;
}
