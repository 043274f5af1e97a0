import type { Knex } from 'knex';

/** What came in and was left out, or put aside, is shown for some days. */
export async function up(db: Knex): Promise<void> {
  for (const table of ['inbound_mails', 'inbound_sms']) {
    await db.raw(`CREATE INDEX ${table}_ignored ON ${table} (received_at) WHERE status = 'ignored'`);
  }
}

export async function down(db: Knex): Promise<void> {
  for (const table of ['inbound_mails', 'inbound_sms']) await db.raw(`DROP INDEX ${table}_ignored`);
}
