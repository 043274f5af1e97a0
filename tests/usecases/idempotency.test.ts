import { Refusal } from '../../src/platform/refusal';
import type { Context } from '../../src/usecases/context';
import { type RepeatableRequest, withIdempotency } from '../../src/usecases/idempotency';
import { makeContext } from '../support/context';
import { describeEachEngine } from '../support/databases';

describeEachEngine('withIdempotency', (engine) => {
  const request: RepeatableRequest = { principal: 'bob', key: 'k', requestSha256: 'a' };
  let ctx: Context;
  let done: number;
  beforeEach(async () => {
    ctx = makeContext((await engine.freshDatabase({ poolMax: 10 })).db);
    done = 0;
  });
  const work = (trx: Context['db']) =>
    trx('sequences')
      .insert({ name: `work ${++done}`, value: done })
      .then(() => ({ status: 201, body: { done, text: 'Καλημέρα 😀' } }));
  const written = async () => (await ctx.db('sequences')).length;

  it('does the work once, and gives the first answer again', async () => {
    const first = await withIdempotency(ctx, request, work);
    expect(first).toEqual({ status: 201, body: { done: 1, text: 'Καλημέρα 😀' }, replayed: false });
    expect(await withIdempotency(ctx, request, work)).toEqual({ ...first, replayed: true });
    expect(await written()).toBe(1);
  });

  it('takes another principal or key for something else', async () => {
    await withIdempotency(ctx, request, work);
    const carol = { ...request, principal: 'carol' };
    await withIdempotency(ctx, carol, work);
    expect(await withIdempotency(ctx, carol, work)).toMatchObject({ body: { done: 2 }, replayed: true });
    await withIdempotency(ctx, { ...request, key: 'K' }, work);
    expect(await written()).toBe(3);
  });

  it('refuses another request under the same key', async () => {
    await withIdempotency(ctx, request, work);
    const other = withIdempotency(ctx, { ...request, requestSha256: 'b' }, work);
    await expect(other).rejects.toMatchObject({ code: 'idempotency-conflict' });
    expect(await written()).toBe(1);
  });

  it.each([
    ['a refusal', new Refusal('insufficient-credits', 'none')],
    ['a defect', new Error('boom')],
  ])('remembers nothing of %s', async (_what, error) => {
    const failing = withIdempotency(ctx, request, async (trx) => {
      await work(trx);
      throw error;
    });
    await expect(failing).rejects.toBe(error);
    expect(await written()).toBe(0);
    expect(await ctx.db('idempotency_keys')).toEqual([]);
    // Also another request may take the key then.
    await withIdempotency(ctx, { ...request, requestSha256: 'b' }, work);
    expect(await written()).toBe(1);
  });

  it('does not remember an answer that is no success', async () => {
    const wrong = withIdempotency(ctx, request, () => Promise.resolve({ status: 404, body: null }));
    await expect(wrong).rejects.toThrow('a refusal is thrown');
    expect(await ctx.db('idempotency_keys')).toEqual([]);
  });

  it('lets those who come at the same time wait for the first', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => withIdempotency(ctx, request, work)));
    expect(await written()).toBe(1);
    expect(answers.filter((answer) => !answer.replayed)).toHaveLength(1);
    expect(new Set(answers.map((answer) => JSON.stringify(answer.body))).size).toBe(1);
  });

  it('lets the next one work when the first, for which it waited, is refused', async () => {
    let failures = 0;
    const answers = await Promise.allSettled(
      Array.from({ length: 6 }, () =>
        withIdempotency(ctx, request, async (trx) => {
          if (failures++ < 3) throw new Refusal('insufficient-credits', 'none');
          return work(trx);
        }),
      ),
    );
    expect(answers.filter((answer) => answer.status === 'rejected')).toHaveLength(3);
    expect(await written()).toBe(1);
  });
});
