import type { Children } from '@kitajs/html';
import type { ReviewFlag } from '../domain/orders';
import type { StaffPage } from '../ui/page';
import { Badge } from '../ui/parts';
import { type Column, type Row, Table } from '../ui/table';
import { Day } from '../ui/time';
import type { OrderMeter, OrderRow } from './orders.query';
import { ticketHref } from './ticket-words';
import { amount, nameOf, orderStatus } from './words';

export function orderHref(id: string): string {
  return `/console/orders/${id}`;
}

/** One thing that is known, in a list of class z-list. */
export function Fact({ label, children }: { label: string; children?: Children }): JSX.Element {
  return (
    <div>
      <dt safe>{label}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** Paid, by a sign and a word. */
export function PaidSign({
  page,
  order,
}: {
  page: StaffPage;
  order: { paid: boolean; everPaid: boolean };
}): JSX.Element {
  const { t } = page;
  if (order.paid) return <Badge tone="good" icon="good" text={t('orders.paid')} />;
  return <Badge tone="quiet" text={t(order.everPaid ? 'orders.was_paid' : 'orders.not_paid')} />;
}

export const REVIEW_FLAGS: readonly ReviewFlag[] = [
  'money-only-refund',
  'refund-exceeds-line',
  'refunds-not-readable',
  'same-second-conflict',
  'customer-changed',
  'quantity-too-large',
];

/** What an order wants of each kind; where it gave something else, that too. */
function OrderCredits({ page, meters }: { page: StaffPage; meters: OrderMeter[] }): JSX.Element {
  const { t, locale } = page;
  const told = meters.filter(({ wanted, net }) => wanted > 0 || net > 0);
  if (told.length === 0) return '';
  return (
    <ul class="z-plain z-dots">
      {told.map(({ meter, wanted, net, shortfall }) => (
        <li>
          <span safe>{amount(page, meter, net)}</span>
          {wanted === net ? null : (
            <span class="z-dim" safe>
              {` · ${t('orders.pays_for', { number: wanted.toLocaleString(locale) })}`}
            </span>
          )}
          {shortfall === 0 ? null : (
            <>
              {' '}
              <Badge
                tone="bad"
                icon="warning"
                text={t('orders.short', { what: amount(page, meter, shortfall) })}
              />
            </>
          )}
        </li>
      ))}
    </ul>
  );
}

/** Orders in a list: of all customers, or of one. */
export function OrderTable({
  page,
  rows,
  caption,
  ofOne = false,
}: {
  page: StaffPage;
  rows: OrderRow[];
  caption: string;
  /** Whose they are is known. */
  ofOne?: boolean;
}): JSX.Element {
  const { t } = page;
  const columns: Column[] = [
    { label: t('orders.order') },
    { label: t('orders.status') },
    { label: t('orders.lines'), wideOnly: ofOne },
    { label: t('orders.credits') },
    { label: t('orders.ticket'), wideOnly: true },
    { label: t('orders.date'), align: 'end' },
  ];
  return <Table caption={caption} columns={columns} rows={rows.map((order) => rowOf(page, order, ofOne))} />;
}

function rowOf(page: StaffPage, order: OrderRow, ofOne: boolean): Row {
  const { t } = page;
  const { customer, ticket, flags } = order;
  const reviews = flags.map((flag) =>
    REVIEW_FLAGS.includes(flag) ? t(`orders.flag.${flag}`) : (flag as string),
  );
  const who = customer && !ofOne ? nameOf(page, customer) : '';
  return {
    href: orderHref(order.id),
    label: `#${order.number}`,
    ...(who === '' ? {} : { note: <bdi safe>{who}</bdi> }),
    cells: [
      <div class="z-badges">
        <PaidSign page={page} order={order} />
        <Badge tone="quiet" text={orderStatus(page, order.status)} />
        {reviews.map((text) => (
          <Badge tone="low" icon="warning" text={text} />
        ))}
      </div>,
      order.matched === 0 ? (
        <span class="z-dim" safe>
          {t('orders.none_matched')}
        </span>
      ) : (
        <span safe>{t('orders.matched', { matched: order.matched, count: order.lines })}</span>
      ),
      <OrderCredits page={page} meters={order.meters} />,
      ticket === null ? (
        <span class="z-dim" safe>
          {t('orders.no_ticket')}
        </span>
      ) : (
        <a href={ticketHref(ticket.number)} safe>{`#${ticket.number}`}</a>
      ),
      <Day page={page} at={order.orderedAt} />,
    ],
  };
}
