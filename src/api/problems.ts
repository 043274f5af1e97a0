import { problemTypes } from '../platform/problem';

/** What the reader of a problem can do about it, by code. `facts`: members beside type, title, status and detail. */
const WORDS: Record<string, { words: string; facts?: string[] }> = {
  'malformed-json': { words: 'The body is not JSON in UTF-8. Correct it, and send it again.' },
  'malformed-request': { words: 'The address or the head of the request cannot be read.' },
  'idempotency-key-required': {
    words:
      'What spends credits needs an Idempotency-Key header: a new one for each new request, the same one to repeat it.',
  },
  unauthenticated: { words: 'Send a token that is in use: Authorization: Bearer TOKEN.' },
  'invalid-signature': { words: 'The webhook was not signed with the secret of this store.' },
  'store-without-secret': {
    words: 'Set the webhook secret of the store first: PATCH /api/v1/stores/{slug}.',
  },
  'insufficient-credits': {
    words:
      'Nothing was spent or sent. When credits were bought or given, the same request with the same key can succeed.',
    facts: ['meter', 'missing', 'available', 'top_up_url'],
  },
  forbidden: { words: 'The token is good, but not for this.', facts: ['required_scope'] },
  'not-found': { words: 'It is not there, or belongs to a store that this token does not see.' },
  'method-not-allowed': { words: 'The header Allow names the methods of this address.' },
  'not-acceptable': { words: 'This address does not speak any of the forms that Accept names.' },
  'idempotency-conflict': { words: 'Take a new key for a new request.' },
  'stale-ticket': {
    words:
      'Somebody wrote on the ticket, or ended it, since it was read. Nothing was sent. Read what is new first.',
    facts: ['version', 'newest_message'],
  },
  'ticket-closed': { words: 'Closed is final. Open a follow-up ticket.' },
  'invalid-transition': { words: 'The ticket cannot go from its status to that one.', facts: ['from', 'to'] },
  'package-match-taken': {
    words: 'A product buys one active package. Change or deactivate the other one first.',
    facts: ['match', 'package_id', 'package_name'],
  },
  'store-slug-taken': { words: 'Choose another slug.', facts: ['slug'] },
  'store-without-keys': {
    words: 'Give the store an address and REST keys first: PATCH /api/v1/stores/{slug}.',
    facts: ['store'],
  },
  'reconciliation-running': { words: 'Wait until it has ended, or read what it found so far.' },
  'package-not-active': { words: 'Put the package on sale first.' },
  'import-running': { words: 'Wait until it has ended, or cancel it.' },
  'coupon-limit': { words: 'Each member of staff can give so many coupons in a month.', facts: ['max'] },
  'delivery-not-failed': {
    words: 'Only failed and ignored deliveries can be processed again.',
    facts: ['delivery_status'],
  },
  'video-session-over': { words: 'Open a new session.' },
  'request-timeout': { words: 'The request stopped arriving before it was complete. Send it again.' },
  'body-too-large': { words: 'Send less at once.', facts: ['limit_bytes'] },
  'unsupported-media-type': { words: 'Send the body as application/json.' },
  'expectation-failed': { words: 'Leave the header Expect out; only 100-continue is known.' },
  'invalid-request': {
    words: 'Each entry of `errors` names a member by its path and says what is wrong with it.',
    facts: ['errors'],
  },
  'no-recipient': { words: 'The customer has no number or address for this channel.', facts: ['channel'] },
  'recipient-opted-out': {
    words:
      'They answered STOP to an SMS. Nothing was sent or charged; send an e-mail, or wait for their START.',
    facts: ['channel'],
  },
  'message-too-long': {
    words: 'An SMS is joined of at most so many segments. Shorten it, or send an e-mail.',
    facts: ['segments_max', 'segments'],
  },
  'too-many-requests': { words: 'Wait as long as Retry-After says.', facts: ['retry_after_seconds'] },
  'headers-too-large': { words: 'Send a shorter address, or fewer and shorter headers.' },
  'internal-error': {
    words:
      'This is our mistake, and it was logged under the request id. A request with a key can be sent again.',
    facts: ['request_id'],
  },
  unavailable: { words: 'Try again after the seconds of Retry-After.' },
};

export interface ProblemType {
  code: string;
  status: number;
  title: string;
  words: string;
  facts: string[];
}

export const allProblems: ProblemType[] = problemTypes().map((problem) => ({
  ...problem,
  words: WORDS[problem.code]?.words ?? '',
  facts: WORDS[problem.code]?.facts ?? [],
}));

export function problemNamed(code: string): ProblemType | undefined {
  return allProblems.find((problem) => problem.code === code);
}
