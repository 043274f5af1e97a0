import { limits } from '../platform/limits';
import { Icon } from '../ui/icons';
import { mayAct, type StaffPage } from '../ui/page';
import { Badge, Banner, ButtonLink, PageHeader, Section } from '../ui/parts';
import { Sentence } from '../ui/sentence';
import { Shell } from '../ui/shell';
import { Day, Time } from '../ui/time';
import { customerHref } from './counts';
import type { OrderLineStory, OrderStory, SnapshotStory } from './order.query';
import { Fact, PaidSign, REVIEW_FLAGS } from './order-parts';
import { ticketHref } from './ticket-words';
import { amounts, money, nameOf, orderStatus } from './words';

export function orderView(page: StaffPage, order: OrderStory): JSX.Element {
  const { t } = page;
  const title = t('order.title', { number: order.number });
  const shopHref = hrefInShop(order);
  return (
    <Shell page={page} title={title}>
      <PageHeader title={title} back={{ href: '/console/orders', text: t('order.back') }}>
        {shopHref === null ? null : <ButtonLink href={shopHref} icon="external" text={t('order.in_shop')} />}
      </PageHeader>
      <p class="z-badges z-under-title">
        <PaidSign page={page} order={order} />
        <Badge tone="quiet" text={orderStatus(page, order.status)} />
      </p>
      <ToReview page={page} order={order} />
      <div class="z-beside">
        <div>
          <Section title={t('order.lines')}>
            <Lines page={page} order={order} />
          </Section>
          <Section title={t('order.history')} lead={t('order.history_lead')}>
            <History page={page} order={order} />
          </Section>
        </div>
        <div>
          <Section title={t('order.details')}>
            <Details page={page} order={order} />
          </Section>
          <Section title={t('order.refunds')}>
            <Refunds page={page} order={order} />
          </Section>
        </div>
      </div>
    </Shell>
  );
}

/** WooCommerce takes this address wherever it keeps its orders. */
function hrefInShop({ store, wooId }: OrderStory): string | null {
  if (store.url === null || !/^https?:\/\//.test(store.url)) return null;
  return `${store.url.replace(/\/$/, '')}/wp-admin/post.php?post=${wooId}&action=edit`;
}

function ToReview({ page, order }: { page: StaffPage; order: OrderStory }): JSX.Element {
  const { t, locale } = page;
  const max = limits.creditQuantityMax.toLocaleString(locale);
  const short = shortOf(order);
  const { customer } = order;
  const toCustomer =
    customer === null ? (
      ''
    ) : (
      <a href={customerHref(customer.id)} safe>
        {t('order.to_customer')}
      </a>
    );
  return (
    <>
      {order.flags.map((flag) => (
        <Banner
          tone="low"
          text={
            REVIEW_FLAGS.includes(flag)
              ? t(`order.flag.${flag}`, { max })
              : t('order.flag_unknown', { flag: flag as string })
          }
        >
          {toCustomer}
        </Banner>
      ))}
      {short.length === 0 ? null : (
        <Banner tone="bad" text={t('order.shortfall', { what: amounts(page, short) })}>
          {toCustomer}
        </Banner>
      )}
    </>
  );
}

function shortOf({ lines }: OrderStory) {
  const short = new Map<OrderLineStory['meters'][number]['meter'], number>();
  for (const { meter, shortfall } of lines.flatMap((line) => line.meters)) {
    if (shortfall > 0) short.set(meter, (short.get(meter) ?? 0) + shortfall);
  }
  return [...short].map(([meter, quantity]) => ({ meter, quantity }));
}

function Lines({ page, order }: { page: StaffPage; order: OrderStory }): JSX.Element {
  const { t } = page;
  if (order.lines.length === 0) {
    const words = order.snapshots.length === 0 ? t('order.not_known') : t('order.no_lines');
    return (
      <p class="z-dim" safe>
        {words}
      </p>
    );
  }
  return (
    <>
      <ul class="z-order-lines">
        {order.lines.map((line) => (
          <li>
            <Line page={page} line={line} />
          </li>
        ))}
      </ul>
      <p class="z-dim z-small" safe>
        {t('order.lines_lead')}
      </p>
    </>
  );
}

function Line({ page, line }: { page: StaffPage; line: OrderLineStory }): JSX.Element {
  const { t, locale } = page;
  const number = (n: number) => n.toLocaleString(locale);
  return (
    <>
      <p class="z-order-line">
        <strong>
          <span>{line.quantity}</span>
          {' × '}
          <bdi safe>{line.name}</bdi>
        </strong>
        {line.refunded > 0 ? (
          <Badge tone="low" icon="back" text={t('order.refunded', { number: number(line.refunded) })} />
        ) : null}
        {line.quantity === 0 ? <Badge tone="quiet" text={t('order.gone')} /> : null}
        <Bought page={page} line={line} />
      </p>
      {line.meters.length > 0 ? (
        <table class="z-small-table">
          <thead>
            <tr>
              <th scope="col" safe>
                {t('order.meter')}
              </th>
              {(['wanted', 'given', 'short'] as const).map((column) => (
                <th scope="col" class="z-end" safe>
                  {t(`order.${column}`)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {line.meters.map(({ meter, wanted, net, shortfall }) => (
              <tr>
                <th scope="row">
                  <Icon name={meter} />
                  <span safe>{t(`meters.${meter}`)}</span>
                </th>
                <td class="z-end" safe>
                  {number(wanted)}
                </td>
                <td class="z-end" safe>
                  {number(net)}
                </td>
                <td class="z-end">
                  {shortfall > 0 ? (
                    <Badge tone="bad" icon="warning" text={number(shortfall)} />
                  ) : (
                    <span class="z-dim">0</span>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      ) : null}
    </>
  );
}

function Bought({ page, line }: { page: StaffPage; line: OrderLineStory }): JSX.Element {
  const { t, staff } = page;
  if (line.package === null) {
    return (
      <span class="z-dim" safe>
        {t('order.no_package')}
      </span>
    );
  }
  const { id, name } = line.package;
  return (
    <span class="z-dim">
      <Sentence
        page={page}
        text="order.package"
        parts={{
          name: mayAct(staff.role, 'admin') ? (
            <a href={`/admin/packages/${id}`}>
              <bdi safe>{name}</bdi>
            </a>
          ) : (
            <bdi safe>{name}</bdi>
          ),
        }}
      />
    </span>
  );
}

function Details({ page, order }: { page: StaffPage; order: OrderStory }): JSX.Element {
  const { t } = page;
  const { customer, ticket, total } = order;
  return (
    <dl class="z-list">
      <Fact label={t('order.customer')}>
        {customer === null ? (
          '–'
        ) : (
          <a href={customerHref(customer.id)}>
            <bdi safe>{nameOf(page, customer)}</bdi>
          </a>
        )}
      </Fact>
      <Fact label={t('order.ticket')}>
        {ticket === null ? (
          <span class="z-dim" safe>
            {t('order.no_ticket')}
          </span>
        ) : (
          <a href={ticketHref(ticket.number)}>
            <span safe>{`#${ticket.number} `}</span>
            <bdi safe>{ticket.subject}</bdi>
          </a>
        )}
      </Fact>
      <Fact label={t('order.ordered')}>
        <Day page={page} at={order.orderedAt} />
      </Fact>
      {total === null ? null : (
        <Fact label={t('order.total')}>
          <span safe>{money(page, total, order.currency)}</span>
        </Fact>
      )}
      <Fact label={t('order.store')}>
        <bdi safe>{order.store.name}</bdi>
      </Fact>
    </dl>
  );
}

function Refunds({ page, order }: { page: StaffPage; order: OrderStory }): JSX.Element {
  const { t, locale } = page;
  const told = Math.max(0, ...order.snapshots.slice(0, 1).map((snapshot) => snapshot.refunds));
  if (order.refunds === null || order.refunds.length === 0) {
    const words =
      told > 0 && order.refunds === null
        ? t('order.refunds_unread', { count: told })
        : t('order.refunds_none');
    return (
      <p class="z-dim" safe>
        {words}
      </p>
    );
  }
  return (
    <ul class="z-plain">
      {order.refunds.map((refund) => (
        <li>
          <strong safe>{t('order.refund', { number: refund.id })}</strong>
          {Object.keys(refund.quantities).length === 0 ? (
            <div class="z-dim" safe>
              {t('order.refund_money')}
            </div>
          ) : (
            Object.entries(refund.quantities).map(([lineId, quantity]) => {
              const line = order.lines.find((one) => String(one.wooLineId) === lineId);
              const name = line?.name ?? t('order.refund_unknown_line');
              return (
                <div safe>{t('order.refund_line', { number: quantity.toLocaleString(locale), name })}</div>
              );
            })
          )}
        </li>
      ))}
    </ul>
  );
}

function History({ page, order }: { page: StaffPage; order: OrderStory }): JSX.Element {
  const { t } = page;
  return (
    <ol class="z-timeline">
      {order.gone === null ? null : (
        <li class="z-timeline-now">
          <p safe>{t(`order.history_${order.gone}`)}</p>
        </li>
      )}
      {order.snapshots.map((snapshot, i) => (
        <li class={i === 0 && order.gone === null ? 'z-timeline-now' : undefined}>
          <Snapshot page={page} snapshot={snapshot} />
        </li>
      ))}
    </ol>
  );
}

function Snapshot({ page, snapshot }: { page: StaffPage; snapshot: SnapshotStory }): JSX.Element {
  const { t } = page;
  const { changedAt, receivedAt, paidAt, refunds, source, deliveryId } = snapshot;
  return (
    <>
      <p>
        <strong safe>{orderStatus(page, snapshot.status)}</strong>
        <span>
          {changedAt === null ? (
            <span safe>{t('order.changed_unknown')}</span>
          ) : (
            <Sentence
              page={page}
              text="order.changed"
              parts={{ date: <Time page={page} at={changedAt} /> }}
            />
          )}
        </span>
      </p>
      <p class="z-dim z-dots">
        {paidAt === null ? null : (
          <span>
            <Sentence page={page} text="order.paid_on" parts={{ date: <Day page={page} at={paidAt} /> }} />
          </span>
        )}
        {refunds === 0 ? null : <span safe>{t('order.has_refunds', { count: refunds })}</span>}
        <span>
          <Sentence
            page={page}
            text={source === 'rest' ? 'order.came_rest' : 'order.came_webhook'}
            parts={{ date: <Time page={page} at={receivedAt} /> }}
          />
        </span>
        {deliveryId !== null && mayAct(page.staff.role, 'admin') ? (
          <a href={`/admin/deliveries/${deliveryId}`} safe>
            {t('order.delivery')}
          </a>
        ) : null}
      </p>
    </>
  );
}
