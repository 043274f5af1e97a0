import type { Json } from './support/api';
import { describeEachEngine } from './support/databases';
import { endPrograms } from './support/process';
import { signed } from './support/recordings';
import { orderJson } from './support/shop';
import { SmtpPeer } from './support/smtp-peer';
import { TwilioDouble } from './support/twilio-double';
import { Client } from './torture/client';
import { Person } from './torture/person';
import { Fleet, TorturedServer, until } from './torture/servers';
import { PACKAGES } from './torture/shop';

/** Of this one Twilio shows no texts, so no look-up can tell. */
const HIDDEN = '+38641000227';

const BUYERS = [
  ['alice', '041 000 100'],
  ['bob', '041 000 227'],
  ['carol', '041 000 300'],
  ['dora', '041 000 227'],
] as const;
const WRITTEN = [
  ['alice', 'sms'],
  ['bob', 'sms'],
  ['dora', 'sms'],
  ['carol', 'email'],
] as const;

describeEachEngine('a server that is killed while a provider has its message', (engine) => {
  let smtp: SmtpPeer;
  let twilio: TwilioDouble;
  let server: TorturedServer;
  let client: Client;
  /** In the order in which Twilio was told. */
  const told: string[] = [];
  const tickets = new Map<string, { id: string; number: number; customerId: string }>();
  const messages = new Map<string, string>();
  /** Whose message its provider had got when the server was killed, and what was in the outbox of it then. */
  let lastReached = '';
  let attempt: Json;

  const credits = async (name: string): Promise<Json> =>
    (await client.api(`customers/${tickets.get(name)?.customerId}/credits`)).body.meters;
  const write = async (name: string, channel: 'sms' | 'email') => {
    const { id } = tickets.get(name) as { id: string };
    const answer = await client.api(`tickets/${id}/messages`, { channel, body: `To ${name}` }, `to-${name}`);
    expect(answer.status).toBe(201);
    messages.set(name, answer.body.id);
  };
  const message = async (name: string): Promise<Json> => {
    await until(() => messages.has(name), `the reply to ${name} is answered`);
    return (await client.api(`messages/${messages.get(name)}`)).body;
  };

  beforeAll(async () => {
    const database = await engine.freshDatabase();
    smtp = await new SmtpPeer().listen();
    twilio = await new TwilioDouble().listen();
    twilio.hidesBodies = (to) => to === HIDDEN;
    server = await TorturedServer.at(database.url, { smtp: smtp.url, twilio: twilio.url });
    client = new Client(new Fleet([server]));
    server.start();
    await client.api('packages', {
      store: 'default',
      name: 'Help',
      match: { sku: 'HELP' },
      grants: Object.entries(PACKAGES.HELP ?? {}).map(([meter, quantity]) => ({ meter, quantity })),
    });
    for (const [index, [name, phone]] of BUYERS.entries()) {
      const body = orderJson({
        id: index + 1,
        email: `${name}@example.com`,
        phone,
        lines: [{ id: 1, sku: 'HELP' }],
      });
      await client.ask({
        method: 'POST',
        path: '/webhooks/woocommerce/default',
        body,
        headers: signed(body),
      });
    }
    await until(async () => {
      const { body } = await client.api('orders');
      return body.data.length === BUYERS.length && smtp.received.length === BUYERS.length;
    }, 'all orders are applied, and their buyers greeted');
    for (const order of (await client.api('orders')).body.data) {
      const { number } = (await client.api(`tickets/${order.ticket_id}`)).body;
      const name = BUYERS[order.woo_id - 1]?.[0] ?? '';
      tickets.set(name, { id: order.ticket_id, number, customerId: order.customer_id });
    }

    const reached = new Set<string>();
    let killed: Promise<void> | undefined;
    const reach = (text: string) => {
      reached.add(text.replace('To ', ''));
      if (reached.size < WRITTEN.length || killed) return;
      // At once, and not when somebody gets round to it: the provider has not answered yet.
      killed = server.kill();
      lastReached = text.replace('To ', '');
    };
    smtp.plan.push('never answer');
    smtp.tell = ({ text }) => reach(text);
    twilio.otherwise = () => 'keep, then never answer';
    twilio.tell = (news) => {
      told.push(news.what === 'asked to send' ? `asked for ${news.to}` : news.what);
      if (news.what === 'kept') reach(news.message.body);
    };
    await Promise.all(WRITTEN.map(([name, channel]) => write(name, channel)));
    await until(() => killed !== undefined, 'every provider has its message');
    await killed;
    attempt = await database
      .db('outbox')
      .where({ message_id: messages.get(lastReached) })
      .first();
    twilio.otherwise = () => 'accept';
    server.start();
    await until(async () => {
      const states = await Promise.all(
        [...messages.keys()].map(async (name) => (await message(name)).status),
      );
      return states.every((status) => status === 'sent' || status === 'uncertain');
    }, 'it is known, or known to be unknown, what became of each message');
  }, 200_000);
  afterAll(async () => {
    await server.kill();
    await endPrograms();
    await smtp.close();
    await twilio.close();
  });

  it('had written down the attempt before the provider was asked', () => {
    expect(attempt).toMatchObject({ attempts: 1, attempt_started_at: expect.stringMatching(/^20/) });
  });

  it('sends a mail again under the same Message-ID, and charges it once', async () => {
    const mails = smtp.received.filter(({ to }) => to === 'carol@example.com').slice(1);
    expect(mails.length).toBeGreaterThan(1);
    expect(new Set(mails.map(({ text }) => text))).toEqual(new Set(['To carol']));
    expect(new Set(mails.map(({ messageId }) => messageId))).toEqual(
      new Set([`<${messages.get('carol')}@help.example.com>`]),
    );
    expect(await message('carol')).toMatchObject({ status: 'sent' });
    expect((await credits('carol')).email).toMatchObject({ available: 1, held: 0, used: 1 });
  });

  it('looks an SMS up instead of sending it again, and charges the one that it finds', async () => {
    const [kept, ...more] = twilio.messages.filter(({ to }) => to === '+38641000100');
    expect(more).toEqual([]);
    expect(told.filter((what) => what === 'asked for +38641000100')).toHaveLength(1);
    expect(told.lastIndexOf('looked up')).toBeGreaterThan(told.indexOf('asked for +38641000100'));
    expect(await message('alice')).toMatchObject({ status: 'sent', provider_id: kept?.sid });
    expect((await credits('alice')).sms).toMatchObject({ available: 1, held: 0, used: 1 });
  });

  it('keeps the credit of what no look-up can tell, shows it, and never sends it again', async () => {
    for (const name of ['bob', 'dora']) {
      expect(await message(name)).toMatchObject({ status: 'uncertain', charge: { quantity: 1 } });
      expect((await credits(name)).sms).toMatchObject({ available: 1, held: 1, used: 0 });
    }
    expect(twilio.messages.filter(({ to }) => to === HIDDEN)).toHaveLength(2);
  });

  it('lets a person settle it with one click: charged if it was sent, given back if it was not', async () => {
    const person = await Person.signedIn(server.url);
    const [bob, dora] = [tickets.get('bob'), tickets.get('dora')] as { number: number }[];
    expect(await person.read(`/console/tickets/${bob?.number}`)).toContain('name="sent" value="yes"');
    expect(await person.settle(bob?.number ?? 0, messages.get('bob') ?? '', true)).toBe(303);
    expect(await message('bob')).toMatchObject({ status: 'sent' });
    expect((await credits('bob')).sms).toMatchObject({ available: 1, held: 0, used: 1 });

    expect(await person.settle(dora?.number ?? 0, messages.get('dora') ?? '', false)).toBe(303);
    expect(await message('dora')).toMatchObject({ status: 'failed' });
    expect((await credits('dora')).sms).toMatchObject({ available: 2, held: 0, used: 0 });

    // A second click, of somebody who had the page open, changes nothing.
    expect(await person.settle(dora?.number ?? 0, messages.get('dora') ?? '', true)).toBe(303);
    expect(await message('dora')).toMatchObject({ status: 'failed' });
  });
});
