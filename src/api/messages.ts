import { z } from 'zod';
import { limits } from '../platform/limits';
import { quoteReply } from '../usecases/quote-reply';
import { planReplyFiles, type ReplyFile } from '../usecases/reply-files';
import { type Charge, replyToTicketIn } from '../usecases/reply-to-ticket';
import { cursorAt, idInCursor, pageOf, pageQuery, toPage } from './cursor';
import { endpoint } from './endpoint';
import { ticketInSight } from './in-sight';
import { invalidRequest } from './invalid';
import { readMessage, readMessages } from './messages.query';
import { type ChargeView, charge, message } from './messages.schema';
import { notFound, seesStore } from './principal';
import { count, draws, id, meter, usable, words } from './schemas';

const body = words(limits.messageBodyChars);

function drawView(draw: Charge['grants'][number]): ChargeView['grants'][number] {
  return { grant_id: draw.grantId, meter: draw.meter, credits: draw.credits };
}

export function chargeView({ meter, quantity, unit, holdId, grants }: Charge): ChargeView {
  return { meter, quantity, unit, hold_id: holdId, grants: grants.map(drawView) };
}

const attachment = z
  .strictObject({
    filename: words(limits.nameChars),
    content_base64: z
      .string()
      .min(1)
      .meta({ contentEncoding: 'base64' })
      .describe('RFC 4648, with padding, without line breaks.'),
  })
  .meta({ id: 'NewAttachment' });

function fileFrom(given: z.output<typeof attachment>, index: number): ReplyFile {
  const content = Buffer.from(given.content_base64, 'base64');
  // Node leaves out what it does not know: half a file would be sent.
  if (content.toString('base64') !== given.content_base64) {
    throw invalidRequest(`attachments.${index}.content_base64`, 'must be base64');
  }
  return { filename: given.filename, declaredType: '', content };
}

export const messageEndpoints = [
  endpoint({
    name: 'createQuote',
    method: 'post',
    path: '/api/v1/tickets/{id}/quotes',
    resource: 'ticket',
    scope: 'messages:read',
    summary: 'What a reply would cost',
    description: 'Sets nothing aside, and sends nothing.',
    body: z.strictObject({ channel: z.enum(['sms', 'email', 'note']), body }).meta({ id: 'QuoteRequest' }),
    status: 200,
    answer: z
      .object({
        channel: z.enum(['sms', 'email', 'note']),
        payable: z.boolean(),
        meter: meter.nullable().describe('null: a note, which is free.'),
        unit: z.enum(['message', 'segment']).nullable(),
        quantity: count.describe('Units of work: 1 message, 3 segments.'),
        credits: count.describe('Credits in all.'),
        segments: z.int().nullable().describe('SMS only.'),
        encoding: z
          .enum(['GSM-7', 'UCS-2'])
          .nullable()
          .describe('SMS only; one character outside GSM-7 (č, š, ž, emoji) makes the whole text UCS-2.'),
        units: z.int().nullable().describe('SMS only: septets (GSM-7) or UTF-16 units (UCS-2) of the text.'),
        units_left: z.int().nullable().describe('SMS only: how many still fit into the last segment.'),
        grants: draws,
        missing: count,
        top_up_url: z.string().nullable().describe('Where more can be bought, when credits are missing.'),
        credits_now: usable,
        credits_after: usable,
      })
      .meta({ id: 'Quote' }),
    problems: ['message-too-long'],
    async handle({ ctx, principal, params, body: asked }) {
      await ticketInSight(ctx.db, principal, params.id);
      const quote = await quoteReply(ctx, { ticketId: params.id, ...asked });
      return {
        channel: quote.channel,
        payable: quote.payable,
        meter: quote.charge?.meter ?? null,
        unit: quote.charge?.unit ?? null,
        quantity: quote.charge?.quantity ?? 0,
        credits: quote.charge?.credits ?? 0,
        segments: quote.sms?.segments ?? null,
        encoding: quote.sms?.encoding ?? null,
        units: quote.sms?.units ?? null,
        units_left: quote.sms?.unitsLeft ?? null,
        grants: (quote.charge?.grants ?? []).map(drawView),
        missing: quote.missing,
        top_up_url: quote.topUpUrl,
        credits_now: quote.creditsNow,
        credits_after: quote.creditsAfter,
      };
    },
  }),
  endpoint({
    name: 'createMessage',
    method: 'post',
    path: '/api/v1/tickets/{id}/messages',
    resource: 'ticket',
    scope: 'messages:write',
    summary: 'Answer a ticket, or add a note',
    description:
      'Sets the credits aside and queues the message, both or neither. Send the `version` of the ticket that the ' +
      'writer saw: the reply is refused when somebody has written since.',
    body: z
      .strictObject({
        channel: z.enum(['sms', 'email', 'note']),
        body,
        subject: words(limits.subjectChars)
          .nullish()
          .describe('E-mail only; default: subject of the ticket.'),
        version: z.int().min(1).max(Number.MAX_SAFE_INTEGER).nullish(),
        free: z
          .strictObject({ reason: words(limits.reasonChars) })
          .nullish()
          .describe('Send without charge; audited.'),
        attachments: z
          .array(attachment)
          .max(limits.replyFiles)
          .optional()
          .describe(
            `E-mail only, without further charge; together at most ${limits.replyFilesBytes} bytes. What a file is, its content says.`,
          ),
      })
      .meta({ id: 'NewMessage' }),
    bodyBytes: limits.apiMessageBytes,
    key: { required: true, when: 'unless the channel is `note`, or `free` is given' },
    status: 201,
    answer: z
      .object({
        id,
        status: z.string(),
        charge: charge.nullable().describe('null: a note, or free.'),
        credits: usable.describe('Credits that can be spent on this ticket after it.'),
        ticket_version: z.int().describe('Send it with the next reply.'),
      })
      .meta({ id: 'CreatedMessage' }),
    problems: [
      'insufficient-credits',
      'stale-ticket',
      'ticket-closed',
      'message-too-long',
      'no-recipient',
      'recipient-opted-out',
    ],
    async handle({ ctx, principal, actor, params, body: written, requireKey, once }) {
      if (written.channel !== 'note' && !written.free) requireKey();
      await ticketInSight(ctx.db, principal, params.id);
      const attachments = await planReplyFiles(ctx, (written.attachments ?? []).map(fileFrom));
      return once(async (trx) => {
        const sent = await replyToTicketIn(trx, ctx, actor, {
          ticketId: params.id,
          channel: written.channel,
          body: written.body,
          subject: written.subject ?? undefined,
          version: written.version ?? undefined,
          freeReason: written.free?.reason,
          attachments,
        });
        return {
          id: sent.id,
          status: sent.status,
          charge: sent.charge && chargeView(sent.charge),
          credits: sent.credits,
          ticket_version: sent.ticketVersion,
        };
      });
    },
  }),
  endpoint({
    name: 'listMessages',
    method: 'get',
    path: '/api/v1/tickets/{id}/messages',
    resource: 'ticket',
    scope: 'messages:read',
    summary: 'Messages of a ticket, newest first',
    query: z.strictObject(pageQuery),
    status: 200,
    answer: pageOf(message),
    async handle({ ctx, principal, params, query }) {
      await ticketInSight(ctx.db, principal, params.id);
      const rows = await readMessages(ctx.db, {
        ticketId: params.id,
        before: idInCursor('messages', query.cursor),
        limit: query.limit + 1,
      });
      return toPage(rows, query.limit, (row) => cursorAt('messages', row.id));
    },
  }),
  endpoint({
    name: 'getMessage',
    method: 'get',
    path: '/api/v1/messages/{id}',
    resource: 'message',
    scope: 'messages:read',
    summary: 'What became of a message',
    status: 200,
    answer: message,
    async handle({ ctx, principal, params }) {
      const found = await readMessage(ctx.db, params.id);
      if (!found || !seesStore(principal, found.storeId)) throw notFound('message');
      return found.message;
    },
  }),
];
