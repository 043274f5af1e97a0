import { iso } from '../platform/clock';
import { type Trx, withTransaction } from '../platform/db';
import { assert, Refusal } from '../platform/refusal';
import type { Context } from './context';

/** A request that its sender may repeat. Keys belong to the token or person that sent them. */
export interface RepeatableRequest {
  principal: string;
  key: string;
  /** SHA-256 of method, path and body: what makes it the same request. */
  requestSha256: string;
}

export interface Answer {
  status: number;
  body: unknown;
}

interface Kept {
  principal: string;
  idempotency_key: string;
  request_sha256: string;
  /** Null only inside the transaction that does the work. */
  status: number | null;
  response: string | null;
}

/**
 * Does the work once for each key, and gives every repeat the first answer.
 * Shape:   { principal, key, requestSha256 }, work(trx) → { status, body, replayed }
 * Errors:  idempotency-conflict (same key, another request), and whatever `work` refuses
 * Writes:  idempotency_keys, in the same transaction as `work`
 * Repeat:  a refusal rolls the key back too: only 2xx answers are remembered, so after a top-up the same key may
 *          succeed. A repeat that comes while the first is still at work waits for it: on PostgreSQL at the unique
 *          key, on SQLite at the write lock.
 * Source:  DESIGN §3 "Spending", §6 "Idempotency-Key"
 */
export function withIdempotency(
  ctx: Context,
  request: RepeatableRequest,
  work: (trx: Trx) => Promise<Answer>,
): Promise<Answer & { replayed: boolean }> {
  return withTransaction(ctx.db, async (trx) => {
    const inserted = await trx('idempotency_keys')
      .insert({
        principal: request.principal,
        idempotency_key: request.key,
        request_sha256: request.requestSha256,
        status: null,
        response: null,
        created_at: iso(ctx.clock.now()),
      })
      .onConflict(['principal', 'idempotency_key'])
      .ignore()
      .returning('idempotency_key');
    const own = { principal: request.principal, idempotency_key: request.key };
    if (inserted.length === 0) {
      const first = await trx<Kept>('idempotency_keys')
        .where(own)
        .first('request_sha256', 'status', 'response');
      assert(first?.response, 'a committed idempotency key has its answer');
      if (first.request_sha256 !== request.requestSha256) {
        throw new Refusal(
          'idempotency-conflict',
          'This Idempotency-Key was used for another request. Send a new key with a new request.',
        );
      }
      return { status: Number(first.status), body: JSON.parse(first.response) as unknown, replayed: true };
    }
    const answer = await work(trx);
    assert(answer.status >= 200 && answer.status < 300, 'a refusal is thrown, not returned');
    await trx('idempotency_keys')
      .where(own)
      .update({ status: answer.status, response: JSON.stringify(answer.body) });
    return { ...answer, replayed: false };
  });
}

/** The same without a key: one transaction, every call does the work. */
export async function withoutIdempotency(
  ctx: Context,
  work: (trx: Trx) => Promise<Answer>,
): Promise<Answer & { replayed: boolean }> {
  return { ...(await withTransaction(ctx.db, work)), replayed: false };
}
