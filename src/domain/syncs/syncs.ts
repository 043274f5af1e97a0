import { addSeconds, iso } from '../../platform/clock';
import type { Db, Trx } from '../../platform/db';
import { backoffSeconds, limits } from '../../platform/limits';
import type { Moment } from '../../platform/moment';
import {
  bareGmt,
  pauseAfterFailure,
  type SyncKind,
  sweepFrom,
  type Unannounced,
  unannouncedAfter,
  walkFrom,
} from './rules';
import {
  deleteRuns,
  insertParked,
  insertRun,
  leaseSync,
  noteStart,
  type Sync,
  type SyncRun,
  saveRun,
  saveSync,
  stopDeadRuns,
} from './store';

/** A walk that this process has begun. */
export interface Walk {
  owner: string;
  before: Sync;
  run: SyncRun;
}

export function leaseUntil(now: Date): string {
  return iso(addSeconds(now, limits.renewedLeaseSeconds));
}

/**
 * Begin to read a shop, unless another process is at it.
 * Shape:   { storeId, kind, since? (earlier than where the last walk ended) } → Walk, or null
 * Writes:  store_syncs (lease), sync_runs
 */
export async function beginWalk(
  trx: Trx,
  moment: Moment,
  input: { storeId: string; kind: SyncKind; since?: string | null },
): Promise<Walk | null> {
  const { storeId, kind } = input;
  const owner = moment.ids.next();
  const now = new Date(moment.at);
  // The first one of a shop begins now: older orders come by the import, or by `since`.
  const lease = {
    storeId,
    kind,
    owner,
    now: moment.at,
    until: leaseUntil(now),
    readUntil: bareGmt(moment.at),
  };
  const before = await leaseSync(trx, lease);
  if (!before) return null;
  await stopDeadRuns(trx, { storeId, kind, at: moment.at });
  await noteStart(trx, { storeId, kind, owner }, moment.at);
  const run: SyncRun = {
    id: moment.ids.next(),
    storeId,
    kind,
    askedBy: moment.actor.name,
    since: kind === 'sweep' ? sweepFrom(now) : earlier(walkFrom(before.readUntil), input.since),
    state: 'running',
    seen: 0,
    found: 0,
    parked: 0,
    problem: null,
    startedAt: moment.at,
    finishedAt: null,
  };
  await insertRun(trx, run);
  return { owner, before, run };
}

/** A walk that began later than the cursor would leave out what lies between, and move the cursor over it. */
function earlier(usual: string, asked: string | null | undefined): string {
  return asked && asked < usual ? asked : usual;
}

/**
 * The walk is complete: the cursor moves.
 * Shape:   readUntil: the newest change that it saw; unannounced: how many changes no webhook had told
 * Writes:  store_syncs, sync_runs; false, and nothing, when the lease was lost meanwhile
 */
export async function completeWalk(
  trx: Trx,
  walk: Walk,
  end: { at: string; readUntil: string; unannounced: number; lastDeliveryAt: string | null },
): Promise<boolean> {
  const { before, run, owner } = walk;
  const { storeId, kind } = run;
  const unannounced: Unannounced = unannouncedAfter(before.unannounced, {
    count: end.unannounced,
    startedAt: run.startedAt,
    lastDeliveryAt: end.lastDeliveryAt,
  });
  const isOurs = await saveSync(
    trx,
    { storeId, kind, owner },
    {
      read_until: end.readUntil,
      finished_at: end.at,
      failures: 0,
      failing_since: null,
      problem: null,
      next_attempt_at: null,
      unannounced: unannounced.count,
      unannounced_since: unannounced.since,
    },
  );
  await saveRun(trx, { ...run, state: isOurs ? 'done' : 'stopped', finishedAt: end.at });
  if (isOurs) {
    const old = iso(addSeconds(new Date(end.at), -limits.syncRunsKeptDays * 86_400));
    await deleteRuns(trx, storeId, old);
  }
  return isOurs;
}

/** The shop could not be read to the end: the cursor stays, and the next walk begins where this one did. */
export async function failWalk(trx: Trx, walk: Walk, end: { at: string; problem: string }): Promise<void> {
  const { before, run, owner } = walk;
  const failures = before.failures + 1;
  await saveSync(
    trx,
    { storeId: run.storeId, kind: run.kind, owner },
    {
      failures,
      failing_since: before.failingSince ?? end.at,
      problem: end.problem,
      next_attempt_at: iso(addSeconds(new Date(end.at), pauseAfterFailure(failures))),
    },
  );
  await saveRun(trx, { ...run, state: 'failed', problem: end.problem, finishedAt: end.at });
}

/** This process ends before the walk did; another one begins it again, at once if it likes. */
export async function stopWalk(trx: Trx, walk: Walk, at: string): Promise<void> {
  const { run, owner } = walk;
  await saveSync(trx, { storeId: run.storeId, kind: run.kind, owner }, { started_at: walk.before.startedAt });
  await saveRun(trx, { ...run, state: 'stopped', finishedAt: at });
}

/** An order could not be applied: it is shown, tried again by later walks, and holds up no other. */
export async function park(
  db: Db,
  input: { storeId: string; wooId: number; reason: string; at: string; attempts: number; chance: number },
): Promise<void> {
  const pause = Math.max(limits.syncAgainSeconds, backoffSeconds(input.attempts + 1, input.chance));
  await insertParked(db, {
    storeId: input.storeId,
    wooId: input.wooId,
    reason: input.reason.slice(0, limits.reasonChars),
    at: input.at,
    nextAttemptAt: iso(addSeconds(new Date(input.at), pause)),
  });
}
