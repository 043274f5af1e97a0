import type { Db } from '../../platform/db';
import type { OrderPayload, Refund } from './payload';
import { readOrderBody } from './payload';
import {
  compareNewestFirst,
  compareOldestFirst,
  hasMoneyOnlyRefund,
  isNewestAmbiguous,
  type ReviewFlag,
  refundedQuantity,
  type Snapshot,
} from './rules';
import { type OrderLine, snapshotBody } from './store';

/** Known snapshots, newest first. */
export function newestFirst(snapshots: Snapshot[], paidStatuses: string[]): Snapshot[] {
  return [...snapshots].sort((a, b) => compareNewestFirst(a, b, paidStatuses));
}

export async function payloadOf(db: Db, snapshotId: string): Promise<OrderPayload> {
  const body = readOrderBody(await snapshotBody(db, snapshotId));
  if (body.kind !== 'order') throw new Error(`snapshot ${snapshotId} is no order`);
  return body.order;
}

export interface LineChange {
  line: OrderLine;
  isNew: boolean;
  isChanged: boolean;
  /** The oldest snapshot that shows the line changed: what it bought has to be matched (again). */
  rematch: {
    variationId: number;
    productId: number;
    sku: string | null;
    orderCreatedGmt: string | null;
  } | null;
}

/**
 * Brings the known lines up to date with one more snapshot and with the newest one.
 * Shape:   known lines, the snapshot that came (null: none), the newest payload → the lines with what changed
 * Source:  DESIGN §3: frozen on the oldest snapshot; quantity from the newest; a line that is gone has 0
 */
export function bringLines(
  known: OrderLine[],
  came: { snapshot: Snapshot; payload: OrderPayload } | null,
  newest: OrderPayload,
  input: {
    snapshots: Snapshot[];
    paidStatuses: string[];
    refunds: Refund[];
    catalogVersion: number;
    newId: () => string;
  },
): LineChange[] {
  const changes: LineChange[] = known.map((line) => ({
    line: { ...line },
    isNew: false,
    isChanged: false,
    rematch: null,
  }));
  for (const item of came?.payload.lines ?? []) {
    const { snapshot } = came as { snapshot: Snapshot };
    const { variationId, productId, sku } = item;
    const rematch = { variationId, productId, sku, orderCreatedGmt: snapshot.dateCreatedGmt };
    const change = changes.find((candidate) => candidate.line.wooLineId === item.wooLineId);
    if (!change) {
      const line: OrderLine = {
        id: input.newId(),
        wooLineId: item.wooLineId,
        name: item.name,
        quantity: 0,
        refundedQuantity: 0,
        oldestSnapshotId: snapshot.id,
        catalogVersion: input.catalogVersion,
        packageVersionId: null,
        wooProductId: variationId || productId || null,
        importId: null,
        quiet: false,
      };
      changes.push({ line, isNew: true, isChanged: true, rematch });
      continue;
    }
    const oldest = input.snapshots.find((candidate) => candidate.id === change.line.oldestSnapshotId);
    const here = { snapshot, hasProduct: variationId > 0 || productId > 0 };
    const isOlder =
      oldest &&
      oldest.id !== snapshot.id &&
      compareOldestFirst(
        here,
        { snapshot: oldest, hasProduct: change.line.wooProductId !== null },
        input.paidStatuses,
      ) < 0;
    if (isOlder) {
      change.line.oldestSnapshotId = snapshot.id;
      // What an import gave stays: it is a person's decision, and not of the order's snapshots.
      if (change.line.importId === null) change.rematch = rematch;
      change.line.wooProductId = variationId || productId || null;
      change.isChanged = true;
    }
  }
  for (const change of changes) {
    const { line } = change;
    const item = newest.lines.find((candidate) => candidate.wooLineId === line.wooLineId);
    const before = `${line.name} ${line.quantity} ${line.refundedQuantity}`;
    if (item) line.name = item.name;
    line.quantity = item?.quantity ?? 0;
    line.refundedQuantity = refundedQuantity(input.refunds, line.wooLineId, line.quantity);
    change.isChanged ||= before !== `${line.name} ${line.quantity} ${line.refundedQuantity}`;
  }
  return changes;
}

/** The flags that follow from the state alone; `customer-changed` and `quantity-too-large` are added by who sees them. */
export function flagsOf(input: {
  ordered: Snapshot[];
  paidStatuses: string[];
  paid: boolean;
  refunds: Refund[] | null;
  lines: OrderLine[];
}): ReviewFlag[] {
  const flags: ReviewFlag[] = [];
  const newest = input.ordered[0];
  if (isNewestAmbiguous(input.ordered, input.paidStatuses)) flags.push('same-second-conflict');
  if (!input.paid || !newest) return flags;
  if (newest.refundCount > 0 && input.refunds === null) flags.push('refunds-not-readable');
  if (hasMoneyOnlyRefund(input.refunds ?? [])) flags.push('money-only-refund');
  const exceeds = input.lines.some((line) => {
    const told = (input.refunds ?? []).reduce((n, r) => n + (r.quantities[String(line.wooLineId)] ?? 0), 0);
    return told > line.quantity && line.quantity > 0;
  });
  if (exceeds) flags.push('refund-exceeds-line');
  return flags;
}
