import type { AcceptedReply, Gift, Session } from './agents';
import type { Evidence, GrantRow, LineRow, OrderRow } from './evidence';
import {
  type ExpectedLine,
  type ExpectedOrder,
  expectedGrant,
  isDelivered,
  Oracle,
  type Truth,
  unitsOf,
} from './oracle';
import type { ShopSide } from './shop-side';

const METERS = ['sms', 'email', 'video', 'request', 'any'];

/** Zeton differs from what it should be. */
export interface Difference {
  store: string;
  wooId: number | null;
  what: string;
}

export interface Spent {
  replies: AcceptedReply[];
  sessions: Session[];
  gifts: Gift[];
}

/** Holds what Zeton has against what the oracle works out. */
export class Judge {
  private readonly found: Difference[] = [];
  /** Credits used, by grant, of the spends that were accepted and came to something. */
  private readonly used = new Map<string, number>();
  private readonly available = new Map<string, number>();
  private readonly grantsOfLine: Map<string, GrantRow[]>;
  private readonly linesOfOrder: Map<string, LineRow[]>;
  private readonly customerOfTicket: Map<string, string>;

  constructor(
    private readonly evidence: Evidence,
    private readonly sides: ShopSide[],
    private readonly spent: Spent,
    private readonly now: string,
  ) {
    this.grantsOfLine = grouped(evidence.grants, ({ orderLineId }) => orderLineId ?? '');
    this.linesOfOrder = grouped(evidence.lines, ({ orderId }) => orderId);
    this.customerOfTicket = new Map(evidence.tickets.map(({ id, customerId }) => [id, customerId]));
  }

  judge(): Difference[] {
    this.spends();
    this.looseEnds();
    for (const side of this.sides) this.ordersOf(side);
    this.customers();
    return this.found;
  }

  private differ(store: string, wooId: number | null, what: string): void {
    this.found.push({ store, wooId, what });
  }

  /** Says what is not as expected. */
  private same(order: OrderRow, name: string, is: unknown, expected: unknown): void {
    if (is !== expected)
      this.differ(order.store, order.wooId, `${name} is ${String(is)} instead of ${String(expected)}`);
  }

  private spends(): void {
    const use = (grantId: string, credits: number) =>
      this.used.set(grantId, (this.used.get(grantId) ?? 0) + credits);
    for (const { messageId, channel, draws } of this.spent.replies) {
      const message = this.evidence.messages.get(messageId);
      if (!message) {
        this.differ('', null, `the reply ${messageId} was accepted and is not there`);
        continue;
      }
      const isSent = isDelivered(channel, message.to);
      const status = isSent ? 'sent' : 'failed';
      if (message.status !== status) {
        this.differ('', null, `the reply ${messageId} is ${message.status} instead of ${status}`);
      }
      if (isSent) for (const draw of draws) use(draw.grant_id, draw.credits);
    }
    for (const { id, connectedMs, end } of this.spent.sessions) {
      if (!end) continue;
      const wanted = unitsOf(connectedMs, end.blockMinutes);
      const isRight = end.state === 'blocked' ? end.quantity <= wanted : end.quantity === wanted;
      if (!isRight) {
        const told = `${Math.floor(connectedMs / 1000)} s, ${end.blockMinutes ?? 'whole session'}, ${end.state}`;
        this.differ(
          '',
          null,
          `the video session ${id} (${told}) was charged ${end.quantity} instead of ${wanted}`,
        );
      }
      for (const draw of end.draws) use(draw.grant_id, draw.credits);
    }
  }

  private looseEnds(): void {
    const { pending, failed, parked, outbox } = this.evidence.loose;
    if (pending > 0) this.differ('', null, `${pending} deliveries are pending`);
    if (outbox > 0) this.differ('', null, `${outbox} messages wait to be sent`);
    for (const what of failed) this.differ('', null, `a delivery is parked: ${what}`);
    for (const what of parked) this.differ('', null, `an order is parked: ${what}`);
  }

  private ordersOf(side: ShopSide): void {
    const { slug } = side;
    const oracle = new Oracle(side.paidStatuses, side.timeZone, side.packages);
    const known = new Map(
      this.evidence.orders.filter((order) => order.store === slug).map((order) => [order.wooId, order]),
    );
    for (const wooId of side.fake.shop.orders.keys()) {
      if (!known.has(wooId)) this.differ(slug, wooId, 'is in the shop, and Zeton does not know it');
    }
    const buyers = new Map<string, string>();
    const tickets = new Map<string, number>();
    for (const order of known.values()) {
      const truth = truthOf(side, order.wooId);
      const states = this.evidence.states.get(order.id) ?? [];
      // Trashed and gone for good before anything else was heard of it: nobody knows what it was.
      if (truth === null && states.length === 0 && order.ticketId === null) continue;
      const expected = oracle.expect(truth, states);
      if (typeof expected === 'string') {
        this.differ(slug, order.wooId, expected);
        continue;
      }
      this.order(oracle, order, expected);
      this.buyer(order, expected, buyers);
      if (order.ticketId) tickets.set(order.ticketId, order.wooId);
    }
    const count = [...known.values()].filter(({ ticketId }) => ticketId !== null).length;
    if (count !== tickets.size) this.differ(slug, null, `${count} orders share ${tickets.size} tickets`);
  }

  private order(oracle: Oracle, order: OrderRow, expected: ExpectedOrder): void {
    if (!expected.statuses.includes(order.status))
      this.same(order, 'status', order.status, expected.statuses[0]);
    this.same(order, 'paid', order.paid, expected.paid);
    this.same(order, 'ever paid', order.everPaid, expected.everPaid);
    const lines = this.linesOfOrder.get(order.id) ?? [];
    let opens = false;
    for (const [wooLineId, wanted] of expected.lines) {
      const line = lines.find((each) => each.wooLineId === wooLineId);
      if (!line) {
        this.differ(order.store, order.wooId, `line ${wooLineId} is missing`);
        continue;
      }
      if (line.bought !== null && wanted.bought.includes(line.bought)) {
        opens ||= oracle.termsOf(line.bought).opensTicket;
      }
      if (!expected.isGone) {
        this.same(order, `line ${wooLineId} quantity`, line.quantity, wanted.quantity);
        this.same(order, `line ${wooLineId} refunded quantity`, line.refunded, wanted.refunded);
      }
      this.line(oracle, order, line, wanted, expected.since);
    }
    if (lines.length > expected.lines.size)
      this.differ(order.store, order.wooId, 'has lines that never were');
    // "An order with at least one matched line has exactly one", as soon as it was ever paid.
    const hasTicket = expected.everPaid && opens;
    this.same(order, 'has a ticket', order.ticketId !== null, hasTicket);
    if (order.ticketId === null) return;
    this.same(order, 'customer of its ticket', this.customerOfTicket.get(order.ticketId), order.customerId);
  }

  private line(
    oracle: Oracle,
    order: OrderRow,
    line: LineRow,
    wanted: ExpectedLine,
    since: string | null,
  ): void {
    const name = `line ${line.wooLineId}`;
    const isRight = wanted.bought.includes(line.bought);
    if (!isRight) this.same(order, `${name} package`, line.bought, wanted.bought.join(' or '));
    const bought = isRight ? line.bought : (wanted.bought[0] ?? null);
    const promised = bought === null ? [] : oracle.termsOf(bought).grants;
    const grants = this.grantsOfLine.get(line.id) ?? [];
    for (const { meter, quantity } of promised) {
      const own = grants.filter((grant) => grant.meter === meter);
      const grant = own.find(({ customerId }) => customerId === order.customerId);
      this.grant(order, `${name} ${meter}`, grant, {
        wanted: quantity * wanted.units,
        wantedEver: quantity * wanted.unitsEver,
        expiresAt: bought === null ? null : oracle.expiresAt(since, bought),
      });
    }
    // What the line had bought before an older state of it came.
    for (const grant of grants) {
      if (promised.some(({ meter }) => meter === grant.meter) && grant.customerId === order.customerId)
        continue;
      const wantedEver = grant.granted;
      this.grant(order, `${name} ${grant.meter}, not bought,`, grant, {
        wanted: 0,
        wantedEver,
        expiresAt: grant.expiresAt,
      });
    }
  }

  private grant(
    order: OrderRow,
    name: string,
    grant: GrantRow | undefined,
    expected: { wanted: number; wantedEver: number; expiresAt: string | null },
  ): void {
    if (!grant) {
      this.same(order, `${name} wanted`, 0, expected.wanted);
      return;
    }
    const used = this.used.get(grant.id) ?? 0;
    const isLive = grant.expiresAt === null || grant.expiresAt > this.now;
    const { wanted, wantedEver } = expected;
    const should = expectedGrant({ wanted, wantedEver, used, isLive, expired: grant.expired });
    const net = grant.granted - grant.orderRevoked;
    this.same(order, `${name} wanted`, grant.wanted, wanted);
    this.same(order, `${name} expires`, grant.expiresAt, expected.expiresAt);
    this.same(order, `${name} used`, grant.used, used);
    this.same(order, `${name} held`, grant.held, 0);
    this.same(order, `${name} net`, net, should.net);
    if (net < should.netLeast || net > should.netMost) {
      this.differ(
        order.store,
        order.wooId,
        `${name} net ${net} is not from ${should.netLeast} to ${should.netMost}`,
      );
    }
    this.same(order, `${name} available`, grant.available, should.available);
    this.same(order, `${name} expired`, grant.expired, should.expired);
    this.credit(grant, should.available);
  }

  private credit(grant: GrantRow, available: number): void {
    const key = `${grant.customerId} ${grant.meter}`;
    this.available.set(key, (this.available.get(key) ?? 0) + available);
  }

  /** One customer for each buyer, and one buyer for each customer. */
  private buyer(order: OrderRow, { buyer }: ExpectedOrder, buyers: Map<string, string>): void {
    const { customerId, email } = buyer;
    // In these shops an account has one address, and nobody else has it.
    const who = email ?? (customerId > 0 ? `account ${customerId}` : `order ${order.wooId}`);
    const before = buyers.get(who) ?? order.customerId;
    this.same(order, `customer of ${who}`, order.customerId, before);
    const other = buyers.get(`customer ${order.customerId}`) ?? who;
    this.same(order, 'buyer', who, other);
    buyers.set(who, order.customerId ?? '');
    buyers.set(`customer ${order.customerId}`, who);
  }

  /** Every counter of every customer, from the grants as they should be. */
  private customers(): void {
    const gifts = new Map<string, number>();
    for (const { customerId, meter, quantity } of this.spent.gifts) {
      const key = `${customerId} ${meter}`;
      gifts.set(key, (gifts.get(key) ?? 0) + quantity);
    }
    const used = new Map<string, number>();
    const given = new Map<string, number>();
    for (const grant of this.evidence.grants) {
      const key = `${grant.customerId} ${grant.meter}`;
      const ofGrant = this.used.get(grant.id) ?? 0;
      used.set(key, (used.get(key) ?? 0) + ofGrant);
      if (grant.cause === 'order') continue;
      given.set(key, (given.get(key) ?? 0) + grant.granted);
      this.credit(grant, grant.granted - ofGrant);
    }
    for (const [customerId, balance] of this.evidence.balances) {
      for (const meter of METERS) {
        const key = `${customerId} ${meter}`;
        const expected = { available: this.available.get(key) ?? 0, held: 0, used: used.get(key) ?? 0 };
        for (const [name, value] of Object.entries(expected)) {
          const is = balance[`${meter}_${name}`];
          if (is !== value)
            this.differ('', null, `customer ${customerId} ${meter} ${name} is ${is} instead of ${value}`);
        }
        const gift = gifts.get(key) ?? 0;
        if ((given.get(key) ?? 0) !== gift) {
          this.differ(
            '',
            null,
            `customer ${customerId} was given ${given.get(key) ?? 0} ${meter} instead of ${gift}`,
          );
        }
      }
    }
  }

  /** What the API must say of it: by order, line and meter. */
  shortfallOf(grant: GrantRow): number {
    return Math.max(0, (this.used.get(grant.id) ?? 0) - (grant.wanted ?? 0));
  }
}

function grouped<T>(rows: T[], by: (row: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const row of rows) {
    const group = groups.get(by(row));
    if (group) group.push(row);
    else groups.set(by(row), [row]);
  }
  return groups;
}

function truthOf(side: ShopSide, wooId: number): Truth | null {
  const { shop } = side.fake;
  const order = shop.orders.get(wooId);
  if (!order) return null;
  const refunded = new Map<number, number>();
  for (const { of, quantity } of order.refunds.flatMap((refund) => refund.lines)) {
    refunded.set(of.id, (refunded.get(of.id) ?? 0) + quantity);
  }
  return {
    status: order.status,
    modified: shop.gmt(order.modifiedAt),
    paid: order.paidAt === null ? null : shop.gmt(order.paidAt),
    refundIds: order.refunds.map(({ id }) => id).sort(),
    lines: order.lines.map(({ id, quantity }) => ({ id, quantity })),
    refunded,
  };
}
