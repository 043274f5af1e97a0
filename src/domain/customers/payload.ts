import { decode } from 'entities';
import { z } from 'zod';
import { limits } from '../../platform/limits';

/** An account of a shop, as far as Zeton needs it. Texts are decoded, and never trusted as HTML. */
export interface CustomerPayload {
  wooCustomerId: number;
  /** Bare GMT. */
  modifiedGmt: string;
  name: string;
  email: string;
  phone: string;
  country: string;
}

const NUL = String.fromCharCode(0);
const text = z
  .union([z.string(), z.null(), z.undefined()])
  .transform((value) => (value ?? '').replaceAll(NUL, '').trim());
const name = text.transform((value) => decode(value).trim().slice(0, limits.subjectChars));
const date = z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/);
const billing = z.looseObject({ first_name: name, last_name: name, phone: text, country: text }).partial();

const account = z
  .looseObject({
    id: z.number().int().positive(),
    date_created_gmt: date.nullish().catch(null),
    date_modified_gmt: date.nullish().catch(null),
    email: text,
    first_name: name,
    last_name: name,
    billing: billing.catch({}),
  })
  .transform((raw): CustomerPayload => {
    const own = [raw.first_name, raw.last_name].filter(Boolean).join(' ');
    const billed = [raw.billing.first_name, raw.billing.last_name].filter(Boolean).join(' ');
    return {
      wooCustomerId: raw.id,
      modifiedGmt: raw.date_modified_gmt ?? raw.date_created_gmt ?? '',
      name: own || billed,
      email: raw.email.slice(0, 254),
      phone: (raw.billing.phone ?? '').slice(0, 40),
      country: (raw.billing.country ?? '').slice(0, 2).toUpperCase(),
    };
  });

/** Null: it is no account, but an error or nothing that can be read. */
export function readCustomerBody(json: string): CustomerPayload | null {
  try {
    return account.safeParse(JSON.parse(json)).data ?? null;
  } catch {
    return null;
  }
}
