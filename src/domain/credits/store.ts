import type { Actor } from '../../platform/actor';
import type { Db, Trx } from '../../platform/db';
import {
  AMOUNTS,
  type Amounts,
  type Draw,
  type EntryType,
  type Grant,
  METERS,
  type Meter,
  type Unit,
} from './rules';

export interface Hold {
  id: string;
  customerId: string;
  ticketId: string;
  /** What is worked; the credits drawn may be of meter any. */
  meter: Exclude<Meter, 'any'>;
  unit: Unit;
  blockMinutes: number | null;
  /** Units of work. */
  quantity: number;
  /** Credits per unit. */
  price: number;
  status: 'held' | 'captured' | 'released' | 'reversed';
  capturedQuantity: number;
  cause: { kind: HoldCauseKind; id: string };
  reason: string | null;
  draws: (Draw & { captured: number })[];
}

export type HoldCauseKind = 'message' | 'video_session' | 'ticket';
export type Sums = Record<Meter, Amounts>;

export interface Entry {
  id: string;
  customerId: string;
  seq: number;
  grantId: string;
  meter: Meter;
  type: EntryType;
  quantity: number;
  holdId: string | null;
  causeKind: 'order' | 'message' | 'video_session' | 'ticket' | 'expiry' | 'adjustment';
  causeId: string | null;
  reason: string | null;
  actor: Actor;
  /** Of this customer and meter, after this entry. */
  availableAfter: number;
  at: string;
}

type Row = Record<string, unknown>;

/** Not with a value: SQLite takes the indexes of what is available only where it reads so. */
const HAS_AVAILABLE = 'available > 0';
/** Of one insert: both engines bound the number of values. */
const ROWS_AT_ONCE = 100;

function noSums(): Sums {
  const none = { granted: 0, available: 0, held: 0, used: 0, expired: 0, revoked: 0 };
  return Object.fromEntries(METERS.map((meter) => [meter, { ...none }])) as Sums;
}

function sumsFromRow(row: Row): Sums {
  return Object.fromEntries(
    METERS.map((meter) => [
      meter,
      Object.fromEntries(AMOUNTS.map((amount) => [amount, Number(row[`${meter}_${amount}`])])),
    ]),
  ) as Sums;
}

/** The first statement of every ledger write: locks the customer's one balance row, made where there is none, and reads it. */
export async function lockBalance(trx: Trx, customerId: string): Promise<{ seq: number; sums: Sums }> {
  const [row] = (await trx('credit_balances')
    .insert({ customer_id: customerId })
    .onConflict('customer_id')
    .merge({ entry_seq: trx.ref('credit_balances.entry_seq') })
    .returning('*')) as Row[];
  return { seq: Number(row?.entry_seq), sums: sumsFromRow(row as Row) };
}

export async function saveBalance(
  trx: Trx,
  customerId: string,
  change: { fromSeq: number; toSeq: number; sums: Sums; meters: Set<Meter> },
): Promise<boolean> {
  const columns: Row = { entry_seq: change.toSeq };
  for (const meter of change.meters) {
    for (const amount of AMOUNTS) columns[`${meter}_${amount}`] = change.sums[meter][amount];
  }
  const where = { customer_id: customerId, entry_seq: change.fromSeq };
  return (await trx('credit_balances').where(where).update(columns)) === 1;
}

export async function readBalance(db: Db, customerId: string): Promise<Sums> {
  const row = (await db('credit_balances').where({ customer_id: customerId }).first()) as Row | undefined;
  return row ? sumsFromRow(row) : noSums();
}

function grantFromRow(row: Row): Grant {
  return {
    id: row.id as string,
    grantKey: row.grant_key as string,
    customerId: row.customer_id as string,
    meter: row.meter as Meter,
    cause: row.cause as Grant['cause'],
    orderId: row.order_id as string | null,
    orderLineId: row.order_line_id as string | null,
    packageVersionId: row.package_version_id as string | null,
    smsUnit: row.sms_unit as Grant['smsUnit'],
    videoBlockMinutes: row.video_block_minutes as number | null,
    priceList: row.price_list === null ? null : (JSON.parse(row.price_list as string) as Grant['priceList']),
    scope: row.scope as Grant['scope'],
    ticketFamilyId: row.ticket_family_id as string | null,
    expiresAt: row.expires_at as string | null,
    granted: Number(row.granted),
    available: Number(row.available),
    held: Number(row.held),
    used: Number(row.used),
    expired: Number(row.expired),
    revoked: Number(row.revoked),
    orderRevoked: Number(row.order_revoked),
    wanted: row.wanted === null ? null : Number(row.wanted),
    createdAt: row.created_at as string,
  };
}

function grantTerms(grant: Grant): Row {
  return {
    package_version_id: grant.packageVersionId,
    sms_unit: grant.smsUnit,
    video_block_minutes: grant.videoBlockMinutes,
    price_list: grant.priceList === null ? null : JSON.stringify(grant.priceList),
    scope: grant.scope,
    ticket_family_id: grant.ticketFamilyId,
    expires_at: grant.expiresAt,
    wanted: grant.wanted,
  };
}

export async function insertGrants(trx: Trx, grants: Grant[]): Promise<void> {
  const rows = grants.map((grant) => ({
    id: grant.id,
    grant_key: grant.grantKey,
    customer_id: grant.customerId,
    meter: grant.meter,
    cause: grant.cause,
    order_id: grant.orderId,
    order_line_id: grant.orderLineId,
    ...grantTerms(grant),
    granted: grant.granted,
    available: grant.available,
    held: grant.held,
    used: grant.used,
    expired: grant.expired,
    revoked: grant.revoked,
    order_revoked: grant.orderRevoked,
    created_at: grant.createdAt,
  }));
  for (let i = 0; i < rows.length; i += ROWS_AT_ONCE) {
    await trx('credit_grants').insert(rows.slice(i, i + ROWS_AT_ONCE));
  }
}

/** Moves the amounts by what was posted; the table's CHECKs refuse what must not be. */
export async function updateGrant(
  trx: Trx,
  grant: Grant,
  before: Grant,
  changed: { terms: boolean },
): Promise<void> {
  const columns: Row = changed.terms ? grantTerms(grant) : {};
  for (const amount of AMOUNTS) {
    const difference = grant[amount] - before[amount];
    if (difference !== 0) columns[amount] = trx.raw('?? + ?', [amount, difference]);
  }
  if (grant.orderRevoked !== before.orderRevoked) {
    columns.order_revoked = trx.raw('order_revoked + ?', [grant.orderRevoked - before.orderRevoked]);
  }
  await trx('credit_grants').where({ id: grant.id }).update(columns);
}

export async function drawableGrants(db: Db, customerId: string, meter: Meter, at: string): Promise<Grant[]> {
  const rows = (await db('credit_grants')
    .where({ customer_id: customerId })
    .whereIn('meter', meter === 'any' ? ['any'] : [meter, 'any'])
    .whereRaw(HAS_AVAILABLE)
    .where((q) => q.whereNull('expires_at').orWhere('expires_at', '>', at))) as Row[];
  return rows.map(grantFromRow);
}

export async function availableGrants(db: Db, customerId: string): Promise<Grant[]> {
  const rows = (await db('credit_grants')
    .where({ customer_id: customerId })
    .whereRaw(HAS_AVAILABLE)) as Row[];
  return rows.map(grantFromRow);
}

export async function grantsByIds(db: Db, ids: string[]): Promise<Grant[]> {
  return ((await db('credit_grants').whereIn('id', ids)) as Row[]).map(grantFromRow);
}

export async function grantsOfOrder(db: Db, orderId: string): Promise<Grant[]> {
  return ((await db('credit_grants').where({ order_id: orderId }).orderBy('id')) as Row[]).map(grantFromRow);
}

export async function grantsOfCustomer(db: Db, customerId: string): Promise<Grant[]> {
  return ((await db('credit_grants').where({ customer_id: customerId }).orderBy('id')) as Row[]).map(
    grantFromRow,
  );
}

export async function newestGrantOfMeter(db: Db, customerId: string, meter: Meter): Promise<Grant | null> {
  const row = (await db('credit_grants')
    .where({ customer_id: customerId, meter })
    .orderBy('id', 'desc')
    .first()) as Row | undefined;
  return row ? grantFromRow(row) : null;
}

/** One statement mostly: a customer's ledger write has a handful of entries (an order of 40 lines: some hundreds). */
export async function insertEntries(trx: Trx, entries: Entry[]): Promise<void> {
  const rows = entries.map((entry) => ({
    id: entry.id,
    customer_id: entry.customerId,
    seq: entry.seq,
    grant_id: entry.grantId,
    meter: entry.meter,
    type: entry.type,
    quantity: entry.quantity,
    hold_id: entry.holdId,
    cause_kind: entry.causeKind,
    cause_id: entry.causeId,
    reason: entry.reason,
    actor_kind: entry.actor.kind,
    actor_id: entry.actor.id,
    actor_name: entry.actor.name,
    available_after: entry.availableAfter,
    at: entry.at,
  }));
  for (let i = 0; i < rows.length; i += ROWS_AT_ONCE) {
    await trx('credit_entries').insert(rows.slice(i, i + ROWS_AT_ONCE));
  }
}

/** Draws are written before their hold is: the caller does both in one transaction. */
export async function insertHold(
  trx: Trx,
  hold: Hold,
  extra: { key: string; createdAt: string },
): Promise<void> {
  await trx('credit_holds').insert({
    id: hold.id,
    hold_key: extra.key,
    customer_id: hold.customerId,
    ticket_id: hold.ticketId,
    meter: hold.meter,
    unit: hold.unit,
    block_minutes: hold.blockMinutes,
    quantity: hold.quantity,
    price: hold.price,
    status: hold.status,
    captured_quantity: 0,
    cause_kind: hold.cause.kind,
    cause_id: hold.cause.id,
    reason: hold.reason,
    created_at: extra.createdAt,
  });
  await trx('credit_hold_draws').insert(
    hold.draws.map((draw, position) => ({
      hold_id: hold.id,
      position,
      grant_id: draw.grantId,
      credits: draw.credits,
    })),
  );
}

async function withDraws(db: Db, rows: Row[]): Promise<Hold[]> {
  if (rows.length === 0) return [];
  const draws = (await db('credit_hold_draws')
    .join('credit_grants', 'credit_grants.id', 'credit_hold_draws.grant_id')
    .whereIn(
      'hold_id',
      rows.map((row) => row.id as string),
    )
    .orderBy(['hold_id', 'position'])
    .select('hold_id', 'grant_id', 'credits', 'captured', 'credit_grants.meter as grant_meter')) as Row[];
  return rows.map((row) => ({
    id: row.id as string,
    customerId: row.customer_id as string,
    ticketId: row.ticket_id as string,
    meter: row.meter as Hold['meter'],
    unit: row.unit as Unit,
    blockMinutes: row.block_minutes as number | null,
    quantity: Number(row.quantity),
    price: Number(row.price),
    status: row.status as Hold['status'],
    capturedQuantity: Number(row.captured_quantity),
    cause: { kind: row.cause_kind as HoldCauseKind, id: row.cause_id as string },
    reason: row.reason as string | null,
    draws: draws
      .filter((draw) => draw.hold_id === row.id)
      .map((draw) => ({
        grantId: draw.grant_id as string,
        meter: draw.grant_meter as Meter,
        credits: Number(draw.credits),
        captured: Number(draw.captured),
      })),
  }));
}

export async function findHold(db: Db, id: string): Promise<Hold | null> {
  return (await withDraws(db, (await db('credit_holds').where({ id })) as Row[]))[0] ?? null;
}

export async function findHoldByKey(db: Db, key: string): Promise<Hold | null> {
  return (await withDraws(db, (await db('credit_holds').where({ hold_key: key })) as Row[]))[0] ?? null;
}

/** Every hold for one message, video session or ticket, oldest first. */
export async function holdsOfCause(db: Db, cause: { kind: HoldCauseKind; id: string }): Promise<Hold[]> {
  const rows = (await db('credit_holds')
    .where({ cause_kind: cause.kind, cause_id: cause.id })
    .orderBy('id')) as Row[];
  return withDraws(db, rows);
}

/** False when another one settled the hold first. */
export async function settleHold(
  trx: Trx,
  holdId: string,
  change: {
    from: Hold['status'];
    to: Hold['status'];
    capturedQuantity: number;
    reason: string | null;
    at: string;
  },
): Promise<boolean> {
  const changed = await trx('credit_holds').where({ id: holdId, status: change.from }).update({
    status: change.to,
    captured_quantity: change.capturedQuantity,
    reason: change.reason,
    settled_at: change.at,
  });
  return changed === 1;
}

export async function saveCapturedDraws(trx: Trx, hold: Hold): Promise<void> {
  for (const [position, draw] of hold.draws.entries()) {
    if (draw.captured === 0) continue;
    await trx('credit_hold_draws').where({ hold_id: hold.id, position }).update({ captured: draw.captured });
  }
}

/** By the date, as its index has them; each customer once. */
export async function customersWithDueGrants(db: Db, at: string, limit: number): Promise<string[]> {
  const rows = (await db('credit_grants')
    .whereRaw(HAS_AVAILABLE)
    .where('expires_at', '<=', at)
    .orderBy('expires_at')
    .limit(limit)
    .select('customer_id')) as Row[];
  return [...new Set(rows.map((row) => row.customer_id as string))];
}

/** Balances as they stood at these entries need no more looking at; one that changed since is looked at again. */
export async function markLookedAt(
  db: Db,
  balances: readonly { customerId: string; entrySeq: number }[],
): Promise<void> {
  if (balances.length === 0) return;
  await db('credit_balances')
    .whereIn(
      ['customer_id', 'entry_seq'],
      balances.map(({ customerId, entrySeq }) => [customerId, entrySeq]),
    )
    .update({ notice_seq: db.ref('entry_seq') });
}

/**
 * Did credits of this meter come in after that entry, and lift what is available above the mark? By a purchase, as
 * goodwill, or valid again; not what a message that failed gave back.
 */
export async function wereCreditsAdded(
  db: Db,
  input: { customerId: string; meter: Meter; afterSeq: number; above: number },
): Promise<boolean> {
  const row: unknown = await db('credit_entries')
    .where({ customer_id: input.customerId, meter: input.meter })
    .where('seq', '>', input.afterSeq)
    .whereIn('type', ['grant', 'reinstate', 'unexpire'])
    .where('available_after', '>', input.above)
    .first('id');
  return row !== undefined;
}

/** Was anything held or used after that entry? */
export async function wereCreditsSpent(
  db: Db,
  input: { customerId: string; afterSeq: number },
): Promise<boolean> {
  const row: unknown = await db('credit_entries')
    .where({ customer_id: input.customerId })
    .where('seq', '>', input.afterSeq)
    .whereIn('type', ['hold', 'capture'])
    .first('id');
  return row !== undefined;
}
