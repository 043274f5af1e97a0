import { changeTicket, solvedBefore } from '../domain/tickets';
import { systemActor } from '../platform/actor';
import { addSeconds, iso } from '../platform/clock';
import { withTransaction } from '../platform/db';
import { limits } from '../platform/limits';
import { type Context, momentOf } from './context';

/**
 * Close what has been solved for a week: a later word opens a follow-up.
 * Shape:   { limit } → how many were closed
 * Writes:  tickets, ticket_events
 * Repeat:  several processes at once are harmless; one in which somebody writes meanwhile stays open
 * Source:  DESIGN §3 "Tickets"
 */
export async function closeSolvedTickets(ctx: Context, { limit }: { limit: number }): Promise<number> {
  const moment = momentOf(ctx, systemActor);
  const before = iso(addSeconds(ctx.clock.now(), -limits.closeSolvedDays * 86_400));
  const due = await solvedBefore(ctx.db, { before, limit });
  let closed = 0;
  for (const { id: ticketId, version } of due) {
    try {
      const changed = await withTransaction(ctx.db, (trx) =>
        changeTicket(trx, moment, { ticketId, version, changes: { status: 'closed' } }),
      );
      if ('after' in changed) closed += 1;
    } catch (error) {
      // The others go on; this one is due again in the next slot.
      ctx.log.error({ err: error, ticket_id: ticketId }, 'a solved ticket could not be closed');
    }
  }
  return closed;
}
