import type { Principal } from '../domain/access';
import type { Db } from '../platform/db';
import { readCustomer } from './customers.query';
import { notFound, seesStore } from './principal';
import { readTicket, type TicketView } from './tickets.query';

/** What a request may act on: 404 when it is not there, and the same when it is not for this token. */

export async function ticketInSight(db: Db, principal: Principal, id: string): Promise<TicketView> {
  const found = await readTicket(db, id);
  if (!found || !seesStore(principal, found.storeId)) throw notFound('ticket');
  return found.ticket;
}

export async function customerInSight(db: Db, principal: Principal, id: string) {
  const found = await readCustomer(db, id);
  if (!found || !seesStore(principal, found.storeId)) throw notFound('customer');
  return found.customer;
}
