import { dirname, join } from 'node:path';
import express, { type Express, type RequestHandler } from 'express';
import helmet from 'helmet';
import type { Knex } from 'knex';
import { emailWebhook, INBOUND_MAIL_PATH } from '../webhooks/email';
import { listenForMail, type MailListener } from '../webhooks/smtp';
import { stopNoticesAtOnce } from '../webhooks/stop-notices';
import { TWILIO_SMS_PATH, TWILIO_STATUS_PATH, twilioWebhooks } from '../webhooks/twilio';
import { woocommerceWebhook } from '../webhooks/woocommerce';
import { KEYS_PATH, woocommerceKeys } from '../webhooks/woocommerce-keys';
import { adminRouter } from './admin';
import { apiRouter } from './api';
import { type Config, ConfigError } from './config';
import { consoleRouter, pageHost } from './console';
import { mayDo } from './domain/access';
import {
  hasSandboxMessage,
  recordSandboxMessage,
  SENDING_CHANNELS,
  type SendingChannel,
} from './domain/messages';
import { assertSecretsOpen, syncEnvironmentStore } from './domain/stores';
import { makeImapGateway, makeSandboxEmail, makeSmtpGateway, ownAddress } from './gateways/email';
import { makeSandboxSms, makeTwilioGateway } from './gateways/sms';
import { makeWooCommerce } from './gateways/woocommerce';
import { type JobName, jobs } from './jobs';
import {
  failedDeliveries,
  inboxDelaySeconds,
  ledgerEntries,
  outboxAgeSeconds,
  outboxMessages,
  pendingDeliveries,
  uncertainMessages,
} from './metrics.query';
import { systemActor } from './platform/actor';
import { type Clock, iso, systemClock } from './platform/clock';
import { forBackground, migrate, migrateAt, openDatabase, withTransaction } from './platform/db';
import { type FileStore, makeFileStore } from './platform/file-store';
import { healthRoutes } from './platform/health';
import { type Ids, uuidIds } from './platform/ids';
import { limits } from './platform/limits';
import { type Log, makeLog, requestLog } from './platform/log';
import { type Metrics, makeMetrics } from './platform/metrics';
import { answerInTime, problemHandler, unknownRoute } from './platform/problem';
import { assert, Refusal } from './platform/refusal';
import { makeSchedule } from './platform/schedule';
import { makeVault } from './platform/secrets';
import { makeWorker, type Worker } from './platform/worker';
import { portalRouter } from './portal';
import { assetRoutes } from './ui/assets';
import { makePages } from './ui/routes';
import { authenticateToken, bearerTokenOf } from './usecases/authenticate-token';
import { type Context, type Gateways, momentOf } from './usecases/context';
import { fetchMail } from './usecases/fetch-mail';
import { makeBootstrapOwner, makeSetupLink } from './usecases/first-owner';
import { makeLanes } from './usecases/lanes';
import { makeWalks } from './usecases/walks';

export type { MailListener };

/** What tests and simulations bring themselves. A database that was brought is not closed here. */
export interface Overrides {
  db?: Knex;
  clock?: Clock;
  ids?: Ids;
  /** Instead of Math.random: where in its range a wait lies. */
  chance?: () => number;
  /** Is given the default transports, to wrap or replace them. */
  gateways?: (defaults: Gateways) => Gateways;
  log?: Log;
}

export interface App {
  http: Express;
  ctx: Context;
  /** Schema and the store `default` as this version and the environment want them. Errors: ConfigError. */
  prepare(): Promise<void>;
  /** Where the first owner is made, once; null when there is one. */
  setupLink(): Promise<string | null>;
  /** One batch, now; says how many it handled. Works whether the job loops run or not. */
  runJob(name: JobName): Promise<number>;
  /** Starts the job loops. */
  start(): void;
  /** The mail server of INBOUND_SMTP_PORT; null: none is wanted. Errors: EADDRINUSE … of node */
  listenForMail(): Promise<MailListener | null>;
  /** Finishes what the jobs are at, and lets go of the database. */
  close(): Promise<void>;
}

/** THE composition root: the only place that knows which parts there are. */
export function buildApp(config: Config, overrides: Overrides = {}): App {
  const log = overrides.log ?? makeLog(config.logLevel);
  const db = overrides.db ?? openDatabase(config.databaseUrl, { statementMs: limits.statementMs });
  const clock = overrides.clock ?? systemClock;
  const ids = overrides.ids ?? uuidIds;
  const metrics = makeMetrics();

  const transports = makeTransports(config, clock, () => ctx);

  const ctx: Context = {
    db,
    clock,
    ids,
    log,
    vault: makeVault(config.secretKey),
    publicUrl: config.publicUrl ?? `http://localhost:${config.port}`,
    gateways: (overrides.gateways ?? ((defaults) => defaults))(transports.gateways),
    chance: overrides.chance ?? Math.random,
    // The sandbox takes as much as there is.
    lanes: makeLanes({ emailsPerMinute: config.mail.smtpUrl === null ? null : limits.emailsPerMinute }),
    walks: makeWalks(),
    files: filesBeside(config.databaseUrl),
    mailAddress: ownAddress({ ...config.mail, domain: hostOf(config) }),
    wake(work) {
      for (const { name, wake } of workers) if (name === work || name.startsWith(`${work}.`)) wake();
    },
  };

  // What is set on ctx later counts here as well.
  const background = Object.create(ctx, { db: { value: forBackground(db) } }) as Context;
  const loops = jobs.map(({ name, every, run, atStart }) => {
    const work = () => run(background);
    if ('pollMs' in every)
      return { worker: makeWorker({ name, run: work, pollMs: every.pollMs, log }), schedule: null };
    const schedule = makeSchedule({ job: name, cron: every.cron, db, clock, log, run: work, atStart });
    const pollMs = Number.POSITIVE_INFINITY;
    return { worker: makeWorker({ name, run: () => schedule.run(), pollMs, log }), schedule };
  });
  const workers = loops.map((loop) => loop.worker);
  const fetching = { end: new AbortController(), done: Promise.resolve() };

  return {
    http: httpApp(config, ctx, metrics, workers, transports.names),
    ctx,
    async prepare() {
      await (overrides.db ? migrate(db) : migrateAt(config.databaseUrl, db));
      const moment = momentOf(ctx, systemActor);
      await withTransaction(db, (trx) => syncEnvironmentStore(trx, moment, ctx.vault, config.woocommerce));
      await assertSecretsOpen(db, ctx.vault).catch(() => {
        throw new ConfigError(
          'SECRET_KEY does not open the secrets that are stored in this database; expected: the key it had before',
        );
      });
      if (config.bootstrap) await makeBootstrapOwner(ctx, config.bootstrap);
    },
    setupLink: () => makeSetupLink(ctx),
    async runJob(name) {
      const job = jobs.find((known) => known.name === name);
      assert(job, `there is a job ${name}`);
      const handled = await job.run(background);
      await Promise.all(job.underWay?.(background) ?? []);
      return handled;
    },
    start() {
      metrics.addProcessMetrics();
      log.info(transports.names, 'transports');
      for (const { worker, schedule } of loops) {
        worker.start();
        schedule?.start(() => worker.wake());
      }
      fetching.done = fetchMail(background, fetching.end.signal);
    },
    async listenForMail() {
      const port = config.mail.inboundSmtpPort;
      return port === null ? null : listenForMail(ctx, { port, host: config.host });
    },
    async close() {
      ctx.walks.stopping = true;
      fetching.end.abort();
      for (const { schedule } of loops) await schedule?.stop();
      await Promise.all(workers.map((worker) => worker.stop()));
      await Promise.all(jobs.flatMap((job) => [...(job.underWay?.(ctx) ?? [])]));
      await fetching.done;
      transports.close();
      if (!overrides.db) await db.destroy();
    },
  };
}

/** Each channel for itself: the real transport where it is configured, else the sandbox, whose messages stay here. */
function makeTransports(config: Config, clock: Clock, ctx: () => Context) {
  const { mail, twilio } = config;
  const record = (message: Parameters<typeof recordSandboxMessage>[2]) =>
    recordSandboxMessage(ctx().db, momentOf(ctx(), systemActor), message);
  const has = (messageId: string) => hasSandboxMessage(ctx().db, messageId);

  const { accountSid, authToken } = twilio;
  const domain = hostOf(config);
  const smtp =
    mail.smtpUrl === null
      ? null
      : makeSmtpGateway({
          url: mail.smtpUrl,
          from: mail.from,
          domain,
          isRead: mail.mailbox !== null || mail.inboundToken !== null || mail.inboundSmtpPort !== null,
          dkim: mail.dkim,
          limits,
        });
  const sms =
    accountSid === null || authToken === null
      ? null
      : makeTwilioGateway({
          ...twilio,
          accountSid,
          authToken,
          baseUrl: twilio.apiBaseUrl,
          // Twilio refuses a message whose callback it could never reach, as an address of this machine.
          ...(config.publicUrl === null ? {} : { statusCallbackUrl: config.publicUrl + TWILIO_STATUS_PATH }),
          limits,
        });

  const gateways: Gateways = {
    woocommerce: makeWooCommerce({ clock, limits }),
    email: smtp ?? makeSandboxEmail({ from: mail.from, domain, shelf: { record } }),
    sms: sms ?? makeSandboxSms({ from: twilio.from, shelf: { record, has } }),
    mailbox: mail.mailbox && makeImapGateway(mail.mailbox),
  };
  return {
    gateways,
    /** For the log, and for the page of the sandbox. */
    names: { mail: smtp ? 'smtp' : 'sandbox', sms: sms ? 'twilio' : 'sandbox' } as const,
    close() {
      smtp?.close();
      sms?.close();
    },
  };
}

/** The host people know this Zeton by. */
function hostOf({ publicUrl }: Config): string {
  return publicUrl === null ? 'localhost' : new URL(publicUrl).hostname;
}

/** A SQLite file has a disk beside it. Processes that share a PostgreSQL share no disk: files go into the database. */
function filesBeside(databaseUrl: string): FileStore | null {
  const file = /^sqlite:(?!:memory:)(.+)$/.exec(databaseUrl)?.[1];
  return file === undefined ? null : makeFileStore(join(dirname(file), 'attachments'));
}

function httpApp(
  config: Config,
  ctx: Context,
  metrics: Metrics,
  workers: readonly Worker[],
  transports: { mail: 'smtp' | 'sandbox'; sms: 'twilio' | 'sandbox' },
): Express {
  const received = metrics.counter('zeton_webhook_requests', 'Webhook requests that were accepted', ['what']);
  metrics.gauge('zeton_inbox_pending', 'Deliveries that wait to be processed', () =>
    pendingDeliveries(ctx.db),
  );
  metrics.gauge('zeton_inbox_failed', 'Deliveries that were given up', () => failedDeliveries(ctx.db));
  metrics.gauge('zeton_inbox_delay_seconds', 'How long the oldest of them has waited', () =>
    inboxDelaySeconds(ctx.db, iso(ctx.clock.now())),
  );
  metrics.gauge('zeton_outbox_pending', 'Messages that wait to be sent', () => outboxMessages(ctx.db));
  const byChannel = (name: string, help: string, read: (channel: SendingChannel) => Promise<number>) =>
    metrics.gaugeBy(name, help, { name: 'channel', values: SENDING_CHANNELS }, read);
  byChannel('zeton_outbox_age_seconds', 'How long the oldest of them has waited', (channel) =>
    outboxAgeSeconds(ctx.db, channel, iso(ctx.clock.now())),
  );
  byChannel('zeton_outbox_under_way', 'Messages that this process is sending now', (channel) =>
    Promise.resolve(ctx.lanes[channel].underWay.size),
  );
  byChannel(
    'zeton_outbox_circuit_open',
    '1: the provider does not answer this process, and is left in peace; 0: it does',
    (channel) => Promise.resolve(ctx.lanes[channel].circuit.silentUntil() ? 1 : 0),
  );
  metrics.gauge(
    'zeton_messages_uncertain',
    'Messages of which a person has to say whether they were sent',
    () => uncertainMessages(ctx.db),
  );
  metrics.gauge('zeton_ledger_entries', 'Entries of the credit ledger', () => ledgerEntries(ctx.db));

  const http = express();
  http.disable('x-powered-by');
  http.set('trust proxy', config.trustProxy);
  http.use(requestLog(ctx.log, ctx.ids));
  http.use(metrics.middleware);
  http.use(answerInTime(ctx.log));
  http.use(safeHeaders(ctx.publicUrl.startsWith('https:')));
  // Before any body parser: signatures are over the bytes as they came.
  http.use(woocommerceWebhook(ctx, (what) => received.inc({ what })));
  http.use(woocommerceKeys(ctx));
  http.use(stopNoticesAtOnce(ctx));
  http.use(twilioWebhooks(ctx, config.twilio.authToken));
  http.use(emailWebhook(ctx, config.mail.inboundToken));
  http.use(healthRoutes({ db: ctx.db, workers }));
  http.get('/metrics', metricsRoute(config, ctx, metrics));
  http.use(apiRouter({ ctx, config }));
  const pages = makePages(pageHost(ctx));
  http.use(assetRoutes());
  http.use(portalRouter({ ctx, pages }));
  http.use(consoleRouter({ ctx, pages }));
  http.use(
    adminRouter({
      ctx,
      pages,
      transports: { email: transports.mail, sms: transports.sms },
      keysPath: KEYS_PATH,
      ways: {
        mailHook: config.mail.inboundToken === null ? null : ctx.publicUrl + INBOUND_MAIL_PATH,
        smtpPort: config.mail.inboundSmtpPort,
        smsHook: ctx.publicUrl + TWILIO_SMS_PATH,
        hasTwilio: transports.sms === 'twilio',
      },
    }),
  );
  http.use(unknownRoute);
  http.use(problemHandler(ctx.log, pages.answerRefusal));
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
        // Mails as they were sent, each in a page where nothing runs.
        frameSrc: ["'self'"],
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
      throw new Refusal('forbidden', 'This token has no scope metrics:read.', {
        required_scope: 'metrics:read',
      });
    }
    const { contentType, body } = await metrics.text();
    res.set('Cache-Control', 'no-store').set('Content-Type', contentType).send(body);
  };
}
