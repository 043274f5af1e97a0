/* What the page of a ticket shows, read from wherever it stands. */

import { quoteHold } from '../domain/credits';
import { customerTexts, intlLocaleFor } from '../locales';
import { iso } from '../platform/clock';
import { isId } from '../platform/ids';
import { limits } from '../platform/limits';
import { Refusal } from '../platform/refusal';
import { dayInWords } from '../platform/time-zone';
import type { StaffPage } from '../ui/page';
import type { Context } from '../usecases/context';
import { videoSessionView } from '../usecases/video-session.query';
import { couponValue } from '../usecases/write-to-shops';
import { readCoupons } from './coupon.query';
import {
  markOf,
  readAround,
  readTicketCredits,
  readTicketHead,
  readVideoSessionId,
  type TicketHead,
} from './ticket.query';
import type { Around, Desk } from './ticket.view';
import { type ComposerState, type Draft, newDraft, offersFor } from './ticket-composer';
import { readLastWord, readThread } from './ticket-thread.query';
import type { VideoState } from './ticket-video.view';
import { readWaiting } from './tickets.query';

const WAITING_SHOWN = 30;

type Params = Record<string, string>;

export async function ticketOf(ctx: Context, page: StaffPage, { ref = '' }: Params): Promise<TicketHead> {
  const ticket = await readTicketHead(ctx.db, ref, page.staff.storeIds);
  if (!ticket) throw new Refusal('not-found', 'There is no such ticket.');
  return ticket;
}

/** The words for a coupon that was just given, in the customer's language and ready to be sent; null: there is none. */
export async function couponIn(ctx: Context, page: StaffPage, ticket: TicketHead): Promise<string | null> {
  const id = page.query.get('coupon') ?? '';
  const [coupon] = isId(id) ? await readCoupons(ctx.db, ticket.id, id) : [];
  if (coupon?.state !== 'made') return null;
  const { locale } = ticket.customer;
  const intlLocale = intlLocaleFor(locale);
  return customerTexts(locale)('coupon_reply.text', {
    code: coupon.code,
    value: couponValue(coupon, intlLocale),
    until: dayInWords(coupon.expiresOn, intlLocale),
  });
}

export function beforeOf(page: StaffPage): string | null {
  const before = page.query.get('before');
  return before !== null && isId(before) ? before : null;
}

export function threadOf(ctx: Context, ticket: TicketHead, before: string | null) {
  return readThread(ctx.db, { ticketId: ticket.id, before, limit: limits.pageSizeDefault });
}

/** Everything on the page. Read after the ticket, so that its version is never newer than the words that are shown. */
export async function deskOf(
  ctx: Context,
  page: StaffPage,
  ticket: TicketHead,
  composer?: ComposerState,
): Promise<Desk> {
  const before = beforeOf(page);
  return {
    ...(await aroundOf(ctx, page, ticket)),
    thread: await threadOf(ctx, ticket, before),
    before,
    composer: composer ?? (await newComposer(ctx, ticket)),
  };
}

/** With nothing written in it. */
export async function newComposer(ctx: Context, ticket: TicketHead): Promise<ComposerState> {
  const offers = await offersFor(ctx, ticket, '');
  return { draft: await newDraft(ctx.db, ticket, offers), offers, mistakes: {}, notice: null };
}

export async function composerOf(
  ctx: Context,
  ticket: TicketHead,
  draft: Draft,
  more: Partial<Pick<ComposerState, 'mistakes' | 'notice'>> = {},
): Promise<ComposerState> {
  const offers = await offersFor(ctx, ticket, draft.body);
  return { draft, offers, mistakes: {}, notice: null, ...more };
}

/** The list beside the ticket, and what changes when anything on the page does. */
export async function markedList(
  ctx: Context,
  page: StaffPage,
  ticket: TicketHead,
): Promise<Pick<Around, 'waiting' | 'mark'>> {
  const waiting = await readWaiting(ctx.db, WAITING_SHOWN, page.staff.storeIds);
  return { waiting, mark: await markOf(ctx.db, page.now, ticket, waiting) };
}

export async function aroundOf(ctx: Context, page: StaffPage, ticket: TicketHead): Promise<Around> {
  const { db } = ctx;
  // The mark first: what comes while the rest is read makes another one.
  const { waiting, mark } = await markedList(ctx, page, ticket);
  const credits = await readTicketCredits(db, iso(page.now), ticket);
  const { newestId } = await readLastWord(db, ticket.id);
  return {
    ticket,
    waiting,
    mark,
    newestId,
    credits,
    ...(await readAround(db, ticket)),
    video: await videoOf(ctx, page, ticket, credits),
  };
}

async function videoOf(
  ctx: Context,
  page: StaffPage,
  ticket: TicketHead,
  credits: Around['credits'],
): Promise<VideoState> {
  const sessionId = await readVideoSessionId(ctx.db, ticket.id);
  const payer = { customerId: ticket.customer.id, ticketFamilyId: ticket.familyId };
  const quote = await quoteHold(ctx.db, iso(page.now), { ...payer, work: { meter: 'video' } });
  const [draw] = quote.draws;
  const meter = draw?.meter ?? 'video';
  return {
    session: sessionId === null ? null : await videoSessionView(ctx, ctx.db, sessionId),
    cost: {
      payable: quote.payable,
      unit: quote.unit === 'block' ? 'block' : 'session',
      blockMinutes: draw ? (credits.blockMinutes.get(draw.grantId) ?? null) : null,
      meter,
      credits: quote.credits,
      missing: quote.missing,
      available: quote.available,
      left: credits.meters.find((one) => one.meter === meter)?.left ?? 0,
      everBought: quote.payable || credits.meters.some((one) => one.meter === 'video' || one.meter === 'any'),
    },
  };
}
