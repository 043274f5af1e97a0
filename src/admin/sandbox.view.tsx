import { SENDING_CHANNELS, type SendingChannel } from '../domain/messages';
import { FileLinks } from '../ui/file-links';
import { Icon } from '../ui/icons';
import { Views } from '../ui/list-filters';
import { hereWith, type StaffPage } from '../ui/page';
import { Badge, Banner, ButtonLink, Empty, PageHeader, Section } from '../ui/parts';
import { Shell } from '../ui/shell';
import { Paging, Table } from '../ui/table';
import { exactTime, Time } from '../ui/time';
import type { SandboxMessage, SandboxRow } from './sandbox.query';

/** How each channel leaves this machine, if it does. */
export interface Transports {
  email: 'sandbox' | 'smtp';
  sms: 'sandbox' | 'twilio';
}

const LIST = '/admin/sandbox';

export function sandboxView(
  page: StaffPage,
  list: { rows: SandboxRow[]; next: string | null; channel: SendingChannel | null },
  transports: Transports,
): JSX.Element {
  const { t } = page;
  const { rows, channel } = list;
  const isEmpty = rows.length === 0 && channel === null && !page.query.has('cursor');
  return (
    <Shell page={page} title={t('sandbox.title')}>
      <PageHeader title={t('sandbox.title')} lead={t('sandbox.lead')} />
      <Leaves page={page} transports={transports} />
      {isEmpty ? (
        <Empty
          icon="sandbox"
          title={t('sandbox.empty')}
          text={t(isAllReal(transports) ? 'sandbox.empty_real_words' : 'sandbox.empty_words')}
        >
          <ButtonLink href="/console/tickets" text={t('sandbox.to_tickets')} />
        </Empty>
      ) : (
        <>
          <Views
            label={t('sandbox.filter')}
            views={[null, ...SENDING_CHANNELS].map((value) => ({
              href: hereWith(page, { channel: value, cursor: null }),
              text: value === null ? t('sandbox.all') : t(`sandbox.channel.${value}`),
              isOn: value === channel,
            }))}
          />
          {rows.length === 0 ? (
            <Empty icon="sandbox" title={t('sandbox.empty_channel')} text={t('sandbox.empty_channel_words')}>
              <ButtonLink href={LIST} text={t('sandbox.show_all')} />
            </Empty>
          ) : (
            <>
              <SandboxTable page={page} rows={rows} />
              <Paging page={page} shown={rows.length} next={list.next} />
            </>
          )}
        </>
      )}
      {rows.length === 0 || isAllReal(transports) ? null : (
        <p class="z-footnote" safe>
          {t('sandbox.try_failure')}
        </p>
      )}
    </Shell>
  );
}

function isAllReal({ email, sms }: Transports): boolean {
  return email !== 'sandbox' && sms !== 'sandbox';
}

/** Whether a message reaches anybody, before anything else. */
function Leaves({ page, transports }: { page: StaffPage; transports: Transports }): JSX.Element {
  const { t } = page;
  const { email, sms } = transports;
  if (isAllReal(transports)) return <Banner tone="low" text={t('sandbox.all_leaves')} />;
  if (email !== 'sandbox') return <Banner tone="low" text={t('sandbox.email_leaves')} />;
  if (sms !== 'sandbox') return <Banner tone="low" text={t('sandbox.sms_leaves')} />;
  return <Banner tone="quiet" text={t('sandbox.nothing_left')} />;
}

function SandboxTable({ page, rows }: { page: StaffPage; rows: SandboxRow[] }): JSX.Element {
  const { t } = page;
  return (
    <Table
      caption={t('sandbox.title')}
      columns={[
        { label: t('sandbox.column.message') },
        { label: t('sandbox.column.to') },
        { label: t('sandbox.column.channel') },
        { label: t('sandbox.column.kind') },
        { label: t('sandbox.column.ticket') },
        { label: t('sandbox.column.at'), align: 'end' },
      ]}
      rows={rows.map((row) => {
        const text = firstWords(row.text) || t('sandbox.no_words');
        return {
          href: `${LIST}/${row.id}`,
          label: row.subject || text,
          ...(row.subject ? { note: <span safe>{text}</span> } : {}),
          cells: [
            <span safe>{row.to}</span>,
            <ChannelName page={page} channel={row.channel} />,
            <KindBadge page={page} row={row} />,
            <TicketLink page={page} row={row} />,
            <Time page={page} at={row.at} />,
          ],
        };
      })}
    />
  );
}

function ChannelName({ page, channel }: { page: StaffPage; channel: SendingChannel }): JSX.Element {
  return (
    <span class="z-with-icon">
      <Icon name={channel} />
      <span safe>{page.t(`sandbox.channel.${channel}`)}</span>
    </span>
  );
}

function KindBadge({ page, row }: { page: StaffPage; row: SandboxRow }): JSX.Element {
  return <Badge tone={row.kind === 'reply' ? 'accent' : 'quiet'} text={page.t(`sandbox.kind.${row.kind}`)} />;
}

function TicketLink({ page, row }: { page: StaffPage; row: SandboxRow }): JSX.Element {
  if (!row.ticket) return <span safe>{page.t('sandbox.no_ticket')}</span>;
  return (
    <a href={`/console/tickets/${row.ticket.id}`} safe>
      {page.t('sandbox.ticket', { number: row.ticket.number })}
    </a>
  );
}

const FIRST_CHARS = 90;

/** As much as fits on a line or two. */
function firstWords(text: string): string {
  const line = text
    .slice(0, FIRST_CHARS * 4)
    .replace(/\s+/g, ' ')
    .trim();
  if (line.length <= FIRST_CHARS) return line;
  // To the end of a word, or else of a letter: one can take two characters.
  const words = line.slice(0, FIRST_CHARS + 1).replace(/\s\S*$/, '');
  return `${[...words].slice(0, FIRST_CHARS).join('')}…`;
}

export function sandboxMessageView(page: StaffPage, row: SandboxMessage): JSX.Element {
  const { t } = page;
  const title = row.subject || t(`sandbox.channel.${row.channel}`);
  return (
    <Shell page={page} title={title}>
      <div class="z-reading">
        <PageHeader title={title} back={{ href: LIST, text: t('sandbox.title') }} />
        <Section title={t('sandbox.text')}>
          <dl class="z-list">
            <div>
              <dt safe>{t('sandbox.column.to')}</dt>
              <dd safe>{row.to}</dd>
            </div>
            <div>
              <dt safe>{t('sandbox.from')}</dt>
              <dd safe>{row.from}</dd>
            </div>
            <div>
              <dt safe>{t('sandbox.column.at')}</dt>
              <dd>
                <time datetime={row.at} safe>
                  {exactTime(page, row.at)}
                </time>
              </dd>
            </div>
            <div>
              <dt safe>{t('sandbox.column.channel')}</dt>
              <dd>
                <ChannelName page={page} channel={row.channel} />
              </dd>
            </div>
            <div>
              <dt safe>{t('sandbox.column.kind')}</dt>
              <dd>
                <KindBadge page={page} row={row} />
              </dd>
            </div>
            <div>
              <dt safe>{t('sandbox.column.ticket')}</dt>
              <dd>
                <TicketLink page={page} row={row} />
              </dd>
            </div>
          </dl>
          <div class={`z-letter z-letter-${row.channel}`} dir="auto" safe>
            {row.text}
          </div>
          <FileLinks page={page} label={t('sandbox.files')} files={row.files} />
        </Section>
      </div>
    </Shell>
  );
}
