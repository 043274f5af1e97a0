import type { Db } from '../../platform/db';
import { isOutage } from '../../platform/dialect';
import { limits } from '../../platform/limits';
import type { Moment } from '../../platform/moment';
import { Refusal } from '../../platform/refusal';
import type { Delivery } from './rules';
import { findDelivery, insertDeliveries, reopen, saveClaimed } from './store';

/** A signed request as it came. */
export interface Arrival {
  storeId: string;
  topic: string;
  headers: Record<string, string>;
  /** Raw bytes. */
  body: Buffer;
}

/**
 * Keep a signed request as it came. One insert, no transaction: its commit is what the sender is told.
 * Shape:   Arrival → Delivery
 * Writes:  deliveries
 * Repeat:  another row; nothing in a request identifies it (the Delivery-ID is not unique)
 * Source:  DESIGN §2.1, §2.10
 */
export async function storeDelivery(db: Db, moment: Moment, arrival: Arrival): Promise<Delivery> {
  const delivery = deliveryOf(moment, arrival);
  await insertDeliveries(db, [delivery]);
  return delivery;
}

/**
 * The same for several at once, with one insert and one commit. Where the database refuses that, each is kept for
 * itself, so that a bad one harms no other.
 * Shape:   → for each its Delivery, or why it was not kept
 */
export async function storeDeliveries(
  db: Db,
  arrivals: { moment: Moment; arrival: Arrival }[],
): Promise<PromiseSettledResult<Delivery>[]> {
  const deliveries = arrivals.map(({ moment, arrival }) => deliveryOf(moment, arrival));
  try {
    await insertDeliveries(db, deliveries);
    return deliveries.map((value) => ({ status: 'fulfilled', value }));
  } catch (error) {
    // A database that is away is away for each of them.
    if (deliveries.length === 1 || isOutage(error)) throw error;
  }
  return Promise.allSettled(arrivals.map(({ moment, arrival }) => storeDelivery(db, moment, arrival)));
}

function deliveryOf(moment: Moment, arrival: Arrival): Delivery {
  return {
    id: moment.ids.next(),
    ...arrival,
    receivedAt: moment.at,
    status: 'pending',
    attempts: 0,
    wooId: null,
    reason: null,
  };
}

/**
 * Say what became of a claimed delivery.
 * Shape:   → false when the lease was lost, and nothing was written: another worker says it
 */
export function finishDelivery(
  db: Db,
  input: {
    id: string;
    owner: string;
    status: 'done' | 'ignored' | 'failed';
    reason?: string | null;
    wooId?: number | null;
    attempts?: number;
    now: string;
  },
): Promise<boolean> {
  return saveClaimed(db, input, {
    status: input.status,
    reason: shorten(input.reason),
    finished_at: input.now,
    ...(input.wooId === undefined ? {} : { woo_id: input.wooId }),
    ...(input.attempts === undefined ? {} : { attempts: input.attempts }),
  });
}

/**
 * Give a claimed delivery back, to be tried again at `nextAttemptAt`. False as in finishDelivery.
 * Shape:   attempts: where the claim was no attempt, the number without it
 */
export function postponeDelivery(
  db: Db,
  input: {
    id: string;
    owner: string;
    nextAttemptAt: string;
    attempts?: number;
    reason?: string | null;
  },
): Promise<boolean> {
  return saveClaimed(db, input, {
    next_attempt_at: input.nextAttemptAt,
    ...(input.attempts === undefined ? {} : { attempts: input.attempts }),
    reason: shorten(input.reason),
  });
}

/**
 * Put a parked delivery back in line, as if it came now.
 * Errors:  not-found, delivery-not-failed {status}
 * Repeat:  refused, as it is pending by then
 */
export async function retryDelivery(db: Db, input: { id: string; now: string }): Promise<Delivery> {
  const delivery = await reopen(db, input.id, input.now);
  if (delivery) return delivery;
  const found = await findDelivery(db, input.id);
  if (!found) throw new Refusal('not-found', 'There is no such delivery.');
  throw new Refusal('delivery-not-failed', 'Only failed and ignored deliveries can be tried again.', {
    delivery_status: found.status,
  });
}

function shorten(reason: string | null | undefined): string | null {
  return reason?.slice(0, limits.reasonChars) ?? null;
}
