import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { createTransport } from 'nodemailer';
import { listenForMail, type MailListener } from '../webhooks/smtp';
import { type Api, type ApiWorld, buy, makeApiWorld } from './support/api';
import { TestClock } from './support/clock';
import { describeEachEngine } from './support/databases';
import { mailOf } from './support/mail-world';

/** A Zeton whose mail server is the other one's way in. */
interface Side {
  world: ApiWorld;
  listener: MailListener;
}

/** Of an hour each: whatever may be written once a day may be so twice. */
const ROUNDS = 30;
const ADDRESSES = ['podpora@prva.example', 'help@second.example'] as const;

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

describeEachEngine('Two Zetons, each the mail server of the other', (engine) => {
  const clock = new TestClock('2026-11-22T09:00:00.000Z');
  let first: Side;
  let second: Side;

  beforeAll(async () => {
    const ports = [await freePort(), await freePort()] as const;
    const open = async (n: 0 | 1): Promise<Side> => {
      const world = await makeApiWorld(engine, {
        clock,
        env: {
          SMTP_URL: `smtp://127.0.0.1:${ports[1 - n]}`,
          MAIL_FROM: ADDRESSES[n],
          PUBLIC_URL: `https://zeton.${n}.example`,
          INBOUND_SMTP_PORT: `${ports[n]}`,
        },
      });
      await world.api.patch('stores/default', { name: `Shop ${n}`, url: 'https://shop.example' }).expect(200);
      return { world, listener: await listenForMail(world.app.ctx, { port: ports[n], host: '127.0.0.1' }) };
    };
    [first, second] = [await open(0), await open(1)];
  });
  afterAll(async () => {
    for (const { world, listener } of [first, second]) {
      await listener.stop();
      await world.app.close();
    }
  });

  async function run({ world: { app } }: Side): Promise<void> {
    while ((await app.runJob('mail.in')) > 0);
    await app.runJob('mail.answers');
    await app.runJob('credits.low');
    await app.drain();
  }
  const inbound = ({ world: { app } }: Side) => app.db('inbound_mails').orderBy('id');
  const used = async (api: Api, customerId: string) =>
    (await api.get(`customers/${customerId}/credits`).expect(200)).body.meters.email.used as number;

  async function goOn(): Promise<void> {
    for (let round = 0; round < ROUNDS; round++) {
      await run(first);
      await run(second);
      clock.advance({ hours: 1 });
    }
  }
  const countInbound = async () => [(await inbound(first)).length, (await inbound(second)).length];

  test('that know nothing of each other stop after one answer, whoever forged the mail that it answers', async () => {
    const transport = createTransport({ host: '127.0.0.1', port: first.listener.port, ignoreTLS: true });
    await transport.sendMail({
      envelope: { from: ADDRESSES[1], to: [ADDRESSES[0]] },
      raw: mailOf({ from: ADDRESSES[1], to: ADDRESSES[0], subject: 'Hello', text: 'How much is it?' }),
    });
    transport.close();
    await goOn();
    expect(await countInbound()).toEqual([1, 1]);
    expect(await inbound(second)).toMatchObject([{ status: 'ignored', message_id: null }]);
  });

  test('that buy help from each other get what was written, and pay for what a person wrote', async () => {
    const [bought, sold] = [
      await buy(first.world, { email: ADDRESSES[1] }),
      await buy(second.world, { email: ADDRESSES[0] }),
    ];
    for (const [side, { ticketId }] of [
      [first, bought],
      [second, sold],
    ] as const) {
      await side.world.api
        .post(`tickets/${ticketId}/messages`, { channel: 'email', body: 'Ste nas klicali?' })
        .expect(201);
    }
    await goOn();
    // Beside what was there, the greeting and the reply of each; what the other one makes of them is answered by nothing.
    expect(await countInbound()).toEqual([3, 3]);
    expect(await used(first.world.api, bought.customerId)).toBe(1);
    expect(await used(second.world.api, sold.customerId)).toBe(1);
  });
});
