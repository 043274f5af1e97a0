import type { Package } from '../domain/packages';
import { limits } from '../platform/limits';
import { CheckBox, Field, MistakesBanner, PostForm } from '../ui/field';
import type { Mistakes } from '../ui/form';
import type { StaffPage } from '../ui/page';
import { Banner, Button, PageHeader, Section } from '../ui/parts';
import { Shell } from '../ui/shell';
import type { ImportPreview } from '../usecases/import-orders';
import type { ImportState } from './import.query';

export interface ImportForm {
  pkg: Package;
  store: { name: string; hasKeys: boolean };
  state: ImportState | null;
  /** Days, as they were typed. */
  typed?: string;
  preview?: ImportPreview;
  mistakes?: Mistakes;
  /** Why the shop could not be asked. */
  problem?: string;
}

export function importView(page: StaffPage, form: ImportForm): JSX.Element {
  const { t } = page;
  const { pkg, store, state, typed, preview, mistakes = {}, problem } = form;
  const title = t('imports.title', { name: pkg.name });
  const isRunning = state?.newest.state === 'running';
  return (
    <Shell page={page} title={title}>
      <PageHeader
        title={title}
        lead={t('imports.lead')}
        back={{ href: `/admin/packages/${pkg.id}`, text: pkg.name }}
      />
      {store.hasKeys ? null : <Banner tone="low" text={t('reading.no_keys')} />}
      {problem === undefined ? null : <Banner tone="bad" text={problem} />}
      {state ? (
        <Section title={t('imports.progress')}>
          <div
            id="import-progress"
            aria-live="polite"
            hx-get={isRunning ? page.path : undefined}
            hx-trigger={isRunning ? 'every 2s' : undefined}
          >
            {progressView(page, pkg, state)}
          </div>
        </Section>
      ) : null}
      {store.hasKeys && !isRunning ? (
        <Section title={t('imports.look')} lead={t('imports.look_lead')}>
          <MistakesBanner page={page} mistakes={mistakes} />
          <form method="get" action={page.path} novalidate>
            <Field
              name="days"
              label={t('imports.days')}
              value={typed ?? String(limits.importDaysDefault)}
              mistakes={mistakes}
              inputmode="numeric"
            />
            <div class="z-form-end">
              <Button look={preview ? 'plain' : 'primary'} icon="search" text={t('imports.count')} />
            </div>
          </form>
        </Section>
      ) : null}
      {preview && typed !== undefined && !isRunning ? (
        <Start page={page} pkg={pkg} preview={preview} days={typed} />
      ) : null}
    </Shell>
  );
}

function Start({
  page,
  pkg,
  preview,
  days,
}: {
  page: StaffPage;
  pkg: Package;
  preview: ImportPreview;
  days: string;
}): JSX.Element {
  const { t } = page;
  const count = preview.orders;
  const tickets = pkg.scope === 'ticket' ? 'imports.tickets_bound' : 'imports.tickets';
  return (
    <Section title={t(`imports.counted.${preview.of}`, { count, days: Number(days) })}>
      {count === 0 ? (
        <p safe>{t('imports.none')}</p>
      ) : (
        <PostForm page={page} action={page.path}>
          <input type="hidden" name="days" value={days} />
          <ul>
            <li safe>{t('imports.only_without')}</li>
            <li safe>{t('imports.terms')}</li>
            {pkg.opensTicket ? <li safe>{t(tickets, { count: limits.importTicketDays })}</li> : null}
          </ul>
          <CheckBox
            name="greets"
            label={t('imports.greets')}
            help={t('imports.greets_help')}
            checked={false}
          />
          <div class="z-form-end">
            <Button look="primary" text={t('imports.start', { count })} />
          </div>
        </PostForm>
      )}
    </Section>
  );
}

/** How far the newest import is; asked for again while it runs. */
export function progressView(page: StaffPage, pkg: Package, state: ImportState | null): JSX.Element {
  const { t } = page;
  if (!state) return '';
  const { newest, taken } = state;
  const seen = newest.state === 'done' ? newest.total : Math.min(newest.seen, newest.total);
  const said = t(`imports.state.${newest.state}`, { seen, total: newest.total, count: taken });
  const action = `/admin/packages/${pkg.id}/import`;
  return (
    <>
      <p safe>{said}</p>
      <progress value={String(seen)} max={String(Math.max(1, newest.total))} aria-label={said} />
      {newest.failed > 0 ? <Banner tone="low" text={t('imports.failed', { count: newest.failed })} /> : null}
      {newest.problem === null ? null : (
        <Banner tone={newest.state === 'failed' ? 'bad' : 'low'} text={newest.problem} />
      )}
      {newest.state === 'running' ? (
        <PostForm page={page} action={`${action}/cancellation`}>
          <div class="z-form-end">
            <Button look="danger" text={t('imports.cancel')} />
            <a class="btn z-btn-quiet" href={action} safe>
              {t('imports.refresh')}
            </a>
          </div>
        </PostForm>
      ) : null}
      {newest.state === 'failed' || newest.state === 'cancelled' ? (
        <PostForm page={page} action={`${action}/resumption`}>
          <div class="z-form-end">
            <Button look="plain" text={t('imports.resume')} />
          </div>
        </PostForm>
      ) : null}
    </>
  );
}
