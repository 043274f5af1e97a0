import { type OrderLine, type OrderPayload, saveLine } from '../domain/orders';
import { type PackageVersion, packageForLine, versionsByIds } from '../domain/packages';
import type { Store } from '../domain/stores';
import { addSeconds, iso } from '../platform/clock';
import type { Trx } from '../platform/db';
import { limits } from '../platform/limits';
import type { Moment } from '../platform/moment';
import { endOfDayAfter } from '../platform/time-zone';

/** An import that a person started: which package the lines may take that have none. */
export interface Importing {
  importId: string;
  packageId: string;
  packageVersionId: string;
  /** Greet the buyers whose credits have not expired yet; else nobody. */
  greets: boolean;
}

/**
 * Give the lines of an order that have no package the one that is imported, where they are its product by the catalogue
 * of today. A line that had a package before keeps it. One that the import is the first to show is imported as well,
 * whatever package it found by itself: its buyer bought long ago, and is left in peace all the same.
 * Shape:   the order as the shop lists it, its lines, those of them that are new → how the order is treated from now on
 * Writes:  order_lines
 * Repeat:  harmless: a line that was given one has one
 */
export async function matchImportedLines(
  trx: Trx,
  moment: Moment,
  store: Store,
  importing: Importing,
  order: {
    id: string;
    payload: OrderPayload;
    lines: OrderLine[];
    newLineIds: ReadonlySet<string>;
    catalogVersion: number;
    paidSince: string | null;
  },
): Promise<{ matched: boolean; isRecent: boolean; greets: boolean }> {
  const isRecent = isYoung(order.payload.dateCreatedGmt, moment.at);
  const own = await versionsByIds(trx, [
    importing.packageVersionId,
    ...order.lines.flatMap((l) => l.packageVersionId ?? []),
  ]);
  const matched: { line: OrderLine; version: PackageVersion }[] = [];
  for (const item of order.payload.lines) {
    const line = order.lines.find(({ wooLineId }) => wooLineId === item.wooLineId);
    if (!line || (line.packageVersionId !== null && !order.newLineIds.has(line.id))) continue;
    const { variationId, productId, sku } = item;
    const found = await packageForLine(trx, store.id, { variationId, productId, sku }, order.catalogVersion);
    const versionId =
      found?.packageId === importing.packageId ? importing.packageVersionId : line.packageVersionId;
    const version = versionId === null ? undefined : own.get(versionId);
    if (version) matched.push({ line, version });
  }
  const greets =
    importing.greets && matched.some(({ version }) => !isExpired(version, store, order.paidSince, moment.at));
  for (const { line, version } of matched) {
    line.packageVersionId = version.id;
    line.importId = importing.importId;
    // Credits that are bound to a ticket need one, however old the order is.
    line.quiet = !isRecent && !greets && version.scope !== 'ticket';
    await saveLine(trx, order.id, line, false);
  }
  return { matched: matched.length > 0, isRecent, greets };
}

/** Bought so lately that help may still be wanted. */
export function isYoung(gmt: string | null, at: string): boolean {
  const from = iso(addSeconds(new Date(at), -limits.importTicketDays * 86_400));
  return gmt !== null && `${gmt}.000Z` >= from;
}

function isExpired(version: PackageVersion, store: Store, since: string | null, at: string): boolean {
  if (version.validityDays === null || since === null) return false;
  return endOfDayAfter(since, version.validityDays, store.timeZone) <= at;
}
