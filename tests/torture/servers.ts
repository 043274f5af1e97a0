import { createServer } from 'node:net';
import { TEST_ENV } from '../support/app';
import { type Program, runProgram } from '../support/process';
import { ACCOUNT_SID, AUTH_TOKEN } from '../support/twilio-double';
import { PERSON } from './person';

const PRELOAD = require.resolve('./preload');

/** A process that is killed and started again, always at the same address and on the same database. */
export class TorturedServer {
  kills = 0;
  /** What it said when nobody had killed it. */
  readonly ownDeaths: string[] = [];
  /** Its log at level error: what a person would have to see to. */
  readonly errors: string[] = [];
  private program: Program | null = null;
  isUp = false;

  private constructor(
    private readonly env: Record<string, string>,
    private readonly port: number,
  ) {}

  static async at(databaseUrl: string, providers: { smtp: string; twilio: string }): Promise<TorturedServer> {
    const port = await freePort();
    return new TorturedServer(
      {
        ...TEST_ENV,
        BOOTSTRAP_EMAIL: PERSON.email,
        BOOTSTRAP_PASSWORD: PERSON.password,
        DATABASE_URL: databaseUrl,
        PORT: String(port),
        LOG_LEVEL: 'error',
        SMTP_URL: providers.smtp,
        MAIL_FROM: 'help@shop.example',
        TWILIO_ACCOUNT_SID: ACCOUNT_SID,
        TWILIO_AUTH_TOKEN: AUTH_TOKEN,
        TWILIO_FROM: '+38640000000',
        TWILIO_API_BASE_URL: providers.twilio,
      },
      port,
    );
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Does not wait until it listens; see up(). */
  start(): void {
    const program = runProgram('src/main.ts', this.env, [], { preload: [PRELOAD] });
    this.program = program;
    program.shows(/Zeton listens on/).then(
      () => {
        this.isUp = this.program === program;
      },
      () => undefined, // killed or dead before it listened
    );
    void program.ended.then((end) => {
      this.errors.push(
        ...program
          .stdout()
          .split('\n')
          .filter((line) => line.startsWith('{"level":5') || line.startsWith('{"level":6')),
      );
      if (this.program !== program) return;
      this.isUp = false;
      this.ownDeaths.push(`ended by itself with ${String(end)}: ${program.stderr().slice(-500)}`);
    });
  }

  /** Resolves once it answers; throws when it ended by itself, or is not up in time. */
  async up(): Promise<void> {
    await until(() => this.isUp || this.ownDeaths.length > 0, 'the server is up');
    if (this.ownDeaths.length > 0) throw new Error(`the server ${this.ownDeaths[0]}`);
  }

  /** SIGKILL: nothing of it runs any more when this resolves. */
  async kill(): Promise<void> {
    const { program } = this;
    if (!program) return;
    this.program = null;
    this.isUp = false;
    this.kills += 1;
    program.child.kill('SIGKILL');
    await program.ended;
  }
}

/** One server, or several on the same database. */
export class Fleet {
  constructor(readonly servers: readonly TorturedServer[]) {}

  get kills(): number {
    return this.servers.reduce((sum, { kills }) => sum + kills, 0);
  }

  /** What they said when nobody had killed them. */
  get ownDeaths(): string[] {
    return this.servers.flatMap(({ ownDeaths }) => ownDeaths);
  }

  get errors(): string[] {
    return this.servers.flatMap(({ errors }) => errors);
  }

  start(): void {
    for (const server of this.servers) server.start();
  }

  /** The address of one that answers, as a balancer would choose it. */
  async up(): Promise<string> {
    const ready = () => this.servers.filter(({ isUp }) => isUp);
    await until(() => ready().length > 0 || this.ownDeaths.length > 0, 'a server is up');
    if (this.ownDeaths.length > 0) throw new Error(`a server ${this.ownDeaths[0]}`);
    const servers = ready();
    return (servers[Math.floor(Math.random() * servers.length)] as TorturedServer).url;
  }

  async allUp(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.up()));
  }

  async kill(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.kill()));
  }
}

const DEADLINE_MS = 60_000;
const LOOK_EVERY_MS = 10;

/** Waits for a condition. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
  deadlineMs = DEADLINE_MS,
): Promise<void> {
  const deadline = Date.now() + deadlineMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`not within ${deadlineMs / 1000} s: ${what}`);
    await pause(LOOK_EVERY_MS);
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() =>
        typeof address === 'object' && address ? resolve(address.port) : reject(new Error('no free port')),
      );
    });
  });
}
