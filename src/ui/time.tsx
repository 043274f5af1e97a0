import type { Page } from './page';

type Where = Pick<Page, 'locale' | 'zone' | 'now' | 't'>;

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['minute', 60],
  ['hour', 3600],
  ['day', 86_400],
  ['week', 7 * 86_400],
];
const DATE_AFTER_SECONDS = 14 * 86_400;

/** "3 minutes ago", the exact time on hover; a date once it is two weeks away. `narrow`: "3 min ago". */
export function Time({
  page,
  at,
  narrow = false,
}: {
  page: Where;
  at: string;
  narrow?: boolean;
}): JSX.Element {
  return (
    <time datetime={at} title={exactTime(page, at)} safe>
      {relativeTime(page, at, narrow ? 'narrow' : 'long')}
    </time>
  );
}

/** A day, exact on hover: "31 Mar", with the year when it is another one. */
export function Day({ page, at }: { page: Where; at: string }): JSX.Element {
  return (
    <time datetime={at} title={exactTime(page, at)} safe>
      {dayText(page, at)}
    </time>
  );
}

/** The time of day: for a thread under a day's heading. */
export function Clock({ page, at }: { page: Where; at: string }): JSX.Element {
  return (
    <time datetime={at} title={exactTime(page, at)} safe>
      {format(page, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }, at)}
    </time>
  );
}

export function relativeTime(page: Where, at: string, style: 'long' | 'narrow' = 'long'): string {
  const seconds = (Date.parse(at) - page.now.getTime()) / 1000;
  const distance = Math.abs(seconds);
  if (distance < 60) return page.t('time.now');
  if (distance >= DATE_AFTER_SECONDS) return dayText(page, at);
  const [unit, size] = STEPS.filter(([, step]) => distance >= step).at(-1) ?? ['minute', 60];
  const words = new Intl.RelativeTimeFormat(page.locale, { numeric: 'auto', style });
  return words.format(Math.trunc(seconds / size), unit);
}

export function exactTime(page: Where, at: string): string {
  return format(page, { dateStyle: 'full', timeStyle: 'short' }, at);
}

export function dayText(page: Where, at: string): string {
  const isThisYear = yearOf(page, at) === yearOf(page, page.now.toISOString());
  return format(page, { day: 'numeric', month: 'short', ...(isThisYear ? {} : { year: 'numeric' }) }, at);
}

/** A day's heading: "Friday 21 November", with the year when it is another one. */
export function longDay(page: Where, at: string): string {
  const isThisYear = yearOf(page, at) === yearOf(page, page.now.toISOString());
  const year = isThisYear ? {} : ({ year: 'numeric' } as const);
  return format(page, { weekday: 'long', day: 'numeric', month: 'long', ...year }, at);
}

/** Which day it is for the reader: 2026-11-21. */
export function dayOf(page: Pick<Page, 'zone'>, at: string): string {
  const parts = { year: 'numeric', month: '2-digit', day: '2-digit' } as const;
  return formatter('en-CA', { ...parts, timeZone: page.zone }).format(new Date(at));
}

function yearOf(page: Where, at: string): string {
  return format(page, { year: 'numeric' }, at);
}

/** Making one takes longer than all the rest of a time element; a ticket's page has hundreds of them. */
const formatters = new Map<string, Intl.DateTimeFormat>();

function formatter(locale: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${locale} ${JSON.stringify(options)}`;
  let made = formatters.get(key);
  if (!made) {
    made = new Intl.DateTimeFormat(locale, options);
    formatters.set(key, made);
  }
  return made;
}

function format(page: Where, options: Intl.DateTimeFormatOptions, at: string): string {
  return formatter(page.locale, { ...options, timeZone: page.zone }).format(new Date(at));
}
