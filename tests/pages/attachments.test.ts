import { addAttachments, planAttachments } from '../../src/domain/attachments';
import { keepInboundMail } from '../../src/domain/inbound-mail';
import { systemActor } from '../../src/platform/actor';
import { withTransaction } from '../../src/platform/db';
import { addStaffForStores } from '../../src/usecases/add-staff';
import { momentOf } from '../../src/usecases/context';
import { type ApiWorld, buy, makeApiWorld } from '../support/api';
import { OWNER, PAGE_ENV } from '../support/browser';
import { describeEachEngine } from '../support/databases';
import { mailOf } from '../support/mail-world';
import { Visitor } from '../support/visitor';

describeEachEngine('A file of a message', (engine) => {
  let world: ApiWorld;
  let path: string;
  const page = Buffer.from('<!doctype html><script>alert(1)</script>');

  beforeAll(async () => {
    world = await makeApiWorld(engine, { env: PAGE_ENV });
    const { app, api } = world;
    const { ticketId } = await buy(world, { id: 1, lines: [{ id: 1, sku: 'SUP', quantity: 1 }] });
    const note = await api
      .post(`tickets/${ticketId}/messages`, { channel: 'note', body: 'Glej.' })
      .expect(201);
    const details = { filename: 'račun.html', contentType: 'text/html', contentId: null, inline: false };
    const items = await planAttachments(app.ctx.files, [{ ...details, size: page.length, content: page }]);
    const moment = momentOf(app.ctx, systemActor);
    await withTransaction(app.db, (trx) => addAttachments(trx, moment, { messageId: note.body.id, items }));
    const { id } = await app.db('attachments').first('id');
    path = `/attachments/${id}`;
    const person = { email: 'ana@example.com', name: 'Ana', role: 'owner' as const };
    await addStaffForStores(app.db, moment, { ...person, storeSlugs: ['other'] });
  });
  afterAll(() => world.app.close());

  it('is saved by the browser under its name, and run by none', async () => {
    const carol = await Visitor.of(world.app, OWNER.email);
    const { status, headers, text, body } = await carol.get(path);
    expect(status).toBe(200);
    expect(headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'content-length': String(page.length),
      'content-disposition': `attachment; filename="ra_un.html"; filename*=UTF-8''ra%C4%8Dun.html`,
      'x-content-type-options': 'nosniff',
      'content-security-policy': "sandbox; default-src 'none'",
      'cache-control': 'no-store',
    });
    expect(text ?? body.toString()).toBe(page.toString());
  });

  it('that is an archive comes in by mail as it is, and is not unpacked', async () => {
    const { app } = world;
    // A real one, with racun.txt in it.
    const zip =
      'UEsDBBQAAAAAAABQdF2R588xBgAAAAYAAAAJAAAAcmFjdW4udHh0MTIgRVVSUEsBAhQDFAAAAAAAAFB0XZHnzzEGAAAABgAAAAkAAAAAAAAAAAAAAIABAAAAAHJhY3VuLnR4dFBLBQYAAAAAAQABADcAAAAtAAAAAAA=';
    const raw = mailOf({
      headers: ['Content-Type: multipart/mixed; boundary="b"'],
      text: [
        '--b\r\nContent-Type: text/plain\r\n\r\nV prilogi.',
        `--b\r\nContent-Type: application/octet-stream\r\nContent-Disposition: attachment; filename="arhiv.zip"\r\nContent-Transfer-Encoding: base64\r\n\r\n${zip}`,
        '--b--',
      ].join('\r\n'),
    });
    const way = { way: 'http' as const, storeId: null, envelopeFrom: null, envelopeTo: [] };
    await withTransaction(app.db, (trx) =>
      keepInboundMail(trx, momentOf(app.ctx, systemActor), { ...way, raw }),
    );
    while ((await app.runJob('mail.in')) > 0);
    const [file, ...more] = await app.db('attachments').whereNot('filename', 'račun.html');
    expect(more).toEqual([]);
    const carol = await Visitor.of(app, OWNER.email);
    const { headers, body } = await carol.get(`/attachments/${file.id}`).responseType('blob');
    expect(headers).toMatchObject({
      'content-type': 'application/zip',
      'content-disposition': `attachment; filename="arhiv.zip"; filename*=UTF-8''arhiv.zip`,
    });
    expect(body.toString('base64')).toBe(zip);
  });

  it('is there for nobody else: strangers sign in first, staff of other stores see none', async () => {
    const ana = await Visitor.of(world.app, 'ana@example.com');
    expect((await ana.get(path)).status).toBe(404);
    const mallory = await Visitor.of(world.app, null);
    const answer = await mallory.get(path);
    expect(answer.status).toBe(303);
    expect(answer.headers.location).toMatch(/^\/sign-in\?/);
    const carol = await Visitor.of(world.app, OWNER.email);
    for (const wrong of ['/attachments/1', '/attachments/..%2f..%2fetc', path.replace(/.{4}$/, '0000')]) {
      expect((await carol.get(wrong)).status).toBe(404);
    }
  });
});
