import { type Customer, findCustomer } from '../domain/customers';
import { addMessage } from '../domain/messages';
import { newestTicket, openTicket } from '../domain/tickets';
import { type CustomerTexts, customerTexts } from '../locales';
import { systemActor } from '../platform/actor';
import type { Db, Trx } from '../platform/db';
import type { Moment } from '../platform/moment';
import type { NoticeStore } from './notices.query';
import { suppressionOf } from './suppress-address';

/** Where a notice goes: by e-mail, and by SMS only to who has no address for it. It is free either way (DESIGN §2.8). */
export interface Recipient {
  customer: Customer;
  channel: 'email' | 'sms';
  to: string;
  t: CustomerTexts;
}

/** Null: this customer cannot be reached, or wants no notices. */
export async function recipientOf(db: Db, customerId: string): Promise<Recipient | null> {
  const customer = await findCustomer(db, customerId);
  if (!customer || customer.noticesStoppedAt !== null) return null;
  const t = customerTexts(customer.locale);
  // Without a normalised form it is one that identifies nobody, as …@site.invalid.
  if (customer.emailNormalised && customer.email) {
    const { storeId, email } = customer;
    if (await suppressionOf(db, { storeId, email })) return null;
    return { customer, channel: 'email', to: email, t };
  }
  return customer.phoneE164 ? { customer, channel: 'sms', to: customer.phoneE164, t } : null;
}

/**
 * Put a notice into the outbox. It stands on the customer's newest ticket, so that an answer to it lands there; a customer
 * without any gets a ticket that waits for nobody.
 * Shape:   subject, and a body of paragraphs, or one line as SMS → id of the message
 * Writes:  messages, outbox; tickets, ticket_events, sequences where a ticket has to be opened
 * Repeat:  harmless by `messageKey`; the caller keeps that it was told
 */
export async function writeNotice(
  trx: Trx,
  moment: Moment,
  input: {
    ticketId: string;
    recipient: Recipient;
    store: NoticeStore;
    messageKey: string;
    subject: string;
    paragraphs: string[];
    sms: string;
  },
): Promise<string | null> {
  const { recipient, store } = input;
  const { t, channel, customer } = recipient;
  const isMail = channel === 'email';
  const hello = customer.name ? t('greeting.hello', { name: customer.name }) : t('greeting.hello_nobody');
  const message = await addMessage(
    trx,
    { ...moment, actor: { ...systemActor, name: store.name } },
    {
      ticketId: input.ticketId,
      direction: 'out',
      channel,
      kind: 'system',
      isNotice: true,
      messageKey: input.messageKey,
      to: recipient.to,
      subject: isMail ? input.subject : null,
      body: isMail ? [hello, ...input.paragraphs, t('notices.free'), store.name].join('\n\n') : input.sms,
      status: 'queued',
    },
  );
  return message?.id ?? null;
}

/** Taken before the balance is locked (HOUSE: ticket before credits). */
export async function ticketForNotice(trx: Trx, moment: Moment, recipient: Recipient): Promise<string> {
  const { customer, t } = recipient;
  const known = await newestTicket(trx, customer.id);
  if (known) return known.id;
  const opened = await openTicket(trx, moment, {
    storeId: customer.storeId,
    customerId: customer.id,
    subject: t('notices.ticket_subject'),
    origin: 'order',
    solved: true,
  });
  return opened.id;
}
