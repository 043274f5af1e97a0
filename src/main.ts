import { type App, buildApp, type MailListener } from './app';
import { type Config, ConfigError, readConfig } from './config';
import { isOutage } from './platform/dialect';
import { type HttpServer, listen } from './platform/http-server';
import { limits } from './platform/limits';

/** Starts Zeton, and stops it cleanly on SIGTERM and SIGINT. */
async function main(): Promise<void> {
  const config = readConfig(process.env);
  const app = buildApp(config);
  const { log } = app.ctx;
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (error: unknown) => {
      // In an unknown state nothing may be charged or sent; whoever runs Zeton starts it again.
      log.fatal({ err: error }, event);
      process.exit(1);
    });
  }
  if (config.withoutEffect.length > 0) {
    log.warn(
      { settings: config.withoutEffect },
      'these settings are right, but what they configure is not built yet: the sandbox is used',
    );
  }
  const server = await start(app, config);
  stopOnSignal(app, server);
  await offerSetup(app);
}

async function start(app: App, config: Config): Promise<HttpServer> {
  try {
    await app.prepare();
  } catch (error) {
    throw isDatabaseClosed(error) ? new ConfigError(databaseProblem(error)) : error;
  }
  try {
    const server = await listen(app.http, config);
    app.ctx.publicUrl = config.publicUrl ?? `http://localhost:${server.port}`;
    const mail = await listenForMail(app, config);
    app.start();
    const host = config.host.includes(':') ? `[${config.host}]` : config.host;
    process.stdout.write(`Zeton listens on http://${host}:${server.port} (${app.ctx.publicUrl})\n`);
    if (mail) process.stdout.write(`It takes mail by SMTP on port ${mail.port}\n`);
    return {
      port: server.port,
      stop: async () => void (await Promise.all([server.stop(), mail?.stop()])),
    };
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw new ConfigError(listenProblem(error as NodeJS.ErrnoException, config), { cause: error });
  }
}

async function listenForMail(app: App, config: Config): Promise<MailListener | null> {
  try {
    return await app.listenForMail();
  } catch (error) {
    const port = config.mail.inboundSmtpPort ?? 0;
    const problem = listenProblem(error as NodeJS.ErrnoException, { ...config, port });
    throw new ConfigError(problem.replace(/^PORT/, 'INBOUND_SMTP_PORT'), { cause: error });
  }
}

/** To whoever starts Zeton, and not into the log, which others read and keep. */
async function offerSetup(app: App): Promise<void> {
  const link = await app.setupLink();
  if (link) process.stdout.write(`Nobody owns this Zeton yet. Become its owner, within a day: ${link}\n`);
}

function stopOnSignal(app: App, server: HttpServer): void {
  let stopping = false;
  const stop = async (signal: string) => {
    if (stopping) process.exit(1); // asked twice: at once
    stopping = true;
    app.ctx.log.info({ signal }, 'stopping');
    setTimeout(() => {
      app.ctx.log.error('requests or jobs did not finish in time');
      process.exit(1);
    }, limits.shutdownMs).unref();
    await server.stop();
    await app.close();
    app.ctx.log.info('stopped');
    process.exit(0);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void stop(signal));
}

/** Wrong address, password or rights: the person who starts Zeton can mend that, a stack trace says less. */
function isDatabaseClosed(error: unknown): boolean {
  const code = String((error as { code?: unknown }).code ?? '');
  return (
    isOutage(error) || /^(28|3D|42501)/.test(code) || code === 'SQLITE_NOTADB' || code === 'SQLITE_CORRUPT'
  );
}

function databaseProblem(error: unknown): string {
  const { code, name } = error as { code?: unknown; name: string };
  return `DATABASE_URL: the database cannot be used (${String(code ?? name)}); expected: one that is running, can be reached, and lets Zeton in`;
}

function listenProblem(error: NodeJS.ErrnoException, { host, port }: Config): string {
  if (error.code === 'EADDRINUSE') {
    return `PORT ${port} on ${host} is in use by another program; expected: a free one`;
  }
  if (error.code === 'EACCES') return `PORT ${port} may not be used by this user; expected: 1024 or more`;
  return `HOST ${host} cannot be listened on (${error.code ?? error.message}); expected: an address of this machine`;
}

main().catch((error: unknown) => {
  const line = error instanceof ConfigError ? error.message : (error as Error).stack;
  process.stderr.write(`Zeton cannot start: ${line}\n`);
  process.exit(1);
});
