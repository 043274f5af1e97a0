import { z } from 'zod';
import { amounts, byMeter, count, id, instant, meter, orderName, packageName } from './schemas';

export const credits = z
  .object({
    customer_id: id,
    meters: byMeter(amounts).describe('Each meter is always present.'),
    grants: z.array(
      z.object({
        id,
        meter,
        ...amounts.shape,
        expires_at: instant.nullable().describe('null: never.'),
        scope: z.enum(['customer', 'ticket']),
        ticket_id: id
          .nullable()
          .describe(
            'Scope `ticket`: the first ticket of the family (with its follow-ups) that may draw on it.',
          ),
        package: packageName
          .nullable()
          .describe('As it was named when it was bought; null: goodwill or correction.'),
        order: orderName.nullable(),
      }),
    ),
  })
  .meta({ id: 'Credits' });

export const entry = z
  .object({
    id,
    seq: z.int().describe('1, 2, 3 … for each customer, without gaps.'),
    at: instant,
    type: z
      .enum([
        'grant',
        'reinstate',
        'hold',
        'capture',
        'release',
        'reverse',
        'expire',
        'unexpire',
        'revoke',
        'correct',
      ])
      .describe(
        'grant: bought or given · reinstate: revoked before, and paid again · hold: set aside for work · capture: ' +
          'spent · release: given back, not spent · reverse: given back after it was spent · expire, unexpire · ' +
          'revoke: taken back by the order · correct: taken away by hand',
      ),
    meter,
    quantity: count.describe('Credits moved, always positive.'),
    change: count.describe('What that did to the credits that can be spent: +, − or 0.'),
    balance_after: count.describe('Credits of this meter that could be spent after it.'),
    cause: z.object({
      kind: z.enum(['order', 'message', 'video_session', 'ticket', 'expiry', 'adjustment']),
      id: id.nullable(),
    }),
    reason: z.string().nullable(),
    by: z.object({
      kind: z.enum(['token', 'staff', 'customer', 'store', 'system']),
      id: z.string(),
      name: z.string(),
    }),
    grant_id: id,
    package: packageName.nullable(),
    order: orderName.nullable().describe('The order that these credits came from.'),
    hold_id: id.nullable(),
    work: meter.nullable().describe('The meter of the work that was paid; `any` credits can pay several.'),
    ticket: z.object({ id, number: z.int() }).nullable().describe('The ticket of the work.'),
  })
  .meta({ id: 'Entry', description: 'One immutable line of the credit ledger.' });
