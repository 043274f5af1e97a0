import request from 'supertest';
import { adjust, balanceOf } from '../../src/domain/credits';
import { findMessage } from '../../src/domain/messages';
import { findStoreBySlug, type Store } from '../../src/domain/stores';
import { findTicket, openTicket, type Ticket } from '../../src/domain/tickets';
import type { Actor } from '../../src/platform/actor';
import { withTransaction } from '../../src/platform/db';
import { momentOf } from '../../src/usecases/context';
import { replyToTicket } from '../../src/usecases/reply-to-ticket';
import { makeTestApp, type TestApp } from './app';
import type { TestEngine } from './databases';
import {
  ACCOUNT_SID,
  AUTH_TOKEN,
  type InboundMessage,
  type MessageResource,
  type TwilioCall,
  TwilioDouble,
} from './twilio-double';

const OUR_NUMBER = '+38641555000';
const bob: Actor = { kind: 'staff', id: 'bob', name: 'Bob' };

interface Somebody {
  id: string;
  number: string;
}

function envFor(twilio: TwilioDouble): Record<string, string> {
  return {
    TWILIO_ACCOUNT_SID: ACCOUNT_SID,
    TWILIO_AUTH_TOKEN: AUTH_TOKEN,
    TWILIO_FROM: OUR_NUMBER,
    TWILIO_API_BASE_URL: twilio.url,
  };
}

/** A shop that sends and gets SMS by Twilio. Each test has somebody of its own, so one shop serves a whole file. */
export class SmsDesk {
  private people = 0;

  private constructor(
    readonly app: TestApp,
    readonly twilio: TwilioDouble,
    readonly store: Store,
  ) {}

  static async open(engine: TestEngine, env: Record<string, string> = {}): Promise<SmsDesk> {
    const twilio = await new TwilioDouble(() => app.clock.now()).listen();
    const app = await makeTestApp(engine, {
      env: { ...envFor(twilio), ...env },
      poolMax: engine.name === 'postgres' ? 4 : 1,
    });
    await app.db('stores').update({
      name: 'Trgovina',
      url: 'https://shop.example.com',
      time_zone: 'Europe/Ljubljana',
    });
    return new SmsDesk(app, twilio, (await findStoreBySlug(app.db, 'default')) as Store);
  }

  /** Another process of the same shop. */
  beside(engine: TestEngine): Promise<TestApp> {
    return makeTestApp(engine, { beside: this.app, env: envFor(this.twilio) });
  }

  async close(): Promise<void> {
    await this.app.close();
    await this.twilio.close();
  }

  get publicUrl(): string {
    return this.app.ctx.publicUrl;
  }

  number(): string {
    this.people += 1;
    return `+386415${String(60_000 + this.people)}`;
  }

  async somebody(
    details: { credits?: number; number?: string; name?: string; smsUnit?: 'segment' } = {},
  ): Promise<Somebody> {
    const { app } = this;
    const number = details.number ?? this.number();
    const id = app.ctx.ids.next();
    const at = app.clock.now().toISOString();
    const email = `${id}@example.com`;
    await app.db('customers').insert({
      id,
      store_id: this.store.id,
      name: details.name ?? 'Ana Novak',
      email,
      email_normalised: email,
      phone_e164: number,
      country: 'SI',
      locale: 'sl',
      details_as_of: '{}',
      created_at: at,
      updated_at: at,
    });
    const quantity = details.credits ?? 0;
    if (quantity > 0) {
      await withTransaction(app.db, (trx) =>
        adjust(trx, momentOf(app.ctx, bob), {
          customerId: id,
          meter: 'sms',
          quantity,
          kind: 'goodwill',
          reason: 'for the test',
        }),
      );
    }
    return { id, number };
  }

  ticket(customer: { id: string }, subject = 'Tiskalnik', unpaid = false): Promise<Ticket> {
    return withTransaction(this.app.db, (trx) =>
      openTicket(trx, momentOf(this.app.ctx, bob), {
        storeId: this.store.id,
        customerId: customer.id,
        subject,
        origin: 'customer',
        unpaid,
      }),
    );
  }

  /** Queued, not sent. */
  reply(ticket: Ticket, body = 'Pridemo danes.') {
    return replyToTicket(this.app.ctx, bob, { ticketId: ticket.id, channel: 'sms', body });
  }

  /** Sent; with what Twilio has of it. */
  async send(ticket: Ticket, body = 'Pridemo danes.'): Promise<{ id: string; resource: MessageResource }> {
    const { id } = await this.reply(ticket, body);
    await this.app.drain();
    return { id, resource: this.twilio.messages.at(-1) as MessageResource };
  }

  /** As Twilio makes it, through the proxy that serves PUBLIC_URL. */
  post(call: TwilioCall, app: TestApp = this.app) {
    return request(app.http)
      .post(call.path)
      .set({ Host: '127.0.0.1:3000', ...call.headers })
      .send(call.body);
  }

  /** What became of a message, as Twilio tells it. */
  becomes(
    resource: MessageResource,
    status: string,
    more: { errorCode?: number; price?: string; segments?: number } = {},
  ) {
    const call = this.twilio.becomes(resource, status, { ...more, publicUrl: this.publicUrl });
    if (!call) throw new Error('no status callback was asked for');
    return this.post(call).expect(200);
  }

  /** Kept, and taken in. */
  async gets(message: InboundMessage): Promise<void> {
    await this.post(this.twilio.brings(message, this.publicUrl)).expect(200);
    await this.takeIn();
  }

  async takeIn(app: TestApp = this.app): Promise<void> {
    while ((await app.runJob('sms.in')) > 0);
  }

  async ticketNow({ id }: { id: string }): Promise<Ticket> {
    return (await findTicket(this.app.db, id)) as Ticket;
  }

  async message(id: string) {
    const found = await findMessage(this.app.db, id);
    if (!found) throw new Error(`no message ${id}`);
    return found;
  }

  /** What stands in a ticket, the oldest first: who, and what. */
  async words(ticket: { id: string }): Promise<[string, string][]> {
    const rows = (await this.app.db('messages').where({ ticket_id: ticket.id }).orderBy('id')) as {
      kind: string;
      body: string;
    }[];
    return rows.map(({ kind, body }) => [kind, body]);
  }

  async events(ticket: { id: string }): Promise<string[]> {
    const rows = (await this.app.db('ticket_events').where({ ticket_id: ticket.id }).orderBy('id')) as {
      type: string;
    }[];
    return rows.map(({ type }) => type);
  }

  ticketsOf(number: string): Promise<Record<string, unknown>[]> {
    return this.app
      .db('tickets')
      .join('customers', 'customers.id', 'tickets.customer_id')
      .where('customers.phone_e164', number)
      .orderBy('tickets.id')
      .select('tickets.*');
  }

  inbound(from: string): Promise<Record<string, unknown>[]> {
    return this.app.db('inbound_sms').where({ from_number: from }).orderBy('id');
  }

  async credits(customer: { id: string }) {
    const { available, held, used } = (await balanceOf(this.app.db, customer.id)).sms;
    return { available, held, used };
  }

  toProvider(number: string): MessageResource[] {
    return this.twilio.messages.filter(({ to }) => to === number);
  }
}
