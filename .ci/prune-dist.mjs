// Removes from dist/ what no source stands behind any more: tsc leaves it, and a renamed migration would run twice.
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';

const root = join(import.meta.dirname, '..');
const dist = join(root, 'dist');

for (const entry of readdirSync(dist, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile() || !entry.name.endsWith('.js')) continue;
  const built = join(entry.parentPath, entry.name);
  const source = join(root, relative(dist, built)).replace(/\.js$/, '');
  if (!['.ts', '.tsx', '.js'].some((ending) => existsSync(source + ending))) rmSync(built);
}
