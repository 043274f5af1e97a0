import type { AddressInfo, Server, Socket } from 'node:net';

/* A mailbox server from npm (hoodiecrow-imap, by the author of nodemailer): ours to look into, and to make misbehave. */

interface Message {
  uid: number;
  raw: string;
  flags: string[];
}
interface Folder {
  messages: Message[];
  uidvalidity: number;
  uidnext: number;
  allowPermanentFlags: boolean;
}
interface Parsed {
  tag: string;
  command: string;
  attributes?: { value?: string }[];
}
type Handler = (connection: unknown, parsed: Parsed, data: unknown, done: () => void) => void;
interface Hoodiecrow {
  server: Server;
  listen(port: number, host: string, done: () => void): void;
  close(done: () => void): void;
  getMailbox(path: string): Folder | undefined;
  appendMessage(path: string, flags: string[], date: Date, raw: string): { message: Message };
  getCommandHandler(command: string): Handler;
  setCommandHandler(command: string, handler: Handler): void;
}
const hoodiecrow = require('hoodiecrow-imap') as (options: object) => Hoodiecrow;

const USER = 'support@shop.example';
export const PASSWORD = 'p@ss word';

export class ImapServer {
  private readonly sockets = new Set<Socket>();
  /** Connections there ever were. */
  connections = 0;
  /** Every command that came, by its name. */
  readonly commands: string[] = [];

  private constructor(
    private readonly imap: Hoodiecrow,
    readonly port: number,
  ) {}

  /** `without`: what this server cannot. */
  static async start({
    without = [] as string[],
    folders = [] as string[],
    port = 0,
    namespace = '',
  } = {}): Promise<ImapServer> {
    const plugins = ['IDLE', 'MOVE', 'UIDPLUS', 'NAMESPACE', 'SPECIAL-USE', 'LITERALPLUS', 'UNSELECT', 'ID'];
    const named = Object.fromEntries(folders.map((name) => [name, {}]));
    const imap = hoodiecrow({
      plugins: plugins.filter((plugin) => !without.includes(plugin)),
      users: { [USER]: { password: PASSWORD } },
      storage: { INBOX: {}, [namespace]: { separator: '.', folders: named } },
    });
    await new Promise<void>((resolve) => imap.listen(port, '127.0.0.1', resolve));
    const server = new ImapServer(imap, (imap.server.address() as AddressInfo).port);
    imap.server.on('connection', (socket: Socket) => {
      server.connections += 1;
      // It answers in several small writes.
      socket.setNoDelay(true);
      server.sockets.add(socket);
      socket.on('error', () => undefined);
      socket.once('close', () => server.sockets.delete(socket));
    });
    for (const command of ['UID FETCH', 'UID MOVE', 'UID COPY', 'IDLE', 'NOOP', 'SELECT']) {
      const handler = imap.getCommandHandler(command);
      if (!handler) continue;
      imap.setCommandHandler(command, (connection, parsed, data, done) => {
        server.commands.push(command);
        handler(connection, parsed, data, done);
      });
    }
    return server;
  }

  /** IMAP_URL of this server. */
  url(path = '', password = PASSWORD): string {
    const [user, word] = [USER, password].map(encodeURIComponent);
    return `imap://${user}:${word}@127.0.0.1:${this.port}/${path}`;
  }

  /** A mail that arrives now; who idles is told. */
  deliver(raw: Buffer, folder = 'INBOX'): number {
    return this.imap.appendMessage(folder, [], new Date(), raw.toString('latin1')).message.uid;
  }

  folder(path = 'INBOX'): Folder {
    const folder = this.imap.getMailbox(path);
    if (!folder) throw new Error(`there is no folder ${path}`);
    return folder;
  }

  has(path: string): boolean {
    return this.imap.getMailbox(path) !== undefined;
  }

  subjects(path = 'INBOX'): string[] {
    return this.folder(path).messages.map(({ raw }) => /^Subject: (.*)\r$/m.exec(raw)?.[1] ?? '');
  }

  /** Runs before such commands; false: the server gives no answer to this one. */
  before(command: string, decide: (args: string[]) => boolean): void {
    const handler = this.imap.getCommandHandler(command);
    this.imap.setCommandHandler(command, (connection, parsed, data, done) => {
      const args = (parsed.attributes ?? []).map((attribute) => String(attribute?.value ?? ''));
      if (decide(args)) handler(connection, parsed, data, done);
    });
  }

  /** All connections break off. */
  cut(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.imap.close(resolve));
    this.cut();
    await closed;
  }
}
