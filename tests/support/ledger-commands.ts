import fc from 'fast-check';
import { CREATED, type LedgerModel, type Meter, PACKS, type Snapshot, type Work } from './ledger-model';
import type { LedgerWorld, TicketName } from './ledger-world';

/** Enough that orders change hands and pools mix; few enough that they meet. */
export const CUSTOMERS = 3;
const ORDERS = 4;
const LINES = 3;

type Command = fc.AsyncCommand<LedgerModel, LedgerWorld>;

/** One thing that happens to model and ledger alike; afterwards they are compared. A second passes with each. */
class Step implements Command {
  constructor(
    private readonly name: string,
    private readonly work: {
      /** Left out: always. */
      possible?: (model: LedgerModel) => boolean;
      run: (model: LedgerModel, world: LedgerWorld) => Promise<void>;
    },
  ) {}

  check(model: Readonly<LedgerModel>): boolean {
    return this.work.possible?.(model as LedgerModel) ?? true;
  }

  async run(model: LedgerModel, world: LedgerWorld): Promise<void> {
    world.ctx.clock.advance(1);
    model.now = world.now();
    await this.work.run(model, world);
    await world.expectSame(model);
  }

  toString(): string {
    return this.name;
  }
}

const order = fc.integer({ min: 1, max: ORDERS });
const customer = fc.nat({ max: CUSTOMERS - 1 });
const line = fc.integer({ min: 1, max: LINES });
const sku = fc.constantFrom(...Object.keys(PACKS), 'NOT-A-PACKAGE');
const quantity = fc.constantFrom(1, 2, 3, 1.5);

/** What the shop changes on an order; on an unknown one, what differs from a paid first order. */
const change = fc.oneof(
  fc.record({
    status: fc.constantFrom(
      ...['processing', 'completed', 'cancelled', 'refunded', 'failed', 'pending', 'v-pripravi', 'trash'],
    ),
  }),
  fc.record({ line: fc.record({ id: line, sku, quantity }) }),
  fc.record({ gone: line }),
  fc.record({ customer }),
  fc.record({ paidDay: fc.option(fc.nat({ max: 15 })), late: fc.boolean() }),
);
type Change = typeof change extends fc.Arbitrary<infer T> ? T : never;

function changed(before: Snapshot | undefined, id: number, seconds: number, what: Change): Snapshot {
  const base: Snapshot = before ?? {
    status: 'processing',
    modified: CREATED,
    paid: CREATED,
    customer: id % CUSTOMERS,
    refunds: 0,
    lines: [{ id: 1, sku: Object.keys(PACKS)[id] as string, quantity: 1 }],
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

const orderChanges = fc.tuple(order, change, seconds).map(
  ([id, what, later]) =>
    new Step(`order ${id}: ${JSON.stringify(what)}, dated ${later} s after the newest`, {
      possible: (model) => !model.contradicts(id, changed(model.newest(id), id, later, what)),
      run: (model, world) => comes(model, world, id, changed(model.newest(id), id, later, what)),
    }),
);

const oldStateAgain = fc.tuple(order, fc.nat({ max: 20 })).map(
  ([id, n]) =>
    new Step(`order ${id}: known state ${n} again`, {
      possible: (model) => model.newest(id) !== undefined,
      run: (model, world) => {
        const known = model.order(id).snapshots;
        return comes(model, world, id, known[n % known.length] as Snapshot);
      },
    }),
);

const trash = order.map(
  (id) =>
    new Step(`order ${id}: deleted`, {
      run: async (model, world) => {
        model.deletionComes(id);
        await world.deletion(id, model.order(id).refundsInShop);
      },
    }),
);

const restore = fc.tuple(order, fc.boolean()).map(
  ([id, touched]) =>
    new Step(`order ${id}: restored${touched ? ', with a new date' : ''}`, {
      possible: (model) => model.newest(id) !== undefined,
      run: (model, world) =>
        comes(model, world, id, changed(model.newest(id), id, touched ? 1 : 0, { gone: 0 }), true),
    }),
);

const refund = fc.tuple(order, fc.option(line), fc.constantFrom(1, 1, 2, 0.5, 99)).map(
  ([id, of, pieces]) =>
    new Step(`order ${id}: refund of ${of === null ? 'money' : `${pieces} of line ${of}`}`, {
      possible: (model) => model.newest(id) !== undefined,
      run: (model, world) => {
        const all = model.order(id).refundsInShop;
        all.push({ id: 900 + all.length, line: of, quantity: pieces });
        const next = changed(model.newest(id), id, 1, { gone: 0 });
        return comes(model, world, id, { ...next, refunds: all.length });
      },
    }),
);

const refundDeleted = order.map(
  (id) =>
    new Step(`order ${id}: its last refund deleted, and the order read again`, {
      possible: (model) => (model.orders.get(id)?.refundsInShop.length ?? 0) > 0,
      run: (model, world) => {
        model.order(id).refundsInShop.pop();
        return comes(model, world, id, model.newest(id) as Snapshot);
      },
    }),
);

const wait = fc.constantFrom(3_600, 86_400, 3 * 86_400, 9 * 86_400).map(
  (pause) =>
    new Step(`${pause / 3_600} hours pass`, {
      // The model knows the shop's winter time only.
      possible: (model) => model.now < '2027-03-01',
      run: async (model, world) => {
        world.ctx.clock.advance(pause);
        model.now = world.now();
      },
    }),
);

const expire = fc.constant(
  new Step('expiry job', {
    run: async (model, world) => {
      model.expire();
      await world.expire();
    },
  }),
);

const work: fc.Arbitrary<Work> = fc.oneof(
  fc.record({ meter: fc.constant('sms' as const), segments: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ meter: fc.constantFrom('email' as const, 'request' as const) }),
  fc.constant({ meter: 'video' as const }),
  fc.constant({ meter: 'video' as const, minutes: 10 }),
);
const ticket: fc.Arbitrary<TicketName> = fc.oneof(
  fc.record({ order }),
  fc.record({ order }),
  fc.record({ customer }),
);

const hold = fc.tuple(ticket, work).map(
  ([on, what]) =>
    new Step(`hold for ${JSON.stringify(what)} on the ticket of ${JSON.stringify(on)}`, {
      possible: (model) => 'customer' in on || (model.orders.get(on.order)?.hasTicket ?? false),
      run: async (model, world) => {
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
    }),
);

const settle = fc
  .tuple(fc.nat({ max: 8 }), fc.constantFrom('capture', 'part', 'release', 'reverse'), fc.nat())
  .map(
    ([back, how, part]) =>
      new Step(`${how}${how === 'part' ? ` (${part})` : ''} of the hold ${back} before the last`, {
        possible: (model) => model.holds.length > back,
        run: async (model, world) => {
          const index = model.holds.length - 1 - back;
          const held = model.holds[index] as LedgerModel['holds'][number];
          const units = part % (held.quantity + 1);
          if (how === 'capture') model.capture(held, held.quantity);
          if (how === 'part') model.capture(held, units);
          if (how === 'release') model.capture(held, 0);
          if (how === 'reverse') model.reverse(held);
          if (how === 'part') await world.settle(index, 'capture', units);
          else await world.settle(index, how as 'capture' | 'release' | 'reverse');
        },
      }),
  );

const adjust = fc
  .tuple(
    customer,
    fc.constantFrom<Meter>('sms', 'sms', 'email', 'video', 'request', 'any', 'any'),
    fc.constantFrom(1, 2, 4, -1, -2, -3),
  )
  .map(
    ([to, meter, by]) =>
      new Step(`customer ${to}: ${by > 0 ? 'goodwill' : 'correction'} of ${by} ${meter}`, {
        run: async (model, world) => {
          const expected = model.adjust(to, meter, by);
          expect(await world.adjust(to, meter, by)).toEqual(expected);
        },
      }),
  );

/** Arbitraries listed twice come twice as often. */
export const ledgerCommands: fc.Arbitrary<Command>[] = [
  ...[orderChanges, orderChanges, orderChanges, oldStateAgain, trash, restore, refund, refundDeleted],
  ...[wait, wait, expire],
  ...[hold, hold, hold, settle, settle, settle],
  adjust,
];
