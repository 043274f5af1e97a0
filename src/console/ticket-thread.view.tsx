import { bareSubject } from '../domain/mails';
import { NOTICE_DROPPED } from '../domain/messages';
import { PostForm } from '../ui/field';
import type { IconName } from '../ui/icons';
import { Icon } from '../ui/icons';
import { mayAct, type StaffPage } from '../ui/page';
import { Button, type Tone } from '../ui/parts';
import { Clock, dayOf, longDay } from '../ui/time';
import type { TicketHead } from './ticket.query';
import { BounceDoubt, MailExtras, SenderNotice } from './ticket-mail.view';
import { reportText, SmsExtras } from './ticket-sms.view';
import type { Thread, ThreadEvent, ThreadItem, ThreadMessage } from './ticket-thread.query';
import { chargedText, creditsText, lengthText, partAttrs, ticketHref } from './ticket-words';
import type { TicketStatus } from './tickets.query';

/** So many changes in a row are folded into one line. */
const FOLD_FROM = 4;

/** The whole history of a ticket. It stands at its end by style alone: the container lays its content out from below. */
export function ThreadView({
  page,
  ticket,
  thread,
  before,
}: {
  page: StaffPage;
  ticket: TicketHead;
  thread: Thread;
  /** Set: an earlier part of the history. */
  before: string | null;
}): JSX.Element {
  const { t } = page;
  return (
    <section class="z-thread" id="z-thread" tabindex="0" aria-label={t('ticket_thread.name')}>
      <div class="z-thread-flow">
        <ol class="z-thread-list" id="z-thread-list">
          <Older page={page} ticket={ticket} thread={thread} />
          <ThreadItems page={page} ticket={ticket} items={thread.items} />
        </ol>
        {thread.items.length === 0 ? (
          <p class="z-thread-note" safe>
            {t('ticket_thread.empty')}
          </p>
        ) : null}
        {before === null ? null : (
          <p class="z-thread-note">
            <span safe>{t('ticket_thread.is_older')}</span>{' '}
            <a href={ticketHref(ticket.number)} safe>
              {t('ticket_thread.newer')}
            </a>
          </p>
        )}
      </div>
    </section>
  );
}

function Older({
  page,
  ticket,
  thread,
}: {
  page: StaffPage;
  ticket: TicketHead;
  thread: Thread;
}): JSX.Element {
  if (thread.olderThan === null) return '';
  const href = ticketHref(ticket.number);
  return (
    <li class="z-older" id="z-older">
      <a
        class="btn"
        href={`${href}?before=${thread.olderThan}`}
        hx-get={`${href}/older?before=${thread.olderThan}`}
        hx-target="#z-older"
        hx-swap="outerHTML"
      >
        <Icon name="history" />
        <span safe>{page.t('ticket_thread.older')}</span>
      </a>
    </li>
  );
}

/** What takes the place of the link to it. Its last day may be the first one that stands there already. */
export function olderView(page: StaffPage, ticket: TicketHead, thread: Thread): JSX.Element {
  const last = thread.items.at(-1);
  return (
    <>
      {last ? <li id={dayId(page, last.at)} hx-swap-oob="delete" /> : null}
      <Older page={page} ticket={ticket} thread={thread} />
      <ThreadItems page={page} ticket={ticket} items={thread.items} />
    </>
  );
}

export function ThreadItems({
  page,
  ticket,
  items,
  dayBefore = '',
}: {
  page: StaffPage;
  ticket: TicketHead;
  items: ThreadItem[];
  /** The day under which the item before them stands. */
  dayBefore?: string;
}): JSX.Element {
  let day = dayBefore;
  return (
    <>
      {runsOf(page, items).map((run) => {
        const first = run[0] as ThreadItem;
        const isNewDay = dayOf(page, first.at) !== day;
        day = dayOf(page, first.at);
        return (
          <>
            {isNewDay ? <DayLine page={page} at={first.at} /> : null}
            {first.what === 'message' ? (
              <MessageView page={page} ticket={ticket} message={first} />
            ) : (
              <EventRun page={page} events={run as ThreadEvent[]} />
            )}
          </>
        );
      })}
    </>
  );
}

/** Each message alone; the changes of one day that follow each other together. */
function runsOf(page: StaffPage, items: ThreadItem[]): ThreadItem[][] {
  const runs: ThreadItem[][] = [];
  for (const item of items) {
    const run = runs.at(-1);
    const before = run?.[0];
    const joins =
      before?.what === 'event' && item.what === 'event' && dayOf(page, before.at) === dayOf(page, item.at);
    if (joins) run?.push(item);
    else runs.push([item]);
  }
  return runs;
}

function dayId(page: StaffPage, at: string): string {
  return `z-day-${dayOf(page, at)}`;
}

function DayLine({ page, at }: { page: StaffPage; at: string }): JSX.Element {
  const { t, now } = page;
  const day = dayOf(page, at);
  const yesterday = new Date(now.getTime() - 24 * 3600 * 1000).toISOString();
  const words =
    day === dayOf(page, now.toISOString())
      ? t('ticket_thread.today')
      : day === dayOf(page, yesterday)
        ? t('ticket_thread.yesterday')
        : longDay(page, at);
  return (
    <li class="z-day" id={dayId(page, at)}>
      <span safe>{words}</span>
    </li>
  );
}

function EventRun({ page, events }: { page: StaffPage; events: ThreadEvent[] }): JSX.Element {
  const lines = events.map((event) => <EventLine page={page} event={event} />);
  if (events.length < FOLD_FROM) return <>{lines}</>;
  return (
    <li class="z-event-fold">
      <details>
        <summary safe>{page.t('ticket_thread.changes', { count: events.length })}</summary>
        <ol>{lines}</ol>
      </details>
    </li>
  );
}

function EventLine({ page, event }: { page: StaffPage; event: ThreadEvent }): JSX.Element {
  return (
    <li class="z-event">
      <Clock page={page} at={event.at} /> <bdi safe>{eventWords(page, event)}</bdi>
    </li>
  );
}

function eventWords(page: StaffPage, { type, by, byKind, facts }: ThreadEvent): string {
  const { t } = page;
  const who = byKind === 'system' ? t('shell.product') : by;
  const text = (name: string) => (typeof facts[name] === 'string' ? (facts[name] as string) : '');
  const status = (name: string) =>
    text(name) === '' ? '' : t(`ticket_status.${facts[name] as TicketStatus}`);
  const time = lengthText(page, Number(facts.connected_seconds ?? 0));
  const charged = chargedText(page, Number(facts.charged ?? 0));
  switch (type) {
    case 'ticket.opened':
      if (facts.follow_up_of) return t('ticket_thread.event.opened_follow_up', { who });
      if (facts.origin === 'order') return t('ticket_thread.event.opened_order');
      return t('ticket_thread.event.opened_customer', { who });
    case 'ticket.adopted':
      return t('ticket_thread.event.adopted');
    case 'ticket.moved':
      return t('ticket_thread.event.moved');
    case 'ticket.marked_unpaid':
      return t('ticket_thread.event.marked_unpaid');
    case 'ticket.status_changed':
    case 'ticket.reopened':
    case 'ticket.solved':
    case 'ticket.closed':
      return t('ticket_thread.event.status', { who, from: status('from'), to: status('to') });
    case 'ticket.renamed':
      return t('ticket_thread.event.renamed', { who, from: text('from') });
    case 'ticket.assigned':
      return text('to') === ''
        ? t('ticket_thread.event.unassigned', { who })
        : t('ticket_thread.event.assigned', { who, to: text('to') });
    case 'ticket.tagged': {
      const tags = Array.isArray(facts.to) ? (facts.to as string[]) : [];
      if (tags.length === 0) return t('ticket_thread.event.untagged', { who });
      return t('ticket_thread.event.tagged', { who, to: tags.join(', ') });
    }
    case 'ticket.marked_spam':
      return t('ticket_thread.event.marked_spam', { who });
    case 'ticket.unmarked_spam':
      return t('ticket_thread.event.unmarked_spam', { who });
    case 'message.uncertainty_settled':
      return t(facts.sent === true ? 'ticket_thread.event.was_sent' : 'ticket_thread.event.was_not_sent', {
        who,
      });
    case 'sms.opted_out':
      return t('ticket_thread.event.sms_opted_out', { who });
    case 'sms.opted_in':
      return t('ticket_thread.event.sms_opted_in', { who });
    case 'mail.different_sender':
      return t('ticket_mail.event.different', { from: text('from') });
    case 'mail.sender_accepted':
      return t('ticket_mail.event.accepted', { who, from: text('from') });
    case 'mail.split_off':
      return t('ticket_mail.event.split_off', {
        who,
        from: text('from'),
        number: Number(facts.ticket_number),
      });
    case 'mail.split_from':
      return t('ticket_mail.event.split_from', { who, number: Number(facts.ticket_number) });
    case 'mail.delayed':
      return t('ticket_mail.event.delayed', { reason: text('reason') });
    case 'mail.bounce_unproven':
      return t('ticket_mail.event.unproven', { reason: text('reason') });
    case 'mail.bounce_doubted':
      return t('ticket_mail.event.doubted', { reason: text('reason') });
    case 'mail.bounce_confirmed':
      return t('ticket_mail.event.confirmed', { who });
    case 'mail.bounce_dismissed':
      return t('ticket_mail.event.dismissed', { who });
    case 'shop.buyer_told':
      return t('ticket_thread.event.buyer_told', { number: text('order_number') });
    case 'video.opened':
      return t('ticket_thread.event.video_opened', { who });
    case 'video.started':
      return t('ticket_thread.event.video_started');
    case 'video.ended':
      return t('ticket_thread.event.video_ended', { time, charged });
    case 'video.no_show':
      return t('ticket_thread.event.video_no_show');
    case 'video.blocked':
      return t('ticket_thread.event.video_blocked', { time });
    default:
      return t('ticket_thread.event.something', { who, type });
  }
}

/** Whose words they are: it decides the side and the colour. */
function voiceOf({ kind, direction }: ThreadMessage): 'in' | 'out' | 'note' | 'system' {
  if (kind === 'note' || direction === 'internal') return 'note';
  if (kind === 'system') return 'system';
  return direction;
}

const CHANNEL_ICON: Record<ThreadMessage['channel'], IconName> = {
  sms: 'sms',
  email: 'email',
  web: 'message',
  note: 'note',
  order_note: 'orders',
};

/** `oob`: takes the place of the one that stands there. */
export function MessageView({
  page,
  ticket,
  message,
  oob = false,
}: {
  page: StaffPage;
  ticket: TicketHead;
  message: ThreadMessage;
  oob?: boolean;
}): JSX.Element {
  const { t } = page;
  const voice = voiceOf(message);
  const author = message.author.trim() || t('ticket_thread.no_name');
  const { mail } = message;
  const isAutomatic = mail?.taken?.class === 'auto-reply';
  const isStrange = mail?.taken?.sender === 'different';
  return (
    <li
      class={['z-msg', `z-msg-${voice}`, isAutomatic ? 'z-msg-auto' : '', isStrange ? 'z-msg-strange' : '']}
      id={`m-${message.id}`}
      hx-swap-oob={oob ? 'true' : undefined}
    >
      <article class="z-bubble">
        <p class="z-msg-head">
          <Icon name={CHANNEL_ICON[message.channel]} />
          <strong>
            <bdi safe>{author}</bdi>
          </strong>
          {voice === 'note' ? (
            <span safe>{t('ticket_thread.internal')}</span>
          ) : (
            <span safe>{t(`ticket_thread.by_channel.${message.channel}`)}</span>
          )}
          {voice === 'system' ? <span safe>{`· ${t('ticket_thread.from_zeton')}`}</span> : null}
          {isAutomatic ? <span safe>{`· ${t('ticket_mail.automatic')}`}</span> : null}
          <Clock page={page} at={message.at} />
        </p>
        {message.subject !== null && bareSubject(message.subject) !== bareSubject(ticket.subject) ? (
          <p class="z-msg-subject" dir="auto" safe>
            {message.subject}
          </p>
        ) : null}
        {mail ? <SenderNotice page={page} ticket={ticket} messageId={message.id} facts={mail} /> : null}
        <MessageBody page={page} body={message.body} />
        {mail ? <MailExtras page={page} ticket={ticket} messageId={message.id} facts={mail} /> : null}
        {message.sms ? <SmsExtras page={page} number={ticket.number} facts={message.sms} /> : null}
        {message.direction === 'out' ? <MessageState page={page} ticket={ticket} message={message} /> : null}
      </article>
    </li>
  );
}

const LONG_CHARS = 1500;
const LONG_LINES = 24;

/** Long ones show how they begin. */
function MessageBody({ page, body }: { page: StaffPage; body: string }): JSX.Element {
  const cut = beginningOf(body);
  if (cut === body) {
    return (
      <div class="z-msg-body" dir="auto" safe>
        {body}
      </div>
    );
  }
  return (
    <>
      <div class="z-msg-body" dir="auto" safe>
        {cut}
      </div>
      <details class="z-msg-rest">
        <summary safe>{page.t('ticket_thread.whole')}</summary>
        <div class="z-msg-body" dir="auto" safe>
          {body.slice(cut.length).replace(/^\s*\n/, '')}
        </div>
      </details>
    </>
  );
}

function beginningOf(body: string): string {
  const lines = body.split('\n');
  if (body.length <= LONG_CHARS && lines.length <= LONG_LINES) return body;
  const some = lines.slice(0, LONG_LINES).join('\n');
  if (some.length <= LONG_CHARS) return some;
  // Not in the middle of a word, where there are words; never in the middle of a character.
  const space = some.lastIndexOf(' ', LONG_CHARS);
  const at = space > LONG_CHARS / 2 ? space : LONG_CHARS;
  return some.slice(0, at).replace(/[\ud800-\udbff]$/, '');
}

const STATE: Record<ThreadMessage['status'], { tone: Tone; icon: IconName }> = {
  received: { tone: 'quiet', icon: 'check' },
  queued: { tone: 'quiet', icon: 'clock' },
  sending: { tone: 'quiet', icon: 'send' },
  sent: { tone: 'quiet', icon: 'check' },
  delivered: { tone: 'good', icon: 'good' },
  failed: { tone: 'bad', icon: 'bad' },
  uncertain: { tone: 'low', icon: 'warning' },
};

const DROPPED = { tone: 'quiet', icon: 'info' } as const;

function MessageState({
  page,
  ticket,
  message,
}: {
  page: StaffPage;
  ticket: TicketHead;
  message: ThreadMessage;
}): JSX.Element {
  const { t } = page;
  const { status, charge, freeReason, failure } = message;
  // Of no use to anybody by then: nothing to see to.
  const isDropped = failure === NOTICE_DROPPED;
  const { tone, icon } = isDropped ? DROPPED : STATE[status];
  const word = isDropped
    ? t('ticket_thread.notice_dropped')
    : status === 'failed' && charge?.givenBack
      ? t('ticket_thread.state.failed_given_back')
      : t(`ticket_thread.state.${status}`);
  const facts = [word];
  if (charge && !charge.givenBack) facts.push(creditsText(page, charge.credits));
  const reported = message.sms ? reportText(page, message.sms) : '';
  if (reported !== '') facts.push(reported);
  if (freeReason !== null) facts.push(t('ticket_thread.free', { reason: freeReason }));
  return (
    <div class={`z-msg-state z-${tone}`}>
      <p>
        <Icon name={icon} />
        <span safe>{facts.join(' · ')}</span>
      </p>
      {status === 'failed' && failure !== null && !isDropped ? (
        <p class="z-msg-why" safe>
          {t('ticket_thread.why_failed', { reason: failure })}
        </p>
      ) : null}
      {status === 'queued' && failure !== null ? (
        <p class="z-msg-why" safe>
          {t('ticket_thread.trying_again', { reason: failure })}
        </p>
      ) : null}
      {status === 'sending' && failure !== null ? (
        <p class="z-msg-why" safe>
          {t('ticket_thread.finding_out', { reason: failure })}
        </p>
      ) : null}
      {message.mail ? (
        <BounceDoubt page={page} ticket={ticket} messageId={message.id} facts={message.mail} />
      ) : null}
      {status === 'uncertain' ? <Uncertain page={page} ticket={ticket} message={message} /> : null}
    </div>
  );
}

function Uncertain({
  page,
  ticket,
  message,
}: {
  page: StaffPage;
  ticket: TicketHead;
  message: ThreadMessage;
}): JSX.Element {
  const { t } = page;
  const action = `${ticketHref(ticket.number)}/messages/${message.id}/outcome`;
  return (
    <>
      <p class="z-msg-why" safe>
        {t('ticket_thread.uncertain_words', { reason: message.failure ?? '' })}
      </p>
      {mayAct(page.staff.role, 'agent') ? (
        <PostForm page={page} action={action} class="z-buttons" attrs={partAttrs(action, `#m-${message.id}`)}>
          <Button name="sent" value="yes" text={t('ticket_thread.was_sent')} />
          <Button name="sent" value="no" text={t('ticket_thread.was_not_sent')} />
        </PostForm>
      ) : null}
    </>
  );
}
