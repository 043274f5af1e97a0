import { Field, PostForm } from '../ui/field';
import type { Mistakes } from '../ui/form';
import type { Page } from '../ui/page';
import { Banner, Button } from '../ui/parts';
import { BareShell } from '../ui/shell';

export interface SignInForm {
  email: string;
  /** Where to go afterwards. */
  next: string;
  mistakes: Mistakes;
  /** What is wrong with the whole: wrong together, or too often. */
  problem?: string;
}

export function signInView(page: Page, form: SignInForm): JSX.Element {
  const { t } = page;
  return (
    <BareShell page={page} title={t('sign_in.title')}>
      <h1 safe>{t('sign_in.title')}</h1>
      <p class="z-lead" safe>
        {t('sign_in.lead')}
      </p>
      {form.problem ? <Banner tone="bad" text={form.problem} /> : null}
      <PostForm page={page} action="/sign-in">
        <input type="hidden" name="next" value={form.next} />
        <Field
          name="email"
          type="email"
          label={t('sign_in.email')}
          value={form.email}
          mistakes={form.mistakes}
          autocomplete="username"
          required
          autofocus={form.email === ''}
        />
        <Field
          name="password"
          type="password"
          label={t('sign_in.password')}
          mistakes={form.mistakes}
          autocomplete="current-password"
          required
          autofocus={form.email !== ''}
        />
        <div class="z-form-end">
          <Button look="primary" text={t('sign_in.submit')} />
        </div>
      </PostForm>
      <p class="z-footnote" safe>
        {t('sign_in.no_way_in')}
      </p>
    </BareShell>
  );
}
