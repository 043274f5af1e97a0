import { bringToOrder, lockedGrantsOfOrder, type OrderClaim } from '../domain/credits';
import {
  type Customer,
  customerOfBuyer,
  findByOnlyPhone,
  findCustomer,
  localeOf,
  normaliseEmail,
  phoneToE164,
} from '../domain/customers';
import { addMessage, hasConversation } from '../domain/messages';
import {
  bringLines,
  contentSha256,
  countOrdersOfTicket,
  endLease,
  factsSha256,
  flagsOf,
  isNewestAmbiguous,
  isTrashed,
  keepSnapshot,
  leaseOrder,
  linesOf,
  lockOrderEndingLease,
  newestFirst,
  type Order,
  type OrderLine,
  type OrderPayload,
  paidSince,
  payloadOf,
  type Refund,
  type ReviewFlag,
  readOrderBody,
  readRefundsBody,
  renewLease,
  saveLine,
  saveOrder,
  snapshotsOf,
  stateOf,
  wantedUnits,
} from '../domain/orders';
import { type PackageVersion, packageForLine, versionsByIds } from '../domain/packages';
import type { Store } from '../domain/stores';
import {
  adoptUnpaidTicket,
  customerWordWritten,
  findTicket,
  lockTicket,
  moveTicket,
  openTicket,
  type Ticket,
  ticketToAdopt,
} from '../domain/tickets';
import { addSeconds, iso } from '../platform/clock';
import { type Trx, withTransaction } from '../platform/db';
import { keepingLease } from '../platform/lease';
import { limits } from '../platform/limits';
import type { Moment } from '../platform/moment';
import { currentInSequence } from '../platform/sequence';
import { endOfDayAfter } from '../platform/time-zone';
import { type Context, momentOf } from './context';
import { greetCustomer } from './greet-customer';
import { type Importing, isYoung, matchImportedLines } from './match-imported-lines';
import { shopOf } from './shop-of';
import { canWriteTo, mailByShop, noteUsedCredits, writeTicketMeta } from './tell-shop';

/** Something the shop said about one order. */
export type OrderNews =
  | {
      kind: 'snapshot';
      json: string;
      source: 'webhook';
      deliveryId: string | null;
      restored: boolean;
    }
  /** The shop listed it so when it was asked; `importing`: lines without a package may take this one. */
  | { kind: 'listed'; json: string; readAt: string; importing?: Importing }
  /** Nobody said anything: the store is asked how the order stands now. */
  | { kind: 'asked' }
  /** Trashed or deleted; carries no date, so the store is asked where it can be. */
  | { kind: 'deleted'; deliveryId: string; receivedAt: string };

export type Applied = 'applied' | 'busy';

/**
 * Bring one order, its customer, credits and ticket to what the set of its known snapshots says.
 * Shape:   store, WooCommerce order id, news → 'applied', or 'busy' while another worker has the order
 * Errors:  what the gateway throws (try again later)
 * Writes:  orders, order_snapshots, order_lines, customers, tickets, messages, the ledger; one transaction
 * Repeat:  the same news in any order, any number of times → the same end state
 * Source:  DESIGN §2.2, §3 "Applying snapshots"
 */
export async function applyOrderNews(
  ctx: Context,
  store: Store,
  wooId: number,
  news: OrderNews,
): Promise<Applied> {
  const owner = ctx.ids.next();
  const now = ctx.clock.now();
  const until = () => iso(addSeconds(ctx.clock.now(), limits.renewedLeaseSeconds));
  const leased = await leaseOrder(ctx.db, {
    id: ctx.ids.next(),
    storeId: store.id,
    wooId,
    owner,
    now: iso(now),
    until: until(),
  });
  if (!leased) return 'busy';
  try {
    const readings = await keepingLease(
      ctx.log,
      () => renewLease(ctx.db, { id: leased.id, owner, until: until() }),
      () => askStore(ctx, store, leased, news),
    );
    const applied = await withTransaction(ctx.db, (trx) =>
      apply(ctx, trx, store, leased.id, owner, news, readings),
    );
    return applied ? 'applied' : 'busy';
  } catch (error) {
    await endLease(ctx.db, leased.id, owner);
    throw error;
  }
}

/** What the store answered, read under the lease and before the transaction. */
interface Readings {
  /** When it was asked. */
  readAt: string;
  order: { kind: 'order'; json: string } | { kind: 'missing' } | { kind: 'unavailable' } | null;
  refunds: Refund[] | null;
}

async function askStore(ctx: Context, store: Store, known: Order, news: OrderNews): Promise<Readings> {
  const gateway = ctx.gateways.woocommerce;
  const shop = () => shopOf(ctx, store);
  const readAt = iso(ctx.clock.now());
  const snapshots = newestFirst(await snapshotsOf(ctx.db, known.id), store.paidStatuses);
  let order: Readings['order'] = null;
  let refundsMayExist = (known.refunds ?? []).length > 0 || snapshots.some((s) => s.refundCount > 0);
  if (news.kind === 'deleted' || news.kind === 'asked' || known.gone) {
    // A deleted order that is heard of again is asked for again: one wrong 404 must not take credits for good.
    order = await gateway.readOrder(await shop(), known.wooId);
  }
  if ('json' in news) {
    const payload = orderIn(news.json);
    refundsMayExist ||= payload.refundCount > 0;
    const came = draftSnapshot(payload, contentSha256(news.json), {
      receivedAt: readAt,
      confirmedAt: news.kind === 'listed' ? news.readAt : null,
    });
    const isKnown = snapshots.some((s) => s.contentSha256 === came.contentSha256);
    const all = newestFirst(isKnown ? snapshots : [...snapshots, came], store.paidStatuses);
    if (order === null && isNewestAmbiguous(all, store.paidStatuses)) {
      order = await gateway.readOrder(await shop(), known.wooId);
    }
  }
  if (order?.kind === 'order') refundsMayExist ||= orderIn(order.json).refundCount > 0;
  if (!refundsMayExist || order?.kind === 'missing') return { readAt, order, refunds: null };
  const read = await gateway.readRefunds(await shop(), known.wooId);
  return { readAt, order, refunds: read.kind === 'refunds' ? readRefundsBody(read.json) : null };
}

function orderIn(json: string): OrderPayload {
  const body = readOrderBody(json);
  if (body.kind !== 'order') throw new Error(`the store answered with ${body.kind} instead of an order`);
  return body.order;
}

function draftSnapshot(
  payload: OrderPayload,
  sha256: string,
  at: { receivedAt: string; confirmedAt: string | null },
) {
  return {
    id: sha256,
    contentSha256: sha256,
    factsSha256: factsSha256(payload),
    status: payload.status,
    dateModifiedGmt: payload.dateModifiedGmt,
    dateCreatedGmt: payload.dateCreatedGmt,
    datePaidGmt: payload.datePaidGmt,
    refundCount: payload.refundCount,
    wooCustomerId: payload.wooCustomerId,
    emailNormalised: normaliseEmail(payload.billing.email),
    ...at,
    deliveryId: null,
  };
}

async function apply(
  ctx: Context,
  trx: Trx,
  store: Store,
  orderId: string,
  owner: string,
  news: OrderNews,
  readings: Readings,
): Promise<boolean> {
  const order = await lockOrderEndingLease(trx, orderId, owner);
  if (!order) return false;
  const moment = momentOf(ctx, { kind: 'store', id: store.id, name: store.name });
  const came: { payload: OrderPayload; contentSha256: string }[] = [];
  const keep = async (json: string, from: { deliveryId: string | null } | { readAt: string }) => {
    const payload = orderIn(json);
    const hashes = { contentSha256: contentSha256(json), factsSha256: factsSha256(payload) };
    const emailNormalised = normaliseEmail(payload.billing.email);
    const id = ctx.ids.next();
    await keepSnapshot(trx, {
      id,
      orderId,
      source: 'readAt' in from ? 'rest' : 'webhook',
      deliveryId: 'readAt' in from ? null : from.deliveryId,
      confirmedAt: 'readAt' in from ? from.readAt : null,
      ...hashes,
      payload,
      emailNormalised,
      json,
      at: moment.at,
    });
    came.push({ payload, contentSha256: hashes.contentSha256 });
  };
  if ('json' in news) await keep(news.json, news);
  if (readings.order?.kind === 'order') await keep(readings.order.json, readings);
  if (readings.order?.kind === 'missing') order.gone = true;
  if (readings.order?.kind === 'order') order.gone = false;
  if (readings.refunds) order.refunds = readings.refunds;
  const later = (a: string | null, b: string | null) => (a === null || (b !== null && b > a) ? b : a);
  if (news.kind === 'deleted' && readings.order?.kind === 'unavailable') {
    if (later(order.trashedBy, news.deliveryId) === news.deliveryId) order.trashedAt = news.receivedAt;
    order.trashedBy = later(order.trashedBy, news.deliveryId);
  }
  if (news.kind === 'snapshot' && news.restored) order.restoredBy = later(order.restoredBy, news.deliveryId);
  // What the store says itself is newer than any deletion that was heard of.
  const toldAt =
    readings.order?.kind === 'order' ? readings.readAt : news.kind === 'listed' ? news.readAt : '';
  if (toldAt > (order.trashedAt ?? '')) order.trashedBy = null;

  const ordered = newestFirst(await snapshotsOf(trx, orderId), store.paidStatuses);
  const trashed = isTrashed(ordered, order);
  const state = stateOf(ordered, store.paidStatuses, order.gone || trashed);
  order.paid = state.paid;
  order.everPaid = state.everPaid;

  const newest = ordered[0] ? await payloadOf(trx, ordered[0].id) : null;
  if (!newest) {
    order.status = order.gone ? 'deleted' : 'trash';
    await saveOrder(trx, order, null, moment.at);
    return true;
  }
  order.number = newest.number;
  order.status = order.gone ? 'deleted' : trashed ? 'trash' : newest.status;

  let lines = await linesOf(trx, orderId);
  const newLineIds = new Set<string>();
  const catalogVersion = await currentInSequence(trx, 'catalog');
  for (const item of came.length > 0 ? came : [null]) {
    const snapshot = item && ordered.find((known) => known.contentSha256 === item.contentSha256);
    const changes = bringLines(lines, item && snapshot ? { snapshot, payload: item.payload } : null, newest, {
      snapshots: ordered,
      paidStatuses: store.paidStatuses,
      refunds: order.refunds ?? [],
      catalogVersion,
      newId: () => ctx.ids.next(),
    });
    for (const { line, isNew, isChanged, rematch } of changes) {
      if (rematch) {
        const bought = await packageForLine(trx, store.id, rematch, line.catalogVersion);
        line.packageVersionId = bought?.id ?? null;
      }
      if (isNew || isChanged) await saveLine(trx, orderId, line, isNew);
      if (isNew) newLineIds.add(line.id);
    }
    lines = changes.map((change) => change.line);
  }
  const since = paidSince(ordered, store.paidStatuses);
  const imported =
    news.kind === 'listed' && news.importing
      ? await matchImportedLines(trx, moment, store, news.importing, {
          id: orderId,
          payload: orderIn(news.json),
          lines,
          newLineIds,
          catalogVersion,
          paidSince: since,
        })
      : null;
  const bought = await versionsByIds(
    trx,
    lines.flatMap((line) => line.packageVersionId ?? []),
  );
  // A walk far back, or an import, must not thank people for what they bought last year.
  const mayGreet = imported?.matched
    ? imported.greets
    : news.kind !== 'listed' || since === null || isYoung(since, moment.at);
  const flags = flagsOf({
    ordered,
    paidStatuses: store.paidStatuses,
    paid: state.paid,
    refunds: order.refunds,
    lines,
  });

  const customer = await bringCustomer(trx, moment, store, order, ordered, newest, came, flags);
  order.customerId = customer.id;
  const opens = lines.some(
    (line) => !line.quiet && line.packageVersionId && bought.get(line.packageVersionId)?.opensTicket,
  );
  const opened = state.everPaid && opens && order.ticketId === null;
  if (opened) {
    const isOld = imported?.matched === true && !imported.isRecent;
    order.ticketId = await bringTicket(trx, moment, customer, newest, lines, orderId, isOld);
  } else if (imported?.matched && state.everPaid && order.ticketId === null) {
    order.ticketId = await waitingTicket(trx, moment, customer, orderId, moment.at);
  }
  await saveOrder(trx, { ...order, reviewFlags: flags }, newest, moment.at);
  const ticket = order.ticketId ? await findTicket(trx, order.ticketId) : null;
  if (ticket && newest.customerNote.trim() !== '') {
    const said = await addMessage(
      trx,
      { ...moment, actor: { kind: 'customer', id: customer.id, name: customer.name } },
      {
        ticketId: ticket.id,
        direction: 'in',
        channel: 'order_note',
        kind: 'customer',
        messageKey: `order:${orderId}:note`,
        body: newest.customerNote,
        status: 'received',
      },
    );
    // On a ticket that people write on already it is a word like any other: replies must have seen it.
    if (said && ticket.createdAt !== moment.at) await customerWordWritten(trx, moment, ticket.id);
  }
  if (opened && ticket && mayGreet) {
    await tellOfTicket(ctx, trx, moment, {
      store,
      order,
      customer,
      ticket,
      isPaid: state.paid,
      lines,
      bought,
    });
  }
  await bringToOrder(trx, moment, {
    orderId,
    customerId: customer.id,
    claims: claimsOf(store, order, lines, { bought, since, ticketFamilyId: ticket?.familyId ?? null }, flags),
    reason: `order ${order.number}: ${order.status}`,
  });
  const takesBack = !state.paid || (order.refunds ?? []).length > 0;
  if (store.privateRefundNotes && state.everPaid && takesBack) {
    await noteUsedCredits(ctx, trx, moment, { store, order });
  }
  if (flags.includes('quantity-too-large')) {
    await saveOrder(trx, { ...order, reviewFlags: flags }, newest, moment.at);
  }
  return true;
}

/** The buyer is told what was bought by Zeton or by the shop, never by both; and the order, which ticket serves it. */
async function tellOfTicket(
  ctx: Context,
  trx: Trx,
  moment: Moment,
  told: {
    store: Store;
    order: Order;
    customer: Customer;
    ticket: Ticket;
    isPaid: boolean;
    lines: OrderLine[];
    bought: Map<string, PackageVersion>;
  },
): Promise<void> {
  const { store, order, customer, ticket } = told;
  const canWrite =
    store.customerNote === 'shop' || store.writeTicketMeta ? await canWriteTo(ctx, trx, store) : false;
  if (canWrite && store.writeTicketMeta) await writeTicketMeta(ctx, trx, moment, { store, order, ticket });
  if (!told.isPaid || store.customerNote === 'off') return;
  const bought = told.lines.flatMap((line) => {
    const version = line.packageVersionId ? told.bought.get(line.packageVersionId) : undefined;
    return version ? [{ version, units: wantedUnits(line) }] : [];
  });
  // A shop that cannot be written to cannot mail: then the buyer is greeted as where nothing is set.
  if (store.customerNote === 'shop' && canWrite) {
    await mailByShop(ctx, trx, moment, { store, order, ticketId: ticket.id, customer, bought });
    return;
  }
  await greetCustomer(trx, moment, {
    ticketId: ticket.id,
    orderId: order.id,
    orderNumber: order.number,
    store,
    customer,
    bought,
  });
}

function claimsOf(
  store: Store,
  order: Order,
  lines: OrderLine[],
  terms: { bought: Map<string, PackageVersion>; since: string | null; ticketFamilyId: string | null },
  flags: ReviewFlag[],
): OrderClaim[] {
  const { bought, since } = terms;
  return lines.flatMap((line) => {
    const version = line.packageVersionId ? bought.get(line.packageVersionId) : undefined;
    if (!version) return [];
    const units = order.paid ? wantedUnits(line) : 0;
    return version.grants.map(({ meter, quantity }): OrderClaim => {
      const wanted = units * quantity;
      const tooLarge = wanted > limits.creditQuantityMax;
      if (tooLarge && !flags.includes('quantity-too-large')) flags.push('quantity-too-large');
      return {
        grantKey: `woo:${store.slug}:${order.wooId}:line:${line.wooLineId}:${meter}`,
        orderLineId: line.id,
        packageVersionId: version.id,
        meter,
        // Nobody buys a million credits in one line; a person looks before they are given.
        wanted: tooLarge ? 0 : wanted,
        smsUnit: version.smsUnit,
        videoBlockMinutes: version.videoBlockMinutes,
        priceList: meter === 'any' ? version.priceList : null,
        scope: version.scope,
        ticketFamilyId: version.scope === 'ticket' ? terms.ticketFamilyId : null,
        expiresAt:
          version.validityDays === null || since === null
            ? null
            : endOfDayAfter(since, version.validityDays, store.timeZone),
      };
    });
  });
}

/** Identity is taken from the newest snapshot that identifies somebody; details from every snapshot, the newest first. */
async function bringCustomer(
  trx: Trx,
  moment: Moment,
  store: Store,
  order: Order,
  ordered: {
    id: string;
    contentSha256: string;
    wooCustomerId: number | null;
    emailNormalised: string | null;
  }[],
  newest: OrderPayload,
  came: { payload: OrderPayload; contentSha256: string }[],
  flags: ReviewFlag[],
): Promise<Customer> {
  const who = ordered.find((s) => s.wooCustomerId !== null || s.emailNormalised !== null);
  const payload = who && who.id !== ordered[0]?.id ? await payloadOf(trx, who.id) : newest;
  const identity = {
    wooCustomerId: who?.wooCustomerId ?? null,
    emailNormalised: who?.emailNormalised ?? null,
  };
  const about = { storeId: store.id, identity, wooOrderId: order.wooId };
  let wanted = await customerOfBuyer(trx, moment, {
    ...about,
    ...detailsIn(payload, store, order, who?.contentSha256 ?? ''),
  });
  for (const { payload: told, contentSha256: hash } of came) {
    const sameBuyer =
      told.wooCustomerId === identity.wooCustomerId &&
      normaliseEmail(told.billing.email) === identity.emailNormalised;
    if (!sameBuyer) continue;
    wanted = await customerOfBuyer(trx, moment, { ...about, ...detailsIn(told, store, order, hash) });
  }
  if (order.customerId === null || order.customerId === wanted.id) return wanted;
  if (await mayMove(trx, order, { from: order.customerId, to: wanted.id })) {
    if (order.ticketId !== null) {
      await moveTicket(trx, moment, { ticketId: order.ticketId, customerId: wanted.id });
    }
    return wanted;
  }
  flags.push('customer-changed');
  return (await findCustomer(trx, order.customerId)) as Customer;
}

function detailsIn(payload: OrderPayload, store: Store, order: Order, contentHash: string) {
  const { billing } = payload;
  return {
    details: {
      name: billing.name,
      // A placeholder reaches nobody, and must not replace an address that does.
      email: normaliseEmail(billing.email) === null ? '' : billing.email,
      phone: billing.phone,
      phoneE164: phoneToE164(billing.phone, billing.country, store.country) ?? '',
      country: billing.country,
      locale: localeOf(payload.meta, billing.country, store.locale),
    },
    asOf: `${payload.dateModifiedGmt} ${String(order.wooId).padStart(12, '0')} ${contentHash}`,
  };
}

/**
 * An order goes to another customer only while nothing of its credits is held, used or corrected, and nobody has
 * written on its ticket: a conversation is not handed to a stranger. Locks ticket, then balances, before it looks.
 */
async function mayMove(trx: Trx, order: Order, { from, to }: { from: string; to: string }): Promise<boolean> {
  if (order.ticketId !== null) {
    const ticket = await lockTicket(trx, order.ticketId);
    if (ticket?.origin !== 'order' || ticket.firstRepliedAt !== null) return false;
    if ((await countOrdersOfTicket(trx, order.ticketId)) > 1) return false;
    if (await hasConversation(trx, order.ticketId)) return false;
  }
  const grants = await lockedGrantsOfOrder(trx, { orderId: order.id, customerIds: [from, to] });
  return grants.every(
    (grant) =>
      grant.customerId !== from ||
      (grant.held === 0 && grant.used === 0 && grant.revoked === grant.orderRevoked),
  );
}

async function bringTicket(
  trx: Trx,
  moment: Moment,
  customer: Customer,
  newest: OrderPayload,
  lines: OrderLine[],
  orderId: string,
  isOld: boolean,
): Promise<string> {
  // A link that was sent lately asked for an order of today, not for one that is imported.
  const topUpSince = isOld
    ? moment.at
    : iso(addSeconds(new Date(moment.at), -limits.topUpAdoptionDays * 86_400));
  const waiting = await waitingTicket(trx, moment, customer, orderId, topUpSince);
  if (waiting) return waiting;
  const names = lines.filter((line) => line.packageVersionId !== null).map((line) => line.name);
  const subject = `${[...new Set(names)].join(', ')} · #${newest.number}`.slice(0, limits.subjectChars);
  const opened = await openTicket(trx, moment, {
    storeId: customer.storeId,
    customerId: customer.id,
    subject,
    origin: 'order',
    solved: isOld,
  });
  return opened.id;
}

/** Somebody wrote by SMS from the number that now stands on an order: until then nothing but the number was known. */
async function ticketOfNumber(
  trx: Trx,
  moment: Moment,
  { id: customerId, storeId, phoneE164 }: Customer,
  topUpSince: string,
): Promise<Ticket | null> {
  const writer = phoneE164 ? await findByOnlyPhone(trx, storeId, phoneE164) : null;
  const waiting = writer ? await ticketToAdopt(trx, { customerId: writer.id, topUpSince }) : null;
  if (waiting) await moveTicket(trx, moment, { ticketId: waiting.id, customerId });
  return waiting;
}

/** Who wrote before they had paid, or was sent a link to buy, is answered there. */
async function waitingTicket(
  trx: Trx,
  moment: Moment,
  customer: Customer,
  orderId: string,
  topUpSince: string,
): Promise<string | null> {
  const waiting =
    (await ticketToAdopt(trx, { customerId: customer.id, topUpSince })) ??
    (await ticketOfNumber(trx, moment, customer, topUpSince));
  if (waiting) await adoptUnpaidTicket(trx, moment, { ticketId: waiting.id, orderId });
  return waiting?.id ?? null;
}
