import type { Store } from '../domain/stores';
import { Field, MistakesBanner, PostForm } from '../ui/field';
import type { Mistakes } from '../ui/form';
import type { StaffPage } from '../ui/page';
import { Banner, Button, ButtonLink, PageHeader, Section } from '../ui/parts';
import { Shell } from '../ui/shell';

/** Two ways to keys: the shop's own page, or by hand. `approval`: null where the shop could not hand them over. */
export function connectView(
  page: StaffPage,
  {
    store,
    approval,
    publicUrl,
    mistakes,
  }: {
    store: Store;
    approval: string | null;
    publicUrl: string;
    mistakes: Mistakes;
  },
): JSX.Element {
  const { t } = page;
  const title = t('stores.connect.title', { name: store.name });
  return (
    <Shell page={page} title={title}>
      <div class="z-narrow">
        <PageHeader
          title={title}
          lead={t('stores.connect.lead')}
          back={{ href: `/admin/stores/${store.slug}`, text: store.name }}
        />
        {store.url?.startsWith('http:') ? <Banner tone="low" text={t('stores.connect.http_shop')} /> : null}
        {store.url === null ? null : (
          <Section title={t('stores.connect.one_click')} lead={t('stores.connect.one_click_lead')}>
            {approval === null ? (
              <Banner tone="low" text={t('stores.connect.needs_https', { url: publicUrl })} />
            ) : (
              <>
                <ol class="z-steps">
                  <li safe>{t('stores.connect.step_go')}</li>
                  <li safe>{t('stores.connect.step_approve')}</li>
                  <li safe>{t('stores.connect.step_back')}</li>
                </ol>
                <div class="z-form-end">
                  <ButtonLink
                    look="primary"
                    icon="external"
                    href={approval}
                    text={t('stores.connect.go', { host: new URL(store.url).host })}
                  />
                </div>
              </>
            )}
          </Section>
        )}
        <Section title={t('stores.connect.by_hand')} lead={t('stores.connect.by_hand_lead')}>
          <PostForm page={page} action={`/admin/stores/${store.slug}/keys`}>
            <MistakesBanner page={page} mistakes={mistakes} />
            <Field
              name="url"
              type="url"
              label={t('stores.field.url')}
              help={t('stores.field.url_help')}
              value={store.url ?? ''}
              mistakes={mistakes}
            />
            <Field
              name="consumer_key"
              label={t('stores.field.key')}
              mistakes={mistakes}
              autocomplete="off"
              placeholder="ck_…"
            />
            <Field
              name="consumer_secret"
              type="password"
              label={t('stores.field.secret')}
              help={t('stores.field.secret_help')}
              mistakes={mistakes}
              autocomplete="off"
              placeholder="cs_…"
            />
            <div class="z-form-end">
              <Button look={approval === null ? 'primary' : 'plain'} text={t('stores.connect.save_keys')} />
            </div>
          </PostForm>
        </Section>
      </div>
    </Shell>
  );
}
