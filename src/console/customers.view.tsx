import { Counters } from '../ui/counter';
import { Filters, SearchField } from '../ui/list-filters';
import { mayAct, type StaffPage } from '../ui/page';
import { Badge, ButtonLink, Empty, PageHeader } from '../ui/parts';
import { Shell } from '../ui/shell';
import { Paging, Table } from '../ui/table';
import { Day } from '../ui/time';
import { countsOf, customerHref } from './counts';
import type { CustomerList, CustomerRow } from './customers.query';
import { amount, nameOf } from './words';

const LIST = 'customers';

export function customersView(page: StaffPage, list: CustomerList, typed: string): JSX.Element {
  const { t } = page;
  if (typed === '' && list.total === 0) {
    return (
      <Shell page={page} title={t('customers.title')}>
        <PageHeader title={t('customers.title')} />
        <Empty icon="customers" title={t('customers.empty')} text={t('customers.empty_text')}>
          {mayAct(page.staff.role, 'admin') ? (
            <ButtonLink href="/admin/packages" look="primary" text={t('customers.empty_packages')} />
          ) : null}
        </Empty>
      </Shell>
    );
  }
  return (
    <Shell page={page} title={t('customers.title')}>
      <PageHeader title={t('customers.title')} lead={t('customers.lead')} />
      <Filters page={page} target={LIST} button={t('customers.search_button')}>
        <SearchField label={t('customers.search')} value={typed} placeholder={t('customers.search_hint')} />
      </Filters>
      <div id={LIST}>{customerListView(page, list, typed)}</div>
    </Shell>
  );
}

/** What follows while one types. */
export function customerListView(page: StaffPage, list: CustomerList, typed: string): JSX.Element {
  const { t } = page;
  if (list.rows.length === 0) {
    return (
      <Empty icon="search" title={t('customers.none_found')} text={t('customers.none_found_text', { typed })}>
        <ButtonLink href="/console/customers" text={t('customers.show_all')} />
      </Empty>
    );
  }
  return (
    <>
      <Table
        caption={t('customers.title')}
        columns={[
          { label: t('customers.customer') },
          { label: t('customers.left') },
          { label: t('customers.orders'), align: 'end', wideOnly: true },
          { label: t('customers.since'), align: 'end', wideOnly: true },
        ]}
        rows={list.rows.map((customer) => ({
          href: customerHref(customer.id),
          label: nameOf(page, customer),
          note: <Reach customer={customer} withStore={list.manyStores} />,
          cells: [
            <Left page={page} customer={customer} />,
            <span>{customer.orders}</span>,
            <Day page={page} at={customer.since} />,
          ],
        }))}
      />
      <Paging page={page} shown={list.rows.length} total={list.total} next={list.next} />
    </>
  );
}

function Reach({ customer, withStore }: { customer: CustomerRow; withStore: boolean }): JSX.Element {
  const { email, phone, store } = customer;
  const parts = [email, phone, withStore ? store : null].filter((part) => part !== null && part !== '');
  return <span safe>{parts.join(' · ')}</span>;
}

function Left({ page, customer }: { page: StaffPage; customer: CustomerRow }): JSX.Element {
  const { t } = page;
  return (
    <div class="z-left">
      {customer.meters.length > 0 ? (
        <Counters page={page} size="line" counts={countsOf(customer.id, customer.meters)} />
      ) : (
        <span class="z-dim" safe>
          {t('customers.nothing_bought')}
        </span>
      )}
      {customer.shortfall.map(({ meter, quantity }) => (
        <Badge
          tone="bad"
          icon="warning"
          text={t('customers.short', { what: amount(page, meter, quantity) })}
        />
      ))}
    </div>
  );
}
