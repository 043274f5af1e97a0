import type { ShopLife } from './shop-life';
import type { ShopSide } from './shop-side';
import { MINUTE, type World } from './world';

/** What goes wrong. Every outage ends by itself after a while. */
export class Trouble {
  constructor(private readonly world: World) {}

  private outageLength(): number {
    const { dice } = this.world;
    return (
      dice.weighed([
        [40, dice.whole(1, 30)],
        [40, dice.whole(30, 400)],
        [20, dice.whole(400, 1900)],
      ]) * MINUTE
    );
  }

  async zetonGoesDown(): Promise<void> {
    if (!this.world.zeton.app) return;
    this.world.disturb();
    await this.world.zeton.down();
    this.world.in(this.outageLength(), () => this.world.zetonComesUp());
  }

  async shopGoesDown(side: ShopSide): Promise<void> {
    if (side.isDown) return;
    this.world.disturb([side]);
    this.shopFails(side);
  }

  private shopFails(side: ShopSide): void {
    side.isDown = true;
    side.fake.goDown();
    const length = this.outageLength();
    this.world.in(this.world.dice.whole(1, length), () => this.world.read());
    this.world.in(length, async () => this.world.shopHeals(side));
  }

  /** For days at times: a webhook is disabled only after seven failures in a row. */
  async networkFails(side: ShopSide): Promise<void> {
    const { world } = this;
    const { dice } = world;
    world.disturb([side]);
    side.network = dice.pick(['cut', 'silent']);
    const length = dice.happens(0.5) ? this.outageLength() : dice.whole(1440, 8000) * MINUTE;
    world.in(length, async () => {
      // The walk that would find what was lost meanwhile is disturbed as well.
      if (dice.happens(0.5)) await this.troubleInAWalk(side);
      side.network = 'usual';
    });
  }

  /** In the middle of a walk: the shop goes down, somebody changes an order, or Zeton is stopped. */
  async troubleInAWalk(side: ShopSide): Promise<void> {
    const { dice, zeton } = this.world;
    const { app } = zeton;
    if (!app || side.isDown) return;
    this.world.pass(MINUTE + 1000);
    let requests = dice.whole(1, 4);
    let stops = false;
    const life = this.world.lives.find((each) => each.side === side) as ShopLife;
    const trouble = dice.pick([
      () => {
        this.world.disturb([side]);
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
}
