// Makes dist/ whole after tsc: files that pages load are copied, and what no source stands behind any more is removed
// (tsc leaves it, and a renamed migration would run twice).
import { cpSync, existsSync, readdirSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';

const root = join(import.meta.dirname, '..');
const dist = join(root, 'dist');

cpSync(join(root, 'src', 'ui', 'assets'), join(dist, 'src', 'ui', 'assets'), { recursive: true });

for (const entry of readdirSync(dist, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile() || !entry.name.endsWith('.js')) continue;
  const built = join(entry.parentPath, entry.name);
  const source = join(root, relative(dist, built)).replace(/\.js$/, '');
  if (!['.ts', '.tsx', '.js'].some((ending) => existsSync(source + ending))) rmSync(built);
}
