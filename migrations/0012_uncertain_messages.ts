import type { Knex } from 'knex';

/** What a person has to settle: few, in a table of all messages. */
export async function up(db: Knex): Promise<void> {
  await db.raw(`CREATE INDEX messages_uncertain ON messages (created_at) WHERE status = 'uncertain'`);
}

export async function down(db: Knex): Promise<void> {
  await db.raw('DROP INDEX messages_uncertain');
}
