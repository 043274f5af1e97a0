import { capture, type Hold, hold, release, type Work } from '../domain/credits';
import { findTicket, recordTicketEvent, type Ticket } from '../domain/tickets';
import {
  afterEnd,
  afterStart,
  areBothHere,
  type EndCause,
  instantFor,
  isGivenUp,
  isOver,
  isUsedUp,
  outcomeOf,
  unitsWanted,
  type VideoSession,
  wholeSeconds,
} from '../domain/video';
import type { Actor } from '../platform/actor';
import type { Trx } from '../platform/db';
import type { Moment } from '../platform/moment';
import { assert, Refusal } from '../platform/refusal';
import { type Context, momentOf } from './context';

/*
 * What starting, reporting, ending and the job have in common: credits follow the session. Each of them locks the
 * session row first (the credits verbs lock the balance after it), brings the session up to the instant, makes its own
 * change, and saves.
 */

/** Now, as it counts for a locked session. Taken after the lock: whoever waited for it must not be early. */
export function momentFor(ctx: Context, actor: Actor, session: VideoSession): Moment {
  const moment = momentOf(ctx, actor);
  return { ...moment, at: instantFor(session, moment.at) };
}

/**
 * Brings a running session up to the moment: holds what has come due, and closes it when its credits are used up or
 * nobody is there any more. What is charged does not depend on how often, or how late, this is called.
 * Writes:  credit_* and ticket_events; the session itself is the caller's to save
 * Repeat:  blocks are held by key, `video:<session>:block:<n>`
 */
export async function bringUpToDate(
  trx: Trx,
  moment: Moment,
  session: VideoSession,
  { ending = false }: { ending?: boolean } = {},
): Promise<VideoSession> {
  if (isOver(session)) return session;
  const givenUp = isGivenUp(session, moment.at);
  let current = session;
  if (current.state === 'active') {
    // What is about to end needs no credit for a next block.
    const last = ending || givenUp;
    current = await holdWanted(trx, moment, current, last);
    if (isUsedUp(current, moment.at, last)) return close(trx, moment, current, 'insufficient-credits');
  }
  return givenUp ? close(trx, moment, current, 'abandoned') : current;
}

async function holdWanted(
  trx: Trx,
  moment: Moment,
  session: VideoSession,
  ending: boolean,
): Promise<VideoSession> {
  const wanted = unitsWanted(session, moment.at, ending);
  if (session.holdIds.length >= wanted) return session;
  const ticket = await ticketOf(trx, session);
  const holdIds = [...session.holdIds];
  let outOfCredit = false;
  while (holdIds.length < wanted && !outOfCredit) {
    const held = await tryToHold(trx, moment, session, ticket, holdIds.length + 1);
    if (held) holdIds.push(held.id);
    else outOfCredit = true;
  }
  return { ...session, holdIds, outOfCredit };
}

/** Null when there is no credit for it. */
async function tryToHold(
  trx: Trx,
  moment: Moment,
  session: VideoSession,
  ticket: Ticket,
  block: number,
): Promise<Hold | null> {
  // The credits of block 1 decide how the session is counted; further blocks are of the same minutes.
  const work: Work =
    block === 1 ? { meter: 'video' } : { meter: 'video', blockMinutes: session.blockMinutes };
  try {
    // A savepoint: whatever the refused hold may have written is undone, and the transaction goes on.
    return await trx.transaction((savepoint) =>
      hold(savepoint, moment, {
        customerId: session.customerId,
        ticketId: ticket.id,
        ticketFamilyId: ticket.familyId,
        work,
        key: `video:${session.id}:block:${block}`,
        cause: { kind: 'video_session', id: session.id },
      }),
    );
  } catch (error) {
    if (error instanceof Refusal && error.code === 'insufficient-credits') return null;
    throw error;
  }
}

async function ticketOf(trx: Trx, session: VideoSession): Promise<Ticket> {
  const ticket = await findTicket(trx, session.ticketId);
  assert(ticket, 'the ticket of a video session exists');
  return ticket;
}

/** Starts a waiting session once both are there: holds the session, or its first block; blocked without credit. */
export async function startWhenBothAreHere(
  trx: Trx,
  moment: Moment,
  waiting: VideoSession,
): Promise<VideoSession> {
  if (waiting.state !== 'waiting' || !areBothHere(waiting)) return waiting;
  const ticket = await ticketOf(trx, waiting);
  // The ticket may have been given to another customer while the room was open.
  const session = { ...waiting, customerId: ticket.customerId };
  const first = await tryToHold(trx, moment, session, ticket, 1);
  if (!first) return close(trx, moment, session, 'insufficient-credits');
  await recordTicketEvent(trx, moment, {
    ticketId: ticket.id,
    type: 'video.started',
    facts: { video_session_id: session.id, unit: first.unit, block_minutes: first.blockMinutes },
  });
  return afterStart(session, first, moment.at);
}

const EVENT_OF = { ended: 'video.ended', blocked: 'video.blocked', no_show: 'video.no_show' } as const;

/** Ends a running session: what was used is captured, everything else given back, and the ticket's history says so. */
export async function close(
  trx: Trx,
  moment: Moment,
  session: VideoSession,
  cause: EndCause,
  reason?: string,
): Promise<VideoSession> {
  const found = outcomeOf(session, moment.at, cause);
  const outcome = reason === undefined ? found : { ...found, reason };
  assert(outcome.charged <= session.holdIds.length, 'nothing is charged that was not held');
  for (const [index, holdId] of session.holdIds.entries()) {
    if (index < outcome.charged) await capture(trx, moment, { holdId });
    else await release(trx, moment, { holdId, reason: outcome.releaseReason });
  }
  await recordTicketEvent(trx, moment, {
    ticketId: session.ticketId,
    type: EVENT_OF[outcome.state],
    facts: {
      video_session_id: session.id,
      connected_seconds: wholeSeconds(outcome.connectedMs),
      charged: outcome.charged,
      reason: outcome.reason,
    },
  });
  return afterEnd(session, outcome, moment.at);
}
