import type { Knex } from 'knex';

export async function up(db: Knex): Promise<void> {
  await db.raw(`CREATE TABLE customers (
    id TEXT NOT NULL PRIMARY KEY,
    store_id TEXT NOT NULL REFERENCES stores (id),
    woo_customer_id BIGINT CHECK (woo_customer_id > 0),
    email TEXT,
    email_normalised TEXT,
    name TEXT NOT NULL,
    phone TEXT,
    phone_e164 TEXT,
    country TEXT,
    locale TEXT NOT NULL,
    -- the WooCommerce order id of a customer whom nothing identifies but that order
    only_order_woo_id BIGINT,
    -- for each detail, the state of the shop (date_modified_gmt and order id) that it was taken from; newer ones win
    details_as_of TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
  )`);
  // Partial, so that PostgreSQL does not take them for keys: giving a customer a shop account would otherwise lock out
  // every ledger write that refers to the customer, and both could wait for each other.
  await db.raw(`CREATE UNIQUE INDEX customers_woo_customer ON customers (store_id, woo_customer_id)
    WHERE woo_customer_id IS NOT NULL`);
  await db.raw(`CREATE UNIQUE INDEX customers_only_order ON customers (store_id, only_order_woo_id)
    WHERE only_order_woo_id IS NOT NULL`);
  await db.raw('CREATE INDEX customers_email ON customers (store_id, email_normalised)');
  await db.raw('CREATE INDEX customers_phone ON customers (store_id, phone_e164)');
  // One customer without a shop account per address: two orders that arrive at once must not make two.
  await db.raw(`CREATE UNIQUE INDEX customers_one_guest_per_email ON customers (store_id, email_normalised)
    WHERE woo_customer_id IS NULL AND email_normalised IS NOT NULL`);

  await db.raw(`CREATE TABLE tickets (
    id TEXT NOT NULL PRIMARY KEY,
    number BIGINT NOT NULL UNIQUE,
    store_id TEXT NOT NULL REFERENCES stores (id),
    customer_id TEXT NOT NULL REFERENCES customers (id),
    -- first ticket of a chain of follow-ups; credits that are bound to a ticket are bound to its family
    family_id TEXT NOT NULL,
    follow_up_of TEXT REFERENCES tickets (id),
    subject TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('new', 'open', 'pending', 'on_hold', 'solved', 'closed')),
    -- grows with what a reply has to have seen (DESIGN §3 "Tickets")
    version INTEGER NOT NULL CHECK (version >= 1),
    origin TEXT NOT NULL CHECK (origin IN ('order', 'customer', 'agent')),
    unpaid INTEGER NOT NULL CHECK (unpaid IN (0, 1)),
    spam INTEGER NOT NULL CHECK (spam IN (0, 1)),
    assignee TEXT,
    tags TEXT NOT NULL,
    -- the order that sent the newest top-up link here adopts this ticket
    top_up_link_sent_at TEXT,
    last_message_at TEXT NOT NULL,
    first_replied_at TEXT,
    solved_at TEXT,
    closed_at TEXT,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
  )`);
  await db.raw('CREATE INDEX tickets_store_status ON tickets (store_id, status, id)');
  await db.raw('CREATE INDEX tickets_customer ON tickets (customer_id, id)');
  await db.raw('CREATE INDEX tickets_follow_up_of ON tickets (follow_up_of)');

  await db.raw(`CREATE TABLE ticket_events (
    id TEXT NOT NULL PRIMARY KEY,
    ticket_id TEXT NOT NULL REFERENCES tickets (id),
    type TEXT NOT NULL,
    actor_kind TEXT NOT NULL,
    actor_id TEXT NOT NULL,
    actor_name TEXT NOT NULL,
    facts TEXT NOT NULL,
    at TEXT NOT NULL
  )`);
  await db.raw('CREATE INDEX ticket_events_ticket ON ticket_events (ticket_id, id)');
}

export async function down(db: Knex): Promise<void> {
  for (const table of ['ticket_events', 'tickets', 'customers']) await db.raw(`DROP TABLE ${table}`);
}
