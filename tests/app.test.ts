import request from 'supertest';
import { actorOf, addToken, listTokens } from '../src/domain/access';
import { systemActor } from '../src/platform/actor';
import { iso } from '../src/platform/clock';
import { withTransaction } from '../src/platform/db';
import { addTokenForStores } from '../src/usecases/add-token';
import { changeStoreIn, connectStoreIn } from '../src/usecases/connect-store';
import { momentOf } from '../src/usecases/context';
import { makeTestApp, type TestApp, TOKEN, WEBHOOK_SECRET } from './support/app';
import { describeEachEngine } from './support/databases';
import { loadRecordings, post } from './support/recordings';

const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });

describeEachEngine('the app', (engine) => {
  let app: TestApp;
  beforeEach(async () => {
    app = await makeTestApp(engine);
  });

  const addTokenOf = (scopes: string[] | 'all') =>
    withTransaction(app.db, (trx) =>
      addToken(trx, momentOf(app.ctx, systemActor), { name: 'Prometheus', scopes, storeIds: null }),
    );

  describe('/healthz and /readyz', () => {
    afterEach(() => app.close());

    it('say that all is well', async () => {
      await request(app.http).get('/healthz').expect(200, { status: 'ok' });
      app.start();
      const ready = { status: 'ok', checks: { database: 'ok', migrations: 'ok', jobs: 'ok' } };
      await request(app.http).get('/readyz').expect(200, ready);
    });

    it('say that the jobs do not run', async () => {
      const answer = await request(app.http).get('/readyz').expect(503);
      expect(answer.body.checks).toEqual({
        database: 'ok',
        migrations: 'ok',
        jobs: 'not running: inbox, mail.in, outbox.email, outbox.sms, mail.answers, sms.in, sms.fetch, sms.media, sms.answers, sms.reports, video, credits.expire, credits.warn, credits.low, tickets.close, shops.read, shops.sweep, imports, shop.writes, sign-ins.forget, mail.forget',
      });
    });

    it('say that the database is gone, soon, while the process is alive', async () => {
      await app.db.destroy();
      const answer = await request(app.http).get('/readyz').expect(503);
      expect(answer.body).toMatchObject({ status: 'unavailable', checks: { database: 'no answer' } });
      await request(app.http).get('/healthz').expect(200);
    });

    it('say that the database does not answer, though it is there', async () => {
      // The only connection is taken.
      await withTransaction(app.db, async () => {
        const answer = await request(app.http).get('/readyz').expect(503);
        expect(answer.body.checks.database).toBe('no answer');
      });
    });

    it('say that a migration is missing', async () => {
      const [newest] = await app.db('knex_migrations').orderBy('id', 'desc').limit(1);
      await app.db('knex_migrations').where({ id: newest.id }).delete();
      const answer = await request(app.http).get('/readyz').expect(503);
      expect(answer.body.checks.migrations).toBe('pending');
    });
  });

  describe('/metrics', () => {
    it('is for tokens with metrics:read', async () => {
      await request(app.http).get('/metrics').expect(401);
      await request(app.http).get('/metrics').set(bearer('wrong')).expect(401);
      await request(app.http).get('/metrics').set('Authorization', `Basic ${TOKEN}`).expect(401);
      const orders = await addTokenOf(['orders:read']);
      const refused = await request(app.http).get('/metrics').set(bearer(orders.token)).expect(403);
      expect(refused.body).toMatchObject({ type: '/problems/forbidden', required_scope: 'metrics:read' });
      const metrics = await addTokenOf(['metrics:read']);
      await request(app.http).get('/metrics').set(bearer(metrics.token)).expect(200);
    });

    it('counts what came in, what waits, and what was answered', async () => {
      for (const recording of [
        ...loadRecordings('aa-order-deleted-before-delivery'),
        ...loadRecordings('u-ping'),
      ]) {
        await post(app, recording).expect(200);
      }
      const { text, headers } = await request(app.http).get('/metrics').set(bearer(TOKEN)).expect(200);
      expect(headers['content-type']).toMatch(/^text\/plain; version=0.0.4/);
      expect(text).toContain('zeton_webhook_requests{what="stored"} 2\n');
      expect(text).toContain('zeton_webhook_requests{what="ping"} 2\n');
      expect(text).toContain('zeton_inbox_pending 2\n');
      expect(text).toContain('zeton_inbox_failed 0\n');
      expect(text).toContain('zeton_outbox_pending 0\n');
      expect(text).toContain('zeton_ledger_entries 0\n');
      expect(text).toContain(
        'zeton_http_request_seconds_count{method="POST",route="/webhooks/woocommerce/:store",status="200"} 4\n',
      );
      await app.drain();
      const after = await request(app.http).get('/metrics').set(bearer(TOKEN));
      expect(after.text).toContain('zeton_inbox_pending 0\n');
    });
  });

  it('answers a problem where there is nothing', async () => {
    const answer = await request(app.http).get('/no/such/page').expect(404);
    expect(answer.body).toMatchObject({ type: '/problems/not-found', status: 404 });
  });

  it('sends headers that keep others out', async () => {
    const { headers } = await request(app.http).get('/healthz');
    expect(headers['content-security-policy']).toBe(
      "default-src 'none';script-src 'self';style-src 'self';img-src 'self' data:;font-src 'self';" +
        "connect-src 'self';frame-src 'self';form-action 'self';base-uri 'none';frame-ancestors 'none'",
    );
    expect(headers['strict-transport-security']).toMatch(/max-age/);
    expect(headers['x-content-type-options']).toBe('nosniff');
    expect(headers['x-powered-by']).toBeUndefined();
    const plain = await makeTestApp(engine, { env: { PUBLIC_URL: 'http://localhost:3000' }, beside: app });
    expect((await request(plain.http).get('/healthz')).headers['strict-transport-security']).toBeUndefined();
  });

  it('audits the first use of the environment token after a start, and no other', async () => {
    const audited = () => app.db('audit_log').where({ action: 'environment-token.used' });
    await request(app.http).get('/metrics').set(bearer('wrong'));
    expect(await audited()).toHaveLength(0);
    for (let i = 0; i < 3; i++) await request(app.http).get('/metrics').set(bearer(TOKEN)).expect(200);
    expect(await audited()).toMatchObject([
      { actor_kind: 'token', actor_id: 'environment', subject_id: 'environment' },
    ]);
    const restarted = await makeTestApp(engine, { beside: app });
    await request(restarted.http).get('/metrics').set(bearer(TOKEN)).expect(200);
    expect(await audited()).toHaveLength(2);
  });

  it('will not start with a key that does not open what is stored', async () => {
    await withTransaction(app.db, (trx) =>
      connectStoreIn(trx, app.ctx, systemActor, { slug: 'second', webhookSecret: 'kept' }),
    );
    await expect(
      makeTestApp(engine, { beside: app, env: { SECRET_KEY: 'another key of at least 32 characters' } }),
    ).rejects.toMatchObject({
      name: 'ConfigError',
      message: expect.stringMatching(/^SECRET_KEY does not open/),
    });
    await makeTestApp(engine, { beside: app });
  });

  it('writes down who connected and changed a store, and no secret', async () => {
    const actor = actorOf({ id: 't1', name: 'Tool', scopes: 'all', storeIds: null });
    const secrets = { consumerKey: 'ck_x1', consumerSecret: 'cs_x1', webhookSecret: 'wh_x1' };
    await withTransaction(app.db, async (trx) => {
      const { id } = await connectStoreIn(trx, app.ctx, actor, { slug: 's', name: 'S', ...secrets });
      await changeStoreIn(trx, app.ctx, actor, id, { country: 'SI', webhookSecret: null });
    });
    const rows = await app.db('audit_log').where({ subject_kind: 'store' }).orderBy('id');
    expect(rows.map((row) => [row.action, row.actor_name, JSON.parse(row.facts)])).toEqual([
      [
        'store.connected',
        'Tool',
        { slug: 's', name: 'S', consumerKey: 'set', consumerSecret: 'set', webhookSecret: 'set' },
      ],
      ['store.changed', 'Tool', { country: 'SI', webhookSecret: 'cleared' }],
    ]);
    await expect(app.db('audit_log').update({ action: 'x' })).rejects.toThrow(/only grows/);
    await expect(app.db('audit_log').delete()).rejects.toThrow(/only grows/);
  });

  it('adds tokens for stores by their slugs', async () => {
    const moment = { at: iso(app.clock.now()), actor: systemActor, ids: app.ctx.ids };
    const input = { name: 'Limited', scopes: ['orders:read'], storeSlugs: ['default'] };
    const { id, token } = await addTokenForStores(app.db, moment, input);
    const store = await app.db('stores').first('id');
    expect(await listTokens(app.db)).toMatchObject([{ id, storeIds: [store.id] }]);
    const [row] = await app.db('audit_log').where({ action: 'token.added' });
    expect(row.subject_id).toBe(id);
    expect(row.facts).not.toContain(token);
    await expect(
      addTokenForStores(app.db, moment, { ...input, storeSlugs: ['default', 'nowhere'] }),
    ).rejects.toMatchObject({ code: 'invalid-request', facts: { errors: [{ path: 'stores' }] } });
    expect(await listTokens(app.db)).toHaveLength(1);
  });

  it('works off what comes in by itself once started, woken by the webhook', async () => {
    app.start();
    const [recording] = loadRecordings('aa-order-deleted-before-delivery');
    const { body } = await post(app, recording!).expect(200);
    const deadline = Date.now() + 10_000;
    let status = 'pending';
    while (status === 'pending' && Date.now() < deadline) {
      ({ status } = await app.db('deliveries').where({ id: body.id }).first('status'));
    }
    await app.close();
    expect(status).toBe('ignored');
    expect(app.logs()).not.toContain(WEBHOOK_SECRET);
  });
});
