import { addToken, authenticate, listTokens, mayDo, revokeToken, SCOPES } from '../../src/domain/access';
import { systemActor } from '../../src/platform/actor';
import { type Db, withTransaction } from '../../src/platform/db';
import { uuidIds } from '../../src/platform/ids';
import { sha256Hex } from '../../src/platform/secrets';
import { describeEachEngine } from '../support/databases';

const ENVIRONMENT = 'the-token-of-the-environment';
const NOW = '2026-11-22T12:00:00.000Z';
const moment = { at: NOW, actor: systemActor, ids: uuidIds };

describeEachEngine('API tokens', (engine) => {
  let db: Db;
  beforeEach(async () => {
    ({ db } = await engine.freshDatabase());
  });
  const add = (scopes: string[] | 'all', storeIds: string[] | null = null, name = 'A tool') =>
    withTransaction(db, (trx) => addToken(trx, moment, { name, scopes, storeIds }));
  const ask = (token: string, { now = NOW, environment = ENVIRONMENT as string | null } = {}) =>
    authenticate(db, token, environment, now);

  it('are random, and kept as a hash alone', async () => {
    const one = await add(['orders:read']);
    const other = await add(['orders:read']);
    expect(one.token).toMatch(/^ztn_[\w-]{43}$/);
    expect(one.token).not.toBe(other.token);
    const [row] = await db('api_tokens').orderBy('id');
    expect(row.token_sha256).toBe(sha256Hex(one.token));
    expect(JSON.stringify(row)).not.toContain(one.token.slice(4));
  });

  it('say who is behind them, and what for', async () => {
    const { id, token } = await add(['orders:read', 'orders:read', 'credits:write'], ['store-1']);
    const principal = await ask(token);
    expect(principal).toEqual({
      id,
      name: 'A tool',
      scopes: new Set(['orders:read', 'credits:write']),
      storeIds: ['store-1'],
    });
  });

  it('allow what their scopes name; writing includes reading, and never the other way round', async () => {
    const limited = (await ask((await add(['orders:read', 'credits:write'])).token))!;
    const allowed = SCOPES.filter((scope) => mayDo(limited, scope));
    expect(allowed).toEqual(['orders:read', 'credits:read', 'credits:write']);
    const owner = (await ask((await add('all')).token))!;
    expect(SCOPES.every((scope) => mayDo(owner, scope))).toBe(true);
  });

  it.each([
    ['no token at all', ''],
    ['an unknown one', `ztn_${'A'.repeat(43)}`],
    ['one of another kind', 'Bearer ztn_x'],
  ])('know nobody by %s', async (_, token) => {
    await add('all');
    expect(await ask(token)).toBeNull();
  });

  it('know nobody by a token in other letter case, or cut', async () => {
    const { token } = await add('all');
    expect(await ask(token.slice(0, -1))).toBeNull();
    expect(await ask(token.toUpperCase())).toBeNull();
    expect(await ask(`${token} `)).toBeNull();
  });

  it('are dead at once when revoked, once and for all', async () => {
    const { id, token } = await add('all');
    const revoke = (which: string) => withTransaction(db, (trx) => revokeToken(trx, moment, which));
    expect(await revoke(id)).toEqual({ revokedNow: true });
    expect(await ask(token)).toBeNull();
    expect(await revoke(id)).toEqual({ revokedNow: false });
    await expect(revoke(uuidIds.next())).rejects.toMatchObject({ code: 'not-found' });
    expect(await listTokens(db)).toMatchObject([{ id, revokedAt: NOW }]);
  });

  it('remember their last use, to the minute', async () => {
    const { token } = await add('all');
    const lastUsed = async () => (await listTokens(db))[0]!.lastUsedAt;
    expect(await lastUsed()).toBeNull();
    await ask(token);
    expect(await lastUsed()).toBe(NOW);
    await ask(token, { now: '2026-11-22T12:00:59.999Z' });
    expect(await lastUsed()).toBe(NOW);
    await ask(token, { now: '2026-11-22T12:01:00.000Z' });
    expect(await lastUsed()).toBe('2026-11-22T12:01:00.000Z');
  });

  it.each([
    ['an unknown scope', 'A', ['orders:read', 'orders:delete'], null, 'scopes'],
    ['a scope that cannot be written', 'A', ['metrics:write'], null, 'scopes'],
    ['no scope', 'A', [], null, 'scopes'],
    ['no store', 'A', ['orders:read'], [], 'stores'],
    ['no name', '  ', ['orders:read'], null, 'name'],
  ])('are not made with %s', async (_, name, scopes, storeIds, path) => {
    await expect(add(scopes, storeIds, name)).rejects.toMatchObject({
      code: 'invalid-request',
      facts: { errors: [{ path }] },
    });
    expect(await listTokens(db)).toEqual([]);
  });

  it('are joined by the one of the environment, for as long as it is set', async () => {
    expect(await ask(ENVIRONMENT)).toEqual({
      id: 'environment',
      name: 'environment',
      scopes: 'all',
      storeIds: null,
    });
    expect(await ask(ENVIRONMENT, { environment: null })).toBeNull();
    expect(await ask(ENVIRONMENT.slice(0, -1))).toBeNull();
    expect(await ask('', { environment: null })).toBeNull();
    expect(await listTokens(db)).toEqual([]);
  });
});
