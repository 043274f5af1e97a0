import { limits } from '../platform/limits';
import { Field, MistakesBanner, PostForm } from '../ui/field';
import type { Mistakes } from '../ui/form';
import type { Page } from '../ui/page';
import { Button, ButtonLink } from '../ui/parts';
import { BareShell } from '../ui/shell';

export interface SetupForm {
  name: string;
  email: string;
  mistakes: Mistakes;
}

export function setupView(page: Page, form: SetupForm): JSX.Element {
  const { t } = page;
  return (
    <BareShell page={page} title={t('setup.title')}>
      <h1 safe>{t('setup.title')}</h1>
      <p class="z-lead" safe>
        {t('setup.lead')}
      </p>
      <MistakesBanner page={page} mistakes={form.mistakes} />
      <PostForm page={page} action={page.path}>
        <Field
          name="name"
          label={t('setup.name')}
          help={t('setup.name_help')}
          value={form.name}
          mistakes={form.mistakes}
          autocomplete="name"
          required
          autofocus
        />
        <Field
          name="email"
          type="email"
          label={t('setup.email')}
          help={t('setup.email_help')}
          value={form.email}
          mistakes={form.mistakes}
          autocomplete="username"
          required
        />
        <Field
          name="password"
          type="password"
          label={t('setup.password')}
          help={t('setup.password_help', { count: limits.passwordCharsMin })}
          mistakes={form.mistakes}
          autocomplete="new-password"
          required
        />
        <div class="z-form-end">
          <Button look="primary" text={t('setup.submit')} />
        </div>
      </PostForm>
    </BareShell>
  );
}

export function setupOverView(page: Page): JSX.Element {
  const { t } = page;
  return (
    <BareShell page={page} title={t('setup.over_title')}>
      <h1 safe>{t('setup.over_title')}</h1>
      <p class="z-lead" safe>
        {t('setup.over')}
      </p>
      <ButtonLink href="/sign-in" text={t('setup.over_action')} />
    </BareShell>
  );
}
