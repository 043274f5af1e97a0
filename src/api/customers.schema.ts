import { z } from 'zod';
import { byMeter, count, id, instant, storeSlug } from './schemas';

export const customer = z
  .object({
    id,
    store: storeSlug,
    woo_customer_id: z.int().nullable().describe('null: bought as a guest.'),
    name: z.string(),
    email: z.string().nullable(),
    phone: z.string().nullable().describe('As the customer wrote it.'),
    phone_e164: z.string().nullable(),
    country: z.string().nullable(),
    locale: z.string(),
    shortfall: byMeter(count).describe('Used or held of what orders have taken back.'),
    created_at: instant,
    updated_at: instant,
  })
  .meta({ id: 'Customer' });
