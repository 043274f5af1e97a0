import type { Store } from '../domain/stores';
import { PostForm } from '../ui/field';
import type { StaffPage } from '../ui/page';
import { Badge, Button, Empty, PageHeader, Section } from '../ui/parts';
import { Shell } from '../ui/shell';
import { Time } from '../ui/time';
import type { ShownWrite, ShownWrites } from './shop-writes.query';

export function shopWritesView(page: StaffPage, store: Store, writes: ShownWrites): JSX.Element {
  const { t } = page;
  const { parked, waiting, ended } = writes;
  const title = t('shop_writes.title', { name: store.name });
  const action = `/admin/stores/${store.slug}/writes/retry`;
  return (
    <Shell page={page} title={title}>
      <div class="z-narrow">
        <PageHeader
          title={title}
          lead={t('shop_writes.lead')}
          back={{ href: `/admin/stores/${store.slug}`, text: store.name }}
        />
        {parked.length + waiting.length + ended.length === 0 ? (
          <Empty icon="send" title={t('shop_writes.empty')} text={t('shop_writes.empty_words')} />
        ) : null}
        {parked.length > 0 ? (
          <Section title={t('shop_writes.parked')} lead={t('shop_writes.parked_lead')}>
            <List page={page} writes={parked} inAll={writes.parkedInAll} action={action} />
            <PostForm page={page} action={action}>
              <div class="z-form-end">
                <Button look="primary" icon="refresh" text={t('shop_writes.retry_all')} />
              </div>
            </PostForm>
          </Section>
        ) : null}
        {waiting.length > 0 ? (
          <Section title={t('shop_writes.waiting')} lead={t('shop_writes.waiting_lead')}>
            <List page={page} writes={waiting} inAll={writes.waitingInAll} />
            {parked.length > 0 ? null : (
              <PostForm page={page} action={action}>
                <div class="z-form-end">
                  <Button icon="refresh" text={t('shop_writes.retry_waiting')} />
                </div>
              </PostForm>
            )}
          </Section>
        ) : null}
        {ended.length > 0 ? (
          <Section title={t('shop_writes.done')} lead={t('shop_writes.done_lead')}>
            <List page={page} writes={ended} inAll={ended.length} />
          </Section>
        ) : null}
      </div>
    </Shell>
  );
}

/** `action`: each can be tried again by itself. */
function List({
  page,
  writes,
  inAll,
  action,
}: {
  page: StaffPage;
  writes: ShownWrite[];
  inAll: number;
  action?: string;
}): JSX.Element {
  const { t } = page;
  return (
    <>
      <ul class="z-checks">
        {writes.map((write) => (
          <li class="z-check-line z-write-line">
            <div>
              <strong safe>{t(`shop_writes.what.${write.kind}`, { label: write.label })}</strong>{' '}
              {write.state === 'dropped' ? <Badge tone="quiet" text={t('shop_writes.dropped')} /> : null}
              <p class="z-row-note">
                <Time page={page} at={write.finishedAt ?? write.createdAt} />
                {write.attempts > 1 || write.problem ? (
                  <span safe>{` · ${t('shop_writes.tries', { count: write.attempts })}`}</span>
                ) : null}
              </p>
              {write.problem ? <p safe>{write.problem}</p> : null}
            </div>
            {action ? (
              <PostForm page={page} action={action}>
                <input type="hidden" name="id" value={write.id} />
                <Button text={t('shop_writes.retry')} />
              </PostForm>
            ) : null}
          </li>
        ))}
      </ul>
      {inAll > writes.length ? <p safe>{t('shop_writes.more', { count: inAll - writes.length })}</p> : null}
    </>
  );
}
