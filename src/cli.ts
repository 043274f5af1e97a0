import { existsSync, readFileSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { parseArgs } from 'node:util';
import { buildApp } from './app';
import { type Config, ConfigError, readConfig } from './config';
import { SCOPES } from './domain/access';
import { verifyLedger } from './domain/credits';
import type { Role } from './domain/staff';
import { findStoreBySlug } from './domain/stores';
import type { Actor } from './platform/actor';
import { iso, systemClock } from './platform/clock';
import { type Db, openDatabase, pendingMigrations } from './platform/db';
import { uuidIds } from './platform/ids';
import { limits } from './platform/limits';
import { makeLog } from './platform/log';
import { Refusal } from './platform/refusal';
import { makeVault } from './platform/secrets';
import { addStaffForStores } from './usecases/add-staff';
import { addTokenForStores } from './usecases/add-token';
import { examine, type Finding } from './usecases/doctor';
import { readShopToTheEnd } from './usecases/read-shop-now';

const USAGE = `Usage: npm run zeton -- COMMAND

  ledger verify
      Proves every balance from the entries of the ledger alone. Exit 1 when something does not add up.
  doctor [--json]
      Says whether database, ledger, inbox, outbox, schedules, clock and providers are well. Sends and changes nothing.
      Exit 0 when all is well (warnings allowed), 1 when something is not.
  reconcile STORE [--since DAY] [--sweep]
      Reads the orders that changed in a shop since the last time, or since a day (2026-11-22, or with a time), and says
      what no webhook had brought. --sweep: the refunds of all orders of the last 90 days. Exit 1 when it could not be read.
  token add --name NAME --scopes SCOPE,SCOPE|all [--stores SLUG,SLUG]
      Makes an API token, for these stores or for all, and shows it this once.
      Scopes: ${wrapped([...SCOPES])}
      A :write scope includes :read of the same.
  user add --email EMAIL --name NAME --role owner|admin|agent|read-only [--stores SLUG,SLUG]
      Adds somebody to the staff, for these stores or for all, and shows the password this once.

The same environment variables count as for npm start.
`;

function wrapped(words: string[]): string {
  const lines: string[] = [];
  for (let i = 0; i < words.length; i += 4) lines.push(words.slice(i, i + 4).join(', '));
  return lines.join(',\n              ');
}

/** The person at the keyboard, as far as the system knows; for the audit log. */
function operator(): Actor {
  let name = 'unknown';
  try {
    name = userInfo().username;
  } catch {
    // A user id without a name, as in some containers.
  }
  return { kind: 'system', id: 'cli', name: `command line (${name})` };
}

class UsageError extends Error {}

async function run(argv: string[]): Promise<number> {
  const [group, verb, ...rest] = argv;
  if (group === 'reconcile') return reconcile(argv.slice(1));
  switch (`${group ?? ''} ${verb ?? ''}`) {
    case 'ledger verify':
      parse(rest, {});
      return withDatabase(ledgerVerify);
    case 'doctor ':
    case 'doctor --json':
      parse(rest, {});
      return doctor({ json: verb === '--json' });
    case 'token add': {
      const { name, scopes, stores } = parse(rest, {
        name: { type: 'string' },
        scopes: { type: 'string' },
        stores: { type: 'string' },
      });
      if (!name || !scopes) throw new UsageError('token add needs --name and --scopes');
      return withDatabase((db) => tokenAdd(db, { name, scopes, stores }));
    }
    case 'user add': {
      const { email, name, role, stores } = parse(rest, {
        email: { type: 'string' },
        name: { type: 'string' },
        role: { type: 'string' },
        stores: { type: 'string' },
      });
      const known = (['owner', 'admin', 'agent', 'read-only'] as const).find((one) => one === role);
      if (!email || !name || !known) throw new UsageError('user add needs --email, --name and --role');
      return withDatabase((db) => userAdd(db, { email, name, role: known, stores }));
    }
    default:
      throw new UsageError(argv.length === 0 ? 'Which command?' : `There is no command "${argv.join(' ')}".`);
  }
}

async function reconcile([slug, ...rest]: string[]): Promise<number> {
  if (slug === undefined || slug.startsWith('-')) throw new UsageError('reconcile needs the slug of a store');
  const isSweep = rest.includes('--sweep');
  const { since } = parse(
    rest.filter((word) => word !== '--sweep'),
    { since: { type: 'string' } },
  );
  const from = since === undefined ? null : new Date(since);
  if (from && Number.isNaN(from.getTime())) throw new UsageError('--since is no day; write 2026-11-22');
  return withDatabase(async (db) => {
    const app = buildApp(readConfig(process.env), { db, log: makeLog('silent') });
    const store = await findStoreBySlug(db, slug);
    if (!store) throw new Refusal('not-found', `There is no store "${slug}".`);
    const report = await readShopToTheEnd(app.ctx, operator(), {
      storeId: store.id,
      kind: isSweep ? 'sweep' : 'orders',
      since: from?.toISOString() ?? null,
    });
    for (const { number, what, status } of report.finds)
      process.stdout.write(`${what}  #${number}  ${status}\n`);
    const { seen, found, parked, state, problem } = report;
    const verdict = state === 'done' ? '' : `; not to the end: ${problem ?? state}`;
    const words = `${seen} orders looked at, ${found} found that no webhook had brought, ${parked} could not be taken in`;
    process.stdout.write(`${words}${verdict}\n`);
    return state === 'done' ? 0 : 1;
  });
}

function parse<K extends string>(
  args: string[],
  options: Record<K, { type: 'string' }>,
): Partial<Record<K, string>> {
  try {
    return parseArgs({ args, options, allowPositionals: false }).values as Partial<Record<K, string>>;
  } catch (error) {
    throw new UsageError((error as Error).message.split('. ')[0]);
  }
}

async function withDatabase(work: (db: Db) => Promise<number>): Promise<number> {
  const config = readConfig(process.env);
  const file = /^sqlite:(.*)/.exec(config.databaseUrl)?.[1];
  if (file && !existsSync(file))
    throw new ConfigError(`DATABASE_URL: there is no file ${file}; expected: one that npm start has made`);
  const db = openDatabase(config.databaseUrl);
  try {
    if ((await pendingMigrations(db)) > 0) {
      throw new ConfigError(
        'DATABASE_URL: this database is not ready; expected: one that npm start has prepared',
      );
    }
    return await work(db);
  } finally {
    await db.destroy();
  }
}

async function ledgerVerify(db: Db): Promise<number> {
  const { customers, grants, entries, problems } = await verifyLedger(db);
  for (const problem of problems) process.stdout.write(`${problem}\n`);
  const verdict = problems.length === 0 ? 'every sum is right' : `${problems.length} problems`;
  process.stdout.write(`${customers} customers, ${grants} grants, ${entries} entries: ${verdict}\n`);
  return problems.length === 0 ? 0 : 1;
}

async function doctor({ json }: { json: boolean }): Promise<number> {
  const findings = await examination();
  const isWell = findings.every(({ status }) => status !== 'fail');
  if (json) process.stdout.write(`${JSON.stringify({ ok: isWell, checks: findings }, null, 2)}\n`);
  else for (const finding of findings) process.stdout.write(`${lineOf(finding)}\n`);
  // A database or a provider that never answered keeps its connection, and this process, open.
  setTimeout(() => process.exit(), limits.doctorEndMs).unref();
  return isWell ? 0 : 1;
}

function lineOf({ check, status, words, advice }: Finding): string {
  const line = `${status.toUpperCase().padEnd(4)}  ${check.padEnd(13)}  ${words}`;
  return advice === null ? line : `${line}. To do: ${advice}`;
}

async function examination(): Promise<Finding[]> {
  let config: Config;
  try {
    config = readConfig({ ...process.env, SECRET_KEY: process.env.SECRET_KEY || storedKey() });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const advice = 'mend this variable, and look again';
    return [{ check: 'configuration', status: 'fail', words: error.message, advice }];
  }
  const found: Finding[] = [
    config.withoutEffect.length === 0
      ? { check: 'configuration', status: 'ok', words: 'every variable is right', advice: null }
      : {
          check: 'configuration',
          status: 'warn',
          words: `${config.withoutEffect.join(', ')} is right, but has no effect in this version`,
          advice: 'do not rely on it; the sandbox is used',
        },
  ];
  const databaseFile = /^sqlite:(.*)/.exec(config.databaseUrl)?.[1] ?? null;
  if (databaseFile !== null && !existsSync(databaseFile)) {
    const advice = 'name the file that npm start made in DATABASE_URL, or let npm start make it';
    found.push({ check: 'database', status: 'fail', words: `there is no file ${databaseFile}`, advice });
    return found;
  }
  const db = openDatabase(config.databaseUrl, { acquireTimeoutMs: limits.doctorProviderMs });
  try {
    const { accountSid, authToken, apiBaseUrl: baseUrl } = config.twilio;
    const findings = await examine({
      db,
      databaseFile,
      clock: systemClock,
      async freeBytes(folder) {
        const { bavail, bsize } = await statfs(folder);
        return bavail * bsize;
      },
      vault: makeVault(config.secretKey),
      publicUrl: config.publicUrl,
      smtpUrl: config.mail.smtpUrl,
      mailbox: config.mail.mailbox,
      twilio: accountSid === null || authToken === null ? null : { accountSid, authToken, baseUrl },
    });
    return [...found, ...findings];
  } finally {
    // One that does not answer does not close either.
    await Promise.race([db.destroy(), new Promise((done) => setTimeout(done, 1_000).unref())]);
  }
}

/** Opens nothing: so the doctor finds that the stored secrets stay closed, and names the missing key. */
const NO_KEY = 'no key is set, and no key file is here';

/** The key beside the SQLite file. Where none is, readConfig() would make one: a doctor must not. */
function storedKey(): string | undefined {
  const file = /^sqlite:(.*)/.exec(process.env.DATABASE_URL || 'sqlite:./data/zeton.sqlite')?.[1];
  if (!file) return undefined;
  try {
    return readFileSync(`${file}.key`, 'utf8').trim();
  } catch {
    return NO_KEY;
  }
}

async function tokenAdd(db: Db, input: { name: string; scopes: string; stores?: string }): Promise<number> {
  const moment = { at: iso(systemClock.now()), actor: operator(), ids: uuidIds };
  const made = await addTokenForStores(db, moment, {
    name: input.name,
    scopes: input.scopes.trim() === 'all' ? 'all' : list(input.scopes),
    storeSlugs: input.stores === undefined ? null : list(input.stores),
  });
  process.stderr.write(`Token "${input.name}" (${made.id}). It is not shown again:\n`);
  // Alone on stdout, so that a script can take it.
  process.stdout.write(`${made.token}\n`);
  return 0;
}

async function userAdd(
  db: Db,
  { stores, ...input }: { email: string; name: string; role: Role; stores?: string },
): Promise<number> {
  const moment = { at: iso(systemClock.now()), actor: operator(), ids: uuidIds };
  const storeSlugs = stores === undefined ? null : list(stores);
  const made = await addStaffForStores(db, moment, { ...input, storeSlugs });
  process.stderr.write(`${input.name} (${made.id}) can sign in. The password is not shown again:\n`);
  process.stdout.write(`${made.password}\n`);
  return 0;
}

function list(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

function inWords(error: unknown): string {
  if (error instanceof ConfigError) return error.message;
  if (!(error instanceof Refusal))
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  const { errors } = error.facts as { errors?: { path: string; message: string }[] };
  return errors?.map(({ path, message }) => `--${path} ${message}`).join('\n') ?? error.detail;
}

run(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    if (error instanceof UsageError) {
      process.stderr.write(`${error.message}\n\n${USAGE}`);
      process.exitCode = 2;
      return;
    }
    process.stderr.write(`${inWords(error)}\n`);
    process.exitCode = 1;
  },
);
