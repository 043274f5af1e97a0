import { type Coupon, changeCouponCode, couponMade, findCoupon } from '../domain/coupons';
import { addMessage } from '../domain/messages';
import {
  bothSame,
  type Content,
  claimWrite,
  endWrite,
  hasWork,
  isOfWholeShop,
  isShopAway,
  noteCall,
  parkWrite,
  parkWritesOfShop,
  postponeWrite,
  postponeWritesOfShop,
  type ShopWrite,
} from '../domain/shop-writes';
import { findStore } from '../domain/stores';
import { lockTicket, noteWritten, recordTicketEvent, takeTurn } from '../domain/tickets';
import { WooProblem } from '../gateways/woocommerce';
import type { WooShop } from '../gateways/woocommerce/gateway';
import { intlLocaleFor, textsIn } from '../locales';
import { systemActor } from '../platform/actor';
import { addSeconds, iso } from '../platform/clock';
import { withTransaction } from '../platform/db';
import { backoffSeconds, limits, shopPauseSeconds } from '../platform/limits';
import { assert } from '../platform/refusal';
import { type Context, momentOf } from './context';
import { shopOf } from './shop-of';
import { inBackground } from './walks';

/**
 * Write into the shops what waits for it, in the background: one thing at a time for each shop, whoever does it.
 * claim (commit) → note the attempt (commit) → shop → note what came of it (commit). What may have been written by an
 * attempt that nobody heard the end of is looked up before it is written again, so no note is doubled.
 * Shape:   → 0: what is under way is not waited for
 * Writes:  the shops; shop_writes, coupons, messages, ticket_events
 * Repeat:  harmless; a shop that is away is left in peace, and one that refuses everything waits for a person
 * Source:  DESIGN §2.5-6, §3 "Reconciliation" (no loops)
 */
export async function writeToShops(ctx: Context): Promise<number> {
  for (const storeId of await hasWork(ctx.db, iso(ctx.clock.now()))) {
    void inBackground(ctx.walks, writeAll(ctx, storeId));
  }
  return 0;
}

async function writeAll(ctx: Context, storeId: string): Promise<void> {
  while (!ctx.walks.stopping && (await writeNext(ctx, { storeId }))) {
    // The next one.
  }
}

/**
 * Carry out what is due next in a shop, or the one with that key at once. Never throws.
 * Shape: { storeId, key? } → false: there is nothing to do, or somebody else does it
 */
export async function writeNext(ctx: Context, which: { storeId: string; key?: string }): Promise<boolean> {
  let write: ShopWrite | null = null;
  try {
    const owner = ctx.ids.next();
    write = await claimWrite(ctx.db, { ...which, owner, now: ctx.clock.now() });
    if (!write) return false;
    const claimed = { ...write, owner };
    await conclude(ctx, claimed, await carryOut(ctx, claimed));
    return true;
  } catch (error) {
    // It stays as an attempt of unknown outcome, and is taken up again when its lease is over.
    ctx.log.warn(
      { err: error, write_id: write?.id ?? null },
      'what came of a write into a shop was not kept',
    );
    return false;
  }
}

type Claimed = ShopWrite & { owner: string };

/** `inDoubt`: it may stand in the shop all the same. */
type Result =
  | { kind: 'done' }
  | { kind: 'another-code' }
  | { kind: 'not-ours' }
  | { kind: 'no-keys' }
  | { kind: 'cut-off' }
  | { kind: 'problem'; problem: WooProblem; inDoubt: boolean };

async function carryOut(ctx: Context, write: Claimed): Promise<Result> {
  const store = await findStore(ctx.db, write.storeId);
  const shop = store && ctx.gateways.woocommerce.open(await shopOf(ctx, store));
  if (!shop) return { kind: 'no-keys' };
  if (write.attempts > limits.shopWriteAttempts) return { kind: 'cut-off' };
  const work = workOf(shop, write, await couponOf(ctx, write));
  let { inDoubt } = write;
  try {
    if (inDoubt && (await work.stands())) return { kind: 'done' };
    if (!(await noteCall(ctx.db, write))) return { kind: 'not-ours' };
    inDoubt = false;
    await work.write();
    return { kind: 'done' };
  } catch (error) {
    if (!(error instanceof WooProblem)) throw error;
    if (error.code !== 'coupon-exists') {
      return { kind: 'problem', problem: error, inDoubt: inDoubt || error.maybeDone };
    }
    // Ours, of an attempt that the shop was slow with? Else somebody else's by chance.
    const isOurs = await work.stands().catch(() => false);
    return { kind: isOurs ? 'done' : 'another-code' };
  }
}

interface Work {
  /** Does it stand in the shop already? */
  stands(): Promise<boolean>;
  write(): Promise<unknown>;
}

function workOf(shop: WooShop, write: ShopWrite, coupon: Coupon | null): Work {
  const wooId = Number(write.subject);
  const { content } = write;
  if ('text' in content) {
    const note = { text: content.text, toCustomer: write.kind === 'customer_note' };
    return {
      stands: async () =>
        (await shop.listOrderNotes(wooId)).some(
          ({ text, toCustomer }) => toCustomer === note.toCustomer && bothSame(text, note.text),
        ),
      write: () => shop.addOrderNote(wooId, note),
    };
  }
  if ('meta' in content) {
    const { meta } = content;
    return {
      stands: async () => {
        const order = await shop.readOrder(wooId);
        return order.kind === 'order' && hasMeta(order.json, meta);
      },
      write: () => shop.writeOrderMeta(wooId, meta),
    };
  }
  assert(coupon, 'a coupon that is to be made is known');
  return couponWork(shop, content, coupon);
}

function couponWork(
  shop: WooShop,
  { coupon: wanted }: Extract<Content, { coupon: object }>,
  coupon: Coupon,
): Work {
  const description = `Zeton ${coupon.id}`;
  return {
    stands: async () => (await shop.findCoupon(coupon.code))?.description === description,
    write: () =>
      shop.createCoupon({
        code: coupon.code,
        kind: wanted.kind,
        amount: wanted.amount,
        usageLimit: 1,
        expires: wanted.expires,
        description,
        ...(wanted.email === null ? {} : { email: wanted.email }),
      }),
  };
}

function hasMeta(json: string, meta: Record<string, string>): boolean {
  const { meta_data: found } = JSON.parse(json) as { meta_data?: { key: string; value: unknown }[] };
  return Object.entries(meta).every(([key, value]) =>
    (found ?? []).some((entry) => entry.key === key && String(entry.value) === value),
  );
}

function couponOf(ctx: Context, write: ShopWrite): Promise<Coupon | null> {
  return write.kind === 'coupon' ? findCoupon(ctx.db, write.subject) : Promise.resolve(null);
}

async function conclude(ctx: Context, write: Claimed, result: Result): Promise<void> {
  const now = ctx.clock.now();
  const at = iso(now);
  switch (result.kind) {
    case 'not-ours':
      return;
    case 'done':
      return stands(ctx, write);
    case 'another-code':
      await withTransaction(ctx.db, async (trx) => {
        await changeCouponCode(trx, write.subject);
        await postponeWrite(trx, write, { at, problem: null, inDoubt: false });
      });
      return;
    case 'no-keys':
      await park(ctx, write, {
        words: textsIn('en')('shop_writes.no_keys'),
        inDoubt: write.inDoubt,
        all: true,
      });
      return;
    case 'cut-off':
      await park(ctx, write, {
        words: textsIn('en')('shop_writes.cut_off'),
        inDoubt: write.inDoubt,
        all: false,
      });
      return;
    case 'problem':
      return afterProblem(ctx, write, result);
  }
}

async function afterProblem(
  ctx: Context,
  write: Claimed,
  { problem, inDoubt }: Extract<Result, { kind: 'problem' }>,
): Promise<void> {
  const now = ctx.clock.now();
  if (problem.code === 'not-found' && write.kind !== 'coupon') {
    const end = { at: iso(now), state: 'dropped' as const, problem: textsIn('en')('shop_writes.order_gone') };
    await withTransaction(ctx.db, (trx) => endWrite(trx, write, end));
    return;
  }
  const isAway = isShopAway(problem.code);
  const isLast = !isAway && write.attempts >= limits.shopWriteAttempts;
  if (!problem.passes || isLast) {
    await park(ctx, write, { words: problem.message, inDoubt, all: isOfWholeShop(problem) });
    return;
  }
  // An outage of the shop is none of the write's faults, however long it lasts.
  const attempts = Math.min(write.attempts, limits.shopWriteAttempts - 1);
  const pause = isAway ? shopPauseSeconds(attempts, ctx.chance()) : backoffSeconds(attempts, ctx.chance());
  const asked = Math.min((problem.retryAfterMs ?? 0) / 1000, limits.retryAfterCapSeconds);
  const wait = Math.max(pause, asked, inDoubt ? limits.unknownOutcomeWaitSeconds : 0);
  const later = iso(addSeconds(now, wait));
  await postponeWrite(ctx.db, write, { at: later, problem: problem.message, inDoubt, attempts });
  if (isAway) await postponeWritesOfShop(ctx.db, write.storeId, later, iso(now));
}

async function park(
  ctx: Context,
  write: Claimed,
  { words, inDoubt, all }: { words: string; inDoubt: boolean; all: boolean },
): Promise<void> {
  const problem = words.slice(0, limits.reasonChars);
  await parkWrite(ctx.db, write, { problem, inDoubt });
  if (all) await parkWritesOfShop(ctx.db, write.storeId, problem, iso(ctx.clock.now()));
  ctx.log.warn({ write_id: write.id, kind: write.kind, problem }, 'a write into a shop waits for a person');
}

/** It stands in the shop: whoever works on the ticket sees that. */
async function stands(ctx: Context, write: Claimed): Promise<void> {
  await withTransaction(ctx.db, async (trx) => {
    const moment = momentOf(ctx, systemActor);
    const end = { at: moment.at, state: 'done' as const };
    const coupon = write.kind === 'coupon' ? await findCoupon(trx, write.subject) : null;
    if (coupon) {
      // First the ticket: everybody locks it before what hangs on it.
      const ticket = await lockTicket(trx, coupon.ticketId);
      assert(ticket, 'the ticket of a coupon exists');
      if (!(await endWrite(trx, write, end)) || !(await couponMade(trx, moment, coupon.id))) return;
      const by = { kind: 'staff' as const, id: coupon.givenBy, name: coupon.givenByName };
      const note = await addMessage(
        trx,
        { ...moment, actor: by },
        {
          ticketId: ticket.id,
          direction: 'internal',
          channel: 'note',
          kind: 'note',
          messageKey: `coupon:${coupon.id}`,
          body: couponWords(coupon),
          status: 'sent',
        },
      );
      if (note && ticket.status !== 'closed') await takeTurn(trx, { ticketId: ticket.id });
      if (note) await noteWritten(trx, moment, ticket);
      return;
    }
    if (!(await endWrite(trx, write, end))) return;
    const { content } = write;
    if ('text' in content && content.ticketId !== undefined) {
      await recordTicketEvent(trx, moment, {
        ticketId: content.ticketId,
        type: 'shop.buyer_told',
        facts: { order_number: write.label },
      });
    }
  });
}

function couponWords(coupon: Coupon): string {
  const t = textsIn('en');
  return [
    t('coupon.note', {
      code: coupon.code.toUpperCase(),
      value: couponValue(coupon),
      until: coupon.expiresOn,
    }),
    t('coupon.note_reason', { reason: coupon.reason }),
  ].join('\n');
}

/** "10 EUR", "15 %" */
export function couponValue(
  { kind, valueMinor, currency }: Pick<Coupon, 'kind' | 'valueMinor' | 'currency'>,
  locale = intlLocaleFor('en'),
): string {
  const digits = valueMinor % 100 === 0 ? 0 : 2;
  const number = (valueMinor / 100).toLocaleString(locale, {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
  return kind === 'percent' ? `${number} %` : [number, currency].filter(Boolean).join(' ');
}
