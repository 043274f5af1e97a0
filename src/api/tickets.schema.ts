import { z } from 'zod';
import type { Ticket } from '../domain/tickets';
import { message } from './messages.schema';
import { order } from './orders.schema';
import { byMeter, count, id, instant, storeSlug, usable } from './schemas';

export const TICKET_STATUSES = [
  'new',
  'open',
  'pending',
  'on_hold',
  'solved',
  'closed',
] as const satisfies Ticket['status'][];

export const ticket = z
  .object({
    id,
    number: z.int().describe('What people call the ticket.'),
    store: storeSlug,
    customer_id: id,
    subject: z.string(),
    status: z
      .enum(TICKET_STATUSES)
      .describe(
        'new: nobody answered yet · open: waiting for us · pending: for the customer · on_hold: for somebody else · ' +
          'solved · closed: final',
      ),
    version: z.int().describe('Grows with what a reply must have seen; send it with the reply.'),
    origin: z.enum(['order', 'customer', 'agent']),
    unpaid: z.boolean().describe('The customer wrote without having paid.'),
    spam: z.boolean(),
    assignee: z.string().nullable(),
    tags: z.array(z.string()),
    family_id: id.describe('First ticket of the chain of follow-ups.'),
    follow_up_of: id.nullable(),
    last_message_at: instant,
    first_replied_at: instant.nullable(),
    solved_at: instant.nullable(),
    closed_at: instant.nullable(),
    created_at: instant,
    updated_at: instant,
  })
  .meta({ id: 'Ticket' });

export const ticketDetail = z
  .object({
    ...ticket.shape,
    customer: z.object({
      id,
      name: z.string(),
      email: z.string().nullable(),
      phone: z.string().nullable().describe('E.164 where it could be read so.'),
      locale: z.string(),
    }),
    credits: usable.describe('Credits that can be spent on this ticket now, by meter.'),
    shortfall: byMeter(count).describe('Of the customer: used or held of what orders have taken back.'),
    orders: z.array(order).describe('The orders that this ticket serves, newest first.'),
    messages: z.array(message).describe('The newest ones, oldest of them first.'),
    messages_next_cursor: z
      .string()
      .nullable()
      .describe('For older ones: GET /api/v1/tickets/{id}/messages?cursor=…'),
    events: z
      .array(
        z.object({
          id,
          type: z.string().meta({ example: 'ticket.solved' }),
          at: instant,
          by: z.object({ kind: z.string(), name: z.string() }),
          facts: z.record(z.string(), z.unknown()),
        }),
      )
      .describe('What happened to the ticket: the newest, oldest of them first.'),
  })
  .meta({ id: 'TicketDetail' });
