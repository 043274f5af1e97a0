import { createHash } from 'node:crypto';
import { money, type Shop } from './shop';
import type { Coupon, Customer, Line, Meta, Note, Order, Product, Refund, Webhook } from './types';

type Json = Record<string, unknown>;

/** As PHP writes it: pure ASCII, slashes escaped. Signatures are over these bytes. */
export function phpJson(value: unknown): string {
  return JSON.stringify(value).replace(/[/\u0080-\uffff]/g, (char) =>
    char === '/' ? '\\/' : `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

const SYMBOLS: Record<string, string> = { EUR: '€', JPY: '¥', USD: '$', GBP: '£' };
const ALL = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];
const HOOKS: Record<string, string[]> = {
  'order.created': ['woocommerce_new_order'],
  'order.updated': ['woocommerce_update_order', 'woocommerce_order_refunded'],
  'order.deleted': ['wp_trash_post', 'woocommerce_trash_order'],
  'order.restored': ['untrashed_post', 'woocommerce_untrash_order'],
  'customer.created': ['user_register', 'woocommerce_created_customer', 'woocommerce_new_customer'],
  'customer.updated': ['profile_update', 'woocommerce_update_customer'],
};

/** What is kept, as the REST interface and the webhooks show it: keys, types and order as recorded. */
export class Shapes {
  constructor(
    private readonly shop: Shop,
    private readonly base: () => string,
  ) {}

  private links(path: string, allow = ALL): Json {
    const self = `${this.base()}/wp-json/wc/v3/${path}`;
    const collection = self.slice(0, self.lastIndexOf('/'));
    return { self: [{ href: self, targetHints: { allow } }], collection: [{ href: collection }] };
  }

  private dates(of: { createdAt: number; modifiedAt: number | null }): Json {
    const { createdAt, modifiedAt } = of;
    return {
      date_created: this.shop.local(createdAt),
      date_created_gmt: this.shop.gmt(createdAt),
      date_modified: modifiedAt === null ? null : this.shop.local(modifiedAt),
      date_modified_gmt: modifiedAt === null ? null : this.shop.gmt(modifiedAt),
    };
  }

  order(order: Order): Json {
    const { shop } = this;
    const local = (at: number | null) => (at === null ? null : shop.local(at));
    const gmt = (at: number | null) => (at === null ? null : shop.gmt(at));
    const taxOf = (kind: 'total' | 'subtotal') =>
      order.lines.reduce((sum, line) => sum + shop.lineTax(line, kind), 0);
    const sum = (kind: 'total' | 'subtotal') => order.lines.reduce((all, line) => all + line[kind], 0);
    const shipping = order.shippingLine;
    const cartTax = taxOf('total');
    const rate = order.lines.find((line) => line.taxRate)?.taxRate ?? null;
    const orders = `${this.base()}/wp-json/wc/v3/orders`;
    const discount = order.coupon || sum('subtotal') > sum('total') + 0.004;
    const checkout = order.createdVia === 'checkout' ? 'blagajna-klasicna' : 'checkout';
    return {
      id: order.id,
      parent_id: 0,
      status: order.status,
      currency: order.currency,
      version: '11.0.1',
      prices_include_tax: true,
      date_created: shop.local(order.createdAt),
      date_modified: shop.local(order.modifiedAt),
      discount_total: money(discount ? sum('subtotal') - sum('total') : 0),
      discount_tax: money(discount ? taxOf('subtotal') - cartTax : 0),
      shipping_total: money(shipping?.net ?? 0),
      shipping_tax: money(shipping?.tax ?? 0),
      cart_tax: money(cartTax),
      total: money(shop.total(order)),
      total_tax: money(cartTax + (shipping?.tax ?? 0)),
      customer_id: order.customerId,
      order_key: order.key,
      billing: order.billing,
      shipping: order.shipping,
      payment_method: order.payment,
      payment_method_title: { testcard: 'Kartica', cod: 'Plačilo po povzetju', bacs: 'Bančno nakazilo' }[
        order.payment
      ],
      transaction_id: order.transactionId,
      customer_ip_address: order.createdVia === 'rest-api' ? '' : '127.0.0.1',
      customer_user_agent: '',
      created_via: order.createdVia,
      customer_note: order.note,
      date_completed: local(order.completedAt),
      date_paid: local(order.paidAt),
      cart_hash: order.cartHash,
      number: String(order.id),
      meta_data: this.orderMeta(order),
      line_items: order.lines.map((line) => this.line(line)),
      tax_lines: rate
        ? [
            {
              id: order.taxItemId,
              rate_code: `${rate.country}-DDV-1`,
              rate_id: rate.id,
              label: 'DDV',
              compound: false,
              tax_total: money(cartTax),
              shipping_tax_total: money(shipping?.tax ?? 0),
              rate_percent: rate.percent,
              meta_data: [],
            },
          ]
        : [],
      shipping_lines: shipping
        ? [
            {
              id: shipping.id,
              method_title: 'Dostava',
              method_id: 'flat_rate',
              instance_id: '1',
              total: money(shipping.net),
              total_tax: money(shipping.tax),
              taxes: [{ id: rate?.id ?? 1, total: money(shipping.tax), subtotal: '' }],
              tax_status: 'taxable',
              meta_data: [shown({ id: shipping.metaId, key: 'Items', value: shipping.items })],
            },
          ]
        : [],
      fee_lines: [],
      coupon_lines: order.coupon ? [this.couponLine(order, order.coupon)] : [],
      refunds: [...order.refunds].reverse().map((refund) => ({
        id: refund.id,
        reason: refund.reason,
        total: `-${money(refund.amount)}`,
        total_tax: signed(refund.lines.reduce((tax, line) => tax + line.tax, 0)),
      })),
      payment_url: `${this.base()}/${checkout}/order-pay/${order.id}/?pay_for_order=true&key=${order.key}`,
      is_editable: ['pending', 'on-hold', 'auto-draft'].includes(order.status),
      needs_payment: ['pending', 'failed'].includes(order.status) && shop.total(order) > 0,
      needs_processing: order.lines.some((line) => line.productId !== 0),
      date_created_gmt: shop.gmt(order.createdAt),
      date_modified_gmt: shop.gmt(order.modifiedAt),
      date_completed_gmt: gmt(order.completedAt),
      date_paid_gmt: gmt(order.paidAt),
      currency_symbol: SYMBOLS[order.currency] ?? order.currency,
      _links: {
        self: [{ href: `${orders}/${order.id}`, targetHints: { allow: ALL } }],
        collection: [{ href: orders }],
        email_templates: [{ embeddable: true, href: `${orders}/${order.id}/actions/email_templates` }],
        ...(order.customerId
          ? { customer: [{ href: `${this.base()}/wp-json/wc/v3/customers/${order.customerId}` }] }
          : {}),
      },
    };
  }

  private orderMeta(order: Order): Meta[] {
    const debug = {
      id: order.id * 1000,
      key: '_debug_log_source_pending_deletion',
      value: `place-order-debug-${order.id}`,
    };
    const all = order.hasDebugMeta ? [...order.meta, debug] : [...order.meta];
    return all.sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  private couponLine(order: Order, coupon: NonNullable<Order['coupon']>): Json {
    const { shop } = this;
    const lost = (of: (line: Line) => number) => order.lines.reduce((sum, line) => sum + of(line), 0);
    const info = JSON.stringify([coupon.couponId, coupon.code, 'percent', coupon.percent]);
    return {
      id: coupon.id,
      code: coupon.code,
      discount: money(lost((line) => line.subtotal - line.total)),
      discount_tax: money(lost((line) => shop.lineTax(line, 'subtotal') - shop.lineTax(line))),
      meta_data: [shown({ id: coupon.metaId, key: 'coupon_info', value: info })],
      discount_type: 'percent',
      nominal_amount: coupon.percent,
      free_shipping: false,
    };
  }

  /** Sku and picture are the product's as it is now; the name is as it was. */
  private line(line: Line): Json {
    const product = line.productId ? this.shop.products.get(line.variationId || line.productId) : undefined;
    const parent = line.variationId ? this.shop.products.get(line.productId) : undefined;
    const picture = product?.image ?? parent?.image;
    const tax = this.shop.lineTax(line);
    return {
      id: line.id,
      name: line.name,
      product_id: line.productId,
      variation_id: line.variationId,
      quantity: line.quantity,
      tax_class: '',
      subtotal: money(line.subtotal),
      subtotal_tax: money(this.shop.lineTax(line, 'subtotal')),
      total: money(line.total),
      total_tax: money(tax),
      taxes: line.taxRate
        ? [{ id: line.taxRate.id, total: money(tax), subtotal: money(this.shop.lineTax(line, 'subtotal')) }]
        : [],
      meta_data: line.meta.map((meta) => shown(meta, product?.attribute)),
      sku: product ? product.sku : null,
      global_unique_id: product ? '' : null,
      price: line.quantity === 0 ? 0 : line.total / line.quantity,
      image: product
        ? { id: picture ? String(picture.id) : '', src: picture?.src ?? '' }
        : { id: 0, src: '' },
      parent_name: parent?.name ?? null,
    };
  }

  refund(order: Order, refund: Refund): Json {
    const path = `orders/${order.id}/refunds/${refund.id}`;
    const tax = refund.lines.reduce((sum, line) => sum + line.tax, 0);
    const rate = refund.lines.find((line) => line.of.taxRate)?.of.taxRate ?? null;
    return {
      id: refund.id,
      date_created: this.shop.local(refund.createdAt),
      date_created_gmt: this.shop.gmt(refund.createdAt),
      amount: money(refund.amount),
      reason: refund.reason,
      refunded_by: 1,
      refunded_payment: false,
      meta_data: [{ id: refund.metaId, key: '_refund_type', value: refund.type }],
      line_items: refund.lines.map((line) => ({
        ...this.line(line.of),
        id: line.id,
        quantity: -line.quantity || 0,
        subtotal: signed(line.total),
        subtotal_tax: signed(line.tax),
        total: signed(line.total),
        total_tax: signed(line.tax),
        taxes:
          line.of.taxRate && line.tax > 0
            ? [{ id: line.of.taxRate.id, total: signed(line.tax), subtotal: signed(line.tax) }]
            : [],
        meta_data: [shown({ id: line.metaId, key: '_refunded_item_id', value: String(line.of.id) })],
        price: line.quantity === 0 ? 0 : line.total / line.quantity,
      })),
      shipping_lines: [],
      tax_lines:
        rate && tax > 0
          ? [
              {
                id: refund.taxItemId,
                rate_code: `${rate.country}-DDV-1`,
                rate_id: rate.id,
                label: 'DDV',
                compound: false,
                tax_total: signed(tax),
                shipping_tax_total: '0.00',
                rate_percent: rate.percent,
                meta_data: [],
              },
            ]
          : [],
      fee_lines: [],
      _links: { ...this.links(path, ['GET', 'DELETE']), ...this.up(`orders/${order.id}`) },
    };
  }

  note(order: Order, note: Note): Json {
    return {
      id: note.id,
      author: 'WooCommerce',
      date_created: this.shop.local(note.createdAt),
      date_created_gmt: this.shop.gmt(note.createdAt),
      note: note.note,
      customer_note: note.customerNote,
      _links: {
        ...this.links(`orders/${order.id}/notes/${note.id}`, ['GET', 'DELETE']),
        ...this.up(`orders/${order.id}`),
      },
    };
  }

  private up(path: string): Json {
    return { up: [{ href: `${this.base()}/wp-json/wc/v3/${path}` }] };
  }

  product(product: Product): Json {
    const { shop } = this;
    const parent = product.parentId ? shop.products.get(product.parentId) : undefined;
    const variations = product.variationIds.flatMap((id) => shop.products.get(id) ?? []);
    const price =
      variations.length > 0 ? String(Math.min(...variations.map((v) => Number(v.price)))) : product.price;
    const pictures = [product.image, parent?.image].filter((image) => image != null).slice(0, 1);
    return {
      id: product.id,
      name: parent ? `${parent.name} - ${product.option}` : product.name,
      slug: product.slug,
      permalink: this.permalink(product),
      ...this.dates(product),
      type: product.type,
      status: product.status,
      featured: false,
      catalog_visibility: 'visible',
      description: product.description,
      short_description: '',
      sku: product.sku,
      price,
      regular_price: product.type === 'variable' ? '' : product.price,
      sale_price: '',
      ...NO_SALE,
      on_sale: false,
      purchasable: true,
      total_sales: parent ? String(product.sold) : product.sold,
      virtual: product.virtual,
      ...DOWNLOADS,
      external_url: '',
      button_text: '',
      tax_status: 'taxable',
      tax_class: '',
      ...STOCK,
      sold_individually: false,
      ...SIZE,
      shipping_required: !product.virtual,
      shipping_taxable: !product.virtual,
      shipping_class: '',
      shipping_class_id: 0,
      reviews_allowed: !parent,
      average_rating: '0.00',
      rating_count: 0,
      upsell_ids: [],
      cross_sell_ids: [],
      parent_id: product.parentId,
      purchase_note: '',
      categories: parent ? [] : [{ id: 15, name: 'Uncategorized', slug: 'uncategorized' }],
      brands: [],
      tags: [],
      images: pictures.map((image) => this.picture(image, product)),
      attributes: parent
        ? [{ id: 0, name: product.attribute, slug: product.attribute.toLowerCase(), option: product.option }]
        : variations.length > 0
          ? [
              {
                id: 0,
                name: product.attribute,
                slug: product.attribute,
                position: 0,
                visible: true,
                variation: true,
                options: variations.map((v) => v.option),
              },
            ]
          : [],
      default_attributes: [],
      variations: product.variationIds,
      grouped_products: [],
      menu_order: 0,
      price_html: priceHtml(price),
      related_ids: parent ? [] : this.related(product),
      meta_data: [],
      stock_status: 'instock',
      has_options: variations.length > 0,
      post_password: '',
      global_unique_id: '',
      _links: {
        ...this.links(`products/${product.id}`),
        ...(parent ? this.up(`products/${parent.id}`) : {}),
      },
    };
  }

  private related(product: Product): number[] {
    const others = [...this.shop.products.values()].filter(
      (each) => !each.parentId && each.id !== product.id,
    );
    return others.slice(0, 4).map((each) => each.id);
  }

  private permalink(product: Product): string {
    const parent = product.parentId ? this.shop.products.get(product.parentId) : undefined;
    const query = parent
      ? `?attribute_${product.attribute.toLowerCase()}=${product.option.replaceAll(' ', '+')}`
      : '';
    return `${this.base()}/product/${parent?.slug ?? product.slug}/${query}`;
  }

  private picture(image: { id: number; src: string }, product: Product): Json {
    return { id: image.id, ...this.dates(product), src: image.src, name: product.name, alt: '' };
  }

  variation(product: Product): Json {
    return {
      id: product.id,
      type: 'variation',
      ...this.dates(product),
      description: product.description,
      permalink: this.permalink(product),
      sku: product.sku,
      global_unique_id: '',
      price: product.price,
      regular_price: product.price,
      sale_price: '',
      ...NO_SALE,
      on_sale: false,
      status: product.status,
      purchasable: true,
      virtual: product.virtual,
      ...DOWNLOADS,
      tax_status: 'taxable',
      tax_class: '',
      manage_stock: false,
      stock_quantity: null,
      stock_status: 'instock',
      backorders: 'no',
      backorders_allowed: false,
      backordered: false,
      low_stock_amount: null,
      ...SIZE,
      shipping_class: '',
      shipping_class_id: 0,
      image: product.image ? this.picture(product.image, product) : null,
      gallery_image_ids: [],
      attributes: [
        { id: 0, name: product.attribute, slug: product.attribute.toLowerCase(), option: product.option },
      ],
      menu_order: 0,
      meta_data: [],
      name: product.option,
      parent_id: product.parentId,
      _links: {
        ...this.links(`products/${product.parentId}/variations/${product.id}`),
        ...this.up(`products/${product.parentId}`),
      },
    };
  }

  customer(customer: Customer): Json {
    const { state: billingState, email, phone, ...billing } = customer.billing;
    const { state, phone: shippingPhone, ...shipping } = customer.shipping;
    const face = createHash('sha256').update(customer.email).digest('hex');
    return {
      id: customer.id,
      ...this.dates(customer),
      email: customer.email,
      first_name: customer.firstName,
      last_name: customer.lastName,
      role: 'customer',
      username: customer.username,
      billing: { ...billing, state: billingState, email, phone },
      shipping: { ...shipping, state, phone: shippingPhone },
      is_paying_customer: customer.paying,
      avatar_url: `https://secure.gravatar.com/avatar/${face}?s=96&d=mm&r=g`,
      meta_data: customer.meta,
      _links: this.links(`customers/${customer.id}`),
    };
  }

  coupon(coupon: Coupon): Json {
    const { fields } = coupon;
    const field = (name: string, otherwise: unknown) => fields[name] ?? otherwise;
    const expires = typeof fields.date_expires === 'string' ? fields.date_expires : null;
    const expiresAt = expires === null ? null : Date.parse(`${expires}Z`) / 1000;
    return {
      id: coupon.id,
      code: coupon.code,
      amount: coupon.amount,
      status: 'publish',
      ...this.dates(coupon),
      discount_type: coupon.type,
      description: field('description', ''),
      date_expires: expires,
      date_expires_gmt: expiresAt === null ? null : this.shop.gmt(expiresAt - this.shop.offsetAt(expiresAt)),
      usage_count: 0,
      individual_use: field('individual_use', false),
      product_ids: field('product_ids', []),
      excluded_product_ids: [],
      usage_limit: field('usage_limit', null),
      usage_limit_per_user: field('usage_limit_per_user', null),
      limit_usage_to_x_items: null,
      free_shipping: false,
      product_categories: [],
      excluded_product_categories: [],
      exclude_sale_items: false,
      minimum_amount: money(Number(field('minimum_amount', 0))),
      maximum_amount: '0.00',
      email_restrictions: field('email_restrictions', []),
      used_by: [],
      meta_data: [],
      _links: this.links(`coupons/${coupon.id}`),
    };
  }

  webhook(webhook: Webhook): Json {
    const [resource, event] = webhook.topic.split('.');
    const { date_created, date_created_gmt, date_modified, date_modified_gmt } = this.dates(webhook);
    return {
      id: webhook.id,
      name: webhook.name,
      status: webhook.status,
      topic: webhook.topic,
      resource,
      event,
      hooks: HOOKS[webhook.topic] ?? [`woocommerce_${event}_${resource}`],
      delivery_url: webhook.deliveryUrl,
      date_created,
      date_created_gmt,
      date_modified,
      date_modified_gmt,
      _links: this.links(`webhooks/${webhook.id}`),
    };
  }
}

const NO_SALE = {
  date_on_sale_from: null,
  date_on_sale_from_gmt: null,
  date_on_sale_to: null,
  date_on_sale_to_gmt: null,
};
const DOWNLOADS = { downloadable: false, downloads: [], download_limit: -1, download_expiry: -1 };
const STOCK = {
  manage_stock: false,
  stock_quantity: null,
  backorders: 'no',
  backorders_allowed: false,
  backordered: false,
  low_stock_amount: null,
};
const SIZE = { weight: '', dimensions: { length: '', width: '', height: '' } };

function shown(meta: Meta, name?: string): Json {
  const key = name && meta.key === name.toLowerCase() ? name : meta.key;
  const value = typeof meta.value === 'string' ? meta.value.replace(/&(?!\w+;)/g, '&#038;') : meta.value;
  return { id: meta.id, key: meta.key, value: meta.value, display_key: key, display_value: value };
}

const signed = (value: number) => (value > 0 ? `-${money(value)}` : '0.00');

function priceHtml(price: string): string {
  const shown = Number(price).toFixed(2).replace('.', ',');
  const amount = '<span class="woocommerce-Price-amount amount"><bdi>';
  return `${amount}${shown}&nbsp;<span class="woocommerce-Price-currencySymbol" translate="no">&euro;</span></bdi></span>`;
}
