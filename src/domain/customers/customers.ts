import type { Trx } from '../../platform/db';
import { lockName } from '../../platform/dialect';
import type { Moment } from '../../platform/moment';
import { assert } from '../../platform/refusal';
import { countryOfPhone, type Details, type Identity, localeOf, mergeDetails } from './rules';
import {
  attachWooId,
  type Customer,
  findByEmail,
  findByOnlyOrder,
  findByOnlyPhone,
  findByWooId,
  findCustomer,
  insertCustomer,
  saveDetails,
} from './store';

export interface Buyer {
  storeId: string;
  identity: Identity;
  /** The order that names the buyer; alone identifies a buyer whom nothing else does. */
  wooOrderId: number;
  details: Details;
  /** State of the shop that the details are from: date_modified_gmt and order id. */
  asOf: string;
}

/**
 * Find or make the customer that an order names.
 * Shape:   Buyer → Customer
 * Writes:  customers
 * Repeat:  the same buyer → the same customer; two workers at once agree on one
 * Source:  DESIGN §3 "Customer"
 */
export async function customerOfBuyer(trx: Trx, moment: Moment, buyer: Buyer): Promise<Customer> {
  // Two orders of one person at once: without this, one by account and one by address would make two customers.
  for (const key of keysOf(buyer)) await lockName(trx, key);
  // Each round that finds nobody and cannot make one lost a race, and finds the winner's row in the next.
  for (let round = 0; round < 3; round++) {
    const found = await identify(trx, moment, buyer);
    if (found) return refresh(trx, moment, found, buyer, found.wooCustomerId !== null);
    const id = moment.ids.next();
    const { wooCustomerId, emailNormalised } = buyer.identity;
    const asOf = Object.fromEntries(
      Object.entries(buyer.details).map(([field, value]) => [field, value === '' ? '' : buyer.asOf]),
    );
    const made = await insertCustomer(trx, {
      id,
      storeId: buyer.storeId,
      identity: buyer.identity,
      onlyOrderWooId: wooCustomerId === null && emailNormalised === null ? buyer.wooOrderId : null,
      details: buyer.details,
      asOf,
      at: moment.at,
    });
    if (made) return (await findCustomer(trx, id)) as Customer;
  }
  throw new Error(`no customer could be found or made for order ${buyer.wooOrderId}`);
}

/**
 * Find or make the customer who wrote from a number that no order has named.
 * Shape:   { storeId, phoneE164, storeLocale } → Customer, known by the number alone
 * Writes:  customers
 * Repeat:  the same number → the same customer; two workers at once agree on one
 * Source:  DESIGN §3 "Someone writes who has not paid"
 */
export async function customerOfPhone(
  trx: Trx,
  moment: Moment,
  input: { storeId: string; phoneE164: string; storeLocale: string },
): Promise<Customer> {
  const { storeId, phoneE164, storeLocale } = input;
  await lockName(trx, `customer:${storeId}:phone:${phoneE164}`);
  const known = await findByOnlyPhone(trx, storeId, phoneE164);
  if (known) return known;
  const id = moment.ids.next();
  const country = countryOfPhone(phoneE164);
  const locale = localeOf([], country, storeLocale);
  await insertCustomer(trx, {
    id,
    storeId,
    identity: { wooCustomerId: null, emailNormalised: null },
    onlyOrderWooId: null,
    details: { name: '', email: '', phone: phoneE164, phoneE164, country, locale },
    asOf: {},
    at: moment.at,
  });
  return (await findCustomer(trx, id)) as Customer;
}

/**
 * Find or make the customer who wrote from an address that no order has named.
 * Shape:   { storeId, email, emailNormalised, name, storeLocale } → Customer; of several with the address, the guest
 * Writes:  customers
 * Repeat:  the same address → the same customer; two workers at once agree on one
 * Source:  DESIGN §3 "Someone writes who has not paid"
 */
export async function customerOfEmail(
  trx: Trx,
  moment: Moment,
  input: { storeId: string; email: string; emailNormalised: string; name: string; storeLocale: string },
): Promise<Customer> {
  const { storeId, email, emailNormalised, name, storeLocale } = input;
  await lockName(trx, `customer:${storeId}:email:${emailNormalised}`);
  const known = await findByEmail(trx, storeId, emailNormalised);
  if (known) return known;
  const id = moment.ids.next();
  await insertCustomer(trx, {
    id,
    storeId,
    identity: { wooCustomerId: null, emailNormalised },
    onlyOrderWooId: null,
    details: { name, email, phone: '', phoneE164: '', country: '', locale: storeLocale },
    // What an order says of them later is newer than how they signed a mail.
    asOf: {},
    at: moment.at,
  });
  const made = await findByEmail(trx, storeId, emailNormalised);
  assert(made, 'a customer that was made, here or by another, is found');
  return made;
}

function keysOf({ storeId, identity, wooOrderId }: Buyer): string[] {
  const { wooCustomerId, emailNormalised } = identity;
  const keys = [
    ...(wooCustomerId === null ? [] : [`account:${wooCustomerId}`]),
    ...(emailNormalised === null ? [] : [`email:${emailNormalised}`]),
  ];
  return (keys.length > 0 ? keys : [`order:${wooOrderId}`]).map((key) => `customer:${storeId}:${key}`).sort();
}

async function identify(trx: Trx, moment: Moment, buyer: Buyer): Promise<Customer | null> {
  const { wooCustomerId, emailNormalised } = buyer.identity;
  if (wooCustomerId === null && emailNormalised === null) {
    return findByOnlyOrder(trx, buyer.storeId, buyer.wooOrderId);
  }
  const byId = wooCustomerId === null ? null : await findByWooId(trx, buyer.storeId, wooCustomerId);
  if (byId || emailNormalised === null) return byId;
  const byEmail = await findByEmail(trx, buyer.storeId, emailNormalised);
  if (!byEmail || wooCustomerId === null) return byEmail;
  if (byEmail.wooCustomerId !== null) return null; // somebody else's account with the same address
  return (await attachWooId(trx, byEmail.id, wooCustomerId, moment.at))
    ? { ...byEmail, wooCustomerId }
    : identify(trx, moment, buyer);
}

/**
 * An account keeps its address and number: what somebody typed into an order's billing fields must not lead a shop
 * account's mail, or its later orders, to another person. Only what was not known at all is taken.
 */
function withoutContacts(known: Details, told: Details): Details {
  return {
    ...told,
    email: known.email === '' ? told.email : '',
    phone: known.phone === '' ? told.phone : '',
    phoneE164: known.phoneE164 === '' ? told.phoneE164 : '',
  };
}

/**
 * What an account of the shop says of itself: its own address and number count, since only its owner and the shop change
 * those. The address by which orders find the customer stays.
 * Shape:   { storeId, wooCustomerId, details, asOf } → false: no customer has this account
 * Writes:  customers
 */
export async function refreshAccount(
  trx: Trx,
  moment: Moment,
  told: { storeId: string; wooCustomerId: number; details: Details; asOf: string },
): Promise<boolean> {
  const found = await findByWooId(trx, told.storeId, told.wooCustomerId);
  if (!found) return false;
  await refresh(trx, moment, found, told, false);
  return true;
}

async function refresh(
  trx: Trx,
  moment: Moment,
  found: Customer,
  said: { details: Details; asOf: string },
  keepsContacts: boolean,
): Promise<Customer> {
  let customer = found;
  for (let round = 0; round < 3; round++) {
    const known: Details = {
      name: customer.name,
      email: customer.email ?? '',
      phone: customer.phone ?? '',
      phoneE164: customer.phoneE164 ?? '',
      country: customer.country ?? '',
      locale: customer.locale,
    };
    const told = keepsContacts ? { ...said, details: withoutContacts(known, said.details) } : said;
    const next = mergeDetails({ details: known, asOf: customer.detailsAsOf }, told);
    if (!next || (await saveDetails(trx, customer, { ...next, at: moment.at }))) {
      return (await findCustomer(trx, customer.id)) as Customer;
    }
    customer = (await findCustomer(trx, customer.id)) as Customer;
  }
  assert(false, 'a customer row that this transaction wrote to cannot change under it');
}
