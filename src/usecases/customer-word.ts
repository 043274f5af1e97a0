import type { Customer } from '../domain/customers';
import type { Store } from '../domain/stores';
import { openTicket, type Ticket } from '../domain/tickets';
import { addSeconds, iso } from '../platform/clock';
import type { Trx } from '../platform/db';
import { limits } from '../platform/limits';
import type { Moment } from '../platform/moment';
import { nextWithin } from '../platform/time-zone';
import { markedIfUnpaid } from './open-ticket';

/** Where a customer's word belongs, by whatever channel it came. */

export interface Place {
  ticket: Ticket;
  /** Just opened, with the word that is to come in mind. */
  isNew: boolean;
}

/**
 * The ticket that a word belongs to: the one that was found for it, while that can take words; else one that is opened
 * now, a follow-up where the found one is closed, and unpaid where nothing was bought.
 * Shape:   { found: locked, or null; customer, subject } → Place
 * Writes:  tickets, ticket_events, the credit tables (a `request` is held, see markedIfUnpaid)
 * Source:  DESIGN §3 "Tickets", "Someone writes who has not paid"
 */
export async function placeForWord(
  trx: Trx,
  moment: Moment,
  input: { found: Ticket | null; customer: Pick<Customer, 'id' | 'storeId'>; subject: string },
): Promise<Place> {
  const { found, customer, subject } = input;
  if (found && found.status !== 'closed') return { ticket: found, isNew: false };
  const opened = await openTicket(trx, moment, {
    storeId: customer.storeId,
    customerId: customer.id,
    subject: found?.subject ?? subject,
    origin: 'customer',
    followUpOf: found,
  });
  return { ticket: await markedIfUnpaid(trx, moment, opened, found), isNew: true };
}

/** Of several shops, where a word does not say which: the first one. */
export function likelyStore(stores: Store[]): Store | null {
  return stores.find((one) => one.slug === 'default') ?? stores[0] ?? null;
}

const SUBJECT_CHARS = 60;

/** What a ticket is called whose first word has no subject: how it begins. */
export function subjectOf(text: string, otherwise: string, most = SUBJECT_CHARS): string {
  const line = text.replace(/[\s\p{Cc}\p{Cs}]+/gu, ' ').trim();
  if (line === '') return otherwise;
  const chars = [...line];
  return chars.length <= most ? line : `${chars.slice(0, most - 1).join('')}…`;
}

/** Nobody is called in the night by what Zeton says by itself. */
export function whenAwake(at: string, store: Pick<Store, 'timeZone'>): string {
  const hours = { from: limits.noticeFromHour, until: limits.noticeUntilHour };
  return nextWithin(at, hours, store.timeZone);
}

export function hourBefore(at: string): string {
  return iso(addSeconds(new Date(at), -3_600));
}
