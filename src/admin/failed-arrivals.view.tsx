import { PostForm } from '../ui/field';
import type { StaffPage } from '../ui/page';
import { Button, ButtonLink, Empty, PageHeader } from '../ui/parts';
import { Shell } from '../ui/shell';
import { Time } from '../ui/time';
import type { FailedArrival } from './failed-arrivals.query';
import { FAILED_ARRIVALS_PATH, INCOMING_PATH } from './incoming.view';

/** What came in by mail and SMS and waits for somebody. */
export function failedArrivalsView(page: StaffPage, arrivals: FailedArrival[]): JSX.Element {
  const { t } = page;
  const title = t('failed_arrivals.title');
  return (
    <Shell page={page} title={title}>
      <div class="z-narrow">
        <PageHeader
          title={title}
          lead={t('failed_arrivals.lead')}
          back={{ href: INCOMING_PATH, text: t('incoming.title') }}
        />
        {arrivals.length === 0 ? (
          <Empty icon="good" title={t('failed_arrivals.none')} text={t('failed_arrivals.none_words')} />
        ) : (
          <ul class="z-checks">
            {arrivals.map((one) => (
              <Line page={page} arrival={one} />
            ))}
          </ul>
        )}
      </div>
    </Shell>
  );
}

function Line({ page, arrival }: { page: StaffPage; arrival: FailedArrival }): JSX.Element {
  const { t } = page;
  const { way, id, text } = arrival;
  const path = `${FAILED_ARRIVALS_PATH}/${way}/${id}`;
  return (
    <li class="z-check-line z-write-line">
      <div>
        <strong>
          <bdi safe>{arrival.sender || t('failed_arrivals.no_sender')}</bdi>
        </strong>
        <p class="z-row-note">
          <span safe>{t(`failed_arrivals.way.${way}`)}</span> · <Time page={page} at={arrival.receivedAt} />
        </p>
        {text === null ? null : (
          <p dir="auto" safe>
            {text}
          </p>
        )}
        <p class="z-row-note" safe>
          {arrival.reason}
        </p>
      </div>
      <PostForm page={page} action={path} class="z-buttons">
        <Button name="to" value="pending" icon="refresh" text={t('failed_arrivals.retry')} />
        <Button name="to" value="ignored" text={t('failed_arrivals.drop')} />
        {way === 'mail' ? <ButtonLink href={path} text={t('failed_arrivals.download')} /> : null}
      </PostForm>
    </li>
  );
}
