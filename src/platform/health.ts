import { type RequestHandler, Router } from 'express';
import type { Knex } from 'knex';
import { pendingMigrations } from './db';
import { limits } from './limits';
import type { Worker } from './worker';

/** 'ok', or what is wrong. */
type Check = string;

/**
 * GET /healthz: this process answers. GET /readyz: it can work: the database answers, its schema is this version's, the
 * job loops run. Open to everybody, so it says no more than which of the three is missing.
 */
export function healthRoutes({ db, workers }: { db: Knex; workers: readonly Worker[] }): Router {
  let migrated = false;

  const checks: Record<'database' | 'migrations' | 'jobs', () => Promise<Check>> = {
    database: async () => {
      await db.raw('SELECT 1');
      return 'ok';
    },
    migrations: async () => {
      // Asked until it is so; what is migrated stays it while this process lives.
      migrated ||= (await pendingMigrations(db)) === 0;
      return migrated ? 'ok' : 'pending';
    },
    jobs: async () => {
      const still = workers.filter((worker) => !worker.alive()).map((worker) => worker.name);
      return still.length === 0 ? 'ok' : `not running: ${still.join(', ')}`;
    },
  };

  const readyz: RequestHandler = async (_req, res) => {
    const results = Object.fromEntries(
      await Promise.all(
        Object.entries(checks).map(async ([name, check]) => [name, await answerOf(check)] as const),
      ),
    );
    const ready = Object.values(results).every((result) => result === 'ok');
    res.set('Cache-Control', 'no-store');
    res.status(ready ? 200 : 503).json({ status: ready ? 'ok' : 'unavailable', checks: results });
  };

  const router = Router();
  router.get('/healthz', (_req, res) => {
    res.set('Cache-Control', 'no-store').json({ status: 'ok' });
  });
  router.get('/readyz', readyz);
  return router;
}

async function answerOf(check: () => Promise<Check>): Promise<Check> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<Check>((resolve) => {
    timer = setTimeout(resolve, limits.readyCheckMs, 'no answer');
  });
  try {
    return await Promise.race([check(), tooLate]);
  } catch {
    return 'no answer';
  } finally {
    clearTimeout(timer);
  }
}
