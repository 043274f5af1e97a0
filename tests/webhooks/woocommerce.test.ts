import { connect } from 'node:net';
import request from 'supertest';
import { systemActor } from '../../src/platform/actor';
import { openDatabase, withTransaction } from '../../src/platform/db';
import { type HttpServer, listen } from '../../src/platform/http-server';
import { limits } from '../../src/platform/limits';
import { changeStoreIn, connectStoreIn } from '../../src/usecases/connect-store';
import { makeTestApp, type TestApp, WEBHOOK_SECRET } from '../support/app';
import { describeEachEngine } from '../support/databases';
import { loadRecordings, post, postRaw, signed } from '../support/recordings';

const SIGNATURE = 'X-WC-Webhook-Signature';

describeEachEngine('POST /webhooks/woocommerce/{store}', (engine) => {
  let app: TestApp;
  beforeAll(async () => {
    app = await makeTestApp(engine);
  });
  const deliveries = () => app.db('deliveries').orderBy('id');
  const countOf = async () => (await deliveries()).length;
  const newest = async () => (await deliveries()).at(-1);
  const body = JSON.stringify({ id: 19, status: 'processing' });

  it('stores every recording as it came, also those that share a Delivery-ID, and the pings not', async () => {
    const before = await countOf();
    const recordings = loadRecordings();
    for (const recording of recordings) {
      const answer = await post(app, recording).expect(200);
      expect(answer.body.status).toBe(recording.topic === 'ping' ? 'ping' : 'stored');
    }
    const kept = recordings.filter((recording) => recording.topic !== 'ping');
    const rows = (await deliveries()).slice(before);
    expect(rows.map((row) => row.body.toString())).toEqual(kept.map((recording) => recording.body));
    expect(rows.map((row) => row.topic)).toEqual(kept.map((recording) => recording.topic));
    expect(new Set(rows.map((row) => row.status))).toEqual(new Set(['pending']));
    expect(kept.length).toBe(74);
  });

  it('keeps what says what it is, without the signature, and answers with its id', async () => {
    const [recording] = loadRecordings('a-guest-paid');
    const answer = await post(app, recording!).expect(200);
    const row = await newest();
    expect(answer.body).toEqual({ status: 'stored', id: row.id });
    expect(JSON.parse(row.headers)).toEqual({
      'content-type': 'application/json',
      'x-wc-webhook-source': 'http://127.0.0.1:8081/',
      'x-wc-webhook-topic': 'order.updated',
      'x-wc-webhook-resource': 'order',
      'x-wc-webhook-event': 'updated',
      'x-wc-webhook-id': '2',
      'x-wc-webhook-delivery-id': '6741af50b9a3fcff746355d5cbe3d4da',
    });
    expect(row.received_at).toBe('2026-11-22T12:00:00.000Z');
  });

  const right = signed(body);
  const value = right[SIGNATURE]!;
  it.each([
    ['missing', {}],
    ['empty', { [SIGNATURE]: '' }],
    ['of another secret', { [SIGNATURE]: signed(body, { secret: 'another' })[SIGNATURE]! }],
    ['of another body', { [SIGNATURE]: signed(`${body} `)[SIGNATURE]! }],
    ['truncated', { [SIGNATURE]: value.slice(0, -1) }],
    ['longer than it is', { [SIGNATURE]: `${value}=` }],
    ['hexadecimal', { [SIGNATURE]: Buffer.from(value, 'base64').toString('hex') }],
    [
      'in URL-safe letters',
      { [SIGNATURE]: value.replaceAll('/', '_').replaceAll('+', '-').replaceAll('=', '') },
    ],
  ])('answers 401 when the signature is %s, and keeps nothing', async (_, signature) => {
    const before = await countOf();
    const { [SIGNATURE]: _right, ...headers } = right;
    const answer = await postRaw(app, body, { ...headers, ...signature }).expect(401);
    expect(answer.type).toBe('application/problem+json');
    expect(answer.body).toMatchObject({ type: '/problems/invalid-signature', status: 401 });
    expect(await countOf()).toBe(before);
  });

  it('answers 401 when the signature comes twice, be it twice the right one', async () => {
    const before = await countOf();
    const server = await listen(app.http, { port: 0, host: '127.0.0.1' });
    const answer = await rawExchange(server, [
      'POST /webhooks/woocommerce/default HTTP/1.1',
      'Host: x',
      'Content-Type: application/json',
      `Content-Length: ${body.length}`,
      `${SIGNATURE}: ${value}`,
      `${SIGNATURE}: ${value}`,
      'Connection: close',
      '',
      body,
    ]);
    await server.stop();
    expect(answer).toMatch(/^HTTP\/1.1 401 /);
    expect(answer).toContain('came more than once');
    expect(await countOf()).toBe(before);
  });

  it('answers 404 for a store that is not there, also to a ping', async () => {
    const before = await countOf();
    const answer = await postRaw(app, body, right, 'unknown').expect(404);
    expect(answer.body.type).toBe('/problems/not-found');
    await postRaw(
      app,
      'webhook_id=1',
      { 'Content-Type': 'application/x-www-form-urlencoded' },
      'unknown',
    ).expect(404);
    expect(await countOf()).toBe(before);
  });

  it('answers 401 when the store has no secret, but 200 to its ping', async () => {
    const before = await countOf();
    const store = await withTransaction(app.db, (trx) =>
      connectStoreIn(trx, app.ctx, systemActor, { slug: 'no-secret', name: 'Without a secret' }),
    );
    const empty = signed(body, { secret: '' });
    const answer = await postRaw(app, body, empty, store.slug).expect(401);
    expect(answer.body.type).toBe('/problems/store-without-secret');
    await postRaw(
      app,
      'webhook_id=7',
      { 'Content-Type': 'application/x-www-form-urlencoded' },
      store.slug,
    ).expect(200, { status: 'ping' });
    expect(await countOf()).toBe(before);
  });

  it('takes a changed secret from the next request on, the one before for a day, and older ones no more', async () => {
    const change = (webhookSecret: string) =>
      withTransaction(app.db, async (trx) => {
        const { id } = await trx('stores').where({ slug: 'changing' }).first('id');
        await changeStoreIn(trx, app.ctx, systemActor, id, { webhookSecret });
      });
    await withTransaction(app.db, (trx) =>
      connectStoreIn(trx, app.ctx, systemActor, { slug: 'changing', webhookSecret: 'old' }),
    );
    await postRaw(app, body, signed(body, { secret: 'old' }), 'changing').expect(200);
    await change('new');
    await postRaw(app, body, signed(body, { secret: 'old' }), 'changing').expect(200);
    await change('newer');
    await postRaw(app, body, signed(body, { secret: 'old' }), 'changing').expect(401);
    await postRaw(app, body, signed(body, { secret: 'new' }), 'changing').expect(200);
    // WooCommerce decodes entities in the secret before it signs (README 16.).
    await change('a&amp;b&#039;<é>');
    await postRaw(app, body, signed(body, { secret: "a&b'<é>" }), 'changing').expect(200);
    await postRaw(app, body, signed(body, { secret: 'a&amp;b&#039;<é>' }), 'changing').expect(200);
    await postRaw(app, body, signed(body, { secret: 'a&b' }), 'changing').expect(401);
  });

  it('keeps one store from signing for another', async () => {
    await withTransaction(app.db, (trx) =>
      connectStoreIn(trx, app.ctx, systemActor, { slug: 'other', webhookSecret: 'of the other' }),
    );
    await postRaw(app, body, right, 'other').expect(401);
    await postRaw(app, body, signed(body, { secret: 'of the other' }), 'default').expect(401);
  });

  it.each([
    ['text that is not JSON', 'not { json'],
    ['a body in Greek with emoji', JSON.stringify({ id: 1, note: 'Χρειάζομαι βοήθεια 🙏🏽 — ευχαριστώ ✨' })],
    ['an empty body', ''],
    ['bytes that are no text', Buffer.from([0, 255, 254, 13, 10, 0])],
    [
      'an error object',
      '{"code":"woocommerce_rest_shop_order_invalid_id","message":"x","data":{"status":404}}',
    ],
    ['deep nesting', `${'['.repeat(100_000)}${']'.repeat(100_000)}`],
  ])('stores %s that is signed, byte for byte', async (_, sent) => {
    await postRaw(app, sent, signed(sent)).expect(200);
    const row = await newest();
    expect(Buffer.compare(row.body, Buffer.from(sent))).toBe(0);
  });

  it('stores a signed body that names no topic', async () => {
    const { 'X-WC-Webhook-Topic': _, ...headers } = right;
    await postRaw(app, body, headers).expect(200);
    expect(await newest()).toMatchObject({ topic: '', status: 'pending' });
  });

  it('stores the same delivery as often as it comes', async () => {
    const before = await countOf();
    for (let i = 0; i < 3; i++) await postRaw(app, body, right).expect(200);
    expect(await countOf()).toBe(before + 3);
  });

  it.each([
    ['a content type of its own', { 'Content-Type': 'text/plain' }],
    ['the content type of forms', { 'Content-Type': 'application/x-www-form-urlencoded' }],
  ])('reads the bytes whatever the content type: %s', async (_, type) => {
    await postRaw(app, body, { ...right, ...type }).expect(200);
    expect((await newest()).body.toString()).toBe(body);
  });

  describe('the ping', () => {
    const form = { 'Content-Type': 'application/x-www-form-urlencoded' };

    it('is answered 200 and not kept', async () => {
      const before = await countOf();
      for (const recording of loadRecordings('u-ping'))
        await post(app, recording).expect(200, { status: 'ping' });
      await postRaw(app, 'webhook_id=123456', {
        'Content-Type': `${form['Content-Type']}; charset=UTF-8`,
      }).expect(200);
      expect(await countOf()).toBe(before);
    });

    it.each([
      ['with a header of a delivery', 'webhook_id=1', { ...form, 'X-WC-Webhook-Topic': 'order.updated' }],
      ['with more than the id', 'webhook_id=1&a=b', form],
      ['without a number', 'webhook_id=', form],
      ['as another content type', 'webhook_id=1', { 'Content-Type': 'application/json' }],
    ])('is not taken for one %s: 401', async (_, sent, headers) => {
      await postRaw(app, sent, headers as Record<string, string>).expect(401);
    });
  });

  describe('the size', () => {
    const five = 5 * 1024 * 1024;

    it('may be 5 MiB to the byte', async () => {
      const sent = 'x'.repeat(five);
      await postRaw(app, sent, signed(sent)).expect(200);
      expect((await newest()).body.length).toBe(five);
    });

    it.each([
      ['one byte over 5 MiB', five + 1],
      ['6 MiB', 6 * 1024 * 1024],
    ])('is refused at %s: 413, nothing kept', async (_, length) => {
      const before = await countOf();
      const sent = 'x'.repeat(length);
      const answer = await postRaw(app, sent, signed(sent)).expect(413);
      expect(answer.body).toMatchObject({ type: '/problems/body-too-large', limit_bytes: five });
      expect(await countOf()).toBe(before);
    });

    it('is refused although no length was told', async () => {
      const before = await countOf();
      const sending = request(app.http)
        .post('/webhooks/woocommerce/default')
        .set('Transfer-Encoding', 'chunked')
        .set(right);
      for (let i = 0; i < 6; i++) sending.write('x'.repeat(1024 * 1024));
      const answer = await sending;
      expect(answer.status).toBe(413);
      expect(await countOf()).toBe(before);
    });

    it('is read in chunks, too', async () => {
      const sending = request(app.http)
        .post('/webhooks/woocommerce/default')
        .set('Transfer-Encoding', 'chunked')
        .set(right);
      sending.write(body.slice(0, 10));
      sending.write(body.slice(10));
      expect((await sending).status).toBe(200);
      expect((await newest()).body.toString()).toBe(body);
    });
  });

  it('answers 415 to a compressed body: its bytes are not what was signed', async () => {
    const answer = await postRaw(app, body, { ...right, 'Content-Encoding': 'gzip' }).expect(415);
    expect(answer.body.type).toBe('/problems/unsupported-media-type');
  });

  it.each(['get', 'put', 'delete'] as const)('answers 405 to %s', async (method) => {
    const answer = await request(app.http)[method]('/webhooks/woocommerce/default').expect(405);
    expect(answer.headers.allow).toBe('POST');
  });

  it('answers 400 to a path that cannot be decoded', async () => {
    const answer = await request(app.http).post('/webhooks/woocommerce/%E0%A4%A').send(body);
    expect(answer.status).toBe(400);
    expect(answer.body.type).toBe('/problems/malformed-request');
  });

  it('wakes the inbox of this process after the answer', async () => {
    const woken: string[] = [];
    const wake = jest.spyOn(app.ctx, 'wake').mockImplementation((work) => void woken.push(work));
    await postRaw(app, body, right).expect(200);
    await postRaw(app, body, {}).expect(401);
    wake.mockRestore();
    expect(woken).toEqual(['inbox']);
  });

  it('logs neither bodies, secrets and signatures, nor the query', async () => {
    const sent = JSON.stringify({ id: 1, billing: { email: 'ana@example.com', phone: '+38641555100' } });
    const headers = signed(sent);
    await request(app.http)
      .post('/webhooks/woocommerce/default?key=in-the-query')
      .set({ ...headers, 'X-Request-Id': 'from-the-proxy' })
      .send(sent)
      .expect(200);
    const logged = app.logs();
    for (const never of ['ana@example.com', '555100', WEBHOOK_SECRET, headers[SIGNATURE]!, 'in-the-query']) {
      expect(logged).not.toContain(never);
    }
    const line = logged.split('\n').find((text) => text.includes('from-the-proxy'));
    expect(JSON.parse(line!)).toMatchObject({
      method: 'POST',
      route: '/webhooks/woocommerce/:store',
      status: 200,
      request_id: 'from-the-proxy',
    });
  });
});

describeEachEngine('webhooks that come together', (engine) => {
  const body = (n: number) => JSON.stringify({ id: n });
  let app: TestApp;
  let server: HttpServer;
  let inserts: string[];
  beforeEach(async () => {
    app = await makeTestApp(engine);
    server = await listen(app.http, { port: 0, host: '127.0.0.1' });
    inserts = [];
    app.db.on('query', ({ sql }: { sql: string }) => {
      if (/^insert into ["`]deliveries/.test(sql)) inserts.push(sql);
    });
  });
  afterEach(() => server.stop());

  const send = (n: number, topic = 'order.updated') =>
    fetch(`http://127.0.0.1:${server.port}/webhooks/woocommerce/default`, {
      method: 'POST',
      headers: { ...signed(body(n)), 'X-WC-Webhook-Topic': topic, Connection: 'close' },
      body: body(n),
    });
  const kept = async () =>
    (await app.db('deliveries').orderBy('id')).map(
      (row) => (JSON.parse(row.body.toString()) as { id: number }).id,
    );
  const ask = (path: string) =>
    fetch(`http://127.0.0.1:${server.port}${path}`, { headers: { Connection: 'close' } });
  const until = async (condition: () => boolean) => {
    const deadline = performance.now() + 10_000;
    while (!condition()) {
      if (performance.now() > deadline) throw new Error('it did not come to that in 10 s');
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };

  /** Sends while the only connection is taken, so that all of them wait. */
  const sendTogether = async (sending: () => Promise<Response>[]) => {
    const taken = await app.db.transaction();
    const answers = sending();
    const running = app.ctx.db.client as { pool: { numPendingAcquires(): number } };
    await until(() => running.pool.numPendingAcquires() > 0);
    for (let n = 0; n < 3; n++) await ask('/healthz'); // those that were sent before are in by now
    await taken.rollback();
    return Promise.all(answers);
  };

  it('share commits, and each is kept once and told its own id', async () => {
    const answers = await sendTogether(() => Array.from({ length: 20 }, (_, n) => send(n)));
    const told = await Promise.all(answers.map((answer) => answer.json() as Promise<{ id: string }>));
    expect(answers.map(({ status }) => status)).toEqual(told.map(() => 200));
    expect((await kept()).sort((a, b) => a - b)).toEqual(told.map((_, n) => n));
    for (const [n, { id }] of told.entries()) {
      const row = await app.db('deliveries').where({ id }).first();
      expect(row.body.toString()).toBe(body(n));
    }
    expect(inserts.length).toBeLessThan(10);
  });

  it('are kept although one of them is refused by the database, and only that one is told 503', async () => {
    await app.db.raw(
      engine.name === 'postgres'
        ? `ALTER TABLE deliveries ADD CHECK (topic <> 'poison')`
        : `CREATE TRIGGER poisoned BEFORE INSERT ON deliveries WHEN NEW.topic = 'poison'
           BEGIN SELECT RAISE(ABORT, 'poison'); END`,
    );
    const answers = await sendTogether(() =>
      Array.from({ length: 12 }, (_, n) => send(n, n === 7 ? 'poison' : 'order.updated')),
    );
    expect(answers.map(({ status }) => status)).toEqual(answers.map((_, n) => (n === 7 ? 503 : 200)));
    expect((await kept()).sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 11]);
    expect(inserts.some((sql) => (sql.match(/\?|\$\d+/g) ?? []).length > 14)).toBe(true);
  });

  it('are answered by nothing before their commit', async () => {
    const other = openDatabase(app.url);
    const lock = await other.transaction();
    await lock.raw(
      engine.name === 'postgres'
        ? 'LOCK TABLE deliveries IN EXCLUSIVE MODE'
        : 'UPDATE stores SET name = name',
    );
    let answered = 0;
    const answers = Array.from({ length: 5 }, (_, n) => send(n).finally(() => (answered += 1)));
    await until(() => inserts.length > 0);
    for (let n = 0; n < 3; n++) await ask('/healthz'); // an answer that was on its way would be here
    expect(answered).toBe(0);
    await lock.rollback();
    await other.destroy();
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    expect((await kept()).sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4]);
  });

  it('are told 503 at once when more wait than is bearable, and the others are kept', async () => {
    const few = jest.replaceProperty(limits as { webhooksWaiting: number }, 'webhooksWaiting', 5);
    const narrow = await makeTestApp(engine, { beside: app });
    few.restore();
    await server.stop();
    server = await listen(narrow.http, { port: 0, host: '127.0.0.1' });
    const taken = await app.db.transaction();
    const refused: Response[] = [];
    const answers = Array.from({ length: 5 + 30 }, async (_, n) => {
      const answer = await send(n);
      if (answer.status === 503) refused.push(answer);
      return answer.status;
    });
    await until(() => refused.length >= 29); // one is being worked at
    await taken.rollback();
    const stored = (await Promise.all(answers)).filter((status) => status === 200).length;
    expect(stored + refused.length).toBe(answers.length);
    expect(refused[0]!.headers.get('retry-after')).toBe('5');
    expect((await kept()).length).toBe(stored);
    expect(stored).toBeGreaterThan(0);
  });
});

describeEachEngine('a webhook while the database is away', (engine) => {
  it('is answered 503, so that WooCommerce knows', async () => {
    const app = await makeTestApp(engine);
    const body = '{"id":1}';
    await app.db('deliveries').insert(await aDelivery(app)); // it works before
    await app.db.schema.renameTable('deliveries', 'deliveries_away');
    const answer = await postRaw(app, body, signed(body)).expect(503);
    expect(answer.body.type).toBe('/problems/unavailable');
    expect(answer.headers['retry-after']).toBe('5');
    await app.db.schema.renameTable('deliveries_away', 'deliveries');
    await postRaw(app, body, signed(body)).expect(200);
    await app.db.destroy();
    await postRaw(app, body, signed(body)).expect(503);
    expect(app.logs()).toMatch(/"level":50.*a webhook could not be stored/);
  });
});

async function aDelivery(app: TestApp): Promise<object> {
  const { id } = await app.db('stores').first('id');
  return {
    id: app.ctx.ids.next(),
    store_id: id,
    topic: 't',
    headers: '{}',
    body: Buffer.from(''),
    received_at: 'now',
    status: 'done',
    attempts: 0,
    next_attempt_at: 'now',
  };
}

/** What supertest would not send. */
function rawExchange(server: HttpServer, lines: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(server.port, '127.0.0.1', () => socket.write(lines.join('\r\n')));
    socket.on('data', (data) => {
      answer += data.toString();
    });
    socket.on('end', () => resolve(answer));
    socket.on('error', reject);
  });
}
