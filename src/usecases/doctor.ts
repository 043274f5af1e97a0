import { statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { verifyLedger } from '../domain/credits';
import { assertSecretsOpen } from '../domain/stores';
import { probeMailbox, probeSmtp } from '../gateways/email';
import { probeTwilio } from '../gateways/sms';
import { addSeconds, type Clock, iso, secondsBetween } from '../platform/clock';
import { type Db, migrationState } from '../platform/db';
import { damageIn, databaseTime } from '../platform/dialect';
import { limits } from '../platform/limits';
import { type MailboxAddress, mailboxName } from '../platform/mailbox-url';
import type { Vault } from '../platform/secrets';
import { inboxState, lastRuns, mailInState, newestTime, outboxState, shopsRead } from './doctor.query';

/** What the doctor examines: an installation as its environment describes it. */
export interface Patient {
  db: Db;
  /** Of SQLite; null: PostgreSQL. */
  databaseFile: string | null;
  freeBytes(folder: string): Promise<number>;
  clock: Clock;
  vault: Vault;
  /** As people reach it; null: only this machine does. */
  publicUrl: string | null;
  smtpUrl: string | null;
  mailbox: MailboxAddress | null;
  twilio: { accountSid: string; authToken: string; baseUrl: string | null } | null;
}

export interface Finding {
  check: string;
  /** warn: it works, and somebody should look · fail: it does not work, or not for long */
  status: 'ok' | 'warn' | 'fail';
  words: string;
  /** What to do about it. */
  advice: string | null;
}

type Result = Omit<Finding, 'check'>;

interface Check {
  name: string;
  run(patient: Patient): Promise<Result>;
  /** Says nothing of an installation to which it does not apply. */
  applies?(patient: Patient): boolean;
  /** The others that read the database are not even tried when this one fails. */
  gate?: boolean;
  /** Reads no database. */
  outside?: boolean;
  /** Reads all there is, so that it takes as long as it takes. */
  patient?: boolean;
}

const ok = (words: string): Result => ({ status: 'ok', words, advice: null });
const warn = (words: string, advice: string): Result => ({ status: 'warn', words, advice });
const fail = (words: string, advice: string): Result => ({ status: 'fail', words, advice });

/** In this order. A new part of Zeton adds its own line here. */
export const CHECKS: readonly Check[] = [
  { name: 'database', gate: true, patient: true, run: database },
  { name: 'migrations', gate: true, run: migrations },
  { name: 'secrets', run: secrets },
  { name: 'ledger', patient: true, run: ledger },
  { name: 'inbox', run: inbox },
  { name: 'mail-in', run: mailIn },
  { name: 'outbox', run: outbox },
  { name: 'schedules', run: schedules },
  { name: 'shops', run: shops },
  { name: 'clock', run: clock },
  { name: 'disk', outside: true, applies: ({ databaseFile }) => databaseFile !== null, run: disk },
  { name: 'mail', outside: true, run: mail },
  { name: 'mailbox', outside: true, applies: ({ mailbox }) => mailbox !== null, run: mailbox },
  { name: 'sms', outside: true, run: sms },
];

/**
 * Examine an installation, and say in plain words what is well and what is not. Sends nothing and changes nothing.
 * Shape:   Patient → one Finding for each check, in their order
 * Errors:  none; a check that cannot be made is a finding
 */
export async function examine(patient: Patient, checks = CHECKS): Promise<Finding[]> {
  const findings: Finding[] = [];
  let closed: string | null = null;
  for (const check of checks) {
    if (check.applies && !check.applies(patient)) continue;
    if (closed !== null && !check.outside) {
      findings.push({ check: check.name, ...warn('not looked at', `mend first: ${closed}`) });
      continue;
    }
    const result = await answerOf(check, patient);
    if (check.gate && result.status === 'fail') closed = check.name;
    findings.push({ check: check.name, ...result });
  }
  return findings;
}

async function answerOf(check: Check, patient: Patient): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Result>((done) => {
    if (check.patient) return;
    const words = `no answer in ${limits.doctorCheckMs / 1000} seconds`;
    timer = setTimeout(
      done,
      limits.doctorCheckMs,
      fail(words, 'see whether the machine or the database is overloaded'),
    );
  });
  try {
    return await Promise.race([check.run(patient), late]);
  } catch (error) {
    return fail(`could not be checked (${reasonOf(error)})`, 'see the log of the database for the reason');
  } finally {
    clearTimeout(timer);
  }
}

/** Without the error's own text: that can hold a query, an address, a password. */
function reasonOf(error: unknown): string {
  const { code, name } = error as { code?: unknown; name?: unknown };
  return typeof code === 'string' && /^\w{1,40}$/.test(code) ? code : String(name ?? 'error');
}

async function database({ db, databaseFile }: Patient): Promise<Result> {
  try {
    await db.raw('SELECT 1');
    const damage = await damageIn(db);
    if (damage !== null) {
      return fail(`the file is damaged (${damage})`, 'stop Zeton, and restore the newest backup');
    }
  } catch (error) {
    const advice =
      databaseFile === null
        ? 'see whether PostgreSQL runs, and whether DATABASE_URL names the right host, user, password and database'
        : 'see whether DATABASE_URL names the right file; a damaged one is replaced by the newest backup';
    return fail(`it cannot be used (${reasonOf(error)})`, advice);
  }
  return ok(databaseFile === null ? 'PostgreSQL answers' : 'the SQLite file is whole');
}

async function migrations({ db }: Patient): Promise<Result> {
  const { pending, unknown } = await migrationState(db);
  if (unknown.length > 0) {
    return fail(
      `the database is of a newer version of Zeton (${unknown.join(', ')})`,
      'run that version, or restore a backup made before it',
    );
  }
  return pending.length > 0
    ? fail(
        `missing: ${pending.length} of them, from ${pending[0] ?? ''} on`,
        'npm start of this version makes them; let it start once',
      )
    : ok('all are made');
}

async function secrets({ db, vault }: Patient): Promise<Result> {
  try {
    await assertSecretsOpen(db, vault);
    return ok('SECRET_KEY opens what is stored');
  } catch {
    return fail(
      'SECRET_KEY does not open the secrets that are stored',
      'set the key that this database had before; beside a SQLite file it is the file that ends in .key',
    );
  }
}

async function ledger({ db }: Patient): Promise<Result> {
  const { customers, entries, problems } = await verifyLedger(db);
  return problems.length === 0
    ? ok(`${entries} entries of ${customers} customers, every sum is right`)
    : fail(
        `${problems.length} things do not add up: ${problems[0] ?? ''}`,
        'npm run zeton -- ledger verify names all of them; change nothing by hand, and ask for help',
      );
}

async function inbox({ db, clock: { now } }: Patient): Promise<Result> {
  const { pending, failed, oldest } = await inboxState(db);
  const late = lateness(oldest, iso(now()));
  const waits = `${pending} deliveries wait, the oldest for ${inWords(late)}`;
  const start = 'is npm start running? its log says why deliveries are not processed';
  if (late >= limits.doctorLateMinutes * 60) return fail(waits, start);
  if (failed > 0) {
    return warn(
      `${failed} deliveries could not be processed`,
      'look at them under Deliveries in the admin pages, and process them again when the reason is gone',
    );
  }
  if (late >= limits.doctorSlowMinutes * 60) return warn(waits, start);
  return ok(pending === 0 ? 'nothing waits' : waits);
}

async function mailIn({ db, mailbox: address, clock: { now } }: Patient): Promise<Result> {
  const { pending, failed, oldest, problem } = await mailInState(db, {
    mailboxes: address === null ? [] : address.folders.map((folder) => mailboxName(address, folder)),
    since: iso(addSeconds(now(), -limits.doctorRecentHours * 3600)),
  });
  const late = lateness(oldest, iso(now()));
  const waits = `${pending} mails wait to be read, the oldest for ${inWords(late)}`;
  const start = 'is npm start running? its log says why mails are not read';
  if (late >= limits.doctorLateMinutes * 60) return fail(waits, start);
  if (problem !== null) {
    const seconds = lateness(problem.since, iso(now()));
    const words = `no mail is fetched since ${inWords(seconds)}: ${problem.words}`;
    const advice = 'see whether IMAP_URL is right; the mails stay in the mailbox until it can be read';
    return seconds >= limits.doctorLateMinutes * 60 ? fail(words, advice) : warn(words, advice);
  }
  if (failed > 0) {
    const words = `${failed} mails of the last ${limits.doctorRecentHours} hours could not be read`;
    return warn(words, 'the log says why; they are kept');
  }
  return ok(pending === 0 ? 'nothing waits' : waits);
}

async function outbox({ db, clock: { now } }: Patient): Promise<Result> {
  const at = now();
  const { waiting, oldest, uncertain, failed, gone } = await outboxState(
    db,
    iso(addSeconds(at, -limits.doctorRecentHours * 3600)),
  );
  const late = lateness(oldest, iso(at));
  const waits = `${waiting} messages wait, the oldest for ${inWords(late)}`;
  const start = 'is npm start running? its log and the messages themselves say why they do not go out';
  if (late >= limits.doctorLateMinutes * 60) return fail(waits, start);
  if (uncertain > 0) {
    return warn(
      `of ${uncertain} messages nobody knows whether they were sent, and their credits are on hold`,
      'open their tickets and say there whether they were sent',
    );
  }
  if (failed > 0) {
    return warn(
      `${failed} messages failed in the last ${limits.doctorRecentHours} hours, ${gone} went out`,
      'the tickets say why; many with one reason point to the mail server or Twilio',
    );
  }
  if (late >= limits.doctorSlowMinutes * 60) return warn(waits, start);
  return ok(waiting === 0 ? 'nothing waits' : waits);
}

/** Every schedule is hourly or more often. */
async function schedules({ db, clock: { now } }: Patient): Promise<Result> {
  const runs = await lastRuns(db);
  if (runs === null) return ok('not noted by this version');
  const start = 'is npm start running? its log says why jobs do not run';
  const ages = runs.map(({ job, takenAt }) => ({ job, seconds: lateness(takenAt, iso(now())) }));
  const told = ages.map(({ job, seconds }) => `${job} ${inWords(seconds)} ago`).join(', ');
  const newest = Math.min(...ages.map(({ seconds }) => seconds));
  if (runs.length === 0) return warn('no job has ever run', start);
  if (newest >= limits.doctorLateMinutes * 60) return fail(`no job has run for ${inWords(newest)}`, start);
  const still = ages.filter(({ seconds }) => seconds >= limits.doctorScheduleHours * 3600);
  return still.length > 0
    ? warn(`${still.map(({ job }) => job).join(' and ')} stands still: ${told}`, start)
    : ok(told);
}

async function clock({ db, databaseFile, clock: { now } }: Patient): Promise<Result> {
  const set = 'set the clock of this machine, and let it be kept right (NTP)';
  const before = now().getTime();
  const theirs = await databaseTime(db);
  const middle = (before + now().getTime()) / 2;
  if (theirs !== null) {
    const apart = Math.abs(theirs.getTime() - middle) / 1000;
    const words = `this machine and the database are ${Math.round(apart)} seconds apart`;
    if (apart >= limits.doctorClockFailSeconds) return fail(words, `${set}, and that of the database`);
    if (apart >= limits.doctorClockWarnSeconds) return warn(words, `${set}, and that of the database`);
  }
  const at = iso(now());
  const newest = [await newestTime(db), databaseFile === null ? null : writtenAt(databaseFile)]
    .filter((time) => time !== null)
    .sort()
    .at(-1);
  const ahead = newest === undefined ? 0 : secondsBetween(at, newest);
  if (ahead >= limits.doctorClockFailSeconds) {
    return fail(
      `the newest entry is ${inWords(ahead)} in the future: the clock was set back, or was ahead`,
      `${set}; until it has caught up, what is new can sort before what is old`,
    );
  }
  return ok(theirs === null ? 'not behind what was written last' : 'as that of the database');
}

/** When the file was written to last, by the clock of that moment. */
function writtenAt(file: string): string | null {
  const times = [file, `${file}-wal`].flatMap((name) => {
    const found = statSync(name, { throwIfNoEntry: false });
    return found ? [found.mtime.toISOString()] : [];
  });
  return times.sort().at(-1) ?? null;
}

async function disk({ databaseFile, freeBytes }: Patient): Promise<Result> {
  const folder = dirname(resolve(databaseFile ?? '.'));
  const free = await freeBytes(folder);
  const words = `${Math.floor(free / 1024 ** 2)} MiB free beside the database`;
  const advice = 'make room; without it nothing can be received or sent';
  if (free < limits.doctorDiskFailBytes) return fail(words, advice);
  return free < limits.doctorDiskWarnBytes ? warn(words, advice) : ok(words);
}

async function mail({ smtpUrl, publicUrl }: Patient): Promise<Result> {
  if (smtpUrl === null) return sandbox(publicUrl, 'mail', 'SMTP_URL');
  const problem = await probeSmtp({ url: smtpUrl, answerMs: limits.doctorProviderMs });
  return problem === null
    ? ok('the mail server accepts our sign-in')
    : fail(problem, 'see whether SMTP_URL is right, and whether the mail server can be reached from here');
}

async function mailbox({ mailbox: address }: Patient): Promise<Result> {
  const problem = address && (await probeMailbox(address, limits.doctorProviderMs));
  return problem === null
    ? ok('it can be opened')
    : fail(problem, 'see whether IMAP_URL is right, and whether the mail server can be reached from here');
}

async function sms({ twilio, publicUrl }: Patient): Promise<Result> {
  if (twilio === null) return sandbox(publicUrl, 'SMS', 'TWILIO_ACCOUNT_SID');
  const problem = await probeTwilio({ ...twilio, answerMs: limits.doctorProviderMs });
  return problem === null
    ? ok('Twilio accepts our sign-in, and the account is active')
    : fail(
        problem,
        'see whether TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN are right, and the account at Twilio',
      );
}

/** Right for trying out; behind a public address somebody believes that messages arrive. */
function sandbox(publicUrl: string | null, what: string, variable: string): Result {
  const words = `sandbox: ${what} stays on this machine`;
  return publicUrl?.startsWith('https:')
    ? warn(words, `set ${variable}, so that customers get it`)
    : ok(words);
}

async function shops({ db, clock }: Patient): Promise<Result> {
  const now = iso(clock.now());
  const all = await shopsRead(db);
  if (all.length === 0) return ok('no shop has REST keys: what webhooks lose is not found');
  const advice = 'see /admin/stores/SLUG/reading, and whether the shop answers';
  const late = all
    .map((shop) => ({ ...shop, seconds: lateness(shop.since, now) }))
    .filter(({ seconds }) => seconds >= limits.doctorLateMinutes * 60)
    .sort((a, b) => b.seconds - a.seconds);
  const [worst] = late;
  if (worst) {
    const ago = worst.readAt === null ? 'was never read' : `was last read ${inWords(worst.seconds)} ago`;
    const words = `${late.length} of ${all.length} shops not read lately; ${worst.slug} ${ago}: ${worst.problem ?? 'no reason is known'}`;
    return worst.seconds >= limits.doctorShopHours * 3600 ? fail(words, advice) : warn(words, advice);
  }
  const parked = all.reduce((sum, shop) => sum + shop.parked, 0);
  if (parked > 0) return warn(`${parked} orders were read and could not be taken in`, advice);
  return ok(`${all.length} read in the last ${limits.doctorLateMinutes} minutes`);
}

function lateness(since: string | null, now: string): number {
  return since === null ? 0 : Math.max(0, secondsBetween(since, now));
}

function inWords(seconds: number): string {
  for (const [unit, size] of [
    ['day', 86_400],
    ['hour', 3600],
    ['minute', 60],
  ] as const) {
    const count = Math.floor(seconds / size);
    if (count >= 1) return `${count} ${unit}${count === 1 ? '' : 's'}`;
  }
  return `${Math.floor(seconds)} second${Math.floor(seconds) === 1 ? '' : 's'}`;
}
