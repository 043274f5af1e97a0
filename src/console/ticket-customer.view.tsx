import { type CounterMeter, Counters, CounterText } from '../ui/counter';
import { mayAct, type StaffPage } from '../ui/page';
import { ButtonLink } from '../ui/parts';
import { Time } from '../ui/time';
import { countsOf, customerHref } from './counts';
import { MailStopped } from './mail-stopped';
import { orderHref, PaidSign } from './order-parts';
import type { OrderRow } from './orders.query';
import type { OtherTicket, TicketCredits, TicketHead } from './ticket.query';
import { TicketSigns, ticketHref } from './ticket-words';
import { amounts, nameOf, nameOfCode } from './words';

/** Who wrote the ticket, and what else is known of them. */
interface AboutCustomer {
  ticket: TicketHead;
  orders: OrderRow[];
  ordersInAll: number | undefined;
  others: OtherTicket[];
}

export function goodwillHref(customerId: string): string {
  return `${customerHref(customerId)}#adjust`;
}

/** The counters in one line, at 390 px: what it opens stands after it. */
export function Glance({
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

export function CountsBox({
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

export function About({ page, desk }: { page: StaffPage; desk: AboutCustomer }): JSX.Element {
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
