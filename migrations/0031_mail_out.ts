import type { Knex } from 'knex';

/** What goes out by e-mail: signatures, addresses that take none any more, and who wants no notices. */
export async function up(db: Knex): Promise<void> {
  await db.raw(`ALTER TABLE staff ADD COLUMN signature TEXT NOT NULL DEFAULT ''`);
  await db.raw('ALTER TABLE customers ADD COLUMN notices_stopped_at TEXT');
  // Of a notice nobody asked for, which the recipient can stop; greetings and links that were asked for are none.
  await db.raw(
    'ALTER TABLE messages ADD COLUMN is_notice INTEGER NOT NULL DEFAULT 0 CHECK (is_notice IN (0, 1))',
  );
  await db.raw('ALTER TABLE sandbox_messages ADD COLUMN reply_to TEXT');

  // Whoever goes on writing to mailboxes that do not exist is soon taken for a spammer.
  await db.raw(`CREATE TABLE suppressed_addresses (
    store_id TEXT NOT NULL REFERENCES stores (id),
    -- normalised
    address TEXT NOT NULL,
    reason TEXT NOT NULL,
    -- the message that came back
    message_id TEXT NOT NULL REFERENCES messages (id),
    since TEXT NOT NULL,
    PRIMARY KEY (store_id, address)
  )`);
}

export async function down(db: Knex): Promise<void> {
  await db.raw('DROP TABLE suppressed_addresses');
  await db.raw('ALTER TABLE sandbox_messages DROP COLUMN reply_to');
  await db.raw('ALTER TABLE messages DROP COLUMN is_notice');
  await db.raw('ALTER TABLE customers DROP COLUMN notices_stopped_at');
  await db.raw('ALTER TABLE staff DROP COLUMN signature');
}
