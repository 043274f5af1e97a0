import type { Asker } from './auth';
import type { Shapes } from './json';
import type { Shop } from './shop';
import type { Address, LineInput, Order, Product, Webhook } from './types';
import { TOPICS, type Webhooks } from './webhooks';

type Json = Record<string, unknown>;

export interface RestRequest {
  method: string;
  /** Below /wp-json/wc/v3/, without slashes around it. */
  path: string;
  query: URLSearchParams;
  rawQuery: string;
  body: string;
  asker: Asker;
}

export interface RestAnswer {
  status: number;
  body: unknown;
  headers?: [string, string][];
}

/** What is thrown to be answered. */
class RestError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly data: unknown = { status },
  ) {
    super(message);
  }
}

const API = '/wp-json/wc/v3';
const ORDER_BY = ['date', 'modified', 'id', 'include', 'title', 'slug'];

/** wc/v3 as far as anything of Zeton asks for it. */
export class Rest {
  /** In which order rows of one second come; MySQL promises none, and may give each page another. */
  ties: 'steady' | 'shuffled' = 'steady';
  private sorted: { version: number; by: string; orders: Order[] } = { version: -1, by: '', orders: [] };

  constructor(
    private readonly shop: Shop,
    private readonly shapes: Shapes,
    private readonly webhooks: Webhooks,
    private readonly base: () => string,
    private readonly hpos: boolean,
  ) {}

  async answer(request: RestRequest): Promise<RestAnswer> {
    try {
      const answer = await this.route(request);
      return { ...answer, body: withFields(answer.body, request.query.get('_fields')) };
    } catch (error) {
      if (!(error instanceof RestError)) throw error;
      const { status, code, message, data } = error;
      const known = !['rest_no_route'].includes(code) && status !== 401;
      const allow = known ? this.allow(request.path) : [];
      const vary: [string, string][] =
        status === 401 && !message.includes('permissions') ? [['Vary', 'Origin']] : [];
      return { status, body: { code, message, data }, headers: [...vary, ...allow] };
    }
  }

  private allow(path: string): [string, string][] {
    const isOne = /\/\d+$/.test(path) && !/\/(refunds|notes)\//.test(path);
    return [['Allow', isOne ? 'GET, POST, PUT, PATCH, DELETE' : 'GET, POST']];
  }

  private async route(request: RestRequest): Promise<RestAnswer> {
    const { method, path } = request;
    if ('refused' in request.asker) throw authenticationError(request.asker.refused);
    const write = method !== 'GET';
    const { key } = request.asker;
    if (key && write && key.permissions === 'read') {
      throw authenticationError('The API key provided does not have write permissions.');
    }
    if (key && !write && key.permissions === 'write') {
      throw authenticationError('The API key provided does not have read permissions.');
    }
    const [resource = '', id, below, belowId] = path.split('/');
    const known = [
      'orders',
      'products',
      'customers',
      'coupons',
      'webhooks',
      'system_status',
      'settings',
      'data',
      '',
    ];
    if (!known.includes(resource)) throw noRoute();
    if (!key && resource !== '')
      throw forbidden(method, id === undefined || id === 'batch' || below !== undefined);
    const body = bodyOf(request);
    const found: RestAnswer =
      resource === 'orders'
        ? this.orders(request, body, id, below, belowId)
        : resource === 'products'
          ? this.products(request, id, below, belowId)
          : resource === 'customers'
            ? this.people(request, body, id)
            : resource === 'coupons'
              ? this.coupons(request, body, id)
              : resource === 'webhooks'
                ? await this.hooks(request, body, id)
                : this.about(path);
    return { ...found, headers: [...(found.headers ?? []), ...this.allow(path)] };
  }

  // Orders

  private orders(
    request: RestRequest,
    body: Json,
    idText?: string,
    below?: string,
    belowId?: string,
  ): RestAnswer {
    const { method } = request;
    if (idText === undefined) return method === 'GET' ? this.listOrders(request) : this.createOrder(body);
    const order = this.shop.orders.get(Number(idText));
    if (!order) throw invalidId('shop_order');
    if (below === 'refunds') return this.refunds(request, order, body, belowId);
    if (below === 'notes') return this.notes(request, order, body);
    if (below !== undefined) throw noRoute();
    if (method === 'PUT' || method === 'POST') this.putOrder(order, body);
    if (method === 'DELETE') {
      const answer = this.shapes.order(order);
      if (request.query.get('force') === 'true') this.shop.delete(order.id);
      else this.shop.trash(order.id);
      return { status: 200, body: answer };
    }
    return { status: 200, body: this.shapes.order(order) };
  }

  private listOrders(request: RestRequest): RestAnswer {
    const { query } = request;
    const { shop } = this;
    const page = pageOf(query);
    const by = oneOf(query, 'orderby', ORDER_BY, 'date');
    const direction = oneOf(query, 'order', ['asc', 'desc'], 'desc');
    const statuses = listOf(query, 'status');
    const allowed = ['any', 'trash', 'auto-draft', ...shop.statuses];
    if (statuses.some((status) => !allowed.includes(status))) {
      throw invalidParam('status', 'rest_not_in_enum', `status[0] is not one of ${sentence(allowed)}.`);
    }
    const isAny = statuses.length === 0 || statuses.includes('any');
    const bounds = {
      modified_after: this.bound(query, 'modified_after'),
      modified_before: this.bound(query, 'modified_before'),
      after: this.bound(query, 'after'),
      before: this.bound(query, 'before'),
    };
    const include = listOf(query, 'include').map(Number);
    const customer = query.get('customer');
    const product = query.get('product');
    const search = query.get('search')?.toLowerCase();
    const matching = this.inOrder(by).filter((order) => {
      const visible = order.status !== 'trash' && order.status !== 'checkout-draft';
      if (!(isAny && visible) && !statuses.includes(order.status)) return false;
      // Strictly later, and to the second.
      if (bounds.modified_after !== null && order.modifiedAt <= bounds.modified_after) return false;
      if (bounds.modified_before !== null && order.modifiedAt >= bounds.modified_before) return false;
      if (bounds.after !== null && order.createdAt <= bounds.after) return false;
      if (bounds.before !== null && order.createdAt >= bounds.before) return false;
      if (include.length > 0 && !include.includes(order.id)) return false;
      if (customer !== null && order.customerId !== Number(customer)) return false;
      if (product !== null && !order.lines.some((line) => line.productId === Number(product))) return false;
      if (search && !`${order.id} ${Object.values(order.billing).join(' ')}`.toLowerCase().includes(search))
        return false;
      return true;
    });
    if (direction === 'desc') matching.reverse();
    if (this.ties === 'shuffled' && by !== 'id') shuffleTies(matching, by, page.number);
    return this.paged(request, matching, page, (order) => this.shapes.order(order), true);
  }

  /** Kept while no order changes: a walk over 50,000 of them asks 500 times. */
  private inOrder(by: string): Order[] {
    if (this.sorted.version !== this.shop.ordersVersion || this.sorted.by !== by) {
      const orders = [...this.shop.orders.values()];
      const at = (order: Order) =>
        by === 'modified' ? order.modifiedAt : by === 'date' ? order.createdAt : 0;
      orders.sort((a, b) => at(a) - at(b) || a.id - b.id);
      this.sorted = { version: this.shop.ordersVersion, by, orders };
    }
    return this.sorted.orders;
  }

  /**
   * A bare time is store local, or GMT with dates_are_gmt. With Z and dates_are_gmt it is shifted by the store's offset:
   * the trap.
   */
  private bound(query: URLSearchParams, name: string): number | null {
    const text = query.get(name);
    if (text === null) return null;
    if (!/^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)?$/.test(text)) {
      throw invalidParam(name, 'rest_invalid_date', 'Invalid date.');
    }
    const zoned = /(Z|[+-]\d\d:?\d\d)$/.test(text);
    const seconds = Math.floor(Date.parse(zoned ? text : `${text}Z`) / 1000);
    const isGmt = ['true', '1'].includes(query.get('dates_are_gmt') ?? '');
    const offset = this.shop.offsetAt(seconds);
    if (zoned) return isGmt ? seconds + offset : seconds;
    return isGmt ? seconds : seconds - offset;
  }

  private createOrder(body: Json): RestAnswer {
    const id = this.shop.buy({
      via: 'rest',
      payment:
        body.payment_method === 'cod' || body.payment_method === 'bacs' ? body.payment_method : 'testcard',
      outcome: body.set_paid === true ? 'paid' : 'pending',
      billing: { ...EMPTY, ...(body.billing as Partial<Address>) },
      lines: linesIn(body),
      note: textIn(body.customer_note),
      customerId: typeof body.customer_id === 'number' ? body.customer_id : undefined,
      currency: typeof body.currency === 'string' ? body.currency : undefined,
      meta: metaIn(body),
    });
    return this.created(`orders/${id}`, this.shapes.order(this.shop.order(id)));
  }

  private putOrder(order: Order, body: Json): void {
    if (typeof body.status === 'string' && !this.shop.statuses.includes(body.status)) {
      const names = ['auto-draft', ...this.shop.statuses];
      throw invalidParam('status', 'rest_not_in_enum', `status is not one of ${sentence(names)}.`);
    }
    const lines = (body.line_items as Json[] | undefined) ?? [];
    const known = lines.filter((line) => typeof line.id === 'number');
    const pays = body.set_paid === true && ['pending', 'failed'].includes(order.status);
    if (pays) order.paidAt ??= this.shop.seconds();
    this.shop.edit(order.id, {
      status: typeof body.status === 'string' ? body.status : pays ? 'processing' : undefined,
      billing: body.billing as Partial<Address>,
      note: typeof body.customer_note === 'string' ? body.customer_note : undefined,
      customerId: typeof body.customer_id === 'number' ? body.customer_id : undefined,
      quantities: Object.fromEntries(
        known.filter((line) => Number(line.quantity) > 0).map((line) => [line.id, Number(line.quantity)]),
      ),
      totals: Object.fromEntries(
        known.filter((line) => line.total !== undefined).map((line) => [line.id, Number(line.total)]),
      ),
      remove: known
        .filter((line) => line.product_id === null || line.quantity === 0)
        .map((line) => Number(line.id)),
      add: linesIn({ line_items: lines.filter((line) => line.id === undefined) }),
      meta: metaIn(body),
    });
  }

  private refunds(request: RestRequest, order: Order, body: Json, belowId?: string): RestAnswer {
    const show = (refund: Order['refunds'][number]) => this.shapes.refund(order, refund);
    if (belowId !== undefined) {
      const refund = order.refunds.find(({ id }) => id === Number(belowId));
      if (!refund) throw invalidId('shop_order_refund');
      if (request.method === 'DELETE') this.shop.deleteRefund(order.id, refund.id);
      return { status: 200, body: show(refund) };
    }
    if (request.method === 'GET') {
      return this.paged(request, [...order.refunds].reverse(), pageOf(request.query), show);
    }
    const amount = Number(body.amount ?? 0);
    if (amount < 0 || amount > this.shop.total(order) - this.shop.refunded(order) + 0.004) {
      throw new RestError(500, 'woocommerce_rest_cannot_create_order_refund', 'Invalid refund amount.', 500);
    }
    const id = this.shop.refund(order.id, {
      amount,
      reason: textIn(body.reason),
      lines: ((body.line_items as Json[] | undefined) ?? []).map((line) => ({
        lineId: Number(line.id),
        quantity: Number(line.quantity ?? 0),
        total: Number(line.refund_total ?? 0),
      })),
    });
    const refund = order.refunds.find((each) => each.id === id);
    // The real one forgets to fill in its own pattern.
    return this.created(`orders/(?P<order_id>[\\d]+)/refunds/${id}`, refund && show(refund));
  }

  private notes(request: RestRequest, order: Order, body: Json): RestAnswer {
    if (request.method === 'GET') {
      return { status: 200, body: [...order.notes].reverse().map((note) => this.shapes.note(order, note)) };
    }
    if (typeof body.note !== 'string' || body.note === '') throw missingParam('note');
    const note = this.shop.addNote(order.id, body.note, body.customer_note === true);
    return this.created(`orders/${order.id}/notes/${note.id}`, this.shapes.note(order, note));
  }

  // Catalogue

  private products(request: RestRequest, idText?: string, below?: string, belowId?: string): RestAnswer {
    const { shop, shapes } = this;
    if (idText === undefined) return this.listProducts(request);
    const product = shop.products.get(Number(idText));
    if (!product) throw invalidId('product');
    if (below === undefined) return { status: 200, body: shapes.product(product) };
    if (below !== 'variations') throw noRoute();
    const variations = product.variationIds.flatMap((id) => shop.products.get(id) ?? []).reverse();
    if (belowId === undefined) {
      return this.paged(request, variations, pageOf(request.query), (each) => shapes.variation(each));
    }
    const one = variations.find(({ id }) => id === Number(belowId));
    if (!one) throw invalidId('product_variation');
    return { status: 200, body: shapes.variation(one) };
  }

  private listProducts(request: RestRequest): RestAnswer {
    const { query } = request;
    const skus = listOf(query, 'sku');
    const include = listOf(query, 'include').map(Number);
    const search = query.get('search')?.toLowerCase();
    const type = query.get('type');
    const status = query.get('status') ?? 'any';
    const matches = (product: Product) =>
      (status === 'any' ? product.status !== 'trash' : product.status === status) &&
      // Variations are found by sku only.
      (skus.length > 0 ? skus.includes(product.sku) : product.parentId === 0) &&
      (include.length === 0 || include.includes(product.id)) &&
      (type === null || product.type === type) &&
      (!search || `${product.name} ${product.description}`.toLowerCase().includes(search));
    const found = [...this.shop.products.values()].filter(matches);
    const direction = oneOf(query, 'order', ['asc', 'desc'], 'desc');
    const key = (product: Product) => (query.get('orderby') === 'title' ? product.name.toLowerCase() : '');
    found.sort((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : a.id - b.id));
    if (direction === 'desc') found.reverse();
    return this.paged(request, found, pageOf(query), (product) => this.shapes.product(product));
  }

  private people(request: RestRequest, body: Json, idText?: string): RestAnswer {
    const { shop, shapes } = this;
    if (idText !== undefined) {
      const customer = shop.customers.get(Number(idText));
      if (!customer) throw invalidId('customer');
      return { status: 200, body: shapes.customer(customer) };
    }
    if (request.method === 'POST') {
      const id = shop.addCustomer({
        ...EMPTY,
        ...(body.billing as Partial<Address>),
        email: textIn(body.email),
      });
      const made = shop.customers.get(id);
      return this.created(`customers/${id}`, made && shapes.customer(made));
    }
    const email = request.query.get('email')?.toLowerCase();
    const found = [...shop.customers.values()].filter((each) => !email || each.email.toLowerCase() === email);
    return this.paged(request, found, pageOf(request.query), (each) => shapes.customer(each));
  }

  private coupons(request: RestRequest, body: Json, idText?: string): RestAnswer {
    const { shop, shapes } = this;
    if (idText !== undefined) {
      const coupon = shop.coupons.get(Number(idText));
      if (!coupon) throw invalidId('shop_coupon');
      return { status: 200, body: shapes.coupon(coupon) };
    }
    const byCode = (code: string) =>
      [...shop.coupons.values()].filter((each) => each.code === code.toLowerCase());
    if (request.method === 'POST') {
      if (typeof body.code !== 'string') throw missingParam('code');
      if (byCode(body.code).length > 0) {
        const code = 'woocommerce_rest_coupon_code_already_exists';
        throw new RestError(400, code, 'The coupon code already exists');
      }
      const coupon = shop.addCoupon(body as Json & { code: string });
      return this.created(`coupons/${coupon.id}`, shapes.coupon(coupon));
    }
    const code = request.query.get('code');
    const found = code === null ? [...shop.coupons.values()].reverse() : byCode(code);
    return this.paged(request, found, pageOf(request.query), (each) => shapes.coupon(each));
  }

  // Webhooks

  private async hooks(request: RestRequest, body: Json, idText?: string): Promise<RestAnswer> {
    const { shapes, webhooks } = this;
    if (idText === 'batch') return this.hookBatch(body);
    if (idText === undefined) {
      if (request.method === 'POST') return this.createHook(body);
      const status = request.query.get('status') ?? 'all';
      const found = [...webhooks.all.values()]
        .reverse()
        .filter((each) => status === 'all' || each.status === status);
      return this.paged(request, found, pageOf(request.query), (each) => shapes.webhook(each));
    }
    const webhook = webhooks.all.get(Number(idText));
    if (!webhook) throw invalidId('shop_webhook');
    if (request.method === 'PUT' || request.method === 'POST') await this.changeHook(webhook, body);
    if (request.method === 'DELETE') {
      if (request.query.get('force') !== 'true') {
        throw new RestError(501, 'woocommerce_rest_trash_not_supported', 'Webhooks do not support trashing.');
      }
      webhooks.delete(webhook.id);
    }
    return { status: 200, body: shapes.webhook(webhook) };
  }

  private async createHook(body: Json): Promise<RestAnswer> {
    if (body.delivery_url === undefined) throw missingParam('delivery_url');
    checkHook(body, true);
    const webhook = await this.webhooks.create({
      topic: textIn(body.topic),
      deliveryUrl: textIn(body.delivery_url),
      secret: textIn(body.secret),
      name: typeof body.name === 'string' ? body.name : undefined,
      status: statusIn(body),
    });
    return this.created(`webhooks/${webhook.id}`, this.shapes.webhook(webhook));
  }

  private async changeHook(webhook: Webhook, body: Json): Promise<void> {
    checkHook(body, false);
    await this.webhooks.change(webhook, {
      ...(typeof body.name === 'string' ? { name: body.name } : {}),
      ...(typeof body.topic === 'string' ? { topic: body.topic } : {}),
      ...(typeof body.delivery_url === 'string' ? { deliveryUrl: body.delivery_url } : {}),
      ...(typeof body.secret === 'string' ? { secret: body.secret } : {}),
      ...(statusIn(body) ? { status: statusIn(body) } : {}),
    });
  }

  /** Each for itself: one that fails stands as an error among the answers. */
  private async hookBatch(body: Json): Promise<RestAnswer> {
    const { webhooks, shapes } = this;
    const each = async (items: unknown, act: (item: Json) => Promise<unknown>) => {
      const done: unknown[] = [];
      for (const item of (items as Json[] | undefined) ?? []) {
        const answer = await act(item).catch((error: unknown) => {
          if (!(error instanceof RestError)) throw error;
          return { id: item.id ?? 0, error: { code: error.code, message: error.message, data: error.data } };
        });
        done.push(answer);
      }
      return done;
    };
    const find = (id: unknown) => {
      const webhook = webhooks.all.get(Number(id));
      if (!webhook) throw invalidId('shop_webhook');
      return webhook;
    };
    const answer = {
      create: await each(body.create, async (item) => (await this.createHook(item)).body),
      update: await each(body.update, async (item) => {
        await this.changeHook(find(item.id), item);
        return shapes.webhook(find(item.id));
      }),
      delete: await each(
        (body.delete as unknown[] | undefined)?.map((id) => ({ id })),
        async ({ id }) => {
          const webhook = find(id);
          webhooks.delete(webhook.id);
          return shapes.webhook(webhook);
        },
      ),
    };
    const asked = Object.entries(answer).filter(([name]) => body[name] !== undefined);
    return { status: 200, body: Object.fromEntries(asked) };
  }

  // About the shop. Not recorded: from WooCommerce's own description of these endpoints.

  private about(path: string): RestAnswer {
    const { currency } = this.shop;
    if (path === '') return { status: 200, body: { namespace: 'wc/v3', routes: {} } };
    if (path === 'data/currencies/current') {
      return { status: 200, body: { code: currency, name: currency, symbol: '&euro;' } };
    }
    if (path === 'settings/general/woocommerce_currency') {
      return { status: 200, body: { id: 'woocommerce_currency', type: 'select', value: currency } };
    }
    if (path !== 'system_status') throw noRoute();
    return {
      status: 200,
      body: {
        environment: {
          home_url: this.base(),
          site_url: this.base(),
          version: '11.0.1',
          wp_version: '7.1',
          php_version: '8.2.36',
        },
        settings: {
          currency,
          currency_symbol: '&euro;',
          HPOS_enabled: this.hpos,
          order_datastore: 'Automattic\\WooCommerce\\Internal\\DataStores\\Orders\\OrdersTableDataStore',
        },
      },
    };
  }

  // Answers

  private created(path: string, body: unknown): RestAnswer {
    return { status: 201, body, headers: [['Location', `${this.base()}${API}/${path}`]] };
  }

  /** Beyond the last page of orders: nothing, and a total of 0. */
  private paged<T>(
    request: RestRequest,
    all: readonly T[],
    page: { number: number; size: number },
    show: (item: T) => unknown,
    forgetsTotal = false,
  ): RestAnswer {
    const pages = Math.ceil(all.length / page.size);
    const start = (page.number - 1) * page.size;
    const beyond = forgetsTotal && start >= all.length;
    const last = beyond ? 0 : pages;
    const headers: [string, string][] = [
      ['X-WP-Total', String(beyond ? 0 : all.length)],
      ['X-WP-TotalPages', String(last)],
    ];
    const links: string[] = [];
    // These echo how the request was signed.
    const link = (number: number, rel: string) => {
      const query = new URLSearchParams(request.rawQuery);
      query.set('page', String(number));
      links.push(`<${this.base()}${API}/${request.path}?${query.toString()}>; rel="${rel}"`);
    };
    if (page.number > 1) link(Math.min(page.number - 1, last), 'prev');
    if (page.number < last) link(page.number + 1, 'next');
    if (links.length > 0) headers.push(['Link', links.join(', ')]);
    return { status: 200, body: all.slice(start, start + page.size).map(show), headers };
  }
}

const EMPTY: Address = {
  first_name: '',
  last_name: '',
  company: '',
  address_1: '',
  address_2: '',
  city: '',
  state: '',
  postcode: '',
  country: '',
  email: '',
  phone: '',
};

function pageOf(query: URLSearchParams): { number: number; size: number } {
  const size = Number(query.get('per_page') ?? 10);
  if (!(size >= 1 && size <= 100)) {
    const message = 'per_page must be between 1 (inclusive) and 100 (inclusive)';
    throw invalidParam('per_page', 'rest_out_of_bounds', message);
  }
  return { size, number: Math.max(1, Number(query.get('page') ?? 1)) };
}

/** a,b or name[]=a&name[]=b or name[0]=a, as PHP reads them. */
function listOf(query: URLSearchParams, name: string): string[] {
  const values = [...query]
    .filter(([key]) => key === name || key.startsWith(`${name}[`))
    .map(([, value]) => value);
  return values
    .flatMap((value) => value.split(','))
    .map((value) => value.trim())
    .filter(Boolean);
}

function oneOf(query: URLSearchParams, name: string, allowed: string[], otherwise: string): string {
  const value = query.get(name) ?? otherwise;
  if (!allowed.includes(value)) {
    throw invalidParam(name, 'rest_not_in_enum', `${name} is not one of ${sentence(allowed)}.`);
  }
  return value;
}

function sentence(words: string[]): string {
  return `${words.slice(0, -1).join(', ')}, and ${words.at(-1)}`;
}

/** Rows of one second come in another order on each page. */
function shuffleTies(orders: Order[], by: string, page: number): void {
  const at = (order: Order) => (by === 'modified' ? order.modifiedAt : order.createdAt);
  for (let from = 0; from < orders.length; ) {
    let to = from;
    while (to < orders.length && at(orders[to] as Order) === at(orders[from] as Order)) to += 1;
    const group = orders.slice(from, to);
    const turn = (page * 7) % group.length;
    orders.splice(from, to - from, ...group.slice(turn), ...group.slice(0, turn));
    from = to;
  }
}

function bodyOf(request: RestRequest): Json {
  if (request.method === 'GET' || request.body === '') return {};
  try {
    return JSON.parse(request.body) as Json;
  } catch {
    throw new RestError(400, 'rest_invalid_json', 'Invalid JSON body passed.', {
      status: 400,
      json_error_code: 4,
      json_error_message: 'Syntax error',
    });
  }
}

function withFields(body: unknown, fields: string | null): unknown {
  if (fields === null || fields === '') return body;
  if (Array.isArray(body)) return body.map((item) => withFields(item, fields));
  if (typeof body !== 'object' || body === null) return body;
  const wanted = fields.split(',').map((field) => field.trim().split('.')[0]);
  return Object.fromEntries(Object.entries(body).filter(([key]) => wanted.includes(key)));
}

function linesIn(body: Json): LineInput[] {
  return ((body.line_items as Json[] | undefined) ?? []).map((line) => ({
    productId: line.product_id as number,
    variationId: line.variation_id as number | undefined,
    quantity: Number(line.quantity ?? 1),
    total: line.total as string | undefined,
    subtotal: line.subtotal as string | undefined,
    meta: metaIn(line),
  }));
}

function metaIn(body: Json): { key: string; value: unknown }[] {
  return (body.meta_data as { key: string; value: unknown }[] | undefined) ?? [];
}

const textIn = (value: unknown) => (typeof value === 'string' ? value : '');

function statusIn(body: Json): Webhook['status'] | undefined {
  const { status } = body;
  return status === 'active' || status === 'paused' || status === 'disabled' ? status : undefined;
}

function checkHook(body: Json, isNew: boolean): void {
  if ((isNew || body.topic !== undefined) && !TOPICS.includes(textIn(body.topic))) {
    const message = 'Webhook topic is required and must be valid.';
    throw new RestError(400, 'woocommerce_rest_shop_webhook_invalid_topic', message);
  }
  if (body.delivery_url !== undefined && !/^https?:\/\//.test(textIn(body.delivery_url))) {
    const message = 'Webhook delivery URL must be a valid URL starting with http:// or https://.';
    throw new RestError(400, 'woocommerce_rest_shop_webhook_invalid_delivery_url', message);
  }
}

const noRoute = () =>
  new RestError(404, 'rest_no_route', 'No route was found matching the URL and request method.');
const invalidId = (kind: string) => new RestError(404, `woocommerce_rest_${kind}_invalid_id`, 'Invalid ID.');
const missingParam = (name: string) =>
  new RestError(400, 'rest_missing_callback_param', `Missing parameter(s): ${name}`, {
    status: 400,
    params: [name],
  });
const authenticationError = (message: string) =>
  new RestError(401, 'woocommerce_rest_authentication_error', message);

function invalidParam(name: string, code: string, message: string): RestError {
  return new RestError(400, 'rest_invalid_param', `Invalid parameter(s): ${name}`, {
    status: 400,
    params: { [name]: message },
    details: { [name]: { code, message, data: null } },
  });
}

function forbidden(method: string, isList: boolean): RestError {
  const [code, message] =
    method === 'GET'
      ? [
          'cannot_view',
          isList ? 'Sorry, you cannot list resources.' : 'Sorry, you cannot view this resource.',
        ]
      : method === 'POST'
        ? ['cannot_create', 'Sorry, you are not allowed to create resources.']
        : method === 'DELETE'
          ? ['cannot_delete', 'Sorry, you are not allowed to delete this resource.']
          : ['cannot_edit', 'Sorry, you are not allowed to edit this resource.'];
  return new RestError(401, `woocommerce_rest_${code}`, message);
}
