import { METERS, type Meter, takenBackOf } from '../domain/credits';
import type { Customer } from '../domain/customers';
import type { PackageVersion } from '../domain/packages';
import { askForWrite } from '../domain/shop-writes';
import type { Store } from '../domain/stores';
import { customerTexts, textsIn } from '../locales';
import type { Trx } from '../platform/db';
import type { Moment } from '../platform/moment';
import type { Context } from './context';
import { boughtList } from './greet-customer';
import { shopOf } from './shop-of';

/** The key under which an order tells in its shop which ticket serves it. */
const TICKET_META = 'zeton_ticket';

interface Told {
  store: Store;
  order: { id: string; wooId: number; number: string };
}

/** Without keys nothing can be written there, and nothing is put in line. */
export async function canWriteTo(ctx: Context, trx: Trx, store: Store): Promise<boolean> {
  return ctx.gateways.woocommerce.open(await shopOf({ db: trx, vault: ctx.vault }, store)) !== null;
}

/**
 * Have the shop mail the buyer what was bought and where help is: an order note for the customer, in their language,
 * instead of our greeting.
 * The link is a plain one: who reads the mail of an order is not signed in by it (DESIGN §8).
 * Writes: shop_writes. Repeat: once for each order
 */
export async function mailByShop(
  ctx: Context,
  trx: Trx,
  moment: Moment,
  {
    store,
    order,
    ticketId,
    customer,
    bought,
  }: Told & { ticketId: string; customer: Customer; bought: Bought },
): Promise<void> {
  const t = customerTexts(customer.locale);
  const list = boughtList(t, bought);
  if (list.length === 0) return;
  const text = [
    t('order_note.bought', { list: list.join(', ') }),
    t('order_note.how', { url: `${ctx.publicUrl}/` }),
  ].join('\n\n');
  await ask(ctx, trx, moment, { store, order }, 'note', {
    kind: 'customer_note',
    content: { text: asNote(text), ticketId },
  });
}

type Bought = { version: PackageVersion; units: number }[];

/** Which ticket serves the order, for whoever looks at it in the shop. Once; it comes back as an update, and that says nothing new. */
export function writeTicketMeta(
  ctx: Context,
  trx: Trx,
  moment: Moment,
  { store, order, ticket }: Told & { ticket: { id: string; number: number } },
): Promise<void> {
  const meta = { [TICKET_META]: String(ticket.number), [`${TICKET_META}_id`]: ticket.id };
  return ask(ctx, trx, moment, { store, order }, 'ticket', { kind: 'ticket_meta', content: { meta } });
}

/**
 * A refund or cancellation took credits back that were used by then: a private note on the order says so, to whoever
 * refunds in the shop. Once for each such state of the order.
 */
export async function noteUsedCredits(
  ctx: Context,
  trx: Trx,
  moment: Moment,
  { store, order }: Told,
): Promise<void> {
  const short = (await takenBackOf(trx, order.id)).filter(({ shortfall }) => shortfall > 0);
  if (short.length === 0 || !(await canWriteTo(ctx, trx, store))) return;
  const t = textsIn('en');
  const state = METERS.flatMap((meter) => short.find((one) => one.meter === meter) ?? []);
  const lines = state.map((one) =>
    t(one.held > 0 ? 'shop_note.used_or_held' : 'shop_note.used', {
      count: one.shortfall,
      of: one.takenBack,
      what: whatOf(t, one.meter),
    }),
  );
  const key = `used:${state.map(({ meter, shortfall, takenBack }) => `${meter}=${shortfall}/${takenBack}`).join(',')}`;
  const text = asNote([t('shop_note.used_title'), ...lines].join('\n'));
  await ask(ctx, trx, moment, { store, order }, key, { kind: 'private_note', content: { text } });
}

function whatOf(t: ReturnType<typeof textsIn>, meter: Meter): string {
  return t(`shop_note.what.${meter}`);
}

async function ask(
  ctx: Context,
  trx: Trx,
  moment: Moment,
  { store, order }: Told,
  key: string,
  write: Pick<Parameters<typeof askForWrite>[2], 'kind' | 'content'>,
): Promise<void> {
  const isNew = await askForWrite(trx, moment, {
    storeId: store.id,
    key: `order:${order.wooId}:${key}`,
    subject: String(order.wooId),
    label: order.number,
    ...write,
  });
  if (isNew)
    trx.executionPromise.then(
      () => ctx.wake('shop.writes'),
      () => undefined,
    );
}

/** WordPress shows notes as HTML. */
function asNote(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
