import { createTransport } from 'nodemailer';
import request from 'supertest';
import { verifyLedger } from '../../src/domain/credits';
import type { Actor } from '../../src/platform/actor';
import { fetchMail } from '../../src/usecases/fetch-mail';
import { listenForMail, type MailListener } from '../../webhooks/smtp';
import { Api, type Json } from './api';
import { makeTestApp, type TestApp } from './app';
import type { TestEngine } from './databases';
import { ImapServer } from './imap-server';
import { loadRecordings, post } from './recordings';
import { type ReceivedMail, SmtpPeer } from './smtp-peer';
import { ACCOUNT_SID, AUTH_TOKEN, type MessageResource, TwilioDouble } from './twilio-double';
import { until } from './until';

export const PHONE = '+38641555100';
export const SUPPORT = 'podpora@trgovina.example';
const INBOUND_TOKEN = 'inbound-mail-token-of-the-tests';
export const bob: Actor = { kind: 'staff', id: 'bob', name: 'Bor Kralj' };

/** available · held · used, as the API tells them. */
export interface Counters {
  sms: [number, number, number];
  email: [number, number, number];
}

/**
 * A shop, its help desk, and one customer with a mailbox and a telephone. Mails go out by SMTP and come in by each of the
 * three ways, SMS by Twilio; whatever is asked of the desk is asked over HTTP.
 */
export class CustomerWeek {
  customerId = '';
  ticketId = '';
  private read = 0;

  private constructor(
    readonly app: TestApp,
    readonly api: Api,
    readonly smtp: SmtpPeer,
    readonly twilio: TwilioDouble,
    private readonly imap: ImapServer,
    private readonly listener: MailListener,
  ) {}

  static async open(engine: TestEngine): Promise<CustomerWeek> {
    const [smtp, imap] = [await new SmtpPeer().listen(), await ImapServer.start()];
    const twilio = await new TwilioDouble(() => app.clock.now()).listen();
    const app = await makeTestApp(engine, {
      env: {
        SMTP_URL: smtp.url,
        MAIL_FROM: `Trgovina <${SUPPORT}>`,
        IMAP_URL: imap.url(),
        INBOUND_MAIL_TOKEN: INBOUND_TOKEN,
        TWILIO_ACCOUNT_SID: ACCOUNT_SID,
        TWILIO_AUTH_TOKEN: AUTH_TOKEN,
        TWILIO_FROM: '+38641555000',
        TWILIO_API_BASE_URL: twilio.url,
      },
    });
    const listener = await listenForMail(app.ctx, { port: 0, host: '127.0.0.1' });
    const owner = new Api(app, app.token);
    const api = await owner.withToken('all');
    return new CustomerWeek(app, api, smtp, twilio, imap, listener);
  }

  async close(): Promise<void> {
    await this.listener.stop();
    await this.app.close();
    await Promise.all([this.smtp.close(), this.imap.stop(), this.twilio.close()]);
  }

  /** What a real shop sent when Janez Novak had paid for one package. */
  async buy(): Promise<void> {
    for (const recording of loadRecordings('a-guest-paid')) await post(this.app, recording).expect(200);
    await this.work();
    const [order] = (await this.api.get('orders?store=default&number=19').expect(200)).body.data;
    this.customerId = order.customer_id;
    this.ticketId = order.ticket_id;
  }

  /** What the jobs find to do now. */
  async work(): Promise<void> {
    for (const job of ['mail.in', 'sms.in'] as const) while ((await this.app.runJob(job)) > 0);
    for (const job of ['mail.answers', 'sms.answers', 'credits.low'] as const) await this.app.runJob(job);
    await this.app.drain();
  }

  // The agent

  async send(channel: 'sms' | 'email', body: string): Promise<Json> {
    const answer = await this.ask(channel, body).expect(201);
    return answer.body;
  }

  ask(channel: 'sms' | 'email', body: string) {
    return this.api.post(`tickets/${this.ticketId}/messages`, { channel, body });
  }

  /** Sent, and gone out. */
  async reply(channel: 'sms' | 'email', body: string): Promise<string> {
    const { id } = await this.send(channel, body);
    await this.work();
    return id;
  }

  async ticket(id = this.ticketId): Promise<Json> {
    return (await this.api.get(`tickets/${id}`).expect(200)).body;
  }

  async message(id: string): Promise<Json> {
    return (await this.api.get(`messages/${id}`).expect(200)).body;
  }

  /** Who wrote what in the ticket, the newest last. */
  async lastWords(id = this.ticketId): Promise<Json> {
    return (await this.ticket(id)).messages.at(-1);
  }

  async events(): Promise<string[]> {
    return (await this.ticket()).events.map(({ type }: { type: string }) => type);
  }

  async counters(): Promise<Counters> {
    const { body } = await this.api.get(`customers/${this.customerId}/credits`).expect(200);
    const of = (meter: 'sms' | 'email'): [number, number, number] => {
      const { available, held, used } = body.meters[meter];
      return [available, held, used];
    };
    return { sms: of('sms'), email: of('email') };
  }

  async problemsOfLedger(): Promise<string[]> {
    return (await verifyLedger(this.app.db)).problems;
  }

  // The customer

  /** The mails that arrived since it was asked last. */
  arrived(): ReceivedMail[] {
    const news = this.smtp.received.slice(this.read);
    this.read = this.smtp.received.length;
    return news;
  }

  byHttp(raw: Buffer) {
    return request(this.app.http)
      .post('/webhooks/email')
      .set({ Authorization: `Bearer ${INBOUND_TOKEN}`, 'Content-Type': 'message/rfc822' })
      .send(raw)
      .expect(200);
  }

  async byImap(raw: Buffer): Promise<void> {
    this.imap.deliver(raw);
    const end = new AbortController();
    const done = fetchMail(this.app.ctx, end.signal);
    await until('the mailbox is empty', () => this.imap.folder().messages.length === 0);
    end.abort();
    await done;
  }

  /** What a mail server brings to ours. */
  async bySmtp(raw: Buffer, { from, to }: { from: string; to: string }): Promise<void> {
    const transport = createTransport({ host: '127.0.0.1', port: this.listener.port, ignoreTLS: true });
    await transport.sendMail({ envelope: { from, to: [to] }, raw });
    transport.close();
  }

  async texts(body: string): Promise<void> {
    const call = this.twilio.brings({ from: PHONE, body }, this.app.ctx.publicUrl);
    await request(this.app.http).post(call.path).set(call.headers).send(call.body).expect(200);
    await this.work();
  }

  /** Twilio says what became of an SMS. */
  async reports(resource: MessageResource, status: string, errorCode?: number): Promise<void> {
    const { publicUrl } = this.app.ctx;
    const call = this.twilio.becomes(resource, status, { publicUrl, ...(errorCode ? { errorCode } : {}) });
    if (!call) throw new Error('no status callback was asked for');
    await request(this.app.http).post(call.path).set(call.headers).send(call.body).expect(200);
    await this.work();
  }
}
