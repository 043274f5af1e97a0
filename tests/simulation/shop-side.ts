import type { Dice } from '../support/dice';
import { FakeWooCommerce } from '../support/fake-woocommerce';
import type { FakeOptions } from '../support/fake-woocommerce/server';
import type { Order, Product } from '../support/fake-woocommerce/types';
import type { Fate } from '../support/fake-woocommerce/webhooks';
import type { Answer, Zeton } from './zeton';

const DAY = 86_400;

export interface Person {
  email: string;
  first: string;
  last: string;
  phone: string;
  /** Of the shop's account; 0: buys as a guest. */
  customerId: number;
  wantsAccount: boolean;
}

/** What a package was from one moment on, as the API answered it. */
export interface PackageTerms {
  id: string;
  /** Of this version. */
  at: string;
  active: boolean;
  match: { variation_id?: number; product_id?: number; sku?: string };
  ordersFrom: string | null;
  grants: { meter: string; quantity: number }[];
  validityDays: number | null;
  opensTicket: boolean;
}

/** A refund that was deleted, of which nobody is told. */
export interface SilentDeletion {
  wooId: number;
  refundId: number;
  at: number;
  /** Shop and Zeton were there all the time since. */
  isUndisturbed: boolean;
}

/** Between shop and Zeton. cut: deliveries fail, and are counted. silent: the shop's queue does not run, they are gone. */
type Network = 'usual' | 'cut' | 'silent';

/** One shop of the simulation: the fake store, who buys in it, what its admin told Zeton, and its story. */
export class ShopSide {
  readonly people: Person[] = [];
  readonly packages: PackageTerms[] = [];
  readonly silent: SilentDeletion[] = [];
  network: Network = 'usual';
  isDown = false;
  readonly fates: Record<Fate, number> = { deliver: 0, lose: 0, fail: 0, twice: 0, hold: 0 };
  private readonly stories = new Map<number, string[]>();
  private products = 0;

  private constructor(
    readonly slug: string,
    readonly fake: FakeWooCommerce,
    readonly paidStatuses: string[],
    private readonly dice: Dice,
  ) {}

  static async open(
    slug: string,
    options: FakeOptions,
    paidStatuses: string[],
    dice: Dice,
  ): Promise<ShopSide> {
    const fake = await new FakeWooCommerce(options).listen();
    fake.keepLog = false;
    fake.webhooks.keepLog = false;
    const side = new ShopSide(slug, fake, paidStatuses, dice);
    fake.webhooks.fate = () => {
      const fate = {
        usual: () => dice.weighed(FATES),
        cut: () => 'fail' as const,
        silent: () => 'lose' as const,
      }[side.network]();
      side.fates[fate] += 1;
      return fate;
    };
    return side;
  }

  get timeZone(): string {
    return this.fake.shop.timeZone;
  }

  /** Connects it as its admin would, and says what its products buy. */
  async connect(zeton: Zeton): Promise<void> {
    const { key, secret } = this.fake.addKey();
    const members = {
      name: `Trgovina ${this.slug}`,
      url: this.fake.url,
      consumer_key: key,
      consumer_secret: secret,
      paid_statuses: this.paidStatuses,
      country: 'SI',
      locale: 'sl',
      time_zone: this.timeZone,
    };
    if (this.slug === 'default') await zeton.must('PATCH', '/stores/default', members);
    else await zeton.must('POST', '/stores', { slug: this.slug, ...members });
    for (const body of this.firstPackages()) await this.definePackage(zeton, body);
  }

  private firstPackages(): object[] {
    const { dice } = this;
    const days = () =>
      dice.weighed<number | null>([
        [3, null],
        [3, dice.whole(4, 40)],
        [2, 90],
        [2, 365],
      ]);
    const [start, pro, prem, sms10, sms25, video3] = [11, 12, 14, 15, 16, 17].map((id) =>
      this.fake.shop.productOf({ productId: id }),
    ) as [Product, Product, Product, Product, Product, Product];
    const sms = (quantity: number) => [{ meter: 'sms', quantity }];
    return [
      {
        name: 'Start',
        match: { sku: start.sku },
        grants: [...sms(dice.whole(2, 8)), { meter: 'email', quantity: dice.whole(2, 8) }],
        validity_days: days(),
      },
      {
        name: 'Pro',
        match: { product_id: pro.id },
        grants: [{ meter: 'any', quantity: dice.whole(5, 20) }],
        price_list: { sms: 1, email: 1, video: dice.whole(2, 5) },
        validity_days: days(),
      },
      { name: 'Premium', match: { product_id: prem.id }, grants: [{ meter: 'email', quantity: 3 }] },
      {
        name: 'SMS 10',
        match: { variation_id: sms10.id },
        grants: sms(10),
        scope: 'ticket',
        validity_days: days(),
      },
      {
        name: 'SMS 25',
        match: { sku: sms25.sku },
        grants: sms(25),
        sms_unit: 'segment',
        opens_ticket: dice.happens(0.8),
      },
      {
        name: 'Video 3',
        match: { variation_id: video3.id },
        grants: [{ meter: 'video', quantity: 3 }],
        video_unit: dice.happens(0.5) ? 'session' : { block_minutes: dice.whole(5, 20) },
        validity_days: days(),
      },
    ];
  }

  async definePackage(zeton: Zeton, body: object): Promise<void> {
    this.note(await zeton.must('POST', '/packages', { store: this.slug, ...body }));
  }

  /** False: another active package has the same product. */
  async changePackage(zeton: Zeton, id: string, changes: object): Promise<boolean> {
    const { status, body } = await zeton.api('PATCH', `/packages/${id}`, changes);
    if (status === 409) return false;
    if (status !== 200) throw new Error(`a package was not changed: ${JSON.stringify(body)}`);
    this.note(body);
    return true;
  }

  private note(body: Answer['body']): void {
    this.packages.push({
      id: body.id,
      at: body.updated_at,
      active: body.active,
      match: body.match,
      ordersFrom: body.orders_from,
      grants: body.grants,
      validityDays: body.validity_days,
      opensTicket: body.opens_ticket,
    });
  }

  /** The newest terms of each package. */
  currentPackages(): PackageTerms[] {
    return [...new Map(this.packages.map((terms) => [terms.id, terms])).values()];
  }

  person(): Person {
    const { dice, people } = this;
    if (people.length > 0 && dice.happens(0.45)) return dice.pick(people);
    const number = people.length + 1;
    const name = dice.weighed([
      [90, 'kupec'],
      [5, 'bounce'],
    ] as const);
    const email = dice.weighed([
      [90, `${name}.${number}.${this.slug}@example.com`],
      [4, ''],
      [3, `kupec.${number}@site.invalid`],
    ] as const);
    const ending = dice.weighed([
      [85, String(1000 + number)],
      [7, '0000'],
      [4, '9999'],
    ] as const);
    const person: Person = {
      email,
      first: dice.pick(['Ana', 'Borut', 'Črt', 'Đurđa', 'Ελένη', 'O’Neil & Sin']),
      last: `Kupec ${number}`,
      phone: dice.happens(0.9) ? `+386 41 ${dice.whole(1, 9)}${dice.whole(1, 9)}${ending.slice(-4)}` : '',
      customerId: 0,
      wantsAccount: email.endsWith('example.com') && dice.happens(0.3),
    };
    people.push(person);
    return person;
  }

  /** What can be put into a cart now. */
  onSale(): Product[] {
    return [...this.fake.shop.products.values()].filter(
      (product) =>
        product.type !== 'variable' &&
        product.status === 'publish' &&
        (product.parentId === 0 || this.fake.shop.products.get(product.parentId)?.status === 'publish'),
    );
  }

  newProductSku(): string {
    this.products += 1;
    return `NEW-${this.products}`;
  }

  ageDays(order: Order): number {
    return (this.fake.shop.seconds() - order.createdAt) / DAY;
  }

  tell(wooId: number, what: string): void {
    const story = this.stories.get(wooId) ?? [];
    story.push(`${this.fake.shop.now().toISOString().slice(0, 19)} ${what}`);
    this.stories.set(wooId, story);
  }

  storyOf(wooId: number): string[] {
    return this.stories.get(wooId) ?? [];
  }
}

const FATES: [number, Fate][] = [
  [78, 'deliver'],
  [6, 'lose'],
  [3, 'fail'],
  [6, 'twice'],
  [7, 'hold'],
];
