import { iso } from '../platform/clock';
import { Refusal } from '../platform/refusal';
import type { Form } from '../ui/form';
import { mayAct, type StaffPage } from '../ui/page';
import { type Answer, type PageRoutes, refused, seeOther } from '../ui/routes';
import { adjustCreditsIn } from '../usecases/adjust-credits';
import type { Context } from '../usecases/context';
import {
  type AdjustForm,
  type Adjustment,
  checkAdjustment,
  conflictOf,
  doneWords,
  tooFew,
  typedIn,
} from './adjust';
import { customerHref } from './counts';
import { readCustomerDetails, readCustomerHead } from './customer.query';
import { adjustPartView, customerView } from './customer.view';
import { once } from './once';

export function customerPage({ get, post }: PageRoutes, ctx: Context): void {
  const headOf = async (page: StaffPage, id: string) => {
    const customer = await readCustomerHead(ctx.db, id, page.staff.storeIds);
    if (!customer) throw new Refusal('not-found', 'There is no such customer.');
    return customer;
  };
  const freshForm = (): AdjustForm => ({
    key: ctx.ids.next(),
    typed: { kind: '', meter: '', quantity: '', reason: '' },
    mistakes: {},
  });
  const draw = async (page: StaffPage, id: string, form: AdjustForm): Promise<JSX.Element> => {
    const details = await readCustomerDetails(ctx.db, iso(page.now), await headOf(page, id));
    return page.isFragment ? adjustPartView(page, details, form) : customerView(page, details, form);
  };

  get('/console/customers/:id', 'read-only', async (page, { id = '' }) => draw(page, id, freshForm()));

  // Whoever loads the address of a form anew wants the page that it stands on.
  get('/console/customers/:id/adjustments', 'read-only', async (page, { id = '' }) =>
    seeOther(customerHref((await headOf(page, id)).id)),
  );

  post('/console/customers/:id/adjustments', 'agent', async (page, posted, { id = '' }) => {
    const customer = await headOf(page, id);
    const form: AdjustForm = { key: posted.text('key'), typed: typedIn(posted), mistakes: {} };
    const checked = checkAdjustment(page, form.typed);
    if ('mistakes' in checked) return refused(await draw(page, id, { ...form, mistakes: checked.mistakes }));
    const { adjustment } = checked;
    if (adjustment.kind === 'correction' && !mayAct(page.staff.role, 'admin')) {
      throw new Refusal('forbidden', 'Corrections need the role admin.');
    }
    if (isBack(posted)) return draw(page, id, form);
    if (!isConfirmed(posted)) return askFirst(page, id, form, adjustment);
    try {
      const { value, replayed } = await once(ctx, page, { key: form.key, asked: adjustment }, async (trx) => {
        const input = { customerId: customer.id, ...adjustment };
        const { balance } = await adjustCreditsIn(trx, ctx, page.actor, input);
        return { left: balance[adjustment.meter].available };
      });
      const text = replayed
        ? page.t('adjust.done_before')
        : doneWords(page, customer, adjustment, value.left);
      return seeOther(customerHref(customer.id), { flash: { tone: replayed ? 'low' : 'good', text } });
    } catch (error) {
      const again = conflictOf(page, error, form, freshForm().key) ?? tooFew(page, error, form);
      if (!again) throw error;
      return refused(await draw(page, id, again), again.problem === undefined ? 422 : 409);
    }
  });

  /** Asks once, in words; what cannot be done is said before that. */
  async function askFirst(page: StaffPage, id: string, form: AdjustForm, asked: Adjustment): Promise<Answer> {
    const details = await readCustomerDetails(ctx.db, iso(page.now), await headOf(page, id));
    const now = details.meters.find(({ meter }) => meter === asked.meter)?.left ?? 0;
    const missing = -asked.quantity - now;
    const next: AdjustForm =
      missing > 0
        ? { ...form, mistakes: { quantity: page.t('adjust.too_few', { count: now }) } }
        : { ...form, asked: { ...asked, now } };
    const markup = page.isFragment ? adjustPartView(page, details, next) : customerView(page, details, next);
    return missing > 0 ? refused(markup) : markup;
  }
}

function isConfirmed(posted: Form): boolean {
  return posted.text('step') === 'do';
}

function isBack(posted: Form): boolean {
  return posted.text('step') === 'back';
}
