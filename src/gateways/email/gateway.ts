/**
 * What the provider said about one message.
 * accepted:    it took the message over and will try to deliver it
 * rejected:    it never will; trying again changes nothing
 * temporary:   not now; the message was certainly not taken
 * unavailable: it takes nothing from us now, whatever the message; certainly not taken
 * Anything thrown means that nobody knows: the request may or may not have arrived.
 */
export type EmailOutcome =
  | { kind: 'accepted'; providerId: string }
  | { kind: 'rejected'; reason: string }
  | { kind: 'temporary'; reason: string }
  | { kind: 'unavailable'; reason: string };

export interface OutgoingEmail {
  /** Zeton's id of the message. */
  id: string;
  /** RFC 5322 Message-ID with its brackets; the same for every attempt, so that a repeat can be recognised. */
  messageId: string;
  to: string;
  /** In whose name it is sent; a transport without a configured sender makes one of it. */
  store: { slug: string; name: string };
  subject: string;
  text: string;
  kind: 'reply' | 'system';
  ticketId: string;
}

export interface EmailGateway {
  /** Asked again with the same Message-ID, the recipient sees one mail. */
  send(mail: OutgoingEmail): Promise<EmailOutcome>;
}
