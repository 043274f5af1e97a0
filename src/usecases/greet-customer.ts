import type { Customer } from '../domain/customers';
import { addMessage } from '../domain/messages';
import type { PackageVersion } from '../domain/packages';
import type { Store } from '../domain/stores';
import { type CustomerTexts, customerTexts } from '../locales';
import { systemActor } from '../platform/actor';
import type { Trx } from '../platform/db';
import type { Moment } from '../platform/moment';

/**
 * Tell the customer, once for each order and free of charge, what was bought and how to reach help: by e-mail, else by SMS,
 * in the customer's language.
 * Shape:   ticket, order number, customer, what each matched line bought
 * Writes:  messages, outbox
 * Repeat:  the order's greeting is written once
 * Source:  DESIGN §2.8
 */
export async function greetCustomer(
  trx: Trx,
  moment: Moment,
  input: {
    ticketId: string;
    orderId: string;
    orderNumber: string;
    store: Store;
    customer: Customer;
    bought: { version: PackageVersion; units: number }[];
  },
): Promise<void> {
  const { customer, store } = input;
  const channel = customer.emailNormalised && customer.email ? 'email' : 'sms';
  const to = channel === 'email' ? customer.email : customer.phoneE164;
  const t = customerTexts(customer.locale);
  const list = boughtList(t, input.bought);
  if (!to || list.length === 0) return;
  const values = { number: input.orderNumber, store: store.name, name: customer.name };
  const isMail = channel === 'email';
  await addMessage(
    trx,
    { ...moment, actor: { ...systemActor, name: store.name } },
    {
      ticketId: input.ticketId,
      direction: 'out',
      channel,
      kind: 'system',
      messageKey: `order:${input.orderId}:greeting`,
      to,
      subject: isMail ? t('greeting.subject', values) : null,
      body: isMail ? mail(t, values, list) : t('greeting.sms', { ...values, list: list.join(', ') }),
      status: 'queued',
    },
  );
}

/** "10 SMS", "20 e-mails" */
export function boughtList(t: CustomerTexts, bought: { version: PackageVersion; units: number }[]): string[] {
  return [...sumByMeter(bought)].map(([meter, count]) => t(`greeting.bought.${meter}`, { count }));
}

type Meter = PackageVersion['grants'][number]['meter'];

function sumByMeter(bought: { version: PackageVersion; units: number }[]): Map<Meter, number> {
  const sums = new Map<Meter, number>();
  for (const { version, units } of bought) {
    for (const { meter, quantity } of version.grants) {
      if (units > 0) sums.set(meter, (sums.get(meter) ?? 0) + units * quantity);
    }
  }
  return sums;
}

function mail(t: CustomerTexts, values: Record<string, string>, list: string[]): string {
  const hello = values.name ? t('greeting.hello', values) : t('greeting.hello_nobody');
  const lines = list.map((item) => `  • ${item}`).join('\n');
  return [
    hello,
    t('greeting.thanks', values),
    lines,
    t('greeting.how'),
    t('greeting.count'),
    values.store,
  ].join('\n\n');
}
