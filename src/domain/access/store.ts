import type { Db, Trx } from '../../platform/db';
import type { Scope } from './rules';

export interface ApiToken {
  id: string;
  name: string;
  scopes: Scope[] | 'all';
  storeIds: string[] | null;
  createdAt: string;
  lastUsedAt: string | null;
  revokedAt: string | null;
}

interface Row {
  id: string;
  name: string;
  token_sha256: string;
  scopes: string;
  store_ids: string | null;
  created_at: string;
  last_used_at: string | null;
  revoked_at: string | null;
}

function tokenFromRow(row: Row): ApiToken {
  return {
    id: row.id,
    name: row.name,
    scopes: JSON.parse(row.scopes) as Scope[] | 'all',
    storeIds: row.store_ids === null ? null : (JSON.parse(row.store_ids) as string[]),
    createdAt: row.created_at,
    lastUsedAt: row.last_used_at,
    revokedAt: row.revoked_at,
  };
}

export async function insertToken(trx: Trx, token: ApiToken, sha256: string): Promise<void> {
  await trx<Row>('api_tokens').insert({
    id: token.id,
    name: token.name,
    token_sha256: sha256,
    scopes: JSON.stringify(token.scopes),
    store_ids: token.storeIds === null ? null : JSON.stringify(token.storeIds),
    created_at: token.createdAt,
    last_used_at: token.lastUsedAt,
    revoked_at: token.revokedAt,
  });
}

export async function findLiveToken(db: Db, sha256: string): Promise<ApiToken | null> {
  const row = await db<Row>('api_tokens').where({ token_sha256: sha256, revoked_at: null }).first();
  return row ? tokenFromRow(row) : null;
}

/** Oldest first, the revoked ones too. */
export async function listTokens(db: Db): Promise<ApiToken[]> {
  const rows: Row[] = await db<Row>('api_tokens').orderBy('id');
  return rows.map(tokenFromRow);
}

export async function setLastUsed(db: Db, id: string, at: string): Promise<void> {
  await db<Row>('api_tokens').where({ id }).update({ last_used_at: at });
}

/** When it was revoked, for the first time; null: no such token. */
export async function setRevoked(trx: Trx, id: string, at: string): Promise<{ revokedNow: boolean } | null> {
  const count = await trx<Row>('api_tokens').where({ id, revoked_at: null }).update({ revoked_at: at });
  if (count === 1) return { revokedNow: true };
  return (await trx<Row>('api_tokens').where({ id }).first('id')) ? { revokedNow: false } : null;
}
