import { spawnSync } from 'node:child_process';
import { existsSync, globSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const CONSOLE = fileURLToPath(new URL('../../apps/console', import.meta.url));

/** Builds the console when it was not built, or before its last change. */
export function buildConsole(): void {
  const built = join(CONSOLE, 'dist', 'index.html');
  const changedMs = Math.max(...globSync('src/**/*.{ts,tsx,css}', { cwd: CONSOLE }).map((file) => statSync(join(CONSOLE, file)).mtimeMs));
  if (existsSync(built) && statSync(built).mtimeMs > changedMs) return;
  const vite = join(dirname(createRequire(join(CONSOLE, 'package.json')).resolve('vite/package.json')), 'bin', 'vite.js');
  const { status, stderr } = spawnSync(process.execPath, [vite, 'build', '--logLevel', 'warn'], { cwd: CONSOLE, encoding: 'utf8' });
  if (status !== 0) throw new Error(`the console could not be built:\n${stderr}`);
}
