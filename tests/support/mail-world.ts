import type { Knex } from 'knex';
import { keepInboundMail } from '../../src/domain/inbound-mail';
import type { OutgoingEmail } from '../../src/gateways/email/gateway';
import { systemActor } from '../../src/platform/actor';
import { withTransaction } from '../../src/platform/db';
import { momentOf } from '../../src/usecases/context';
import { receiveMails } from '../../src/usecases/receive-mail';
import { addressWithToken, bounceTokenFor, replyTokenFor } from '../../src/usecases/reply-address';
import { MessagingWorld } from './messaging-world';

export const SUPPORT = 'podpora@trgovina.example';

export interface MailParts {
  from?: string;
  to?: string;
  cc?: string;
  subject?: string;
  text?: string;
  /** Whole header lines. */
  headers?: string[];
  messageId?: string;
}

let mails = 0;

/** A plain mail as a mail program writes it. */
export function mailOf(parts: MailParts = {}): Buffer {
  mails += 1;
  const lines = [
    `From: ${parts.from ?? 'Alice Kupec <alice@example.com>'}`,
    `To: ${parts.to ?? SUPPORT}`,
    ...(parts.cc ? [`Cc: ${parts.cc}`] : []),
    `Subject: ${parts.subject ?? 'Printer'}`,
    `Message-ID: ${parts.messageId ?? `<mail.${mails}@posta.example>`}`,
    'Date: Sat, 21 Nov 2026 09:00:00 +0100',
    ...(parts.headers ?? []),
    ...(parts.headers?.some((line) => /^content-type:/i.test(line))
      ? []
      : ['Content-Type: text/plain; charset=utf-8']),
    'MIME-Version: 1.0',
    '',
    parts.text ?? `Still broken (${mails}).`,
  ];
  return Buffer.from(`${lines.join('\r\n')}\r\n`);
}

export interface TakenIn {
  id: string;
  status: string;
  reason: string | null;
  class: string | null;
  message_id: string | null;
  storm: number;
  answer_at: string | null;
}

/** A shop that reads its mail. Alice is known by her address. */
export class MailWorld extends MessagingWorld {
  static async of(db: Knex, url: string): Promise<MailWorld> {
    const world = new MailWorld(db, url);
    await world.open();
    await db('customers').where({ id: world.alice }).update({ email_normalised: 'alice@example.com' });
    world.ctx.clock.set('2026-11-21T10:00:00.000Z');
    return world;
  }

  /** Where answers to the ticket's mails go. */
  replyAddress(ticketId = this.ticket.id): string {
    return addressWithToken(SUPPORT, replyTokenFor(this.ctx.vault, { ticketId })) as string;
  }

  /** Where bounces of a message go. */
  returnPath(messageId: string): string {
    return addressWithToken(
      'bounce@trgovina.example',
      bounceTokenFor(this.ctx.vault, { messageId }),
    ) as string;
  }

  async keep(
    raw: Buffer,
    envelope: { from?: string | null; to?: string[]; way?: 'imap' | 'http' | 'smtp' } = {},
  ): Promise<string> {
    const { id } = await withTransaction(this.db, (trx) =>
      keepInboundMail(trx, momentOf(this.ctx, systemActor), {
        way: envelope.way ?? 'smtp',
        storeId: this.store.id,
        envelopeFrom: envelope.from === undefined ? 'somebody@posta.example' : envelope.from,
        envelopeTo: envelope.to ?? [],
        raw,
      }),
    );
    return id;
  }

  /** Until nothing that is due waits any more. */
  async receive(): Promise<void> {
    while ((await receiveMails(this.ctx, { limit: 20 })) > 0);
  }

  /** Kept and taken in. */
  async bring(
    parts: MailParts | Buffer = {},
    envelope: Parameters<MailWorld['keep']>[1] = {},
  ): Promise<TakenIn> {
    const id = await this.keep(Buffer.isBuffer(parts) ? parts : mailOf(parts), envelope);
    await this.receive();
    return this.takenIn(id);
  }

  async takenIn(id: string): Promise<TakenIn> {
    return (await this.db('inbound_mails').where({ id }).first()) as TakenIn;
  }

  /** The message that a mail became. */
  async words(taken: TakenIn) {
    if (taken.message_id === null) throw new Error(`no message: ${taken.status} ${taken.reason}`);
    const mail = await this.db('message_mails').where({ message_id: taken.message_id }).first();
    return { ...(await this.message(taken.message_id)), mail };
  }

  async ticketRow(id = this.ticket.id) {
    return this.db('tickets').where({ id }).first();
  }

  /** A paid reply by mail, sent. */
  async sentReply(ticketId = this.ticket.id, body = 'Have you tried it again?'): Promise<string> {
    const { id } = await this.reply({ ticketId, channel: 'email', body });
    await this.deliver();
    return id;
  }

  lastSent(): OutgoingEmail {
    return this.email.calls.at(-1) as OutgoingEmail;
  }
}

/** What a mail server writes when a mail of ours cannot be delivered. */
export function bounceOf(input: {
  to: string;
  recipient?: string;
  status?: string;
  action?: 'failed' | 'delayed';
  diagnostic?: string;
}): Buffer {
  const { to, recipient = 'alice@example.com', status = '5.1.1', action = 'failed' } = input;
  mails += 1;
  return Buffer.from(
    [
      'From: MAILER-DAEMON@mx.example.com (Mail Delivery System)',
      `To: ${to}`,
      'Subject: Undelivered Mail Returned to Sender',
      `Message-ID: <bounce.${mails}@mx.example.com>`,
      'Date: Sat, 21 Nov 2026 09:00:00 +0100',
      'Auto-Submitted: auto-replied',
      'MIME-Version: 1.0',
      'Content-Type: multipart/report; report-type=delivery-status; boundary="b1"',
      '',
      '--b1',
      'Content-Type: text/plain; charset=us-ascii',
      '',
      'I could not deliver your message.',
      '',
      '--b1',
      'Content-Type: message/delivery-status',
      '',
      'Reporting-MTA: dns; mx.example.com',
      '',
      `Final-Recipient: rfc822; ${recipient}`,
      `Action: ${action}`,
      `Status: ${status}`,
      `Diagnostic-Code: smtp; ${input.diagnostic ?? '550 5.1.1 no such user'}`,
      '',
      '--b1--',
      '',
    ].join('\r\n'),
  );
}
