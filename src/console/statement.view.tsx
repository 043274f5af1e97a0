import { changeOf, type Meter } from '../domain/credits';
import type { TextKey } from '../locales';
import { Icon } from '../ui/icons';
import { Views } from '../ui/list-filters';
import type { StaffPage } from '../ui/page';
import { ButtonLink, Empty, PageHeader } from '../ui/parts';
import { Sentence } from '../ui/sentence';
import { Shell } from '../ui/shell';
import { Paging } from '../ui/table';
import { Day, Time } from '../ui/time';
import { customerHref, statementHref } from './counts';
import { lastInstantOf } from './counts.query';
import type { CustomerHead } from './customer.query';
import type { Slice } from './list.query';
import { orderHref } from './order-parts';
import type { StatementEntry, Sum } from './statement.query';
import { type Told, toldOf } from './statement-words';
import { ticketHref } from './ticket-words';
import { nameOf } from './words';

export interface Statement {
  customer: CustomerHead;
  /** null: all kinds. */
  meter: Meter | null;
  sums: Sum[];
  entries: Slice<StatementEntry>;
  total: number | undefined;
}

export function statementView(page: StaffPage, statement: Statement): JSX.Element {
  const { t } = page;
  const { customer, meter, sums, entries } = statement;
  const title =
    meter === null ? t('statement.title') : t('statement.title_meter', { meter: t(`meters.${meter}`) });
  const shown = meter === null ? sums : sums.filter((sum) => sum.meter === meter);
  return (
    <Shell page={page} title={`${title} · ${nameOf(page, customer)}`}>
      <PageHeader title={title} back={{ href: customerHref(customer.id), text: nameOf(page, customer) }} />
      {sums.length > 1 || (meter !== null && shown.length === 0) ? (
        <Views
          label={t('statement.filter')}
          views={[
            { href: statementHref(customer.id, null), text: t('statement.all'), isOn: meter === null },
            ...sums.map((sum) => ({
              href: statementHref(customer.id, sum.meter),
              text: t(`meters.${sum.meter}`),
              isOn: sum.meter === meter,
            })),
          ]}
        />
      ) : null}
      {shown.length > 0 ? (
        <div class="z-sums card">
          {shown.map((sum) => (
            <SumLine page={page} sum={sum} />
          ))}
        </div>
      ) : null}
      {entries.rows.length > 0 ? (
        <>
          <Entries page={page} statement={statement} />
          <Paging page={page} shown={entries.rows.length} total={statement.total} next={entries.next} />
        </>
      ) : (
        <Nothing page={page} statement={statement} />
      )}
    </Shell>
  );
}

function Nothing({ page, statement }: { page: StaffPage; statement: Statement }): JSX.Element {
  const { t } = page;
  const { meter, customer } = statement;
  if (meter === null) {
    return <Empty icon="receipt" title={t('statement.empty')} text={t('statement.empty_text')} />;
  }
  return (
    <Empty icon={meter} title={t('statement.empty_meter')} text={t('statement.empty_meter_text')}>
      <ButtonLink href={statementHref(customer.id, null)} text={t('statement.show_all')} />
    </Empty>
  );
}

/** 10 bought − 5 used − 1 on hold = 4 left. What is nothing is left out. */
function SumLine({ page, sum }: { page: StaffPage; sum: Sum }): JSX.Element {
  const { t, locale } = page;
  const meter = t(`meters.${sum.meter}`);
  const number = (n: number) => n.toLocaleString(locale);
  const terms: [sign: '+' | '−', key: TextKey, value: number][] = [
    ['+', 'statement.bought', sum.bought],
    ['+', 'statement.given', sum.given],
    ['+', 'statement.corrected', sum.corrected],
    ['−', 'statement.used', sum.used],
    ['−', 'statement.on_hold', sum.onHold],
    ['−', 'statement.expired', sum.expired],
    ['−', 'statement.taken_back', sum.takenBack],
    ['−', 'statement.taken_away', sum.takenAway],
  ];
  const there = terms.filter(([, , value]) => value > 0);
  return (
    <div class="z-sum">
      <h2>
        <Icon name={sum.meter} />
        <span class="visually-hidden" safe>
          {t('statement.why', { meter })}
        </span>
        <span aria-hidden="true" safe>
          {meter}
        </span>
      </h2>
      <dl>
        {there.map(([sign, key, value], i) => (
          <div>
            <dt safe>{t(key)}</dt>
            <dd safe>{`${i === 0 && sign === '+' ? '' : `${sign} `}${number(value)}`}</dd>
          </div>
        ))}
        <div class={sum.left > 0 ? 'z-sum-left z-level-enough' : 'z-sum-left z-level-none'}>
          <dt safe>{t('statement.left')}</dt>
          <dd safe>{`= ${number(sum.left)}`}</dd>
        </div>
      </dl>
    </div>
  );
}

function Entries({ page, statement }: { page: StaffPage; statement: Statement }): JSX.Element {
  const { t } = page;
  const withMeter = statement.meter === null && statement.sums.length > 1;
  return (
    <div class="z-table-card card">
      <table class="z-table z-statement">
        <caption class="visually-hidden" safe>
          {t('statement.caption')}
        </caption>
        <thead>
          <tr>
            <th scope="col" safe>
              {t('statement.what')}
            </th>
            <th scope="col" safe>
              {t('statement.when')}
            </th>
            {withMeter ? (
              <th scope="col" safe>
                {t('statement.meter')}
              </th>
            ) : null}
            <th scope="col" class="z-end" safe>
              {t('statement.change')}
            </th>
            <th scope="col" class="z-end" safe>
              {t('statement.after')}
            </th>
          </tr>
        </thead>
        <tbody>
          {statement.entries.rows.map((entry) => (
            <tr id={`entry-${entry.seq}`}>
              <td>
                <Story page={page} entry={entry} />
              </td>
              <td>
                <Time page={page} at={entry.at} />
              </td>
              {withMeter ? (
                <td>
                  <span class="z-meter-name">
                    <Icon name={entry.meter} />
                    <span safe>{t(`meters.${entry.meter}`)}</span>
                  </span>
                </td>
              ) : null}
              <td class="z-end">
                <Signed page={page} change={changeOf(entry.type, entry.quantity)} />
              </td>
              <td class="z-end" data-label={t('statement.after')} safe>
                {entry.left.toLocaleString(page.locale)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Signed({ page, change }: { page: StaffPage; change: number }): JSX.Element {
  const size = Math.abs(change).toLocaleString(page.locale);
  if (change === 0) return <span class="z-dim">0</span>;
  return change > 0 ? <strong class="z-plus" safe>{`+${size}`}</strong> : <strong safe>{`−${size}`}</strong>;
}

function Story({ page, entry }: { page: StaffPage; entry: StatementEntry }): JSX.Element {
  const told = toldOf(page, entry);
  return (
    <>
      <p>
        <Sentence
          page={page}
          text={told.text}
          {...(told.values ? { values: told.values } : {})}
          parts={partsOf(page, entry)}
        />
      </p>
      <Notes told={told} />
    </>
  );
}

/** What a sentence can name: each of them leads to the thing itself. */
function partsOf(page: StaffPage, entry: StatementEntry): Record<string, JSX.Element> {
  const { order, ticket, expiresAt, messageId } = entry;
  const place = messageId === null ? '' : `#m-${messageId}`;
  return {
    order: order === null ? '–' : <a href={orderHref(order.id)} safe>{`#${order.number}`}</a>,
    ticket:
      ticket === null ? (
        '–'
      ) : (
        <a href={`${ticketHref(ticket.number)}${place}`} safe>
          {page.t('statement.ticket', { number: ticket.number })}
        </a>
      ),
    date: expiresAt === null ? '–' : <Day page={page} at={lastInstantOf(expiresAt)} />,
  };
}

function Notes({ told }: { told: Told }): JSX.Element {
  if (told.notes.length === 0) return '';
  return (
    <p class="z-dim z-dots">
      {told.notes.map((note) => (
        <bdi safe>{note}</bdi>
      ))}
    </p>
  );
}
