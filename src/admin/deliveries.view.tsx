import type { Children } from '@kitajs/html';
import { limits } from '../platform/limits';
import { CopyField } from '../ui/copy';
import { PostForm } from '../ui/field';
import { Views } from '../ui/list-filters';
import { hereWith, type StaffPage } from '../ui/page';
import { Badge, Banner, Button, ButtonLink, Empty, PageHeader, Section } from '../ui/parts';
import { Shell } from '../ui/shell';
import { type Column, Paging, Table } from '../ui/table';
import { exactTime, relativeTime, Time } from '../ui/time';
import { type DeliveryDetail, type DeliveryRow, type DeliveryStatus, STATUSES } from './deliveries.query';
import { prettyJson } from './pretty-json';
import type { ShopName } from './stores.query';

export interface DeliveryList {
  rows: DeliveryRow[];
  next: string | null;
  status: DeliveryStatus | null;
  counts: { pending: number; failed: number };
  shops: ShopName[];
  publicUrl: string;
}

const LIST = '/admin/deliveries';

export function deliveriesView(page: StaffPage, list: DeliveryList): JSX.Element {
  const { t } = page;
  const { rows, status, counts } = list;
  const isNew = rows.length === 0 && status === null && !page.query.has('cursor');
  if (isNew) {
    return (
      <Shell page={page} title={t('deliveries.title')}>
        <PageHeader title={t('deliveries.title')} />
        <div class="z-narrow">
          <Empty icon="deliveries" title={t('deliveries.empty')} text={t('deliveries.empty_words')} />
          <Connect page={page} list={list} />
        </div>
      </Shell>
    );
  }
  return (
    <Shell page={page} title={t('deliveries.title')}>
      <PageHeader title={t('deliveries.title')} lead={t('deliveries.lead')} />
      {counts.failed > 0 && status !== 'failed' ? (
        <Banner tone="bad" text={t('deliveries.failed_banner', { count: counts.failed })}>
          <a href={`${LIST}?status=failed`} safe>
            {t('deliveries.show_failed')}
          </a>
        </Banner>
      ) : null}
      <Views
        label={t('deliveries.filter')}
        views={[null, ...STATUSES].map((value) => ({
          href: hereWith(page, { status: value, cursor: null }),
          text: value === null ? t('deliveries.all') : t(`deliveries.status.${value}`),
          isOn: value === status,
          ...(value === 'pending' ? { count: counts.pending, tone: 'low' as const } : {}),
          ...(value === 'failed' ? { count: counts.failed, tone: 'bad' as const } : {}),
        }))}
      />
      {rows.length === 0 ? (
        <Empty
          icon="deliveries"
          title={t('deliveries.empty_filtered')}
          text={status ? t(`deliveries.empty_status.${status}`) : t('deliveries.empty_words')}
        >
          <ButtonLink href={LIST} text={t('deliveries.show_all')} />
        </Empty>
      ) : (
        <>
          <DeliveryTable page={page} list={list} />
          <Paging page={page} shown={rows.length} next={list.next} />
        </>
      )}
      <details class="z-fold">
        <summary safe>{t('deliveries.connect.show')}</summary>
        <Connect page={page} list={list} />
      </details>
    </Shell>
  );
}

function DeliveryTable({ page, list }: { page: StaffPage; list: DeliveryList }): JSX.Element {
  const { t } = page;
  const several = list.shops.length > 1;
  const columns: Column[] = [
    { label: t('deliveries.column.what') },
    { label: t('deliveries.column.order') },
    { label: t('deliveries.column.became') },
    { label: t('deliveries.column.tries'), align: 'end', named: true },
    { label: t('deliveries.column.at'), align: 'end' },
  ];
  return (
    <Table
      caption={t('deliveries.title')}
      columns={columns}
      rows={list.rows.map((row) => ({
        href: `${LIST}/${row.id}`,
        label: topicWords(page, row.topic),
        ...(several ? { note: <span safe>{row.shop}</span> } : {}),
        cells: [
          <OrderLink page={page} row={row} />,
          <div class="z-became">
            <StatusBadge page={page} status={row.status} />
            {row.status === 'done' ? null : (
              <span class="z-row-note" safe>
                {outcomeWords(page, row)}
              </span>
            )}
          </div>,
          <span safe>{String(row.tries)}</span>,
          <Time page={page} at={row.receivedAt} />,
        ],
      }))}
    />
  );
}

function OrderLink({ page, row }: { page: StaffPage; row: DeliveryRow }): JSX.Element {
  if (!row.order) return '';
  return (
    <a href={`/console/orders/${row.order.id}`} safe>
      {page.t('deliveries.order', { number: row.order.number })}
    </a>
  );
}

const TONES = { pending: 'low', done: 'good', ignored: 'quiet', failed: 'bad' } as const;
const ICONS = { pending: 'clock', done: 'good', ignored: 'info', failed: 'bad' } as const;

function StatusBadge({ page, status }: { page: StaffPage; status: DeliveryStatus }): JSX.Element {
  return <Badge tone={TONES[status]} icon={ICONS[status]} text={page.t(`deliveries.status.${status}`)} />;
}

/** As the shop calls it, where it is one of those that Zeton wants. */
function topicWords({ t }: StaffPage, topic: string): string {
  if (topic === '') return t('deliveries.topic.none');
  const event = (['created', 'updated', 'deleted', 'restored'] as const).find(
    (one) => topic === `order.${one}`,
  );
  return event ? t(`deliveries.topic.${event}`) : topic;
}

function outcomeWords(page: StaffPage, row: DeliveryRow): string {
  const { t } = page;
  const reason = row.reason ?? t('deliveries.no_reason');
  switch (row.status) {
    case 'pending':
      if (row.tries === 0) return t('deliveries.waits');
      return Date.parse(row.nextAttemptAt) <= page.now.getTime()
        ? t('deliveries.waits_again_now', { reason })
        : t('deliveries.waits_again', { reason, when: relativeTime(page, row.nextAttemptAt) });
    case 'done':
      return t('deliveries.done');
    case 'ignored':
    case 'failed':
      return reason;
  }
}

/** How the shop is told to send its orders here. */
function Connect({ page, list }: { page: StaffPage; list: DeliveryList }): JSX.Element {
  const { t } = page;
  const { shops, publicUrl } = list;
  const isLocal = /^https?:\/\/(localhost|127\.|\[::1\])/.test(publicUrl);
  return (
    <>
      {shops.map((shop) => (
        <Section
          title={
            shops.length > 1
              ? t('deliveries.connect.title_named', { shop: shop.name })
              : t('deliveries.connect.title')
          }
        >
          <p safe>{t('deliveries.connect.where')}</p>
          <ul class="z-topics">
            {(['created', 'updated', 'deleted', 'restored'] as const).map((topic) => (
              <li safe>{t(`deliveries.connect.topics.${topic}`)}</li>
            ))}
          </ul>
          <CopyField
            page={page}
            id={`address-${shop.slug}`}
            label={t('deliveries.connect.address')}
            value={`${publicUrl}/webhooks/woocommerce/${shop.slug}`}
          />
          {isLocal ? (
            <p class="form-hint" safe>
              {t('deliveries.connect.local')}
            </p>
          ) : null}
          {shop.hasSecret ? (
            <p class="z-last" safe>
              {t('deliveries.connect.secret')}
            </p>
          ) : (
            <Banner tone="low" text={t('deliveries.connect.no_secret')} />
          )}
        </Section>
      ))}
    </>
  );
}

/** While it is about to be processed, the page looks again by itself: the reader asked for it with the button. */
const SOON_MS = 60_000;

export function deliveryView(page: StaffPage, delivery: DeliveryDetail, problem?: string): JSX.Element {
  const { t } = page;
  const title = topicWords(page, delivery.topic);
  const isSoon =
    delivery.status === 'pending' && Date.parse(delivery.nextAttemptAt) - page.now.getTime() < SOON_MS;
  const poll = isSoon
    ? {
        'hx-get': `${LIST}/${delivery.id}`,
        'hx-trigger': 'every 2s',
        'hx-select': '#outcome',
        'hx-swap': 'outerHTML',
      }
    : {};
  return (
    <Shell page={page} title={title}>
      <PageHeader title={title} back={{ href: LIST, text: t('deliveries.title') }} />
      {problem ? <Banner tone="low" text={problem} /> : null}
      <div class="z-beside z-beside-even">
        <div id="outcome" aria-live="polite" {...poll}>
          <Section title={t('deliveries.column.became')}>
            <Outcome page={page} delivery={delivery} />
          </Section>
        </div>
        <Section title={t('deliveries.headers')} lead={t('deliveries.headers_lead')}>
          <Headers page={page} headers={delivery.headers} />
        </Section>
      </div>
      <Body page={page} body={delivery.body} />
    </Shell>
  );
}

function Outcome({ page, delivery }: { page: StaffPage; delivery: DeliveryDetail }): JSX.Element {
  const { t } = page;
  const { status, order, finishedAt } = delivery;
  return (
    <>
      <div class="z-became">
        <StatusBadge page={page} status={status} />
        <p safe>{outcomeWords(page, delivery)}</p>
      </div>
      <dl class="z-list">
        <Fact label={t('deliveries.fact.came')}>
          <time datetime={delivery.receivedAt} safe>
            {exactTime(page, delivery.receivedAt)}
          </time>
        </Fact>
        {finishedAt === null ? null : (
          <Fact label={t('deliveries.fact.finished')}>
            <time datetime={finishedAt} safe>
              {exactTime(page, finishedAt)}
            </time>
          </Fact>
        )}
        {order === null ? null : (
          <Fact label={t('deliveries.fact.order')}>
            <OrderLink page={page} row={delivery} />
          </Fact>
        )}
        <Fact label={t('deliveries.fact.shop')}>
          <span safe>{delivery.shop}</span>
        </Fact>
        <Fact label={t('deliveries.fact.topic')}>
          <span safe>{delivery.topic || t('deliveries.topic.none')}</span>
        </Fact>
        <Fact label={t('deliveries.fact.tries')}>
          <span safe>{String(delivery.tries)}</span>
        </Fact>
      </dl>
      {status === 'failed' || status === 'ignored' ? (
        <PostForm page={page} action={`${LIST}/${delivery.id}/retry`}>
          <Button
            look={status === 'failed' ? 'primary' : 'plain'}
            icon="refresh"
            text={t('deliveries.retry')}
          />
        </PostForm>
      ) : null}
    </>
  );
}

function Fact({ label, children }: { label: string; children?: Children }): JSX.Element {
  return (
    <div>
      <dt safe>{label}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Headers({ page, headers }: { page: StaffPage; headers: Record<string, string> }): JSX.Element {
  const all = Object.entries(headers);
  if (all.length === 0) return <p safe>{page.t('deliveries.no_headers')}</p>;
  return (
    <dl class="z-list z-mono">
      {all.map(([name, value]) => (
        <Fact label={name}>
          <span safe>{value}</span>
        </Fact>
      ))}
    </dl>
  );
}

function Body({ page, body }: { page: StaffPage; body: Buffer }): JSX.Element {
  const { t } = page;
  const text = textOf(body);
  const size = sizeWords(page, body.length);
  if (body.length === 0) {
    return (
      <Section title={t('deliveries.body')}>
        <p safe>{t('deliveries.body_empty')}</p>
      </Section>
    );
  }
  if (text === null) {
    return (
      <Section title={t('deliveries.body')}>
        <p safe>{t('deliveries.body_not_text', { size })}</p>
      </Section>
    );
  }
  const shown = prettyJson(text, limits.shownBodyChars);
  return (
    <Section
      title={t('deliveries.body')}
      lead={shown.cut ? t('deliveries.body_cut', { size }) : t('deliveries.body_lead')}
    >
      <section class="z-scroll" tabindex="0" aria-label={t('deliveries.body_name')}>
        {/* The first line end after the tag is not part of the text. */}
        <pre safe>{`\n${shown.text}`}</pre>
      </section>
    </Section>
  );
}

function textOf(bytes: Buffer): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

function sizeWords({ locale }: StaffPage, bytes: number): string {
  const [value, unit] = bytes < 1024 * 1024 ? [bytes / 1024, 'KiB'] : [bytes / 1024 / 1024, 'MiB'];
  return `${value.toLocaleString(locale, { maximumFractionDigits: value < 10 ? 1 : 0 })} ${unit}`;
}
