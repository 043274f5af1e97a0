import type { Knex } from 'knex';
import { allowChanges, refuseChanges } from '../src/platform/dialect';

const METERS = ['sms', 'email', 'video', 'request', 'any'];
const AMOUNTS = ['granted', 'available', 'held', 'used', 'expired', 'revoked'];

export async function up(db: Knex): Promise<void> {
  // One row a customer: the first thing every ledger write updates, and the kept sums of what the entries say.
  const sums = METERS.flatMap((meter) =>
    AMOUNTS.map((amount) => `${meter}_${amount} BIGINT NOT NULL DEFAULT 0 CHECK (${meter}_${amount} >= 0)`),
  );
  const balanced = METERS.map(
    (m) => `CHECK (${m}_granted = ${m}_available + ${m}_held + ${m}_used + ${m}_expired + ${m}_revoked)`,
  );
  await db.raw(`CREATE TABLE credit_balances (
    customer_id TEXT NOT NULL PRIMARY KEY REFERENCES customers (id),
    -- number of the newest entry of this customer
    entry_seq BIGINT NOT NULL DEFAULT 0,
    ${[...sums, ...balanced].join(',\n    ')}
  )`);

  await db.raw(`CREATE TABLE credit_grants (
    id TEXT NOT NULL PRIMARY KEY,
    -- natural key of the cause: woo:default:51:line:2:sms
    grant_key TEXT NOT NULL UNIQUE,
    customer_id TEXT NOT NULL REFERENCES customers (id),
    meter TEXT NOT NULL CHECK (meter IN (${METERS.map((m) => `'${m}'`).join(', ')})),
    cause TEXT NOT NULL CHECK (cause IN ('order', 'goodwill', 'correction')),
    order_id TEXT REFERENCES orders (id),
    order_line_id TEXT REFERENCES order_lines (id),
    package_version_id TEXT REFERENCES package_versions (id),
    sms_unit TEXT NOT NULL CHECK (sms_unit IN ('message', 'segment')),
    video_block_minutes INTEGER CHECK (video_block_minutes >= 1),
    -- any only: credits per unit of each meter it can pay
    price_list TEXT,
    scope TEXT NOT NULL CHECK (scope IN ('customer', 'ticket')),
    -- family of tickets that may draw on it
    ticket_family_id TEXT,
    expires_at TEXT,
    granted BIGINT NOT NULL CHECK (granted >= 0),
    available BIGINT NOT NULL CHECK (available >= 0),
    held BIGINT NOT NULL CHECK (held >= 0),
    used BIGINT NOT NULL CHECK (used >= 0),
    expired BIGINT NOT NULL CHECK (expired >= 0),
    revoked BIGINT NOT NULL CHECK (revoked >= 0),
    -- the part of revoked that its order took back and may reinstate; the rest are corrections
    order_revoked BIGINT NOT NULL CHECK (order_revoked >= 0 AND order_revoked <= revoked),
    -- what its order wants of it now; granted - order_revoked - wanted is the excess
    wanted BIGINT CHECK (wanted >= 0),
    created_at TEXT NOT NULL,
    CHECK (granted = available + held + used + expired + revoked),
    CHECK ((cause = 'order') = (wanted IS NOT NULL)),
    CHECK ((scope = 'ticket') = (ticket_family_id IS NOT NULL)),
    CHECK ((meter = 'any') = (price_list IS NOT NULL))
  )`);
  await db.raw('CREATE INDEX credit_grants_draw ON credit_grants (customer_id, meter) WHERE available > 0');
  await db.raw('CREATE INDEX credit_grants_customer ON credit_grants (customer_id, id)');
  await db.raw('CREATE INDEX credit_grants_line ON credit_grants (order_line_id)');
  await db.raw('CREATE INDEX credit_grants_due ON credit_grants (expires_at) WHERE available > 0');

  await db.raw(`CREATE TABLE credit_holds (
    id TEXT NOT NULL PRIMARY KEY,
    hold_key TEXT NOT NULL UNIQUE,
    customer_id TEXT NOT NULL REFERENCES customers (id),
    ticket_id TEXT NOT NULL REFERENCES tickets (id),
    -- what is worked: sms, email, video, request; the credits drawn may be of meter any
    meter TEXT NOT NULL,
    unit TEXT NOT NULL CHECK (unit IN ('message', 'segment', 'session', 'block', 'request')),
    block_minutes INTEGER,
    quantity BIGINT NOT NULL CHECK (quantity >= 1),
    -- credits per unit
    price BIGINT NOT NULL CHECK (price >= 1),
    status TEXT NOT NULL CHECK (status IN ('held', 'captured', 'released', 'reversed')),
    captured_quantity BIGINT NOT NULL DEFAULT 0 CHECK (captured_quantity >= 0 AND captured_quantity <= quantity),
    cause_kind TEXT NOT NULL CHECK (cause_kind IN ('message', 'video_session', 'ticket')),
    cause_id TEXT NOT NULL,
    reason TEXT,
    created_at TEXT NOT NULL,
    settled_at TEXT
  )`);
  await db.raw('CREATE INDEX credit_holds_cause ON credit_holds (cause_kind, cause_id)');
  await db.raw(`CREATE TABLE credit_hold_draws (
    hold_id TEXT NOT NULL REFERENCES credit_holds (id),
    position INTEGER NOT NULL,
    grant_id TEXT NOT NULL REFERENCES credit_grants (id),
    credits BIGINT NOT NULL CHECK (credits >= 1),
    captured BIGINT NOT NULL DEFAULT 0 CHECK (captured >= 0 AND captured <= credits),
    PRIMARY KEY (hold_id, position)
  )`);

  await db.raw(`CREATE TABLE credit_entries (
    id TEXT NOT NULL PRIMARY KEY,
    customer_id TEXT NOT NULL REFERENCES customers (id),
    -- 1, 2, 3 … for each customer, without gaps
    seq BIGINT NOT NULL,
    grant_id TEXT NOT NULL REFERENCES credit_grants (id),
    meter TEXT NOT NULL,
    type TEXT NOT NULL CHECK (type IN
      ('grant', 'reinstate', 'hold', 'capture', 'release', 'reverse', 'expire', 'unexpire', 'revoke', 'correct')),
    quantity BIGINT NOT NULL CHECK (quantity >= 1),
    hold_id TEXT REFERENCES credit_holds (id),
    cause_kind TEXT NOT NULL CHECK (cause_kind IN ('order', 'message', 'video_session', 'ticket', 'expiry', 'adjustment')),
    cause_id TEXT,
    reason TEXT,
    actor_kind TEXT NOT NULL,
    actor_id TEXT NOT NULL,
    actor_name TEXT NOT NULL,
    -- of this customer and meter, after this entry
    available_after BIGINT NOT NULL CHECK (available_after >= 0),
    at TEXT NOT NULL,
    UNIQUE (customer_id, seq)
  )`);
  await db.raw('CREATE INDEX credit_entries_grant ON credit_entries (grant_id)');
  await db.raw('CREATE INDEX credit_entries_hold ON credit_entries (hold_id)');
  await refuseChanges(db, 'credit_entries');
}

export async function down(db: Knex): Promise<void> {
  await allowChanges(db, 'credit_entries');
  for (const table of [
    'credit_entries',
    'credit_hold_draws',
    'credit_holds',
    'credit_grants',
    'credit_balances',
  ]) {
    await db.raw(`DROP TABLE ${table}`);
  }
}
