/**
 * What the provider said about one message.
 * accepted:    it took the message over and will try to deliver it
 * rejected:    it never will; trying again changes nothing
 * temporary:   not now; the message was certainly not taken
 * unavailable: it takes nothing from us now, whatever the message; certainly not taken
 * Anything thrown means that nobody knows: the request may or may not have arrived.
 */
export type SmsOutcome =
  | { kind: 'accepted'; providerId: string; report?: SmsReport }
  /** `code`: the provider's own number for it, which the texts put into words. */
  | { kind: 'rejected'; reason: string; code?: number }
  | { kind: 'temporary'; reason: string }
  | { kind: 'unavailable'; reason: string; retryAfterSeconds?: number };

/** What the provider counts and bills, beside what Zeton does; null: it does not say (yet). */
export interface SmsReport {
  /** In the provider's own words. */
  status: string | null;
  segments: number | null;
  /** Millionths of the currency, ≥ 0. */
  priceMicros: number | null;
  /** ISO 4217, upper case. */
  currency: string | null;
  errorCode: number | null;
}

/** refused: it will never be had. Anything thrown: perhaps later. */
export type FetchedMedia =
  | { kind: 'media'; contentType: string; content: Buffer }
  | { kind: 'refused'; reason: string };

export interface OutgoingSms {
  /** Zeton's id of the message. */
  id: string;
  /** E.164. */
  to: string;
  /** In whose name it is sent; a transport without a configured sender makes one of it. */
  store: { slug: string; name: string };
  text: string;
  kind: 'reply' | 'system';
  ticketId: string;
}

/** A message whose request was cut off: did the provider take it? */
export interface SentSmsQuestion {
  id: string;
  to: string;
  text: string;
  /** ISO 8601 UTC; the request was made at this time or later. */
  since: string;
}

export interface ReceivedSms {
  sid: string;
  from: string;
  to: string;
  text: string;
  /** ISO 8601 UTC: when the provider got it. */
  receivedAt: string;
  hasMedia: boolean;
}

export interface ReceivedSmsList {
  /** Our number, or the name of the service that has our numbers. */
  line: string;
  /** Oldest first, all of it. Shape: ISO 8601 UTC. Throws where the provider cannot be asked. */
  list(span: { from: string; until: string }): Promise<ReceivedSms[]>;
  /** Where the pictures of one are; [] where it has them no more. Throws as list() does. */
  mediaUrls(sid: string): Promise<string[]>;
}

export interface SmsGateway {
  send(sms: OutgoingSms): Promise<SmsOutcome>;
  /**
   * Looks up what the provider has taken. Absent where a provider cannot be asked.
   * found:   provider ids of every message that could be this one; empty: it has certainly none
   * unknown: it cannot tell
   */
  findSent?(
    question: SentSmsQuestion,
  ): Promise<{ kind: 'found'; providerIds: string[] } | { kind: 'unknown' }>;
  /** What the provider says of a message that it took; null: it knows none such. Throws where it cannot be asked. */
  readReport?(providerId: string): Promise<SmsReport | null>;
  /** What came to us, whether or not the provider brought it. Absent where it cannot be asked, or nobody can write. */
  received?: ReceivedSmsList;
  /** A picture of a message that came in, by the address that the provider gave for it. */
  fetchMedia?(url: string): Promise<FetchedMedia>;
}
