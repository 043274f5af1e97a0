import { type Draw, type Meter, quoteHold, usableOn } from '../domain/credits';
import { checkedBody, type Segments, segmentsOf } from '../domain/messages';
import { findTicket } from '../domain/tickets';
import { iso } from '../platform/clock';
import { Refusal } from '../platform/refusal';
import type { Context } from './context';
import { topUpUrl } from './messaging.query';
import { workOf } from './reply-to-ticket';

export interface ReplyQuote {
  channel: 'sms' | 'email' | 'note';
  /** Null: not an SMS. */
  sms: Segments | null;
  /** Null: a note, which is free. */
  charge: {
    meter: 'sms' | 'email';
    unit: 'message' | 'segment';
    /** Units of work. */
    quantity: number;
    /** Credits in all. */
    credits: number;
    /** What would be drawn; empty when it cannot be paid. */
    grants: Draw[];
  } | null;
  payable: boolean;
  /** Credits that are missing of those that would pay, how many of them there are, and where more can be bought. */
  missing: number;
  available: number;
  topUpUrl: string | null;
  /** Usable on this ticket now, and after it, by meter. */
  creditsNow: Record<Meter, number>;
  creditsAfter: Record<Meter, number>;
}

/**
 * What a reply would cost. Nothing is set aside, so it may cost more or less by the time it is sent.
 * Shape:   { ticketId, channel, body } → ReplyQuote
 * Errors:  not-found, invalid-request, message-too-long
 */
export async function quoteReply(
  ctx: Context,
  input: { ticketId: string; channel: 'sms' | 'email' | 'note'; body: string },
): Promise<ReplyQuote> {
  const { channel } = input;
  const body = checkedBody(input.body, channel);
  const work = workOf(channel, body);
  const ticket = await findTicket(ctx.db, input.ticketId);
  if (!ticket) throw new Refusal('not-found', 'There is no such ticket.');
  const at = iso(ctx.clock.now());
  const payer = { customerId: ticket.customerId, ticketFamilyId: ticket.familyId };
  const creditsNow = await usableOn(ctx.db, at, payer);
  const sms = channel === 'sms' ? segmentsOf(body) : null;
  if (!work) {
    const free = { charge: null, payable: true, missing: 0, available: 0, topUpUrl: null };
    return { channel, sms, ...free, creditsNow, creditsAfter: creditsNow };
  }
  const quote = await quoteHold(ctx.db, at, { ...payer, work });
  const creditsAfter = { ...creditsNow };
  for (const draw of quote.draws) creditsAfter[draw.meter] -= draw.credits;
  return {
    channel,
    sms,
    charge: {
      meter: work.meter,
      unit: quote.unit === 'segment' ? 'segment' : 'message',
      quantity: quote.quantity,
      credits: quote.credits,
      grants: quote.draws,
    },
    payable: quote.payable,
    missing: quote.missing,
    available: quote.available,
    topUpUrl: quote.payable ? null : await topUpUrl(ctx.db, ticket.storeId, work.meter),
    creditsNow,
    creditsAfter,
  };
}
