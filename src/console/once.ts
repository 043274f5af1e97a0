import type { Trx } from '../platform/db';
import { Refusal } from '../platform/refusal';
import type { StaffPage } from '../ui/page';
import { repeatable } from '../ui/repeatable';
import type { Context } from '../usecases/context';
import { withIdempotency } from '../usecases/idempotency';

/**
 * What a posted form does, once: a double click or a reload gets the first answer again.
 * Shape:   the form's hidden key, what it asks for, work(trx) → { value, replayed }
 * Errors:  idempotency-conflict: the key was used for something else (one went back, and changed the form)
 * Repeat:  keys belong to the person and the address; as withIdempotency()
 */
export async function once<T>(
  ctx: Context,
  page: StaffPage,
  form: { key: string; asked: unknown },
  work: (trx: Trx) => Promise<T>,
): Promise<{ value: T; replayed: boolean }> {
  if (!/^[\w-]{8,100}$/.test(form.key)) throw new Refusal('malformed-request', 'The form has no key.');
  const request = repeatable(page, form.key, form.asked);
  const { body, replayed } = await withIdempotency(ctx, request, async (trx) => ({
    status: 200,
    body: await work(trx),
  }));
  return { value: body as T, replayed };
}
