import { z } from 'zod';
import { DEFAULT_PRICE_LIST, METERS } from '../domain/credits';
import { findPackage, listPackages, type Match, type Package, type PackageInput } from '../domain/packages';
import { limits } from '../platform/limits';
import { createPackageIn, updatePackageIn } from '../usecases/define-package';
import { cursorAt, idInCursor, pageOf, pageQuery, toPage } from './cursor';
import { endpoint } from './endpoint';
import { notFound, seesStore } from './principal';
import { id, instant, instantIn, isoOf, meter, storeSlug, words } from './schemas';
import { slugsOf, storeBySlug, storesInList } from './stores.query';

const wooId = z.int().min(1).max(Number.MAX_SAFE_INTEGER);
const match = z
  .union(
    [
      z.strictObject({ variation_id: wooId }),
      z.strictObject({ product_id: wooId }),
      z.strictObject({ sku: words(limits.nameChars) }),
    ],
    { error: 'must have exactly one of product_id, variation_id, sku' },
  )
  .meta({ id: 'PackageMatch', description: 'The product that buys this package: exactly one of the three.' });

const grants = z
  .array(z.strictObject({ meter, quantity: z.int().min(1).max(limits.creditQuantityMax) }))
  .min(1)
  .max(limits.grantsPerPackage)
  .refine(
    (list) => new Set(list.map((grant) => grant.meter)).size === list.length,
    'may name each meter only once',
  )
  .describe('Credits per unit sold; each meter at most once.');

const price = z.int().min(1).max(limits.creditQuantityMax).optional();
const priceList = z
  .strictObject({ sms: price, email: price, video: price, request: price })
  .meta({ id: 'PriceList' })
  .describe('What one unit costs in credits of `any`. A meter that is not listed cannot be paid by `any`.');

const videoUnit = z.union([
  z.literal('session'),
  z.strictObject({ block_minutes: z.int().min(1).max(limits.videoBlockMinutesMax) }),
]);

const terms = {
  name: words(limits.nameChars),
  match,
  grants,
  price_list: priceList,
  sms_unit: z.enum(['message', 'segment']),
  video_unit: videoUnit.describe('A whole session, or each started block of so many minutes.'),
  validity_days: z
    .int()
    .min(1)
    .max(limits.validityDaysMax)
    .nullable()
    .describe('Credits expire at the end of this day after payment; null: never.'),
  scope: z
    .enum(['customer', 'ticket'])
    .describe('`ticket`: only for the ticket that its order opened, and its follow-ups; needs opens_ticket.'),
  opens_ticket: z.boolean(),
  low_balance_at: z.int().min(0).max(limits.creditQuantityMax).nullable(),
  orders_from: instantIn
    .nullable()
    .describe('Lines of orders created before match only through an import; null: whatever their date.'),
  active: z.boolean().describe('Only active packages are bought. What was bought stays as bought.'),
};

const newPackage = z
  .strictObject({
    store: storeSlug,
    name: terms.name,
    match: terms.match,
    grants: terms.grants,
    price_list: terms.price_list.optional().describe('Default: sms 1, email 1, video 5.'),
    sms_unit: terms.sms_unit.default('message'),
    video_unit: terms.video_unit.default('session'),
    validity_days: terms.validity_days.default(null),
    scope: terms.scope.default('customer'),
    opens_ticket: terms.opens_ticket.default(true),
    low_balance_at: terms.low_balance_at.default(null),
    orders_from: terms.orders_from.default(null),
    active: terms.active.default(true),
  })
  .meta({ id: 'NewPackage' });

const changes = z
  .strictObject(terms)
  .partial()
  .meta({ id: 'PackageChanges', description: 'What is left out stays. Changes touch future orders only.' });

const packageView = z
  .object({
    id,
    store: storeSlug,
    name: z.string(),
    match: z.object({
      variation_id: z.int().optional(),
      product_id: z.int().optional(),
      sku: z.string().optional(),
    }),
    grants: z.array(z.object({ meter, quantity: z.int() })),
    price_list: z.partialRecord(z.enum(METERS), z.int()),
    sms_unit: z.enum(['message', 'segment']),
    video_unit: z.union([z.literal('session'), z.object({ block_minutes: z.int() })]),
    validity_days: z.int().nullable(),
    scope: z.enum(['customer', 'ticket']),
    opens_ticket: z.boolean(),
    low_balance_at: z.int().nullable(),
    orders_from: instant.nullable(),
    active: z.boolean(),
    created_at: instant,
    updated_at: instant,
  })
  .meta({ id: 'Package' });

function viewOf(pkg: Package, store: string): z.input<typeof packageView> {
  const { kind, value } = pkg.match;
  return {
    id: pkg.id,
    store,
    name: pkg.name,
    match: { [kind]: kind === 'sku' ? value : Number(value) },
    grants: pkg.grants,
    price_list: pkg.priceList,
    sms_unit: pkg.smsUnit,
    video_unit: pkg.videoBlockMinutes === null ? 'session' : { block_minutes: pkg.videoBlockMinutes },
    validity_days: pkg.validityDays,
    scope: pkg.scope,
    opens_ticket: pkg.opensTicket,
    low_balance_at: pkg.lowBalanceAt,
    orders_from: pkg.ordersFrom,
    active: pkg.active,
    created_at: pkg.createdAt,
    updated_at: pkg.updatedAt,
  };
}

function matchFrom(input: z.output<typeof match>): Match {
  if ('variation_id' in input) return { kind: 'variation_id', value: String(input.variation_id) };
  if ('product_id' in input) return { kind: 'product_id', value: String(input.product_id) };
  return { kind: 'sku', value: input.sku };
}

function changesFrom(body: z.output<typeof changes>): Partial<PackageInput> {
  const found: Partial<PackageInput> = {
    name: body.name,
    match: body.match && matchFrom(body.match),
    grants: body.grants,
    priceList: body.price_list,
    smsUnit: body.sms_unit,
    videoBlockMinutes: body.video_unit && blockMinutes(body.video_unit),
    validityDays: body.validity_days,
    scope: body.scope,
    opensTicket: body.opens_ticket,
    lowBalanceAt: body.low_balance_at,
    ordersFrom: body.orders_from && isoOf(body.orders_from),
    active: body.active,
  };
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined));
}

function blockMinutes(unit: z.output<typeof videoUnit>): number | null {
  return unit === 'session' ? null : unit.block_minutes;
}

export const packageEndpoints = [
  endpoint({
    name: 'createPackage',
    method: 'post',
    path: '/api/v1/packages',
    resource: 'package',
    scope: 'packages:write',
    summary: 'Say what a product buys',
    description: 'Touches future orders only.',
    body: newPackage,
    key: { required: false },
    status: 201,
    answer: packageView,
    problems: ['not-found', 'package-match-taken'],
    async handle({ ctx, principal, actor, body, once }) {
      const store = await storeBySlug(ctx.db, principal, body.store);
      if (!store) throw notFound('store');
      return once(async (trx) => {
        const pkg = await createPackageIn(trx, ctx, actor, {
          storeId: store.id,
          name: body.name,
          match: matchFrom(body.match),
          grants: body.grants,
          priceList: body.price_list ?? DEFAULT_PRICE_LIST,
          smsUnit: body.sms_unit,
          videoBlockMinutes: blockMinutes(body.video_unit),
          validityDays: body.validity_days,
          scope: body.scope,
          opensTicket: body.opens_ticket,
          lowBalanceAt: body.low_balance_at,
          ordersFrom: body.orders_from && isoOf(body.orders_from),
          active: body.active,
        });
        return viewOf(pkg, store.slug);
      });
    },
  }),
  endpoint({
    name: 'listPackages',
    method: 'get',
    path: '/api/v1/packages',
    resource: 'package',
    scope: 'packages:read',
    summary: 'Packages, newest first',
    query: z.strictObject({ store: storeSlug.optional(), ...pageQuery }),
    status: 200,
    answer: pageOf(packageView),
    async handle({ ctx, principal, query }) {
      const found = await listPackages(ctx.db, {
        storeIds: await storesInList(ctx.db, principal, query.store),
        after: idInCursor('packages', query.cursor),
        limit: query.limit + 1,
      });
      const slugs = await slugsOf(
        ctx.db,
        found.map((pkg) => pkg.storeId),
      );
      const views = found.map((pkg) => viewOf(pkg, slugs.get(pkg.storeId) ?? ''));
      return toPage(views, query.limit, (pkg) => cursorAt('packages', pkg.id));
    },
  }),
  endpoint({
    name: 'getPackage',
    method: 'get',
    path: '/api/v1/packages/{id}',
    resource: 'package',
    scope: 'packages:read',
    summary: 'One package',
    status: 200,
    answer: packageView,
    async handle({ ctx, principal, params }) {
      const pkg = await findPackage(ctx.db, params.id);
      if (!pkg || !seesStore(principal, pkg.storeId)) throw notFound('package');
      return viewOf(pkg, (await slugsOf(ctx.db, [pkg.storeId])).get(pkg.storeId) ?? '');
    },
  }),
  endpoint({
    name: 'updatePackage',
    method: 'patch',
    path: '/api/v1/packages/{id}',
    resource: 'package',
    scope: 'packages:write',
    summary: 'Change a package, or take it off sale',
    body: changes,
    status: 200,
    answer: packageView,
    problems: ['package-match-taken'],
    async handle({ ctx, principal, actor, params, body, once }) {
      const known = await findPackage(ctx.db, params.id);
      if (!known || !seesStore(principal, known.storeId)) throw notFound('package');
      const slug = (await slugsOf(ctx.db, [known.storeId])).get(known.storeId) ?? '';
      return once(async (trx) =>
        viewOf(await updatePackageIn(trx, ctx, actor, known.id, changesFrom(body)), slug),
      );
    },
  }),
];
