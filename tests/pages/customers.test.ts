import { balanceOf } from '../../src/domain/credits';
import { settleMessage } from '../../src/usecases/settle-message';
import { makeTestApp, type TestApp } from '../support/app';
import {
  addStaff,
  describeInBrowser,
  expectAccessible,
  expectNoForeignRequests,
  look,
  OWNER,
  openBrowser,
  PAGE_ENV,
  type TestBrowser,
} from '../support/browser';
import { describeEachEngine, type TestEngine } from '../support/databases';
import { expectSoundLedger } from '../support/shop';
import { type Buyer, ShopLife } from '../support/shop-life';
import { csrfIn, fieldIn, Visitor } from '../support/visitor';

const HOSTILE = `<script>document.title='x'</script> &amp; "q" 'x' 😀 שלום`;
const HOSTILE_TEXT = '&lt;script>document.title=';
const NOTHING_HERE = '0193e3a0-0000-7000-8000-000000000000';
const AGENT = 'bor@example.com';
const MALLORY = 'mallory@example.com';

const MAJA: Buyer = { first: 'Maja', last: 'Novak', email: 'maja.novak@example.com', phone: '041 555 100' };
const PETRA: Buyer = {
  first: 'Petra',
  last: 'Žagar Rupnik',
  email: 'petra@example.com',
  phone: '040 123 456',
};

/** Elements alone: within the quotes of an attribute a `<` starts nothing. */
function elementsIn(text: string): string {
  return text.replace(/="[^"]*"/g, '=""');
}

/** What one reads: without the markup, white space as one sees it. */
function wordsIn({ text }: { text: string }): string {
  const main = text.slice(text.indexOf('<main'));
  return main
    .replace(/<svg[\s\S]*?<\/svg>/g, '')
    .replace(/<[^>]+>/g, '')
    .replace(/\s+/g, ' ')
    .replaceAll('&lt;', '<')
    .replaceAll('&amp;', '&');
}

async function openShop(engine: TestEngine): Promise<ShopLife> {
  const app = await makeTestApp(engine, { env: PAGE_ENV, at: '2026-11-22T12:00:00.000Z' });
  await addStaff(app, AGENT, 'agent', 'Bor Kralj');
  await addStaff(app, MALLORY, 'read-only', 'Mallory');
  return ShopLife.in(app);
}

/** Maja: bought, answered, failed, given, corrected, on video. Petra: bought, used, cancelled. Miha: nothing left. */
async function liveThrough(shop: ShopLife) {
  const { app } = shop;
  const maja = await shop.order({ id: 1193, note: 'Tiskalnik ne tiska' }, MAJA);
  await shop.reply(maja.ticketId, 'sms');
  await shop.reply(maja.ticketId, 'email');
  app.gateways.sms.answerOnce({ kind: 'rejected', reason: 'number not in service' });
  await shop.reply(maja.ticketId, 'sms', 'Vam je uspelo?');
  await shop.adjust({ customerId: maja.customerId, meter: 'sms', quantity: 2, kind: 'goodwill' });
  await shop.adjust({
    customerId: maja.customerId,
    meter: 'sms',
    quantity: -1,
    kind: 'correction',
    reason: 'Counted twice',
  });
  await shop.startVideo(maja.ticketId);

  const petra = await shop.order({ id: 1200, created: '2026-11-21T09:00:00' }, PETRA);
  for (let i = 0; i < 3; i++) await shop.reply(petra.ticketId, 'sms');
  await shop.order({ id: 1200, status: 'cancelled', modified: '2026-11-22T10:00:00', paid: null }, PETRA);
  return { maja, petra };
}

function setUp(engine: TestEngine) {
  const world: { shop: ShopLife; app: TestApp; carol: Visitor } = {} as never;
  beforeEach(async () => {
    world.shop = await openShop(engine);
    world.app = world.shop.app;
    world.carol = await Visitor.of(world.app, OWNER.email);
  });
  return world;
}

describeEachEngine('the customers', (engine) => {
  const world = setUp(engine);

  test('are empty at first, which says how the first one comes', async () => {
    const page = await world.carol.get('/console/customers').expect(200);
    expect(page.text).toContain('No customers yet');
    expect(page.text).toContain('A customer comes with the first order.');
    const agent = await (await Visitor.of(world.app, AGENT)).get('/console/customers').expect(200);
    expect(agent.text).not.toContain('href="/admin/packages"');
  });

  test('stand there newest first, with what is left, and what is short', async () => {
    const { maja, petra } = await liveThrough(world.shop);
    const page = await world.carol.get('/console/customers').expect(200);
    const words = wordsIn(page);
    expect(words.indexOf('Petra Žagar Rupnik')).toBeLessThan(words.indexOf('Maja Novak'));
    expect(words).toContain('maja.novak@example.com · +38641555100');
    expect(words).toContain('SMS 10E-mail 19Video 2');
    expect(words).toContain('3 SMS short');
    expect(words).toContain('2 of 2');
    for (const { customerId } of [maja, petra]) {
      expect(page.text).toContain(`href="/console/customers/${customerId}/statement?meter=sms"`);
    }
  });

  test('are found by words of the name, by e-mail, and by the phone as one dials it', async () => {
    await liveThrough(world.shop);
    const found = async (q: string) => {
      const page = await world.carol.get(`/console/customers?q=${encodeURIComponent(q)}`).expect(200);
      expect(fieldIn(page, 'q')).toBe(q.replaceAll('\0', '').trim().replaceAll('&', '&amp;'));
      return [wordsIn(page).includes('Maja Novak'), wordsIn(page).includes('Petra Žagar')];
    };
    for (const q of ['novak maja', 'MAJA', ' maja.novak@ ', '041 555 100', '+386 41/555', '41555']) {
      expect([q, await found(q)]).toEqual([q, [true, false]]);
    }
    expect(await found('žagar')).toEqual([false, true]);
    for (const q of ['%', '_', "'", 'maja rupnik', '555 999', 'a\0b']) {
      expect([q, await found(q)]).toEqual([q, [false, false]]);
    }
    const none = await world.carol.get('/console/customers?q=%3Cscript%3E').expect(200);
    expect(none.text).toContain('Nobody has “&lt;script>”');
    // While one types, the list alone.
    const part = await world.carol.get('/console/customers?q=maja', { 'HX-Request': 'true' }).expect(200);
    expect(part.text).not.toContain('<html');
    expect(wordsIn({ text: `<main>${part.text}` })).toContain('Maja Novak');
  });

  test('come in pages, each with an address', async () => {
    for (let i = 1; i <= 52; i++) {
      await world.shop.order({ id: i, lines: [], email: `buyer-${i}@example.com` });
    }
    const first = await world.carol.get('/console/customers?q=buyer').expect(200);
    expect(wordsIn(first)).toContain('50 of 52');
    const next = /rel="next" href="([^"]+)"/.exec(first.text)?.[1]?.replaceAll('&amp;', '&') ?? '';
    expect(next).toContain('q=buyer&cursor=');
    const second = await world.carol.get(next).expect(200);
    expect(wordsIn(second)).toContain('buyer-1@example.com');
    expect(second.text.match(/z-row-link/g)).toHaveLength(2);
    expect(second.text).not.toContain('rel="next"');
    // What is no cursor begins at the top.
    expect((await world.carol.get('/console/customers?cursor=%00x').expect(200)).text).toContain('50 of 52');
  }, 60_000);
});

describeEachEngine('a customer', (engine) => {
  const world = setUp(engine);

  test('tells each lot of credits in words, with orders, tickets and details', async () => {
    const { maja } = await liveThrough(world.shop);
    const page = await world.carol.get(`/console/customers/${maja.customerId}`).expect(200);
    const words = wordsIn(page);
    expect(words).toContain('10 SMS bought 20 Nov, order #1193, 8 left, expires 19 Jan 2027');
    expect(words).toContain('20 e-mails bought 20 Nov, order #1193, 19 left');
    expect(words).toContain('2 SMS given 22 Nov as goodwill, 2 left');
    expect(words).toContain('“The first answer was wrong”by Bob Kralj');
    expect(words).toContain('1 on hold');
    expect(words).toContain('LanguageSlovenian');
    expect(words).toContain('CountrySlovenia');
    expect(words).toContain('StoreTrgovina Kovač');
    expect(words).toContain('#1193');
    expect(words).not.toContain('More was used than is paid for');
    expect(page.text).toContain('href="tel:+38641555100"');
    expect(page.text).toContain(`href="/console/orders/${maja.id}"`);
    const ticket = await world.app.db('tickets').where({ id: maja.ticketId }).first();
    expect(page.text).toContain(`href="/console/tickets/${ticket.number}"`);
  });

  test('whose order was cancelled after use: the shortfall is said plainly', async () => {
    const { petra } = await liveThrough(world.shop);
    const words = wordsIn(await world.carol.get(`/console/customers/${petra.customerId}`).expect(200));
    expect(words).toContain('More was used than is paid for');
    expect(words).toContain('Order #1200 (cancelled): 3 SMS that it no longer pays for');
    expect(words).toContain('7 taken back by the order');
  });

  test('has what is bound to a ticket marked so, and what is past its date as gone before the job ran', async () => {
    const bought = await world.shop.order({ id: 5, lines: [{ id: 1, sku: 'TICKET' }, { id: 2 }] }, MAJA);
    const path = `/console/customers/${bought.customerId}`;
    const { number } = await world.app.db('tickets').where({ id: bought.ticketId }).first();
    expect(wordsIn(await world.carol.get(path))).toContain(`One printeronly for ticket #${number}`);
    world.app.clock.set('2027-01-19T22:59:59.000Z');
    expect(wordsIn(await (await Visitor.of(world.app, OWNER.email)).get(path))).toContain('SMS12 left of 12');
    world.app.clock.set('2027-01-19T23:00:00.000Z');
    const after = wordsIn(await (await Visitor.of(world.app, OWNER.email)).get(path));
    expect(after).toContain('SMS2 left of 2');
    expect(after).toContain('10 SMS bought 20 Nov 2026, order #5, none left, expired 19 Jan');
  });

  test('runs low where the package says so, here, in the list and on the ticket', async () => {
    const maja = await world.shop.order({ id: 1193 }, MAJA);
    await world.shop.reply(maja.ticketId, 'sms');
    const { number } = await world.app.db('tickets').where({ id: maja.ticketId }).first();
    const pages = [
      `/console/customers/${maja.customerId}`,
      '/console/customers',
      `/console/tickets/${number}`,
    ];
    for (const path of pages)
      expect((await world.carol.get(path).expect(200)).text).not.toContain('z-level-low');
    await world.app.db('package_versions').update({ low_balance_at: 9 });
    for (const path of pages) expect((await world.carol.get(path).expect(200)).text).toContain('z-level-low');
  });

  test('who never paid has no credits yet', async () => {
    const { customerId } = await world.shop.order({ id: 7, status: 'pending', paid: null }, MAJA);
    const page = await world.carol.get(`/console/customers/${customerId}`).expect(200);
    expect(page.text).toContain('No credits yet');
    expect(page.text).toContain('No tickets.');
  });

  test('is not there: 404, whatever stands in the address', async () => {
    for (const id of [NOTHING_HERE, 'x', '%00', "'", '..%2f..', HOSTILE]) {
      for (const path of ['', '/statement', '/adjustments']) {
        const page = await world.carol.get(`/console/customers/${encodeURIComponent(id)}${path}`).expect(404);
        expect(page.text).toContain('There is nothing here');
      }
    }
  });
});

describeEachEngine('giving and correcting credits', (engine) => {
  const world = setUp(engine);
  let id: string;
  let path: string;
  beforeEach(async () => {
    id = (await world.shop.order({ id: 1193 }, MAJA)).customerId;
    path = `/console/customers/${id}`;
  });
  const left = async (meter: 'sms' | 'email' = 'sms') => (await balanceOf(world.app.db, id))[meter].available;

  async function fill(who: Visitor, fields: Record<string, string>) {
    const form = await who.get(path).expect(200);
    const hidden = { _csrf: csrfIn(form), key: fieldIn(form, 'key') };
    return {
      ...hidden,
      kind: 'goodwill',
      meter: 'sms',
      quantity: '2',
      reason: 'A printer on fire',
      ...fields,
    };
  }

  test('an agent gives goodwill after having been asked in words, and it happens once', async () => {
    const agent = await Visitor.of(world.app, AGENT);
    const fields = await fill(agent, {});
    const asked = await agent.postBare(`${path}/adjustments`, fields).expect(200);
    expect(wordsIn(asked)).toContain('Give Maja Novak 2 SMS as goodwill?');
    expect(wordsIn(asked)).toContain('SMS: 10 left now, 12 afterwards.');
    expect(await left()).toBe(10);

    const done = { ...fields, step: 'do' };
    const both = await Promise.all([
      agent.postBare(`${path}/adjustments`, done),
      agent.postBare(`${path}/adjustments`, done),
    ]);
    expect(both.map(({ status }) => status)).toEqual([303, 303]);
    expect(both[0]?.headers.location).toBe(path);
    expect(await left()).toBe(12);
    expect((await agent.postBare(`${path}/adjustments`, done)).status).toBe(303);
    expect((await agent.get(path)).text).toContain('Nothing was given or taken a second time.');
    expect(await left()).toBe(12);
    const audit = await world.app.db('audit_log').where({ action: 'credits.adjusted' });
    expect(audit.map(({ actor_name }) => actor_name)).toEqual(['Bor Kralj']);
    await expectSoundLedger(world.app.ctx);
  });

  test('says what was done, in words, on the page that follows', async () => {
    const done = { ...(await fill(world.carol, { meter: 'email', quantity: '+5' })), step: 'do' };
    const answer = await world.carol.postBare(`${path}/adjustments`, done).expect(303);
    const page = await world.carol.get(answer.headers.location as string);
    expect(page.text).toContain('Gave 5 e-mails to Maja Novak. Now 25 e-mails left.');
    expect(await left('email')).toBe(25);
  });

  test('one who went back and changed a form that was sent is told so, and may mean both', async () => {
    const fields = await fill(world.carol, {});
    await world.carol.postBare(`${path}/adjustments`, { ...fields, step: 'do' }).expect(303);
    const changed = { ...fields, quantity: '3', step: 'do' };
    const again = await world.carol.postBare(`${path}/adjustments`, changed).expect(409);
    expect(again.text).toContain('This form was sent before, with something else in it');
    expect(fieldIn(again, 'quantity')).toBe('3');
    expect(await left()).toBe(12);
    const key = fieldIn(again, 'key');
    expect(key).not.toBe(fields.key);
    await world.carol.postBare(`${path}/adjustments`, { ...changed, key }).expect(303);
    expect(await left()).toBe(15);
  });

  test('an admin corrects up and down, but takes no more than is left', async () => {
    const take = await fill(world.carol, { kind: 'correction', quantity: '−4' });
    const asked = await world.carol.postBare(`${path}/adjustments`, take).expect(200);
    expect(wordsIn(asked)).toContain('Take 4 SMS away from Maja Novak, as a correction?');
    await world.carol.postBare(`${path}/adjustments`, { ...take, step: 'do' }).expect(303);
    expect(await left()).toBe(6);
    for (const step of ['', 'do']) {
      const fields = await fill(world.carol, { kind: 'correction', quantity: '-7', step });
      const refused = await world.carol.postBare(`${path}/adjustments`, fields).expect(422);
      expect(refused.text).toContain('Only 6 are left that can be taken away.');
      expect(fieldIn(refused, 'quantity')).toBe('-7');
    }
    const back = await world.carol.postBare(`${path}/adjustments`, { ...take, step: 'back' }).expect(200);
    expect(fieldIn(back, 'quantity')).toBe('−4');
    expect(await left()).toBe(6);
    await expectSoundLedger(world.app.ctx);
  });

  test('what cannot be done is said beside the field, and what was typed is kept', async () => {
    const cases: [Record<string, string>, string][] = [
      [{ quantity: '' }, 'Write a whole number, such as 2.'],
      [{ quantity: '1.5' }, 'Write a whole number, such as 2.'],
      [{ quantity: HOSTILE }, 'Write a whole number, such as 2.'],
      [{ quantity: '0' }, '0 changes nothing.'],
      [{ quantity: '-2' }, 'Goodwill only gives.'],
      [{ quantity: '1000001' }, 'At most 1,000,000 at a time.'],
      [{ quantity: '999999999999' }, 'At most 1,000,000 at a time.'],
      [{ meter: 'gold' }, 'Choose what is to be given.'],
      [{ kind: 'theft' }, 'Choose goodwill or a correction.'],
      [{ reason: '  ' }, 'Write why, in a few words.'],
      [{ reason: 'x'.repeat(501) }, 'At most 500 characters fit here.'],
      [{ reason: 'a\0b' }, 'There is a character in it that cannot be kept.'],
    ];
    for (const [fields, mistake] of cases) {
      const sent = await fill(world.carol, { ...fields, step: 'do' });
      const refused = await world.carol.postBare(`${path}/adjustments`, sent).expect(422);
      expect([fields, refused.text.includes(mistake)]).toEqual([fields, true]);
      expect(refused.text).toContain('One thing needs mending');
    }
    expect(await left()).toBe(10);
  });

  test('is not for everybody: nobody, who may only look, an agent who corrects, a form of another site', async () => {
    const agent = await Visitor.of(world.app, AGENT);
    const fields = { ...(await fill(agent, { kind: 'correction' })), step: 'do' };
    expect((await agent.postBare(`${path}/adjustments`, fields)).status).toBe(403);
    const good = { ...fields, kind: 'goodwill' };

    const mallory = await Visitor.of(world.app, MALLORY);
    const page = await mallory.get(path).expect(200);
    expect(page.text).not.toContain('name="quantity"');
    expect((await mallory.post(`${path}/adjustments`, { ...good, _csrf: csrfIn(page) })).status).toBe(403);

    expect((await agent.postBare(`${path}/adjustments`, { ...good, _csrf: '' })).status).toBe(403);
    const crossSite = { 'Sec-Fetch-Site': 'cross-site' };
    expect((await agent.postBare(`${path}/adjustments`, good, crossSite)).status).toBe(403);
    expect((await agent.postBare(`${path}/adjustments`, { ...good, key: '' })).status).toBe(400);
    const lost = await agent.postBare(`/console/customers/${NOTHING_HERE}/adjustments`, good);
    expect(lost.status).toBe(404);

    const nobody = await Visitor.of(world.app, null);
    expect((await nobody.post(`${path}/adjustments`, good, '/sign-in')).status).toBe(403);
    for (const at of ['/console/customers', path, `${path}/statement`]) {
      const away = await nobody.get(at).expect(303);
      expect(away.headers.location).toBe(`/sign-in?${new URLSearchParams({ next: at }).toString()}`);
    }
    expect(await left()).toBe(10);
  });
});

describeEachEngine('the statement', (engine) => {
  const world = setUp(engine);

  test('adds up, and tells each entry in words with what caused it', async () => {
    const { maja } = await liveThrough(world.shop);
    const path = `/console/customers/${maja.customerId}/statement`;
    const page = await world.carol.get(`${path}?meter=sms`).expect(200);
    const words = wordsIn(page);
    expect(words).toContain('bought10goodwill+ 2used− 1taken away by correction− 1left= 10');
    const rows = [...page.text.matchAll(/<tr id="entry-\d+">([\s\S]*?)<\/tr>/g)].map(([, row = '']) =>
      wordsIn({ text: `<main>${row}` }).replace(/just now|.{0,12}ago/, '|'),
    );
    const { number } = await world.app.db('tickets').where({ id: maja.ticketId }).first();
    const ticket = `ticket #${number}`;
    expect(rows).toEqual([
      'Taken away as a correction“Counted twice”by Bob Kralj|−110',
      'Given as goodwill“The first answer was wrong”by Bob Kralj|+211',
      `The SMS was not sent, ${ticket}: given back“number not in service”|+19`,
      `Set aside for an SMS, ${ticket}from order #1193by Bob Kralj|−18`,
      `The SMS was sent, ${ticket}: what was set aside is used|09`,
      `Set aside for an SMS, ${ticket}from order #1193by Bob Kralj|−19`,
      'Bought with order #1193Start|+1010',
    ]);
    expect(page.text).toContain(`href="/console/orders/${maja.id}"`);
    const [message] = await world.app.db('messages').where({ ticket_id: maja.ticketId, channel: 'sms' });
    expect(page.text).toContain(`href="/console/tickets/${number}#m-${message.id}"`);

    const all = wordsIn(await world.carol.get(path).expect(200));
    expect(all).toContain('bought3on hold− 1left= 2');
    expect(all).toContain('Set aside for a video session');
    const entries = await world.app.db('credit_entries').where({ customer_id: maja.customerId });
    expect(all).toContain(`${entries.length} of ${entries.length}`);
  });

  test('tells what an order took back, what expired, and what covered a shortfall', async () => {
    const { petra } = await liveThrough(world.shop);
    const path = `/console/customers/${petra.customerId}/statement?meter=sms`;
    const words = wordsIn(await world.carol.get(path).expect(200));
    expect(words).toContain('bought10used− 3taken back by an order− 7left= 0');
    expect(words).toContain('Taken back: order #1200 is cancelled');

    // One of the messages turns out to have failed: its credit covers what the order no longer pays for.
    const [message] = await world.app.db('messages').where({ ticket_id: petra.ticketId, channel: 'sms' });
    await settleMessage(world.app.ctx, {
      messageId: message.id,
      outcome: 'failed',
      reason: 'unknown number',
    });
    const covered = wordsIn(await world.carol.get(path).expect(200));
    expect(covered).toContain('The SMS did not arrive');
    expect(covered).toContain('Went to what order #1200 no longer pays for');
    expect(covered).toContain('bought10used− 2taken back by an order− 8left= 0');

    const ana = { first: 'Ana', last: 'B', email: 'ana@example.com' };
    const other = await world.shop.order({ id: 1300 }, ana);
    const moved = await world.shop.order({ id: 1301 }, ana);
    await world.shop.order({ id: 1301, modified: '2026-11-22T11:00:00' }, MAJA);
    const away = await world.carol.get(`/console/customers/${moved.customerId}/statement?meter=sms`);
    expect(wordsIn(away)).toContain('Taken back: order #1301 went to another customer');
    world.app.clock.set('2027-03-01T00:00:00.000Z');
    await world.app.runJob('credits.expire');
    const carol = await Visitor.of(world.app, OWNER.email);
    const expired = wordsIn(await carol.get(`/console/customers/${other.customerId}/statement?meter=sms`));
    expect(expired).toContain('Expired: bought with order #1300, to be used by 19 Jan');
    expect(expired).toContain('bought20expired− 10taken back by an order− 10left= 0');
  });

  test('comes in pages, by kind, and of a kind that never was it says so', async () => {
    const { customerId } = await world.shop.order({ id: 1 }, MAJA);
    for (let i = 0; i < 51; i++) {
      await world.shop.adjust({
        customerId,
        meter: 'sms',
        quantity: 1,
        kind: 'goodwill',
        reason: `no. ${i}`,
      });
    }
    const path = `/console/customers/${customerId}/statement`;
    const first = await world.carol.get(`${path}?meter=sms`).expect(200);
    const next = /rel="next" href="([^"]+)"/.exec(first.text)?.[1]?.replaceAll('&amp;', '&') ?? '';
    expect(next).toContain('meter=sms&cursor=');
    const second = await world.carol.get(next).expect(200);
    expect(second.text.match(/id="entry-/g)).toHaveLength(2);
    expect(wordsIn(second)).toContain('Bought with order #1');
    for (const query of ['cursor=x', 'cursor=-1', 'cursor=99999999999999999999', 'meter=gold', 'meter=%00']) {
      await world.carol.get(`${path}?${query}`).expect(200);
    }
    expect((await world.carol.get(`${path}?meter=any`)).text).toContain('Nothing of this kind');
    const none = await world.shop.order({ id: 2, status: 'pending', paid: null }, PETRA);
    const empty = await world.carol.get(`/console/customers/${none.customerId}/statement`).expect(200);
    expect(empty.text).toContain('Nothing has happened yet');
  }, 60_000);

  test('shows hostile text as text, everywhere a customer or the shop can put some', async () => {
    const buyer = { first: HOSTILE, last: 'X', email: 'evil@example.com', phone: HOSTILE, country: '<b' };
    const { customerId } = await world.shop.order({ id: 9, note: HOSTILE }, buyer, { 1: HOSTILE });
    await world.app.db('stores').update({ name: HOSTILE });
    await world.app.db('orders').update({ number: HOSTILE });
    await world.app.db('package_versions').update({ name: HOSTILE });
    await world.shop.adjust({ customerId, meter: 'sms', quantity: 1, kind: 'goodwill', reason: HOSTILE });
    const path = `/console/customers/${customerId}`;
    for (const at of [
      '/console/customers',
      path,
      `${path}/statement`,
      `/console/customers?q=${encodeURIComponent(HOSTILE)}`,
    ]) {
      const page = await world.carol.get(at).expect(200);
      expect([at, elementsIn(page.text).includes('<script>document')]).toEqual([at, false]);
      expect(page.text).toContain(HOSTILE_TEXT);
    }
    const form = await world.carol.get(path);
    const fields = {
      _csrf: csrfIn(form),
      key: fieldIn(form, 'key'),
      kind: 'goodwill',
      meter: 'sms',
      quantity: '1',
      reason: HOSTILE,
    };
    const asked = await world.carol.postBare(`${path}/adjustments`, fields).expect(200);
    expect(elementsIn(asked.text)).not.toContain('<script>document');
    await world.carol.postBare(`${path}/adjustments`, { ...fields, step: 'do' }).expect(303);
    expect(elementsIn((await world.carol.get(path)).text)).not.toContain('<script>document');
    const rows = await world.app.db('credit_entries').where({ cause_kind: 'adjustment' });
    expect(rows.map(({ reason }) => reason)).toEqual([HOSTILE, HOSTILE]);
  });
});

describeInBrowser('customers in a browser', (engine) => {
  let shop: ShopLife;
  let browser: TestBrowser;
  let maja: { customerId: string };
  let petra: { customerId: string };
  beforeAll(async () => {
    shop = await openShop(engine);
    browser = await openBrowser(shop.app);
    await look(browser, '/console/customers', 'customers-empty', { signedInAs: 'owner' });
    ({ maja, petra } = await liveThrough(shop));
    const many = Array.from({ length: 9 }, (_, i) => i);
    for (const i of many) {
      const buyer = {
        first: ['Luka', 'Zala', 'Miha', 'Eleni', 'Ivana'][i % 5] as string,
        last: ['Kos', 'Papadopoulou', 'Horvat', 'Vidmar'][i % 4] as string,
        email: `buyer-${i}@example.com`,
        phone: `031 555 10${i}`,
        country: i % 5 === 3 ? 'GR' : 'SI',
      };
      const bought = await shop.order({ id: 1400 + i, lines: i % 4 === 2 ? [] : [{ id: 1 }] }, buyer);
      if (i === 0) {
        await shop.adjust({ customerId: bought.customerId, meter: 'sms', quantity: -10, kind: 'correction' });
        await shop.adjust({
          customerId: bought.customerId,
          meter: 'video',
          quantity: -2,
          kind: 'correction',
        });
      }
    }
    shop.app.clock.advance({ hours: 5 });
  }, 120_000);
  afterAll(async () => {
    await browser.close();
    await shop.app.close();
  });

  test('every page looks right at both widths in both themes, and axe finds nothing', async () => {
    const owner = { signedInAs: 'owner' };
    const path = `/console/customers/${maja.customerId}`;
    await look(browser, '/console/customers', 'customers', owner);
    await look(browser, '/console/customers?q=nobody+at+all', 'customers-none', owner);
    await look(browser, path, 'customer', owner);
    await look(browser, `/console/customers/${petra.customerId}`, 'customer-shortfall', owner);
    await look(browser, path, 'customer-refused', {
      ...owner,
      async prepare(page) {
        await page.getByLabel('How many').fill('-2');
        await page.getByRole('button', { name: 'Go on' }).click();
        await page.locator('#quantity-mistake').waitFor();
        expect(await page.getByLabel('How many').inputValue()).toBe('-2');
      },
    });
    await look(browser, path, 'customer-asked', {
      ...owner,
      async prepare(page) {
        await page.getByLabel('How many').fill('2');
        await page.getByLabel('Reason').fill('The printer caught fire after our advice');
        await page.getByRole('button', { name: 'Go on' }).click();
        await page.locator('.z-question').waitFor();
      },
    });
    await look(browser, `${path}/statement`, 'statement', owner);
    await look(browser, `${path}/statement?meter=sms`, 'statement-sms', owner);
    await look(browser, `${path}/statement?meter=any`, 'statement-none', owner);
  }, 240_000);

  test('the list follows while one types, and the address with it', async () => {
    const page = await browser.openPage({ signedInAs: 'owner' });
    await page.goto(`${browser.base}/console/customers`);
    await page.getByRole('searchbox').pressSequentially('maja');
    await page.waitForURL('**/console/customers?q=maja');
    expect(await page.locator('.z-row-link').allTextContents()).toEqual(['Maja Novak']);
    expect(await page.evaluate('document.activeElement.name')).toBe('q');
    await page.goBack();
    await page.waitForURL('**/console/customers');
    await page.locator('.z-row-link').nth(10).waitFor();
    expectNoForeignRequests(page);
  });

  test('credits are given by keyboard, with JavaScript and without', async () => {
    for (const javaScript of [true, false]) {
      const page = await browser.openPage({ signedInAs: 'owner', width: 390, javaScript });
      await page.goto(`${browser.base}/console/customers/${petra.customerId}`);
      await page.getByLabel('How many').fill('1');
      await page.getByLabel('Reason').fill('Sorry');
      await page.getByRole('button', { name: 'Go on' }).focus();
      await page.keyboard.press('Enter');
      await page.locator('.z-question').waitFor();
      if (javaScript) await expectAccessible(page);
      await page.getByRole('button', { name: 'Give 1 SMS' }).focus();
      await page.keyboard.press('Enter');
      await page.waitForURL(`**/console/customers/${petra.customerId}`);
      await page.locator('.z-banner', { hasText: 'Gave 1 SMS to Petra Žagar Rupnik.' }).waitFor();
      expectNoForeignRequests(page);
    }
    const { available } = (await balanceOf(shop.app.db, petra.customerId)).sms;
    expect(available).toBe(2);
  }, 60_000);
});
