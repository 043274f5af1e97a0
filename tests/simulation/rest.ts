import { verifyLedger } from '../../src/domain/credits';
import { apiDifferences } from './api-says';
import { Witness } from './evidence';
import { type Difference, Judge } from './judge';
import { HOUR, MINUTE, type World } from './world';

/** Only this is logged at level error when a shop does not answer for long; whatever else is logged is a defect. */
const EXPECTED_ERROR = 'delivery parked as failed';
const TOPICS = 7;
/** "A daily deep sweep": looked at hourly, so that no more than a day lies between two. */
const SWEEP_DUE_HOURS = 23;

/** The first day on which something differed, and what; the story of the order that it was. */
export interface Failure {
  day: number;
  differences: Difference[];
  story: string[];
}

/** Moments in which everything is well, all that was on its way has arrived, and everything is compared. */
export class Rest {
  failure: Failure | null = null;
  comparisons = 0;
  /** Orders in a state that no webhook had brought. */
  found = 0;
  lastRest: number;
  private lastRun = '';
  private readonly witness: Witness;

  constructor(private readonly world: World) {
    this.witness = new Witness(world.zeton.db);
    this.lastRest = world.now();
  }

  /** Everything is well, and everything that was on its way arrives. */
  async rest(isLast: boolean): Promise<void> {
    const { zeton, sides, dice } = this.world;
    for (const side of sides) {
      this.world.shopHeals(side);
      side.network = 'usual';
    }
    await this.world.zetonComesUp();
    await this.world.agents.endAll();
    for (const { fake } of sides) {
      await fake.webhooks.run();
      await fake.webhooks.releaseHeld((held) => dice.shuffled(held));
    }
    await this.workEverythingOff();
    await this.readUntilNothingIsParked();
    await this.findTrashed();
    await this.sweepAll();
    await this.workEverythingOff();
    await zeton.runJob('credits.expire');
    this.lastRest = this.world.now();
    await this.compare(isLast);
  }

  /** Before the sweep, which would find them too: reading the changes has to bring those in the trash. */
  private async findTrashed(): Promise<void> {
    const rows = (await this.world.zeton
      .db('orders as o')
      .join('stores as s', 's.id', 'o.store_id')
      .select('s.slug', 'o.woo_id', 'o.status')) as Record<string, unknown>[];
    const known = new Map(rows.map((row) => [`${row.slug as string} ${Number(row.woo_id)}`, row.status]));
    for (const { slug, fake } of this.world.sides) {
      for (const { id, status } of fake.shop.orders.values()) {
        if (status !== 'trash' || known.get(`${slug} ${id}`) === 'trash') continue;
        throw new Error(`order ${id} of ${slug} is in the trash, and no walk has found it there`);
      }
    }
  }

  /** By its schedule, which is held to its word; by hand where a sweep is not due yet. */
  private async sweepAll(): Promise<void> {
    const { zeton, sides, clock } = this.world;
    const began = this.world.now();
    const read = async () => {
      const rows = (await zeton
        .db('store_syncs as y')
        .join('stores as s', 's.id', 'y.store_id')
        .where('y.kind', 'sweep')
        .select('s.slug', 'y.started_at', 'y.finished_at')) as Record<string, string | null>[];
      return (slug: string) => rows.find((row) => row.slug === slug);
    };
    const before = await read();
    this.world.sweeps += 1;
    await zeton.runJob('shops.sweep');
    const after = await read();
    for (const { slug } of sides) {
      if ((after(slug)?.finished_at ?? '') >= new Date(began).toISOString()) continue;
      const last = before(slug)?.started_at ?? null;
      if (last === null || began - Date.parse(last) >= SWEEP_DUE_HOURS * HOUR) {
        throw new Error(
          `the sweep of ${slug} was due at ${clock.now().toISOString()}, and did not come to its end`,
        );
      }
      this.world.pass(MINUTE + 1000);
      await zeton.must('POST', `/stores/${slug}/reconciliations`, { kind: 'sweep' });
    }
    await this.world.noteWhatIsRight();
  }

  private async workEverythingOff(): Promise<void> {
    const retried = new Set<string>();
    for (let round = 0; round < 1000; round++) {
      await this.world.workOffInbox();
      await this.world.sendMessages();
      if (await this.retryParkedDeliveries(retried)) continue;
      const next = await this.nextAttempt();
      if (next === null) return;
      this.world.moveTo(next);
    }
    const loose = [
      await this.world.zeton
        .db('deliveries')
        .where({ status: 'pending' })
        .select('topic', 'attempts', 'next_attempt_at', 'lease_until', 'reason'),
      await this.world.zeton.db('outbox').limit(5),
    ];
    throw new Error(
      `inbox and outbox do not come to an end: ${JSON.stringify(loose)}, it is ${this.world.clock.now().toISOString()}`,
    );
  }

  /** As their admin would: the shop was away for longer than they are tried. */
  private async retryParkedDeliveries(retried: Set<string>): Promise<boolean> {
    const rows = (await this.world.zeton
      .db('deliveries')
      .where({ status: 'failed' })
      .orderBy('id')
      .select('id')) as {
      id: string;
    }[];
    const fresh = rows.filter(({ id }) => !retried.has(id));
    for (const { id } of fresh) {
      retried.add(id);
      await this.world.zeton.must('POST', `/deliveries/${id}/retry`);
    }
    return fresh.length > 0;
  }

  private async nextAttempt(): Promise<number | null> {
    const { db } = this.world.zeton;
    const rows = [
      await db('deliveries').where({ status: 'pending' }).select('next_attempt_at'),
      await db('outbox').select('next_attempt_at'),
    ].flat() as { next_attempt_at: string }[];
    if (rows.length === 0) return null;
    // A message that is due may still wait for the one before it on its ticket.
    const later = rows.map((row) => Date.parse(row.next_attempt_at)).filter((at) => at > this.world.now());
    return later.length === 0 ? this.world.now() + 1000 : Math.min(...later);
  }

  private async readUntilNothingIsParked(): Promise<void> {
    const { db } = this.world.zeton;
    for (let round = 0; round < 50; round++) {
      this.world.pass(MINUTE + 1000);
      const waits = (await db('store_syncs').max({ at: 'next_attempt_at' }).first()) as { at: string | null };
      if (waits.at) this.world.moveTo(Date.parse(waits.at) + 1);
      await this.world.zeton.runJob('shops.read');
      const parked = (await db('parked_orders').max({ at: 'next_attempt_at' }).first()) as {
        at: string | null;
      };
      if (!parked.at) return;
      this.world.moveTo(Date.parse(parked.at) + 1);
    }
  }

  /** Walks are kept for a month only (limits.syncRunsKeptDays). */
  private async countFinds(): Promise<void> {
    const runs = (await this.world.zeton
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
    const judge = new Judge(
      evidence,
      this.world.sides,
      this.world.agents,
      this.world.clock.now().toISOString(),
    );
    const differences = judge.judge();
    const told = (what: string): Difference => ({ store: '', wooId: null, what });
    const { problems } = await verifyLedger(this.world.zeton.db);
    differences.push(...problems.map((problem) => told(`ledger: ${problem}`)));
    const errors = this.world.zeton.errors.filter((line) => !line.includes(EXPECTED_ERROR));
    differences.push(...errors.map((line) => told(`logged: ${line.slice(0, 500)}`)));
    for (const { slug, fake } of this.world.sides) {
      const active = [...fake.webhooks.all.values()].filter(({ status }) => status === 'active');
      if (active.length !== TOPICS) {
        differences.push({
          store: slug,
          wooId: null,
          what: `${active.length} active webhooks instead of ${TOPICS}`,
        });
      }
    }
    const late = this.world.sides.flatMap(({ slug, silent }) =>
      silent.map(({ wooId }) => ({ store: slug, wooId })),
    );
    differences.push(...late.map((of) => ({ ...of, what: 'a refund that was deleted still counts' })));
    if (isLast) differences.push(...(await apiDifferences(this.world.zeton, evidence, judge)));
    if (differences.length === 0) return;
    const { store, wooId } = differences.find((difference) => difference.wooId !== null) ?? {
      store: '',
      wooId: null,
    };
    const side = this.world.sides.find(({ slug }) => slug === store);
    this.failure = {
      day: this.world.day,
      differences,
      story: side && wooId !== null ? side.storyOf(wooId) : [],
    };
  }
}
