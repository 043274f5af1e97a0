import { Icon } from '../ui/icons';
import type { StaffPage } from '../ui/page';
import type { SmsFacts, SmsPicture } from './ticket-sms.query';
import { ticketHref } from './ticket-words';

/** Pictures that came with an SMS, and a word where it was one of too many. */
export function SmsExtras({
  page,
  number,
  facts,
}: {
  page: StaffPage;
  /** Of the ticket. */
  number: number;
  facts: SmsFacts;
}): JSX.Element {
  const { t } = page;
  return (
    <>
      {facts.pictures.length === 0 ? null : (
        <ul class="z-pictures">
          {facts.pictures.map((picture, n) => (
            <li>
              <PictureView page={page} number={number} picture={picture} n={n + 1} />
            </li>
          ))}
        </ul>
      )}
      {facts.storm ? (
        <div class="z-msg-state z-low">
          <p>
            <Icon name="warning" />
            <span safe>{t('ticket_thread.storm')}</span>
          </p>
        </div>
      ) : null}
    </>
  );
}

function PictureView({
  page,
  number,
  picture,
  n,
}: {
  page: StaffPage;
  number: number;
  picture: SmsPicture;
  n: number;
}): JSX.Element {
  const { t } = page;
  if (picture.state === 'stored') {
    const href = `${ticketHref(number)}/pictures/${picture.id}`;
    return (
      <a href={href}>
        <img src={href} alt={t('ticket_thread.picture', { n })} loading="lazy" />
      </a>
    );
  }
  const words =
    picture.state === 'pending'
      ? t('ticket_thread.picture_pending', { n })
      : t('ticket_thread.picture_refused', { n, reason: picture.reason ?? '' });
  return <span safe>{words}</span>;
}

/** "Twilio: 2 parts, €0.0750"; '': it has said nothing. */
export function reportText({ t, locale }: StaffPage, { report }: SmsFacts): string {
  if (!report) return '';
  const facts: string[] = [];
  if (report.segments !== null) facts.push(t('composer.parts', { count: report.segments }));
  if (report.price) facts.push(money(locale, report.price));
  return facts.length === 0 ? '' : t('ticket_thread.reported', { facts: facts.join(', ') });
}

function money(locale: string, { micros, currency }: { micros: number; currency: string }): string {
  const style = { style: 'currency', currency, maximumFractionDigits: 4 } as const;
  return new Intl.NumberFormat(locale, style).format(micros / 1_000_000);
}
