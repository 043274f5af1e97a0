import type { Alarm, Page } from './page';
import { Banner } from './parts';
import { relativeTime } from './time';

export function Alarms({ page }: { page: Page }): JSX.Element {
  return (
    <>
      {page.alarms.map((alarm) => (
        <Banner
          tone={alarm.kind === 'failing' || alarm.kind === 'silent' ? 'bad' : 'low'}
          text={words(page, alarm)}
        >
          {page.path === pathOf(alarm) ? null : (
            <a href={pathOf(alarm)} safe>
              {page.t(alarm.kind === 'writes' ? 'alarms.look_writes' : 'alarms.look')}
            </a>
          )}
        </Banner>
      ))}
    </>
  );
}

function pathOf({ shop, kind }: Alarm): string {
  return `/admin/stores/${shop.slug}/${kind === 'writes' ? 'writes' : 'reading'}`;
}

function words(page: Page, alarm: Alarm): string {
  const { t } = page;
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
