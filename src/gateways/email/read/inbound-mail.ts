/** A mail as it was read: what people wrote, what programs say about it, and nothing executable. */
export interface InboundMail {
  /** With its brackets; null where there is none. */
  messageId: string | null;
  inReplyTo: string[];
  references: string[];
  from: Mailbox;
  /** Others that stand in From, beside the first: such a mail is signed by nobody in particular. */
  otherFrom: Mailbox[];
  sender: Mailbox | null;
  replyTo: Mailbox[];
  to: Mailbox[];
  cc: Mailbox[];
  /** Where it was really delivered, by the headers of mail servers: Bcc and aliases do not stand in To. */
  deliveredTo: string[];
  /** The envelope's sender as the last server noted it: '' is the null sender of bounces, null means not noted. */
  returnPath: string | null;
  subject: string;
  /** Of the Date header; null where it is missing or no date. */
  date: string | null;
  /** All of it, decoded. */
  text: string;
  /** What is new: without quote and signature. Never empty where `text` is not. */
  visibleText: string;
  quotedText: string;
  signature: string;
  /** How the text was read. */
  charset: { name: string; guessed: boolean } | null;
  /** Sanitised. Remote images have their address in `data-src`, those of the mail itself their Content-ID in `data-cid`. */
  html: string | null;
  remoteImages: number;
  attachments: InboundAttachment[];
  class: MailClass;
  /** Which header or rule decided, for people. */
  reasons: string[];
  /** No program may answer it: it was written by one, or asks for silence. */
  mayAutoAnswer: boolean;
  /** Zeton's id of a message that came back, as its own header says; anybody can write one. */
  zetonMessage: string | null;
  bounce: Bounce | null;
  /** Always null: a signature can only be checked with the key from the sender's DNS. */
  dkim: null;
  /** What was cut off or left out, for people; the raw mail still has it. */
  limitsHit: string[];
}

export type MailClass = 'person' | 'auto-reply' | 'bounce' | 'delayed' | 'list' | 'own' | 'unreadable';

export interface Mailbox {
  address: string | null;
  name: string;
}

export interface InboundAttachment {
  filename: string;
  /** By its content. */
  contentType: string;
  declaredType: string;
  size: number;
  contentId: string | null;
  /** The text shows it at its place. */
  inline: boolean;
  content: Buffer;
}

export interface Bounce {
  recipients: BouncedRecipient[];
  originalMessageId: string | null;
  /** Every failed recipient is gone for good: nothing more should be sent there. False for a full mailbox, or a refusal of this mail. */
  permanent: boolean;
}

export interface BouncedRecipient {
  address: string | null;
  action: 'failed' | 'delayed' | 'delivered' | 'relayed' | 'expanded';
  /** RFC 3463, as 5.1.1. */
  status: string | null;
  diagnostic: string | null;
  permanent: boolean;
}
