import type { Knex } from 'knex';
import { bytesType } from '../src/platform/dialect';

/** Mails as they came, by whatever way; the mailboxes they are fetched from; and the files of messages. */
export async function up(db: Knex): Promise<void> {
  // Where its customers write to; null: the address of MAIL_FROM, which is that of the store `default`.
  await db.raw('ALTER TABLE stores ADD COLUMN mail_address TEXT');
  await db.raw('CREATE UNIQUE INDEX stores_mail_address ON stores (mail_address)');

  await db.raw(`CREATE TABLE inbound_mails (
    id TEXT NOT NULL PRIMARY KEY,
    -- what makes it this mail, whichever way it came: of its Message-ID and its body, without the traces of servers
    mail_key TEXT NOT NULL UNIQUE,
    way TEXT NOT NULL CHECK (way IN ('imap', 'http', 'smtp')),
    -- which store the address says; null: not said
    store_id TEXT REFERENCES stores (id),
    -- '': the null sender of bounces; null: the way does not tell
    envelope_from TEXT,
    -- JSON list of addresses
    envelope_to TEXT NOT NULL,
    -- who it says it is from, in small letters; '' where it does not
    sender TEXT NOT NULL,
    -- of the whole mail, also where only its head was kept
    size_bytes INTEGER NOT NULL,
    received_at TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('pending', 'done', 'ignored', 'failed')),
    attempts INTEGER NOT NULL,
    next_attempt_at TEXT NOT NULL,
    lease_owner TEXT,
    lease_until TEXT,
    reason TEXT,
    class TEXT,
    message_id TEXT REFERENCES messages (id),
    finished_at TEXT,
    -- 1: beyond what one sender or ticket may send in an hour: kept and shown, but nobody is called by it
    storm INTEGER NOT NULL DEFAULT 0 CHECK (storm IN (0, 1)),
    -- when the sender, who has not paid, is to be told where to buy; null: not, or told
    answer_at TEXT
  )`);
  await db.raw(
    `CREATE INDEX inbound_mails_due ON inbound_mails (status, next_attempt_at, id) WHERE status = 'pending'`,
  );
  await db.raw(`CREATE INDEX inbound_mails_waiting ON inbound_mails (sender, id) WHERE status = 'pending'`);
  await db.raw('CREATE INDEX inbound_mails_sender ON inbound_mails (sender, received_at)');
  await db.raw(
    'CREATE INDEX inbound_mails_message ON inbound_mails (message_id) WHERE message_id IS NOT NULL',
  );
  await db.raw('CREATE INDEX inbound_mails_answer ON inbound_mails (answer_at) WHERE answer_at IS NOT NULL');
  await db.raw('CREATE INDEX inbound_mails_storm ON inbound_mails (received_at) WHERE storm = 1');
  await db.raw(`CREATE INDEX inbound_mails_failed ON inbound_mails (received_at) WHERE status = 'failed'`);

  // Beside its row, which is written several times: 25 MB would be each time. Retention removes these first.
  await db.raw(`CREATE TABLE inbound_mail_raws (
    mail_id TEXT NOT NULL PRIMARY KEY REFERENCES inbound_mails (id),
    received_at TEXT NOT NULL,
    content ${bytesType(db)} NOT NULL
  )`);
  await db.raw('CREATE INDEX inbound_mail_raws_age ON inbound_mail_raws (received_at)');

  // One process at a time holds a mailbox.
  await db.raw(`CREATE TABLE mailboxes (
    -- user, server and folder
    name TEXT NOT NULL PRIMARY KEY,
    owner TEXT,
    lease_until TEXT,
    -- of the folder as it was read last; with another one its numbers mean other mails
    uid_validity TEXT,
    -- JSON list: mails that were seen to, and stay in the folder
    left_uids TEXT NOT NULL,
    -- when it was last read to its end
    read_at TEXT,
    -- what is wrong with it, for people; null: nothing
    problem TEXT,
    problem_since TEXT
  )`);

  await db.raw(`CREATE TABLE attachments (
    id TEXT NOT NULL PRIMARY KEY,
    message_id TEXT NOT NULL REFERENCES messages (id),
    position INTEGER NOT NULL,
    filename TEXT NOT NULL,
    -- by its content, not as it was declared
    content_type TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    content_id TEXT,
    -- 1: the text shows it at its place
    inline INTEGER NOT NULL CHECK (inline IN (0, 1)),
    -- file: on disk, under its sha256; database: in content
    storage TEXT NOT NULL CHECK (storage IN ('file', 'database')),
    content ${bytesType(db)},
    created_at TEXT NOT NULL,
    UNIQUE (message_id, position),
    CHECK ((storage = 'database') = (content IS NOT NULL))
  )`);
}

export async function down(db: Knex): Promise<void> {
  for (const table of ['attachments', 'mailboxes', 'inbound_mail_raws', 'inbound_mails']) {
    await db.raw(`DROP TABLE ${table}`);
  }
  await db.raw('DROP INDEX stores_mail_address');
  await db.raw('ALTER TABLE stores DROP COLUMN mail_address');
}
