import { limits } from '../platform/limits';
import { Refusal } from '../platform/refusal';
import type { StaffPage } from '../ui/page';
import { type PageRoutes, refused, seeOther } from '../ui/routes';
import type { Context } from '../usecases/context';
import { giveCouponIn } from '../usecases/give-coupon';
import { writeNext } from '../usecases/write-to-shops';
import { readCouponShop, readCoupons } from './coupon.query';
import { couponView } from './coupon.view';
import { type CouponForm, checkCoupon, typedCoupon } from './coupon-form';
import { once } from './once';
import { readTicketHead, type TicketHead } from './ticket.query';
import { newKey } from './ticket-composer';
import { ticketHref } from './ticket-words';

const HERE = '/console/tickets/:ref/coupon';

/** A coupon of the shop as a remedy: given from the ticket, made by the shop, ready in the answer. */
export function couponPage({ get, post }: PageRoutes, ctx: Context): void {
  const ticketOf = async (page: StaffPage, ref: string): Promise<TicketHead> => {
    const ticket = await readTicketHead(ctx.db, ref, page.staff.storeIds);
    if (!ticket) throw new Refusal('not-found', 'There is no such ticket.');
    return ticket;
  };
  const draw = async (page: StaffPage, ticket: TicketHead, form: CouponForm) =>
    couponView(
      page,
      ticket,
      await readCouponShop(ctx.db, ticket.store.id),
      await readCoupons(ctx.db, ticket.id),
      form,
    );

  get(HERE, 'agent', async (page, { ref = '' }) => {
    const typed = { kind: 'amount', value: '', reason: '' };
    return draw(page, await ticketOf(page, ref), { key: newKey(), typed, mistakes: {} });
  });

  post(HERE, 'agent', async (page, posted, { ref = '' }) => {
    const { t } = page;
    const ticket = await ticketOf(page, ref);
    const form: CouponForm = { key: posted.text('key'), typed: typedCoupon(posted), mistakes: {} };
    const { currency } = await readCouponShop(ctx.db, ticket.store.id);
    const checked = checkCoupon(page, form.typed, currency);
    if ('mistakes' in checked)
      return refused(await draw(page, ticket, { ...form, mistakes: checked.mistakes }));
    const { wanted } = checked;
    let given: { id: string; key: string };
    try {
      const { value } = await once(ctx, page, { key: form.key, asked: wanted }, async (trx) => {
        const { coupon, key } = await giveCouponIn(trx, ctx, page.actor, { ticketId: ticket.id, ...wanted });
        return { id: coupon.id, key };
      });
      given = value;
    } catch (error) {
      const problem = problemOf(page, error);
      return refused(await draw(page, ticket, { ...form, key: newKey(), problem }), 409);
    }
    // The shop is asked while somebody waits; when it does not answer, the job goes on with it.
    await writeNext(ctx, { storeId: ticket.store.id, key: given.key });
    const [coupon] = await readCoupons(ctx.db, ticket.id, given.id);
    const back = ticketHref(ticket.number);
    if (coupon?.state === 'made') {
      const flash = { tone: 'good' as const, text: t('coupon.given', { code: coupon.code }) };
      return seeOther(`${back}?coupon=${coupon.id}`, { flash });
    }
    ctx.wake('shop.writes');
    if (coupon?.state === 'parked') {
      const problem = coupon.problem ?? '';
      return seeOther(back, { flash: { tone: 'bad', text: t('coupon.parked', { problem }) } });
    }
    return seeOther(back, { flash: { tone: 'low', text: t('coupon.waits') } });
  });
}

function problemOf({ t }: StaffPage, error: unknown): string {
  if (!(error instanceof Refusal)) throw error;
  switch (error.code) {
    case 'coupon-limit':
      return t('coupon.mistakes.limit', { max: limits.couponsPerMonth });
    case 'idempotency-conflict':
      return t('coupon.mistakes.conflict');
    case 'store-without-keys':
      return t('coupon.no_keys');
    default:
      throw error;
  }
}
