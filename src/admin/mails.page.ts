import { isId } from '../platform/ids';
import { Refusal } from '../platform/refusal';
import { type PageRoutes, seeOther } from '../ui/routes';
import type { Context } from '../usecases/context';
import { reopenMail } from '../usecases/receive-mail';
import { ensureAllStores } from './incoming.page';
import { readFailedMails } from './mails.query';
import { MAILS_PATH, mailsView } from './mails.view';

/** Mails that could not be taken in. */
export function mailsPage({ get, post }: PageRoutes, ctx: Context): void {
  get(MAILS_PATH, 'admin', async (page) => {
    ensureAllStores(page);
    return mailsView(page, await readFailedMails(ctx.db));
  });

  post(`${MAILS_PATH}/:id`, 'admin', async (page, form, { id = '' }) => {
    ensureAllStores(page);
    if (!isId(id)) throw new Refusal('not-found', 'There is no such mail.');
    const to = form.text('to');
    if (to !== 'pending' && to !== 'ignored')
      throw new Refusal('invalid-request', 'Try again, or put aside?');
    const changed = await reopenMail(ctx, page.actor, { id, to });
    const done = to === 'pending' ? 'mails_admin.retried' : 'mails_admin.dropped';
    const text = page.t(changed ? done : 'mails_admin.not_failed');
    return seeOther(MAILS_PATH, { flash: { tone: changed ? 'good' : 'low', text } });
  });
}
