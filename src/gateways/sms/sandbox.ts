import type { SmsGateway } from './gateway';

/** Where the sandbox keeps what it "sent". A gateway owns no table, so app.ts hands this in. */
export interface SmsShelf {
  /** Keeps each message once. */
  record(message: {
    messageId: string;
    channel: 'sms';
    to: string;
    from: string;
    subject: null;
    text: string;
    ticketId: string;
    kind: 'reply' | 'system';
  }): Promise<unknown>;
  has(messageId: string): Promise<boolean>;
}

/**
 * SMS that go nowhere and can be read in Zeton. The default transport: with nothing configured, all works.
 *
 * To see a failure, write to a number that ends in 0000 (rejected for good) or in 9999 (not now, every time).
 *
 * Shape: { from: TWILIO_FROM or null, shelf } → SmsGateway
 */
export function makeSandboxSms({ from, shelf }: { from: string | null; shelf: SmsShelf }): SmsGateway {
  return {
    async send(sms) {
      if (sms.to.endsWith('0000')) {
        return { kind: 'rejected', reason: 'the sandbox rejects every number that ends in 0000' };
      }
      if (sms.to.endsWith('9999')) {
        return { kind: 'temporary', reason: 'the sandbox never reaches a number that ends in 9999' };
      }
      await shelf.record({
        messageId: sms.id,
        channel: 'sms',
        to: sms.to,
        from: from ?? 'Zeton',
        subject: null,
        text: sms.text,
        ticketId: sms.ticketId,
        kind: sms.kind,
      });
      return { kind: 'accepted', providerId: providerIdOf(sms.id) };
    },
    async findSent({ id }) {
      return { kind: 'found', providerIds: (await shelf.has(id)) ? [providerIdOf(id)] : [] };
    },
  };
}

function providerIdOf(id: string): string {
  return `sandbox:${id}`;
}
