/** Every limit of Zeton, each with its reason. Times end in their unit. */
export const limits = {
  /** WooCommerce bodies are a few KiB; an order of hundreds of lines with plugin meta stays under 1 MiB. */
  webhookBodyBytes: 5 * 1024 * 1024,
  /** One insert of these together; more rows make it no faster, and other work waits for it. */
  webhookBatch: 50,
  webhookBatchBytes: 8 * 1024 * 1024,
  /** Some seconds of work: who came after them is told 503 now instead of a time-out later. */
  webhooksWaiting: 1_000,
  webhooksWaitingBytes: 64 * 1024 * 1024,
  apiBodyBytes: 1024 * 1024,
  /** The longest message in the most wasteful encoding (%F0%9F%98%80 is one character) and the other fields. */
  formBodyBytes: 2 * 1024 * 1024,
  /** Plugins nest meta as they like; still far from where recursive code would overflow. */
  webhookJsonDepth: 1000,
  /** Deeper JSON than any order has: a cheap attack on recursive code. */
  jsonDepth: 100,
  pageSizeDefault: 50,
  pageSizeMax: 200,
  /** One character more than any help desk shows in one message; e-mail of the same text is still < 1 MiB. */
  messageBodyChars: 100_000,
  /** Of a webhook's body on a page: an order has 10,000; more than this makes the browser slow, and nobody reads it. */
  shownBodyChars: 60_000,
  subjectChars: 500,
  /** Twilio joins at most 10 parts into one message. */
  smsSegmentsMax: 10,
  nameChars: 200,
  /** More tags than this on one ticket sort nothing any more. */
  ticketTags: 50,
  /** RFC 5321: 64 for the local part, 255 for the domain, one for the @. */
  emailChars: 320,
  passwordCharsMin: 10,
  /** Long enough for any sentence, short enough that hashing it is no attack. */
  passwordCharsMax: 256,
  reasonChars: 500,
  idempotencyKeyChars: 255,
  /** More credits than a shop sells in one line; keeps every sum far below 2^53. */
  creditQuantityMax: 1_000_000,
  grantsPerPackage: 20,
  validityDaysMax: 3650,
  videoBlockMinutesMax: 240,

  databasePoolMax: 10,
  databaseAcquireTimeoutMs: 10_000,
  sqliteBusyTimeoutMs: 10_000,
  /** About as many as there are in the code; an insert of so many rows, or a list of so many ids, is one of its own. */
  sqliteStatements: 300,
  /** Of the text and the values of one that is kept. */
  sqliteStatementBytes: 16 * 1024,
  transactionAttempts: 5,

  /** A claimed row whose worker died is taken over after this. */
  leaseSeconds: 60,
  /** First pause of a job loop after an exception; doubled each time up to the cap. */
  workerRetryFirstMs: 1_000,
  workerRetryCapMs: 60_000,
  /** A round is a batch of short transactions and calls that have time-outs of their own: minutes mean that it hangs. */
  workerStallMs: 5 * 60_000,
  workerBatch: 20,
  workerPollMs: 1_000,
  /** A provider that cut us off may still store the message for a while: asking earlier would send it twice. */
  unknownOutcomeWaitSeconds: 15,
  inboxAttempts: 8,
  outboxAttempts: 8,
  /** First wait after a failed attempt; doubled each time, up to the cap. */
  backoffFirstSeconds: 2,
  backoffCapSeconds: 3_600,
  shutdownMs: 10_000,
  /** WooCommerce waits 60 s for an answer, so a body that takes longer has nobody behind it; it also ends slow attacks. */
  requestMs: 60_000,
  requestHeadersMs: 20_000,
  /** A balancer asks every few seconds; longer than this is as good as no answer. */
  readyCheckMs: 2_000,
  /** What a client is told to wait after 429 and 503. */
  retryAfterSeconds: 5,
  /** Exact enough to find tokens that nobody uses; a write for every request would be the dearest part of it. */
  tokenLastUsedSeconds: 60,

  /** To one mail server at once: most allow 10 and more from one address, and 5 empty a batch in a second or two. */
  smtpConnections: 5,
  smtpConnectMs: 8_000,
  /** One mail, waiting for a free connection included. Shorter than a third of the lease: the outbox waits no longer. */
  smtpSendMs: 18_000,
  smsConnectMs: 5_000,
  /** One request to the SMS provider, all in all; shorter than a third of the lease as well. */
  smsRequestMs: 15_000,
  /** Newest messages to one number that are looked through after a request was cut off. */
  smsLookBack: 200,

  /** A customer who does not come is not waited for longer. */
  videoWaitingMinutes: 60,
  /** Both were there and have left: a dropped line comes back within this, otherwise the session is over. */
  videoBothLeftMinutes: 2,
  /** Under this much connected time nothing is charged (DESIGN §3). */
  videoFreeSeconds: 60,
  /** The next block is held this long before the running one ends (DESIGN §3). */
  videoHoldAheadSeconds: 120,
  videoTickSeconds: 5,
  /** A room that says nothing for so long is gone, with whoever was in it: a crash must not drain a customer's credits. */
  videoSilenceMinutes: 240,

  topUpAdoptionDays: 14,
  followUpFreeDays: 14,
} as const;

/** Seconds to wait before attempt `attempt + 1`. */
export function backoffSeconds(attempt: number): number {
  return Math.min(limits.backoffFirstSeconds * 2 ** Math.max(0, attempt - 1), limits.backoffCapSeconds);
}
