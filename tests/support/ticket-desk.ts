import { adjust, balanceOf, type Meter } from '../../src/domain/credits';
import { addMessage, type Message } from '../../src/domain/messages';
import { createPackage } from '../../src/domain/packages';
import { findStoreBySlug, type Store } from '../../src/domain/stores';
import { openTicket, recordTicketEvent, type Ticket } from '../../src/domain/tickets';
import { type Actor, systemActor } from '../../src/platform/actor';
import { withTransaction } from '../../src/platform/db';
import type { Moment } from '../../src/platform/moment';
import { momentOf } from '../../src/usecases/context';
import { makeTestApp, type TestApp } from './app';
import { PAGE_ENV } from './browser';
import type { TestEngine } from './databases';

type NewMessage = Parameters<typeof addMessage>[2];

export interface DeskCustomer {
  id: string;
  name: string;
}

/** A shop with its help desk, for tests of what agents see: customers, tickets and words without a webhook. */
export class TicketDesk {
  store!: Store;

  private constructor(readonly app: TestApp) {}

  static async open(engine: TestEngine, options: { poolMax?: number } = {}): Promise<TicketDesk> {
    const app = await makeTestApp(engine, { env: PAGE_ENV, ...options });
    const desk = new TicketDesk(app);
    await app.db('stores').update({
      name: 'Tiskarna Novak',
      url: 'https://shop.example.com',
      time_zone: 'Europe/Ljubljana',
    });
    desk.store = (await findStoreBySlug(app.db, 'default')) as Store;
    return desk;
  }

  private moment(actor: Actor = systemActor): Moment {
    return momentOf(this.app.ctx, actor);
  }

  async customer(details: Record<string, unknown> = {}): Promise<DeskCustomer> {
    const row = {
      id: this.app.ctx.ids.next(),
      store_id: this.store.id,
      name: 'Ana Novak',
      email: 'ana@example.com',
      phone_e164: '+38641555100',
      country: 'SI',
      locale: 'sl',
      details_as_of: '{}',
      created_at: this.moment().at,
      updated_at: this.moment().at,
      ...details,
    };
    await this.app.db('customers').insert({ email_normalised: row.email, ...row });
    return { id: row.id, name: row.name };
  }

  ticket(
    customer: DeskCustomer,
    subject = 'Tiskalnik ne tiska',
    more: { unpaid?: boolean } = {},
  ): Promise<Ticket> {
    const by: Actor = { kind: 'customer', id: customer.id, name: customer.name };
    return withTransaction(this.app.db, (trx) =>
      openTicket(trx, this.moment(by), {
        storeId: this.store.id,
        customerId: customer.id,
        subject,
        origin: 'customer',
        ...more,
      }),
    );
  }

  /** The customer writes: the ticket's version grows, as with every word of theirs. */
  async customerWrites(
    ticket: Ticket,
    body: string,
    channel: 'sms' | 'email' | 'web' = 'sms',
    name = 'Ana Novak',
  ): Promise<Message> {
    const by: Actor = { kind: 'customer', id: ticket.customerId, name };
    const message = await this.message(ticket, { direction: 'in', channel, kind: 'customer', body }, by);
    await this.app
      .db('tickets')
      .where({ id: ticket.id })
      .update({ version: this.app.db.raw('version + 1'), last_message_at: message.at });
    return message.message;
  }

  async message(
    ticket: Ticket,
    input: Pick<NewMessage, 'direction' | 'channel' | 'kind' | 'body'> & Partial<NewMessage>,
    by: Actor = systemActor,
  ): Promise<{ message: Message; at: string }> {
    const moment = this.moment(by);
    const status = input.direction === 'in' ? 'received' : 'sent';
    const message = await withTransaction(this.app.db, (trx) =>
      addMessage(trx, moment, { ticketId: ticket.id, status, ...input }),
    );
    return { message: message as Message, at: moment.at };
  }

  async event(ticket: Ticket, type: string, facts: Record<string, unknown>, name = 'Bor'): Promise<void> {
    const by: Actor = { kind: 'staff', id: 'bor', name };
    await withTransaction(this.app.db, (trx) =>
      recordTicketEvent(trx, this.moment(by), { ticketId: ticket.id, type, facts }),
    );
  }

  async give(customer: DeskCustomer, meter: Meter, quantity: number, terms: Record<string, unknown> = {}) {
    const gift = {
      customerId: customer.id,
      meter,
      quantity,
      kind: 'goodwill' as const,
      reason: 'for the test',
    };
    await withTransaction(this.app.db, (trx) => adjust(trx, this.moment(), gift));
    if (Object.keys(terms).length > 0) {
      await this.app.db('credit_grants').where({ customer_id: customer.id, meter }).update(terms);
    }
  }

  async credits(customer: DeskCustomer, meter: Meter) {
    const { available, held, used } = (await balanceOf(this.app.db, customer.id))[meter];
    return { available, held, used };
  }

  /** On sale as product 51, so that there is a link to buy more. */
  async package(): Promise<void> {
    await withTransaction(this.app.db, (trx) =>
      createPackage(trx, this.moment(), {
        storeId: this.store.id,
        name: 'Start',
        match: { kind: 'product_id', value: '51' },
        grants: [
          { meter: 'sms', quantity: 10 },
          { meter: 'email', quantity: 20 },
        ],
        priceList: { sms: 1, email: 1, video: 5 },
        smsUnit: 'message',
        videoBlockMinutes: null,
        validityDays: null,
        scope: 'customer',
        opensTicket: true,
        lowBalanceAt: null,
        active: true,
      }),
    );
  }
}

/** The hidden fields of the form that posts to `path`. */
export function hiddenFields(html: string, path: string): Record<string, string> {
  const start = html.indexOf(`action="${path}"`);
  const form = start === -1 ? '' : html.slice(start, html.indexOf('</form>', start));
  return Object.fromEntries(
    [...form.matchAll(/<input type="hidden"[^>]*>/g)].flatMap(([input]) => {
      const name = /name="([^"]*)"/.exec(input)?.[1];
      const value = /value="([^"]*)"/.exec(input)?.[1] ?? '';
      return name === undefined ? [] : [[name, value]];
    }),
  );
}
