import { z } from 'zod';
import { METERS } from '../domain/credits';
import { limits } from '../platform/limits';

/** Shapes that several resources share. What is accepted and what is documented are the same objects. */

export const meter = z.enum(METERS).meta({
  id: 'Meter',
  description: 'What is counted; `any` are pooled credits, converted by the price list of their package.',
});

export const id = z.string().meta({ description: 'UUIDv7', example: '0193e3a0-0000-7000-8000-000000000000' });
/** An instant that a caller sends: ISO 8601 with a zone. As isoOf() it is one of ours. */
export const instantIn = z.iso.datetime({ offset: true }).meta({ example: '2026-11-22T12:00:00Z' });

export function isoOf(text: string): string {
  return new Date(text).toISOString();
}

export const instant = z.string().meta({ format: 'date-time', description: 'ISO 8601, UTC' });
export const storeSlug = z.string().min(1).max(limits.nameChars).describe('Slug of the store.');
export const count = z.number();

/** A whole number in a query string. */
export function wholeNumber(min: number, max: number) {
  return z
    .string()
    .regex(/^\d{1,15}$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.int().min(min).max(max))
    .meta({
      override: ({ jsonSchema }: { jsonSchema: Record<string, unknown> }) => {
        delete jsonSchema.pattern;
        Object.assign(jsonSchema, { type: 'integer', minimum: min, maximum: max });
      },
    });
}

/** Text with something in it: spaces alone are none. */
export function words(maxChars: number) {
  return z
    .string()
    .max(maxChars)
    .refine((text) => text.trim() !== '', 'must not be empty')
    .meta({ override: { minLength: 1 } });
}

/** Only the named meters, each at most once. */
export function byMeter<T extends z.ZodType>(value: T) {
  return z.object({ sms: value, email: value, video: value, request: value, any: value });
}

export const amounts = z
  .object({
    granted: count,
    available: count.describe('What can be spent now.'),
    held: count.describe('Set aside for work that is under way.'),
    used: count,
    expired: count,
    revoked: count,
  })
  .meta({
    id: 'Amounts',
    description: 'Whole credits; granted = available + held + used + expired + revoked.',
  });

export const usable = byMeter(count).meta({
  id: 'UsableCredits',
  description: 'Credits that can be spent now, by meter.',
});

export const draws = z
  .array(z.object({ grant_id: id, meter, credits: count }))
  .describe('The credits drawn, by grant.');

export const packageName = z.object({ id, name: z.string() });
export const orderName = z.object({ id, number: z.string() });
