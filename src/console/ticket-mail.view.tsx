import { PostForm } from '../ui/field';
import { FileLinks } from '../ui/file-links';
import { Icon } from '../ui/icons';
import { mayAct, type StaffPage } from '../ui/page';
import { Button } from '../ui/parts';
import type { TicketHead } from './ticket.query';
import type { MailFacts } from './ticket-mail.query';
import { partAttrs, ticketHref } from './ticket-words';

type Taken = NonNullable<MailFacts['taken']>;

interface MailProps {
  page: StaffPage;
  ticket: TicketHead;
  messageId: string;
  facts: MailFacts;
}

/** Before the words: whose they are, where that is in doubt. */
export function SenderNotice({ page, ticket, messageId, facts }: MailProps): JSX.Element {
  const { t } = page;
  const { taken } = facts;
  if (!taken || taken.sender === 'known') return '';
  const from = taken.fromAddress;
  if (taken.sender !== 'different') {
    const who = taken.acceptedBy || t('ticket_mail.an_agent');
    const mark =
      taken.sender === 'accepted'
        ? t('ticket_mail.accepted', { from, who })
        : t('ticket_mail.unproven', { from });
    return (
      <p class="z-mail-mark" safe>
        {mark}
      </p>
    );
  }
  const action = `${ticketHref(ticket.number)}/messages/${messageId}/sender`;
  const isAutomatic = taken.class === 'auto-reply';
  return (
    <div class="z-mail-strange z-low">
      <p>
        <Icon name="warning" />
        <strong safe>{t('ticket_mail.different', { from })}</strong>
      </p>
      {isAutomatic ? null : <p safe>{t('ticket_mail.different_words')}</p>}
      {isAutomatic || !mayAct(page.staff.role, 'agent') ? null : (
        <PostForm page={page} action={action} class="z-buttons" attrs={partAttrs(action, `#m-${messageId}`)}>
          <Button name="decision" value="accept" icon="check" text={t('ticket_mail.accept')} />
          <Button name="decision" value="split" text={t('ticket_mail.split')} />
          <Button name="decision" value="spam" text={t('ticket_mail.spam')} />
        </PostForm>
      )}
    </div>
  );
}

/** After the words: what a mail has besides them. */
export function MailExtras({ page, ticket, messageId, facts }: MailProps): JSX.Element {
  const { t } = page;
  const { taken, files } = facts;
  return (
    <>
      {taken ? <TakenExtras page={page} number={ticket.number} messageId={messageId} taken={taken} /> : null}
      <FileLinks page={page} label={t('ticket_mail.files')} files={files} />
    </>
  );
}

function TakenExtras({
  page,
  number,
  messageId,
  taken,
}: {
  page: StaffPage;
  number: number;
  messageId: string;
  taken: Taken;
}): JSX.Element {
  const { t } = page;
  const { quoted, signature, hasHtml, limitsHit, storm } = taken;
  return (
    <>
      {quoted === '' ? null : <Folded title={t('ticket_mail.quoted')} text={withoutMarks(quoted)} />}
      {signature === '' ? null : <Folded title={t('ticket_mail.signature')} text={signature} />}
      {hasHtml ? <AsSent page={page} number={number} messageId={messageId} taken={taken} /> : null}
      {limitsHit.length === 0 ? null : (
        <p class="z-mail-mark" safe>
          {t('ticket_mail.limits', { list: limitsHit.join('; ') })}
        </p>
      )}
      {storm ? (
        <div class="z-msg-state z-low">
          <p>
            <Icon name="warning" />
            <span safe>{t('ticket_mail.storm')}</span>
          </p>
        </div>
      ) : null}
    </>
  );
}

function Folded({ title, text }: { title: string; text: string }): JSX.Element {
  return (
    <details class="z-msg-rest">
      <summary safe>{title}</summary>
      <div class="z-msg-body z-mail-quoted" dir="auto" safe>
        {text}
      </div>
    </details>
  );
}

/** The bar beside a quote says what its marks say; those of quotes in it stay. */
function withoutMarks(quoted: string): string {
  return quoted.replace(/^>[^\S\n]?/gm, '');
}

/** A page of its own, in which nothing runs; pictures from elsewhere are fetched when somebody wants to see them. */
function AsSent({
  page,
  number,
  messageId,
  taken,
}: {
  page: StaffPage;
  number: number;
  messageId: string;
  taken: Taken;
}): JSX.Element {
  const { t } = page;
  const src = `${ticketHref(number)}/messages/${messageId}/mail`;
  const frame = `z-mail-${messageId}`;
  return (
    <details class="z-msg-rest z-mail-sent">
      <summary safe>{t('ticket_mail.as_sent')}</summary>
      {taken.remoteImages > 0 ? (
        <p class="z-mail-mark">
          <a href={`${src}?pictures=yes`} target={frame} safe>
            {t('ticket_mail.pictures', { count: taken.remoteImages })}
          </a>
          {' · '}
          <span safe>{t('ticket_mail.pictures_words')}</span>
        </p>
      ) : null}
      <iframe
        name={frame}
        src={src}
        title={t('ticket_mail.as_sent')}
        sandbox="allow-popups allow-popups-to-escape-sandbox"
        loading="lazy"
        referrerpolicy="no-referrer"
      />
    </details>
  );
}

/** Of a mail that went out: it is said to have come back, and somebody has to say whether that is true. */
export function BounceDoubt({ page, ticket, messageId, facts }: MailProps): JSX.Element {
  const { t } = page;
  const { bounce } = facts;
  if (bounce?.state === 'dismissed') {
    return (
      <p class="z-msg-why" safe>
        {t('ticket_mail.bounce_dismissed', { who: bounce.dismissedBy || t('ticket_mail.an_agent') })}
      </p>
    );
  }
  if (bounce?.state !== 'review' || bounce.doubt === null) return '';
  const action = `${ticketHref(ticket.number)}/messages/${messageId}/bounce`;
  return (
    <>
      <p class="z-msg-why">
        <Icon name="warning" />
        <span safe>{t(`ticket_mail.doubt.${bounce.doubt}`, { reason: bounce.reason })}</span>
      </p>
      {mayAct(page.staff.role, 'agent') ? (
        <PostForm page={page} action={action} class="z-buttons" attrs={partAttrs(action, `#m-${messageId}`)}>
          <Button name="returned" value="yes" text={t('ticket_mail.give_back')} />
          <Button name="returned" value="no" text={t('ticket_mail.arrived')} />
        </PostForm>
      ) : null}
    </>
  );
}
