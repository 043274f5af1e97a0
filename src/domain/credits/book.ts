import type { Trx } from '../../platform/db';
import type { Moment } from '../../platform/moment';
import { assert } from '../../platform/refusal';
import { AMOUNTS, type EntryType, excessOf, type Grant, isLive, type Meter, MOVES } from './rules';
import {
  type Entry,
  insertEntries,
  insertGrants,
  lockBalance,
  type Sums,
  saveBalance,
  updateGrant,
} from './store';

/** Why an entry is written. */
export interface Cause {
  kind: Entry['causeKind'];
  id: string | null;
  reason?: string | null;
  holdId?: string | null;
}

/**
 * One customer's ledger, opened for writing inside a transaction: the balance row is locked, entries are posted in
 * memory, and close() writes entries, grants and balance. Nobody else writes the credit tables.
 */
export interface Book {
  post(grant: Grant, type: EntryType, quantity: number, cause: Cause): void;
  /** A grant that does not exist yet; the row is written by close(). */
  add(grant: Grant): void;
  /** Terms (not amounts) of a known grant were changed by the caller. */
  changedTerms(grant: Grant): void;
  /** Brings a grant to rest: first what its order takes back, then what is past its expiry. */
  settle(grant: Grant, cause: Cause): void;
  close(): Promise<void>;
}

export async function openBook(trx: Trx, moment: Moment, customerId: string): Promise<Book> {
  const { seq: fromSeq, sums } = await lockBalance(trx, customerId);
  return makeBook(trx, moment, customerId, fromSeq, sums);
}

function makeBook(trx: Trx, moment: Moment, customerId: string, fromSeq: number, sums: Sums): Book {
  const entries: Entry[] = [];
  const added = new Set<Grant>();
  const before = new Map<Grant, Grant>();
  const terms = new Set<Grant>();
  const meters = new Set<Meter>();
  let seq = fromSeq;

  const book: Book = {
    add(grant) {
      added.add(grant);
    },
    changedTerms(grant) {
      if (!before.has(grant)) before.set(grant, { ...grant });
      terms.add(grant);
    },
    post(grant, type, quantity, cause) {
      assert(grant.customerId === customerId, 'a grant is written in its own customer’s book');
      assert(Number.isSafeInteger(quantity) && quantity >= 0, `whole credits, not ${quantity}`);
      if (quantity === 0) return;
      if (!before.has(grant)) before.set(grant, { ...grant });
      const { from, to } = MOVES[type];
      for (const amounts of [grant, sums[grant.meter]]) {
        if (from) amounts[from] -= quantity;
        else amounts.granted += quantity;
        amounts[to] += quantity;
      }
      if (type === 'revoke') grant.orderRevoked += quantity;
      if (type === 'reinstate') grant.orderRevoked -= quantity;
      assert(from === null || grant[from] >= 0, `${type} of ${quantity} leaves ${from} below zero`);
      meters.add(grant.meter);
      seq += 1;
      entries.push({
        id: moment.ids.next(),
        customerId,
        seq,
        grantId: grant.id,
        meter: grant.meter,
        type,
        quantity,
        holdId: cause.holdId ?? null,
        causeKind: cause.kind,
        causeId: cause.id,
        reason: cause.reason ?? null,
        actor: moment.actor,
        availableAfter: sums[grant.meter].available,
        at: moment.at,
      });
    },
    settle(grant, cause) {
      book.post(grant, 'revoke', Math.min(excessOf(grant), grant.available), cause);
      if (!isLive(grant, moment.at)) {
        book.post(grant, 'expire', grant.available, { ...cause, kind: 'expiry', reason: null });
      }
    },
    async close() {
      await insertGrants(trx, [...added]);
      for (const [grant, was] of before) {
        if (added.has(grant)) continue;
        const moved = AMOUNTS.some((amount) => grant[amount] !== was[amount]);
        if (moved || terms.has(grant)) await updateGrant(trx, grant, was, { terms: terms.has(grant) });
      }
      await insertEntries(trx, entries);
      if (seq === fromSeq) return;
      const saved = await saveBalance(trx, customerId, { fromSeq, toSeq: seq, sums, meters });
      assert(saved, 'the balance row is locked by this transaction');
    },
  };
  return book;
}
