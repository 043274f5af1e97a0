import { setTimeout as pause } from 'node:timers/promises';
import {
  type Hold,
  leaveInFolder,
  type Mailbox,
  mailboxLeaseUntil,
  noteProblem,
  noteRead,
  releaseMailbox,
  renewMailbox,
  takeMailbox,
} from '../domain/mailboxes';
import { type MailboxGateway, MailboxProblem, MailboxTooLarge, type MailFolder } from '../gateways/email';
import { textsIn } from '../locales';
import { systemActor } from '../platform/actor';
import { withTransaction } from '../platform/db';
import { isOutage, outageInWords } from '../platform/dialect';
import { limits, mailboxPauseSeconds } from '../platform/limits';
import { type Context, momentOf } from './context';
import { keepMail, withoutBody } from './keep-mail';

/**
 * Read the mailboxes of IMAP_URL until told to stop: each folder by one process at a time, again after each failure.
 * A mail is moved away only after it was committed here, so none is lost; one that comes again is the same one.
 * Errors:  none; problems stand in the log and beside the mailbox
 */
export async function fetchMail(ctx: Context, signal: AbortSignal): Promise<void> {
  const { mailbox } = ctx.gateways;
  await Promise.all((mailbox?.folders ?? []).map((folder) => keepReading(ctx, mailbox, folder, signal)));
}

/** What is known of a folder as long as this process lives. */
interface Known {
  uidValidity: string | null;
  /** Committed here, and not moved yet. */
  kept: Set<number>;
  /** How often each was begun to be read. */
  begun: Map<number, number>;
  tooLarge: Set<number>;
  failures: number;
}

async function keepReading(
  ctx: Context,
  gateway: MailboxGateway | null,
  folder: string,
  signal: AbortSignal,
): Promise<void> {
  if (!gateway) return;
  const known = newKnown();
  const hold: Hold = { name: gateway.name(folder), owner: ctx.ids.next() };
  while (!signal.aborted) {
    let seconds: number = limits.mailboxLeaseSeconds / 2;
    try {
      await holdAndRead(ctx, gateway, { folder, hold, known }, signal);
    } catch (error) {
      known.failures += 1;
      const passing = error instanceof MailboxProblem ? error.passing : true;
      seconds = mailboxPauseSeconds(known.failures, passing, ctx.chance());
      report(ctx, error, {
        mailbox: folder,
        failures: known.failures,
        again_in_seconds: Math.round(seconds),
      });
    }
    await pause(seconds * 1000, undefined, { signal }).catch(() => undefined);
  }
}

function newKnown(): Known {
  return { uidValidity: null, kept: new Set(), begun: new Map(), tooLarge: new Set(), failures: 0 };
}

function report(
  ctx: Context,
  error: unknown,
  facts: { mailbox: string; failures: number; again_in_seconds: number },
): void {
  if (error instanceof MailboxProblem) {
    // The failures after the first are the same one.
    const level = !error.passing && facts.failures === 1 ? 'error' : 'warn';
    ctx.log[level](facts, `the mailbox cannot be read: ${error.words}`);
  } else if (isOutage(error)) {
    ctx.log.warn({ err: error, ...facts }, `no mail is fetched: ${outageInWords(error)}`);
  } else {
    ctx.log.error({ err: error, ...facts }, 'no mail is fetched');
  }
}

interface Reading {
  folder: string;
  hold: Hold;
  known: Known;
}

/** Comes back when another process has the mailbox, or it is time to stop. */
async function holdAndRead(
  ctx: Context,
  gateway: MailboxGateway,
  reading: Reading,
  signal: AbortSignal,
): Promise<void> {
  const { hold, folder } = reading;
  const mailbox = await withTransaction(ctx.db, (trx) => takeMailbox(trx, momentOf(ctx, systemActor), hold));
  if (!mailbox) return;
  const lost = new AbortController();
  const timer = setInterval(() => {
    const leaseUntil = mailboxLeaseUntil(momentOf(ctx, systemActor).at);
    renewMailbox(ctx.db, { ...hold, leaseUntil }).then(
      (mine) => mine || lost.abort(),
      // Then it runs out; whoever takes over reads the same mails, and keeps none twice.
      (error: unknown) => ctx.log.warn({ err: error }, 'a lease was not renewed'),
    );
  }, limits.mailboxRenewMs);
  let opened: MailFolder | null = null;
  try {
    opened = await gateway.open(folder);
    await readOn(ctx, opened, { ...reading, mailbox }, AbortSignal.any([signal, lost.signal]));
  } catch (error) {
    const words = error instanceof MailboxProblem ? error.words : 'what was fetched could not be kept';
    await noteProblem(ctx.db, momentOf(ctx, systemActor), hold, mailbox, words).catch(() => undefined);
    throw error;
  } finally {
    clearInterval(timer);
    await opened?.close();
    await releaseMailbox(ctx.db, hold).catch(() => undefined);
  }
}

async function readOn(
  ctx: Context,
  folder: MailFolder,
  { hold, known, mailbox, folder: name }: Reading & { mailbox: Mailbox },
  signal: AbortSignal,
): Promise<void> {
  if (known.uidValidity !== folder.uidValidity) {
    Object.assign(known, newKnown(), { uidValidity: folder.uidValidity, failures: known.failures });
  }
  const left = new Set(mailbox.uidValidity === folder.uidValidity ? mailbox.leftUids : []);
  while (!signal.aborted) {
    await readToEnd(ctx, folder, { hold, known, left, name }, signal);
    if (signal.aborted) return;
    await noteRead(ctx.db, momentOf(ctx, systemActor), hold);
    known.failures = 0;
    await folder.news(signal);
  }
}

/** All that are in the folder now, one after the other: memory holds one mail, however many wait. */
async function readToEnd(
  ctx: Context,
  folder: MailFolder,
  { hold, known, left, name }: { hold: Hold; known: Known; left: Set<number>; name: string },
  signal: AbortSignal,
): Promise<void> {
  const listed = await folder.list();
  const waiting = listed.filter(({ uid }) => !left.has(uid));
  const leave = async (uid: number) => {
    left.add(uid);
    // Only of those that are still there, so that the list does not grow for ever.
    const leftUids = listed.map((mail) => mail.uid).filter((one) => left.has(one));
    await leaveInFolder(ctx.db, hold, { uidValidity: folder.uidValidity, leftUids });
    await folder.flag(uid);
  };
  let fetched = 0;
  for (const { uid, sizeBytes } of waiting) {
    if (signal.aborted) return;
    if (!known.kept.has(uid)) {
      const outcome = await keepOne(ctx, folder, known, { uid, sizeBytes });
      if (outcome === 'leave') await leave(uid);
      if (outcome !== 'kept') continue;
    }
    if (await folder.putAway(uid)) known.kept.delete(uid);
    else ctx.log.warn({ mailbox: name, uid }, 'a mail was kept, and could not be moved out of the mailbox');
    fetched += 1;
    if (fetched % limits.mailboxProgressEvery === 0) {
      ctx.log.info({ mailbox: name, fetched, waiting: waiting.length - fetched }, 'mails are being fetched');
    }
  }
  if (fetched > 0) ctx.log.info({ mailbox: name, fetched }, 'mails were fetched');
}

async function keepOne(
  ctx: Context,
  folder: MailFolder,
  known: Known,
  { uid, sizeBytes }: { uid: number; sizeBytes: number },
): Promise<'kept' | 'leave' | 'later'> {
  const begun = known.begun.get(uid) ?? 0;
  if (begun >= limits.mailboxReadAttempts) {
    ctx.log.error({ uid }, 'a mail cannot be fetched, and stays in the mailbox, flagged: look at it there');
    return 'leave';
  }
  known.begun.set(uid, begun + 1);
  const isTooLarge = sizeBytes > limits.mailBytes || known.tooLarge.has(uid);
  const raw = isTooLarge ? await readHead(folder, uid, sizeBytes) : await readWhole(folder, known, uid);
  if (raw === null) return 'later';
  await keepMail(ctx, { way: 'imap', raw, ...(isTooLarge ? { sizeBytes } : {}) });
  known.begun.delete(uid);
  if (isTooLarge) return 'leave';
  known.kept.add(uid);
  return 'kept';
}

async function readWhole(folder: MailFolder, known: Known, uid: number): Promise<Buffer | null> {
  try {
    return await folder.read(uid);
  } catch (error) {
    // Its connection is gone; over the next one only its head is asked for.
    if (error instanceof MailboxTooLarge) known.tooLarge.add(uid);
    throw error;
  }
}

async function readHead(folder: MailFolder, uid: number, sizeBytes: number): Promise<Buffer | null> {
  const head = await folder.readHead(uid);
  const megabytes = (bytes: number) => Math.ceil(bytes / 1024 ** 2);
  const facts = { size: megabytes(sizeBytes), limit: megabytes(limits.mailBytes) };
  return head && withoutBody(head, textsIn('en')('mail_in.too_large', facts));
}
