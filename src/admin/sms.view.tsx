import { CopyField } from '../ui/copy';
import { PostForm } from '../ui/field';
import type { StaffPage } from '../ui/page';
import { Button, Empty, PageHeader, Section } from '../ui/parts';
import { Shell } from '../ui/shell';
import { Time } from '../ui/time';
import type { FailedSms } from './sms.query';

export const SMS_PATH = '/admin/sms';

/** What to set up at Twilio, and what came in and waits for somebody. */
export function smsView(page: StaffPage, failed: FailedSms[], address: string): JSX.Element {
  const { t } = page;
  const title = t('sms_admin.title');
  return (
    <Shell page={page} title={title}>
      <div class="z-narrow">
        <PageHeader
          title={title}
          lead={t('sms_admin.lead')}
          back={{ href: '/admin/incoming', text: t('incoming.title') }}
        />
        <Section title={t('sms_admin.setup')} lead={t('sms_admin.setup_lead')}>
          <CopyField page={page} id="z-sms-address" label={t('sms_admin.address')} value={address} />
        </Section>
        {failed.length === 0 ? (
          <Empty icon="sms" title={t('sms_admin.none')} text={t('sms_admin.none_words')} />
        ) : (
          <Section title={t('sms_admin.failed')} lead={t('sms_admin.failed_lead')}>
            <ul class="z-checks">
              {failed.map((sms) => (
                <li class="z-check-line z-write-line">
                  <div>
                    <strong>
                      <bdi safe>{sms.from}</bdi>
                    </strong>
                    <p class="z-row-note">
                      <Time page={page} at={sms.receivedAt} />
                    </p>
                    <p dir="auto" safe>
                      {sms.text}
                    </p>
                    <p class="z-row-note" safe>
                      {sms.reason}
                    </p>
                  </div>
                  <PostForm page={page} action={`${SMS_PATH}/${sms.id}/retry`}>
                    <Button icon="refresh" text={t('sms_admin.retry')} />
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
