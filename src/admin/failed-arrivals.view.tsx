import { PostForm } from '../ui/field';
import type { StaffPage } from '../ui/page';
import { Button, ButtonLink, Empty, PageHeader, Section } from '../ui/parts';
import { Shell } from '../ui/shell';
import { Time } from '../ui/time';
import type { FailedArrival } from './failed-arrivals.query';
import { FAILED_ARRIVALS_PATH, INCOMING_PATH } from './incoming.view';

/** What came in by mail and SMS and waits for somebody. */
export function failedArrivalsView(
  page: StaffPage,
  { waiting, leftOut }: { waiting: FailedArrival[]; leftOut: FailedArrival[] },
): JSX.Element {
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
        {waiting.length === 0 ? (
          <Empty icon="good" title={t('failed_arrivals.none')} text={t('failed_arrivals.none_words')} />
        ) : (
          <Section title={t('failed_arrivals.waits')}>
            <ul class="z-checks">
              {waiting.map((one) => (
                <Line page={page} arrival={one} />
              ))}
            </ul>
          </Section>
        )}
        {leftOut.length === 0 ? null : (
          <Section title={t('failed_arrivals.left_out')} lead={t('failed_arrivals.left_out_lead')}>
            <ul class="z-checks">
              {leftOut.map((one) => (
                <Line page={page} arrival={one} isLeftOut />
              ))}
            </ul>
          </Section>
        )}
      </div>
    </Shell>
  );
}

function Line({
  page,
  arrival,
  isLeftOut = false,
}: {
  page: StaffPage;
  arrival: FailedArrival;
  isLeftOut?: boolean;
}): JSX.Element {
  const { t } = page;
  const { way, id, text, putAsideBy } = arrival;
  const path = `${FAILED_ARRIVALS_PATH}/${way}/${id}`;
  // What the rules left out, they would leave out again.
  const canDecide = !isLeftOut || putAsideBy !== null;
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
        {isLeftOut && putAsideBy !== null ? (
          <p class="z-row-note" safe>
            {t('failed_arrivals.put_aside_by', { name: putAsideBy })}
          </p>
        ) : null}
      </div>
      <div class="z-buttons">
        {canDecide ? (
          <PostForm page={page} action={path} class="z-buttons">
            <Button name="to" value="pending" icon="refresh" text={t('failed_arrivals.retry')} />
            {isLeftOut ? null : <Button name="to" value="ignored" text={t('failed_arrivals.drop')} />}
          </PostForm>
        ) : null}
        {way === 'mail' ? <ButtonLink href={path} text={t('failed_arrivals.download')} /> : null}
      </div>
    </li>
  );
}
