import { SESSION_SECONDS } from '../domain/staff';
import { Refusal } from '../platform/refusal';
import { localPath, type StaffPage, THEMES } from '../ui/page';
import { type PageRoutes, refused, seeOther } from '../ui/routes';
import { changeOwnName, changeOwnPassword, changeOwnSignature } from '../usecases/change-account';
import type { Context } from '../usecases/context';
import { signatureOf } from '../usecases/messaging.query';
import { type AccountForm, accountView } from './account.view';
import { personMistakes } from './person-mistakes';
import { HOME, waitWords } from './sign-in.page';

const HERE = '/console/account';

export function accountPage({ get, post }: PageRoutes, ctx: Context): void {
  const draw = async (page: StaffPage, form: Omit<AccountForm, 'signature'> & { signature?: string }) =>
    accountView(page, { signature: (await signatureOf(ctx.db, page.staff.id)) ?? '', ...form });

  get(HERE, 'read-only', (page) => draw(page, { mistakes: {} }));

  post(`${HERE}/name`, 'read-only', async (page, form) => {
    const name = form.trimmed('name');
    try {
      await changeOwnName(ctx, page.actor, name);
    } catch (error) {
      return refused(await draw(page, { name, mistakes: personMistakes(page, error) }));
    }
    return seeOther(HERE, { flash: { tone: 'good', text: page.t('account.saved') } });
  });

  post(`${HERE}/signature`, 'read-only', async (page, form) => {
    const signature = form.text('signature');
    try {
      await changeOwnSignature(ctx, page.actor, signature);
    } catch (error) {
      return refused(await draw(page, { signature, mistakes: personMistakes(page, error) }));
    }
    return seeOther(HERE, { flash: { tone: 'good', text: page.t('account.signature_saved') } });
  });

  post(`${HERE}/password`, 'read-only', async (page, form, _params, req) => {
    const input = { current: form.text('current_password'), password: form.text('password') };
    try {
      const { token } = await changeOwnPassword(ctx, page.actor, { ...input, address: req.ip ?? '' });
      return seeOther(HERE, {
        session: { token, seconds: SESSION_SECONDS },
        flash: { tone: 'good', text: page.t('account.password_changed') },
      });
    } catch (error) {
      if (error instanceof Refusal && error.code === 'too-many-requests') {
        const problem = waitWords(page, Number(error.facts.retry_after_seconds));
        return refused(await draw(page, { mistakes: {}, problem }), 429);
      }
      return refused(await draw(page, { mistakes: personMistakes(page, error) }));
    }
  });

  post('/theme', 'anyone', (_page, form) => {
    const theme = THEMES.find((known) => known === form.text('theme')) ?? 'auto';
    return seeOther(localPath(form.text('back')) ?? HOME, { theme });
  });
}
