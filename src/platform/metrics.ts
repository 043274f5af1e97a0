import type { RequestHandler } from 'express';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { onAnswered, routeOf } from './log';

/** A registry of its own for each app, so that several can live in one process (tests). */
export interface Metrics {
  /** Counts and times every answer by method, route pattern and status. */
  middleware: RequestHandler;
  counter<L extends string>(name: string, help: string, labels: L[]): Counter<L>;
  /** Read when somebody asks, never kept up to date in between. */
  gauge(name: string, help: string, read: () => Promise<number>): void;
  /** One number for each value of a label. */
  gaugeBy<V extends string>(
    name: string,
    help: string,
    label: { name: string; values: readonly V[] },
    read: (value: V) => Promise<number>,
  ): void;
  /** Memory, processor time, event loop; leaves observers behind, so once for each process. */
  addProcessMetrics(): void;
  text(): Promise<{ contentType: string; body: string }>;
}

export function makeMetrics(): Metrics {
  const registry = new Registry();
  const seconds = new Histogram({
    name: 'zeton_http_request_seconds',
    help: 'HTTP requests: how many, and how long the answer took',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.005, 0.02, 0.1, 0.5, 2, 10],
    registers: [registry],
  });
  return {
    middleware(req, res, next) {
      onAnswered(res, (answer) => {
        const status = answer.status === null ? 'aborted' : String(answer.status);
        seconds.observe({ method: req.method, route: routeOf(req), status }, answer.seconds);
      });
      next();
    },
    counter: (name, help, labels) => new Counter({ name, help, labelNames: labels, registers: [registry] }),
    gauge(name, help, read) {
      const gauge: Gauge = new Gauge({
        name,
        help,
        registers: [registry],
        async collect() {
          // Without the database the numbers of this process are still worth having.
          gauge.set(await read().catch(() => Number.NaN));
        },
      });
    },
    gaugeBy(name, help, label, read) {
      const gauge: Gauge = new Gauge({
        name,
        help,
        labelNames: [label.name],
        registers: [registry],
        async collect() {
          for (const value of label.values) {
            gauge.set({ [label.name]: value }, await read(value).catch(() => Number.NaN));
          }
        },
      });
    },
    addProcessMetrics: () => collectDefaultMetrics({ register: registry }),
    text: async () => ({ contentType: registry.contentType, body: await registry.metrics() }),
  };
}
