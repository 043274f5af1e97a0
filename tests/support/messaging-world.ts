import type { Knex } from 'knex';
import { adjust, balanceOf, findHold, type Meter } from '../../src/domain/credits';
import {
  findMessage,
  hasSandboxMessage,
  listSandboxMessages,
  recordSandboxMessage,
  SENDING_CHANNELS,
  type SendingChannel,
} from '../../src/domain/messages';
import type { Store } from '../../src/domain/stores';
import { openTicket, type Ticket } from '../../src/domain/tickets';
import { makeSandboxEmail } from '../../src/gateways/email';
import type { EmailGateway, EmailOutcome, OutgoingEmail } from '../../src/gateways/email/gateway';
import { makeSandboxSms } from '../../src/gateways/sms';
import type { OutgoingSms, SmsGateway, SmsOutcome } from '../../src/gateways/sms/gateway';
import { type Actor, systemActor } from '../../src/platform/actor';
import { openDatabase, withTransaction } from '../../src/platform/db';
import { type Context, momentOf } from '../../src/usecases/context';
import { deliverMessages } from '../../src/usecases/deliver-messages';
import { makeLanes } from '../../src/usecases/lanes';
import { type ReplyInput, type ReplyResult, replyToTicket } from '../../src/usecases/reply-to-ticket';
import { makeContext, makeStore, type SetClock } from './context';

export const bob: Actor = { kind: 'staff', id: 'bob', name: 'Bob' };

/** Stands before the sandbox: `plan` holds what happens at the next calls, afterwards the sandbox itself answers. */
export interface Provider<Outgoing, Outcome> {
  calls: Outgoing[];
  plan: ((toSandbox: () => Promise<Outcome>) => Promise<Outcome>)[];
}

function before<Outgoing, Outcome>(
  provider: Provider<Outgoing, Outcome>,
  send: (message: Outgoing) => Promise<Outcome>,
): (message: Outgoing) => Promise<Outcome> {
  return (message) => {
    provider.calls.push(message);
    const planned = provider.plan.shift();
    return planned ? planned(() => send(message)) : send(message);
  };
}

/** A shop with Alice, who can be reached on every channel, and an open ticket of hers. */
export class MessagingWorld {
  readonly ctx: Context & { clock: SetClock };
  readonly email: Provider<OutgoingEmail, EmailOutcome> = { calls: [], plan: [] };
  readonly sms: Provider<OutgoingSms, SmsOutcome> = { calls: [], plan: [] };
  wakes = 0;
  store!: Store;
  alice!: string;
  ticket!: Ticket;

  constructor(
    readonly db: Knex,
    private readonly url: string,
  ) {
    this.ctx = makeContext(db, this.gateways(db));
    this.ctx.wake = (work) => {
      // Of one channel: a worker's own.
      if (work === 'outbox') this.wakes += 1;
    };
  }

  private gateways(db: Knex): { email: EmailGateway; sms: SmsGateway } {
    const record = (message: Parameters<typeof recordSandboxMessage>[2]) =>
      recordSandboxMessage(db, momentOf(this.ctx, systemActor), message);
    const has = (messageId: string) => hasSandboxMessage(db, messageId);
    const email = makeSandboxEmail({ from: null, domain: 'localhost', shelf: { record } });
    const sms = makeSandboxSms({ from: null, shelf: { record, has } });
    return {
      email: { send: before(this.email, email.send) },
      sms: { send: before(this.sms, sms.send), findSent: sms.findSent },
    };
  }

  async open(): Promise<this> {
    this.store = await makeStore(this.ctx);
    await this.db('stores').update({ url: 'https://shop.example/' });
    this.alice = await this.addCustomer({});
    this.ticket = await this.addTicket();
    return this;
  }

  async addCustomer(details: {
    name?: string;
    email?: string | null;
    phone_e164?: string | null;
  }): Promise<string> {
    const id = this.ctx.ids.next();
    const at = this.at();
    await this.db('customers').insert({
      id,
      store_id: this.store.id,
      name: 'Alice Kupec',
      email: 'alice@example.com',
      phone_e164: '+38641555100',
      locale: 'sl',
      details_as_of: '{}',
      created_at: at,
      updated_at: at,
      ...details,
    });
    return id;
  }

  addTicket(customerId = this.alice, subject = 'Printer'): Promise<Ticket> {
    return withTransaction(this.db, (trx) =>
      openTicket(trx, momentOf(this.ctx, bob), {
        storeId: this.store.id,
        customerId,
        subject,
        origin: 'order',
      }),
    );
  }

  async give(
    meter: Meter,
    quantity: number,
    options: { smsUnit?: 'segment'; to?: string } = {},
  ): Promise<void> {
    const customerId = options.to ?? this.alice;
    await withTransaction(this.db, (trx) =>
      adjust(trx, momentOf(this.ctx, bob), { customerId, meter, quantity, kind: 'goodwill', reason: 'test' }),
    );
    if (options.smsUnit)
      await this.db('credit_grants').where({ meter }).update({ sms_unit: options.smsUnit });
  }

  reply(input: Partial<ReplyInput> = {}): Promise<ReplyResult> {
    return replyToTicket(this.ctx, bob, {
      ticketId: this.ticket.id,
      channel: 'sms',
      body: 'Živjo!',
      ...input,
    });
  }

  /** One round of each channel, until all it took up has come to something. */
  deliver(ctx: Context = this.ctx, limit = 20): Promise<number> {
    return deliverAll(ctx, limit);
  }

  at(): string {
    return this.ctx.clock.now().toISOString();
  }

  async message(id: string) {
    const found = await findMessage(this.db, id);
    if (!found) throw new Error(`no message ${id}`);
    return found;
  }

  async credits(meter: Meter, customerId = this.alice) {
    const { available, held, used } = (await balanceOf(this.db, customerId))[meter];
    return { available, held, used };
  }

  async holdOf(messageId: string) {
    const { holdId } = await this.message(messageId);
    return holdId === null ? null : findHold(this.db, holdId);
  }

  async sandbox() {
    return (await listSandboxMessages(this.db, { limit: 100 })).reverse();
  }

  async outbox(): Promise<Record<string, unknown>[]> {
    return this.db('outbox').orderBy('message_id');
  }

  async events(ticketId = this.ticket.id): Promise<{ type: string; facts: Record<string, unknown> }[]> {
    const rows = await this.db('ticket_events').where({ ticket_id: ticketId }).orderBy('id');
    return rows.map(({ type, facts }) => ({ type, facts: JSON.parse(facts) }));
  }

  /** The same shop through connections of its own, as another process has it. */
  async asOtherProcess<T>(work: (ctx: Context) => Promise<T>): Promise<T> {
    const db = openDatabase(this.url, { poolMax: 2 });
    try {
      return await work({
        ...this.ctx,
        lanes: makeLanes(),
        db,
        gateways: { ...this.ctx.gateways, ...this.gateways(db) },
      });
    } finally {
      await db.destroy();
    }
  }

  /** Another worker takes the outbox up, and its process dies when the provider has done `what`: nothing is kept after. */
  async workerDiesAfter(channel: 'sms' | 'email', what: 'taking the message' | 'nothing'): Promise<void> {
    const db = openDatabase(this.url, { poolMax: 2 });
    const real = this.gateways(this.db);
    const dying = async (toProvider: () => Promise<unknown>) => {
      if (what === 'taking the message') await toProvider();
      await db.destroy();
      return { kind: 'accepted' as const, providerId: 'never kept' };
    };
    const gateways = {
      ...this.ctx.gateways,
      email: { send: (mail: OutgoingEmail) => dying(() => real.email.send(mail)) },
      sms: { ...real.sms, send: (sms: OutgoingSms) => dying(() => real.sms.send(sms)) },
    };
    await deliverAll({ ...this.ctx, db, gateways, lanes: makeLanes() }, 20, [channel]);
  }
}

async function deliverAll(
  ctx: Context,
  limit = 20,
  channels: readonly SendingChannel[] = SENDING_CHANNELS,
): Promise<number> {
  const rounds = await Promise.all(channels.map((channel) => deliverMessages(ctx, { channel, limit })));
  await Promise.all(rounds.map(({ done }) => done));
  return rounds.reduce((sum, { taken }) => sum + taken, 0);
}

export async function refusalOf(
  work: Promise<unknown>,
): Promise<{ code: string; facts: Record<string, unknown> }> {
  try {
    await work;
  } catch (error) {
    const { code, facts } = error as { code: string; facts: Record<string, unknown> };
    if (!facts) throw error;
    return { code, facts };
  }
  throw new Error('nothing was refused');
}
