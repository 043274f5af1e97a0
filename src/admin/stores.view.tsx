import { Field, MistakesBanner, PostForm } from '../ui/field';
import type { Mistakes } from '../ui/form';
import type { StaffPage } from '../ui/page';
import { Badge, Button, ButtonLink, PageHeader, Section } from '../ui/parts';
import { Shell } from '../ui/shell';
import { Table } from '../ui/table';
import { Time } from '../ui/time';
import type { StoreState } from './store-state';

export function storesView(page: StaffPage, states: StoreState[]): JSX.Element {
  const { t } = page;
  return (
    <Shell page={page} title={t('stores.title')}>
      <PageHeader title={t('stores.title')} lead={t('stores.lead')}>
        {page.staff.storeIds === null ? (
          <ButtonLink look="primary" icon="plus" href="/admin/stores/new" text={t('stores.add')} />
        ) : null}
      </PageHeader>
      <Table
        caption={t('stores.title')}
        columns={[
          { label: t('stores.column.name') },
          { label: t('stores.column.last') },
          { label: t('stores.column.state'), align: 'end' },
        ]}
        rows={states.map((state) => ({
          href: `/admin/stores/${state.store.slug}`,
          label: state.store.name,
          note: <span safe>{state.store.url ?? t('stores.no_address')}</span>,
          cells: [
            state.lastReceivedAt ? (
              <Time page={page} at={state.lastReceivedAt} />
            ) : (
              <span safe>{t('stores.nothing_came')}</span>
            ),
            <StateBadge page={page} state={state} />,
          ],
        }))}
      />
    </Shell>
  );
}

/** How the connection is, in two or three words. */
export function StateBadge({ page, state }: { page: StaffPage; state: StoreState }): JSX.Element {
  const { t } = page;
  if (!state.keysSet) {
    return state.secretSet ? (
      <Badge tone="low" icon="warning" text={t('stores.state.webhooks_only')} />
    ) : (
      <Badge tone="quiet" text={t('stores.state.not_connected')} />
    );
  }
  if (state.report === null) return <Badge tone="quiet" text={t('stores.state.unchecked')} />;
  if (!state.report.ok || state.webhooksProblem !== null)
    return <Badge tone="bad" icon="bad" text={t('stores.state.trouble')} />;
  const isProven = state.webhooks.length > 0 && state.webhooks.every(({ pingedAt }) => pingedAt !== null);
  return isProven ? (
    <Badge tone="good" icon="good" text={t('stores.state.connected')} />
  ) : (
    <Badge tone="low" icon="warning" text={t('stores.state.no_ping')} />
  );
}

export function newStoreView(page: StaffPage, form: { url: string; mistakes: Mistakes }): JSX.Element {
  const { t } = page;
  return (
    <Shell page={page} title={t('stores.add')}>
      <div class="z-narrow">
        <PageHeader
          title={t('stores.add')}
          lead={t('stores.new_lead')}
          back={{ href: '/admin/stores', text: t('stores.title') }}
        />
        <Section title={t('stores.address_title')}>
          <PostForm page={page} action={page.path}>
            <MistakesBanner page={page} mistakes={form.mistakes} />
            <Field
              name="url"
              type="url"
              label={t('stores.field.url')}
              help={t('stores.field.url_help')}
              value={form.url}
              mistakes={form.mistakes}
              placeholder="https://shop.example.com"
              autofocus
            />
            <div class="z-form-end">
              <Button look="primary" icon="forward" text={t('stores.go_on')} />
              <ButtonLink look="quiet" href="/admin/stores" text={t('stores.cancel')} />
            </div>
          </PostForm>
        </Section>
      </div>
    </Shell>
  );
}
