import { beginArrival, claimArrivals, saveArrival } from '../../src/domain/arrivals';
import { keepInboundMail } from '../../src/domain/inbound-mail';
import { systemActor } from '../../src/platform/actor';
import { addSeconds, iso } from '../../src/platform/clock';
import { withTransaction } from '../../src/platform/db';
import { limits } from '../../src/platform/limits';
import { type Context, momentOf } from '../../src/usecases/context';
import { storeSms } from '../../src/usecases/receive-sms';
import { takeInTurn } from '../../src/usecases/take-in-turn';
import { makeContext, type SetClock } from '../support/context';
import { describeEachEngine } from '../support/databases';
import { rawMail } from '../support/mails';

const TABLES = { mail: 'inbound_mails', sms: 'inbound_sms' };

describeEachEngine('what came in is taken in', (engine) => {
  let ctx: Context & { clock: SetClock };
  let taken: string[];
  beforeEach(async () => {
    const { db } = await engine.freshDatabase();
    ctx = makeContext(db);
    taken = [];
  });

  let count = 0;
  async function comes(way: 'mail' | 'sms', from: string): Promise<string> {
    count += 1;
    const sid = `SM${String(count).padStart(32, '0')}`;
    const raw = rawMail({ from, messageId: `<${count}@x>` });
    const mail = { way: 'http' as const, storeId: null, envelopeFrom: null, envelopeTo: [], raw };
    if (way === 'sms')
      await storeSms(ctx, { sid, body: Buffer.from(`From=${encodeURIComponent(from)}&Body=x`) });
    else await withTransaction(ctx.db, (trx) => keepInboundMail(trx, momentOf(ctx, systemActor), mail));
    return (await ctx.db(TABLES[way]).orderBy('id', 'desc').first('id')).id;
  }
  const row = (way: 'mail' | 'sms', id: string) => ctx.db(TABLES[way]).where({ id }).first();
  const work = (way: 'mail' | 'sms', fails: (id: string) => Error | null = () => null) =>
    takeInTurn(ctx, { way, limit: 10 }, async ({ id, owner }) => {
      const error = fails(id);
      if (error) throw error;
      taken.push(id);
      await saveArrival(ctx.db, way, { id, owner }, { status: 'done' });
    });

  describe.each([
    { way: 'mail' as const, ana: 'ana@example.com', bor: 'bor@example.com' },
    { way: 'sms' as const, ana: '+38640111222', bor: '+38640333444' },
  ])('by $way', ({ way, ana, bor }) => {
    const full = () => Object.assign(new Error('database or disk is full'), { code: 'SQLITE_FULL' });

    it('when the database is there again, however long that lasts: no attempt counts, and the loop waits', async () => {
      const ids = [await comes(way, ana), await comes(way, bor)];
      for (let n = 0; n <= limits.inboxAttempts; n++) {
        await expect(work(way, full)).rejects.toThrow('disk is full');
        for (const id of ids)
          expect(await row(way, id)).toMatchObject({ status: 'pending', attempts: 0, lease_owner: null });
        ctx.clock.advance(limits.backoffFirstSeconds);
      }
      await work(way);
      for (const id of ids) expect(await row(way, id)).toMatchObject({ status: 'done', attempts: 1 });
    });

    it('again and again when it fails for another reason, then is parked with it; only its sender waits', async () => {
      const poison = await comes(way, ana);
      const behind = await comes(way, ana);
      const other = await comes(way, bor);
      const fails = (id: string) => (id === poison ? new Error('It is poison.') : null);
      for (let n = 1; n < limits.inboxAttempts; n++) {
        await work(way, fails);
        expect(taken).toEqual([other]);
        ctx.clock.advance(limits.backoffCapSeconds * 2);
      }
      await work(way, fails);
      await work(way, fails);
      expect(taken).toEqual([other, behind]);
      expect(await row(way, poison)).toMatchObject({ status: 'failed', reason: 'It is poison.' });
    });

    it('not where it ended its process at each attempt: it is parked, untried, and takes nobody else along', async () => {
      const id = await comes(way, ana);
      const other = await comes(way, bor);
      for (let n = 0; n < limits.inboxAttempts; n++) {
        const now = ctx.clock.now();
        const leaseUntil = iso(addSeconds(now, limits.leaseSeconds));
        const claim = { owner: 'dead', now: iso(now), leaseUntil, limit: 10 };
        const claimed = await withTransaction(ctx.db, (trx) => claimArrivals(trx, way, claim));
        expect(claimed).toEqual([id, other]);
        await beginArrival(ctx.db, way, { id, owner: 'dead' });
        ctx.clock.advance(limits.leaseSeconds);
      }
      await work(way);
      expect(taken).toEqual([other]);
      expect(await row(way, id)).toMatchObject({
        status: 'failed',
        reason: 'Zeton stopped in the middle of it each time that it was tried.',
      });
    });
  });
});
