import { z } from 'zod';
import { count, draws, id, instant, meter } from './schemas';

export const charge = z
  .object({
    meter: meter.describe('The meter of the work; the credits drawn may be of `any`.'),
    quantity: count.describe('The work: 1 message, 3 segments, 1 request.'),
    unit: z.enum(['message', 'segment', 'session', 'block', 'request']),
    hold_id: id,
    grants: draws,
  })
  .meta({ id: 'Charge', description: 'What was set aside, and once the work is done spent.' });

const author = z.object({
  kind: z.string().describe('token, staff, customer, store or system'),
  name: z.string(),
});

export const message = z
  .object({
    id,
    ticket_id: id,
    direction: z.enum(['in', 'out', 'internal']),
    channel: z.enum(['sms', 'email', 'web', 'note', 'order_note']),
    kind: z
      .enum(['customer', 'reply', 'system', 'note'])
      .describe('`system`: from Zeton itself, always free.'),
    author,
    to: z.string().nullable(),
    subject: z.string().nullable(),
    body: z.string(),
    status: z
      .enum(['received', 'queued', 'sending', 'sent', 'delivered', 'failed', 'uncertain'])
      .describe(
        '`uncertain`: nobody can tell whether it was sent; its credits stay held until that is settled.',
      ),
    free: z.object({ reason: z.string() }).nullable(),
    attempts: z.int().describe('Times that a provider was called.'),
    provider_id: z.string().nullable(),
    failure: z.string().nullable(),
    held: z
      .boolean()
      .describe(
        'A mail of somebody else than the customer, which no agent has let stand: not for the customer to see.',
      ),
    charge: charge.nullable().describe('null: nothing is charged, because it was free or was given back.'),
    given_back: charge
      .nullable()
      .describe('Set aside or spent first, and given back when the message failed.'),
    created_at: instant,
    sent_at: instant.nullable(),
    settled_at: instant.nullable().describe('When its outcome was known.'),
  })
  .meta({ id: 'Message' });

export type ChargeView = z.input<typeof charge>;
