import type { Meter } from '../domain/credits';
import { CopyField } from '../ui/copy';
import { PostForm } from '../ui/field';
import { mayAct, type StaffPage } from '../ui/page';
import { Badge, Banner, Button, ButtonLink, type Tone } from '../ui/parts';
import type { VideoSessionView } from '../usecases/video-session.query';
import type { TicketHead } from './ticket.query';
import { chargedText, creditsText, lengthText, partAttrs, ticketHref } from './ticket-words';

/** What a call would cost now, and the last one. */
export interface VideoState {
  session: VideoSessionView | null;
  cost: {
    payable: boolean;
    unit: 'session' | 'block';
    blockMinutes: number | null;
    meter: Meter;
    credits: number;
    missing: number;
    available: number;
    /** Of the meter that pays. */
    left: number;
    /** Credits that pay a call were ever there. */
    everBought: boolean;
  };
}

const TONE: Record<VideoSessionView['state'], Tone> = {
  waiting: 'accent',
  active: 'good',
  ended: 'quiet',
  no_show: 'quiet',
  blocked: 'bad',
};

export function VideoBox({
  page,
  ticket,
  video,
  goodwillHref,
}: {
  page: StaffPage;
  ticket: TicketHead;
  video: VideoState;
  goodwillHref: string;
}): JSX.Element {
  const { t } = page;
  const { session } = video;
  const runs = session?.state === 'waiting' || session?.state === 'active';
  return (
    <section class="z-side-box">
      <h2>
        <span safe>{t('ticket_video.title')}</span>{' '}
        {session ? (
          <Badge tone={TONE[session.state]} text={t(`ticket_video.state.${session.state}`)} />
        ) : null}
      </h2>
      {session && runs ? (
        <Running page={page} ticket={ticket} session={session} />
      ) : (
        <Idle page={page} ticket={ticket} video={video} goodwillHref={goodwillHref} />
      )}
    </section>
  );
}

function Running({
  page,
  ticket,
  session,
}: {
  page: StaffPage;
  ticket: TicketHead;
  session: VideoSessionView;
}): JSX.Element {
  const { t } = page;
  const action = `${ticketHref(ticket.number)}/video-sessions/${session.id}/end`;
  return (
    <>
      <p safe>{whoIsThere(page, session)}</p>
      {session.state === 'active' ? (
        <p>
          <strong class="z-connected" safe>
            {t('ticket_video.connected', { time: lengthText(page, session.connectedSeconds) })}
          </strong>{' '}
          <span safe>{heldText(page, session)}</span>
        </p>
      ) : null}
      {session.warning === 'out-of-credit' ? (
        <Banner tone="low" text={t('ticket_video.out_of_credit')} />
      ) : null}
      {mayAct(page.staff.role, 'agent') ? (
        <>
          <CopyField
            page={page}
            id="z-link-customer"
            label={t('ticket_video.customer_link')}
            value={session.joinUrls.customer}
          />
          <CopyField
            page={page}
            id="z-link-agent"
            label={t('ticket_video.agent_link')}
            value={session.joinUrls.agent}
          />
          <PostForm page={page} action={action} attrs={partAttrs(action, '#z-part-video')}>
            <Button look="danger" text={t('ticket_video.end')} />
          </PostForm>
        </>
      ) : null}
    </>
  );
}

function whoIsThere({ t }: StaffPage, session: VideoSessionView): string {
  const { agentState, customerState } = session;
  if (session.state === 'active') {
    const both = agentState === 'connected' && customerState === 'connected';
    return t(both ? 'ticket_video.active_both' : 'ticket_video.active_apart');
  }
  if (agentState !== 'absent') return t('ticket_video.waiting_agent');
  return t(customerState !== 'absent' ? 'ticket_video.waiting_customer' : 'ticket_video.waiting_none');
}

function heldText({ t }: StaffPage, { charge, blockMinutes }: VideoSessionView): string {
  if (charge.quantity === 0) return '';
  if (charge.unit === 'session' || blockMinutes === null) return t('ticket_video.held_session');
  return t('ticket_video.held_block', { count: charge.quantity, minutes: blockMinutes });
}

function Idle({
  page,
  ticket,
  video,
  goodwillHref,
}: {
  page: StaffPage;
  ticket: TicketHead;
  video: VideoState;
  goodwillHref: string;
}): JSX.Element {
  const { t } = page;
  const { session, cost } = video;
  const action = `${ticketHref(ticket.number)}/video-sessions`;
  const mayStart = ticket.status !== 'closed' && mayAct(page.staff.role, 'agent');
  return (
    <>
      {session ? <p safe>{lastWords(page, session)}</p> : <p safe>{t('ticket_video.none')}</p>}
      {mayStart && cost.payable ? (
        <>
          <p>
            <span safe>{costText(page, cost)}</span>{' '}
            <strong safe>{t('ticket_video.left', { left: cost.left })}</strong>
          </p>
          <PostForm page={page} action={action} attrs={partAttrs(action, '#z-part-video')}>
            <Button icon="video" text={t('ticket_video.start')} />
            <p class="form-hint" safe>
              {t('ticket_video.start_costs')}
            </p>
          </PostForm>
        </>
      ) : null}
      {mayStart && !cost.payable ? (
        <>
          {cost.everBought ? (
            <p class="z-none" safe>
              {t('composer.none.video', { needed: cost.available + cost.missing, available: cost.available })}
            </p>
          ) : (
            <p class="z-dim" safe>
              {t('ticket_video.never')}
            </p>
          )}
          <ButtonLink href={goodwillHref} icon="gift" text={t('ticket.goodwill')} />
        </>
      ) : null}
    </>
  );
}

function costText(page: StaffPage, { unit, blockMinutes, meter, credits }: VideoState['cost']): string {
  const amount = creditsText(page, [{ meter, quantity: credits }]);
  if (unit === 'session' || blockMinutes === null) return page.t('ticket_video.costs_session', { amount });
  return page.t('ticket_video.costs_block', { count: blockMinutes, amount });
}

function lastWords(page: StaffPage, { state, connectedSeconds, charge }: VideoSessionView): string {
  const { t } = page;
  if (state === 'no_show') return t('ticket_video.no_show');
  const credits = charge.grants.reduce((sum, draw) => sum + draw.credits, 0);
  const told = { time: lengthText(page, connectedSeconds), charged: chargedText(page, credits) };
  return t(state === 'blocked' ? 'ticket_video.blocked' : 'ticket_video.ended', told);
}
