import type { WooClient } from './client';
import type { ListedOrder } from './gateway';
import { WooProblem } from './problem';

interface Walk {
  by: 'modified' | 'created';
  /** Orders of this instant (ISO) or later. */
  since: string;
  query: Record<string, string>;
  pageSize: number;
  /** See limits.wooSecondPasses. */
  passes: number;
}

/** What the REST interface calls it. */
const WORDS = {
  modified: {
    after: 'modified_after',
    before: 'modified_before',
    orderby: 'modified',
    date: 'dateModifiedGmt',
  },
  created: { after: 'after', before: 'before', orderby: 'date', date: 'dateCreatedGmt' },
} as const;

/**
 * Orders by their date, a page at a time. Never by page numbers over the whole: an order that changes meanwhile moves to
 * the end, the rest moves up, and one of them would fall between two pages. The next page begins with the last second
 * of the one before; only where one second fills a page is that second paged.
 * Ends at the shop's time of the first answer: what changes later belongs to the next walk.
 */
export async function* walk(client: WooClient, options: Walk): AsyncGenerator<ListedOrder> {
  const words = WORDS[options.by];
  let after = secondBefore(options.since.slice(0, 19));
  let until: string | null = null;
  let seen = new Set<string>();
  for (;;) {
    const page = await readPage(client, options, { [words.after]: after, orderby: words.orderby });
    until ??= page.at;
    const fresh = page.orders.filter((order) => !seen.has(nameOf(order, words.date)));
    yield* fresh;
    const last = page.orders.at(-1)?.[words.date];
    if (last === undefined || page.orders.length < options.pageSize) return;
    if (until !== null && last > until) return;
    if (page.orders[0]?.[words.date] === last) {
      const told = new Set(page.orders.map((order) => nameOf(order, words.date)));
      for (const order of await readSecond(client, options, last)) {
        if (!told.has(nameOf(order, words.date))) yield order;
      }
      after = last;
      seen = new Set();
    } else {
      after = secondBefore(last);
      seen = new Set(
        page.orders.filter((order) => order[words.date] === last).map((o) => nameOf(o, words.date)),
      );
    }
  }
}

/**
 * All orders of one second, by id: within a second the order of rows is free to differ from page to page. Read again
 * when the number changed meanwhile, since then one may have slipped between two pages.
 */
async function readSecond(client: WooClient, options: Walk, second: string): Promise<ListedOrder[]> {
  const words = WORDS[options.by];
  for (let pass = 1; pass <= options.passes; pass++) {
    const found = new Map<number, ListedOrder>();
    const totals = new Set<number>();
    for (let number = 1; ; number++) {
      const page = await readPage(client, options, {
        [words.after]: secondBefore(second),
        [words.before]: secondAfter(second),
        orderby: 'id',
        page: number,
      });
      for (const order of page.orders) found.set(order.wooId, order);
      // Beyond the last page the shop says 0.
      if (page.orders.length > 0) totals.add(page.total);
      if (page.orders.length < options.pageSize) break;
    }
    if (totals.size === 0) return [];
    if (totals.size === 1 && totals.has(found.size)) return [...found.values()];
  }
  throw new WooProblem('shop-too-busy', 'Orders change faster than they can be listed.');
}

async function readPage(client: WooClient, options: Walk, query: Record<string, string | number>) {
  const readAt = client.now();
  const answer = await client.get(
    'orders',
    // Bare times without "Z": with it the shop shifts them by its offset, and orders are silently missed.
    { ...options.query, ...query, dates_are_gmt: true, order: 'asc', per_page: options.pageSize },
    true,
  );
  if (!Array.isArray(answer.data)) throw notAList();
  const date = Date.parse(answer.headers.date ?? '');
  return {
    orders: answer.data.map((item) => listed(item, readAt)),
    total: Number(answer.headers['x-wp-total'] ?? Number.NaN),
    at: Number.isNaN(date) ? null : new Date(date).toISOString().slice(0, 19),
  };
}

function listed(item: unknown, readAt: string): ListedOrder {
  const { id, status, date_modified_gmt, date_created_gmt } = item as Record<string, unknown>;
  if (
    typeof id !== 'number' ||
    typeof date_modified_gmt !== 'string' ||
    typeof date_created_gmt !== 'string'
  ) {
    throw notAList();
  }
  return {
    wooId: id,
    status: String(status),
    dateModifiedGmt: date_modified_gmt,
    dateCreatedGmt: date_created_gmt,
    json: JSON.stringify(item),
    readAt,
  };
}

const notAList = () =>
  new WooProblem('broken-answer', 'The shop answered with something that is no list of orders.');

const nameOf = (order: ListedOrder, date: 'dateModifiedGmt' | 'dateCreatedGmt') =>
  `${order.wooId} ${order[date]}`;

const shifted = (second: string, by: number) =>
  new Date(Date.parse(`${second}Z`) + by * 1000).toISOString().slice(0, 19);
const secondBefore = (second: string) => shifted(second, -1);
const secondAfter = (second: string) => shifted(second, 1);
