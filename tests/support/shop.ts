import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Amounts, balanceOf, METERS, verifyLedger } from '../../src/domain/credits';
import { storeDelivery } from '../../src/domain/inbox';
import { createPackage, type Package, type PackageInput } from '../../src/domain/packages';
import type { Store } from '../../src/domain/stores';
import { type WooCommerceGateway, webhooksOnly } from '../../src/gateways/woocommerce/gateway';
import { systemActor } from '../../src/platform/actor';
import { withTransaction } from '../../src/platform/db';
import { type Context, momentOf } from '../../src/usecases/context';
import { processDeliveries } from '../../src/usecases/process-delivery';
import type { SetClock } from './context';

const FIXTURES = join(__dirname, '..', 'fixtures', 'woocommerce');

export interface Recording {
  scenario: string;
  name: string;
  headers: [string, string][];
  topic: string;
  body: string;
  secret: string;
}

/** Every recorded delivery, in order of arrival. */
export function loadRecordings(): Recording[] {
  return readdirSync(join(FIXTURES, 'webhooks'))
    .sort()
    .flatMap((scenario) =>
      readdirSync(join(FIXTURES, 'webhooks', scenario))
        .sort()
        .map((name) => {
          const file = readFileSync(join(FIXTURES, 'webhooks', scenario, name), 'utf8');
          const { request, secret } = JSON.parse(file) as {
            request: { headers: [string, string][]; body: string };
            secret: string;
          };
          const topic = request.headers.find(([key]) => key === 'X-WC-Webhook-Topic')?.[1] ?? '';
          return { scenario, name, headers: request.headers, topic, body: request.body, secret };
        }),
    );
}

function restBody(name: string): { status: number; body: string } {
  const file = readFileSync(join(FIXTURES, 'rest', `${name}.json`), 'utf8');
  return (JSON.parse(file) as { response: { status: number; body: string } }).response;
}

const REFUNDS: Record<number, string> = {
  25: 'order-refunds-full-with-line-items',
  27: 'order-refunds-money-only',
  34: 'order-refunds-status-set-to-refunded',
  76: 'order-refunds-line-amount-quantity-0',
};

/** Answers with the recorded store's final state: what it said last of each order, and 404 for the deleted one. */
export function recordedStore(recordings: Recording[]): WooCommerceGateway {
  const last = new Map<number, string>();
  for (const { topic, body } of recordings) {
    if (!topic.startsWith('order.')) continue;
    const data = JSON.parse(body) as { id?: number; line_items?: unknown };
    if (data.id && data.line_items) last.set(data.id, body);
  }
  return {
    ...webhooksOnly,
    readOrder(_shop, wooId) {
      const deleted = wooId === 29 && restBody('order-get-deleted-404').status === 404;
      const json = last.get(wooId);
      return Promise.resolve(deleted || !json ? { kind: 'missing' } : { kind: 'order', json });
    },
    readRefunds(_shop, wooId) {
      const name = REFUNDS[wooId];
      return Promise.resolve({ kind: 'refunds', json: name ? restBody(name).body : '[]' });
    },
  };
}

export async function makePackage(
  ctx: Context,
  store: Store,
  sku: string,
  grants: Partial<Record<'sms' | 'email' | 'video' | 'request' | 'any', number>>,
  more: Partial<PackageInput> = {},
): Promise<Package> {
  return withTransaction(ctx.db, (trx) =>
    createPackage(trx, momentOf(ctx, systemActor), {
      storeId: store.id,
      name: sku,
      match: { kind: 'sku', value: sku },
      grants: METERS.flatMap((meter) => (grants[meter] ? [{ meter, quantity: grants[meter] }] : [])),
      priceList: { sms: 1, email: 1, video: 5 },
      smsUnit: 'message',
      videoBlockMinutes: null,
      validityDays: null,
      scope: 'customer',
      opensTicket: true,
      lowBalanceAt: null,
      active: true,
      ...more,
    }),
  );
}

export async function receive(ctx: Context, store: Store, topic: string, body: string): Promise<string> {
  const delivery = await storeDelivery(ctx.db, momentOf(ctx, systemActor), {
    storeId: store.id,
    topic,
    headers: { 'x-wc-webhook-topic': topic },
    body: Buffer.from(body),
  });
  return delivery.id;
}

/** Works the inbox off with `workers` workers at once, moving the clock over waits, until nothing is pending. */
export async function drainInbox(ctx: Context & { clock: SetClock }, workers = 1): Promise<void> {
  for (let round = 0; round < 1000; round++) {
    const handled = await Promise.all(
      Array.from({ length: workers }, () => processDeliveries(ctx, { limit: 7 })),
    );
    if (handled.some((n) => n > 0)) continue;
    const pending = (await ctx.db('deliveries').where({ status: 'pending' }).count({ n: '*' }).first())?.n;
    if (Number(pending) === 0) return;
    ctx.clock.advance(1);
  }
  throw new Error('the inbox does not drain');
}

/** An order as the block checkout sends it, with what the test cares about. */
export function orderJson(order: {
  id: number;
  status?: string;
  modified?: string;
  paid?: string | null;
  created?: string;
  email?: string;
  customerId?: number;
  phone?: string;
  note?: string;
  language?: string;
  refunds?: { id: number; total: string }[];
  lines?: { id: number; sku?: string | null; productId?: number; variationId?: number; quantity?: number }[];
}): string {
  const status = order.status ?? 'processing';
  const created = order.created ?? '2026-11-20T10:00:00';
  const isPaid = ['processing', 'completed', 'refunded'].includes(status);
  return JSON.stringify({
    id: order.id,
    number: String(order.id),
    status,
    currency: 'EUR',
    total: '29.00',
    date_created_gmt: created,
    date_modified_gmt: order.modified ?? '2026-11-20T10:00:01',
    date_paid_gmt: order.paid === undefined ? (isPaid ? created : null) : order.paid,
    customer_id: order.customerId ?? 0,
    billing: {
      first_name: 'Alice',
      last_name: 'Kupec',
      email: order.email ?? 'alice@example.com',
      phone: order.phone ?? '041 555 100',
      country: 'SI',
    },
    customer_note: order.note ?? '',
    // As WPML leaves it; else the country says.
    meta_data: order.language ? [{ key: 'wpml_language', value: order.language }] : [],
    line_items: (order.lines ?? [{ id: 1 }]).map((line) => ({
      id: line.id,
      name: `Podpora ${line.sku ?? line.productId ?? 'SUP'}`,
      product_id: line.productId ?? 0,
      variation_id: line.variationId ?? 0,
      sku: line.sku === undefined ? 'SUP' : line.sku,
      quantity: line.quantity ?? 1,
    })),
    refunds: order.refunds ?? [],
  });
}

export async function counters(
  ctx: Context,
  customerId: string,
): Promise<Partial<Record<(typeof METERS)[number], Amounts>>> {
  const all = await balanceOf(ctx.db, customerId);
  return Object.fromEntries(METERS.filter((m) => all[m].granted > 0).map((m) => [m, all[m]]));
}

export async function expectSoundLedger(ctx: Context): Promise<void> {
  expect((await verifyLedger(ctx.db)).problems).toEqual([]);
}
