import {
  type Claim,
  claimRows,
  giveUpAsUncertain,
  postpone,
  providerIdsTaken,
  SENDING_CHANNELS,
  type SendingChannel,
} from '../domain/messages';
import { recordTicketEvent } from '../domain/tickets';
import type { EmailOutcome } from '../gateways/email/gateway';
import type { SmsOutcome } from '../gateways/sms/gateway';
import { systemActor } from '../platform/actor';
import { addSeconds, iso } from '../platform/clock';
import { withTransaction } from '../platform/db';
import { backoffSeconds, limits } from '../platform/limits';
import { assert } from '../platform/refusal';
import { type Context, momentOf } from './context';
import { type StoreOfTicket, storesOfTickets } from './messaging.query';
import { settleMessageIn } from './settle-message';

/** A look-up and a sending that both hang still end before another worker may take the row over. */
const CALL_TIMEOUT_MS = (limits.leaseSeconds * 1000) / 3;

type Attempt =
  | EmailOutcome
  | SmsOutcome
  /** Nobody knows now; asking again later may tell. */
  | { kind: 'unknown'; reason: string }
  /** Nobody knows, and nobody can be asked. */
  | { kind: 'uncertain'; reason: string };

/**
 * Send what waits in the outbox: the worker's one step. Any number of processes may do it at the same time.
 * claim (commit) → provider → capture, release, or try again (commit); no network inside a transaction.
 * Shape:   { limit } → how many messages were taken up
 * Units:   limit counts messages of each channel
 * Writes:  outbox, messages, ticket_events, the credit tables
 * Repeat:  each message is claimed by one worker; a crash at any point is taken up when the lease is over
 * Source:  DESIGN §2.5-6, §7
 */
export async function deliverMessages(ctx: Context, { limit }: { limit: number }): Promise<number> {
  const taken = await Promise.all(SENDING_CHANNELS.map((channel) => deliverChannel(ctx, channel, limit)));
  return taken.reduce((sum, count) => sum + count, 0);
}

/** All claimed messages at once: they are of different tickets, since each ticket's wait for the one before. */
async function deliverChannel(ctx: Context, channel: SendingChannel, limit: number): Promise<number> {
  const owner = ctx.ids.next();
  const now = ctx.clock.now();
  const leaseUntil = iso(addSeconds(now, limits.leaseSeconds));
  const claims = await withTransaction(ctx.db, (trx) =>
    claimRows(trx, { channel, owner, now: iso(now), leaseUntil, limit }),
  );
  if (claims.length === 0) return 0;
  const stores = await storesOfTickets(
    ctx.db,
    claims.map((claim) => claim.message.ticketId),
  );
  await Promise.all(
    claims.map(async (claim) => {
      const store = stores.get(claim.message.ticketId);
      assert(store, 'every ticket has a store');
      try {
        await conclude(ctx, owner, claim, await attempt(ctx, claim, store));
      } catch (error) {
        // The row stays as an attempt with an unknown outcome, and is taken up again when its lease is over.
        ctx.log.warn({ err: error, message_id: claim.message.id }, 'outcome of a message was not kept');
      }
    }),
  );
  return claims.length;
}

async function attempt(ctx: Context, claim: Claim, store: StoreOfTicket): Promise<Attempt> {
  if (claim.unknownSince !== null) {
    const known = claim.channel === 'sms' ? await lookUp(ctx, claim, claim.unknownSince) : null;
    if (known) return known;
    if (claim.attempt > limits.outboxAttempts) {
      // An SMS was looked for and not found; a mail that ends its worker every time cannot be asked for.
      return claim.channel === 'sms'
        ? { kind: 'temporary', reason: 'given up' }
        : { kind: 'uncertain', reason: 'every attempt was cut off' };
    }
  }
  try {
    return await within(CALL_TIMEOUT_MS, send(ctx, claim, store));
  } catch (error) {
    const reason = `no answer from the provider (${nameOf(error)})`;
    // A mail is simply sent again: it carries the same Message-ID. An SMS would arrive, and be paid, twice.
    if (claim.channel === 'email') return { kind: 'temporary', reason };
    return ctx.gateways.sms.findSent ? { kind: 'unknown', reason } : { kind: 'uncertain', reason };
  }
}

function send(
  ctx: Context,
  { message, channel }: Claim,
  store: StoreOfTicket,
): Promise<EmailOutcome | SmsOutcome> {
  assert(message.to !== null, 'what is queued has a recipient');
  const common = {
    id: message.id,
    to: message.to,
    store,
    text: message.body,
    kind: message.kind === 'reply' ? ('reply' as const) : ('system' as const),
    ticketId: message.ticketId,
  };
  if (channel === 'sms') return ctx.gateways.sms.send(common);
  const messageId = `<${message.id}@${new URL(ctx.publicUrl).hostname}>`;
  return ctx.gateways.email.send({ ...common, messageId, subject: message.subject ?? '' });
}

/** Did the provider take an SMS whose request was cut off? Null: certainly not, so it can be sent. */
async function lookUp(ctx: Context, { message }: Claim, since: string): Promise<Attempt | null> {
  const { sms } = ctx.gateways;
  if (!sms.findSent) return { kind: 'uncertain', reason: 'the provider cannot be asked' };
  assert(message.to !== null, 'what is queued has a recipient');
  const question = { id: message.id, to: message.to, text: message.body, since };
  try {
    const answer = await within(CALL_TIMEOUT_MS, sms.findSent(question));
    if (answer.kind === 'unknown') return { kind: 'uncertain', reason: 'the provider cannot tell' };
    const { providerIds } = answer;
    const taken = await providerIdsTaken(ctx.db, { messageId: message.id, providerIds });
    const [found, ...more] = providerIds.filter((id) => !taken.has(id));
    if (more.length > 0) return { kind: 'uncertain', reason: 'the provider has several such messages' };
    return found === undefined ? null : { kind: 'accepted', providerId: found };
  } catch (error) {
    return { kind: 'unknown', reason: `no answer to the look-up (${nameOf(error)})` };
  }
}

/** After the last attempt an unknown outcome is asked for once more, so that only what cannot be told is uncertain. */
async function conclude(ctx: Context, owner: string, claim: Claim, outcome: Attempt): Promise<void> {
  const messageId = claim.message.id;
  const again = outcome.kind === 'unknown' ? limits.outboxAttempts : limits.outboxAttempts - 1;
  const moment = momentOf(ctx, systemActor);
  await withTransaction(ctx.db, async (trx) => {
    switch (outcome.kind) {
      case 'accepted':
        // True whoever holds the lease by now.
        await settleMessageIn(trx, moment, { messageId, outcome: 'sent', providerId: outcome.providerId });
        return;
      case 'rejected':
        await settleMessageIn(trx, moment, { messageId, outcome: 'failed', reason: outcome.reason, owner });
        return;
      case 'temporary':
      case 'unknown':
        if (claim.attempt <= again) {
          const outcomeKnown = outcome.kind === 'temporary';
          const wait = outcomeKnown ? 0 : limits.unknownOutcomeWaitSeconds;
          const nextAttemptAt = iso(
            addSeconds(ctx.clock.now(), Math.max(wait, backoffSeconds(claim.attempt))),
          );
          await postpone(trx, { messageId, owner, nextAttemptAt, outcomeKnown, failure: outcome.reason });
          return;
        }
        if (outcome.kind === 'temporary') {
          const reason = `${outcome.reason} (after ${claim.attempt} attempts)`;
          await settleMessageIn(trx, moment, { messageId, outcome: 'failed', reason, owner });
          return;
        }
        break;
      case 'uncertain':
        break;
    }
    const left = await giveUpAsUncertain(trx, { messageId, owner, failure: outcome.reason });
    if (!left) return;
    await recordTicketEvent(trx, moment, {
      ticketId: claim.message.ticketId,
      type: 'message.uncertain',
      facts: { message_id: messageId, channel: claim.channel, reason: outcome.reason },
    });
  });
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('timeout')), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** What kind of error, without its text: that can carry addresses and bodies. */
function nameOf(error: unknown): string {
  if (!(error instanceof Error)) return 'error';
  return 'code' in error ? String(error.code) : error.name;
}
