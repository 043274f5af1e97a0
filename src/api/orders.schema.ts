import { z } from 'zod';
import { METERS } from '../domain/credits';
import { count, id, instant, packageName, storeSlug } from './schemas';

const lineMeter = z.object({
  wanted: count.describe('What the line buys now: 0 when the order is not paid, or the line is refunded.'),
  net: count.describe('What the order gave and has not taken back.'),
  shortfall: count.describe('Used or held of what the order no longer pays for.'),
});

export const order = z
  .object({
    id,
    store: storeSlug,
    woo_id: z.int().describe('Id of the order in WooCommerce.'),
    number: z.string().describe('Number of the order as the shop shows it.'),
    status: z.string().describe('As in WooCommerce; shops have statuses of their own.'),
    paid: z.boolean(),
    ever_paid: z.boolean().describe('Some known state of the order was paid; then its ticket exists.'),
    customer_id: id.nullable(),
    ticket_id: id.nullable().describe('null: no line of it buys a package, or it was never paid.'),
    lines: z.array(
      z.object({
        id,
        name: z.string(),
        quantity: z.number(),
        refunded_quantity: z.number(),
        package: packageName.nullable().describe('What the line bought, as it was named then.'),
        meters: z
          .partialRecord(z.enum(METERS), lineMeter)
          .describe('One member for each meter that the package grants.'),
      }),
    ),
    review_flags: z.array(z.string()).describe('What a person should look at.'),
    currency: z.string().nullable(),
    total: z.string().nullable(),
    created_at: instant,
    updated_at: instant,
  })
  .meta({ id: 'Order' });
