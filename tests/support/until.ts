import { setTimeout as pause } from 'node:timers/promises';

const DEADLINE_MS = 60_000;

/** Asks until the answer is something, and gives it; fails when it takes far longer than it should. */
export async function until<T>(
  what: string,
  ask: () => Promise<T | null | undefined | false> | T | null | undefined | false,
): Promise<T> {
  const deadline = Date.now() + DEADLINE_MS;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (Date.now() > deadline) throw new Error(`it did not come to it: ${what}`);
    await pause(20);
  }
}
