import type { Meter } from '../domain/credits';
import type { Page } from '../ui/page';

type Where = Pick<Page, 't' | 'locale'>;

/** "10 SMS", "1,000 e-mails" */
export function amount({ t, locale }: Where, meter: Meter, quantity: number): string {
  return t(`amount.${meter}`, { count: quantity, number: quantity.toLocaleString(locale) });
}

/** "10 SMS and 20 e-mails" */
export function amounts(page: Where, list: { meter: Meter; quantity: number }[]): string {
  const parts = list.map(({ meter, quantity }) => amount(page, meter, quantity));
  return new Intl.ListFormat(page.locale, { type: 'conjunction' }).format(parts);
}

/** WooCommerce's own; shops add others, and these are said as the shop wrote them. */
export const ORDER_STATUSES = [
  'pending',
  'on-hold',
  'processing',
  'completed',
  'cancelled',
  'refunded',
  'failed',
  'checkout-draft',
  'trash',
  'deleted',
] as const;

export function orderStatus({ t }: Where, status: string): string {
  const known = ORDER_STATUSES.find((one) => one === status);
  return known ? t(`order_status.${known}`) : status;
}

/** Who ordered or wrote without a name is known by the number, else by the address. */
export function nameOf(
  { t }: Where,
  customer: { name: string; phoneE164?: string | null; phone?: string | null; email?: string | null },
): string {
  const { name, phoneE164, phone, email } = customer;
  return name.trim() || phoneE164 || phone || email || t('customers.nameless');
}

/** "Slovenian" for `sl`, "Slovenia" for `SI`; the code where nobody knows a name. */
export function nameOfCode({ locale }: Where, type: 'language' | 'region', code: string): string {
  try {
    return new Intl.DisplayNames(locale, { type }).of(code) ?? code;
  } catch {
    return code;
  }
}

/** Money, as the shop said it; never added to anything. */
export function money({ locale }: Where, total: string, currency: string | null): string {
  const value = Number(total);
  try {
    return new Intl.NumberFormat(locale, { style: 'currency', currency: currency ?? '' }).format(value);
  } catch {
    return currency === null ? total : `${total} ${currency}`;
  }
}
