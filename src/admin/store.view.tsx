import { CopyField } from '../ui/copy';
import { CheckBox, Choice, Field, MistakesBanner, PostForm } from '../ui/field';
import type { Mistakes } from '../ui/form';
import { Icon } from '../ui/icons';
import type { StaffPage } from '../ui/page';
import { Badge, Banner, Button, ButtonLink, PageHeader, Section } from '../ui/parts';
import { Shell } from '../ui/shell';
import { Time } from '../ui/time';
import type { KeptReport } from '../usecases/check-store';
import type { TypedStore } from './store-form';
import type { StoreState } from './store-state';
import { StateBadge } from './stores.view';

export interface StoreForm {
  state: StoreState;
  typed: TypedStore;
  mistakes: Mistakes;
}

/** One shop: how the connection is, and what can be set. */
export function storeView(page: StaffPage, form: StoreForm): JSX.Element {
  const { t } = page;
  const { state } = form;
  const { store } = state;
  return (
    <Shell page={page} title={store.name}>
      <div class="z-narrow">
        <PageHeader
          title={store.name}
          lead={store.url ?? t('stores.no_address')}
          back={{ href: '/admin/stores', text: t('stores.title') }}
        >
          <StateBadge page={page} state={state} />
          {state.keysSet ? (
            <ButtonLink
              icon="refresh"
              href={`/admin/stores/${store.slug}/reading`}
              text={t('reading.link')}
            />
          ) : null}
          {state.keysSet ? (
            <ButtonLink
              icon="send"
              href={`/admin/stores/${store.slug}/writes`}
              text={t('shop_writes.link')}
            />
          ) : null}
        </PageHeader>
        {state.outOfReach ? (
          <Banner tone="low" text={t('stores.out_of_reach', { url: state.deliveryUrl })} />
        ) : null}
        {state.keysSet ? <Checks page={page} state={state} /> : <NotConnected page={page} state={state} />}
        {state.keysSet ? <Webhooks page={page} state={state} /> : null}
        <Settings page={page} form={form} />
      </div>
    </Shell>
  );
}

function NotConnected({ page, state }: { page: StaffPage; state: StoreState }): JSX.Element {
  const { t } = page;
  return (
    <Section title={t('stores.not_connected')} lead={t('stores.not_connected_lead')}>
      <div class="z-form-end">
        <ButtonLink
          look="primary"
          icon="forward"
          href={`/admin/stores/${state.store.slug}/connect`}
          text={t('stores.connect_now')}
        />
      </div>
      {state.secretSet ? <p safe>{t('stores.by_webhook_only')}</p> : null}
      <CopyField
        page={page}
        id="delivery-url"
        label={t('stores.field.delivery_url')}
        value={state.deliveryUrl}
      />
    </Section>
  );
}

function Checks({ page, state }: { page: StaffPage; state: StoreState }): JSX.Element {
  const { t } = page;
  const { report, store } = state;
  const action = `/admin/stores/${store.slug}/check`;
  return (
    <Section title={t('stores.checks.title')} lead={t('stores.checks.lead')}>
      {report === null ? (
        <div hx-post={action} hx-trigger="load">
          <Banner tone="quiet" text={t('stores.checks.running')} />
        </div>
      ) : (
        <>
          <ul class="z-checks">
            {report.checks.map((check) => (
              <CheckLine page={page} check={check} report={report} />
            ))}
          </ul>
          {state.checkedAt ? (
            <p class="z-row-note">
              <span safe>{t('stores.checks.at')}</span> <Time page={page} at={state.checkedAt} />
            </p>
          ) : null}
        </>
      )}
      <PostForm page={page} action={action}>
        <div class="z-form-end">
          <Button look={report?.ok ? 'plain' : 'primary'} icon="refresh" text={t('stores.checks.run')} />
          <ButtonLink
            look="quiet"
            href={`/admin/stores/${store.slug}/connect`}
            text={t('stores.other_keys')}
          />
        </div>
      </PostForm>
    </Section>
  );
}

const LOOK = {
  ok: { icon: 'good', tone: 'good' },
  warning: { icon: 'warning', tone: 'low' },
  failed: { icon: 'bad', tone: 'bad' },
  unknown: { icon: 'info', tone: 'quiet' },
} as const;

function CheckLine({
  page,
  check,
  report,
}: {
  page: StaffPage;
  check: KeptReport['checks'][number];
  report: KeptReport;
}): JSX.Element {
  const { t } = page;
  const { icon, tone } = LOOK[check.state];
  return (
    <li class={`z-check-line z-${tone}`}>
      <Icon name={icon} />
      <div>
        <strong safe>{t(`stores.checks.${check.name}`)}</strong>
        <span class="z-check-state" safe>
          {t(`stores.checks.state.${check.state}`)}
        </span>
        <p safe>{wordsOf(page, check, report)}</p>
      </div>
    </li>
  );
}

function wordsOf({ t }: StaffPage, check: KeptReport['checks'][number], report: KeptReport): string {
  if (check.problem) return check.problem.words;
  if (check.state === 'unknown') {
    return t(
      report.checks.some(({ state }) => state === 'failed')
        ? 'stores.checks.after'
        : 'stores.checks.not_shown',
    );
  }
  if (check.name === 'hpos')
    return t(check.state === 'ok' ? 'stores.checks.hpos_on' : 'stores.checks.hpos_off');
  if (check.name === 'clock') return t('stores.checks.clock_ok', { seconds: Math.abs(Number(check.value)) });
  return t(`stores.checks.${check.name}_ok`, { value: check.value ?? '' });
}

function Webhooks({ page, state }: { page: StaffPage; state: StoreState }): JSX.Element {
  const { t } = page;
  return (
    <Section title={t('stores.webhooks.title')} lead={t('stores.webhooks.lead')}>
      {state.webhooksProblem ? (
        <Banner tone="bad" text={t('stores.webhooks.problem', { problem: state.webhooksProblem })} />
      ) : null}
      {state.webhooks.length === 0 ? <p safe>{t('stores.webhooks.none')}</p> : null}
      <ul class="z-checks">
        {state.webhooks.map((hook) => (
          <li class="z-check-line">
            <div>
              <strong safe>{hook.topic}</strong>{' '}
              <span safe>{t('stores.webhooks.number', { id: hook.wooId })}</span>
            </div>
            {hook.pingedAt ? (
              <Badge tone="good" icon="good" text={t('stores.webhooks.pinged')} />
            ) : (
              <Badge tone="low" icon="warning" text={t('stores.webhooks.no_ping')} />
            )}
          </li>
        ))}
      </ul>
      {state.webhooks.some(({ pingedAt }) => pingedAt === null) ? (
        <p safe>{t('stores.webhooks.no_ping_words', { url: state.deliveryUrl })}</p>
      ) : null}
      <p>
        <span safe>{t('stores.webhooks.last')}</span>{' '}
        {state.lastReceivedAt ? (
          <Time page={page} at={state.lastReceivedAt} />
        ) : (
          <span safe>{t('stores.webhooks.never')}</span>
        )}
      </p>
    </Section>
  );
}

function Settings({ page, form }: { page: StaffPage; form: StoreForm }): JSX.Element {
  const { t } = page;
  const { typed, mistakes, state } = form;
  return (
    <Section title={t('stores.settings.title')}>
      <PostForm page={page} action={`/admin/stores/${state.store.slug}`}>
        <MistakesBanner page={page} mistakes={mistakes} />
        <Field name="name" label={t('stores.field.name')} value={typed.name} mistakes={mistakes} />
        <Field
          name="paid_statuses"
          label={t('stores.field.paid_statuses')}
          help={t('stores.field.paid_statuses_help')}
          value={typed.paidStatuses}
          mistakes={mistakes}
        />
        <Field
          name="locale"
          label={t('stores.field.locale')}
          help={t('stores.field.locale_help')}
          value={typed.locale}
          mistakes={mistakes}
        />
        <Field
          name="country"
          label={t('stores.field.country')}
          help={t('stores.field.country_help')}
          value={typed.country}
          mistakes={mistakes}
        />
        <Field
          name="time_zone"
          label={t('stores.field.time_zone')}
          help={timeZoneHelp(page, state)}
          value={typed.timeZone}
          mistakes={mistakes}
        />
        <Choice
          name="customer_note"
          label={t('stores.field.customer_note')}
          value={typed.customerNote}
          mistakes={mistakes}
          options={[
            { value: 'zeton', text: t('stores.field.customer_note_zeton') },
            { value: 'shop', text: t('stores.field.customer_note_shop') },
            { value: 'off', text: t('stores.field.customer_note_off') },
          ]}
        />
        <Field
          name="mail_address"
          label={t('stores.field.mail_address')}
          help={t('stores.field.mail_address_help')}
          value={typed.mailAddress}
          mistakes={mistakes}
        />
        <CheckBox name="notices" label={t('stores.field.notices')} checked={typed.notices} />
        <CheckBox
          name="private_refund_notes"
          label={t('stores.field.private_refund_notes')}
          checked={typed.privateRefundNotes}
        />
        <CheckBox
          name="write_ticket_meta"
          label={t('stores.field.write_ticket_meta')}
          checked={typed.writeTicketMeta}
        />
        <div class="z-form-end">
          <Button look="primary" text={t('stores.settings.save')} />
        </div>
      </PostForm>
    </Section>
  );
}

function timeZoneHelp({ t }: StaffPage, { report, store }: StoreState): string {
  const inShop = report?.shop.timeZone ?? null;
  return inShop !== null && inShop !== store.timeZone
    ? t('stores.field.time_zone_differs', { zone: inShop })
    : t('stores.field.time_zone_help');
}
