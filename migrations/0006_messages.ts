import type { Knex } from 'knex';

export async function up(db: Knex): Promise<void> {
  await db.raw(`CREATE TABLE messages (
    id TEXT NOT NULL PRIMARY KEY,
    ticket_id TEXT NOT NULL REFERENCES tickets (id),
    direction TEXT NOT NULL CHECK (direction IN ('in', 'out', 'internal')),
    channel TEXT NOT NULL CHECK (channel IN ('sms', 'email', 'web', 'note', 'order_note')),
    -- reply: from an agent, charged unless free; system: from Zeton itself, always free
    kind TEXT NOT NULL CHECK (kind IN ('customer', 'reply', 'system', 'note')),
    -- natural key of what may come twice, e.g. order:<id>:note
    message_key TEXT UNIQUE,
    author_kind TEXT NOT NULL,
    author_id TEXT NOT NULL,
    author_name TEXT NOT NULL,
    to_address TEXT,
    subject TEXT,
    body TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN
      ('received', 'queued', 'sending', 'sent', 'delivered', 'failed', 'uncertain')),
    free_reason TEXT,
    hold_id TEXT REFERENCES credit_holds (id),
    attempts INTEGER NOT NULL DEFAULT 0,
    provider_id TEXT,
    failure TEXT,
    created_at TEXT NOT NULL,
    sent_at TEXT,
    settled_at TEXT
  )`);
  await db.raw('CREATE INDEX messages_ticket ON messages (ticket_id, id)');
  await db.raw('CREATE INDEX messages_provider ON messages (provider_id)');

  // What a worker still has to send; the row goes when the message is settled.
  await db.raw(`CREATE TABLE outbox (
    message_id TEXT NOT NULL PRIMARY KEY REFERENCES messages (id),
    channel TEXT NOT NULL,
    ticket_id TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    next_attempt_at TEXT NOT NULL,
    -- set before the provider is called: a row with it and without a living lease has an unknown outcome
    attempt_started_at TEXT,
    lease_owner TEXT,
    lease_until TEXT
  )`);
  await db.raw('CREATE INDEX outbox_due ON outbox (channel, next_attempt_at, message_id)');
  // A message waits while an older one of the same ticket and channel is on its way.
  await db.raw('CREATE INDEX outbox_ticket ON outbox (ticket_id, channel, message_id)');

  await db.raw(`CREATE TABLE sandbox_messages (
    id TEXT NOT NULL PRIMARY KEY,
    -- the message that was "sent": the sandbox takes each once, as a provider with idempotent sends does
    message_id TEXT NOT NULL UNIQUE,
    channel TEXT NOT NULL,
    to_address TEXT NOT NULL,
    from_address TEXT NOT NULL,
    subject TEXT,
    text TEXT NOT NULL,
    ticket_id TEXT,
    kind TEXT NOT NULL CHECK (kind IN ('reply', 'system')),
    at TEXT NOT NULL
  )`);
}

export async function down(db: Knex): Promise<void> {
  for (const table of ['sandbox_messages', 'outbox', 'messages']) await db.raw(`DROP TABLE ${table}`);
}
