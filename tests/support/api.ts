import request, { type Response, type Test } from 'supertest';
import { v7 } from 'uuid';
import { findStoreBySlug, type Store } from '../../src/domain/stores';
import { systemActor } from '../../src/platform/actor';
import { addTokenForStores } from '../../src/usecases/add-token';
import { momentOf } from '../../src/usecases/context';
import { makeTestApp, type TestApp, type TestAppOptions } from './app';
import type { TestEngine } from './databases';
import { orderJson, receive } from './shop';

type Method = 'get' | 'post' | 'patch' | 'delete' | 'put' | 'head' | 'options';
/** An answer, read loosely. */
export type Json = Response['body'];

/** The API as a client sees it: the owner's token unless another is given. */
export class Api {
  constructor(
    readonly app: TestApp,
    readonly token: string | null,
  ) {}

  as(token: string | null): Api {
    return new Api(this.app, token);
  }

  call(method: Method, path: string, body?: unknown, headers: Record<string, string> = {}): Test {
    const test = request(this.app.http)
      [method](path.startsWith('/') ? path : `/api/v1/${path}`)
      .set(headers);
    if (this.token !== null) test.set('Authorization', `Bearer ${this.token}`);
    if (body === undefined) return test;
    return typeof body === 'string'
      ? test.set('Content-Type', 'application/json').send(body)
      : test.send(body as object);
  }

  get(path: string): Test {
    return this.call('get', path);
  }

  /** With a key of its own, unless one is given; null sends none. */
  post(path: string, body?: unknown, key: string | null = v7()): Test {
    return this.call('post', path, body, key === null ? {} : { 'Idempotency-Key': key });
  }

  patch(path: string, body?: unknown): Test {
    return this.call('patch', path, body);
  }

  /** A token with these scopes, for these stores. */
  async withToken(scopes: string[] | 'all', storeSlugs: string[] | null = null): Promise<Api> {
    const made = await addTokenForStores(this.app.db, momentOf(this.app.ctx, systemActor), {
      name: 'of a test',
      scopes,
      storeSlugs,
    });
    return this.as(made.token);
  }
}

export interface ApiWorld {
  app: TestApp;
  api: Api;
  /** May do everything, in the store `other` only. */
  mallory: Api;
  store: Store;
  package: Json;
}

/** The store `default` that sells one package (sms 10, email 20, video 3), and the store `other`, which is Mallory's. */
export async function makeApiWorld(engine: TestEngine, options: TestAppOptions = {}): Promise<ApiWorld> {
  const app = await makeTestApp(engine, options);
  const api = new Api(app, app.token);
  await api.post('stores', { slug: 'other', url: 'https://other.example.com' }).expect(201);
  const pkg = await api
    .post('packages', {
      store: 'default',
      name: 'Start',
      match: { sku: 'SUP' },
      grants: [
        { meter: 'sms', quantity: 10 },
        { meter: 'email', quantity: 20 },
        { meter: 'video', quantity: 3 },
      ],
    })
    .expect(201);
  return {
    app,
    api,
    mallory: await api.withToken('all', ['other']),
    store: (await findStoreBySlug(app.db, 'default')) as Store,
    package: pkg.body,
  };
}

let orders = 1000;

/** An order of the shop, applied: its customer and ticket as the API has them. */
export async function buy(
  world: ApiWorld,
  order: Partial<Parameters<typeof orderJson>[0]> = {},
  store = world.store,
): Promise<{ wooId: number; order: Json; customerId: string; ticketId: string }> {
  const wooId = order.id ?? ++orders;
  const email = order.email ?? `buyer-${wooId}@example.com`;
  const json = orderJson({ ...order, id: wooId, email });
  await receive(world.app.ctx, store, 'order.updated', json);
  await world.app.drain();
  const found = await world.api.get(`orders?store=${store.slug}&woo_id=${wooId}`).expect(200);
  const [applied] = found.body.data;
  return { wooId, order: applied, customerId: applied.customer_id, ticketId: applied.ticket_id };
}
