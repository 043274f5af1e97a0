import { hereWith, type Page } from './page';

export interface Column {
  label: string;
  /** Numbers stand at the end. */
  align?: 'end';
  /** Left out at 390 px: say it in another cell there, or do without. */
  wideOnly?: boolean;
  /** At 390 px there is no head: this one's label stands before the value, which says little by itself. */
  named?: boolean;
}

export interface Row {
  /** The whole row goes there. */
  href: string;
  /** Before the label, quieter: a number by which people know it. */
  mark?: string;
  /** What the link is called; stands in the first cell. */
  label: string;
  /** A heading stands before the first row of each group. */
  group?: string;
  /** Below the label, smaller. */
  note?: JSX.Element;
  /** The cells after the first one. */
  cells: JSX.Element[];
}

/** A list as UI.md wants it: sticky head, the whole row a link. Put `Paging` below it. */
export function Table({
  caption,
  columns,
  rows,
}: {
  /** For screen readers: what this is a list of. */
  caption: string;
  columns: Column[];
  rows: Row[];
}): JSX.Element {
  return (
    <div class="z-table-card card">
      <table class="z-table">
        <caption class="visually-hidden" safe>
          {caption}
        </caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <th scope="col" class={classOf(column)} safe>
                {column.label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, i) => (
            <>
              {row.group !== undefined && row.group !== rows[i - 1]?.group ? (
                <GroupHead text={row.group} span={columns.length} />
              ) : null}
              <OneRow row={row} columns={columns} />
            </>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function GroupHead({ text, span }: { text: string; span: number }): JSX.Element {
  return (
    <tr class="z-group">
      <th colspan={String(span)} scope="colgroup" safe>
        {text}
      </th>
    </tr>
  );
}

function OneRow({ row, columns }: { row: Row; columns: Column[] }): JSX.Element {
  const { href, mark, label, note, cells } = row;
  return (
    <tr>
      <td class={classOf(columns[0])}>
        <a class="z-row-link" href={href}>
          {mark === undefined ? null : (
            <span class="z-row-mark" safe>
              {`${mark} `}
            </span>
          )}
          <bdi safe>{label}</bdi>
        </a>
        {note ? <div class="z-row-note">{note}</div> : null}
      </td>
      {cells.map((cell, i) => (
        <td class={classOf(columns[i + 1])} data-label={labelOf(columns[i + 1])}>
          {cell}
        </td>
      ))}
    </tr>
  );
}

function classOf(column: Column | undefined): string | undefined {
  const names = [column?.align === 'end' ? 'z-end' : '', column?.wideOnly ? 'z-wide' : ''].filter(Boolean);
  return names.length > 0 ? names.join(' ') : undefined;
}

function labelOf(column: Column | undefined): string | undefined {
  return column?.named ? column.label : undefined;
}

/** "50 of 312", and the way on. The cursor stands in the address, so that a page can be shared. */
export function Paging({
  page,
  shown,
  total,
  next,
}: {
  page: Page;
  shown: number;
  /** Where it is cheap to know. */
  total?: number;
  next: string | null;
}): JSX.Element {
  const { t } = page;
  const words =
    total === undefined ? t('table.shown', { count: shown }) : t('table.shown_of', { shown, total });
  return (
    <nav class="z-paging" aria-label={t('table.paging')}>
      <span safe>{words}</span>
      {page.query.has('cursor') ? (
        <a href={hereWith(page, { cursor: null })} safe>
          {t('table.first')}
        </a>
      ) : null}
      {next !== null ? (
        <a class="btn" rel="next" href={hereWith(page, { cursor: next })} safe>
          {t('table.next')}
        </a>
      ) : null}
    </nav>
  );
}
