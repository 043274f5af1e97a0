import {
  type Claim,
  claimRows,
  giveUpAsUncertain,
  NOTICE_DROPPED,
  postpone,
  providerIdsTaken,
  type SendingChannel,
  settle,
} from '../domain/messages';
import { findOptOut, OPTED_OUT_CODE, type Report } from '../domain/sms';
import { isGoneForGood } from '../domain/suppressions';
import { recordTicketEvent } from '../domain/tickets';
import type { EmailOutcome } from '../gateways/email/gateway';
import type { SmsOutcome } from '../gateways/sms/gateway';
import { systemActor } from '../platform/actor';
import { addSeconds, iso, secondsBetween } from '../platform/clock';
import { withTransaction } from '../platform/db';
import { backoffSeconds, limits } from '../platform/limits';
import { assert } from '../platform/refusal';
import { type Context, momentOf } from './context';
import { type SendingTicket, sendingTickets } from './messaging.query';
import { outgoingMail } from './outgoing-mail';
import { settleMessageIn } from './settle-message';
import { keepOptOut, keepSmsReport } from './settle-sms';
import { smsFailureInWords } from './sms-words';
import { suppressionOf, suppressRecipient } from './suppress-address';

/** A look-up and a sending that both hang still end before another worker may take the row over. */
const CALL_TIMEOUT_MS = (limits.leaseSeconds * 1000) / 3;

const NOTHING_REPORTED: Report = {
  status: null,
  segments: null,
  priceMicros: null,
  currency: null,
  errorCode: null,
};

type Attempt =
  | EmailOutcome
  | SmsOutcome
  /** Nobody knows now; asking again later may tell. */
  | { kind: 'unknown'; reason: string }
  /** Nobody knows, and nobody can be asked. */
  | { kind: 'uncertain'; reason: string }
  /** The provider was not called: there was not enough left of the lease. */
  | { kind: 'late' }
  /** Nor here: the recipient wants none, or none arrives there. */
  | { kind: 'unwanted'; reason: string }
  /** Nor here: what it should carry is gone. */
  | { kind: 'incomplete'; reason: string };

/** What an attempt came to. `inDoubt`: by this attempt or an earlier one it may have been sent. */
type Result = Attempt & { inDoubt: boolean };

/**
 * Take up what waits in the outbox of one channel: the worker's one step. Any number of processes may do it at once.
 * claim (commit) → provider → capture, release, or try again (commit); no network inside a transaction.
 * Does not wait for the provider: a slow message keeps its place in the lane, and no other message waits for it.
 * Shape:   { channel, limit } → how many were taken up, and when all of them have come to something
 * Units:   limit counts messages
 * Writes:  outbox, messages, ticket_events, the credit tables
 * Repeat:  each message is claimed by one worker; a crash at any point is taken up when the lease is over
 * Source:  DESIGN §2.5-6, §7
 */
export async function deliverMessages(
  ctx: Context,
  { channel, limit }: { channel: SendingChannel; limit: number },
): Promise<{ taken: number; done: Promise<void> }> {
  const { width, circuit, pace, underWay } = ctx.lanes[channel];
  const now = ctx.clock.now();
  const wanted = Math.min(limit, width - underWay.size, pace?.room(now) ?? limit);
  const room = circuit.room(now, { wanted, underWay: underWay.size });
  if (room <= 0) return { taken: 0, done: Promise.resolve() };
  const owner = ctx.ids.next();
  const leaseUntil = addSeconds(now, limits.leaseSeconds);
  const claims = await withTransaction(ctx.db, (trx) =>
    claimRows(trx, { channel, owner, now: iso(now), leaseUntil: iso(leaseUntil), limit: room }),
  );
  if (claims.length === 0) return { taken: 0, done: Promise.resolve() };
  pace?.went(now, claims.length);
  const tickets = await sendingTickets(
    ctx.db,
    claims.map((claim) => claim.message.ticketId),
  );
  // Of different tickets, since each ticket's message waits for the one before: in any order, at once.
  const sendings = claims.map(async (claim) => {
    const sending = deliver(ctx, { ...claim, owner, leaseUntil }, tickets.get(claim.message.ticketId));
    underWay.add(sending);
    await sending;
    underWay.delete(sending);
    // The ticket's next message may go, and there is room for others. Not at each: taking up several costs no more.
    if (underWay.size <= width / 2) ctx.wake(`outbox.${channel}`);
  });
  return { taken: claims.length, done: Promise.all(sendings).then(() => undefined) };
}

interface Taken extends Claim {
  owner: string;
  leaseUntil: Date;
}

/** Never throws: one message's trouble is no other's. */
async function deliver(ctx: Context, taken: Taken, ticket: SendingTicket | undefined): Promise<void> {
  try {
    assert(ticket, 'every message has a ticket');
    const result = await attempt(ctx, taken, ticket);
    tellCircuit(ctx, taken.channel, result);
    await conclude(ctx, taken, ticket, result);
  } catch (error) {
    // The row stays as an attempt with an unknown outcome, and is taken up again when its lease is over.
    ctx.log.warn({ err: error, message_id: taken.message.id }, 'outcome of a message was not kept');
  }
}

function tellCircuit(ctx: Context, channel: SendingChannel, result: Result): void {
  const { circuit } = ctx.lanes[channel];
  if (['late', 'uncertain', 'unwanted', 'incomplete'].includes(result.kind)) return;
  if (result.kind !== 'unavailable' && result.kind !== 'unknown') {
    if (circuit.answered() === 'closed') ctx.log.info({ channel }, 'the provider answers again');
    return;
  }
  const { reason } = result;
  const retryAfterSeconds = 'retryAfterSeconds' in result ? result.retryAfterSeconds : undefined;
  const news = circuit.failed(ctx.clock.now(), ctx.chance(), retryAfterSeconds);
  if (news === 'opened') ctx.log.warn({ channel, reason }, 'the provider is left in peace for a while');
  if (news === 'open for long') {
    ctx.log.error(
      { channel, reason },
      'nothing can be sent on this channel: see to the provider or its settings',
    );
  }
}

async function attempt(ctx: Context, taken: Taken, ticket: SendingTicket): Promise<Result> {
  const { channel, unknownSince } = taken;
  let inDoubt = unknownSince !== null;
  if (channel === 'sms' && unknownSince !== null) {
    const known = await lookUp(ctx, taken, unknownSince);
    if (known) return { ...known, inDoubt: true };
    inDoubt = false;
  }
  if (taken.attempt > limits.outboxAttempts) {
    // A mail that ended its worker every time cannot be asked for; an SMS was looked for, and is not there.
    return { kind: 'temporary', reason: 'every attempt was cut off', inDoubt };
  }
  if (addSeconds(ctx.clock.now(), CALL_TIMEOUT_MS / 1000) > taken.leaseUntil)
    return { kind: 'late', inDoubt };
  const unwanted = await whyUnwanted(ctx, taken, ticket);
  if (unwanted !== null) return { kind: 'unwanted', reason: unwanted, inDoubt };
  // Made before the provider is called: what fails here is not an unknown outcome.
  const call = await callOf(ctx, taken, ticket);
  if (call === null) return { kind: 'incomplete', reason: 'a file of it is not there any more', inDoubt };
  try {
    return { ...inWords(await within(CALL_TIMEOUT_MS, call())), inDoubt };
  } catch (error) {
    const reason = `no answer from the provider (${nameOf(error)})`;
    // A mail is simply sent again: it carries the same Message-ID. An SMS would arrive, and be paid, twice.
    const canBeAsked = channel === 'email' || ctx.gateways.sms.findSent !== undefined;
    return { kind: canBeAsked ? 'unknown' : 'uncertain', reason, inDoubt: true };
  }
}

/** A STOP may have come after it was written, and what Zeton says by itself asks nobody before. Null: nothing is against it. */
async function whyUnwanted(
  ctx: Context,
  { message, channel }: Claim,
  { storeId, customer }: SendingTicket,
): Promise<string | null> {
  if (message.isNotice && customer.wantsNoNotices) return NOTICE_DROPPED;
  const to = message.to ?? '';
  if (channel === 'sms') {
    const hasStopped = await findOptOut(ctx.db, { storeId, number: to });
    return hasStopped ? smsFailureInWords(OPTED_OUT_CODE) : null;
  }
  const suppressed = await suppressionOf(ctx.db, { storeId, email: to });
  return suppressed && `mail to this address came back before: ${suppressed.reason}`;
}

function inWords(outcome: EmailOutcome | SmsOutcome): EmailOutcome | SmsOutcome {
  if (outcome.kind !== 'rejected' || !('code' in outcome)) return outcome;
  return { ...outcome, reason: smsFailureInWords(outcome.code ?? null) };
}

async function callOf(
  ctx: Context,
  { message, channel }: Claim,
  ticket: SendingTicket,
): Promise<(() => Promise<EmailOutcome | SmsOutcome>) | null> {
  if (channel === 'email') {
    const mail = await outgoingMail(ctx, message, ticket);
    return mail && (() => ctx.gateways.email.send(mail));
  }
  assert(message.to !== null, 'what is queued has a recipient');
  const sms = {
    id: message.id,
    to: message.to,
    store: ticket.store,
    text: message.body,
    kind: message.kind === 'reply' ? ('reply' as const) : ('system' as const),
    ticketId: ticket.id,
  };
  return () => ctx.gateways.sms.send(sms);
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
    // It was not called to send, so this is none of the message's attempts.
    return { kind: 'unavailable', reason: `no answer to the look-up (${nameOf(error)})` };
  }
}

/** Sent, given back, tried again, or left to a person: credits are given back only for what certainly was not sent. */
async function conclude(ctx: Context, taken: Taken, ticket: SendingTicket, result: Result): Promise<void> {
  const { owner } = taken;
  const messageId = taken.message.id;
  const moment = momentOf(ctx, systemActor);
  const again = result.kind === 'accepted' ? null : nextAttempt(ctx, taken, result);
  await withTransaction(ctx.db, async (trx) => {
    if (result.kind === 'accepted') {
      // True whoever holds the lease by now.
      const { providerId } = result;
      await settleMessageIn(trx, moment, { messageId, outcome: 'sent', providerId });
      if (taken.channel === 'sms' && ctx.gateways.sms.readReport) {
        const report = 'report' in result ? result.report : undefined;
        await keepSmsReport(trx, moment, taken.message, providerId, report ?? NOTHING_REPORTED);
      }
      return;
    }
    if (again) {
      await postpone(trx, { messageId, owner, ...again });
      return;
    }
    assert(result.kind !== 'late', 'a late one is tried again');
    const reason = lastWords(taken, result);
    if (result.kind === 'rejected' && 'status' in result && isGoneForGood(result.status ?? null)) {
      const { storeId } = ticket;
      await suppressRecipient(trx, moment, { message: taken.message, storeId, reason: result.reason });
    }
    if ('code' in result && result.code === OPTED_OUT_CODE) await keepOptOut(trx, moment, taken.message);
    if (!result.inDoubt && result.kind === 'unwanted' && taken.message.isNotice) {
      // Nobody waits for it: no failure to see to.
      await settle(trx, moment, { messageId, outcome: 'failed', reason: NOTICE_DROPPED, owner });
      return;
    }
    if (!result.inDoubt) {
      await settleMessageIn(trx, moment, { messageId, outcome: 'failed', reason, owner });
      return;
    }
    if (!(await giveUpAsUncertain(trx, { messageId, owner, failure: reason }))) return;
    await recordTicketEvent(trx, moment, {
      ticketId: taken.message.ticketId,
      type: 'message.uncertain',
      facts: { message_id: messageId, channel: taken.channel, reason },
    });
  });
}

/** When and how it is tried again; null: it is not. */
function nextAttempt(ctx: Context, taken: Taken, result: Result) {
  const now = ctx.clock.now();
  const outcomeKnown = !result.inDoubt;
  const backoff = backoffSeconds(taken.attempt, ctx.chance());
  const after = (seconds: number) => iso(addSeconds(now, seconds));
  switch (result.kind) {
    case 'late':
      return { nextAttemptAt: iso(now), outcomeKnown, counts: false, failure: taken.message.failure };
    case 'temporary':
      if (taken.attempt >= limits.outboxAttempts) return null;
      return { nextAttemptAt: after(backoff), outcomeKnown, counts: true, failure: result.reason };
    case 'unavailable': {
      if (isTooLate(taken, now)) return null;
      const silent = ctx.lanes[taken.channel].circuit.silentUntil();
      const soonest = addSeconds(now, backoffSeconds(1, ctx.chance()));
      const nextAttemptAt = iso(silent && silent > soonest ? silent : soonest);
      return { nextAttemptAt, outcomeKnown, counts: false, failure: result.reason };
    }
    case 'unknown': {
      // After its last attempt an SMS is looked for once more.
      const looks = taken.channel === 'sms' ? 1 : 0;
      if (taken.attempt >= limits.outboxAttempts + looks) return null;
      const wait = Math.max(limits.unknownOutcomeWaitSeconds, backoff);
      return { nextAttemptAt: after(wait), outcomeKnown, counts: true, failure: result.reason };
    }
    default:
      return null;
  }
}

function lastWords(taken: Taken, result: Exclude<Result, { kind: 'accepted' | 'late' }>): string {
  const { kind, reason } = result;
  if (kind === 'temporary' || kind === 'unknown') {
    return `${reason} (after ${Math.min(taken.attempt, limits.outboxAttempts)} attempts)`;
  }
  if (kind === 'unavailable') return `${reason} (for ${limits.outboxGiveUpDays} days)`;
  // It was refused, but an attempt before that was never answered.
  if ((kind === 'rejected' || kind === 'unwanted' || kind === 'incomplete') && result.inDoubt)
    return `${reason}; an earlier attempt was not answered`;
  return reason;
}

/** Not by its age alone: after a long stop of Zeton itself the provider gets its chances first. */
function isTooLate({ message }: Claim, now: Date): boolean {
  const ageSeconds = secondsBetween(message.createdAt, iso(now));
  return ageSeconds >= limits.outboxGiveUpDays * 86_400 && message.attempts >= limits.outboxAttempts;
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
