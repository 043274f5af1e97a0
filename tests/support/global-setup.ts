import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { migrate, openDatabase } from '../../src/platform/db';
import { chosenEngines, type EngineName, type TestRun } from './databases';
import { onAdminConnection, withDatabaseName } from './postgres-admin';
import { type PostgresServer, startPostgres } from './postgres-server';
import { makeFolder, removeFolder, removeLeftovers } from './temporary-folders';

declare global {
  /** Set here, called by global-teardown.ts, which jest loads on its own. */
  var stopTestDatabases: (() => Promise<void>) | undefined;
}

export default async function globalSetup(): Promise<void> {
  const engines = chosenEngines();
  await prepareDatabases(engines);
  if (!engines.includes('postgres')) {
    process.stderr.write(
      `\n${'!'.repeat(78)}\n!! PostgreSQL is NOT tested (ZETON_TEST_ENGINES)\n${'!'.repeat(78)}\n\n`,
    );
  }
  if (!engines.includes('sqlite')) process.stderr.write('\n!! SQLite is NOT tested (ZETON_TEST_ENGINES)\n\n');
}

/** Makes a migrated database of each engine, from which every test gets its own copy. */
export async function prepareDatabases(engines: EngineName[]): Promise<void> {
  removeLeftovers();
  const folder = makeFolder();
  const run: TestRun = { folder };
  let server: PostgresServer | undefined;

  const stopNow = () => {
    server?.stopNow();
    removeFolder(folder);
  };
  process.once('exit', stopNow);
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const) {
    process.once(signal, () => process.exit(code));
  }

  if (engines.includes('sqlite')) {
    run.sqliteTemplate = join(folder, 'template.sqlite');
    await migrated(`sqlite:${run.sqliteTemplate}`);
  }
  if (engines.includes('postgres')) {
    let adminUrl = process.env.ZETON_TEST_POSTGRES_URL;
    if (!adminUrl) {
      try {
        server = await startPostgres();
      } catch (error) {
        throw new Error(
          'The tests need a real PostgreSQL, and the one from npm could not be started here. ' +
            'Set ZETON_TEST_POSTGRES_URL to a server where databases may be created, ' +
            'or ZETON_TEST_ENGINES=sqlite to test only half of what must hold.\n' +
            `${error instanceof Error ? error.message : String(error)}`,
        );
      }
      adminUrl = server.url;
    }
    const template = `zeton_test_${randomBytes(4).toString('hex')}`;
    await onAdminConnection(adminUrl, (sql) => sql(`CREATE DATABASE ${template} TEMPLATE template0`));
    await migrated(withDatabaseName(adminUrl, template));
    run.postgres = { adminUrl, template };
  }

  process.env.ZETON_TEST_RUN = JSON.stringify(run);
  globalThis.stopTestDatabases = async () => {
    if (run.postgres && !server) {
      const { adminUrl, template } = run.postgres;
      await onAdminConnection(adminUrl, (sql) => sql(`DROP DATABASE IF EXISTS ${template} WITH (FORCE)`));
    }
    await server?.stop();
    removeFolder(folder);
  };
}

async function migrated(url: string): Promise<void> {
  const db = openDatabase(url);
  try {
    await migrate(db);
  } finally {
    await db.destroy();
  }
}
