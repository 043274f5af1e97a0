import {
  balanceOf,
  capture,
  grantsOf,
  type Hold,
  hold,
  METERS,
  quoteHold,
  type Work as RealWork,
  release,
  reverse,
  verifyLedger,
} from '../../src/domain/credits';
import { shortfallOf } from '../../src/domain/credits/rules';
import { customerOfBuyer } from '../../src/domain/customers';
import type { Store } from '../../src/domain/stores';
import { openTicket } from '../../src/domain/tickets';
import { webhooksOnly } from '../../src/gateways/woocommerce/gateway';
import { systemActor } from '../../src/platform/actor';
import { type Db, type Trx, withTransaction } from '../../src/platform/db';
import type { Moment } from '../../src/platform/moment';
import { Refusal } from '../../src/platform/refusal';
import { adjustCreditsIn } from '../../src/usecases/adjust-credits';
import { applyOrderNews, type OrderNews } from '../../src/usecases/apply-order-snapshot';
import { type Context, momentOf } from '../../src/usecases/context';
import { expireCredits } from '../../src/usecases/expire-credits';
import { makeContext, makeStore, type SetClock } from './context';
import {
  CREATED,
  type LedgerModel,
  type Meter,
  PACKS,
  type Refund,
  type Snapshot,
  shortfallOf as shortfallInModel,
  type Ticket,
  type Work,
} from './ledger-model';
import { makePackage, orderJson } from './shop';

type Row = Record<string, string | number | null>;

/** The real ledger under the model's test: one shop, a few customers, the shop's refunds, and names for what was made. */
export class LedgerWorld {
  readonly ctx: Context & { clock: SetClock };
  private store!: Store;
  private customerIds: string[] = [];
  private ownTickets: { id: string; familyId: string }[] = [];
  private holdIds: string[] = [];
  private adjustmentIds: string[] = [];
  private refunds: Refund[] = [];
  private count = 0;
  /** Times that everything was compared. */
  compared = 0;

  constructor(private readonly db: Db) {
    this.ctx = makeContext(db, {
      woocommerce: {
        ...webhooksOnly,
        readRefunds: () => Promise.resolve({ kind: 'refunds', json: refundsJson(this.refunds) }),
      },
    });
    // Counted, so that the same commands always meet the same ids.
    this.ctx.ids = { next: () => this.nextId() };
  }

  private nextId(): string {
    this.count += 1;
    return `00000000-0000-7000-8000-${String(this.count).padStart(12, '0')}`;
  }

  async open(customers: number): Promise<this> {
    this.store = await makeStore(this.ctx);
    for (const [sku, pack] of Object.entries(PACKS)) {
      await makePackage(this.ctx, this.store, sku, pack.gives, {
        priceList: pack.prices,
        smsUnit: pack.smsUnit,
        videoBlockMinutes: pack.minutes,
        validityDays: pack.days,
        scope: pack.scope,
        opensTicket: pack.opensTicket,
      });
    }
    await this.write(async (trx, moment) => {
      for (let n = 0; n < customers; n++) {
        const email = emailOf(n);
        const customer = await customerOfBuyer(trx, moment, {
          storeId: this.store.id,
          identity: { wooCustomerId: null, emailNormalised: email },
          wooOrderId: 0,
          details: { name: `Kupec ${n}`, email, phone: '', phoneE164: '', country: 'SI', locale: 'sl' },
          asOf: '',
        });
        this.customerIds.push(customer.id);
        const about = { storeId: this.store.id, customerId: customer.id, subject: 'Help' };
        this.ownTickets.push(await openTicket(trx, moment, { ...about, origin: 'agent' }));
      }
    });
    return this;
  }

  now(): string {
    return this.ctx.clock.now().toISOString();
  }

  private write<T>(work: (trx: Trx, moment: Moment) => Promise<T>): Promise<T> {
    return withTransaction(this.db, (trx) => work(trx, momentOf(this.ctx, systemActor)));
  }

  async snapshot(wooId: number, came: Snapshot, refunds: Refund[], restored: boolean): Promise<void> {
    this.refunds = refunds;
    const json = orderJson({
      id: wooId,
      status: came.status,
      modified: came.modified,
      paid: came.paid,
      created: CREATED,
      email: emailOf(came.customer),
      refunds: Array.from({ length: came.refunds }, (_, i) => ({ id: 900 + i, total: '-1.00' })),
      lines: came.lines,
    });
    const deliveryId = this.ctx.ids.next();
    await this.apply(wooId, { kind: 'snapshot', json, source: 'webhook', deliveryId, restored });
  }

  async deletion(wooId: number, refunds: Refund[]): Promise<void> {
    this.refunds = refunds;
    await this.apply(wooId, { kind: 'deleted', deliveryId: this.ctx.ids.next(), receivedAt: this.now() });
  }

  private async apply(wooId: number, news: OrderNews): Promise<void> {
    expect(await applyOrderNews(this.ctx, this.store, wooId, news)).toBe('applied');
  }

  async expire(): Promise<void> {
    await expireCredits(this.ctx, { limit: 100 });
  }

  /** What quotes say of each work is what the model says. */
  async expectQuotes(model: LedgerModel, name: Ticket, works: Work[]): Promise<void> {
    const names = await this.names();
    const ticket = await this.ticket(name);
    const customerId = this.customerIds[model.ownerOf(name)] as string;
    for (const work of works) {
      const asked = { customerId, ticketFamilyId: ticket.familyId, work: inOurWords(work) };
      const { payable, missing, credits, draws } = await quoteHold(this.db, this.now(), asked);
      const plan = model.plan(name, work);
      const real = payable
        ? { credits, draws: draws.map((draw) => [names.get(draw.grantId), draw.credits]) }
        : { missing };
      const expected =
        'missing' in plan
          ? plan
          : { credits: plan.quantity * plan.price, draws: plan.draws.map((d) => [d.lot.key, d.credits]) };
      expect({ work, ...real }).toEqual({ work, ...expected });
    }
  }

  /** The hold, and what the same key answers afterwards; or how many credits are missing. */
  async hold(
    name: Ticket,
    owner: number,
    work: Work,
  ): Promise<{ hold: Hold; again: Hold } | { missing: number }> {
    const ticket = await this.ticket(name);
    const key = `message:${this.ctx.ids.next()}`;
    const request = {
      customerId: this.customerIds[owner] as string,
      ticketId: ticket.id,
      ticketFamilyId: ticket.familyId,
      work: inOurWords(work),
      key,
      cause: { kind: 'message' as const, id: key },
    };
    const take = () => this.write((trx, moment) => hold(trx, moment, request));
    try {
      const made = await take();
      this.holdIds.push(made.id);
      return { hold: made, again: await take() };
    } catch (error) {
      return { missing: refusalFacts(error).missing };
    }
  }

  private async ticket(name: Ticket): Promise<{ id: string; familyId: string }> {
    if ('customer' in name) return this.ownTickets[name.customer] as { id: string; familyId: string };
    const row = await this.db('orders')
      .join('tickets', 'tickets.id', 'orders.ticket_id')
      .where('orders.woo_id', name.order)
      .first('tickets.id', 'tickets.family_id');
    return { id: row.id, familyId: row.family_id };
  }

  async settle(index: number, how: 'capture' | 'release' | 'reverse', quantity?: number): Promise<void> {
    const holdId = this.holdIds[index] as string;
    await this.write((trx, moment) => {
      if (how === 'capture')
        return capture(trx, moment, { holdId, ...(quantity === undefined ? {} : { quantity }) });
      return (how === 'release' ? release : reverse)(trx, moment, { holdId, reason: 'not delivered' });
    });
  }

  async adjust(customer: number, meter: Meter, quantity: number): Promise<{ missing: number } | null> {
    const customerId = this.customerIds[customer] as string;
    const kind = quantity > 0 ? 'goodwill' : 'correction';
    try {
      const { adjustmentId } = await withTransaction(this.db, (trx) =>
        adjustCreditsIn(trx, this.ctx, systemActor, { customerId, meter, quantity, kind, reason: 'sorry' }),
      );
      if (quantity > 0) this.adjustmentIds.push(adjustmentId);
      return null;
    } catch (error) {
      return { missing: refusalFacts(error).missing };
    }
  }

  /** Everything that can be seen of the ledger is what the model says, and the entries alone prove it. */
  async expectSame(model: LedgerModel): Promise<void> {
    const names = await this.names();
    const grants = [];
    for (const id of this.customerIds) grants.push(...(await grantsOf(this.db, id)));
    grants.sort((a, b) => (a.id < b.id ? -1 : 1));
    for (const [age, grant] of grants.entries()) {
      const lot = model.lots.find(({ key }) => key === names.get(grant.id));
      if (lot) lot.age = age;
    }
    const real = grants.map((grant) => ({
      key: names.get(grant.id),
      customer: this.customerIds.indexOf(grant.customerId),
      terms: [grant.smsUnit, grant.videoBlockMinutes, grant.scope, grant.priceList ?? {}, grant.expiresAt],
      bound: grant.ticketFamilyId !== null,
      wanted: grant.wanted,
      shortfall: shortfallOf(grant),
      ...amounts(grant),
      orderRevoked: grant.orderRevoked,
    }));
    const expected = model.lots.map((lot) => ({
      key: lot.key,
      customer: lot.customer,
      terms: [lot.smsUnit, lot.minutes, lot.scope, lot.prices, lot.expiresAt],
      bound: lot.scope === 'ticket',
      wanted: lot.wanted,
      shortfall: shortfallInModel(lot),
      ...amountsOf(lot),
      orderRevoked: lot.revoked,
    }));
    expect(byKey(real)).toEqual(byKey(expected));

    for (const [customer, id] of this.customerIds.entries()) {
      const own = model.lots.filter((lot) => lot.customer === customer);
      const sums = METERS.map((meter) => {
        const lots = own.filter((lot) => lot.meter === meter).map(amountsOf);
        const total = (amount: keyof ReturnType<typeof amountsOf>) =>
          lots.reduce((n, lot) => n + lot[amount], 0);
        return [meter, Object.fromEntries(AMOUNTS.map((amount) => [amount, total(amount)]))];
      });
      expect(await balanceOf(this.db, id)).toEqual(Object.fromEntries(sums));
    }

    const holds = (await this.db('credit_holds').orderBy('id')) as Row[];
    const draws = (await this.db('credit_hold_draws').orderBy(['hold_id', 'position'])) as Row[];
    expect(
      holds.map((row) => ({
        status: row.status,
        captured: Number(row.captured_quantity),
        draws: draws
          .filter((draw) => draw.hold_id === row.id)
          .map((draw) => [names.get(String(draw.grant_id)), Number(draw.credits), Number(draw.captured)]),
      })),
    ).toEqual(
      model.holds.map(({ status, captured, draws }) => ({
        status,
        captured,
        draws: draws.map((draw) => [draw.lot.key, draw.credits, draw.captured]),
      })),
    );

    const orders = (await this.db('orders').orderBy('woo_id')) as Row[];
    expect(
      orders.map((row) => ({
        id: Number(row.woo_id),
        paid: row.paid === 1,
        customer: row.customer_id === null ? null : this.customerIds.indexOf(String(row.customer_id)),
        hasTicket: row.ticket_id !== null,
      })),
    ).toEqual(
      [...model.orders]
        .sort(([a], [b]) => a - b)
        .map(([id, { paid, customer, hasTicket }]) => ({ id, paid, customer, hasTicket })),
    );

    expect((await verifyLedger(this.db)).problems).toEqual([]);
    this.compared += 1;
  }

  /** What the model calls a grant, by the id it has here. */
  private async names(): Promise<Map<string, string>> {
    const rows = (await this.db('credit_grants as g')
      .leftJoin('order_lines as l', 'l.id', 'g.order_line_id')
      .leftJoin('orders as o', 'o.id', 'g.order_id')
      .select('g.id', 'g.grant_key', 'g.meter', 'g.customer_id', 'l.woo_line_id', 'o.woo_id')) as Row[];
    return new Map(
      rows.map((row) => {
        const adjustment = this.adjustmentIds.indexOf(String(row.grant_key).replace('adjustment:', ''));
        const customer = this.customerIds.indexOf(String(row.customer_id));
        const name =
          row.woo_id === null
            ? `adjustment ${adjustment}`
            : `order ${row.woo_id} line ${row.woo_line_id} ${row.meter} of ${customer}`;
        return [String(row.id), name];
      }),
    );
  }
}

function inOurWords(work: Work): RealWork {
  return work.meter === 'video' && work.minutes !== undefined
    ? { meter: 'video', blockMinutes: work.minutes }
    : work;
}

const AMOUNTS = ['granted', 'available', 'held', 'used', 'expired', 'revoked'] as const;

function amounts(grant: Record<(typeof AMOUNTS)[number], number>) {
  const { granted, available, held, used, expired, revoked } = grant;
  return { granted, available, held, used, expired, revoked };
}

function amountsOf(lot: LedgerModel['lots'][number]) {
  const { available, held, used, expired } = lot;
  const revoked = lot.revoked + lot.corrected;
  return { granted: available + held + used + expired + revoked, available, held, used, expired, revoked };
}

function byKey<T extends { key: string | undefined }>(items: T[]): T[] {
  return [...items].sort((a, b) => (String(a.key) < String(b.key) ? -1 : 1));
}

function emailOf(customer: number): string {
  return `kupec-${customer}@example.com`;
}

function refundsJson(refunds: Refund[]): string {
  return JSON.stringify(
    refunds.map(({ id, line, quantity }) => ({
      id,
      line_items:
        line === null
          ? []
          : [{ quantity: -quantity, meta_data: [{ key: '_refunded_item_id', value: String(line) }] }],
    })),
  );
}

function refusalFacts(error: unknown): { missing: number } {
  if (!(error instanceof Refusal) || error.code !== 'insufficient-credits') throw error;
  return error.facts as { missing: number };
}
