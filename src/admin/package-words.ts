import type { Meter } from '../domain/credits';
import type { PackageInput } from '../domain/packages';
import type { ProductNews } from '../domain/products';
import type { IconName } from '../ui/icons';
import type { Page } from '../ui/page';
import { PAYABLE } from './package-form';

type Where = Pick<Page, 't' | 'locale'>;
type Terms = Pick<
  PackageInput,
  | 'match'
  | 'grants'
  | 'priceList'
  | 'smsUnit'
  | 'videoBlockMinutes'
  | 'validityDays'
  | 'scope'
  | 'opensTicket'
  | 'lowBalanceAt'
  | 'active'
>;

/** What a customer gets, said as one says it to the customer. */
export interface PackageWords {
  gives: { meter: Meter; quantity: number; what: string; how: string }[];
  terms: { icon: IconName; text: string }[];
}

export function packageWords(page: Where, terms: Terms): PackageWords {
  const { t } = page;
  const rules: PackageWords['terms'] = [
    {
      icon: 'clock',
      text:
        terms.validityDays === null
          ? t('packages.words.no_end')
          : t('packages.words.valid_days', { count: terms.validityDays }),
    },
    { icon: 'tickets', text: t(terms.opensTicket ? 'packages.words.opens' : 'packages.words.opens_none') },
    {
      icon: 'person',
      text: t(terms.scope === 'ticket' ? 'packages.words.on_ticket' : 'packages.words.on_all'),
    },
    {
      icon: 'warning',
      text:
        terms.lowBalanceAt === null
          ? t('packages.words.low')
          : t('packages.words.low_at', { count: terms.lowBalanceAt }),
    },
  ];
  return {
    gives: terms.grants.map(({ meter, quantity }) => ({
      meter,
      quantity,
      what: whatWords(page, terms, meter, quantity),
      how: howWords(page, terms, meter),
    })),
    terms: rules,
  };
}

/** "10 SMS · 20 e-mails · 3 video sessions" */
export function inShort(page: Where, terms: Terms): string {
  return terms.grants
    .map(({ meter, quantity }) => {
      const number = quantity.toLocaleString(page.locale);
      return page.t('packages.words.amount', { number, what: whatWords(page, terms, meter, quantity) });
    })
    .join(' · ');
}

/** What became of its product in the shop, in a sentence; `isShort`: for a list. */
export function newsWords({ t }: Pick<Page, 't'>, news: ProductNews, isShort = false): string {
  const where = isShort ? ('packages.news.short' as const) : ('packages.news' as const);
  switch (news.kind) {
    case 'sku':
      return news.now === '' ? t(`${where}.sku_none`, news) : t(`${where}.sku`, news);
    case 'renamed':
      return t(`${where}.renamed`, news);
    default:
      return t(`${where}.${news.kind}`);
  }
}

/** "SKU SUP-10" */
export function matchWords({ t }: Pick<Page, 't'>, { kind, value }: PackageInput['match']): string {
  return t(`packages.match.${kind}_is`, { value });
}

function whatWords({ t }: Where, terms: Terms, meter: Meter, count: number): string {
  if (meter === 'video' && terms.videoBlockMinutes !== null) {
    return t('packages.what.video_block', { count, minutes: terms.videoBlockMinutes });
  }
  if (meter === 'sms' && terms.smsUnit === 'segment') return t('packages.what.sms_part', { count });
  return t(`packages.what.${meter}`, { count });
}

function howWords({ t, locale }: Where, terms: Terms, meter: Meter): string {
  const { smsUnit, videoBlockMinutes } = terms;
  switch (meter) {
    case 'sms':
      return t(smsUnit === 'segment' ? 'packages.how.sms_part' : 'packages.how.sms');
    case 'video':
      return videoBlockMinutes === null
        ? t('packages.how.video')
        : t('packages.how.video_block', { count: videoBlockMinutes });
    case 'email':
    case 'request':
      return t(`packages.how.${meter}`);
    case 'any': {
      const prices = PAYABLE.flatMap((paid) => {
        const price = terms.priceList[paid];
        if (price === undefined) return [];
        const number = price.toLocaleString(locale);
        if (paid === 'sms' && smsUnit === 'segment') return [t('packages.how.price.sms_part', { number })];
        if (paid === 'video' && videoBlockMinutes !== null) {
          return [t('packages.how.price.video_block', { number, minutes: videoBlockMinutes })];
        }
        return [t(`packages.how.price.${paid}`, { number })];
      });
      if (prices.length === 0) return t('packages.how.any_none');
      return t('packages.how.any', { list: new Intl.ListFormat(locale, { type: 'unit' }).format(prices) });
    }
  }
}
