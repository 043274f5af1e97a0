import { verifyLedger } from '../../src/domain/credits';
import { makeVault } from '../../src/platform/secrets';
import { CORPUS_SECRET, corpus, OWN_DOMAINS } from '../gateways/email/read/corpus';
import { describeEachEngine } from '../support/databases';
import { MailWorld } from '../support/mail-world';

const TICKET = '0193a5c2-7b1e-7c3a-9f00-2b6d1e4c8a10';
const MESSAGE = '0193a5c2-9d40-7e21-8a11-6f0c3b5d7e22';

/** The whole corpus comes into one shop, where the ticket and the message are that its tokens name. */
describeEachEngine('the corpus of mails', (engine) => {
  test('ends as it should: in its ticket, in one of its own, or told apart; and spends nothing', async () => {
    const { db, url } = await engine.freshDatabase();
    const world = await MailWorld.of(db, url);
    world.ctx.vault = makeVault(CORPUS_SECRET);
    world.ctx.publicUrl = `https://${OWN_DOMAINS[1]}`;
    world.ctx.mailAddress = `podpora@${OWN_DOMAINS[0]}`;
    await db('tickets').where({ id: world.ticket.id }).update({ origin: 'agent' });
    const at = world.at();
    await db('tickets').insert({
      ...(await world.ticketRow()),
      ...{ id: TICKET, family_id: TICKET, number: 1042, created_at: at },
    });
    await db('messages').insert({
      ...{ id: MESSAGE, ticket_id: TICKET, direction: 'out', channel: 'email', kind: 'reply' },
      ...{ author_kind: 'staff', author_id: 'bob', author_name: 'Bob', to_address: 'alice@example.com' },
      ...{ body: 'Try again.', status: 'sent', created_at: at, sent_at: at },
    });

    for (const { name, raw, expected } of corpus()) {
      // As if none had come before: storms and bounces that count are of other tests.
      world.ctx.clock.advance(3_600);
      await db('messages').where({ id: MESSAGE }).update({ status: 'sent', sent_at: world.at() });
      // Some of the corpus differ in their headers only, and would be one mail.
      const own = Buffer.from(raw.toString('latin1').replace('<simple.1@', `<${name}@`), 'latin1');
      const taken = await world.bring(own, { from: null, way: 'imap' });
      expect([name, taken.class]).toEqual([name, expected.class]);
      const message = taken.message_id === null ? null : await world.message(taken.message_id);
      if (expected.class === 'person' || expected.class === 'auto-reply') {
        // By the return path of a message, too, it comes into that one's ticket.
        const token = expected.ticketId ?? (expected.bounceMessageId ? TICKET : null);
        if (token) expect([name, message?.ticketId]).toEqual([name, token]);
      }
      if (expected.class === 'bounce' && expected.bounceMessageId) {
        expect([name, taken.message_id]).toEqual([name, MESSAGE]);
        const counts = expected.returnPath === '';
        if (counts) expect([name, (await world.message(MESSAGE)).status]).toEqual([name, 'failed']);
      }
      if (message?.direction === 'in' && expected.visibleText) {
        expect([name, message.body]).toEqual([name, expected.visibleText]);
      }
      if (taken.status === 'ignored')
        expect([name, taken.reason]).toEqual([name, expect.stringMatching(/\w/)]);
      if (taken.status === 'failed') expect([name, expected.class]).toEqual([name, 'unreadable']);
    }
    expect(await db('inbound_mails').where({ status: 'pending' })).toEqual([]);
    expect(Number((await db('inbound_mails').count({ n: '*' }))[0]?.n)).toBe(corpus().length);
    expect((await verifyLedger(db)).problems).toEqual([]);
    expect(await db('credit_entries')).toEqual([]);
  });
});
