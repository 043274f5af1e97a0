import { z } from 'zod';
import { limits } from '../platform/limits';
import { adjustCreditsIn } from '../usecases/adjust-credits';
import { readCredits, readEntries } from './credits.query';
import { credits, entry } from './credits.schema';
import { cursorAt, numberInCursor, pageOf, pageQuery, toPage } from './cursor';
import { CsvStream, endpoint } from './endpoint';
import { customerInSight } from './in-sight';
import { amounts, byMeter, count, id, instant, meter, words } from './schemas';
import { statementCsv } from './statement.csv';

const adjustmentKind = z
  .enum(['goodwill', 'correction'])
  .describe('goodwill gives; correction gives or takes away what is available.');

export const creditEndpoints = [
  endpoint({
    name: 'getCredits',
    method: 'get',
    path: '/api/v1/customers/{id}/credits',
    resource: 'customer',
    scope: 'credits:read',
    summary: 'What a customer has, by meter and by grant',
    status: 200,
    answer: credits,
    async handle({ ctx, principal, params }) {
      await customerInSight(ctx.db, principal, params.id);
      return readCredits(ctx.db, params.id);
    },
  }),
  endpoint({
    name: 'getStatement',
    method: 'get',
    path: '/api/v1/customers/{id}/statement',
    resource: 'customer',
    scope: 'credits:read',
    summary: 'Why that much is left: the ledger entries, newest first',
    description: 'As JSON in pages; with `Accept: text/csv` the whole statement as one file.',
    query: z.strictObject({
      meter: meter.optional(),
      before: z.string().optional().describe('next_cursor of the page before; the same as `cursor`.'),
      ...pageQuery,
    }),
    status: 200,
    answer: pageOf(entry),
    csv: 'The whole statement, newest first; a text that a spreadsheet would take for a formula begins with an apostrophe.',
    async handle({ ctx, principal, params, query, wantsCsv }) {
      const { id: customerId } = await customerInSight(ctx.db, principal, params.id);
      if (wantsCsv) {
        return new CsvStream(`statement-${customerId}.csv`, statementCsv(ctx.db, customerId, query.meter));
      }
      const rows = await readEntries(ctx.db, customerId, {
        meter: query.meter,
        before: numberInCursor('entries', query.before, 'before') ?? numberInCursor('entries', query.cursor),
        limit: query.limit + 1,
      });
      return toPage(rows, query.limit, (row) => cursorAt('entries', row.seq));
    },
  }),
  endpoint({
    name: 'createAdjustment',
    method: 'post',
    path: '/api/v1/customers/{id}/adjustments',
    resource: 'customer',
    scope: 'credits:write',
    summary: 'Give credits, or correct the balance',
    description: 'Appends to the ledger, with the reason and who did it; audited.',
    body: z
      .strictObject({
        meter,
        quantity: z
          .int()
          .min(-limits.creditQuantityMax)
          .max(limits.creditQuantityMax)
          .refine((n) => n !== 0, 'must not be 0')
          .describe('Whole credits: more than 0 gives, less takes away.'),
        reason: words(limits.reasonChars),
        kind: adjustmentKind,
      })
      .meta({ id: 'NewAdjustment' }),
    key: { required: true },
    status: 201,
    answer: z
      .object({
        id,
        customer_id: id,
        meter,
        quantity: count,
        reason: z.string(),
        kind: adjustmentKind,
        meters: byMeter(amounts).describe('What the customer has after it.'),
        created_at: instant,
      })
      .meta({ id: 'Adjustment' }),
    problems: ['insufficient-credits'],
    async handle({ ctx, principal, actor, params, body, requireKey, once }) {
      requireKey();
      const { id: customerId } = await customerInSight(ctx.db, principal, params.id);
      return once(async (trx) => {
        const done = await adjustCreditsIn(trx, ctx, actor, { customerId, ...body });
        return {
          id: done.adjustmentId,
          customer_id: customerId,
          ...body,
          meters: done.balance,
          created_at: done.at,
        };
      });
    },
  }),
];
