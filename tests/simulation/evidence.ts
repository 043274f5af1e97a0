import type { Knex } from 'knex';

/** What Zeton's database says, as it stands there; nothing is worked out here. */
export interface Evidence {
  orders: OrderRow[];
  lines: LineRow[];
  grants: GrantRow[];
  balances: Map<string, Record<string, number>>;
  messages: Map<string, { to: string; status: string }>;
  tickets: { id: string; customerId: string }[];
  /** Of each order, by its id, all that Zeton was told and kept. */
  states: Map<string, State[]>;
  loose: { pending: number; failed: string[]; parked: string[]; outbox: number };
}

export interface OrderRow {
  id: string;
  store: string;
  wooId: number;
  status: string;
  paid: boolean;
  everPaid: boolean;
  customerId: string | null;
  ticketId: string | null;
}

export interface LineRow {
  id: string;
  orderId: string;
  wooLineId: number;
  quantity: number;
  refunded: number;
  /** `<package> <when this version of it was made>`; null: bought no package. */
  bought: string | null;
}

export interface GrantRow {
  id: string;
  customerId: string;
  meter: string;
  cause: string;
  orderLineId: string | null;
  expiresAt: string | null;
  granted: number;
  available: number;
  held: number;
  used: number;
  expired: number;
  revoked: number;
  orderRevoked: number;
  wanted: number | null;
}

/** One state of an order, in the shop's own words. */
export interface State {
  status: string;
  modified: string;
  created: string;
  paid: string | null;
  customerId: number;
  email: string;
  refundIds: number[];
  lines: { id: number; quantity: number; productId: number; variationId: number; sku: string | null }[];
  /** When Zeton kept it. */
  receivedAt: string;
}

type Row = Record<string, unknown>;

/** Reads it again and again; what was kept of an order never changes, and is read once. */
export class Witness {
  private readonly states = new Map<string, State[]>();
  private lastSnapshot = '';

  constructor(private readonly db: Knex) {}

  async testify(): Promise<Evidence> {
    const { db } = this;
    await this.readStates();
    const orders = (await db('orders as o')
      .join('stores as s', 's.id', 'o.store_id')
      .whereNot('o.status', '')
      .orderBy('o.woo_id')
      .select('o.*', 's.slug')) as Row[];
    const lines = (await db('order_lines as l')
      .leftJoin('package_versions as v', 'v.id', 'l.package_version_id')
      .orderBy('l.woo_line_id')
      .select('l.*', 'v.package_id', 'v.created_at as version_at')) as Row[];
    const grants = (await db('credit_grants').orderBy('id')) as Row[];
    const balances = (await db('credit_balances')) as Row[];
    const messages = (await db('messages')
      .where({ kind: 'reply' })
      .select('id', 'to_address', 'status')) as Row[];
    const tickets = (await db('tickets').select('id', 'customer_id')) as Row[];
    const failed = (await db('deliveries').where({ status: 'failed' })) as Row[];
    const parked = (await db('parked_orders')) as Row[];
    return {
      orders: orders.map((row) => ({
        id: row.id as string,
        store: row.slug as string,
        wooId: Number(row.woo_id),
        status: row.status as string,
        paid: row.paid === 1,
        everPaid: row.ever_paid === 1,
        customerId: row.customer_id as string | null,
        ticketId: row.ticket_id as string | null,
      })),
      lines: lines.map((row) => ({
        id: row.id as string,
        orderId: row.order_id as string,
        wooLineId: Number(row.woo_line_id),
        quantity: Number(row.quantity),
        refunded: Number(row.refunded_quantity),
        bought: row.package_id === null ? null : `${row.package_id as string} ${row.version_at as string}`,
      })),
      grants: grants.map((row) => ({
        id: row.id as string,
        customerId: row.customer_id as string,
        meter: row.meter as string,
        cause: row.cause as string,
        orderLineId: row.order_line_id as string | null,
        expiresAt: row.expires_at as string | null,
        granted: Number(row.granted),
        available: Number(row.available),
        held: Number(row.held),
        used: Number(row.used),
        expired: Number(row.expired),
        revoked: Number(row.revoked),
        orderRevoked: Number(row.order_revoked),
        wanted: row.wanted === null ? null : Number(row.wanted),
      })),
      balances: new Map(
        balances.map((row) => [
          row.customer_id as string,
          Object.fromEntries(Object.entries(row).map(([name, value]) => [name, Number(value)])),
        ]),
      ),
      messages: new Map(
        messages.map((row) => [
          row.id as string,
          { to: row.to_address as string, status: row.status as string },
        ]),
      ),
      tickets: tickets.map((row) => ({ id: row.id as string, customerId: row.customer_id as string })),
      states: this.states,
      loose: {
        pending: await this.count('deliveries', { status: 'pending' }),
        failed: failed.map((row) => `${row.topic as string}: ${row.reason as string}`),
        parked: parked.map((row) => `order ${Number(row.woo_id)}: ${row.reason as string}`),
        outbox: await this.count('outbox', {}),
      },
    };
  }

  private async count(table: string, where: object): Promise<number> {
    return Number(((await this.db(table).where(where).count({ n: '*' }).first()) as Row).n);
  }

  private async readStates(): Promise<void> {
    const rows = (await this.db('order_snapshots')
      .where('id', '>', this.lastSnapshot)
      .orderBy('id')
      .select('id', 'order_id', 'body', 'received_at')) as Row[];
    for (const row of rows) {
      const known = this.states.get(row.order_id as string) ?? [];
      known.push(stateIn(row.body as string, row.received_at as string));
      this.states.set(row.order_id as string, known);
      this.lastSnapshot = row.id as string;
    }
  }
}

/** What the shop says of an order, read as its documentation has it. */
function stateIn(json: string, receivedAt: string): State {
  const order = JSON.parse(json);
  return {
    status: order.status,
    modified: order.date_modified_gmt,
    created: order.date_created_gmt,
    paid: order.date_paid_gmt,
    customerId: order.customer_id,
    email: order.billing.email,
    refundIds: order.refunds.map((refund: { id: number }) => refund.id).sort(),
    lines: order.line_items.map((line: Row) => ({
      id: line.id,
      quantity: line.quantity,
      productId: line.product_id,
      variationId: line.variation_id,
      sku: line.sku,
    })),
    receivedAt,
  };
}
