import { PostForm } from '../ui/field';
import { mayAct, type StaffPage } from '../ui/page';
import { Banner, Button } from '../ui/parts';
import { dayText } from '../ui/time';
import { customerHref } from './counts';
import type { StoppedMail } from './stopped-mail.query';

/** That mail came back, why, and the way to try it all the same. `back`: the page to return to. */
export function MailStopped({
  page,
  customer,
  back,
}: {
  page: StaffPage;
  customer: { id: string; stoppedMail: StoppedMail | null };
  back: string;
}): JSX.Element {
  const { t } = page;
  const { stoppedMail } = customer;
  if (stoppedMail === null) return '';
  const { reason, since } = stoppedMail;
  return (
    <Banner tone="bad" text={t('customer.mail_stopped')}>
      <p class="z-dim" safe>
        {t('customer.mail_stopped_why', { date: dayText(page, since), reason })}
      </p>
      {mayAct(page.staff.role, 'agent') ? (
        <PostForm page={page} action={`${customerHref(customer.id)}/mail-again`} class="z-buttons">
          <input type="hidden" name="back" value={back} />
          <Button icon="email" text={t('customer.mail_again')} />
        </PostForm>
      ) : null}
    </Banner>
  );
}
