import type { Knex } from 'knex';

/** What customers are told of their credits by themselves: that some expire soon, that they run low, that none are left. */
export async function up(db: Knex): Promise<void> {
  await db.raw('ALTER TABLE stores ADD COLUMN notices INTEGER NOT NULL DEFAULT 1 CHECK (notices IN (0, 1))');

  // Number of the entry up to which the balance was looked at. What was low before this migration is no news.
  await db.raw('ALTER TABLE credit_balances ADD COLUMN notice_seq BIGINT NOT NULL DEFAULT 0');
  await db.raw('UPDATE credit_balances SET notice_seq = entry_seq');
  // Holds only what changed since the last look: a minute's worth of customers, however many there are in all.
  await db.raw(
    'CREATE INDEX credit_balances_to_look_at ON credit_balances (customer_id) WHERE entry_seq > notice_seq',
  );

  // From running low until new credits lift the balance above the mark again; each notice once in it.
  await db.raw(`CREATE TABLE notice_episodes (
    customer_id TEXT NOT NULL REFERENCES customers (id),
    meter TEXT NOT NULL CHECK (meter IN ('sms', 'email', 'video', 'request', 'any')),
    -- the customer's newest credit entry when it began; only what comes in after it can end it
    entry_seq BIGINT NOT NULL,
    low_message_id TEXT REFERENCES messages (id),
    empty_message_id TEXT REFERENCES messages (id),
    began_at TEXT NOT NULL,
    ended_at TEXT,
    PRIMARY KEY (customer_id, meter, entry_seq)
  )`);
  await db.raw(`CREATE UNIQUE INDEX notice_episodes_one_open ON notice_episodes (customer_id, meter)
    WHERE ended_at IS NULL`);

  await db.raw(`CREATE TABLE expiry_warnings (
    grant_id TEXT NOT NULL REFERENCES credit_grants (id),
    -- of the grant when it was warned of; a later date is warned of anew
    expires_at TEXT NOT NULL,
    step_days INTEGER NOT NULL CHECK (step_days >= 1),
    -- null: the step passed without a message
    message_id TEXT REFERENCES messages (id),
    at TEXT NOT NULL,
    PRIMARY KEY (grant_id, expires_at, step_days)
  )`);
  // The local day for which a store's customers have all been warned.
  await db.raw(`CREATE TABLE expiry_sweeps (
    store_id TEXT NOT NULL PRIMARY KEY REFERENCES stores (id),
    day TEXT NOT NULL
  )`);
  // One row: how many notices went out in this minute, of all processes.
  await db.raw(`CREATE TABLE notice_pace (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    minute TEXT NOT NULL,
    sent INTEGER NOT NULL
  )`);
  await db.raw(`INSERT INTO notice_pace (id, minute, sent) VALUES (1, '', 0)`);
}

export async function down(db: Knex): Promise<void> {
  for (const table of ['notice_pace', 'expiry_sweeps', 'expiry_warnings', 'notice_episodes']) {
    await db.raw(`DROP TABLE ${table}`);
  }
  await db.raw('DROP INDEX credit_balances_to_look_at');
  await db.raw('ALTER TABLE credit_balances DROP COLUMN notice_seq');
  await db.raw('ALTER TABLE stores DROP COLUMN notices');
}
