import type { Children } from '@kitajs/html';
import { Field, PostForm } from '../ui/field';
import type { Mistakes } from '../ui/form';
import { Icon } from '../ui/icons';
import { mayAct, type StaffPage } from '../ui/page';
import { Banner, Button } from '../ui/parts';
import type { TicketHead } from './ticket.query';
import { partAttrs, TicketSigns, ticketHref } from './ticket-words';
import type { TicketStatus } from './tickets.query';

/** Why the state or the assignee was not changed. */
export interface HeadNotice {
  text: string;
  mistakes: Mistakes;
  assignee?: string;
}

const BY_HAND = ['open', 'pending', 'on_hold', 'solved'] as const satisfies TicketStatus[];

export function Head({
  page,
  ticket,
  notice,
}: {
  page: StaffPage;
  ticket: TicketHead;
  notice: HeadNotice | undefined;
}): JSX.Element {
  const { t } = page;
  const mayChange = mayAct(page.staff.role, 'agent') && ticket.status !== 'closed';
  return (
    <>
      <div class="z-head-row">
        <a class="z-back z-back-short" href="/console/tickets" aria-label={t('ticket.all')}>
          <Icon name="back" />
        </a>
        <h1>
          <span class="z-number" safe>{`#${ticket.number}`}</span> <bdi safe>{ticket.subject}</bdi>
        </h1>
        <div class="z-head-tools">
          {mayChange ? (
            <>
              <StateMenu page={page} ticket={ticket} />
              <AssigneeMenu page={page} ticket={ticket} notice={notice} />
              {ticket.status === 'solved' ? null : <SolveForm page={page} ticket={ticket} />}
              <MoreMenu page={page} ticket={ticket} />
            </>
          ) : (
            <>
              <TicketSigns page={page} ticket={ticket} />
              <bdi class="z-dim" safe>
                {ticket.assignee ?? t('ticket.nobody')}
              </bdi>
            </>
          )}
        </div>
      </div>
      {ticket.followUpOf ? (
        <p class="z-head-note">
          <a href={ticketHref(ticket.followUpOf.number)} safe>
            {t('ticket.follow_up_of', { number: ticket.followUpOf.number })}
          </a>
        </p>
      ) : null}
      {notice ? <Banner tone="low" text={notice.text} /> : null}
    </>
  );
}

function StateMenu({ page, ticket }: { page: StaffPage; ticket: TicketHead }): JSX.Element {
  const { t } = page;
  const signs = [ticket.status, ...(ticket.unpaid ? (['unpaid'] as const) : [])];
  const status = signs.map((sign) => t(`ticket_status.${sign}`)).join(', ');
  return (
    <details class="z-menu">
      <summary aria-label={t('ticket.status', { status })}>
        <TicketSigns page={page} ticket={ticket} />
        <Icon name="down" />
      </summary>
      <div class="z-menu-sheet">
        <p class="z-menu-title" safe>
          {t('ticket.set_status')}
        </p>
        <ChangeForm page={page} ticket={ticket} what="status">
          {BY_HAND.filter((status) => status !== ticket.status).map((status) => (
            <button type="submit" class="z-menu-item" name="status" value={status}>
              <span>
                <strong safe>{t(`ticket_status.${status}`)}</strong>
                <small safe>{t(`ticket_status.${status}_means`)}</small>
              </span>
            </button>
          ))}
        </ChangeForm>
      </div>
    </details>
  );
}

function SolveForm({ page, ticket }: { page: StaffPage; ticket: TicketHead }): JSX.Element {
  return (
    <ChangeForm page={page} ticket={ticket} what="status">
      <Button icon="check" name="status" value="solved" text={page.t('ticket.solve')} />
    </ChangeForm>
  );
}

function AssigneeMenu({
  page,
  ticket,
  notice,
}: {
  page: StaffPage;
  ticket: TicketHead;
  notice: HeadNotice | undefined;
}): JSX.Element {
  const { t } = page;
  const name = ticket.assignee ?? t('ticket.nobody');
  return (
    <details class="z-menu" open={notice?.mistakes.assignee !== undefined}>
      <summary aria-label={t('ticket.assignee', { name })}>
        <Icon name="person" />
        <bdi class="z-one-line" safe>
          {name}
        </bdi>
        <Icon name="down" />
      </summary>
      <div class="z-menu-sheet">
        <ChangeForm page={page} ticket={ticket} what="assignee">
          <Field
            name="assignee"
            id="z-assignee"
            label={t('ticket.assignee_label')}
            value={notice?.assignee ?? ticket.assignee ?? ''}
            mistakes={notice?.mistakes}
            autocomplete="off"
          />
          <div class="z-buttons">
            <Button look="primary" text={t('ticket.assign')} />
            <Button name="who" value="me" text={t('ticket.assign_me')} />
            {ticket.assignee === null ? null : (
              <Button look="quiet" name="who" value="nobody" text={t('ticket.assign_nobody')} />
            )}
          </div>
        </ChangeForm>
      </div>
    </details>
  );
}

/** What cannot be undone asks once, and names the ticket. */
function MoreMenu({ page, ticket }: { page: StaffPage; ticket: TicketHead }): JSX.Element {
  const { t } = page;
  const { number } = ticket;
  return (
    <details class="z-menu">
      <summary aria-label={t('ticket.more')}>
        <Icon name="more" />
      </summary>
      <div class="z-menu-sheet">
        <a class="z-menu-item" href={`${ticketHref(number)}/coupon`} safe>
          {t('coupon.link')}
        </a>
        <details class="z-confirm">
          <summary class="z-menu-item" safe>
            {t('ticket.close')}
          </summary>
          <p safe>{t('ticket.close_words', { number })}</p>
          <ChangeForm page={page} ticket={ticket} what="status">
            <Button look="danger" name="status" value="closed" text={t('ticket.close_now', { number })} />
          </ChangeForm>
        </details>
        <details class="z-confirm">
          <summary class="z-menu-item" safe>
            {t('ticket.spam')}
          </summary>
          <p safe>{t('ticket.spam_words', { number })}</p>
          <ChangeForm page={page} ticket={ticket} what="spam">
            <Button look="danger" text={t('ticket.spam_now', { number })} />
          </ChangeForm>
        </details>
      </div>
    </details>
  );
}

function ChangeForm({
  page,
  ticket,
  what,
  children,
}: {
  page: StaffPage;
  ticket: TicketHead;
  what: 'status' | 'assignee' | 'spam';
  children?: Children;
}): JSX.Element {
  const action = `${ticketHref(ticket.number)}/${what}`;
  return (
    <PostForm page={page} action={action} attrs={partAttrs(action, '#z-part-head')}>
      <input type="hidden" name="version" value={String(ticket.version)} />
      {children}
    </PostForm>
  );
}
