import { addSeconds, iso } from '../../platform/clock';
import { limits } from '../../platform/limits';

/** orders: what changed since the last time. sweep: refunds and existence of all recent orders. */
export type SyncKind = 'orders' | 'sweep';

/** GMT without zone and to the second, as WooCommerce writes it. */
export function bareGmt(instant: string): string {
  return instant.slice(0, 19);
}

/** Where the next walk begins: before its cursor, since clocks differ and what is changed in one second comes piecemeal. */
export function walkFrom(readUntil: string): string {
  return iso(addSeconds(new Date(`${readUntil}Z`), -limits.syncOverlapSeconds));
}

/** Where a sweep begins. */
export function sweepFrom(now: Date): string {
  return iso(addSeconds(now, -limits.sweepDays * 86_400));
}

/**
 * The cursor of a walk after one more order: the newest change it saw, by the shop's clock, so that a shop whose clock is
 * behind loses nothing. A date in the future says nothing about what was read, and would skip all until then.
 */
export function readUntilAfter(before: string, seen: string, startedAt: string): string {
  return seen > before && seen <= bareGmt(startedAt) ? seen : before;
}

/** The shop does not answer: the pause before it is asked again by itself. */
export function pauseAfterFailure(failures: number): number {
  return Math.min(limits.syncBackoffFirstSeconds * 2 ** (failures - 1), limits.syncBackoffCapSeconds);
}

/** One state of an order that is known already. */
export interface KnownState {
  contentSha256: string;
  factsSha256: string;
  dateModifiedGmt: string;
}

export interface KnownOrder {
  status: string;
  dateModifiedGmt: string | null;
  gone: boolean;
  reviewFlags: string[];
  states: KnownState[];
}

/** What the shop lists, as far as it is compared. */
export interface Listed {
  status: string;
  dateModifiedGmt: string;
  contentSha256: string;
}

/** Flags that a further look at the shop may settle. */
const UNSETTLED = ['same-second-conflict', 'refunds-not-readable'];

/** The order stands exactly as the shop lists it: nothing to do. */
export function isSettled(known: KnownOrder | undefined, listed: Listed): boolean {
  return (
    known !== undefined &&
    !known.gone &&
    known.status === listed.status &&
    known.dateModifiedGmt === listed.dateModifiedGmt &&
    !known.reviewFlags.some((flag) => UNSETTLED.includes(flag)) &&
    known.states.some((state) => state.contentSha256 === listed.contentSha256)
  );
}

/**
 * Is it news, and not only told in other words? Plugins and the checkout clean up meta without a new date, and nobody
 * would call that a lost webhook.
 */
export function isNews(
  known: KnownOrder | undefined,
  listed: { dateModifiedGmt: string; factsSha256: string },
): boolean {
  return !known?.states.some(
    (state) => state.factsSha256 === listed.factsSha256 && state.dateModifiedGmt >= listed.dateModifiedGmt,
  );
}

/** A webhook should have told it: the order has a newer date than any known state. Deleting a refund, e.g., tells nobody. */
export function hasNewerDate(known: KnownOrder | undefined, dateModifiedGmt: string): boolean {
  return !known?.states.some((state) => state.dateModifiedGmt >= dateModifiedGmt);
}

/** Changes that no webhook announced. */
export interface Unannounced {
  count: number;
  /** When the first of them was found; null: there is none. */
  since: string | null;
}

/** After a walk: more of them, or none as soon as a webhook came after the first. */
export function unannouncedAfter(
  before: Unannounced,
  walk: { count: number; startedAt: string; lastDeliveryAt: string | null },
): Unannounced {
  const since = before.since ?? (walk.count > 0 ? walk.startedAt : null);
  if (since === null || (walk.lastDeliveryAt !== null && walk.lastDeliveryAt > since)) {
    return { count: 0, since: null };
  }
  return { count: before.count + walk.count, since };
}

/** Orders changed, and for so long no webhook came: not only late. */
export function isSilent(unannouncedSince: string | null, lastDeliveryAt: string | null, now: Date): boolean {
  return (
    unannouncedSince !== null &&
    (lastDeliveryAt === null || lastDeliveryAt <= unannouncedSince) &&
    unannouncedSince <= iso(addSeconds(now, -limits.webhookSilenceSeconds))
  );
}
