import pg from 'pg';

type RunSql = (sql: string) => Promise<void>;

/** CREATE and DROP DATABASE need a connection to another database, outside any transaction. */
export async function onAdminConnection(url: string, work: (sql: RunSql) => Promise<void>): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await work(async (sql) => {
      await client.query(sql);
    });
  } finally {
    await client.end();
  }
}

export function withDatabaseName(url: string, name: string): string {
  const changed = new URL(url);
  changed.pathname = `/${name}`;
  return changed.href;
}
