import { once } from 'node:events';
import { connect, Socket } from 'node:net';
import { createTransport, type NodemailerError } from 'nodemailer';
import { limits } from '../../src/platform/limits';
import { listenForMail, type MailListener } from '../../webhooks/smtp';
import { makeTestApp, type TestApp } from '../support/app';
import { describeEachEngine } from '../support/databases';
import { rawMail } from '../support/mails';
import { until } from '../support/until';

/** A client that says what it is told, and shows what it hears. */
class Talk {
  private heard = '';
  private constructor(readonly socket: Socket) {
    socket.on('data', (data: Buffer) => {
      this.heard += data.toString();
    });
    socket.on('error', () => undefined);
  }
  static async to(port: number): Promise<Talk> {
    const talk = new Talk(connect(port, '127.0.0.1'));
    await talk.answer();
    return talk;
  }
  /** The next whole answer. */
  answer(): Promise<string> {
    return until('an SMTP answer', () => {
      const [answer] = /^(?:\d{3}-.*\r\n)*\d{3} .*\r\n/.exec(this.heard) ?? [];
      if (answer) this.heard = this.heard.slice(answer.length);
      return answer?.trim();
    });
  }
  say(line: string): Promise<string> {
    this.socket.write(`${line}\r\n`);
    return this.answer();
  }
}

describeEachEngine('The mail server of Zeton', (engine) => {
  let app: TestApp;
  let listener: MailListener;
  const talks: Talk[] = [];

  const open = async (more: Partial<Record<keyof typeof limits, number>> = {}) => {
    listener = await listenForMail(app.ctx, { port: 0, host: '127.0.0.1' }, { ...limits, ...more });
  };
  beforeEach(async () => {
    app = await makeTestApp(engine, { env: { MAIL_FROM: 'support@shop.example' } });
  });
  afterEach(async () => {
    for (const { socket } of talks.splice(0)) socket.destroy();
    await listener.stop();
    await app.close();
  });

  const talk = async () => {
    const one = await Talk.to(listener.port);
    talks.push(one);
    return one;
  };
  const send = (raw: Buffer, to: string[], from = 'ana@example.com') =>
    createTransport({ host: '127.0.0.1', port: listener.port, ignoreTLS: true }).sendMail({
      envelope: { from, to },
      raw,
    });
  const refusal = async (work: Promise<unknown>) =>
    (await work.then(
      () => null,
      (e: unknown) => e,
    )) as NodemailerError;
  const kept = () => app.db('inbound_mails').select('*');

  it('keeps a mail for its own addresses, with its envelope, before it says so', async () => {
    await open();
    const raw = rawMail();
    const info = await send(raw, ['support+token@shop.example', 'SUPPORT@shop.example']);
    const [row] = await kept();
    expect(info.response).toBe(`250 2.0.0 Ok: kept as ${row.id}`);
    expect(row).toMatchObject({
      way: 'smtp',
      envelope_from: 'ana@example.com',
      envelope_to: '["support+token@shop.example","SUPPORT@shop.example"]',
      store_id: (await app.db('stores').first('id')).id,
    });
    const { content } = await app.db('inbound_mail_raws').first('content');
    expect(content.toString()).toBe(raw.toString());
  });

  it('knows the null sender from a sender that is not told', async () => {
    await open();
    await send(rawMail(), ['support@shop.example'], '');
    expect(await kept()).toMatchObject([{ envelope_from: '' }]);
  });

  it('takes mail for nobody else, and lets nobody sign in', async () => {
    await open();
    const error = await refusal(send(rawMail(), ['ana@gmail.example']));
    expect(error).toMatchObject({ responseCode: 550, command: 'RCPT TO' });
    // One stranger among its own addresses: the mail is kept for those.
    const info = await send(rawMail(), ['support@shop.example', 'other@shop.example']);
    expect(info.rejected).toEqual(['other@shop.example']);
    expect(await kept()).toMatchObject([{ envelope_to: '["support@shop.example"]' }]);
    const client = await talk();
    const offered = await client.say('EHLO client.example');
    expect(offered).toContain(`SIZE ${limits.mailBytes}`);
    expect(offered).not.toMatch(/AUTH|STARTTLS/);
    expect(await client.say('AUTH PLAIN AGEAYg==')).toMatch(/^5/);
  });

  it('refuses a mail that is too large: by what is announced, and by what comes', async () => {
    await open({ mailBytes: 20_000 });
    const client = await talk();
    await client.say('EHLO client.example');
    expect(await client.say('MAIL FROM:<ana@example.com> SIZE=20001')).toMatch(/^552/);
    await client.say('MAIL FROM:<ana@example.com>');
    await client.say('RCPT TO:<support@shop.example>');
    await client.say('DATA');
    client.socket.write(`Subject: x\r\n\r\n${`${'a'.repeat(70)}\r\n`.repeat(400)}`);
    expect(await client.say('.')).toMatch(/^552/);
    expect(await kept()).toEqual([]);
  });

  it('says "come again" while the database is away, and takes the mail then', async () => {
    await open();
    await app.db.schema.renameTable('inbound_mail_raws', 'away');
    expect(await refusal(send(rawMail(), ['support@shop.example']))).toMatchObject({ responseCode: 451 });
    await app.db.schema.renameTable('stores', 'stores_away');
    expect(await refusal(send(rawMail(), ['support@shop.example']))).toMatchObject({
      responseCode: 451,
      command: 'RCPT TO',
    });
    await app.db.schema.renameTable('stores_away', 'stores');
    await app.db.schema.renameTable('away', 'inbound_mail_raws');
    await send(rawMail(), ['support@shop.example']);
    expect(await kept()).toHaveLength(1);
  });

  it('tells others to come again when too much is being received at once', async () => {
    await open({ inboundSmtpBytesAtOnce: 1000 });
    const begin = async () => {
      const client = await talk();
      await client.say('EHLO client.example');
      await client.say('MAIL FROM:<ana@example.com>');
      await client.say('RCPT TO:<support@shop.example>');
      await client.say('DATA');
      client.socket.write(`Subject: x\r\nMessage-ID: <${talks.length}@x>\r\n\r\n${'a'.repeat(900)}\r\n`);
      return client;
    };
    const [one, two] = [await begin(), await begin()];
    const answers = [await two.say('.'), await one.say('.')];
    expect(answers.map((answer) => answer.slice(0, 3)).sort()).toEqual(['250', '452']);
    expect(await kept()).toHaveLength(1);
    // What was received makes room again.
    await send(rawMail(), ['support@shop.example']);
  });

  it('serves some clients at once, and some recipients of a mail', async () => {
    await open({ inboundSmtpClients: 1, inboundSmtpRecipients: 1 });
    const first = await talk();
    const second = new Socket().connect(listener.port, '127.0.0.1');
    const [answer] = (await once(second, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^421/);
    second.destroy();
    await first.say('EHLO client.example');
    await first.say('MAIL FROM:<ana@example.com>');
    expect(await first.say('RCPT TO:<support@shop.example>')).toMatch(/^250/);
    expect(await first.say('RCPT TO:<support+two@shop.example>')).toMatch(/^452/);
  });

  it('cuts off who takes for ever, and ends in time with somebody connected', async () => {
    await open({ inboundSmtpSessionMs: 200, inboundSmtpCloseMs: 100 });
    const slow = await talk();
    await until('it is cut off', () => slow.socket.destroyed || slow.socket.readyState === 'closed');
    await talk();
    await listener.stop();
    await open();
  });
});
