/** What is written, by kind. */
export type Content =
  /** As HTML, and on which ticket it is told that the customer was written to. */
  | { text: string; ticketId?: string }
  | { meta: Record<string, string> }
  | { coupon: { amount: string; kind: 'fixed_cart' | 'percent'; email: string | null; expires: string } };

/**
 * Is it the same note? WordPress drops backslashes, and gives quotes and entities back as it likes: letters and digits
 * stay as they are.
 */
export function bothSame(one: string, other: string): boolean {
  return essence(one) === essence(other);
}

function essence(text: string): string {
  return text
    .replace(/<[^>]*>/g, ' ')
    .replace(/&[a-z0-9#]{1,8};/gi, ' ')
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();
}

const AWAY = new Set(['unreachable', 'timed-out', 'too-many-requests', 'shop-too-busy']);
const OF_ONE = new Set(['refused', 'not-found', 'coupon-exists']);

/** The shop takes nothing now: no use in asking for the next one. */
export function isShopAway(code: string): boolean {
  return AWAY.has(code);
}

/** Waits for a person, and so would everything else: keys, address, certificate. */
export function isOfWholeShop(problem: { code: string; passes: boolean }): boolean {
  return !problem.passes && !OF_ONE.has(problem.code);
}
