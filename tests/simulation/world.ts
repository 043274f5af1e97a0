import type { Knex } from 'knex';
import { TestClock } from '../support/clock';
import { Dice } from '../support/dice';
import { Agenda } from './agenda';
import { Agents } from './agents';
import { ShopLife } from './shop-life';
import { ShopSide } from './shop-side';
import { Zeton } from './zeton';

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** Zeton, its shops, and what comes and goes between them; by one clock that jumps from one thing to the next. */
export class World {
  readonly agenda = new Agenda();
  readonly agents: Agents;
  readonly lives: ShopLife[];
  readonly start: number;
  /** From the silent deletion of a refund until the credits were right. */
  readonly silentHours: { hours: number; isUndisturbed: boolean }[] = [];
  outages = 0;
  walks = 0;
  sweeps = 0;

  private constructor(
    readonly clock: TestClock,
    readonly dice: Dice,
    readonly zeton: Zeton,
    readonly sides: ShopSide[],
  ) {
    this.start = this.now();
    this.agents = new Agents(zeton, this.agenda, dice, () => this.now());
    const knowsRefund = async (side: ShopSide, wooId: number, refundId: number) =>
      (await this.refundsKnown(side, wooId)).includes(refundId);
    this.lives = sides.map((side) => new ShopLife(side, zeton, dice, knowsRefund));
  }

  /** Of every third seed two shops. */
  static async begin(database: { db: Knex; url: string }, seed: number): Promise<World> {
    const dice = new Dice(seed);
    const at = Date.UTC(2026, 0, 1) + dice.whole(0, 364) * DAY + dice.whole(0, DAY - 1);
    const clock = new TestClock(new Date(at).toISOString());
    const zeton = await Zeton.at(database, clock);
    const sides: ShopSide[] = [];
    for (const slug of seed % 3 === 0 ? ['default', 'second'] : ['default']) {
      const shop = {
        clock,
        seed: `${seed} ${slug}`,
        timeZone: dice.pick(['Europe/Ljubljana', 'Europe/Athens', 'America/New_York', 'UTC']),
        customStatuses: ['v-pripravi'],
      };
      const paid = ['processing', 'completed', ...(dice.happens(0.5) ? ['v-pripravi'] : [])];
      sides.push(await ShopSide.open(slug, shop, paid, new Dice(seed * 7 + sides.length)));
    }
    return new World(clock, dice, zeton, sides);
  }

  async close(): Promise<void> {
    await this.zeton.close();
    for (const { fake } of this.sides) await fake.close();
  }

  now(): number {
    return this.clock.now().getTime();
  }

  moveTo(at: number): void {
    if (at > this.now()) this.clock.set(new Date(at).toISOString());
  }

  pass(ms: number): void {
    this.moveTo(this.now() + ms);
  }

  in(ms: number, work: () => Promise<void>): void {
    this.agenda.add(this.now() + ms, work);
  }

  async deliver({ fake }: ShopSide): Promise<void> {
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

  async workOffInbox(): Promise<void> {
    while ((await this.zeton.runJob('inbox')) > 0);
    await this.noteWhatIsRight();
  }

  async sendMessages(): Promise<void> {
    for (const job of ['outbox.email', 'outbox.sms'] as const) while ((await this.zeton.runJob(job)) > 0);
  }

  /**
   * One of the walks of every five minutes. Most of them find nothing and are left out; some that would find something
   * are left out too, so that webhooks and walks come in every order.
   */
  async read(): Promise<void> {
    const { zeton, dice } = this;
    if (!zeton.app) return;
    this.walks += 1;
    if (dice.happens(0.9)) await zeton.runJob('shops.read');
    else await this.readByHand('orders');
    await this.noteWhatIsRight();
  }

  async readByHand(kind: 'orders' | 'sweep'): Promise<void> {
    for (const { slug } of this.sides)
      await this.zeton.must('POST', `/stores/${slug}/reconciliations`, { kind });
  }

  async refundsKnown(side: ShopSide, wooId: number): Promise<number[]> {
    const row = (await this.zeton
      .db('orders as o')
      .join('stores as s', 's.id', 'o.store_id')
      .where({ 's.slug': side.slug, 'o.woo_id': wooId })
      .first('o.refunds', 'o.gone')) as { refunds: string | null; gone: number } | undefined;
    if (!row?.refunds || row.gone === 1) return [];
    return (JSON.parse(row.refunds) as { id: number }[]).map(({ id }) => id);
  }

  async noteWhatIsRight(): Promise<void> {
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

  async zetonComesUp(): Promise<void> {
    if (this.zeton.app) return;
    await this.zeton.up();
    await this.zeton.runJob('shops.read');
    await this.workOffInbox();
  }

  disturb(sides = this.sides): void {
    this.outages += 1;
    for (const { silent } of sides) for (const deletion of silent) deletion.isUndisturbed = false;
  }

  shopHeals(side: ShopSide): void {
    side.isDown = false;
    side.fake.heal();
  }

  get day(): number {
    return Math.floor((this.now() - this.start) / DAY) + 1;
  }
}
