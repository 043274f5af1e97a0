/** What the fake store keeps; what it shows is made of this in json.ts. Times are whole epoch seconds, as in WordPress. */

export interface Address {
  first_name: string;
  last_name: string;
  company: string;
  address_1: string;
  address_2: string;
  city: string;
  state: string;
  postcode: string;
  country: string;
  email: string;
  phone: string;
}

export interface Meta {
  id: number;
  key: string;
  value: unknown;
}

export interface Line {
  id: number;
  name: string;
  productId: number;
  variationId: number;
  quantity: number;
  /** Net, 6 decimals: as WooCommerce keeps it, so that the unit price comes out the same. */
  subtotal: number;
  total: number;
  taxRate: TaxRate | null;
  meta: Meta[];
}

export interface TaxRate {
  id: number;
  country: string;
  percent: number;
}

export interface Refund {
  id: number;
  createdAt: number;
  amount: number;
  reason: string;
  type: 'full' | 'partial';
  metaId: number;
  taxItemId: number;
  lines: { id: number; of: Line; quantity: number; total: number; tax: number; metaId: number }[];
}

export interface Note {
  id: number;
  createdAt: number;
  note: string;
  customerNote: boolean;
}

export interface Order {
  id: number;
  status: string;
  /** Where it returns to when it is taken out of the trash. */
  statusBeforeTrash: string | null;
  currency: string;
  createdVia: 'store-api' | 'checkout' | 'rest-api' | 'admin';
  createdAt: number;
  modifiedAt: number;
  paidAt: number | null;
  completedAt: number | null;
  customerId: number;
  key: string;
  cartHash: string;
  transactionId: string;
  payment: Payment;
  billing: Address;
  shipping: Omit<Address, 'email'>;
  note: string;
  meta: Meta[];
  /** The block checkout leaves a note for itself that vanishes later, without touching the date. */
  hasDebugMeta: boolean;
  lines: Line[];
  taxItemId: number;
  shippingLine: { id: number; metaId: number; net: number; tax: number; items: string } | null;
  coupon: { id: number; metaId: number; couponId: number; code: string; percent: number } | null;
  refunds: Refund[];
  notes: Note[];
}

export type Payment = 'testcard' | 'cod' | 'bacs';

export interface Product {
  id: number;
  /** Of a variation: its product; else 0. */
  parentId: number;
  type: 'simple' | 'variable' | 'variation';
  status: 'publish' | 'draft' | 'trash';
  name: string;
  /** Stays when the name changes. */
  slug: string;
  sku: string;
  price: string;
  virtual: boolean;
  image: { id: number; src: string } | null;
  description: string;
  createdAt: number;
  modifiedAt: number;
  sold: number;
  attribute: string;
  /** Of a variation: what the attribute says. */
  option: string;
  variationIds: number[];
}

export interface Customer {
  id: number;
  email: string;
  firstName: string;
  lastName: string;
  username: string;
  billing: Address;
  shipping: Omit<Address, 'email'>;
  paying: boolean;
  createdAt: number;
  modifiedAt: number;
  meta: Meta[];
}

export interface Coupon {
  id: number;
  code: string;
  amount: string;
  type: string;
  createdAt: number;
  modifiedAt: number;
  fields: Record<string, unknown>;
}

export interface Webhook {
  id: number;
  name: string;
  status: 'active' | 'paused' | 'disabled';
  topic: string;
  deliveryUrl: string;
  secret: string;
  failureCount: number;
  /** Not yet answered 200 to: it is sent again after every delivery. */
  pingPending: boolean;
  /** Its owner may no longer read orders: bodies are signed error objects. */
  ownerLostRights: boolean;
  createdAt: number;
  modifiedAt: number | null;
}

export interface Key {
  key: string;
  secret: string;
  permissions: 'read' | 'write' | 'read_write';
}

export interface LineInput {
  sku?: string;
  productId?: number;
  variationId?: number;
  quantity?: number;
  /** Net, where it is not the product's price. */
  total?: number | string;
  subtotal?: number | string;
  meta?: { key: string; value: unknown }[];
}

export interface Purchase {
  /** A sku is one piece of it. Default: one SUP-START. */
  lines?: (string | LineInput)[];
  billing?: Partial<Address>;
  customerId?: number;
  /** Makes an account at checkout. */
  account?: boolean;
  /** Default: the block checkout. */
  via?: 'block' | 'classic' | 'rest';
  payment?: Payment;
  /** Of a card, and of REST. Default: paid. */
  outcome?: 'paid' | 'declined' | 'pending';
  note?: string;
  meta?: { key: string; value: unknown }[];
  currency?: string;
  /** A percentage coupon of the shop. */
  coupon?: string;
}

export interface RefundInput {
  /** Gross. Default: what the lines cost. */
  amount?: number | string;
  reason?: string;
  /** `total` is net; without it, it and the tax follow from the quantity. */
  lines?: { lineId: number; quantity?: number; total?: number; tax?: number }[];
}

export interface OrderEdit {
  status?: string;
  quantities?: Record<number, number>;
  /** Net totals by line id; else they stay when a quantity changes. */
  totals?: Record<number, number>;
  remove?: number[];
  add?: (string | LineInput)[];
  billing?: Partial<Address>;
  note?: string;
  meta?: { key: string; value: unknown }[];
  customerId?: number;
}

export interface ProductInput {
  sku: string;
  name: string;
  price: string;
  virtual?: boolean;
  image?: string;
  description?: string;
  attribute?: string;
  variations?: { sku: string; option: string; price: string; image?: string }[];
}

/** What happened in the shop, for its webhooks. */
export interface ShopEvent {
  resource: 'order' | 'product' | 'customer' | 'coupon';
  event: 'created' | 'updated' | 'deleted' | 'restored';
  id: number;
}
