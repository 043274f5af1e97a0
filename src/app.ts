import express, { type Express, type RequestHandler } from 'express';
import helmet from 'helmet';
import type { Knex } from 'knex';
import { createTask } from 'node-cron';
import { woocommerceWebhook } from '../webhooks/woocommerce';
import { apiRouter } from './api';
import { type Config, ConfigError } from './config';
import { mayDo } from './domain/access';
import { hasSandboxMessage, recordSandboxMessage } from './domain/messages';
import { assertSecretsOpen, syncEnvironmentStore } from './domain/stores';
import { makeSandboxEmail } from './gateways/email';
import { makeSandboxSms } from './gateways/sms';
import { webhooksOnly } from './gateways/woocommerce/gateway';
import { type JobName, jobs } from './jobs';
import { failedDeliveries, ledgerEntries, outboxMessages, pendingDeliveries } from './metrics.query';
import { systemActor } from './platform/actor';
import { type Clock, systemClock } from './platform/clock';
import { migrate, openDatabase, withTransaction } from './platform/db';
import { healthRoutes } from './platform/health';
import { type Ids, uuidIds } from './platform/ids';
import { type Log, makeLog, requestLog } from './platform/log';
import { makeMetrics, type Metrics } from './platform/metrics';
import { problemHandler, unknownRoute } from './platform/problem';
import { assert, Refusal } from './platform/refusal';
import { makeVault } from './platform/secrets';
import { makeWorker, type Worker } from './platform/worker';
import { authenticateToken, bearerTokenOf } from './usecases/authenticate-token';
import { type Context, type Gateways, momentOf } from './usecases/context';

/** What tests and simulations bring themselves. A database that was brought is not closed here. */
export interface Overrides {
  db?: Knex;
  clock?: Clock;
  ids?: Ids;
  gateways?: Partial<Gateways>;
  log?: Log;
}

export interface App {
  http: Express;
  ctx: Context;
  /** Schema and the store `default` as this version and the environment want them. Errors: ConfigError. */
  prepare(): Promise<void>;
  /** One batch, now; says how many it handled. Works whether the job loops run or not. */
  runJob(name: JobName): Promise<number>;
  /** Starts the job loops. */
  start(): void;
  /** Finishes what the jobs are at, and lets go of the database. */
  close(): Promise<void>;
}

/** THE composition root: the only place that knows which parts there are. */
export function buildApp(config: Config, overrides: Overrides = {}): App {
  const log = overrides.log ?? makeLog(config.logLevel);
  const db = overrides.db ?? openDatabase(config.databaseUrl);
  const clock = overrides.clock ?? systemClock;
  const ids = overrides.ids ?? uuidIds;
  const metrics = makeMetrics();

  const ctx: Context = {
    db,
    clock,
    ids,
    log,
    vault: makeVault(config.secretKey),
    publicUrl: config.publicUrl ?? `http://localhost:${config.port}`,
    gateways: { ...sandboxes(config, () => ctx), ...overrides.gateways },
    wake: (work) => workers.find((worker) => worker.name === work)?.wake(),
  };

  const workers = jobs.map((job) =>
    makeWorker({
      name: job.name,
      run: () => job.run(ctx),
      pollMs: 'pollMs' in job.every ? job.every.pollMs : Number.POSITIVE_INFINITY,
      log,
    }),
  );
  const schedules = jobs.flatMap((job, index) => {
    if (!('cron' in job.every)) return [];
    const wake = () => workers[index]?.wake();
    return [createTask(job.every.cron, wake, { name: job.name, timezone: 'UTC' })];
  });

  return {
    http: httpApp(config, ctx, metrics, workers),
    ctx,
    async prepare() {
      await migrate(db);
      const moment = momentOf(ctx, systemActor);
      await withTransaction(db, (trx) => syncEnvironmentStore(trx, moment, ctx.vault, config.woocommerce));
      await assertSecretsOpen(db, ctx.vault).catch(() => {
        throw new ConfigError(
          'SECRET_KEY does not open the secrets that are stored in this database; expected: the key it had before',
        );
      });
    },
    async runJob(name) {
      const job = jobs.find((known) => known.name === name);
      assert(job, `there is a job ${name}`);
      return job.run(ctx);
    },
    start() {
      metrics.addProcessMetrics();
      for (const worker of workers) worker.start();
      for (const schedule of schedules) void schedule.start();
    },
    async close() {
      await Promise.all(schedules.map((schedule) => schedule.destroy()));
      await Promise.all(workers.map((worker) => worker.stop()));
      if (!overrides.db) await db.destroy();
    },
  };
}

/** Every channel's default transport: what is "sent" stays here and can be read. */
function sandboxes(config: Config, ctx: () => Context): Gateways {
  const record = (message: Parameters<typeof recordSandboxMessage>[2]) =>
    recordSandboxMessage(ctx().db, momentOf(ctx(), systemActor), message);
  const has = (messageId: string) => hasSandboxMessage(ctx().db, messageId);
  return {
    woocommerce: webhooksOnly,
    email: makeSandboxEmail({ from: config.mail.from, shelf: { record } }),
    sms: makeSandboxSms({ from: config.twilio.from, shelf: { record, has } }),
  };
}

function httpApp(config: Config, ctx: Context, metrics: Metrics, workers: readonly Worker[]): Express {
  const received = metrics.counter('zeton_webhook_requests', 'Webhook requests that were accepted', ['what']);
  metrics.gauge('zeton_inbox_pending', 'Deliveries that wait to be processed', () => pendingDeliveries(ctx.db));
  metrics.gauge('zeton_inbox_failed', 'Deliveries that were given up', () => failedDeliveries(ctx.db));
  metrics.gauge('zeton_outbox_pending', 'Messages that wait to be sent', () => outboxMessages(ctx.db));
  metrics.gauge('zeton_ledger_entries', 'Entries of the credit ledger', () => ledgerEntries(ctx.db));

  const http = express();
  http.disable('x-powered-by');
  http.set('trust proxy', config.trustProxy);
  http.use(requestLog(ctx.log, ctx.ids));
  http.use(metrics.middleware);
  http.use(safeHeaders(ctx.publicUrl.startsWith('https:')));
  // Before any body parser: signatures are over the bytes as they came.
  http.use(woocommerceWebhook(ctx, (what) => received.inc({ what })));
  http.use(healthRoutes({ db: ctx.db, workers }));
  http.get('/metrics', metricsRoute(config, ctx, metrics));
  http.use(apiRouter({ ctx, config }));
  http.use(unknownRoute);
  http.use(problemHandler(ctx.log));
  return http;
}

/** Own scripts and styles from files only, nothing from elsewhere, never in somebody's frame. */
function safeHeaders(https: boolean): RequestHandler {
  return helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        imgSrc: ["'self'", 'data:'],
        fontSrc: ["'self'"],
        connectSrc: ["'self'"],
        formAction: ["'self'"],
        baseUri: ["'none'"],
        frameAncestors: ["'none'"],
      },
    },
    // Over plain http a browser must not be told to insist on https.
    strictTransportSecurity: https,
    referrerPolicy: { policy: 'no-referrer' },
    xFrameOptions: { action: 'deny' },
  });
}

function metricsRoute(config: Config, ctx: Context, metrics: Metrics): RequestHandler {
  return async (req, res) => {
    const token = bearerTokenOf(req.headers.authorization);
    const principal = token && (await authenticateToken(ctx, config.environmentToken, token));
    if (!principal) throw new Refusal('unauthenticated', 'Send an API token: Authorization: Bearer TOKEN.');
    if (!mayDo(principal, 'metrics:read')) {
      throw new Refusal('forbidden', 'This token has no scope metrics:read.', { required_scope: 'metrics:read' });
    }
    const { contentType, body } = await metrics.text();
    res.set('Cache-Control', 'no-store').set('Content-Type', contentType).send(body);
  };
}
