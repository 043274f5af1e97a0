import { Counters } from '../ui/counter';
import { Filters, SearchField, Views } from '../ui/list-filters';
import { hereWith, mayAct, type StaffPage } from '../ui/page';
import { ButtonLink, Empty, PageHeader } from '../ui/parts';
import { Shell } from '../ui/shell';
import { Paging, type Row, Table } from '../ui/table';
import { Time } from '../ui/time';
import { countsOf } from './counts';
import { TicketSigns, ticketHref } from './ticket-words';
import type { TicketFilter, TicketList, TicketListRow, TicketsView } from './tickets.query';
import { nameOf } from './words';

export const VIEWS = [
  'work',
  'new',
  'open',
  'pending',
  'on_hold',
  'unpaid',
  'solved',
  'closed',
  'all',
] as const satisfies TicketsView[];

const LIST = 'tickets';

export function ticketsView(page: StaffPage, list: TicketList, filter: TicketFilter): JSX.Element {
  const { t } = page;
  return (
    <Shell page={page} title={t('tickets.title')}>
      <PageHeader title={t('tickets.title')} />
      <Filters page={page} target={LIST} button={t('tickets.find')}>
        {page.query.has('status') ? <input type="hidden" name="status" value={filter.view} /> : null}
        <SearchField
          label={t('tickets.search')}
          value={filter.typed}
          placeholder={t('tickets.search_hint')}
        />
        {list.stores.length > 1 ? <StoreChoice page={page} list={list} filter={filter} /> : null}
      </Filters>
      <div id={LIST}>{ticketListView(page, list, filter)}</div>
    </Shell>
  );
}

function StoreChoice({
  page,
  list,
  filter,
}: {
  page: StaffPage;
  list: TicketList;
  filter: TicketFilter;
}): JSX.Element {
  const { t } = page;
  return (
    <select class="form-select" name="store" aria-label={t('tickets.store')}>
      <option value="" safe>
        {t('tickets.all_stores')}
      </option>
      {list.stores.map(({ slug, name }) => (
        <option value={slug} selected={slug === filter.store} safe>
          {name}
        </option>
      ))}
    </select>
  );
}

/** What follows while one types. */
export function ticketListView(page: StaffPage, list: TicketList, filter: TicketFilter): JSX.Element {
  const { t } = page;
  const views = VIEWS.map((view) => ({
    href: hereWith(page, { status: view === 'work' && filter.typed === '' ? null : view, cursor: null }),
    text: t(`tickets.view.${view}`),
    isOn: view === filter.view,
  }));
  const columns = [
    { label: t('tickets.column.ticket') },
    { label: t('tickets.column.status') },
    { label: t('tickets.column.customer') },
    { label: t('tickets.column.left') },
    { label: t('tickets.column.assignee'), wideOnly: true },
    { label: t('tickets.column.activity'), align: 'end' as const },
  ];
  return (
    <>
      <Views label={t('tickets.views')} views={views} />
      {list.rows.length === 0 ? (
        <Nothing page={page} filter={filter} isNew={list.isNew} />
      ) : (
        <>
          <Table
            caption={t('tickets.title')}
            columns={columns}
            rows={list.rows.map((ticket) => rowOf(page, ticket, list.stores.length > 1))}
          />
          <Paging page={page} shown={list.rows.length} total={list.total} next={list.next} />
        </>
      )}
    </>
  );
}

function rowOf(page: StaffPage, ticket: TicketListRow, withStore: boolean): Row {
  const { t } = page;
  return {
    href: ticketHref(ticket.number),
    mark: `#${ticket.number}`,
    label: ticket.subject,
    ...(ticket.group === null ? {} : { group: t(`tickets.group.${ticket.group}`) }),
    cells: [
      <TicketSigns page={page} ticket={ticket} />,
      <>
        <bdi class="z-one-line" safe>
          {nameOf(page, ticket.customer)}
        </bdi>
        {withStore ? (
          <span class="z-dim z-one-line" safe>
            {ticket.store}
          </span>
        ) : null}
      </>,
      ticket.meters.length > 0 ? (
        <Counters page={page} size="line" counts={countsOf(ticket.customer.id, ticket.meters)} />
      ) : (
        <span class="z-dim" safe>
          {t('tickets.nothing_bought')}
        </span>
      ),
      ticket.assignee === null ? (
        <span class="z-dim" safe>
          {t('tickets.nobody')}
        </span>
      ) : (
        <bdi class="z-one-line" safe>
          {ticket.assignee}
        </bdi>
      ),
      <Time page={page} at={ticket.lastMessageAt} />,
    ],
  };
}

function Nothing({
  page,
  filter,
  isNew,
}: {
  page: StaffPage;
  filter: TicketFilter;
  isNew: boolean;
}): JSX.Element {
  const { t } = page;
  const showAll = <ButtonLink href="/console/tickets?status=all" text={t('tickets.show_all')} />;
  if (isNew) {
    return (
      <Empty icon="tickets" title={t('tickets.empty')} text={t('tickets.empty_words')}>
        {mayAct(page.staff.role, 'admin') ? (
          <ButtonLink look="primary" href="/admin/packages" text={t('tickets.to_packages')} />
        ) : null}
      </Empty>
    );
  }
  if (filter.typed !== '') {
    return (
      <Empty
        icon="search"
        title={t('tickets.not_found')}
        text={t('tickets.not_found_words', { typed: filter.typed })}
      >
        {showAll}
      </Empty>
    );
  }
  if (filter.view === 'work') {
    return (
      <Empty icon="good" title={t('tickets.done')} text={t('tickets.done_words')}>
        {showAll}
      </Empty>
    );
  }
  return (
    <Empty icon="tickets" title={t('tickets.empty_view')} text={t('tickets.empty_view_words')}>
      {showAll}
    </Empty>
  );
}
