import { planAttachments } from '../domain/attachments';
import { recordAudit } from '../domain/audit';
import {
  claimInboundMail,
  lockInboundMail,
  reopenInboundMail,
  saveInboundMail,
} from '../domain/inbound-mail';
import { findMessage } from '../domain/messages';
import { listStores } from '../domain/stores';
import { type InboundMail, readMail } from '../gateways/email';
import { type Actor, systemActor } from '../platform/actor';
import { addSeconds, iso } from '../platform/clock';
import { type Trx, withTransaction } from '../platform/db';
import { isOutage } from '../platform/dialect';
import { isId } from '../platform/ids';
import { backoffSeconds, limits } from '../platform/limits';
import { assert } from '../platform/refusal';
import { type Context, momentOf } from './context';
import { idInMessageId } from './inbound-mail.query';
import type { Arrival, Ending } from './mail-arrival';
import { takeInBounce } from './take-in-bounce';
import { takeInWord } from './take-in-word';

/**
 * Take in the mails that came: a person's becomes a message of the ticket that it answers, of a follow-up, or of a new
 * ticket, unpaid where nothing was bought; what programs wrote is told apart, and answered by nobody. Nothing that comes
 * in spends a credit; what came back gives one back.
 * Shape:   { limit } → how many were handled
 * Errors:  none: one that cannot be taken in is tried again with back-off, then parked as failed
 * Writes:  inbound_mails, messages, message_mails, attachments, bounced_messages, tickets, ticket_events, customers, the
 *          credit tables
 * Repeat:  one message a mail, whoever works and however often; of each sender in the order in which they came
 * Source:  DESIGN §3 "Someone writes who has not paid", §4, §8
 */
export async function receiveMails(ctx: Context, { limit }: { limit: number }): Promise<number> {
  const owner = ctx.ids.next();
  const now = ctx.clock.now();
  const leaseUntil = iso(addSeconds(now, limits.leaseSeconds));
  const claimed = await withTransaction(ctx.db, (trx) =>
    claimInboundMail(trx, { owner, now: iso(now), leaseUntil, limit }),
  );
  // One after the other: each is in memory as a whole.
  for (const one of claimed) await takeIn(ctx, owner, one);
  return claimed.length;
}

/** One that was given up: tried again, or put aside. False: it is not one of those. */
export async function reopenMail(
  ctx: Context,
  actor: Actor,
  { id, to }: { id: string; to: 'pending' | 'ignored' },
): Promise<boolean> {
  const moment = momentOf(ctx, actor);
  const changed = await withTransaction(ctx.db, async (trx) => {
    if (!(await reopenInboundMail(trx, { id, to, now: moment.at }))) return false;
    const action = to === 'pending' ? 'mail.retried' : 'mail.put_aside';
    await recordAudit(trx, moment, { action, subject: { kind: 'inbound_mail', id } });
    return true;
  });
  if (changed) ctx.wake('mail.in');
  return changed;
}

async function takeIn(
  ctx: Context,
  owner: string,
  { id, attempts }: { id: string; attempts: number },
): Promise<void> {
  try {
    // Every attempt that ends otherwise says how it ended.
    assert(attempts <= limits.inboxAttempts, 'a mail does not end its process each time that it is tried');
    const arrival = await readArrival(ctx, owner, id);
    if (!arrival) return;
    await withTransaction(ctx.db, async (trx) => {
      // Reading took its time: another worker may have it by now.
      const held = await lockInboundMail(trx, id, owner);
      if (!held) return;
      const ending = await takeInOnce(trx, ctx, arrival);
      await saveInboundMail(
        trx,
        { id, owner },
        { reason: null, ...ending, class: arrival.mail.class, finishedAt: iso(ctx.clock.now()) },
      );
    });
  } catch (error) {
    const isLast = attempts >= limits.inboxAttempts && !isOutage(error);
    const reason = error instanceof Error ? error.message : 'error';
    const nextAttemptAt = iso(addSeconds(ctx.clock.now(), backoffSeconds(attempts, ctx.chance())));
    await saveInboundMail(
      ctx.db,
      { id, owner },
      isLast
        ? { status: 'failed', reason, finishedAt: iso(ctx.clock.now()) }
        : { nextAttemptAt, reason: 'will be tried again' },
    ).catch(() => undefined);
    const line = isLast ? 'a mail could not be taken in' : 'a mail will be tried again';
    ctx.log[isLast ? 'error' : 'warn']({ err: error, inbound_mail_id: id }, line);
  }
}

/** Read outside of any transaction: it takes up to a second. Null: the lease is another's by now. */
async function readArrival(ctx: Context, owner: string, id: string): Promise<Arrival | null> {
  const held = await withTransaction(ctx.db, (trx) => lockInboundMail(trx, id, owner));
  if (!held) return null;
  const { raw, ...row } = held;
  assert(raw, 'a mail that waits is kept as it came');
  const { envelopeFrom, envelopeTo } = row;
  const mail = await readMail(raw, {
    ownDomains: await ownDomains(ctx),
    ...(envelopeFrom === null ? {} : { envelope: { from: envelopeFrom, to: envelopeTo } }),
  });
  return { row, mail, files: await planAttachments(ctx.files, mail.attachments) };
}

/** Where our own Message-IDs, and the mails of our own lists, are from. */
async function ownDomains(ctx: Context): Promise<string[]> {
  const stores = await listStores(ctx.db);
  const addresses = [ctx.mailAddress, ...stores.flatMap(({ mailAddress }) => mailAddress ?? [])];
  const domains = addresses.map((address) => address.slice(address.lastIndexOf('@') + 1));
  return [...new Set([new URL(ctx.publicUrl).hostname, ...domains])];
}

async function takeInOnce(trx: Trx, ctx: Context, arrival: Arrival): Promise<Ending> {
  const { mail } = arrival;
  const moment = momentOf(ctx, systemActor);
  const why = mail.reasons.join('; ');
  switch (mail.class) {
    case 'own':
      // Phones, too, make Message-IDs of that form, under the domain of their owner's address.
      if (!(await isOurs(trx, mail))) return takeInWord(trx, ctx, moment, arrival);
      return { status: 'ignored', reason: `One of our own mails that came back (${why}).` };
    case 'list':
      return { status: 'ignored', reason: `Mail of a list or a newsletter (${why}).` };
    case 'bounce':
    case 'delayed':
      return takeInBounce(trx, ctx, moment, arrival);
    case 'unreadable':
      if (mail.from.address === null) return { status: 'failed', reason: `It cannot be read (${why}).` };
      return takeInWord(trx, ctx, moment, arrival);
    default:
      return takeInWord(trx, ctx, moment, arrival);
  }
}

async function isOurs(trx: Trx, mail: InboundMail): Promise<boolean> {
  const claimed = [mail.zetonMessage ?? '', idInMessageId(mail.messageId ?? '') ?? ''].filter(isId);
  for (const id of claimed) if ((await findMessage(trx, id))?.direction === 'out') return true;
  return false;
}
