import type { Knex } from 'knex';
import { Rest } from './rest';
import type { ShopLife } from './shop-life';
import { Trouble } from './trouble';
import { DAY, HOUR, MINUTE, World } from './world';

/** So long at most do shop and Zeton go without a moment of rest, in which everything is compared. */
const LONGEST_UNREST_DAYS = 6;
/** Of a small shop: a simulated year must be over in less than a minute, a thousand months in an hour. */
const BUYS_A_DAY: [number, number][] = [
  [48, 0],
  [36, 1],
  [11, 2],
  [5, 3],
];
const CHANGES_A_DAY: [number, number][] = [
  [20, 0],
  [30, 1],
  [28, 2],
  [16, 3],
  [6, 5],
];

export interface YearReport {
  seed: number;
  days: number;
  stores: number;
  orders: number;
  /** What happened in the shops, by name. */
  done: Record<string, number>;
  fates: Record<string, number>;
  outages: number;
  walks: number;
  sweeps: number;
  /** Orders in a state that no webhook had brought. */
  found: number;
  /** Webhooks that the shop switched off after seven failures, and Zeton made anew. */
  disabled: number;
  replies: number;
  sessions: number;
  refused: number;
  comparisons: number;
  /** Hours from the silent deletion of a refund until the credits were right. */
  silentHours: { hours: number; isUndisturbed: boolean }[];
  failure: Rest['failure'];
}

/**
 * Some time in one or two shops and in Zeton. Everything that happens follows from the seed; what Zeton has is compared
 * with the oracle at moments of rest: shop and Zeton are up, what was on its way has arrived, the shop was read and the
 * daily sweep has run.
 * Shape:   an empty, migrated database; seed; days → YearReport, which ends at the first difference
 */
export async function simulate(
  database: { db: Knex; url: string },
  options: { seed: number; days: number },
): Promise<YearReport> {
  const world = await World.begin(database, options.seed);
  try {
    return await new Year(world, options).run();
  } finally {
    await world.close();
  }
}

class Year {
  private readonly rest: Rest;
  private readonly trouble: Trouble;

  constructor(
    private readonly world: World,
    private readonly options: { seed: number; days: number },
  ) {
    this.rest = new Rest(world);
    this.trouble = new Trouble(world);
  }

  async run(): Promise<YearReport> {
    const { world, options } = this;
    for (const side of world.sides) await side.connect(world.zeton);
    world.pass(1000);
    await world.read();
    for (let day = 0; day < options.days; day++) {
      world.agenda.add(world.start + day * DAY + 1, () => this.planDay());
    }
    await this.planSweep();
    const end = world.start + options.days * DAY;
    for (let entry = world.agenda.next(); entry && !this.rest.failure; entry = world.agenda.next()) {
      if (entry.at >= end) break;
      world.moveTo(entry.at);
      await this.safely(entry.work);
    }
    if (!this.rest.failure) {
      world.moveTo(end);
      await this.safely(() => this.rest.rest(true));
    }
    return this.report();
  }

  /** What is thrown is a difference too, with its day. */
  private async safely(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      const { message, stack = '' } = error as Error;
      const differences = [{ store: '', wooId: null, what: message }];
      this.rest.failure = { day: this.world.day, differences, story: stack.split('\n') };
    }
  }

  private async planDay(): Promise<void> {
    const { world } = this;
    const { dice } = world;
    const some = (times: number, work: () => Promise<void>) => {
      for (let i = 0; i < times; i++) this.world.in(dice.whole(1, DAY - 1), work);
    };
    for (const life of this.world.lives) {
      // Two shops have half of it each.
      const times = (chances: [number, number][]) =>
        this.world.lives.length > 1 && dice.happens(0.5) ? 0 : dice.weighed(chances);
      some(times(BUYS_A_DAY), () => this.inShop(life, () => void life.buy()));
      some(times(CHANGES_A_DAY), () => this.inShop(life, () => life.act()));
    }
    some(dice.whole(0, 4), async () => {
      await this.world.agents.act();
      if (dice.happens(0.6)) await this.world.sendMessages();
    });
    if (dice.happens(0.6)) some(1, () => this.world.read());
    some(1, async () => void (await this.world.zeton.runJob('credits.expire')));
    if (dice.happens(0.15)) some(1, () => this.notices());
    if (dice.happens(0.03)) some(1, () => this.trouble.zetonGoesDown());
    for (const side of this.world.sides) {
      if (dice.happens(0.03)) some(1, () => this.trouble.shopGoesDown(side));
      if (dice.happens(0.03)) some(1, () => this.trouble.networkFails(side));
      if (dice.happens(0.04)) some(1, () => this.trouble.troubleInAWalk(side));
    }
  }

  private async inShop(life: ShopLife, work: () => void | Promise<void>): Promise<void> {
    const { world } = this;
    const { dice } = world;
    this.world.pass(1000);
    await work();
    this.world.pass(1000);
    // WP-Cron comes by with the next visitor.
    const delay = dice.weighed([
      [60, dice.whole(0, 90)],
      [25, dice.whole(120, 1200)],
      [15, dice.whole(3600, 18_000)],
    ]);
    this.world.in(delay * 1000, () => this.world.deliver(life.side));
    if (dice.happens(0.15)) this.world.in(delay * 1000 + dice.whole(1, 5) * MINUTE, () => this.world.read());
  }

  private async notices(): Promise<void> {
    await this.world.zeton.runJob('credits.warn');
    await this.world.zeton.runJob('credits.low');
  }

  /** The schedule's next slot (23 minutes past) at which a sweep is due. */
  private async planSweep(): Promise<void> {
    const rows = (await this.world.zeton
      .db('store_syncs')
      .where({ kind: 'sweep' })
      .select('started_at', 'next_attempt_at')) as Record<string, string | null>[];
    const due = rows.map(({ started_at, next_attempt_at }) =>
      Math.max(Date.parse(started_at ?? '') + 23 * HOUR || 0, Date.parse(next_attempt_at ?? '') || 0),
    );
    const from = Math.max(this.world.now() + 1, rows.length < this.world.sides.length ? 0 : Math.min(...due));
    const past = 23 * MINUTE;
    this.world.agenda.add(Math.ceil((from - past) / HOUR) * HOUR + past, () => this.sweep());
  }

  private async sweep(): Promise<void> {
    const { world } = this;
    const { zeton, dice } = world;
    if (zeton.app) {
      const isLong = this.world.now() - this.rest.lastRest > LONGEST_UNREST_DAYS * DAY;
      const isQuiet = this.world.sides.every(({ isDown, network }) => !isDown && network === 'usual');
      if (isLong || (isQuiet && dice.happens(0.2))) await this.rest.rest(false);
      else {
        this.world.sweeps += 1;
        await zeton.runJob('shops.sweep');
        await this.world.noteWhatIsRight();
      }
    }
    await this.planSweep();
  }

  private async webhooksDisabled(): Promise<number> {
    const facts = (await this.world.zeton
      .db('audit_log')
      .where({ action: 'store.webhooks-made' })
      .pluck('facts')) as string[];
    return facts.join().split('"why":"disabled"').length - 1;
  }

  private async report(): Promise<YearReport> {
    const { db } = this.world.zeton;
    const sum = async (table: string, what: object) =>
      Number(((await db(table).where(what).count({ n: '*' }).first()) as { n: number }).n);
    const add = (all: Record<string, number>[]) => {
      const total: Record<string, number> = {};
      for (const one of all)
        for (const [name, n] of Object.entries(one)) total[name] = (total[name] ?? 0) + n;
      return total;
    };
    return {
      ...this.options,
      stores: this.world.sides.length,
      orders: await sum('orders', {}),
      done: add(this.world.lives.map(({ done }) => done)),
      fates: add(this.world.sides.map(({ fates }) => fates)),
      outages: this.world.outages,
      walks: this.world.walks,
      sweeps: this.world.sweeps,
      found: this.rest.found,
      disabled: await this.webhooksDisabled(),
      replies: this.world.agents.replies.length,
      sessions: this.world.agents.sessions.length,
      refused: this.world.agents.refused,
      comparisons: this.rest.comparisons,
      silentHours: this.world.silentHours,
      failure: this.rest.failure,
    };
  }
}
