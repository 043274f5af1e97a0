import type { Children } from '@kitajs/html';
import { limits } from '../platform/limits';
import { CopyField } from '../ui/copy';
import type { StaffPage } from '../ui/page';
import { Badge, Banner, PageHeader, Section } from '../ui/parts';
import { Shell } from '../ui/shell';
import { Time } from '../ui/time';
import type { Incoming, MailboxState } from './incoming.query';

export const INCOMING_PATH = '/admin/incoming';
export const FAILED_ARRIVALS_PATH = `${INCOMING_PATH}/failed`;

/** By which ways it could come; the addresses are whole. */
export interface Ways {
  /** Where raw mails are posted; null: INBOUND_MAIL_TOKEN is not set. */
  mailHook: string | null;
  /** Zeton's own mail server; null: INBOUND_SMTP_PORT is not set. */
  smtpPort: number | null;
  smsHook: string;
  /** Whether SMS are Twilio's, or of the sandbox. */
  hasTwilio: boolean;
}

/** What comes in by mail and SMS: by which ways, whether they work, and what could not be put into a ticket. */
export function incomingView(page: StaffPage, incoming: Incoming, ways: Ways): JSX.Element {
  const { t } = page;
  const title = t('incoming.title');
  return (
    <Shell page={page} title={title}>
      <div class="z-narrow">
        <PageHeader title={title} lead={t('incoming.lead')} />
        <Mail page={page} incoming={incoming} ways={ways} />
        <Section title={t('incoming.addresses')} lead={t('incoming.addresses_lead')}>
          <dl class="z-facts">
            {incoming.stores.map((store) => (
              <Fact label={store.name}>
                <bdi safe>{store.address ?? t('incoming.no_address')}</bdi>
              </Fact>
            ))}
          </dl>
        </Section>
        <Section title={t('incoming.sms')} lead={t('incoming.sms_lead')}>
          {ways.hasTwilio ? (
            <CopyField
              page={page}
              id="z-sms-address"
              label={t('incoming.sms_address')}
              value={ways.smsHook}
            />
          ) : (
            <Banner tone="quiet" text={t('incoming.sms_sandbox')} />
          )}
          <dl class="z-facts">
            <Fact label={t('incoming.last_sms')}>
              {incoming.lastSmsAt === null ? (
                <span safe>{t('incoming.none')}</span>
              ) : (
                <Time page={page} at={incoming.lastSmsAt} />
              )}
            </Fact>
            {incoming.smsReadUntil === null ? (
              ''
            ) : (
              <Fact label={t('incoming.sms_listed')}>
                <Time page={page} at={incoming.smsReadUntil} />
              </Fact>
            )}
            <Fact label={t('incoming.waiting')}>
              <Waiting page={page} count={incoming.failedSms} />
            </Fact>
          </dl>
        </Section>
      </div>
    </Shell>
  );
}

function Mail({ page, incoming, ways }: { page: StaffPage; incoming: Incoming; ways: Ways }): JSX.Element {
  const { t } = page;
  const { mailboxes, lastMail } = incoming;
  const isRead = mailboxes.length > 0 || ways.mailHook !== null || ways.smtpPort !== null;
  return (
    <Section title={t('incoming.mail')} lead={t('incoming.mail_lead')}>
      {isRead ? '' : <Banner tone="low" text={t('incoming.mail_unread')} />}
      <div class="z-checks">
        {mailboxes.map((mailbox) => (
          <Mailbox page={page} mailbox={mailbox} />
        ))}
      </div>
      {ways.mailHook === null ? (
        ''
      ) : (
        <CopyField page={page} id="z-mail-hook" label={t('incoming.mail_hook')} value={ways.mailHook} />
      )}
      <dl class="z-facts">
        {ways.smtpPort === null ? (
          ''
        ) : (
          <Fact label={t('incoming.smtp')}>
            <span safe>{t('incoming.smtp_port', { port: ways.smtpPort })}</span>
          </Fact>
        )}
        <Fact label={t('incoming.last_mail')}>
          {lastMail === null ? (
            <span safe>{t('incoming.none')}</span>
          ) : (
            <>
              <Time page={page} at={lastMail.at} /> <span safe>{t(`incoming.way.${lastMail.way}`)}</span>
            </>
          )}
        </Fact>
        <Fact label={t('incoming.waiting')}>
          <Waiting page={page} count={incoming.failedMails} />
        </Fact>
      </dl>
    </Section>
  );
}

function Mailbox({ page, mailbox }: { page: StaffPage; mailbox: MailboxState }): JSX.Element {
  const { t } = page;
  const { name, readAt, problem, problemSince } = mailbox;
  const isFresh =
    readAt !== null && page.now.getTime() - new Date(readAt).getTime() < limits.mailboxQuietSeconds * 1000;
  return (
    <div class="z-check-line">
      <div>
        <strong>
          <bdi safe>{name}</bdi>
        </strong>{' '}
        {problem !== null ? (
          <Badge tone="bad" icon="bad" text={t('incoming.mailbox.problem')} />
        ) : isFresh ? (
          <Badge tone="good" icon="good" text={t('incoming.mailbox.connected')} />
        ) : (
          <Badge tone="low" icon="warning" text={t('incoming.mailbox.quiet')} />
        )}
        {problem === null ? null : <p safe>{problem}</p>}
        <p class="z-row-note">
          {problemSince === null ? null : (
            <>
              <span safe>{t('incoming.mailbox.since')}</span> <Time page={page} at={problemSince} />
              {' · '}
            </>
          )}
          <span safe>{t('incoming.mailbox.read')}</span>{' '}
          {readAt === null ? (
            <span safe>{t('incoming.mailbox.never')}</span>
          ) : (
            <Time page={page} at={readAt} />
          )}
        </p>
      </div>
    </div>
  );
}

function Waiting({ page, count }: { page: StaffPage; count: number }): JSX.Element {
  const words = page.t(count === 0 ? 'incoming.waiting_none' : 'incoming.waiting_some', { count });
  return (
    <a href={FAILED_ARRIVALS_PATH} safe>
      {words}
    </a>
  );
}

function Fact({ label, children }: { label: string; children?: Children }): JSX.Element {
  return (
    <div>
      <dt safe>{label}</dt>
      <dd>{children}</dd>
    </div>
  );
}
