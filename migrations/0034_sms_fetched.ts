import type { Knex } from 'knex';

/** Until when the provider was asked for SMS that came to a number of ours, whether or not it brought them. */
export async function up(db: Knex): Promise<void> {
  await db.raw(`CREATE TABLE sms_lines (
    -- the number, or the messaging service
    name TEXT NOT NULL PRIMARY KEY,
    -- what came before that was written to whoever had the number then
    since TEXT NOT NULL,
    read_until TEXT NOT NULL
  )`);
}

export async function down(db: Knex): Promise<void> {
  await db.raw('DROP TABLE sms_lines');
}
