import type { Knex } from 'knex';
import { beginArrival, claimArrivals, lockArrival, saveArrival } from '../../src/domain/arrivals';
import {
  deleteOldRaws,
  keepInboundMail,
  type NewInboundMail,
  readClaimedMail,
  readMailHead,
} from '../../src/domain/inbound-mail';
import { systemActor } from '../../src/platform/actor';
import { withTransaction } from '../../src/platform/db';
import { type Context, momentOf } from '../../src/usecases/context';
import { makeContext, makeStore, type SetClock } from '../support/context';
import { describeEachEngine } from '../support/databases';
import { rawMail } from '../support/mails';

describeEachEngine('Mails that came in', (engine) => {
  let db: Knex;
  let ctx: Context & { clock: SetClock };

  beforeEach(async () => {
    ({ db } = await engine.freshDatabase());
    ctx = makeContext(db);
  });

  const keep = (raw: Buffer, more: Partial<NewInboundMail> = {}) => {
    const untold = { way: 'http' as const, storeId: null, envelopeFrom: null, envelopeTo: [] };
    const mail: NewInboundMail = { ...untold, raw, ...more };
    return withTransaction(db, (trx) => keepInboundMail(trx, momentOf(ctx, systemActor), mail));
  };
  const at = (seconds: number) => new Date(ctx.clock.now().getTime() + seconds * 1000).toISOString();
  const claim = (owner = 'one', limit = 10) =>
    withTransaction(db, (trx) =>
      claimArrivals(trx, 'mail', { owner, now: at(0), leaseUntil: at(60), limit }),
    );
  const finish = (id: string, owner = 'one') => saveArrival(db, 'mail', { id, owner }, { status: 'done' });

  it('are one, by whichever way they come: what servers add on the way makes no difference', async () => {
    const first = await keep(rawMail(), { way: 'smtp' });
    expect(first.fresh).toBe(true);
    const trace = [
      'Return-Path: <ana@example.com>',
      'Received: from mx by\r\n\tmail.example.com',
      'X-Spam: no',
    ];
    for (const again of [
      rawMail({ trace }),
      rawMail({ lineEnd: '\n' }),
      Buffer.concat([rawMail(), Buffer.from('\r\n\r\n')]),
    ]) {
      expect(await keep(again, { way: 'imap' })).toEqual({ fresh: false, id: first.id });
    }
    expect(await db('inbound_mails')).toHaveLength(1);
    expect(await db('inbound_mail_raws')).toHaveLength(1);
  });

  it('are others where anything of them is another: text, sender, or what identifies one without a Message-ID', async () => {
    const mails = [
      rawMail(),
      // Some programs give every mail the same Message-ID.
      rawMail({ body: 'Dela.' }),
      // Who has seen a mail knows its Message-ID and its text.
      rawMail({ from: 'Mallory <mallory@example.com>' }),
      rawMail({ messageId: '<2@example.com>' }),
      rawMail({ messageId: null }),
      rawMail({ messageId: null, subject: 'Drugi' }),
      rawMail({ messageId: '<>', subject: 'Tretji' }),
    ];
    for (const mail of mails) expect((await keep(mail)).fresh).toBe(true);
    for (const mail of mails) expect((await keep(mail)).fresh).toBe(false);
  });

  it('of one moment by two ways are kept once', async () => {
    const kept = await Promise.all(['http', 'smtp', 'imap'].map((way) => keep(rawMail(), { way } as never)));
    expect(kept.filter(({ fresh }) => fresh)).toHaveLength(1);
    expect(new Set(kept.map(({ id }) => id)).size).toBe(1);
  });

  it('learn from the second way what the first did not tell, until they are read', async () => {
    const store = await makeStore(ctx);
    const { id } = await keep(rawMail(), { way: 'imap' });
    await keep(rawMail(), { way: 'smtp', envelopeFrom: 'ana@example.com', storeId: store.id });
    // What is known stays.
    await keep(rawMail(), { way: 'smtp', envelopeFrom: 'other@example.com' });
    expect(await db('inbound_mails').first()).toMatchObject({
      id,
      way: 'imap',
      envelope_from: 'ana@example.com',
      store_id: store.id,
    });
  });

  it('keep their bytes, whatever those are', async () => {
    const raw = Buffer.concat([rawMail(), Buffer.from([0, 255, 10, 13, 0])]);
    const { id } = await keep(raw);
    await claim();
    const read = await readClaimedMail(db, { id, owner: 'one' });
    expect(read?.raw?.equals(raw)).toBe(true);
    expect(read).toMatchObject({ sender: 'ana@example.com', sizeBytes: raw.length });
    expect(await readClaimedMail(db, { id, owner: 'two' })).toBeNull();
  });

  it('are claimed by one worker, in the order of their coming, of each sender one at a time', async () => {
    const from = (name: string, n: number) =>
      keep(rawMail({ from: `${name}@example.com`, messageId: `<${name}${n}@x>` }));
    const ana1 = await from('ana', 1);
    const ana2 = await from('ANA', 2);
    const bor1 = await from('bor', 1);
    expect(await claim()).toEqual([ana1.id, bor1.id]);
    expect(await claim('two')).toEqual([]);
    expect(await finish(ana1.id, 'two')).toBe(false);
    expect(await finish(ana1.id)).toBe(true);
    expect(await claim('two')).toEqual([ana2.id]);
    // A worker that died has it no longer; only what it began counts.
    expect(await beginArrival(db, 'mail', { id: bor1.id, owner: 'one' })).toBe(1);
    ctx.clock.advance(61);
    expect(await claim('three')).toEqual([ana2.id, bor1.id]);
    expect(await beginArrival(db, 'mail', { id: bor1.id, owner: 'one' })).toBeNull();
    expect(await beginArrival(db, 'mail', { id: ana2.id, owner: 'three' })).toBe(1);
    expect(await beginArrival(db, 'mail', { id: bor1.id, owner: 'three' })).toBe(2);
    const lock = (owner: string) =>
      withTransaction(db, (trx) => lockArrival(trx, 'mail', { id: bor1.id, owner }));
    expect(await lock('one')).toBe(false);
    expect(await lock('three')).toBe(true);
  });

  it('lose their raw form after some time, but only when they were read', async () => {
    const done = await keep(rawMail());
    const waiting = await keep(rawMail({ messageId: '<2@x>' }));
    await claim('one', 1);
    await finish(done.id);
    expect(await deleteOldRaws(db, at(-1), 10)).toBe(0);
    expect(await deleteOldRaws(db, at(1), 10)).toBe(1);
    expect(await db('inbound_mail_raws').pluck('mail_id')).toEqual([waiting.id]);
    expect(await db('inbound_mails')).toHaveLength(2);
  });
});

describe('The head of a mail', () => {
  it('names its sender and recipients in small letters, and is not misled by names', () => {
    const raw = rawMail({
      from: '"not@this.example, <nor@that.example>" (nor@here.example) <Ana.B@Example.COM>',
      to: 'Help <Help@Shop.Example>, "x@y.example" <two@shop.example>',
      trace: ['X-Original-To: help+token@shop.example', 'Delivered-To: two@shop.example'],
    });
    expect(readMailHead(raw)).toEqual({
      sender: 'ana.b@example.com',
      recipients: ['help+token@shop.example', 'two@shop.example', 'help@shop.example'],
      messageId: '<1@example.com>',
    });
  });

  it('of what is no mail names nobody', () => {
    for (const raw of ['', '\r\n\r\n', 'GET / HTTP/1.1', '\0\0\0']) {
      expect(readMailHead(Buffer.from(raw))).toEqual({ sender: '', recipients: [], messageId: null });
    }
  });
});
