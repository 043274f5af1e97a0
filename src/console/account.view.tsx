import { limits } from '../platform/limits';
import { Field, PostForm, TextArea } from '../ui/field';
import type { Mistakes } from '../ui/form';
import type { StaffPage } from '../ui/page';
import { Badge, Banner, Button, PageHeader, Section } from '../ui/parts';
import { Shell, ThemeSwitch } from '../ui/shell';

export interface AccountForm {
  /** As typed, when it was refused. */
  name?: string;
  /** As typed, or as it is. */
  signature: string;
  mistakes: Mistakes;
  /** What is wrong with the password form as a whole. */
  problem?: string;
}

export function accountView(page: StaffPage, form: AccountForm): JSX.Element {
  const { t, staff } = page;
  return (
    <Shell page={page} title={t('account.title')}>
      <div class="z-narrow">
        <PageHeader title={t('account.title')} />
        <Section title={t('account.details')}>
          <PostForm page={page} action="/console/account/name">
            <Field
              name="name"
              label={t('account.name')}
              help={t('account.name_help')}
              value={form.name ?? staff.name}
              mistakes={form.mistakes}
              autocomplete="name"
              required
            />
            <dl class="z-facts">
              <div>
                <dt safe>{t('account.email')}</dt>
                <dd safe>{staff.email}</dd>
              </div>
              <div>
                <dt safe>{t('account.role')}</dt>
                <dd>
                  <Badge tone="quiet" text={t(`roles.${staff.role}`)} />
                </dd>
              </div>
            </dl>
            <div class="z-form-end">
              <Button look="primary" text={t('account.save')} />
            </div>
          </PostForm>
        </Section>
        <Section title={t('account.signature')} lead={t('account.signature_lead')}>
          <PostForm page={page} action="/console/account/signature">
            <TextArea
              name="signature"
              label={t('account.signature_label')}
              help={t('account.signature_help')}
              value={form.signature}
              mistakes={form.mistakes}
              rows={4}
            />
            <div class="z-form-end">
              <Button look="primary" text={t('account.save')} />
            </div>
          </PostForm>
        </Section>
        <Section title={t('account.theme')} lead={t('account.theme_lead')}>
          <ThemeSwitch page={page} />
        </Section>
        <Section title={t('account.password')} lead={t('account.password_lead')}>
          <PasswordForm page={page} form={form} />
        </Section>
      </div>
    </Shell>
  );
}

function PasswordForm({ page, form }: { page: StaffPage; form: AccountForm }): JSX.Element {
  const { t, staff } = page;
  return (
    <PostForm page={page} action="/console/account/password">
      {form.problem ? <Banner tone="bad" text={form.problem} /> : null}
      {/* Tells password managers whose password it is. */}
      <input type="text" name="username" value={staff.email} autocomplete="username" hidden readonly />
      <Field
        name="current_password"
        type="password"
        label={t('account.current_password')}
        mistakes={form.mistakes}
        autocomplete="current-password"
        required
      />
      <Field
        name="password"
        type="password"
        label={t('account.new_password')}
        help={t('account.new_password_help', { count: limits.passwordCharsMin })}
        mistakes={form.mistakes}
        autocomplete="new-password"
        required
      />
      <div class="z-form-end">
        <Button look="primary" text={t('account.change_password')} />
      </div>
    </PostForm>
  );
}
