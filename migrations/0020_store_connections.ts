import type { Knex } from 'knex';

/** How a shop is connected by REST: its keys, the webhooks that Zeton made there, and what is written back to it. */
export async function up(db: Knex): Promise<void> {
  // After a change the shop goes on signing with the old secret until its webhooks are made anew.
  await db.raw('ALTER TABLE stores ADD COLUMN old_webhook_secret_sealed TEXT');
  await db.raw('ALTER TABLE stores ADD COLUMN old_webhook_secret_until TEXT');
  await db.raw('ALTER TABLE stores ADD COLUMN currency TEXT');
  await db.raw(`ALTER TABLE stores ADD COLUMN customer_note TEXT NOT NULL DEFAULT 'zeton'
    CHECK (customer_note IN ('zeton', 'shop', 'off'))`);
  await db.raw(`ALTER TABLE stores ADD COLUMN private_refund_notes INTEGER NOT NULL DEFAULT 1
    CHECK (private_refund_notes IN (0, 1))`);
  await db.raw(`ALTER TABLE stores ADD COLUMN write_ticket_meta INTEGER NOT NULL DEFAULT 1
    CHECK (write_ticket_meta IN (0, 1))`);

  await db.raw(`CREATE TABLE store_links (
    store_id TEXT NOT NULL PRIMARY KEY REFERENCES stores (id),
    -- what the check-list said last, as JSON; with which address and keys: with others it says nothing
    check_report TEXT,
    checked_at TEXT,
    checked_mark TEXT,
    -- who makes webhooks now
    webhooks_owner TEXT,
    webhooks_until TEXT,
    -- when all of them were there, or why that could not be seen to
    webhooks_at TEXT,
    webhooks_problem TEXT
  )`);
  await db.raw(`CREATE TABLE store_webhooks (
    store_id TEXT NOT NULL REFERENCES stores (id),
    woo_id BIGINT NOT NULL,
    topic TEXT NOT NULL,
    -- tells whether it signs with the secret of now, and not what that is
    secret_mark TEXT NOT NULL,
    made_at TEXT NOT NULL,
    pinged_at TEXT,
    PRIMARY KEY (store_id, woo_id)
  )`);
  // A webhook's ping comes before the shop has answered what number the webhook has. Only while webhooks are made.
  await db.raw(`CREATE TABLE store_pings (
    store_id TEXT NOT NULL REFERENCES stores (id),
    woo_id BIGINT NOT NULL,
    at TEXT NOT NULL,
    PRIMARY KEY (store_id, woo_id)
  )`);
  await db.raw(`CREATE TABLE store_approvals (
    id TEXT NOT NULL PRIMARY KEY,
    store_id TEXT NOT NULL REFERENCES stores (id),
    -- to which address the admin was sent: keys from there are no keys for another
    url TEXT NOT NULL,
    staff_id TEXT NOT NULL REFERENCES staff (id),
    staff_name TEXT NOT NULL,
    asked_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    answered_at TEXT
  )`);
  await db.raw('CREATE INDEX store_approvals_expires ON store_approvals (expires_at)');

  // JSON list of store ids; null: all stores
  await db.raw('ALTER TABLE staff ADD COLUMN store_ids TEXT');
}

export async function down(db: Knex): Promise<void> {
  await db.raw('ALTER TABLE staff DROP COLUMN store_ids');
  for (const table of ['store_approvals', 'store_pings', 'store_webhooks', 'store_links']) {
    await db.raw(`DROP TABLE ${table}`);
  }
  for (const column of [
    'write_ticket_meta',
    'private_refund_notes',
    'customer_note',
    'currency',
    'old_webhook_secret_until',
    'old_webhook_secret_sealed',
  ]) {
    await db.raw(`ALTER TABLE stores DROP COLUMN ${column}`);
  }
}
