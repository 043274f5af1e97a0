import type { Knex } from 'knex';
import {
  assertSecretsOpen,
  createStore,
  findStore,
  findStoreBySlug,
  type NewStore,
  type StoreChanges,
  storeSecrets,
  syncEnvironmentStore,
  updateStore,
  webhookKey,
} from '../../src/domain/stores';
import { systemActor } from '../../src/platform/actor';
import { openDatabase, withTransaction } from '../../src/platform/db';
import { uuidIds } from '../../src/platform/ids';
import { makeVault } from '../../src/platform/secrets';
import { testVault } from '../support/app';
import { describeEachEngine } from '../support/databases';

const at = (text: string) => ({ at: text, actor: systemActor, ids: uuidIds });
const NOW = at('2026-11-22T12:00:00.000Z');
const LATER = at('2026-11-23T12:00:00.000Z');
const NOTHING = { url: null, consumerKey: null, consumerSecret: null, webhookSecret: null };
const SHOP = {
  url: 'https://www.trgovina.si',
  consumerKey: 'ck_key',
  consumerSecret: 'cs_secret',
  webhookSecret: 'whs-7f3a',
};

describeEachEngine('stores', (engine) => {
  let db: Knex;
  let url: string;
  beforeEach(async () => {
    ({ db, url } = await engine.freshDatabase());
  });
  const sync = (environment: Parameters<typeof syncEnvironmentStore>[3], moment = NOW, on = db) =>
    withTransaction(on, (trx) => syncEnvironmentStore(trx, moment, testVault, environment));
  const create = (input: NewStore) => withTransaction(db, (trx) => createStore(trx, NOW, testVault, input));
  const update = (id: string, changes: StoreChanges) =>
    withTransaction(db, (trx) => updateStore(trx, LATER, testVault, id, changes));

  describe('the store of the environment', () => {
    it('exists when the environment says nothing, without a secret', async () => {
      const store = await sync(NOTHING);
      expect(store).toEqual({
        id: store.id,
        slug: 'default',
        name: 'Default store',
        url: null,
        paidStatuses: ['processing', 'completed'],
        locale: 'en',
        country: 'US',
        timeZone: 'UTC',
        notices: true,
        customerNote: 'zeton',
        privateRefundNotes: true,
        writeTicketMeta: true,
        mailAddress: null,
        currency: null,
        fromEnvironment: false,
        createdAt: NOW.at,
        updatedAt: NOW.at,
      });
      expect(await findStoreBySlug(db, 'default')).toEqual(store);
      expect(await webhookKey(db, testVault, 'default')).toEqual({ storeId: store.id, secret: null });
    });

    it('is guessed from the address of the shop', async () => {
      expect(await sync(SHOP)).toMatchObject({
        name: 'trgovina.si',
        locale: 'sl',
        country: 'SI',
        timeZone: 'Europe/Ljubljana',
        fromEnvironment: true,
      });
    });

    it('keeps its secrets sealed', async () => {
      const { id } = await sync(SHOP);
      const { url: _, ...secrets } = SHOP;
      expect(await storeSecrets(db, testVault, id)).toEqual(secrets);
      const text = JSON.stringify(await db('stores').where({ id }).first());
      for (const secret of Object.values(secrets)) expect(text).not.toContain(secret);
    });

    it('is left alone by a second start, and changed by a changed variable', async () => {
      const first = await sync(SHOP);
      const row = await db('stores').first();
      expect(await sync(SHOP, LATER)).toEqual(first);
      expect(await db('stores').first()).toEqual(row);
      const changed = await sync({ ...SHOP, webhookSecret: 'another' }, LATER);
      expect(changed).toEqual({ ...first, updatedAt: LATER.at });
      expect((await webhookKey(db, testVault, 'default'))?.secret).toBe('another');
      expect(await db('stores').select('id')).toHaveLength(1);
    });

    it('learns where it is when its address is first told, and keeps what an admin has set', async () => {
      const { id } = await sync(NOTHING);
      expect(await sync({ ...NOTHING, url: 'https://shop.example.hr' }, LATER)).toMatchObject({
        name: 'shop.example.hr',
        country: 'HR',
        locale: 'hr',
      });
      await update(id, { name: 'Our shop', country: 'AT', timeZone: 'Europe/Vienna' });
      expect(await sync({ ...NOTHING, url: 'https://shop.example.gr' }, LATER)).toMatchObject({
        name: 'Our shop',
        url: 'https://shop.example.gr',
        country: 'AT',
      });
    });

    it('keeps what was set otherwise when a variable is gone', async () => {
      await sync(SHOP);
      expect(await sync(NOTHING, LATER)).toMatchObject({ url: SHOP.url, fromEnvironment: false });
      expect((await webhookKey(db, testVault, 'default'))?.secret).toBe('whs-7f3a');
    });

    it('is made once by several processes that start together', async () => {
      const other = openDatabase(url);
      const stores = await Promise.all([
        sync(SHOP),
        sync(SHOP, NOW, other),
        sync(SHOP),
        sync(SHOP, NOW, other),
      ]);
      await other.destroy();
      expect(new Set(stores.map((store) => store.id)).size).toBe(1);
    });

    it('tells when the key is another one, unless the environment brings the secrets anew', async () => {
      const another = makeVault('another key, also of 32 characters');
      await sync({ ...NOTHING, webhookSecret: 'whs-7f3a' });
      await assertSecretsOpen(db, testVault);
      await expect(assertSecretsOpen(db, another)).rejects.toThrow();
      await withTransaction(db, (trx) =>
        syncEnvironmentStore(trx, LATER, another, { ...NOTHING, webhookSecret: 'whs-7f3a' }),
      );
      await assertSecretsOpen(db, another);
    });
  });

  it('are connected by slug, once', async () => {
    const store = await create({ slug: 'shop-2', url: 'https://shop.example.gr/', webhookSecret: 's' });
    expect(store).toMatchObject({
      name: 'shop.example.gr',
      url: 'https://shop.example.gr',
      country: 'GR',
      locale: 'el',
    });
    await expect(create({ slug: 'shop-2' })).rejects.toMatchObject({ code: 'store-slug-taken' });
    expect(await findStore(db, store.id)).toEqual(store);
  });

  it('change in what is said, and in nothing else', async () => {
    const store = await create({ slug: 'shop', ...SHOP });
    const changed = await update(store.id, {
      name: ' New name ',
      paidStatuses: ['wc-Processing', 'v-pripravi', 'processing'],
      locale: 'el-GR',
      country: 'gr',
      timeZone: 'Europe/Athens',
      webhookSecret: null,
    });
    expect(changed).toEqual({
      ...store,
      name: 'New name',
      paidStatuses: ['processing', 'v-pripravi'],
      locale: 'el',
      country: 'GR',
      timeZone: 'Europe/Athens',
      updatedAt: LATER.at,
    });
    expect(await storeSecrets(db, testVault, store.id)).toEqual({
      consumerKey: 'ck_key',
      consumerSecret: 'cs_secret',
      webhookSecret: null,
    });
    await expect(update(uuidIds.next(), { name: 'x' })).rejects.toMatchObject({ code: 'not-found' });
  });

  it.each<[string, NewStore]>([
    ['slug', { slug: 'Shop' }],
    ['slug', { slug: '' }],
    ['slug', { slug: 'a'.repeat(41) }],
    ['slug', { slug: '../x' }],
    ['name', { slug: 'x', name: '  ' }],
    ['name', { slug: 'x', name: 'n'.repeat(201) }],
    ['url', { slug: 'x', url: 'shop.example.com' }],
    ['url', { slug: 'x', url: 'javascript:alert(1)' }],
    ['url', { slug: 'x', url: 'https://a:b@shop.example.com' }],
    ['paid_statuses', { slug: 'x', paidStatuses: [] }],
    ['paid_statuses', { slug: 'x', paidStatuses: ['a b'] }],
    ['paid_statuses', { slug: 'x', paidStatuses: ['processing', 'refunded'] }],
    ['locale', { slug: 'x', locale: '!' }],
    ['country', { slug: 'x', country: 'Slovenia' }],
    ['time_zone', { slug: 'x', timeZone: 'Europe/Nowhere' }],
    ['time_zone', { slug: 'x', timeZone: '+01:00' }],
    ['webhook_secret', { slug: 'x', webhookSecret: '' }],
  ])('refuse a wrong %s (%j)', async (path, input) => {
    await expect(create(input)).rejects.toMatchObject({
      code: 'invalid-request',
      facts: { errors: [{ path }] },
    });
    expect(await findStoreBySlug(db, 'x')).toBeNull();
  });
});
