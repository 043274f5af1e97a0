import { addSeconds, iso } from '../../platform/clock';
import type { Db, Trx } from '../../platform/db';
import type { Moment } from '../../platform/moment';
import { Refusal } from '../../platform/refusal';
import { pauseAfterFailure } from './rules';
import { type Import, insertImport, moveImport, saveImport } from './store';

/**
 * Begin to take orders of the past into a package; they are looked at in the background.
 * Errors:  import-running
 * Writes:  imports
 */
export async function createImport(
  trx: Trx,
  moment: Moment,
  input: Pick<Import, 'storeId' | 'packageId' | 'packageVersionId' | 'since' | 'greets' | 'total'>,
): Promise<Import> {
  const made: Import = {
    ...input,
    id: moment.ids.next(),
    state: 'running',
    seen: 0,
    failed: 0,
    readUntil: null,
    failures: 0,
    problem: null,
    startedBy: moment.actor.name,
    createdAt: moment.at,
    finishedAt: null,
  };
  if (!(await insertImport(trx, made))) {
    throw new Refusal('import-running', 'Orders are being imported into this package already.');
  }
  return made;
}

/** What was taken in stays; the rest is not looked at. False: it is not running any more. */
export function cancelImport(trx: Trx, moment: Moment, id: string): Promise<boolean> {
  return moveImport(trx, id, ['running'], { state: 'cancelled', finished_at: moment.at, lease_owner: null });
}

/** One that failed or was cancelled goes on where it stopped. False: it is running, or done. */
export function resumeImport(trx: Trx, id: string): Promise<boolean> {
  return moveImport(trx, id, ['failed', 'cancelled'], {
    state: 'running',
    finished_at: null,
    problem: null,
    failures: 0,
    next_attempt_at: null,
    lease_owner: null,
    lease_until: null,
  });
}

/** How far it is. False: it was cancelled, or another process has it. */
export function noteProgress(db: Db, owner: string, made: Import): Promise<boolean> {
  const { id, seen, failed, readUntil } = made;
  return saveImport(db, { id, owner }, { seen, failed, read_until: readUntil, failures: 0, problem: null });
}

export async function endImport(db: Db, owner: string, made: Import, at: string): Promise<void> {
  await saveImport(
    db,
    { id: made.id, owner },
    { state: 'done', finished_at: at, lease_owner: null, lease_until: null },
  );
}

/** The shop does not answer: it goes on later by itself, or waits for a person where it cannot. */
export async function failImport(
  db: Db,
  owner: string,
  made: Import,
  end: { at: string; problem: string; passes: boolean },
): Promise<void> {
  const failures = made.failures + 1;
  const later = iso(addSeconds(new Date(end.at), pauseAfterFailure(failures)));
  await saveImport(
    db,
    { id: made.id, owner },
    {
      problem: end.problem,
      failures,
      lease_owner: null,
      lease_until: null,
      ...(end.passes ? { next_attempt_at: later } : { state: 'failed', finished_at: end.at }),
    },
  );
}

/** This process ends before the import does; another one goes on at once. */
export async function letGoOfImport(db: Db, owner: string, id: string): Promise<void> {
  await saveImport(db, { id, owner }, { lease_owner: null, lease_until: null });
}
