import { lockArrival, saveArrival } from '../domain/arrivals';
import { planAttachments } from '../domain/attachments';
import { readClaimedMail } from '../domain/inbound-mail';
import { findMessage } from '../domain/messages';
import { listStores } from '../domain/stores';
import { type InboundMail, readMail } from '../gateways/email';
import { systemActor } from '../platform/actor';
import { iso } from '../platform/clock';
import { type Trx, withTransaction } from '../platform/db';
import { isId } from '../platform/ids';
import { assert } from '../platform/refusal';
import { type Context, momentOf } from './context';
import { idInMessageId } from './inbound-mail.query';
import type { Arrival, Ending } from './mail-arrival';
import { takeInBounce } from './take-in-bounce';
import { takeInTurn } from './take-in-turn';
import { isSenderStorm, takeInWord } from './take-in-word';

/**
 * Take in the mails that came: a person's becomes a message of the ticket that it answers, of a follow-up, or of a new
 * ticket, unpaid where nothing was bought; what programs wrote is told apart, and answered by nobody. Nothing that comes
 * in spends a credit; what came back gives one back.
 * Shape:   { limit } → how many were handled
 * Errors:  see takeInTurn
 * Writes:  inbound_mails, messages, message_mails, attachments, bounced_messages, tickets, ticket_events, customers, the
 *          credit tables
 * Repeat:  one message a mail, whoever works and however often; of each sender in the order in which they came
 * Source:  DESIGN §3 "Someone writes who has not paid", §4, §8
 */
export function receiveMails(ctx: Context, { limit }: { limit: number }): Promise<number> {
  // One after the other: each is in memory as a whole.
  return takeInTurn(ctx, { way: 'mail', limit }, async (claim) => {
    const arrival = await readArrival(ctx, claim);
    if (!arrival) return;
    await withTransaction(ctx.db, async (trx) => {
      // Reading took its time: another worker may have it by now.
      if (!(await lockArrival(trx, 'mail', claim))) return;
      const ending = await takeInOnce(trx, ctx, arrival);
      const end = { class: arrival.mail.class, finishedAt: iso(ctx.clock.now()) };
      await saveArrival(trx, 'mail', claim, { reason: null, ...ending, ...end });
    });
  });
}

/** Read outside of any transaction: it takes up to a second. Null: the lease is another's by now. */
async function readArrival(ctx: Context, claim: { id: string; owner: string }): Promise<Arrival | null> {
  const held = await readClaimedMail(ctx.db, claim);
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
      return {
        status: 'ignored',
        reason: `One of our own mails that came back (${why}).`,
        storm: await isSenderStorm(trx, arrival),
      };
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
