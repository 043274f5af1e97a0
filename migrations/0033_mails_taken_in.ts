import type { Knex } from 'knex';

/** What a message that came by mail has beside its text, and mails of ours that came back. */
export async function up(db: Knex): Promise<void> {
  await db.raw(`CREATE TABLE message_mails (
    message_id TEXT NOT NULL PRIMARY KEY REFERENCES messages (id),
    -- '' where the mail does not say
    from_address TEXT NOT NULL,
    from_name TEXT NOT NULL,
    class TEXT NOT NULL CHECK (class IN ('person', 'auto-reply')),
    -- by what it was found to belong to its ticket; new: it opened it
    matched_by TEXT NOT NULL CHECK (matched_by IN ('token', 'message_id', 'subject', 'sender', 'new')),
    -- known: the customer, or nobody else could be meant; unproven: only an address or a subject says so, which anybody can
    -- write; different: somebody else, whose words wait for an agent; accepted: an agent let them stand
    sender TEXT NOT NULL CHECK (sender IN ('known', 'unproven', 'different', 'accepted')),
    quoted TEXT NOT NULL,
    signature TEXT NOT NULL,
    -- sanitised; pictures from elsewhere only as data-src
    html TEXT,
    remote_images INTEGER NOT NULL,
    -- JSON list: what was cut off, for people
    limits_hit TEXT NOT NULL
  )`);

  // A mail of ours that came back: one row a message, however many bounces it causes.
  await db.raw(`CREATE TABLE bounced_messages (
    message_id TEXT NOT NULL PRIMARY KEY REFERENCES messages (id),
    customer_id TEXT NOT NULL REFERENCES customers (id),
    -- as the other side put it
    reason TEXT NOT NULL,
    -- settled: the message failed, its credit was given back; review: a person has to say; confirmed, dismissed: they said
    state TEXT NOT NULL CHECK (state IN ('settled', 'review', 'confirmed', 'dismissed')),
    -- why a person has to say; null: nobody has to
    doubt TEXT CHECK (doubt IN ('repeated', 'answered')),
    at TEXT NOT NULL,
    decided_at TEXT
  )`);
  await db.raw('CREATE INDEX bounced_messages_customer ON bounced_messages (customer_id, at)');
}

export async function down(db: Knex): Promise<void> {
  for (const table of ['bounced_messages', 'message_mails']) await db.raw(`DROP TABLE ${table}`);
}
