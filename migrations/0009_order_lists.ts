import type { Knex } from 'knex';

export async function up(db: Knex): Promise<void> {
  // The order list, newest first, of one status; and the few that somebody should look at.
  await db.raw('CREATE INDEX orders_status ON orders (status, id)');
  await db.raw(`CREATE INDEX orders_review ON orders (id) WHERE review_flags <> '[]'`);
}

export async function down(db: Knex): Promise<void> {
  await db.raw('DROP INDEX orders_review');
  await db.raw('DROP INDEX orders_status');
}
