/**
 * What the provider said about one message.
 * accepted:    it took the message over and will try to deliver it
 * rejected:    it never will; trying again changes nothing
 * temporary:   not now; the message was certainly not taken
 * unavailable: it takes nothing from us now, whatever the message; certainly not taken
 * Anything thrown means that nobody knows: the request may or may not have arrived.
 */
export type SmsOutcome =
  | { kind: 'accepted'; providerId: string }
  | { kind: 'rejected'; reason: string }
  | { kind: 'temporary'; reason: string }
  | { kind: 'unavailable'; reason: string; retryAfterSeconds?: number };

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
}
