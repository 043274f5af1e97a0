import type { Knex } from 'knex';
import { bytesType } from '../src/platform/dialect';

/** SMS that come in, what the provider says of those that went out, and who wants none. */
export async function up(db: Knex): Promise<void> {
  await db.raw(`CREATE TABLE inbound_sms (
    id TEXT NOT NULL PRIMARY KEY,
    -- the provider's id of the message: its repeats are the same row
    sid TEXT NOT NULL UNIQUE,
    -- the signed form, exactly
    body ${bytesType(db)} NOT NULL,
    from_number TEXT NOT NULL,
    to_number TEXT NOT NULL,
    received_at TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('pending', 'done', 'ignored', 'failed')),
    attempts INTEGER NOT NULL,
    next_attempt_at TEXT NOT NULL,
    lease_owner TEXT,
    lease_until TEXT,
    reason TEXT,
    message_id TEXT REFERENCES messages (id),
    -- 1: beyond what one sender or ticket may send in an hour: kept and shown, but nobody is called by it
    storm INTEGER NOT NULL DEFAULT 0 CHECK (storm IN (0, 1)),
    -- when the sender, who has not paid, is to be told where to buy; null: not, or told
    answer_at TEXT,
    finished_at TEXT
  )`);
  await db.raw(`CREATE INDEX inbound_sms_due ON inbound_sms (next_attempt_at, id) WHERE status = 'pending'`);
  await db.raw(`CREATE INDEX inbound_sms_waiting ON inbound_sms (from_number, id) WHERE status = 'pending'`);
  await db.raw('CREATE INDEX inbound_sms_sender ON inbound_sms (from_number, received_at)');
  await db.raw('CREATE INDEX inbound_sms_message ON inbound_sms (message_id) WHERE message_id IS NOT NULL');
  await db.raw('CREATE INDEX inbound_sms_answer ON inbound_sms (answer_at) WHERE answer_at IS NOT NULL');
  await db.raw('CREATE INDEX inbound_sms_storm ON inbound_sms (received_at) WHERE storm = 1');
  await db.raw(`CREATE INDEX inbound_sms_failed ON inbound_sms (received_at) WHERE status = 'failed'`);

  // Pictures of an MMS: fetched from the provider after the message was taken in.
  await db.raw(`CREATE TABLE sms_media (
    id TEXT NOT NULL PRIMARY KEY,
    message_id TEXT NOT NULL REFERENCES messages (id),
    position INTEGER NOT NULL,
    url TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('pending', 'stored', 'refused')),
    attempts INTEGER NOT NULL,
    next_attempt_at TEXT NOT NULL,
    -- by its content, not as it was declared
    content_type TEXT,
    size_bytes INTEGER,
    content ${bytesType(db)},
    reason TEXT,
    UNIQUE (message_id, position)
  )`);
  await db.raw(`CREATE INDEX sms_media_due ON sms_media (next_attempt_at, id) WHERE status = 'pending'`);

  // What the provider reports of a message that it took, beside what Zeton counted.
  await db.raw(`CREATE TABLE sms_reports (
    message_id TEXT NOT NULL PRIMARY KEY REFERENCES messages (id),
    provider_id TEXT NOT NULL,
    provider_status TEXT,
    segments INTEGER,
    -- millionths of the currency; SMS cost fractions of a cent
    price_micros BIGINT,
    currency TEXT,
    error_code INTEGER,
    -- when the provider is asked again: it knows the price late, and a callback can be lost; null: all is known
    ask_at TEXT,
    asks INTEGER NOT NULL,
    updated_at TEXT NOT NULL
  )`);
  await db.raw('CREATE INDEX sms_reports_ask ON sms_reports (ask_at) WHERE ask_at IS NOT NULL');

  // Numbers that answered STOP.
  await db.raw(`CREATE TABLE sms_opt_outs (
    store_id TEXT NOT NULL REFERENCES stores (id),
    number TEXT NOT NULL,
    -- word: their STOP came here; provider: it refused a message because of one
    source TEXT NOT NULL CHECK (source IN ('word', 'provider')),
    since TEXT NOT NULL,
    PRIMARY KEY (store_id, number)
  )`);
}

export async function down(db: Knex): Promise<void> {
  for (const table of ['sms_opt_outs', 'sms_reports', 'sms_media', 'inbound_sms']) {
    await db.raw(`DROP TABLE ${table}`);
  }
}
