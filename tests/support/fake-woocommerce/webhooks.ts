import { createHash, createHmac } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { decode } from 'entities';
import { phpJson, type Shapes } from './json';
import type { Shop } from './shop';
import type { ShopEvent, Webhook } from './types';

/** One POST as it leaves the store. */
export interface Delivery {
  webhookId: number;
  topic: string;
  resourceId: number;
  url: string;
  headers: [string, string][];
  body: string;
}

/** What was answered; 0: nothing (refused, cut off, too late). */
export interface Attempt extends Delivery {
  status: number;
}

/**
 * What becomes of a delivery on its way.
 * lose:  the queue runner died: never sent, and not counted as a failure
 * fail:  the network lost it: counted as a failure
 * twice: a proxy sent it again
 * hold:  arrives late, with the body of now: see releaseHeld()
 */
export type Fate = 'deliver' | 'lose' | 'fail' | 'twice' | 'hold';

const TIMEOUT_MS = 60_000;
const PING_TIMEOUT_MS = 5_000;
/** Measured: failure 1 to 6 count up, the 7th disables. */
const FAILURES_KEPT = 6;
const AGENT = 'WooCommerce/11.0.1 Hookshot (WordPress/7.1)';
const COMMON: [string, string][] = [
  ['User-Agent', AGENT],
  ['Accept', '*/*'],
  ['Accept-Encoding', 'deflate, gzip, br, zstd'],
];

export const TOPICS = ['order', 'product', 'customer', 'coupon']
  .flatMap((resource) => ['created', 'updated', 'deleted', 'restored'].map((event) => `${resource}.${event}`))
  .filter((topic) => topic !== 'customer.restored')
  .concat('product.published');

/** Events become queued actions, merged; actions become signed POSTs, once. */
export class Webhooks {
  readonly all = new Map<number, Webhook>();
  /** Everything that was tried, pings not included; `keepLog = false` for long simulations. */
  readonly log: Attempt[] = [];
  keepLog = true;
  /** Decides about each delivery; a simulation puts its dice here. */
  fate: (delivery: Delivery) => Fate = () => 'deliver';
  /** How a POST gets there; default: over the network, redirects not followed. Answers the status. */
  transport: (delivery: Delivery) => Promise<number> = (delivery) =>
    post(delivery.url, delivery.headers, delivery.body, TIMEOUT_MS);
  timeoutMs = TIMEOUT_MS;
  pingTimeoutMs = PING_TIMEOUT_MS;
  private pending: { webhookId: number; resourceId: number }[] = [];
  private held: Delivery[] = [];
  private nextId = 0;

  constructor(
    private readonly shop: Shop,
    private readonly shapes: Shapes,
    private readonly source: () => string,
  ) {
    shop.onEvent = (event) => this.enqueue(event);
  }

  get queued(): number {
    return this.pending.length;
  }

  get heldBack(): number {
    return this.held.length;
  }

  /** As an admin, or a REST POST: sends a ping where it is active. */
  async create(input: {
    topic: string;
    deliveryUrl: string;
    secret?: string;
    name?: string;
    status?: Webhook['status'];
  }): Promise<Webhook> {
    const webhook: Webhook = {
      id: ++this.nextId,
      name: input.name ?? `Webhook created on ${this.shop.now().toDateString()}`,
      status: input.status ?? 'active',
      topic: input.topic,
      deliveryUrl: input.deliveryUrl,
      // Left out: one that nobody can ever read.
      secret: input.secret || this.shop.hash() + this.shop.hash(18),
      failureCount: 0,
      pingPending: true,
      ownerLostRights: false,
      createdAt: this.shop.seconds(),
      modifiedAt: null,
    };
    this.all.set(webhook.id, webhook);
    if (webhook.status === 'active') await this.ping(webhook);
    return webhook;
  }

  /** Re-activating does not reset the failure count; only a new address is pinged. */
  async change(
    webhook: Webhook,
    changes: Partial<Pick<Webhook, 'status' | 'topic' | 'deliveryUrl' | 'secret' | 'name'>>,
  ): Promise<void> {
    const moved = changes.deliveryUrl !== undefined && changes.deliveryUrl !== webhook.deliveryUrl;
    Object.assign(webhook, changes, { modifiedAt: this.shop.seconds() });
    if (!moved) return;
    webhook.pingPending = true;
    await this.ping(webhook);
  }

  delete(id: number): void {
    this.all.delete(id);
  }

  private enqueue(event: ShopEvent): void {
    const topic = `${event.resource}.${event.event}`;
    for (const webhook of this.all.values()) {
      // While it is paused or disabled events are lost, not queued.
      if (webhook.status !== 'active' || webhook.topic !== topic) continue;
      const same = (each: (typeof this.pending)[number]) =>
        each.webhookId === webhook.id && each.resourceId === event.id;
      if (!this.pending.some(same)) this.pending.push({ webhookId: webhook.id, resourceId: event.id });
    }
  }

  /** WP-Cron comes by: delivers one by one what is due. Answers how many were tried. */
  async run(limit = Number.POSITIVE_INFINITY): Promise<number> {
    let tried = 0;
    while (tried < limit) {
      // Taken out before it is sent: an event during a running delivery is queued again.
      const action = this.pending.shift();
      if (!action) break;
      const webhook = this.all.get(action.webhookId);
      // Not measured for actions that were queued before the webhook was disabled; loss is the harsher guess.
      if (webhook?.status !== 'active') continue;
      tried += 1;
      await this.deliver(webhook, action.resourceId);
    }
    if (this.pending.length === 0) this.shop.forgetDebugMeta();
    return tried;
  }

  private async deliver(webhook: Webhook, resourceId: number): Promise<void> {
    const delivery = this.prepare(webhook, resourceId);
    const fate = this.fate(delivery);
    if (fate === 'lose') return;
    if (fate === 'hold') {
      this.held.push(delivery);
      return;
    }
    let status = fate === 'fail' ? 0 : await this.send(delivery);
    if (fate === 'twice') status = await this.send(delivery);
    this.count(webhook, status);
    if (webhook.pingPending) await this.ping(webhook);
  }

  /** What was held back arrives now, in the order given (default: as it was held). */
  async releaseHeld(order: (held: Delivery[]) => Delivery[] = (held) => held): Promise<number> {
    const late = order(this.held.splice(0));
    for (const delivery of late) {
      const status = await this.send(delivery);
      const webhook = this.all.get(delivery.webhookId);
      if (webhook) this.count(webhook, status);
    }
    return late.length;
  }

  private async send(delivery: Delivery): Promise<number> {
    const status = await this.transport(delivery).catch(() => 0);
    if (this.keepLog) this.log.push({ ...delivery, status });
    return status;
  }

  private count(webhook: Webhook, status: number): void {
    webhook.modifiedAt = this.shop.seconds();
    // 300 to 302 count as well, though nobody followed them: the data is lost silently.
    if (status >= 200 && status <= 302) webhook.failureCount = 0;
    else if (webhook.failureCount >= FAILURES_KEPT) webhook.status = 'disabled';
    else webhook.failureCount += 1;
  }

  private prepare(webhook: Webhook, resourceId: number): Delivery {
    const body = phpJson(this.payload(webhook, resourceId));
    const [resource = '', event = ''] = webhook.topic.split('.');
    const second = this.shop.seconds();
    const headers: [string, string][] = [
      ...COMMON,
      ['Content-Type', 'application/json'],
      ['X-WC-Webhook-Source', `${this.source()}/`],
      ['X-WC-Webhook-Topic', webhook.topic],
      ['X-WC-Webhook-Resource', resource],
      ['X-WC-Webhook-Event', event],
      ['X-WC-Webhook-Signature', sign(body, webhook.secret)],
      ['X-WC-Webhook-ID', String(webhook.id)],
      // Not unique: of the webhook and the second.
      ['X-WC-Webhook-Delivery-ID', createHash('md5').update(`${webhook.id}${second}`).digest('hex')],
      ['Connection', 'close'],
      ['Content-Length', String(Buffer.byteLength(body))],
    ];
    return {
      webhookId: webhook.id,
      topic: webhook.topic,
      resourceId,
      url: webhook.deliveryUrl,
      headers,
      body,
    };
  }

  /** Built at delivery, so it shows the state of now, or an error where that cannot be read. */
  private payload(webhook: Webhook, id: number): unknown {
    const [resource, event] = webhook.topic.split('.');
    if (event === 'deleted') return { id };
    if (webhook.ownerLostRights) {
      return {
        code: 'woocommerce_rest_cannot_view',
        message: 'Sorry, you cannot view this resource.',
        data: { status: 403 },
      };
    }
    const { shop, shapes } = this;
    const order = resource === 'order' ? shop.orders.get(id) : undefined;
    if (order) return shapes.order(order);
    const product = resource === 'product' ? shop.products.get(id) : undefined;
    if (product) return shapes.product(product);
    const customer = resource === 'customer' ? shop.customers.get(id) : undefined;
    if (customer) return shapes.customer(customer);
    const coupon = resource === 'coupon' ? shop.coupons.get(id) : undefined;
    if (coupon) return shapes.coupon(coupon);
    const kind = resource === 'customer' || resource === 'product' ? resource : `shop_${resource}`;
    return { code: `woocommerce_rest_${kind}_invalid_id`, message: 'Invalid ID.', data: { status: 404 } };
  }

  /** Unsigned and without X-WC headers; follows redirects, unlike deliveries. */
  private async ping(webhook: Webhook): Promise<void> {
    const body = `webhook_id=${webhook.id}`;
    const headers: [string, string][] = [
      ...COMMON,
      ['Connection', 'close'],
      ['Content-Length', String(body.length)],
      ['Content-Type', 'application/x-www-form-urlencoded'],
    ];
    const status = await post(webhook.deliveryUrl, headers, body, this.pingTimeoutMs, 5).catch(() => 0);
    if (status === 200) webhook.pingPending = false;
  }
}

/** The secret is kept with HTML entities decoded. */
export function sign(body: string, secret: string): string {
  return createHmac('sha256', decode(secret)).update(body).digest('base64');
}

function post(
  url: string,
  headers: [string, string][],
  body: string,
  timeoutMs: number,
  redirects = 0,
): Promise<number> {
  const target = new URL(url);
  return new Promise((resolve, reject) => {
    const options = { method: 'POST', agent: false, headers: [['Host', target.host], ...headers].flat() };
    const secure = target.protocol === 'https:';
    const req = secure
      ? httpsRequest(target, { ...options, rejectUnauthorized: false })
      : httpRequest(target, options);
    const late = setTimeout(() => req.destroy(new Error('time-out')), timeoutMs);
    req.once('close', () => clearTimeout(late));
    req.once('error', reject);
    req.once('response', (res) => {
      res.resume();
      res.once('error', reject);
      res.once('end', () => {
        const to = res.headers.location;
        const status = res.statusCode ?? 0;
        if (redirects === 0 || to === undefined || status < 300 || status > 308) return resolve(status);
        post(new URL(to, target).href, headers, body, timeoutMs, redirects - 1).then(resolve, reject);
      });
    });
    req.end(body);
  });
}
