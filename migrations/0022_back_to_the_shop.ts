import type { Knex } from 'knex';

/** What Zeton writes into shops, coupons that agents give, and what is known of the products that buy packages. */
export async function up(db: Knex): Promise<void> {
  await db.raw(`CREATE TABLE shop_writes (
    id TEXT NOT NULL PRIMARY KEY,
    store_id TEXT NOT NULL REFERENCES stores (id),
    -- order:51:note, order:51:ticket, order:51:used:sms=2, coupon:ID: wanted once, however often it is asked for
    write_key TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('customer_note', 'private_note', 'ticket_meta', 'coupon')),
    -- of the order; of a coupon: the id of its row
    subject TEXT NOT NULL,
    -- the order's number, as people call it
    label TEXT NOT NULL,
    -- JSON: what is written
    content TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'done', 'parked', 'dropped')),
    attempts INTEGER NOT NULL,
    -- 1: the shop was asked and has not answered: it may have been done
    in_doubt INTEGER NOT NULL CHECK (in_doubt IN (0, 1)),
    next_attempt_at TEXT NOT NULL,
    lease_owner TEXT,
    lease_until TEXT,
    problem TEXT,
    created_at TEXT NOT NULL,
    finished_at TEXT,
    UNIQUE (store_id, write_key)
  )`);
  await db.raw(
    'CREATE INDEX shop_writes_open ON shop_writes (store_id, state, next_attempt_at) WHERE finished_at IS NULL',
  );
  await db.raw('CREATE INDEX shop_writes_newest ON shop_writes (store_id, id)');

  await db.raw(`CREATE TABLE coupons (
    id TEXT NOT NULL PRIMARY KEY,
    store_id TEXT NOT NULL REFERENCES stores (id),
    ticket_id TEXT NOT NULL REFERENCES tickets (id),
    customer_id TEXT NOT NULL REFERENCES customers (id),
    code TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('amount', 'percent')),
    -- hundredths of the store's currency, or hundredths of a percent
    value_minor BIGINT NOT NULL CHECK (value_minor > 0),
    currency TEXT,
    reason TEXT NOT NULL,
    expires_on TEXT NOT NULL,
    given_by TEXT NOT NULL,
    given_by_name TEXT NOT NULL,
    created_at TEXT NOT NULL,
    -- when the shop had it; null: it does not yet
    made_at TEXT,
    UNIQUE (store_id, code)
  )`);
  await db.raw('CREATE INDEX coupons_ticket ON coupons (ticket_id, id)');
  await db.raw('CREATE INDEX coupons_given ON coupons (given_by, created_at)');

  await db.raw(`CREATE TABLE shop_products (
    store_id TEXT NOT NULL REFERENCES stores (id),
    product_id BIGINT NOT NULL,
    -- 0: the product itself
    variation_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    sku TEXT NOT NULL,
    -- as the shop writes it
    price TEXT NOT NULL,
    picture_url TEXT,
    type TEXT NOT NULL,
    -- as in the shop, or deleted
    status TEXT NOT NULL,
    -- the shop's own date of this state, bare GMT; what it answered itself has none and counts as of seen_at
    modified_gmt TEXT,
    seen_at TEXT NOT NULL,
    PRIMARY KEY (store_id, product_id, variation_id)
  )`);
  await db.raw('CREATE INDEX shop_products_sku ON shop_products (store_id, sku)');
  await db.raw('CREATE INDEX shop_products_variation ON shop_products (store_id, variation_id)');

  // Which product a package was matched with, and what that was called then: tells that it is called otherwise now.
  await db.raw(`CREATE TABLE package_products (
    package_id TEXT NOT NULL PRIMARY KEY REFERENCES packages (id),
    store_id TEXT NOT NULL REFERENCES stores (id),
    match_kind TEXT NOT NULL,
    match_value TEXT NOT NULL,
    product_id BIGINT NOT NULL,
    variation_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    noted_at TEXT NOT NULL
  )`);
  await db.raw(
    'CREATE INDEX package_products_product ON package_products (store_id, product_id, variation_id)',
  );
}

export async function down(db: Knex): Promise<void> {
  for (const table of ['package_products', 'shop_products', 'coupons', 'shop_writes']) {
    await db.raw(`DROP TABLE ${table}`);
  }
}
