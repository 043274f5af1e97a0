import request from 'supertest';
import { findStoreBySlug, type Store } from '../../src/domain/stores';
import { systemActor } from '../../src/platform/actor';
import { reconcileStore, type SeeToWebhooks, type SyncReport } from '../../src/usecases/reconcile-store';
import { makeTestApp, type TestApp, type TestAppOptions, WEBHOOK_SECRET } from './app';
import { TestClock } from './clock';
import type { TestEngine } from './databases';
import { FakeWooCommerce } from './fake-woocommerce';
import type { FakeOptions } from './fake-woocommerce/server';

/** Zeton and a shop that it has keys to; both by one clock. */
export interface OpenShop {
  app: TestApp;
  fake: FakeWooCommerce;
  clock: TestClock;
  store: Store;
  /** Deliveries of the shop arrive, and are worked off. */
  settle(): Promise<void>;
  read(ask?: Partial<Parameters<typeof reconcileStore>[3]>, app?: TestApp): Promise<SyncReport | null>;
  sweep(): Promise<SyncReport | null>;
  net(wooId: number): Promise<number | null>;
  api(method: 'get' | 'post', path: string, body?: object): request.Test;
  close(): Promise<void>;
}

/** Walks of it end at once. */
export async function openShop(
  engine: TestEngine,
  options: { shop?: FakeOptions; app?: TestAppOptions; seeToWebhooks?: SeeToWebhooks } = {},
): Promise<OpenShop> {
  const clock = new TestClock('2026-11-22T12:00:00.000Z');
  const fake = await new FakeWooCommerce({ clock, ...options.shop }).listen();
  const { key, secret } = fake.addKey();
  const app = await makeTestApp(engine, {
    clock,
    ...options.app,
    env: {
      // Where nobody listens: the pings of webhooks that are made end at once.
      PUBLIC_URL: 'http://127.0.0.1:1',
      WOOCOMMERCE_URL: fake.url,
      WOOCOMMERCE_CONSUMER_KEY: key,
      WOOCOMMERCE_CONSUMER_SECRET: secret,
      ...options.app?.env,
    },
  });
  const store = await findStoreBySlug(app.db, 'default');
  if (!store) throw new Error('there is a default store');
  // The app under test is not listening: what the shop sends is handed to it.
  fake.webhooks.transport = async ({ headers, body }) => {
    const own = headers.filter(([name]) => !/^(connection|content-length|accept-encoding)$/i.test(name));
    const sent = request(app.http).post('/webhooks/woocommerce/default').set(Object.fromEntries(own));
    return (await sent.serialize((raw: unknown) => raw as string).send(body)).status;
  };
  for (const event of ['created', 'updated', 'deleted', 'restored']) {
    const topic = `order.${event}`;
    await fake.webhooks.create({ topic, deliveryUrl: 'http://127.0.0.1:1/', secret: WEBHOOK_SECRET });
  }
  const { seeToWebhooks } = options;
  const read: OpenShop['read'] = (ask = {}, by = app) =>
    reconcileStore(by.ctx, systemActor, store, { kind: 'orders', seeToWebhooks, ...ask });
  const api: OpenShop['api'] = (method, path, body) => {
    const asked = request(app.http)[method](path).set('Authorization', `Bearer ${app.token}`);
    return body ? asked.send(body) : asked;
  };
  return {
    app,
    fake,
    clock,
    store,
    read,
    api,
    sweep: () => read({ kind: 'sweep' }),
    async settle() {
      await fake.webhooks.run();
      await app.drain();
    },
    async net(wooId) {
      const answer = await api('get', `/api/v1/orders?store=default&woo_id=${wooId}`);
      const { data } = answer.body as { data: { lines: { meters: { sms?: { net: number } } }[] }[] };
      return data[0]?.lines[0]?.meters.sms?.net ?? null;
    },
    async close() {
      await app.close();
      await fake.close();
    },
  };
}
