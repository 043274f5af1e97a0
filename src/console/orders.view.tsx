import { Filters, SearchField, Views } from '../ui/list-filters';
import { hereWith, mayAct, type StaffPage } from '../ui/page';
import { ButtonLink, Empty, PageHeader } from '../ui/parts';
import { Shell } from '../ui/shell';
import { Paging } from '../ui/table';
import { customerHref } from './counts';
import type { CustomerHead } from './customer.query';
import type { Slice } from './list.query';
import { OrderTable } from './order-parts';
import type { OrderRow } from './orders.query';
import { nameOf, ORDER_STATUSES, orderStatus } from './words';

const LIST = 'orders';

export type OrderList = Slice<OrderRow> & { total: number | undefined };

export interface ShownFilter {
  typed: string;
  status: string;
  review: boolean;
  customerId?: string;
}

function isAll({ typed, status, review, customerId }: ShownFilter): boolean {
  return typed === '' && status === '' && !review && customerId === undefined;
}

export function ordersView(
  page: StaffPage,
  list: OrderList,
  filter: ShownFilter,
  { customer, statuses }: { customer: CustomerHead | null; statuses: string[] },
): JSX.Element {
  const { t } = page;
  if (isAll(filter) && list.total === 0) {
    return (
      <Shell page={page} title={t('orders.title')}>
        <PageHeader title={t('orders.title')} />
        <Empty icon="orders" title={t('orders.empty')} text={t('orders.empty_text')}>
          {mayAct(page.staff.role, 'admin') ? (
            <ButtonLink href="/admin/deliveries" look="primary" text={t('orders.empty_deliveries')} />
          ) : null}
        </Empty>
      </Shell>
    );
  }
  const name = customer ? nameOf(page, customer) : '';
  const title = customer ? t('orders.title_customer', { name }) : t('orders.title');
  const back = customer ? { href: customerHref(customer.id), text: name } : undefined;
  return (
    <Shell page={page} title={title}>
      <PageHeader title={title} back={back} lead={t('orders.lead')} />
      <Filters page={page} target={LIST} button={t('orders.search_button')}>
        {filter.review ? <input type="hidden" name="review" value="yes" /> : null}
        {customer ? <input type="hidden" name="customer" value={customer.id} /> : null}
        <SearchField label={t('orders.search')} value={filter.typed} placeholder={t('orders.search_hint')} />
        <StatusSelect page={page} chosen={filter.status} statuses={statuses} />
      </Filters>
      <div id={LIST}>{orderListView(page, list, filter)}</div>
    </Shell>
  );
}

function StatusSelect({
  page,
  chosen,
  statuses,
}: {
  page: StaffPage;
  chosen: string;
  statuses: string[];
}): JSX.Element {
  const { t } = page;
  const all = [...new Set([...ORDER_STATUSES, ...statuses, ...(chosen === '' ? [] : [chosen])])];
  return (
    <select class="form-select" name="status" aria-label={t('orders.status')}>
      <option value="" safe>
        {t('orders.any_status')}
      </option>
      {all.map((status) => (
        <option value={status} selected={status === chosen} safe>
          {orderStatus(page, status)}
        </option>
      ))}
    </select>
  );
}

/** What follows while one types: the views too, since their links keep what was typed. */
export function orderListView(page: StaffPage, list: OrderList, filter: ShownFilter): JSX.Element {
  const { t } = page;
  const view = (text: string, review: string | null) => ({
    href: hereWith(page, { review, cursor: null }),
    text,
    isOn: filter.review === (review !== null),
  });
  const views = (
    <Views label={t('orders.view')} views={[view(t('orders.all'), null), view(t('orders.review'), 'yes')]} />
  );
  if (list.rows.length === 0) {
    const onlyReview = filter.review && filter.typed === '' && filter.status === '';
    return (
      <>
        {views}
        <Empty
          icon={onlyReview ? 'good' : 'search'}
          title={t(onlyReview ? 'orders.none_to_review' : 'orders.none_found')}
          text={t(onlyReview ? 'orders.none_to_review_text' : 'orders.none_found_text')}
        >
          <ButtonLink href="/console/orders" text={t('orders.show_all')} />
        </Empty>
      </>
    );
  }
  return (
    <>
      {views}
      <OrderTable
        page={page}
        rows={list.rows}
        caption={t('orders.title')}
        ofOne={filter.customerId !== undefined}
      />
      <Paging page={page} shown={list.rows.length} total={list.total} next={list.next} />
    </>
  );
}
