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
 * of today. A line that has a package keeps it, whatever an import says.
 * Shape:   the order as the shop lists it, its lines → how the order is treated from now on
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
    catalogVersion: number;
    paidSince: string | null;
  },
): Promise<{ matched: boolean; isRecent: boolean; greets: boolean }> {
  const version = (await versionsByIds(trx, [importing.packageVersionId])).get(importing.packageVersionId);
  if (!version) throw new Error(`the import ${importing.importId} has a package version`);
  const isRecent = isYoung(order.payload.dateCreatedGmt, moment.at);
  const greets = importing.greets && !isExpired(version, store, order.paidSince, moment.at);
  let matched = false;
  for (const item of order.payload.lines) {
    const line = order.lines.find(({ wooLineId }) => wooLineId === item.wooLineId);
    if (!line || line.packageVersionId !== null) continue;
    const { variationId, productId, sku } = item;
    const found = await packageForLine(trx, store.id, { variationId, productId, sku }, order.catalogVersion);
    if (found?.packageId !== importing.packageId) continue;
    line.packageVersionId = version.id;
    line.importId = importing.importId;
    // Credits that are bound to a ticket need one, however old the order is.
    line.quiet = !isRecent && !greets && version.scope !== 'ticket';
    await saveLine(trx, order.id, line, false);
    matched = true;
  }
  return { matched, isRecent, greets };
}

function isYoung(createdGmt: string | null, at: string): boolean {
  const from = iso(addSeconds(new Date(at), -limits.importTicketDays * 86_400));
  return createdGmt !== null && `${createdGmt}.000Z` >= from;
}

function isExpired(version: PackageVersion, store: Store, since: string | null, at: string): boolean {
  if (version.validityDays === null || since === null) return false;
  return endOfDayAfter(since, version.validityDays, store.timeZone) <= at;
}
