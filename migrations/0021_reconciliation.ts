import type { Knex } from 'knex';

/** Reading shops by REST: how far, what it found, what could not be applied; and the import of older orders. */
export async function up(db: Knex): Promise<void> {
  // Orders created before it match the package only through an import; null: no limit.
  await db.raw('ALTER TABLE package_versions ADD COLUMN orders_from TEXT');

  await db.raw(`CREATE TABLE store_syncs (
    store_id TEXT NOT NULL REFERENCES stores (id),
    -- orders: what changed since the cursor; sweep: refunds and existence of all recent orders
    kind TEXT NOT NULL CHECK (kind IN ('orders', 'sweep')),
    -- newest change that a complete walk has seen, by the shop's clock (GMT without zone)
    read_until TEXT NOT NULL,
    lease_owner TEXT,
    lease_until TEXT,
    started_at TEXT,
    -- of the last walk that was complete
    finished_at TEXT,
    failures INTEGER NOT NULL DEFAULT 0,
    failing_since TEXT,
    problem TEXT,
    next_attempt_at TEXT,
    -- changes that no webhook has announced, and when the first of them was found; null: webhooks speak
    unannounced INTEGER NOT NULL DEFAULT 0,
    unannounced_since TEXT,
    -- topics of the webhooks that last had to be made anew, after they had been there
    webhooks_made TEXT,
    webhooks_made_at TEXT,
    PRIMARY KEY (store_id, kind)
  )`);

  await db.raw(`CREATE TABLE sync_runs (
    id TEXT NOT NULL PRIMARY KEY,
    store_id TEXT NOT NULL REFERENCES stores (id),
    kind TEXT NOT NULL CHECK (kind IN ('orders', 'sweep')),
    asked_by TEXT NOT NULL,
    since TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('running', 'done', 'failed', 'stopped')),
    seen INTEGER NOT NULL,
    found INTEGER NOT NULL,
    parked INTEGER NOT NULL,
    problem TEXT,
    started_at TEXT NOT NULL,
    finished_at TEXT
  )`);
  await db.raw('CREATE INDEX sync_runs_store ON sync_runs (store_id, id)');

  // States of orders that no webhook had brought.
  await db.raw(`CREATE TABLE sync_finds (
    run_id TEXT NOT NULL REFERENCES sync_runs (id),
    woo_id BIGINT NOT NULL,
    number TEXT NOT NULL,
    what TEXT NOT NULL CHECK (what IN ('new', 'changed', 'gone')),
    status TEXT NOT NULL,
    found_at TEXT NOT NULL,
    PRIMARY KEY (run_id, woo_id)
  )`);

  // Orders that were read and could not be applied; each is tried again, and holds up no other.
  await db.raw(`CREATE TABLE parked_orders (
    store_id TEXT NOT NULL REFERENCES stores (id),
    woo_id BIGINT NOT NULL,
    reason TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    first_at TEXT NOT NULL,
    last_at TEXT NOT NULL,
    next_attempt_at TEXT NOT NULL,
    PRIMARY KEY (store_id, woo_id)
  )`);

  await db.raw(`CREATE TABLE imports (
    id TEXT NOT NULL PRIMARY KEY,
    store_id TEXT NOT NULL REFERENCES stores (id),
    package_id TEXT NOT NULL REFERENCES packages (id),
    package_version_id TEXT NOT NULL REFERENCES package_versions (id),
    since TEXT NOT NULL,
    greets INTEGER NOT NULL CHECK (greets IN (0, 1)),
    state TEXT NOT NULL CHECK (state IN ('running', 'done', 'cancelled', 'failed')),
    -- orders that the shop counted at the start, and those looked at
    total INTEGER NOT NULL,
    seen INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    -- creation date of the last order that was looked at (GMT without zone)
    read_until TEXT,
    lease_owner TEXT,
    lease_until TEXT,
    failures INTEGER NOT NULL,
    next_attempt_at TEXT,
    problem TEXT,
    started_by TEXT NOT NULL,
    created_at TEXT NOT NULL,
    finished_at TEXT
  )`);
  await db.raw('CREATE INDEX imports_package ON imports (package_id, id)');
  await db.raw(`CREATE UNIQUE INDEX imports_one_at_a_time ON imports (package_id) WHERE state = 'running'`);

  await db.raw('ALTER TABLE order_lines ADD COLUMN import_id TEXT');
  // 1: imported, and opens no ticket by itself
  await db.raw('ALTER TABLE order_lines ADD COLUMN quiet INTEGER NOT NULL DEFAULT 0 CHECK (quiet IN (0, 1))');
  await db.raw('CREATE INDEX order_lines_import ON order_lines (import_id) WHERE import_id IS NOT NULL');
  // The sweep asks which of the recent orders the shop no longer lists.
  await db.raw('CREATE INDEX orders_created ON orders (store_id, date_created_gmt)');
}

export async function down(db: Knex): Promise<void> {
  await db.raw('DROP INDEX orders_created');
  await db.raw('DROP INDEX order_lines_import');
  await db.raw('ALTER TABLE order_lines DROP COLUMN quiet');
  await db.raw('ALTER TABLE order_lines DROP COLUMN import_id');
  for (const table of ['imports', 'parked_orders', 'sync_finds', 'sync_runs', 'store_syncs']) {
    await db.raw(`DROP TABLE ${table}`);
  }
  await db.raw('ALTER TABLE package_versions DROP COLUMN orders_from');
}
