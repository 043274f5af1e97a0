import type { Request } from 'express';
import { intlLocaleFor, LANGUAGE_CODES, languageFor, textsIn } from '../locales';
import type { Page } from '../ui/page';
import { type PageRoutes, refused, seeOther } from '../ui/routes';
import type { Context } from '../usecases/context';
import { customerOfStopToken, NOTICES_PATH, noticesOf, stopNotices } from '../usecases/stop-notices';
import { noticesOverView, noticesView } from './notices.view';

/** Where the link below a notice leads, without a sign-in. Looking changes nothing: mail filters open every link. */
export function noticesPage({ get, post }: PageRoutes, ctx: Context): void {
  get(`${NOTICES_PATH}/:token`, 'anyone', async (page, { token = '' }, req) => {
    const customerId = customerOfStopToken(ctx, token);
    const notices = customerId === null ? null : await noticesOf(ctx.db, customerId);
    return notices
      ? noticesView(inLanguage(page, notices.locale), notices)
      : refused(noticesOverView(inLanguage(page, asked(req))), 404);
  });

  // Not at the address of the page: what is posted there stops the notices at once (webhooks/stop-notices.ts).
  post(`${NOTICES_PATH}/:token/choice`, 'anyone', async (page, form, { token = '' }, req) => {
    const customerId = customerOfStopToken(ctx, token);
    const stopped = form.text('wanted') !== 'yes';
    const notices = customerId === null ? null : await noticesOf(ctx.db, customerId);
    if (customerId === null || notices === null || !(await stopNotices(ctx, { customerId, stopped }))) {
      return refused(noticesOverView(inLanguage(page, asked(req))), 404);
    }
    const { t } = inLanguage(page, notices.locale);
    const text = t(stopped ? 'notices_page.stopped_flash' : 'notices_page.wanted_flash');
    return seeOther(`${NOTICES_PATH}/${token}`, { flash: { tone: 'good', text } });
  });
}

/** The customer's, as the mail with the link was. */
function inLanguage(page: Page, locale: string): Page {
  return { ...page, t: textsIn(languageFor(locale)), locale: intlLocaleFor(locale) };
}

/** Where the link says nobody: what the browser would rather read. */
function asked(req: Request): string {
  return req.acceptsLanguages([...LANGUAGE_CODES]) || 'en';
}
