import { join } from 'node:path';
import type { Knex } from 'knex';
import { openDatabase } from '../../src/platform/db';
import { Dice } from '../support/dice';
import { runProgram } from '../support/process';
import { makeFolder, removeFolder } from '../support/temporary-folders';
import { Client } from './client';
import { type Evidence, gather, isQuiet } from './evidence';
import { Load, type Reply } from './load';
import { Person } from './person';
import { Fleet, pause, TorturedServer, until } from './servers';
import { type Finding, judge, mailsKept } from './verdict';

export interface TortureOptions {
  databaseUrl: string;
  rounds: number;
  seed: number;
  /** How many run on the database at the same time; one of them is killed at a time. */
  servers?: number;
  /** Told after each round. */
  onRound?: (report: RoundReport) => void;
}

/** Counted from the beginning up to the end of the round, but for `seconds` and `findings`. */
export interface RoundReport {
  round: number;
  kills: number;
  webhooks: number;
  acknowledged: number;
  replies: number;
  sessions: number;
  providerCalls: number;
  uncertain: number;
  mailsRepeated: number;
  seconds: number;
  /** What this round found first. */
  findings: Finding[];
}

export interface TortureReport {
  rounds: RoundReport[];
  findings: Finding[];
  /** Of the end, for whoever wants to look, or to falsify it. */
  evidence: Evidence;
  errorsLogged: string[];
}

const QUIET_DEADLINE_MS = 40_000;
/** Earlier replies that are asked for again in each round, besides its own. */
const OLD_REPEATS = 10;

/** Starts a server and its providers, and kills the server in every round. */
export async function torture(options: TortureOptions): Promise<TortureReport> {
  const folder = makeFolder();
  const journal = join(folder, 'providers.jsonl');
  const providers = runProgram('tests/torture/provider.ts', {}, [journal, String(options.seed)]);
  const db = openDatabase(options.databaseUrl);
  let fleet: Fleet | undefined;
  try {
    const [, smtp = '', twilio = ''] = await providers.shows(/providers: (\S+) (\S+)\n/);
    const servers: TorturedServer[] = [];
    for (let i = 0; i < (options.servers ?? 1); i++) {
      servers.push(await TorturedServer.at(options.databaseUrl, { smtp, twilio }));
    }
    fleet = new Fleet(servers);
    const torturer = new Torturer(options, fleet, db, journal);
    return await torturer.run();
  } finally {
    await fleet?.kill();
    providers.child.kill('SIGKILL');
    await providers.ended;
    await db.destroy();
    removeFolder(folder);
  }
}

class Torturer {
  private readonly client: Client;
  private readonly load: Load;
  private readonly seen = new Set<string>();
  private readonly late: string[] = [];
  private evidence: Evidence | null = null;

  constructor(
    private readonly options: TortureOptions,
    private readonly fleet: Fleet,
    private readonly db: Knex,
    private readonly journal: string,
  ) {
    this.client = new Client(fleet);
    this.load = new Load(this.client);
  }

  async run(): Promise<TortureReport> {
    this.fleet.start();
    await this.fleet.allUp();
    await this.load.sellPackages();
    const person = await Person.signedIn(await this.fleet.up());
    const rounds: RoundReport[] = [];
    for (let round = 1; round <= this.options.rounds; round++) {
      const started = performance.now();
      // Of the round alone, so that a later round can be had without those before it.
      await this.round(round, new Dice(this.options.seed * 100_003 + round));
      if (this.evidence) await this.settle(person, this.evidence);
      const evidence = await gather(this.db, {
        told: this.load.told,
        journal: this.journal,
        troubles: [...this.client.wrong, ...this.fleet.ownDeaths, ...this.late],
      });
      this.evidence = evidence;
      this.learnTickets(evidence);
      const findings = judge(evidence).filter(({ what }) => !this.seen.has(what));
      for (const { what } of findings) this.seen.add(what);
      const seconds = (performance.now() - started) / 1000;
      const report = { ...countsOf(evidence), round, kills: this.fleet.kills, seconds, findings };
      rounds.push(report);
      this.options.onRound?.(report);
    }
    if (!this.evidence) throw new Error('without a round there is nothing to judge');
    const findings = rounds.flatMap((report) => report.findings);
    return { rounds, findings, evidence: this.evidence, errorsLogged: this.fleet.errors };
  }

  private async round(round: number, dice: Dice): Promise<void> {
    const { told } = this.load;
    const before = told.replies.length;
    const actions = this.load.plan(round, dice);
    const moments = new Map<number, number>();
    for (let kills = dice.whole(1, 2); kills > 0; kills--) {
      moments.set(dice.whole(2, actions.length - 1), dice.whole(0, 40));
    }
    let killing = Promise.resolve();
    await this.load.carryOut(actions, (begun) => {
      const afterMs = moments.get(begun);
      if (afterMs !== undefined) killing = killing.then(() => this.killAndStart(dice, afterMs));
    });
    await killing;
    // While what the kills left is being cleared up.
    if (dice.happens(0.4)) {
      await this.fleet.allUp();
      await this.killAndStart(dice, dice.whole(0, 600));
    }
    await this.fleet.allUp();
    await until(() => isQuiet(this.db), 'inbox and outbox are empty', QUIET_DEADLINE_MS).catch(
      (error: Error) => this.late.push(`Round ${round}: ${error.message}.`),
    );
    await this.askAgain([...told.replies.slice(before), ...someOf(told.replies.slice(0, before), dice)]);
  }

  private async killAndStart(dice: Dice, afterMs: number): Promise<void> {
    await pause(afterMs);
    const server = dice.pick(this.fleet.servers);
    await server.kill();
    server.start();
  }

  /** The same key gives the same answer; judge() compares them. Refusals are not remembered. */
  private async askAgain(replies: Reply[]): Promise<void> {
    for (const reply of replies) {
      if (reply.answers.some(({ status }) => status === 201)) await this.load.repeat(reply);
    }
  }

  /** What the round before left uncertain, settled by somebody who has asked the provider; by an impatient double click. */
  private async settle(person: Person, evidence: Evidence): Promise<void> {
    const { messages, tickets, told } = evidence;
    for (const message of messages.filter(({ status }) => status === 'uncertain')) {
      const number = tickets.find(({ id }) => id === message.ticket_id)?.number ?? 0;
      const sent = wasSent(evidence, message);
      const clicks = await Promise.all([1, 2].map(() => person.settle(number, message.id, sent)));
      if (clicks.some((status) => status !== 303)) {
        this.late.push(`The click that settles message ${message.id} was answered ${clicks.join(' and ')}.`);
      }
      told.settled.set(message.id, sent);
    }
  }

  private learnTickets({ orders }: Evidence): void {
    for (const { woo_id, ticket_id } of orders) {
      if (ticket_id !== null) this.load.tickets.set(Number(woo_id), ticket_id);
    }
  }
}

/** As the provider's list has it: does it hold one that belongs to no other message? */
function wasSent(
  { messages, providers, told }: Evidence,
  { id, channel, to_address, body }: Evidence['messages'][number],
): boolean {
  if (channel === 'email') return mailsKept(providers).has(id);
  const kept = providers.filter(
    (entry) => entry.what === 'sms kept' && entry.arrives && entry.to === to_address && entry.body === body,
  );
  const others = messages.filter(
    (other) =>
      other.to_address === to_address &&
      other.body === body &&
      (told.settled.get(other.id) ?? other.status === 'sent'),
  );
  return kept.length > others.length;
}

function someOf(replies: Reply[], dice: Dice): Reply[] {
  if (replies.length === 0) return [];
  return Array.from({ length: OLD_REPEATS }, () => dice.pick(replies));
}

function countsOf({ told, providers, messages, sessions }: Evidence) {
  const repeats = [...mailsKept(providers).values()].map((times) => times - 1);
  return {
    webhooks: told.webhooks.sent,
    acknowledged: told.webhooks.acknowledged.length,
    replies: told.replies.filter(({ answers }) => answers.some(({ status }) => status === 201)).length,
    sessions: sessions.length,
    providerCalls: providers.filter(({ what }) => what !== 'sms kept').length,
    uncertain: messages.filter(({ id, status }) => status === 'uncertain' || told.settled.has(id)).length,
    mailsRepeated: repeats.reduce((sum, times) => sum + times, 0),
  };
}
