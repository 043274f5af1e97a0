import { createHash } from 'node:crypto';
import { DateTime } from 'luxon';
import { TestClock } from '../clock';
import type {
  Address,
  Coupon,
  Customer,
  Line,
  LineInput,
  Meta,
  Note,
  Order,
  OrderEdit,
  Product,
  ProductInput,
  Purchase,
  Refund,
  RefundInput,
  ShopEvent,
  TaxRate,
} from './types';

const TAX_RATES: TaxRate[] = [
  { id: 1, country: 'SI', percent: 22 },
  { id: 3, country: 'GR', percent: 24 },
];
/** Prices are entered with this country's tax. */
const BASE_RATE = 1.22;

const round = (value: number, decimals: number) => {
  const factor = 10 ** decimals;
  return Math.round((value + Number.EPSILON) * factor) / factor;
};
export const money = (value: number) => (round(value, 2) || 0).toFixed(2);

const BUYER: Address = {
  first_name: 'Janez',
  last_name: 'Novak',
  company: '',
  address_1: 'Trubarjeva cesta 5',
  address_2: '',
  city: 'Ljubljana',
  state: '',
  postcode: '1000',
  country: 'SI',
  email: 'janez.novak@example.com',
  phone: '+386 41 555 100',
};
const NOBODY = Object.fromEntries(Object.keys(BUYER).map((key) => [key, ''])) as unknown as Address;

export interface ShopOptions {
  /** Shared with the app, or its own. */
  clock?: { now(): Date };
  at?: string;
  timeZone?: string;
  currency?: string;
  /** Of the base country too: the recorded shop is Slovenian. */
  country?: string;
  /** What a plugin added. */
  customStatuses?: string[];
  /** Same seed, same keys and hashes. */
  seed?: string;
  /** Without the recorded products 11 to 17. */
  emptyCatalogue?: boolean;
}

/** A shop and what happens in it. Knows nothing of HTTP; tells `onEvent` what its webhooks may want to know. */
export class Shop {
  readonly orders = new Map<number, Order>();
  readonly products = new Map<number, Product>();
  readonly customers = new Map<number, Customer>();
  readonly coupons = new Map<number, Coupon>();
  readonly statuses: string[];
  readonly currency: string;
  readonly timeZone: string;
  onEvent: (event: ShopEvent) => void = () => undefined;
  /** Grows with every change of an order: what is sorted may be kept until then. */
  ordersVersion = 0;
  private readonly ownClock: TestClock;
  private readonly clock: { now(): Date };
  private readonly seed: string;
  private postId = 10;
  private itemId = 0;
  private metaId = 0;
  private noteId = 0;
  private customerId = 1;
  private hashes = 0;
  private debugMeta: number[] = [];
  private readonly offsets = new Map<number, number>();

  constructor(options: ShopOptions = {}) {
    this.ownClock = new TestClock(options.at ?? '2026-11-22T12:00:00.000Z');
    this.clock = options.clock ?? this.ownClock;
    this.timeZone = options.timeZone ?? 'Europe/Ljubljana';
    this.currency = options.currency ?? 'EUR';
    this.seed = options.seed ?? 'seed';
    this.statuses = [
      ...['pending', 'processing', 'on-hold', 'completed', 'cancelled', 'refunded', 'failed'],
      ...['checkout-draft', ...(options.customStatuses ?? [])],
    ];
    if (!options.emptyCatalogue) this.stock();
  }

  private stock(): void {
    this.addProduct({ sku: 'SUP-START', name: 'Podpora Start', price: '29' });
    this.addProduct({ sku: 'SUP-PRO', name: 'Podpora Pro', price: '79' });
    this.addProduct({ sku: 'MAJICA-1', name: 'Majica', price: '19.9', virtual: false });
    this.addProduct({
      sku: 'SUP-PREM',
      name: 'Premium podpora',
      price: '49',
      virtual: false,
      attribute: 'Paket',
      variations: [
        { sku: 'SUP-PREM-SMS10', option: 'SMS 10', price: '49' },
        { sku: 'SUP-PREM-SMS25', option: 'SMS 25', price: '99' },
        { sku: 'SUP-PREM-VIDEO3', option: 'VIDEO 3', price: '149' },
      ],
    });
    this.addCoupon({ code: 'podpora100', amount: '100.00', discount_type: 'percent' });
  }

  // Time

  now(): Date {
    return this.clock.now();
  }

  /** Whole seconds, which is all that WordPress keeps. */
  seconds(): number {
    return Math.floor(this.clock.now().getTime() / 1000);
  }

  /** Only where the clock is its own. */
  advance(by: Parameters<TestClock['advance']>[0]): void {
    if (this.clock !== this.ownClock) throw new Error('the clock is shared: advance it there');
    this.ownClock.advance(by);
  }

  set(at: string): void {
    if (this.clock !== this.ownClock) throw new Error('the clock is shared: set it there');
    this.ownClock.set(at);
  }

  /** Seconds by which the shop's wall clock is ahead of GMT. */
  offsetAt(seconds: number): number {
    const hour = Math.floor(seconds / 3600);
    let offset = this.offsets.get(hour);
    if (offset === undefined) {
      offset = DateTime.fromSeconds(seconds, { zone: this.timeZone }).offset * 60;
      this.offsets.set(hour, offset);
    }
    return offset;
  }

  /** Bare GMT without zone, as every *_gmt field. */
  gmt(seconds: number): string {
    return new Date(seconds * 1000).toISOString().slice(0, 19);
  }

  local(seconds: number): string {
    return this.gmt(seconds + this.offsetAt(seconds));
  }

  hash(length = 32): string {
    this.hashes += 1;
    return createHash('md5').update(`${this.seed}:${this.hashes}`).digest('hex').slice(0, length);
  }

  /** The next post (order, refund, product or coupon) gets this id. */
  continueAt(id: number): void {
    this.postId = id - 1;
  }

  // Catalogue

  addProduct(input: ProductInput): number {
    const at = this.seconds();
    const base: Product = {
      id: ++this.postId,
      parentId: 0,
      type: input.variations ? 'variable' : 'simple',
      status: 'publish',
      name: input.name,
      slug: slugOf(input.name),
      sku: input.sku,
      price: input.price,
      virtual: input.virtual ?? true,
      image: null,
      description: input.description ?? '',
      createdAt: at,
      modifiedAt: at,
      sold: 0,
      attribute: input.attribute ?? 'Paket',
      option: '',
      variationIds: [],
    };
    const picture = (src?: string) => (src ? { id: ++this.postId, src } : null);
    base.image = picture(input.image);
    this.products.set(base.id, base);
    for (const { sku, option, price, image } of input.variations ?? []) {
      const id = ++this.postId;
      base.variationIds.push(id);
      this.products.set(id, {
        ...base,
        id,
        parentId: base.id,
        type: 'variation',
        name: option,
        slug: slugOf(`${input.name}-${option}`),
        virtual: true,
        sku,
        option,
        price,
        image: picture(image),
        variationIds: [],
      });
    }
    return base.id;
  }

  productOf(line: { sku?: string; productId?: number; variationId?: number }): Product {
    const id = line.variationId || line.productId;
    const found = id
      ? this.products.get(id)
      : [...this.products.values()].find(({ sku }) => sku === line.sku);
    if (!found) throw new Error(`the shop has no product ${JSON.stringify(line)}`);
    return found;
  }

  /** Name, sku, price and picture are free to change; old orders show the new sku at once. */
  changeProduct(
    id: number,
    changes: Partial<Pick<Product, 'name' | 'sku' | 'price' | 'image' | 'status' | 'description'>>,
  ): void {
    const product = this.productOf({ productId: id });
    Object.assign(product, changes, { modifiedAt: this.seconds() });
    this.ordersVersion += 1;
    this.onEvent({ resource: 'product', event: 'updated', id: product.parentId || product.id });
  }

  renameProduct(id: number, changes: { name?: string; sku?: string }): void {
    this.changeProduct(id, changes);
  }

  trashProduct(id: number): void {
    this.productOf({ productId: id }).status = 'trash';
    this.onEvent({ resource: 'product', event: 'deleted', id });
  }

  /** For good: tells nobody, and old order lines lose product, sku and picture. */
  deleteProduct(id: number): void {
    const { variationIds } = this.productOf({ productId: id });
    const gone = [id, ...variationIds];
    for (const each of gone) this.products.delete(each);
    for (const order of this.orders.values()) {
      for (const line of order.lines) {
        if (!gone.includes(line.variationId) && !gone.includes(line.productId)) continue;
        line.productId = 0;
        line.variationId = 0;
      }
    }
    this.ordersVersion += 1;
  }

  addCoupon(fields: Record<string, unknown> & { code: string }): Coupon {
    const at = this.seconds();
    const coupon: Coupon = {
      id: ++this.postId,
      code: fields.code.toLowerCase(),
      amount: money(Number(fields.amount ?? 0)),
      type: typeof fields.discount_type === 'string' ? fields.discount_type : 'fixed_cart',
      createdAt: at,
      modifiedAt: at,
      fields,
    };
    this.coupons.set(coupon.id, coupon);
    this.onEvent({ resource: 'coupon', event: 'created', id: coupon.id });
    return coupon;
  }

  // People

  addCustomer(billing: Partial<Address>, username?: string): number {
    const customer = this.newCustomer({ ...BUYER, ...billing }, NOBODY);
    customer.username = username ?? customer.username;
    this.onEvent({ resource: 'customer', event: 'created', id: customer.id });
    this.onEvent({ resource: 'customer', event: 'updated', id: customer.id });
    return customer.id;
  }

  private newCustomer(billing: Address, shipping: Address): Customer {
    const at = this.seconds();
    const { email: _email, ...to } = shipping;
    const customer: Customer = {
      id: ++this.customerId,
      email: billing.email,
      firstName: billing.first_name,
      lastName: billing.last_name,
      username: billing.email.split('@')[0] ?? '',
      billing,
      shipping: to,
      paying: false,
      createdAt: at,
      modifiedAt: at,
      meta: [],
    };
    this.customers.set(customer.id, customer);
    return customer;
  }

  changeCustomer(id: number, changes: Partial<Pick<Customer, 'firstName' | 'lastName' | 'email'>>): void {
    Object.assign(this.customerById(id), changes, { modifiedAt: this.seconds() });
    this.onEvent({ resource: 'customer', event: 'updated', id });
  }

  private customerById(id: number): Customer {
    const customer = this.customers.get(id);
    if (!customer) throw new Error(`the shop has no customer ${id}`);
    return customer;
  }

  // Orders

  order(id: number): Order {
    const order = this.orders.get(id);
    if (!order) throw new Error(`the shop has no order ${id}`);
    return order;
  }

  /** Somebody buys. Answers the order's id. */
  buy(purchase: Purchase = {}): number {
    const via = purchase.via ?? 'block';
    const at = this.seconds();
    const payment = purchase.payment ?? 'testcard';
    let billing: Address = { ...(purchase.customerId ? NOBODY : BUYER), ...purchase.billing };
    if (via === 'block') billing = mapTexts(billing, asBlockCheckoutKeeps);
    const ship = via === 'block' ? billing : NOBODY;
    const customer = purchase.account ? this.newCustomer(billing, ship) : null;
    const { email: _email, ...shipping } = ship;
    const order: Order = {
      id: ++this.postId,
      status: 'pending',
      statusBeforeTrash: null,
      currency: purchase.currency ?? this.currency,
      createdVia: via === 'block' ? 'store-api' : via === 'classic' ? 'checkout' : 'rest-api',
      createdAt: at,
      modifiedAt: at,
      paidAt: null,
      completedAt: null,
      customerId: customer?.id ?? purchase.customerId ?? 0,
      key: `wc_order_${this.hash(13)}`,
      cartHash: via === 'rest' ? '' : this.hash(),
      transactionId: '',
      payment,
      billing,
      shipping,
      note: purchase.note ?? '',
      meta: [],
      hasDebugMeta: false,
      lines: [],
      taxItemId: ++this.itemId,
      shippingLine: null,
      coupon: null,
      refunds: [],
      notes: [],
    };
    const own = ['_coupons_hash', '_fees_hash', '_shipping_hash', '_taxes_hash'];
    if (via === 'block') for (const key of own) this.addMeta(order.meta, key, this.hash());
    if (via !== 'rest') this.addMeta(order.meta, 'is_vat_exempt', 'no');
    for (const { key, value } of purchase.meta ?? []) this.addMeta(order.meta, key, value);
    for (const line of purchase.lines ?? ['SUP-START']) this.addLine(order, line);
    if (via !== 'rest') this.addShipping(order);
    if (purchase.coupon) this.applyCoupon(order, purchase.coupon);
    this.orders.set(order.id, order);
    if (via !== 'rest') this.keepDebugMeta(order);
    this.ordersVersion += 1;

    if (payment === 'testcard') {
      const outcome = purchase.outcome ?? 'paid';
      if (outcome === 'declined') order.status = 'failed';
      if (outcome === 'paid') this.completePayment(order);
    } else if ((purchase.outcome ?? 'paid') === 'paid') {
      if (via === 'rest') this.completePayment(order);
      else order.status = payment === 'cod' ? 'processing' : 'on-hold';
    }

    const tell = (event: 'created' | 'updated') => this.onEvent({ resource: 'order', event, id: order.id });
    // A checkout-draft is saved first, which counts as an update as soon as the order is a real one.
    tell(via === 'block' ? 'updated' : 'created');
    if (customer) {
      this.onEvent({ resource: 'customer', event: 'created', id: customer.id });
      this.onEvent({ resource: 'customer', event: 'updated', id: customer.id });
    }
    tell(via === 'block' ? 'created' : 'updated');
    if (order.paidAt !== null) this.markPaying(order);
    return order.id;
  }

  private markPaying(order: Order): void {
    const customer = this.customers.get(order.customerId);
    if (!customer || customer.paying) return;
    customer.paying = true;
    customer.modifiedAt = this.seconds();
    this.onEvent({ resource: 'customer', event: 'updated', id: customer.id });
  }

  private addMeta(list: Meta[], key: string, value: unknown): void {
    list.push({ id: ++this.metaId, key, value });
  }

  private addLine(order: Order, input: string | LineInput): Line {
    const wanted: LineInput = typeof input === 'string' ? { sku: input } : input;
    const product = this.productOf(wanted);
    const parent = product.parentId ? this.products.get(product.parentId) : null;
    const quantity = wanted.quantity ?? 1;
    const inBase = order.currency === this.currency;
    const rate = inBase
      ? (TAX_RATES.find(({ country }) => country === (order.billing.country || 'SI')) ?? null)
      : null;
    const net = round((Number(product.price) * quantity) / (inBase ? BASE_RATE : 1), 6);
    const line: Line = {
      id: ++this.itemId,
      name: parent ? `${parent.name} - ${product.option}` : product.name,
      productId: parent?.id ?? product.id,
      variationId: parent ? product.id : 0,
      quantity,
      subtotal: wanted.subtotal === undefined ? net : Number(wanted.subtotal),
      total: wanted.total === undefined ? net : Number(wanted.total),
      taxRate: rate,
      meta: [],
    };
    if (parent) this.addMeta(line.meta, product.attribute.toLowerCase(), product.option);
    for (const { key, value } of wanted.meta ?? []) this.addMeta(line.meta, key, value);
    product.sold += quantity;
    order.lines.push(line);
    return line;
  }

  private addShipping(order: Order): void {
    const physical = order.lines.filter((line) => this.productOf(line).virtual === false);
    if (physical.length === 0) return;
    order.shippingLine = {
      id: ++this.itemId,
      metaId: ++this.metaId,
      net: 4.1,
      tax: 0.9,
      items: physical.map((line) => `${line.name} &times; ${line.quantity}`).join(', '),
    };
  }

  private applyCoupon(order: Order, code: string): void {
    const coupon = [...this.coupons.values()].find((each) => each.code === code.toLowerCase());
    if (coupon?.type !== 'percent') throw new Error(`the shop has no percentage coupon ${code}`);
    const percent = Number(coupon.amount);
    for (const line of order.lines) line.total = round(line.subtotal * (1 - percent / 100), 6);
    order.coupon = {
      id: ++this.itemId,
      metaId: ++this.metaId,
      couponId: coupon.id,
      code: coupon.code,
      percent,
    };
  }

  /** Money came: by card, or the shop saw the bank transfer. */
  pay(id: number): void {
    const order = this.order(id);
    this.completePayment(order);
    if (order.payment === 'testcard' && order.createdVia !== 'rest-api') this.keepDebugMeta(order);
    this.touch(order);
    this.markPaying(order);
  }

  private completePayment(order: Order): void {
    order.paidAt ??= this.seconds();
    const byCard = order.createdVia !== 'rest-api' && order.payment === 'testcard';
    if (byCard && this.total(order) > 0) order.transactionId = `txn_${order.id}_test`;
    order.status = 'processing';
  }

  setStatus(id: number, status: string): void {
    const order = this.order(id);
    this.moveTo(order, status);
    this.touch(order);
    if (order.paidAt !== null) this.markPaying(order);
  }

  private moveTo(order: Order, status: string): void {
    if (status === 'refunded' && order.status !== 'refunded') {
      const left = this.total(order) - this.refunded(order);
      if (left > 0) this.keepRefund(order, { amount: left, reason: 'Order fully refunded.' }, 'full');
    }
    order.status = status;
    if (status === 'completed') order.completedAt ??= this.seconds();
    // Cash on delivery is paid when the order is complete; a transfer when the shop starts to work on it.
    const paysBy = order.payment === 'cod' ? ['completed'] : ['processing', 'completed'];
    if (paysBy.includes(status)) order.paidAt ??= this.seconds();
  }

  /** An admin's edit, or a REST PUT: counts as an update even where nothing changed. */
  edit(id: number, edit: OrderEdit = {}): void {
    const order = this.order(id);
    for (const line of order.lines) {
      line.quantity = edit.quantities?.[line.id] ?? line.quantity;
      line.total = edit.totals?.[line.id] ?? line.total;
      if (edit.totals?.[line.id] !== undefined) line.subtotal = Math.max(line.subtotal, line.total);
    }
    order.lines = order.lines.filter((line) => !edit.remove?.includes(line.id));
    for (const line of edit.add ?? []) this.addLine(order, line);
    Object.assign(order.billing, edit.billing);
    order.note = edit.note ?? order.note;
    order.customerId = edit.customerId ?? order.customerId;
    for (const { key, value } of edit.meta ?? []) {
      const known = order.meta.find((meta) => meta.key === key);
      if (known) known.value = value;
      else this.addMeta(order.meta, key, value);
    }
    if (edit.status !== undefined) this.moveTo(order, edit.status);
    this.touch(order);
  }

  private touch(order: Order): void {
    order.modifiedAt = this.seconds();
    this.ordersVersion += 1;
    if (order.status !== 'trash') this.onEvent({ resource: 'order', event: 'updated', id: order.id });
  }

  /** By line, of money only (`amount` alone), or nonsense: the store takes a quantity of 99 on a line of 3. */
  refund(id: number, input: RefundInput = {}): number {
    const order = this.order(id);
    const refund = this.keepRefund(order, input);
    if (refund.amount > 0 && this.refunded(order) >= this.total(order) - 0.004) {
      refund.type = 'full';
      order.status = 'refunded';
    }
    this.touch(order);
    return refund.id;
  }

  /** All lines, as one refund by line. */
  refundAll(id: number, reason = ''): number {
    const lines = this.order(id).lines.map((line) => ({ lineId: line.id, quantity: line.quantity }));
    return this.refund(id, {
      lines,
      reason,
      amount: this.total(this.order(id)) - this.refunded(this.order(id)),
    });
  }

  private keepRefund(order: Order, input: RefundInput, type: Refund['type'] = 'partial'): Refund {
    const lines = (input.lines ?? []).map(({ lineId, quantity = 0, total, tax: given = 0 }) => {
      const of = order.lines.find((line) => line.id === lineId);
      if (!of) throw new Error(`order ${order.id} has no line ${lineId}`);
      const net = total ?? (of.quantity === 0 ? 0 : round((of.total / of.quantity) * quantity, 2));
      const tax = total === undefined ? round((net * (of.taxRate?.percent ?? 0)) / 100, 2) : given;
      return { id: ++this.itemId, of: { ...of }, quantity, total: net, tax, metaId: ++this.metaId };
    });
    const sum = lines.reduce((amount, line) => amount + line.total + line.tax, 0);
    const refund: Refund = {
      id: ++this.postId,
      createdAt: this.seconds(),
      amount: input.amount === undefined ? round(sum, 2) : Number(input.amount),
      reason: input.reason ?? '',
      type,
      metaId: ++this.metaId,
      taxItemId: ++this.itemId,
      lines,
    };
    order.refunds.push(refund);
    return refund;
  }

  /** Nobody is told, and no date changes: only who reads the refunds again can know. */
  deleteRefund(id: number, refundId: number): void {
    const order = this.order(id);
    if (!order.refunds.some((refund) => refund.id === refundId)) throw new Error(`no refund ${refundId}`);
    order.refunds = order.refunds.filter((refund) => refund.id !== refundId);
  }

  trash(id: number): void {
    const order = this.order(id);
    order.statusBeforeTrash = order.status;
    order.status = 'trash';
    order.modifiedAt = this.seconds();
    this.ordersVersion += 1;
    this.onEvent({ resource: 'order', event: 'deleted', id });
  }

  restore(id: number): void {
    const order = this.order(id);
    order.status = order.statusBeforeTrash ?? 'pending';
    order.statusBeforeTrash = null;
    order.modifiedAt = this.seconds();
    this.ordersVersion += 1;
    this.onEvent({ resource: 'order', event: 'restored', id });
  }

  /** For good. Nobody is told. */
  delete(id: number): void {
    this.orders.delete(id);
    this.ordersVersion += 1;
  }

  /** Neither an update nor a new date. */
  addNote(id: number, note: string, customerNote: boolean): Note {
    const kept: Note = { id: ++this.noteId, createdAt: this.seconds(), note, customerNote };
    this.order(id).notes.push(kept);
    return kept;
  }

  private keepDebugMeta(order: Order): void {
    order.hasDebugMeta = true;
    this.debugMeta.push(order.id);
  }

  /** The clean-up of the block checkout's own note: changes the body, but no date. */
  forgetDebugMeta(): void {
    for (const id of this.debugMeta) {
      const order = this.orders.get(id);
      if (order) order.hasDebugMeta = false;
    }
    this.debugMeta = [];
  }

  // Sums

  lineTax(line: Line, of: 'total' | 'subtotal' = 'total'): number {
    return round((line[of] * (line.taxRate?.percent ?? 0)) / 100, 2);
  }

  total(order: Order): number {
    const lines = order.lines.reduce((sum, line) => sum + round(line.total, 2) + this.lineTax(line), 0);
    return round(lines + (order.shippingLine ? order.shippingLine.net + order.shippingLine.tax : 0), 2);
  }

  refunded(order: Order): number {
    return order.refunds.reduce((sum, refund) => sum + refund.amount, 0);
  }
}

/** The block checkout strips tags, and keeps & as an entity. */
function asBlockCheckoutKeeps(text: string): string {
  return text.replace(/<[^>]*>/g, '').replace(/&(?!amp;)/g, '&amp;');
}

function mapTexts(address: Address, change: (text: string) => string): Address {
  return Object.fromEntries(
    Object.entries(address).map(([key, text]) => [key, change(text as string)]),
  ) as unknown as Address;
}

function slugOf(name: string): string {
  return name
    .normalize('NFD')
    .replace(/[^a-zA-Z0-9]+/g, '-')
    .replace(/^-|-$/g, '')
    .toLowerCase();
}
