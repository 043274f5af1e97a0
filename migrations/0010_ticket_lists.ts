import type { Knex } from 'knex';

/** The list of tickets stands by newest activity; the one of open work is also asked for by every open ticket page. */
export async function up(db: Knex): Promise<void> {
  await db.raw('CREATE INDEX tickets_status_activity ON tickets (status, last_message_at, id)');
  await db.raw('CREATE INDEX tickets_activity ON tickets (last_message_at, id)');
}

export async function down(db: Knex): Promise<void> {
  await db.raw('DROP INDEX tickets_activity');
  await db.raw('DROP INDEX tickets_status_activity');
}
