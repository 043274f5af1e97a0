import type { Knex } from 'knex';

/** So that a transaction stays within memory. */
const CUSTOMERS_AT_ONCE = 50_000;
const DIGITS = 12;
/** Far from those that the shop gives itself. */
const TICKET_NUMBERS_FROM = 1_000_000_000;

/** Ids of the `n`th customer, from 1, and of what is theirs. */
export const bigShopIds = {
  customer: (n: number) => `0180a000-0000-7000-8000-${pad(n)}`,
  ticket: (n: number) => `0180d000-0000-7000-8000-${pad(2 * n)}`,
};

function pad(n: number): string {
  return String(n).padStart(DIGITS, '0');
}

/**
 * Makes `customers` customers by a few statements for each table, whatever their number: each with an order that was
 * paid, two grants, ten entries in a ledger that adds up, and two tickets with a message each. One ticket in `openEvery`
 * is open work. Foreign keys are not asked: what is referred to is written here.
 */
export async function makeBigShop(
  db: Knex,
  storeId: string,
  customers: number,
  { openEvery = 100 } = {},
): Promise<void> {
  const isPostgres = (db.client as { dialect: string }).dialect === 'postgresql';
  for (let from = 1; from <= customers; from += CUSTOMERS_AT_ONCE) {
    const to = Math.min(customers, from + CUSTOMERS_AT_ONCE - 1);
    if (!isPostgres) await db.raw('PRAGMA foreign_keys = OFF');
    await db.transaction(async (trx) => {
      if (isPostgres) await trx.raw('SET LOCAL session_replication_role = replica');
      await fill(trx, { storeId, from, to, openEvery, isPostgres });
    });
    if (!isPostgres) await db.raw('PRAGMA foreign_keys = ON');
  }
}

async function fill(
  trx: Knex,
  part: { storeId: string; from: number; to: number; openEvery: number; isPostgres: boolean },
): Promise<void> {
  const { storeId, from, to, openEvery, isPostgres } = part;
  const padded = (expression: string) =>
    isPostgres ? `lpad((${expression})::text, ${DIGITS}, '0')` : `printf('%0${DIGITS}d', ${expression})`;
  const id = (head: string, expression: string) => `'${head}-0000-7000-8000-' || ${padded(expression)}`;
  const ids = {
    customer: id('0180a000', 'n'),
    order: id('0180b000', 'n'),
    ticket: id('0180d000', '2 * n - k'),
    message: id('0180e000', '2 * n - k'),
    grant: id('0180c000', '2 * n - k'),
    entry: id('0180f000', '10 * n - k'),
  };
  /** `each`: rows of one customer, told apart by k, from 0. */
  const insert = async (table: string, each: number, columns: Record<string, string | number | null>) => {
    await trx.raw(`INSERT INTO ${table} (${Object.keys(columns).join(', ')})
      WITH RECURSIVE numbers (n) AS (SELECT ${from} UNION ALL SELECT n + 1 FROM numbers WHERE n < ${to}),
        kinds (k) AS (SELECT 0 UNION ALL SELECT k + 1 FROM kinds WHERE k < ${each - 1})
      SELECT ${Object.values(columns).join(', ')} FROM numbers CROSS JOIN kinds ORDER BY n, k DESC`);
  };
  const text = (value: string) => `'${value}'`;
  const email = `'customer-' || n || '@example.com'`;
  // Spread over a year, the same for the same number whatever the size of the shop.
  const at = `'2026-' || ${isPostgres ? `lpad((1 + n % 11)::text, 2, '0')` : `printf('%02d', 1 + n % 11)`} || '-05T10:00:00.000Z'`;
  const meter = `CASE k % 2 WHEN 0 THEN 'sms' ELSE 'email' END`;
  const made = { created_at: at, updated_at: at };

  await insert('customers', 1, {
    id: ids.customer,
    store_id: text(storeId),
    email,
    email_normalised: email,
    name: `'Ana Kupec ' || n`,
    phone: `'041 ' || n`,
    phone_e164: `'+386' || (40000000 + n)`,
    country: text('SI'),
    locale: text('sl'),
    details_as_of: text('{}'),
    ...made,
  });
  const closed = `(2 * n - k) % ${openEvery} <> 1`;
  await insert('tickets', 2, {
    id: ids.ticket,
    number: `${TICKET_NUMBERS_FROM} + 2 * n - k`,
    store_id: text(storeId),
    customer_id: ids.customer,
    family_id: ids.ticket,
    subject: `'Printer ' || n`,
    status: `CASE WHEN ${closed} THEN 'closed' ELSE 'open' END`,
    version: 2,
    origin: text('order'),
    unpaid: 0,
    spam: 0,
    tags: text('[]'),
    last_message_at: at,
    first_replied_at: `CASE WHEN ${closed} THEN ${at} END`,
    closed_at: `CASE WHEN ${closed} THEN ${at} END`,
    ...made,
  });
  await insert('messages', 2, {
    id: ids.message,
    ticket_id: ids.ticket,
    direction: text('in'),
    channel: text('email'),
    kind: text('customer'),
    author_kind: text('customer'),
    author_id: ids.customer,
    author_name: `'Ana Kupec ' || n`,
    body: text('The printer prints nothing but black pages since yesterday. What can I do?'),
    status: text('received'),
    created_at: at,
  });
  await insert('orders', 1, {
    id: ids.order,
    store_id: text(storeId),
    woo_id: '900000000 + n',
    number: `'' || (900000000 + n)`,
    status: text('completed'),
    ...{ paid: 1, ever_paid: 1, gone: 0 },
    customer_id: ids.customer,
    ticket_id: id('0180d000', '2 * n'),
    currency: text('EUR'),
    total: text('29.00'),
    date_created_gmt: text('2026-01-05T10:00:00'),
    date_modified_gmt: text('2026-01-05T10:00:00'),
    review_flags: text('[]'),
    ...made,
  });
  await insert('credit_balances', 1, {
    customer_id: ids.customer,
    entry_seq: 10,
    ...{ sms_granted: 10, sms_available: 6, sms_revoked: 4 },
    ...{ email_granted: 10, email_available: 6, email_revoked: 4 },
  });
  await insert('credit_grants', 2, {
    id: ids.grant,
    grant_key: `'big:' || (2 * n - k)`,
    customer_id: ids.customer,
    meter,
    cause: text('order'),
    order_id: ids.order,
    sms_unit: text('message'),
    scope: text('customer'),
    expires_at: text('2036-01-01T00:00:00.000Z'),
    ...{ granted: 10, available: 6, held: 0, used: 0, expired: 0, revoked: 4, order_revoked: 0, wanted: 10 },
    created_at: at,
  });
  // seq 10 - k, so the first two grant, and the others take one each.
  await insert('credit_entries', 10, {
    id: ids.entry,
    customer_id: ids.customer,
    seq: '10 - k',
    grant_id: id('0180c000', '2 * n - k % 2'),
    meter,
    type: `CASE WHEN k >= 8 THEN 'grant' ELSE 'correct' END`,
    quantity: 'CASE WHEN k >= 8 THEN 10 ELSE 1 END',
    cause_kind: `CASE WHEN k >= 8 THEN 'order' ELSE 'adjustment' END`,
    cause_id: `CASE WHEN k >= 8 THEN ${ids.order} END`,
    actor_kind: text('system'),
    actor_id: text('system'),
    actor_name: text('Zeton'),
    available_after: 'CASE WHEN k >= 8 THEN 10 ELSE 6 + k / 2 END',
    at,
  });
}
