/**
 * RFC 3463 and 7505: there is no such mailbox (5.1.1), no such domain (5.1.2), or it takes no mail at all (5.1.10).
 * Not a full or switched-off mailbox, nor a refusal by rules: those pass, and are about one mail.
 */
const GONE = new Set(['5.1.1', '5.1.2', '5.1.10']);

/** Whether a bounce or refusal with this status means that no later mail arrives either. */
export function isGoneForGood(status: string | null): boolean {
  return status !== null && GONE.has(status);
}
