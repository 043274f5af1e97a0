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
  /** Of all files of one answer: in base64 they pass through a line of 6 Mbit/s within `smtpSendMs`. */
  replyFilesBytes: 10_000_000,
  replyFiles: 20,
  /** Those, and the fields beside them. */
  uploadBytes: 10_000_000 + 2 * 1024 * 1024,
  /** Of what is too much so much is read and thrown away, so that the answer names the limit and keeps the text. */
  uploadReadBytes: 200_000_000,
  /** The same files in the base64 of a JSON body. */
  apiMessageBytes: 14 * 1024 * 1024 + 1024 * 1024,
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
  /** OWASP's minimum for scrypt with r = 8 and p = 3: 32 MiB and about 0.1 s for each guess. */
  scryptLog2N: 15,
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
  /** To a PostgreSQL that answers, milliseconds; one that is frozen takes the connection and then says nothing. */
  databaseConnectMs: 5_000,
  /** Hundred times what the slowest statement of a page takes; one that waits longer waits for something that hangs. */
  statementMs: 8_000,
  /** The server ends a statement itself, and the connection stays; this much later it is taken for frozen. */
  statementGraceMs: 2_000,
  /** A process that was frozen inside a transaction must not keep its rows from the others. */
  idleInTransactionMs: 20_000,
  sqliteBusyTimeoutMs: 10_000,
  /** About as many as there are in the code; an insert of so many rows, or a list of so many ids, is one of its own. */
  sqliteStatements: 300,
  /** Of the text and the values of one that is kept. */
  sqliteStatementBytes: 16 * 1024,
  transactionAttempts: 5,

  /** A claimed row whose worker died is taken over after this. */
  leaseSeconds: 60,
  /** The same where it is renewed while the work lasts: a restart after a crash goes on within seconds. */
  renewedLeaseSeconds: 10,
  /** Misses two renewals before it is lost. */
  leaseRenewMs: 3_000,
  /** Clocks of machines that serve together differ by less; what is further ahead is from before a clock was set back. */
  clocksApartSeconds: 30,
  /** First pause of a job loop after an exception; doubled each time up to the cap. */
  workerRetryFirstMs: 1_000,
  workerRetryCapMs: 60_000,
  /** The cap while the database is away: asking costs little, and work goes on soon after it is back. */
  workerOutageRetryCapMs: 4_000,
  /** A round is a batch of short transactions and calls that have time-outs of their own: minutes mean that it hangs. */
  workerStallMs: 5 * 60_000,
  workerBatch: 20,
  workerPollMs: 1_000,
  /** A provider that cut us off may still store the message for a while: asking earlier would send it twice. */
  unknownOutcomeWaitSeconds: 15,
  inboxAttempts: 8,
  outboxAttempts: 8,
  /** A provider that takes nothing costs a message no attempt; an answer that comes after days helps nobody any more. */
  outboxGiveUpDays: 3,
  /** First wait after a failed attempt; doubled each time, up to the cap. Up to half of each is left to chance. */
  backoffFirstSeconds: 2,
  backoffCapSeconds: 3_600,
  /** So many calls in a row without a proper answer are no accident any more: the provider is left in peace. */
  circuitOpensAfter: 5,
  /** Then one message at a time asks whether it is back: after this, doubled each time, up to the cap. */
  circuitProbeFirstSeconds: 10,
  /** So long at most does everything wait that could go out again. */
  circuitProbeCapSeconds: 120,
  /** A restart or a short outage heals by itself; after this somebody should look. */
  circuitAlarmMinutes: 10,
  /** "Retry-After" is obeyed up to this; a wrong one must not silence a channel for a day. */
  retryAfterCapSeconds: 900,
  shutdownMs: 10_000,
  /** WooCommerce waits 60 s for an answer, so a body that takes longer has nobody behind it; it also ends slow attacks. */
  requestMs: 60_000,
  requestHeadersMs: 20_000,
  /** From the arrival of a request to its answer, whatever hangs; WooCommerce and balancers give up after 60 s. */
  answerMs: 30_000,
  /** A balancer asks every few seconds; longer than this is as good as no answer. */
  readyCheckMs: 2_000,
  /** What a client is told to wait after 429 and 503. */
  retryAfterSeconds: 5,
  /** Exact enough to find tokens that nobody uses; a write for every request would be the dearest part of it. */
  tokenLastUsedSeconds: 60,

  /** Of one mail as it travels, attachments in base64; what Gmail and Outlook take too. */
  mailBytes: 25 * 1024 * 1024,
  /** Long threads through many servers have 30 KiB; several times that is an attack. */
  mailHeaderBytes: 256 * 1024,
  /** Of a mail with fifty photos and its forms there are about a hundred; nesting is bounded by it as well. */
  mailParts: 300,
  mailAttachments: 100,
  /** Twice the longest message: the long thread that a mail quotes is kept too. */
  mailTextChars: 200_000,
  /** Newsletters have 200,000, pictures inside not counted; sanitising takes time by length and by tags. */
  mailHtmlChars: 500_000,
  mailHtmlTags: 20_000,
  /** Reading takes a second at most; a parser that hangs must not keep its worker. */
  mailReadMs: 30_000,
  /** Of the addresses that a mail names; those beyond are not ours to look at. */
  mailRecipients: 100,
  /** For questions and complaints about what somebody wrote; its text and files stay in the ticket. */
  rawMailKeptDays: 90,
  /** Of a file that is sent from the database: a few round trips for the largest. */
  attachmentPieceBytes: 2 * 1024 * 1024,
  /** Mails removed in one go: of the largest, 20 are half a GiB of a database file. */
  rawMailBatch: 20,
  /** A server that answers at all does so within seconds; more is a network that swallows packets. */
  imapConnectMs: 15_000,
  /** A server that goes on sending a large mail sends something in every minute. */
  imapSilenceMs: 60_000,
  /** Told by IDLE, it is asked all the same: routers forget quiet connections and tell nobody. */
  imapIdleMs: 4 * 60_000,
  /** A server without IDLE: nobody minds a mail half a minute later, and providers count sign-ins, not questions. */
  imapPollMs: 30_000,
  /** To say goodbye when Zeton ends; part of `shutdownMs`. */
  imapLogoutMs: 2_000,
  /** One process holds a mailbox; after a crash another takes it over that much later. */
  mailboxLeaseSeconds: 20,
  /** Misses two renewals before it is lost. */
  mailboxRenewMs: 6_000,
  /** First pause after a connection that failed, doubled up to the cap: five minutes late at most when it is back. */
  mailboxPauseFirstSeconds: 2,
  mailboxPauseCapSeconds: 300,
  /** The same where waiting mends nothing (a wrong password): providers lock accounts that are tried too often. */
  mailboxLockedFirstSeconds: 60,
  mailboxLockedCapSeconds: 900,
  /** Asked every four minutes at least (`imapIdleMs`): after this nobody reads it. */
  mailboxQuietSeconds: 900,
  /** A mail server that restarts, or a line that is renewed, is back by then; after it an admin is told. */
  mailboxAlarmSeconds: 120,
  /** A mail that broke the connection so often, or is not given so often, stays in the folder. */
  mailboxReadAttempts: 3,
  /** Fetched mails between two lines of the log. */
  mailboxProgressEvery: 100,
  /** Mail servers that deliver to one small Zeton at once; Postfix opens 20 at most. */
  inboundSmtpClients: 20,
  /** More recipients of ours than there are stores make no sense (RFC 5321 wants 100). */
  inboundSmtpRecipients: 100,
  /** Without a word from the client. */
  inboundSmtpSilenceMs: 60_000,
  /** From its first byte to its last: the largest mail at 1 Mbit/s takes four minutes. */
  inboundSmtpSessionMs: 10 * 60_000,
  /** Of mails that are being received at once: four of the largest. Others are told to come again. */
  inboundSmtpBytesAtOnce: 100 * 1024 * 1024,
  /** For what is being received when Zeton ends; part of `shutdownMs`. */
  inboundSmtpCloseMs: 4_000,
  /** Of a name and its domain (RFC 5321 4.5.3.1.1). */
  mailLocalPartChars: 64,

  /** A person in a hurry writes so many; beyond it a machine does. They are kept and shown, and call nobody any more. */
  mailsPerSenderHour: 20,
  mailsPerTicketHour: 40,
  /** Long threads name dozens of mails; the nearest ones tell the ticket. */
  mailReferencesRead: 30,
  /** By each way, of all processes together: a few hundred an hour are a busy shop, more are answers to forged senders. */
  unpaidAnswersPerMinute: 5,
  unpaidAnswerLateSeconds: 2 * 86_400,
  /** DESIGN §8: mail servers give up after five days at most. */
  bounceDays: 5,
  /** One bounce of a customer's in so long gives its credit back by itself. */
  bounceMemoryDays: 90,
  /** So long does a banner say that somebody sent too many, or that one could not be taken in. */
  mailAlarmSeconds: 86_400,
  /** Of what a mail quotes, on the page of its ticket; the whole stands in what was sent. */
  quotedShownChars: 20_000,
  /** Of the pictures inside one mail that are put into its page; the others are attachments. */
  mailShownPictureBytes: 8 * 1024 * 1024,

  /** Messages on their way to one provider at once, for each process; the others wait in the outbox, where all can take them. */
  emailsAtOnce: 10,
  smsAtOnce: 20,
  /**
   * Of each process to its mail server: more than a busy shop answers, and what paid mail services take for granted. One
   * that takes less says so (4xx), and is waited for.
   */
  emailsPerMinute: 300,
  /** Mail programs thread by the last few; each is some sixty characters of a header. */
  mailReferences: 10,
  /** A few lines; it goes out with every reply. */
  signatureChars: 1_000,
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
  /** 1,600 characters, each of 12 bytes in a form, and ten addresses of pictures: Twilio sends no more. */
  twilioBodyBytes: 64 * 1024,
  /** What Twilio takes for all pictures of one message. */
  smsMediaBytes: 5 * 1024 * 1024,
  /** What came in and was left out is shown to admins: somebody may miss it. Well within the life of raw mails. */
  leftOutShownSeconds: 14 * 86_400,
  /** Of those under one Message-ID: some programs make the same each time. */
  mailCopiesCompared: 20,
  /** In one message; what more there is, is left out. */
  smsMediaMax: 10,
  smsMediaAttempts: 6,
  /** Of what came in: the provider's list may be some minutes behind, and its clock a little beside ours. */
  smsFetchOverlapSeconds: 3_600,
  smsFetchPage: 200,
  /** As long may bringing one take, tries and all. */
  smsFetchGraceSeconds: 120,
  /** So long is it waited for a list of pictures. */
  smsFetchPicturesSeconds: 86_400,
  /** A person in a hurry writes so many; beyond it a machine does. They are kept and shown, and call nobody any more. */
  smsPerSenderHour: 30,
  smsPerTicketHour: 60,
  /** So long does a banner say that somebody sent too many, or that one could not be taken in. */
  smsAlarmSeconds: 86_400,
  /** In memory of one process while they are fetched: 20 MiB. */
  smsMediaAtOnce: 4,
  /** Each is also asked for as soon as its message was taken in; this is for those that are tried again. */
  smsMediaPollMs: 5_000,
  /** Prices come after minutes. */
  smsLatePollMs: 15_000,

  /** One request to a shop; small shared hosting answers in 1 to 5 s. */
  wooRequestMs: 15_000,
  /** A page of 100 orders makes such a host work for half a minute. */
  wooPageMs: 45_000,
  /** A read with all its attempts: an order is leased for a minute, and two reads may be needed. */
  wooCallMs: 25_000,
  wooPageCallMs: 180_000,
  wooAttempts: 4,
  /** First pause before another attempt; doubled each time up to the cap, half of it by chance. */
  wooRetryFirstMs: 400,
  wooRetryCapMs: 6_000,
  /** To one shop at once: cheap hosting has a handful of PHP workers, and customers need them too. */
  wooConcurrency: 3,
  /** What WooCommerce allows at most. */
  wooPageSize: 100,
  /** 100 orders of 40 lines with plugin meta are 10 MiB. */
  wooResponseBytes: 32 * 1024 * 1024,
  /** Passes over one crowded second before it is left for the next walk. */
  wooSecondPasses: 5,
  /** OAuth 1.0a (http) refuses beyond 15 minutes; a minute is already worth a word. */
  wooClockSeconds: 60,

  /** A walk begins so much before its cursor: clocks differ, and orders of one second may come piecemeal. */
  syncOverlapSeconds: 600,
  /** Two walks of one shop are never closer, unless a person asks: the start of a process is no reason for a second. */
  syncAgainSeconds: 60,
  /** Orders compared with what is known in one go. */
  syncBatch: 50,
  /** The shop does not answer: the first pause, doubled up to the cap. Half an hour late at most when it is back. */
  syncBackoffFirstSeconds: 60,
  syncBackoffCapSeconds: 1_800,
  /** So many orders in a row that the shop cannot tell of are no fault of these orders. */
  syncShopFailures: 3,
  /** Tries of one order that another worker has, and the pause between: it is at it for a second or two. */
  syncBusyTries: 8,
  syncBusyPauseMs: 250,
  /** Orders that could not be applied, tried again in one walk. */
  syncParkedPerWalk: 100,
  /** A row for every five minutes; nobody asks what the walk of last month found. */
  syncRunsKeptDays: 30,
  /** Walks longer ago than this belong to a pause, after which silence says nothing about webhooks. */
  syncContinuousSeconds: 900,
  /** WP-Cron runs once a minute where there is traffic: what was not told by then is not only late. */
  webhookSilenceSeconds: 900,
  /** What a caller of the API waits for a walk; the rest can be asked for. */
  syncAnswerMs: 20_000,
  /** The same of somebody at a page, who would reload it. */
  pageWaitMs: 8_000,
  /** A page shows what the last walks found, about an hour and a half of them. */
  runsShown: 20,
  /** One failure heals by itself; from the next on the admin is told. */
  syncAlarmFailures: 2,
  /** So long does a banner say that webhooks were made anew. */
  webhooksMadeShownSeconds: 86_400,
  /** Shops read by one process at once. */
  shopsAtOnce: 3,
  /** Finds that one answer names; the number of all stands beside them. */
  syncFindsShown: 200,
  /** Refunds of older orders are not deleted any more. */
  sweepDays: 90,
  /** Looked at hourly: so at most a day lies between the beginnings of two sweeps. */
  sweepEveryHours: 23,
  /** Lookups of orders that the list left out, in one sweep: the rest comes the next day. */
  sweepLookups: 500,
  /** A write that the shop answers with an error of its own, or not at all; while the shop is away none counts as the last. */
  shopWriteAttempts: 8,
  shopWritePollMs: 5_000,
  /** A page of writes: what waits for somebody stands first. */
  shopWritesShown: 100,
  /** An apology, not a business: more than half, or than this much money, is for an admin to give in the shop. */
  couponPercentMax: 50,
  couponAmountMax: 50,
  /** Of one person. */
  couponsPerMonth: 20,
  couponDays: 90,
  /** A product of so many variations has news of the others with the next daily look. */
  productsAskedAtOnce: 20,
  /** A small picture beside a name; WordPress makes small ones of all. */
  pictureBytes: 200 * 1024,
  pictureMs: 8_000,
  /** In memory of one process: 20 results on each of a few screens, 10 MiB at most. */
  picturesKept: 50,
  /** Browsers keep a picture for so long. */
  pictureShownSeconds: 86_400,
  importPollMs: 5_000,
  /** Orders between two notes of how far an import is, and two looks whether it was cancelled. */
  importBatch: 10,
  importDaysMax: 3_650,
  importDaysDefault: 365,
  /** Who bought longer ago asked already, or does not need help: their orders open no new ticket. */
  importTicketDays: 14,
  /** The shop signs with the old secret until its webhooks are made anew, which may wait for a shop that is down. */
  oldWebhookSecretHours: 24,
  /** For signing in to the shop and reading what it asks. */
  approvalMinutes: 30,
  /** Pings of one store that wait for their webhook: they are unsigned, so anybody can send some. */
  pingsKept: 50,
  /** A key and its secret come in 200 bytes of JSON. */
  approvalBodyBytes: 10 * 1024,

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

  /** Nobody is warned in the middle of the night, by SMS above all; hours of the store's day. */
  noticeFromHour: 9,
  noticeUntilHour: 20,
  /**
   * Of all processes together. One batch of the outbox, so that a reply waits behind no more than that; 1,200 an hour is
   * what mail services take from a small sender, and the warnings among them reach 9,900 customers in the waking hours of one day.
   */
  noticesPerMinute: 20,
  /** Of these, so that a day of many warnings leaves room for who runs low meanwhile. */
  expiryWarningsPerMinute: 15,
  /** Grants looked at in one go; each customer is a transaction of its own. */
  noticeBatch: 100,
  /** Changed balances looked at in one go, by four statements: a few thousand parameters at most. */
  balancesPerLook: 200,

  /** A delivery or message that fails is tried for nine minutes: what waits for longer than this is not worked at. */
  doctorLateMinutes: 15,
  doctorSlowMinutes: 5,
  doctorRecentHours: 24,
  /** A shop that is away for so long does not come back by itself. */
  doctorShopHours: 24,
  /** The rarest schedule is hourly. */
  doctorScheduleHours: 2,
  /** Holds, leases and expiries do not mind seconds. Half a minute spoils the order of ids made by two machines. */
  doctorClockWarnSeconds: 3,
  doctorClockFailSeconds: 30,
  /** Some months of a small shop; and what a day of a busy one with its backup can take. */
  doctorDiskWarnBytes: 1024 ** 3,
  doctorDiskFailBytes: 100 * 1024 ** 2,
  doctorProviderMs: 5_000,
  doctorCheckMs: 15_000,
  doctorEndMs: 2_000,

  /** DESIGN §3: long enough for a word back, and for a weekend. */
  closeSolvedDays: 7,
  topUpAdoptionDays: 14,
  followUpFreeDays: 14,
} as const;

/**
 * Seconds to wait before attempt `attempt + 1`: between half of the step and all of it, so that what failed together
 * does not come back together.
 * Shape: attempt from 1, chance in 0..1 → seconds
 */
export function backoffSeconds(attempt: number, chance: number): number {
  return withChance(stepSeconds(attempt, limits.backoffFirstSeconds, limits.backoffCapSeconds), chance);
}

/** The same, before a shop that does not answer is written to again: half an hour late at most when it is back. */
export function shopPauseSeconds(attempt: number, chance: number): number {
  const { syncBackoffFirstSeconds, syncBackoffCapSeconds } = limits;
  return withChance(stepSeconds(attempt, syncBackoffFirstSeconds, syncBackoffCapSeconds), chance);
}

/** The same, before a provider that did not answer is asked again. */
export function probeWaitSeconds(failedProbes: number, chance: number): number {
  const { circuitProbeFirstSeconds, circuitProbeCapSeconds } = limits;
  return withChance(stepSeconds(failedProbes + 1, circuitProbeFirstSeconds, circuitProbeCapSeconds), chance);
}

/** The same, before a mailbox is opened again. Shape: passing: waiting may mend it */
export function mailboxPauseSeconds(attempt: number, passing: boolean, chance: number): number {
  const [first, cap] = passing
    ? [limits.mailboxPauseFirstSeconds, limits.mailboxPauseCapSeconds]
    : [limits.mailboxLockedFirstSeconds, limits.mailboxLockedCapSeconds];
  return withChance(stepSeconds(attempt, first, cap), chance);
}

function stepSeconds(attempt: number, first: number, cap: number): number {
  return Math.min(first * 2 ** Math.max(0, attempt - 1), cap);
}

function withChance(seconds: number, chance: number): number {
  return (seconds * (1 + chance)) / 2;
}
