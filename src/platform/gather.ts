import { Refusal } from './refusal';

export interface GatherOptions<I, O> {
  /** Does what waits, in one go; for each how it went, in their order. What it throws is how it went for all. */
  run(items: I[]): Promise<PromiseSettledResult<O>[]>;
  /** Of an item, in the unit of the two limits below. */
  weigh?: (item: I) => number;
  itemsMax: number;
  weightMax?: number;
  waitingMax: number;
  waitingWeightMax?: number;
}

interface Waiting<I, O> {
  item: I;
  weight: number;
  resolve(answer: O): void;
  reject(error: unknown): void;
}

/**
 * Calls that come while one is running wait, and are done together by the next one: so they share its round trip, and
 * what it writes one commit. Nobody waits for company: the first call runs at once.
 * An answer is always from a run that began after its call, so a read sees everything that was written before it.
 * Errors: unavailable when too much waits already; else those of `run`
 */
export function gather<I, O>(options: GatherOptions<I, O>): (item: I) => Promise<O> {
  const { run, weigh = () => 0, weightMax = 0, waitingWeightMax = 0 } = options;
  let waiting: Waiting<I, O>[] = [];
  let waitingWeight = 0;
  let isRunning = false;

  /** At least one, whatever it weighs. */
  function takeBatch(): Waiting<I, O>[] {
    let weight = 0;
    let count = 0;
    for (const { weight: one } of waiting.slice(0, options.itemsMax)) {
      weight += one;
      if (count > 0 && weight > weightMax) break;
      count += 1;
    }
    const batch = waiting.slice(0, count);
    waiting = waiting.slice(count);
    for (const { weight: one } of batch) waitingWeight -= one;
    return batch;
  }

  async function work(): Promise<void> {
    isRunning = true;
    while (waiting.length > 0) {
      const batch = takeBatch();
      try {
        const answers = await run(batch.map(({ item }) => item));
        for (const [index, { resolve, reject }] of batch.entries()) {
          const answer = answers[index] as PromiseSettledResult<O>;
          if (answer.status === 'fulfilled') resolve(answer.value);
          else reject(answer.reason);
        }
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    isRunning = false;
  }

  return (item) =>
    new Promise((resolve, reject) => {
      const weight = weigh(item);
      const isFull =
        waiting.length >= options.waitingMax ||
        (waiting.length > 0 && waitingWeight + weight > waitingWeightMax);
      if (isFull) throw new Refusal('unavailable', 'Too much waits here already.');
      waiting.push({ item, weight, resolve, reject });
      waitingWeight += weight;
      if (!isRunning) void work();
    });
}
