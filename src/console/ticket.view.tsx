import { Icon } from '../ui/icons';
import { mayAct, type StaffPage } from '../ui/page';
import { Shell } from '../ui/shell';
import { dayOf, Time } from '../ui/time';
import type { OrderRow } from './orders.query';
import type { OtherTicket, TicketCredits, TicketHead } from './ticket.query';
import type { ComposerState } from './ticket-composer';
import { ClosedBox, Composer, TurnField } from './ticket-composer.view';
import { About, CountsBox, Glance, goodwillHref } from './ticket-customer.view';
import { Head, type HeadNotice } from './ticket-head.view';
import { hashOf, PARTS, type PartName, type Seen, threadToken } from './ticket-live';
import type { Thread, ThreadItem, ThreadMessage } from './ticket-thread.query';
import { MessageView, ThreadItems, ThreadView } from './ticket-thread.view';
import { VideoBox, type VideoState } from './ticket-video.view';
import { ticketHref } from './ticket-words';
import type { WaitingTicket } from './tickets.query';
import { nameOf } from './words';

/** What stands around the history, and is looked at again every few seconds. */
export interface Around {
  ticket: TicketHead;
  credits: TicketCredits;
  orders: OrderRow[];
  ordersInAll: number | undefined;
  others: OtherTicket[];
  waiting: WaitingTicket[];
  video: VideoState;
  /** Changes when any of it does. */
  mark: string;
  /** Of the newest message: what whoever begins to write now has seen. */
  newestId: string;
}

export interface Desk extends Around {
  thread: Thread;
  /** Set: an earlier part of the history. */
  before: string | null;
  composer: ComposerState;
  head?: HeadNotice;
}

/** How often the page asks whether anything is new. */
const LOOK_AGAIN_SECONDS = 4;

export function ticketView(page: StaffPage, desk: Desk): JSX.Element {
  const { t } = page;
  const { ticket } = desk;
  return (
    <Shell page={page} wide title={t('ticket.title', { number: ticket.number, subject: ticket.subject })}>
      <div class="z-desk" id="z-desk">
        <a class="z-skip" href="#z-composer" safe>
          {t('ticket.to_answer')}
        </a>
        <nav class="z-desk-list" aria-label={t('ticket.waiting')}>
          <PartBox page={page} name="list" desk={desk} />
        </nav>
        <header class="z-desk-head">
          <PartBox page={page} name="head" desk={desk} />
        </header>
        <details class="z-glance">
          <summary>
            <PartBox page={page} name="glance" desk={desk} />
            <span class="visually-hidden" safe>
              {t('ticket.details')}
            </span>
            <Icon name="down" />
          </summary>
        </details>
        <aside class="z-desk-side" aria-label={t('ticket.details')}>
          <PartBox page={page} name="counts" desk={desk} />
          <PartBox page={page} name="video" desk={desk} />
          <PartBox page={page} name="about" desk={desk} />
        </aside>
        <ThreadView page={page} ticket={ticket} thread={desk.thread} before={desk.before} />
        <div class="z-desk-answer">
          <Answer page={page} desk={desk} />
        </div>
        {desk.before === null ? <LookAgain page={page} desk={desk} /> : null}
      </div>
    </Shell>
  );
}

/** Asks in the background; what the reader is writing stands outside of all that is drawn again. */
function LookAgain({ page, desk }: { page: StaffPage; desk: Desk }): JSX.Element {
  return (
    <div
      id="z-live"
      hx-get={`${ticketHref(desk.ticket.number)}/live`}
      hx-trigger={`every ${LOOK_AGAIN_SECONDS}s, z-look from:body`}
      hx-include="[name=seen]"
      hx-swap="none"
      hx-sync="#z-desk:abort"
    >
      <SeenField id="z-seen-mark" value={`mark|${desk.mark}`} />
      <SeenField id="z-seen-thread" value={threadToken(null, desk.thread.items, (at) => dayOf(page, at))} />
    </div>
  );
}

function SeenField({ id, value, oob = false }: { id: string; value: string; oob?: boolean }): JSX.Element {
  return <input type="hidden" id={id} name="seen" value={value} hx-swap-oob={oob ? 'true' : undefined} />;
}

/** The composer, or what stands in its place. */
export function Answer({
  page,
  desk,
}: {
  page: StaffPage;
  desk: Pick<Desk, 'ticket' | 'composer'>;
}): JSX.Element {
  const { ticket, composer } = desk;
  const mayWrite = mayAct(page.staff.role, 'agent');
  if (ticket.status === 'closed') {
    const { key, body } = composer.draft;
    return (
      <ClosedBox
        page={page}
        ticket={ticket}
        keyOfForm={key}
        kept={body}
        mayWrite={mayWrite}
        notice={composer.notice}
      />
    );
  }
  if (!mayWrite) {
    return (
      <p class="z-composer z-dim" id="z-composer" safe>
        {page.t('ticket.read_only')}
      </p>
    );
  }
  return <Composer page={page} ticket={ticket} state={composer} />;
}

type PartDesk = Around & { head?: HeadNotice };

/** A part of the page with a hash of itself, by which the server knows whether it is still the same. */
export function PartBox({
  page,
  name,
  desk,
  oob = false,
}: {
  page: StaffPage;
  name: PartName;
  desk: PartDesk;
  oob?: boolean;
}): JSX.Element {
  const markup = partView(page, name, desk);
  const Tag = name === 'glance' ? 'span' : 'div';
  return (
    <Tag id={`z-part-${name}`} class={`z-part-${name}`} data-part hx-swap-oob={oob ? 'true' : undefined}>
      {markup}
      <input type="hidden" name="seen" value={`${name}|${hashOf(markup)}`} />
    </Tag>
  );
}

function partView(page: StaffPage, name: PartName, desk: PartDesk): JSX.Element {
  const { ticket } = desk;
  switch (name) {
    case 'list':
      return <WaitingList page={page} waiting={desk.waiting} here={ticket.number} />;
    case 'head':
      return <Head page={page} ticket={ticket} notice={desk.head} />;
    case 'glance':
      return <Glance page={page} ticket={ticket} credits={desk.credits} />;
    case 'counts':
      return <CountsBox page={page} ticket={ticket} credits={desk.credits} />;
    case 'video':
      return (
        <VideoBox
          page={page}
          ticket={ticket}
          video={desk.video}
          goodwillHref={goodwillHref(ticket.customer.id)}
        />
      );
    case 'about':
      return <About page={page} desk={desk} />;
  }
}

/** What of all this a browser does not have yet. */
export function newsView(
  page: StaffPage,
  around: Around,
  news: { seen: Seen; items: ThreadItem[]; changed: ThreadMessage[] },
  /** Parts that the answer carries anyway. */
  without: (PartName | 'turn')[] = [],
): { markup: JSX.Element; creditsChanged: boolean } {
  const { ticket } = around;
  const { seen, items, changed } = news;
  const parts = PARTS.filter((name) => !without.includes(name) && seen.parts.has(name)).filter(
    (name) => seen.parts.get(name) !== hashOf(partView(page, name, around)),
  );
  const day = (at: string) => dayOf(page, at);
  const markup = (
    <>
      {changed.map((message) => (
        <MessageView page={page} ticket={ticket} message={message} oob />
      ))}
      {items.length > 0 ? (
        <ol hx-swap-oob="beforeend:#z-thread-list">
          <ThreadItems page={page} ticket={ticket} items={items} dayBefore={seen.thread?.day ?? ''} />
        </ol>
      ) : null}
      {parts.map((name) => (
        <PartBox page={page} name={name} desk={around} oob />
      ))}
      {without.includes('turn') || ticket.status === 'closed' || !mayAct(page.staff.role, 'agent') ? null : (
        <TurnField version={ticket.version} newestId={around.newestId} oob />
      )}
      {seen.thread ? (
        <>
          <SeenField id="z-seen-mark" value={`mark|${around.mark}`} oob />
          <SeenField id="z-seen-thread" value={threadToken(seen.thread, items, day, changed)} oob />
        </>
      ) : null}
    </>
  );
  return { markup, creditsChanged: parts.includes('counts') };
}

function WaitingList({
  page,
  waiting,
  here,
}: {
  page: StaffPage;
  waiting: WaitingTicket[];
  here: number;
}): JSX.Element {
  const { t } = page;
  return (
    <>
      <a class="z-back" href="/console/tickets">
        <Icon name="back" />
        <span safe>{t('ticket.all')}</span>
      </a>
      {waiting.every(({ number }) => number === here) ? (
        <p class="z-dim" safe>
          {t('ticket.waiting_none')}
        </p>
      ) : null}
      <ul class="z-waiting">
        {waiting.map((other) => (
          <li>
            <a href={ticketHref(other.number)} aria-current={other.number === here ? 'page' : undefined}>
              <span class="z-waiting-top">
                {other.status === 'new' || other.status === 'open' ? (
                  <span class="z-dot">
                    <span class="visually-hidden" safe>
                      {t('ticket.waiting_ours')}
                    </span>
                  </span>
                ) : null}
                <bdi class="z-waiting-who" safe>
                  {nameOf(page, { name: other.customer })}
                </bdi>
                <Time page={page} at={other.lastMessageAt} narrow />
              </span>
              <bdi class="z-waiting-what" safe>
                {other.subject}
              </bdi>
            </a>
          </li>
        ))}
      </ul>
    </>
  );
}
