import type { Knex } from 'knex';

export async function up(db: Knex): Promise<void> {
  await db.raw(`CREATE TABLE packages (
    id TEXT NOT NULL PRIMARY KEY,
    store_id TEXT NOT NULL REFERENCES stores (id),
    name TEXT NOT NULL,
    match_kind TEXT NOT NULL CHECK (match_kind IN ('variation_id', 'product_id', 'sku')),
    match_value TEXT NOT NULL,
    active INTEGER NOT NULL CHECK (active IN (0, 1)),
    -- the version that new order lines get
    version_id TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
  )`);
  await db.raw(`CREATE UNIQUE INDEX packages_one_active_per_match
    ON packages (store_id, match_kind, match_value) WHERE active = 1`);
  await db.raw('CREATE INDEX packages_store ON packages (store_id, id)');
  // What a package promised, as it stood from one catalogue version of its store on. Never changed: order lines refer to it.
  await db.raw(`CREATE TABLE package_versions (
    id TEXT NOT NULL PRIMARY KEY,
    package_id TEXT NOT NULL REFERENCES packages (id),
    store_id TEXT NOT NULL REFERENCES stores (id),
    catalog_version BIGINT NOT NULL,
    active INTEGER NOT NULL CHECK (active IN (0, 1)),
    match_kind TEXT NOT NULL,
    match_value TEXT NOT NULL,
    name TEXT NOT NULL,
    grants TEXT NOT NULL,
    price_list TEXT NOT NULL,
    sms_unit TEXT NOT NULL CHECK (sms_unit IN ('message', 'segment')),
    -- null: a whole session is one unit
    video_block_minutes INTEGER CHECK (video_block_minutes >= 1),
    validity_days INTEGER CHECK (validity_days >= 1),
    scope TEXT NOT NULL CHECK (scope IN ('customer', 'ticket')),
    opens_ticket INTEGER NOT NULL CHECK (opens_ticket IN (0, 1)),
    low_balance_at INTEGER CHECK (low_balance_at >= 0),
    created_at TEXT NOT NULL,
    CHECK (scope = 'customer' OR opens_ticket = 1),
    UNIQUE (package_id, catalog_version)
  )`);
  await db.raw(
    'CREATE INDEX package_versions_match ON package_versions (store_id, match_kind, match_value, catalog_version)',
  );
}

export async function down(db: Knex): Promise<void> {
  await db.raw('DROP TABLE package_versions');
  await db.raw('DROP TABLE packages');
}
