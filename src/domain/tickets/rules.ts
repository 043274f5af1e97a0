import { limits } from '../../platform/limits';

/** Pure decisions about tickets: which way a status may go, and what counts as a word that a reply must have seen. */

export type TicketStatus = 'new' | 'open' | 'pending' | 'on_hold' | 'solved' | 'closed';

/**
 * May a person set this status by hand?
 * `new` means that nobody has answered yet, which nobody can declare; `closed` is final, a later word opens a follow-up.
 */
export function mayMove(from: TicketStatus, to: TicketStatus): boolean {
  return from !== 'closed' && to !== 'new';
}

/** Solving and closing end what a reply was written for; the other ways do not (DESIGN §3 "Tickets"). */
export function growsVersion(to: TicketStatus): boolean {
  return to === 'solved' || to === 'closed';
}

/** Name of the event that tells of a change of status. */
export function statusEvent(from: TicketStatus, to: TicketStatus): string {
  if (to === 'solved' || to === 'closed') return `ticket.${to}`;
  return from === 'solved' ? 'ticket.reopened' : 'ticket.status_changed';
}

/** Line ends, tabs and control characters (PostgreSQL keeps no NUL) become single spaces. */
export function oneLine(text: string): string {
  return text.replace(/[\s\p{Cc}]+/gu, ' ').trim();
}

/** On one line, each once, in the order given. */
export function tidyTags(tags: string[]): { tags: string[]; problem: string | null } {
  const tidy = [...new Set(tags.map(oneLine).filter((tag) => tag !== ''))];
  if (tidy.length > limits.ticketTags)
    return { tags: tidy, problem: `must have at most ${limits.ticketTags} entries` };
  if (tidy.some((tag) => tag.length > limits.nameChars)) {
    return { tags: tidy, problem: `must have at most ${limits.nameChars} characters each` };
  }
  return { tags: tidy, problem: null };
}

/** A follow-up soon after its ticket ended is part of what was paid: it draws no `request`. */
export function isFreeFollowUp(
  followed: { solvedAt: string | null; closedAt: string | null; spam: boolean },
  at: string,
): boolean {
  const endedAt = followed.closedAt ?? followed.solvedAt;
  if (endedAt === null || followed.spam) return false;
  return Date.parse(at) - Date.parse(endedAt) <= limits.followUpFreeDays * 24 * 3600 * 1000;
}
