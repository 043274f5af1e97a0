import { addSeconds, iso } from '../../platform/clock';
import type { Db, Trx } from '../../platform/db';
import { limits } from '../../platform/limits';
import type { Moment } from '../../platform/moment';
import { claimMailbox, type Mailbox, saveMailbox } from './store';

/** Who holds a mailbox, and which. */
export interface Hold {
  name: string;
  owner: string;
}

/**
 * Take a mailbox for one process; nobody else gets it while the lease is renewed.
 * Shape:   → Mailbox, or null: another has it
 * Writes:  mailboxes
 */
export function takeMailbox(trx: Trx, moment: Moment, hold: Hold): Promise<Mailbox | null> {
  return claimMailbox(trx, { ...hold, now: moment.at, leaseUntil: mailboxLeaseUntil(moment.at) });
}

export function mailboxLeaseUntil(now: string): string {
  return iso(addSeconds(new Date(now), limits.mailboxLeaseSeconds));
}

/** It was read to its end. Writes: mailboxes; what was wrong is over */
export function noteRead(db: Db, moment: Moment, hold: Hold): Promise<void> {
  return saveMailbox(db, hold, { readAt: moment.at, problem: null, problemSince: null });
}

/** Since when it cannot be read, and why, for people. */
export function noteProblem(
  db: Db,
  moment: Moment,
  hold: Hold,
  before: Mailbox,
  words: string,
): Promise<void> {
  return saveMailbox(db, hold, { problem: words, problemSince: before.problemSince ?? moment.at });
}

/** Mails that were seen to and stay in the folder, so that they are not read again and again. */
export function leaveInFolder(
  db: Db,
  hold: Hold,
  left: { uidValidity: string; leftUids: number[] },
): Promise<void> {
  return saveMailbox(db, hold, left);
}
