import { randomBytes } from 'node:crypto';
import { constants, createReadStream } from 'node:fs';
import { access, mkdir, open, rename, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';

/** Files by the SHA-256 of their content, outside of everything that is served. */
export interface FileStore {
  /** Comes back when it would survive a power cut. The same content again writes nothing. */
  put(sha256: string, content: Buffer): Promise<void>;
  has(sha256: string): Promise<boolean>;
  /** Errors: ENOENT */
  open(sha256: string): Promise<Readable>;
}

/** Shape: folder (made when the first file comes) → FileStore */
export function makeFileStore(folder: string): FileStore {
  const pathOf = (sha256: string) => {
    if (!/^[0-9a-f]{64}$/.test(sha256)) throw new Error('not a SHA-256');
    return join(folder, sha256.slice(0, 2), sha256);
  };
  return {
    async put(sha256, content) {
      const path = pathOf(sha256);
      if (await exists(path)) return;
      const inside = dirname(path);
      await mkdir(inside, { recursive: true, mode: 0o700 });
      // Under another name until it is whole: a name that is a hash never stands for half a file.
      const draft = `${path}.${randomBytes(6).toString('hex')}`;
      try {
        const file = await open(draft, 'wx', 0o600);
        try {
          await file.writeFile(content);
          await file.sync();
        } finally {
          await file.close();
        }
        await rename(draft, path);
      } catch (error) {
        await unlink(draft).catch(() => undefined);
        throw error;
      }
      // The name, too, has to be on the disk; and that of a new folder.
      for (const directory of [inside, folder]) await syncFolder(directory);
    },
    has: (sha256) => exists(pathOf(sha256)),
    async open(sha256) {
      const path = pathOf(sha256);
      await access(path, constants.R_OK);
      return createReadStream(path);
    },
  };
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
