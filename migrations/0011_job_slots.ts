import type { Knex } from 'knex';

export async function up(db: Knex): Promise<void> {
  // The newest slot of each scheduled job that a process has taken: one row a job, so there is nothing to prune.
  await db.raw(`CREATE TABLE job_slots (
    job TEXT NOT NULL PRIMARY KEY,
    -- the moment for which it was due
    slot TEXT NOT NULL,
    taken_at TEXT NOT NULL
  )`);
  // What a worker that died has left is looked for with every claim; without this by walking all that waits.
  await db.raw(
    `CREATE INDEX deliveries_leased ON deliveries (status, lease_until) WHERE status = 'pending' AND lease_until IS NOT NULL`,
  );
}

export async function down(db: Knex): Promise<void> {
  await db.raw('DROP INDEX deliveries_leased');
  await db.raw('DROP TABLE job_slots');
}
