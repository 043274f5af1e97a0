import { addSeconds, iso } from '../../platform/clock';
import type { Db, Trx } from '../../platform/db';
import { isLeaseOver } from '../../platform/lease';
import { limits } from '../../platform/limits';

export interface Import {
  id: string;
  storeId: string;
  packageId: string;
  packageVersionId: string;
  /** Orders created at that time or later. */
  since: string;
  greets: boolean;
  state: 'running' | 'done' | 'cancelled' | 'failed';
  total: number;
  seen: number;
  /** Orders that could not be applied. */
  failed: number;
  /** Creation date of the last order that was looked at, bare GMT; null: it has not begun. */
  readUntil: string | null;
  failures: number;
  problem: string | null;
  startedBy: string;
  createdAt: string;
  finishedAt: string | null;
}

type Row = Record<string, unknown>;

function importFromRow(row: Row): Import {
  return {
    id: row.id as string,
    storeId: row.store_id as string,
    packageId: row.package_id as string,
    packageVersionId: row.package_version_id as string,
    since: row.since as string,
    greets: row.greets === 1,
    state: row.state as Import['state'],
    total: Number(row.total),
    seen: Number(row.seen),
    failed: Number(row.failed),
    readUntil: row.read_until as string | null,
    failures: Number(row.failures),
    problem: row.problem as string | null,
    startedBy: row.started_by as string,
    createdAt: row.created_at as string,
    finishedAt: row.finished_at as string | null,
  };
}

/** False: another import of the package is running. */
export async function insertImport(trx: Trx, made: Import): Promise<boolean> {
  const inserted = (await trx('imports')
    .insert({
      id: made.id,
      store_id: made.storeId,
      package_id: made.packageId,
      package_version_id: made.packageVersionId,
      since: made.since,
      greets: made.greets ? 1 : 0,
      state: made.state,
      total: made.total,
      seen: made.seen,
      failed: made.failed,
      read_until: made.readUntil,
      failures: made.failures,
      problem: made.problem,
      started_by: made.startedBy,
      created_at: made.createdAt,
      finished_at: made.finishedAt,
    })
    .onConflict(trx.raw(`(package_id) WHERE state = 'running'`))
    .ignore()
    .returning('id')) as unknown[];
  return inserted.length === 1;
}

/** The longest waiting one that nobody works at. */
export async function claimImport(db: Db, input: { owner: string; now: Date }): Promise<Import | null> {
  const now = iso(input.now);
  const isFree = isLeaseOver('lease_until', { now, seconds: limits.renewedLeaseSeconds });
  const next = db('imports')
    .where({ state: 'running' })
    .where(isFree)
    .where((q) => void q.whereNull('next_attempt_at').orWhere('next_attempt_at', '<=', now));
  const [row] = (await db('imports')
    .whereIn('id', next.orderBy('id').limit(1).select('id'))
    .where(isFree)
    .update({ lease_owner: input.owner, lease_until: leaseEnd(input.now) })
    .returning('*')) as Row[];
  return row ? importFromRow(row) : null;
}

export function leaseEnd(now: Date): string {
  return iso(addSeconds(now, limits.renewedLeaseSeconds));
}

/** False: it was cancelled, or another process has it. */
export async function saveImport(
  db: Db,
  { id, owner }: { id: string; owner: string },
  changes: Record<string, string | number | null>,
): Promise<boolean> {
  return (await db('imports').where({ id, lease_owner: owner, state: 'running' }).update(changes)) === 1;
}

export async function moveImport(
  trx: Trx,
  id: string,
  from: Import['state'][],
  changes: Record<string, string | number | null>,
): Promise<boolean> {
  return (await trx('imports').where({ id }).whereIn('state', from).update(changes)) === 1;
}

export async function newestImport(db: Db, packageId: string): Promise<Import | null> {
  const row = (await db('imports').where({ package_id: packageId }).orderBy('id', 'desc').first()) as
    | Row
    | undefined;
  return row ? importFromRow(row) : null;
}
