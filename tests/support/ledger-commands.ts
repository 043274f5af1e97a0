import fc from 'fast-check';
import {
  CREATED,
  type LedgerModel,
  type Line,
  type Meter,
  PACKS,
  type Snapshot,
  type Ticket,
  type Work,
} from './ledger-model';
import type { LedgerWorld } from './ledger-world';

/** Enough that orders change hands and pools mix; few enough that they meet. */
export const CUSTOMERS = 2;
const ORDERS = 3;
const LINES = 3;

type Command = fc.AsyncCommand<LedgerModel, LedgerWorld>;

/**
 * One thing that happens to model and ledger alike; afterwards they are compared. A second passes with each.
 * `choose` finds in the model what it is about; null: there is nothing such yet, so the step is left out.
 */
class Step<T> implements Command {
  private told = '';

  constructor(
    private readonly choose: (model: LedgerModel) => T | null,
    private readonly name: (chosen: T) => string,
    private readonly happen: (model: LedgerModel, world: LedgerWorld, chosen: T) => Promise<void>,
  ) {}

  check(model: Readonly<LedgerModel>): boolean {
    return this.choose(model as LedgerModel) !== null;
  }

  async run(model: LedgerModel, world: LedgerWorld): Promise<void> {
    const chosen = this.choose(model) as T;
    this.told = this.name(chosen);
    world.ctx.clock.advance(1);
    model.now = world.now();
    await this.happen(model, world, chosen);
    await world.expectSame(model);
  }

  toString(): string {
    return this.told;
  }
}

/** The n-th, counted around; null of none. */
function pick<T>(items: T[], n: number): T | null {
  return items[n % items.length] ?? null;
}

const any = fc.nat({ max: 30 });
const knownOrder = (n: number) => (model: LedgerModel) =>
  pick(
    [...model.orders.keys()].filter((id) => model.newest(id)),
    n,
  );

const order = fc.integer({ min: 1, max: ORDERS });
const customer = fc.nat({ max: CUSTOMERS - 1 });
const line = fc.integer({ min: 1, max: LINES });
const sku = fc.constantFrom(...Object.keys(PACKS), 'NOT-A-PACKAGE');
const quantity = fc.constantFrom(1, 2, 3, 1.5);

/** What the shop changes on an order; on an unknown one, how it differs from a paid one. */
const change = fc.oneof(
  { weight: 4, arbitrary: fc.record({ line: fc.record({ id: line, sku, quantity }) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      status: fc.constantFrom(
        ...['processing', 'processing', 'processing', 'completed', 'completed', 'v-pripravi'],
        ...['pending', 'failed', 'cancelled', 'refunded', 'trash'],
      ),
    }),
  },
  { weight: 1, arbitrary: fc.record({ gone: line }) },
  { weight: 1, arbitrary: fc.record({ customer }) },
  { weight: 1, arbitrary: fc.record({ paidDay: fc.option(fc.nat({ max: 15 })), late: fc.boolean() }) },
);
type Change = typeof change extends fc.Arbitrary<infer T> ? T : never;

function changed(
  before: Snapshot | undefined,
  id: number,
  seconds: number,
  what: Change,
  first: Line[] = [],
): Snapshot {
  const base: Snapshot = before ?? {
    status: 'processing',
    modified: CREATED,
    paid: CREATED,
    customer: id % CUSTOMERS,
    refunds: 0,
    lines: first,
  };
  const modified = new Date(Date.parse(`${base.modified}Z`) + seconds * 1000).toISOString().slice(0, 19);
  const next = { ...base, modified };
  if ('status' in what) next.status = what.status;
  if ('customer' in what) next.customer = what.customer;
  if ('gone' in what) next.lines = base.lines.filter((item) => item.id !== what.gone);
  if ('line' in what) {
    const others = base.lines.filter((item) => item.id !== what.line.id);
    next.lines = [...others, what.line].sort((a, b) => a.id - b.id);
  }
  if ('paidDay' in what) {
    // At 23:30 GMT the next day has begun in the shop.
    const paid =
      Date.parse(`${CREATED}Z`) + (what.paidDay ?? 0) * 86_400_000 + (what.late ? 13.5 * 3_600_000 : 0);
    next.paid = what.paidDay === null ? null : new Date(paid).toISOString().slice(0, 19);
  }
  return next;
}

async function comes(
  model: LedgerModel,
  world: LedgerWorld,
  id: number,
  came: Snapshot,
  restored = false,
): Promise<void> {
  model.snapshotComes(id, came, restored);
  await world.snapshot(id, came, model.order(id).refundsInShop, restored);
}

/** 0 or less: a state of the same second, or one that comes late. */
const seconds = fc.constantFrom(1, 1, 1, 5, 0, -1, -3);

const firstLines = fc
  .array(fc.record({ sku, quantity }), { minLength: 1, maxLength: LINES })
  .map((items) => items.map((item, n) => ({ id: n + 1, ...item })));

const orderChanges = fc.tuple(order, change, seconds, firstLines).map(
  ([id, what, later, first]) =>
    new Step<Snapshot>(
      (model) => {
        const next = changed(model.newest(id), id, later, what, first);
        return model.contradicts(id, next) ? null : next;
      },
      (next) => `order ${id}: comes with ${JSON.stringify(what)} as ${JSON.stringify(next)}`,
      (model, world, next) => comes(model, world, id, next),
    ),
);

const oldStateAgain = fc.tuple(any, any).map(
  ([which, n]) =>
    new Step(
      knownOrder(which),
      (id) => `order ${id}: a known state of it comes again`,
      (model, world, id) => comes(model, world, id, pick(model.order(id).snapshots, n) as Snapshot),
    ),
);

const trash = order.map(
  (id) =>
    new Step(
      () => id,
      () => `order ${id}: deleted`,
      async (model, world) => {
        model.deletionComes(id);
        await world.deletion(id, model.order(id).refundsInShop);
      },
    ),
);

const restore = fc.tuple(any, fc.boolean()).map(
  ([which, touched]) =>
    new Step(
      knownOrder(which),
      (id) => `order ${id}: restored${touched ? ', with a new date' : ''}`,
      (model, world, id) =>
        comes(model, world, id, changed(model.newest(id), id, touched ? 1 : 0, { gone: 0 }), true),
    ),
);

const refund = fc.tuple(any, fc.option(line), fc.constantFrom(1, 1, 2, 0.5, 99)).map(
  ([which, of, pieces]) =>
    new Step(
      knownOrder(which),
      (id) => `order ${id}: refund of ${of === null ? 'money' : `${pieces} of line ${of}`}`,
      (model, world, id) => {
        const all = model.order(id).refundsInShop;
        all.push({ id: 900 + all.length, line: of, quantity: pieces });
        const next = changed(model.newest(id), id, 1, { gone: 0 });
        return comes(model, world, id, { ...next, refunds: all.length });
      },
    ),
);

const refundDeleted = any.map(
  (which) =>
    new Step(
      (model) => {
        const refunded = [...model.orders].filter(([, { refundsInShop }]) => refundsInShop.length > 0);
        return pick(
          refunded.map(([id]) => id),
          which,
        );
      },
      (id) => `order ${id}: its last refund deleted, and the order read again`,
      (model, world, id) => {
        model.order(id).refundsInShop.pop();
        return comes(model, world, id, model.newest(id) as Snapshot);
      },
    ),
);

/** The model knows the shop's winter time only. */
const LAST_DAY = '2027-03-01';

const wait = fc.constantFrom(3_600, 86_400, 3 * 86_400).map(
  (seconds) =>
    new Step(
      (model) => (model.now < LAST_DAY ? seconds : null),
      () => `${seconds / 3_600} hours pass`,
      async (model, world) => {
        world.ctx.clock.advance(seconds);
        model.now = world.now();
      },
    ),
);

/** To the very instant. */
const nextExpiry = fc.constant(
  new Step(
    (model) => {
      const ahead = model.lots.flatMap(({ expiresAt }) =>
        expiresAt && expiresAt > model.now ? expiresAt : [],
      );
      const next = ahead.sort()[0];
      // A step takes a second.
      return next && Date.parse(next) > Date.parse(model.now) + 1000 && next < LAST_DAY ? next : null;
    },
    (next) => `it is ${next}`,
    async (model, world, next) => {
      world.ctx.clock.set(next);
      model.now = next;
    },
  ),
);

const expire = fc.constant(
  new Step(
    () => '',
    () => 'expiry job',
    async (model, world) => {
      model.expire();
      await world.expire();
    },
  ),
);

const WORKS: Work[] = [
  ...[1, 2, 3, 5].map((segments) => ({ meter: 'sms' as const, segments })),
  ...[{ meter: 'email' as const }, { meter: 'request' as const }],
  ...[{}, { minutes: 10 }, { minutes: 15 }].map((block) => ({ meter: 'video' as const, ...block })),
];

function ticketsIn(model: LedgerModel): Ticket[] {
  const ofOrders = [...model.orders].filter(([, { hasTicket }]) => hasTicket).map(([id]) => ({ order: id }));
  return [...ofOrders, ...Array.from({ length: CUSTOMERS }, (_, n) => ({ customer: n }))];
}

const hold = fc.tuple(any, fc.constantFrom(...WORKS)).map(
  ([which, what]) =>
    new Step<Ticket>(
      (model) => pick(ticketsIn(model), which),
      (on) => `hold for ${JSON.stringify(what)} on the ticket of ${JSON.stringify(on)}`,
      async (model, world, on) => {
        await world.expectQuotes(model, on, WORKS);
        const owner = model.ownerOf(on);
        const expected = model.hold(on, what);
        const real = await world.hold(on, owner, what);
        if ('missing' in expected) {
          expect(real).toEqual(expected);
          return;
        }
        expect(real).toMatchObject({ hold: { quantity: expected.quantity, price: expected.price } });
        if ('again' in real) expect(real.again).toEqual(real.hold);
      },
    ),
);

const settle = fc.tuple(any, fc.constantFrom('capture', 'part', 'release', 'reverse'), any).map(
  ([which, how, part]) =>
    new Step(
      (model) =>
        pick(
          model.holds.map((held, index) => ({ held, index, units: part % (held.quantity + 1) })),
          which,
        ),
      ({ index, units }) => `hold ${index}: ${how === 'part' ? `${units} captured` : how}`,
      async (model, world, { held, index, units }) => {
        if (how === 'capture') model.capture(held, held.quantity);
        if (how === 'part') model.capture(held, units);
        if (how === 'release') model.capture(held, 0);
        if (how === 'reverse') model.reverse(held);
        if (how === 'part') await world.settle(index, 'capture', units);
        else await world.settle(index, how as 'capture' | 'release' | 'reverse');
      },
    ),
);

const adjust = fc
  .tuple(
    customer,
    fc.constantFrom<Meter>('sms', 'sms', 'email', 'video', 'request', 'any', 'any'),
    fc.constantFrom(1, 2, 4, -1, -2, -3),
  )
  .map(
    ([to, meter, by]) =>
      new Step(
        () => to,
        () => `customer ${to}: ${by > 0 ? 'goodwill' : 'correction'} of ${by} ${meter}`,
        async (model, world) => {
          const expected = model.adjust(to, meter, by);
          expect(await world.adjust(to, meter, by)).toEqual(expected);
        },
      ),
  );

/** What is listed twice comes twice as often: things that give and spend more often than those that end it all. */
export const ledgerCommands: fc.Arbitrary<Command>[] = [
  ...[orderChanges, orderChanges, orderChanges, orderChanges, orderChanges],
  ...[oldStateAgain, trash, restore, restore, refund, refundDeleted],
  ...[wait, nextExpiry, expire],
  ...[hold, hold, hold, hold, hold, hold, settle, settle, settle, settle],
  ...[adjust, adjust],
];
