import type { Dice } from '../support/dice';
import { orderJson } from '../support/shop';

/** What one unit buys, by SKU. */
export const PACKAGES: Record<string, Partial<Record<'sms' | 'email' | 'video', number>>> = {
  HELP: { sms: 2, email: 2, video: 1 },
  'TEN-SMS': { sms: 4 },
};

export interface Webhook {
  wooId: number;
  topic: string;
  body: string;
}

interface Order {
  wooId: number;
  email: string;
  phone: string;
  status: string;
  paid: boolean;
  quantities: { id: number; sku: string; quantity: number }[];
  /** Each state of the order is a second newer than the one before. */
  states: number;
}

const FIRST_SECOND = Date.parse('2026-11-20T10:00:00Z');

function gmt(second: number): string {
  return new Date(FIRST_SECOND + second * 1000).toISOString().slice(0, 19);
}

/** A WooCommerce shop: its orders come, are edited, cancelled and refunded, and it says each thing once, or twice. */
export class Shop {
  private readonly orders: Order[] = [];

  get wooIds(): number[] {
    return this.orders.map(({ wooId }) => wooId);
  }

  /** What the shop sends in one round, in an order in which it may arrive. */
  round(dice: Dice, newOrders: number): Webhook[] {
    const sent: Webhook[] = [];
    for (let i = 0; i < newOrders; i++) sent.push(...this.sell(dice));
    const older = this.orders.slice(-40, -newOrders);
    for (let i = 0; i < newOrders && older.length > 0; i++) sent.push(...this.change(dice, dice.pick(older)));
    // The same delivery twice, at about the same time or later.
    for (const webhook of [...sent]) if (dice.happens(0.15)) sent.push(webhook);
    return dice.happens(0.5) ? dice.shuffled(sent) : sent;
  }

  private sell(dice: Dice): Webhook[] {
    const number = this.orders.length + 1;
    const isReturning = dice.happens(0.2) && number > 10;
    const buyer = isReturning ? dice.whole(1, number - 1) : number;
    const order: Order = {
      wooId: 10_000 + number,
      // Every tenth can be reached by nothing.
      email: `${buyer % 10 === 0 ? 'nobody' : 'buyer'}-${buyer}@example.com`,
      phone: phoneOf(buyer),
      status: 'pending',
      paid: false,
      quantities: [{ id: 1, sku: 'HELP', quantity: dice.whole(1, 3) }],
      states: 0,
    };
    this.orders.push(order);
    const sent = [this.say(order, 'order.created')];
    Object.assign(order, { status: 'processing', paid: true });
    sent.push(this.say(order, 'order.updated'));
    if (dice.happens(0.4)) sent.push(...this.change(dice, order));
    return sent;
  }

  private change(dice: Dice, order: Order): Webhook[] {
    const what = dice.weighed([
      [5, 'edit'],
      [2, 'complete'],
      [2, 'refund'],
      [2, 'cancel'],
    ] as const);
    if (what === 'complete' || order.status === 'refunded' || order.status === 'cancelled') {
      Object.assign(order, { status: order.status === 'processing' ? 'completed' : 'processing' });
    } else if (what === 'edit') {
      if (order.quantities.length > 1 && dice.happens(0.5)) order.quantities.pop();
      else if (dice.happens(0.5)) {
        order.quantities.push({ id: order.states + 2, sku: 'TEN-SMS', quantity: dice.whole(1, 2) });
      } else (order.quantities[0] as { quantity: number }).quantity = dice.whole(1, 4);
    } else order.status = what === 'refund' ? 'refunded' : 'cancelled';
    return [this.say(order, 'order.updated')];
  }

  private say(order: Order, topic: string): Webhook {
    order.states += 1;
    const body = orderJson({
      id: order.wooId,
      status: order.status,
      created: gmt(0),
      modified: gmt(order.states),
      paid: order.paid ? gmt(1) : null,
      email: order.email,
      phone: order.phone,
      lines: order.quantities,
    });
    return { wooId: order.wooId, topic, body };
  }
}

/** …13: nobody; …27: the provider keeps no texts. See provider.ts. */
function phoneOf(buyer: number): string {
  const number = String(buyer).padStart(4, '0');
  if (buyer % 10 === 5) return `041${number}13`;
  return buyer % 5 === 2 ? `041${number}27` : `041${number}00`;
}

interface Snapshot {
  status: string;
  date_modified_gmt: string;
  date_paid_gmt: string | null;
  line_items: { id: number; sku: string; quantity: number }[];
}

/**
 * What an order buys, worked out from its known states alone and without Zeton's code: grant key → credits; no key: none.
 */
export function wantedOf(
  wooId: number,
  bodies: string[],
): { everPaid: boolean; wanted: Map<string, number> } {
  const newestFirst = bodies
    .map((body) => JSON.parse(body) as Snapshot)
    .sort((a, b) => (a.date_modified_gmt < b.date_modified_gmt ? 1 : -1));
  const isPaid = ({ status, date_paid_gmt }: Snapshot) =>
    ['processing', 'completed'].includes(status) || date_paid_gmt !== null;
  const isVoid = ({ status }: Snapshot) => ['cancelled', 'refunded', 'failed'].includes(status);
  const decides = newestFirst.find((state) => isVoid(state) || isPaid(state));
  const paid = decides !== undefined && !isVoid(decides);
  const wanted = new Map<string, number>();
  for (const { id, sku, quantity } of paid ? (newestFirst[0]?.line_items ?? []) : []) {
    for (const [meter, each] of Object.entries(PACKAGES[sku] ?? {})) {
      wanted.set(`woo:default:${wooId}:line:${id}:${meter}`, each * quantity);
    }
  }
  const everPaid = newestFirst.some((state) => !isVoid(state) && isPaid(state));
  return { everPaid, wanted };
}
