import type { Children } from '@kitajs/html';
import { type CounterMeter, Counters, CounterText } from '../ui/counter';
import { Field, PostForm } from '../ui/field';
import type { Mistakes } from '../ui/form';
import { Icon } from '../ui/icons';
import { mayAct, type StaffPage } from '../ui/page';
import { Banner, Button, ButtonLink } from '../ui/parts';
import { Shell } from '../ui/shell';
import { dayOf, Time } from '../ui/time';
import { countsOf, customerHref } from './counts';
import { MailStopped } from './mail-stopped';
import { orderHref, PaidSign } from './order-parts';
import type { OrderRow } from './orders.query';
import type { OtherTicket, TicketCredits, TicketHead } from './ticket.query';
import type { ComposerState } from './ticket-composer';
import { ClosedBox, Composer, TurnField } from './ticket-composer.view';
import { hashOf, PARTS, type PartName, type Seen, threadToken } from './ticket-live';
import type { Thread, ThreadItem, ThreadMessage } from './ticket-thread.query';
import { MessageView, ThreadItems, ThreadView } from './ticket-thread.view';
import { VideoBox, type VideoState } from './ticket-video.view';
import { partAttrs, TicketSigns, ticketHref } from './ticket-words';
import type { TicketStatus, WaitingTicket } from './tickets.query';
import { amounts, nameOf, nameOfCode } from './words';

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

/** Why the state or the assignee was not changed. */
export interface HeadNotice {
  text: string;
  mistakes: Mistakes;
  assignee?: string;
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

function goodwillHref(customerId: string): string {
  return `${customerHref(customerId)}#adjust`;
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

const BY_HAND = ['open', 'pending', 'on_hold', 'solved'] as const satisfies TicketStatus[];

function Head({
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
  const status = t(`ticket_status.${ticket.status}`);
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

/** The counters in one line, at 390 px: what it opens stands after it. */
function Glance({
  page,
  ticket,
  credits,
}: {
  page: StaffPage;
  ticket: TicketHead;
  credits: TicketCredits;
}): JSX.Element {
  const counts = countsOf(ticket.customer.id, credits.meters);
  return (
    <>
      <bdi class="z-glance-who" safe>
        {nameOf(page, ticket.customer)}
      </bdi>
      {counts.map((count) => (
        <CounterText page={page} count={count} />
      ))}
    </>
  );
}

function CountsBox({
  page,
  ticket,
  credits,
}: {
  page: StaffPage;
  ticket: TicketHead;
  credits: TicketCredits;
}): JSX.Element {
  const { t } = page;
  const counts = countsOf(ticket.customer.id, credits.meters);
  const goodwill = mayAct(page.staff.role, 'agent') ? (
    <ButtonLink href={goodwillHref(ticket.customer.id)} icon="gift" text={t('ticket.goodwill')} />
  ) : undefined;
  const atZero: Partial<Record<CounterMeter, JSX.Element>> = {};
  if (goodwill) for (const { meter, left } of counts) if (left === 0) atZero[meter] = goodwill;
  return (
    <section class="z-side-box">
      <h2 safe>{t('ticket.counters')}</h2>
      {counts.length === 0 ? (
        <p class="z-dim" safe>
          {t('ticket.nothing_bought')}
        </p>
      ) : (
        <Counters page={page} size="row" counts={counts} actions={atZero} />
      )}
      {credits.shortfall.length > 0 ? (
        <p class="z-none" safe>
          {t('ticket.shortfall', { list: amounts(page, credits.shortfall) })}
        </p>
      ) : null}
    </section>
  );
}

function About({ page, desk }: { page: StaffPage; desk: Around }): JSX.Element {
  const { t } = page;
  const { ticket, orders, others, ordersInAll = 0 } = desk;
  const { customer } = ticket;
  return (
    <>
      <section class="z-side-box">
        <h2 safe>{t('ticket.about')}</h2>
        <p class="z-about-name">
          <a href={customerHref(customer.id)}>
            <bdi safe>{nameOf(page, customer)}</bdi>
          </a>
        </p>
        <dl class="z-about">
          <dt safe>{t('ticket.email')}</dt>
          <dd>
            <bdi safe>{customer.email ?? t('ticket.no_email')}</bdi>
          </dd>
          <dt safe>{t('ticket.phone')}</dt>
          <dd>
            <bdi safe>{phoneText(page, customer)}</bdi>
          </dd>
          <dt safe>{t('ticket.language')}</dt>
          <dd safe>{languageText(page, customer)}</dd>
        </dl>
        <MailStopped page={page} customer={customer} back={ticketHref(ticket.number)} />
      </section>
      <section class="z-side-box">
        <h2 safe>{t('ticket.orders')}</h2>
        {orders.length === 0 ? (
          <p class="z-dim" safe>
            {t('ticket.no_orders')}
          </p>
        ) : (
          <ul class="z-side-list">
            {orders.map((order) => (
              <OrderLine page={page} order={order} ticket={ticket} />
            ))}
          </ul>
        )}
        {ordersInAll > orders.length ? (
          <a href={customerHref(customer.id)} safe>
            {t('ticket.orders_all')}
          </a>
        ) : null}
      </section>
      <section class="z-side-box">
        <h2 safe>{t('ticket.others')}</h2>
        {others.length === 0 ? (
          <p class="z-dim" safe>
            {t('ticket.no_others')}
          </p>
        ) : (
          <ul class="z-side-list">
            {others.map((other) => (
              <li>
                <a href={ticketHref(other.number)}>
                  <span class="z-number" safe>{`#${other.number}`}</span> <bdi safe>{other.subject}</bdi>
                </a>
                <span class="z-side-facts">
                  <TicketSigns page={page} ticket={other} />
                  <Time page={page} at={other.lastMessageAt} />
                </span>
              </li>
            ))}
          </ul>
        )}
      </section>
    </>
  );
}

function OrderLine({
  page,
  order,
  ticket,
}: {
  page: StaffPage;
  order: OrderRow;
  ticket: TicketHead;
}): JSX.Element {
  const { t } = page;
  const short = order.meters
    .filter(({ shortfall }) => shortfall > 0)
    .map(({ meter, shortfall }) => ({ meter, quantity: shortfall }));
  return (
    <li>
      <a href={orderHref(order.id)} safe>
        {t('ticket.order', { number: order.number })}
      </a>
      <span class="z-side-facts">
        <PaidSign page={page} order={order} />
        <span safe>{t('ticket.order_lines', { count: order.lines })}</span>
        {order.ticket?.id === ticket.id ? <span safe>{t('ticket.order_this')}</span> : null}
        {short.length > 0 ? (
          <span class="z-none" safe>
            {t('ticket.order_shortfall', { list: amounts(page, short) })}
          </span>
        ) : null}
      </span>
    </li>
  );
}

function phoneText({ t }: StaffPage, { phone, phoneE164 }: TicketHead['customer']): string {
  if (phoneE164 !== null) return phoneE164;
  return phone === null || phone === '' ? t('ticket.no_phone') : t('ticket.phone_unread', { phone });
}

function languageText(page: StaffPage, { locale, country }: TicketHead['customer']): string {
  const language = nameOfCode(page, 'language', locale.replace('_', '-'));
  return country === null ? language : `${language} · ${nameOfCode(page, 'region', country)}`;
}
