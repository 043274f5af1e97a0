import { holdsOfCause, release } from '../domain/credits';
import { changeTicket, type Ticket, type TicketChanges } from '../domain/tickets';
import type { Actor } from '../platform/actor';
import { withTransaction } from '../platform/db';
import { type Context, momentOf } from './context';
import { staleTicket } from './stale-ticket';

export interface UpdateTicketInput extends TicketChanges {
  ticketId: string;
  /** The version that was seen; left out: changed unseen. */
  version?: number | undefined;
}

/**
 * Change a ticket's status, subject, assignee or tags, or call it spam (which closes it and gives its `request` back).
 * Shape:   UpdateTicketInput → Ticket
 * Errors:  not-found, stale-ticket {version, newest_message}, invalid-transition {from, to}, invalid-request
 * Writes:  tickets, ticket_events, the credit tables (spam)
 * Repeat:  what is so already changes nothing
 * Source:  DESIGN §3 "Tickets"
 */
export function updateTicket(ctx: Context, actor: Actor, input: UpdateTicketInput): Promise<Ticket> {
  return withTransaction(ctx.db, async (trx) => {
    const moment = momentOf(ctx, actor);
    const { ticketId, version, ...changes } = input;
    const changed = await changeTicket(trx, moment, { ticketId, version, changes });
    if ('staleAt' in changed) throw await staleTicket(trx, ticketId, changed.staleAt);
    if (changed.after.spam && !changed.before.spam) {
      // Settled ones (we had answered already) stay as they are.
      for (const held of await holdsOfCause(trx, { kind: 'ticket', id: ticketId })) {
        await release(trx, moment, { holdId: held.id, reason: 'spam' });
      }
    }
    return changed.after;
  });
}
