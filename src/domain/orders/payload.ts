import { decode } from 'entities';
import { z } from 'zod';
import { limits } from '../../platform/limits';
import { sha256Hex } from '../../platform/secrets';

/**
 * What a WooCommerce body says, as far as Zeton needs it. Shapes were measured on a real store; texts are decoded
 * (the block checkout sends `&amp;`), never trusted as HTML.
 */
export interface OrderPayload {
  wooId: number;
  number: string;
  status: string;
  currency: string | null;
  total: string | null;
  /** `YYYY-MM-DDTHH:MM:SS`, GMT without zone, as WooCommerce writes it. */
  dateCreatedGmt: string | null;
  dateModifiedGmt: string;
  datePaidGmt: string | null;
  wooCustomerId: number | null;
  billing: { name: string; email: string; phone: string; country: string };
  customerNote: string;
  meta: { key: string; value: unknown }[];
  lines: LinePayload[];
  refundCount: number;
}

export interface LinePayload {
  wooLineId: number;
  name: string;
  productId: number;
  variationId: number;
  sku: string | null;
  quantity: number;
}

export type Body =
  | { kind: 'order'; order: OrderPayload }
  | { kind: 'deleted'; wooId: number }
  /** WooCommerce signs its own error answers, e.g. when the order was gone at delivery. */
  | { kind: 'error'; code: string; message: string }
  | { kind: 'unreadable'; reason: string };

/** PostgreSQL keeps no NUL in a text, and nobody misses it. */
const NUL = String.fromCharCode(0);
const withoutNul = (value: string) => value.replaceAll(NUL, '');
const text = z
  .union([z.string(), z.number(), z.null(), z.undefined()])
  .transform((v) => withoutNul(String(v ?? '')));
const plain = text.transform((v) => decode(v).trim().slice(0, limits.subjectChars));
const id = z.union([z.number().int().nonnegative(), z.null(), z.undefined()]).transform((v) => v ?? 0);
const date = z.union([z.string(), z.null(), z.undefined()]).transform((v) => (v ? dateIn(v) : null));
/** Only what the calendar has. */
function dateIn(value: string): string | null {
  const date = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/.exec(value)?.[0] ?? null;
  return date !== null && Number.isFinite(Date.parse(`${date}Z`)) ? date : null;
}

const meta = z
  .array(z.looseObject({ key: z.string(), value: z.unknown() }))
  .catch([])
  .transform((items) => items.map(({ key, value }) => ({ key, value })));

const line = z
  .looseObject({
    id: z.number().int().positive(),
    name: plain,
    product_id: id,
    variation_id: id,
    sku: z.union([z.string(), z.null(), z.undefined()]),
    quantity: z.union([z.number(), z.string().transform(Number), z.null().transform(() => 0)]),
  })
  .transform(
    (raw): LinePayload => ({
      wooLineId: raw.id,
      name: raw.name,
      productId: raw.product_id,
      variationId: raw.variation_id,
      sku: raw.sku == null ? null : withoutNul(raw.sku),
      quantity: Number.isFinite(raw.quantity) ? Math.max(0, raw.quantity) : 0,
    }),
  );

const billing = z
  .looseObject({
    first_name: plain,
    last_name: plain,
    company: plain,
    email: text,
    phone: text,
    country: text,
  })
  .partial()
  .catch({})
  .transform((raw) => ({
    name: [raw.first_name, raw.last_name].filter(Boolean).join(' ') || (raw.company ?? ''),
    email: (raw.email ?? '').trim().slice(0, 254),
    phone: (raw.phone ?? '').trim().slice(0, 40),
    country: (raw.country ?? '').slice(0, 2).toUpperCase(),
  }));

const order = z
  .looseObject({
    id: z.number().int().positive(),
    number: text,
    status: z.string().min(1),
    currency: z.string().nullish(),
    total: text,
    date_created_gmt: date,
    date_modified_gmt: date,
    date_paid_gmt: date,
    customer_id: id,
    billing,
    customer_note: z.string().catch(''),
    meta_data: meta,
    line_items: z.union([z.array(line), z.null().transform((): LinePayload[] => [])]),
    refunds: z.array(z.unknown()).catch([]),
  })
  .transform(
    (raw): OrderPayload => ({
      wooId: raw.id,
      number: raw.number || String(raw.id),
      status: withoutNul(raw.status).replace(/^wc-/, ''),
      currency: raw.currency == null ? null : withoutNul(raw.currency),
      total: raw.total || null,
      dateCreatedGmt: raw.date_created_gmt,
      dateModifiedGmt: raw.date_modified_gmt ?? raw.date_created_gmt ?? '',
      datePaidGmt: raw.date_paid_gmt,
      wooCustomerId: raw.customer_id > 0 ? raw.customer_id : null,
      billing: raw.billing,
      customerNote: withoutNul(raw.customer_note).slice(0, limits.messageBodyChars),
      meta: raw.meta_data,
      lines: raw.line_items,
      refundCount: raw.refunds.length,
    }),
  );

/** Reads a body that came under an order topic, or from the REST interface (no topic). Never throws. */
export function readOrderBody(json: string, topic = ''): Body {
  let data: unknown;
  try {
    data = JSON.parse(json);
  } catch {
    return { kind: 'unreadable', reason: 'The body is not JSON.' };
  }
  if (typeof data !== 'object' || data === null || Array.isArray(data)) {
    return { kind: 'unreadable', reason: 'The body is JSON, but not an object.' };
  }
  if (isDeeperThan(data, limits.webhookJsonDepth)) {
    return {
      kind: 'unreadable',
      reason: `The body is nested deeper than ${limits.webhookJsonDepth} levels.`,
    };
  }
  const fields = data as Record<string, unknown>;
  if (typeof fields.code === 'string' && typeof fields.message === 'string' && !('line_items' in fields)) {
    return {
      kind: 'error',
      code: withoutNul(fields.code).slice(0, 100),
      message: withoutNul(fields.message).slice(0, 200),
    };
  }
  if (topic === 'order.deleted') {
    return Number.isSafeInteger(fields.id) && (fields.id as number) > 0
      ? { kind: 'deleted', wooId: fields.id as number }
      : { kind: 'unreadable', reason: 'The body names no order.' };
  }
  const parsed = order.safeParse(data);
  if (parsed.success) return { kind: 'order', order: parsed.data };
  const issue = parsed.error.issues[0];
  return {
    kind: 'unreadable',
    reason: `The body is not an order: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'unknown'}.`,
  };
}

/** Walks with a list of its own: a body of a million brackets must not overflow the stack. */
function isDeeperThan(root: object, depthMax: number): boolean {
  let level: object[] = [root];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > depthMax) return true;
    level = level.flatMap((node) =>
      Object.values(node).filter((v): v is object => typeof v === 'object' && v !== null),
    );
  }
  return false;
}

/**
 * The same state of an order has the same hash, by webhook or by REST: keys are sorted, and hypermedia links and
 * presentation (which depend on who asks) are left out.
 */
export function contentSha256(json: string): string {
  const data = JSON.parse(json) as Record<string, unknown>;
  const { _links, ...content } = data;
  return sha256Hex(JSON.stringify(sorted(content)));
}

/** Of what Zeton acts on: plugins change meta in the same second without changing what was bought. */
export function factsSha256(order: OrderPayload): string {
  const { status, datePaidGmt, refundCount, wooCustomerId, billing, lines } = order;
  return sha256Hex(JSON.stringify([status, datePaidGmt, refundCount, wooCustomerId, billing, lines]));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, child]) => [key, sorted(child)]),
  );
}

export interface Refund {
  id: number;
  /** Refunded quantity by order line id; empty for a refund of money only. */
  quantities: Record<string, number>;
}

const refund = z.looseObject({
  id: z.number().int(),
  line_items: z.array(
    z.looseObject({
      quantity: z.number(),
      meta_data: z.array(z.looseObject({ key: z.string(), value: z.unknown() })),
    }),
  ),
});

/** Reads the REST list of an order's refunds. Throws on anything that is not one: it is read again later. */
export function readRefundsBody(json: string): Refund[] {
  return z
    .array(refund)
    .parse(JSON.parse(json))
    .map((raw) => {
      const quantities: Record<string, number> = {};
      for (const item of raw.line_items) {
        const lineId = item.meta_data.find((entry) => entry.key === '_refunded_item_id')?.value;
        const quantity = Math.max(0, -item.quantity);
        if (quantity === 0 || (typeof lineId !== 'string' && typeof lineId !== 'number')) continue;
        quantities[String(lineId)] = (quantities[String(lineId)] ?? 0) + quantity;
      }
      return { id: raw.id, quantities };
    });
}
