import { gzipSync } from 'node:zlib';
import request from 'supertest';
import { createStore } from '../../src/domain/stores';
import { systemActor } from '../../src/platform/actor';
import { withTransaction } from '../../src/platform/db';
import { limits } from '../../src/platform/limits';
import { momentOf } from '../../src/usecases/context';
import { addressWithToken, replyTokenFor } from '../../src/usecases/reply-address';
import { makeTestApp, type TestApp } from '../support/app';
import { describeEachEngine } from '../support/databases';
import { rawMail } from '../support/mails';

const TOKEN = 'inbound-mail-token-of-the-tests';

describeEachEngine('POST /webhooks/email', (engine) => {
  let app: TestApp;
  let other: string;

  beforeEach(async () => {
    app = await makeTestApp(engine, {
      env: { INBOUND_MAIL_TOKEN: TOKEN, MAIL_FROM: 'Help desk <Support@Shop.example>' },
    });
    const moment = momentOf(app.ctx, systemActor);
    const store = { slug: 'other', name: 'Other', mailAddress: 'Help@Other.example' };
    other = (await withTransaction(app.db, (trx) => createStore(trx, moment, app.ctx.vault, store))).id;
  });
  afterEach(() => app.close());

  const post = (body: Buffer | string, headers: Record<string, string> = {}, query = '') =>
    request(app.http)
      .post(`/webhooks/email${query}`)
      .set({ Authorization: `Bearer ${TOKEN}`, 'Content-Type': 'message/rfc822', ...headers })
      .send(body);
  const kept = () => app.db('inbound_mails').orderBy('id').select('*');
  const storeOf = async (to: string, query = '') => {
    const { body } = await post(rawMail({ to, messageId: `<${to}@x>` }), {}, query).expect(200);
    return (await app.db('inbound_mails').where({ id: body.id }).first('store_id')).store_id;
  };
  const defaultStore = async () => (await app.db('stores').where({ slug: 'default' }).first('id')).id;

  it('is answered 200 when the mail is kept as it came, and 200 again for the same mail', async () => {
    const raw = rawMail();
    const { body } = await post(raw).expect(200);
    expect(body).toEqual({ status: 'stored', id: expect.any(String) });
    await post(rawMail({ trace: ['Received: again'] })).expect(200, { status: 'duplicate', id: body.id });
    expect(await kept()).toMatchObject([
      { id: body.id, way: 'http', status: 'pending', envelope_from: null, sender: 'ana@example.com' },
    ]);
    expect((await app.db('inbound_mail_raws').first('content')).content.equals(raw)).toBe(true);
  });

  it('keeps nothing of a stranger, before it looks at the body', async () => {
    const headers = [
      { Authorization: '' },
      { Authorization: `Bearer ${TOKEN}x` },
      { Authorization: 'Basic eA==' },
    ];
    for (const wrong of headers) {
      const answer = await post(rawMail(), wrong).expect(401);
      expect(answer.headers['www-authenticate']).toBe('Bearer');
      expect(answer.body.type).toBe('/problems/unauthenticated');
    }
    // Not even "too large" or "no mail" is told.
    await post('x', { Authorization: 'Bearer x', 'Content-Type': 'text/plain' }).expect(401);
    expect(await kept()).toEqual([]);
  });

  it('says what is wrong with a body: no mail, packed, empty, too large', async () => {
    await post(rawMail(), { 'Content-Type': 'application/json' }).expect(415);
    // A small one could unpack to more than the memory holds.
    await post(gzipSync(rawMail()), { 'Content-Encoding': 'gzip' }).expect(415);
    const empty = await post('').expect(400);
    expect(empty.body.detail).toBe('The body is empty: it must be a mail.');
    const large = await post(Buffer.alloc(limits.mailBytes + 1, 'a')).expect(413);
    expect(large.body.type).toBe('/problems/body-too-large');
    await post(Buffer.concat([rawMail(), Buffer.alloc(limits.mailBytes - 1000, 'a')])).expect(200);
    await request(app.http).get('/webhooks/email').expect(405).expect('Allow', 'POST');
    expect(await kept()).toHaveLength(1);
  });

  it('asks for patience where no token is set, so that the mail server keeps the mail', async () => {
    const closed = await makeTestApp(engine, { beside: app });
    const answer = await request(closed.http).post('/webhooks/email').send('x').expect(503);
    expect(answer.body.detail).toContain('INBOUND_MAIL_TOKEN');
    expect(answer.headers['retry-after']).toBeDefined();
    await closed.close();
  });

  it('asks for patience when the mail cannot be kept', async () => {
    await app.db.schema.dropTable('inbound_mail_raws');
    const answer = await post(rawMail()).expect(503);
    expect(answer.body.type).toBe('/problems/unavailable');
    // The row without its mail is gone as well.
    expect(await kept()).toEqual([]);
    expect(app.logs()).toContain('a mail could not be kept');
  });

  it('finds the store by what is said, else by the address', async () => {
    const first = await defaultStore();
    expect(await storeOf('help@other.example')).toBe(other);
    expect(await storeOf('Ana <SUPPORT@shop.example>')).toBe(first);
    expect(await storeOf('support+anything@shop.example')).toBe(first);
    expect(await storeOf('"help@other.example" <nobody@shop.example>')).toBeNull();
    const token = replyTokenFor(app.ctx.vault, { ticketId: app.ctx.ids.next() });
    const signed = addressWithToken('help@other.example', token) as string;
    expect(await storeOf(signed)).toBe(other);
    expect(await storeOf(signed.replace('+', '-'))).toBe(other);
    expect(await storeOf('help-unsigned@other.example')).toBeNull();
    expect(await storeOf('one@shop.example', '?store=other')).toBe(other);
    await post(rawMail({ messageId: '<n@x>' }), {}, '?store=nowhere').expect(404);
    await post(rawMail({ messageId: '<n@x>' }), {}, '?store=other&store=default').expect(404);
  });

  it('gives an address to one store only', async () => {
    const moment = momentOf(app.ctx, systemActor);
    const twin = (mailAddress: string) =>
      withTransaction(app.db, (trx) =>
        createStore(trx, moment, app.ctx.vault, { slug: 'twin', mailAddress }),
      );
    for (const wrong of ['help@other.example', 'help', 'help+x@twin.example', 'a b@twin.example']) {
      await expect(twin(wrong)).rejects.toMatchObject({
        code: 'invalid-request',
        facts: { errors: [{ path: 'mail_address' }] },
      });
    }
    expect((await twin('help@twin.example')).mailAddress).toBe('help@twin.example');
  });
});
