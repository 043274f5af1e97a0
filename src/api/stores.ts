import { z } from 'zod';
import { CUSTOMER_NOTES, type StoreChanges } from '../domain/stores';
import { limits } from '../platform/limits';
import { changeStoreIn, connectStoreIn } from '../usecases/connect-store';
import { cursorAt, pageOf, pageQuery, slugInCursor, toPage } from './cursor';
import { endpoint } from './endpoint';
import { notFound, requireEveryStore } from './principal';
import { instant, storeSlug, words } from './schemas';
import { readStore, readStores, storeBySlug } from './stores.query';

const secret = z.string().min(1).max(500);

const members = {
  name: words(limits.nameChars).optional(),
  url: z.string().max(2000).nullable().optional().meta({ example: 'https://shop.example.com' }),
  webhook_secret: secret.nullable().optional().describe('Kept sealed, and never shown again.'),
  consumer_key: secret.nullable().optional().describe('REST key (ck_…); kept sealed, and never shown again.'),
  consumer_secret: secret.nullable().optional().describe('Kept sealed, and never shown again.'),
  paid_statuses: z
    .array(z.string().min(1).max(limits.nameChars))
    .min(1)
    .max(20)
    .optional()
    .describe('Order statuses that count as paid; default: processing, completed.'),
  locale: z.string().max(35).optional().meta({ example: 'sl' }),
  country: z.string().length(2).optional().meta({ example: 'SI' }),
  time_zone: z
    .string()
    .max(60)
    .optional()
    .describe('Credits expire at the end of a day there.')
    .meta({ example: 'Europe/Ljubljana' }),
  notices: z
    .boolean()
    .optional()
    .describe('Customers are told, free of charge, when credits expire soon or run low; default: true.'),
  customer_note: z
    .enum(CUSTOMER_NOTES)
    .optional()
    .describe(
      'What a buyer is told when a ticket opens. zeton (default): a greeting by Zeton; shop: an order note that WooCommerce mails; off: nothing.',
    ),
  private_refund_notes: z
    .boolean()
    .optional()
    .describe('A private note on orders whose refund found credits that were used; default: true.'),
  write_ticket_meta: z
    .boolean()
    .optional()
    .describe('The id of the ticket is written into the order in the shop; default: true.'),
  mail_address: z
    .string()
    .max(limits.emailChars)
    .nullable()
    .optional()
    .describe('What its customers write to, where that is not MAIL_FROM: mail to it belongs to this store.')
    .meta({ example: 'help@shop.example.com' }),
};

const store = z
  .object({
    slug: storeSlug,
    name: z.string(),
    url: z.string().nullable(),
    paid_statuses: z.array(z.string()),
    locale: z.string(),
    country: z.string(),
    time_zone: z.string(),
    notices: z.boolean(),
    customer_note: z.enum(CUSTOMER_NOTES),
    private_refund_notes: z.boolean(),
    write_ticket_meta: z.boolean(),
    mail_address: z.string().nullable(),
    currency: z.string().nullable().describe('As the shop said it; null: it was never asked.'),
    from_environment: z.boolean().describe('WOOCOMMERCE_… variables describe it.'),
    state: z
      .enum(['connected', 'no_webhook_secret'])
      .describe('no_webhook_secret: every webhook is refused until one is set.'),
    webhook: z.object({
      delivery_url: z.string().describe('Enter it in WooCommerce → Settings → Advanced → Webhooks.'),
      secret_set: z.boolean(),
      last_received_at: instant.nullable(),
      silent_since: instant
        .nullable()
        .describe('Since when orders change without a webhook; null: they come, or nothing changes.'),
      pending: z.int(),
      failed: z.int().describe('Parked until somebody retries them.'),
    }),
    webhooks: z
      .object({
        ensured_at: instant.nullable().describe('When all of them were there and right, the last time.'),
        problem: z.string().nullable().describe('Why that could not be seen to since.'),
        made: z
          .array(
            z.object({
              id: z.int().describe('Of the webhook in WooCommerce.'),
              topic: z.string(),
              made_at: instant,
              pinged_at: instant.nullable().describe('null: its first call has not come (yet).'),
            }),
          )
          .describe('Those that Zeton made in the shop.'),
      })
      .describe('Zeton makes its webhooks itself where REST keys are set.'),
    rest: z.object({
      keys_set: z.boolean(),
      last_sync_at: instant.nullable().describe('null: the store was never read by REST to the end.'),
      failing_since: instant.nullable(),
      problem: z.string().nullable().describe('Why it cannot be read now, in plain words.'),
      parked_orders: z.int().describe('Read, but not to be applied; each is tried again.'),
      checked_at: instant
        .nullable()
        .describe('When the check-list ran; null: never with this address and keys.'),
      ok: z.boolean().nullable().describe('What it said: nothing failed.'),
      problems: z
        .array(z.object({ check: z.string(), code: z.string(), detail: z.string() }))
        .describe('What it found wrong.'),
    }),
    created_at: instant,
    updated_at: instant,
  })
  .meta({ id: 'Store' });

function changesFrom(body: { [K in keyof typeof members]?: z.output<(typeof members)[K]> }): StoreChanges {
  const changes = {
    name: body.name,
    url: body.url,
    webhookSecret: body.webhook_secret,
    consumerKey: body.consumer_key,
    consumerSecret: body.consumer_secret,
    paidStatuses: body.paid_statuses,
    locale: body.locale,
    country: body.country,
    timeZone: body.time_zone,
    notices: body.notices,
    customerNote: body.customer_note,
    privateRefundNotes: body.private_refund_notes,
    writeTicketMeta: body.write_ticket_meta,
    mailAddress: body.mail_address,
  };
  return Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
}

export const storeEndpoints = [
  endpoint({
    name: 'createStore',
    method: 'post',
    path: '/api/v1/stores',
    resource: 'store',
    scope: 'stores:write',
    summary: 'Connect a WooCommerce shop',
    description:
      'What is left out is guessed from the address. Not for tokens that are limited to some stores.',
    body: z
      .strictObject({
        slug: z
          .string()
          .regex(/^[a-z0-9-]{1,40}$/, 'must have 1 to 40 of a-z, 0-9 and "-"')
          .describe('Part of the webhook address.'),
        ...members,
      })
      .meta({ id: 'NewStore' }),
    key: { required: false },
    status: 201,
    answer: store,
    problems: ['store-slug-taken'],
    async handle({ ctx, principal, actor, body, once }) {
      requireEveryStore(principal, 'it cannot connect others');
      return once(async (trx) => {
        const made = await connectStoreIn(trx, ctx, actor, { slug: body.slug, ...changesFrom(body) });
        return readStore(trx, made.id, ctx);
      });
    },
  }),
  endpoint({
    name: 'listStores',
    method: 'get',
    path: '/api/v1/stores',
    resource: 'store',
    scope: 'stores:read',
    summary: 'Stores, by slug',
    query: z.strictObject(pageQuery),
    status: 200,
    answer: pageOf(store),
    async handle({ ctx, principal, query }) {
      const rows = await readStores(ctx.db, {
        storeIds: principal.storeIds,
        after: slugInCursor('stores', query.cursor),
        limit: query.limit + 1,
        ctx,
      });
      return toPage(rows, query.limit, (row) => cursorAt('stores', row.slug));
    },
  }),
  endpoint({
    name: 'getStore',
    method: 'get',
    path: '/api/v1/stores/{slug}',
    resource: 'store',
    scope: 'stores:read',
    summary: 'State of a store, its connection and its webhooks',
    status: 200,
    answer: store,
    async handle({ ctx, principal, params }) {
      const found = await storeBySlug(ctx.db, principal, params.slug);
      if (!found) throw notFound('store');
      return readStore(ctx.db, found.id, ctx);
    },
  }),
  endpoint({
    name: 'updateStore',
    method: 'patch',
    path: '/api/v1/stores/{slug}',
    resource: 'store',
    scope: 'stores:write',
    summary: 'Change a store',
    description: 'What is left out stays; null clears an address or a secret.',
    body: z.strictObject(members).meta({ id: 'StoreChanges' }),
    status: 200,
    answer: store,
    async handle({ ctx, principal, actor, params, body, once }) {
      const found = await storeBySlug(ctx.db, principal, params.slug);
      if (!found) throw notFound('store');
      return once(async (trx) => {
        await changeStoreIn(trx, ctx, actor, found.id, changesFrom(body));
        return readStore(trx, found.id, ctx);
      });
    },
  }),
];
