import { createHmac } from 'node:crypto';
import recorded from './demo-orders.json';

/** What the shop of the demo sells. */
export const PACKAGES: {
  name: string;
  sku: string;
  grants: Record<string, number>;
  validity_days?: number;
  low_balance_at?: number;
}[] = [
  { name: 'Mini', sku: 'SUP-MINI', grants: { sms: 4 } },
  { name: 'Start', sku: 'SUP-START', grants: { sms: 10, email: 20 }, validity_days: 365, low_balance_at: 2 },
  { name: 'Pro', sku: 'SUP-PRO', grants: { sms: 30, email: 60, video: 3 }, validity_days: 365 },
  { name: 'Premium video', sku: 'SUP-PREM-VIDEO3', grants: { video: 3, request: 2 } },
];

/** Signed by the demo itself, with today's date, in the shape of the recorded ones. */
export const ORDERS_OF_TODAY = [
  {
    id: 1042,
    status: 'processing',
    billing: {
      first_name: 'Alenka',
      last_name: 'Žnidaršič',
      email: 'alenka@example.com',
      phone: '041 200 300',
    },
    customer_note: 'Tiskalnik se ne poveže več z brezžičnim omrežjem.',
    sku: 'SUP-PRO',
  },
  {
    id: 1043,
    status: 'processing',
    // The sandbox plays a number that does not exist for …0000.
    billing: { first_name: 'Peter', last_name: 'Kos', email: 'peter.kos@example.com', phone: '040 120 000' },
    customer_note: '',
    sku: 'SUP-START',
  },
  {
    id: 1044,
    status: 'on-hold',
    billing: {
      first_name: 'Ivana',
      last_name: 'Horvat',
      email: 'ivana@example.com',
      phone: '+385 91 234 5678',
    },
    customer_note: '',
    sku: 'SUP-START',
  },
];

/** An order's webhook. */
export interface Delivery {
  topic: string;
  signature: string;
  delivery_id: string;
  body: string;
}

/** A recorded order made into another one, and signed as WooCommerce signs. */
export function deliveryOfToday(order: (typeof ORDERS_OF_TODAY)[number]): Delivery {
  const pattern = JSON.parse(recorded.deliveries[0]?.body ?? '{}') as {
    line_items: Record<string, unknown>[];
    billing: Record<string, unknown>;
  };
  const now = new Date().toISOString().slice(0, 19);
  const body = JSON.stringify({
    ...pattern,
    id: order.id,
    number: String(order.id),
    status: order.status,
    billing: {
      ...pattern.billing,
      ...order.billing,
      country: order.billing.phone.startsWith('+385') ? 'HR' : 'SI',
    },
    customer_note: order.customer_note,
    date_created_gmt: now,
    date_modified_gmt: now,
    date_paid_gmt: order.status === 'processing' ? now : null,
    line_items: pattern.line_items.map((line) => ({
      ...line,
      id: order.id * 10,
      product_id: 0,
      sku: order.sku,
      name: PACKAGES.find((known) => known.sku === order.sku)?.name,
    })),
  });
  const signature = createHmac('sha256', recorded.secret).update(body).digest('base64');
  return { topic: 'order.created', signature, delivery_id: `demo-${order.id}`, body };
}
