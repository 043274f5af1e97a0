import type { Readable } from 'node:stream';

/**
 * What the provider said about one message.
 * accepted:    it took the message over and will try to deliver it
 * rejected:    it never will; trying again changes nothing. `status` (RFC 3463): what it said of the recipient's address
 * temporary:   not now; the message was certainly not taken
 * unavailable: it takes nothing from us now, whatever the message; certainly not taken
 * Anything thrown means that nobody knows: the request may or may not have arrived.
 */
export type EmailOutcome =
  | { kind: 'accepted'; providerId: string }
  | { kind: 'rejected'; reason: string; status?: string }
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
  /** Who wrote it, as the recipient reads it; left out: the configured sender's name, else the store's. */
  fromName?: string;
  subject: string;
  /** All of it, with signature. The HTML part says the same. */
  text: string;
  kind: 'reply' | 'system';
  ticketId: string;
  /** Message-IDs with their brackets, the oldest first; the last one is what this answers. */
  references?: string[];
  /** Where answers go; left out: to the sender. */
  replyTo?: string;
  /** Where bounces go (RFC 5321 MAIL FROM); left out: to the sender. */
  returnPath?: string;
  /** A notice: the address that stops them, by a page (GET) and at once (POST, RFC 8058). */
  unsubscribeUrl?: string;
  attachments?: EmailAttachment[];
}

export interface EmailAttachment {
  filename: string;
  contentType: string;
  /** A stream is opened for each attempt. */
  content: Buffer | (() => Readable);
}

export interface EmailGateway {
  /** Asked again with the same Message-ID, the recipient sees one mail. */
  send(mail: OutgoingEmail): Promise<EmailOutcome>;
  /** The mailbox whose answers and bounces come back to Zeton; null: mail that comes there is read elsewhere. */
  mailbox?(store: OutgoingEmail['store']): string | null;
}
