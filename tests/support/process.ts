import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';

const ROOT = join(__dirname, '..', '..');
const RUN_TYPESCRIPT = require.resolve('./run-typescript.cjs');

/** One of our programs as a process of its own, from its sources. */
export interface Program {
  child: ChildProcess;
  stdout(): string;
  stderr(): string;
  /** Resolves with the match when stdout shows it; rejects when the program ends before. */
  shows(pattern: RegExp): Promise<RegExpExecArray>;
  /** Exit code, or the signal that ended it. */
  ended: Promise<number | NodeJS.Signals | null>;
}

const running = new Set<ChildProcess>();

/** Ends with the test; see endPrograms(). */
export function runProgram(
  file: 'src/main.ts' | 'src/cli.ts' | 'src/demo.ts' | 'tests/torture/provider.ts',
  env: Record<string, string>,
  args: string[] = [],
  {
    /** Where its data folder is made. */
    cwd = ROOT,
    /** Loaded before it. */
    preload = [] as string[],
  } = {},
): Program {
  const before = [RUN_TYPESCRIPT, ...preload].flatMap((path) => ['-r', path]);
  const child = spawn(process.execPath, [...before, join(ROOT, file), ...args], {
    cwd,
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  let stdout = '';
  let stderr = '';
  const watchers = new Set<() => void>();
  child.stdout.on('data', (data: Buffer) => {
    stdout += data.toString();
    for (const watch of watchers) watch();
  });
  child.stderr.on('data', (data: Buffer) => {
    stderr += data.toString();
  });
  // 'close', not 'exit': by then all of its output has arrived.
  const ended = new Promise<number | NodeJS.Signals | null>((resolve) => {
    child.once('close', (code, signal) => {
      running.delete(child);
      resolve(signal ?? code);
    });
  });
  return {
    child,
    stdout: () => stdout,
    stderr: () => stderr,
    ended,
    shows(pattern) {
      return new Promise((resolve, reject) => {
        const watch = () => {
          const match = pattern.exec(stdout);
          if (match) resolve(match);
        };
        watchers.add(watch);
        watch();
        void ended.then((code) =>
          reject(new Error(`ended with ${code} before it showed ${pattern}\n${stdout}\n${stderr}`)),
        );
      });
    },
  };
}

/** For an 'exit' handler. */
export function killPrograms(): void {
  for (const child of running) child.kill('SIGKILL');
}

/** For afterEach: nothing outlives its test, even one that failed. */
export async function endPrograms(): Promise<void> {
  await Promise.all(
    [...running].map((child) => {
      const gone = new Promise((resolve) => child.once('close', resolve));
      child.kill('SIGKILL');
      return gone;
    }),
  );
}
