import type { AddressInfo } from 'node:net';
import { type AddressObject, type ParsedMail, simpleParser } from 'mailparser';
import { SMTPServer } from 'smtp-server';

/**
 * What the server does with the mails that come: one entry per mail, afterwards it takes every one, unless `otherwise`
 * is set.
 */
export type SmtpPlan =
  | 'accept'
  /** Keeps it at once, and says so late. */
  | { slowMs: number }
  /** Refuses with this line. At RCPT where nothing else is said. */
  | { code: number; words: string; at?: 'greeting' | 'sender' | 'recipient' | 'data' }
  /** Says this, whatever it is, and nothing else. */
  | { garbage: string; at: 'recipient' | 'data'; keep?: boolean }
  | 'drop before data'
  /** In the middle of a mail. */
  | 'drop in data'
  | 'keep, then drop'
  | 'never answer';

export interface ReceivedMail {
  envelope: { from: string; to: string[] };
  headers: ParsedMail['headers'];
  /** As it came over the wire. */
  raw: string;
  messageId: string | undefined;
  from: string;
  to: string;
  subject: string;
  text: string;
  html: string;
  attachments: { filename: string | undefined; contentType: string; content: Buffer }[];
}

/** A mail server on loopback, which keeps what it took. Reads the mails with a parser that is not ours. */
export class SmtpPeer {
  readonly received: ReceivedMail[] = [];
  readonly plan: SmtpPlan[] = [];
  /** Decides where `plan` holds nothing more; what it says at RCPT counts for the whole mail. */
  otherwise: (to: string) => SmtpPlan = () => 'accept';
  /** Told before it is answered. */
  tell: (mail: ReceivedMail) => void = () => undefined;
  /** What was decided at RCPT, by connection. */
  private readonly decided = new Map<string, SmtpPlan>();
  /** Connections there ever were, and the most at one time. */
  connections = 0;
  busiest = 0;
  private port = 0;
  private server: SMTPServer;

  constructor(private readonly options: { user?: string; password?: string; secure?: boolean } = {}) {
    this.server = this.build();
  }

  private build(): SMTPServer {
    const { user, password, secure = false } = this.options;
    const server = new SMTPServer({
      secure,
      hideSTARTTLS: true,
      allowInsecureAuth: true,
      authOptional: user === undefined,
      disableReverseLookup: true,
      logger: false,
      onConnect: (_session, done) => {
        this.connections += 1;
        this.busiest = Math.max(this.busiest, this.server.connections.size);
        done(this.refusalAt('greeting'));
      },
      onAuth: (auth, _session, done) =>
        auth.username === user && auth.password === password
          ? done(null, { user })
          : done(Object.assign(new Error('5.7.8 Authentication failed'), { responseCode: 535 })),
      onMailFrom: (_address, _session, done) => done(this.refusalAt('sender')),
      onRcptTo: ({ address }, session, done) => {
        const decided = this.plan.length === 0 ? this.otherwise(address) : undefined;
        if (decided !== undefined) this.decided.set(session.id, decided);
        const next = decided ?? this.plan[0];
        if (next === 'drop before data') {
          this.plan.shift();
          this.cutOff(session.id);
        } else if (isGarbage(next) && next.at === 'recipient') {
          this.plan.shift();
          this.say(session.id, next.garbage);
        } else if (isRefusal(decided) && (decided.at ?? 'recipient') === 'recipient') done(errorOf(decided));
        else done(this.refusalAt('recipient'));
      },
      onData: (stream, session, done) => {
        const plan = this.decided.get(session.id) ?? this.plan.shift() ?? 'accept';
        this.decided.delete(session.id);
        const chunks: Buffer[] = [];
        stream.on('data', (chunk: Buffer) => {
          chunks.push(chunk);
          if (plan === 'drop in data') this.cutOff(session.id);
        });
        stream.on('end', () => {
          void (async () => {
            if (plan === 'drop in data') return;
            if (isGarbage(plan)) {
              if (plan.keep) await this.keep(Buffer.concat(chunks), session.envelope);
              return this.say(session.id, plan.garbage);
            }
            if (isRefusal(plan)) return done(errorOf(plan));
            await this.keep(Buffer.concat(chunks), session.envelope);
            if (plan === 'keep, then drop') return this.cutOff(session.id);
            const line = `2.0.0 Ok: queued as Q${this.received.length}ABC`;
            if (typeof plan === 'object') setTimeout(() => done(null, line), plan.slowMs);
            else if (plan !== 'never answer') done(null, line);
          })();
        });
      },
    });
    // Connections that break are what these tests are about.
    server.on('error', () => undefined);
    return server;
  }

  /** After close() where it was before, as a server that is back. */
  async listen(): Promise<this> {
    // One that was closed answers 421 for ever.
    if (this.port !== 0) this.server = this.build();
    await new Promise<void>((resolve) => this.server.listen(this.port, '127.0.0.1', resolve));
    this.port = (this.server.server.address() as AddressInfo).port;
    return this;
  }

  get url(): string {
    const { user, password, secure } = this.options;
    const login =
      user === undefined ? '' : `${encodeURIComponent(user)}:${encodeURIComponent(password ?? '')}@`;
    return `${secure ? 'smtps' : 'smtp'}://${login}127.0.0.1:${this.port}`;
  }

  get open(): number {
    return this.server.connections.size;
  }

  /** The server restarts, as far as its clients can tell. */
  dropAll(): void {
    for (const connection of this.server.connections) this.cutOff(connection.id);
  }

  async close(): Promise<void> {
    this.dropAll();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  private cutOff(id: string): void {
    for (const connection of this.server.connections) {
      if (connection.id === id) connection._socket.destroy();
    }
  }

  private say(id: string, line: string): void {
    for (const connection of this.server.connections) {
      if (connection.id === id) connection._socket.write(`${line}\r\n`);
    }
  }

  private refusalAt(at: 'greeting' | 'sender' | 'recipient'): Error | null {
    const [next] = this.plan;
    if (!isRefusal(next) || (next.at ?? 'recipient') !== at) return null;
    this.plan.shift();
    return errorOf(next);
  }

  private async keep(
    raw: Buffer,
    envelope: { mailFrom: unknown; rcptTo: { address: string }[] },
  ): Promise<void> {
    const mail = await simpleParser(raw);
    const received: ReceivedMail = {
      envelope: {
        from: (envelope.mailFrom as { address: string }).address,
        to: envelope.rcptTo.map(({ address }) => address),
      },
      headers: mail.headers,
      raw: raw.toString('latin1'),
      messageId: mail.messageId,
      from: asLine(mail.from),
      to: asLine(mail.to as AddressObject),
      subject: mail.subject ?? '',
      // A mail ends with a line end whether its text did or not.
      text: (mail.text ?? '').replace(/\n$/, ''),
      html: mail.html || '',
      attachments: mail.attachments.map(({ filename, contentType, content }) => ({
        filename,
        contentType,
        content,
      })),
    };
    this.received.push(received);
    this.tell(received);
  }
}

function asLine(addresses: AddressObject | undefined): string {
  return (addresses?.value ?? [])
    .map(({ name, address }) => (name ? `${name} <${address}>` : address))
    .join(', ');
}

function isRefusal(plan: SmtpPlan | undefined): plan is Extract<SmtpPlan, { code: number }> {
  return typeof plan === 'object' && 'code' in plan;
}

function isGarbage(plan: SmtpPlan | undefined): plan is Extract<SmtpPlan, { garbage: string }> {
  return typeof plan === 'object' && 'garbage' in plan;
}

function errorOf({ code, words }: { code: number; words: string }): Error {
  return Object.assign(new Error(words), { responseCode: code });
}
