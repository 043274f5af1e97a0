import { isId } from '../platform/ids';
import { Refusal } from '../platform/refusal';
import { type PageRoutes, seeOther } from '../ui/routes';
import type { Context } from '../usecases/context';
import { retrySms } from '../usecases/receive-sms';
import { ensureAllStores } from './incoming.page';
import { readFailedSms } from './sms.query';
import { SMS_PATH, smsView } from './sms.view';

/** SMS that come in. `inboundUrl`: where Twilio brings them. */
export function smsPage({ get, post }: PageRoutes, ctx: Context, inboundUrl: string): void {
  get(SMS_PATH, 'admin', async (page) => {
    ensureAllStores(page);
    return smsView(page, await readFailedSms(ctx.db), inboundUrl);
  });

  post(`${SMS_PATH}/:id/retry`, 'admin', async (page, _form, { id = '' }) => {
    ensureAllStores(page);
    if (!isId(id)) throw new Refusal('not-found', 'There is no such SMS.');
    const again = await retrySms(ctx, page.actor, id);
    const text = page.t(again ? 'sms_admin.retried' : 'sms_admin.not_failed');
    return seeOther(SMS_PATH, { flash: { tone: again ? 'good' : 'low', text } });
  });
}
