import type { Db, Trx } from '../../platform/db';
import type { Role } from './rules';

export interface Person {
  id: string;
  email: string;
  name: string;
  role: Role;
  /** The stores that this person looks after; null: all. */
  storeIds: string[] | null;
  createdAt: string;
  disabledAt: string | null;
}

export interface Session {
  id: string;
  staffId: string;
  csrfToken: string;
  createdAt: string;
  lastSeenAt: string;
  expiresAt: string;
}

interface PersonRow {
  id: string;
  email: string;
  email_normalised: string;
  name: string;
  password_hash: string;
  role: Role;
  store_ids: string | null;
  created_at: string;
  updated_at: string;
  disabled_at: string | null;
}

interface SessionRow {
  id: string;
  token_sha256: string;
  staff_id: string;
  csrf_token: string;
  created_at: string;
  last_seen_at: string;
  expires_at: string;
}

interface FailureRow {
  counted_sha256: string;
  failures: number;
  last_failed_at: string;
  blocked_until: string | null;
}

function personFromRow(row: PersonRow): Person {
  return {
    id: row.id,
    email: row.email,
    name: row.name,
    role: row.role,
    storeIds: row.store_ids === null ? null : (JSON.parse(row.store_ids) as string[]),
    createdAt: row.created_at,
    disabledAt: row.disabled_at,
  };
}

/** false: somebody has that e-mail address. */
export async function insertPerson(
  trx: Trx,
  person: Person,
  secrets: { emailNormalised: string; passwordHash: string },
): Promise<boolean> {
  const inserted = await trx<PersonRow>('staff')
    .insert({
      id: person.id,
      email: person.email,
      email_normalised: secrets.emailNormalised,
      name: person.name,
      password_hash: secrets.passwordHash,
      role: person.role,
      store_ids: person.storeIds && JSON.stringify(person.storeIds),
      created_at: person.createdAt,
      updated_at: person.createdAt,
      disabled_at: person.disabledAt,
    })
    .onConflict('email_normalised')
    .ignore()
    .returning('id');
  return inserted.length === 1;
}

export async function findPersonWithHash(
  db: Db,
  by: { emailNormalised: string } | { id: string },
): Promise<{ person: Person; passwordHash: string } | null> {
  const where = 'id' in by ? { id: by.id } : { email_normalised: by.emailNormalised };
  const row = await db<PersonRow>('staff').where(where).first();
  return row ? { person: personFromRow(row), passwordHash: row.password_hash } : null;
}

export async function anyOwner(db: Db): Promise<boolean> {
  return (await db<PersonRow>('staff').where({ role: 'owner' }).first('id')) !== undefined;
}

export async function savePerson(
  trx: Trx,
  id: string,
  at: string,
  changes: { name?: string; passwordHash?: string },
): Promise<void> {
  await trx<PersonRow>('staff')
    .where({ id })
    .update({
      updated_at: at,
      ...(changes.name === undefined ? {} : { name: changes.name }),
      ...(changes.passwordHash === undefined ? {} : { password_hash: changes.passwordHash }),
    });
}

export async function insertSession(trx: Trx, session: Session, tokenSha256: string): Promise<void> {
  await trx<SessionRow>('staff_sessions').insert({
    id: session.id,
    token_sha256: tokenSha256,
    staff_id: session.staffId,
    csrf_token: session.csrfToken,
    created_at: session.createdAt,
    last_seen_at: session.lastSeenAt,
    expires_at: session.expiresAt,
  });
}

/** With the person it belongs to, unless that one may no longer come in. */
export async function findSession(
  db: Db,
  tokenSha256: string,
): Promise<{ session: Session; person: Person } | null> {
  const row = (await db('staff_sessions as s')
    .join('staff as p', 'p.id', 's.staff_id')
    .where('s.token_sha256', tokenSha256)
    .whereNull('p.disabled_at')
    .first('p.*', {
      session_id: 's.id',
      csrf_token: 's.csrf_token',
      session_created_at: 's.created_at',
      last_seen_at: 's.last_seen_at',
      expires_at: 's.expires_at',
    })) as (PersonRow & SessionRow & { session_id: string; session_created_at: string }) | undefined;
  if (!row) return null;
  return {
    person: personFromRow(row),
    session: {
      id: row.session_id,
      staffId: row.id,
      csrfToken: row.csrf_token,
      createdAt: row.session_created_at,
      lastSeenAt: row.last_seen_at,
      expiresAt: row.expires_at,
    },
  };
}

export async function setLastSeen(db: Db, sessionId: string, at: string): Promise<void> {
  await db<SessionRow>('staff_sessions').where({ id: sessionId }).update({ last_seen_at: at });
}

/** The staff id whose session it was; null: there was none. */
export async function deleteSession(trx: Trx, tokenSha256: string): Promise<string | null> {
  const row = await trx<SessionRow>('staff_sessions').where({ token_sha256: tokenSha256 }).first('staff_id');
  await trx<SessionRow>('staff_sessions').where({ token_sha256: tokenSha256 }).delete();
  return row?.staff_id ?? null;
}

export async function deleteSessionsOf(trx: Trx, staffId: string): Promise<void> {
  await trx<SessionRow>('staff_sessions').where({ staff_id: staffId }).delete();
}

/**
 * Counts one more, before it is known whether it fails: two guesses at once cannot both be the fifth. A write comes
 * first, so that nobody reads what another one is about to change.
 */
export async function countAttempt(
  trx: Trx,
  sha256: string,
  at: string,
  forgetBefore: string,
): Promise<{ failures: number; blockedUntil: string | null }> {
  const [row] = (await trx<FailureRow>('sign_in_failures')
    .insert({ counted_sha256: sha256, failures: 1, last_failed_at: at, blocked_until: null })
    .onConflict('counted_sha256')
    .merge({
      failures: trx.raw(
        'CASE WHEN sign_in_failures.last_failed_at < ? THEN 1 ELSE sign_in_failures.failures + 1 END',
        [forgetBefore],
      ) as unknown as number,
      last_failed_at: at,
    })
    .returning(['failures', 'blocked_until'])) as Pick<FailureRow, 'failures' | 'blocked_until'>[];
  return { failures: Number(row?.failures), blockedUntil: row?.blocked_until ?? null };
}

export async function setBlockedUntil(trx: Trx, sha256: string, until: string): Promise<void> {
  await trx<FailureRow>('sign_in_failures')
    .where({ counted_sha256: sha256 })
    .update({ blocked_until: until });
}

/** It was no failure after all: what was counted for it is taken off, and with it a wait that began with it. */
export async function uncountAttempt(trx: Trx, sha256: string, allowed: number): Promise<void> {
  const table = () => trx<FailureRow>('sign_in_failures').where({ counted_sha256: sha256 });
  const lifted = await table()
    .where('failures', '>', 1)
    .where('failures', '<=', allowed)
    .update({ failures: trx.raw('failures - 1') as unknown as number, blocked_until: null });
  if (lifted === 1) return;
  const lowered = await table()
    .where('failures', '>', 1)
    .update({ failures: trx.raw('failures - 1') as unknown as number });
  if (lowered === 0) await table().delete();
}

export async function deleteFailures(trx: Trx, sha256: string): Promise<void> {
  await trx<FailureRow>('sign_in_failures').where({ counted_sha256: sha256 }).delete();
}

export async function insertSetupLink(
  trx: Trx,
  link: { tokenSha256: string; createdAt: string; expiresAt: string },
): Promise<void> {
  await trx('setup_links').insert({
    token_sha256: link.tokenSha256,
    created_at: link.createdAt,
    expires_at: link.expiresAt,
  });
}

export async function isSetupLink(db: Db, tokenSha256: string, at: string): Promise<boolean> {
  const row: unknown = await db('setup_links')
    .where({ token_sha256: tokenSha256 })
    .where('expires_at', '>', at)
    .first('token_sha256');
  return row !== undefined;
}

/** Takes the link off, and with it all others; false: it was not there (any more). */
export async function consumeSetupLink(trx: Trx, tokenSha256: string, at: string): Promise<boolean> {
  const count = await trx('setup_links')
    .where({ token_sha256: tokenSha256 })
    .where('expires_at', '>', at)
    .delete();
  if (count === 1) await trx('setup_links').delete();
  return count === 1;
}

export async function deleteOld(
  trx: Trx,
  before: { at: string; idle: string; failure: string },
): Promise<number> {
  const sessions = await trx<SessionRow>('staff_sessions')
    .where('expires_at', '<=', before.at)
    .orWhere('last_seen_at', '<=', before.idle)
    .delete();
  const failures = await trx<FailureRow>('sign_in_failures')
    .where('last_failed_at', '<', before.failure)
    .delete();
  const links = await trx('setup_links').where('expires_at', '<=', before.at).delete();
  return sessions + failures + links;
}
