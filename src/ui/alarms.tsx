import type { TextKey } from '../locales';
import type { Alarm, Page } from './page';
import { Banner } from './parts';
import { relativeTime } from './time';

export function Alarms({ page }: { page: Page }): JSX.Element {
  // The page of what failed lists it.
  const alarms = page.alarms.filter((alarm) => alarm.kind !== 'arrivals' || page.path !== pathOf(alarm));
  return (
    <>
      {alarms.map((alarm) => (
        <Banner tone={BAD.includes(alarm.kind) ? 'bad' : 'low'} text={words(page, alarm)}>
          {page.path === pathOf(alarm) ? null : (
            <a href={pathOf(alarm)} safe>
              {page.t(LINKS[alarm.kind])}
            </a>
          )}
        </Banner>
      ))}
    </>
  );
}

const BAD: Alarm['kind'][] = ['failing', 'silent', 'mailbox', 'arrivals'];

const LINKS: Record<Alarm['kind'], TextKey> = {
  failing: 'alarms.look',
  silent: 'alarms.look',
  parked: 'alarms.look',
  webhooks: 'alarms.look',
  writes: 'alarms.look_writes',
  mailbox: 'alarms.look_mailbox',
  'sms-storm': 'alarms.look_ticket',
  'mail-storm': 'alarms.look_ticket',
  'mail-loop': 'alarms.look_left_out',
  arrivals: 'alarms.look_arrivals',
};

function pathOf(alarm: Alarm): string {
  if (alarm.kind === 'sms-storm' || alarm.kind === 'mail-storm') return `/console/tickets/${alarm.ticket}`;
  if (alarm.kind === 'mailbox') return '/admin/incoming';
  if (alarm.kind === 'arrivals' || alarm.kind === 'mail-loop') return '/admin/incoming/failed';
  return `/admin/stores/${alarm.shop.slug}/${alarm.kind === 'writes' ? 'writes' : 'reading'}`;
}

function words(page: Page, alarm: Alarm): string {
  const { t } = page;
  if (alarm.kind === 'mailbox') {
    const { name, problem } = alarm;
    return t('alarms.mailbox', { name, problem, when: relativeTime(page, alarm.since) });
  }
  if (alarm.kind === 'arrivals') return t('alarms.arrivals', { count: alarm.count });
  if (alarm.kind === 'mail-loop') {
    return t('alarms.mail_loop', { count: alarm.count, when: relativeTime(page, alarm.since) });
  }
  if (alarm.kind === 'sms-storm' || alarm.kind === 'mail-storm') {
    const { count, ticket } = alarm;
    return t(alarm.kind === 'sms-storm' ? 'alarms.sms_storm' : 'alarms.mail_storm', {
      count,
      number: ticket,
      when: relativeTime(page, alarm.since),
    });
  }
  const { name } = alarm.shop;
  switch (alarm.kind) {
    case 'failing':
      return t('alarms.failing', { name, when: relativeTime(page, alarm.since), problem: alarm.problem });
    case 'silent':
      return t('alarms.silent', { name, when: relativeTime(page, alarm.since), count: alarm.count });
    case 'parked':
      return t('alarms.parked', { name, count: alarm.count });
    case 'writes':
      return t('alarms.writes', { name, count: alarm.count });
    case 'webhooks':
      return t('alarms.webhooks', { name, when: relativeTime(page, alarm.since), topics: alarm.topics });
  }
}
