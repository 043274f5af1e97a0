import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

interface CpuProfile {
  nodes: { id: number; callFrame: { functionName: string; url: string; lineNumber: number } }[];
  samples: number[];
  timeDeltas: number[];
}

const SHOWN = 16;
/** The process waited, for the database or for the next request. */
const IDLE = '(idle)';

/** Where the processes of one bench spent their time, from what they left in `folder`: the dearest parts first. */
export function topCosts(folder: string): string {
  const files = readdirSync(folder).filter((file) => file.endsWith('.cpuprofile'));
  return files.map((file) => `${file}\n${costsOf(join(folder, file))}`).join('\n');
}

function costsOf(path: string): string {
  const profile = JSON.parse(readFileSync(path, 'utf8')) as CpuProfile;
  const placeOf = new Map(profile.nodes.map(({ id, callFrame }) => [id, place(callFrame)]));
  const microseconds = new Map<string, number>();
  for (const [index, node] of profile.samples.entries()) {
    const where = placeOf.get(node) ?? '?';
    microseconds.set(where, (microseconds.get(where) ?? 0) + (profile.timeDeltas[index] ?? 0));
  }
  const all = [...microseconds.values()].reduce((sum, value) => sum + value, 0);
  const idle = microseconds.get(IDLE) ?? 0;
  microseconds.delete(IDLE);
  const percent = (part: number) => `${((100 * part) / (all - idle)).toFixed(1).padStart(5)} %`;
  const lines = [...microseconds]
    .toSorted((a, b) => b[1] - a[1])
    .slice(0, SHOWN)
    .map(([where, value]) => `  ${percent(value)}  ${where}`);
  return `  busy ${((all - idle) / 1e6).toFixed(1)} s of ${(all / 1e6).toFixed(1)} s; of the busy time:\n${lines.join('\n')}\n`;
}

/** A package, a room of our own, a module of node, or what V8 says of itself. */
function place({ url, functionName }: CpuProfile['nodes'][0]['callFrame']): string {
  const pkg = /node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*node_modules\/)/.exec(url)?.[1];
  if (pkg) return pkg;
  if (url.startsWith('node:'))
    return url.replace(/^node:internal\/(\w+).*/, 'node $1').replace(/^node:/, 'node ');
  const own = /\/((?:src|webhooks|tests)\/.*)$/.exec(url)?.[1];
  return own ?? (functionName || '(native)');
}
