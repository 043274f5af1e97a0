import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PREFIX = 'zeton-test-';
const STARTED_BY = 'started-by';
const MEMORY = '/dev/shm';
const ROOMY_BYTES = 6 * 2 ** 30;

/**
 * In memory where there is plenty (Linux): a commit there costs no disk's time, and survives a killed process all the
 * same. TMPDIR decides otherwise.
 */
const BASE = process.env.TMPDIR === undefined && isRoomy(MEMORY) ? MEMORY : tmpdir();

function isRoomy(folder: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize >= ROOMY_BYTES;
  } catch {
    return false;
  }
}

/** A new folder of this run, that a later run removes should this one be killed. */
export function makeFolder(): string {
  const folder = mkdtempSync(join(BASE, PREFIX));
  writeFileSync(join(folder, STARTED_BY), String(process.pid));
  return folder;
}

export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
}

/** A run that was killed could not clean up after itself: stop and remove what it left. */
export function removeLeftovers(): void {
  for (const name of readdirSync(BASE)) {
    if (!name.startsWith(PREFIX)) continue;
    const folder = join(BASE, name);
    try {
      if (isAlive(Number(readFileSync(join(folder, STARTED_BY), 'utf8')))) continue;
      const pidFile = join(folder, 'data', 'postmaster.pid');
      const pid = existsSync(pidFile) ? Number(readFileSync(pidFile, 'utf8').split('\n')[0]) : 0;
      // The number may have gone to another program since.
      if (pid > 0 && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(folder))
        process.kill(pid, 'SIGQUIT');
    } catch {
      // Not ours, half made, or its server is gone.
      if (!existsSync(join(folder, STARTED_BY))) continue;
    }
    removeFolder(folder);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
