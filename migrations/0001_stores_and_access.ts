import type { Knex } from 'knex';
import { allowChanges, refuseChanges } from '../src/platform/dialect';

export async function up(db: Knex): Promise<void> {
  await db.raw(`CREATE TABLE stores (
    id TEXT NOT NULL PRIMARY KEY,
    slug TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    url TEXT,
    consumer_key_sealed TEXT,
    consumer_secret_sealed TEXT,
    webhook_secret_sealed TEXT,
    paid_statuses TEXT NOT NULL,
    locale TEXT NOT NULL,
    country TEXT NOT NULL,
    time_zone TEXT NOT NULL,
    from_environment INTEGER NOT NULL CHECK (from_environment IN (0, 1)),
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
  )`);
  await db.raw(`CREATE TABLE api_tokens (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    token_sha256 TEXT NOT NULL UNIQUE,
    scopes TEXT NOT NULL,
    store_ids TEXT,
    created_at TEXT NOT NULL,
    last_used_at TEXT,
    revoked_at TEXT
  )`);
  await db.raw(`CREATE TABLE idempotency_keys (
    principal TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    request_sha256 TEXT NOT NULL,
    status INTEGER,
    response TEXT,
    created_at TEXT NOT NULL,
    PRIMARY KEY (principal, idempotency_key)
  )`);
  await db.raw(`CREATE TABLE audit_log (
    id TEXT NOT NULL PRIMARY KEY,
    at TEXT NOT NULL,
    actor_kind TEXT NOT NULL,
    actor_id TEXT NOT NULL,
    actor_name TEXT NOT NULL,
    action TEXT NOT NULL,
    subject_kind TEXT NOT NULL,
    subject_id TEXT NOT NULL,
    facts TEXT NOT NULL
  )`);
  await db.raw('CREATE INDEX audit_log_subject ON audit_log (subject_kind, subject_id)');
  await refuseChanges(db, 'audit_log');
  await db.raw('CREATE TABLE sequences (name TEXT NOT NULL PRIMARY KEY, value BIGINT NOT NULL)');
}

export async function down(db: Knex): Promise<void> {
  await allowChanges(db, 'audit_log');
  for (const table of ['sequences', 'audit_log', 'idempotency_keys', 'api_tokens', 'stores']) {
    await db.raw(`DROP TABLE ${table}`);
  }
}
