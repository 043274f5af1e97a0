import type { Db, Trx } from '../../platform/db';
import { isLeaseOver } from '../../platform/lease';
import { limits } from '../../platform/limits';
import type { SyncKind, Unannounced } from './rules';

/** How far a shop is read. */
export interface Sync {
  storeId: string;
  kind: SyncKind;
  readUntil: string;
  startedAt: string | null;
  finishedAt: string | null;
  failures: number;
  failingSince: string | null;
  unannounced: Unannounced;
}

export interface SyncRun {
  id: string;
  storeId: string;
  kind: SyncKind;
  askedBy: string;
  since: string;
  state: 'running' | 'done' | 'failed' | 'stopped';
  seen: number;
  found: number;
  parked: number;
  problem: string | null;
  startedAt: string;
  finishedAt: string | null;
}

export interface SyncFind {
  wooId: number;
  number: string;
  what: 'new' | 'changed' | 'gone';
  status: string;
}

export interface ParkedOrder {
  wooId: number;
  reason: string;
  attempts: number;
  firstAt: string;
}

type Row = Record<string, unknown>;

/** Takes the lease of a shop, and tells how far it was read before; null while another process reads it. */
export async function leaseSync(
  trx: Trx,
  input: { storeId: string; kind: SyncKind; owner: string; now: string; until: string; readUntil: string },
): Promise<Sync | null> {
  const { now, owner, until } = input;
  const [row] = (await trx('store_syncs')
    .insert({
      store_id: input.storeId,
      kind: input.kind,
      read_until: input.readUntil,
      lease_owner: owner,
      lease_until: until,
    })
    .onConflict(['store_id', 'kind'])
    .merge({ lease_owner: owner, lease_until: until })
    .where(isLeaseOver('store_syncs.lease_until', { now, seconds: limits.renewedLeaseSeconds }))
    .returning('*')) as Row[];
  if (!row) return null;
  return {
    storeId: row.store_id as string,
    kind: row.kind as SyncKind,
    readUntil: row.read_until as string,
    startedAt: row.started_at as string | null,
    finishedAt: row.finished_at as string | null,
    failures: Number(row.failures),
    failingSince: row.failing_since as string | null,
    unannounced: { count: Number(row.unannounced), since: row.unannounced_since as string | null },
  };
}

interface Held {
  storeId: string;
  kind: SyncKind;
  owner: string;
}

const held = ({ storeId, kind, owner }: Held) => ({ store_id: storeId, kind, lease_owner: owner });

/** False: it was lost, and another process may read the shop by now. */
export async function renewSync(db: Db, sync: Held, until: string): Promise<boolean> {
  return (await db('store_syncs').where(held(sync)).update({ lease_until: until })) === 1;
}

/** Ends the lease. False: it was lost, and nothing is written. */
export async function saveSync(trx: Trx, sync: Held, changes: Record<string, unknown>): Promise<boolean> {
  const freed = { lease_owner: null, lease_until: null };
  return (
    (await trx('store_syncs')
      .where(held(sync))
      .update({ ...changes, ...freed })) === 1
  );
}

export async function noteStart(trx: Trx, sync: Held, at: string): Promise<void> {
  await trx('store_syncs').where(held(sync)).update({ started_at: at });
}

export async function noteWebhooks(db: Db, storeId: string, topics: string[], at: string): Promise<void> {
  await db('store_syncs')
    .where({ store_id: storeId, kind: 'orders' })
    .update({ webhooks_made: topics.join(', '), webhooks_made_at: at });
}

export async function insertRun(trx: Trx, run: SyncRun): Promise<void> {
  await trx('sync_runs').insert({
    id: run.id,
    store_id: run.storeId,
    kind: run.kind,
    asked_by: run.askedBy,
    since: run.since,
    state: run.state,
    seen: run.seen,
    found: run.found,
    parked: run.parked,
    problem: run.problem,
    started_at: run.startedAt,
    finished_at: run.finishedAt,
  });
}

/** Runs whose process died: whoever has the lease knows that nobody is at them. */
export async function stopDeadRuns(
  trx: Trx,
  { storeId, kind, at }: { storeId: string; kind: SyncKind; at: string },
): Promise<void> {
  await trx('sync_runs')
    .where({ store_id: storeId, kind, state: 'running' })
    .update({ state: 'stopped', finished_at: at });
}

export async function saveRun(db: Db, run: SyncRun): Promise<void> {
  await db('sync_runs').where({ id: run.id }).update({
    state: run.state,
    seen: run.seen,
    found: run.found,
    parked: run.parked,
    problem: run.problem,
    finished_at: run.finishedAt,
  });
}

export async function insertFind(db: Db, runId: string, find: SyncFind, at: string): Promise<boolean> {
  const made = (await db('sync_finds')
    .insert({
      run_id: runId,
      woo_id: find.wooId,
      number: find.number,
      what: find.what,
      status: find.status,
      found_at: at,
    })
    .onConflict(['run_id', 'woo_id'])
    .merge({ status: find.status })
    .returning('found_at')) as { found_at: string }[];
  return made[0]?.found_at === at;
}

export async function findsOf(db: Db, runId: string, limit: number): Promise<SyncFind[]> {
  const rows = (await db('sync_finds').where({ run_id: runId }).orderBy('woo_id').limit(limit)) as Row[];
  return rows.map((row) => ({
    wooId: Number(row.woo_id),
    number: row.number as string,
    what: row.what as SyncFind['what'],
    status: row.status as string,
  }));
}

function runFromRow(row: Row): SyncRun {
  return {
    id: row.id as string,
    storeId: row.store_id as string,
    kind: row.kind as SyncKind,
    askedBy: row.asked_by as string,
    since: row.since as string,
    state: row.state as SyncRun['state'],
    seen: Number(row.seen),
    found: Number(row.found),
    parked: Number(row.parked),
    problem: row.problem as string | null,
    startedAt: row.started_at as string,
    finishedAt: row.finished_at as string | null,
  };
}

export async function findRun(db: Db, id: string): Promise<SyncRun | null> {
  const row = (await db('sync_runs').where({ id }).first()) as Row | undefined;
  return row ? runFromRow(row) : null;
}

/** Newest first. `before`: the id of the last one on the page before. */
export async function listRuns(
  db: Db,
  input: { storeId: string; before?: string | null; limit: number },
): Promise<SyncRun[]> {
  const query = db('sync_runs').where({ store_id: input.storeId }).orderBy('id', 'desc').limit(input.limit);
  if (input.before) query.where('id', '<', input.before);
  return ((await query) as Row[]).map(runFromRow);
}

/** Runs that began before it, with what they found. */
export async function deleteRuns(trx: Trx, storeId: string, before: string): Promise<void> {
  const old = () => trx('sync_runs').where({ store_id: storeId }).where('started_at', '<', before);
  await trx('sync_finds').whereIn('run_id', old().select('id')).delete();
  await old().delete();
}

/** Keeps an order for another attempt; says how many there were. */
export async function insertParked(
  db: Db,
  input: { storeId: string; wooId: number; reason: string; at: string; nextAttemptAt: string },
): Promise<void> {
  await db('parked_orders')
    .insert({
      store_id: input.storeId,
      woo_id: input.wooId,
      reason: input.reason,
      attempts: 1,
      first_at: input.at,
      last_at: input.at,
      next_attempt_at: input.nextAttemptAt,
    })
    .onConflict(['store_id', 'woo_id'])
    .merge({
      reason: input.reason,
      attempts: db.raw('parked_orders.attempts + 1'),
      last_at: input.at,
      next_attempt_at: input.nextAttemptAt,
    });
}

export async function deleteParked(db: Db, storeId: string, wooId: number): Promise<void> {
  await db('parked_orders').where({ store_id: storeId, woo_id: wooId }).delete();
}

/** Longest parked first. `due`: only those whose pause is over by then. */
export async function parkedOrders(
  db: Db,
  input: { storeId: string; due?: string; limit: number },
): Promise<ParkedOrder[]> {
  const query = db('parked_orders').where({ store_id: input.storeId }).orderBy('first_at').limit(input.limit);
  if (input.due !== undefined) query.where('next_attempt_at', '<=', input.due);
  return ((await query) as Row[]).map((row) => ({
    wooId: Number(row.woo_id),
    reason: row.reason as string,
    attempts: Number(row.attempts),
    firstAt: row.first_at as string,
  }));
}
