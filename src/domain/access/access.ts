import { randomBytes } from 'node:crypto';
import { secondsBetween } from '../../platform/clock';
import type { Db, Trx } from '../../platform/db';
import { limits } from '../../platform/limits';
import type { Moment } from '../../platform/moment';
import { Refusal } from '../../platform/refusal';
import { sameSecret, sha256Hex } from '../../platform/secrets';
import { checkToken, ENVIRONMENT_TOKEN, type Principal } from './rules';
import { findLiveToken, insertToken, setLastUsed, setRevoked } from './store';

export type { Principal };

/**
 * Make an API token. The token itself is shown this once; only its hash is kept (256 random bits need no slow one).
 * Shape:   { name, scopes: [...] | 'all', storeIds: [...] | null for every store } → { id, token: 'ztn_…' }
 * Errors:  invalid-request {errors}
 * Writes:  api_tokens
 */
export async function addToken(
  trx: Trx,
  moment: Moment,
  input: { name: string; scopes: string[] | 'all'; storeIds: string[] | null },
): Promise<{ id: string; token: string }> {
  const { name, scopes } = checkToken(input);
  const token = `ztn_${randomBytes(32).toString('base64url')}`;
  const id = moment.ids.next();
  await insertToken(
    trx,
    { id, name, scopes, storeIds: input.storeIds, createdAt: moment.at, lastUsedAt: null, revokedAt: null },
    sha256Hex(token),
  );
  return { id, token };
}

/**
 * End a token for good.
 * Errors:  not-found
 * Repeat:  harmless; says whether it was this call
 */
export async function revokeToken(trx: Trx, moment: Moment, id: string): Promise<{ revokedNow: boolean }> {
  const result = await setRevoked(trx, id, moment.at);
  if (!result) throw new Refusal('not-found', 'There is no such token.');
  return result;
}

/**
 * Who is behind a bearer token; null: nobody.
 * Writes:  api_tokens.last_used_at, at most once a minute
 * Repeat:  asked anew for every request, so a revoked token is dead at once, in every process
 */
export async function authenticate(
  db: Db,
  bearerToken: string,
  environmentToken: string | null,
  now: string,
): Promise<Principal | null> {
  if (environmentToken !== null && sameSecret(bearerToken, environmentToken)) return ENVIRONMENT_TOKEN;
  if (!bearerToken.startsWith('ztn_')) return null;
  const token = await findLiveToken(db, sha256Hex(bearerToken));
  if (!token) return null;
  if (token.lastUsedAt === null || secondsBetween(token.lastUsedAt, now) >= limits.tokenLastUsedSeconds) {
    await setLastUsed(db, token.id, now);
  }
  return {
    id: token.id,
    name: token.name,
    scopes: token.scopes === 'all' ? 'all' : new Set(token.scopes),
    storeIds: token.storeIds,
  };
}
