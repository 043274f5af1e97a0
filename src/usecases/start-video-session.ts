import { findTicket, recordTicketEvent } from '../domain/tickets';
import { isOver, lockRunningVideoSession, openVideoSession, saveVideoSession } from '../domain/video';
import type { Actor } from '../platform/actor';
import { type Trx, withTransaction } from '../platform/db';
import { Refusal } from '../platform/refusal';
import { type Context, momentOf } from './context';
import { bringUpToDate, momentFor } from './meter-video-session';
import { type VideoSessionView, videoSessionView } from './video-session.query';

export interface StartVideoSession {
  ticketId: string;
}

export interface StartedVideoSession {
  session: VideoSessionView;
  /** False: the ticket had a running session, and this is that one. */
  created: boolean;
}

const ATTEMPTS = 3;

/**
 * Open a video room on a ticket. Costs nothing yet: the first credit is held when both have joined.
 * Whoever starts again while a room is open wants to get in, so that room is answered.
 * Shape:   { ticketId } → { session (waiting, or as the running one stands), created }
 * Errors:  not-found, ticket-closed
 * Writes:  video_sessions, ticket_events
 * Repeat:  at most one running session a ticket, also when two start at once
 * Source:  DESIGN §3 "Spending", video
 */
export function startVideoSession(
  ctx: Context,
  actor: Actor,
  input: StartVideoSession,
): Promise<StartedVideoSession> {
  return withTransaction(ctx.db, (trx) => startVideoSessionIn(trx, ctx, actor, input));
}

/** The same in a transaction that is open already. */
export async function startVideoSessionIn(
  trx: Trx,
  ctx: Context,
  actor: Actor,
  { ticketId }: StartVideoSession,
): Promise<StartedVideoSession> {
  const ticket = await findTicket(trx, ticketId);
  if (!ticket) throw new Refusal('not-found', 'There is no such ticket.');
  if (ticket.status === 'closed') {
    throw new Refusal('ticket-closed', 'This ticket is closed. Open a follow-up ticket for a video session.');
  }
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const moment = momentOf(ctx, actor);
    const opened = await openVideoSession(trx, moment, { ticketId, customerId: ticket.customerId });
    if (opened) {
      const facts = { video_session_id: opened.id };
      await recordTicketEvent(trx, moment, { ticketId, type: 'video.opened', facts });
      return { session: await videoSessionView(ctx, trx, opened.id), created: true };
    }
    const running = await lockRunningVideoSession(trx, ticketId);
    if (!running) continue; // It ended in between.
    const now = momentFor(ctx, actor, running);
    const current = await saveVideoSession(trx, now, await bringUpToDate(trx, now, running));
    if (!isOver(current)) return { session: await videoSessionView(ctx, trx, current.id), created: false };
  }
  throw new Error(`ticket ${ticketId}: video sessions end as fast as they are started`);
}
