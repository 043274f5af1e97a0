import type { Knex } from 'knex';
import { bytesType } from '../src/platform/dialect';

export async function up(db: Knex): Promise<void> {
  // The inbox: every signed request as it came, and what became of it.
  await db.raw(`CREATE TABLE deliveries (
    id TEXT NOT NULL PRIMARY KEY,
    store_id TEXT NOT NULL REFERENCES stores (id),
    topic TEXT NOT NULL,
    headers TEXT NOT NULL,
    body ${bytesType(db)} NOT NULL,
    received_at TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('pending', 'done', 'ignored', 'failed')),
    attempts INTEGER NOT NULL,
    next_attempt_at TEXT NOT NULL,
    lease_owner TEXT,
    lease_until TEXT,
    woo_id BIGINT,
    reason TEXT,
    finished_at TEXT
  )`);
  await db.raw(`CREATE INDEX deliveries_due ON deliveries (next_attempt_at, id) WHERE status = 'pending'`);
  await db.raw('CREATE INDEX deliveries_status ON deliveries (status, id)');
  await db.raw('CREATE INDEX deliveries_store ON deliveries (store_id, id)');

  await db.raw(`CREATE TABLE orders (
    id TEXT NOT NULL PRIMARY KEY,
    store_id TEXT NOT NULL REFERENCES stores (id),
    woo_id BIGINT NOT NULL,
    number TEXT NOT NULL,
    status TEXT NOT NULL,
    paid INTEGER NOT NULL CHECK (paid IN (0, 1)),
    ever_paid INTEGER NOT NULL CHECK (ever_paid IN (0, 1)),
    customer_id TEXT REFERENCES customers (id),
    ticket_id TEXT REFERENCES tickets (id),
    currency TEXT,
    total TEXT,
    date_created_gmt TEXT,
    date_modified_gmt TEXT,
    -- newest deliveries of order.deleted (without REST to ask) and order.restored; delivery ids sort by receipt
    trashed_by TEXT,
    trashed_at TEXT,
    restored_by TEXT,
    -- the store said by REST that the order no longer exists
    gone INTEGER NOT NULL CHECK (gone IN (0, 1)),
    -- refunds as last read by REST: [{id, lines: {woo_line_id: quantity}, money_only}]; null: never read
    refunds TEXT,
    review_flags TEXT NOT NULL,
    lease_owner TEXT,
    lease_until TEXT,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    UNIQUE (store_id, woo_id)
  )`);
  await db.raw('CREATE INDEX orders_customer ON orders (customer_id, id)');
  await db.raw('CREATE INDEX orders_ticket ON orders (ticket_id)');
  await db.raw('CREATE INDEX orders_number ON orders (store_id, number)');

  await db.raw(`CREATE TABLE order_snapshots (
    id TEXT NOT NULL PRIMARY KEY,
    order_id TEXT NOT NULL REFERENCES orders (id),
    content_sha256 TEXT NOT NULL,
    -- of what Zeton acts on: two states of one second that differ in nothing else do not contradict each other
    facts_sha256 TEXT NOT NULL,
    source TEXT NOT NULL CHECK (source IN ('webhook', 'rest')),
    delivery_id TEXT,
    status TEXT NOT NULL,
    date_modified_gmt TEXT NOT NULL,
    date_created_gmt TEXT,
    date_paid_gmt TEXT,
    refund_count INTEGER NOT NULL,
    woo_customer_id BIGINT,
    email_normalised TEXT,
    body TEXT NOT NULL,
    received_at TEXT NOT NULL,
    -- when the store itself last answered with exactly this state
    confirmed_at TEXT,
    UNIQUE (order_id, content_sha256)
  )`);

  await db.raw(`CREATE TABLE order_lines (
    id TEXT NOT NULL PRIMARY KEY,
    order_id TEXT NOT NULL REFERENCES orders (id),
    woo_line_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    -- as the newest snapshot has it; 0 when the line is gone
    quantity DOUBLE PRECISION NOT NULL CHECK (quantity >= 0),
    refunded_quantity DOUBLE PRECISION NOT NULL CHECK (refunded_quantity >= 0 AND refunded_quantity <= quantity),
    -- the oldest known snapshot decides what was bought, from the catalogue as it was when the line was first seen
    oldest_snapshot_id TEXT NOT NULL REFERENCES order_snapshots (id),
    catalog_version BIGINT NOT NULL,
    package_version_id TEXT REFERENCES package_versions (id),
    -- variation, else product, as the oldest snapshot has it: what a top-up link puts into the cart
    woo_product_id BIGINT,
    UNIQUE (order_id, woo_line_id)
  )`);
  await db.raw('CREATE INDEX order_lines_package ON order_lines (package_version_id, id)');
}

export async function down(db: Knex): Promise<void> {
  for (const table of ['order_lines', 'order_snapshots', 'orders', 'deliveries'])
    await db.raw(`DROP TABLE ${table}`);
}
