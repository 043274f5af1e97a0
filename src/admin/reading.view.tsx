import type { SyncRun } from '../domain/syncs';
import { Field, MistakesBanner, PostForm } from '../ui/field';
import type { Mistakes } from '../ui/form';
import type { StaffPage } from '../ui/page';
import { Badge, Banner, Button, Empty, PageHeader, Section } from '../ui/parts';
import { Sentence } from '../ui/sentence';
import { Shell } from '../ui/shell';
import { Time } from '../ui/time';
import type { Reading } from './reading.query';

export function readingView(page: StaffPage, reading: Reading, mistakes: Mistakes, since = ''): JSX.Element {
  const { t } = page;
  const { store, parked, runs } = reading;
  const title = t('reading.title', { name: store.name });
  return (
    <Shell page={page} title={title}>
      <PageHeader
        title={title}
        lead={t('reading.lead')}
        back={{ href: `/admin/stores/${store.slug}`, text: store.name }}
      />
      {store.hasKeys ? (
        <Now page={page} reading={reading} mistakes={mistakes} since={since} />
      ) : (
        <Banner tone="low" text={t('reading.no_keys')} />
      )}
      {parked.length > 0 ? (
        <Section title={t('reading.parked')} lead={t('reading.parked_lead')}>
          <ul>
            {parked.map((order) => (
              <li>
                <strong safe>{t('reading.parked_order', { id: order.wooId, count: order.attempts })}</strong>{' '}
                <span safe>{order.reason}</span>
              </li>
            ))}
          </ul>
        </Section>
      ) : null}
      <Section title={t('reading.history')} lead={t('reading.history_lead')}>
        {runs.length === 0 ? (
          <Empty icon="refresh" title={t('reading.empty')} text={t('reading.empty_words')} />
        ) : (
          <ul>
            {runs.map((run) => (
              <li>
                <Run page={page} run={run} />
              </li>
            ))}
          </ul>
        )}
      </Section>
    </Shell>
  );
}

function Now({
  page,
  reading,
  mistakes,
  since,
}: {
  page: StaffPage;
  reading: Reading;
  mistakes: Mistakes;
  since: string;
}): JSX.Element {
  const { t } = page;
  const { readAt, sweptAt, store } = reading;
  return (
    <Section title={t('reading.now')}>
      <MistakesBanner page={page} mistakes={mistakes} />
      <p>
        {readAt === null ? (
          <span safe>{t('reading.never')}</span>
        ) : (
          <Sentence page={page} text="reading.read" parts={{ when: <Time page={page} at={readAt} /> }} />
        )}{' '}
        {sweptAt === null ? null : (
          <Sentence page={page} text="reading.swept" parts={{ when: <Time page={page} at={sweptAt} /> }} />
        )}
      </p>
      <PostForm page={page} action={`/admin/stores/${store.slug}/reading`}>
        <Field
          type="date"
          name="since"
          label={t('reading.since')}
          help={t('reading.since_help')}
          value={since}
          mistakes={mistakes}
        />
        <div class="z-form-end">
          <Button look="primary" icon="refresh" name="kind" value="orders" text={t('reading.read_now')} />
          <Button look="quiet" name="kind" value="sweep" text={t('reading.sweep_now')} />
        </div>
      </PostForm>
    </Section>
  );
}

const TONES = { running: 'accent', done: 'good', failed: 'bad', stopped: 'quiet' } as const;

function Run({ page, run }: { page: StaffPage; run: SyncRun }): JSX.Element {
  const { t } = page;
  const found = t('reading.found', { count: run.found, seen: run.seen });
  return (
    <>
      <Badge tone={TONES[run.state]} text={t(`reading.state.${run.state}`)} />{' '}
      <Time page={page} at={run.startedAt} /> <span safe>{`${t(`reading.kind.${run.kind}`)}: ${found}`}</span>
      {run.problem === null ? null : (
        <p class="z-row-note" safe>
          {run.problem}
        </p>
      )}
    </>
  );
}
