import { SESSION_SECONDS } from '../domain/staff';
import { Refusal } from '../platform/refusal';
import { type PageRoutes, refused, seeOther } from '../ui/routes';
import type { Context } from '../usecases/context';
import { isSetupLinkGood, setUpOwner } from '../usecases/first-owner';
import { personMistakes } from './person-mistakes';
import { setupOverView, setupView } from './setup.view';
import { HOME } from './sign-in.page';

/** The one-time link that is printed at the first start. */
export function setupPage({ get, post }: PageRoutes, ctx: Context): void {
  get('/setup/:token', 'anyone', async (page, { token = '' }) => {
    if (!(await isSetupLinkGood(ctx, token))) return refused(setupOverView(page), 404);
    return setupView(page, { name: '', email: '', mistakes: {} });
  });

  post('/setup/:token', 'anyone', async (page, form, { token = '' }) => {
    const input = {
      name: form.trimmed('name'),
      email: form.trimmed('email'),
      password: form.text('password'),
    };
    try {
      const made = await setUpOwner(ctx, { ...input, link: token });
      return seeOther(HOME, {
        session: { token: made.token, seconds: SESSION_SECONDS },
        flash: { tone: 'good', text: page.t('setup.done') },
      });
    } catch (error) {
      if (error instanceof Refusal && error.code === 'not-found') return refused(setupOverView(page), 404);
      return refused(setupView(page, { ...input, mistakes: personMistakes(page, error) }));
    }
  });
}
