import type { Meter } from '../domain/credits';
import type { StaffPage } from '../ui/page';
import { Badge, type Tone } from '../ui/parts';
import type { TicketStatus } from './tickets.query';

export function ticketHref(number: number): string {
  return `/console/tickets/${number}`;
}

const TONE: Record<TicketStatus, Tone> = {
  new: 'accent',
  open: 'accent',
  pending: 'quiet',
  on_hold: 'quiet',
  solved: 'good',
  closed: 'quiet',
};

/** In which state a ticket is, and what else one must know of it. */
export function TicketSigns({
  page,
  ticket,
}: {
  page: StaffPage;
  ticket: { status: TicketStatus; unpaid?: boolean; spam?: boolean };
}): JSX.Element {
  const { t } = page;
  return (
    <span class="z-signs">
      {/* The blanks are for those who hear it. */}
      <Badge tone={TONE[ticket.status]} text={t(`ticket_status.${ticket.status}`)} />{' '}
      {ticket.unpaid ? <Badge tone="low" icon="warning" text={t('ticket_status.unpaid')} /> : null}{' '}
      {ticket.spam ? <Badge tone="bad" icon="bad" text={t('ticket_status.spam')} /> : null}
    </span>
  );
}

/** "2 SMS credits", "1 SMS credit + 1 credit for any help" */
export function creditsText(
  { t }: Pick<StaffPage, 't'>,
  credits: { meter: Meter; quantity: number }[],
): string {
  return credits.map(({ meter, quantity }) => t(`ticket.amount.${meter}`, { count: quantity })).join(' + ');
}

/** "12 min 5 s" */
export function lengthText({ t }: Pick<StaffPage, 't'>, seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  if (minutes === 0) return t('ticket_video.seconds', { seconds });
  return t('ticket_video.minutes', { minutes, seconds: seconds % 60 });
}

export function chargedText({ t }: Pick<StaffPage, 't'>, charged: number): string {
  return charged === 0 ? t('ticket_thread.charged_none') : t('ticket_thread.charged', { count: charged });
}

/** A form of the ticket that is answered with the part it stands in, and with what else is new. One at a time. */
export function partAttrs(action: string, target: string): Record<string, string> {
  return {
    'hx-post': action,
    'hx-target': target,
    'hx-swap': 'outerHTML',
    'hx-include': '[name=seen]',
    'hx-sync': '#z-desk:drop',
  };
}
