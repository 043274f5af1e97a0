import type { EmailGateway } from './gateway';
import { fromOf, senderOf } from './own-address';

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
    replyTo: string | null;
    kind: 'reply' | 'system';
  }): Promise<unknown>;
}

/**
 * Mail that goes nowhere and can be read in Zeton. The default transport: with nothing configured, all works.
 *
 * To see a failure, write to an address whose local part starts with `bounce` (bounce@example.com): it is rejected.
 *
 * Shape: { from: MAIL_FROM or null, domain: the host people know this Zeton by, shelf } → EmailGateway
 */
export function makeSandboxEmail({
  from,
  domain,
  shelf,
}: {
  from: string | null;
  domain: string;
  shelf: EmailShelf;
}): EmailGateway {
  const sender = senderOf({ from, smtpUrl: null, domain });
  return {
    mailbox: () => sender.address,
    async send(mail) {
      if (mail.to.toLowerCase().startsWith('bounce')) {
        return {
          kind: 'rejected',
          reason: '550 5.1.1 the sandbox rejects every mailbox that starts with "bounce"',
          status: '5.1.1',
        };
      }
      const { name, address } = fromOf(mail, sender);
      await shelf.record({
        messageId: mail.id,
        channel: 'email',
        to: mail.to,
        from: name === '' ? address : `${name} <${address}>`,
        subject: mail.subject,
        text: mail.text,
        ticketId: mail.ticketId,
        replyTo: mail.replyTo ?? null,
        kind: mail.kind,
      });
      return { kind: 'accepted', providerId: mail.messageId };
    },
  };
}
