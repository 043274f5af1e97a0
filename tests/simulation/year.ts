import type { Knex } from 'knex';
import { verifyLedger } from '../../src/domain/credits';
import { TestClock } from '../support/clock';
import { Dice } from '../support/dice';
import { Agenda } from './agenda';
import { Agents } from './agents';
import { apiDifferences } from './api-says';
import { Witness } from './evidence';
import { type Difference, Judge } from './judge';
import { ShopLife } from './shop-life';
import { ShopSide } from './shop-side';
import { Zeton } from './zeton';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** So long at most do shop and Zeton go without a moment of rest, in which everything is compared. */
const LONGEST_UNREST_DAYS = 6;
/** Only this is logged at level error when a shop does not answer for long; whatever else is logged is a defect. */
const EXPECTED_ERROR = 'delivery parked as failed';
const TOPICS = 7;
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
  webhooksMadeAnew: number;
  replies: number;
  sessions: number;
  refused: number;
  comparisons: number;
  /** Hours from the silent deletion of a refund until the credits were right. */
  silentHours: { hours: number; isUndisturbed: boolean }[];
  /** The first day on which something differed, and what. */
  failure: { day: number; differences: Difference[]; story: string[] } | null;
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
  const year = await Year.begin(database, options);
  try {
    return await year.run();
  } finally {
    await year.close();
  }
}

class Year {
  private readonly agenda = new Agenda();
  private readonly agents: Agents;
  private readonly lives: ShopLife[];
  private readonly witness: Witness;
  private readonly start: number;
  private readonly silentHours: YearReport['silentHours'] = [];
  private lastRest: number;
  private outages = 0;
  private comparisons = 0;
  private walks = 0;
  private found = 0;
  private lastRun = '';
  private sweeps = 0;
  private failure: YearReport['failure'] = null;

  private constructor(
    private readonly options: { seed: number; days: number },
    private readonly clock: TestClock,
    private readonly dice: Dice,
    private readonly zeton: Zeton,
    private readonly sides: ShopSide[],
  ) {
    const { db } = zeton;
    this.start = this.now();
    this.lastRest = this.start;
    this.witness = new Witness(db);
    this.agents = new Agents(zeton, this.agenda, dice, () => this.now());
    const knowsRefund = async (side: ShopSide, wooId: number, refundId: number) =>
      (await this.refundsKnown(side, wooId)).includes(refundId);
    this.lives = sides.map((side) => new ShopLife(side, zeton, dice, knowsRefund));
  }

  static async begin(
    database: { db: Knex; url: string },
    options: { seed: number; days: number },
  ): Promise<Year> {
    const dice = new Dice(options.seed);
    const at = Date.UTC(2026, 0, 1) + dice.whole(0, 364) * DAY + dice.whole(0, DAY - 1);
    const clock = new TestClock(new Date(at).toISOString());
    const zeton = await Zeton.at(database, clock);
    const sides: ShopSide[] = [];
    for (const slug of options.seed % 3 === 0 ? ['default', 'second'] : ['default']) {
      const shop = {
        clock,
        seed: `${options.seed} ${slug}`,
        timeZone: dice.pick(['Europe/Ljubljana', 'Europe/Athens', 'America/New_York', 'UTC']),
        customStatuses: ['v-pripravi'],
      };
      const paid = ['processing', 'completed', ...(dice.happens(0.5) ? ['v-pripravi'] : [])];
      sides.push(await ShopSide.open(slug, shop, paid, new Dice(options.seed * 7 + sides.length)));
    }
    return new Year(options, clock, dice, zeton, sides);
  }

  async close(): Promise<void> {
    await this.zeton.close();
    for (const { fake } of this.sides) await fake.close();
  }

  async run(): Promise<YearReport> {
    for (const side of this.sides) await side.connect(this.zeton);
    this.pass(1000);
    await this.read();
    for (let day = 0; day < this.options.days; day++) {
      this.agenda.add(this.start + day * DAY + 1, () => this.planDay());
    }
    await this.planSweep();
    const end = this.start + this.options.days * DAY;
    for (let entry = this.agenda.next(); entry && !this.failure; entry = this.agenda.next()) {
      if (entry.at >= end) break;
      this.moveTo(entry.at);
      await this.safely(entry.work);
    }
    if (!this.failure) {
      this.moveTo(end);
      await this.safely(() => this.rest(true));
    }
    return this.report();
  }

  /** What is thrown is a difference too, with its day. */
  private async safely(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
      this.failure = { day: this.day, differences: [{ store: '', wooId: null, what }], story: [] };
    }
  }

  // Time

  private now(): number {
    return this.clock.now().getTime();
  }

  private moveTo(at: number): void {
    if (at > this.now()) this.clock.set(new Date(at).toISOString());
  }

  private pass(ms: number): void {
    this.moveTo(this.now() + ms);
  }

  private in(ms: number, work: () => Promise<void>): void {
    this.agenda.add(this.now() + ms, work);
  }

  private get day(): number {
    return Math.floor((this.now() - this.start) / DAY) + 1;
  }

  // What is planned

  private async planDay(): Promise<void> {
    const { dice } = this;
    const some = (times: number, work: () => Promise<void>) => {
      for (let i = 0; i < times; i++) this.in(dice.whole(1, DAY - 1), work);
    };
    for (const life of this.lives) {
      // Two shops have half of it each.
      const times = (chances: [number, number][]) =>
        this.lives.length > 1 && dice.happens(0.5) ? 0 : dice.weighed(chances);
      some(times(BUYS_A_DAY), () => this.inShop(life, () => void life.buy()));
      some(times(CHANGES_A_DAY), () => this.inShop(life, () => life.act()));
    }
    some(dice.whole(0, 4), async () => {
      await this.agents.act();
      if (dice.happens(0.6)) await this.sendMessages();
    });
    if (dice.happens(0.6)) some(1, () => this.read());
    some(1, async () => void (await this.zeton.runJob('credits.expire')));
    if (dice.happens(0.15)) some(1, () => this.notices());
    if (dice.happens(0.03)) some(1, () => this.zetonGoesDown());
    for (const side of this.sides) {
      if (dice.happens(0.03)) some(1, () => this.shopGoesDown(side));
      if (dice.happens(0.02)) some(1, () => this.networkIsCut(side));
      if (dice.happens(0.04)) some(1, () => this.troubleInAWalk(side));
    }
  }

  private async inShop(life: ShopLife, work: () => void | Promise<void>): Promise<void> {
    const { dice } = this;
    this.pass(1000);
    await work();
    this.pass(1000);
    // WP-Cron comes by with the next visitor.
    const delay = dice.weighed([
      [60, dice.whole(0, 90)],
      [25, dice.whole(120, 1200)],
      [15, dice.whole(3600, 18_000)],
    ]);
    this.in(delay * 1000, () => this.deliver(life.side));
    if (dice.happens(0.15)) this.in(delay * 1000 + dice.whole(1, 5) * MINUTE, () => this.read());
  }

  private async deliver({ fake }: ShopSide): Promise<void> {
    const { dice } = this;
    await fake.webhooks.run();
    if (fake.webhooks.heldBack > 0 && dice.happens(0.6)) {
      this.in(
        dice.weighed([
          [60, dice.whole(1, 60)],
          [40, dice.whole(60, 4000)],
        ]) * MINUTE,
        async () => {
          await fake.webhooks.releaseHeld((held) => dice.shuffled(held));
          await this.workOffInbox();
        },
      );
    }
    if (dice.happens(0.85)) await this.workOffInbox();
  }

  private async workOffInbox(): Promise<void> {
    while ((await this.zeton.runJob('inbox')) > 0);
    await this.noteWhatIsRight();
  }

  private async sendMessages(): Promise<void> {
    for (const job of ['outbox.email', 'outbox.sms'] as const) while ((await this.zeton.runJob(job)) > 0);
  }

  private async notices(): Promise<void> {
    await this.zeton.runJob('credits.warn');
    await this.zeton.runJob('credits.low');
  }

  /**
   * One of the walks of every five minutes. Most of them find nothing and are left out; some that would find something
   * are left out too, so that webhooks and walks come in every order.
   */
  private async read(): Promise<void> {
    const { zeton, dice } = this;
    if (!zeton.app) return;
    this.walks += 1;
    if (dice.happens(0.9)) await zeton.runJob('shops.read');
    else await this.readByHand('orders');
    await this.noteWhatIsRight();
  }

  private async readByHand(kind: 'orders' | 'sweep'): Promise<void> {
    for (const { slug } of this.sides)
      await this.zeton.must('POST', `/stores/${slug}/reconciliations`, { kind });
  }

  /** The schedule's next slot (23 minutes past) at which a sweep is due. */
  private async planSweep(): Promise<void> {
    const rows = (await this.zeton
      .db('store_syncs')
      .where({ kind: 'sweep' })
      .select('started_at', 'next_attempt_at')) as Record<string, string | null>[];
    const due = rows.map(({ started_at, next_attempt_at }) =>
      Math.max(Date.parse(started_at ?? '') + 23 * HOUR || 0, Date.parse(next_attempt_at ?? '') || 0),
    );
    const from = Math.max(this.now() + 1, rows.length < this.sides.length ? 0 : Math.min(...due));
    const past = 23 * MINUTE;
    this.agenda.add(Math.ceil((from - past) / HOUR) * HOUR + past, () => this.sweep());
  }

  private async sweep(): Promise<void> {
    const { zeton, dice } = this;
    if (zeton.app) {
      const isLong = this.now() - this.lastRest > LONGEST_UNREST_DAYS * DAY;
      const isQuiet = this.sides.every(({ isDown, network }) => !isDown && network === 'usual');
      if (isLong || (isQuiet && dice.happens(0.2))) await this.rest(false);
      else {
        this.sweeps += 1;
        await zeton.runJob('shops.sweep');
        await this.noteWhatIsRight();
      }
    }
    await this.planSweep();
  }

  // What goes wrong

  private outageLength(): number {
    const { dice } = this;
    return (
      dice.weighed([
        [40, dice.whole(1, 30)],
        [40, dice.whole(30, 400)],
        [20, dice.whole(400, 1900)],
      ]) * MINUTE
    );
  }

  private disturb(sides = this.sides): void {
    this.outages += 1;
    for (const { silent } of sides) for (const deletion of silent) deletion.isUndisturbed = false;
  }

  private async zetonGoesDown(): Promise<void> {
    if (!this.zeton.app) return;
    this.disturb();
    await this.zeton.down();
    this.in(this.outageLength(), () => this.zetonComesUp());
  }

  private async zetonComesUp(): Promise<void> {
    if (this.zeton.app) return;
    await this.zeton.up();
    await this.zeton.runJob('shops.read');
    await this.workOffInbox();
  }

  private async shopGoesDown(side: ShopSide): Promise<void> {
    if (side.isDown) return;
    this.disturb([side]);
    this.shopFails(side);
  }

  private shopFails(side: ShopSide): void {
    side.isDown = true;
    side.fake.goDown();
    this.in(this.outageLength(), async () => this.shopHeals(side));
  }

  private shopHeals(side: ShopSide): void {
    side.isDown = false;
    side.fake.heal();
  }

  private async networkIsCut(side: ShopSide): Promise<void> {
    this.disturb([side]);
    side.network = 'cut';
    this.in(this.outageLength(), async () => {
      side.network = 'usual';
    });
  }

  /** In the middle of a walk: the shop goes down, somebody changes an order, or Zeton is stopped. */
  private async troubleInAWalk(side: ShopSide): Promise<void> {
    const { dice, zeton } = this;
    const { app } = zeton;
    if (!app || side.isDown) return;
    this.pass(MINUTE + 1000);
    let requests = dice.whole(1, 4);
    let stops = false;
    const life = this.lives.find((each) => each.side === side) as ShopLife;
    const trouble = dice.pick([
      () => {
        this.disturb([side]);
        this.shopFails(side);
      },
      () =>
        void life.change(
          'changed in a walk',
          () => true,
          ({ id }) => life.touch(id),
        ),
      () => void life.buy(),
      () => {
        stops = true;
        app.ctx.walks.stopping = true;
      },
    ]);
    side.fake.beforeAnswer = () => {
      requests -= 1;
      if (requests === 0) trouble();
    };
    await zeton.runJob(dice.happens(0.7) ? 'shops.read' : 'shops.sweep');
    side.fake.beforeAnswer = () => undefined;
    if (stops) await this.zetonGoesDown();
  }

  // Rest, and comparison

  /** Everything is well, and everything that was on its way arrives. */
  private async rest(isLast: boolean): Promise<void> {
    const { zeton, sides, dice } = this;
    for (const side of sides) {
      this.shopHeals(side);
      side.network = 'usual';
    }
    await this.zetonComesUp();
    await this.agents.endAll();
    for (const { fake } of sides) {
      await fake.webhooks.run();
      await fake.webhooks.releaseHeld((held) => dice.shuffled(held));
    }
    await this.workEverythingOff();
    await this.readUntilNothingIsParked();
    await this.sweepAll();
    await this.workEverythingOff();
    await zeton.runJob('credits.expire');
    this.lastRest = this.now();
    await this.compare(isLast);
  }

  /** By the schedule where it is due; the last day of a run ends between two sweeps. */
  private async sweepAll(): Promise<void> {
    const began = this.clock.now().toISOString();
    this.sweeps += 1;
    await this.zeton.runJob('shops.sweep');
    const done = (await this.zeton
      .db('store_syncs')
      .where({ kind: 'sweep' })
      .where('finished_at', '>=', began)) as unknown[];
    if (done.length < this.sides.length) {
      this.pass(MINUTE + 1000);
      await this.readByHand('sweep');
    }
    await this.noteWhatIsRight();
  }

  private async workEverythingOff(): Promise<void> {
    const retried = new Set<string>();
    for (let round = 0; round < 1000; round++) {
      await this.workOffInbox();
      await this.sendMessages();
      if (await this.retryParkedDeliveries(retried)) continue;
      const next = await this.nextAttempt();
      if (next === null) return;
      this.moveTo(next);
    }
    const loose = [
      await this.zeton
        .db('deliveries')
        .where({ status: 'pending' })
        .select('topic', 'attempts', 'next_attempt_at', 'lease_until', 'reason'),
      await this.zeton.db('outbox').limit(5),
    ];
    throw new Error(
      `inbox and outbox do not come to an end: ${JSON.stringify(loose)}, it is ${this.clock.now().toISOString()}`,
    );
  }

  /** As their admin would: the shop was away for longer than they are tried. */
  private async retryParkedDeliveries(retried: Set<string>): Promise<boolean> {
    const rows = (await this.zeton
      .db('deliveries')
      .where({ status: 'failed' })
      .orderBy('id')
      .select('id')) as {
      id: string;
    }[];
    const fresh = rows.filter(({ id }) => !retried.has(id));
    for (const { id } of fresh) {
      retried.add(id);
      await this.zeton.must('POST', `/deliveries/${id}/retry`);
    }
    return fresh.length > 0;
  }

  private async nextAttempt(): Promise<number | null> {
    const { db } = this.zeton;
    const rows = [
      await db('deliveries').where({ status: 'pending' }).select('next_attempt_at'),
      await db('outbox').select('next_attempt_at'),
    ].flat() as { next_attempt_at: string }[];
    if (rows.length === 0) return null;
    // A message that is due may still wait for the one before it on its ticket.
    const later = rows.map((row) => Date.parse(row.next_attempt_at)).filter((at) => at > this.now());
    return later.length === 0 ? this.now() + 1000 : Math.min(...later);
  }

  private async readUntilNothingIsParked(): Promise<void> {
    const { db } = this.zeton;
    for (let round = 0; round < 50; round++) {
      this.pass(MINUTE + 1000);
      const waits = (await db('store_syncs').max({ at: 'next_attempt_at' }).first()) as { at: string | null };
      if (waits.at) this.moveTo(Date.parse(waits.at) + 1);
      await this.zeton.runJob('shops.read');
      const parked = (await db('parked_orders').max({ at: 'next_attempt_at' }).first()) as {
        at: string | null;
      };
      if (!parked.at) return;
      this.moveTo(Date.parse(parked.at) + 1);
    }
  }

  /** Walks are kept for a month only (limits.syncRunsKeptDays). */
  private async countFinds(): Promise<void> {
    const runs = (await this.zeton
      .db('sync_runs')
      .where('id', '>', this.lastRun)
      .orderBy('id')
      .select('id', 'found')) as {
      id: string;
      found: number;
    }[];
    for (const { id, found } of runs) {
      this.found += Number(found);
      this.lastRun = id;
    }
  }

  private async compare(isLast: boolean): Promise<void> {
    this.comparisons += 1;
    await this.countFinds();
    const evidence = await this.witness.testify();
    const judge = new Judge(evidence, this.sides, this.agents, this.clock.now().toISOString());
    const differences = judge.judge();
    const told = (what: string): Difference => ({ store: '', wooId: null, what });
    const { problems } = await verifyLedger(this.zeton.db);
    differences.push(...problems.map((problem) => told(`ledger: ${problem}`)));
    const errors = this.zeton.errors.filter((line) => !line.includes(EXPECTED_ERROR));
    differences.push(...errors.map((line) => told(`logged: ${line.slice(0, 500)}`)));
    for (const { slug, fake } of this.sides) {
      const active = [...fake.webhooks.all.values()].filter(({ status }) => status === 'active');
      if (active.length !== TOPICS) {
        differences.push({
          store: slug,
          wooId: null,
          what: `${active.length} active webhooks instead of ${TOPICS}`,
        });
      }
    }
    const late = this.sides.flatMap(({ slug, silent }) =>
      silent.map(({ wooId }) => ({ store: slug, wooId })),
    );
    differences.push(...late.map((of) => ({ ...of, what: 'a refund that was deleted still counts' })));
    if (isLast) differences.push(...(await apiDifferences(this.zeton, evidence, judge)));
    if (differences.length === 0) return;
    const { store, wooId } = differences.find((difference) => difference.wooId !== null) ?? {
      store: '',
      wooId: null,
    };
    const side = this.sides.find(({ slug }) => slug === store);
    this.failure = { day: this.day, differences, story: side && wooId !== null ? side.storyOf(wooId) : [] };
  }

  // Refunds that were deleted, of which nobody was told

  private async refundsKnown(side: ShopSide, wooId: number): Promise<number[]> {
    const row = (await this.zeton
      .db('orders as o')
      .join('stores as s', 's.id', 'o.store_id')
      .where({ 's.slug': side.slug, 'o.woo_id': wooId })
      .first('o.refunds', 'o.gone')) as { refunds: string | null; gone: number } | undefined;
    if (!row?.refunds || row.gone === 1) return [];
    return (JSON.parse(row.refunds) as { id: number }[]).map(({ id }) => id);
  }

  private async noteWhatIsRight(): Promise<void> {
    for (const side of this.sides) {
      for (const deletion of [...side.silent]) {
        const { wooId, refundId, at, isUndisturbed } = deletion;
        const order = side.fake.shop.orders.get(wooId);
        // Trashed or gone meanwhile: it has no credits that could be right.
        const isVoid = !order || order.status === 'trash';
        if (!isVoid && (await this.refundsKnown(side, wooId)).includes(refundId)) continue;
        side.silent.splice(side.silent.indexOf(deletion), 1);
        if (isVoid) continue;
        this.silentHours.push({ hours: (this.now() - at) / HOUR, isUndisturbed });
      }
    }
  }

  private async report(): Promise<YearReport> {
    const { db } = this.zeton;
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
      stores: this.sides.length,
      orders: await sum('orders', {}),
      done: add(this.lives.map(({ done }) => done)),
      fates: add(this.sides.map(({ fates }) => fates)),
      outages: this.outages,
      walks: this.walks,
      sweeps: this.sweeps,
      found: this.found,
      webhooksMadeAnew: await sum('audit_log', { action: 'store.webhooks-made' }),
      replies: this.agents.replies.length,
      sessions: this.agents.sessions.length,
      refused: this.agents.refused,
      comparisons: this.comparisons,
      silentHours: this.silentHours,
      failure: this.failure,
    };
  }
}
