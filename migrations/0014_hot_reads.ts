import type { Knex } from 'knex';

const LOOKED_FOR = [
  ['orders_number', 'orders', 'number'],
  ['customers_email', 'customers', 'email_normalised'],
  ['customers_phone', 'customers', 'phone_e164'],
];

/** Indexes of reads that grew with the shop (tests/query-plans.test.ts). */
export async function up(db: Knex): Promise<void> {
  // Read twice for every order that is applied.
  await db.raw('CREATE INDEX credit_grants_order ON credit_grants (order_id)');
  // Open work in the order in which it is shown; the terms are those of tickets.query.ts, letter by letter.
  const rank = `CASE WHEN status IN ('solved', 'closed') THEN -1 WHEN unpaid = 1 THEN 0
    WHEN status IN ('new', 'open') THEN 2 ELSE 1 END`;
  await db.raw(`CREATE INDEX tickets_work ON tickets ((${rank}), last_message_at, id) WHERE ${rank} >= 0`);
  await db.raw('CREATE INDEX tickets_status ON tickets (status, id)');
  await db.raw('CREATE INDEX tickets_assignee ON tickets (assignee, id) WHERE assignee IS NOT NULL');
  // With the status in front, although it is always the same: else SQLite takes deliveries_status, and sorts all that waits.
  await db.raw('DROP INDEX deliveries_due');
  await db.raw(
    `CREATE INDEX deliveries_due ON deliveries (status, next_attempt_at, id) WHERE status = 'pending'`,
  );
  // Without the store in front: they are also looked for in all stores at once.
  for (const [index, table, column] of LOOKED_FOR) {
    await db.raw(`DROP INDEX ${index}`);
    await db.raw(`CREATE INDEX ${index} ON ${table} (${column}, store_id)`);
  }
  await db.raw('CREATE INDEX customers_phone_typed ON customers (phone)');
}

export async function down(db: Knex): Promise<void> {
  await db.raw('DROP INDEX customers_phone_typed');
  for (const [index, table, column] of LOOKED_FOR) {
    await db.raw(`DROP INDEX ${index}`);
    await db.raw(`CREATE INDEX ${index} ON ${table} (store_id, ${column})`);
  }
  await db.raw('DROP INDEX deliveries_due');
  await db.raw(`CREATE INDEX deliveries_due ON deliveries (next_attempt_at, id) WHERE status = 'pending'`);
  for (const index of ['tickets_assignee', 'tickets_status', 'tickets_work', 'credit_grants_order']) {
    await db.raw(`DROP INDEX ${index}`);
  }
}
