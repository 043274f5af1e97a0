import { type PageRoutes, refused, seeOther } from '../ui/routes';
import type { Context } from '../usecases/context';
import { customerOfStopToken, NOTICES_PATH, noticesOf, stopNotices } from '../usecases/stop-notices';
import { noticesOverView, noticesView } from './notices.view';

/** Where the link below a notice leads, without a sign-in. Looking changes nothing: mail filters open every link. */
export function noticesPage({ get, post }: PageRoutes, ctx: Context): void {
  get(`${NOTICES_PATH}/:token`, 'anyone', async (page, { token = '' }) => {
    const customerId = customerOfStopToken(ctx, token);
    const notices = customerId === null ? null : await noticesOf(ctx.db, customerId);
    return notices ? noticesView(page, notices) : refused(noticesOverView(page), 404);
  });

  // Not at the address of the page: what is posted there stops the notices at once (webhooks/stop-notices.ts).
  post(`${NOTICES_PATH}/:token/choice`, 'anyone', async (page, form, { token = '' }) => {
    const customerId = customerOfStopToken(ctx, token);
    const stopped = form.text('wanted') !== 'yes';
    if (customerId === null || !(await stopNotices(ctx, { customerId, stopped }))) {
      return refused(noticesOverView(page), 404);
    }
    const text = page.t(stopped ? 'notices_page.stopped_flash' : 'notices_page.wanted_flash');
    return seeOther(`${NOTICES_PATH}/${token}`, { flash: { tone: 'good', text } });
  });
}
