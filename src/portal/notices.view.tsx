import { PostForm } from '../ui/field';
import type { Page } from '../ui/page';
import { Button } from '../ui/parts';
import { BareShell } from '../ui/shell';

export function noticesView(page: Page, notices: { store: string; stopped: boolean }): JSX.Element {
  const { t, path } = page;
  const { store, stopped } = notices;
  return (
    <BareShell page={page} title={t('notices_page.title')}>
      <h1 safe>{t('notices_page.title')}</h1>
      <p class="z-lead" safe>
        {t(stopped ? 'notices_page.lead_stopped' : 'notices_page.lead', { store })}
      </p>
      <p safe>{t('notices_page.never_replies')}</p>
      <PostForm page={page} action={`${path}/choice`}>
        <div class="z-form-end">
          {stopped ? (
            <Button name="wanted" value="yes" text={t('notices_page.want')} />
          ) : (
            <Button look="primary" name="wanted" value="no" text={t('notices_page.stop')} />
          )}
        </div>
      </PostForm>
    </BareShell>
  );
}

export function noticesOverView(page: Page): JSX.Element {
  const { t } = page;
  return (
    <BareShell page={page} title={t('notices_page.over_title')}>
      <h1 safe>{t('notices_page.over_title')}</h1>
      <p class="z-lead" safe>
        {t('notices_page.over')}
      </p>
    </BareShell>
  );
}
