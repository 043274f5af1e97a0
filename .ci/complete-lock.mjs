// Adds the optional packages of other platforms that package-lock.json lacks.
//
// Native tools (biome, swc, oxc, …) list one optional package per platform. Where the registry does not
// serve all of them, `npm install` leaves the missing ones out of the lock, and `npm ci` then refuses the
// whole lock as "out of sync". An entry with its version, os and cpu is enough: npm skips it on every
// other platform and fetches it on its own. Run by `npm run lock` after a dependency changed.
import { readFileSync, writeFileSync } from 'node:fs';

const path = new URL('../package-lock.json', import.meta.url);
const lock = JSON.parse(readFileSync(path, 'utf8'));
const OS = ['android', 'darwin', 'freebsd', 'linux', 'openharmony', 'win32', 'windows'];
const CPU = ['arm64', 'arm', 'ia32', 'loong64', 'mips64el', 'ppc64', 'riscv64', 's390x', 'wasm32', 'x64'];

let added = 0;
for (const [folder, entry] of Object.entries(lock.packages)) {
  for (const [name, range] of Object.entries(entry.optionalDependencies ?? {})) {
    const nested = `${folder}/node_modules/${name}`;
    const top = `node_modules/${name}`;
    if (lock.packages[nested] || lock.packages[top]) continue;
    const words = name.split('/').pop().split(/[-.]/);
    const os = OS.find((word) => words.includes(word));
    const cpu = CPU.find((word) => words.includes(word));
    if (!os && !cpu) {
      process.stderr.write(`complete-lock: ${name} (optional, of ${folder}) names no platform; left out\n`);
      continue;
    }
    const musl = words.some((word) => word.startsWith('musl'));
    lock.packages[top] = {
      version: range.replace(/^[\^~]/, ''),
      ...(cpu ? { cpu: [cpu] } : {}),
      ...(entry.dev ? { dev: true } : {}),
      ...(os === 'linux' ? { libc: [musl ? 'musl' : 'glibc'] } : {}),
      optional: true,
      ...(os ? { os: [os === 'windows' ? 'win32' : os] } : {}),
    };
    added += 1;
  }
}

const { '': root, ...rest } = lock.packages;
const sorted = Object.entries(rest).sort(([a], [b]) => a.localeCompare(b, 'en'));
lock.packages = { '': root, ...Object.fromEntries(sorted) };
writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
process.stdout.write(`complete-lock: ${added} packages of other platforms added\n`);
