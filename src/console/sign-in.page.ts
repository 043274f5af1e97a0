import { SESSION_SECONDS } from '../domain/staff';
import { Refusal } from '../platform/refusal';
import { COOKIES, cookieOf } from '../ui/cookies';
import type { Mistakes } from '../ui/form';
import { localPath, type Page } from '../ui/page';
import { type PageRoutes, refused, seeOther } from '../ui/routes';
import type { Context } from '../usecases/context';
import { signIn } from '../usecases/sign-in';
import { signOut } from '../usecases/sign-out';
import { signInView } from './sign-in.view';

export const HOME = '/console';

export function signInPage({ get, post }: PageRoutes, ctx: Context): void {
  get('/sign-in', 'anyone', (page) => {
    const next = localPath(page.query.get('next') ?? undefined) ?? '';
    if (page.staff) return seeOther(next || HOME);
    return signInView(page, { email: '', next, mistakes: {} });
  });

  post('/sign-in', 'anyone', async (page, form, _params, req) => {
    const email = form.trimmed('email');
    const password = form.text('password');
    const next = localPath(form.text('next')) ?? '';
    const mistakes: Mistakes = {};
    if (email === '') mistakes.email = page.t('sign_in.email_missing');
    if (password === '') mistakes.password = page.t('sign_in.password_missing');
    if (Object.keys(mistakes).length > 0) return refused(signInView(page, { email, next, mistakes }));
    try {
      const opened = await signIn(ctx, { email, password, address: req.ip ?? '' });
      if (opened) {
        return seeOther(next || HOME, { session: { token: opened.token, seconds: SESSION_SECONDS } });
      }
    } catch (error) {
      if (!(error instanceof Refusal) || error.code !== 'too-many-requests') throw error;
      const problem = waitWords(page, Number(error.facts.retry_after_seconds));
      return refused(signInView(page, { email, next, mistakes, problem }), 429);
    }
    return refused(signInView(page, { email, next, mistakes, problem: page.t('sign_in.wrong') }));
  });

  post('/sign-out', 'read-only', async (page, _form, _params, req) => {
    await signOut(ctx, page.actor, cookieOf(req, COOKIES.session) ?? '');
    return seeOther('/sign-in', {
      session: null,
      flash: { tone: 'good', text: page.t('sign_in.signed_out') },
    });
  });
}

/** How long to wait, as one says it. */
export function waitWords(page: Page, seconds: number): string {
  if (seconds < 60) return page.t('sign_in.blocked', { count: seconds });
  return page.t('sign_in.blocked_minutes', { count: Math.ceil(seconds / 60) });
}
