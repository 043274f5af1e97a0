import type { Knex } from 'knex';

export async function up(db: Knex): Promise<void> {
  await db.raw(`CREATE TABLE staff (
    id TEXT NOT NULL PRIMARY KEY,
    email TEXT NOT NULL,
    email_normalised TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    -- scrypt, with its parameters and salt: scrypt$15$8$1$SALT$HASH
    password_hash TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('owner', 'admin', 'agent', 'read-only')),
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    disabled_at TEXT
  )`);
  await db.raw(`CREATE TABLE staff_sessions (
    id TEXT NOT NULL PRIMARY KEY,
    -- the browser has the token; whoever reads this table cannot become somebody
    token_sha256 TEXT NOT NULL UNIQUE,
    staff_id TEXT NOT NULL REFERENCES staff (id),
    csrf_token TEXT NOT NULL,
    created_at TEXT NOT NULL,
    last_seen_at TEXT NOT NULL,
    -- however busy it is kept
    expires_at TEXT NOT NULL
  )`);
  await db.raw('CREATE INDEX staff_sessions_staff ON staff_sessions (staff_id)');
  await db.raw('CREATE INDEX staff_sessions_expires ON staff_sessions (expires_at)');
  // In the database, so that guessing is slowed down by all processes together.
  await db.raw(`CREATE TABLE sign_in_failures (
    -- SHA-256 of what is counted: an address and an e-mail, or one of them
    counted_sha256 TEXT NOT NULL PRIMARY KEY,
    failures INTEGER NOT NULL CHECK (failures >= 1),
    last_failed_at TEXT NOT NULL,
    blocked_until TEXT
  )`);
  await db.raw('CREATE INDEX sign_in_failures_last ON sign_in_failures (last_failed_at)');
  await db.raw(`CREATE TABLE setup_links (
    token_sha256 TEXT NOT NULL PRIMARY KEY,
    created_at TEXT NOT NULL,
    expires_at TEXT NOT NULL
  )`);
}

export async function down(db: Knex): Promise<void> {
  for (const table of ['setup_links', 'sign_in_failures', 'staff_sessions', 'staff']) {
    await db.raw(`DROP TABLE ${table}`);
  }
}
