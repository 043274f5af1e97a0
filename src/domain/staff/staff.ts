import { randomBytes } from 'node:crypto';
import { addSeconds, iso, secondsBetween } from '../../platform/clock';
import type { Db, Trx } from '../../platform/db';
import type { Moment } from '../../platform/moment';
import { Refusal } from '../../platform/refusal';
import { sha256Hex } from '../../platform/secrets';
import {
  ATTEMPTS,
  checkPerson,
  FORGET_FAILURES_SECONDS,
  invalidPerson,
  normaliseStaffEmail,
  type Role,
  SESSION_IDLE_SECONDS,
  SESSION_SECONDS,
  SETUP_LINK_SECONDS,
  waitSeconds,
} from './rules';
import {
  consumeSetupLink,
  countAttempt,
  deleteFailures,
  deleteOld,
  deleteSession,
  deleteSessionsOf,
  findSession,
  insertPerson,
  insertSession,
  insertSetupLink,
  isSetupLink,
  type Person,
  type Session,
  savePerson,
  setBlockedUntil,
  setLastSeen,
  uncountAttempt,
} from './store';

/** Exact enough to end idle sessions; a write for every page would be the dearest part of it. */
const LAST_SEEN_SECONDS = 60;

function newToken(): string {
  return randomBytes(32).toString('base64url');
}

function later(at: string, seconds: number): string {
  return iso(addSeconds(new Date(at), seconds));
}

/**
 * Let somebody work here. The hash is made by hashPassword() before the transaction: it takes long.
 * Shape:   { email, name, passwordHash, role, storeIds? } → Person
 * Errors:  invalid-request {errors}, also for an e-mail address that somebody has
 * Writes:  staff
 */
export async function addPerson(
  trx: Trx,
  moment: Moment,
  input: { email: string; name: string; passwordHash: string; role: Role; storeIds?: string[] | null },
): Promise<Person> {
  checkPerson({ email: input.email, name: input.name });
  const person: Person = {
    id: moment.ids.next(),
    email: input.email.trim(),
    name: input.name.trim(),
    role: input.role,
    storeIds: input.storeIds ?? null,
    createdAt: moment.at,
    disabledAt: null,
  };
  const added = await insertPerson(trx, person, {
    emailNormalised: normaliseStaffEmail(input.email),
    passwordHash: input.passwordHash,
  });
  if (!added) {
    throw invalidPerson([
      { path: 'email', code: 'taken', message: 'belongs to somebody who works here already' },
    ]);
  }
  return person;
}

/** Errors: invalid-request {errors} · Writes: staff.name */
export async function renamePerson(trx: Trx, moment: Moment, id: string, name: string): Promise<void> {
  checkPerson({ name });
  await savePerson(trx, id, moment.at, { name: name.trim() });
}

/**
 * Another password. Everybody who came in with the old one is out: open a new session for whoever changed it.
 * Writes:  staff.password_hash, staff_sessions
 */
export async function setPassword(trx: Trx, moment: Moment, id: string, passwordHash: string): Promise<void> {
  await savePerson(trx, id, moment.at, { passwordHash });
  await deleteSessionsOf(trx, id);
}

/**
 * Open a session. The token goes to the browser and is kept nowhere; always a new one, so that a token that was
 * planted before the sign-in is worth nothing after it.
 * Shape:   staffId → { token, session }
 * Writes:  staff_sessions
 */
export async function openSession(
  trx: Trx,
  moment: Moment,
  staffId: string,
): Promise<{ token: string; session: Session }> {
  const token = newToken();
  const session: Session = {
    id: moment.ids.next(),
    staffId,
    csrfToken: newToken(),
    createdAt: moment.at,
    lastSeenAt: moment.at,
    expiresAt: later(moment.at, SESSION_SECONDS),
  };
  await insertSession(trx, session, sha256Hex(token));
  return { token, session };
}

/**
 * Who holds this token; null: nobody, or no longer.
 * Writes:  staff_sessions.last_seen_at, at most once a minute
 */
export async function sessionOf(
  db: Db,
  token: string,
  now: string,
): Promise<{ session: Session; person: Person } | null> {
  const found = await findSession(db, sha256Hex(token));
  if (!found) return null;
  const { session } = found;
  if (now >= session.expiresAt || now >= later(session.lastSeenAt, SESSION_IDLE_SECONDS)) return null;
  if (secondsBetween(session.lastSeenAt, now) >= LAST_SEEN_SECONDS) await setLastSeen(db, session.id, now);
  return found;
}

/** Whose it was; null: there was no such session. Repeat: harmless. */
export function closeSession(trx: Trx, token: string): Promise<string | null> {
  return deleteSession(trx, sha256Hex(token));
}

/** Where an attempt comes from, and whom it is about. */
export interface Attempt {
  address: string;
  email: string;
}

interface Counted {
  sha256: string;
  allowed: number;
  /** Of everybody who is tried from that address. */
  isOfAll: boolean;
}

function countedOf({ address, email }: Attempt): Counted[] {
  const who = normaliseStaffEmail(email);
  return [
    { sha256: sha256Hex(`pair:${address}|${who}`), allowed: ATTEMPTS.pair, isOfAll: false },
    { sha256: sha256Hex(`address:${address}`), allowed: ATTEMPTS.address, isOfAll: true },
    { sha256: sha256Hex(`email:${who}`), allowed: ATTEMPTS.email, isOfAll: false },
  ].sort((a, b) => (a.sha256 < b.sha256 ? -1 : 1)); // one order for everybody: no deadlock
}

/**
 * Call before a password is looked at, in a transaction of its own. It counts as failed until forgetFailures().
 * Errors:  too-many-requests {retry_after_seconds}; then nothing is counted, so asking again does not lengthen the wait
 * Writes:  sign_in_failures
 * Source:  DESIGN §8
 */
export async function admitAttempt(trx: Trx, moment: Moment, attempt: Attempt): Promise<void> {
  let blockedUntil = '';
  for (const { sha256, allowed } of countedOf(attempt)) {
    const counted = await countAttempt(trx, sha256, moment.at, later(moment.at, -FORGET_FAILURES_SECONDS));
    if (counted.blockedUntil !== null && counted.blockedUntil > moment.at) {
      if (counted.blockedUntil > blockedUntil) blockedUntil = counted.blockedUntil;
    }
    const wait = waitSeconds(counted.failures, allowed);
    if (wait > 0) await setBlockedUntil(trx, sha256, later(moment.at, wait));
  }
  if (blockedUntil === '') return;
  throw new Refusal('too-many-requests', 'Too many attempts to sign in.', {
    retry_after_seconds: Math.ceil(secondsBetween(moment.at, blockedUntil)),
  });
}

/**
 * The attempt was good. The failures of its address with others stay counted: else whoever has an account here could
 * sign in between guesses.
 */
export async function forgetFailures(trx: Trx, attempt: Attempt): Promise<void> {
  for (const { sha256, allowed, isOfAll } of countedOf(attempt)) {
    if (isOfAll) await uncountAttempt(trx, sha256, allowed);
    else await deleteFailures(trx, sha256);
  }
}

/**
 * A link by which the first owner is made; good once, for a day.
 * Writes:  setup_links, only the hash of the token
 */
export async function makeSetupToken(trx: Trx, moment: Moment): Promise<string> {
  const token = newToken();
  await insertSetupLink(trx, {
    tokenSha256: sha256Hex(token),
    createdAt: moment.at,
    expiresAt: later(moment.at, SETUP_LINK_SECONDS),
  });
  return token;
}

export function isSetupToken(db: Db, token: string, now: string): Promise<boolean> {
  return isSetupLink(db, sha256Hex(token), now);
}

/** Errors: not-found when it was used, or is too old. All other links end with it. */
export async function useSetupToken(trx: Trx, moment: Moment, token: string): Promise<void> {
  if (await consumeSetupLink(trx, sha256Hex(token), moment.at)) return;
  throw new Refusal('not-found', 'This link was used already, or is too old.');
}

/** Ended sessions, old failures, old links; says how many. Repeat: harmless. */
export function forgetOld(trx: Trx, now: string): Promise<number> {
  return deleteOld(trx, {
    at: now,
    idle: later(now, -SESSION_IDLE_SECONDS),
    failure: later(now, -FORGET_FAILURES_SECONDS),
  });
}
