import { Readable } from 'node:stream';
import { contentDisposition } from '../domain/attachments';
import { addSeconds, iso } from '../platform/clock';
import { isId } from '../platform/ids';
import { limits } from '../platform/limits';
import { Refusal } from '../platform/refusal';
import { download, type PageRoutes, seeOther } from '../ui/routes';
import type { Context } from '../usecases/context';
import { decideAboutArrival } from '../usecases/decide-arrival';
import { readFailedArrivals, readFailedMail } from './failed-arrivals.query';
import { failedArrivalsView } from './failed-arrivals.view';
import { ensureAllStores } from './incoming.page';
import { FAILED_ARRIVALS_PATH } from './incoming.view';

/** Mails and SMS that could not be put into a ticket. */
export function failedArrivalsPage({ get, post }: PageRoutes, ctx: Context): void {
  get(FAILED_ARRIVALS_PATH, 'admin', async (page) => {
    ensureAllStores(page);
    const leftOutAfter = iso(addSeconds(page.now, -limits.leftOutShownSeconds));
    return failedArrivalsView(page, await readFailedArrivals(ctx.db, leftOutAfter));
  });

  get(`${FAILED_ARRIVALS_PATH}/mail/:id`, 'admin', async (page, { id = '' }) => {
    ensureAllStores(page);
    const raw = isId(id) ? await readFailedMail(ctx.db, id) : null;
    if (!raw) throw new Refusal('not-found', 'There is no such mail.');
    return download({
      type: 'message/rfc822',
      disposition: contentDisposition('mail.eml'),
      bytes: raw.length,
      stream: Readable.from([raw]),
    });
  });

  post(`${FAILED_ARRIVALS_PATH}/:way/:id`, 'admin', async (page, form, { way, id = '' }) => {
    ensureAllStores(page);
    if (!isId(id) || (way !== 'mail' && way !== 'sms'))
      throw new Refusal('not-found', 'There is no such thing.');
    const to = form.text('to');
    if (to !== 'pending' && to !== 'ignored')
      throw new Refusal('invalid-request', 'Try again, or put aside?');
    const { changed } = await decideAboutArrival(ctx, page.actor, { way, id, to });
    const done = to === 'pending' ? 'failed_arrivals.retried' : 'failed_arrivals.dropped';
    const text = page.t(changed ? done : 'failed_arrivals.not_failed');
    return seeOther(FAILED_ARRIVALS_PATH, { flash: { tone: changed ? 'good' : 'low', text } });
  });
}
