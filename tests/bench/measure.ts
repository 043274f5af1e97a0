/** What one round of operations took. */
export interface Sample {
  seconds: number;
  latenciesMs: number[];
}

/** One of the two things that are compared. */
export interface Side {
  /** Does `amount` operations, `clients` at a time. Throws when one of them answered anything but success. */
  run(amount: number, clients: number): Promise<Sample>;
}

export interface Plan {
  rounds: number;
  /** Where a cell has taken longer than this it is left after `roundsLeast`, so that a slow machine also comes to an end. */
  cellSeconds: number;
  roundsLeast: number;
  /** What a round should take; how many operations that is, is found out while warming up. */
  roundSeconds: number;
  warmUpSeconds: number;
  /** Before the first cell of a row: the code is still being compiled. */
  firstWarmUpSeconds: number;
  /** Operations in a round at most: what is written stays small enough not to be measured itself. */
  roundOperationsMax: number;
}

export interface Figures {
  opsPerSecond: number;
  p50Ms: number;
  p99Ms: number;
}

export interface Cell {
  clients: number;
  /** Medians of the rounds. */
  measured: Figures;
  floor: Figures | null;
  /** Measured ops/s divided by those of the floor round right after it: the median, and the least and the most. */
  ratio: { median: number; least: number; most: number } | null;
  rounds: { measured: Figures; floor: Figures | null }[];
}

/**
 * Alternates rounds of both sides, A B A B …: each ratio is of two rounds that lie beside each other, so that a machine
 * that grows slower or busier meanwhile moves both.
 */
export async function compare(
  measured: Side,
  floor: Side | null,
  clients: number,
  plan: Plan,
): Promise<Cell> {
  const start = performance.now();
  const isLate = () => performance.now() - start > plan.cellSeconds * 1000;
  const measuredAmount = await warmUp(measured, clients, plan);
  const floorAmount = floor && (await warmUp(floor, clients, plan));
  const rounds: Cell['rounds'] = [];
  while (rounds.length < plan.roundsLeast || (rounds.length < plan.rounds && !isLate())) {
    rounds.push({
      measured: figuresOf(await measured.run(measuredAmount, clients)),
      floor: floor && floorAmount ? figuresOf(await floor.run(floorAmount, clients)) : null,
    });
  }
  const ratios = rounds.flatMap((round) =>
    round.floor ? [round.measured.opsPerSecond / round.floor.opsPerSecond] : [],
  );
  return {
    clients,
    measured: mediansOf(rounds.map((round) => round.measured)),
    floor: floor && mediansOf(rounds.flatMap((round) => round.floor ?? [])),
    ratio:
      ratios.length === 0
        ? null
        : { median: median(ratios), least: Math.min(...ratios), most: Math.max(...ratios) },
    rounds,
  };
}

/** Also says how many operations make a round. */
export async function warmUp(
  side: Side,
  clients: number,
  plan: Pick<Plan, 'warmUpSeconds' | 'roundSeconds' | 'roundOperationsMax'>,
): Promise<number> {
  const bounded = (count: number) =>
    Math.max(2 * clients, 20, Math.min(plan.roundOperationsMax, Math.round(count)));
  let amount = bounded(0);
  for (const seconds of [plan.warmUpSeconds / 4, plan.warmUpSeconds, plan.roundSeconds]) {
    const sample = await side.run(amount, clients);
    amount = bounded((sample.latenciesMs.length / sample.seconds) * seconds);
  }
  return amount;
}

/** `clients` loops that take the next of `amount` operations. */
export async function runOperations(
  operation: (index: number) => Promise<void>,
  amount: number,
  clients: number,
): Promise<Sample> {
  const latenciesMs: number[] = [];
  let next = 0;
  const client = async () => {
    while (next < amount) {
      const index = next++;
      const start = performance.now();
      await operation(index);
      latenciesMs.push(performance.now() - start);
    }
  };
  const start = performance.now();
  await Promise.all(Array.from({ length: clients }, client));
  return { seconds: (performance.now() - start) / 1000, latenciesMs };
}

function figuresOf({ seconds, latenciesMs }: Sample): Figures {
  const sorted = latenciesMs.toSorted((a, b) => a - b);
  return {
    opsPerSecond: sorted.length / seconds,
    p50Ms: percentile(sorted, 0.5),
    p99Ms: percentile(sorted, 0.99),
  };
}

function mediansOf(rounds: Figures[]): Figures {
  return {
    opsPerSecond: median(rounds.map((round) => round.opsPerSecond)),
    p50Ms: median(rounds.map((round) => round.p50Ms)),
    p99Ms: median(rounds.map((round) => round.p99Ms)),
  };
}

export function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] as number) + (sorted[Math.floor(middle)] as number)) / 2;
}

/** Nearest rank. */
export function percentile(sorted: number[], part: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * part) - 1)] as number;
}
