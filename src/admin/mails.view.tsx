import { PostForm } from '../ui/field';
import type { StaffPage } from '../ui/page';
import { Button, Empty, PageHeader, Section } from '../ui/parts';
import { Shell } from '../ui/shell';
import { Time } from '../ui/time';
import type { FailedMail } from './mails.query';

export const MAILS_PATH = '/admin/mails';

/** What came in by mail and waits for somebody. */
export function mailsView(page: StaffPage, failed: FailedMail[]): JSX.Element {
  const { t } = page;
  const title = t('mails_admin.title');
  return (
    <Shell page={page} title={title}>
      <div class="z-narrow">
        <PageHeader
          title={title}
          lead={t('mails_admin.lead')}
          back={{ href: '/admin/incoming', text: t('incoming.title') }}
        />
        {failed.length === 0 ? (
          <Empty icon="email" title={t('mails_admin.none')} text={t('mails_admin.none_words')} />
        ) : (
          <Section title={t('mails_admin.failed')} lead={t('mails_admin.failed_lead')}>
            <ul class="z-checks">
              {failed.map((mail) => (
                <li class="z-check-line z-write-line">
                  <div>
                    <strong>
                      <bdi safe>{mail.sender || t('mails_admin.no_sender')}</bdi>
                    </strong>
                    <p class="z-row-note">
                      <Time page={page} at={mail.receivedAt} />
                    </p>
                    <p class="z-row-note" safe>
                      {mail.reason}
                    </p>
                  </div>
                  <PostForm page={page} action={`${MAILS_PATH}/${mail.id}`} class="z-buttons">
                    <Button name="to" value="pending" icon="refresh" text={t('mails_admin.retry')} />
                    <Button name="to" value="ignored" text={t('mails_admin.drop')} />
                  </PostForm>
                </li>
              ))}
            </ul>
          </Section>
        )}
      </div>
    </Shell>
  );
}
