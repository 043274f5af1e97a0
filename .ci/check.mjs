// `npm run check`: every step in turn, stopping at the first that fails. `npm run check -- types biome` runs only those.
import { spawnSync } from 'node:child_process';

const STEPS = {
  types: 'check:types',
  biome: 'check:biome',
  eslint: 'check:eslint',
  escaping: 'check:escaping',
  imports: 'check:imports',
  unused: 'check:unused',
  schema: 'check:schema',
  // Last: its closing line `N passed, N failed` must end the output.
  tests: 'test',
};

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !(name in STEPS));
if (unknown.length > 0) {
  process.stderr.write(
    `check: no step "${unknown.join(', ')}"; there are ${Object.keys(STEPS).join(', ')}\n`,
  );
  process.exit(2);
}

for (const [name, script] of Object.entries(STEPS)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  process.stdout.write(`\n== ${name} ==\n`);
  const { status } = spawnSync('npm', ['run', '--silent', script], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: process.stdout.isTTY ? process.env : { ...process.env, NO_COLOR: '1', FORCE_COLOR: undefined },
  });
  if (status !== 0) {
    process.stderr.write(`\ncheck: "${name}" failed (npm run ${script})\n`);
    process.exit(status ?? 1);
  }
}
