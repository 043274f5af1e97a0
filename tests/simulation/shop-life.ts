import type { Dice } from '../support/dice';
import type { Order } from '../support/fake-woocommerce/types';
import type { ShopSide } from './shop-side';
import type { Zeton } from './zeton';

/**
 * Older orders are not looked at by the deep sweep (limits.sweepDays): what tells nobody happens to younger ones only,
 * as DESIGN §3 says "of recent orders".
 */
const SWEPT_DAYS = 80;

type Act = (life: ShopLife) => void | Promise<void>;

/** What happens in a shop. Each act says what it did in the story of its order; one that does not fit does nothing. */
export class ShopLife {
  /** How often each happened. */
  readonly done: Record<string, number> = {};
  private hasActed = false;

  constructor(
    readonly side: ShopSide,
    private readonly zeton: Zeton,
    readonly dice: Dice,
    /** Known to Zeton by now? A refund that it never saw need not be taken back. */
    private readonly knowsRefund: (side: ShopSide, wooId: number, refundId: number) => Promise<boolean>,
  ) {}

  private get shop() {
    return this.side.fake.shop;
  }

  private tell(name: string, wooId: number | null, what: string): void {
    this.done[name] = (this.done[name] ?? 0) + 1;
    this.hasActed = true;
    if (wooId !== null) this.side.tell(wooId, what);
  }

  /** Something happens that fits; sometimes more to the same order in the same second. */
  async act(): Promise<void> {
    for (let tries = 0; tries < 20; tries++) {
      this.hasActed = false;
      await this.dice.weighed(ACTS)(this);
      if (this.hasActed) return;
    }
  }

  buy(): number {
    const { dice, shop, side } = this;
    const person = side.person();
    const lines = Array.from(
      {
        length: dice.happens(0.01)
          ? 40
          : dice.weighed([
              [60, 1],
              [25, 2],
              [15, 3],
            ]),
      },
      () => ({
        productId: dice.pick(side.onSale()).id,
        quantity: dice.weighed([
          [60, 1],
          [20, 2],
          [12, dice.whole(3, 6)],
          [2, 2.5],
        ]),
      }),
    );
    const payment = dice.weighed([
      [60, 'testcard'],
      [20, 'bacs'],
      [20, 'cod'],
    ] as const);
    const outcome = dice.weighed([
      [80, 'paid'],
      [12, 'pending'],
      [8, 'declined'],
    ] as const);
    const isNewAccount = person.wantsAccount && person.customerId === 0;
    const via = isNewAccount
      ? 'block'
      : dice.weighed([
          [70, 'block'],
          [20, 'classic'],
          [10, 'rest'],
        ] as const);
    const id = shop.buy({
      via,
      payment,
      outcome,
      lines,
      billing: {
        first_name: person.first,
        last_name: person.last,
        email: dice.happens(0.2) ? person.email.toUpperCase() : person.email,
        phone: person.phone,
      },
      customerId: person.customerId,
      account: isNewAccount,
      note: dice.happens(0.2) ? 'Prosim, pokličite po 16. uri.' : '',
      currency: dice.happens(0.03) ? 'JPY' : undefined,
      coupon: dice.happens(0.04) ? 'podpora100' : undefined,
    });
    if (isNewAccount) person.customerId = shop.order(id).customerId;
    const bought = shop
      .order(id)
      .lines.map((line) => `${line.quantity} × ${line.productId}/${line.variationId}`);
    this.tell('bought', id, `bought (${via}, ${payment}, ${outcome}): ${bought.join(', ')}`);
    if (dice.happens(0.02)) this.setStatus(id, dice.pick(['cancelled', 'failed', 'completed', 'on-hold']));
    return id;
  }

  pay(id: number): string {
    this.shop.pay(id);
    return 'paid late';
  }

  /** Another word about it in its meta. */
  touch(id: number): string {
    this.shop.edit(id, { meta: [{ key: 'packed', value: this.dice.whole(1, 9) }] });
    return 'touched';
  }

  setStatus(id: number, status: string): void {
    this.shop.setStatus(id, status);
    this.tell(`set to ${status}`, id, `set to ${status}`);
  }

  /** An order that fits; rather one of the last days. */
  order(fits: (order: Order) => boolean, maxDays = 400): Order | null {
    const { dice, shop, side } = this;
    const days = Math.min(
      maxDays,
      dice.weighed([
        [55, 7],
        [25, 30],
        [20, 400],
      ]),
    );
    const all = [...shop.orders.values()].filter((order) => side.ageDays(order) <= days && fits(order));
    return all.length === 0 ? null : dice.pick(all);
  }

  change(
    name: string,
    fits: (order: Order) => boolean,
    act: (order: Order) => string,
    maxDays?: number,
  ): void {
    const order = this.order((each) => each.status !== 'trash' && fits(each), maxDays);
    if (!order) return;
    this.tell(name, order.id, act(order));
    // A second change within the same second.
    if (this.dice.happens(0.05) && this.shop.orders.has(order.id) && order.status !== 'trash') {
      const status = this.dice.pick(['completed', 'processing', 'cancelled', 'on-hold']);
      this.shop.setStatus(order.id, status);
      this.tell('changed twice in a second', order.id, `in the same second set to ${status}`);
    }
  }

  /** Nobody hears of it; remembered until Zeton has it right. */
  async deleteRefund(): Promise<void> {
    const { dice, shop, side } = this;
    const order = this.order((each) => each.refunds.length > 0 && each.status !== 'trash', SWEPT_DAYS);
    if (!order) return;
    const { id: refundId } = dice.pick(order.refunds);
    const wasKnown = await this.knowsRefund(side, order.id, refundId);
    shop.deleteRefund(order.id, refundId);
    this.tell('refund deleted', order.id, `refund ${refundId} deleted, silently`);
    const at = shop.now().getTime();
    if (order.status === 'refunded' && dice.happens(0.7)) this.setStatus(order.id, 'processing');
    else if (wasKnown) {
      const isUndisturbed = this.zeton.app !== null && !side.isDown;
      side.silent.push({ wooId: order.id, refundId, at, isUndisturbed });
    }
  }

  trash(): void {
    const order = this.order(({ status }) => status !== 'trash');
    if (!order) return;
    this.shop.trash(order.id);
    this.tell('trashed', order.id, 'trashed');
    if (!this.dice.happens(0.1)) return;
    this.shop.restore(order.id);
    this.tell('trashed and restored in a second', order.id, 'restored in the same second');
  }

  restore(): void {
    const order = this.order(({ status }) => status === 'trash');
    if (!order) return;
    this.shop.restore(order.id);
    this.tell('restored', order.id, `restored to ${order.status}`);
  }

  deleteForGood(): void {
    const order = this.order(({ status }) => status === 'trash' || this.dice.happens(0.2), SWEPT_DAYS);
    if (!order) return;
    this.shop.delete(order.id);
    this.tell('deleted for good', order.id, 'deleted for good, silently');
  }

  changeProduct(): void {
    const { dice, shop } = this;
    const product = dice.pick([...shop.products.values()]);
    const changes = dice.weighed<{ name?: string; sku?: string }>([
      [2, { name: `${product.name} ${dice.whole(2, 9)}` }],
      [1, { sku: `${product.sku}-${dice.whole(2, 9)}` }],
    ]);
    shop.renameProduct(product.id, changes);
    this.tell('product changed', null, '');
  }

  /** Never the last ones: there is something to sell all year. */
  loseProduct(): void {
    const { dice, shop, side } = this;
    const single = side.onSale().filter(({ parentId }) => parentId === 0);
    if (single.length < 4) return;
    const product = dice.pick(single);
    if (dice.happens(0.4)) shop.trashProduct(product.id);
    else shop.deleteProduct(product.id);
    this.tell('product trashed or deleted', null, '');
  }

  async addProduct(): Promise<void> {
    const { dice, shop, side } = this;
    const sku = side.newProductSku();
    const productId = shop.addProduct({ sku, name: `Podpora ${sku}`, price: String(dice.whole(9, 99)) });
    this.tell('product added', null, '');
    if (!this.zeton.app || dice.happens(0.2)) return;
    await side.definePackage(this.zeton, {
      name: sku,
      match: dice.happens(0.5) ? { sku } : { product_id: productId },
      grants: [{ meter: dice.pick(['sms', 'email']), quantity: dice.whole(1, 9) }],
      validity_days: dice.pick([null, 10, 60]),
      orders_from: dice.happens(0.3) ? shop.now().toISOString() : null,
    });
  }

  /** What was bought stays as bought. */
  async changePackage(): Promise<void> {
    const { dice, shop, side } = this;
    if (!this.zeton.app) return;
    const known = dice.pick(side.currentPackages());
    const product = dice.pick([...shop.products.values()]);
    const changes = dice.weighed<object>([
      [4, { grants: known.grants.map(({ meter }) => ({ meter, quantity: dice.whole(1, 12) })) }],
      [2, { validity_days: dice.pick([null, 5, 30, 200]) }],
      [2, { active: !known.active }],
      [1, { match: { sku: product.sku } }],
      [1, { match: product.parentId ? { variation_id: product.id } : { product_id: product.id } }],
      [1, { opens_ticket: true, grants: [{ meter: dice.pick(['sms', 'email', 'video']), quantity: 4 }] }],
    ]);
    if (await side.changePackage(this.zeton, known.id, changes)) this.tell('package changed', null, '');
  }
}

const isUnpaid = ({ status }: Order) => ['pending', 'on-hold', 'failed'].includes(status);
const isPaid = ({ status }: Order) => ['processing', 'completed', 'v-pripravi'].includes(status);
const left = (life: ShopLife, order: Order) =>
  life.side.fake.shop.total(order) - life.side.fake.shop.refunded(order);

const set = (status: string, fits: (order: Order) => boolean, maxDays?: number): Act => {
  return (life) =>
    life.change(
      `set to ${status}`,
      fits,
      ({ id }) => {
        life.side.fake.shop.setStatus(id, status);
        return `set to ${status}`;
      },
      maxDays,
    );
};

const refundSome =
  (
    name: string,
    quantity: (of: number, dice: Dice) => number,
    more: { amount?: number; total?: number } = {},
  ): Act =>
  (life) =>
    life.change(
      name,
      (order) => order.lines.length > 0 && isPaid(order) && left(life, order) > 1,
      (order) => {
        const lines = life.dice
          .shuffled(order.lines)
          .slice(0, life.dice.whole(1, 2))
          .map((line) => ({
            lineId: line.id,
            quantity: quantity(line.quantity, life.dice),
            total: more.total,
          }));
        const amount = more.amount === undefined ? undefined : Math.min(more.amount, left(life, order));
        life.side.fake.shop.refund(order.id, { lines, amount });
        const told = lines.map((line) => `${line.quantity} of line ${line.lineId}`).join(', ');
        return `${name}: ${told}; now ${order.status}`;
      },
    );

const ACTS: [number, Act][] = [
  [14, (life) => life.change('paid late', isUnpaid, ({ id }) => life.pay(id), 60)],
  [14, set('completed', (order) => order.status === 'processing' || order.status === 'v-pripravi', 60)],
  [5, set('cancelled', () => true)],
  [2, set('failed', isUnpaid, 30)],
  [3, set('on-hold', isPaid)],
  [3, set('v-pripravi', isPaid)],
  [3, set('processing', ({ status }) => ['cancelled', 'refunded', 'on-hold'].includes(status))],
  [3, set('refunded', isPaid)],
  [
    8,
    (life) =>
      life.change(
        'quantities changed',
        ({ lines }) => lines.length > 0,
        (order) => {
          const line = life.dice.pick(order.lines);
          const before = line.quantity;
          const quantity = life.dice.whole(1, 6);
          const totals = life.dice.happens(0.5)
            ? { [line.id]: (line.total / (before || 1)) * quantity }
            : undefined;
          life.side.fake.shop.edit(order.id, { quantities: { [line.id]: quantity }, totals });
          return `line ${line.id}: ${before} → ${quantity}`;
        },
      ),
  ],
  [
    5,
    (life) =>
      life.change(
        'line added',
        ({ lines }) => lines.length < 40,
        (order) => {
          const { id: productId } = life.dice.pick(life.side.onSale());
          life.side.fake.shop.edit(order.id, { add: [{ productId, quantity: life.dice.whole(1, 3) }] });
          return `line ${order.lines.at(-1)?.id} added: product ${productId}`;
        },
      ),
  ],
  [
    4,
    (life) =>
      life.change(
        'line removed',
        ({ lines }) => lines.length > 1,
        (order) => {
          const { id } = life.dice.pick(order.lines);
          life.side.fake.shop.edit(order.id, { remove: [id] });
          return `line ${id} removed`;
        },
      ),
  ],
  [
    4,
    (life) =>
      life.change(
        'touched',
        () => true,
        ({ id }) => life.touch(id),
      ),
  ],
  [9, refundSome('refunded by line', (of, dice) => dice.whole(1, Math.max(1, Math.floor(of))))],
  [2, refundSome('refunded too much', () => 99, { total: 0.5, amount: 0.5 })],
  [2, refundSome('refunded money of a line', () => 0, { total: 1, amount: 1 })],
  [
    3,
    (life) =>
      life.change(
        'refunded money only',
        (order) => isPaid(order) && left(life, order) > 2,
        ({ id }) => {
          life.side.fake.shop.refund(id, { amount: life.dice.whole(0, 2) });
          return 'money refunded';
        },
      ),
  ],
  [
    4,
    (life) =>
      life.change(
        'refunded in full',
        (order) => isPaid(order) && left(life, order) > 0,
        (order) => {
          life.side.fake.shop.refundAll(order.id);
          return `all lines refunded; now ${order.status}`;
        },
      ),
  ],
  [8, (life) => life.deleteRefund()],
  [4, (life) => life.trash()],
  [5, (life) => life.restore()],
  [2, (life) => life.deleteForGood()],
  [1.5, (life) => life.changeProduct()],
  [0.5, (life) => life.loseProduct()],
  [0.8, (life) => life.addProduct()],
  [2, (life) => life.changePackage()],
];
