import { type FuzzReport, mb, percent } from './run';

export function describeReport(report: FuzzReport): string {
  const { memory, faults, deliveries } = report;
  const classes = ['2xx', '3xx', '4xx', '5xx', 'closed', 'late'];
  const rows = [...report.answers].sort(([a], [b]) => (a < b ? -1 : 1));
  const total = new Map<string, number>();
  for (const [, row] of rows) for (const [what, n] of row) total.set(what, (total.get(what) ?? 0) + n);
  const line = (name: string, row: Map<string, number>) =>
    `${name.padEnd(44)}${classes.map((what) => String(row.get(what) ?? '').padStart(8)).join('')}`;
  const growth = (key: 'heapBytes' | 'rssBytes') =>
    `${mb(memory.before[key])} → ${mb(memory.after[key])} (${percent(memory.after[key] / memory.before[key] - 1)})`;
  return [
    '',
    `${'answers by target'.padEnd(44)}${classes.map((what) => what.padStart(8)).join('')}`,
    ...rows.map(([name, row]) => line(name, row)),
    line('all', total),
    '',
    `${report.requests} requests in ${report.seconds.toFixed(0)} s; slowest ${report.slowest.ms.toFixed(0)} ms (${report.slowest.target}); /healthz at most ${report.slowestHealthMs.toFixed(0)} ms`,
    `heap ${growth('heapBytes')}, RSS ${growth('rssBytes')}: after forced collections, after 35 to 45 % of the requests and at the end; the server used ${memory.after.cpuSeconds.toFixed(0)} s of CPU`,
    `deliveries: ${Object.entries(deliveries)
      .map(([status, n]) => `${status} ${n}`)
      .join(', ')}; parked with an ERROR line because the body is no order: ${report.parked}`,
    faults.length === 0 ? 'nothing found' : `FOUND:\n${faults.map((fault) => `- ${fault}`).join('\n')}`,
  ].join('\n');
}
