import autocannon from 'autocannon';
import type { Sample } from './measure';

export interface Target {
  url: string;
  method: 'GET' | 'POST';
  headers: Record<string, string>;
  body?: string;
  /** Asked in turn by each client. */
  paths: string[];
}

const TIMEOUT_SECONDS = 30;
/** autocannon looks only this often whether it is done. */
const LOOK_EVERY_MS = 5;

/** `amount` requests from this process, over `clients` connections that are kept alive. Throws unless all were 2xx. */
export async function load(target: Target, amount: number, clients: number): Promise<Sample> {
  const latenciesMs: number[] = [];
  const statuses = new Map<number, number>();
  let start = Number.POSITIVE_INFINITY;
  let end = 0;
  const result = await new Promise<autocannon.Result>((resolve, reject) => {
    const options: autocannon.Options & { sampleInt: number } = {
      url: target.url,
      method: target.method,
      headers: target.headers,
      ...(target.body === undefined ? {} : { body: target.body }),
      requests: target.paths.map((path) => ({ path })),
      amount,
      connections: clients,
      timeout: TIMEOUT_SECONDS,
      sampleInt: LOOK_EVERY_MS,
    };
    const run = autocannon(options, (error: unknown, done) =>
      error ? reject(error as Error) : resolve(done),
    );
    run.on('response', (_client, status, _bytes, ms) => {
      end = performance.now();
      start = Math.min(start, end - ms);
      latenciesMs.push(ms);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    });
  });
  const wrong = [...statuses].filter(([status]) => status < 200 || status > 299);
  if (wrong.length > 0 || result.errors > 0 || latenciesMs.length !== amount) {
    const told = wrong.map(([status, count]) => `${count} × ${status}`).join(', ') || 'none';
    throw new Error(
      `${target.method} ${target.url}${target.paths[0]}: ${latenciesMs.length} of ${amount} answered, ` +
        `not 2xx: ${told}, ${result.errors} errors, ${result.timeouts} time-outs`,
    );
  }
  return { seconds: (end - start) / 1000, latenciesMs };
}
