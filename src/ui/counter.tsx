import { Icon } from './icons';
import type { Page } from './page';
import { dayText } from './time';

export type CounterMeter = 'sms' | 'email' | 'video' | 'request' | 'any';
type CounterLevel = 'enough' | 'low' | 'none';

/** One meter as a person sees it. */
export interface Count {
  meter: CounterMeter;
  left: number;
  /** The ledger's rules say which; a counter only shows it. */
  level: CounterLevel;
  /** What was bought and is not expired or taken back: left + on hold + used. */
  of: number;
  onHold?: number;
  /** The next ones to go. */
  expiring?: { quantity: number; at: string } | null;
  /** The statement, filtered to this meter: "why?" */
  href: string;
}

interface Props {
  page: Page;
  count: Count;
  /** What can be done about it, shown beside the words: buttons, at zero above all. */
  actions?: JSX.Element;
}

/** page: the first thing on a page · row: one line in a panel · line: in a list or a heading. */
export type CounterSize = 'page' | 'row' | 'line';

/** UI.md "The counter": several meters in one size. The actions of a meter stand beside its words. */
export function Counters({
  page,
  counts,
  size,
  actions,
}: {
  page: Page;
  counts: Count[];
  size: CounterSize;
  actions?: Partial<Record<CounterMeter, JSX.Element>>;
}): JSX.Element {
  return (
    <ul class={`z-counters z-counters-${size}`}>
      {counts.map((count) => (
        <li>
          <Counter page={page} count={count} size={size} actions={actions?.[count.meter]} />
        </li>
      ))}
    </ul>
  );
}

function Counter({ size, ...props }: Props & { size: CounterSize }): JSX.Element {
  return size === 'line' ? <Line {...props} /> : <Block {...props} size={size} />;
}

function Line({ page, count }: Props): JSX.Element {
  const { t } = page;
  const { level } = count;
  return (
    <a
      class={`z-counter z-counter-line z-level-${level}`}
      href={count.href}
      title={t('counter.why', { meter: t(`meters.${count.meter}`) })}
    >
      <span safe>{t(`meters.${count.meter}`)}</span>{' '}
      {level === 'none' ? (
        <strong class="z-count" safe>
          {t('counter.none_short')}
        </strong>
      ) : (
        <strong class="z-count">{count.left}</strong>
      )}
      {level === 'low' ? <em safe>{` ${t('counter.low_short')}`}</em> : null}
    </a>
  );
}

/** The same as words only, where no link can stand: in the summary of something that opens. */
export function CounterText({
  page,
  count,
}: {
  page: Page;
  count: Pick<Count, 'meter' | 'left' | 'level'>;
}): JSX.Element {
  const { t } = page;
  const { level } = count;
  return (
    <span class={`z-counter z-counter-line z-level-${level}`}>
      <span safe>{t(`meters.${count.meter}`)}</span>{' '}
      {level === 'none' ? (
        <strong class="z-count" safe>
          {t('counter.none_short')}
        </strong>
      ) : (
        <strong class="z-count">{count.left}</strong>
      )}
      {level === 'low' ? <em safe>{` ${t('counter.low_short')}`}</em> : null}
    </span>
  );
}

function Block({ page, count, size, actions }: Props & { size: 'page' | 'row' }): JSX.Element {
  const { t } = page;
  const { level } = count;
  const meter = t(`meters.${count.meter}`);
  return (
    <div class={`z-counter z-counter-${size} z-level-${level}`}>
      <a class="z-counter-why" href={count.href} title={t('counter.why', { meter })}>
        <span class="z-counter-name">
          <Icon name={count.meter} />
          <span safe>{meter}</span>
        </span>
        <Bar count={count} />
        <Words page={page} count={count} level={level} />
      </a>
      <Notes page={page} count={count} level={level} />
      {actions ? <div class="z-counter-actions">{actions}</div> : null}
    </div>
  );
}

/** The number is the largest thing, wherever the language puts it in the sentence. */
function Words({ page, count, level }: { page: Page; count: Count; level: CounterLevel }): JSX.Element {
  const { t } = page;
  if (level === 'none') {
    const words = count.of > 0 ? t('counter.none_left_of', { of: count.of }) : t('counter.none');
    return (
      <span class="z-counter-words" safe>
        {words}
      </span>
    );
  }
  const [before = '', after = ''] = t('counter.left_of', {
    count: count.left,
    left: '\u0000',
    of: count.of,
  }).split('\u0000');
  return (
    <span class="z-counter-words">
      <span safe>{before}</span>
      <strong class="z-count">{count.left}</strong>
      <span safe>{after}</span>
    </span>
  );
}

function Notes({ page, count, level }: { page: Page; count: Count; level: CounterLevel }): JSX.Element {
  const { t } = page;
  const { expiring, onHold = 0 } = count;
  const notes: string[] = [];
  if (onHold > 0) notes.push(t('counter.on_hold', { count: onHold }));
  if (expiring) {
    notes.push(t('counter.expire', { count: expiring.quantity, date: dayText(page, expiring.at) }));
  }
  if (level !== 'low' && notes.length === 0) return '';
  return (
    <span class="z-counter-notes">
      {level === 'low' ? (
        <span class="z-counter-low">
          <Icon name="warning" />
          <span safe>{t('counter.low')}</span>
        </span>
      ) : null}
      {notes.length > 0 ? <span safe>{notes.join(' · ')}</span> : null}
    </span>
  );
}

/** Up to so many are drawn one by one, as tokens; more become a plain bar. */
const TOKENS_MAX = 20;

/** Decoration: the words beside it say the same. Drawn as SVG, whose widths need no inline style. */
export function Bar({
  count,
  class: className,
}: {
  count: Pick<Count, 'left' | 'of' | 'onHold'>;
  class?: string;
}): JSX.Element {
  const { left, onHold = 0 } = count;
  const of = Math.max(count.of, left + onHold, 1);
  const parts = of <= TOKENS_MAX ? tokens(left, onHold, of) : lengths(left, onHold, of);
  return (
    <svg class={['z-bar', className ?? '']} aria-hidden="true" focusable="false">
      {parts.map((part) => (
        <rect class={part.class} x={`${part.x}%`} width={`${part.width}%`} y="0" height="100%" rx="2.5" />
      ))}
    </svg>
  );
}

interface Part {
  class: 'z-bar-left' | 'z-bar-hold' | 'z-bar-gone';
  x: number;
  width: number;
}

function tokens(left: number, onHold: number, of: number): Part[] {
  const gap = Math.min(1.6, 20 / of);
  const width = (100 - gap * (of - 1)) / of;
  return Array.from({ length: of }, (_, i) => ({
    class: i < left ? 'z-bar-left' : i < left + onHold ? 'z-bar-hold' : 'z-bar-gone',
    x: rounded(i * (width + gap)),
    width: rounded(width),
  }));
}

function lengths(left: number, onHold: number, of: number): Part[] {
  const percent = (n: number) => rounded((n / of) * 100);
  const parts: Part[] = [
    { class: 'z-bar-gone', x: 0, width: 100 },
    { class: 'z-bar-hold', x: 0, width: percent(left + onHold) },
    { class: 'z-bar-left', x: 0, width: percent(left) },
  ];
  return parts.filter((part) => part.width > 0);
}

function rounded(n: number): number {
  return Math.round(n * 100) / 100;
}
