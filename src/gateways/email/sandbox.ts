import type { EmailGateway } from './gateway';

/** Where the sandbox keeps what it "sent". A gateway owns no table, so app.ts hands this in. */
export interface EmailShelf {
  /** Keeps each message once. */
  record(message: {
    messageId: string;
    channel: 'email';
    to: string;
    from: string;
    subject: string;
    text: string;
    ticketId: string;
    kind: 'reply' | 'system';
  }): Promise<unknown>;
}

/**
 * Mail that goes nowhere and can be read in Zeton. The default transport: with nothing configured, all works.
 *
 * To see a failure, write to an address whose local part starts with `bounce` (bounce@example.com): it is rejected.
 *
 * Shape: { from: MAIL_FROM or null, shelf } → EmailGateway
 */
export function makeSandboxEmail({ from, shelf }: { from: string | null; shelf: EmailShelf }): EmailGateway {
  return {
    async send(mail) {
      if (mail.to.toLowerCase().startsWith('bounce')) {
        return {
          kind: 'rejected',
          reason: '550 5.1.1 the sandbox rejects every mailbox that starts with "bounce"',
        };
      }
      await shelf.record({
        messageId: mail.id,
        channel: 'email',
        to: mail.to,
        from: from ?? `support@${mail.store.slug}.localhost`,
        subject: mail.subject,
        text: mail.text,
        ticketId: mail.ticketId,
        kind: mail.kind,
      });
      return { kind: 'accepted', providerId: mail.messageId };
    },
  };
}
