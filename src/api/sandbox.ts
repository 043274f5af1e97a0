import { z } from 'zod';
import { listSandboxMessages } from '../domain/messages';
import { cursorAt, idInCursor, pageOf, pageQuery, toPage } from './cursor';
import { endpoint } from './endpoint';
import { requireEveryStore } from './principal';
import { id, instant } from './schemas';

const sandboxMessage = z
  .object({
    id,
    channel: z.enum(['sms', 'email']),
    to: z.string(),
    from: z.string(),
    subject: z.string().nullable(),
    text: z.string(),
    ticket_id: id.nullable(),
    reply_to: z.string().nullable(),
    message_id: id,
    kind: z.enum(['reply', 'system']),
    at: instant,
  })
  .meta({ id: 'SandboxMessage' });

export const sandboxEndpoints = [
  endpoint({
    name: 'listSandboxMessages',
    method: 'get',
    path: '/api/v1/sandbox/messages',
    resource: 'message',
    scope: 'sandbox:read',
    summary: 'What the sandbox transports "sent", newest first',
    description: "Owner's token only: one that is limited to some stores is refused.",
    query: z.strictObject(pageQuery),
    status: 200,
    answer: pageOf(sandboxMessage),
    async handle({ ctx, principal, query }) {
      requireEveryStore(principal, 'the sandbox has the messages of all');
      const rows = await listSandboxMessages(ctx.db, {
        before: idInCursor('sandbox', query.cursor),
        limit: query.limit + 1,
      });
      const views = rows.map((row) => ({
        id: row.id,
        channel: row.channel,
        to: row.to,
        from: row.from,
        subject: row.subject,
        text: row.text,
        ticket_id: row.ticketId,
        reply_to: row.replyTo,
        message_id: row.messageId,
        kind: row.kind,
        at: row.at,
      }));
      return toPage(views, query.limit, (row) => cursorAt('sandbox', row.id));
    },
  }),
];
